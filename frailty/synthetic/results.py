"""Test results and scores in GP records."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
from numpy.random import Generator

from frailty.synthetic.latent import has_at
from frailty.synthetic.people import YEAR, Bool, Float64, Int32, People
from frailty.synthetic.rows import Measured, join
from frailty.synthetic.settings import Settings, day_number


@dataclass(frozen=True)
class Test:
    """One row of tests.csv."""

    id: str
    quantity: str
    male: float
    female: float
    person_sd: float
    visit_sd: float
    decade: float
    deficit: int            # -1: none
    shift: float
    shift_sd: float
    rate: float
    rate_65: float
    rate_deficit: float
    decimals: int
    low: float
    high: float
    unit: str
    ucum: str
    old_unit: str
    old_factor: float
    old_until: int          # day; 0: never
    text_unit: float
    no_unit: float


_NUMBERS = ("male", "female", "person_sd", "visit_sd", "decade", "shift", "shift_sd", "rate", "rate_65", "rate_deficit",
            "low", "high", "old_factor", "text_unit", "no_unit")


def load_tests(settings: Settings) -> list[Test]:
    """The rows of tests.csv, in file order."""
    found = []
    for row in settings.rows("tests.csv"):
        values: dict[str, Any] = {name: float(row[name]) for name in _NUMBERS}
        values |= {name: row[name] for name in ("id", "quantity", "unit", "ucum", "old_unit")}
        until, deficit = row["old_until"], row["deficit"]
        found.append(Test(
            **values, decimals=int(row["decimals"]), deficit=settings.deficits.index(deficit) if deficit else -1,
            old_until=day_number(date.fromisoformat(until)) if until else 0))
    return found


def results(settings: Settings, rng: Generator, as_of: int, people: People, tests: list[Test], onset: Int32,
            recorded: Int32) -> Measured:
    """Results of the last years. A deficit shifts its result from its onset on, whether anybody has coded it or not."""
    parts = [_one(settings, rng, as_of, people, index, test, onset, recorded) for index, test in enumerate(tests)]
    found: Measured = join(parts)
    return found


def _one(settings: Settings, rng: Generator, as_of: int, people: People, index: int, test: Test, onset: Int32,
         recorded: Int32) -> Measured:
    years = settings.number("tests.years")
    young = np.where(people.age >= 18, test.rate, settings.number("tests.child_share") * test.rate)
    rate = np.where(people.age >= 65, test.rate_65, young)
    if test.deficit >= 0:
        rate = rate + test.rate_deficit * (recorded[:, test.deficit] < as_of)
    rate = rate * np.exp(settings.number("tests.attendance") * people.attendance) * (people.practice >= 0)
    times = rng.poisson(rate * years)
    person = np.repeat(np.arange(len(people)), times).astype(np.int32)
    day = (as_of - 1 - rng.random(len(person)) ** 1.2 * years * YEAR).astype(np.int32)
    value = _values(rng, as_of, people, test, person, day, onset)
    dice = rng.random(len(person))
    spelling = np.where(dice < test.no_unit, 2, np.where(dice < test.no_unit + test.text_unit, 1, 0))
    if test.old_until:
        # A few results were typed in from older systems, in the unit of their time.
        old = rng.random(len(person)) < settings.number("tests.old_share")
        then = test.old_until - 1 - rng.integers(0, 1500, len(person))
        day = np.where(old, np.minimum(day, then), day).astype(np.int32)
        spelling = np.where(day < test.old_until, 3, spelling)
    second = np.full(len(person), np.nan)
    if test.id == "bp":
        second = np.round(np.clip(0.42 * value + 21 + 6 * rng.standard_normal(len(person)), 38, 130))
    in_error = rng.random(len(person)) < settings.number("tests.in_error_share")
    return Measured(
        person=person, test=np.full(len(person), index, np.int32), effective=day,
        minute=rng.integers(500, 1050, len(person)).astype(np.int32), recorded=day, value=value, second=second,
        spelling=spelling.astype(np.int8), in_error=in_error, source=np.zeros(len(person), np.int8))


def _values(rng: Generator, as_of: int, people: People, test: Test, person: Int32, day: Int32, onset: Int32) -> Float64:
    own = rng.standard_normal(len(people)) * test.person_sd
    age = people.age[person] - (as_of - day) / YEAR
    value: Float64 = (np.where(people.male[person], test.male, test.female) + own[person]
                      + test.decade * np.maximum(age - 60, 0) / 10 + test.visit_sd * rng.standard_normal(len(person)))
    if test.deficit >= 0 and test.shift:
        size = test.shift + test.shift_sd * rng.standard_normal(len(people))
        size = np.where(np.sign(size) == np.sign(test.shift), size, 0.1 * test.shift)
        value += np.where(onset[person, test.deficit] <= day, size[person], 0.0)
    return np.round(np.clip(value, test.low, test.high), test.decimals).astype(np.float64)


def shown_by_value(tests: list[Test], rows: Measured, onset: Int32, as_of: int) -> Bool:
    """Deficits that a result shows [people, deficits]: present, and tested since with a test that has a rule."""
    found = np.zeros(onset.shape, np.bool_)
    present = has_at(onset, as_of)
    for index, test in enumerate(tests):
        if test.deficit >= 0 and test.quantity:
            hit = (rows.test == index) & (rows.effective >= onset[rows.person, test.deficit]) & ~rows.in_error
            found[rows.person[hit], test.deficit] = True
    return found & present
