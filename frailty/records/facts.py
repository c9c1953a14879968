"""The store as triage reads it: temp tables of what was known on a day (columns: see each statement)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from frailty.records.build import LATEST, concepts, held_sql, issues_where, people
from frailty.records.stage import insert_rows
from frailty.terminology import ConceptIndex, load_codelist, substances

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

OBJECTION = "care/objection_profiling"
_KNOWN = "known_from <= $load AND (known_to IS NULL OR known_to > $load)"


def last_entries(con: DuckDBPyConnection, load: int = LATEST) -> None:
    """Temp table `last_entry` (person, last_entry_on, entries) from the temp table `score_date` (person, as_of)."""
    con.execute(f"""CREATE OR REPLACE TEMP TABLE last_entry AS
        SELECT person, max(effective) AS last_entry_on, count(DISTINCT record)::INTEGER AS entries FROM (
            SELECT e.person, e.effective, e.record FROM event e JOIN score_date d USING (person)
            WHERE {held_sql('e', load)} AND e.effective <= d.as_of AND e.recorded <= d.as_of
            UNION ALL
            SELECT s.person, s.started, s.record FROM stay s JOIN score_date d USING (person)
            WHERE {held_sql('s', load)} AND s.started <= d.as_of AND s.recorded_start <= d.as_of) GROUP BY person""")


def facts_tables(con: DuckDBPyConnection, as_of: date, lists: Sequence[str], load: int = LATEST, *,
                 refusals_to: date | None = None, rules: Path | None = None, medicines: Path | None = None) -> None:
    """Makes `person_as_of`, `tagged`, `stay_as_of`, `issue_as_of`, `plan_as_of`, `consent_as_of` for one day.

    lists: code lists whose entries `tagged` holds, one row per record and list row category. refusals_to: a later day up
    to which consents and objections count: who objects today is not scored as of last year either. medicines: the site's table
    of products.
    """
    day = {"as_of": as_of, "load": load}
    refusals = {"as_of": refusals_to or as_of, "load": load}
    people(con, as_of, load)
    con.execute("CREATE OR REPLACE TEMP TABLE score_date AS SELECT person, $as_of::DATE AS as_of FROM person_as_of",
                {"as_of": as_of})
    last_entries(con, load)
    con.execute(f"""CREATE OR REPLACE TEMP TABLE person_as_of AS
        SELECT p.*, l.last_entry_on, c.last_contact_on FROM person_as_of p LEFT JOIN last_entry l USING (person)
        LEFT JOIN (SELECT person, max(started) AS last_contact_on FROM stay WHERE {_KNOWN}
                   AND started <= $as_of AND recorded_start <= $as_of AND status IS DISTINCT FROM 'cancelled'
                   AND status IS DISTINCT FROM 'planned' GROUP BY person) c USING (person)
        ORDER BY patient_id""", day)
    tag(con, lists, as_of, refusals_to or as_of, load, rules)
    con.execute(f"""CREATE OR REPLACE TEMP TABLE stay_as_of AS
        SELECT person, started, CASE WHEN ended <= $as_of AND recorded_end <= $as_of THEN ended END AS ended, setting,
               admission, admitted_from, CASE WHEN ended <= $as_of THEN discharged_to END AS discharged_to, provider,
               recorded_start, CASE WHEN recorded_end <= $as_of THEN recorded_end END AS recorded_end, source,
               resource_type || '/' || resource_id AS resource
        FROM stay WHERE {_KNOWN} AND person IS NOT NULL AND started <= $as_of AND recorded_start <= $as_of
          AND status IS DISTINCT FROM 'cancelled' AND status IS DISTINCT FROM 'planned'
        ORDER BY person, started, resource""", day)
    _issues(con, day, load, medicines)
    con.execute(f"""CREATE OR REPLACE TEMP TABLE plan_as_of AS
        SELECT person, status, category, title, started, ended, recorded, resource_type || '/' || resource_id AS resource
        FROM plan WHERE {_KNOWN} AND person IS NOT NULL AND coalesce(recorded, started) <= $as_of ORDER BY ALL""", day)
    _consents(con, refusals)


def objectors(con: DuckDBPyConnection, day: date, kinds: Sequence[str] | None) -> list[str]:
    """patient_id of everybody whose objection stands on that day; kinds: see `objections`."""
    tag(con, [OBJECTION], day, day, LATEST)
    _consents(con, {"as_of": day, "load": LATEST})
    objections(con, kinds)
    return [str(row[0]) for row in con.execute("""SELECT DISTINCT patient_id FROM objection JOIN person_id USING (person)
                                                WHERE objects ORDER BY 1""").fetchall()]


def objections(con: DuckDBPyConnection, kinds: Sequence[str] | None, of: str = "") -> None:
    """Makes `objection` (person, objects, recorded) from `consent_as_of` and the codes in `tagged`; `of` stands before the names.

    kinds: the kinds of consent that speak of profiling; the newest word counts. None: a refusal of any kind counts, whatever
    other kinds permit. Of two words of one day the refusal counts.
    """
    con.execute(f"""CREATE OR REPLACE TEMP TABLE {of}objection AS
        SELECT person, bool_or(objects) AS objects, nullif(max(recorded) FILTER (objects), DATE '1900-01-01') AS recorded FROM (
            SELECT person, arg_max(objects, place) AS objects, arg_max(recorded, place) AS recorded FROM (
                SELECT *, 2 * (recorded - DATE '1900-01-01') + objects::INTEGER AS place FROM (
                    SELECT person, lower(kind) AS kind, coalesce(recorded, DATE '1900-01-01') AS recorded,
                           coalesce(lower(decision), 'deny') NOT IN ('permit', 'withdrawn', 'opt-in', 'consent') AS objects
                    FROM {of}consent_as_of WHERE $kinds IS NULL
                       OR list_contains($kinds, lower(kind)) AND coalesce(status, 'active') IN ('active', 'proposed')
                    UNION ALL
                    SELECT person, list, coalesce(effective, recorded, DATE '1900-01-01'), category <> 'ends' FROM {of}tagged
                    WHERE list = '{OBJECTION}' AND category IN ('present', 'ends')))
            GROUP BY person, CASE WHEN $kinds IS NULL THEN kind END)
        GROUP BY person""", {"kinds": None if kinds is None else [kind.casefold() for kind in kinds]})


def _consents(con: DuckDBPyConnection, day: dict[str, object]) -> None:
    con.execute(f"""CREATE OR REPLACE TEMP TABLE consent_as_of AS
        SELECT person, coalesce(category, scope) AS kind, decision, status, recorded
        FROM consent WHERE {_KNOWN} AND person IS NOT NULL AND coalesce(recorded, $as_of) <= $as_of
          AND (ended IS NULL OR ended >= $as_of) ORDER BY ALL""", day)


def tag(con: DuckDBPyConnection, lists: Sequence[str], as_of: date, refusals_to: date, load: int,
        rules: Path | None = None) -> None:
    """Makes `tagged`: the entries of code lists, as known on a day."""
    day = {"as_of": as_of, "refusals_to": refusals_to, "objection": OBJECTION, "load": load}
    index = ConceptIndex(*concepts(con))
    con.execute("""CREATE OR REPLACE TEMP TABLE list_concept (list VARCHAR, category VARCHAR, caution VARCHAR,
                   concept INTEGER)""")
    rows = [(name, entry.category, entry.caution, concept) for name in lists
            for entry, concept in index.pairs(load_codelist(name, rules).rows)]
    insert_rows(con, "list_concept", rows)
    con.execute(f"""CREATE OR REPLACE TEMP TABLE tagged AS
        SELECT list, category, min(list_concept.caution) AS caution, person, effective, recorded,
               min(CASE WHEN ended <= $as_of THEN ended END) AS ended, max(value) AS value, min(system) AS system, min(code) AS code,
               min(display) AS term, resource_type || '/' || resource_id AS resource, source
        FROM event e JOIN list_concept USING (concept) JOIN concept USING (concept)
        WHERE {_KNOWN} AND (e.counts OR e.element IN ('Flag.code', 'ServiceRequest.code')) AND person IS NOT NULL
          AND effective <= CASE list WHEN $objection THEN $refusals_to ELSE $as_of END
          AND recorded <= CASE list WHEN $objection THEN $refusals_to ELSE $as_of END
        GROUP BY list, category, person, effective, recorded, record, resource_type, resource_id, source
        ORDER BY list, person, effective, resource, category""", day)


def _issues(con: DuckDBPyConnection, day: dict[str, object], load: int, medicines: Path | None) -> None:
    con.execute(f"""CREATE OR REPLACE TEMP TABLE issue_as_of AS
        SELECT person, concept, coalesce(display, code) AS name, system, code, effective, role, ended,
               resource_type || '/' || resource_id AS resource
        FROM event e JOIN concept USING (concept)
        WHERE e.kind = 'issue' AND {_KNOWN} AND {issues_where('e', load)} AND person IS NOT NULL
          AND effective <= $as_of AND recorded <= $as_of AND effective > $as_of::DATE - INTERVAL 12 MONTH
        ORDER BY person, effective, resource""", day)
    rows = con.execute("SELECT DISTINCT concept, system, code, name FROM issue_as_of ORDER BY ALL").fetchall()
    con.execute("CREATE OR REPLACE TEMP TABLE concept_substance (concept INTEGER, substance INTEGER, rung INTEGER, substance_name VARCHAR)")
    if rows:
        ids, names, rungs, _ = substances([r[1] for r in rows], [r[2] for r in rows], [r[3] for r in rows], medicines)
        insert_rows(con, "concept_substance",
                    [(int(r[0]), int(i), int(g), names[int(i)]) for r, i, g in zip(rows, ids, rungs, strict=True)])
    con.execute("""CREATE OR REPLACE TEMP TABLE issue_as_of AS
        SELECT i.* EXCLUDE (name), coalesce(s.substance_name, name) AS name, s.substance, s.rung
        FROM issue_as_of i LEFT JOIN concept_substance s USING (concept) ORDER BY person, effective, resource""")
