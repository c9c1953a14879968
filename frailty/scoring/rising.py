"""Rising need: how a score moved over half a year, which deficits arrived when, and whether coding alone explains it.

Thresholds and their sources: rules/rising_need.toml. Comparisons are exact: slopes are compared as whole numbers.
"""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from frailty.errors import DefinitionError, FrailtyError
from frailty.knowledge import rules_dir
from frailty.records.arrays import Int32, Int64, PracticeArrays, of_people
from frailty.scoring.definitions import STATUS
from frailty.scoring.engine import evaluate
from frailty.scoring.history import ScoreHistory, history, presence
from frailty.scoring.plan import Plan

if TYPE_CHECKING:
    import pandas as pd

_KEYS = {"trend": "months score slope evidence", "rapid_rise": "slope_at_least over_months rise_at_least evidence hazards",
         "moderate_rise": "slope_at_least over_months bands_at_least evidence hazards",
         "artefact_rise": "share_at_least coding_day_deficits registration_days late_days late_deficits evidence hazards"}


@dataclass(frozen=True)
class Rules:
    """The numbers of rules/rising_need.toml."""

    months: int
    score: str
    rapid_slope: Fraction
    rapid_months: tuple[int, ...]
    rapid_rise: Fraction
    moderate_slope: Fraction
    moderate_months: tuple[int, ...]
    moderate_bands: int
    share: Fraction
    coding_day_deficits: int
    registration_days: int
    late_days: int
    late_deficits: int


def load_rules(rules: Path | None = None) -> Rules:
    """The thresholds of rising need. Raises DefinitionError where a table or a number is missing or unknown."""
    with ((rules or rules_dir()) / "rising_need.toml").open("rb") as stream:
        said = tomllib.load(stream, parse_float=Fraction)
    for table, keys in _KEYS.items():
        wrong = sorted(set(said.get(table, ())) ^ set(keys.split()))
        if wrong:
            raise DefinitionError(f"The table [{table}] has an unknown key or lacks one: {', '.join(wrong)}.",
                                  where="rules/rising_need.toml", mend=f"its keys are {', '.join(keys.split())}")
    trend, rapid, moderate, artefact = (said[table] for table in _KEYS)
    months = int(trend["months"])
    if any(not 2 <= n <= months for n in (*rapid["over_months"], *moderate["over_months"])):
        raise DefinitionError("A slope is asked for over more months than the trend has, or over fewer than two.",
                              where="rules/rising_need.toml", mend=f"over_months: numbers from 2 to {months}")
    return Rules(
        months, str(trend["score"]), Fraction(rapid["slope_at_least"]), tuple(rapid["over_months"]),
        Fraction(rapid["rise_at_least"]), Fraction(moderate["slope_at_least"]), tuple(moderate["over_months"]),
        int(moderate["bands_at_least"]), Fraction(artefact["share_at_least"]), int(artefact["coding_day_deficits"]),
        int(artefact["registration_days"]), int(artefact["late_days"]), int(artefact["late_deficits"]))


