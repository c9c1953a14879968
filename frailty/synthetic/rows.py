"""The families of rows that the generator makes, before any file format: columns of equal length."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from frailty.synthetic.people import OPEN, Bool, Float64, Int8, Int32, People

FORMS = ("condition", "observation", "both", "family-history")
CONDITION, OBSERVATION, PAIR, FAMILY = range(4)
STATES = ("active", "resolved", "refuted", "entered-in-error", "negated")
ACTIVE, RESOLVED, REFUTED, IN_ERROR, NEGATED = range(5)
CLASSES = ("IMP", "EMER", "AMB")
INPATIENT, EMERGENCY, AMBULATORY = range(3)
ROLES = ("plan", "order", "statement")
PLAN, ORDER, STATEMENT = range(3)
CONTACT_KINDS = ("GP Surgery", "Telephone call to a patient", "Home visit")


@dataclass
class Coded:
    """Coded entries of GP records. day numbers since 1970-01-01; -1 = none."""

    person: Int32
    code: Int32
    effective: Int32
    recorded: Int32
    ended: Int32
    form: Int8
    state: Int8
    contact: Int32
    deficit: Int32          # -1: none; what the entry is meant to say
    source: Int8            # practice whose extract holds it


@dataclass
class Measured:
    """Results. `second`: diastolic pressure. `spelling`: 0 UCUM, 1 text unit, 2 no unit, 3 old unit."""

    person: Int32
    test: Int32
    effective: Int32
    minute: Int32
    recorded: Int32
    value: Float64
    second: Float64
    spelling: Int8
    in_error: Bool
    source: Int8


@dataclass
class Issues:
    """Medicines: orders, and the plans and statements around them. `series`: number of the person's medicine."""

    person: Int32
    medicine: Int32
    day: Int32
    ended: Int32
    role: Int8
    series: Int32
    active: Bool
    source: Int8


@dataclass
class Contacts:
    """Consultations in general practice."""

    person: Int32
    day: Int32
    minute: Int32
    kind: Int8
    source: Int8


@dataclass
class Stays:
    """Hospital stays and attendances, in order of person and start. end OPEN = still there."""

    person: Int32
    start: Int32
    start_minute: Int32
    end: Int32
    kind: Int8              # position in CLASSES
    method: NDArray[np.str_]
    admitted_from: NDArray[np.str_]
    discharged_to: NDArray[np.str_]
    died: Bool
    emergency: Bool


@dataclass
class Diagnoses:
    """Hospital diagnoses. own_date -1 = none of its own; link 0 = Condition points to Encounter, 1 = the other way."""

    stay: Int32
    code: Int32             # row of icd10.csv, then elective.csv
    rank: Int32
    own_date: Int32
    coded_on: Int32
    link: Int8
    dotted: Bool


def join(parts: list[Any]) -> Any:
    """Families of one kind, one after the other."""
    return type(parts[0])(
        **{f.name: np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(parts[0])}
    )


def keep(family: Any, rows: NDArray[Any]) -> Any:
    """Some rows of a family (a mask or positions)."""
    return type(family)(**{f.name: getattr(family, f.name)[rows] for f in fields(family)})


def in_life(people: People, person: Int32, first: Int32, known: Int32, as_of: int, quiet_after: Int32) -> Bool:
    """Rows that can stand in the extract: after birth, before death and departure, known the day before the extract."""
    last = np.minimum(np.minimum(people.death[person], people.registered_to[person]), quiet_after[person])
    return (first >= people.birth[person]) & (first <= last) & (known <= last) & (known < as_of)


def home_practice(people: People, person: Int32, known: Int32) -> Int8:
    """The practice in whose system a row was written."""
    before = known < people.moved_on[person]
    moved = people.old_practice[person] >= 0
    return np.where(moved & before, people.old_practice[person], people.practice[person]).astype(np.int8)


def copies_after_move(people: People, rng: Generator, share: float) -> Bool:
    """Movers whose older record went with them [people]."""
    moved = people.moved_on < OPEN
    return moved & (rng.random(len(people)) < share)


def transferred(people: People, family: Any, carried: Bool) -> Any:
    """A family with the rows that a move copied into the new practice as well."""
    again = carried[family.person] & (family.source != people.practice[family.person])
    if not again.any():
        return family
    copy = keep(family, again)
    copy.source = people.practice[copy.person].astype(np.int8)
    if hasattr(copy, "contact"):
        copy.contact = np.full(len(copy.person), -1, np.int32)
    return join([family, copy])
