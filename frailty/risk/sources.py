"""Where a cohort is drawn from, a store or a made-up town: arrays of some people, who is in sight when, and groups."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from frailty.records.arrays import OPEN, Coded, Float64, Int32, Issues, Measured, PracticeArrays, Stays, empty_family, of_people

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from frailty.scoring.plan import Plan
    from frailty.terminology import Ladder

ALWAYS = -719162            # 0001-01-01


@dataclass(frozen=True)
class Records:
    """People with their records before and after any day.

    base: everybody, with stays only. arrays(plans, places): what these plans read of these people. seen_from, seen_to: [P]
    first and last day on which somebody's admissions would be seen (registered, covered by a hospital feed, before the
    records end). own_day: [P] the only day of each person, where there is one. given: [P] predictions for that day. made_up:
    no real person. listed: place of a person -> first day with a place on a list of the night.
    """

    base: PracticeArrays
    arrays: Callable[[Sequence[Plan], NDArray[np.intp]], PracticeArrays]
    systems: Sequence[str]
    codes: Sequence[str]
    ladder: Ladder | None
    seen_from: Int32
    seen_to: Int32
    groups: Mapping[str, NDArray[Any]]
    own_day: Int32 | None = None
    given: Mapping[str, Float64] = field(default_factory=dict)
    made_up: bool = False
    rules: Path | None = None
    patient_ids: Sequence[str] = ()
    listed: Mapping[int, int] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.base)


def town_records(town: Mapping[str, Any]) -> Records:
    """A made-up town, as `synthetic.town.make_town` gives it."""
    ladder: Ladder = town["ladder"]
    people = ("person", "birth", "sex", "death", "hospital_from", "hospital_without_stays")
    whole = PracticeArrays(
        **{name: town[name] for name in people}, coded=Coded(**town["coded"]), measured=Measured(**town["measured"]),
        issues=Issues(**town["issues"]), stays=Stays(**town["stays"]), quantities=tuple(town["quantities"]),
        substance=ladder.substance, rung=ladder.rung, inputs={"imd_quintile": town["imd_quintile"]})

    def arrays(plans: Sequence[Plan], places: NDArray[np.intp]) -> PracticeArrays:
        asked = [name for plan in plans for name in plan.measured_quantities]
        known = (*whole.quantities, *dict.fromkeys(name for name in asked if name not in whole.quantities))
        return replace(of_people(whole, places), quantities=known)

    count = len(whole)
    base = replace(whole, coded=empty_family(Coded, count), measured=empty_family(Measured, count),
                   issues=empty_family(Issues, count))
    groups = {"imd_quintile": town["imd_quintile"].astype(int).astype(str), "ethnicity": town["ethnicity"],
              "practice": town["practice"]}
    return Records(base, arrays, town["concepts"]["system"], town["concepts"]["code"], ladder, town["as_of"], town["seen_to"],
                   groups, own_day=town["as_of"], given={"hazard_given_records": town["given_records"]}, made_up=True)


def store_records(con: DuckDBPyConnection, *, until: date | None = None, medicines: Path | None = None, rules: Path | None = None,
                  objectors: Sequence[str] = ()) -> Records:
    """The people of a store, as it holds them now; who objects to profiling is left out. Made up where every NHS number is.

    until: the last day on which admissions are known (default: the newest day of the hospital feeds). medicines: the site's own
    table of products.
    """
    from frailty.errors import FrailtyError
    from frailty.records.build import Needs, build_arrays, columns_of, concepts, ladder_of, people, quintiles
    newest = con.execute("SELECT min(newest) FROM feed WHERE kind = 'hospital' AND newest IS NOT NULL").fetchall()[0][0]
    last = until or newest
    if last is None:
        raise FrailtyError("No hospital feed is in this store, so nobody's admissions are known.",
                           mend="load one with frailty nightly, named in site.toml as kind = \"hospital\"")
    end = (last - date(1970, 1, 1)).days
    people(con, last)
    rows = columns_of(con, """SELECT person, patient_id, practice, ethnicity,
            coalesce(registered_from - DATE '1970-01-01', -719162) AS since,
            coalesce(registered_to - DATE '1970-01-01', 2147483647) AS until
        FROM person_as_of ORDER BY patient_id""")
    out = set(objectors)
    keep = np.array([one not in out for one in rows["patient_id"]], np.bool_)
    rows = {name: column[keep] for name, column in rows.items()}
    persons, ids = rows["person"].astype(np.int32), [str(one) for one in rows["patient_id"]]
    ladder = ladder_of(con, medicines)

    def arrays(plans: Sequence[Plan], places: NDArray[np.intp]) -> PracticeArrays:
        wanted = np.unique(np.concatenate([np.empty(0, np.int32), *(plan.coded_concepts for plan in plans)])).astype(np.int32)
        needs = Needs(wanted, tuple(dict.fromkeys(name for plan in plans for name in plan.measured_quantities)),
                      any(plan.issue_needed for plan in plans), rules)
        made = build_arrays(con, persons[places], needs, ladder=ladder)
        return replace(made, inputs={"imd_quintile": quintiles(con)})

    base = arrays((), np.arange(len(persons)))
    covered = (base.hospital_from < OPEN) & ~base.hospital_without_stays
    seen_from = np.where(covered, np.maximum(rows["since"].astype(np.int32), base.hospital_from), OPEN).astype(np.int32)
    ends = rows["until"].astype(np.int64)
    seen_to = np.minimum(ends - (ends != base.death), end).astype(np.int32)         # who dies is in sight on that day
    texts = {name: np.array(["" if one is None or one is np.ma.masked or one != one else str(one) for one in rows[name]])
             for name in ("practice", "ethnicity")}
    texts["imd_quintile"] = np.array(["" if one != one else str(int(one)) for one in base.inputs["imd_quintile"]])
    systems, codes = concepts(con)
    places = {id: place for place, id in enumerate(ids)}
    listed = {places[id]: int(day) for id, day in con.execute("""SELECT patient_id, min(as_of) - DATE '1970-01-01' FROM listed
        WHERE section = 'now' GROUP BY patient_id ORDER BY patient_id""").fetchall() if id in places}
    # The 999 range is never given to a person: what is learned on a made-up locality bears its mark, whatever way it came.
    numbers, made_up = con.execute("""SELECT count(nhs_number), coalesce(bool_and(nhs_number LIKE '999%'), FALSE)
        FROM person WHERE known_to IS NULL""").fetchall()[0]
    return Records(base, arrays, systems, codes, ladder, seen_from, seen_to, texts, made_up=bool(numbers and made_up), rules=rules,
                   patient_ids=ids, listed=listed)
