"""The kernels: arrays in, arrays out. `run` scores a block of people in one thread, a few hundred people at a time.

Shapes: P people, C concepts, S slots, T terms, K scorecards. Tables of several columns lie flat, row after row; their
columns are named in tables.py. The slot s of the b-th person in hand is at b * S + s of each array of the sheet.
Positions are unsigned (U), so that the compiled code need not ask whether one is negative. Nothing here checks
definitions, only positions that could lead out of an array.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from frailty.scoring.jit import kernel, part
from frailty.scoring.tables import (
    AGE,
    AGE_AT_LEAST,
    ALL,
    ANY,
    AS_OF,
    BAND_HIGH,
    BAND_LOW,
    BY_STAY,
    CONCEPT,
    DAY,
    DAYS,
    FIRST,
    HIGH,
    HOSPITAL,
    HOSPITAL_FROM,
    KIND,
    LARGEST,
    LAST,
    LATEST,
    LOW,
    NEEDS_BIRTH,
    NO_AGE,
    NO_BIRTH,
    NO_FEED,
    NO_STAYS,
    OPEN,
    PLAIN,
    SEVERAL,
    SEX,
    SHORT_FEED,
    SMALLEST,
    UNSURE,
    UNSURE_STAY,
    WINDOW,
    WITHOUT_STAYS,
    YEARS,
    YOUNG,
    Array,
    Entries,
    Judging,
    Maps,
    Medicines,
    Numbers,
    Outputs,
    Plan,
    Real,
    Scratch,
    Sheet,
    Values,
    Whole,
)

FOREIGN, UNSORTED = -1, -2  # answers in place of a number of rows
U: Any = np.uint64
ZERO, ONE = U(0), U(1)


@part
def note(sheet: Sheet, at: Whole, again: Whole, rank: Array, effective: Whole, record: Whole, concept: Whole) -> None:
    """rank [C + 1]: count one qualifying row in place `at`; again: its record is that of the row before it.

    Rows come in the order (effective, recorded, record). Of several codings of one record that qualify, the one that
    comes first in the order of (system, code) stands for it.
    """
    n, cells, records, _ = sheet
    cell = at * U(8)
    if again and records[at * U(4)] == record:
        other = cells[cell + U(CONCEPT)]
        if rank[U(concept + 1)] > rank[U(other + 1)]:
            concept = other
    else:
        n[at] += (cells[cell + U(KIND)] != DAYS) | (cells[cell + U(LAST)] != effective)
    cells[cell + U(FIRST)] = min(cells[cell + U(FIRST)], effective)
    cells[cell + U(LAST)] = effective
    cells[cell + U(CONCEPT)] = concept
    records[at * U(4)] = record


@part
def choose(sheet: Sheet, at: Whole, number: Real, effective: Whole, record: Whole, concept: Whole) -> None:
    """Keep the latest, smallest or largest number in place `at`; of equals the later record."""
    n, cells, records, value = sheet
    cell, kind = at * U(8), cells[at * U(8) + U(KIND)]
    if n[at] == 0 or (kind == SMALLEST and number <= value[at]) or (kind == LARGEST and number >= value[at]) or (
            kind == LATEST and (records[at * U(4)] != record or number > value[at])):
        n[at], value[at], records[at * U(4)] = 1, number, record
        cells[cell + U(FIRST)], cells[cell + U(LAST)], cells[cell + U(CONCEPT)] = effective, effective, concept


@part
def within(number: Real, comparator: Whole, low: Real, high: Real, low_below: Real, high_above: Real) -> Whole:
    """Is all that "(<, <=, >, >=) number" can mean in the interval? low_below, high_above: the next floats outside."""
    if comparator == 0:
        return (number >= low) & (number <= high)
    if comparator <= 2:
        return (low == -np.inf) & (number <= (high_above if comparator == 1 else high))
    return (high == np.inf) & (number >= (low_below if comparator == 3 else low))


@part
def check(low: Whole, high: Whole, offsets: Array, effective: Array, position: Array, size: Whole) -> Whole:
    """offsets [P + 1]: are the rows of the people low:high in order, and their positions inside a table of `size`?"""
    descents, largest = ZERO, -1
    for p in range(low, high):
        for i in range(U(offsets[p]) + ONE, U(offsets[p + ONE])):
            descents += U(effective[i] < effective[i - ONE])
    for i in range(U(offsets[low]), U(offsets[high])):
        largest = max(largest, position[i])
    if largest >= size:
        return FOREIGN
    return UNSORTED if descents > ZERO else 0


@part
def gather(low: Whole, high: Whole, persons: Array, starts: Array, coded: Entries, measured: Numbers, maps: Maps,
           values: Values, sheet: Sheet, hits: Array) -> None:
    """persons [P, 6], starts [days, W + 1], hits: coded entries and measurements, merged by time, into the slots."""
    coded_from, concept_of, effective_on, recorded_on, record_of, stay_of, stay_known, stay_kind = coded
    (measured_from, quantity_of, measured_concept, measured_on, measured_known, numbers, comparators,
     measured_record) = measured
    kinds, rank, cautioned, entries, fits_of = maps
    offsets, rules, bounds = values
    cells, size = sheet[1], U(len(kinds))
    for p in range(low, high):
        base, person = (p - low) * size, persons[p]
        as_of, sex, start, waived = person[AS_OF], person[SEX], starts[U(person[DAY])], person[WITHOUT_STAYS]
        i, i_end = U(coded_from[p]), U(coded_from[p + ONE])
        j, j_end = U(measured_from[p]), U(measured_from[p + ONE])
        before, more = np.int64(-1), True
        while more:
            # The next measurement that counts, then all coded entries before it.
            found = ZERO
            while j < j_end and found == ZERO and measured_on[j] <= as_of:
                quantity = U(quantity_of[j] + 1)
                if measured_known[j] <= as_of:
                    for k in range(U(offsets[quantity]), U(offsets[quantity + ONE])):
                        rule, four = rules[k], k * U(4)  # slot, window, 1 + sex and "leave out cautions" in one number
                        hits[found] = rule & 0xFFFF
                        hit = within(numbers[j], comparators[j], bounds[four], bounds[four + ONE], bounds[four + U(2)],
                                     bounds[four + U(3)])
                        only = rule >> 24 & 0x0F
                        hit &= (measured_on[j] > start[U(rule >> 16 & 0xFF)]) & ((only == 0) | (only == sex + 1))
                        if rule >> 28 == 1:
                            hit &= cautioned[U(measured_concept[j] + 1)] == 0
                        found += U(hit)
                j += ONE
            more, stop, stop_recorded, stop_record = found > ZERO, as_of + 1, 0, np.int64(0)
            if more:
                stop, stop_recorded = measured_on[j - ONE], measured_known[j - ONE]
                stop_record = measured_record[j - ONE]
            while i < i_end:
                effective, record = effective_on[i], record_of[i]
                if effective >= stop and (effective > stop or not more or recorded_on[i] > stop_recorded or (
                        recorded_on[i] == stop_recorded and record > stop_record)):
                    break
                if recorded_on[i] <= as_of:
                    entry = entries[U(concept_of[i] + 1)]  # slot, window, condition and next entry in one number
                    while entry >= 0:
                        at, condition = base + U(entry & 0xFFFF), entry >> 24 & 0xFF
                        fits = effective > start[U(entry >> 16 & 0xFF)]
                        if condition > 0 and fits and waived == 0:
                            stay, judged = stay_of[i], -1
                            if stay >= 0 and stay_known[U(stay)] <= as_of:
                                judged = fits_of[U(condition - 1), U(stay_kind[U(stay)])]
                            if judged < 0:
                                cells[at * U(8) + U(UNSURE)] = 1
                            fits = judged == 1
                        if fits:
                            note(sheet, at, record == before, rank, effective, record, concept_of[i])
                        entry = entries[U(entry >> 32)]
                    before = record
                i += ONE
            for h in range(found):
                at = base + U(hits[h])
                if cells[at * U(8) + U(KIND)] < LATEST:
                    note(sheet, at, stop_record == before, rank, stop, stop_record, measured_concept[j - ONE])
                else:
                    choose(sheet, at, numbers[j - ONE], stop, stop_record, measured_concept[j - ONE])
            if more:
                before = stop_record


@part
def gather_issues(low: Whole, high: Whole, persons: Array, starts: Array, issues: Medicines, maps: Maps, sheet: Sheet,
                  marker: Array) -> None:
    """persons [P, 6], starts [days, W + 1], marker [D, substances]: medicines into the slots.

    All codings of one record are one medicine: its substance comes from the coding on the lowest rung.
    """
    issues_from, concept_of, effective_on, recorded_on, record_of, substance, rung, entries = issues
    rank, n, size = maps[1], sheet[0], U(len(maps[0]))
    for p in range(low, high):
        base, person = (p - low) * size, persons[p]
        as_of, start, i, end = person[AS_OF], starts[U(person[DAY])], U(issues_from[p]), U(issues_from[p + ONE])
        while i < end and effective_on[i] <= start[U(len(start) - 1)]:  # before every window
            i += ONE
        which, before = -1, np.int64(-1)
        while i < end and effective_on[i] <= as_of:
            effective, record, concept = effective_on[i], record_of[i], concept_of[i]
            if recorded_on[i] <= as_of and concept >= 0:
                again = record == before
                if not again:
                    best, k = concept, i + ONE
                    while k < end and record_of[k] == record:
                        other = concept_of[k]
                        if other >= 0 and (rung[U(other)] < rung[U(best)] or (
                                rung[U(other)] == rung[U(best)] and rank[U(other + 1)] < rank[U(best + 1)])):
                            best = other
                        k += ONE
                    which = substance[U(best)]
                entry = entries[U(concept + 1)]  # slot, window, row of the marker and next entry in one number
                while entry >= 0:
                    at, d = base + U(entry & 0xFFFF), entry >> 24 & 0xFF
                    if effective > start[U(entry >> 16 & 0xFF)] and (d == 0 or which >= 0):
                        count = n[at]
                        note(sheet, at, again, rank, effective, record, concept)
                        if d > 0:
                            n[at] = count + (marker[U(d - 1), U(which)] != p + ONE)
                            marker[U(d - 1), U(which)] = p + ONE
                    entry = entries[U(entry >> 32)]
                before = record
            i += ONE


@part
def find_present(base: Whole, judging: Judging, n: Array, hits: Array) -> Whole:
    """hits [T]: the terms that have their evidence, before any suppression; answers how many."""
    slots, counts, plain, terms, literals = judging[0], judging[1], judging[2], judging[3], judging[4]
    found = ZERO
    for t in range(U(len(slots))):
        hits[found] = t
        hit = n[base + U(slots[t])] >= counts[t]
        if plain[t] == SEVERAL:
            wanted, any_hit, met = False, False, True
            for k in range(U(terms[t * U(6)]), U(terms[t * U(6) + ONE])):
                hit = n[base + U(literals[k * U(3)])] >= literals[k * U(3) + U(2)]
                which = literals[k * U(3) + ONE]
                if which == ANY:
                    wanted = True
                    any_hit |= hit
                else:
                    met &= hit == (which == ALL)
            hit = met and (any_hit or not wanted)
        found += U(hit)
    return found


@part
def emit(row: Whole, p: Whole, base: Whole, outcome: Whole, low: Whole, high: Whole, literals: Array, sheet: Sheet,
         rows: Array, row_records: Array) -> None:
    """Write one term of person p as contribution `row`; the counts of its slots are added."""
    n, cells, records, _ = sheet
    count, first, last, record, concept = 0, OPEN, OPEN, np.int64(-1), -1
    for k in range(low, high):
        at = base + U(literals[k * U(3)])
        cell = at * U(8)
        if literals[k * U(3) + ONE] <= ALL and n[at] >= literals[k * U(3) + U(2)] and cells[cell + U(KIND)] != AGE:
            if count == 0 or cells[cell + U(LAST)] > last or (
                    cells[cell + U(LAST)] == last and records[at * U(4)] > record):
                last, record, concept = cells[cell + U(LAST)], records[at * U(4)], cells[cell + U(CONCEPT)]
            first = min(first, cells[cell + U(FIRST)])
            count += n[at]
    place = row * U(6)
    rows[place], rows[place + ONE], rows[place + U(2)] = p, outcome, count
    rows[place + U(3)], rows[place + U(4)], rows[place + U(5)] = first, last, concept
    row_records[row] = record


@part
def standing(card: Array, person: Array, start: Array, unsure: Whole) -> tuple[Whole, Whole]:
    """card [15], person [6], start [W + 1]: status, and reason as a position in the plan's list."""
    needed_from = start[U(card[WINDOW])] + 1 if card[WINDOW] > 0 else person[AS_OF]
    if card[NEEDS_BIRTH] == 1 and person[YEARS] == NO_AGE:
        return 2, card[NO_BIRTH]
    if person[YEARS] < card[AGE_AT_LEAST]:
        return 1, card[YOUNG]
    if card[HOSPITAL] == 1:
        if person[HOSPITAL_FROM] == OPEN:
            return 2, card[NO_FEED]
        if person[HOSPITAL_FROM] > needed_from:
            return 2, card[SHORT_FEED]
        if unsure:
            return 2, card[UNSURE_STAY]
        if card[BY_STAY] == 1 and person[WITHOUT_STAYS] == 1:
            return 0, card[NO_STAYS]
    return 0, 0


