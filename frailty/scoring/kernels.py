"""The kernels: arrays in, arrays out. `run` scores a block of people in one thread, a few hundred people at a time.

Shapes: P people, C concepts, S slots, W spans, T terms, K scorecards. Tables of several columns lie flat, row after row; their
columns are named in tables.py. The slot s of the b-th person in hand is at b * S + s of each array of the sheet.
Positions are unsigned (U), so that the compiled code need not ask whether one is negative. Nothing here checks
definitions, only positions that could lead out of an array.
"""

from __future__ import annotations

import numpy as np

from frailty.scoring.gather import (
    INT,
    ONE,
    ZERO,
    U,
    check,
    gather,
    gather_issues,
    gather_runs,
    gather_sets,
    gather_stays,
    open_spans,
    place_of,
    within,
)
from frailty.scoring.jit import kernel, part
from frailty.scoring.tables import (
    AGE_AT_LEAST,
    AGE_BELOW,
    ALL,
    ALSO,
    ANY,
    AS_OF,
    ASLEEP,
    BAND_HIGH,
    BAND_LOW,
    BLOCKS,
    BY_STAY,
    CONCEPT,
    DAY,
    DOUBT,
    EVER,
    FIRST,
    FLOOR,
    FORM,
    HIGH,
    HOSPITAL,
    HOSPITAL_FROM,
    INDEX_LOOK,
    INDEXED,
    KIND,
    LAST,
    LATE,
    LATEST,
    LITERAL,
    LITERALS,
    LOG,
    LOOK_NEEDED,
    LOW,
    MEMBER,
    NEEDS_BIRTH,
    NO_AGE,
    NO_BIRTH,
    NO_FEED,
    NO_INDEX,
    NO_SET,
    NO_STAYS,
    OF,
    OF_ALL,
    OF_LEAST,
    OFF,
    OLD,
    ON,
    OPEN,
    OTHER,
    OTHERS,
    OUTCOME,
    OUTCOMES,
    PERSON,
    PLAIN,
    POPULATION,
    REASON,
    ROLE,
    SEVERAL,
    SEX,
    SHORT_FEED,
    SIGN,
    SQUARE,
    STAY,
    STAY_DAY,
    STAY_ON,
    STAY_YEARS,
    STAYLESS,
    STEPS,
    SUM,
    TAKES,
    TOO_FEW,
    UNSURE,
    UNSURE_STAY,
    WITHOUT,
    WITHOUT_STAYS,
    YEARS,
    YOUNG,
    Array,
    Entries,
    Judging,
    Later,
    Maps,
    Medicines,
    Numbers,
    Outputs,
    People,
    Real,
    Scratch,
    Sheet,
    StayRows,
    Values,
    Whole,
)

NOTHING = -2**62           # less than any term gives


@part
def mark(base: Whole, size: Whole, held: Array, judging: Judging, touched: Array, awake: Array) -> Whole:
    """touched [S]: the slots of a person that are filled; wakes the terms and cards that ask for them. Answers how many."""
    asked, asking, count = judging[12], judging[13], ZERO
    for word in range(size >> U(6)):
        left, held[(base >> U(6)) + word] = held[(base >> U(6)) + word], ZERO
        while left != ZERO:
            bit = left & (~left + ONE)
            left ^= bit
            s = word * U(64) + place_of(bit)
            touched[count] = s
            count += ONE
            for k in range(U(asked[s]), U(asked[s + ONE])):
                awake[U(asking[k]) >> U(6)] |= ONE << (U(asking[k]) & U(63))
    return count


@part
def holds(bits: Array, place: Whole) -> Whole:
    """bits [words]: is the bit of this place set?"""
    return bits[place >> U(6)] >> (place & U(63)) & ONE != ZERO


