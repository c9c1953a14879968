"""The kernels: arrays in, arrays out. `run` scores a block of people in one thread, a few hundred people at a time.

Shapes: P people, C concepts, S slots, T terms, K scorecards. Tables of several columns lie flat, row after row; their
columns are named in tables.py. The slot s of the b-th person in hand is at b * S + s of each array of the sheet.
Positions are unsigned (U), so that the compiled code need not ask whether one is negative. Nothing here checks
definitions, only positions that could lead out of an array.
"""

from __future__ import annotations

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
    DAY,
    DAYS,
    EVER,
    HIGH,
    HOSPITAL,
    HOSPITAL_FROM,
    LARGEST,
    LATEST,
    LOW,
    NEEDS_BIRTH,
    NO_AGE,
    NO_BIRTH,
    NO_FEED,
    NO_STAYS,
    OPEN,
    SEX,
    SHORT_FEED,
    SMALLEST,
    UNSURE_STAY,
    WINDOW,
    WITHOUT_STAYS,
    YEARS,
    YOUNG,
    CONCEPT,
    FIRST,
    KIND,
    LAST,
    PLAIN,
    SEVERAL,
    UNSURE,
    Array,
    Entries,
    Judging,
    Maps,
    Medicines,
    Numbers,
    Outputs,
    Plan,
    Scratch,
    Sheet,
    Values,
)

FOREIGN, UNSORTED = -1, -2  # answers in place of a number of rows
U = np.uint64
ZERO, ONE = U(0), U(1)


@part
def note(sheet: Sheet, at: int, rank: Array, effective: int, record: int, concept: int) -> None:
    """rank [C]: count one qualifying row in place `at`. Rows come in the order (effective, recorded, record)."""
    n, cells, records, _ = sheet
    cell = at * U(8)
    again = records[at * U(4)] == record
    n[at] += (not again) & ((cells[cell + U(KIND)] != DAYS) | (cells[cell + U(LAST)] != effective))
    cells[cell + U(FIRST)] = min(cells[cell + U(FIRST)], effective)
    cells[cell + U(LAST)] = effective
    records[at * U(4)] = record
    if again:  # another coding of the same record: the first in the order of (system, code)
        other = cells[cell + U(CONCEPT)]
        if concept < 0 or (other >= 0 and rank[U(concept)] > rank[U(other)]):
            concept = other
    cells[cell + U(CONCEPT)] = concept


@part
def choose(sheet: Sheet, at: int, number: float, effective: int, record: int, concept: int) -> None:
    """Keep the latest, smallest or largest number in place `at`; of equals the later record."""
    n, cells, records, value = sheet
    cell, kind = at * U(8), cells[at * U(8) + U(KIND)]
    if n[at] == 0 or (kind == SMALLEST and number <= value[at]) or (kind == LARGEST and number >= value[at]) or (
            kind == LATEST and (records[at * U(4)] != record or number > value[at])):
        n[at], value[at], records[at * U(4)] = 1, number, record
        cells[cell + U(FIRST)], cells[cell + U(LAST)], cells[cell + U(CONCEPT)] = effective, effective, concept


@part
def within(number: float, comparator: int, low: float, high: float, low_below: float, high_above: float) -> bool:
    """Is every number that "(<, <=, >, >=) number" can mean in the interval? low_below, high_above: the next floats out."""
    if comparator == 0:
        return (number >= low) & (number <= high)
    if comparator <= 2:
        return (low == -np.inf) & (number <= (high_above if comparator == 1 else high))
    return (high == np.inf) & (number >= (low_below if comparator == 3 else low))


