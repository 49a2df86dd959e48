"""`python -m re2llm.service.document`: the OpenAPI document, for what is generated from it."""

import json
import sys

from re2llm.service.api import create_api


def document() -> str:
    """Return the OpenAPI document of every route as JSON text."""
    return json.dumps(create_api(None).openapi(), indent=1) + "\n"


if __name__ == "__main__":
    sys.stdout.write(document())
