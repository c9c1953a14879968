"""What the store held after each load, and when."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING

import numpy as np

from frailty.errors import FrailtyError
from frailty.records.build import held_sql

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


def loads(con: DuckDBPyConnection) -> list[tuple[int, date]]:
    """Each load and the day it stands for: the day its run scored as of, or else the day it was loaded."""
    return [(int(load), day) for load, day in con.execute("""
        SELECT load, coalesce((SELECT max(as_of) FROM run WHERE run.load = l.load), max(loaded_at)::DATE) FROM load l
        GROUP BY load ORDER BY load""").fetchall()]


def load_since(con: DuckDBPyConnection, since: date | int) -> tuple[int, date, str]:
    """The load and day from which on changes are asked for, and a word of warning where it is not quite what was asked.

    since: a load, or a day: then the last load that stands for that day or an earlier one.
    """
    known = loads(con)
    told = "; ".join(f"{load} of {day}" for load, day in known[-10:])
    if isinstance(since, int):
        for load, day in known:
            if load == since:
                return load, day, ""
        raise FrailtyError(f"The store knows no load {since}.", mend=f"its last loads: {told}" if told else "it has none")
    before = [load for load, day in known if day <= since]
    if before:
        return before[-1], since, ""
    if not known:
        raise FrailtyError("The store has no load.", mend="load records first: frailty nightly")
    return known[0][0], since, (f"The first load is of {known[0][1]}: what was corrected or removed before that cannot be seen.")


def held(con: DuckDBPyConnection, records: Sequence[int], load: int) -> tuple[set[int], set[int]]:
    """Of these records, those that the store held after a load; and those that it holds now in another form than then."""
    con.register("asked_given", {"record": np.array(records, np.int64)})
    rows = con.execute(f"""WITH every AS (SELECT record, known_from, known_to FROM event UNION ALL SELECT record, known_from, known_to FROM stay)
        SELECT record, bool_or({held_sql('e', load)}), bool_or(known_to IS NULL AND known_from > {load})
        FROM every e WHERE record IN (SELECT record FROM asked_given) GROUP BY record""").fetchall()
    con.unregister("asked_given")
    return {row[0] for row in rows if row[1]}, {row[0] for row in rows if row[2]}


def definitions_of(con: DuckDBPyConnection, load: int) -> dict[str, str]:
    """Score -> hash of the definition with which the run of a load scored; empty where no run stands for it."""
    import json
    row = con.execute("SELECT definitions FROM run WHERE load = ? ORDER BY run DESC LIMIT 1", [load]).fetchone()
    return dict(json.loads(row[0])) if row and row[0] else {}
