"""What a look back can and cannot see: who was registered then, who is still in the records, which dates are assumed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from frailty.records.build import LATEST, Needs, columns_of, held_sql, issues_where

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_REGISTERED = """coalesce(p.registered_from <= d.day, TRUE) AND coalesce(p.registered_to > d.day, TRUE)
            AND coalesce(p.deceased_on > d.day, NOT coalesce(p.deceased, FALSE))"""


def seen(con: DuckDBPyConnection, days: NDArray[np.int32], load: int = LATEST) -> dict[str, NDArray[Any]]:
    """[dates] registered, gone_since, listed_then, still_seen: people of the GP lists (of all sources where none is GP).

    registered: those who, by the records of today (or of that load), were registered on the day. gone_since: of these,
    who have died or left since; none at all, years back, means that the records hold only those who stayed.
    listed_then: those who were registered by the records held on that day itself; still_seen: of these, who are in the
    records now. Both are NaN before the first load: nobody can say who had left by then.
    """
    _days_given(con, days)
    con.execute(f"""CREATE OR REPLACE TEMP TABLE list_row AS
        SELECT p.* FROM person p LEFT JOIN feed USING (source) WHERE person IS NOT NULL AND (
            feed.kind = 'gp' OR NOT EXISTS (SELECT 1 FROM feed WHERE kind = 'gp'))
          AND p.known_from <= {load}""")
    now = f"(SELECT * FROM list_row p WHERE {held_sql('p', load)})"
    # What was held on a day: of each source the last load by then; a source without one makes the day unknown.
    rows = columns_of(con, f"""
        WITH taken AS (
            SELECT d.i, d.day, s.source, max(l.load) AS load
            FROM day_given d CROSS JOIN (SELECT DISTINCT source FROM list_row) s
            LEFT JOIN load l ON l.source = s.source AND l.mode <> 'held' AND l.load <= {load}
                 AND coalesce(l.extracted_at, l.loaded_at)::DATE <= d.day
            GROUP BY ALL),
        before AS (
            SELECT i, count(DISTINCT person) AS listed, count(DISTINCT person) FILTER (person IN (SELECT person FROM {now})) AS seen
            FROM taken d JOIN list_row p ON p.source = d.source AND p.known_from <= d.load
                 AND (p.known_to IS NULL OR p.known_to > d.load) AND {_REGISTERED}
            WHERE i NOT IN (SELECT i FROM taken WHERE load IS NULL) GROUP BY i),
        present AS (
            SELECT i, count(DISTINCT person) AS registered,
                   count(DISTINCT person) FILTER (registered_to IS NOT NULL OR coalesce(deceased, FALSE)) AS gone
            FROM day_given d JOIN {now} p ON {_REGISTERED} GROUP BY i)
        SELECT coalesce(registered, 0) AS registered, coalesce(gone, 0) AS gone, listed::DOUBLE AS listed, seen::DOUBLE AS seen
        FROM day_given LEFT JOIN present USING (i) LEFT JOIN before USING (i) ORDER BY i""")
    return {"registered": rows["registered"], "gone_since": rows["gone"], "listed_then": _number(rows["listed"]),
            "still_seen": _number(rows["seen"])}


def assumed_dates(con: DuckDBPyConnection, days: NDArray[np.int32], needs: Needs, load: int = LATEST
                  ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """[dates] how many records the scores may read that were known by then; and the share whose recorded date is assumed.

    Needs the temp tables that `build_arrays` made.
    """
    if not len(days):
        return np.zeros(0, np.int64), np.zeros(0)
    con.register("read_given", {"concept": needs.concepts.astype(np.int32)})
    measured = "e.value IS NOT NULL AND e.concept IN (SELECT concept FROM concept_quantity)" if needs.quantities else "FALSE"
    issues = f"e.kind = 'issue' AND {issues_where('e', load)}" if needs.issues else "FALSE"
    rows = columns_of(con, f"""
        SELECT day, count(*) AS n, count(*) FILTER (assumed) AS assumed FROM (
            SELECT min(greatest(e.effective, e.recorded)) - DATE '1970-01-01' AS day, bool_and(e.recorded_assumed) AS assumed
            FROM event e WHERE e.person IS NOT NULL AND e.effective IS NOT NULL AND {held_sql('e', load)}
              AND ((e.counts AND e.concept IN (SELECT concept FROM read_given)) OR ({measured}) OR ({issues}))
            GROUP BY e.record) GROUP BY day ORDER BY day""")
    con.unregister("read_given")
    by_then = np.searchsorted(rows["day"], days, side="right")
    totals = [np.concatenate([[0], np.cumsum(rows[name])])[by_then] for name in ("n", "assumed")]
    with np.errstate(invalid="ignore"):
        return totals[0].astype(np.int64), totals[1] / totals[0]


def _days_given(con: DuckDBPyConnection, days: NDArray[np.int32]) -> None:
    con.register("days_given", {"i": np.arange(len(days)), "n": days.astype(np.int32)})
    con.execute("CREATE OR REPLACE TEMP TABLE day_given AS SELECT i, DATE '1970-01-01' + n AS day FROM days_given")
    con.unregister("days_given")


def _number(column: NDArray[Any]) -> NDArray[np.float64]:
    return np.ma.filled(np.ma.asarray(column, np.float64), np.nan)


def movers(con: DuckDBPyConnection, load: int = LATEST) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """People whose practice, birth date or sex `person_as_of` may give differently on different days, as several of their
    records say different things; and the days (since 1970-01-01) on which that can change: where registrations begin or end.
    """
    con.execute(f"""CREATE OR REPLACE TEMP TABLE mover AS
        SELECT person FROM person p WHERE person IS NOT NULL AND {held_sql('p', load)}
        GROUP BY person HAVING count(DISTINCT practice) > 1 OR count(DISTINCT birth_date) > 1
        OR count(DISTINCT sex) FILTER (sex <> 'unknown') > 1""")
    turns = columns_of(con, f"""SELECT DISTINCT day - DATE '1970-01-01' AS day FROM (
            SELECT unnest([registered_from, registered_to]) AS day FROM person p JOIN mover USING (person)
            WHERE {held_sql('p', load)}) WHERE day IS NOT NULL ORDER BY day""")["day"]
    return columns_of(con, "SELECT person FROM mover ORDER BY person")["person"].astype(np.int32), turns.astype(np.int32)
