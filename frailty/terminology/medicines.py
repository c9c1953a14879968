"""From a medicine's code and name to its substance: the ladder that every result names.

1. the site's own dm+d or BNF table, by code;
2. the display name, by rules/medicines/substances.csv;
3. the product code itself (or the name, where there is no code): strengths and brands count apart.

The site's table may also give the BNF code or paragraph of a product.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from frailty.errors import DefinitionError, SiteError
from frailty.knowledge import rules_dir
from frailty.terminology.systems import canonical_system, normalise_code, system_kind
from frailty.terminology.tables import read_rows

SITE_COLUMNS = ("system", "code", "substance")
PARAGRAPH = 6  # characters of a BNF code that name its paragraph
_TOKEN = re.compile(r"[^\W_]+(?:-[^\W_]+)*|[/+&]")
_JOINS = frozenset({"/", "+", "&", "and", "with"})
_JOIN = " + "

Words = tuple[str, ...]
Known = dict[str, list[tuple[Words, frozenset[str]]]]  # first word -> (all words, substances), longest first


class Ladder(NamedTuple):
    """What each concept is as a medicine, one entry a concept.

    substance: [C] position in `names`. names: substances, the parts of a combination joined by ' + '; a product whose
    substance is not known goes by "product ...". rung: [C] 1, 2 or 3. bnf: [C] BNF code, "" where nobody gives it.
    """

    substance: NDArray[np.int32]
    names: list[str]
    rung: NDArray[np.int8]
    bnf: list[str]


def substances(
    systems: Sequence[str],
    codes: Sequence[str],
    displays: Sequence[str | None],
    site_table: Path | None = None,
    rules: Path | None = None,
) -> Ladder:
    """The ladder of these concepts. Positions count the names in the order in which concepts need them first."""
    names: dict[str, int] = {}
    ids = np.empty(len(codes), np.int32)
    rungs = np.empty(len(codes), np.int8)
    bnf: list[str] = []
    site = site_products(site_table) if site_table else {}
    known = _known(rules)
    for position, (system, code, display) in enumerate(zip(systems, codes, displays, strict=True)):
        key = _product(system, code)
        (name, paragraph), rung = site.get(key, (None, "")), 1
        if name is None:
            name, rung = _substance(display or "", known), 2
        if name is None:
            product = "|".join(key) if key[1] else " ".join((display or "").casefold().split())
            name, rung = f"product {product}", 3
        ids[position] = names.setdefault(name, len(names))
        rungs[position] = rung
        bnf.append(paragraph)
    return Ladder(ids, list(names), rungs, bnf)


def parts_of(substance: str) -> list[str]:
    """The substances of a combination; the name itself where it is one."""
    return substance.split(_JOIN)


def substance_of_name(display: str, rules: Path | None = None) -> str | None:
    """The substance or substances that a product name tells, joined by ' + ' in alphabetical order, or None.

    The first known name counts (the longest that starts at that word); further ones only where a joining word
    or sign stands right before them, so that a diluent or a brand in brackets is no second substance.
    """
    return _substance(display, _known(rules))


def _substance(display: str, known: Known) -> str | None:
    words = _TOKEN.findall(display.casefold())
    found: set[str] = set()
    position = 0
    while position < len(words):
        if not found or words[position - 1] in _JOINS:
            for name, parts in known.get(words[position], ()):
                if tuple(words[position : position + len(name)]) == name:
                    found |= parts
                    position += len(name) - 1
                    break
        position += 1
    return _JOIN.join(sorted(found)) or None


def _known(rules: Path | None) -> Known:
    path = (rules or rules_dir()) / "medicines" / "substances.csv"
    return _names(path, path.stat().st_mtime_ns if path.exists() else 0)


@lru_cache(maxsize=4)
def _names(path: Path, stamp: int) -> Known:
    """Read the table; see Known."""
    known: Known = {}
    seen: set[Words] = set()
    for line, row in read_rows(path, ("name", "substance"), ("source",)):
        words = tuple(_TOKEN.findall(row["name"].casefold()))
        parts = frozenset(
            part.strip() for part in row["substance"].casefold().split(_JOIN.strip()) if part.strip()
        )
        if not words or not parts or words in seen:
            raise DefinitionError(
                f"The medicine name {row['name']!r} is empty, stands twice or has no substance.",
                where=f"{path}:{line}",
            )
        seen.add(words)
        known.setdefault(words[0], []).append((words, parts))
    for names in known.values():
        names.sort(key=lambda name: -len(name[0]))
    return known


def _product(system: str, code: str) -> tuple[str, str]:
    """dm+d codes are SNOMED CT identifiers, and records give them under either system."""
    uri = canonical_system(system)
    kind = system_kind(uri)
    return "dm+d" if kind in ("dmd", "snomed") else uri, normalise_code(kind, code)


def site_products(path: Path) -> dict[tuple[str, str], tuple[str, str]]:
    """The site's own table: product -> its substances and its BNF code. Raises SiteError with file, line and column."""
    found: dict[tuple[str, str], tuple[str, str]] = {}
    for line, row in read_rows(path, SITE_COLUMNS, ("bnf_paragraph",), SiteError):
        key = _product(row["system"], row["code"])
        name = _JOIN.join(
            sorted(part.strip() for part in row["substance"].casefold().split("+") if part.strip())
        )
        empty = "code" if not key[1] else "substance" if not name else ""
        if empty:
            raise SiteError(
                f"A product has no {empty}.",
                where=f"{path}:{line}, column {empty}",
                mend="fill the cell, or take the row out",
            )
        both = name, _bnf(row.get("bnf_paragraph", ""), f"{path}:{line}, column bnf_paragraph")
        before = found.setdefault(key, both)
        if before != both:
            column = "substance" if before[0] != name else "bnf_paragraph"
            raise SiteError(
                f"The medicine code {row['code']!r} stands twice and means two things.",
                where=f"{path}:{line}, column {column}",
                mend="keep one of the rows",
            )
    return found


def _bnf(code: str, where: str) -> str:
    """A BNF code without dots: 4.1.1 and 04.01.01 are 040101, as 0401010Z0AAABAB begins."""
    parts = [part.strip() for part in code.upper().split(".")]
    plain = "".join(part.zfill(2) if part else "" for part in parts) if len(parts) > 1 else parts[0]
    if plain and not (plain[:PARAGRAPH].isdecimal() and len(plain) >= PARAGRAPH and plain.isalnum()):
        raise SiteError(
            f"{code!r} is not a BNF code with a paragraph.", where=where, mend="write it as 040101 or 4.1.1"
        )
    return plain
