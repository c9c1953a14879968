"""A made-up town as arrays, for learning: what is recorded of people up to a day of their own, what happens in the year
after it, and the hazards behind it. The rows are those of the made-up locality; no file is written on the way.

Each day has people of its own, so that hazards are exact on it and nobody stands in two periods.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray

from frailty.errors import FrailtyError
from frailty.synthetic import latent
from frailty.synthetic.catalogue import SNOMED, styles
from frailty.synthetic.fhir_hospital import ICD10
from frailty.synthetic.model import Locality, Progress, alive, build
from frailty.synthetic.people import OPEN, Bool, Float64, Int32, Int64
from frailty.synthetic.rows import EMERGENCY, FAMILY, ORDER, RESOLVED, home_practice
from frailty.terminology import (
    ConceptIndex,
    Ladder,
    canonical_system,
    load_codelist,
    load_quantities,
    normalise_code,
    substances,
    system_kind,
)
from frailty.terminology.quantities import unit_key

Columns = dict[str, NDArray[Any]]
# Positions in SEXES, SETTINGS and ADMISSIONS of the arrays.
_MALE, _FEMALE = np.int8(1), np.int8(2)
_INPATIENT, _ATTENDANCE = np.int8(1), np.int8(2)
_UNKNOWN, _ELECTIVE, _URGENT = np.int8(0), np.int8(1), np.int8(2)
_TYPES: dict[str, Any] = {"record": np.int64, "stay": np.int64, "value": np.float64, "comparator": np.int8, "role": np.int8,
                          "setting": np.int8, "admission": np.int8}
_NIGHTS, _TO_COME = 4, 365


class _Concepts:
    """The table of concepts as it grows, and positions in it."""

    def __init__(self) -> None:
        self.at: dict[tuple[str, str], int] = {}
        self.terms: list[str] = []

    def add(self, system: str, code: str, term: str) -> int:
        key = canonical_system(system), normalise_code(system_kind(system), code)
        if key not in self.at:
            self.at[key] = len(self.at)
            self.terms.append(term)
        return self.at[key]


def make_town(people: int, days: Sequence[date], seed: int = 1, *, shift: tuple[date, float] | None = None,
              progress: Progress | None = None) -> dict[str, Any]:
    """A town of `people` registered persons, as many on each of the days. Same arguments, same town.

    Keys: person, birth, sex, death, hospital_from, hospital_without_stays [people]; coded, measured, issues, stays: each a dict of
    columns with `offsets` [people + 1], the stays also those of the year after the day; quantities; ladder: what each
    concept is as a medicine; concepts: systems and codes; and as columns [people] as_of; seen_to: last day in sight, as
    somebody may move away; imd_quintile, ethnicity, practice; hazard: chance of an emergency admission within the year,
    given everything; given_records: given what the records show on the day. shift: from this day on the log rate of
    admission is higher by so much, and the hazards do not know it.
    """
    if not days or people < 200 * len(days):
        raise FrailtyError("A town for learning needs at least 200 people for each of its days.",
                           why=f"{people:,} people, {len(days)} days")
    tell = progress or (lambda what, done, whole: None)
    concepts, parts = _Concepts(), []
    for n, day in enumerate(days):
        tell("making the town", n, len(days))
        count = people * (n + 1) // len(days) - people * n // len(days)
        more = shift[1] if shift and day >= shift[0] else 0.0
        parts.append(_block(build(day, count, 1 + count // 3300, 3, seed * 1000 + n), concepts, more))
    return _joined(parts, concepts)


def _block(locality: Locality, concepts: _Concepts, shift: float) -> dict[str, Columns]:
    """People of one day: `people`, and each family with column `i`, the person's place in the block."""
    s, people, as_of = locality.settings, locality.people, locality.as_of
    rng = locality.streams["outcomes"]
    has, last = latent.has_at(locality.onset, as_of), locality.hospital.last_discharge
    admission = latent.admission_rate(s, locality.exposure, has)
    death = latent.death_rate(s, locality.exposure, has)
    since = np.where(last == OPEN, -1, as_of - last.astype(np.int64)).astype(np.float64)
    full, _ = latent.twelve_months(s, admission, death, since)
    given = latent.hazard_given_records(s, rng, people, locality.gp.facts, locality.gp.never_seen, locality.exposure, since)
    after = latent.outcomes(s, rng, as_of, admission * np.exp(shift), death, last, alive(locality))

    here = np.flatnonzero(alive(locality))
    place = np.full(len(people), -1, np.int64)
    place[here] = np.arange(len(here))
    died = np.full(len(people), OPEN, np.int32)
    died[after.person[after.died]] = after.day[after.died]
    leaves = rng.random(len(people)) < s.number("population.per_1000.left") / 1000
    to = np.where(leaves, as_of + rng.integers(1, _TO_COME, len(people)), as_of + _TO_COME)
    ethnic, plans = np.array(s.texts("population.ethnicity")), np.array([plan.ods for plan in locality.plans])
    columns: Columns = {
        "birth": people.birth[here], "sex": np.where(people.male, _MALE, _FEMALE)[here],
        "death": died[here], "as_of": np.full(len(here), as_of, np.int32), "seen_to": to[here].astype(np.int32),
        "hazard": full[here], "given_records": given[here], "imd_quintile": people.quintile[here].astype(np.float64),
        "ethnicity": ethnic[people.ethnicity[here]], "practice": plans[people.practice[here]]}
    stays, diagnoses = _stays(locality, concepts, place, after)
    return {"people": columns, "stays": stays, "coded": _stacked([_coded(locality, concepts, place), diagnoses]),
            "measured": _measured(locality, concepts, place), "issues": _issues(locality, concepts, place)}


