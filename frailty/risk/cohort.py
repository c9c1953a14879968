"""Who is in a cohort on which days, and what happened to them afterwards. The rules of time are proven here, not believed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray

from frailty.errors import FrailtyError
from frailty.records.arrays import ADMISSIONS, OPEN, SETTINGS, Int8, Int32, Int64, PracticeArrays
from frailty.risk.dataset import ADMISSION, CENSORED, DEATH, END_OF_SIGHT
from frailty.risk.settings import load_settings, outcome_of
from frailty.risk.sources import Records

PERIODS = ("train", "calibration", "test")
_EPOCH = date(1970, 1, 1)


@dataclass(frozen=True)
class Periods:
    """Days of snapshots (since 1970-01-01) to learn, to calibrate and to test on: each later than those before."""

    train: tuple[int, ...]
    calibration: tuple[int, ...]
    test: tuple[int, ...]

    def check(self, horizon: int) -> None:
        """Raises FrailtyError where an outcome of one period could lie in the next: the gap is at least the horizon."""
        for name, before, after in (("calibration", self.train, self.calibration), ("test", self.calibration, self.test)):
            if not before or not after:
                raise FrailtyError(f"The period before '{name}' or '{name}' itself has no day.",
                                   mend="give each period a day or more")
            if min(after) - max(before) < horizon:
                raise FrailtyError(f"The days of '{name}' begin {min(after) - max(before)} days after the last day before them.",
                                   why=f"outcomes are seen for {horizon} days, so those of the earlier period would reach into it",
                                   mend=f"leave {horizon} days or more between them")


def periods_of(records: Records, horizon: int) -> Periods:
    """Periods that the records allow: test as late as outcomes are known, a gap, calibration, a gap, the rest for training."""
    try:
        periods = _by_own_days(records, horizon) if records.own_day is not None else _from_the_end(records, horizon)
        periods.check(horizon)
    except FrailtyError:
        raise FrailtyError(f"The records reach too short a time for a horizon of {horizon} days.",
                           why="three periods, with an outcome and a gap each, need stays over about three horizons and more",
                           mend="take --horizon 90 or 30, or load older hospital stays") from None
    return periods


def _by_own_days(records: Records, horizon: int) -> Periods:
    """Days that lie close together are of one period; the last two such groups are for calibration and test."""
    days = np.unique(np.asarray(records.own_day))
    groups = [tuple(int(day) for day in group) for group in np.split(days, np.flatnonzero(np.diff(days) >= horizon) + 1)]
    early = tuple(day for group in groups[:-2] for day in group)
    return Periods(early, groups[-2] if len(groups) > 1 else (), groups[-1])


def _from_the_end(records: Records, horizon: int) -> Periods:
    """Days at even steps, backwards from the last day whose outcomes are known."""
    said = load_settings(records.rules)["cohort"]
    train, calibration, test = (int(said[f"{name}_dates"]) for name in PERIODS)
    last = int(records.seen_to.max(initial=0)) - horizon
    first = int(records.base.stays.started.min(initial=last))
    left = [day for day in (_step_back(last, n * int(said["every_months"])) for n in range(80, -1, -1)) if day >= first]
    late, left = left[-test:], [day for day in left if day <= left[-test:][0] - horizon]
    middle, left = left[-calibration:], [day for day in left if day <= min(left[-calibration:], default=0) - horizon]
    return Periods(tuple(left[-train:]), tuple(middle), tuple(late))


def months_before(last: int, count: int) -> list[int]:
    """So many days a month apart, ascending, that end with `last`."""
    return [_step_back(last, n) for n in range(count - 1, -1, -1)]


def _step_back(day: int, months: int) -> int:
    start = date.fromordinal(day + _EPOCH.toordinal())
    year, month = divmod(start.year * 12 + start.month - 1 - months, 12)
    return (date(year, month + 1, min(start.day, 28)) - _EPOCH).days


@dataclass(frozen=True)
class Cohort:
    """Snapshots: a person on a day, of one period. left_out: why others are not in it, by reason (person-days)."""

    person: Int64
    as_of: Int32
    period: Int8                    # position in PERIODS
    seen_to: Int32                  # [rows] last day in sight
    left_out: Mapping[str, int]

    def __len__(self) -> int:
        return len(self.person)

    def rows(self, period: str) -> NDArray[np.intp]:
        """The rows of a period."""
        return np.flatnonzero(self.period == PERIODS.index(period))


def draw(records: Records, periods: Periods, horizon: int, *, contacted: Mapping[int, int] | None = None,
         contact: str = "censor") -> Cohort:
    """Everybody of age, alive and in sight on the days. A person has days of one period only.

    contacted: place of a person -> first day on which the queue changed their care. From that day on they are not taken; before it
    they are in sight until the day before (contact = "censor"), or left out where it lies within the horizon ("hold_out").
    """
    periods.check(horizon)
    shares = [float(one) for one in load_settings(records.rules)["cohort"]["shares"]]
    of = _period_of(records, shares) if records.own_day is None else None
    days = [(number, day) for number, name in enumerate(PERIODS) for day in getattr(periods, name)]
    return _taken(records, days, of, horizon, contacted, contact)


def everybody(records: Records, days: Sequence[int], horizon: int, *, contacted: Mapping[int, int] | None = None,
              contact: str = "censor") -> Cohort:
    """The same without periods (all rows are of the test): to watch a model, not to learn one."""
    return _taken(records, [(PERIODS.index("test"), day) for day in days], None, horizon, contacted, contact)


def _taken(records: Records, days: Sequence[tuple[int, int]], of: Int8 | None, horizon: int, contacted: Mapping[int, int] | None,
           contact: str) -> Cohort:
    """days: (period, day). of: [P] the period of each person; None: any."""
    if contact not in ("censor", "hold_out"):
        raise FrailtyError(f"'{contact}' is no way to treat people whose care was changed.", mend="censor or hold_out")
    count, base = len(records), records.base
    least = int(load_settings(records.rules)["cohort"]["age_at_least"])
    first_contact = np.full(count, OPEN, np.int64)
    for place, day in (contacted or {}).items():
        first_contact[place] = min(first_contact[place], day)
    out: dict[str, int] = {}
    people, when, which = [], [], []
    for number, day in days:
        take = np.ones(count, np.bool_) if records.own_day is None else records.own_day == day
        for reason, bad in (
                ("in another period", np.zeros(count, np.bool_) if of is None else of != number),
                ("died before", base.death <= day), ("date of birth not known", base.birth == OPEN),
                ("too young", years_on(base.birth, np.full(count, day, np.int32)) < least),
                ("not in sight: not registered, no hospital feed, or gone", (records.seen_from > day) | (records.seen_to <= day)),
                ("care changed before", first_contact <= day),
                ("care changed within the horizon", (first_contact <= day + horizon) & (contact == "hold_out"))):
            out[reason] = out.get(reason, 0) + int((take & bad).sum())
            take &= ~bad
        places = np.flatnonzero(take)
        people.append(places)
        when.append(np.full(len(places), day, np.int32))
        which.append(np.full(len(places), number, np.int8))
    person, as_of = np.concatenate(people).astype(np.int64), np.concatenate(when)
    seen_to = np.minimum(records.seen_to[person].astype(np.int64), first_contact[person] - 1).astype(np.int32)
    return Cohort(person, as_of, np.concatenate(which), seen_to, {reason: n for reason, n in out.items() if n})


def _period_of(records: Records, shares: list[float]) -> Int8:
    """[P] the period of each person: by a number that hangs on the person's key alone."""
    key = records.base.person.astype(np.uint64)
    with np.errstate(over="ignore"):
        for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
            key = (key ^ (key >> np.uint64(shift)) ^ np.uint64(0x9E3779B97F4A7C15)) * np.uint64(factor)
    place = (key >> np.uint64(11)).astype(np.float64) / 2.0**53
    return np.searchsorted(np.cumsum(shares)[:-1], place, side="right").astype(np.int8)


