# The service, every dependency pinned by version and by hash (make deploy/requirements.txt).
# Base images are pinned by version; pin them by digest in your own registry.
FROM python:3.11.14-slim-bookworm AS build
# Where PyTorch keeps its builds for processors alone: they save the image gigabytes.
ARG TORCH_INDEX
WORKDIR /build
COPY deploy/requirements.txt deploy/requirements-build.txt ./
RUN python -m venv /venv \
 && /venv/bin/pip install --no-cache-dir --require-hashes --no-deps \
      --extra-index-url "${TORCH_INDEX:?give the address of PyTorch's CPU builds}" -r requirements.txt \
 && pip install --no-cache-dir --require-hashes -r requirements-build.txt
COPY . .
RUN pip wheel --no-deps --no-build-isolation --wheel-dir /wheels . \
 && /venv/bin/pip install --no-cache-dir --no-deps --no-index /wheels/re2llm-*.whl

FROM python:3.11.14-slim-bookworm
RUN useradd --create-home --uid 10001 shop && mkdir /shop && chown shop /shop
COPY --from=build /venv /venv
USER shop
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 RE2LLM_WORKSPACE=/shop
VOLUME /shop
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s \
  CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8000/readyz', timeout=4)"]
# SIGTERM drains; give it longer than RE2LLM_DRAIN.
STOPSIGNAL SIGTERM
CMD ["re2llm", "serve", "--host", "0.0.0.0", "--port", "8000"]
