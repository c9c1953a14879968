"""The parts of the kernels that read records: evidence into the slots of the sheet. Shapes and letters: see kernels.py."""

from __future__ import annotations

from typing import Any

import numpy as np

from frailty.scoring.jit import part
from frailty.scoring.tables import (
    ANCHOR,
    AS_OF,
    BEFORE,
    BEFORE_DAY,
    BEST_LARGEST,
    BIRTHDAY,
    BIRTHDAY_BELOW,
    CHANGE,
    CONCEPT,
    DAY,
    DAYS,
    DURING,
    EVER,
    FIRST,
    FIRSTLY,
    KIND,
    LARGEST,
    LAST,
    LATEST,
    LENGTH,
    LOOK,
    LOOK_TOO,
    NOW,
    OLDER,
    ONLY_SEX,
    OPEN,
    SET,
    SEX,
    SIGN,
    SMALLEST,
    STAY,
    STAY_DAY,
    STAY_FROM,
    STAY_ON,
    UNSURE,
    WITHOUT_STAYS,
    Array,
    Entries,
    Later,
    Maps,
    Medicines,
    Numbers,
    People,
    Real,
    Sheet,
    StayRows,
    Values,
    Whole,
)

FOREIGN, UNSORTED = -1, -2  # answers in place of a number of rows
U: Any = np.uint64
INT: Any = np.int64
ZERO, ONE = U(0), U(1)
PLACES = np.zeros(67, np.uint64)                # 2^k mod 67 is another number for every k below 64
PLACES[[pow(2, k, 67) for k in range(64)]] = np.arange(64)


@part
def place_of(bit: Whole) -> Whole:
    """The place of the one bit that is set in a word."""
    return PLACES[bit % U(67)]


@part
def note(sheet: Sheet, at: Whole, rank: Array, effective: Whole, record: Whole, concept: Whole) -> None:
    """rank [C + 1]: count one qualifying row in place `at`.

    Rows come in the order (effective, recorded, record). Of several codings of one record that qualify, the one that
    comes first in the order of (system, code) stands for it.
    """
    n, cells, records, _, _, held = sheet
    cell = at * U(8)
    if records[at * U(4)] == record:
        other = cells[cell + U(CONCEPT)]
        if rank[U(concept + 1)] > rank[U(other + 1)]:
            concept = other
    else:
        n[at] += (cells[cell + U(KIND)] != DAYS) | (cells[cell + U(LAST)] != effective)
        held[at >> U(6)] |= ONE << (at & U(63))
    cells[cell + U(FIRST)] = min(cells[cell + U(FIRST)], effective)
    cells[cell + U(LAST)] = effective
    cells[cell + U(CONCEPT)] = concept
    records[at * U(4)] = record


@part
def choose(sheet: Sheet, at: Whole, number: Real, effective: Whole, record: Whole, concept: Whole, sign: Whole) -> None:
    """Keep the latest, first, smallest or largest number in place `at`; of equals the later record."""
    n, cells, records, value, _, held = sheet
    cell, kind = at * U(8), cells[at * U(8) + U(KIND)]
    same = records[at * U(4)] == record
    if n[at] == 0 or (kind == SMALLEST and number <= value[at]) or (kind == LARGEST and number >= value[at]) or (
            kind == FIRSTLY and same and number > value[at]) or (
            (kind in (LATEST, SET)) and (not same or number > value[at])):
        n[at], value[at], records[at * U(4)] = 1, number, record
        held[at >> U(6)] |= ONE << (at & U(63))
        cells[cell + U(FIRST)], cells[cell + U(LAST)], cells[cell + U(CONCEPT)] = effective, effective, concept
        cells[cell + U(SIGN)] = sign


@part
def within(number: Real, comparator: Whole, four: Whole, bounds: Array) -> Whole:
    """Is all that "(<, <=, >, >=) number" can mean in the interval of the four columns of bounds from `four`?"""
    low, high = bounds[four], bounds[four + ONE]
    if comparator == 0:
        return (number >= low) & (number <= high)
    if comparator <= 2:
        return (low == -np.inf) & (number <= (bounds[four + U(3)] if comparator == 1 else high))
    return (high == np.inf) & (number >= (bounds[four + U(2)] if comparator == 3 else low))