def months_back(day: date, months: int) -> list[date]:
    """This day of the present and of so many earlier months, oldest first; last days of months where `day` is one."""
    last = (day + timedelta(days=1)).day == 1
    found = []
    for n in range(months, -1, -1):
        year, month = divmod(day.year * 12 + day.month - 1 - n, 12)
        after = date(year + (month + 1) // 12, (month + 1) % 12 + 1, 1)
        length = (after - timedelta(days=1)).day
        found.append(date(year, month + 1, length if last else min(day.day, length)))
    return found


def rising(plan: Plan, arrays: PracticeArrays, as_of: date, registered_from: Int32, patient_ids: Sequence[str],
           rules: Rules | None = None) -> pd.DataFrame:
    """One row per person for the one scorecard of the plan: patient_id, status, months, slope_per_month, rise_6m, from_band,
    to_band, rapid_rise, moderate_rise, artefact_rise, artefact_why, deficits_arrived.

    registered_from: [P] days since 1970-01-01 (a day before the trend where not known). Flags are empty where the score
    had no value on the days that they compare. rapid_rise is False where artefact_rise is True: it is held.
    deficits_arrived: (term, date) of each term that counts now and did not at the start of the trend, by date.
    """
    import pandas as pd
    rules, card = rules or load_rules(), plan.scorecards[0]
    if card.link.kind not in ("identity", "divide_by"):
        raise FrailtyError(f"The score '{card.id}' has no rise that could be judged.",
                           why="its value is no fixed multiple of its points", mend="take a score such as efi")
    days = np.array([_number(day) for day in months_back(as_of, rules.months)], np.int32)
    (one,) = history(plan, arrays, days).values()
    steps, ok = one.points, one.status == 0
    unit = Fraction(card.divide_by or 1) * 10**one.scale
    slope, months = _longest_slope(one, sorted({*rules.rapid_months, *rules.moderate_months}))
    both = ok[:, 0] & ok[:, -1]
    rise = steps[:, -1] - steps[:, 0]
    rapid = _any_of([_steep(one, n, rules.rapid_slope * unit) for n in rules.rapid_months]
                    + [_flag(rise >= _ceil(rules.rapid_rise * unit), both)])
    moderate = _any_of([_steep(one, n, rules.moderate_slope * unit) for n in rules.moderate_months]
                       + [_flag(one.band[:, -1] - one.band[:, 0] >= rules.moderate_bands, both)])
    asked = np.flatnonzero((rapid == 1) | (moderate == 1) | (both & (rise > 0)))
    arrived, why = _arrivals(plan, of_people(arrays, asked), days, registered_from[asked], rules)
    texts = np.full(len(steps), "", object)
    lists = np.empty(len(steps), object)
    lists[:] = [[] for _ in range(len(steps))]
    for place, p in enumerate(asked):
        lists[p] = arrived[place]
        texts[p] = why[place] if rapid[p] == 1 or moderate[p] == 1 else ""
    artefact = np.where((rapid < 0) & (moderate < 0), -1, (texts != "").astype(np.int8))
    names = np.array([*one.bands, None], object)
    return pd.DataFrame({
        "patient_id": list(patient_ids), "status": np.array(STATUS, object)[one.status[:, -1]], "months": months,
        "slope_per_month": slope, "rise_6m": np.where(both, rise / float(unit), np.nan), "from_band": names[one.band[:, 0]],
        "to_band": names[one.band[:, -1]], "rapid_rise": _shown(np.where(artefact == 1, np.minimum(rapid, 0), rapid)),
        "moderate_rise": _shown(moderate), "artefact_rise": _shown(artefact), "artefact_why": texts,
        "deficits_arrived": lists})


def _longest_slope(one: ScoreHistory, stretches: Sequence[int]) -> tuple[NDArray[np.float64], Int64]:
    """[P] slope of the value per month over the longest stretch up to the last date that is known, and its months."""
    slope, months = np.full(len(one.points), np.nan), np.zeros(len(one.points), np.int64)
    for n in stretches:
        known = (one.status[:, -n - 1:] == 0).all(1)
        above, below = _least_squares(one, n)
        slope[known], months[known] = (above / below / one.of / 10**one.scale)[known], n
    return slope, months


def _least_squares(one: ScoreHistory, months: int) -> tuple[Int64, int]:
    """The slope of points per month over the last so many months, as a fraction of whole numbers."""
    centred = 2 * np.arange(months + 1) - months
    return 2 * one.points[:, -months - 1:] @ centred, int((centred**2).sum())


def _steep(one: ScoreHistory, months: int, at_least: Fraction) -> NDArray[np.int8]:
    above, below = _least_squares(one, months)
    return _flag(above >= _ceil(at_least * below), (one.status[:, -months - 1:] == 0).all(1))


def _flag(true: NDArray[np.bool_], known: NDArray[np.bool_]) -> NDArray[np.int8]:
    """1 yes, 0 no, -1 not known."""
    return np.where(known, true.astype(np.int8), np.int8(-1))


def _any_of(flags: Sequence[NDArray[np.int8]]) -> NDArray[np.int8]:
    best: NDArray[np.int8] = np.max(np.stack(flags), 0)
    return best


def _shown(flags: NDArray[np.int8]) -> Any:
    import pandas as pd
    return pd.arrays.BooleanArray(flags == 1, flags < 0)


def _ceil(number: Fraction) -> int:
    return -(-number.numerator // number.denominator)


def _number(day: date) -> int:
    return (day - date(1970, 1, 1)).days


def _arrivals(plan: Plan, arrays: PracticeArrays, days: Int32, registered_from: Int32, rules: Rules
              ) -> tuple[list[list[tuple[str, date]]], list[str]]:
    """Per person the terms that arrived, each with its day; and which cause other than illness explains them, if any."""
    every = np.arange(days[0], days[-1] + 1, dtype=np.int32)
    there = presence(plan, arrays, every)
    new = there[:, :, -1] & ~there[:, :, 0] if len(arrays) else np.zeros(there.shape[:2], np.bool_)
    # It counts since the day after the last day on which it did not.
    person, term = np.nonzero(new)
    since = every[len(every) - np.argmin(there[person, term, ::-1], 1)]
    worth, newest = _as_they_arrived(plan, arrays, person, term, since, int(days[-1]))
    arrived, why = [], []
    for p in range(len(arrays)):
        mine = np.flatnonzero(person == p)
        mine = mine[np.lexsort((term[mine], since[mine]))]
        arrived.append([(plan.term_names[term[k]], date(1970, 1, 1) + timedelta(days=int(since[k]))) for k in mine])
        why.append(_why(since[mine], worth[mine], newest[mine], int(registered_from[p]), int(days[0]), rules))
    return arrived, why


def _as_they_arrived(plan: Plan, arrays: PracticeArrays, person: Int64, term: Int64, since: Int32, as_of: int
                     ) -> tuple[Int64, Int32]:
    """[arrivals] the points of each on its day, and the day of the newest entry behind it that was known on that day."""
    worth, newest = np.zeros(len(since), np.int64), since.copy()
    done = np.zeros(len(since), np.bool_)
    while not done.all():       # one day of each person at a time
        day = np.full(len(arrays), as_of, np.int32)
        np.minimum.at(day, person[~done], since[~done])
        found = evaluate(plan, arrays, day).contributions
        key = found.person.astype(np.int64) * len(plan.term_names) + found.term
        now = np.flatnonzero(~done & (since == day[person]))
        row = np.searchsorted(key, person[now] * len(plan.term_names) + term[now])
        worth[now], newest[now], done[now] = found.points[row], found.last[row], True
    return worth, newest


def _why(since: Int32, worth: Int64, newest: Int32, registered: int, start: int, rules: Rules) -> str:
    """Which cause other than illness brought most of the points; empty where none did."""
    total, found = int(worth.sum()), []

    def most(which: NDArray[np.bool_], deficits: int = 1) -> bool:
        return int(which.sum()) >= deficits and total > 0 and int(worth[which].sum()) >= rules.share * total

    def said(which: NDArray[np.bool_]) -> str:
        return f"{int(which.sum())} of {len(since)} deficits"

    for day in np.unique(since):
        if most(since == day, rules.coding_day_deficits):
            found.append(f"one coding day, {_day(int(day))}: {said(since == day)}")
    if registered > start:
        new = (since >= registered) & (since < registered + rules.registration_days)
        if most(new):
            found.append(f"new registration, {_day(registered)}: {said(new)} within {rules.registration_days} days")
    late = since - newest >= rules.late_days
    if most(late, rules.late_deficits):
        found.append(f"summarising: {said(late)} had happened {rules.late_days} days or more before they were written down")
    return "; ".join(found)


def _day(number: int) -> str:
    return str(date(1970, 1, 1) + timedelta(days=number))
