"""Scoring a practice list: `evaluate(plan, arrays, as_of)`. Blocks of people run in threads; nothing depends on it."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from frailty.errors import FrailtyError
from frailty.records.arrays import (
    OPEN,
    SETTINGS,
    Coded,
    Float64,
    Int8,
    Int32,
    Int64,
    Issues,
    Measured,
    PracticeArrays,
    Stays,
    empty_family,
)
from frailty.scoring import tables as tb
from frailty.scoring.definitions import STATUS, Link, Scorecard, Window
from frailty.scoring.plan import Plan, compile_plan

if TYPE_CHECKING:
    import pandas as pd

Buffer = tuple[Int32, Int64]
BLOCK = 4096        # people that a thread takes at a time
SHEET = 5120        # slots in hand: the sheet stays in the cache


@dataclass(frozen=True)
class Score:
    """One score of everybody. points: [P] in multiples of 10^-scale; value: NaN unless status is ok.

    of: the denominator, [P] where it is the number of assessed terms. on: [P] the day of the timed set or of the index discharge
    (OPEN = none); None where the score has neither.
    """

    id: str
    points: Int64
    scale: int
    of: float | Int32
    band: Int8                  # position in `bands`; -1 = none
    bands: tuple[str, ...]
    status: Int8                # position in STATUS
    reason: NDArray[np.int16]   # position in Scores.reasons; 0 = nothing to say
    link: Link
    on: Int32 | None = None

    @property
    def value(self) -> Float64:
        """[P] the score itself: the points, taken through the link."""
        return value_of(self.points, self.scale, self.of, self.link, self.status)


def value_of(points: Int64, scale: int, of: float | Int32, link: Link, status: Int8) -> Float64:
    """The points, taken through the link; NaN where the status is not ok."""
    value: Float64 = points / 10**scale
    if link.fraction:
        value = points / (10**scale * np.maximum(of, np.finfo(float).tiny))
    elif link.kind == "logistic":
        value = 1 / (1 + np.exp(-value))
    elif link.kind == "survival":
        value = 1 - float(link.baseline) ** np.exp(value - float(link.mean))
    return np.where(status == 0, value, np.nan)


@dataclass(frozen=True)
class Contributions:
    """What made up the scores, ordered by person, then score and term as the plan has them. One array a column.

    person: position in the list of people. n: how many records. first, last: days (OPEN = the term has no date, such as
    age). concept, record: of the last qualifying record (-1 = none). score, term: positions in Plan.scorecards and
    Plan.term_names. points: multiples of 10^-scale of the score.
    """

    rows: Int32         # [rows, 6]
    figures: Int64      # [rows, 2]
    plan: Plan

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def person(self) -> Int32:
        return self.rows[:, 0]

    @property
    def n(self) -> Int32:
        return self.rows[:, 2]

    @property
    def first(self) -> Int32:
        return self.rows[:, 3]

    @property
    def last(self) -> Int32:
        return self.rows[:, 4]

    @property
    def concept(self) -> Int32:
        return self.rows[:, 5]

    @property
    def term(self) -> Int32:
        return self.rows[:, 1]

    @property
    def record(self) -> Int64:
        return self.figures[:, 0]

    @property
    def points(self) -> Int64:
        return self.figures[:, 1]

    @cached_property
    def score(self) -> Int32:
        return self.plan.term_card[self.term]


@dataclass(frozen=True)
class Scores:
    """The scores of a list of people, in its order, and what made them up."""

    plan: Plan
    scores: dict[str, Score]
    contributions: Contributions

    def __getitem__(self, id: str) -> Score:
        return self.scores[id]

    def __iter__(self) -> Iterator[str]:
        return iter(self.scores)

    @property
    def reasons(self) -> tuple[str, ...]:
        return self.plan.reasons

    def frame(self, patient_ids: Sequence[str]) -> pd.DataFrame:
        """One row per person: patient_id, and per score <id> and its _points, _of (fractions), _on (a set, a discharge), _band,
        _status, _reason.

        patient_ids: in the order of the people of the arrays.
        """
        import pandas as pd
        columns: dict[str, Any] = {"patient_id": list(patient_ids)}
        for id, score in self.scores.items():
            columns[id] = score.value
            columns[f"{id}_points"] = score.points if score.scale == 0 else score.points / 10**score.scale
            if score.link.fraction:
                columns[f"{id}_of"] = score.of if isinstance(score.of, np.ndarray) or score.of % 1 else int(score.of)
            if score.on is not None:
                columns[f"{id}_on"] = _dates(score.on)
            columns[f"{id}_band"] = _words(score.band, (*score.bands, None))
            columns[f"{id}_status"] = _words(score.status, STATUS)
            columns[f"{id}_reason"] = _words(score.reason, self.reasons)
        return pd.DataFrame(columns)

    def contributions_frame(self, patient_ids: Sequence[str]) -> pd.DataFrame:
        """One row a contribution: patient_id, score, term, points, first_on, last_on, n, concept, record."""
        import pandas as pd
        c = self.contributions
        scale = np.array([10**card.scale for card in self.plan.scorecards], np.int64)[c.score]
        return pd.DataFrame({
            "patient_id": np.asarray(patient_ids, object)[c.person],
            "score": _words(c.score, [card.id for card in self.plan.scorecards]),
            "term": _words(c.term, self.plan.term_names), "points": c.points / scale,
            "first_on": _dates(c.first), "last_on": _dates(c.last), "n": c.n, "concept": c.concept, "record": c.record})


def evaluate(plan: Plan, arrays: PracticeArrays, as_of: ArrayLike, *, threads: int | None = None,
             block: int = BLOCK) -> Scores:
    """Score everybody as of a day (int32 days since 1970-01-01), one for all or one per person."""
    from frailty.scoring.gather import FOREIGN
    from frailty.scoring.kernels import run
    count = len(arrays)
    days = np.broadcast_to(np.asarray(as_of, np.int32), (count,))
    _check(plan, arrays)
    given, on = _people(plan, arrays, days)
    maps, values, later, judging = _reordered(plan, arrays.quantities)
    records: Any = _entries(arrays), _numbers(arrays.measured), _medicines(plan, arrays), _stays(plan, arrays)
    slots = -(-max(1, len(maps.kinds)) // 64) * 64      # the sheet keeps a bit for every slot
    maps = maps._replace(kinds=np.append(maps.kinds, np.zeros(slots - len(maps.kinds), np.int32)))
    people, records, tables, extra = _plain((given, records, (maps, values, judging), later))
    extra = extra if any(len(part) for part in later) else None
    cards, terms, spans = len(plan.scorecards), len(plan.term_names), len(maps.spans)
    points, working = np.zeros((cards, count), np.int64), len(judging.working)
    band, status, reason = (np.empty((working, count), kind) for kind in (np.int8, np.int8, np.int16))
    counts = np.zeros((int((judging.cards[:, tb.OF] >= 0).sum()), count), np.int32)
    rows = _Growing()
    step = max(8, min(block, SHEET // slots))
    blank = np.zeros((slots, 8), np.int32)
    blank[:, tb.FIRST], blank[:, tb.LAST], blank[:, 4:6] = OPEN, tb.EVER, -1
    blank[:, tb.KIND] = maps.kinds
    markers = len(plan.markers), int(records[2][5].max(initial=-1)) + 1
    longest = int(np.diff(arrays.measured.offsets).max(initial=0)) + 1 if len(later.runs) else 1

    def desk() -> tuple[Buffer, Any]:
        """Room for the rows of a block, and what a thread scribbles on: each block leaves it as it found it."""
        cells = np.tile(blank.ravel(), step)
        sheet = (np.zeros(step * slots, np.int32), cells, cells.view(np.int64)[2:], np.zeros(step * slots),
                 np.empty(2 * step * spans, np.int32), np.zeros(step * slots // 64, np.uint64))
        hits = np.zeros(max(terms, len(values.rules)) + 1, np.int32)
        return _buffer(min(block, count) * terms), (
            sheet, np.zeros(slots, np.int32), judging.always.copy(), np.zeros(len(judging.populations), np.int32),
            np.zeros(-(-terms // 64), np.uint64), hits, np.zeros(markers, np.int32), np.empty(longest),
            np.empty(longest, np.int64))

    def work(low: int, buffer: Buffer, scratch: Any) -> int:
        high = min(low + block, count)
        marks = np.empty((working, high - low + 16), np.int32)  # rows a little longer, so that they do not share cache lines
        out: Any = points, marks, on, counts, buffer[0].ravel(), buffer[1].ravel()
        filled = int(run(low, high, step, people, records, tables, extra, scratch, out))
        marks = marks[:, :high - low]
        packed, wide = marks.view(np.int8), marks.view(np.int16)        # the lowest byte is the first
        band[:, low:high], status[:, low:high], reason[:, low:high] = packed[:, ::4], packed[:, 1::4], wide[:, 1::2]
        return filled

    workers = max(1, min(threads or _cores(), -(-count // block)))
    with ThreadPoolExecutor(workers) as pool:
        lows = iter(range(0, count, block))
        desks = (desk() for _ in range(2 * workers))
        waiting = deque((pool.submit(work, low, *one), low, one) for one, low in zip(desks, lows, strict=False))
        while waiting:  # in the order of the people, whichever thread is first
            future, low, one = waiting.popleft()
            filled = future.result()
            if filled < 0:
                for other, _, _ in waiting:
                    other.cancel()
                raise FrailtyError(
                    "The arrays of this practice do not fit the plan.",
                    why="a concept or quantity lies outside its table" if filled == FOREIGN
                    else "the entries of a person are not in the order of their dates",
                    mend="compile the plan with the concept table that the arrays were made with")
            rows.add(one[0], filled, low / count)
            waiting.extend((pool.submit(work, low, *one), low, one) for low in islice(lows, 1))
    scores, said = {}, dict(zip(judging.working.tolist(), zip(band, status, reason, strict=True), strict=True))
    for c, (card, row) in enumerate(zip(plan.scorecards, judging.cards, strict=True)):
        own = said.get(c) or [np.broadcast_to(one, count) for one in (np.int8(-1), np.int8(3), np.int16(row[tb.OFF]))]
        scores[card.id] = Score(
            card.id, points[c], card.scale, counts[row[tb.OF]] if row[tb.OF] >= 0 else card.of, own[0],
            tuple(one.label for one in card.bands), own[1], own[2], card.link, on[row[tb.ON]] if row[tb.ON] >= 0 else None)
    return Scores(plan, scores, Contributions(*rows.result(), plan))


def warm(scorecards: Sequence[Scorecard], rules: Path | None = None) -> None:
    """Compiles the kernels that these scorecards need, or fetches them from the cache: a run may do so in a thread while it loads.

    Compilation holds the interpreter's lock for most of its time, and DuckDB does not.
    """
    plan = compile_plan(scorecards, [""], [""], rules)
    one = np.zeros(1, np.int32)
    nobody = PracticeArrays(
        person=one, birth=one, sex=one.astype(np.int8), death=one, hospital_from=one, hospital_without_stays=one.astype(np.bool_),
        coded=empty_family(Coded, 1), measured=empty_family(Measured, 1), issues=empty_family(Issues, 1),
        stays=empty_family(Stays, 1), quantities=plan.measured_quantities, substance=one - 1, rung=one.astype(np.int8))
    evaluate(plan, nobody, 0)


class _Growing:
    """Rows that grow: each block is copied once, into space guessed from the share of people that is done."""

    def __init__(self) -> None:
        self.count, self.rows = 0, _buffer(0)

    def add(self, buffer: Buffer, count: int, done: float) -> None:
        need = self.count + count
        if need > len(self.rows[0]):
            old, self.rows = self.rows, _buffer(max(int(need / done * 1.1) if done > 0 else 0, 2 * need))
            self._copy(old, 0, self.count)
        self._copy(buffer, self.count, need)
        self.count = need

    def _copy(self, source: Buffer, low: int, high: int) -> None:
        self.rows[0][low:high] = source[0][:high - low]
        self.rows[1][low:high] = source[1][:high - low]

    def result(self) -> Buffer:
        return self.rows[0][:self.count], self.rows[1][:self.count]


def _buffer(size: int) -> Buffer:
    return np.empty((size, 6), np.int32), np.empty((size, 2), np.int64)


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _plain(tree: Any) -> Any:
    """Plain tuples of read-only arrays: the kernels see one type, and their cache on disk names no class of ours."""
    if isinstance(tree, tuple):
        return tuple(_plain(part) for part in tree)
    view = np.ascontiguousarray(tree).view()
    view.flags.writeable = False
    return view


def _check(plan: Plan, arrays: PracticeArrays) -> None:
    """Refuse arrays that cannot answer what the plan asks."""
    missing = [name for name in plan.measured_quantities if name not in arrays.quantities]
    if missing:
        raise FrailtyError(f"The arrays of this practice were made without the quantity '{missing[0]}'.",
                           mend="ask for all of plan.measured_quantities when the arrays are made")
    concepts = len(plan.tables.maps.rank) - 1
    if plan.issue_needed and not len(arrays.substance) == len(arrays.rung) == concepts:
        raise FrailtyError("The arrays of this practice do not give the substance of every concept.",
                           mend="compile the plan with the concept table that the arrays were made with")
    if plan.stays_needed and len(arrays.coded.stay) and int(arrays.coded.stay.max()) >= len(arrays.stays.record):
        raise FrailtyError("The arrays of this practice do not fit the plan.", why="a stay lies outside its table")


def _people(plan: Plan, arrays: PracticeArrays, days: Int32) -> tuple[tb.People, Int32]:
    """What the kernels read of people; and [cards with a set or an index, P] the day of the index discharge."""
    count = len(days)
    dated = [card for card in plan.scorecards if card.index or card.set_within]
    on = np.full((len(dated), count), OPEN, np.int32)
    indexed = [n for n, card in enumerate(dated) if card.index]
    stay, left, came = np.full(count, -1, np.int32), days, days
    if indexed:
        stay = _last_discharges(arrays, days)
        known = stay >= 0
        left, came = days.copy(), days.copy()
        left[known], came[known] = arrays.stays.ended[stay[known]], arrays.stays.started[stay[known]]
    starts, rows = _window_starts(plan, (days, left, came - 1) if indexed else (days,))
    years = _ages(arrays.birth, days)
    for n in indexed:
        look = plan.windows.index(dated[n].index_within)
        on[n] = np.where((stay >= 0) & (left > starts[rows[0], look]), left, OPEN)
    columns = np.stack([np.asarray(column, np.int32) for column in (
        days, rows[0], years, arrays.sex, arrays.hospital_from, arrays.hospital_without_stays, stay, left, came,
        rows[-2] if indexed else rows[0], rows[-1], _ages(arrays.birth, left) if indexed else years)], 1)
    birthdays = np.array([_birthday(arrays.birth, age) for age in plan.ages], np.int32).reshape(len(plan.ages), count)
    inputs = np.array([np.asarray(arrays.inputs.get(name, np.full(count, np.nan)), np.float64) for name in plan.inputs])
    return tb.People(columns, starts, birthdays, inputs.reshape(len(plan.inputs), count)), on


def _last_discharges(arrays: PracticeArrays, days: Int32) -> Int32:
    """[P] the inpatient stay that ended last, and was known to have, by the day; -1 = none."""
    stays = arrays.stays
    person = np.repeat(np.arange(len(days)), np.diff(stays.offsets))
    by = days[person] if len(person) else np.empty(0, np.int32)
    ok = ((stays.setting == SETTINGS.index("inpatient")) & (stays.ended <= by) & (stays.recorded_end <= by)
          & (np.maximum(stays.started, stays.recorded_start) <= by) & (stays.ended >= stays.started))
    found = np.flatnonzero(ok)
    person, end = person[found], (stays.ended[found].astype(np.int64) << 32) + stays.started[found]
    latest = np.full(len(days), -2**63)
    np.maximum.at(latest, person, end)
    found = np.where(end == latest[person], found, -1)
    last = np.full(len(days), -1, np.int32)
    np.maximum.at(last, person, found.astype(np.int32))     # of several that ended and began on the same days the last
    return last


def _entries(arrays: PracticeArrays) -> tb.Entries:
    """What the kernels read of coded entries."""
    coded = arrays.coded
    return tb.Entries(
        np.asarray(coded.offsets, np.int64), np.asarray(coded.concept, np.int32), np.asarray(coded.effective, np.int32),
        np.asarray(coded.recorded, np.int32), np.asarray(coded.record, np.int64), np.asarray(coded.stay, np.int64))


def _stays(plan: Plan, arrays: PracticeArrays) -> tb.StayRows:
    """What the kernels read of stays."""
    stays = arrays.stays
    place = {name: n for n, name in enumerate(plan.providers)}
    of = np.array([place.get(name, -1) for name in arrays.providers] + [-1], np.int32)     # the last: not known
    return tb.StayRows(
        np.asarray(stays.offsets, np.int64), np.asarray(stays.started, np.int32), np.asarray(stays.ended, np.int32),
        np.asarray(np.maximum(stays.started, stays.recorded_start), np.int32), np.asarray(stays.record, np.int64),
        np.asarray(stays.setting.astype(np.int32) * tb.ADMISSION_CODES + stays.admission, np.int32),
        of[stays.provider] if len(stays.provider) else np.full(len(stays.record), -1, np.int32))


def _medicines(plan: Plan, arrays: PracticeArrays) -> tb.Medicines:
    """What the kernels read of medicines."""
    issues = arrays.issues
    substance, rung = np.asarray(arrays.substance, np.int32), np.asarray(arrays.rung, np.int32)
    paragraph = arrays.paragraph if len(arrays.paragraph) == len(substance) else np.full(len(substance), -1, np.int32)
    ladder = np.stack([substance, paragraph, np.where(rung >= 3, substance, -1), np.where(paragraph < 0, substance, -1)])
    return tb.Medicines(
        np.asarray(issues.offsets, np.int64), np.asarray(issues.concept, np.int32),
        np.asarray(issues.effective, np.int32), np.asarray(issues.recorded, np.int32),
        np.asarray(issues.record, np.int64), ladder.astype(np.int32), rung, plan.issue_entries,
        np.array(plan.markers, np.int32), np.array(plan.issue_spans, np.int32))


def _numbers(m: Measured) -> tb.Numbers:
    """What the kernels read of measurements."""
    return tb.Numbers(
        np.asarray(m.offsets, np.int64), np.asarray(m.quantity, np.int32), np.asarray(m.effective, np.int32),
        np.asarray(m.recorded, np.int32), np.asarray(m.record, np.int64), np.asarray(m.concept, np.int32),
        np.asarray(m.value, np.float64), np.asarray(m.comparator, np.int32), np.asarray(m.minute, np.int32))


def _reordered(plan: Plan, quantities: tuple[str, ...]) -> tb.Plan:
    """The plan's tables in the order in which the arrays count their quantities."""
    values, later = plan.tables.values, plan.tables.later
    ends = dict(zip(plan.measured_quantities, zip(values.offsets[1:], values.offsets[2:], strict=False), strict=True))
    pieces = [np.arange(*ends.get(name, (0, 0))) for name in quantities]
    order = np.concatenate([np.empty(0, np.int64), *pieces])
    offsets = np.cumsum([0, 0, *(len(piece) for piece in pieces)]).astype(np.int32)
    place = np.array([quantities.index(name) for name in plan.measured_quantities], np.int32)
    runs, members = later.runs.copy(), later.members.copy()
    runs[1::5], members[1::3] = place[runs[1::5]], place[members[1::3]]
    return plan.tables._replace(
        values=tb.Values(offsets, values.rules[order], values.bounds.reshape(-1, 4)[order].ravel()),
        later=later._replace(runs=runs, members=members))


