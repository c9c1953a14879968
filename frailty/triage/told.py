"""One person's facts as rules see them: value, date, source, how sure, and why a value is missing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from frailty.triage.cards import day
from frailty.triage.facts import FactTable
from frailty.triage.vocabulary import Fact, vocabulary

if TYPE_CHECKING:
    from pathlib import Path

    import duckdb

IDENTITY = ("person", "patient_id", "nhs_number", "name", "birth_date", "phone", "address", "postcode", "usual_gp", "as_of")
SOURCES = {"gp": "codes in the practice's records", "hospital": "stays in hospital", "score": "reviewed frailty index",
           "home": "home's list, address, codes", "medicines": "issues of medicines", "site": "the site"}


@dataclass(frozen=True)
class Told:
    """One fact of a person. `sure`: how far to trust it; `missing`: why nobody knows it. One of the two is empty."""

    fact: str
    says: str
    value: str
    on: str
    source: str
    sure: str
    missing: str


def facts_of(con: duckdb.DuckDBPyConnection, table: FactTable, patient_id: str, rules: Path | None = None) -> list[Told]:
    """The facts of a person in the order of the vocabulary, without who they are; empty for somebody unknown."""
    cursor = con.execute("SELECT * FROM facts WHERE patient_id = ?", [patient_id])
    names = [column[0] for column in cursor.description or ()]
    found = cursor.fetchall()
    if not found:
        return []
    row, known = dict(zip(names, found[0], strict=True)), vocabulary(rules)
    dates = {fact.on for fact in known.values() if fact.on}
    return [_told(name, fact, row, table) for name, fact in known.items()
            if name not in IDENTITY and name not in dates and not name.endswith("_known_on")]


def _told(name: str, fact: Fact, row: dict[str, Any], table: FactTable) -> Told:
    value, on = row[name], row.get(fact.on) if fact.on else None
    source = ", ".join(fact.lists) if fact.lists and fact.source == "gp" else SOURCES.get(fact.source, fact.source)
    text = "" if value is None else day(value) if fact.type == "DATE" else f"{value:g}" if isinstance(value, float) else str(value)
    return Told(name, fact.says, text, day(on) if on else "", source, _sure(name, fact, row) if value is not None else "",
                "" if value is not None else _missing(name, fact, row, table))


def _sure(name: str, fact: Fact, row: dict[str, Any]) -> str:
    if name in ("frailty_level", "frailty_basis"):
        return str(row["frailty_basis"])
    if fact.source == "score":
        return "computed; no clinician has confirmed it"
    if fact.source == "home":
        return f"{row['care_home']} ({row['home_basis']})" if row["home_basis"] else "no source names a home"
    if fact.source == "medicines":
        return "some counted by product, not by substance" if row["medicines_rung"] == 3 else "counted from issues"
    if row[name] in ("no", "none") or (fact.type == "INTEGER" and row[name] == 0):
        return "no entry, where there could be one"
    return "recorded"


def _missing(name: str, fact: Fact, row: dict[str, Any], table: FactTable) -> str:
    absent = table.why_absent(name, row["practice"])
    if absent:
        return absent
    if fact.source == "score" and row["objection"] == "yes":
        return "not scored: objection"
    return "the records do not suffice" if fact.source == "score" else "no entry"