def _coded(locality: Locality, concepts: _Concepts, place: Int64) -> Columns:
    """Entries that count, each once: of those who moved without the copies in the new practice."""
    rows = locality.gp.coded
    keep = (place[rows.person] >= 0) & (rows.state <= RESOLVED) & (rows.form != FAMILY)
    keep &= rows.source == home_practice(locality.people, rows.person, rows.recorded)
    style = np.zeros(len(rows.person), np.int8)
    for plan in locality.plans:
        own = rows.source == plan.index
        style[own] = styles(plan.coding, plan.read_until, rows.recorded[own], rows.person[own].astype(np.int64))
    pairs, which = np.unique(rows.code[keep].astype(np.int64) * 4 + style[keep], return_inverse=True)
    known = np.array([concepts.add(*locality.codes.catalogue.plain(pair // 4, pair % 4)) for pair in pairs.tolist()], np.int32)
    ended = rows.ended[keep]
    return {"i": place[rows.person[keep]], "concept": known[which], "effective": rows.effective[keep],
            "recorded": rows.recorded[keep], "ended": np.where(ended >= 0, ended, OPEN).astype(np.int32),
            "stay": np.full(int(keep.sum()), -1, np.int64)}


def _measured(locality: Locality, concepts: _Concepts, place: Int64) -> Columns:
    """Results; blood pressure as its two parts. Values in the test's own unit, named by `unit` in the table of tests."""
    rows, s = locality.gp.measured, locality.settings
    keep = (place[rows.person] >= 0) & ~rows.in_error
    keep &= rows.source == home_practice(locality.people, rows.person, rows.recorded)
    upper, lower = (concepts.add(SNOMED, *text.split(" ", 1)) for text in s.texts("tests.blood_pressure"))
    catalogue = locality.codes.catalogue
    known = np.array([upper if test.id == "bp" else concepts.add(catalogue.system[code], catalogue.code[code], catalogue.term[code])
                      for test, code in zip(locality.tests, locality.codes.tests.tolist(), strict=True)], np.int32)

    def part(which: Bool, concept: Int32, value: Float64) -> Columns:
        return {"i": place[rows.person[which]], "concept": concept, "test": rows.test[which], "effective": rows.effective[which],
                "minute": rows.minute[which], "recorded": rows.recorded[which], "value": value[which]}

    second = keep & ~np.isnan(rows.second)
    return _stacked([part(keep, known[rows.test[keep]], rows.value),
                     part(second, np.full(int(second.sum()), lower, np.int32), rows.second)])


def _issues(locality: Locality, concepts: _Concepts, place: Int64) -> Columns:
    rows = locality.gp.issues
    keep = (place[rows.person] >= 0) & (rows.role == ORDER)
    keep &= rows.source == home_practice(locality.people, rows.person, rows.day)
    systems = [plan.medication_system for plan in locality.plans]
    known = np.array([[concepts.add(system, drug.code, drug.display) for drug in locality.medicines] for system in systems],
                     np.int32)
    count = int(keep.sum())
    return {"i": place[rows.person[keep]], "concept": known[rows.source[keep], rows.medicine[keep]], "effective": rows.day[keep],
            "recorded": rows.day[keep], "ended": rows.ended[keep], "role": np.zeros(count, np.int8)}


def _stays(locality: Locality, concepts: _Concepts, place: Int64, after: latent.Outcomes) -> tuple[Columns, Columns]:
    """Stays before and after the day, in the order of the arrays; and the diagnoses of those before."""
    rows, d = locality.hospital.stays, locality.hospital.diagnoses
    keep = place[rows.person] >= 0
    come = ~after.died & (place[after.person] >= 0)
    days, count = after.day[come], int(come.sum())
    started = np.concatenate([rows.start[keep], days])
    ended = np.concatenate([rows.end[keep], days + np.int32(_NIGHTS)])
    urgent = np.where(rows.method[keep] == "", _UNKNOWN, np.where(rows.emergency[keep], _URGENT, _ELECTIVE))
    stays: Columns = {
        "i": place[np.concatenate([rows.person[keep], after.person[come]])], "started": started, "ended": ended,
        "recorded_start": started, "recorded_end": ended,
        "setting": np.concatenate([np.where(rows.kind[keep] == EMERGENCY, _ATTENDANCE, _INPATIENT), np.full(count, _INPATIENT)]),
        "admission": np.concatenate([urgent, np.full(count, _URGENT)])}
    order = np.lexsort((stays["recorded_start"], started, stays["i"]))
    now_at = np.full(len(rows.person) + 1, -1, np.int64)
    was = np.concatenate([np.flatnonzero(keep), np.full(count, len(rows.person))])[order]
    now_at[was] = np.arange(len(order))
    icd = locality.icd
    known = np.array([concepts.add(ICD10, code, term) for code, term in zip(icd.code, icd.term, strict=True)], np.int32)
    told = keep[d.stay]
    return ({name: column[order] for name, column in stays.items()},
            {"i": place[rows.person[d.stay[told]]], "concept": known[d.code[told]], "effective": rows.start[d.stay[told]],
             "recorded": d.coded_on[told], "ended": np.full(int(told.sum()), OPEN, np.int32), "stay": now_at[d.stay[told]]})


def _stacked(parts: Sequence[Columns]) -> Columns:
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _joined(parts: list[dict[str, Columns]], concepts: _Concepts) -> dict[str, Any]:
    """The blocks as one town."""
    people = stays = 0
    for part in parts:
        for family in ("coded", "measured", "issues", "stays"):
            part[family]["i"] = part[family]["i"] + people
        part["coded"]["stay"] = np.where(part["coded"]["stay"] < 0, -1, part["coded"]["stay"] + stays)
        people, stays = people + len(part["people"]["birth"]), stays + len(part["stays"]["i"])
    out: dict[str, Any] = _stacked([part["people"] for part in parts])
    out |= {"person": np.arange(people, dtype=np.int32), "hospital_from": np.zeros(people, np.int32),
            "hospital_without_stays": np.zeros(people, np.bool_)}
    systems, codes = [system for system, _ in concepts.at], [code for _, code in concepts.at]
    record = 0
    for family in ("stays", "coded", "measured", "issues"):
        rows = _stacked([part.pop(family) for part in parts])
        if family == "measured":
            out["quantities"], rows = _as_quantities(rows, systems, codes)
        if family == "issues":
            out["ladder"] = _ladder(systems, codes, concepts.terms, np.unique(rows["concept"]))
        count = len(rows["i"])
        rows["record"] = record + np.arange(count)
        record += count
        if family != "stays":                           # they are in order, and entries point to their places
            order = np.lexsort((rows["record"], rows["recorded"], rows["effective"], rows["i"]))
            rows = {name: column[order] for name, column in rows.items()}
        owner = rows.pop("i")
        out[family] = {"offsets": np.searchsorted(owner, np.arange(people + 1)).astype(np.int64)} | {
            name: column.astype(_TYPES.get(name, np.int32)) for name, column in rows.items()}
    return out | {"concepts": {"system": systems, "code": codes}}


def _ladder(systems: list[str], codes: list[str], terms: list[str], medicines: Int32) -> Ladder:
    """What each concept is as a medicine; what is none has substance -1."""
    which = medicines.tolist()
    found = substances([systems[c] for c in which], [codes[c] for c in which], [terms[c] for c in which])
    ladder = Ladder(np.full(len(codes), -1, np.int32), found.names, np.zeros(len(codes), np.int8), [""] * len(codes))
    ladder.substance[medicines], ladder.rung[medicines] = found.substance, found.rung
    return ladder


def _as_quantities(rows: Columns, systems: list[str], codes: list[str]) -> tuple[tuple[str, ...], Columns]:
    """The names of all quantities, and a row for each quantity that a result is of, in its canonical unit."""
    from frailty.synthetic.results import load_tests
    from frailty.synthetic.settings import load_settings
    units = [test.unit for test in load_tests(load_settings())]
    quantities, index, parts = load_quantities(), ConceptIndex(systems, codes), []
    for number, quantity in enumerate(quantities):
        hit = index.match(load_codelist(quantity.codes))[rows["concept"]]
        if not hit.any():
            continue
        factor = np.array([quantity.spellings.get(unit_key(unit), np.nan) for unit in units])[rows["test"]]
        value = rows["value"] * factor
        fits = hit & (value >= quantity.plausible_min) & (value <= quantity.plausible_max)
        part = {name: column[fits] for name, column in rows.items() if name != "test"}
        parts.append(part | {"value": value[fits], "quantity": np.full(int(fits.sum()), number, np.int32)})
    joined = _stacked(parts)
    count = len(joined["i"])
    return tuple(one.name for one in quantities), joined | {
        "comparator": np.zeros(count, np.int8), "answer": np.full(count, -1, np.int32)}