def _window_starts(plan: Plan, days: tuple[Int32, ...]) -> tuple[Int32, list[Int32]]:
    """[days, looks] the day before each look-back, from the first day to the last; and for each of `days` [P] its row."""
    every = [one for one in days if len(one)]
    if not every:
        return np.empty((0, len(plan.windows)), np.int32), [*days]
    low, high = min(int(one.min()) for one in every), max(int(one.max()) for one in every)
    if high - low > 200_000:
        raise FrailtyError("The dates to score at lie more than 500 years apart.", mend="check as_of, and the ends of stays")
    range_of = np.arange(low, high + 1, dtype=np.int64)
    starts = np.full((len(range_of), len(plan.windows)), tb.EVER, np.int32)
    for w, window in enumerate(plan.windows):
        if window is not None:
            starts[:, w] = _back(range_of, window)
    return starts, [one - np.int32(low) for one in days]


def _birthday(birth: Int32, age: int) -> Int32:
    """[P] the day on which people reach an age; OPEN where the date of birth is not known. From 29 February: 1 March."""
    table, place = _days_in_use(np.where(birth == OPEN, 0, birth))
    date = table.astype("M8[D]")
    month = date.astype("M8[M]")
    day_of_month = (date - month.astype("M8[D]")).astype(np.int64)
    there = month + 12 * age
    length = ((there + 1).astype("M8[D]") - there.astype("M8[D]")).astype(np.int64)
    later = there.astype("M8[D]").astype(np.int64) + np.minimum(day_of_month, length)
    return np.where(birth == OPEN, OPEN, later.astype(np.int32)[place])


