"""What nobody can see in the records: written beside them, so that a score, a model and a nightly run can be judged."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from frailty.synthetic import latent
from frailty.synthetic.dirt import BROKEN_NUMBERS, Fault
from frailty.synthetic.fhir_hospital import patient_numbers
from frailty.synthetic.fhir_stu3 import patient_id
from frailty.synthetic.model import Locality, alive, status_counts
from frailty.synthetic.people import HOSPITAL_ONLY, OPEN, STATUSES, Bool, Float64, Int32, Int64
from frailty.synthetic.text import iso


@dataclass(frozen=True)
class Written:
    """What was written into the files: about each source, its faults, the homes' lists, and files of odd form."""

    layout: str
    sources: dict[str, dict[str, Any]]
    faults: list[Fault]
    homes: dict[str, dict[str, int]]
    odd_files: dict[str, list[str]]


@dataclass(frozen=True)
class Hazards:
    """Rates a year, and chances within twelve months, as columns [people]."""

    admission_rate: Float64
    death_rate: Float64
    admission_12m: Float64
    admission_12m_given_records: Float64
    death_12m: Float64


def person_ids(locality: Locality, layout: str) -> list[dict[str, str]]:
    """For each person the ids by which the sources know them: source -> Patient id."""
    ids: list[dict[str, str]] = [{} for _ in range(len(locality.people))]
    for plan in locality.plans:
        here = (locality.people.practice == plan.index) | (locality.people.old_practice == plan.index)
        for n, person in enumerate(np.flatnonzero(here).tolist(), start=1):
            ids[person][f"{plan.slug}-gp"] = patient_id(n) if (plan.shape, layout) == ("stu3", "fhir") else f"p{n}"
    hospital = patient_numbers(locality)
    for person in np.flatnonzero(hospital).tolist():
        ids[person]["hospital"] = f"h{hospital[person]}"
    return ids


def write_truth(locality: Locality, folder: Path, written: Written) -> dict[str, Any]:
    """people.csv, outcomes.csv, dirt.csv and truth.json; the last is also given back."""
    settings, last = locality.settings, locality.hospital.last_discharge
    has = latent.has_at(locality.onset, locality.as_of)
    admission = latent.admission_rate(settings, locality.exposure, has)
    death = latent.death_rate(settings, locality.exposure, has)
    since = np.where(last == OPEN, -1, locality.as_of - last.astype(np.int64)).astype(np.float64)
    full, dying = latent.twelve_months(settings, admission, death, since)
    given = latent.hazard_given_records(settings, locality.streams["outcomes"], locality.people, locality.gp.facts,
                                        locality.gp.never_seen, locality.exposure, since)
    after = latent.outcomes(settings, locality.streams["outcomes"], locality.as_of, admission, death, last,
                            alive(locality))
    ids = person_ids(locality, written.layout)
    broken = _broken(ids, written.faults)
    columns = _people(locality, ids, broken, has, Hazards(admission, death, full, given, dying), after)
    _csv(folder / "people.csv", list(columns), zip(*columns.values(), strict=True))
    names = ["death" if died else "emergency-admission" for died in after.died.tolist()]
    _csv(folder / "outcomes.csv", ["person", "nhs_number", "event", "date"],
         zip(after.person.tolist(), locality.people.nhs[after.person].tolist(), names, _dates(after.day), strict=True))
    _csv(folder / "dirt.csv", [field.name for field in fields(Fault)], (astuple(fault) for fault in written.faults))
    found = {
        "version": 1, "seed": locality.seed, "as_of": str(locality.day), "layout": written.layout,
        "people": status_counts(locality),
        "patients": {name: source["patients"] for name, source in written.sources.items()},
        "sources": written.sources,
        "dirt": dict(sorted(Counter(fault.kind for fault in written.faults).items())),
        "expect": dict(sorted(Counter(fault.expect for fault in written.faults).items())),
        "odd_files": written.odd_files,
        "homes": written.homes | {"all": _homes(locality)},
        "links": _links(locality, broken),
        "outcomes": {"emergency_admissions": int((~after.died).sum()), "deaths": int(after.died.sum())},
    }
    (folder / "truth.json").write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return found


def _csv(path: Path, header: list[str], rows: Iterable[Any]) -> None:
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


def _dates(days: Int32) -> list[str]:
    return [iso(day) if day < OPEN else "" for day in days.tolist()]


