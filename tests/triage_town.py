"""A tiny town for the triage tests: the store's temp tables made by hand, one person a call."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Any

import duckdb
import pandas as pd

from frailty.site import Feed, Home, PracticeInfo, Request, Resident, Site
from frailty.triage import Worklists, build_facts, build_worklists, load_rules, previous_listed
from frailty.triage.facts import FactTable, needed_lists
from frailty.triage.outcomes import Decision
from frailty.triage.rules import RuleSet

AS_OF = date(2026, 11, 22)  # a Sunday
TABLES = """
CREATE TEMP TABLE person_as_of(person INTEGER, patient_id VARCHAR, nhs_number VARCHAR, name VARCHAR, birth_date DATE,
    sex VARCHAR, deceased_on DATE, death_status VARCHAR, phone VARCHAR, address VARCHAR, postcode VARCHAR,
    practice VARCHAR, registered_from DATE, registered_to DATE, usual_gp VARCHAR, ethnicity VARCHAR,
    imd_quintile INTEGER, last_entry_on DATE, last_contact_on DATE);
CREATE TEMP TABLE tagged(list VARCHAR, category VARCHAR, caution VARCHAR, person INTEGER, effective DATE,
    recorded DATE, ended DATE, value DOUBLE, system VARCHAR, code VARCHAR, term VARCHAR, resource VARCHAR,
    source VARCHAR);
CREATE TEMP TABLE stay_as_of(person INTEGER, started DATE, ended DATE, setting VARCHAR, admission VARCHAR,
    admitted_from VARCHAR, discharged_to VARCHAR, provider VARCHAR, recorded_start DATE, recorded_end DATE,
    source VARCHAR, resource VARCHAR);
CREATE TEMP TABLE issue_as_of(person INTEGER, concept INTEGER, substance INTEGER, name VARCHAR, rung INTEGER,
    effective DATE, role VARCHAR, ended DATE, resource VARCHAR);
CREATE TEMP TABLE plan_as_of(person INTEGER, status VARCHAR, category VARCHAR, title VARCHAR, started DATE,
    ended DATE, recorded DATE, resource VARCHAR);
CREATE TEMP TABLE consent_as_of(person INTEGER, kind VARCHAR, decision VARCHAR, status VARCHAR, recorded DATE);
CREATE TABLE feed(source VARCHAR, kind VARCHAR, extracted_at TIMESTAMP, extracted_from VARCHAR, newest DATE,
    oldest DATE, last_load INTEGER, held VARCHAR);
CREATE TABLE person(record BIGINT, source VARCHAR, resource_id VARCHAR, person INTEGER, nhs_number VARCHAR, birth_date DATE,
    birth_precision VARCHAR, sex VARCHAR, deceased BOOLEAN, death_status VARCHAR, name VARCHAR, practice VARCHAR, keys VARCHAR[],
    known_from INTEGER, known_to INTEGER);
CREATE TABLE consent(source VARCHAR, subject VARCHAR, person INTEGER, status VARCHAR, decision VARCHAR, scope VARCHAR,
    category VARCHAR, recorded DATE, ended DATE, known_from INTEGER, known_to INTEGER);
CREATE TABLE event(source VARCHAR, subject VARCHAR, person INTEGER, element VARCHAR, concept INTEGER, counts BOOLEAN,
    effective DATE, recorded DATE, known_from INTEGER, known_to INTEGER);
CREATE TEMP TABLE list_concept(list VARCHAR, category VARCHAR, caution VARCHAR, concept INTEGER);
CREATE TABLE listed(run INTEGER, as_of DATE, audience VARCHAR, audience_id VARCHAR, list VARCHAR, section VARCHAR,
    person INTEGER, patient_id VARCHAR, rule VARCHAR, rule_version INTEGER, status VARCHAR, reason VARCHAR, due DATE,
    first_listed DATE, facts JSON);
"""


def nhs(person: int) -> str:
    """A ten-digit number of the test range (the check digit does not matter here)."""
    return f"999{person:07d}"


def practice(ods: str = "Y90001", **more: Any) -> PracticeInfo:
    """A practice with a weekly meeting on Wednesday."""
    return PracticeInfo(
        ods, more.pop("name", f"Practice {ods}"), "Dr A Example", more.pop("mdt_day", "Wednesday"), **more
    )


def home(**more: Any) -> Home:
    """A home that keeps its own list."""
    told: dict[str, Any] = {
        "id": "home-1",
        "name": "Seaview House",
        "practice": "Y90001",
        "lead": "Sr B Example",
        "round_day": "Tuesday",
        "beds": 38,
        "address": "1 Seaview Road",
        "postcode": "ZZ1 1AA",
        "keeps_list": True,
    }
    return Home(**{**told, **more})


def resident(name: str, birth: date | None, **more: Any) -> Resident:
    """A line of a home's list."""
    told: dict[str, Any] = {
        "room": "12",
        "name": name,
        "birth_date": birth,
        "nhs_number": "",
        "admitted_on": None,
        "requested": False,
        "request_reason": "",
        "requested_by": "",
        "note": "",
    }
    return Resident(**{**told, **more})


