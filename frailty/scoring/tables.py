"""The compiled form of scorecards: plain arrays, as the kernels read them.

Letters in shapes: P people, C concepts, Q quantities, W windows, S slots, T terms, K scorecards. A *slot* is one
aggregate over a person's records; a *literal* asks whether a slot has reached a count; an *outcome* is one possible
number of points of a term. Tables of whole numbers are int32 matrices, so that kernels take few arguments and compile
fast; their columns are named here.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from frailty.records.arrays import Float64, Int8, Int32, Int64

Array = NDArray[Any]
Whole = Any     # in kernels: a whole number of any width, or a truth
Real = Any      # in kernels: a float64
OPEN = 2**31 - 1
NO_AGE = -(2**31)
EVER = -(2**31)         # the start of a window without a start

RECORDS, DAYS, DISTINCT, LATEST, SMALLEST, LARGEST, AGE = range(7)  # what a slot keeps
ANY, ALL, NONE = range(3)                                           # how a literal takes part in its term
FIRST, LAST, CONCEPT, UNSURE, KIND = 0, 1, 2, 3, 6                  # columns of the cells of a sheet; 4, 5: record
PLAIN, SINGLE, SEVERAL = range(3)  # a term: one literal, one outcome, nothing suppresses it; one literal; more literals
AS_OF, DAY, YEARS, SEX, HOSPITAL_FROM, WITHOUT_STAYS = range(6)     # columns of people; DAY: row of the window starts
# Columns of Plan.cards: terms, bands, population and needs. WINDOW: the longest that the hospital feed must cover, 0 =
# ever. The last six are positions in the list of reasons.
(LOW, HIGH, BAND_LOW, BAND_HIGH, AGE_AT_LEAST, NEEDS_BIRTH, HOSPITAL, WINDOW, BY_STAY,
 YOUNG, NO_BIRTH, NO_FEED, SHORT_FEED, UNSURE_STAY, NO_STAYS) = range(15)
ADMISSION_CODES = 8                                                 # kind of a stay = setting * 8 + admission


class Maps(NamedTuple):
    """Which slots a coded entry feeds. Row 0 stands for "no concept", row 1 + c for concept c."""

    kinds: Int32            # [S] what a slot keeps
    rank: Int32             # [C + 1] order of (system, code): breaks ties between codings of one record
    cautioned: Int8         # [C + 1] 1 = carries a caution
    entries: Int64          # see chain(): slot, window, 1 + condition on the stay
    fits: Int8              # [conditions, 64] by kind of stay: 1 yes, 0 no, -1 not known


class Values(NamedTuple):
    """Which slots a quantity feeds, and within which interval. Row 0 stands for "no quantity"."""

    offsets: Int32          # [Q + 2]
    rules: Int32            # slot, window, 1 + sex or 0, leave out cautions: 16, 8, 4 and 3 bits
    bounds: Float64         # 4 columns: the smallest and largest number inside; the next floats outside of them


class Judging(NamedTuple):
    """From slots to terms, points and bands."""

    slots: Int32            # [T] slot of the first literal of a term
    counts: Int32           # [T] the count that it must reach
    plain: Int8             # [T] PLAIN, SINGLE or SEVERAL
    terms: Int32            # 6 columns: first literal, end, first suppressing term, end, first outcome, end
    literals: Int32         # 3 columns: slot, ANY ALL or NONE, count to be reached
    others: Int32           # the terms that suppress
    edges: Float64          # the smallest measure of an outcome
    points: Int64           # of an outcome
    cards: Int32            # [K, 15]
    bands: Int64            # the smallest number of points of a band


class Plan(NamedTuple):
    """A whole plan for the kernels."""

    maps: Maps
    values: Values
    judging: Judging


class Entries(NamedTuple):
    """Coded entries. stay_known, stay_kind: [stays] day from which a stay was known, and its kind."""

    offsets: Int64
    concept: Int32
    effective: Int32
    recorded: Int32
    record: Int64
    stay: Int64
    stay_known: Int32
    stay_kind: Int8


class Medicines(NamedTuple):
    """Medicines, the ladder of their substances, and which slots they feed."""

    offsets: Int64
    concept: Int32
    effective: Int32
    recorded: Int32
    record: Int64
    substance: Int32        # [C]
    rung: Int32             # [C]
    entries: Int64          # see chain(): slot, window, 1 + row of the marker of a DISTINCT slot


class Numbers(NamedTuple):
    """Measurements."""

    offsets: Int64
    quantity: Int32
    concept: Int32
    effective: Int32
    recorded: Int32
    value: Float64
    comparator: Int8
    record: Int64


class Sheet(NamedTuple):
    """The slots of the people in hand: the slot s of the b-th of them is at b * S + s."""

    n: Int32
    cells: Int32            # 8 columns: first (OPEN = none), last (EVER = none), concept, unsure, the record, kind
    record: Int64           # the same memory as `cells`, by eights of bytes: of the last or chosen row; -1 = none
    value: Float64          # the chosen number, or the age


class Scratch(NamedTuple):
    """What one thread scribbles on."""

    sheet: Sheet
    blank: Int32            # what the cells hold before anything is counted
    present: NDArray[np.bool_]  # [T]
    hits: Int32             # room for every term, or every slot of one quantity
    marker: Int32           # [D, substances] 1 + the last person in whom a substance was seen


class Outputs(NamedTuple):
    """What a block of people gives."""

    points: Int64           # [K, P]
    marks: NDArray[np.int16]  # [3, K, P] band or -1, status, reason
    rows: Int32             # 6 columns: person, outcome, n, first, last, concept
    records: Int64          # [free]


LIMITS = (2**16 - 1, 2**8 - 1, 2**8 - 1)    # the largest slot, window and third number of an entry


def chain(concepts: Int32, three: Int64, size: int) -> Int64:
    """Entries of `size` concepts: that of concept c is at 1 + c, and names the place of the next (0 = no more).

    three [entries, 3]: slot, window and a third number. One int64 holds 16 bits of slot, 8, 8, and 31 of the next
    place; -1 stands for nothing.
    """
    order = np.argsort(concepts, kind="stable")
    rows, packed = concepts[order] + 1, (three[:, 0] | three[:, 1] << 16 | three[:, 2] << 24)[order]
    head = np.ones(len(rows), np.bool_)
    head[1:] = rows[1:] != rows[:-1]
    place = np.where(head, rows, size + np.cumsum(~head))
    entries = np.full(1 + size + int((~head).sum()), -1, np.int64)
    entries[place] = packed
    entries[place[:-1]] |= np.where(head[1:], 0, place[1:]).astype(np.int64) << 32
    return entries
