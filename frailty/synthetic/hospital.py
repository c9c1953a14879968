"""The hospital: emergency and planned stays, attendances, and their ICD-10 diagnoses, out of the same hazards that
rule the future."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from frailty.synthetic.homes import Residence
from frailty.synthetic.latent import Exposure, admission_rate, has_at, recency
from frailty.synthetic.people import HOSPITAL_ONLY, OPEN, YEAR, Bool, Float64, Int32, People
from frailty.synthetic.rows import EMERGENCY, INPATIENT, Diagnoses, Stays, join, keep
from frailty.synthetic.settings import Settings


@dataclass(frozen=True)
class Icd10:
    """icd10.csv followed by elective.csv, as columns."""

    code: list[str]
    term: list[str]
    deficit: Int32
    primary: Float64        # emergency
    secondary: Float64
    elective: Float64
    age_from: Float64
    age_to: Float64


def load_icd10(settings: Settings) -> Icd10:
    """Both tables; a code may stand in each."""
    rows = [(row, float(row["primary"]), float(row["secondary"]), 0.0) for row in settings.rows("icd10.csv")]
    rows += [(row, 0.0, 0.0, float(row["weight"])) for row in settings.rows("elective.csv")]
    return Icd10(
        [r["code"] for r, *_ in rows], [r["term"] for r, *_ in rows],
        np.array([settings.deficits.index(r["deficit"]) if r["deficit"] else -1 for r, *_ in rows], dtype=np.int32),
        np.array([p for _, p, _, _ in rows]), np.array([s for _, _, s, _ in rows]), np.array([e for *_, e in rows]),
        np.array([float(r["age_from"]) for r, *_ in rows]), np.array([float(r["age_to"]) for r, *_ in rows]))


@dataclass(frozen=True)
class Hospital:
    """Everything the hospital holds, and the last discharge of each person before the extract (OPEN = none)."""

    stays: Stays
    diagnoses: Diagnoses
    last_discharge: Int32
    inpatients: Int32       # persons in hospital now


def admissions(settings: Settings, rng: Generator, as_of: int, people: People, onset: Int32, of: Exposure,
               residence: Residence, quiet_after: Int32) -> Stays:
    """Stays of the last years. Quarter by quarter, so that a discharge raises the risk of the next."""
    years = settings.number("hospital.years")
    quarters = round(years * 4)
    length = years * YEAR / quarters
    until = np.minimum(np.minimum(people.death, people.registered_to), quiet_after)
    last = np.full(len(people), -OPEN, np.int64)
    found: list[tuple[Int32, Int32, Bool]] = []
    for quarter in range(quarters):
        start = int(as_of - years * YEAR + quarter * length)
        age = of.age - (as_of - start) / YEAR
        then = Exposure(age, of.male, of.quintile, of.practice, of.frailty, of.alone, of.resident, of.many)
        rate = admission_rate(settings, then, has_at(onset, start + 45))
        rate = rate * np.exp(settings.number("hazard.recency")
                             * recency(settings, np.maximum(start + 20 - last, 0).astype(np.float64)) * (last > 0))
        rate = np.where(people.status == HOSPITAL_ONLY, settings.number("hospital.elsewhere_rate"), rate)
        dying = (people.death < OPEN) & (people.death - start < 300)
        rate = rate * np.where(dying, settings.number("hospital.before_death"), 1.0) * (people.birth < start)
        for urgent, per_year in ((True, rate), (False, _planned(settings, people, has_at(onset, start + 45)))):
            times = rng.poisson(per_year * length / YEAR)
            who = np.repeat(np.arange(len(people)), times).astype(np.int32)
            day = (start + rng.random(len(who)) * length).astype(np.int32)
            fits = (day >= people.birth[who]) & (day < until[who]) & (day < as_of)
            found.append((who[fits], day[fits], np.full(int(fits.sum()), urgent)))
            if urgent:
                np.maximum.at(last, who[fits], day[fits] + 5)
    person = np.concatenate([who for who, _, _ in found])
    day = np.concatenate([when for _, when, _ in found])
    emergency = np.concatenate([flag for *_, flag in found])
    stays = _stays(settings, rng, people, person, day, emergency)
    stays = _last_days(settings, rng, as_of, people, stays, residence)
    order = np.lexsort((stays.start_minute, stays.start, stays.person))
    stays = keep(stays, order)
    return _tidy(rng, as_of, people, stays, residence)


def _planned(settings: Settings, people: People, has: Bool) -> Float64:
    n = settings.number
    rate: Float64 = n("hospital.elective_rate") + n("hospital.elective_per_deficit") * has.sum(axis=1)
    return np.minimum(rate, n("hospital.elective_most")) * (people.age > 18)


def _stays(settings: Settings, rng: Generator, people: People, person: Int32, day: Int32, emergency: Bool) -> Stays:
    count, n = len(person), settings.number
    decades = np.clip((people.age[person] - 60) / 10, -2, 4)
    mean = n("hospital.length_of_stay") * np.exp(n("hospital.length_of_stay_age") * decades
                                                 + n("hospital.length_of_stay_frailty") * people.frailty[person])
    none = rng.random(count) < np.where(emergency, n("hospital.no_night_share"), n("hospital.day_case_share"))
    nights = np.where(emergency, rng.exponential(mean), rng.exponential(n("hospital.elective_stay"), count))
    nights = np.where(none, 0, np.minimum(nights, 120)).astype(np.int64)
    through_door = emergency & (rng.random(count) < n("hospital.class_emer_share"))
    urgent, planned = (_methods(settings, rng, kind, count) for kind in ("emergency", "elective"))
    method = np.where(emergency, urgent, planned)
    home = np.where(people.household[person] % 2 == 0, "54", "65")
    usual = np.where(people.home[person] >= 0, home, "19")
    return Stays(
        person=person, start=day, start_minute=rng.integers(0, 1439, count).astype(np.int32),
        end=(day + nights).astype(np.int32), kind=np.where(through_door, EMERGENCY, INPATIENT).astype(np.int8),
        method=method, admitted_from=np.where(method == "2B", "51", usual), discharged_to=usual.copy(),
        died=np.zeros(count, np.bool_), emergency=emergency)


def _methods(settings: Settings, rng: Generator, kind: str, count: int) -> NDArray[np.str_]:
    """Admission methods of UK Core, in the shares of the settings."""
    shares = settings.table(f"hospital.{kind}_methods")
    weights = np.array(list(shares.values()))
    return np.array(list(shares))[rng.choice(len(shares), count, p=weights / weights.sum())]


def attendances(settings: Settings, rng: Generator, as_of: int, people: People, admission: Float64,
                quiet_after: Int32) -> Stays:
    """Visits to the emergency department without admission."""
    n = settings.number
    years = n("hospital.years")
    rate = n("hospital.emergency_visit_rate") * (
        n("hospital.visit_floor") + n("hospital.visit_per_admission") * np.minimum(admission, 0.6))
    rate = rate * np.exp(n("hospital.visit_attendance") * people.attendance)
    rate = rate * np.where(people.age < 6, n("hospital.visit_under_6"), 1.0) * (people.status != HOSPITAL_ONLY)
    person = np.repeat(np.arange(len(people)), rng.poisson(rate * years)).astype(np.int32)
    day = (as_of - 1 - rng.random(len(person)) * years * YEAR).astype(np.int32)
    until = np.minimum(np.minimum(people.death, people.registered_to), quiet_after)
    fits = (day >= people.birth[person]) & (day < until[person])
    person, day, count = person[fits], day[fits], int(fits.sum())
    blank = np.full(count, "", dtype="<U2")
    return Stays(
        person=person, start=day, start_minute=rng.integers(0, 1300, count).astype(np.int32), end=day.copy(),
        kind=np.full(count, EMERGENCY, np.int8), method=blank, admitted_from=blank.copy(), discharged_to=blank.copy(),
        died=np.zeros(count, np.bool_), emergency=np.zeros(count, np.bool_))


def _last_days(settings: Settings, rng: Generator, as_of: int, people: People, stays: Stays,
               residence: Residence) -> Stays:
    """Stays that end in death, and residents who are just back in their home."""
    here = rng.random(len(people)) < settings.number("hospital.death_in_hospital")
    dying = np.flatnonzero((people.death < OPEN) & here & (people.practice >= 0))
    back = np.flatnonzero(residence.returned)
    person = np.concatenate([dying, back]).astype(np.int32)
    admitted = people.death[dying] - rng.integers(1, 20, len(dying)), as_of - rng.integers(9, 16, len(back))
    start = np.maximum(np.concatenate(admitted), people.birth[person]).astype(np.int32)
    extra = _stays(settings, rng, people, person, start, np.ones(len(person), np.bool_))
    extra.end = np.concatenate([people.death[dying], as_of - rng.integers(2, 7, len(back))]).astype(np.int32)
    extra.died[:len(dying)] = True
    extra.kind[:] = INPATIENT
    clash = residence.returned[stays.person] & ((stays.start > as_of - 60) | (stays.end > as_of - 30))
    joined: Stays = join([keep(stays, ~clash), extra])
    return joined


def _tidy(rng: Generator, as_of: int, people: People, stays: Stays, residence: Residence) -> Stays:
    """No stay begins within another; none runs past death; what has not ended yet is open."""
    clear = np.ones(len(stays.person), np.bool_)
    person, start, end = stays.person.tolist(), stays.start.tolist(), stays.end.tolist()
    last_person, last_end, last_row = -1, 0, -1
    died = stays.died.tolist()
    for row in range(len(person)):
        if person[row] == last_person and start[row] <= last_end:
            if not died[row]:
                clear[row] = False
                continue
            clear[last_row] = False
        last_person, last_end, last_row = person[row], end[row], row
    stays = keep(stays, clear)
    death = people.death[stays.person]
    stays.died |= stays.end >= death
    stays.end = np.minimum(stays.end, death).astype(np.int32)
    stays.end = np.where(stays.end > as_of - 1, OPEN, stays.end).astype(np.int32)
    stays.discharged_to = np.where(stays.died, "79", stays.discharged_to)
    stays.discharged_to = np.where(stays.end == OPEN, "", stays.discharged_to)
    return stays


def diagnose(
    settings: Settings, rng: Generator, as_of: int, people: People, stays: Stays, onset: Int32, icd: Icd10
) -> Diagnoses:
    """Primary and secondary diagnoses of every ended stay that has been coded by now."""
    delay = np.ceil(rng.exponential(settings.number("hospital.coding_delay"), len(stays.end)))
    coded_on = stays.end.astype(np.int64) + delay
    rows = np.flatnonzero((stays.kind != EMERGENCY) | stays.emergency)
    rows = rows[(stays.end[rows] < OPEN) & (coded_on[rows] < as_of)]
    person, start = stays.person[rows], stays.start[rows]
    age = people.age[person] - (as_of - start) / YEAR
    has = onset[person] <= start[:, None]
    member = np.where(icd.deficit >= 0, has[:, np.maximum(icd.deficit, 0)], True)
    member &= (age[:, None] >= icd.age_from) & (age[:, None] < icd.age_to)
    weight = np.where(stays.emergency[rows][:, None], icd.primary, icd.elective) * member
    weight[:, :] += 1e-12 * member
    total = np.cumsum(weight, axis=1)
    primary = (rng.random(len(rows))[:, None] * total[:, -1:] > total).sum(axis=1)
    primary = np.minimum(primary, len(icd.code) - 1)
    years_ago = (as_of - start) / YEAR / settings.number("hospital.years")
    depth = settings.number("hospital.depth_now") + (settings.number("hospital.depth_start")
                                                     - settings.number("hospital.depth_now")) * years_ago
    depth = depth * np.where(stays.emergency[rows], 1.0, settings.number("hospital.depth_elective"))
    second = member & (rng.random(member.shape) < icd.secondary * depth[:, None])
    at, code = np.nonzero(second)
    other = code != primary[at]
    at, code = at[other], code[other]
    stay = np.concatenate([rows, rows[at]])
    what = np.concatenate([primary, code])
    order = np.lexsort((np.r_[np.zeros(len(rows), int), np.ones(len(at), int)], stay))
    stay, what = stay[order], what[order]
    new = np.r_[True, np.diff(stay) != 0]
    rank = np.arange(len(stay)) - np.maximum.accumulate(np.where(new, np.arange(len(stay)), 0)) + 1
    own = rng.random(len(stay)) < settings.number("hospital.own_date_share")
    link = rng.random(int(stay.max(initial=0)) + 1) < settings.number("hospital.encounter_only_share")
    dotted = rng.random(int(stay.max(initial=0)) + 1) < settings.number("hospital.dotted_share")
    return Diagnoses(stay.astype(np.int32), what.astype(np.int32), rank.astype(np.int32),
                     np.where(own, coded_on[stay], -1).astype(np.int32), coded_on[stay].astype(np.int32),
                     link[stay].astype(np.int8), dotted[stay])


def make_hospital(settings: Settings, rng: Generator, as_of: int, people: People, onset: Int32, of: Exposure,
                  residence: Residence, quiet_after: Int32, icd: Icd10) -> Hospital:
    """Everything the hospital holds."""
    inpatient = admissions(settings, rng, as_of, people, onset, of, residence, quiet_after)
    rate = admission_rate(settings, of, has_at(onset, as_of))
    stays: Stays = join([inpatient, attendances(settings, rng, as_of, people, rate, quiet_after)])
    stays = keep(stays, np.lexsort((stays.start_minute, stays.start, stays.person)))
    last = np.full(len(people), -OPEN, np.int64)
    ended = stays.emergency & (stays.end < OPEN)
    np.maximum.at(last, stays.person[ended], stays.end[ended])
    return Hospital(stays, diagnose(settings, rng, as_of, people, stays, onset, icd),
                    np.where(last < 0, OPEN, last).astype(np.int32), np.unique(stays.person[stays.end == OPEN]))
