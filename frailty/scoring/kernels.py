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
    ALL,
    ANY,
    CONCEPT,
    DAYS,
    DISTINCT,
    FIRST,
    LARGEST,
    LAST,
    LATEST,
    NO_AGE,
    OPEN,
    RECORD,
    SMALLEST,
    UNSURE,
    Array,
    Entries,
    N,
    Numbers,
    Outputs,
    Plan,
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
def measure(j: int, sex: int, measured: Numbers, plan: Plan, start: Array, sheet: Array, value: Array) -> None:
    """start [W], sheet [S, 6], value [S]: let row j of `measured` (known, not in the future) feed its slots."""
    number, quantity, concept = measured.value[j], measured.quantity[j], measured.concept[j]
    effective, record = measured.effective[j], measured.record[j]
    for k in range(plan.value_offsets[quantity], plan.value_offsets[quantity + 1]):
        s, window, only_sex, careful, low_open, high_open = plan.value_rules[k]
        if effective <= start[window] or (only_sex >= 0 and only_sex != sex) or (
                careful == 1 and concept >= 0 and plan.info[concept, 1] == 1):
            continue
        if not within(number, measured.comparator[j], plan.bounds[k, 0], plan.bounds[k, 1], low_open, high_open):
            continue
        kind = plan.slots[s, 0]
        if kind < LATEST:
            note(sheet, s, kind, plan.info, effective, record, concept)
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
def gather(p: int, as_of: int, sex: int, waived: int, coded: Entries, measured: Numbers, plan: Plan, start: Array,
           sheet: Array, value: Array) -> int:
    """start [W], sheet [S, 6], value [S]: coded entries and measurements of person p, merged by time, into the slots."""
    concepts, quantities = len(plan.info), len(plan.value_offsets) - 1
    i, i_end = coded.offsets[p], coded.offsets[p + 1]
    j, j_end = measured.offsets[p], measured.offsets[p + 1]
    before = -OPEN
    while True:
        if j < j_end and measured.effective[j] > as_of:
            j_end = j
        stop = measured.effective[j] if j < j_end else as_of
        while i < i_end:
            effective, recorded, record = coded.effective[i], coded.recorded[i], coded.record[i]
            if effective > stop or (j < j_end and effective == stop and (
                    recorded > measured.recorded[j] or
                    (recorded == measured.recorded[j] and record > measured.record[j]))):
                break
            if effective < before:
                return UNSORTED
            before = effective
            concept = coded.concept[i]
            if concept >= concepts:
                return FOREIGN
            if recorded <= as_of and concept >= 0:
                for k in range(plan.offsets[concept], plan.offsets[concept + 1]):
                    s = plan.entries[k, 0]
                    if effective <= start[plan.entries[k, 1]]:
                        continue
                    condition = plan.entries[k, 2]
                    if condition >= 0 and waived == 0:
                        fits, stay = -1, coded.stay[i]
                        if stay >= len(coded.stay_kind):
                            return FOREIGN
                        if stay >= 0 and coded.stay_known[stay] <= as_of:
                            fits = plan.fits[condition, coded.stay_kind[stay]]
                        if fits < 0:
                            sheet[s, UNSURE] = 1
                        if fits != 1:
                            continue
                    note(sheet, s, plan.slots[s, 0], plan.info, effective, record, concept)
            i += 1
        if j >= j_end:
            return 0
        if measured.effective[j] < before:
            return UNSORTED
        before = measured.effective[j]
        if measured.quantity[j] >= quantities or measured.concept[j] >= concepts:
            return FOREIGN
        if measured.recorded[j] <= as_of and measured.quantity[j] >= 0:
            measure(j, sex, measured, plan, start, sheet, value)
        j += 1


