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
from frailty.synthetic.extras import Extras, draw_consents, draw_extras
from frailty.synthetic.homes import HomePlan, Residence, home_plans, settle
from frailty.synthetic.people import (
    DIED_INFORMAL,
    HOSPITAL_ONLY,
    LEFT,
    OPEN,
    REGISTERED,
    Bool,
    Float64,
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
class GpRecords:
    """Everything that general practice holds."""

    coded: Coded
    measured: Measured
    issues: Issues
    contacts: Contacts
    regular: Int32              # [people] lasting medicines now
    listed: Bool                # [people, deficits] shown by a listed code
    facts: Bool                 # [people, deficits] shown by anything
    never_seen: Float64         # [people, deficits] chance that a deficit that somebody has stays unrecorded


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
    onset: Int32                # [people, deficits] first day of each deficit, OPEN = never
    tests: list[results.Test]
    medicines: list[medicines.Medicine]
    gp: GpRecords
    icd: hospital.Icd10
    hospital: hospital.Hospital
    extras: Extras
    quiet_after: Int32          # [people] last day on which anything was recorded; OPEN: no such day
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
    settings, codes, today = load_settings(rules), load_codes(rules), day_number(as_of)
    rng = dict(zip(_STREAMS, (default_rng(s) for s in SeedSequence(seed).spawn(len(_STREAMS))), strict=True))
    plans = practice_plans(settings, practices)
    tell("drawing people", 0, 3)
    everybody = make_people(settings, rng["people"], today, people, plans)
    home_list = home_plans(settings, people, homes, plans)
    residence = settle(settings, rng["homes"], today, everybody, home_list)
    onset = latent.onsets(settings, rng["latent"], everybody)
    consents = draw_consents(settings, rng["extras"], today, everybody)
    quiet_after = clinical.quiet(settings, rng["extras"], today, everybody)
    tell("drawing general practice", 1, 3)
    tests, drugs = results.load_tests(settings), medicines.load_medicines(settings)
    recorder = clinical.Recorder(settings, rng["clinical"], today, everybody, plans, codes)
    standing = np.where(consents.ended == OPEN, consents.objection, OPEN)
    gp = _general_practice(recorder, rng, onset, residence, quiet_after, tests, drugs, standing)
    tell("drawing the hospital", 2, 3)
    effect = np.array([plan.hazard for plan in plans] + [0.0])[everybody.practice]
    exposure = latent.Exposure(
        age=everybody.age, male=everybody.male, quintile=everybody.quintile, practice=effect,
        frailty=everybody.frailty, alone=everybody.alone, resident=everybody.home >= 0,
        many=gp.regular >= settings.number("hazard.many_medicines"))
    icd = hospital.load_icd10(settings)
    ward = hospital.make_hospital(settings, rng["hospital"], today, everybody, onset, exposure, residence, quiet_after,
                                  icd)
    extras = draw_extras(settings, rng["extras"], today, everybody, onset, ward.stays.person, len(drugs), residence,
                         consents)
    tell("drawing the hospital", 3, 3)
    return Locality(
        settings=settings, codes=codes, as_of=today, seed=seed, people=everybody, names=Names(settings, everybody),
        plans=plans, homes=home_list, residence=residence, onset=onset, tests=tests, medicines=drugs, gp=gp, icd=icd,
        hospital=ward, extras=extras, quiet_after=quiet_after, exposure=exposure, streams=rng)


def _general_practice(recorder: clinical.Recorder, rng: dict[str, Generator], onset: Int32, residence: Residence,
                      quiet_after: Int32, tests: list[results.Test], drugs: list[medicines.Medicine],
                      objection: Int32) -> GpRecords:
    settings, people, today, plans = recorder.settings, recorder.people, recorder.as_of, recorder.plans

    def in_extract(family: Any, day: str) -> Any:
        when = getattr(family, day)
        kept = keep(family, in_life(people, family.person, when, when, today, quiet_after))
        kept.source = home_practice(people, kept.person, getattr(kept, day))
        return kept

    contacts: Contacts = in_extract(recorder.contacts(), "day")
    first, recorded = recorder.deficits(onset)
    measured: Measured = in_extract(
        results.results(settings, rng["results"], today, people, tests, onset, recorded), "recorded")
    by_value = results.shown_by_value(tests, measured, onset, today)
    prescribing = medicines.prescribe(settings, rng["medicines"], today, people, plans, drugs,
                                      (recorded < today) | by_value)
    entries: Coded = join([first, recorder.noise(onset), recorder.background(),
                           recorder.worklist_codes(onset, residence, prescribing.regular, objection)])
    entries = clinical.inside(people, recorder.summarised(entries), today, quiet_after)
    entries = recorder.undated(join([recorder.meet(entries, contacts), recorder.home_visit_codes(contacts)]))
    entries.source = home_practice(people, entries.person, entries.recorded)
    listed, meant = clinical.shown(settings, recorder.codes, entries, len(people))
    facts, chance = meant | by_value, recorder.chance()
    carried = copies_after_move(people, rng["clinical"], settings.number("recording.carried_share"))
    return GpRecords(
        coded=transferred(people, entries, carried), measured=transferred(people, measured, carried),
        issues=in_extract(prescribing.issues, "day"), contacts=contacts, regular=prescribing.regular, listed=listed,
        facts=facts, never_seen=np.clip(1 - chance * _caught(facts, onset, today, chance), 0.02, 0.98))


def _caught(shown: Bool, onset: Int32, today: int, chance: Float64) -> Float64:
    """How much of what will be recorded one day is recorded by now [deficits], over the whole locality."""
    has = latent.has_at(onset, today)
    share: Float64 = (shown & has).sum(axis=0) / np.maximum((chance * has).sum(axis=0), 1e-9)
    return np.minimum(share, 1.0)


def alive(locality: Locality) -> Bool:
    """Registered and living on the day of the extract."""
    living: Bool = locality.people.status == REGISTERED
    return living


def status_counts(locality: Locality) -> dict[str, int]:
    """People by status, and the flags that cut across it."""
    people = locality.people
    return {
        "registered": int((people.status == REGISTERED).sum()),
        "died_formal": int((people.status == 1).sum()),
        "died_informal": int((people.status == DIED_INFORMAL).sum()),
        "left": int((people.status == LEFT).sum()),
        "hospital_only": int((people.status == HOSPITAL_ONLY).sum()),
        "moved_between_practices": int((people.moved_on < OPEN).sum()),
        "objecting": int(locality.extras.objecting.sum()),
        "objection_taken_back": int((locality.extras.objection_ended < OPEN).sum()),
        "quiet_75": int((locality.quiet_after < OPEN).sum()),
        "in_hospital_now": len(locality.hospital.inpatients),
    }