@part
def check(low: Whole, high: Whole, offsets: Array, effective: Array, position: Array, size: Whole) -> Whole:
    """offsets [P + 1]: are the rows of the people low:high in order, and their positions inside a table of `size`?"""
    first, end, before, descents, largest = U(offsets[low]), U(offsets[high]), U(offsets[low]), ZERO, -1
    for i in range(first, end):
        largest = max(largest, position[i])
    for i in range(first + ONE, end):
        descents += U(effective[i] < effective[i - ONE])
    for p in range(low, high):          # where one person ends and the next begins, days may fall
        i = U(offsets[p])
        descents -= U(before < i and i < end and effective[i] < effective[i - ONE])
        before = i
    if largest >= size:
        return FOREIGN
    return UNSORTED if descents > ZERO else 0


@part
def open_spans(low: Whole, high: Whole, people: People, spans_of: Array, spans: Array) -> None:
    """spans_of [W, 7], spans: the day before each span of each person, and its last day."""
    persons, starts, birthdays, _ = people
    place = ZERO
    for p in range(low, high):
        person = persons[p]
        for w in range(U(len(spans_of))):
            span = spans_of[w]
            row, until, earliest, anchor = person[DAY], person[AS_OF], EVER, span[ANCHOR]
            if anchor == BEFORE:
                row, until = person[BEFORE_DAY], person[STAY_FROM] - 1
            elif anchor != NOW:
                row, until = person[STAY_DAY], person[STAY_ON]
                if anchor == DURING:
                    earliest = person[STAY_FROM] - 1
            start = starts[U(row)]
            since = max(INT(earliest), INT(start[U(span[LOOK])]), INT(start[U(span[LOOK_TOO])]))
            if span[BIRTHDAY] >= 0:
                since = max(since, INT(birthdays[U(span[BIRTHDAY]), p]) - 1)
            if span[BIRTHDAY_BELOW] >= 0:
                day = birthdays[U(span[BIRTHDAY_BELOW]), p]
                until = min(until, day - 1 if day != OPEN else EVER)
            if span[OLDER] > 0:
                until = min(until, start[U(span[OLDER])])
            if (anchor != NOW and person[STAY] < 0) or (span[ONLY_SEX] > 0 and span[ONLY_SEX] != person[SEX] + 1):
                until = EVER
            spans[place], spans[place + ONE] = since, until
            place += U(2)


