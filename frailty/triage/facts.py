"""Facts: one typed row a person, read from the store's temp tables. Rules see nothing else."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from frailty.records.facts import OBJECTION, objections
from frailty.site import Site
from frailty.triage import facts_sql
from frailty.triage.clocks import Calendar, load_calendar
from frailty.triage.expressions import literal
from frailty.triage.homes import Residents, find_residents, start_clocks
from frailty.triage.settings import Settings, load_settings
from frailty.triage.sources import Sources, read_sources
from frailty.triage.vocabulary import column_list

if TYPE_CHECKING:
    import duckdb
    import pandas as pd

SCORE = "efi_reviewed"
LISTS = (
    "care/residence",
    "care/palliative",
    "care/last_days",
    "care/frailty_diagnosis",
    "care/frailty_mild",
    "care/frailty_moderate",
    "care/frailty_severe",
    "care/cfs",
    "care/smr",
    OBJECTION,
    "care/housebound",
    "care/lives_alone",
    "efi/falls",
)


@dataclass
class FactTable:
    """The temp table `facts`, and what stands beside it.

    `absent`: (fact, practice or '*') -> why no source could decide it. `contributions`: the rows of the score that
    suggests frailty.
    """

    as_of: date
    people: int
    sources: Sources
    residents: Residents
    settings: Settings
    calendar: Calendar
    absent: dict[tuple[str, str], str] = field(default_factory=dict)
    contributions: pd.DataFrame | None = None

    def deficits(self, patient_ids: Collection[str]) -> dict[str, list[tuple[str, date | None]]]:
        """For each of these people the deficits of the score, with the day each was first recorded."""
        found: dict[str, list[tuple[str, date | None]]] = {}
        if self.contributions is not None:
            from frailty.scoring import load_scorecard

            titles = {term.id: term.title for term in load_scorecard(SCORE).terms}
            mine = self.contributions[self.contributions["patient_id"].isin(list(patient_ids))]
            for patient_id, term, first in mine.itertuples(index=False):
                found.setdefault(str(patient_id), []).append((titles.get(str(term), str(term)), _day(first)))
        return found

    def why_absent(self, fact: str, practice: str | None) -> str:
        """Why a fact is not decided for a whole practice; empty where it can be."""
        return self.absent.get((fact, "*")) or self.absent.get((fact, practice or ""), "")


def needed_lists() -> tuple[str, ...]:
    """The code lists that the store should tag."""
    return LISTS


def build_facts(
    con: duckdb.DuckDBPyConnection,
    site: Site,
    scores: pd.DataFrame,
    contributions: pd.DataFrame,
    as_of: date,
    *,
    settings: Settings | None = None,
    coded_lists: Collection[str] | None = None,
) -> FactTable:
    """Make the temp table `facts`, one row for each row of `person_as_of`.

    `coded_lists`: the lists that hold codes; read from rules/codelists where not given.
    """
    settings = settings or load_settings(site)
    calendar = load_calendar(site)
    sources = read_sources(con, site, as_of, settings)
    coded = set(_coded_lists() if coded_lists is None else coded_lists)
    _register(con, site, sources, scores, settings)
    values = {name: literal(value) for name, value in settings.values.items() if not isinstance(value, list)}
    objections(con, settings.texts("objection_kinds"))
    values.update(
        as_of=literal(as_of),
        plan_words=literal("|".join(re.escape(w) for w in settings.texts("plan_words"))),
        frailty_coded=literal("care/frailty_severe" in coded),
        smr_coded=literal("care/smr" in coded),
        last_days_coded=literal("care/last_days" in coded),
    )
    for statement in facts_sql.PARTS:
        con.execute(statement.format_map(values))
    residents = _residents(con, site, as_of, settings, calendar)
    con.execute(f"CREATE OR REPLACE TEMP TABLE facts ({column_list()})")
    con.execute("INSERT INTO facts BY NAME " + facts_sql.FACTS.format_map(values))
    people = con.execute("SELECT count(*) FROM facts").fetchall()[0][0]
    table = FactTable(as_of, int(people), sources, residents, settings, calendar)
    _absent(con, table, site, coded)
    if {"patient_id", "score", "term", "first_on"} <= set(contributions.columns):
        table.contributions = contributions.loc[
            contributions["score"] == SCORE, ["patient_id", "term", "first_on"]
        ]
    return table


def _coded_lists() -> list[str]:
    from frailty.terminology import load_codelist

    return [name for name in LISTS if load_codelist(name).entries]


def _register(
    con: duckdb.DuckDBPyConnection, site: Site, sources: Sources, scores: pd.DataFrame, settings: Settings
) -> None:
    """Small tables that the SQL reads: practices and the score's columns."""
    con.execute("CREATE OR REPLACE TEMP TABLE t_practice (practice VARCHAR, state VARCHAR, hospital BOOLEAN)")
    for state in sources.practices.values():
        con.execute("INSERT INTO t_practice VALUES (?, ?, ?)", [state.ods, state.state, state.hospital])
    con.execute(
        "CREATE OR REPLACE TEMP TABLE t_score (person INTEGER, band VARCHAR, status VARCHAR, points INTEGER, "
        "out_of INTEGER)"
    )
    wanted = [f"{SCORE}_band", f"{SCORE}_status", f"{SCORE}_points", f"{SCORE}_of"]
    if {"person", *wanted[:2]} <= set(scores.columns):
        con.register(
            "triage_scores", scores[["person", *(name for name in wanted if name in scores.columns)]]
        )
        chosen = ", ".join(
            f"CAST({name} AS {kind})" if name in scores.columns else "NULL"
            for name, kind in zip(wanted, ("VARCHAR", "VARCHAR", "INTEGER", "INTEGER"), strict=True)
        )
        con.execute(f"INSERT INTO t_score SELECT person, {chosen} FROM triage_scores")
        con.unregister("triage_scores")


