"""Every code that the generator can write, and how it draws among them.

Listed codes come from rules/codelists; what the lists do not hold (siblings, near misses, everyday codes) comes from
the tables in rules/synthetic.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from frailty.errors import DefinitionError
from frailty.knowledge import rules_dir
from frailty.synthetic.people import Bool, Float64, Int32, Int64
from frailty.synthetic.settings import load_settings
from frailty.terminology import load_codelist

SNOMED, READ, CTV3 = "http://snomed.info/sct", "http://read.info/readv2", "http://read.info/ctv3"
PLAIN, BOTH, READ5, READ7 = range(4)      # ways of writing one code


@dataclass
class Pool:
    """Codes to draw from, with weights."""

    codes: Int32
    weights: Float64

    def draw(self, rng: Generator, count: int) -> Int32:
        """`count` codes."""
        return self.codes[rng.choice(len(self.codes), count, p=self.weights)]


def _pool(codes: list[int], weights: list[float] | None = None) -> Pool | None:
    if not codes:
        return None
    w = np.asarray(weights if weights is not None else [1.0] * len(codes), dtype=np.float64)
    return Pool(np.asarray(codes, dtype=np.int32), w / w.sum())


@dataclass
class Catalogue:
    """Codes as columns, and the pools."""

    system: list[str] = field(default_factory=list)     # of the main code
    code: list[str] = field(default_factory=list)
    term: list[str] = field(default_factory=list)
    read: list[str] = field(default_factory=list)       # Read v2 code of the same meaning, if any
    read_term: list[str] = field(default_factory=list)
    _at: dict[tuple[str, str, str], int] = field(default_factory=dict)

    def add(self, system: str, code: str, term: str, read: str = "", read_term: str = "") -> int:
        """Position of a code; each stands here once."""
        key = (system, code, read)
        if key not in self._at:
            self._at[key] = len(self.code)
            for column, value in ((self.system, system), (self.code, code), (self.term, term), (self.read, read),
                                  (self.read_term, read_term)):
                column.append(value)
        return self._at[key]

    def concept(self, index: int, style: int, version: str = "r4") -> str:
        """The code as a JSON CodeableConcept."""
        main = {"system": self.system[index], "code": self.code[index], "display": self.term[index]}
        if style == PLAIN or not self.read[index]:
            if self.system[index] == READ and version == "stu3":
                main["code"] = _seven(main["code"])
            return json.dumps({"coding": [main]}, ensure_ascii=False, separators=(",", ":"))
        old = {"system": READ, "code": self.read[index] if style == READ5 else _seven(self.read[index]),
               "display": self.read_term[index]}
        if style in (READ5, READ7):
            return json.dumps({"coding": [old]}, ensure_ascii=False, separators=(",", ":"))
        return json.dumps({"coding": [old | {"userSelected": True}, main]}, ensure_ascii=False, separators=(",", ":"))

    def plain(self, index: int, style: int) -> tuple[str, str, str]:
        """System, code and term for the plain tables, which hold one coding a row."""
        if style in (READ5, READ7) and self.read[index]:
            return READ, self.read[index] if style == READ5 else _seven(self.read[index]), self.read_term[index]
        return self.system[index], self.code[index], self.term[index]


def _seven(code: str) -> str:
    """A five-character Read code with the two digits of its preferred term."""
    return code + "00" if len(code) == 5 else code


@dataclass
class Codes:
    """The catalogue and its pools for one set of rules."""

    catalogue: Catalogue
    common: list[Pool]                  # by deficit
    unusual: list[Pool]                 # SNOMED, cautions included
    unusual_read: list[Pool | None]     # Read v2 and CTV3
    siblings: list[Pool | None]
    near_miss: Pool
    family_history: Pool
    background: Pool
    background_from: Float64
    background_to: Float64
    background_note: Bool
    residence: Pool
    home_visit: Pool
    frailty: list[Pool | None]          # mild, moderate, severe
    last_days: Pool | None
    review: Pool | None                 # structured medication review
    objection: Pool | None              # to profiling
    tests: NDArray[np.int32]            # code of each row of tests.csv
    listed: list[frozenset[int]]        # by deficit: catalogue positions whose codes stand in the list


@lru_cache(maxsize=2)
def _load(rules: Path) -> Codes:
    settings = load_settings(rules)
    c = Catalogue()
    tests = np.array([c.add(SNOMED, row["code"], row["term"], row["readv2"], row["term"])
                      for row in settings.rows("tests.csv")], dtype=np.int32)
    common, unusual, unusual_read, siblings, listed = [], [], [], [], []
    by_deficit: dict[str, list[tuple[int, float]]] = {}
    for row in settings.rows("codes.csv"):
        at = c.add(SNOMED, row["snomed"], row["term"], row["readv2"], row["read_term"])
        by_deficit.setdefault(row["deficit"], []).append((at, float(row["weight"])))
    extra = settings.rows("siblings.csv")
    for name in settings.deficits.names:
        found = by_deficit[name]
        common.append(_sure(_pool([at for at, _ in found], [weight for _, weight in found]), f"codes.csv, {name}"))
        entries = [e for e in load_codelist(f"efi/{name}", rules).entries if e.match == "exact"]
        snomed = [c.add(SNOMED, e.code, _plain_term(e.term)) for e in entries if e.system == SNOMED]
        read = [c.add(e.system, e.code, e.term) for e in entries if e.system in (READ, CTV3)]
        unusual.append(_sure(_pool(snomed), f"efi/{name}"))
        unusual_read.append(_pool(read))
        listed.append(frozenset(snomed + read + [at for at, _ in found]))
        siblings.append(_extra(c, [r for r in extra if r["deficit"] == name and r["kind"] == "sibling"]))
    background = settings.rows("background.csv")
    pool = _pool([c.add(SNOMED, r["code"], r["term"], r["readv2"], r["read_term"]) for r in background],
                 [float(r["weight"]) for r in background])
    visits = [e for e in load_codelist("efi/housebound", rules).entries
              if e.system == SNOMED and "home visit" in e.caution.lower()]
    residence = [e for e in load_codelist("care/residence", rules).entries
                 if e.system == SNOMED and e.category == "present" and not e.caution]
    return Codes(
        c,
        common,
        unusual,
        unusual_read,
        siblings,
        _sure(_extra(c, [r for r in extra if r["kind"] == "near-miss"]), "siblings.csv near-miss"),
        _sure(_extra(c, [r for r in extra if r["kind"] == "family-history"]), "siblings.csv family-history"),
        _sure(pool, "background.csv"),
        np.array([float(r["age_from"]) for r in background]),
        np.array([float(r["age_to"]) for r in background]),
        np.array([r["kind"] == "note" for r in background]),
        _sure(_pool([c.add(SNOMED, e.code, _plain_term(e.term)) for e in residence]), "care/residence"),
        _sure(_pool([c.add(SNOMED, e.code, _plain_term(e.term)) for e in visits]), "efi/housebound home visits"),
        [_list(c, f"care/frailty_{level}", rules) for level in ("mild", "moderate", "severe")],
        _list(c, "care/last_days", rules),
        _list(c, "care/smr", rules),
        _list(c, "care/objection_profiling", rules),
        tests,
        listed,
    )


def load_codes(rules: Path | None = None) -> Codes:
    """The codes under `rules` (the project's own by default)."""
    return _load(rules or rules_dir())


def _list(c: Catalogue, name: str, rules: Path) -> Pool | None:
    """A list that may still be empty ("to be supplied")."""
    entries = [e for e in load_codelist(name, rules).entries
               if e.system == SNOMED and e.category in ("", "present") and e.match == "exact"]
    return _pool([c.add(SNOMED, e.code, _plain_term(e.term)) for e in entries])


def _extra(c: Catalogue, rows: list[dict[str, str]]) -> Pool | None:
    return _pool([c.add(SNOMED, r["code"], r["term"]) for r in rows], [float(r["weight"]) for r in rows])


def _sure(pool: Pool | None, what: str) -> Pool:
    if pool is None:
        raise DefinitionError(f"The synthetic locality finds no code for {what}.",
                              mend="give the list at least one SNOMED code")
    return pool


def _plain_term(term: str) -> str:
    """A SNOMED name without its semantic tag, as records show it."""
    return term.rsplit(" (", 1)[0] if term.endswith(")") else term


def styles(coding: str, read_until: int, recorded: Int32, serial: Int64) -> NDArray[np.int8]:
    """How each record is coded: by the practice's habit, and by the day on which it moved to SNOMED."""
    old = recorded < read_until
    mixed = np.where(serial % 3 == 0, READ7, READ5)
    habit = np.full(len(recorded), BOTH) if coding == "both" else mixed
    return np.where(old, habit, PLAIN).astype(np.int8)


def background_pool(codes: Codes, age: float) -> Pool:
    """Everyday codes that fit an age."""
    fits = (codes.background_from <= age) & (age < codes.background_to)
    weights = codes.background.weights * fits
    return Pool(codes.background.codes, weights / weights.sum())
