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
OPEN = 2**31 - 1
NO_AGE = -(2**31)
EVER = -(2**31)         # the start of a window without a start

RECORDS, DAYS, DISTINCT, LATEST, SMALLEST, LARGEST, AGE = range(7)  # what a slot keeps
ANY, ALL, NONE = range(3)                                           # how a literal takes part in its term
N, FIRST, LAST, RECORD, CONCEPT, UNSURE = range(6)                  # columns of a sheet: the slots of one person
ADMISSION_CODES = 8                                                 # kind of a stay = setting * 8 + admission


class Plan(NamedTuple):
    """A whole plan for the kernels."""

    slots: Int32            # [S, 2] what it keeps; row of the marker of a DISTINCT slot or -1
    offsets: Int32          # [2C + 1] entries of concept c as a coded entry: row c; as a medicine: row C + c
    entries: Int32          # [:, 3] slot, window, condition on the stay or -1
    fits: Int8              # [conditions, 64] by kind of stay: 1 yes, 0 no, -1 not known
    info: Int32             # [C, 4] order of (system, code), carries a caution, substance, rung
    value_offsets: Int32    # [Q + 1]
    value_rules: Int32      # [:, 6] slot, window, sex or -1, leave out cautions, low edge not in, high edge not in
    bounds: Float64         # [:, 2] the interval of a value rule
    terms: Int32            # [T, 6] first literal, end, first suppressing term, end, first outcome, end
    literals: Int32         # [:, 3] slot, ANY ALL or NONE, count to be reached
    others: Int32           # the terms that suppress
    outcome_edge: Float64   # the smallest measure of an outcome
    outcome_points: Int64
    cards: Int32            # [K, 15] see Card
    band_edge: Int64        # the smallest number of points of a band


class Card(NamedTuple):
    """One row of Plan.cards. The last six are positions in the list of reasons."""

    low: int                # first term
    high: int
    band_low: int
    band_high: int
    age_at_least: int       # NO_AGE = all ages
    needs_birth: int
    hospital: int
    window: int             # the longest window that the hospital feed must cover; 0 = ever
    by_stay: int
    young: int
    no_birth: int
    no_feed: int
    short_feed: int
    unsure_stay: int
    no_stays: int


class Entries(NamedTuple):
    """Coded entries or medicines. stay_known, stay_kind: [stays] day from which a stay was known, and its kind."""

    offsets: Int64
    concept: Int32
    effective: Int32
    recorded: Int32
    record: Int64
    stay: Int64
    stay_known: Int32
    stay_kind: Int8


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


class Outputs(NamedTuple):
    """What a block of people gives."""

    points: Int64           # [K, P]
    marks: NDArray[np.int16]  # [3, K, P] band or -1, status, reason
    rows: Int32             # [free, 6] person, outcome, n, first, last, concept
    records: Int64          # [free]