def _back(days: Int64, window: Window) -> Int64:
    """The day one window before: the same day of the month, or its last day if the month is shorter."""
    if window.days:
        return days - window.days
    date = days.astype("M8[D]")
    month = date.astype("M8[M]")
    day_of_month = (date - month.astype("M8[D]")).astype(np.int64)
    target = month - window.months
    length = ((target + 1).astype("M8[D]") - target.astype("M8[D]")).astype(np.int64)
    back: Int64 = target.astype("M8[D]").astype(np.int64) + np.minimum(day_of_month, length - 1)
    return back


def _ages(birth: Int32, as_of: Int32) -> Int32:
    """[P] completed years; NO_AGE where the date of birth is not known. Born on 29 February: older from 1 March."""
    if not len(birth):
        return np.empty(0, np.int32)
    known = birth != OPEN
    ages = (_year_and_day(as_of) - _year_and_day(np.where(known, birth, 0))) >> 9
    return np.where(known, ages, tb.NO_AGE).astype(np.int32)


def _year_and_day(days: Int32) -> Int32:
    """year * 512 + month * 32 + day of month."""
    table, place = _days_in_use(days)
    date = table.astype("M8[D]")
    month = date.astype("M8[M]")
    months = month.astype(np.int64) + 1970 * 12
    day = (date - month.astype("M8[D]")).astype(np.int64)
    packed: Int32 = (months // 12 * 512 + months % 12 * 32 + day).astype(np.int32)[place]
    return packed


def _days_in_use(days: Int32) -> tuple[NDArray[Any], NDArray[Any]]:
    """Days of which something is reckoned once, and where in them each of `days` is."""
    low, high = (int(days.min()), int(days.max())) if len(days) else (0, 0)
    return (np.arange(low, high + 1), days - low) if high - low <= 400_000 else (days, np.arange(len(days)))


def _words(positions: NDArray[Any], words: Sequence[str | None]) -> NDArray[Any]:
    named: NDArray[Any] = np.array([*words], object)[positions]
    return named


def _dates(days: Int32) -> NDArray[Any]:
    dates = days.astype("M8[D]")
    dates[days == OPEN] = np.datetime64("NaT")
    return dates.astype("M8[s]")
