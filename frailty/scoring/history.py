"""Scores at many dates: `history(plan, arrays, dates)` says exactly what `evaluate` says at each of them.

Scorecards whose terms only ask whether, or how often, something was recorded go through one pass over the entries,
64 dates at a time (history_kernels.py). Any other scorecard is evaluated date by date.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import MISSING, dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from frailty.errors import FrailtyError
from frailty.records.arrays import OPEN, Float64, Int8, Int32, Int64, PracticeArrays, of_people
from frailty.scoring import engine
from frailty.scoring import tables as tb
from frailty.scoring.definitions import STATUS, Band, Evidence, Interval, Link, Scorecard, Step, Term, Window
from frailty.scoring.plan import Plan, compile_plan

if TYPE_CHECKING:
    import pandas as pd

    from frailty.terminology import Ladder

BLOCK = 4096        # people that a thread takes at a time
TOGETHER = 64       # dates in one word
WORTH = 2**19       # people times dates from which the one pass is worth compiling; below, date by date takes less than a second
STACK = 8192        # people times dates that are evaluated in one go, date by date

# What the fast way knows. A word or a table that is not named here makes a scorecard go date by date.
_WORDS: dict[type, str] = {
    Scorecard: "id title version licence source terms bands link age_at_least needs examples verified notes based_on "
               "default restricted short confirmed_by sha256 file lookups",
    Term: "id title any all none points steps unless", Step: "interval points", Window: "text months days",
    Band: "label interval",
    Evidence: "source codes category without_caution within intervals unit take feed settings admissions at_least",
    Interval: "low low_open high high_open sex"}
_TABLES: dict[Any, str] = {
    tb.Maps: "kinds rank cautioned entries fits spans inputs", tb.Values: "offsets rules bounds",
    tb.Plan: "maps values later judging",
    tb.Judging: "slots counts plain terms literals ranges others edges points cards bands "
                "populations asked asking always working",
    tb.Entries: "offsets concept effective recorded record stay",
    tb.Medicines: "offsets concept effective recorded record ladder rung entries kinds spans",
    tb.Numbers: "offsets quantity effective recorded record concept value comparator minute"}
_KINDS = (tb.RECORDS, tb.DAYS, tb.DISTINCT, tb.PERSON)
# Columns of a span, and what they say in a plain one.
_SPAN = (tb.LOOK_TOO, tb.BIRTHDAY, tb.BIRTHDAY_BELOW, tb.ONLY_SEX, tb.ANCHOR, tb.OLDER)
_PLAIN = (0, -1, -1, 0, tb.NOW, 0)


@dataclass(frozen=True)
class ScoreHistory:
    """One score of everybody at every date: arrays [people, dates], as the fields of `Score`."""

    id: str
    points: Int64               # multiples of 10^-scale
    scale: int
    of: float | Int32           # [people, dates] where it is the number of assessed terms
    band: Int8                  # position in `bands`; -1 = none
    bands: tuple[str, ...]
    status: Int8                # position in STATUS
    link: Link

    @property
    def value(self) -> Float64:
        """[people, dates] the score itself; NaN where the status is not ok."""
        return engine.value_of(self.points, self.scale, self.of, self.link, self.status)


@dataclass(frozen=True)
class History:
    """Scores of a list of people at many dates. report: one row per date (see `Practice.history`)."""

    patient_ids: Sequence[str]
    dates: Int32                # [dates] days since 1970-01-01, in the order that was asked for
    scores: dict[str, ScoreHistory]
    hashes: dict[str, str]      # of every definition and code list, the same at all dates
    report: Any = field(default=None, repr=False)

    def __getitem__(self, id: str) -> ScoreHistory:
        return self.scores[id]

    def __iter__(self) -> Iterator[str]:
        return iter(self.scores)

    def frame(self) -> pd.DataFrame:
        """One row per person and date: patient_id, date, and per score <id> and its _points, _of (fractions), _band, _status."""
        import pandas as pd
        people, dates = len(self.patient_ids), len(self.dates)
        columns: dict[str, Any] = {"patient_id": np.repeat(np.asarray(self.patient_ids, object), dates),
                                   "date": np.tile(self.days, people)}
        for id, one in self.scores.items():
            columns[id], columns[f"{id}_points"] = one.value.ravel(), self._points(one).ravel()
            if one.link.fraction:
                columns[f"{id}_of"] = (one.of.ravel() if isinstance(one.of, np.ndarray) else
                                       one.of if one.of % 1 else int(one.of))
            columns[f"{id}_band"] = _words(one.band, (*one.bands, None)).ravel()
            columns[f"{id}_status"] = _words(one.status, STATUS).ravel()
        return pd.DataFrame(columns)

    def wide(self, score: str, what: str = "value") -> pd.DataFrame:
        """One row per person, one column per date. what: value, points, band or status."""
        import pandas as pd
        if score not in self.scores or what not in ("value", "points", "band", "status"):
            raise FrailtyError(f"This history has no {what} of {score!r}.",
                               mend=f"scores: {', '.join(self.scores)}; each has value, points, band, status")
        one = self.scores[score]
        table: NDArray[Any] = one.value
        if what != "value":
            table = {"points": self._points(one), "band": _words(one.band, (*one.bands, None)),
                     "status": _words(one.status, STATUS)}[what]
        return pd.DataFrame(table, index=pd.Index(self.patient_ids, name="patient_id"), columns=pd.Index(self.days, name="date"))

    @property
    def days(self) -> NDArray[np.datetime64]:
        """[dates] the dates as datetime64."""
        return self.dates.astype("M8[D]").astype("M8[s]")

    @staticmethod
    def _points(one: ScoreHistory) -> NDArray[Any]:
        return one.points if one.scale == 0 else one.points / 10**one.scale


def history(plan: Plan, arrays: PracticeArrays, dates: ArrayLike, *, threads: int | None = None,
            fast: bool | None = None) -> dict[str, ScoreHistory]:
    """Scores everybody at every date (days since 1970-01-01, in any order), exactly as `evaluate` does at each.

    fast: True = in one pass wherever the plan allows it (see `is_fast`), False = date by date, None = whichever is sooner
    done. It makes no other difference.
    """
    return _history(plan, arrays, dates, threads, fast, False)[0]


def presence(plan: Plan, arrays: PracticeArrays, dates: ArrayLike, *, threads: int | None = None,
             fast: bool | None = None) -> NDArray[np.bool_]:
    """[people, terms, dates] where each term of the plan gave points (the contributions of `evaluate`)."""
    return _history(plan, arrays, dates, threads, fast, True)[1]


def plans_for(cards: Sequence[Scorecard], systems: Sequence[str], codes: Sequence[str], rules: Path | None = None,
              ladder: Ladder | None = None) -> list[Plan]:
    """Plans that together hold all scorecards: one for those that can take the one pass, one for the others."""
    def compiled(some: Sequence[Scorecard]) -> Plan:
        return compile_plan(some, systems, codes, rules, ladder=ladder)

    whole = compiled(cards)
    if len(cards) == 1 or is_fast(whole):
        return [whole]
    quick = [is_fast(compiled([card])) for card in cards]
    groups = [[card for card, fast in zip(cards, quick, strict=True) if fast is way] for way in (True, False)]
    return [compiled(group) for group in groups if group] if any(quick) else [whole]


def joined(parts: Sequence[dict[str, ScoreHistory]]) -> dict[str, ScoreHistory]:
    """Histories of blocks of people, one after the other, as one; the arrays are new."""
    return {id: replace(one, points=np.concatenate([part[id].points for part in parts]),
                        of=np.concatenate([part[id].of for part in parts]) if isinstance(one.of, np.ndarray) else one.of,
                        band=np.concatenate([part[id].band for part in parts]),
                        status=np.concatenate([part[id].status for part in parts])) for id, one in parts[0].items()}


def is_fast(plan: Plan) -> bool:
    """Can all scorecards of this plan go through the one pass?

    They can where each term asks whether, or on how many days, records or substances, something was recorded, or how
    old a person is. Not where a record counts only with its stay, where the latest, smallest or largest value decides,
    or where the plan says anything that the pass does not know.
    """
    if any(kind._fields != tuple(names.split()) for kind, names in _TABLES.items()):
        return False
    maps, judging = plan.tables.maps, plan.tables.judging
    if any(card.link.kind not in ("identity", "divide_by") for card in plan.scorecards):
        return False
    if any(len(part) for part in plan.tables.later):
        return False
    if (maps.spans[:, _SPAN] != _PLAIN).any() or (maps.inputs[1::2] != -1).any() or any(plan.markers) or len(judging.ranges):
        return False
    if (judging.terms[:, [tb.ROLE, tb.FORM]] != (tb.SCORES, tb.STEPS)).any() or judging.bands[1::2].any():
        return False
    if any(_has_other_words(one) for card in plan.scorecards for one in _parts(card)) or not np.isin(maps.kinds, _KINDS).all():
        return False
    if plan.tables.values.rules.size and (plan.tables.values.rules >> 28).max() > 1:
        return False
    coded, issues = maps.entries[maps.entries >= 0], plan.issue_entries[plan.issue_entries >= 0]
    if (coded >> 24 & 0xFF).any():                       # a condition on the stay
        return False
    fed = [set((part & 0xFFFF).tolist()) for part in (coded, plan.tables.values.rules, issues)]
    marked = set((issues[issues >> 24 & 0xFF > 0] & 0xFFFF).tolist())
    for s, most in enumerate(_largest_counts(plan)):
        # A record that is both a code and a value counts once; the pass sees the two apart.
        if maps.kinds[s] != tb.PERSON and most > 1 and sum(s in one for one in fed) > 1:
            return False
        if (maps.kinds[s] == tb.DISTINCT) != (s in marked) and any(s in one for one in fed):
            return False
    return True


def _parts(card: Scorecard) -> Iterator[Any]:
    """Everything that a scorecard is made of."""
    yield from (card, *card.bands, *(band.interval for band in card.bands))
    for term in card.terms:
        yield from (term, *term.steps, *(step.interval for step in term.steps), *term.evidence)
        for e in term.evidence:
            yield from (*e.intervals, *([e.within] if e.within else []))


def _has_other_words(one: Any) -> bool:
    """Does a part of a scorecard say anything that the pass does not know?"""
    known = _WORDS[type(one)].split()
    return any(getattr(one, word.name) != (word.default if word.default_factory is MISSING else word.default_factory())
               for word in fields(one) if word.name not in known)


def _largest_counts(plan: Plan) -> Int64:
    """[S] the largest count of a slot that anybody asks for."""
    judging, most = plan.tables.judging, np.ones(len(plan.tables.maps.kinds), np.int64)
    literals = judging.literals.reshape(-1, 5)
    np.maximum.at(most, literals[:, 0], literals[:, 2])
    for t, (low, high) in enumerate(judging.terms[:, [tb.OUTCOME, tb.OUTCOMES]]):
        for edge in judging.edges[low + 1:high]:
            s = judging.slots[t]
            most[s] = max(most[s], int(np.ceil(edge)))
    return most


def _history(plan: Plan, arrays: PracticeArrays, dates: ArrayLike, threads: int | None, fast: bool | None, terms: bool
             ) -> tuple[dict[str, ScoreHistory], NDArray[np.bool_]]:
    asked = np.asarray(dates, np.int32).ravel()
    days, place = np.unique(asked, return_inverse=True)
    shape = len(plan.scorecards), len(arrays), len(days)
    points, band, status = np.zeros(shape, np.int64), np.full(shape, -1, np.int8), np.zeros(shape, np.int8)
    present = np.zeros((len(arrays) if terms else 0, len(plan.term_names), len(days)), np.bool_)
    of = {card.id: np.zeros(shape[1:], np.int32) for card in plan.scorecards if card.link.kind == "assessed"}
    if len(arrays) and len(days):
        wanted = len(arrays) * len(days) >= WORTH if fast is None else fast
        if wanted and is_fast(plan):
            _by_words(plan, arrays, days, threads, points, band, status, present)
        else:
            _by_dates(plan, arrays, days, threads, points, band, status, present, of)
    if not np.array_equal(days, asked):
        points, band, status, present = points[..., place], band[..., place], status[..., place], present[..., place]
        of = {id: counts[..., place] for id, counts in of.items()}
    return {card.id: ScoreHistory(card.id, points[c], card.scale, of.get(card.id, card.of), band[c],
                                  tuple(b.label for b in card.bands), status[c], card.link)
            for c, card in enumerate(plan.scorecards)}, present


def _by_dates(plan: Plan, arrays: PracticeArrays, days: Int32, threads: int | None, points: Int64, band: Int8, status: Int8,
              present: NDArray[np.bool_], of: dict[str, Int32]) -> None:
    people = len(arrays)
    step = max(1, STACK // people)
    for first in range(0, len(days), step):
        some = days[first:first + step]
        many = arrays if len(some) == 1 else of_people(arrays, np.tile(np.arange(people), len(some)))
        scores = engine.evaluate(plan, many, np.repeat(some, people), threads=threads)
        then = slice(first, first + len(some))
        for c, card in enumerate(plan.scorecards):
            for into, what in ((points, "points"), (band, "band"), (status, "status")):
                into[c, :, then] = getattr(scores[card.id], what).reshape(len(some), people).T
        for id, counts in of.items():
            counts[:, then] = np.asarray(scores[id].of).reshape(len(some), people).T
        if len(present):
            d, person = np.divmod(scores.contributions.person, people)
            present[person, scores.contributions.term, first + d] = True


def _by_words(plan: Plan, arrays: PracticeArrays, days: Int32, threads: int | None, points: Int64, band: Int8, status: Int8,
              present: NDArray[np.bool_]) -> None:
    """The one pass, 64 dates at a time; blocks of people run in threads."""
    from frailty.scoring.history_kernels import run
    tables: Any = engine._reordered(plan, arrays.quantities)
    records: Any = engine._entries(arrays), engine._numbers(arrays.measured), engine._medicines(plan, arrays)
    known = arrays.birth != OPEN
    birth = np.where(known, engine._year_and_day(np.where(known, arrays.birth, 0)), tb.NO_AGE)
    people = np.stack([birth, np.asarray(arrays.sex, np.int32), arrays.hospital_from], 1).astype(np.int32)
    kinds, count = plan.tables.maps.kinds, len(arrays)
    bits = [int(most - 1).bit_length() for most in _largest_counts(plan)]
    plane_from = np.concatenate([[0], np.cumsum(bits)]).astype(np.int32)
    markers, drugs = int((kinds == tb.DISTINCT).sum()), int(arrays.substance.max(initial=-1)) + 1
    people, records, tables, plane_from = engine._plain((people, records, tables, plane_from))

    for first in range(0, len(days), TOGETHER):
        some = slice(first, first + TOGETHER)
        dates, standing = engine._plain(_grid(plan, days[some]))
        out = tuple(np.zeros((*part.shape[:2], len(days[some])), part.dtype) for part in (points, band, status))
        if len(days) <= TOGETHER:
            out = points, band, status
        words = np.zeros((len(present), len(plan.term_names)), np.uint64)

        def work(low: int, given: Any = (dates, standing, (*out, words))) -> int:
            slots = (np.zeros(len(kinds), np.uint64), np.zeros(plane_from[-1], np.uint64), plane_from,
                     np.zeros(len(kinds), np.int64))
            seen = (np.zeros((markers, drugs), np.uint64), np.zeros((markers, drugs), np.int32), np.zeros(markers, np.int32),
                    np.zeros(markers, np.int32))
            scratch: Any = np.zeros(len(plan.term_names), np.uint64), np.zeros(TOGETHER + 1, np.int64)
            when, stand, into = given
            return int(run(low, min(low + BLOCK, count), people, when, stand, records, tables, slots, seen, scratch, into))

        with ThreadPoolExecutor(max(1, min(threads or engine._cores(), -(-count // BLOCK)))) as pool:
            if any(pool.map(work, range(0, count, BLOCK))):
                engine.evaluate(plan, arrays, int(days[0]))     # says what is wrong with the arrays
        if out[0] is not points:
            points[..., some], band[..., some], status[..., some] = out
        if len(present):
            present[..., some] = (words[..., None] >> np.arange(len(days[some]), dtype=np.uint64)) & np.uint64(1)


def _grid(plan: Plan, days: Int32) -> tuple[Any, Any]:
    """The dates as the kernel reads them. The last row of the ends is that of the earliest window on medicines."""
    count = len(days)
    bits = np.array([2**k - 1 for k in range(count + 1)], np.uint64)
    known_table = np.searchsorted(days, np.arange(days[0], days[-1] + 1)).astype(np.uint8)
    looks = [np.full(count, tb.EVER, np.int64) if window is None else engine._back(days.astype(np.int64), window)
             for window in plan.windows]
    starts = [looks[look] for look in plan.tables.maps.spans[:, tb.LOOK]]
    edges = np.array([[start[0], start[-1]] for start in starts] + [[OPEN, OPEN]], np.int64)
    for w in plan.issue_spans:
        edges[-1] = np.minimum(edges[-1], edges[w])
    table = np.full((len(edges), int((edges[:, 1] - edges[:, 0]).max()) + 1), count, np.uint8)
    for w, start in enumerate(starts):
        span = np.arange(start[0], start[-1] + 1)
        table[w, :len(span)] = np.searchsorted(start, span)
    needed_from = np.stack([days.astype(np.int64) if w == 0 else start + 1 for w, start in enumerate(looks)])
    packed = engine._year_and_day(days)
    return ((bits, np.array([days[0], days[-1]], np.int32), known_table, edges.astype(np.int32), table),
            (packed.astype(np.int32), needed_from))


def _words(positions: Int8, words: Sequence[str | None]) -> NDArray[Any]:
    named: NDArray[Any] = np.array([*words], object)[positions]
    return named
