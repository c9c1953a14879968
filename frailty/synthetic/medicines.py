"""Medicines: who takes what, and the plans, issues and statements that the records hold of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from frailty.synthetic.latent import expit, logit
from frailty.synthetic.people import OPEN, YEAR, Bool, Float64, Int32, People
from frailty.synthetic.rows import ORDER, PLAN, STATEMENT, Issues, join, keep
from frailty.synthetic.settings import PracticePlan, Settings


@dataclass(frozen=True)
class Medicine:
    """One row of medicines.csv. course_days 0 = taken for good."""

    code: str
    display: str
    substance: str
    indications: tuple[tuple[int, float], ...]
    sex: str
    age_from: float
    age_to: float
    background_65: float
    background_adult: float
    course_days: int


def load_medicines(settings: Settings) -> list[Medicine]:
    """The rows of medicines.csv, in file order."""
    found = []
    for row in settings.rows("medicines.csv"):
        pairs = (pair.split(":") for pair in row["indications"].split(";") if pair)
        found.append(Medicine(
            row["code"], row["display"], row["substance"],
            tuple((settings.deficits.index(name), float(share)) for name, share in pairs), row["sex"],
            float(row["age_from"]), float(row["age_to"]), float(row["background_65"]), float(row["background_adult"]),
            int(row["course"] or 0)))
    return found


@dataclass(frozen=True)
class Prescribing:
    """issues, and how many lasting medicines each person takes now [people]."""

    issues: Issues
    regular: Int32


def prescribe(settings: Settings, rng: Generator, as_of: int, people: People, plans: list[PracticePlan],
              medicines: list[Medicine], known: Bool) -> Prescribing:
    """`known`: [people, deficits] that the practice knows of."""
    eligible = people.practice >= 0
    n = settings.number
    lean = n("medicines.frailty") * people.frailty + n("medicines.attendance") * people.attendance
    lean = lean + n("medicines.over_65") * (people.age >= 65)
    regular = np.zeros(len(people), np.int32)
    parts = []
    for index, medicine in enumerate(medicines):
        chance = _chance(people, medicine, known)
        with np.errstate(divide="ignore"):
            chance = expit(logit(np.clip(chance, 1e-9, 0.97)) + lean) * (chance > 0) * eligible
        if medicine.course_days:
            parts.append(_courses(settings, rng, as_of, index, medicine, chance))
            continue
        takes = np.flatnonzero(rng.random(len(people)) < chance).astype(np.int32)
        rows, current = _repeats(settings, rng, as_of, people, index, takes)
        regular[current] += 1
        parts.append(rows)
    orders: Issues = join(parts)
    order = np.lexsort((orders.day, orders.medicine, orders.person))
    orders = keep(orders, order)
    change = np.r_[True, (np.diff(orders.person) != 0) | (np.diff(orders.medicine) != 0)]
    orders.series = np.cumsum(change).astype(np.int32)
    return Prescribing(join([orders, *_around(orders, change, people, plans, medicines)]), regular)


def _chance(people: People, medicine: Medicine, known: Bool) -> Float64:
    without = 1 - np.where(people.age >= 65, medicine.background_65, medicine.background_adult)
    for deficit, share in medicine.indications:
        without = without * (1 - share * known[:, deficit])
    fits = (people.age >= medicine.age_from) & (people.age < medicine.age_to)
    if medicine.sex:
        fits &= people.male == (medicine.sex == "male")
    chance: Float64 = np.where(fits, 1 - without, 0.0)
    return chance


def _orders(person: Int32, medicine: int, day: Int32, ended: Int32, active: Bool) -> Issues:
    count = len(person)
    return Issues(person=person, medicine=np.full(count, medicine, np.int32), day=day, ended=ended,
                  role=np.full(count, ORDER, np.int8), series=np.zeros(count, np.int32), active=active,
                  source=np.zeros(count, np.int8))


def _repeats(settings: Settings, rng: Generator, as_of: int, people: People, index: int,
             takes: Int32) -> tuple[Issues, Int32]:
    """Regular issues of one medicine, and who takes it now."""
    n = settings.number
    dosette = (people.home[takes] >= 0) | (people.given[takes] % 100 < 100 * n("medicines.dosette_share"))
    every = np.where(dosette, n("medicines.dosette_days"), n("medicines.issue_days")).astype(np.int64)
    begun = as_of - 1 - rng.exponential(n("medicines.years_taken"), len(takes)) * YEAR
    stopped = rng.random(len(takes)) < n("medicines.stopped_share")
    last = as_of - 1 - np.where(stopped, rng.integers(150, 380, len(takes)), rng.integers(0, every))
    first = np.maximum(np.maximum(begun, as_of - n("medicines.years") * YEAR), people.birth[takes] + 365)
    times = np.clip(np.floor((last - first) / every) + 1, np.where(stopped, 0, 1), 16).astype(np.int64)
    row = np.repeat(np.arange(len(takes)), times)
    back = np.arange(len(row)) - np.repeat(np.cumsum(times) - times, times)
    day = (last[row] - back * every[row] - rng.integers(0, 4, len(row))).astype(np.int32)
    ended = (day + every[row]).astype(np.int32)
    return _orders(takes[row], index, day, ended, ~stopped[row]), takes[~stopped]


def _courses(settings: Settings, rng: Generator, as_of: int, index: int, medicine: Medicine, chance: Float64) -> Issues:
    """Short courses of the last year and a half."""
    times = rng.poisson(chance * settings.number("medicines.course_factor"))
    person = np.repeat(np.arange(len(chance)), times).astype(np.int32)
    day = (as_of - 1 - rng.random(len(person)) * 1.5 * YEAR).astype(np.int32)
    return _orders(person, index, day, day + np.int32(medicine.course_days), np.zeros(len(person), np.bool_))


def _around(
    orders: Issues, first: Bool, people: People, plans: list[PracticePlan], medicines: list[Medicine]
) -> list[Issues]:
    """One plan for each series, and in STU3 a statement with it. The first R4 practice writes orders alone."""
    shape = np.array([plan.shape == "stu3" for plan in plans])[np.maximum(people.practice, 0)]
    planned = np.array([plan.index > 0 for plan in plans])[np.maximum(people.practice, 0)]
    lasting = np.array([medicine.course_days == 0 for medicine in medicines])
    plan = keep(orders, first & planned[orders.person] & lasting[orders.medicine])
    plan.role = np.full(len(plan.person), PLAN, np.int8)
    plan.ended = np.where(plan.active, OPEN, plan.day + 300).astype(np.int32)
    statement = keep(plan, shape[plan.person])
    statement.role = np.full(len(statement.person), STATEMENT, np.int8)
    return [plan, statement]
