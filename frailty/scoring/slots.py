"""Evidence -> slots: which concepts, quantities and stays feed which aggregate, in which span of days."""

from __future__ import annotations

import math
from dataclasses import replace
from decimal import Decimal
from typing import Any, TypeVar

import numpy as np

from frailty.records.arrays import ADMISSIONS, SETTINGS, SEXES, Int8, Int32
from frailty.scoring import tables as tb
from frailty.scoring.definitions import Evidence, Interval, Scorecard, Window, first_multiple, rounded
from frailty.scoring.lists import Lists

X = TypeVar("X")
KINDS = {"any": tb.RECORDS, "records": tb.RECORDS, "days": tb.DAYS, "latest": tb.LATEST, "first": tb.FIRSTLY, "min": tb.SMALLEST,
         "max": tb.LARGEST, "set": tb.SET, "change": tb.CHANGE, "length_of_stay": tb.LENGTH, "provider": tb.PROVIDER}
MARKERS = {"distinct:substance": tb.SUBSTANCE, "distinct:bnf_paragraph": tb.PARAGRAPH,
           "distinct:unknown_substance": tb.UNKNOWN_SUBSTANCE, "distinct:unknown_paragraph": tb.UNKNOWN_PARAGRAPH}
Literal = tuple[int, int, int, int, int]        # a row of tables.Judging.literals


class Slots:
    """The slots that a set of scorecards shares, and what feeds each."""

    def __init__(self, lists: Lists) -> None:
        self.lists = lists
        self.windows: list[Window | None] = [None]
        self.ages: list[int] = []
        self.spans: list[tuple[int, ...]] = []
        self.conditions: list[tuple[tuple[str, ...], tuple[str, ...], bool | None]] = []
        self.slots: dict[Any, int] = {}
        self.kinds: list[int] = []
        self.coded: list[tuple[Int32, int, int, int]] = []
        self.issues: list[tuple[Int32, int, int, int]] = []
        self.markers: list[int] = []
        self.quantities: list[str] = []
        self.values: list[tuple[int, int, tuple[float, ...]]] = []
        self.runs: list[tuple[int, ...]] = []
        self.sets: dict[str, list[tuple[int, int, int]]] = {}
        self.stays: list[tuple[int, ...]] = []
        self.inputs: list[str] = []
        self.input_slots: list[tuple[int, int]] = []
        self.providers: list[str] = []
        self.ranges: list[tuple[float, ...]] = []

    def literals_of(self, any: tuple[Evidence, ...], all: tuple[Evidence, ...], none: tuple[Evidence, ...], card: Scorecard
                  ) -> list[Literal]:
        """Evidence of `any` that is merely counted shares one slot: a record counts once."""
        together = tuple(e for e in any if joins(e))
        literals = [(self.slot_of(together, card), tb.ANY, 1, 0, 0)] if together else []
        for part, evidence in ((tb.ANY, any), (tb.ALL, all), (tb.NONE, none)):
            literals += [self._literal(e, part, card) for e in evidence if not (part == tb.ANY and joins(e))]
        return literals

    def _literal(self, e: Evidence, part: int, card: Scorecard) -> Literal:
        low = len(self.ranges)
        if not e.counts:        # the number is chosen first, then it must lie in an interval
            self.ranges += [(*_bounds(rounded(i, e.round_to)), 1 + SEXES.index(i.sex) if i.sex else 0)
                            for i in (*e.intervals, *self._category(e))]
        return self.slot_of((e,), card), part, e.at_least if e.counts else 1, low, len(self.ranges)

    def _category(self, e: Evidence) -> tuple[Interval, ...]:
        """One category of the answers, as an interval of their numbers."""
        if e.source != "answer" or not e.category:
            return ()
        number = self.lists.answers(e)[e.category]
        return (Interval(Decimal(number), False, Decimal(number), False),)

    def slot_of(self, evidence: tuple[Evidence, ...], card: Scorecard) -> int:
        """The slot of evidence that is counted together; scores that ask the same share it."""
        same = tuple(replace(
            e, feed="", take="any" if e.take == "records" else e.take, at_least=e.at_least if e.take == "change" else 1,
            intervals=e.intervals if e.counts else (), category=e.category if e.counts else "",
            round_to=e.round_to if e.counts else None) for e in evidence)
        key = same, card.index, card.id if same[0].take == "set" else ""
        if key not in self.slots:
            s = self.slots[key] = len(self.kinds)
            self.kinds.append(_kind(same[0]))
            for e in same:
                self._feed(s, e, card)
        return self.slots[key]

    def _feed(self, s: int, e: Evidence, card: Scorecard) -> None:
        """Enter one evidence into the maps from concepts or quantities to slots."""
        if e.source == "person":
            self.input_slots.append((s, number_of(self.inputs, e.take[6:]) if e.take.startswith("input:") else
                                     -2 if card.index else -1))
        elif e.source in ("value", "answer"):
            self._feed_number(s, e, card)
        elif e.source == "stay":
            condition = number_of(self.conditions, (e.settings, e.admissions, e.index))
            self.stays.append((s, self.span_of(e, card), condition))
        else:
            condition = number_of(self.conditions, (e.settings, e.admissions, e.index)) if e.by_stay else -1
            if self.kinds[s] == tb.DISTINCT:
                condition = len(self.markers)
                self.markers.append(MARKERS[e.take])
            into = self.coded if e.source == "coded" else self.issues
            groups = (self.lists.concepts(e) if e.codes else [(np.arange(self.lists.size, dtype=np.int32), None, None, None)])
            for concepts, years, youngest, oldest in groups:
                into.append((concepts, s, self.span_of(e, card, years, youngest, oldest), condition))

    def _feed_number(self, s: int, e: Evidence, card: Scorecard) -> None:
        quantity = number_of(self.quantities, self.lists.quantity(e, card))
        if e.take == "set":
            self.sets.setdefault(card.id, []).append((s, quantity, int(e.without_caution)))
            return
        span = self.span_of(e, card)
        if self.kinds[s] in (tb.BEST_LARGEST, tb.BEST_SMALLEST, tb.CHANGE):
            self.runs.append((s, quantity, span, e.of_last or e.at_least, int(e.without_caution)))
            return
        for i in (*e.intervals, *self._category(e)) or (Interval(),):
            rule = s | span << 16 | (1 + SEXES.index(i.sex) if i.sex else 0) << 24 | int(e.without_caution) << 28
            self.values.append((quantity, rule, _bounds(rounded(i, e.round_to))))

    def span_of(self, e: Evidence, card: Scorecard, years: float | None = None, youngest: float | None = None,
              oldest: float | None = None) -> int:
        """The span of days in which a record counts: evidence and row of the code list both narrow it."""
        anchor = tb.DISCHARGE if card.index else tb.NOW
        if card.index and e.source == "stay":
            anchor = tb.NOW if e.index else tb.BEFORE
        elif e.source == "value" and e.index:
            anchor = tb.DURING
        low = [age for age in (e.age_from, youngest) if age is not None]
        below = [age for age in (e.age_below, None if oldest is None else oldest + 1) if age is not None]
        own = None if years is None else Window(f"{years:g} years", months=round(years * 12))
        return number_of(self.spans, (
            number_of(self.windows, e.within), number_of(self.windows, own),
            number_of(self.ages, int(max(low))) if low else -1, number_of(self.ages, int(min(below))) if below else -1,
            1 + SEXES.index(e.sex) if e.sex else 0, anchor, number_of(self.windows, e.before)))

    def fits(self) -> Int8:
        """[conditions, 65] whether a kind of stay meets a condition: 1, 0, or -1 = not known; and what it says of the index."""
        fits = np.zeros((len(self.conditions), len(SETTINGS) * tb.ADMISSION_CODES + 1), np.int8)
        for row, (settings, admissions, index) in enumerate(self.conditions):
            fits[row, -1] = -1 if index is None else index
            for s, setting in enumerate(SETTINGS):
                for a, admission in enumerate(ADMISSIONS):
                    parts = [(word in wanted, word == "unknown") for word, wanted in
                             ((setting, settings), (admission, admissions)) if wanted]
                    no = any(not met and not unknown for met, unknown in parts)
                    fits[row, s * tb.ADMISSION_CODES + a] = 0 if no else 1 if all(met for met, _ in parts) else -1
        return fits