@part
def gather(low: Whole, high: Whole, persons: Array, coded: Entries, measured: Numbers, stays: StayRows, maps: Maps,
           values: Values, sheet: Sheet, hits: Array) -> None:
    """persons [P, 12], hits: coded entries and measurements, merged by time, into the slots."""
    coded_from, concept_of, effective_on, recorded_on, record_of, stay_of = coded
    measured_from, quantity_of, measured_on, measured_known, measured_record, measured_concept, numbers, comparators, _ = measured
    kinds, rank, cautioned, entries, fits_of, spans_of, _ = maps
    offsets, rules, bounds = values
    cells, spans, size = sheet[1], sheet[4], U(len(kinds))
    stay_known, stay_kind = stays[3], stays[5]
    for p in range(low, high):
        base, person, span_base = (p - low) * size, persons[p], (p - low) * U(len(spans_of))
        as_of, sex, waived, index_stay = person[AS_OF], person[SEX], person[WITHOUT_STAYS], person[STAY]
        i, i_end = U(coded_from[p]), U(coded_from[p + ONE])
        j, j_end = U(measured_from[p]), U(measured_from[p + ONE])
        more = True
        while more:
            # The next measurement that counts, then all coded entries before it.
            found = ZERO
            while j < j_end and found == ZERO and measured_on[j] <= as_of:
                quantity, day = U(quantity_of[j] + 1), measured_on[j]
                if measured_known[j] <= as_of:
                    for k in range(U(offsets[quantity]), U(offsets[quantity + ONE])):
                        rule = rules[k]  # slot, span, 1 + sex and "leave out cautions" in one number
                        hits[found] = rule & 0xFFFF
                        span = (span_base + U(rule >> 16 & 0xFF)) * U(2)
                        only = rule >> 24 & 0x0F
                        hit = (day > spans[span]) & (day <= spans[span + ONE]) & ((only == 0) | (only == sex + 1))
                        if hit:
                            hit = within(numbers[j], comparators[j], k * U(4), bounds)
                        if rule >> 28 == 1:
                            hit &= cautioned[U(measured_concept[j] + 1)] == 0
                        found += U(hit)
                j += ONE
            more, stop, stop_recorded, stop_record = found > ZERO, INT(as_of) + 1, INT(0), INT(0)
            if more:
                stop, stop_recorded = INT(measured_on[j - ONE]), INT(measured_known[j - ONE])
                stop_record = measured_record[j - ONE]
            while i < i_end:
                effective, record = INT(effective_on[i]), record_of[i]
                if effective >= stop and (effective > stop or not more or recorded_on[i] > stop_recorded or (
                        recorded_on[i] == stop_recorded and record > stop_record)):
                    break
                if recorded_on[i] <= as_of:
                    entry = entries[U(concept_of[i] + 1)]  # slot, span, condition and next entry in one number
                    while entry >= 0:
                        at, condition = base + U(entry & 0xFFFF), entry >> 24 & 0xFF
                        span = (span_base + U(entry >> 16 & 0xFF)) * U(2)
                        fits = (effective > spans[span]) & (effective <= spans[span + ONE])
                        if condition > 0 and fits and waived == 0:
                            stay, judged = stay_of[i], -1
                            if stay >= 0 and stay_known[U(stay)] <= as_of:
                                judged = fits_of[U(condition - 1), U(stay_kind[U(stay)])]
                                wanted = fits_of[U(condition - 1), U(64)]
                                if wanted >= 0 and wanted != (stay == index_stay):
                                    judged = 0
                            if judged < 0:
                                cells[at * U(8) + U(UNSURE)] |= 1
                                cells[base * U(8) + U(UNSURE)] |= 2
                            fits = judged == 1
                        if fits:
                            note(sheet, at, rank, effective, record, concept_of[i])
                        entry = entries[U(entry >> 32)]
                i += ONE
            for h in range(found):
                at, k = base + U(hits[h]), j - ONE
                if cells[at * U(8) + U(KIND)] < LATEST:
                    note(sheet, at, rank, stop, stop_record, measured_concept[k])
                else:
                    choose(sheet, at, numbers[k], stop, stop_record, measured_concept[k], comparators[k])


@part
def gather_issues(low: Whole, high: Whole, persons: Array, issues: Medicines, maps: Maps, sheet: Sheet, marker: Array) -> None:
    """persons [P, 12], marker [D, things]: medicines into the slots.

    All codings of one record are one medicine: what it is comes from the coding on the lowest rung.
    """
    issues_from, concept_of, effective_on, recorded_on, record_of, ladder, rung, entries, things, own_spans = issues
    rank, n, spans, size = maps[1], sheet[0], sheet[4], U(len(maps[0]))
    for p in range(low, high):
        base, as_of, span_base = (p - low) * size, persons[p, U(AS_OF)], (p - low) * U(len(maps[5]))
        start, i, end = INT(OPEN), U(issues_from[p]), U(issues_from[p + ONE])
        for k in range(U(len(own_spans))):
            start = min(start, INT(spans[(span_base + U(own_spans[k])) * U(2)]))
        while i < end and effective_on[i] <= start:  # before every window
            i += ONE
        best, before = INT(-1), INT(-1)
        while i < end and effective_on[i] <= as_of:
            effective, record, concept = INT(effective_on[i]), record_of[i], INT(concept_of[i])
            if recorded_on[i] <= as_of and concept >= 0:
                if record != before:
                    best, k = concept, i + ONE
                    while k < end and record_of[k] == record:
                        other = INT(concept_of[k])
                        if other >= 0 and (rung[U(other)] < rung[U(best)] or (
                                rung[U(other)] == rung[U(best)] and rank[U(other + 1)] < rank[U(best + 1)])):
                            best = other
                        k += ONE
                entry = entries[U(concept + 1)]  # slot, span, row of the marker and next entry in one number
                while entry >= 0:
                    at, d = base + U(entry & 0xFFFF), entry >> 24 & 0xFF
                    span, which = (span_base + U(entry >> 16 & 0xFF)) * U(2), 0
                    if d > 0:
                        which = ladder[U(things[U(d - 1)]), U(best)]
                    if effective > spans[span] and effective <= spans[span + ONE] and which >= 0:
                        count = n[at]
                        note(sheet, at, rank, effective, record, concept_of[i])
                        if d > 0:
                            n[at] = count + (marker[U(d - 1), U(which)] != p + ONE)
                            marker[U(d - 1), U(which)] = p + ONE
                    entry = entries[U(entry >> 32)]
                before = record
            i += ONE


