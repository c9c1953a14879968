"""The compiled form of scorecards: plain arrays, as the kernels read them.

Letters in shapes: P people, C concepts, Q quantities, W spans of time, S slots, T terms, K scorecards. A *slot* is one
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
UInt64 = NDArray[np.uint64]
Whole = Any     # in kernels: a whole number of any width, or a truth
Real = Any      # in kernels: a float64
OPEN = 2**31 - 1
NO_AGE = -(2**31)
EVER = -(2**31)         # the start of a window without a start

# UNSURE: bit 0 = of this slot; bit 1, in a person's first slot = of any.
# What a slot keeps. From LATEST on it is a number, and the measure is its value instead of its count.
(RECORDS, DAYS, DISTINCT, LATEST, FIRSTLY, SMALLEST, LARGEST, SET, BEST_LARGEST, BEST_SMALLEST, CHANGE, LENGTH, PROVIDER,
 PERSON) = range(14)
# How a literal takes part in its term. ALSO: only its records.
ANY, ALL, ALSO, NONE = range(4)
FIRST, LAST, CONCEPT, UNSURE, KIND, SIGN = 0, 1, 2, 3, 6, 7     # columns of the cells of a sheet; 4, 5: record
PLAIN, SINGLE, SEVERAL = range(3)  # a term: one literal, one outcome, nothing suppresses it; one literal; all others
# What a term is for: points; points of a sub-score, and the sub-score; to make the card not assessable; to be taken from
# the denominator. A LATE term is silent only where another of its group has later evidence.
SCORES, LATE, MEMBER, SUM, BLOCKS, TAKES, DOUBT = range(7)
STEPS, IDENTITY, SQUARE, LOG = range(4)         # how a measure makes points
# Columns of a term: literals, others that suppress it, outcomes; role, form, reason.
LITERAL, LITERALS, OTHER, OTHERS, OUTCOME, OUTCOMES, ROLE, FORM, REASON = range(9)
TERM_COLUMNS = 9
# Columns of people. DAY, STAY_DAY, BEFORE_DAY: rows of the starts of look-backs for as_of, the index day and the day before
# the index stay. STAY: the index stay as a position, -1 = none; STAY_ON, STAY_FROM: its last and first day.
(AS_OF, DAY, YEARS, SEX, HOSPITAL_FROM, WITHOUT_STAYS, STAY, STAY_ON, STAY_FROM, STAY_DAY, BEFORE_DAY,
 STAY_YEARS) = range(12)
# Columns of a span: two look-backs (of which the shorter counts), rows of birthdays (-1 = none), 1 + sex, from where, and the
# look-back before which it ends (0 = none).
LOOK, LOOK_TOO, BIRTHDAY, BIRTHDAY_BELOW, ONLY_SEX, ANCHOR, OLDER = range(7)
NOW, DISCHARGE, BEFORE, DURING = range(4)
# Columns of Judging.cards: terms, bands, population and needs. LOOK_NEEDED: the longest look-back that the hospital feed must
# cover, 0 = ever. ON, OF: rows of Outputs.days and .counts, -1 = none. OF_LEAST, OF_ALL: terms that must be assessed, all
# terms. FLOOR: the term that lifts the sum to its points, -1 = none. INDEX_LOOK: the look-back for a discharge.
# POPULATION: its row of Judging.populations. WITHOUT: its mark where no term is present; ASLEEP: where not one of its slots is
# filled; -1 where more must be asked.
# From YOUNG on: positions in the list of reasons, 0 where none applies.
(LOW, HIGH, BAND_LOW, BAND_HIGH, AGE_AT_LEAST, AGE_BELOW, NEEDS_BIRTH, HOSPITAL, LOOK_NEEDED, BY_STAY, INDEXED, ON, OF,
 OF_LEAST, OF_ALL, FLOOR, INDEX_LOOK, YOUNG, OLD, NO_BIRTH, NO_FEED, SHORT_FEED, UNSURE_STAY, NO_STAYS, STAYLESS, NO_INDEX, NO_SET,
 TOO_FEW, OFF, POPULATION, WITHOUT, ASLEEP) = range(32)
CARD_COLUMNS = 32
# What says, before any term is looked at, who can have the score.
STANDING = (AGE_AT_LEAST, AGE_BELOW, NEEDS_BIRTH, HOSPITAL, LOOK_NEEDED, INDEXED, INDEX_LOOK, YOUNG, OLD, NO_BIRTH, NO_FEED,
            SHORT_FEED, STAYLESS, NO_INDEX, OFF)
ADMISSION_CODES = 8                                                 # kind of a stay = setting * 8 + admission
# What the marker of a DISTINCT slot tells apart.
SUBSTANCE, PARAGRAPH, UNKNOWN_SUBSTANCE, UNKNOWN_PARAGRAPH = range(4)


class Maps(NamedTuple):
    """Which slots a coded entry feeds. Row 0 stands for "no concept", row 1 + c for concept c."""

    kinds: Int32            # [S] what a slot keeps; filled up to 64s for the kernels of kernels.py
    rank: Int32             # [C + 1] order of (system, code): breaks ties between codings of one record
    cautioned: Int8         # [C + 1] 1 = carries a caution
    entries: Int64          # see chain(): slot, span, 1 + condition on the stay
    fits: Int8              # [conditions, 65] by kind of stay: 1 yes, 0 no, -1 not known; last: 1 the index stay, 0 another, -1 any
    spans: Int32            # [W, 7]
    inputs: Int32           # 2 columns: slot of a PERSON, its row of the inputs (-1: age, -2: age at the index day)


class Values(NamedTuple):
    """Which slots a quantity feeds, and within which interval. Row 0 stands for "no quantity"."""

    offsets: Int32          # [Q + 2]
    rules: Int64            # slot, span, 1 + sex or 0, leave out cautions: 16, 8, 4 and 3 bits
    bounds: Float64         # 4 columns: the smallest and largest number inside; the next floats outside of them


class Later(NamedTuple):
    """Slots that a second look at a person's measurements and stays fills; no rows where a plan has none."""

    runs: Int32             # 5 columns: slot, quantity, span, how many, leave out cautions (BEST and CHANGE)
    sets: Int32             # 4 columns: span, first member, end, row of Outputs.days
    members: Int32          # 3 columns: slot, quantity, leave out cautions
    stays: Int32            # 3 columns: slot, span, condition