@part
def find_present(base: Whole, sex: Whole, judging: Judging, sheet: Sheet, awake: Array, present: Array, hits: Array) -> Whole:
    """present, hits [T]: of the terms awake those that have their evidence, before any suppression; answers how many."""
    slots, counts, plain = judging[0], judging[1], judging[2]
    n, found = sheet[0], ZERO
    for word in range(U(len(present))):
        left, present[word] = awake[word], ZERO
        while left != ZERO:
            bit = left & (~left + ONE)
            left ^= bit
            t = word * U(64) + place_of(bit)
            hits[found] = t
            if several(t, base, sex, judging, sheet) if plain[t] == SEVERAL else n[base + U(slots[t])] >= counts[t]:
                present[word] |= bit
                found += ONE
    return found


@part
def several(t: Whole, base: Whole, sex: Whole, judging: Judging, sheet: Sheet) -> Whole:
    """Has the term t, of several literals, its evidence?"""
    terms, literals, ranges = judging[3], judging[4], judging[5]
    n, cells, _, value, _, _ = sheet
    wanted, any_hit, met = False, False, True
    for k in range(U(terms[t, U(LITERAL)]), U(terms[t, U(LITERALS)])):
        at, which = base + U(literals[k * U(5)]), literals[k * U(5) + ONE]
        hit = n[at] >= literals[k * U(5) + U(2)]
        if literals[k * U(5) + U(3)] < literals[k * U(5) + U(4)] and hit:
            hit = False
            for r in range(U(literals[k * U(5) + U(3)]), U(literals[k * U(5) + U(4)])):
                only = ranges[r * U(5) + U(4)]
                if only == 0 or only == sex + 1:
                    hit |= within(value[at], cells[at * U(8) + U(SIGN)], r * U(5), ranges)
        if which == ANY:
            wanted = True
            any_hit |= hit
        elif which != ALSO:
            met &= hit == (which == ALL)
    return met and (any_hit or not wanted)


@part
def emit(row: Whole, p: Whole, base: Whole, t: Whole, low: Whole, high: Whole, amount: Whole, literals: Array, sheet: Sheet,
         rows: Array, figures: Array) -> Whole:
    """Write one term of person p as contribution `row`, with the counts of its slots added; answers the last day."""
    n, cells, records, _, _, _ = sheet
    count, first, last, record, concept = INT(0), INT(OPEN), INT(OPEN), INT(-1), INT(-1)
    for k in range(low, high):
        at = base + U(literals[k * U(5)])
        cell = at * U(8)
        if literals[k * U(5) + ONE] <= ALSO and n[at] >= literals[k * U(5) + U(2)] and cells[cell + U(KIND)] != PERSON:
            if count == 0 or cells[cell + U(LAST)] > last or (
                    cells[cell + U(LAST)] == last and records[at * U(4)] > record):
                last, record, concept = INT(cells[cell + U(LAST)]), records[at * U(4)], INT(cells[cell + U(CONCEPT)])
            first = min(first, INT(cells[cell + U(FIRST)]))
            count += n[at]
    place = row * U(6)
    rows[place], rows[place + ONE], rows[place + U(2)] = p, t, count
    rows[place + U(3)], rows[place + U(4)], rows[place + U(5)] = first, last, concept
    figures[row * U(2)], figures[row * U(2) + ONE] = record, amount
    return last


@part
def amount_of(form: Whole, outcome: Whole, end: Whole, number: Real, edges: Array, worth: Array) -> Whole:
    """edges, worth: points for a measure, by steps or by a form."""
    if form == STEPS:
        while outcome + ONE < end and number >= edges[outcome + ONE]:
            outcome += ONE
        return worth[outcome]
    number = min(number, edges[outcome])
    if form == LOG:
        return INT(np.floor(edges[outcome + U(2)] * np.log(number) + 0.5)) * worth[outcome] if number > 0 else INT(0)
    steps = INT(np.floor(number * edges[outcome + ONE] + (0.5 + 1e-9)))
    return worth[outcome] * (steps * steps if form == SQUARE else steps)


