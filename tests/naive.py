"""Scoring in plain Python: dictionaries and loops, written from the definition of a scorecard and from nothing else.

The oracle that the kernels are held against. A person is a dictionary: birth, as_of, hospital_from (dates or None),
sex, hospital_without_stays, and lists of rows: coded {system, code, effective, recorded, record, stay}, measured
{quantity, value, comparator, effective, recorded, record, system, code}, issues {system, code, substance, rung,
effective, recorded, record}. A stay is {started, recorded_start, setting, admission} or None.
"""

from __future__ import annotations

from calendar import monthrange
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

from frailty.scoring.definitions import Band, Evidence, Interval, Scorecard, Step, Term
from frailty.terminology import load_codelist, load_quantities

Row = dict[str, Any]


def years_old(birth: date, day: date) -> int:
    return day.year - birth.year - ((day.month, day.day) < (birth.month, birth.day))


def before_window(day: date, evidence: Evidence) -> date:
    """The last day that lies before the window."""
    if evidence.within is None:
        return date.min
    if evidence.within.days:
        return day - timedelta(days=evidence.within.days)
    months = day.year * 12 + day.month - 1 - evidence.within.months
    year, month = divmod(months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def inside(number: Any, interval: Interval) -> bool:
    low, high = interval.low, interval.high
    if low is not None and (number <= low if interval.low_open else number < low):
        return False
    return not (high is not None and (number >= high if interval.high_open else number > high))


def meant_inside(value: float, comparator: str, interval: Interval) -> bool:
    """Is everything that "< value", "<= value" and so on can mean inside? Tried on numbers as near as can be."""
    number = Fraction(value)
    near, far = Fraction(1, 10**12), Fraction(10**12)
    tries = {"": [number], "<": [number - near, number - far], "<=": [number, number - far],
             ">": [number + near, number + far], ">=": [number, number + far]}[comparator]
    return all(inside(one, interval) for one in tries)


def in_list(row: Row, evidence: Evidence, rules: Path | None) -> bool:
    for entry in load_codelist(evidence.codes, rules).entries:
        if evidence.category and entry.category != evidence.category:
            continue
        if evidence.without_caution and entry.caution:
            continue
        if entry.system == row["system"] and (
                row["code"] == entry.code or (entry.match == "prefix" and row["code"].startswith(entry.code))):
            return True
    return False


def stay_answer(stay: Row | None, evidence: Evidence, day: date) -> bool | None:
    """Does the stay meet what is asked? None = not known."""
    if stay is None or stay["started"] > day or stay["recorded_start"] > day:
        return None
    parts = [(stay[key], wanted) for key, wanted in (("setting", evidence.settings), ("admission", evidence.admissions))
             if wanted]
    if any(got != "unknown" and got not in wanted for got, wanted in parts):
        return False
    return None if any(got == "unknown" for got, wanted in parts) else True


def rows_of(evidence: Evidence, person: Row, rules: Path | None) -> tuple[list[Row], bool]:
    """The rows that qualify; and whether a row was left out only because its stay is not known."""
    day, found, unsure = person["as_of"], [], False
    quantity = next((q.name for q in load_quantities(rules) if q.codes == evidence.codes), None)
    family = {"coded": "coded", "value": "measured", "issue": "issues"}[evidence.source]
    for row in person[family]:
        if not before_window(day, evidence) < row["effective"] <= day or row["recorded"] > day:
            continue
        if evidence.source == "value":
            if row["quantity"] != quantity:
                continue
            if evidence.without_caution and any(
                    e.caution and (e.system, e.code) == (row["system"], row["code"])
                    for e in load_codelist(evidence.codes, rules).entries):
                continue
            if evidence.intervals and not any(
                    meant_inside(row["value"], row["comparator"], i) and i.sex in ("", person["sex"])
                    for i in evidence.intervals):
                continue
        elif evidence.codes and not in_list(row, evidence, rules):
            continue
        if (evidence.settings or evidence.admissions) and not person["hospital_without_stays"]:
            answer = stay_answer(row["stay"], evidence, day)
            unsure = unsure or answer is None
            if not answer:
                continue
        found.append(row)
    return found, unsure


def last_row(rows: list[Row]) -> Row:
    """The last in the order of time; of the codings of one record, the first by system and code."""
    last = max((row["effective"], row["recorded"], row["record"]) for row in rows)
    return min((row for row in rows if (row["effective"], row["recorded"], row["record"]) == last),
               key=lambda row: (row["system"], row["code"]))


def substances(rows: list[Row], person: Row) -> set[int]:
    """One for each record: that of its coding on the lowest rung."""
    best = {}
    for record in {row["record"] for row in rows}:
        codings = [row for row in person["issues"] if row["record"] == record]
        best[record] = min(codings, key=lambda row: (row["rung"], row["system"], row["code"]))["substance"]
    return set(best.values())


def count(take: str, rows: list[Row], person: Row) -> int:
    if take == "distinct:substance":
        return len(substances(rows, person))
    return len({row["effective" if take == "days" else "record"] for row in rows})


def chosen(take: str, rows: list[Row]) -> Row:
    """The row whose number is the latest, smallest or largest; of equals the latest record, then the largest."""
    if take == "latest":
        return max(rows, key=lambda row: (row["effective"], row["recorded"], row["record"], row["value"]))
    sign = 1 if take == "max" else -1
    return max(rows, key=lambda row: (sign * row["value"], row["effective"], row["recorded"], row["record"]))


def look(evidence: tuple[Evidence, ...], person: Row, rules: Path | None) -> Row:
    """What evidence that is counted together comes to: present, n, first, last, record, code, measure, unsure."""
    take = evidence[0].take
    if take == "age":
        age = years_old(person["birth"], person["as_of"]) if person["birth"] else None
        return {"present": age is not None, "measure": age, "unsure": False, "n": 0, "rows": []}
    rows, unsure = [], False
    for one in evidence:
        found, open_question = rows_of(one, person, rules)
        rows += [row for row in found if row not in rows]
        unsure = unsure or open_question
    if take in ("latest", "min", "max") and rows:
        row = chosen(take, rows)
        return {"present": True, "measure": Fraction(row["value"]), "unsure": unsure, "n": 1, "rows": [row]}
    n = count(take, rows, person)
    return {"present": n >= evidence[0].at_least, "measure": n, "unsure": unsure, "n": n, "rows": rows}


def assess(term: Term, person: Row, rules: Path | None) -> Row:
    """The term before suppression: present, points, n, first, last, record, code, unsure."""
    joined = tuple(e for e in term.any if e.source in ("coded", "value") and e.take in ("any", "records")
                   and e.at_least == 1)
    any_of = [look(joined, person, rules)] if joined else []
    any_of += [look((e,), person, rules) for e in term.any if e not in joined]
    all_of, none_of = ([look((e,), person, rules) for e in many] for many in (term.all, term.none))
    present = ((not any_of or any(one["present"] for one in any_of)) and all(one["present"] for one in all_of)
               and not any(one["present"] for one in none_of))
    behind = [one for one in any_of + all_of if one["present"]]
    rows = [row for one in behind for row in one["rows"]]
    points = term.points
    if term.steps and present:
        points = step_of(behind[0]["measure"], term.steps).points
    return {"present": present, "points": points if present else Decimal(0),
            "unsure": not present and any(one["unsure"] for one in any_of + all_of + none_of),
            "n": sum(one["n"] for one in behind),
            "first": min((row["effective"] for row in rows), default=None),
            "last": max((row["effective"] for row in rows), default=None),
            "record": last_row(rows)["record"] if rows else -1,
            "code": (last_row(rows)["system"], last_row(rows)["code"]) if rows else None}


def step_of(number: Any, steps: tuple[Step, ...]) -> Step:
    return next(step for step in steps if inside(number, step.interval))


def band_of(value: Fraction, bands: tuple[Band, ...]) -> str:
    return next((band.label for band in bands if inside(value, band.interval)), "")


def standing(card: Scorecard, person: Row, unsure: bool) -> tuple[str, str]:
    """Status, and the kind of reason."""
    day, birth = person["as_of"], person["birth"]
    if birth is None and (card.age_at_least is not None or any(e.source == "person" for e in card.evidence)):
        return "not_assessable", "no birth"
    if card.age_at_least is not None and years_old(birth, day) < card.age_at_least:
        return "outside_population", "young"
    if card.needs:
        fed = [e for e in card.evidence if e.feed]
        first_days = [before_window(day, e) + timedelta(days=1) if e.within else day for e in fed]
        needed = day if any(e.within is None for e in fed) else min(first_days)
        if person["hospital_from"] is None:
            return "not_assessable", "no feed"
        if person["hospital_from"] > needed:
            return "not_assessable", "short feed"
        if unsure:
            return "not_assessable", "unsure stay"
        if person["hospital_without_stays"] and any(e.settings or e.admissions for e in card.evidence):
            return "ok", "no stays"
    return "ok", ""


def score(card: Scorecard, person: Row, rules: Path | None = None) -> Row:
    """points, value, band, status, reason (its kind), and terms {id: points, first, last, n, record, code}."""
    assessed = {term.id: assess(term, person, rules) for term in card.terms}
    counted = {term.id: assessed[term.id] for term in card.terms
               if assessed[term.id]["present"] and assessed[term.id]["points"] != 0
               and not any(assessed[other]["present"] for other in term.unless)}
    points = sum((one["points"] for one in counted.values()), Decimal(0))
    status, reason = standing(card, person, any(one["unsure"] for one in assessed.values()))
    value = Fraction(points) / (card.divide_by or 1)
    return {"points": points, "status": status, "reason": reason, "terms": counted,
            "value": value if status == "ok" else None, "band": band_of(value, card.bands) if status == "ok" else ""}
