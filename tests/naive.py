"""Scoring in plain Python: dictionaries and loops, written from the definition of a scorecard and from nothing else.

The oracle that the kernels are held against. A person is a dictionary: birth, as_of, hospital_from (dates or None),
sex, hospital_without_stays, and lists of rows: coded {system, code, effective, recorded, record, stay}, measured
{quantity, value, comparator, effective, recorded, record, system, code}, issues {system, code, substance, rung,
effective, recorded, record}. A stay is {started, recorded_start, setting, admission} or None.
"""

from __future__ import annotations

import math
from calendar import monthrange
from dataclasses import replace
from datetime import date, timedelta
from decimal import ROUND_FLOOR, Decimal
from fractions import Fraction
from itertools import count
from pathlib import Path
from typing import Any

from frailty.records.arrays import answer_numbers
from frailty.scoring.definitions import Band, Evidence, Interval, Link, Scorecard, Step, Term
from frailty.terminology import load_codelist, load_quantities

Row = dict[str, Any]
NOBODY: Any = object()      # in place of an index stay, where the score has none
BNF = "https://www.nhsbsa.nhs.uk/bnf"
ANY = Evidence("value")


def years_old(birth: date, day: date) -> int:
    return day.year - birth.year - ((day.month, day.day) < (birth.month, birth.day))


def before_window(day: date, evidence: Evidence) -> date:
    """The last day that lies before the window."""
    if evidence.within is None:
        return date.min
    if evidence.within.days:
        return day - timedelta(days=evidence.within.days)
    return months_before(day, evidence.within.months)