def _people(locality: Locality, ids: list[dict[str, str]], broken: Bool, has: Bool, hazards: Hazards,
            after: latent.Outcomes) -> dict[str, list[Any]]:
    """people.csv as columns."""
    people, r, x, ward = locality.people, locality.residence, locality.extras, locality.hospital
    ods = [plan.ods for plan in locality.plans] + [""]          # -1: none
    homes = [home.id for home in locality.homes] + [""]
    in_hospital = np.isin(np.arange(len(people)), ward.inpatients)
    columns: dict[str, list[Any]] = {
        "person": list(range(len(people))),
        "patient_ids": [";".join(f"{source}/{key}" for source, key in one.items()) for one in ids],
        "nhs_number": people.nhs.tolist(),
        "gp_nhs_number": [nhs or "" for nhs in x.gp_nhs.tolist()],
        "hospital_nhs_number": [nhs or "" for nhs in x.hospital_nhs.tolist()],
        "birth_date": _dates(people.birth), "hospital_birth_date": _dates(x.hospital_birth),
        "sex": ["male" if male else "female" for male in people.male.tolist()],
        "status": [STATUSES[status] for status in people.status.tolist()],
        "practice": [ods[n] for n in people.practice.tolist()],
        "old_practice": [ods[n] for n in people.old_practice.tolist()], "moved_on": _dates(people.moved_on),
        "died_on": _dates(people.death), "quintile": people.quintile.tolist(),
        "home": [homes[n] for n in people.home.tolist()], "admitted_on": _dates(r.admitted_on),
        "address_home": [homes[n] for n in r.address_home.tolist()], "on_home_lists": _on_lists(locality)}
    flags = {"residence_coded": r.coded, "former_resident": r.former, "address_only": r.address_only,
             "requested_by_home": r.requested, "back_from_hospital": r.returned,
             "objecting": x.objecting, "quiet_75": locality.quiet_after < OPEN,
             "gp_nhs_number_broken": broken, "in_hospital": in_hospital, "has_care_plan": x.plan_kind > 0}
    columns |= {name: flag.astype(int).tolist() for name, flag in flags.items()}
    columns |= {name: [f"{value:.3f}" for value in getattr(people, name).tolist()]
                for name in ("frailty", "metabolic", "attendance")}
    columns |= {
        "latent_deficits": _names(locality, has),
        "latent_count": has.sum(axis=1).tolist(),
        "listed_deficits": _names(locality, locality.gp.listed),
        "shown_deficits": _names(locality, locality.gp.facts),
        "regular_medicines": locality.gp.regular.tolist(),
        "last_discharge": _dates(ward.last_discharge),
    }
    columns |= {field.name: [f"{value:.5f}" for value in getattr(hazards, field.name).tolist()]
                for field in fields(Hazards)}
    columns |= {"next_admission": _first(after.person, after.day, ~after.died, len(people)),
                "next_death": _first(after.person, after.day, after.died, len(people))}
    return columns


def _names(locality: Locality, flags: Bool) -> list[str]:
    names = locality.settings.deficits.names
    return [";".join(name for name, flag in zip(names, row, strict=True) if flag) for row in flags.tolist()]


def _on_lists(locality: Locality) -> list[str]:
    """The homes on whose lists each person stands."""
    r = locality.residence
    own = np.where(r.listed, locality.people.home, -1)
    return [";".join(locality.homes[home].id for home in homes if home >= 0)
            for homes in zip(own.tolist(), r.second_list.tolist(), r.dead_on_list.tolist(), strict=True)]


def _first(person: Int64, day: Int32, wanted: Bool, people: int) -> list[str]:
    """First day of an outcome of each person (rows are in order of person and day)."""
    found = [""] * people
    for who, when in zip(person[wanted].tolist()[::-1], day[wanted].tolist()[::-1], strict=True):
        found[who] = iso(when)
    return found


def _homes(locality: Locality) -> dict[str, int]:
    """Counts over all homes: what each source says, and where they disagree."""
    people, r = locality.people, locality.residence
    resident = people.home >= 0
    aligned = np.array([home.practice for home in locality.homes] + [-1])[people.home]
    counts = {
        "residents": resident, "coded": resident & r.coded, "at_address": resident & r.at_address,
        "listed": resident & r.listed, "all_three": resident & r.coded & r.at_address & r.listed,
        "none_of_three": resident & ~r.coded & ~r.at_address & ~r.listed, "former_but_coded": r.former,
        "at_address_but_no_resident": r.address_only, "on_two_lists": r.second_list >= 0,
        "dead_on_a_list": r.dead_on_list >= 0, "new_within_nine_days": resident & (r.admitted_on > locality.as_of - 10),
        "back_from_hospital": r.returned, "requested": r.requested,
        "registered_elsewhere": resident & (people.practice != aligned)}
    return {name: int(flags.sum()) for name, flags in counts.items()}


def _broken(ids: list[dict[str, str]], faults: list[Fault]) -> Bool:
    """Whose NHS number a fault has broken in the files of a practice [people]."""
    hit = {(fault.source, fault.resource_id) for fault in faults if fault.kind in BROKEN_NUMBERS}
    return np.array([not hit.isdisjoint(one.items()) for one in ids])


def _links(locality: Locality, broken: Bool) -> dict[str, int]:
    """How many people the hospital and the practices share, and how many of them can be known as one."""
    x, people = locality.extras, locality.people
    shared = x.in_hospital_files & (people.status != HOSPITAL_ONLY)
    same = (x.gp_nhs == x.hospital_nhs) & (x.gp_nhs > 0) & ~broken
    counts = {"in_both": shared, "linkable": shared & same & (x.hospital_birth == people.birth),
              "no_number": shared & ~same, "two_birth_dates": shared & (x.hospital_birth != people.birth)}
    return {name: int(flags.sum()) for name, flags in counts.items()}
