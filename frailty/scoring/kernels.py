"""The kernels: arrays in, arrays out. One person at a time; `run` takes a block of people in one thread.

Shapes: P people, C concepts, S slots, T terms, K scorecards; columns are named in tables.py. `sheet` [S, 6] int64 and
`value` [S] float64 hold the slots of the person in hand. Nothing here checks definitions, only positions that could
lead out of an array.
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
    CONCEPT,
    DAY,
    DAYS,
    DISTINCT,
    FIRST,
    HIGH,
    HOSPITAL,
    HOSPITAL_FROM,
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
    RECORD,
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
    N,
    Numbers,
    Outputs,
    Plan,
    Scratch,
    Values,
)

FOREIGN, UNSORTED = -1, -2  # answers of `run` in place of a number of rows


@part
def note(sheet: Array, s: int, kind: int, info: Array, effective: int, record: int, concept: int) -> None:
    """sheet [S, 6], info [C, 4]: count one qualifying row in slot s. Rows come in the order (effective, recorded, record)."""
    if sheet[s, N] == 0:
        sheet[s, N] = 1
        sheet[s, FIRST] = effective
    elif sheet[s, RECORD] == record:
        if concept >= 0 and info[concept, 0] < info[sheet[s, CONCEPT], 0]:
            sheet[s, CONCEPT] = concept
        return
    elif kind != DAYS or sheet[s, LAST] != effective:
        sheet[s, N] += 1
    sheet[s, LAST] = effective
    sheet[s, RECORD] = record
    sheet[s, CONCEPT] = concept


@part
def within(number: float, comparator: int, low: float, high: float, low_open: int, high_open: int) -> bool:
    """Is every number that "(<, <=, >, >=) number" can mean inside the interval? comparator: position in COMPARATORS."""
    if comparator == 1 or comparator == 2:
        return low == -np.inf and (number < high or (number == high and (comparator == 1 or high_open == 0)))
    if comparator == 3 or comparator == 4:
        return high == np.inf and (number > low or (number == low and (comparator == 3 or low_open == 0)))
    above = number >= low and (low_open == 0 or number != low)
    return above and number <= high and (high_open == 0 or number != high)


@part
def measure(j: int, sex: int, measured: Numbers, values: Values, slots: Array, info: Array, start: Array, sheet: Array,
            value: Array) -> None:
    """start [W], sheet [S, 6], value [S]: let row j of `measured` (known, not in the future) feed its slots."""
    _, quantity_of, concept_of, effective_on, _, numbers, comparators, record_of = measured
    offsets, rules, bounds = values
    number, quantity, concept = numbers[j], quantity_of[j], concept_of[j]
    comparator, effective, record = comparators[j], effective_on[j], record_of[j]
    for k in range(offsets[quantity], offsets[quantity + 1]):
        if effective <= start[rules[k, 1]] or (rules[k, 2] >= 0 and rules[k, 2] != sex) or (
                rules[k, 3] == 1 and concept >= 0 and info[concept, 1] == 1):
            continue
        if not within(number, comparator, bounds[k, 0], bounds[k, 1], rules[k, 4], rules[k, 5]):
            continue
        s = rules[k, 0]
        kind = slots[s, 0]
        if kind < LATEST:
            note(sheet, s, kind, info, effective, record, concept)
        elif sheet[s, N] == 0 or (kind == SMALLEST and number <= value[s]) or (
                kind == LARGEST and number >= value[s]) or (
                kind == LATEST and (sheet[s, RECORD] != record or number > value[s])):
            value[s] = number
            sheet[s, N] = 1
            sheet[s, FIRST] = effective
            sheet[s, LAST] = effective
            sheet[s, RECORD] = record
            sheet[s, CONCEPT] = concept


@part
def gather(p: int, as_of: int, sex: int, waived: int, coded: Entries, measured: Numbers, maps: Maps, values: Values,
           start: Array, sheet: Array, value: Array) -> int:
    """start [W], sheet [S, 6], value [S]: coded entries and measurements of person p, by time, into the slots."""
    people, concept_of, effective_on, recorded_on, record_of, stay_of, stay_known, stay_kind = coded
    measured_people, quantity_of, measured_as, measured_on, made_known, _, _, measured_by = measured
    slots, info, offsets, entries, fits_of = maps
    concepts, quantities = len(info), len(values[0]) - 1
    i, i_end = people[p], people[p + 1]
    j, j_end = measured_people[p], measured_people[p + 1]
    before = -OPEN
    while True:
        stop = as_of
        if j < j_end:
            stop = min(measured_on[j], as_of)
        while i < i_end:
            effective, recorded, record = effective_on[i], recorded_on[i], record_of[i]
            if effective > stop or (j < j_end and effective == measured_on[j] and (
                    recorded > made_known[j] or (recorded == made_known[j] and record > measured_by[j]))):
                break
            if effective < before:
                return UNSORTED
            before = effective
            concept = concept_of[i]
            if concept >= concepts:
                return FOREIGN
            if recorded <= as_of and concept >= 0:
                for k in range(offsets[concept], offsets[concept + 1]):
                    s, condition = entries[k, 0], entries[k, 2]
                    if effective <= start[entries[k, 1]]:
                        continue
                    if condition >= 0 and waived == 0:
                        fits, stay = -1, stay_of[i]
                        if stay >= len(stay_kind):
                            return FOREIGN
                        if stay >= 0 and stay_known[stay] <= as_of:
                            fits = fits_of[condition, stay_kind[stay]]
                        if fits < 0:
                            sheet[s, UNSURE] = 1
                        if fits != 1:
                            continue
                    note(sheet, s, slots[s, 0], info, effective, record, concept)
            i += 1
        if j >= j_end or measured_on[j] > as_of:
            return 0
        if measured_on[j] < before:
            return UNSORTED
        before = measured_on[j]
        if quantity_of[j] >= quantities or measured_as[j] >= concepts:
            return FOREIGN
        if made_known[j] <= as_of and quantity_of[j] >= 0:
            measure(j, sex, measured, values, slots, info, start, sheet, value)
        j += 1


@part
def gather_issues(p: int, as_of: int, issues: Entries, maps: Maps, start: Array, sheet: Array, marker: Array,
                  mark: int) -> int:
    """start [W], sheet [S, 6], marker [D, substances]: medicines of person p into the slots.

    All codings of one record are one medicine: its substance comes from the coding on the lowest rung.
    """
    people, concept_of, effective_on, recorded_on, record_of, _, _, _ = issues
    slots, info, offsets, entries, _ = maps
    concepts, end, earliest = len(info), people[p + 1], start[len(start) - 1]
    best, before = -1, np.int64(-1)
    for i in range(people[p], end):
        effective, record, concept = effective_on[i], record_of[i], concept_of[i]
        if effective > as_of:
            break
        if effective <= earliest:
            continue
        if concept >= concepts:
            return FOREIGN
        if recorded_on[i] > as_of or concept < 0:
            continue
        if best < 0 or record != before:
            best, before = concept, record
            k = i + 1
            while k < end and record_of[k] == record:
                other = concept_of[k]
                if 0 <= other < concepts and (info[other, 3] < info[best, 3] or (
                        info[other, 3] == info[best, 3] and info[other, 0] < info[best, 0])):
                    best = other
                k += 1
        for k in range(offsets[concepts + concept], offsets[concepts + concept + 1]):
            s = entries[k, 0]
            if effective <= start[entries[k, 1]]:
                continue
            kind, which, count = slots[s, 0], info[best, 2], sheet[s, N]
            if kind == DISTINCT and which < 0:
                continue
            note(sheet, s, kind, info, effective, record, concept)
            if kind == DISTINCT:
                d = slots[s, 1]
                sheet[s, N] = count + (marker[d, which] != mark)
                marker[d, which] = mark
    return 0


@part
def emit(row: int, p: int, outcome: int, low: int, high: int, literals: Array, slots: Array, sheet: Array, rows: Array,
         records: Array) -> None:
    """literals [:, 3], sheet [S, 6]: write one term of person p as contribution `row`; counts of its slots are added."""
    n, first, last, record, concept = 0, OPEN, OPEN, -1, -1
    for k in range(low, high):
        s = literals[k, 0]
        if literals[k, 1] <= ALL and sheet[s, N] >= literals[k, 2] and slots[s, 0] != AGE:
            if n == 0 or sheet[s, LAST] > last or (sheet[s, LAST] == last and sheet[s, RECORD] > record):
                last, record, concept = sheet[s, LAST], sheet[s, RECORD], sheet[s, CONCEPT]
            first = min(first, sheet[s, FIRST])
            n += sheet[s, N]
    rows[row, 0] = p
    rows[row, 1] = outcome
    rows[row, 2] = n
    rows[row, 3] = first
    rows[row, 4] = last
    rows[row, 5] = concept
    records[row] = record


@part
def judge(row: int, p: int, person: Array, judging: Judging, slots: Array, start: Array, sheet: Array, value: Array,
          present: Array, out: Outputs) -> int:
    """person [6], start [W], sheet [S, 6], value [S], present [T]: points, band, status; answers the next free row."""
    terms, literals, others, edges, worth, cards, bands = judging
    points, marks, rows, records = out
    for t in range(len(terms)):
        wanted, found, met = False, False, True
        for k in range(terms[t, 0], terms[t, 1]):
            hit = sheet[literals[k, 0], N] >= literals[k, 2]
            if literals[k, 1] == ANY:
                wanted = True
                found = found or hit
            else:
                met = met and hit == (literals[k, 1] == ALL)
        present[t] = met and (found or not wanted)

    for c in range(len(cards)):
        card = cards[c]
        total, unsure = np.int64(0), False
        for t in range(card[LOW], card[HIGH]):
            if not present[t]:
                if card[BY_STAY] == 1:
                    for k in range(terms[t, 0], terms[t, 1]):
                        unsure = unsure or sheet[literals[k, 0], UNSURE] != 0
                continue
            silent = False
            for k in range(terms[t, 2], terms[t, 3]):
                silent = silent or present[others[k]]
            if silent:
                continue
            outcome, last = terms[t, 4], terms[t, 5] - 1
            if outcome < last:
                s = literals[terms[t, 0], 0]
                number = value[s] if slots[s, 0] >= LATEST else float(sheet[s, N])
                while outcome < last and number >= edges[outcome + 1]:
                    outcome += 1
            if worth[outcome] != 0:
                total += worth[outcome]
                emit(row, p, outcome, terms[t, 0], terms[t, 1], literals, slots, sheet, rows, records)
                row += 1

        status, reason, band = 0, 0, -1
        needed_from = start[card[WINDOW]] + 1 if card[WINDOW] > 0 else person[AS_OF]
        if card[NEEDS_BIRTH] == 1 and person[YEARS] == NO_AGE:
            status, reason = 2, card[NO_BIRTH]
        elif person[YEARS] < card[AGE_AT_LEAST]:
            status, reason = 1, card[YOUNG]
        elif card[HOSPITAL] == 1:
            if person[HOSPITAL_FROM] == OPEN:
                status, reason = 2, card[NO_FEED]
            elif person[HOSPITAL_FROM] > needed_from:
                status, reason = 2, card[SHORT_FEED]
            elif unsure:
                status, reason = 2, card[UNSURE_STAY]
            elif card[BY_STAY] == 1 and person[WITHOUT_STAYS] == 1:
                reason = card[NO_STAYS]
        if status == 0:
            for k in range(card[BAND_LOW], card[BAND_HIGH]):
                band += total >= bands[k]
        points[c, p] = total
        marks[0, c, p] = band
        marks[1, c, p] = status
        marks[2, c, p] = reason
    return row


@kernel
def run(low: int, high: int, people: tuple[Array, Array], records: tuple[Entries, Numbers, Entries], plan: Plan,
        scratch: Scratch, out: Outputs) -> int:
    """people [P, 6] and starts [days, W + 1]: score the people low:high; answers the rows written, or an error."""
    persons, starts = people
    coded, measured, issues = records
    maps, values, judging = plan
    sheet, value, present, marker = scratch
    slots = maps[0]
    row = np.int64(0)
    for p in range(low, high):
        person = persons[p]
        start = starts[person[DAY]]
        for s in range(len(slots)):
            sheet[s, N] = 0
            sheet[s, UNSURE] = 0
            if slots[s, 0] == AGE and person[YEARS] != NO_AGE:
                sheet[s, N] = 1
                value[s] = person[YEARS]
        error = gather(p, person[AS_OF], person[SEX], person[WITHOUT_STAYS], coded, measured, maps, values, start,
                       sheet, value)
        if error == 0:
            error = gather_issues(p, person[AS_OF], issues, maps, start, sheet, marker, p - low + 1)
        if error != 0:
            return error
        row = judge(row, p, person, judging, slots, start, sheet, value, present, out)
    return row
