"""Whether any answer at all can break its reader: a search guided by coverage.

Run as `python -m re2llm.evals.fuzz_reader --runs 1000000`, with the extra `fuzz` installed. Texts
are changed over and over, and those that reach code which none reached before are kept and changed
further. What is read must be a permutation of the candidates; a text that ends otherwise is written
to the folder, and ends the run with an error.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["re2llm.llm"]):
    from re2llm.evals.bench_reader import PIECES
    from re2llm.llm.labels import labels
    from re2llm.llm.reader import complete, read_answer

_PART = b"\x1f"
"""Parts an input: the answer, then the candidates' titles."""
_TITLES = ("Halo 3 - Xbox 360", "F1 2013", "Matrix, The (1999)", "Casino", "Cape Fear", "Amélie")
_MOST = 40
"""Candidates at most."""
_WORD = 60
"""Bytes of a word at most."""


def check(data: bytes) -> None:
    """Read one input.

    Raises:
        AssertionError: the order is not a permutation, or the counts contradict it.
    """
    text, *titles = (part.decode("utf-8", "surrogateescape") for part in data.split(_PART))
    titles = titles[:_MOST]
    ids = [str(place) for place in range(len(titles))]
    reading = read_answer(text, titles, titles[:1])
    order, repairs = complete(reading, ids)
    if sorted(order) != sorted(ids):
        raise AssertionError(f"{text!r} of {titles!r} became {order!r}")
    if repairs.missing != len(ids) - len(reading.places):
        raise AssertionError(f"{text!r} of {titles!r}: {repairs!r} for {reading!r}")


def first_inputs() -> list[bytes]:
    """Return whole answers in every form that is read."""
    names = labels(len(_TITLES))
    answers = (
        json.dumps({"ranking": " ".join(names)}),
        json.dumps({"ranking": list(names[::-1])})[:-9],
        json.dumps({"ranking": list(_TITLES)}),
        json.dumps({"ranking": "A3 A1", "reasons": [{"label": "A3", "why": "fits"}]}),
        "<think>A1 > A2</think>The order is: " + " > ".join(f"[{name}]" for name in names),
        "\n".join(f"{place}. **{title}**" for place, title in enumerate(_TITLES, 1)),
        "Top 4: Cape Fear, Casino, The Matrix (1999), Amelie",
    )
    titles = _PART.join(title.encode() for title in _TITLES)
    return [answer.encode() + _PART + titles for answer in answers]


def dictionary() -> list[str]:
    """Return pieces of answers as libFuzzer reads them: bytes in quotes, a few dozen at most."""
    words = dict.fromkeys([*PIECES, *labels(20), *_TITLES, _PART.decode()])
    encoded = [word.encode("utf-8", "surrogatepass") for word in words]
    lines = ("".join(f"\\x{byte:02x}" for byte in word) for word in encoded if len(word) <= _WORD)
    return [f'"{line}"' for line in lines]


def main(arguments: list[str] | None = None) -> None:
    """Search; the counts go to standard error, as libFuzzer writes them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--longest", type=int, default=400, help="bytes of an input")
    parser.add_argument("--folder", type=Path, default=Path("runs/fuzz-reader"))
    given = parser.parse_args(arguments)
    given.folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary:
        corpus = Path(temporary, "corpus")
        corpus.mkdir()
        for number, data in enumerate(first_inputs()):
            (corpus / f"{number}").write_bytes(data)
        table = Path(temporary, "words")
        table.write_text("\n".join(dictionary()), "ascii")
        options = {
            "runs": given.runs,
            "seed": given.seed,
            "max_len": given.longest,
            "dict": table,
            "artifact_prefix": f"{given.folder}/",
            "timeout": 3600,
        }
        told = [f"-{name}={value}" for name, value in options.items()]
        atheris.Setup([sys.argv[0], *told, str(corpus)], check)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
