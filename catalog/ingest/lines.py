"""How text files are read: in blocks of lines, packed or not, each line with its number."""

import csv
import gzip
import json
import zlib
from collections.abc import Iterable, Iterator
from io import BufferedReader
from itertools import chain
from pathlib import Path

import polars as pl

from re2llm.catalog.ingest.nested import nested
from re2llm.catalog.ingest.report import Tally
from re2llm.errors import UserError

_FIRST = 1 << 12
_LONGEST = 1 << 26
_BATCH = 100_000
_BOM = b"\xef\xbb\xbf"
_GZIP = b"\x1f\x8b"
_JSON_CAUSES = ("the file is not JSON lines (one object per line)", "it is cut off or damaged")

Fields = tuple[int, list[str]]
Block = tuple[int, list[str]]


def read_blocks(
    path: Path, tally: Tally, fallback: str | None = None, *, block_size: int = 1 << 24
) -> Iterator[Block]:
    """Yield (number of the first line, lines); a line that is no UTF-8 is bad, and is left empty.

    Args:
        path: a text file, or one packed with gzip.
        tally: told of bad lines and of progress.
        fallback: the encoding of lines that are no UTF-8, where the format is known to have such.
        block_size: bytes that are read at a time.

    Raises:
        UserError: the file cannot be read, is cut off, or is no text in UTF-8.
    """
    number, carry = 1, b""
    try:
        with path.open("rb") as raw:
            packed = raw.read(2) == _GZIP
            raw.seek(0)
            stream: gzip.GzipFile | BufferedReader = gzip.GzipFile(fileobj=raw) if packed else raw
            place = 0
            while block := stream.read(block_size):
                if number == 1 and not carry:
                    block = _text_start(block, path)
                whole, newline, rest = block.rpartition(b"\n")
                if not newline:
                    whole, rest = b"", block
                else:
                    lines = _decoded(carry + whole, number, path, tally, fallback)
                    yield number, lines
                    number, carry = number + len(lines), b""
                carry += rest
                if len(carry) > _LONGEST:
                    raise UserError(
                        f"line {number} of {str(path)!r} is longer than {_LONGEST} bytes; "
                        "is this a text file of lines?"
                    )
                tally.read_bytes(raw.tell() - place)
                place = raw.tell()
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise UserError(
            f"the packed file {str(path)!r} is cut off or damaged ({error}); download it again"
        ) from error
    except OSError as error:
        raise UserError(f"cannot read {str(path)!r}: {error.strerror or error}") from error
    if carry:
        yield number, _decoded(carry, number, path, tally, fallback)


def first_line(path: Path) -> str:
    """Return the first line of a text file, packed or not, in whatever encoding it is.

    Raises:
        UserError: the file cannot be read, or is cut off before its first line ends.
    """
    for _, lines in read_blocks(path, Tally(0), "latin-1", block_size=_FIRST):
        return lines[0]
    return ""


def read_json(path: Path, tally: Tally) -> Iterator[tuple[int, dict[str, object]]]:
    """Yield (line, object) of a file of JSON lines; lines that are no object are bad rows.

    Raises:
        UserError: the file cannot be read, or most of it is no JSON.
    """
    for first, lines in read_blocks(path, tally):
        for number, line in enumerate(lines, start=first):
            if not line or line.isspace():
                continue
            tally.rows(path, 1)
            try:
                record = json.loads(line)
            except (ValueError, RecursionError) as error:
                tally.bad(path, number, f"is no JSON ({error})")
                continue
            if isinstance(record, dict):
                yield number, record
            else:
                tally.bad(path, number, f"is no JSON object but {line[:40]!r}")
    tally.finish(path, _JSON_CAUSES)


def read_fields(
    path: Path, tally: Tally, separator: str, fallback: str | None = None, *, quoted: bool
) -> Iterator[pl.DataFrame]:
    """Yield frames of `line` (number) and `fields` (list of texts); empty lines are skipped."""
    blocks = read_blocks(path, tally, fallback)
    for first, lines in blocks:
        if quoted and any('"' in line for line in lines):
            # A quoted field may go on in the next block, so the rest is read as one.
            yield from _quoted(chain([(first, lines)], blocks), first, path, tally, separator)
            return
        numbers = pl.int_range(first, first + len(lines), dtype=pl.UInt32, eager=True)
        frame = pl.DataFrame({"line": numbers, "text": pl.Series(lines, dtype=pl.String)})
        yield frame.filter(pl.col("text").str.strip_chars() != "").select(
            "line", fields=pl.col("text").str.split(separator)
        )


def _quoted(
    blocks: Iterable[Block], first: int, path: Path, tally: Tally, separator: str
) -> Iterator[pl.DataFrame]:
    reader = csv.reader((f"{line}\n" for _, lines in blocks for line in lines), delimiter=separator)
    batch: list[Fields] = []
    while True:
        line = first + reader.line_num
        try:
            fields = next(reader)
        except StopIteration:
            break
        except csv.Error as error:
            tally.rows(path, 1)
            tally.bad(path, line, f"is no row of a CSV file ({error}); is a quote left open?")
            continue
        if len(fields) > 1 or "".join(fields).strip():
            batch.append((line, fields))
        if len(batch) >= _BATCH:
            yield _frame(batch)
            batch = []
    if batch:
        yield _frame(batch)


def _frame(batch: list[Fields]) -> pl.DataFrame:
    numbers = pl.Series([line for line, _ in batch], dtype=pl.UInt32)
    fields = nested([fields for _, fields in batch], pl.String())
    return pl.DataFrame({"line": numbers, "fields": fields})


def _text_start(block: bytes, path: Path) -> bytes:
    if b"\0" in block[:4096]:
        raise UserError(
            f"{str(path)!r} is no text in UTF-8 (it holds zero bytes); save it as UTF-8, or unpack "
            "it if it is an archive"
        )
    return block.removeprefix(_BOM)


def _decoded(block: bytes, first: int, path: Path, tally: Tally, fallback: str | None) -> list[str]:
    try:
        text = block.decode("utf-8")
    except UnicodeDecodeError:
        return [
            _line(line.removesuffix(b"\r"), number, path, tally, fallback)
            for number, line in enumerate(block.split(b"\n"), start=first)
        ]
    return text.replace("\r\n", "\n").removesuffix("\r").split("\n")


def _line(line: bytes, number: int, path: Path, tally: Tally, fallback: str | None) -> str:
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError as error:
        if fallback is not None:
            return line.decode(fallback, "replace")
        tally.rows(path, 1)
        tally.bad(path, number, f"is no text in UTF-8 (byte {error.start + 1})")
        return ""
