"""People who are no longer in the records, as their last row has them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from frailty.records.facts import OBJECTION, objections
from frailty.records.stage import insert_rows, sql_text

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


@dataclass(frozen=True)
class Left:
    """`here`: the number of who they are in the records now, under another id; `deceased`: their last row said so."""

    name: str = ""
    birth_date: date | None = None
    nhs_number: str = ""
    practice: str = ""
    deceased: bool = False
    objects: bool = False
    here: int | None = None


def who_left(con: DuckDBPyConnection, sought: Mapping[str, int | None], day: date, kinds: Sequence[str]) -> dict[str, Left]:
    """patient_id -> who that was. Needs `list_concept` of `facts_tables`.

    sought: patient_id -> the store's number of them when they were last there, if it is known. kinds: see `objections`.
    """
    if not sought:
        return {}
    con.execute("CREATE OR REPLACE TEMP TABLE sought (patient_id VARCHAR, person INTEGER)")
    insert_rows(con, "sought", sorted(sought.items()))
    con.execute(sql_text("left").replace(":as_of", f"DATE '{day}'").replace(":objection", OBJECTION))
    objections(con, kinds, "left_")
    rows = con.execute("""SELECT patient_id, coalesce(name, ''), birth_date, coalesce(nhs_number, ''), coalesce(practice, ''), deceased,
                                 coalesce(objects, FALSE), here
                          FROM last_row l LEFT JOIN left_objection o ON o.person = l.patient_id ORDER BY patient_id""").fetchall()
    return {row[0]: Left(*row[1:]) for row in rows}
