"""What the store held after each load, and when; and who the people of a day are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING

import numpy as np

from frailty.errors import FrailtyError
from frailty.records.build import LATEST, held_sql, people
from frailty.records.facts import tag

if TYPE_CHECKING:
    import pandas as pd
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


def about(con: DuckDBPyConnection, day: date) -> pd.DataFrame:
    """patient_id, practice, age_group (of ten years) of the people alive and registered, in the order of patient_id."""
    people(con, day)
    return con.execute(f"""SELECT patient_id, coalesce(practice, '(none)') AS practice,
            coalesce((age - age % 10) || ' to ' || (age - age % 10 + 9), 'not known') AS age_group
        FROM (SELECT *, date_diff('year', birth_date, DATE '{day}')
              - (strftime(birth_date, '%m%d') > '{day:%m%d}')::INTEGER AS age FROM person_as_of)
        WHERE deceased_on IS NULL AND (registered_to IS NULL OR registered_to > DATE '{day}') ORDER BY patient_id""").fetchdf()


def confirmed_bands(con: DuckDBPyConnection, lists: Mapping[str, Mapping[str, str]], day: date
                    ) -> dict[tuple[str, str], tuple[str, date]]:
    """(patient_id, score) -> the band that was coded last by a day, and when.

    lists: score -> code list -> the band that its codes confirm; lists that do not exist confirm nothing.
    """
    from frailty.terminology import list_codelists
    known = set(list_codelists())
    wanted = sorted({name for many in lists.values() for name in many} & known)
    people(con, day)
    tag(con, wanted, day, day, LATEST)
    rows = con.execute("""SELECT patient_id, arg_max(list, (effective, list)), max(effective) FROM tagged
        JOIN person_as_of USING (person) WHERE ended IS NULL GROUP BY patient_id""").fetchall()
    return {(str(id), score): (many[name], on) for id, name, on in rows for score, many in lists.items() if name in many}
