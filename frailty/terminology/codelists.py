"""Code lists: reviewed CSV files under rules/codelists/, and matching them against concepts."""

from __future__ import annotations

import hashlib
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from operator import attrgetter
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from frailty.errors import DefinitionError, nearest
from frailty.knowledge import rules_dir
from frailty.terminology.checks import snomed_check_digit
from frailty.terminology.systems import canonical_system, normalise_code, system_kind
from frailty.terminology.tables import number, read_rows, read_toml

COLUMNS = (
    "system",
    "code",
    "term",
    "match",
    "within_years",
    "min_age_at_event",
    "max_age_at_event",
    "category",
    "status",
    "caution",
)
MATCHES = ("exact", "prefix", "descendants")
_LAST = "\U0010ffff"  # sorts after every code


@dataclass(frozen=True, slots=True)
class CodeEntry:
    """One row of a code list. `within_years` and the ages narrow the row; None = no limit."""

    system: str
    code: str
    term: str
    match: str
    within_years: float | None
    min_age_at_event: float | None
    max_age_at_event: float | None
    category: str
    status: str
    caution: str


class Rows:
    """Rows of a code list, sorted by system and code, so that only those are touched which some record means."""

    def __init__(self, entries: Iterable[CodeEntry]) -> None:
        self.exact: dict[str, dict[str, list[CodeEntry]]] = {}
        self.others: list[CodeEntry] = []
        for entry in entries:
            if entry.match == "exact":
                self.exact.setdefault(entry.system, {}).setdefault(entry.code, []).append(entry)
            else:
                self.others.append(entry)


Limits = tuple[float | None, float | None, float | None]        # within years, youngest, oldest


@dataclass(frozen=True)
class Codelist:
    """A list by its name "family/list". `source`: source.toml of the family and of the list."""

    name: str
    entries: tuple[CodeEntry, ...]
    sha256: str
    source: dict[str, Any] = field(hash=False)
    _parts: dict[tuple[str, bool], list[tuple[Limits, Rows]]] = field(
        default_factory=dict, init=False, repr=False, compare=False)

    @cached_property
    def rows(self) -> Rows:
        """All rows."""
        return Rows(self.entries)

    @cached_property
    def cautioned(self) -> Rows:
        """The rows that somebody has a reservation about."""
        return Rows(entry for entry in self.entries if entry.caution)

    @cached_property
    def limits(self) -> dict[Limits, str]:
        """Which limits rows have, and the code of the first row of each."""
        return {(e.within_years, e.min_age_at_event, e.max_age_at_event): e.code for e in reversed(self.entries)}

    @cached_property
    def systems(self) -> frozenset[str]:
        """The code systems of its rows."""
        return frozenset(entry.system for entry in self.entries)

    def parts(self, category: str = "", without_caution: bool = False) -> list[tuple[Limits, Rows]]:
        """Its rows by their limits; of one category only, or without those that somebody has a reservation about."""
        key = category, without_caution
        if key not in self._parts:
            chosen = [e for e in self.entries if (not category or e.category == category) and not (without_caution and e.caution)]
            by_limit: dict[Limits, list[CodeEntry]] = {}
            for e in chosen:
                by_limit.setdefault((e.within_years, e.min_age_at_event, e.max_age_at_event), []).append(e)
            self._parts[key] = [(limits, Rows(rows)) for limits, rows in by_limit.items()]
        return self._parts[key]

    def without_caution(self) -> tuple[CodeEntry, ...]:
        """The rows that no one has a reservation about."""
        return tuple(entry for entry in self.entries if not entry.caution)

    def categories(self) -> tuple[str, ...]:
        """The categories in the order in which the file names them first."""
        return tuple(dict.fromkeys(entry.category for entry in self.entries if entry.category))


def list_codelists(rules: Path | None = None) -> list[str]:
    """The names of all lists, sorted."""
    folder = (rules or rules_dir()) / "codelists"
    return sorted(f"{path.parent.name}/{path.stem}" for path in folder.glob("*/*.csv"))


def load_codelist(name: str, rules: Path | None = None) -> Codelist:
    """Read and check one list; read once per process, and again when the file changes."""
    base = rules or rules_dir()
    path = _place(base, name)
    try:
        stamp = path.stat().st_mtime_ns
    except OSError:
        raise DefinitionError(
            f"There is no code list {name}.",
            where=str(path.parent),
            mend=nearest(name, list_codelists(base), 3, quotes=""),
        ) from None
    return _load(name, path, stamp)


@lru_cache(maxsize=2048)                                # a night asks a thousand times: making a path takes longer than the look
def _place(base: Path, name: str) -> Path:
    return base / "codelists" / f"{name}.csv"