@part
def standing(card: Array, person: Array, starts: Array) -> Whole:
    """card [32], person [12], starts [days, looks]: status, and 256 times the reason as a position in the plan's list, whatever
    the terms say.
    """
    row, years = (person[STAY_DAY], person[STAY_YEARS]) if card[INDEXED] == 1 else (person[DAY], person[YEARS])
    if card[OFF] > 0:
        return 3 + 256 * card[OFF]
    if card[HOSPITAL] == 1 and person[HOSPITAL_FROM] == OPEN and card[INDEXED] == 1:
        return 2 + 256 * card[NO_FEED]
    if card[STAYLESS] > 0 and person[WITHOUT_STAYS] == 1:
        return 2 + 256 * card[STAYLESS]
    if card[INDEXED] == 1 and (person[STAY] < 0 or person[STAY_ON] <= starts[U(person[DAY]), U(card[INDEX_LOOK])]):
        return 1 + 256 * card[NO_INDEX]
    if card[NEEDS_BIRTH] == 1 and years == NO_AGE:
        return 2 + 256 * card[NO_BIRTH]
    if years < card[AGE_AT_LEAST]:
        return 1 + 256 * card[YOUNG]
    if card[OLD] > 0 and years >= card[AGE_BELOW]:
        return 1 + 256 * card[OLD]
    if card[HOSPITAL] == 1:
        if person[HOSPITAL_FROM] == OPEN:
            return 2 + 256 * card[NO_FEED]
        needed_from = person[STAY_ON] if card[INDEXED] == 1 else person[AS_OF]
        if card[LOOK_NEEDED] > 0:
            needed_from = starts[U(row), U(card[LOOK_NEEDED])] + 1
        if person[HOSPITAL_FROM] > needed_from:
            return 2 + 256 * card[SHORT_FEED]
    return 0


@part
def overtaken(t: Whole, base: Whole, terms: Array, literals: Array, others: Array, present: Array, sheet: Sheet) -> Whole:
    """present: does another present term have later evidence than this LATE one?"""
    late, own = False, last_of(base, U(terms[t, U(LITERAL)]), U(terms[t, U(LITERALS)]), literals, sheet)
    for k in range(U(terms[t, U(OTHER)]), U(terms[t, U(OTHERS)])):
        other = terms[U(others[k] >> 1)]
        if holds(present, U(others[k] >> 1)):
            late |= last_of(base, U(other[LITERAL]), U(other[LITERALS]), literals, sheet) + (others[k] & 1) > own
    return late


@part
def last_of(base: Whole, low: Whole, high: Whole, literals: Array, sheet: Sheet) -> Whole:
    """The last day of the evidence of a term."""
    n, cells, last = sheet[0], sheet[1], INT(EVER)
    for k in range(low, high):
        at = base + U(literals[k * U(5)])
        if literals[k * U(5) + ONE] <= ALSO and n[at] >= literals[k * U(5) + U(2)]:
            last = max(last, INT(cells[at * U(8) + U(LAST)]))
    return last


