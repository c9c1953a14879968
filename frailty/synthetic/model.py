"""The whole made-up locality in memory: built once, written in any format."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from numpy.random import Generator, SeedSequence, default_rng

from frailty.synthetic import clinical, hospital, latent, medicines, results
from frailty.synthetic.catalogue import Codes, load_codes
from frailty.synthetic.homes import HomePlan, Residence, home_plans, settle
from frailty.synthetic.people import (
    DIED_INFORMAL,
    HOSPITAL_ONLY,
    LEFT,
    OPEN,
    REGISTERED,
    Bool,
    Float64,
    Int8,
    Int32,
    Names,
    People,
    make_people,
)
from frailty.synthetic.rows import (
    Coded,
    Contacts,
    Issues,
    Measured,
    copies_after_move,
    home_practice,
    in_life,
    join,
    keep,
    transferred,
)
from frailty.synthetic.settings import PracticePlan, Settings, day_number, load_settings, practice_plans

Progress = Callable[[str, int, int], None]
_STREAMS = ("people", "homes", "latent", "clinical", "results", "medicines", "hospital", "extras", "outcomes", "dirt")


@dataclass
class Extras:
    """Small things about people, as columns [people] unless said otherwise."""

    objection: Int32            # day on which an objection to profiling was recorded; OPEN: none
    objection_ended: Int32      # day on which it was taken back; OPEN: stands
    other_consent: Int32        # position among the other kinds of consent; -1: none
    plan_kind: Int8             # 0 none, 1 personalised care and support plan, 2 care home plan
    plan_from: Int32
    plan_review: Int32
    allergy: Int32              # medicine that is not tolerated; -1: none
    usual_gp: Int32             # number of the doctor in the practice
    gp_nhs: np.ndarray[Any, np.dtype[np.int64]]         # NHS number as the practice holds it; 0 = none
    hospital_nhs: np.ndarray[Any, np.dtype[np.int64]]
    hospital_birth: Int32       # birth date as the hospital holds it
    in_hospital_files: Bool


@dataclass
class Locality:
    """Everything. Columns are described where their classes stand."""

    settings: Settings
    codes: Codes
    as_of: int
    seed: int
    people: People
    names: Names
    plans: list[PracticePlan]
    homes: list[HomePlan]
    residence: Residence
    onset: Int32
    recorded: Int32
    coded: Coded
    tests: list[results.Test]
    measured: Measured
    medicines: list[medicines.Medicine]
    issues: Issues
    regular: Int32
    contacts: Contacts
    icd: hospital.Icd10
    hospital: hospital.Hospital
    extras: Extras
    quiet_after: Int32
    listed: Bool                # [people, deficits] shown by a listed code
    facts: Bool                 # [people, deficits] shown by anything
    never_seen: Float64         # [people, deficits] chance of staying unrecorded
    exposure: latent.Exposure
    streams: dict[str, Generator]

    @property
    def day(self) -> date:
        """Date of the extract."""
        return date.fromordinal(self.as_of + 719163)


def build(as_of: date, people: int, homes: int, practices: int, seed: int, rules: Path | None = None,
          progress: Progress | None = None) -> Locality:
    """Draws the locality. Every part has its own random stream, so that a change in one does not shuffle the others."""
    tell = progress or (lambda what, done, whole: None)
    settings, codes = load_settings(rules), load_codes(rules)
    rng = dict(zip(_STREAMS, (default_rng(s) for s in SeedSequence(seed).spawn(len(_STREAMS))), strict=True))
    today = day_number(as_of)
    plans = practice_plans(settings, practices)
    tell("people", 0, 6)
    everybody = make_people(settings, rng["people"], today, people, plans)
    home_list = home_plans(settings, people, homes, plans)
    residence = settle(settings, rng["homes"], today, everybody, home_list)
    tell("what is true of them", 1, 6)
    onset = latent.onsets(settings, rng["latent"], everybody)
    quiet_after = clinical.quiet(settings, rng["extras"], today, everybody)
    recorder = clinical.Recorder(settings, rng["clinical"], today, everybody, plans, codes)
    tell("general practice", 2, 6)
    contacts = recorder.contacts()
    contacts = keep(contacts, in_life(everybody, contacts.person, contacts.day, contacts.day, today, quiet_after))
    contacts.source = home_practice(everybody, contacts.person, contacts.day)
    first, recorded = recorder.deficits(onset)
    tests = results.load_tests(settings)
    measured = results.results(settings, rng["results"], today, everybody, tests, onset, recorded)
    measured = keep(measured, in_life(everybody, measured.person, measured.effective, measured.recorded, today, quiet_after))
    by_value = results.shown_by_value(tests, measured, onset, today)
    tell("medicines", 3, 6)
    known = (recorded < today) | by_value
    drugs = medicines.load_medicines(settings)
    prescribing = medicines.prescribe(settings, rng["medicines"], today, everybody, plans, drugs, known)
    issues = prescribing.issues
    issues = keep(issues, in_life(everybody, issues.person, issues.day, issues.day, today, quiet_after))
    everyday = recorder.summarised(join([first, recorder.noise(onset), recorder.background(),
                                         recorder.worklist_codes(onset, residence, prescribing.regular)]))
    coded = recorder.meet(clinical.inside(everybody, everyday, today, quiet_after), contacts)
    coded = recorder.undated(join([coded, recorder.home_visit_codes(contacts)]))
    coded.source = home_practice(everybody, coded.person, coded.recorded)
    measured.source = home_practice(everybody, measured.person, measured.recorded)
    issues.source = home_practice(everybody, issues.person, issues.day)
    listed, facts = clinical.shown(settings, codes, coded, len(everybody))
    carried = copies_after_move(everybody, rng["clinical"])
    coded, measured = transferred(everybody, coded, carried), transferred(everybody, measured, carried)

    tell("hospital", 4, 6)
    exposure = latent.Exposure(
        everybody.age, everybody.male, everybody.quintile,
        np.array([plan.hazard for plan in plans] + [0.0])[everybody.practice], everybody.frailty, everybody.alone,
        everybody.home >= 0, prescribing.regular >= settings.number("hazard.many_medicines"))
    icd = hospital.load_icd10(settings)
    stays = hospital.admissions(settings, rng["hospital"], today, everybody, onset, exposure, residence, quiet_after)
    rate = latent.admission_rate(settings, exposure, latent.has_at(onset, today))
    visits = hospital.attendances(settings, rng["hospital"], today, everybody, rate, quiet_after)
    stays = join([stays, visits])
    stays = keep(stays, np.lexsort((stays.start_minute, stays.start, stays.person)))
    diagnoses = hospital.diagnose(settings, rng["hospital"], today, everybody, stays, onset, icd)
    ward = hospital.gather(everybody, stays, diagnoses)
    tell("the rest", 5, 6)
    extras = _extras(settings, rng["extras"], today, everybody, onset, codes, stays.person, len(drugs), residence)
    never = np.clip(1 - recorder.chance() * _caught(recorded, onset, today), 0.02, 0.98)
    return Locality(settings, codes, today, seed, everybody, Names(settings, everybody), plans, home_list, residence, onset,
                    recorded, coded, tests, measured, drugs, issues, prescribing.regular, contacts, icd, ward, extras,
                    quiet_after, listed, facts | by_value, never, exposure, rng)


def _caught(recorded: Int32, onset: Int32, today: int) -> Float64:
    """How much of what will be coded one day is coded by now [deficits], over the whole locality."""
    has = latent.has_at(onset, today)
    return 0.5 + 0.5 * ((recorded < today) & has).sum(axis=0) / np.maximum(has.sum(axis=0), 1)


def _extras(settings: Settings, rng: Generator, today: int, people: People, onset: Int32, codes: Codes,
            in_hospital: Int32, drugs: int, residence: Residence) -> Extras:
    count = len(people)
    per_1000 = settings.table("population.per_1000")
    registered = int((people.status == REGISTERED).sum())
    living = np.flatnonzero((people.status == REGISTERED) & (people.age >= 18))
    weight = np.where(people.age[living] >= 65, 2.5, 1.0)
    objectors = rng.choice(living, max(3, round(registered * per_1000["objection"] / 1000)), False, weight / weight.sum())
    objection, ended = np.full(count, OPEN, np.int32), np.full(count, OPEN, np.int32)
    objection[objectors] = rng.integers(today - 1500, today - 1, len(objectors))
    back = objectors[:max(1, len(objectors) // 10)]
    ended[back] = np.maximum(today - 30, objection[back])
    other = np.full(count, -1, np.int32)
    some = rng.choice(living, max(3, round(registered * per_1000["other_consent"] / 1000)), False)
    other[some] = rng.integers(0, 3, len(some))

    burden = latent.has_at(onset, today).sum(axis=1)
    share = np.select([people.home >= 0, burden >= 13, burden >= 9],
                      [settings.number(f"care_plan.{kind}_share") for kind in ("resident", "severe", "moderate")], 0.0)
    planned = (rng.random(count) < share) & (people.practice >= 0) & (people.death == OPEN) & (people.registered_to == OPEN)
    start = today - rng.integers(20, 420, count)
    start = np.where(residence.admitted_on < OPEN, np.maximum(start, residence.admitted_on.astype(np.int64) + 1), start)
    overdue = rng.random(count) < settings.number("care_plan.overdue_share")
    review = np.where(overdue, np.maximum(start + 1, today - rng.integers(1, 60, count)), today + rng.integers(14, 300, count))
    fresh = (residence.admitted_on < OPEN) & (residence.admitted_on > today - 12)
    kind = np.where(planned & ~fresh & (start < today), np.where(people.home >= 0, 2, 1), 0).astype(np.int8)

    gp_nhs, hospital_nhs, hospital_birth = people.nhs.copy(), people.nhs.copy(), people.birth.copy()
    missing = rng.choice(living, max(1, round(registered * settings.number("population.shares.no_nhs_number_gp"))), False)
    gp_nhs[missing] = 0
    present = np.zeros(count, np.bool_)
    present[in_hospital] = True
    present |= people.status == HOSPITAL_ONLY
    known = np.flatnonzero(present & (people.status != HOSPITAL_ONLY))
    hidden = rng.choice(known, max(1, round(len(known) * settings.number("population.shares.no_nhs_number_hospital"))), False)
    hospital_nhs[hidden] = 0
    rest = np.setdiff1d(known, hidden)
    wrong = rng.choice(rest, min(len(rest), max(1, round(registered * per_1000["two_birth_dates"] / 1000))), False)
    hospital_birth[wrong] += np.where(rng.random(len(wrong)) < 0.5, 1, 365).astype(np.int32)
    return Extras(objection, ended, other, kind, start.astype(np.int32), review.astype(np.int32),
                  np.where(rng.random(count) < 0.05, rng.integers(0, drugs, count), -1).astype(np.int32),
                  (people.household % 5).astype(np.int32), gp_nhs, hospital_nhs, hospital_birth, present)


def alive(locality: Locality) -> Bool:
    """Registered and living on the day of the extract."""
    return locality.people.status == REGISTERED


def status_counts(locality: Locality) -> dict[str, int]:
    """People by status, and the flags that cut across it."""
    people = locality.people
    quiet = (locality.quiet_after < OPEN).sum()
    return {
        "registered": int((people.status == REGISTERED).sum()),
        "died_formal": int((people.status == 1).sum()),
        "died_informal": int((people.status == DIED_INFORMAL).sum()),
        "left": int((people.status == LEFT).sum()),
        "hospital_only": int((people.status == HOSPITAL_ONLY).sum()),
        "moved_between_practices": int((people.moved_on < OPEN).sum()),
        "objecting": int(((locality.extras.objection < OPEN) & (locality.extras.objection_ended == OPEN)).sum()),
        "objection_taken_back": int((locality.extras.objection_ended < OPEN).sum()),
        "quiet_75": int(quiet),
        "in_hospital_now": int(len(locality.hospital.inpatients)),
    }