@lru_cache(maxsize=1024)
def _load(name: str, path: Path, stamp: int) -> Codelist:
    entries: list[CodeEntry] = []
    seen: set[tuple[str, str, str, str]] = set()
    for line, row in read_rows(path, COLUMNS):
        entry = _entry(row, f"{path}:{line}")
        key = (entry.system, entry.code, entry.match, entry.category)
        if key in seen:
            raise DefinitionError(f"The code {entry.code} stands twice in {name}.", where=f"{path}:{line}")
        seen.add(key)
        entries.append(entry)
    cells = attrgetter(*COLUMNS)
    text = "\n".join(["\t".join(map(str, cells(entry))) for entry in entries])
    return Codelist(name, tuple(entries), hashlib.sha256(text.encode()).hexdigest(), _source(path))


def _source(path: Path) -> dict[str, Any]:
    """What source.toml says about the family, with what it says about this list laid over it."""
    toml = path.parent / "source.toml"
    family = dict(_family(toml, toml.stat().st_mtime_ns if toml.exists() else 0))
    lists = family.pop("list", {})
    return {**family, **lists.get(path.stem, {})}


@lru_cache(maxsize=64)
def _family(toml: Path, stamp: int) -> dict[str, Any]:
    return read_toml(toml)


def _entry(row: dict[str, str], where: str) -> CodeEntry:
    system = canonical_system(row["system"])
    kind = system_kind(system)
    code = normalise_code(kind, row["code"])
    if not system or not code:
        raise DefinitionError("A row needs a system and a code.", where=where)
    if row["match"] not in MATCHES:
        raise DefinitionError(
            f"Unknown match {row['match']!r}.", where=where, mend="one of " + ", ".join(MATCHES)
        )
    if kind == "snomed" and not snomed_check_digit(code):
        raise DefinitionError(
            f"The SNOMED CT code {code} has a wrong check digit.",
            where=where,
            why="spreadsheets round long numbers",
            mend="take the code from the source again",
        )
    if kind in ("readv2", "ctv3") and len(code) != 5:
        raise DefinitionError(f"The Read code {code} does not have five characters.", where=where)
    years, youngest, oldest = (
        number(row[column], column, where)
        for column in ("within_years", "min_age_at_event", "max_age_at_event")
    )
    return CodeEntry(
        system,
        code,
        row["term"],
        row["match"],
        years,
        youngest,
        oldest,
        row["category"],
        row["status"],
        row["caution"],
    )


class ConceptIndex:
    """Concepts looked up by system and code: build once, match many lists.

    systems, codes: one each per concept; aliases and other spellings are normalised here.
    """

    def __init__(self, systems: Sequence[str], codes: Sequence[str]) -> None:
        if len(systems) != len(codes):
            raise ValueError("systems and codes differ in length")
        self.size = len(codes)
        self._exact: dict[str, dict[str, list[int]]] = {}
        self._sorted: dict[str, list[str]] = {}
        kinds: dict[str, tuple[str, str]] = {}
        for position, (written, code) in enumerate(zip(systems, codes, strict=True)):
            if written not in kinds:
                system = canonical_system(written)
                kinds[written] = system, system_kind(system)
            system, kind = kinds[written]
            self._exact.setdefault(system, {}).setdefault(normalise_code(kind, code), []).append(position)

    def positions(self, entry: CodeEntry) -> list[int]:
        """The concepts that one row of a list means."""
        known = self._exact.get(entry.system, {})
        if entry.match == "exact":
            return known.get(entry.code, [])
        if entry.match != "prefix":
            raise DefinitionError(
                f"The code {entry.code} asks for its descendants.",
                why="no hierarchy of SNOMED CT is shipped",
                mend="list the descendants one by one, with match = exact",
            )
        codes = self._sorted.get(entry.system)
        if codes is None:
            codes = self._sorted[entry.system] = sorted(known)
        found = codes[bisect_left(codes, entry.code) : bisect_left(codes, entry.code + _LAST)]
        return [position for code in found for position in known[code]]

    def pairs(self, rows: Rows) -> Iterator[tuple[CodeEntry, int]]:
        """Each row with each of the concepts that it means."""
        for system, codes in rows.exact.items():
            known = self._exact.get(system, {})
            for code in codes if len(codes) < len(known) else known:
                if code in codes and code in known:
                    yield from ((entry, position) for entry in codes[code] for position in known[code])
        for entry in rows.others:
            yield from ((entry, position) for position in self.positions(entry))

    def match(self, entries: Codelist | Rows | Sequence[CodeEntry]) -> NDArray[np.bool_]:
        """[concepts] True where any row of the list means the concept."""
        rows = entries.rows if isinstance(entries, Codelist) else entries if isinstance(entries, Rows) else Rows(entries)
        mask = np.zeros(self.size, np.bool_)
        mask[[position for _, position in self.pairs(rows)]] = True
        return mask


@lru_cache(maxsize=1)
def _index(systems: tuple[str, ...], codes: tuple[str, ...]) -> ConceptIndex:
    return ConceptIndex(systems, codes)


def match_concepts(codelist: Codelist, systems: Sequence[str], codes: Sequence[str]) -> NDArray[np.bool_]:
    """[concepts] True where the list means the concept. For many lists see ConceptIndex."""
    return _index(tuple(systems), tuple(codes)).match(codelist)