def _kind(e: Evidence) -> int:
    if e.take == "best_of_last":
        return tb.BEST_SMALLEST if e.smallest else tb.BEST_LARGEST
    if e.source == "person":
        return tb.PERSON
    return tb.DISTINCT if e.take in MARKERS else KINDS[e.take]


def joins(e: Evidence) -> bool:
    """Is it merely counted, so that records of several such evidences are counted together?"""
    return e.source in ("coded", "value", "answer") and e.take in ("any", "records") and e.at_least == 1


def edge_of(i: Interval, whole: bool) -> float:
    """The smallest measure inside the interval: a whole number, or a float64."""
    if i.low is None:
        return -math.inf
    if whole:
        return float(first_multiple(i, 0, None))
    return math.nextafter(float(i.low), math.inf) if i.low_open else float(i.low)


def _bounds(i: Interval) -> tuple[float, ...]:
    """The smallest and the largest float64 inside the interval, and the next ones outside of them."""
    low = -math.inf if i.low is None else edge_of(i, False)
    high = math.inf if i.high is None else float(i.high)
    if i.high_open:
        high = math.nextafter(high, -math.inf)
    return low, high, math.nextafter(low, -math.inf), math.nextafter(high, math.inf)


def number_of(known: list[X], one: X) -> int:
    """The position of `one`, which is added where it is new."""
    if one not in known:
        known.append(one)
    return known.index(one)