@part
def gather(low: int, high: int, persons: Array, starts: Array, coded: Entries, measured: Numbers, maps: Maps,
           values: Values, sheet: Sheet, hits: Array) -> int:
    """persons [P, 6], starts [days, W + 1], hits: coded entries and measurements, merged by time, into the slots."""
    coded_from, concept_of, effective_on, recorded_on, record_of, stay_of, stay_known, stay_kind = coded
    (measured_from, quantity_of, measured_concept, measured_on, measured_known, numbers, comparators,
     measured_record) = measured
    offsets, rules, bounds = values
    kinds, rank, cautioned, entries, fits_of = maps
    cells = sheet[1]
    size, known_concepts, known_quantities = U(len(kinds)), len(rank), len(offsets) - 1
    for p in range(low, high):
        base, person = (p - low) * size, persons[p]
        as_of, sex, start = person[AS_OF], person[SEX], starts[U(person[DAY])]
        i, i_end = U(coded_from[p]), U(coded_from[p + ONE])
        j, j_end = U(measured_from[p]), U(measured_from[p + ONE])
        before = measured_before = EVER
        more = True
        while more:
            # The next measurement that counts, then all coded entries before it.
            found, stop, stop_recorded, stop_record, concept, number = ZERO, as_of, 0, np.int64(0), -1, 0.0
            while j < j_end and found == ZERO and measured_on[j] <= as_of:
                stop, stop_recorded, concept, quantity = (measured_on[j], measured_known[j], measured_concept[j],
                                                          quantity_of[j])
                if quantity >= known_quantities or concept >= known_concepts:
                    return FOREIGN
                if stop < measured_before:
                    return UNSORTED
                measured_before = stop
                if stop_recorded <= as_of and quantity >= 0:
                    number, stop_record = numbers[j], measured_record[j]
                    for k in range(U(offsets[U(quantity)]), U(offsets[U(quantity) + ONE])):
                        rule = k * U(4)
                        hits[found] = rules[rule]
                        hit = within(number, comparators[j], bounds[rule], bounds[rule + ONE], bounds[rule + U(2)],
                                     bounds[rule + U(3)])
                        hit &= stop > start[U(rules[rule + ONE])]
                        hit &= (rules[rule + U(2)] < 0) | (rules[rule + U(2)] == sex)
                        if rules[rule + U(3)] == 1 and concept >= 0:
                            hit &= cautioned[U(concept)] == 0
                        found += U(hit)
                j += ONE
            more = found > ZERO
            if not more:
                stop = as_of
            while i < i_end:
                effective, recorded, record = effective_on[i], recorded_on[i], record_of[i]
                if effective >= stop and (effective > stop or (more and (
                        recorded > stop_recorded or (recorded == stop_recorded and record > stop_record)))):
                    break
                c = concept_of[i]
                if effective < before:
                    return UNSORTED
                if c >= known_concepts:
                    return FOREIGN
                before = effective
                if recorded <= as_of and c >= 0:
                    k = U(c)
                    while True:
                        entry = entries[k]  # slot, window, condition and next entry in one number
                        if entry < 0:
                            break
                        k = U(entry >> 32)
                        at, condition = base + U(entry & 0xFFFF), entry >> 24 & 0xFF
                        if effective > start[U(entry >> 16 & 0xFF)]:
                            fits = 1
                            if condition > 0 and person[WITHOUT_STAYS] == 0:
                                fits, stay = -1, stay_of[i]
                                if stay >= len(stay_kind):
                                    return FOREIGN
                                if stay >= 0 and stay_known[U(stay)] <= as_of:
                                    fits = fits_of[U(condition - 1), U(stay_kind[U(stay)])]
                                if fits < 0:
                                    cells[at * U(8) + U(UNSURE)] = 1
                            if fits == 1:
                                note(sheet, at, rank, effective, record, c)
                        if k == ZERO:
                            break
                i += ONE
            for h in range(found):
                at = base + U(hits[h])
                if cells[at * U(8) + U(KIND)] < LATEST:
                    note(sheet, at, rank, stop, stop_record, concept)
                else:
                    choose(sheet, at, number, stop, stop_record, concept)
    return 0


@part
def gather_issues(low: int, high: int, persons: Array, starts: Array, issues: Medicines, maps: Maps, sheet: Sheet,
                  marker: Array) -> int:
    """persons [P, 6], starts [days, W + 1], marker [D, substances]: medicines into the slots.

    All codings of one record are one medicine: its substance comes from the coding on the lowest rung.
    """
    issues_from, concept_of, effective_on, recorded_on, record_of, substance, rung, entries = issues
    rank, n, known, size = maps[1], sheet[0], len(substance), U(len(maps[0]))
    for p in range(low, high):
        base, person = (p - low) * size, persons[p]
        as_of, start, i, end = person[AS_OF], starts[U(person[DAY])], U(issues_from[p]), U(issues_from[p + ONE])
        while i < end and effective_on[i] <= start[U(len(start) - 1)]:  # before every window
            i += ONE
        best, final = -1, np.int64(-1)
        while i < end and effective_on[i] <= as_of:
            effective, record, concept = effective_on[i], record_of[i], concept_of[i]
            if concept >= known:
                return FOREIGN
            i += ONE
            if recorded_on[i - ONE] > as_of or concept < 0:
                continue
            if best < 0 or record != final:
                best, final, k = concept, record, i
                while k < end and record_of[k] == record:
                    other = concept_of[k]
                    if 0 <= other < known and (rung[U(other)] < rung[U(best)] or (
                            rung[U(other)] == rung[U(best)] and rank[U(other)] < rank[U(best)])):
                        best = other
                    k += ONE
            which = substance[U(best)]
            k = U(concept)
            while True:
                entry = entries[k]  # slot, window, row of the marker and next entry in one number
                if entry < 0:
                    break
                k = U(entry >> 32)
                at, d = base + U(entry & 0xFFFF), entry >> 24 & 0xFF
                if effective > start[U(entry >> 16 & 0xFF)] and (d == 0 or which >= 0):
                    count = n[at]
                    note(sheet, at, rank, effective, record, concept)
                    if d > 0:
                        n[at] = count + (marker[U(d - 1), U(which)] != p + ONE)
                        marker[U(d - 1), U(which)] = p + ONE
                if k == ZERO:
                    break
    return 0


@part
def find_present(base: int, judging: Judging, n: Array, hits: Array) -> int:
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
def emit(row: int, p: int, base: int, outcome: int, low: int, high: int, literals: Array, sheet: Sheet, rows: Array,
         row_records: Array) -> None:
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
def standing(card: Array, person: Array, start: Array, unsure: bool) -> tuple[int, int]:
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
def judge(row: int, low: int, high: int, persons: Array, starts: Array, kinds: Array, judging: Judging, sheet: Sheet,
          present: Array, hits: Array, out: Outputs) -> int:
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
                        open_question |= (cells[(base + U(literals[k * U(3)])) * U(8) + U(UNSURE)] == 1) & (not present[t])
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
def run(low: int, high: int, step: int, people: tuple[Array, Array], records: tuple[Entries, Numbers, Medicines],
        plan: Plan, scratch: Scratch, out: Outputs) -> int:
    """people [P, 6] and starts [days, W + 1]: score the people low:high; answers the rows written, or an error."""
    persons, starts = people
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
        error = gather(a, b, persons, starts, coded, measured, maps, values, sheet, hits)
        if error == 0:
            error = gather_issues(a, b, persons, starts, issues, maps, sheet, marker)
        if error != 0:
            return error
        row = judge(row, a, b, persons, starts, kinds, judging, sheet, present, hits, out)
    return np.int64(row)