def request(person: int, audience: str = "practice", **more: Any) -> Request:
    """Somebody asks for a person."""
    told: dict[str, Any] = {
        "asked_by": "Nurse C",
        "asked_on": date(2026, 11, 20),
        "reason": "worried",
        "audience": audience,
    }
    return Request(nhs(person), **{**told, **more})


_RULES: dict[str, RuleSet] = {}


def rules_for(site: Site) -> RuleSet:
    """The rules with the site's settings; read once."""
    mark = repr((sorted(site.settings.items()), site.bank_holidays, site.holidays_known_to, site.hours))
    if mark not in _RULES:
        _RULES[mark] = load_rules(site)
    return _RULES[mark]


_FIRST_NIGHTS: dict[str, tuple[Worklists, pd.DataFrame]] = {}


class Town:
    """The tables of one evening.

    `known`: the lists of a first night of the same people are made once for all such towns. For tests of what comes
    after it: the store then holds what was listed, and no facts yet.
    """

    def __init__(self, as_of: date = AS_OF, *, known: bool = False) -> None:
        self.as_of = as_of
        self._known, self._listed = known, list[pd.DataFrame]()
        self._con: duckdb.DuckDBPyConnection | None = None
        self._waiting: dict[tuple[str, ...], list[list[Any]]] = {}
        self.scores: dict[int, dict[str, Any]] = {}
        self.terms: list[dict[str, Any]] = []
        self._feed("gp", "gp")
        self._feed("hospital", "hospital")

    @property
    def con(self) -> duckdb.DuckDBPyConnection:
        """The connection, with every row that waits written first."""
        if self._con is None:
            self._con = duckdb.connect()
            self._con.execute("SET threads = 1; SET enable_external_access = false")
            self._con.execute(TABLES)
            for kept in self._listed:
                self._keep(kept)
        for (table, *columns), rows in self._waiting.items():
            self._con.register("waiting", pd.DataFrame(rows, columns=columns, dtype=object))
            self._con.execute(f"INSERT INTO {table} BY NAME SELECT * FROM waiting")
            self._con.unregister("waiting")
        self._waiting.clear()
        return self._con

    def insert(self, table: str, **values: Any) -> None:
        """One row of a table."""
        self._waiting.setdefault((table, *values), []).append(list(values.values()))

    def feed(self, source: str, kind: str, days_old: int = 0, how: str = "manifest") -> None:
        """A source and the age of its extract."""
        self.con.execute("DELETE FROM feed WHERE source = ?", [source])
        self._feed(source, kind, days_old, how)

    def _feed(self, source: str, kind: str, days_old: int = 0, how: str = "manifest") -> None:
        day = self.as_of - timedelta(days=days_old)
        self.insert(
            "feed",
            source=source,
            kind=kind,
            extracted_at=datetime(day.year, day.month, day.day, 2),
            extracted_from=how,
            newest=day,
            last_load=1,
        )

    def person(self, person: int, band: str = "fit", points: int = 3, **more: Any) -> int:
        """A person of 80 who was seen last month, and their score."""
        told: dict[str, Any] = {
            "person": person,
            "patient_id": f"p{person}",
            "nhs_number": nhs(person),
            "name": f"Alice Example{person}",
            "birth_date": date(1946, 1, 1) + timedelta(days=person % 300),
            "sex": "female",
            "phone": "01632 960001",
            "address": f"{person} High Street",
            "postcode": "ZZ9 9ZZ",
            "practice": "Y90001",
            "registered_from": date(2010, 1, 1),
            "usual_gp": "Dr A Example",
            "last_entry_on": date(2026, 10, 1),
            "last_contact_on": date(2026, 10, 1),
        }
        self.insert("person_as_of", **{**told, **more})
        self.scores[person] = {
            "patient_id": f"p{person}",
            "person": person,
            "efi_reviewed_points": points,
            "efi_reviewed_of": 36,
            "efi_reviewed_band": band,
            "efi_reviewed_status": "ok",
        }
        return person

    def code(self, person: int, name: str, on: date, category: str = "present", **more: Any) -> None:
        """A coded entry of a list."""
        told: dict[str, Any] = {
            "list": name,
            "category": category,
            "person": person,
            "effective": on,
            "recorded": on,
            "system": "http://snomed.info/sct",
            "code": "1",
            "resource": "Condition/1",
            "source": "gp",
        }
        self.insert("tagged", **{**told, **more})

    def medicines(self, person: int, number: int) -> None:
        """So many regular substances: two issues each."""
        for substance in range(number):
            for days in (20, 60):
                self.insert(
                    "issue_as_of",
                    person=person,
                    concept=substance,
                    substance=substance,
                    name=f"m{substance}",
                    rung=2,
                    effective=self.as_of - timedelta(days=days),
                    role="issue",
                )

    def stay(
        self, person: int, started: date, ended: date | None = None, setting: str = "inpatient", **more: Any
    ) -> None:
        """A stay in hospital."""
        self.insert(
            "stay_as_of",
            **{
                "person": person,
                "started": started,
                "ended": ended,
                "setting": setting,
                "admission": "emergency",
                "recorded_start": started,
                "recorded_end": ended,
                **more,
            },
        )

    def plan(
        self, person: int, recorded: date, status: str = "active", title: str = "Care and support plan"
    ) -> None:
        """A care plan."""
        self.insert(
            "plan_as_of", person=person, status=status, title=title, recorded=recorded, resource="CarePlan/1"
        )

    def facts(self, site: Site) -> FactTable:
        """Build the facts."""
        columns = [
            "patient_id",
            "person",
            "efi_reviewed_points",
            "efi_reviewed_of",
            "efi_reviewed_band",
            "efi_reviewed_status",
        ]
        terms = pd.DataFrame(self.terms, columns=["patient_id", "score", "term", "first_on"])
        return build_facts(
            self.con,
            site,
            pd.DataFrame(list(self.scores.values()), columns=columns),
            terms,
            self.as_of,
            coded_lists=needed_lists(),
        )

    def run(
        self, site: Site, run: int = 1, rules: RuleSet | None = None, decisions: Iterable[Decision] = ()
    ) -> Worklists:
        """A whole night: facts, lists, and the lists kept for the next night."""
        mark = ""
        if self._known and self._con is None and not self._listed and rules is None:
            mark = repr((self.as_of, run, site, self._waiting, self.scores, self.terms, decisions))
            if mark in _FIRST_NIGHTS:
                made, kept = _FIRST_NIGHTS[mark]
                self._listed.append(kept)
                return made
        rules = rules or rules_for(site)
        facts, before = self.facts(site), previous_listed(self.con, self.as_of)
        made = build_worklists(self.con, site, facts, rules, self.as_of, before, decisions)
        kept = made.frame(run)
        self._keep(kept)
        if mark:
            _FIRST_NIGHTS[mark] = made, kept
        return made

    def _keep(self, kept: pd.DataFrame) -> None:
        self.con.register("kept", kept)
        self.con.execute("INSERT INTO listed SELECT * FROM kept")
        self.con.unregister("kept")

    def leaves(self, person: int, **more: Any) -> None:
        """Somebody is no longer in the extract: the store ends their row, and nothing of tonight speaks of them."""
        names = ("nhs_number", "birth_date", "sex", "name", "practice")
        (row,) = self.con.execute(f"SELECT {', '.join(names)} FROM person_as_of WHERE person = ?", [person]).fetchall()
        told = {"record": person, "source": "gp", "resource_id": f"p{person}", "person": person, "birth_precision": "day",
                "deceased": False, "keys": [f"Patient/p{person}"], "known_from": 1, "known_to": 2}
        self.insert("person", **{**told, **dict(zip(names, row, strict=True)), **more})
        self.con.execute("DELETE FROM person_as_of WHERE person = ?", [person])
        self.scores.pop(person)

    def next_day(self, days: int = 1) -> None:
        """Move on; the sources arrive again."""
        self.as_of += timedelta(days=days)
        self.con.execute(
            f"UPDATE feed SET extracted_at = extracted_at + INTERVAL {days} DAY, newest = newest + {days}"
        )


def site(**more: Any) -> Site:
    """One practice, its feeds, no home."""
    told: dict[str, Any] = {
        "name": "Harbour and Downs",
        "practices": (practice(),),
        "feeds": (Feed("gp", "gp", ("Y90001",), 1), Feed("hospital", "hospital", (), 1)),
    }
    return Site(**{**told, **more})


def names(
    made: Worklists, list_id: str, section: str = "now", audience: str = "practice", page_id: str = "Y90001"
) -> list[int | None]:
    """The people of one section, in order."""
    view = next(view for view in made.page(audience, page_id).lists if view.id == list_id)
    return [line.person for line in view.part(section)]