@part
def gather_stays(low: Whole, high: Whole, persons: Array, stays: StayRows, maps: Maps, rules: Array, sheet: Sheet) -> None:
    """persons [P, 12], rules: hospital stays into the slots."""
    stays_from, started, ended, known, record_of, kind_of, provider = stays
    kinds, rank, fits_of, size = maps[0], maps[1], maps[4], U(len(maps[0]))
    n, cells, _, value, spans, _ = sheet
    for p in range(low, high):
        base, person, span_base = (p - low) * size, persons[p], (p - low) * U(len(maps[5]))
        for j in range(U(stays_from[p]), U(stays_from[p + ONE])):
            if known[j] > person[AS_OF] or person[WITHOUT_STAYS] == 1:
                continue
            index = INT(j) == person[STAY]
            over = ended[j] if ended[j] != OPEN else started[j]
            for k in range(U(0), U(len(rules)), U(3)):
                at = base + U(rules[k])
                span, condition = (span_base + U(rules[k + ONE])) * U(2), U(rules[k + U(2)])
                wanted = fits_of[condition, U(64)]
                if (wanted == 1 and not index) or (wanted == 0 and (index or over >= person[STAY_FROM])):
                    continue
                if started[j] <= spans[span] or started[j] > spans[span + ONE]:
                    continue
                judged = fits_of[condition, U(kind_of[j])]
                if judged < 0:
                    cells[at * U(8) + U(UNSURE)] |= 1
                    cells[base * U(8) + U(UNSURE)] |= 2
                elif judged == 1:
                    kind = kinds[U(rules[k])]
                    note(sheet, at, rank, INT(started[j]), record_of[j], np.int32(-1))
                    if kind >= LATEST:
                        n[at], cells[at * U(8) + U(LAST)] = 1, person[STAY_ON]
                        value[at] = float(ended[j] - started[j]) if kind == LENGTH else float(provider[j])


@part
def gather_runs(low: Whole, high: Whole, persons: Array, measured: Numbers, maps: Maps, rules: Array, sheet: Sheet,
                pool: Array, places: Array) -> None:
    """persons [P, 12], rules, pool, places: the best of the last numbers, and the change from the median before."""
    measured_from, quantity_of, measured_on, known, record_of, concept_of, numbers, comparators, _ = measured
    kinds, cautioned, spans, size = maps[0], maps[2], sheet[4], U(len(maps[0]))
    for p in range(low, high):
        base, as_of, span_base = (p - low) * size, persons[p, U(AS_OF)], (p - low) * U(len(maps[5]))
        for r in range(U(0), U(len(rules)), U(5)):
            span, count = (span_base + U(rules[r + U(2)])) * U(2), ZERO
            for j in range(U(measured_from[p]), U(measured_from[p + ONE])):
                if (quantity_of[j] != rules[r + ONE] or known[j] > as_of or measured_on[j] <= spans[span]
                        or measured_on[j] > spans[span + ONE]):
                    continue
                if rules[r + U(4)] == 1 and cautioned[U(concept_of[j] + 1)] == 1:
                    continue
                if count > ZERO and record_of[places[count - ONE]] == record_of[j]:    # of one record the larger number
                    count -= ONE
                    if pool[count] >= numbers[j]:
                        count += ONE
                        continue
                pool[count], places[count] = numbers[j], j
                count += ONE
            kind, many = kinds[U(rules[r])], U(rules[r + U(3)])
            first = count - min(count, many) if kind != CHANGE else ZERO
            if count == ZERO or (kind == CHANGE and count - ONE < many):
                continue
            best, number = count - ONE, pool[count - ONE]
            if kind == CHANGE:
                number -= lower_median(pool, count - ONE)
            for k in range(first, count if kind != CHANGE else ZERO):
                if (pool[k] >= pool[best]) if kind == BEST_LARGEST else (pool[k] <= pool[best]):
                    best = k
                    number = pool[k]
            j = places[best]
            choose(sheet, base + U(rules[r]), number, INT(measured_on[j]), record_of[j], concept_of[j],
                   comparators[j] if kind != CHANGE else np.int32(0))


