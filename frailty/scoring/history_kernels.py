"""The kernel of histories: one pass over a person's entries gives a score at up to 64 dates.

An entry counts at the dates in [when it had happened and was known, when its window has gone by): a run of the dates in
their order, and so a run of bits in one 64-bit word, bit d for date d. A slot keeps a word for "reached" and, where it
must count, binary counters standing upright: word k holds bit k of the count at every date. Adding an entry at all its
dates is then a few operations.

Shapes: P people, D dates (at most 64), S slots, T terms, K scorecards, M markers. The tables of a plan are those of
tables.py; which plans may come here is decided in history.py.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from frailty.scoring.gather import U, check, place_of, within
from frailty.scoring.jit import kernel, part
from frailty.scoring.tables import (
    AGE_AT_LEAST,
    ALL,
    ANY,
    BAND_HIGH,
    BAND_LOW,
    DAYS,
    HIGH,
    HOSPITAL,
    LITERAL,
    LITERALS,
    LOOK_NEEDED,
    LOW,
    NEEDS_BIRTH,
    NO_AGE,
    OPEN,
    OTHER,
    OTHERS,
    OUTCOME,
    OUTCOMES,
    PERSON,
    Array,
    Real,
    Whole,
)

BIRTH, SEX, HOSPITAL_FROM = range(3)        # columns of people; BIRTH: year, month and day in one number, or NO_AGE
NEVER = -(2**62)                            # in `last`: nothing was counted in this slot yet
ZERO, ONE = U(0), U(1)
TWO = U(2)


@part
def place(day: Whole, edge: Array, table: Array, count: Whole) -> Whole:
    """edge [2], table [days]: 0 up to the first edge, `count` after the second, between them as the table says."""
    if day <= edge[0]:
        return ZERO
    if day > edge[1]:
        return U(count)
    return U(table[day - edge[0]])


@part
def count(s: Whole, word: Whole, key: Whole, slots: tuple[Array, Array, Array, Array]) -> None:
    """slots: over [S], planes, plane_from [S + 1], last [S]: one more at the dates of `word`, unless `key` was last."""
    over, planes, plane_from, last = slots
    low, high = U(plane_from[s]), U(plane_from[s + ONE])
    if low < high:
        if last[s] == key:
            return
        last[s] = key
        for k in range(low, high):
            before = planes[k]
            planes[k] = before ^ word
            word &= before
    over[s] |= word


@part
def reached(s: Whole, least: Whole, full: Whole, slots: tuple[Array, Array, Array, Array]) -> Whole:
    """The dates at which slot s has counted at least so many."""
    over, planes, plane_from, _ = slots
    low, high = U(plane_from[s]), U(plane_from[s + ONE])
    if least <= 0:
        return full
    if U(least) >> (high - low) > ZERO:
        return over[s]
    more, equal = ZERO, full
    for step in range(high - low):
        k = high - ONE - step
        if (U(least) >> (k - low)) & ONE:
            equal &= planes[k]
        else:
            more |= equal & planes[k]
            equal &= ~planes[k]
    return over[s] | more | equal


@part
def of_age(years: Real, birth: Whole, packed: Array) -> Whole:
    """packed [D]: the dates at which a person has completed so many years."""
    word = ZERO
    if birth != NO_AGE:
        for d in range(U(len(packed))):
            if (packed[d] - birth) >> 9 >= years:
                word |= ONE << d
    return word


@part
def gather(p: Whole, sex: Whole, coded: Any, measured: Any, maps: Any, values: Any, dates: Any, slots: Any) -> None:
    """Coded entries and measurements of person p into the slots."""
    coded_from, concept_of, effective_on, recorded_on, record_of, _ = coded
    measured_from, quantity_of, measured_on, measured_known, measured_record, measured_concept, numbers, comparators, _ = measured
    kinds, _, cautioned, entries, _, _, _ = maps
    offsets, rules, bounds = values
    bits, known, known_table, ends, ends_table = dates
    total, last = len(bits) - 1, known[1]
    for i in range(U(coded_from[p]), U(coded_from[p + ONE])):
        effective, recorded = effective_on[i], recorded_on[i]
        if effective > last:
            break
        entry = entries[U(concept_of[i] + 1)]   # slot, window, condition and next entry in one number
        if entry >= 0 and recorded <= last:
            begin = place(max(effective, recorded), known, known_table, total)
            while entry >= 0:
                s, w = U(entry & 0xFFFF), U(entry >> 16 & 0xFF)
                end = place(effective, ends[w], ends_table[w], total)
                if end > begin:
                    count(s, bits[end] & ~bits[begin], effective if kinds[s] == DAYS else record_of[i], slots)
                entry = entries[U(entry >> 32)]
    for j in range(U(measured_from[p]), U(measured_from[p + ONE])):
        effective, recorded = measured_on[j], measured_known[j]
        if effective > last:
            break
        quantity = U(quantity_of[j] + 1)
        if recorded <= last:
            begin = place(max(effective, recorded), known, known_table, total)
            for k in range(U(offsets[quantity]), U(offsets[quantity + ONE])):
                rule, four = rules[k], k * U(4)     # slot, window, 1 + sex and "leave out cautions" in one number
                s, w, only = U(rule & 0xFFFF), U(rule >> 16 & 0xFF), rule >> 24 & 0x0F
                hit = within(numbers[j], comparators[j], four, bounds)
                hit &= (only == 0) | (only == sex + 1)
                if rule >> 28 == 1:
                    hit &= cautioned[U(measured_concept[j] + 1)] == 0
                end = place(effective, ends[w], ends_table[w], total)
                if hit and end > begin:
                    count(s, bits[end] & ~bits[begin], effective if kinds[s] == DAYS else measured_record[j], slots)


@part
def gather_issues(p: Whole, issues: Any, maps: Any, dates: Any, slots: Any, seen: Any) -> None:
    """Medicines of person p into the slots. seen: marker [M, substances] of words, touched [M, substances], found [M],
    slot [M].

    All codings of one record are one medicine: its substance comes from the coding on the lowest rung.
    """
    issues_from, concept_of, effective_on, recorded_on, record_of, ladder, rung, entries, _, _ = issues
    kinds, rank = maps[0], maps[1]
    bits, known, known_table, ends, ends_table = dates
    marker, touched, found, slot_of = seen
    total, last, earliest = len(bits) - 1, known[1], ends[U(len(ends) - 1), ZERO]
    which, before, end_row = -1, np.int64(-1), U(issues_from[p + ONE])
    for i in range(U(issues_from[p]), end_row):
        effective, recorded, record, concept = effective_on[i], recorded_on[i], record_of[i], concept_of[i]
        if effective > last:
            break
        if effective > earliest and recorded <= last and concept >= 0:
            if record != before:
                best, k = concept, i + ONE
                while k < end_row and record_of[k] == record:
                    other = concept_of[k]
                    if other >= 0 and (rung[U(other)] < rung[U(best)] or (
                            rung[U(other)] == rung[U(best)] and rank[U(other + 1)] < rank[U(best + 1)])):
                        best = other
                    k += ONE
                which = ladder[ZERO, U(best)]
            before = record
            begin = place(max(effective, recorded), known, known_table, total)
            entry = entries[U(concept + 1)]     # slot, window, row of the marker and next entry in one number
            while entry >= 0:
                s, w, m = U(entry & 0xFFFF), U(entry >> 16 & 0xFF), U(entry >> 24 & 0xFF)
                end = place(effective, ends[w], ends_table[w], total)
                if end > begin:
                    word = bits[end] & ~bits[begin]
                    if m == ZERO:
                        count(s, word, effective if kinds[s] == DAYS else record, slots)
                    elif which >= 0:
                        if marker[m - ONE, U(which)] == ZERO:
                            touched[m - ONE, U(found[m - ONE])] = which
                            found[m - ONE] += 1
                            slot_of[m - ONE] = s
                        marker[m - ONE, U(which)] |= word
                entry = entries[U(entry >> 32)]
    for m in range(U(len(found))):
        for k in range(U(found[m])):
            which = touched[m, k]
            count(U(slot_of[m]), marker[m, U(which)], which, slots)
            marker[m, U(which)] = ZERO
        found[m] = 0


@part
def literal(s: Whole, least: Real, birth: Whole, kinds: Array, packed: Array, full: Whole, slots: Any) -> Whole:
    """The dates at which slot s measures at least so much; for ages, at which the person is so old."""
    if kinds[s] == PERSON:
        return of_age(least, birth, packed)
    return reached(s, np.int64(np.ceil(least)), full, slots)


@part
def find_present(birth: Whole, kinds: Array, judging: Any, packed: Array, full: Whole, slots: Any, present: Array) -> None:
    """present [T]: the dates at which each term has its evidence, before any suppression."""
    terms, literals = judging[3], judging[4]
    for t in range(U(len(present))):
        wanted, some, met = False, ZERO, full
        for k in range(U(terms[t, U(LITERAL)]), U(terms[t, U(LITERALS)])):
            s, how, least = U(literals[k * U(5)]), literals[k * U(5) + ONE], literals[k * U(5) + TWO]
            # The age of a person is there wherever the date of birth is known.
            hit = literal(s, np.float64(NO_AGE if kinds[s] == PERSON else least), birth, kinds, packed, full, slots)
            if how == ANY:
                wanted = True
                some |= hit
            elif how == ALL:
                met &= hit
            else:
                met &= ~hit
        present[t] = met & some if wanted else met


@part
def judge(p: Whole, person: Array, kinds: Array, judging: Any, dates: Any, standing: Any, slots: Any, scratch: Any,
          out: Any) -> None:
    """Points, band and status of person p at every date; and of every term the dates at which it gave points."""
    first_slots, _, _, terms, _, _, others, edges, worth, cards, bands, _, _, _, _, _ = judging
    packed, needed_from = standing
    present, steps = scratch
    points, band_of, status_of, counted = out
    full, birth, days = dates[0][U(len(dates[0]) - 1)], person[U(BIRTH)], U(len(packed))
    find_present(birth, kinds, judging, packed, full, slots, present)
    for c in range(U(len(cards))):
        card = cards[c]
        for d in range(days + ONE):
            steps[d] = 0
        for t in range(U(card[LOW]), U(card[HIGH])):
            word, term = present[t], terms[t]
            for k in range(U(term[OTHER]), U(term[OTHERS])):
                word &= ~present[U(others[k])]
            given = ZERO
            if word != ZERO:
                before = np.int64(0)
                for o in range(U(term[OUTCOME]), U(term[OUTCOMES])):
                    if o > U(term[OUTCOME]):
                        word &= literal(U(first_slots[t]), edges[o], birth, kinds, packed, full, slots)
                    turns = (word ^ (word << ONE)) & full       # the dates at which it begins or ends
                    gain = worth[o] - before
                    before = worth[o]
                    given = given & ~word | word if worth[o] != 0 else given & ~word
                    while turns != ZERO:
                        d = place_of(turns & (~turns + ONE))
                        steps[d] += gain if word >> d & ONE else -gain
                        turns &= turns - ONE
            if len(counted) > 0:
                counted[p, t] = given
        total, band = np.int64(0), -1
        for k in range(U(card[BAND_LOW]), U(card[BAND_HIGH])):
            band += total >= bands[k * TWO]
        for d in range(days):
            if steps[d] != 0:
                total += steps[d]
                band = -1
                for k in range(U(card[BAND_LOW]), U(card[BAND_HIGH])):
                    band += total >= bands[k * TWO]
            status = 0
            if birth == NO_AGE:
                status = 2 * (card[NEEDS_BIRTH] == 1)
            elif (packed[d] - birth) >> 9 < card[AGE_AT_LEAST]:
                status = 1
            if status == 0 and card[HOSPITAL] == 1:
                since = person[U(HOSPITAL_FROM)]
                if since == OPEN or since > needed_from[U(card[LOOK_NEEDED]), d]:
                    status = 2
            points[c, p, d], status_of[c, p, d] = total, status
            band_of[c, p, d] = band if status == 0 else -1


@kernel
def run(low: Whole, high: Whole, people: Array, dates: Any, standing: Any, records: Any, plan: Any, slots: Any, seen: Any,
        scratch: Any, out: Any) -> Whole:
    """people [P, 3], out: points, band, status [K, P, D], terms [P or 0, T]: the people low:high; or an error."""
    coded, measured, issues = records
    maps, values, _, judging = plan
    kinds = maps[0]
    over, planes, _, last = slots
    a, b = U(low), U(high)
    error = check(a, b, coded[0], coded[2], coded[1], len(maps[1]) - 1)
    error = min(error, check(a, b, measured[0], measured[2], measured[1], len(values[0]) - 2))
    error = min(error, check(a, b, measured[0], measured[2], measured[5], len(maps[1]) - 1))
    error = min(error, check(a, b, issues[0], issues[2], issues[1], len(issues[6])))
    if error != 0:
        return np.int64(error)
    for p in range(a, b):
        for s in range(U(len(over))):
            over[s], last[s] = ZERO, NEVER
        for k in range(U(len(planes))):
            planes[k] = ZERO
        gather(p, people[p, U(SEX)], coded, measured, maps, values, dates, slots)
        gather_issues(p, issues, maps, dates, slots, seen)
        judge(p, people[p], kinds, judging, dates, standing, slots, scratch, out)
    return np.int64(0)