@part
def judge(row: Whole, start: Whole, low: Whole, high: Whole, persons: Array, starts: Array, kinds: Array, judging: Judging,
          scratch: Scratch, out: Outputs) -> Whole:
    """persons [P, 12], starts [days, looks]: points, band and status; empties the sheet, answers the next free row.

    start: the first person of the block.
    """
    slots, _, plain, terms, literals, _, others, edges, worth, cards, bands, populations, _, _, always, working = judging
    sheet, touched, awake, standing_of, present, hits, _, _, _ = scratch
    n, cells, records, value, _, held = sheet
    points, marks, days, counts, rows, figures = out
    of_cards = U(len(present)) * U(64)
    for p in range(low, high):
        base, person = (p - low) * U(len(kinds)), persons[p]
        filled = mark(base, U(len(kinds)), held, judging, touched, awake)
        found = find_present(base, person[SEX], judging, sheet, awake, present, hits)
        for k in range(U(len(populations))):
            standing_of[k] = standing(populations[k], person, starts)
        h, settled = ZERO, cells[base * U(8) + U(UNSURE)] == 0 and person[WITHOUT_STAYS] == 0
        for place in range(U(len(working))):
            c = U(working[place])
            card, said = cards[c], INT(standing_of[U(cards[c, U(POPULATION)])])
            quiet = card[WITHOUT] if holds(awake, of_cards + c) else card[ASLEEP]
            if quiet >= 0 and (h == found or hits[h] >= card[HIGH]) and (settled or card[BY_STAY] == 0):
                marks[place, p - start] = 256 * said + 255 if said != 0 else quiet
                continue
            total, inner, single, blocked, lacking, doubt, why = INT(0), INT(0), INT(NOTHING), INT(0), INT(0), INT(0), INT(0)
            while h < found and hits[h] < card[HIGH]:
                t = U(hits[h])
                h += ONE
                term, at, amount = terms[t], base + U(slots[t]), INT(0)
                cell, role = at * U(8), term[ROLE]
                if plain[t] == PLAIN:
                    amount = worth[U(term[OUTCOME])]
                else:
                    silent = False
                    if role != LATE:
                        for k in range(U(term[OTHER]), U(term[OTHERS])):
                            silent |= holds(present, U(others[k]))
                    elif term[OTHER] < term[OTHERS]:
                        silent = overtaken(t, base, terms, literals, others, present, sheet)
                    number = value[at] if cells[cell + U(KIND)] >= LATEST else float(n[at])
                    if role == SUM:
                        number, inner = float(inner), INT(0)
                    if silent:
                        continue
                    amount = amount_of(term[FORM], U(term[OUTCOME]), U(term[OUTCOMES]), number, edges, worth)
                    if role == BLOCKS:
                        blocked = INT(term[REASON]) if blocked == 0 else blocked
                    elif role == TAKES:
                        lacking += 1
                    elif role == MEMBER:
                        inner, amount = inner + amount, INT(0)
                    elif role == DOUBT:     # shown without points, and asked below
                        doubt, why, amount = amount * INT(n[at]), INT(term[REASON]), INT(0)
                    if amount == 0 and role != DOUBT:
                        continue
                if plain[t] != SEVERAL and cells[cell + U(KIND)] != PERSON:
                    to = row * U(6)
                    rows[to], rows[to + ONE], rows[to + U(2)] = p, t, n[at]
                    rows[to + U(3)], rows[to + U(4)] = cells[cell + U(FIRST)], cells[cell + U(LAST)]
                    rows[to + U(5)] = cells[cell + U(CONCEPT)]
                    figures[row * U(2)], figures[row * U(2) + ONE] = records[at * U(4)], amount
                else:
                    emit(row, p, base, t, U(term[LITERAL]), U(term[LITERALS]), amount, literals, sheet, rows, figures)
                row += ONE
                if role != DOUBT:
                    total += amount
                    single = max(single, amount)
            if card[FLOOR] >= 0:
                lift = worth[U(terms[U(card[FLOOR]), U(OUTCOME)])] - total
                if lift > 0:
                    emit(row, p, base, U(card[FLOOR]), ZERO, ZERO, lift, literals, sheet, rows, figures)
                    total += lift
                    row += ONE
            unsure = ZERO
            if card[BY_STAY] == 1 and cells[base * U(8) + U(UNSURE)] > 0:
                for t in range(U(card[LOW]), U(card[HIGH])):
                    for k in range(U(terms[t, U(LITERAL)]), U(terms[t, U(LITERALS)])):
                        at = base + U(literals[k * U(5)])
                        unsure += U((cells[at * U(8) + U(UNSURE)] & 1 == 1) & (not holds(present, t)))
            assessed = card[OF_ALL] - lacking
            if said == 0:
                if card[HOSPITAL] == 1 and unsure > 0:
                    said = INT(2 + 256 * card[UNSURE_STAY])
                elif card[NO_SET] > 0 and days[U(card[ON]), p] == OPEN:
                    said = INT(2 + 256 * card[NO_SET])
                elif blocked > 0:
                    said = 2 + 256 * blocked
                elif card[OF] >= 0 and assessed < card[OF_LEAST]:
                    said = INT(2 + 256 * card[TOO_FEW])
                elif card[BY_STAY] == 1 and person[WITHOUT_STAYS] == 1:
                    said = INT(256 * card[NO_STAYS])
            band, first = -1, U(card[BAND_LOW])
            if card[OF] >= 0:
                counts[U(card[OF]), p] = assessed
                first += U(assessed * (card[BAND_HIGH] - card[BAND_LOW]))
            if said & 255 == 0:
                for k in range(U(card[BAND_HIGH] - card[BAND_LOW])):
                    if (single if bands[(first + k) * U(2) + ONE] == 1 else total) >= bands[(first + k) * U(2)]:
                        band = INT(k)
            if doubt != 0 and said & 255 == 0:    # a score where what is not known cannot change the band
                other = -1
                for k in range(U(card[BAND_HIGH] - card[BAND_LOW])):
                    if (single if bands[(first + k) * U(2) + ONE] == 1 else total + doubt) >= bands[(first + k) * U(2)]:
                        other = INT(k)
                if other == band and band >= 0:
                    said = 256 * why
                else:
                    said, band = 2 + 256 * why, -1
            points[c, p], marks[place, p - start] = total, 256 * said + (band & 255)
        for word in range(U(len(always))):
            awake[word] = always[word]
        if cells[base * U(8) + U(UNSURE)] > 0:      # a slot may be unsure and hold nothing
            for k in range(U(len(kinds))):
                cells[(base + k) * U(8) + U(UNSURE)] = 0
        for k in range(filled):
            at = base + U(touched[k])
            cell = at * U(8)
            n[at], records[at * U(4)] = 0, -1
            cells[cell + U(FIRST)], cells[cell + U(LAST)], cells[cell + U(CONCEPT)], cells[cell + U(UNSURE)] = OPEN, EVER, 0, 0
    return row