@part
def lower_median(pool: Array, count: Whole) -> Real:
    """pool [count]: the number in the middle, of two the smaller."""
    for k in range(count):
        below, same = ZERO, ZERO
        for m in range(count):
            below += U(pool[m] < pool[k])
            same += U(pool[m] == pool[k])
        if below <= (count - ONE) // U(2) and (count - ONE) // U(2) < below + same:
            return pool[k]
    return np.nan


@part
def gather_sets(low: Whole, high: Whole, persons: Array, measured: Numbers, maps: Maps, later: Later, sheet: Sheet,
                days: Array) -> None:
    """persons [P, 12], days [cards, P]: the numbers of the latest moment at which every member of a set was measured."""
    measured_from, _, measured_on, known, record_of, concept_of, numbers, comparators, minutes = measured
    sets, members, spans, size = later[1], later[2], sheet[4], U(len(maps[0]))
    for p in range(low, high):
        base, as_of, span_base = (p - low) * size, persons[p, U(AS_OF)], (p - low) * U(len(maps[5]))
        for s in range(U(0), U(len(sets)), U(4)):
            span = (span_base + U(sets[s])) * U(2)
            begin, end, best, chosen = U(measured_from[p]), U(measured_from[p + ONE]), INT(-2), ZERO
            while end > begin and best == -2:
                a = end - ONE       # the rows of one day are a:end
                while a > begin and measured_on[a - ONE] == measured_on[end - ONE]:
                    a -= ONE
                if measured_on[a] > spans[span] and measured_on[a] <= spans[span + ONE]:
                    for i in range(a, end):
                        if known[i] <= as_of and minutes[i] >= best and complete(
                                i, a, end, measured, maps[2], members, U(sets[s + ONE]), U(sets[s + U(2)]), as_of):
                            best, chosen = INT(minutes[i]), i
                if best == -2:
                    end = a
            if best == -2:
                continue
            days[U(sets[s + U(3)]), p] = measured_on[chosen]
            for i in range(a, end):
                if known[i] <= as_of and minutes[i] == minutes[chosen] and (best >= 0 or record_of[i] == record_of[chosen]):
                    for m in range(U(sets[s + ONE]), U(sets[s + U(2)])):
                        if member(i, measured, maps[2], members, m):
                            choose(sheet, base + U(members[m * U(3)]), numbers[i], INT(measured_on[i]), record_of[i],
                                   concept_of[i], comparators[i])


@part
def member(i: Whole, measured: Numbers, cautioned: Array, members: Array, m: Whole) -> Whole:
    """Is the row i a number of the member m of a set?"""
    if measured[1][i] != members[m * U(3) + ONE]:
        return False
    return members[m * U(3) + U(2)] == 0 or cautioned[U(measured[5][i] + 1)] == 0


@part
def complete(row: Whole, low: Whole, high: Whole, measured: Numbers, cautioned: Array, members: Array, first: Whole,
             last: Whole, as_of: Whole) -> Whole:
    """Are all members of a set among the rows low:high that are of one moment with `row`, each with one number only?"""
    known, record_of, numbers, minutes = measured[3], measured[4], measured[6], measured[8]
    for m in range(first, last):
        met, number = False, 0.0
        for i in range(low, high):
            of_it = minutes[i] == minutes[row] and (minutes[row] >= 0 or record_of[i] == record_of[row]) and known[i] <= as_of
            if of_it and member(i, measured, cautioned, members, m):
                if met and numbers[i] != number:
                    return False
                met, number = True, numbers[i]
        if not met:
            return False
    return True