def _residents(
    con: duckdb.DuckDBPyConnection, site: Site, as_of: date, settings: Settings, calendar: Calendar
) -> Residents:
    """Fetch everybody whom a home's list, an address or a code could mean; match; put the answer into t_residence."""
    lines = [line for home in site.homes for line in home.residents]
    con.execute(
        "CREATE OR REPLACE TEMP TABLE t_wanted (nhs_number VARCHAR, birth_date DATE, postcode VARCHAR)"
    )
    rows: list[list[Any]] = [[line.nhs_number or None, line.birth_date, None] for line in lines]
    rows += [[None, None, home.postcode] for home in site.homes if home.postcode]
    _insert(con, "t_wanted", rows)
    con.execute("UPDATE t_wanted SET postcode = upper(replace(postcode, ' ', ''))")
    coded = {
        int(person): day for person, day in con.execute("SELECT person, since FROM t_coded_home").fetchall()
    }
    cursor = con.execute("""
        SELECT person, name, birth_date, nhs_number, address, postcode, death_status, registration_status FROM t_person
        WHERE nhs_number IN (SELECT nhs_number FROM t_wanted) OR birth_date IN (SELECT birth_date FROM t_wanted)
           OR upper(replace(postcode, ' ', '')) IN (SELECT postcode FROM t_wanted)
           OR person IN (SELECT person FROM t_coded_home) ORDER BY person""")
    names = [column[0] for column in cursor.description or ()]
    people = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    found = find_residents(site, people, coded)
    stays = {
        int(person): (start, end)
        for person, start, end in con.execute(
            "SELECT person, back_from, back_on FROM t_stay WHERE back_on IS NOT NULL AND NOT open_now"
        ).fetchall()
    }
    start_clocks(found, stays, as_of, settings.number("clock_working_days"), calendar)
    con.execute(
        "CREATE OR REPLACE TEMP TABLE t_residence (person INTEGER, care_home VARCHAR, home_id VARCHAR, "
        "home_basis VARCHAR, home_since DATE, room VARCHAR, clock_kind VARCHAR, clock_start DATE, clock_due DATE)"
    )
    rows = [
        [
            person,
            one.confidence,
            one.home,
            ", ".join(one.sources),
            one.since,
            one.line.room if one.line else None,
            one.clock_kind,
            one.clock_start,
            one.clock_due,
        ]
        for person, one in sorted(found.people.items())
    ]
    _insert(con, "t_residence", rows)
    return found


def _insert(con: duckdb.DuckDBPyConnection, table: str, rows: list[list[Any]]) -> None:
    """Many rows at once."""
    import pandas as pd

    if rows:
        con.register("triage_rows", pd.DataFrame(rows, dtype=object))
        con.execute(f"INSERT INTO {table} SELECT * FROM triage_rows")
        con.unregister("triage_rows")


def _absent(con: duckdb.DuckDBPyConnection, table: FactTable, site: Site, coded: set[str]) -> None:
    """Facts that no source could decide, for everybody or for a practice."""
    for fact, name in (
        ("smr_status", "care/smr"),
        ("cfs", "care/cfs"),
        ("frailty_confirmed", "care/frailty_severe"),
        ("last_days", "care/last_days"),
    ):
        if name not in coded:
            table.absent[fact, "*"] = f"the code list {name} has no codes yet"
    scored, consents = con.execute(
        "SELECT (SELECT count(*) FROM t_score), (SELECT count(*) FROM consent_as_of)"
    ).fetchall()[0]
    if not scored:
        table.absent["frailty_suggested", "*"] = "the frailty index was not calculated"
    if not consents and OBJECTION not in coded:
        table.absent["objection", "*"] = f"the records hold no consents, and {OBJECTION} has no codes yet"
    seen = {
        str(ods): (plans, medicines)
        for ods, plans, medicines in con.execute(
            "SELECT practice, plans, medicines FROM t_practice_seen"
        ).fetchall()
    }
    for practice in site.practices:
        plans, medicines = seen.get(practice.ods, (False, False))
        if not plans:
            table.absent["plan_status", practice.ods] = "no care plans in this practice's records"
        if not medicines:
            table.absent["regular_medicines", practice.ods] = "no medicines in this practice's records"
        state = table.sources.practices[practice.ods]
        if not state.hospital:
            table.absent["in_hospital", practice.ods] = state.hospital_note


def _day(value: Any) -> date | None:
    """A date from whatever a data frame holds."""
    if value is None or value != value:
        return None
    if isinstance(value, datetime):
        return value.date()
    return value if isinstance(value, date) else date.fromisoformat(str(value)[:10])