@kernel
def run(low: Whole, high: Whole, step: Whole, people: People, records: tuple[Entries, Numbers, Medicines, StayRows],
        plan: tuple[Maps, Values, Judging], later: Later | None, scratch: Scratch, out: Outputs) -> Whole:
    """low:high of P people, `step` at a time: scores them; answers the rows written, or an error."""
    coded, measured, issues, stays = records
    maps, values, judging = plan
    sheet, _, _, _, _, hits, marker, pool, places = scratch
    n, _, _, value, spans, held = sheet
    persons, inputs, kinds, asked, row = people[0], people[3], maps[0], maps[6], ZERO
    for begin in range(low, high, step):
        a, b = U(begin), U(min(begin + step, high))
        for k in range(U(0), U(len(asked)), U(2)):
            for p in range(a, b):
                at, which = (p - a) * U(len(kinds)) + U(asked[k]), asked[k + ONE]
                if which >= 0:
                    value[at] = inputs[U(which), p]
                    n[at] = value[at] == value[at]
                else:
                    years = persons[p, U(YEARS if which == -1 else STAY_YEARS)]
                    n[at], value[at] = years != NO_AGE, years
                held[at >> U(6)] |= U(n[at]) << (at & U(63))
        error = check(a, b, coded[0], coded[2], coded[1], len(maps[1]) - 1)
        error = min(error, check(a, b, measured[0], measured[2], measured[1], len(values[0]) - 2))
        error = min(error, check(a, b, measured[0], measured[2], measured[5], len(maps[1]) - 1))
        error = min(error, check(a, b, issues[0], issues[2], issues[1], len(issues[6])))
        if error != 0:
            return error
        open_spans(a, b, people, maps[5], spans)
        gather(a, b, persons, coded, measured, stays, maps, values, sheet, hits)
        gather_issues(a, b, persons, issues, maps, sheet, marker)
        if later is not None:
            gather_stays(a, b, persons, stays, maps, later[3], sheet)
            gather_runs(a, b, persons, measured, maps, later[0], sheet, pool, places)
            gather_sets(a, b, persons, measured, maps, later, sheet, out[2])
        row = judge(row, U(low), a, b, persons, people[1], kinds, judging, scratch, out)
    return INT(row)