@part
def gather_issues(p: int, as_of: int, issues: Entries, plan: Plan, start: Array, sheet: Array, marker: Array,
                  mark: int) -> int:
    """start [W], sheet [S, 6], marker [D, substances]: medicines of person p into the slots.

    All codings of one record are one medicine: its substance comes from the coding on the lowest rung.
    """
    info, concepts, end = plan.info, len(plan.info), issues.offsets[p + 1]
    best, before = -1, np.int64(-1)
    for i in range(issues.offsets[p], end):
        effective, record, concept = issues.effective[i], issues.record[i], issues.concept[i]
        if effective > as_of:
            break
        if effective <= start[len(start) - 1]:
            continue
        if concept >= concepts:
            return FOREIGN
        if issues.recorded[i] > as_of or concept < 0:
            continue
        if best < 0 or record != before:
            best, before = concept, record
            k = i + 1
            while k < end and issues.record[k] == record:
                other = issues.concept[k]
                if 0 <= other < concepts and (info[other, 3] < info[best, 3] or (
                        info[other, 3] == info[best, 3] and info[other, 0] < info[best, 0])):
                    best = other
                k += 1
        for k in range(plan.offsets[concepts + concept], plan.offsets[concepts + concept + 1]):
            s = plan.entries[k, 0]
            if effective <= start[plan.entries[k, 1]]:
                continue
            kind = plan.slots[s, 0]
            if kind != DISTINCT:
                note(sheet, s, kind, info, effective, record, concept)
                continue
            which, d, count = info[best, 2], plan.slots[s, 1], sheet[s, N]
            if which >= 0:
                note(sheet, s, kind, info, effective, record, concept)
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
def judge(row: int, p: int, person: Array, plan: Plan, start: Array, sheet: Array, value: Array, present: Array,
          out: Outputs) -> int:
    """person [6], start [W], sheet [S, 6], value [S], present [T]: points, band, status; answers the next free row."""
    literals = plan.literals
    for t in range(len(plan.terms)):
        wanted, found, met = False, False, True
        for k in range(plan.terms[t, 0], plan.terms[t, 1]):
            hit = sheet[literals[k, 0], N] >= literals[k, 2]
            if literals[k, 1] == ANY:
                wanted = True
                found = found or hit
            else:
                met = met and hit == (literals[k, 1] == ALL)
        present[t] = met and (found or not wanted)

    as_of, _, age, _, hospital_from, waived = person
    for c in range(len(plan.cards)):
        (low, high, band_low, band_high, age_at_least, needs_birth, hospital, window, by_stay,
         young, no_birth, no_feed, short_feed, unsure_stay, no_stays) = plan.cards[c]
        total, unsure = np.int64(0), False
        for t in range(low, high):
            first, end, unless, unless_end, outcome, outcome_end = plan.terms[t]
            if not present[t]:
                if by_stay == 1:
                    for k in range(first, end):
                        unsure = unsure or sheet[literals[k, 0], UNSURE] != 0
                continue
            silent = False
            for k in range(unless, unless_end):
                silent = silent or present[plan.others[k]]
            if silent:
                continue
            if outcome_end - outcome > 1:
                s = literals[first, 0]
                number = value[s] if plan.slots[s, 0] >= LATEST else float(sheet[s, N])
                while outcome + 1 < outcome_end and number >= plan.outcome_edge[outcome + 1]:
                    outcome += 1
            if plan.outcome_points[outcome] != 0:
                total += plan.outcome_points[outcome]
                emit(row, p, outcome, first, end, literals, plan.slots, sheet, out.rows, out.records)
                row += 1

        status, reason, band = 0, 0, -1
        needed_from = start[window] + 1 if window > 0 else as_of
        if needs_birth == 1 and age == NO_AGE:
            status, reason = 2, no_birth
        elif age < age_at_least:
            status, reason = 1, young
        elif hospital == 1:
            if hospital_from == OPEN:
                status, reason = 2, no_feed
            elif hospital_from > needed_from:
                status, reason = 2, short_feed
            elif unsure:
                status, reason = 2, unsure_stay
            elif by_stay == 1 and waived == 1:
                reason = no_stays
        if status == 0:
            for k in range(band_low, band_high):
                band += total >= plan.band_edge[k]
        out.points[c, p] = total
        out.marks[0, c, p] = band
        out.marks[1, c, p] = status
        out.marks[2, c, p] = reason
    return row


@kernel
def run(low: int, high: int, people: Array, coded: Entries, measured: Numbers, issues: Entries, plan: Plan,
        starts: Array, marker: Array, out: Outputs) -> int:
    """people [P, 6], starts [days, W]: score the people low:high; answers the number of rows written, or an error."""
    sheet = np.zeros((len(plan.slots), 6), np.int64)
    value = np.zeros(len(plan.slots), np.float64)
    present = np.zeros(len(plan.terms), np.bool_)
    row = np.int64(0)
    for p in range(low, high):
        person = people[p]
        start = starts[person[1]]
        for s in range(len(plan.slots)):
            sheet[s, N] = 0
            sheet[s, UNSURE] = 0
            if plan.slots[s, 0] == AGE and person[2] != NO_AGE:
                sheet[s, N] = 1
                value[s] = person[2]
        error = gather(p, person[0], person[3], person[5], coded, measured, plan, start, sheet, value)
        if error == 0:
            error = gather_issues(p, person[0], issues, plan, start, sheet, marker, p - low + 1)
        if error != 0:
            return error
        row = judge(row, p, person, plan, start, sheet, value, present, out)
    return row
