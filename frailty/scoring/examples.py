"""Worked examples of scorecards, run as the engine runs real people."""

from __future__ import annotations

import math
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from frailty.records.arrays import (
    ADMISSIONS,
    OPEN,
    SETTINGS,
    SEXES,
    Coded,
    Issues,
    Measured,
    PracticeArrays,
    Stays,
    answer_numbers,
    empty_family,
)
from frailty.scoring.definitions import STATUS, Example, Scorecard
from frailty.scoring.engine import evaluate
from frailty.scoring.plan import compile_plan
from frailty.terminology import Ladder

AS_OF = (date(2025, 6, 30) - date(1970, 1, 1)).days


def run_example(card: Scorecard, example: Example, rules: Path | None = None) -> list[str]:
    """Score the person of one [[example]]; answers what differs from what is expected (empty = as expected).

    given: see docs/scorecards.md. An event without `stay` belongs to a stay of its own; with it, to the stay of that position.
    """
    given, expect = example.given, example.expect
    events = [dict(event) for event in given.get("events", [])]
    events += [_first_code(card, id, rules) for id in given.get("terms", [])]
    drugs = [*given.get("medicines", []), *([""] * int(given.get("issues", 0)))]
    concepts = [(e["system"], e["code"]) for e in events] + [("", f"medicine {n}") for n in range(len(drugs))] or [("", "")]
    ladder = _ladder(len(concepts), len(events), drugs)
    plan = compile_plan([card], [c[0] for c in concepts], [c[1] for c in concepts], rules, ladder=ladder)
    values = [*given.get("values", []), *(_answer(card, one, rules) for one in given.get("answers", []))]
    quantities = tuple(dict.fromkeys([*plan.measured_quantities, *(v["quantity"] for v in values)]))

    def rows(kind: Any, many: list[dict[str, Any]]) -> Any:
        """A family of one person, oldest row first; what is not said is left at its plain value."""
        many = sorted(many, key=lambda row: row["effective"])
        plain = empty_family(kind, 1)._asdict()
        columns = {name: np.array([row.get(name, 0) for row in many], column.dtype) for name, column in plain.items()}
        return kind(**{**columns, "offsets": np.array([0, len(many)], np.int64)})

    def day(one: dict[str, Any]) -> dict[str, int]:
        when = AS_OF - int(one.get("days_before", 30))
        return {"effective": when, "recorded": when}

    stays, providers, place = _stays(given.get("stays", []), [e for e in events if "stay" not in e])
    own = iter(range(len(given.get("stays", [])), len(stays)))
    coded = [{**day(e), "concept": n, "stay": place[e["stay"] if "stay" in e else next(own)], "record": n}
             for n, e in enumerate(events)]
    numbers = [{**day(v), "concept": -1, "quantity": quantities.index(v["quantity"]), "value": float(v["value"]),
                "minute": v.get("minute", 600), "record": 1000 + n} for n, v in enumerate(values)]
    issued = [{**day({}), "concept": len(events) + n, "record": 2000 + n} for n in range(len(drugs))]
    today = date(1970, 1, 1).fromordinal(AS_OF + date(1970, 1, 1).toordinal())
    born = today.replace(year=today.year - int(given.get("age", 80)))
    arrays = PracticeArrays(
        person=np.zeros(1, np.int32), birth=np.array([(born - date(1970, 1, 1)).days], np.int32),
        sex=np.array([SEXES.index(given.get("sex", "unknown"))], np.int8), death=np.array([OPEN], np.int32),
        hospital_from=np.array([-100_000 if given.get("hospital", True) else OPEN], np.int32),
        hospital_without_stays=np.zeros(1, np.bool_), coded=rows(Coded, coded), measured=rows(Measured, numbers),
        issues=rows(Issues, issued), stays=rows(Stays, stays), quantities=quantities, substance=ladder.substance,
        rung=ladder.rung, providers=providers,
        inputs={name: np.array([float(number)]) for name, number in given.get("inputs", {}).items()})
    scores = evaluate(plan, arrays, AS_OF)
    score, found = scores[card.id], scores.contributions
    got: dict[str, Any] = {"points": score.points[0] / 10**score.scale, "value": float(score.value[0]),
                           "status": STATUS[score.status[0]], "of": score.of[0] if isinstance(score.of, np.ndarray) else score.of,
           "band": (*score.bands, "")[score.band[0]], "terms": sorted(plan.term_names[t] for t in found.term)}
    wanted: dict[str, Any] = {key: sorted(one) if key == "terms" else float(one) if key in ("points", "value", "of") else one
              for key, one in expect.items()}
    return [f"{key}: expected {wanted[key]!r}, got {got[key]!r}" for key in wanted if not (
        math.isclose(wanted[key], got[key], abs_tol=5e-7) if key == "value" else wanted[key] == got[key])]


def _stays(given: list[dict[str, Any]], events: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], tuple[str, ...], list[int]]:
    """Stays, those of events too; the names of their providers; and where each stands once they are in order."""
    providers = tuple(dict.fromkeys(one["provider"] for one in given if "provider" in one))
    made = []
    for one in given:
        began = AS_OF - int(one.get("days_before", 30))
        ended = began + int(one["length"]) if "length" in one else int(OPEN)
        made.append({"started": began, "ended": ended, "recorded_start": began, "recorded_end": ended,
                     "provider": providers.index(one["provider"]) if "provider" in one else -1, **_kind(one)})
    open_ended = {"started": AS_OF - 40_000, "recorded_start": AS_OF - 40_000, "ended": int(OPEN), "recorded_end": int(OPEN)}
    made += [{**open_ended, "provider": -1, **_kind(e)} for e in events]
    order = sorted(range(len(made)), key=lambda n: made[n]["started"])
    place = [order.index(n) for n in range(len(made))]
    return [{**made[n], "effective": at, "record": 3000 + n} for at, n in enumerate(order)], providers, place


def _kind(one: dict[str, Any]) -> dict[str, int]:
    return {"admission": ADMISSIONS.index(one.get("admission", "emergency")),
            "setting": SETTINGS.index(one.get("setting", "inpatient"))}


def _ladder(concepts: int, events: int, drugs: list[str]) -> Ladder:
    """Every medicine by its name; those without one are products of which nothing is known."""
    names = [*drugs, ""]
    substance = np.full(concepts, len(drugs), np.int32)
    substance[events:events + len(drugs)] = [names.index(name) if name else n for n, name in enumerate(drugs)]
    rung = np.array([0] * events + [2 if name else 3 for name in drugs] + [0] * (concepts - events - len(drugs)), np.int8)
    return Ladder(substance, names, rung, [""] * concepts)


def _answer(card: Scorecard, given: dict[str, Any], rules: Path | None) -> dict[str, Any]:
    """An answer as a number of its quantity."""
    from frailty.terminology import load_codelist
    evidence = next(e for e in card.evidence if e.source == "answer" and e.codes == given["codes"])
    numbers = answer_numbers([e.category for e in load_codelist(evidence.answers, rules).entries])
    return {**given, "quantity": f"{evidence.codes}={evidence.answers}", "value": numbers[str(given["answer"])]}


def _first_code(card: Scorecard, term: str, rules: Path | None) -> dict[str, Any]:
    """The first code that makes a term present."""
    from frailty.terminology import load_codelist
    evidence = next(e for t in card.terms if t.id == term for e in t.any + t.all if e.source == "coded")
    entry = next(e for e in load_codelist(evidence.codes, rules).entries
                 if (not evidence.category or e.category == evidence.category)
                 and not (evidence.without_caution and e.caution))
    return {"system": entry.system, "code": entry.code}