def years_on(birth: Int32, day: Int32) -> Int32:
    """Completed years on a day; born on 29 February: older from 1 March. Meaningless where the birth is OPEN."""
    def stamp(days: Int32) -> Int64:
        month = days.astype("M8[D]").astype("M8[M]")
        place: Int64 = month.astype(np.int64) * 32 + (days.astype("M8[D]") - month.astype("M8[D]")).astype(np.int64)
        return place

    return ((stamp(day) - stamp(np.where(birth == OPEN, 0, birth).astype(np.int32))) // (12 * 32)).astype(np.int32)


def outcomes(records: Records, cohort: Cohort, horizon: int, outcome: str = "emergency_admission") -> tuple[Int8, Int32, Int8]:
    """y, days and ended of each row, as `Dataset` has them. The day of the snapshot itself is not part of the outcome."""
    said = outcome_of(outcome, records.rules)
    stays = records.base.stays
    owner = np.repeat(np.arange(len(records), dtype=np.int64), np.diff(stays.offsets))
    counts = np.isin(stays.admission, [ADMISSIONS.index(word) for word in said["admission"]])
    counts &= np.isin(stays.setting, [SETTINGS.index(word) for word in said["setting"]])
    key = (owner[counts] << 32) + stays.started[counts]                   # in order: the stays are
    at = np.searchsorted(key, (cohort.person << 32) + cohort.as_of, side="right")
    hit = np.concatenate([key, [np.int64(2**62)]])[at]
    never = np.int64(OPEN)
    came = np.where(hit >> 32 == cohort.person, hit & 0xFFFFFFFF, never)
    died = records.base.death[cohort.person].astype(np.int64)
    end = cohort.as_of.astype(np.int64) + horizon
    sight = np.minimum(cohort.seen_to.astype(np.int64), end)
    admitted = (came <= sight) & (came <= died)
    dead = ~admitted & (died <= sight)
    y = np.where(admitted, 1, np.where(dead | (sight == end), 0, CENSORED)).astype(np.int8)
    ended = np.where(admitted, ADMISSION, np.where(dead, DEATH, END_OF_SIGHT)).astype(np.int8)
    days = np.where(admitted, came, np.where(dead, died, sight)) - cohort.as_of
    return y, days.astype(np.int32), ended


def known_by(arrays: PracticeArrays, days: Int32) -> PracticeArrays:
    """The arrays as they could have been read on a day of each person: without whatever happened or was recorded later."""
    def part(family: Any, keep: NDArray[np.bool_]) -> Any:
        owner = np.repeat(np.arange(len(arrays)), np.diff(family.offsets))
        offsets = np.concatenate([[0], np.cumsum(np.bincount(owner[keep], minlength=len(arrays)))]).astype(np.int64)
        return family._replace(**{name: column[keep] for name, column in family._asdict().items()
                                  if name != "offsets" and len(column)}, offsets=offsets)

    def until(family: Any) -> Int32:
        return np.repeat(days, np.diff(family.offsets))

    stays, coded, measured, issues = arrays.stays, arrays.coded, arrays.measured, arrays.issues
    day = until(stays)
    here = (stays.started <= day) & (stays.recorded_start <= day)
    now_at = np.full(len(here) + 1, -1, np.int64)
    now_at[:-1][here] = np.arange(int(here.sum()))
    unknown = (stays.recorded_end > day) | (stays.ended > day)
    stays = stays._replace(ended=np.where(unknown, OPEN, stays.ended).astype(np.int32),
                           recorded_end=np.where(unknown, OPEN, stays.recorded_end).astype(np.int32))
    coded = coded._replace(stay=now_at[coded.stay])
    parts = {name: part(family, (family.effective <= until(family)) & (family.recorded <= until(family)))
             for name, family in (("coded", coded), ("measured", measured), ("issues", issues))}
    death = np.where(arrays.death <= days, arrays.death, OPEN).astype(np.int32)
    return replace(arrays, **parts, stays=part(stays, here), death=death)