@part
def judge(row: Whole, low: Whole, high: Whole, persons: Array, starts: Array, kinds: Array, judging: Judging,
          sheet: Sheet, present: Array, hits: Array, out: Outputs) -> Whole:
    """persons [P, 6], starts [days, W + 1], present, hits [T]: points, band and status; answers the next free row."""
    slots, _, plain, terms, literals, others, edges, worth, cards, bands = judging
    n, cells, records, value = sheet
    points, marks, rows, row_records = out
    for p in range(low, high):
        base, person = (p - low) * U(len(kinds)), persons[p]
        found = find_present(base, judging, n, hits)
        for h in range(found):
            present[U(hits[h])] = True
        h = ZERO
        for c in range(U(len(cards))):
            card, total = cards[c], np.int64(0)
            while h < found and hits[h] < card[HIGH]:
                t = U(hits[h])
                six = t * U(6)
                h += ONE
                outcome, last = U(terms[six + U(4)]), U(terms[six + U(5)]) - ONE
                if plain[t] == PLAIN:
                    at, place = base + U(slots[t]), row * U(6)
                    cell = at * U(8)
                    rows[place], rows[place + ONE], rows[place + U(2)] = p, outcome, n[at]
                    rows[place + U(3)], rows[place + U(4)] = cells[cell + U(FIRST)], cells[cell + U(LAST)]
                    rows[place + U(5)], row_records[row] = cells[cell + U(CONCEPT)], records[at * U(4)]
                    total += worth[outcome]
                    row += ONE
                    continue
                silent = False
                for k in range(U(terms[six + U(2)]), U(terms[six + U(3)])):
                    silent |= present[U(others[k])]
                if outcome < last:
                    at = base + U(slots[t])
                    number = value[at] if cells[at * U(8) + U(KIND)] >= LATEST else float(n[at])
                    while outcome < last and number >= edges[outcome + ONE]:
                        outcome += ONE
                if not silent and worth[outcome] != 0:
                    emit(row, p, base, outcome, U(terms[six]), U(terms[six + ONE]), literals, sheet, rows, row_records)
                    total += worth[outcome]
                    row += ONE
            open_question = False
            if card[BY_STAY] == 1:
                for t in range(U(card[LOW]), U(card[HIGH])):
                    for k in range(U(terms[t * U(6)]), U(terms[t * U(6) + ONE])):
                        at = base + U(literals[k * U(3)])
                        open_question |= (cells[at * U(8) + U(UNSURE)] == 1) & (not present[t])
            status, reason = standing(card, person, starts[U(person[DAY])], open_question)
            band = -1
            if status == 0:
                for k in range(U(card[BAND_LOW]), U(card[BAND_HIGH])):
                    band += total >= bands[k]
            points[c, p], marks[ZERO, c, p], marks[ONE, c, p], marks[U(2), c, p] = total, band, status, reason
        for h in range(found):
            present[U(hits[h])] = False
    return row


