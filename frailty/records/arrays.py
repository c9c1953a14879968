"""What scoring reads: a practice list as plain arrays.

Four families of events, each in compressed-row form: the rows of person `p` are `offsets[p]:offsets[p + 1]`, in the
total order (person, effective, recorded, record). Dates are int32 days since 1970-01-01; OPEN means "no end" or
"never". `record` is the store's key of the FHIR resource (rows with the same record are codings of one record).
Missing keys are -1, missing numbers NaN.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

OPEN = np.int32(2**31 - 1)

SEXES = ("unknown", "male", "female", "other")
SETTINGS = ("unknown", "inpatient", "emergency", "outpatient", "community", "home", "virtual", "other")
ADMISSIONS = ("unknown", "elective", "emergency", "maternity", "transfer", "other")
ROLES = ("issue", "plan")
COMPARATORS = ("", "<", "<=", ">", ">=")

Int32 = NDArray[np.int32]
Int64 = NDArray[np.int64]
Int8 = NDArray[np.int8]
Float64 = NDArray[np.float64]


class Coded(NamedTuple):
    """Coded entries. concept: row of the concept table; stay: row of `Stays` or -1."""

    offsets: Int64
    concept: Int32
    effective: Int32
    recorded: Int32
    ended: Int32
    stay: Int64
    record: Int64


class Measured(NamedTuple):
    """Numbers in the quantity's canonical unit. quantity: position in `PracticeArrays.quantities`."""

    offsets: Int64
    quantity: Int32
    concept: Int32
    effective: Int32
    minute: Int32
    recorded: Int32
    value: Float64
    comparator: Int8
    answer: Int32
    record: Int64


class Issues(NamedTuple):
    """Medicine orders. role: position in ROLES; substance of a concept: `PracticeArrays.substance[concept]`."""

    offsets: Int64
    concept: Int32
    effective: Int32
    recorded: Int32
    ended: Int32
    role: Int8
    record: Int64


class Stays(NamedTuple):
    """Hospital stays and attendances. recorded_end: when the end became known (OPEN = not known)."""

    offsets: Int64
    started: Int32
    ended: Int32
    recorded_start: Int32
    recorded_end: Int32
    setting: Int8
    admission: Int8
    record: Int64
    provider: Int32 = np.empty(0, np.int32)  # position in `PracticeArrays.providers`, -1 = not known; empty = nobody knows


@dataclass(frozen=True)
class PracticeArrays:
    """A block of people, in stable order, with their events.

    person: [P] store key. birth, death: [P] days (birth OPEN = unknown; death OPEN = alive). sex: [P] position in SEXES.
    hospital_from: [P] first day from which a hospital feed covers the person's practice (OPEN = no such feed).
    hospital_without_stays: [P] True where that feed gives diagnoses but no stays at all.
    quantities: names in the order that `Measured.quantity` counts; "question=answers" for coded answers, whose value is that of
    answer_numbers. substance, rung, paragraph: [concepts] medicines ladder; paragraph: BNF paragraphs, -1 = not known, empty =
    nobody knows. providers: names of Stays.provider. inputs: [P] numbers of the site by name, NaN = unknown.
    """

    person: Int32
    birth: Int32
    sex: Int8
    death: Int32
    hospital_from: Int32
    hospital_without_stays: NDArray[np.bool_]
    coded: Coded
    measured: Measured
    issues: Issues
    stays: Stays
    quantities: tuple[str, ...]
    substance: Int32
    rung: Int8
    paragraph: Int32 = field(default_factory=lambda: np.empty(0, np.int32))
    providers: tuple[str, ...] = ()
    inputs: Mapping[str, Float64] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.person)


Family = TypeVar("Family", Coded, Measured, Issues, Stays)
# Columns that are not int32.
TYPES: dict[str, Any] = {"offsets": np.int64, "record": np.int64, "stay": np.int64, "value": np.float64,
                         "comparator": np.int8, "role": np.int8, "setting": np.int8, "admission": np.int8}


def family_of(kind: type[Family], people: int, rows: Mapping[str, NDArray[Any]]) -> Family:
    """A family from columns in its order; column `i` [rows] is each row's person, ascending."""
    offsets = np.zeros(people + 1, np.int64)
    np.cumsum(np.bincount(rows["i"].astype(np.int64), minlength=people), out=offsets[1:])
    names = [name for name in kind.__annotations__ if name != "offsets"]
    return kind(offsets=offsets, **{
        name: np.ascontiguousarray(rows[name].astype(TYPES.get(name, np.int32))) for name in names})


def empty_family(kind: type[Family], people: int) -> Family:
    """A family without rows for `people` persons."""
    return family_of(kind, people, {name: np.empty(0, np.int64) for name in ("i", *kind.__annotations__)})


def of_people(arrays: PracticeArrays, places: NDArray[np.integer[Any]]) -> PracticeArrays:
    """The arrays of some of the people, in the order of `places`."""
    def rows(family: Family) -> tuple[Int64, Int64]:
        """The rows of these people, and their new offsets."""
        low, sizes = family.offsets[:-1][places], np.diff(family.offsets)[places]
        offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
        return np.repeat(low - offsets[:-1], sizes) + np.arange(offsets[-1]), offsets

    def part(family: Family) -> Family:
        which, offsets = rows(family)
        columns: dict[str, Any] = {name: column[which] if len(column) else column
                                   for name, column in family._asdict().items() if name != "offsets"}
        return type(family)(**{**columns, "offsets": offsets})

    stays = rows(arrays.stays)[0]
    now_at = np.full(len(arrays.stays.record) + 1, -1, np.int64)        # the last stands for "no stay"
    now_at[stays] = np.arange(len(stays))
    coded = part(arrays.coded)
    people: dict[str, Any] = {name: getattr(arrays, name)[places] for name in ("person", "birth", "sex", "death", "hospital_from",
                                                               "hospital_without_stays")}
    return replace(arrays, **people, inputs={name: column[places] for name, column in arrays.inputs.items()},
                   coded=coded._replace(stay=now_at[coded.stay]), measured=part(arrays.measured), issues=part(arrays.issues),
                   stays=part(arrays.stays))


def answer_numbers(categories: Sequence[str]) -> dict[str, float]:
    """category -> the number that an answer of it has: itself where all of them are numbers, else their order."""
    names = list(dict.fromkeys(categories))
    try:
        return {name: float(name) for name in names}
    except ValueError:
        return {name: float(n) for n, name in enumerate(names)}
