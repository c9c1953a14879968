"""Facts: one typed row a person, read from the store's temp tables. Rules see nothing else."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from frailty.records.facts import OBJECTION, objections
from frailty.site import Site
from frailty.triage import facts_sql
from frailty.triage.clock_rules import Clocks, load_clocks
from frailty.triage.clocks import Calendar, load_calendar
from frailty.triage.expressions import literal
from frailty.triage.homes import Residents, find_residents, start_clocks
from frailty.triage.settings import Settings, load_settings
from frailty.triage.sources import Sources, read_sources
from frailty.triage.vocabulary import BUILT, coded_facts, column_list, fact_lists, vocabulary

if TYPE_CHECKING:
    import duckdb
    import pandas as pd

SCORE = "efi_reviewed"
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
    clocks: Clocks
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

    def absent_everywhere(self) -> dict[str, str]:
        """Facts that nobody can decide for anybody, with the reason: rules that need them are off."""
        return {fact: why for (fact, practice), why in self.absent.items() if practice == "*"}

    def absent_at(self) -> dict[str, list[str]]:
        """Practices at which a fact cannot be decided, by fact."""
        found: dict[str, list[str]] = {}
        for fact, practice in sorted(self.absent):
            if practice != "*":
                found.setdefault(fact, []).append(practice)
        return found


def needed_lists(rules: Path | None = None) -> tuple[str, ...]:
    """The code lists that the store should tag."""
    return tuple(name for name in fact_lists(rules) if not name.startswith("medicines/"))


def build_facts(
    con: duckdb.DuckDBPyConnection,
    site: Site,
    scores: pd.DataFrame,
    contributions: pd.DataFrame,
    as_of: date,
    *,
    settings: Settings | None = None,
    coded_lists: Collection[str] | None = None,
    rising: pd.DataFrame | None = None,
    rules: Path | None = None,
) -> FactTable:
    """Make the temp table `facts`, one row for each row of `person_as_of`.

    `coded_lists`: the lists that hold codes; read from rules/codelists where not given. `rising`: how the frailty index
    moved (patient_id, slope_per_month, rapid_rise, moderate_rise, artefact_rise); without it these facts are not known.
    """
    settings = settings or load_settings(site, rules)
    calendar, clocks = load_calendar(site, rules), load_clocks(site, rules)
    sources = read_sources(con, site, as_of, settings)
    coded = set(_coded_lists(rules) if coded_lists is None else coded_lists)
    known = coded_facts(rules)
    _register(con, sources, scores)
    _young(con, contributions)
    values = {name: literal(value) for name, value in settings.values.items() if not isinstance(value, list)}
    objections(con, settings.texts("objection_kinds"))
    values.update(
        as_of=literal(as_of),
        plan_words=literal("|".join(re.escape(w) for w in settings.texts("plan_words"))),
        acp_words=literal("|".join(re.escape(w) for w in settings.texts("acp_words"))),
        dependence_classes=", ".join(map(literal, settings.texts("dependence_classes"))),
    )
    _speaks(con, coded, rules)
    _risk_medicines(con, rules)
    _rising(con, rising)
    con.execute(facts_sql.said(known).format_map(values))
    met = {int(place) for (place,) in con.execute("SELECT DISTINCT fact FROM t_said").fetchall()}
    con.execute(facts_sql.coded(known, met))
    values["coded_columns"] = facts_sql.coded_columns(known, met)
    for statement in facts_sql.PARTS:
        con.execute(statement.format_map(values))
    residents = _residents(con, site, as_of, clocks, calendar)
    con.execute(f"CREATE OR REPLACE TEMP TABLE facts ({column_list(rules)})")
    con.execute("INSERT INTO facts BY NAME " + facts_sql.FACTS.format_map(values))
    people = con.execute("SELECT count(*) FROM facts").fetchall()[0][0]
    table = FactTable(as_of, int(people), sources, residents, settings, calendar, clocks)
    _absent(con, table, site, coded, rising is not None, rules)
    if {"patient_id", "score", "term", "first_on"} <= set(contributions.columns):
        table.contributions = contributions.loc[
            contributions["score"] == SCORE, ["patient_id", "term", "first_on"]
        ]
    return table


def _coded_lists(rules: Path | None = None) -> list[str]:
    from frailty.terminology import load_codelist

    return [name for name in fact_lists(rules) if load_codelist(name, rules).entries]


def _speaks(con: duckdb.DuckDBPyConnection, coded: set[str], rules: Path | None) -> None:
    """Temp table `t_speaks`: for each practice and list, whether the list has codes of a system that the practice writes.

    A practice that writes in Read codes says nothing by not using a list of SNOMED codes. A hospital writes in its own.
    """
    from frailty.terminology import load_codelist
    from frailty.terminology.systems import canonical_system

    written: dict[str | None, dict[str, int]] = {}
    for practice, system, number in con.execute("""
        SELECT practice, system, count(*) FROM tagged JOIN person_as_of USING (person) LEFT JOIN feed USING (source)
        WHERE feed.kind IS DISTINCT FROM 'hospital' GROUP BY ALL""").fetchall():
        mine = written.setdefault(practice, {})
        mine[canonical_system(str(system or ""))] = mine.get(canonical_system(str(system or "")), 0) + int(number)
    names = fact_lists(rules)
    systems = {name: load_codelist(name, rules).systems for name in names}
    con.execute("CREATE OR REPLACE TEMP TABLE t_speaks (practice VARCHAR, " + ", ".join(f'"{n}" BOOLEAN' for n in names) + ")")
    rows: list[list[Any]] = []
    for (practice,) in con.execute("SELECT DISTINCT practice FROM person_as_of ORDER BY practice").fetchall():
        mine = written.get(practice, {})
        total = sum(mine.values())
        rows.append([practice, *(
            name in coded and (not total or not systems[name] or _hospital_only(systems[name])
                               or 2 * sum(mine.get(one, 0) for one in systems[name]) >= total)
            for name in names)])
    if rows:                                            # so many columns take longer by way of a frame
        con.execute("INSERT INTO t_speaks VALUES " + ", ".join(f"({', '.join(map(literal, row))})" for row in rows))


def _hospital_only(systems: Collection[str]) -> bool:
    from frailty.terminology.systems import system_kind

    return all(system_kind(one).startswith("icd") for one in systems)


def _risk_medicines(con: duckdb.DuckDBPyConnection, rules: Path | None) -> None:
    """Temp table `t_risk_medicine`: substances that raise the risk of falls, by class."""
    from frailty.terminology import load_codelist

    con.execute("CREATE OR REPLACE TEMP TABLE t_risk_medicine (name VARCHAR, class VARCHAR)")
    _insert(con, "t_risk_medicine", [[e.code, e.category] for e in load_codelist("medicines/frids", rules).entries])


def _rising(con: duckdb.DuckDBPyConnection, rising: pd.DataFrame | None) -> None:
    """Temp table `t_rising` (person, efi_slope_6m, rapid_rise, moderate_rise, artefact_rise: yes | no)."""
    con.execute("""CREATE OR REPLACE TEMP TABLE t_rising (person INTEGER, efi_slope_6m DOUBLE, rapid_rise VARCHAR,
                   moderate_rise VARCHAR, artefact_rise VARCHAR)""")
    if rising is None:
        return
    con.register("triage_rising", rising[["patient_id", "slope_per_month", "rapid_rise", "moderate_rise", "artefact_rise"]])
    said = ", ".join(f"CASE CAST({name} AS BOOLEAN) WHEN TRUE THEN 'yes' WHEN FALSE THEN 'no' END"
                     for name in ("rapid_rise", "moderate_rise", "artefact_rise"))
    con.execute(f"""INSERT INTO t_rising SELECT person, slope_per_month, {said}
                    FROM triage_rising JOIN person_as_of USING (patient_id)""")
    con.unregister("triage_rising")


def _register(con: duckdb.DuckDBPyConnection, sources: Sources, scores: pd.DataFrame) -> None:
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


def _young(con: duckdb.DuckDBPyConnection, contributions: pd.DataFrame) -> None:
    """Deficits of people to whom the index gives no value because of their age: counted, never banded."""
    if not {"patient_id", "score", "term"} <= set(contributions.columns):
        return
    from frailty.scoring import load_scorecard

    con.register("triage_terms", contributions.loc[contributions["score"] == SCORE, ["patient_id", "term"]])
    con.execute(f"""
        UPDATE t_score SET out_of = {int(load_scorecard(SCORE).divide_by or 1)}, points = coalesce((
            SELECT count(DISTINCT term) FROM triage_terms JOIN person_as_of p USING (patient_id)
            WHERE p.person = t_score.person), 0)
        WHERE status = 'outside_population' AND points IS NULL""")
    con.unregister("triage_terms")


def _residents(
    con: duckdb.DuckDBPyConnection, site: Site, as_of: date, clocks: Clocks, calendar: Calendar
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
    start_clocks(found, stays, as_of, clocks.clocks["ehch"], calendar)
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


def _absent(con: duckdb.DuckDBPyConnection, table: FactTable, site: Site, coded: set[str], risen: bool,
            rules: Path | None) -> None:
    """Facts that no source could decide, for everybody or for a practice."""
    scored, consents = con.execute(
        "SELECT (SELECT count(*) FROM t_score), (SELECT count(*) FROM consent_as_of)"
    ).fetchall()[0]
    by_resource = {"plan_status": "plans", "acp_status": "plans", "regular_medicines": "medicines",
                   "new_medicines_30d": "medicines", "fall_risk_medicines": "medicines", "dependence_medicines": "medicines",
                   "on_caseload": "episodes", "open_task": "tasks", "contacts_6m": "contacts"}
    named = {"plans": "care plans", "medicines": "medicines", "episodes": "episodes of care", "tasks": "tasks",
             "contacts": "contacts"}
    fresh = {fact.id: fact for fact in coded_facts(rules)}
    from_lists = {name: BUILT[name].lists[:1] for name in ("smr_status", "cfs", "frailty_confirmed", "last_days")}
    from_lists.update({name: fact.lists for name, fact in fresh.items()})
    for fact, lists in from_lists.items():
        if not set(lists) & coded:
            table.absent[fact, "*"] = f"the code list {lists[0]} has no codes yet"
    if not scored:
        table.absent["frailty_suggested", "*"] = "the frailty index was not calculated"
    for fact in () if risen else ("efi_slope_6m", "rapid_rise", "moderate_rise", "artefact_rise"):
        table.absent[fact, "*"] = "how the frailty index moved was not calculated"
    if not consents and OBJECTION not in coded:
        table.absent["objection", "*"] = f"the records hold no consents, and {OBJECTION} has no codes yet"
    cursor = con.execute("SELECT * FROM t_practice_seen")
    columns = [column[0] for column in cursor.description or ()]
    seen = {str(row[0]): dict(zip(columns, row, strict=True)) for row in cursor.fetchall()}
    cursor = con.execute("SELECT * FROM t_speaks")
    columns = [column[0] for column in cursor.description or ()]
    speaks = {str(row[0]): dict(zip(columns, row, strict=True)) for row in cursor.fetchall()}
    for practice in site.practices:
        ods = practice.ods
        for fact, what in by_resource.items():
            if not seen.get(ods, {}).get(what):
                table.absent[fact, ods] = f"no {named[what]} in this practice's records"
        for fact, lists in from_lists.items():
            if set(lists) & coded and not any(speaks.get(ods, {}).get(name) for name in lists):
                table.absent[fact, ods] = f"the code list {lists[0]} has no codes of the kind that this practice writes"
        state = table.sources.practices[ods]
        if not state.hospital:
            hospital = (name for name, one in vocabulary(rules).items()
                        if one.source == "hospital" and not name.endswith("_on") and not name.endswith("_since"))
            table.absent.update({(name, ods): state.hospital_note for name in hospital})


def _day(value: Any) -> date | None:
    """A date from whatever a data frame holds."""
    if value is None or value != value:
        return None
    if isinstance(value, datetime):
        return value.date()
    return value if isinstance(value, date) else date.fromisoformat(str(value)[:10])
