"""Who lives in the made-up locality: ages, households, deprivation, practices, moves, deaths, identifiers, names."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TypeVar

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from frailty.errors import FrailtyError
from frailty.synthetic.settings import PracticePlan, Settings

Int8 = NDArray[np.int8]
Int32 = NDArray[np.int32]
Int64 = NDArray[np.int64]
Float64 = NDArray[np.float64]
Bool = NDArray[np.bool_]

OPEN = 2**31 - 1
YEAR = 365.25
STATUSES = ("registered", "died-formal", "died-informal", "left", "hospital-only")
REGISTERED, DIED_FORMAL, DIED_INFORMAL, LEFT, HOSPITAL_ONLY = range(5)
MOST_PEOPLE = 800_000        # the 999 range holds about 909,000 valid NHS numbers


@dataclass
class People:
    """Everybody in the records, as columns [people]; registered people first, then the dead, those who left, and
    patients of the hospital who belong elsewhere."""

    birth: Int32                # days since 1970-01-01
    age: Float64                # years at the date of the extract (or as it would have been)
    male: Bool
    status: Int8                # position in STATUSES
    practice: Int8              # -1: of none
    old_practice: Int8          # -1: has not moved
    moved_on: Int32             # OPEN: has not moved
    registered_from: Int32
    registered_to: Int32        # OPEN: still registered
    death: Int32                # OPEN: alive
    quintile: Int8              # deprivation, 1 = most
    household: Int32
    alone: Bool
    ethnicity: Int8             # position in the settings' list
    frailty: Float64            # latent, never written into a record
    metabolic: Float64          # latent
    attendance: Float64         # how readily somebody goes to the doctor
    home: Int8                  # care home, -1: none
    nhs: Int64
    given: Int32
    surname: Int32

    def __len__(self) -> int:
        return len(self.birth)


_T = TypeVar("_T", bound=People)


def _take(people: People, rows: NDArray[np.int64] | slice) -> People:
    return People(**{field.name: getattr(people, field.name)[rows] for field in fields(People)})


def _join(parts: list[People]) -> People:
    return People(**{field.name: np.concatenate([getattr(part, field.name) for part in parts])
                     for field in fields(People)})


def make_people(settings: Settings, rng: Generator, as_of: int, people: int, plans: list[PracticePlan]) -> People:
    """`people` registered persons, and beside them the dead, those who left and patients of the hospital only."""
    if people > MOST_PEOPLE:
        raise FrailtyError(
            f"A locality of {people:,} people is too large.",
            why="the test range of NHS numbers is full",
            mend=f"ask for at most {MOST_PEOPLE:,}; for kernels use synthetic_arrays",
        )
    per_1000 = settings.table("population.per_1000")
    counts = {key: max(2, round(people * per_1000[key] / 1000)) for key in ("died", "left", "hospital_only")}
    registered = _persons(settings, rng, as_of, people, REGISTERED)
    pool = _persons(settings, rng, as_of, 14 * counts["died"], DIED_FORMAL)
    rate = settings.number("death.decade_over_75") * (pool.age - 75) / 10 \
        + settings.number("death.frailty") * pool.frailty + rng.gumbel(size=len(pool))
    dead = _take(pool, np.sort(np.argsort(-rate)[:counts["died"]]))
    left = _persons(settings, rng, as_of, counts["left"], LEFT)
    elsewhere = _persons(settings, rng, as_of, counts["hospital_only"], HOSPITAL_ONLY)

    dead.death[:] = rng.integers(as_of - 730, as_of - 2, len(dead))
    dead.death[:] = np.maximum(dead.death, dead.birth + 30)
    informal = max(1, round(len(dead) * settings.number("population.shares.informal_death")))
    recent = np.argsort(-dead.death, kind="stable")[:informal]
    dead.status[recent] = DIED_INFORMAL
    left.registered_to[:] = rng.integers(as_of - 365, as_of - 15, len(left))
    everybody = _join([registered, dead, left, elsewhere])
    _registrations(settings, rng, as_of, everybody, plans)
    everybody.nhs[:] = nhs_numbers(rng, len(everybody))
    return everybody


def _persons(settings: Settings, rng: Generator, as_of: int, count: int, status: int) -> People:
    start, end = settings.numbers("population.age_from"), settings.numbers("population.age_to")
    band = rng.choice(len(start), count, p=settings.shares("population.age_share"))
    age = start[band] + (end[band] - start[band]) * rng.random(count)
    oldest = end[band] == end[-1]
    past = rng.exponential(settings.number("population.years_over_90"), int(oldest.sum()))
    age[oldest] = start[-1] + np.minimum(past, end[-1] - start[-1] - 0.1)
    birth = np.floor(as_of - age * YEAR).astype(np.int32)
    male = rng.random(count) < settings.numbers("population.male_share")[band]
    groups = settings.shares("population.ethnicity_share")
    ethnic = rng.choice(len(groups), count, p=groups)
    frailty = rng.standard_normal(count)
    return People(
        birth=birth,
        age=(as_of - birth) / YEAR,
        male=male,
        status=np.full(count, status, np.int8),
        practice=np.full(count, -1, np.int8),
        old_practice=np.full(count, -1, np.int8),
        moved_on=np.full(count, OPEN, np.int32),
        registered_from=birth.copy(),
        registered_to=np.full(count, OPEN, np.int32),
        death=np.full(count, OPEN, np.int32),
        quintile=np.zeros(count, np.int8),
        household=np.zeros(count, np.int32),
        alone=np.zeros(count, np.bool_),
        ethnicity=ethnic.astype(np.int8),
        frailty=frailty,
        metabolic=rng.standard_normal(count),
        attendance=settings.number("latent.attendance_spread") * rng.standard_normal(count),
        home=np.full(count, -1, np.int8),
        nhs=np.zeros(count, np.int64),
        given=rng.integers(0, 1 << 20, count).astype(np.int32),
        surname=rng.integers(0, 1 << 20, count).astype(np.int32),
    )


def _registrations(settings: Settings, rng: Generator, as_of: int, people: People, plans: list[PracticePlan]) -> None:
    """Households, and with them practice, deprivation and surname; then who moved between the practices."""
    count = len(people)
    people.household[:] = _households(settings, rng, people.age)
    of_practice = people.status != HOSPITAL_ONLY
    last = int(people.household.max()) + 1
    practice = rng.choice(len(plans), last, p=np.array([plan.share for plan in plans]))
    quintile = 1 + rng.choice(5, last, p=settings.shares("population.deprivation_share"))
    people.practice[:] = np.where(of_practice, practice[people.household], -1)
    people.quintile[:] = quintile[people.household]
    size = np.bincount(people.household, minlength=last)
    people.alone[:] = size[people.household] == 1
    own_name = rng.random(count) < settings.number("population.other_surname_share")
    shared = rng.integers(0, 1 << 20, last)
    people.surname[:] = np.where(own_name, people.surname, shared[people.household])

    deprived = 3.0 - people.quintile
    people.frailty += settings.number("latent.frailty_deprivation") * deprived
    people.attendance += settings.number("latent.attendance_frailty") * people.frailty \
        + settings.number("latent.attendance_deprivation") * deprived

    years = rng.exponential(settings.number("population.years_registered"), count)
    end = np.minimum(np.minimum(people.registered_to, people.death), as_of)
    start = end - 40 - (years * YEAR).astype(np.int64)
    people.registered_from[:] = np.maximum(people.birth + 14, start)
    people.registered_from[:] = np.minimum(people.registered_from, end - 1)
    people.registered_from[:] = np.maximum(people.registered_from, people.birth)
    if len(plans) > 1:
        able = np.flatnonzero((people.status == REGISTERED) & (people.age > 3))
        moved = rng.choice(able, max(1, round(len(able) * settings.number("population.per_1000.moved") / 1000)), False)
        step = 1 + rng.integers(0, len(plans) - 1, len(moved))
        people.old_practice[moved] = (people.practice[moved] + step) % len(plans)
        people.moved_on[moved] = rng.integers(as_of - 700, as_of - 20, len(moved))
        people.registered_from[moved] = people.moved_on[moved]


def _households(settings: Settings, rng: Generator, age: Float64) -> Int32:
    """Household of each person: adults of like age together, small households for the old, children with adults."""
    household = np.empty(len(age), np.int32)
    adults = np.flatnonzero(age >= 18)
    order = adults[np.argsort(-(age[adults] + 6 * rng.standard_normal(len(adults))), kind="stable")]
    sizes = 1 + rng.choice(3, len(adults) + 1, p=settings.shares("population.household_adults_share"))
    sizes = sizes[:int(np.searchsorted(np.cumsum(sizes), len(adults))) + 1]
    place = np.arange(len(sizes)) / max(1, len(sizes))
    sizes = sizes[np.argsort(place + 0.25 * sizes + 0.2 * rng.standard_normal(len(sizes)), kind="stable")]
    household[order] = np.repeat(np.arange(len(sizes)), sizes)[:len(adults)]
    children = np.flatnonzero(age < 18)
    if len(children):
        parents = order[(age[order] > 22) & (age[order] < 52)]
        parents = parents if len(parents) else order
        wanted = max(1, int(len(children) / settings.number("population.children_per_family")))
        families = np.unique(household[parents])[:wanted]
        household[children] = rng.choice(rng.permutation(families), len(children)) if len(families) else 0
    return household


def nhs_numbers(rng: Generator, count: int) -> Int64:
    """Valid NHS numbers out of the 999 range, which is never given to a person, in random order without repeats."""
    middle = rng.permutation(1_000_000)
    nine = 999_000_000 + middle
    total = np.zeros(len(nine), np.int64)
    for place in range(9):
        total += (nine // 10 ** (8 - place) % 10) * (10 - place)
    check = 11 - total % 11
    check[check == 11] = 0
    valid: Int64 = (nine * 10 + check)[check != 10]
    return valid[:count]


class Names:
    """Names, telephone numbers and addresses, made when they are written."""

    def __init__(self, settings: Settings, people: People) -> None:
        words = settings.words
        self._female, self._male = words["given_female"], words["given_male"]
        self._start, self._end, self._prefix = words["surname_start"], words["surname_end"], words["surname_prefix"]
        self._street, self._kind, self._town = words["street"], words["street_kind"], words["town"]
        self._people = people
        self._phone_share = settings.number("population.phone_share")

    def given(self, person: int) -> str:
        """First name."""
        pool = self._male if self._people.male[person] else self._female
        pick = int(self._people.given[person])
        older = self._people.age[person] > 55        # the lists run from old-fashioned to new
        half = len(pool) // 2
        return pool[pick % half] if older else pool[half + pick % (len(pool) - half)]

    def family(self, person: int) -> str:
        """Surname."""
        pick = int(self._people.surname[person])
        name = self._start[pick % len(self._start)] + self._end[pick // 32 % len(self._end)]
        if pick % 41 == 7:
            name = self._prefix[pick // 41 % len(self._prefix)] + name
        elif pick % 53 == 11:
            name += "-" + self._start[pick // 53 % len(self._start)]
        return name

    def phone(self, person: int) -> str:
        """A number from the ranges kept for drama, or none."""
        pick = int(self._people.given[person]) * 7 + int(self._people.surname[person])
        if pick % 100 >= 100 * self._phone_share:
            return ""
        last = f"{pick // 100 % 1000:03d}"
        return f"01632 960{last}" if self._people.age[person] > 50 else f"07700 900{last}"

    def address(self, person: int) -> tuple[str, str, str]:
        """First line, town and postcode of the household (the home's own address is laid over it elsewhere)."""
        number, street = int(self._people.household[person]) % 68 + 1, int(self._people.household[person]) // 68
        line = f"{number} {self._street[street % len(self._street)]} {self._kind[street // 20 % len(self._kind)]}"
        letters = "ABDEFGHJLN"
        postcode = f"ZZ{street % 9 + 1} {street // 9 % 9 + 1}{letters[street // 81 % 10]}{letters[street * 7 % 10]}"
        return line, self._town[street % len(self._town)], postcode
