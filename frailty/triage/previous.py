"""The last run: what was listed, what is new, changed or gone since, and whose turn has passed."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any

from frailty.records.left import Left, who_left
from frailty.triage.copies import changed
from frailty.triage.lines import Line, unpack

if TYPE_CHECKING:
    import duckdb

Place = tuple[str, str]  # audience, id


@dataclass
class Previous:
    """The last run before this one. `lines`: place -> (list, mark) -> line; `registered`: place -> people."""

    as_of: date | None = None
    lines: dict[Place, dict[tuple[str, str], Line]] = field(default_factory=dict)
    registered: dict[Place, int] = field(default_factory=dict)

    def at(self, audience: str, page_id: str) -> dict[tuple[str, str], Line]:
        """What was on one page."""
        return self.lines.get((audience, page_id), {})


def previous_listed(con: duckdb.DuckDBPyConnection, as_of: date) -> list[dict[str, Any]]:
    """The rows of `listed` of the newest run whose day lies before `as_of`."""
    cursor = con.execute(
        """
        SELECT run, as_of, audience, audience_id, list, status, person, patient_id, reason, first_listed, facts FROM listed
        WHERE run = (SELECT run FROM listed WHERE as_of < ? ORDER BY as_of DESC, run DESC LIMIT 1)
        ORDER BY audience, audience_id, list, patient_id, facts::VARCHAR""",
        [as_of],
    )
    names = [column[0] for column in cursor.description or ()]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def numbers_tonight(con: duckdb.DuckDBPyConnection, rows: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    """patient_id -> the number in tonight's `facts` of everybody in the rows: the store gives numbers anew when identities are
    linked or unlinked, so that a number of the last run may be a stranger's."""
    people = sorted({str(row["patient_id"]) for row in rows if row["patient_id"]})
    return dict(con.execute("SELECT patient_id, person FROM facts WHERE patient_id IN (SELECT unnest(?::VARCHAR[]))",
                            [people]).fetchall())


def who_is_gone(con: duckdb.DuckDBPyConnection, rows: Iterable[Mapping[str, Any]], numbers: Mapping[str, int], day: date,
                kinds: Sequence[str]) -> dict[str, Left]:
    """patient_id -> their last row in the store, of everybody in the rows who is not in tonight's `facts`."""
    sought: dict[str, int | None] = {}
    for row in rows:
        if row["patient_id"] and row["patient_id"] not in numbers and row["audience"] != "tier":
            known = row["person"] is not None and row["person"] >= 0
            sought[str(row["patient_id"])] = row["person"] if known else sought.get(str(row["patient_id"]))
    return who_left(con, sought, day, kinds)


def under_tonights_ids(con: duckdb.DuckDBPyConnection, rows: list[Mapping[str, Any]], gone: Mapping[str, Left]
                       ) -> list[Mapping[str, Any]]:
    """The rows, with tonight's id for who is with a practice under another: linked, or re-registered."""
    people = sorted({one.here for one in gone.values() if one.here is not None})
    here = dict(con.execute("""SELECT person, patient_id FROM facts
                               WHERE practice IS NOT NULL AND person IN (SELECT unnest(?::INTEGER[]))""", [people]).fetchall())
    ids = {old: here[one.here] for old, one in gone.items() if one.here in here}
    return [{**row, "patient_id": ids[row["patient_id"]]} if row["patient_id"] in ids else row for row in rows]


def read_previous(rows: Iterable[Mapping[str, Any]], numbers: Mapping[str, int]) -> Previous:
    """Rows of `listed` as lines with tonight's `numbers`, None for who is not there; those that had come off are left out."""
    found = Previous()
    for row in rows:
        if row["audience"] in ("case", "tier"):         # not a line of a page: see casework.py and tiers.py
            continue
        place = (str(row["audience"]), str(row["audience_id"]))
        found.as_of = row["as_of"]
        if row["list"] == "register":
            found.registered[place] = int(json.loads(row["facts"])["registered"])
        elif row["status"] != "came off":
            line = unpack(str(row["facts"]))
            known = str(row["patient_id"])              # may be another than when the line was kept
            line = changed(line, patient_id=known, person=numbers.get(known))
            found.lines.setdefault(place, {})[line.list, line.mark] = line
    return found


def compared(line: Line, before: Line | None, as_of: date) -> Line:
    """The line with its status and the day on which it was first listed."""
    if before is None:
        return changed(line, status="new", first_listed=as_of)
    same = line.signature == before.signature
    return changed(line, status="same" if same else "changed", first_listed=before.first_listed or as_of)


def with_turn(line: Line, before: Line | None, as_of: date) -> Line:
    """Carry the turn: whoever stood on the list past the due day, with nothing recorded, waits from now on like one who is new."""
    first = (before.first_listed if before else None) or as_of
    if before is None:
        return changed(line, first_listed=first, waits_since=as_of)
    past = before.section == "now" and before.due is not None and before.due < as_of
    ended = past and not before.overdue and not line.asked
    turn_on = before.turn_on if before.section == "now" else None
    return changed(line, first_listed=first, turns=before.turns + ended, turn_on=turn_on, overdue=past,
                   waits_since=as_of if ended else before.waits_since or first)