def months_before(day: date, months: int) -> date:
    """The same day of the month, or its last day if the month is shorter."""
    year, month = divmod(day.year * 12 + day.month - 1 - months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def inside(number: Any, interval: Interval) -> bool:
    low, high = interval.low, interval.high
    if low is not None and (number <= low if interval.low_open else number < low):
        return False
    return not (high is not None and (number >= high if interval.high_open else number > high))


def meant_inside(value: float, comparator: str, interval: Interval, step: Decimal | None = None) -> bool:
    """Is everything that "< value", "<= value" and so on can mean inside? Tried on numbers as near as can be."""
    number = Fraction(value)
    if step is not None:    # the edges of what is rounded into the interval
        low, high, number = None, None, Fraction(Decimal(repr(value)))
        if interval.low is not None:
            low = next(n * step for n in count(math.floor(interval.low / step)) if inside(
                n * step, replace(interval, high=None))) - step / 2
        if interval.high is not None:
            high = next(-n * step for n in count(-math.ceil(interval.high / step)) if inside(
                -n * step, replace(interval, low=None))) + step / 2
        interval = Interval(low, False, high, True)
    near, far = Fraction(1, 10**12), Fraction(10**12)
    tries = {"": [number], "<": [number - near, number - far], "<=": [number, number - far],
             ">": [number + near, number + far], ">=": [number, number + far]}[comparator]
    return all(inside(one, interval) for one in tries)


def birthday(birth: date, age: int) -> date:
    """The day on which somebody reaches an age; born on 29 February: 1 March where there is none."""
    try:
        return birth.replace(year=birth.year + age)
    except ValueError:
        return date(birth.year + age, 3, 1)


def old_enough(person: Row, day: date, low: float | None, below: float | None) -> bool:
    if low is None and below is None:
        return True
    if person["birth"] is None:
        return False
    return (low is None or day >= birthday(person["birth"], int(low))) and (
        below is None or day < birthday(person["birth"], int(below)))


def in_list(row: Row, evidence: Evidence, person: Row, day: date, rules: Path | None) -> bool:
    """Is the row's code in the list, and within the years and ages of the list's row?"""
    for entry in load_codelist(evidence.codes, rules).entries:
        if evidence.category and entry.category != evidence.category:
            continue
        if evidence.without_caution and entry.caution:
            continue
        if entry.system == "substance":
            same = row.get("rung", 3) < 3 and entry.code in row["names"].split(" + ")
        elif entry.system == BNF:
            same = bool(row.get("bnf")) and (
                row["bnf"] == entry.code or (entry.match == "prefix" and row["bnf"].startswith(entry.code)))
        else:
            same = entry.system == row["system"] and (
                row["code"] == entry.code or (entry.match == "prefix" and row["code"].startswith(entry.code)))
        if not same:
            continue
        if entry.within_years is not None and row["effective"] <= months_before(day, round(entry.within_years * 12)):
            continue
        if old_enough(person, row["effective"], entry.min_age_at_event,
                      None if entry.max_age_at_event is None else entry.max_age_at_event + 1):
            return True
    return False


def stay_answer(stay: Row | None, evidence: Evidence, person: Row) -> bool | None:
    """Does the stay meet what is asked? None = not known."""
    day = person["as_of"]
    if stay is None or stay["started"] > day or stay["recorded_start"] > day:
        return None
    if evidence.index is not None and evidence.index != (stay is person["index"]):
        return False
    parts = [(stay[key], wanted) for key, wanted in (("setting", evidence.settings), ("admission", evidence.admissions))
             if wanted]
    if any(got != "unknown" and got not in wanted for got, wanted in parts):
        return False
    return None if any(got == "unknown" for got, wanted in parts) else True


def last_discharge(person: Row) -> Row | None:
    """The inpatient stay that ended last, and was known to; of those that end on one day the one that began last."""
    day, found = person["as_of"], None
    for stay in person["stays"]:
        if (stay["setting"] == "inpatient" and stay["ended"] is not None and stay["ended"] <= day
                and stay["recorded_end"] <= day and max(stay["started"], stay["recorded_start"]) <= day
                and stay["started"] <= stay["ended"]
                and (found is None or (stay["ended"], stay["started"]) >= (found["ended"], found["started"]))):
            found = stay
    return found


def half_up(value: float, step: Decimal | None) -> Fraction:
    """A number as it is written, rounded to a step."""
    if step is None:
        return Fraction(value)
    return Fraction(((Decimal(repr(value)) / step + Decimal("0.5")).to_integral_value(ROUND_FLOOR)) * step)


def value_inside(row: Row, evidence: Evidence, person: Row, rules: Path | None) -> bool:
    """Does the number lie in an interval, and is the answer of the category?"""
    if evidence.source == "answer" and evidence.category:
        numbers = answer_numbers([e.category for e in load_codelist(evidence.answers, rules).entries])
        if row["value"] != numbers[evidence.category]:
            return False
    return not evidence.intervals or any(
        i.sex in ("", person["sex"]) and meant_inside(row["value"], row["comparator"], i, evidence.round_to)
        for i in evidence.intervals)


def span_of(evidence: Evidence, person: Row) -> tuple[date, date]:
    """The first and the last day of the window."""
    if evidence.source == "stay" and evidence.index is True:
        return date.min, person["as_of"]
    if person["index"] is NOBODY:
        day = person["as_of"]
        return before_window(day, evidence) + timedelta(days=1), last_day(day, evidence)
    if person["index"] is None:
        return date.max, date.min
    day, first = person["day"], person["index"]["started"]
    if evidence.source == "stay":
        day = first - timedelta(days=1)
    begin = before_window(day, evidence) + timedelta(days=1)
    return max(begin, first) if evidence.source == "value" and evidence.index else begin, last_day(day, evidence)


def last_day(day: date, evidence: Evidence) -> date:
    """The window's last day: that day itself, or the last one that is old enough."""
    return before_window(day, replace(evidence, within=evidence.before)) if evidence.before else day


def quantity_of(evidence: Evidence, rules: Path | None) -> str | None:
    if evidence.source == "answer":
        return f"{evidence.codes}={evidence.answers}"
    return next((q.name for q in load_quantities(rules) if q.codes == evidence.codes), None)


def rows_of(evidence: Evidence, person: Row, rules: Path | None) -> tuple[list[Row], bool]:
    """The rows that qualify, whatever their numbers; and whether one was left out only because its stay is not known."""
    found, unsure = [], False
    first, last = span_of(evidence, person)
    family = {"coded": "coded", "value": "measured", "answer": "measured", "issue": "issues", "stay": "stays"}[evidence.source]
    if evidence.source == "stay" and person["hospital_without_stays"]:
        return [], False
    for row in person[family]:
        if evidence.source == "stay":
            row = {**row, "effective": row["started"], "recorded": max(row["started"], row["recorded_start"]), "system": "",
                   "code": "", "stay": row}
            over = row["ended"] or row["started"]
            if evidence.index is False and person["index"] and over >= person["index"]["started"]:
                continue
        if not first <= row["effective"] <= last or row["recorded"] > person["as_of"]:
            continue
        if evidence.sex and evidence.sex != person["sex"]:
            continue
        if not old_enough(person, row["effective"], evidence.age_from, evidence.age_below):
            continue
        if evidence.source in ("value", "answer"):
            if row["quantity"] != quantity_of(evidence, rules):
                continue
            if evidence.without_caution and any(
                    e.caution and (e.system, e.code) == (row["system"], row["code"])
                    for e in load_codelist(evidence.codes, rules).entries):
                continue
            if evidence.counts and not value_inside(row, evidence, person, rules):
                continue
        elif evidence.codes and not in_list(row, evidence, person, person["day"] or date.min, rules):
            continue
        if evidence.source == "stay" or (
                evidence.source == "coded" and evidence.by_stay and not person["hospital_without_stays"]):
            answer = stay_answer(row["stay"], evidence, person)
            unsure = unsure or answer is None
            if not answer:
                continue
        found.append(row)
    return found, unsure


def order(row: Row) -> tuple[date, date, int]:
    return row["effective"], row["recorded"], row["record"]


def last_row(rows: list[Row]) -> Row:
    """The last in the order of time; of the codings of one record, the first by system and code."""
    last = max(order(row) for row in rows)
    return min((row for row in rows if order(row) == last), key=lambda row: (row["system"], row["code"]))


def things(take: str, rows: list[Row], person: Row) -> set[Any]:
    """What the medicines are: one for each record, that of its coding on the lowest rung; None = nothing is known."""
    best = {}
    for record in {row["record"] for row in rows}:
        codings = [row for row in person["issues"] if row["record"] == record]
        best[record] = min(codings, key=lambda row: (row["rung"], row["system"], row["code"]))
    key = {"distinct:substance": lambda row: row["substance"], "distinct:bnf_paragraph": lambda row: row["bnf"][:6] or None,
           "unknown substance": lambda row: row["substance"] if row["rung"] == 3 else None,
           "unknown paragraph": lambda row: None if row["bnf"] else row["substance"]}[take]
    return {(key(row), record) for record, row in best.items() if key(row) is not None}


def by_record(rows: list[Row]) -> list[Row]:
    """In the order of time, of one record the row with the largest number."""
    best: dict[int, Row] = {}
    for row in sorted(rows, key=order):
        if row["record"] not in best or row["value"] > best[row["record"]]["value"]:
            best[row["record"]] = row
    return sorted(best.values(), key=order)


def chosen(evidence: Evidence, rows: list[Row]) -> Row | None:
    """The row whose number counts; a change takes the place of its number."""
    rows, take = by_record(rows), evidence.take
    if take == "change":
        before = sorted(row["value"] for row in rows[:-1])
        if len(before) < evidence.at_least:
            return None
        return {**rows[-1], "value": rows[-1]["value"] - before[(len(before) - 1) // 2], "comparator": ""}
    if take in ("latest", "first"):
        return rows[-1 if take == "latest" else 0] if rows else None
    if take == "best_of_last":
        rows = rows[-evidence.of_last:]
    sign = -1 if take == "min" or evidence.smallest else 1
    return max(rows, key=lambda row: (sign * row["value"], order(row)), default=None)


def chosen_of_all(evidence: Evidence, rows: list[Row]) -> Row | None:
    """The smallest or largest of all numbers; of equals the later record."""
    sign = 1 if evidence.take == "max" else -1
    return max(rows, key=lambda row: (sign * row["value"], order(row)), default=None)


def moment_of(card: Scorecard, person: Row, rules: Path | None) -> list[Row]:
    """The rows of the latest moment at which every member of the card's timed set was measured, with one number each."""
    members = [e for e in card.evidence if e.take == "set"]
    whole = replace(members[0], within=card.set_within, take="any", intervals=(), category="")
    pool = {id(row): row for e in members for row in rows_of(replace(whole, **{
        key: getattr(e, key) for key in ("source", "codes", "answers", "without_caution")}), person, rules)[0]}
    moments: dict[Any, list[Row]] = {}
    for row in pool.values():
        key = (row["effective"], row["minute"]) if row["minute"] >= 0 else (row["effective"], -1, row["recorded"], row["record"])
        moments.setdefault(key, []).append(row)
    def numbers_of(e: Evidence, rows: list[Row]) -> set[float]:
        own = rows_of(replace(e, take="any", within=card.set_within, intervals=(), category=""), person, rules)[0]
        return {row["value"] for row in rows if row["quantity"] == quantity_of(e, rules) and row in own}

    full = [key for key, rows in moments.items() if all(len(numbers_of(e, rows)) == 1 for e in members)]
    return moments[max(full)] if full else []


NOTHING: Row = {"present": False, "measure": None, "unsure": False, "n": 0, "rows": []}


def look(evidence: tuple[Evidence, ...], person: Row, card: Scorecard, rules: Path | None) -> Row:
    """What evidence that is counted together comes to: present, n, first, last, record, code, measure, unsure."""
    one = evidence[0]
    if one.source == "person":
        number = person["inputs"].get(one.take[6:]) if one.take.startswith("input:") else (
            years_old(person["birth"], person["day"]) if person["birth"] and person["day"] else None)
        if number is None or not (not one.intervals or any(
                i.sex in ("", person["sex"]) and inside(half_up(number, one.round_to), i) for i in one.intervals)):
            return NOTHING
        return {**NOTHING, "present": True, "measure": Fraction(number)}
    rows, unsure = [], False
    for each in evidence:
        pool = person["moment"] if one.take == "set" else None
        found, open_question = rows_of(replace(each, within=card.set_within) if one.take == "set" else each, person, rules)
        rows += [row for row in found if row not in rows and (pool is None or row in pool)]
        unsure = unsure or open_question
    if one.take in ("length_of_stay", "provider") and rows:
        stay = rows[0]["stay"]
        length = (stay["ended"] - stay["started"]).days
        inner = one.take == "provider" or not one.intervals or any(inside(length, i) for i in one.intervals)
        rows = [{**rows[0], "last": stay["ended"]}] if inner else []
        return {"present": inner, "measure": stay["provider"] if one.take == "provider" else length, "unsure": unsure,
                "n": int(inner), "rows": rows}
    if not one.counts:
        row = (chosen_of_all(one, rows) if one.take in ("min", "max") else
               chosen(replace(one, take="latest") if one.take == "set" else one, rows))
        if row is None or not value_inside(row, one, person, rules):
            return {**NOTHING, "unsure": unsure}
        return {"present": True, "measure": Fraction(row["value"]), "unsure": unsure, "n": 1, "rows": [row]}
    if one.take.startswith("distinct"):
        known = things(one.take, rows, person)
        rows = [row for row in rows if row["record"] in {record for _, record in known}]
        n = len({thing for thing, _ in known})
    else:
        n = len({row["effective" if one.take == "days" else "record"] for row in rows})
    return {"present": n >= one.at_least, "measure": n, "unsure": unsure, "n": n, "rows": rows}


def known(evidence: Evidence, person: Row, card: Scorecard, rules: Path | None) -> bool:
    """Is anything known, whatever the interval says?"""
    if not evidence.may_be_unknown:
        return True
    wide = replace(evidence, intervals=(), category="", at_least=evidence.at_least if evidence.take == "change" else 1)
    return bool(look((wide,), person, card, rules)["present"])


def assess(term: Term, person: Row, card: Scorecard, rules: Path | None) -> Row:
    """The term before suppression: present, points, n, first, last, record, code, unsure, assessed."""
    joined = tuple(e for e in term.any if e.source in ("coded", "value", "answer") and e.take in ("any", "records")
                   and e.at_least == 1)
    any_of = [look(joined, person, card, rules)] if joined else []
    any_of += [look((e,), person, card, rules) for e in term.any if e not in joined]
    all_of, none_of = ([look((e,), person, card, rules) for e in many] for many in (term.all, term.none))
    present = ((not any_of or any(one["present"] for one in any_of)) and all(one["present"] for one in all_of)
               and not any(one["present"] for one in none_of))
    assessed = present or ((not term.any or any(known(e, person, card, rules) for e in term.any))
                           and all(known(e, person, card, rules) for e in term.all + term.none))
    behind = [one for one in any_of + all_of if one["present"]]
    return {"present": present, "points": points_of(term, behind[0]["measure"] if behind else None) if present else Decimal(0),
            "unsure": not present and any(one["unsure"] for one in any_of + all_of + none_of), "assessed": assessed,
            "behind": behind, **traced(behind)}


def traced(behind: list[Row]) -> Row:
    """n, and the first and last evidence; of several kinds of evidence that end on one day the record with the largest key."""
    lasts = [{**last_row(one["rows"]), "on": max(row.get("last", row["effective"]) for row in one["rows"])}
             for one in behind if one["rows"]]
    if not lasts:
        return {"n": sum(one["n"] for one in behind), "first": None, "last": None, "record": -1, "code": None}
    last = max(lasts, key=lambda row: (row["on"], row["record"]))
    return {"n": sum(one["n"] for one in behind), "first": min(row["effective"] for one in behind for row in one["rows"]),
            "last": last["on"], "record": last["record"], "code": (last["system"], last["code"]) if last["code"] else None}


def points_of(term: Term, measure: Any) -> Decimal:
    if term.steps:
        step = term.measured.round_to if not term.measured.counts else None
        return step_of(measure if step is None else half_up(float(measure), step), term.steps).points
    if term.choices:
        return dict(term.choices).get(measure, term.choices[-1][1])
    if term.per:
        number = measure if term.per.cap is None else min(measure, Fraction(term.per.cap))
        if term.per.form == "log":
            many = math.floor(float(term.per.each * 10**6) * math.log(number) + 0.5) if number > 0 else 0
            return Decimal(many).scaleb(-6)
        grid = half_up(float(number), term.measured.round_to or Decimal(1))
        many = grid * grid if term.per.form == "square" else grid
        exact = Fraction(term.per.each) * many
        return Decimal(exact.numerator) / Decimal(exact.denominator)
    return term.points


def step_of(number: Any, steps: tuple[Step, ...]) -> Step:
    return next(step for step in steps if inside(number, step.interval))


def silenced(id: str, card: Scorecard, assessed: dict[str, Row]) -> bool:
    """Is the term silenced by others, all judged before any suppression?"""
    term = next(term for term in card.terms if term.id == id)
    if any(assessed[other]["present"] for other in term.unless):
        return True
    for group in card.groups:
        if id in group.terms and group.choose != "sum" and assessed[id]["present"]:
            there = [other for other in group.terms if assessed[other]["present"]]
            points = {other.id: other.points for other in card.terms}
            keys = [points[other] if group.choose == "worst" else assessed[other]["last"] for other in there]
            best = there[0] if group.choose == "first" else there[keys.index(max(keys))]
            return best != id
    return False


def linked(points: Decimal, of: Fraction, link: Link) -> float | Fraction:
    if link.kind == "logistic":
        return 1 / (1 + math.exp(-float(points)))
    if link.kind == "survival":
        return 1 - float(link.baseline) ** math.exp(float(points) - float(link.mean))
    return Fraction(points) / of


def band_of(value: Any, bands: tuple[Band, ...], single: Decimal | None) -> str:
    holds = [band.label for band in bands if (
        inside(value, band.interval) if band.any_term is None else single is not None and single >= band.any_term)]
    return holds[-1] if holds else ""


def standing(card: Scorecard, person: Row, unsure: bool, blocked: bool, few: bool) -> tuple[str, str]:
    """Status, and the kind of reason."""
    day, birth, index = person["day"], person["birth"], person["index"]
    if not card.available:
        return "not_available", "off"
    of_stays = card.index or any(e.source == "stay" for e in card.evidence)
    if card.index and person["hospital_from"] is None:
        return "not_assessable", "no feed"
    if of_stays and person["hospital_without_stays"]:
        return "not_assessable", "no stays at all"
    if card.index and (index is None or (card.index_within and index["ended"] <= before_window(
            person["as_of"], replace(ANY, within=card.index_within)))):
        return "outside_population", "no index"
    aged = any(e.take == "age" or e.age_from is not None or e.age_below is not None or (
        e.codes and e.source in ("coded", "issue") and any(
            entry.min_age_at_event is not None or entry.max_age_at_event is not None
            for entry in load_codelist(e.codes, person["rules"]).entries)) for e in card.evidence)
    if birth is None and (card.age_at_least is not None or card.age_below is not None or aged):
        return "not_assessable", "no birth"
    if card.age_at_least is not None and years_old(birth, day) < card.age_at_least:
        return "outside_population", "young"
    if card.age_below is not None and years_old(birth, day) >= card.age_below:
        return "outside_population", "old"
    if "hospital" in card.needs:
        fed = [e for e in card.evidence if e.feed and e.index is not True]
        first_days = [before_window(day, e) + timedelta(days=1) if e.within else day for e in fed]
        needed = day if not fed or any(e.within is None for e in fed) else min(first_days)
        if person["hospital_from"] is None:
            return "not_assessable", "no feed"
        if person["hospital_from"] > needed:
            return "not_assessable", "short feed"
        if unsure:
            return "not_assessable", "unsure stay"
    if card.set_within and not person["moment"]:
        return "not_assessable", "no set"
    if blocked:
        return "not_assessable", "blocked"
    if few:
        return "not_assessable", "too few"
    if "hospital" in card.needs and person["hospital_without_stays"] and any(e.by_stay for e in card.evidence):
        return "ok", "no stays"
    return "ok", ""


def longest_issue(card: Scorecard) -> Evidence:
    issues = [e for e in card.evidence if e.source == "issue"]
    if any(e.within is None for e in issues):
        return Evidence("issue")
    return Evidence("issue", within=max((e.within for e in issues if e.within), key=lambda w: w.about_days))


def score(card: Scorecard, person: Row, rules: Path | None = None) -> Row:
    """points, value, band, status, reason (its kind), of, and terms {id: points, first, last, n, record, code}."""
    if not card.available:
        return {"points": Decimal(0), "status": "not_available", "reason": "off", "terms": {}, "value": None, "band": "",
                "of": None}
    index = last_discharge(person) if card.index else NOBODY
    person = {"inputs": {}, **person, "index": index, "rules": rules,
              "day": person["as_of"] if index is NOBODY else index["ended"] if index else None}
    person["moment"] = moment_of(card, person, rules) if card.set_within else []
    if index is None:
        person["day"] = person["as_of"]
    judged = {term.id: assess(term, person, card, rules) for term in card.terms}
    if index is None:   # no day: nobody's age counts at a discharge that there was not; the engine takes as_of
        person["day"] = person["as_of"]
    blocked, counted, members = False, {}, {id: group for group in card.groups if group.choose == "sum" for id in group.terms}
    for term in card.terms:
        row = judged[term.id]
        if row["present"] and not silenced(term.id, card, judged) and term.id not in members and row["points"] != 0:
            counted[term.id] = row
        if not row["assessed"] and term.missing != "absent":
            blocked |= term.missing == "not_assessable"
            if isinstance(term.missing, Decimal) and term.missing:
                counted[f"{term.id}_missing"] = {"points": term.missing, **traced([])}
    for group in card.groups:
        there = [id for id in group.terms if judged[id]["present"]]
        if group.choose == "sum":
            inner = sum((judged[id]["points"] for id in there if not silenced(id, card, judged)), Decimal(0))
            points = step_of(Fraction(inner), group.steps).points
            if points:
                counted[group.id] = {"points": points, **traced([one for id in group.terms for one in judged[id]["behind"]])}
        elif not there and group.missing != "absent":
            blocked |= group.missing == "not_assessable"
            if isinstance(group.missing, Decimal) and group.missing:
                counted[f"{group.id}_missing"] = {"points": group.missing, **traced([])}
    medicines = rows_of(longest_issue(card), person, rules)[0] if {"substances", "bnf"} & set(card.needs) else []
    unmapped = things("unknown substance", medicines, person) if "substances" in card.needs else set()
    blocked |= bool(unmapped) and card.unmapped is None
    blocked |= "bnf" in card.needs and bool(things("unknown paragraph", medicines, person))
    single = max((one["points"] for one in counted.values()), default=None)
    if card.link.intercept:
        counted["intercept"] = {"points": card.link.intercept, **traced([])}
    if unmapped and card.unmapped is not None:
        rows = [row for row in medicines if row["record"] in {record for _, record in unmapped}]
        counted["substances_unknown"] = {"points": Decimal(0), **traced([{"n": len({thing for thing, _ in unmapped}), "rows": rows}])}
    points = sum((one["points"] for one in counted.values()), Decimal(0))
    if card.floor is not None and points < card.floor:
        counted["floor"] = {"points": card.floor - points, **traced([])}
        points = card.floor
    missing = {term.id: term.missing for term in card.terms}
    deficits = {id: ([id], "absent") for id in missing} | {id: (group.terms, group.missing) for group in card.groups for id in group.terms}
    each = {tuple(ids): then for ids, then in deficits.values()}    # a group of grades is one deficit
    assessed = sum(then != "absent" or any(judged[id]["assessed"] or missing[id] != "absent" for id in ids)
                   for ids, then in each.items())
    few = card.link.kind == "assessed" and Fraction(assessed, len(each)) < card.link.minimum_share
    status, reason = standing(card, person, any(one["unsure"] for one in judged.values()), blocked, few)
    of = Fraction(assessed) if card.link.kind == "assessed" else card.link.divide_by or Fraction(1)
    if status == "ok" and unmapped and card.unmapped is not None:
        most = points + card.unmapped * len({thing for thing, _ in unmapped})
        if not card.bands or band_of(Fraction(points), card.bands, single) != band_of(Fraction(most), card.bands, single):
            status = "not_assessable"
        reason = "blocked" if status != "ok" else "unmapped"
    value = linked(points, of, card.link) if status == "ok" else None
    return {"points": points, "status": status, "reason": reason, "terms": counted, "value": value, "of": of,
            "band": band_of(value, card.bands, single) if value is not None else ""}
