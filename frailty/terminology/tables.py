"""Reading the CSV and TOML tables under rules/, with errors that name file and line."""

from __future__ import annotations

import csv
import io
import math
import tomllib
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

from frailty.errors import DefinitionError, FrailtyError


def read_rows(
    path: Path,
    required: tuple[str, ...],
    optional: tuple[str, ...] = (),
    error: type[FrailtyError] = DefinitionError,
) -> Iterator[tuple[int, dict[str, str]]]:
    """The rows of a CSV with line numbers, every cell stripped. All `required` columns must be there."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise error(
            f"The table {path.name} was not found.",
            where=str(path),
            mend="check the name, or install the package again",
        ) from None
    except UnicodeDecodeError as bad:
        raise error(
            f"The table {path.name} is not UTF-8.",
            where=str(path),
            why=str(bad.reason),
            mend="save it as CSV UTF-8",
        ) from None
    reader = csv.reader(io.StringIO(text, newline=""))
    header = next(reader, [])
    missing = [name for name in required if name not in header]
    unknown = [name for name in header if name not in required + optional]
    if missing or unknown:
        why = "; ".join(
            f"{what}: {', '.join(names)}"
            for what, names in (("missing", missing), ("unknown", unknown))
            if names
        )
        raise error(
            f"The columns of {path.name} are not as expected.",
            where=f"{path}:1",
            why=why,
            mend="columns: " + ",".join(required + optional),
        )
    for row in reader:
        if not row:
            continue
        if len(row) != len(header):
            raise error(
                f"A row of {path.name} has another number of cells than the header.",
                where=f"{path}:{reader.line_num}",
                mend="put quotes around cells that hold a comma",
            )
        yield reader.line_num, dict(zip(header, map(str.strip, row), strict=True))


def read_toml(path: Path) -> dict[str, Any]:
    """A TOML file as a dictionary; numbers with a point become Decimal."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
    except FileNotFoundError:
        raise DefinitionError(
            f"The file {path.name} was not found.",
            where=str(path),
            why="every family of lists names its source",
            mend="add publication, version, licence and who checked",
        ) from None
    except tomllib.TOMLDecodeError as bad:
        raise DefinitionError(f"{path.name} is not valid TOML.", where=str(path), why=str(bad)) from None


def number(text: str, name: str, where: str) -> float | None:
    """A cell as a number; an empty cell is None."""
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not math.isfinite(value):
        raise DefinitionError(f"{name} is not a number: {text!r}.", where=where)
    return value