class Judging(NamedTuple):
    """From slots to terms, points and bands."""

    slots: Int32            # [T] slot of the first literal of a term
    counts: Int32           # [T] the count that it must reach
    plain: Int32            # [T] PLAIN, SINGLE or SEVERAL
    terms: Int32            # [T, 9]
    literals: Int32         # 5 columns: slot, ANY ALL ALSO or NONE, count to be reached, first range, end
    ranges: Float64         # 5 columns: as Values.bounds, and 1 + sex; the slot's number must lie in one of them
    others: Int32           # the terms that suppress
    edges: Float64          # the smallest measure of an outcome; with a form: the cap, steps per unit, points per logarithm
    points: Int64           # of an outcome
    cards: Int32            # [K, 32]
    bands: Int64            # 2 columns: the smallest number of points of a band, 1 = of any one term
    populations: Int32      # [populations, 32] the columns STANDING of cards, each combination once
    asked: Int32            # [S + 1] where the places in `asking` begin that a slot marks
    asking: Int32           # terms it may make present; cards it wakes: card c at c and the terms filled up to 64s
    always: UInt64          # a bit each: terms that may be present though no slot is filled; cards
    working: Int32          # the cards that are judged; all others are off, and have no terms


class Plan(NamedTuple):
    """A whole plan for the kernels."""

    maps: Maps
    values: Values
    later: Later
    judging: Judging


class Entries(NamedTuple):
    """Coded entries."""

    offsets: Int64
    concept: Int32
    effective: Int32
    recorded: Int32
    record: Int64
    stay: Int64


class Medicines(NamedTuple):
    """Medicines, the ladder of their substances, and which slots they feed."""

    offsets: Int64
    concept: Int32
    effective: Int32
    recorded: Int32
    record: Int64
    ladder: Int32           # [4, C] what a marker tells apart, by SUBSTANCE ...; -1 = nothing
    rung: Int32             # [C]
    entries: Int64          # see chain(): slot, span, 1 + row of the marker of a DISTINCT slot
    kinds: Int32            # [D] SUBSTANCE ... of a row of the marker
    spans: Int32            # the spans of medicines


class Numbers(NamedTuple):
    """Measurements and answers."""

    offsets: Int64
    quantity: Int32
    effective: Int32
    recorded: Int32
    record: Int64
    concept: Int32
    value: Float64
    comparator: Int32
    minute: Int32


class StayRows(NamedTuple):
    """Hospital stays. known: the day from which a stay was known to have begun; kind = setting * 8 + admission."""

    offsets: Int64
    started: Int32
    ended: Int32
    known: Int32
    record: Int64
    kind: Int32
    provider: Int32


class People(NamedTuple):
    """The people, and what is looked up by their days."""

    columns: Int32          # [P, 12]
    starts: Int32           # [days, looks] the day before each look-back
    birthdays: Int32        # [ages, P]
    inputs: Float64         # [inputs, P] numbers of the site, NaN = unknown


class Sheet(NamedTuple):
    """The slots of the people in hand: the slot s of the b-th of them is at b * S + s."""

    n: Int32
    cells: Int32            # 8 columns: first (OPEN = none), last (EVER = none), concept, unsure, the record, kind, sign
    record: Int64           # the same memory as `cells`, by eights of bytes: of the last or chosen row; -1 = none
    value: Float64          # the chosen number, or the age
    spans: Int32            # 2 columns: the day before span w of the b-th person, and its last day, at b * W + w
    held: UInt64            # a bit for every slot: 1 = filled


class Scratch(NamedTuple):
    """What one thread scribbles on."""

    sheet: Sheet
    touched: Int32          # [S] the slots of a person that hold anything
    awake: UInt64           # a bit each: terms that may be present, cards of which a slot is filled
    standing: Int32         # [populations]
    present: UInt64         # a bit for every term
    hits: Int32             # room for every term, or every slot of one quantity
    marker: Int32           # [D, things] 1 + the last person in whom a thing was seen
    pool: Float64           # room for the measurements of one person
    places: Int64           # where they stand


class Outputs(NamedTuple):
    """What a block of people gives."""

    points: Int64           # [K, P]
    marks: Int32            # [cards judged, people of the block] band, status, reason: 8, 8 and 16 bits, as int8 and int16
    days: Int32             # [cards with a set or an index, P] its day, OPEN = none
    counts: Int32           # [cards that divide by the assessed terms, P]
    rows: Int32             # 6 columns: person, term, n, first, last, concept
    figures: Int64          # 2 columns: record, points


LIMITS = (2**16 - 1, 2**8 - 1, 2**8 - 1)    # the largest slot, span and third number of an entry


def chain(concepts: Int32, three: Int64, size: int) -> Int64:
    """Entries of `size` concepts: that of concept c is at 1 + c, and names the place of the next (0 = no more).

    three [entries, 3]: slot, span and a third number. One int64 holds 16 bits of slot, 8, 8, and 31 of the next
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
