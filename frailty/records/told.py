"""What run.json tells of the store: feeds, what was set aside and why, codes in no list, dates that were assumed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from frailty.records.build import concepts, quantity_tables, values_set_aside
from frailty.site import Site
from frailty.terminology import ConceptIndex, list_codelists, load_codelist, load_quantities

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


def feeds(con: DuckDBPyConnection, site: Site) -> list[dict[str, Any]]:
    """Each source: kind, time of the extract, newest and oldest entry; and the feeds of the site that never came."""
    rows = con.execute("""SELECT source, kind, extracted_at, extracted_from, newest, oldest FROM feed ORDER BY source""").fetchall()
    names = ("source", "kind", "extracted_at", "extracted_from", "newest", "oldest")
    found = [{name: None if value is None else str(value) for name, value in zip(names, row, strict=True)} for row in rows]
    missing = [feed.name for feed in site.feeds if feed.name not in {row[0] for row in rows}]
    return found + [{"source": name, "kind": "missing"} for name in missing]


def quarantine_reasons(con: DuckDBPyConnection) -> list[dict[str, Any]]:
    """Counts of what could not be used, by source, type and reason."""
    rows = con.execute("""SELECT source, resource_type, reason, part <> '' AS only_a_part, count(*) AS n FROM quarantine
        WHERE known_to IS NULL GROUP BY ALL ORDER BY source, n DESC, resource_type, reason""").fetchall()
    return [dict(zip(("source", "resource_type", "reason", "only_a_part", "n"), row, strict=True)) for row in rows]


def values_aside(con: DuckDBPyConnection) -> list[dict[str, Any]]:
    """Counts of numbers without a usable unit or out of range, by quantity."""
    names = [quantity.name for quantity in load_quantities()]
    quantity_tables(con, names)
    return [{"quantity": names[int(place)], "reason": why, "n": n} for place, why, n in values_set_aside(con)]


def unmapped_codes(con: DuckDBPyConnection) -> list[dict[str, Any]]:
    """Codes that stand in records and in no list, by system: what the lists cannot see."""
    systems, codes = concepts(con)
    index = ConceptIndex(systems, codes)
    claimed = np.zeros(len(codes), np.bool_)
    for name in list_codelists():
        claimed |= index.match(load_codelist(name))
    con.register("claimed_given", {"concept": np.flatnonzero(claimed).astype(np.int32)})
    rows = con.execute("""SELECT CASE WHEN system = '' THEN '(no system)' ELSE system END,
            count(DISTINCT concept) AS codes, count(DISTINCT record) AS records
        FROM event JOIN concept USING (concept) WHERE counts AND known_to IS NULL
          AND concept NOT IN (SELECT concept FROM claimed_given) GROUP BY ALL ORDER BY records DESC, 1""").fetchall()
    con.unregister("claimed_given")
    return [{"system": system, "codes": n, "records": records} for system, n, records in rows]


def assumed_shares(con: DuckDBPyConnection) -> dict[str, float]:
    """Share of entries whose recorded date is not given and was taken from the day they happened."""
    rows = con.execute("""SELECT source, round(avg(recorded_assumed::INTEGER), 4) FROM event WHERE known_to IS NULL
                          GROUP BY source ORDER BY source""").fetchall()
    return {source: float(share) for source, share in rows}
