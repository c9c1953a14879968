"""Small things about people: consents, care plans, allergies, their doctor, and how well their identity is known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from frailty.synthetic.homes import Residence
from frailty.synthetic.latent import has_at
from frailty.synthetic.people import HOSPITAL_ONLY, OPEN, REGISTERED, Bool, Int8, Int32, Int64, People
from frailty.synthetic.settings import Settings

NO_PLAN, OWN_PLAN, HOME_PLAN = range(3)


@dataclass(frozen=True)
class Consents:
    """Columns [people] as in `Extras`."""

    objection: Int32
    ended: Int32
    other: Int32


@dataclass
class Extras:
    """Columns [people]."""

    objection: Int32            # day on which an objection to profiling was recorded; OPEN: none
    objection_ended: Int32      # day on which it was taken back; OPEN: stands
    other_consent: Int32        # position among the other kinds of consent; -1: none
    plan_kind: Int8             # none, personalised care and support plan, care home plan
    plan_from: Int32
    plan_review: Int32
    allergy: Int32              # medicine that is not tolerated; -1: none
    usual_gp: Int32             # number of the doctor in the practice
    gp_nhs: Int64               # NHS number as the practice holds it; 0 = none
    hospital_nhs: Int64
    hospital_birth: Int32       # birth date as the hospital holds it
    in_hospital_files: Bool

    @property
    def objecting(self) -> Bool:
        """Who objects to profiling now."""
        stands: Bool = (self.objection < OPEN) & (self.objection_ended == OPEN)
        return stands


def draw_extras(settings: Settings, rng: Generator, today: int, people: People, onset: Int32, in_hospital: Int32,
                drugs: int, residence: Residence, consents: Consents) -> Extras:
    """in_hospital: persons with any stay."""
    count = len(people)
    kind, start, review = _plans(settings, rng, today, people, onset, residence)
    gp_nhs, hospital_nhs, hospital_birth, present = _identities(settings, rng, people, in_hospital)
    allergic = rng.random(count) < settings.number("population.shares.allergic")
    return Extras(
        objection=consents.objection,
        objection_ended=consents.ended,
        other_consent=consents.other,
        plan_kind=kind,
        plan_from=start,
        plan_review=review,
        allergy=np.where(allergic, rng.integers(0, drugs, count), -1).astype(np.int32),
        usual_gp=(people.household % 5).astype(np.int32),
        gp_nhs=gp_nhs,
        hospital_nhs=hospital_nhs,
        hospital_birth=hospital_birth,
        in_hospital_files=present,
    )


def draw_consents(settings: Settings, rng: Generator, today: int, people: People) -> Consents:
    """Objections and other consents of registered adults."""
    per_1000 = settings.table("population.per_1000")
    adults = np.flatnonzero((people.status == REGISTERED) & (people.age >= 18))
    registered = (people.status == REGISTERED).sum() / 1000
    weight = np.where(people.age[adults] >= 65, settings.number("population.shares.objection_over_65"), 1.0)
    objectors = rng.choice(adults, max(3, round(registered * per_1000["objection"])), False, weight / weight.sum())
    objection, ended, other = (np.full(len(people), value, np.int32) for value in (OPEN, OPEN, -1))
    objection[objectors] = rng.integers(today - 1500, today - 31, len(objectors))
    ended[objectors[:max(1, len(objectors) // 10)]] = today - 30
    some = rng.choice(adults, max(3, round(registered * per_1000["other_consent"])), False)
    other[some] = rng.integers(0, 3, len(some))
    return Consents(objection, ended, other)


def _plans(settings: Settings, rng: Generator, today: int, people: People, onset: Int32,
           residence: Residence) -> tuple[Int8, Int32, Int32]:
    count, burden = len(people), has_at(onset, today).sum(axis=1)
    severe, moderate = (settings.number(f"frailty_codes.{level}_from") for level in ("severe", "moderate"))
    share = np.select([people.home >= 0, burden >= severe, burden >= moderate],
                      [settings.number(f"care_plan.{kind}_share") for kind in ("resident", "severe", "moderate")], 0.0)
    planned = (rng.random(count) < share) & (people.practice >= 0) & (people.death == OPEN)
    planned &= people.registered_to == OPEN
    start = today - rng.integers(20, 420, count)
    admitted = residence.admitted_on.astype(np.int64)
    start = np.where(admitted < OPEN, np.maximum(start, admitted + 1), start)
    planned &= ~((admitted < OPEN) & (admitted > today - 12)) & (start < today)
    overdue = rng.random(count) < settings.number("care_plan.overdue_share")
    late, due = np.maximum(start + 1, today - rng.integers(1, 60, count)), today + rng.integers(14, 300, count)
    kind = np.where(planned, np.where(people.home >= 0, HOME_PLAN, OWN_PLAN), NO_PLAN)
    return kind.astype(np.int8), start.astype(np.int32), np.where(overdue, late, due).astype(np.int32)


def _identities(settings: Settings, rng: Generator, people: People,
                in_hospital: Int32) -> tuple[Int64, Int64, Int32, Bool]:
    """NHS numbers and birth dates as the two sides hold them: a few are missing or differ."""
    registered = np.flatnonzero(people.status == REGISTERED)
    gp_nhs, hospital_nhs, birth = people.nhs.copy(), people.nhs.copy(), people.birth.copy()
    share = settings.table("population.shares")
    gp_nhs[rng.choice(registered, max(1, round(len(registered) * share["no_nhs_number_gp"])), False)] = 0
    present = np.zeros(len(people), np.bool_)
    present[in_hospital] = True
    present |= people.status == HOSPITAL_ONLY
    shared = rng.permutation(np.flatnonzero(present & (people.status != HOSPITAL_ONLY)))
    hidden = max(1, round(len(shared) * share["no_nhs_number_hospital"]))
    differ = max(1, round(len(registered) * settings.number("population.per_1000.two_birth_dates") / 1000))
    hospital_nhs[shared[:hidden]] = 0
    wrong = shared[hidden:hidden + differ]
    birth[wrong] += np.where(rng.random(len(wrong)) < 0.5, 1, 365).astype(np.int32)
    return gp_nhs, hospital_nhs, birth, present