@kernel
def run(low: Whole, high: Whole, step: Whole, persons: Array, starts: Array,
        records: tuple[Entries, Numbers, Medicines], plan: Plan, scratch: Scratch, out: Outputs) -> Whole:
    """persons [P, 6], starts [days, W + 1]: score the people low:high; answers the rows written, or an error."""
    coded, measured, issues = records
    maps, values, judging = plan
    sheet, blank, present, hits, marker = scratch
    n, cells, _, value = sheet
    kinds, row = maps[0], ZERO
    for begin in range(low, high, step):
        a, b = U(begin), U(min(begin + step, high))
        for k in range(U(len(n))):
            n[k] = 0
        for k in range(U(len(cells))):
            cells[k] = blank[k]
        for s in range(U(len(kinds))):
            if kinds[s] == AGE:
                for p in range(a, b):
                    n[(p - a) * U(len(kinds)) + s] = persons[p, U(YEARS)] != NO_AGE
                    value[(p - a) * U(len(kinds)) + s] = persons[p, U(YEARS)]
        error = check(a, b, coded[0], coded[2], coded[1], len(maps[1]) - 1)
        error = min(error, check(a, b, coded[0], coded[2], coded[5], len(coded[6])))
        error = min(error, check(a, b, measured[0], measured[3], measured[1], len(values[0]) - 2))
        error = min(error, check(a, b, measured[0], measured[3], measured[2], len(maps[1]) - 1))
        error = min(error, check(a, b, issues[0], issues[2], issues[1], len(issues[5])))
        if error != 0:
            return error
        gather(a, b, persons, starts, coded, measured, maps, values, sheet, hits)
        gather_issues(a, b, persons, starts, issues, maps, sheet, marker)
        row = judge(row, a, b, persons, starts, kinds, judging, sheet, present, hits, out)
    return np.int64(row)
