"""What one GP practice's extract holds, ready to be written in any release of FHIR: rows chosen, ids given."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from frailty.synthetic.catalogue import PLAIN, styles
from frailty.synthetic.model import Locality
from frailty.synthetic.people import DIED_FORMAL, DIED_INFORMAL, OPEN, Int8, Int32, Int64
from frailty.synthetic.rows import ORDER, PLAN, Coded, Contacts, Issues, Measured, keep
from frailty.synthetic.settings import PracticePlan
from frailty.synthetic.text import iso


@dataclass
class Extract:
    """Rows of one practice. Numbers of people, contacts and plans count from 1 within the extract; 0 = not in it."""

    plan: PracticePlan
    persons: Int64              # rows of People that have a Patient here
    person_no: Int64            # [people] number here
    coded: Coded
    style: Int8                 # how each coded entry is written
    measured: Measured
    measured_style: Int8
    issues: Issues
    plan_no: Int64              # [series] number of the plan here
    contacts: Contacts
    contact_no: Int64           # [all contacts] number here


def extract(locality: Locality, plan: PracticePlan) -> Extract:
    """The extract of one practice."""
    people = locality.people
    here = (people.practice == plan.index) | (people.old_practice == plan.index)
    persons = np.flatnonzero(here)
    person_no = np.zeros(len(people), np.int64)
    person_no[persons] = np.arange(1, len(persons) + 1)
    coded = keep(locality.gp.coded, locality.gp.coded.source == plan.index)
    coded = keep(coded, np.lexsort((coded.effective, coded.person)))
    measured = keep(locality.gp.measured, locality.gp.measured.source == plan.index)
    measured = keep(measured, np.lexsort((measured.test, measured.minute, measured.effective, measured.person)))
    issues = keep(locality.gp.issues, locality.gp.issues.source == plan.index)
    issues = keep(issues, np.lexsort((issues.day, issues.role, issues.series, issues.person)))
    of_here = np.flatnonzero(locality.gp.contacts.source == plan.index)
    contact_no = np.zeros(len(locality.gp.contacts.person) + 1, np.int64)
    contact_no[of_here] = np.arange(1, len(of_here) + 1)
    plan_no = np.zeros(int(locality.gp.issues.series.max(initial=0)) + 1, np.int64)
    plans = np.flatnonzero(issues.role == PLAN)
    orders = int((issues.role == ORDER).sum())
    plan_no[issues.series[plans]] = orders + np.arange(1, len(plans) + 1)
    return Extract(plan, persons, person_no, coded,
                   styles(plan.coding, plan.read_until, coded.recorded, coded.person.astype(np.int64)), measured,
                   np.where(measured.recorded < plan.read_until,
                            styles(plan.coding, plan.read_until, measured.recorded, measured.person.astype(np.int64)),
                            PLAIN).astype(np.int8),
                   issues, plan_no, keep(locality.gp.contacts, of_here), contact_no)


@dataclass(frozen=True)
class Registration:
    """What an extract says of one person's registration."""

    start: str
    end: str                    # "" = open
    died_on: str                # "" = alive
    death: str                  # "" | formal | informal
    active: bool


def registration(locality: Locality, plan: PracticePlan, person: int) -> Registration:
    """Registration and death as the practice knows them."""
    people = locality.people
    moved_away = people.old_practice[person] == plan.index and people.practice[person] != plan.index
    start, end = int(people.registered_from[person]), int(people.registered_to[person])
    if moved_away:
        end = int(people.moved_on[person]) - 1
        start = max(int(people.birth[person]), end - 2200)
    dead = int(people.death[person])
    status = int(people.status[person])
    if dead < OPEN:
        end = min(end, dead)
    return Registration(iso(start), iso(end) if end < OPEN else "", iso(dead) if dead < OPEN else "",
                        "formal" if status == DIED_FORMAL else "informal" if status == DIED_INFORMAL else "",
                        dead == OPEN and end == OPEN)


def home_address(locality: Locality, person: int) -> tuple[str, str, str]:
    """Address as the practice holds it: the home's own where it has been told."""
    home = int(locality.residence.address_home[person])
    if home < 0:
        return locality.names.address(person)
    place = locality.homes[home]
    # Practices write a home's address in more than one way.
    line = place.address if person % 4 else place.address.replace(", ", " ").upper()
    return line, locality.names.address(0)[1], place.postcode if person % 5 else place.postcode.replace(" ", "")


def last_order(issues: Issues) -> Int32:
    """1 for the last issue of its series, which is the one that is still running."""
    order = issues.role == ORDER
    last = np.zeros(len(issues.person), np.int32)
    at = np.flatnonzero(order)
    if len(at):
        last[at[np.r_[np.diff(issues.series[at]) != 0, True]]] = 1
    return last
