"""Worked examples of scorecards, run as the engine runs real people."""

from __future__ import annotations

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
    empty_family,
)
from frailty.scoring.definitions import Example, Scorecard
from frailty.scoring.engine import evaluate
from frailty.scoring.plan import compile_plan

AS_OF = (date(2025, 6, 30) - date(1970, 1, 1)).days


def run_example(card: Scorecard, example: Example, rules: Path | None = None) -> list[str]:
    """Score the person of one [[example]]; answers what differs from what is expected (empty = as expected).

    given: age, sex, terms (each by the first code of its list), events {system, code, days_before, admission, setting},
    values {quantity, value, days_before}, issues (so many substances), hospital (false = no feed).
    """
    given, expect = example.given, example.expect
    events = [dict(event) for event in given.get("events", [])]
    events += [_first_code(card, id, rules) for id in given.get("terms", [])]
    values, drugs = given.get("values", []), int(given.get("issues", 0))
    concepts = [(e["system"], e["code"]) for e in events] + [("", f"medicine {n}") for n in range(drugs)] or [("", "")]
    plan = compile_plan([card], [c[0] for c in concepts], [c[1] for c in concepts], rules)
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

    coded = [{**day(e), "concept": n, "stay": n, "record": n} for n, e in enumerate(events)]
    stays = [{**day(e), "started": AS_OF - 40_000, "recorded_start": AS_OF - 40_000, "ended": OPEN,
              "recorded_end": OPEN, "admission": ADMISSIONS.index(e.get("admission", "emergency")),
              "setting": SETTINGS.index(e.get("setting", "inpatient"))} for e in events]
    numbers = [{**day(v), "concept": -1, "quantity": quantities.index(v["quantity"]), "value": float(v["value"]),
                "record": 1000 + n} for n, v in enumerate(values)]
    issued = [{**day({}), "concept": len(events) + n, "record": 2000 + n} for n in range(drugs)]
    stays_of = rows(Stays, [{**s, "effective": n} for n, s in enumerate(stays)])
    today = date(1970, 1, 1).fromordinal(AS_OF + date(1970, 1, 1).toordinal())
    born = today.replace(year=today.year - int(given.get("age", 80)))
    arrays = PracticeArrays(
        person=np.zeros(1, np.int32), birth=np.array([(born - date(1970, 1, 1)).days], np.int32),
        sex=np.array([SEXES.index(given.get("sex", "unknown"))], np.int8), death=np.array([OPEN], np.int32),
        hospital_from=np.array([0 if given.get("hospital", True) else OPEN], np.int32),
        hospital_without_stays=np.zeros(1, np.bool_), coded=rows(Coded, coded), measured=rows(Measured, numbers),
        issues=rows(Issues, issued), stays=stays_of, quantities=quantities,
        substance=np.arange(len(concepts), dtype=np.int32), rung=np.ones(len(concepts), np.int8))
    scores = evaluate(plan, arrays, AS_OF)
    score, found = scores[card.id], scores.contributions
    got = {"points": score.points[0] / 10**score.scale, "status": ("ok", "outside_population", "not_assessable",
                                                                    "not_available")[score.status[0]],
           "band": (*score.bands, "")[score.band[0]], "terms": sorted(plan.term_names[t] for t in found.term)}
    wanted = {**expect, **({"points": float(expect["points"])} if "points" in expect else {}),
              **({"terms": sorted(expect["terms"])} if "terms" in expect else {})}
    return [f"{key}: expected {wanted[key]!r}, got {got[key]!r}" for key in wanted if wanted[key] != got[key]]


def _first_code(card: Scorecard, term: str, rules: Path | None) -> dict[str, Any]:
    """The first code that makes a term present."""
    from frailty.terminology import load_codelist
    evidence = next(e for t in card.terms if t.id == term for e in t.any + t.all if e.source == "coded")
    entry = next(e for e in load_codelist(evidence.codes, rules).entries
                 if (not evidence.category or e.category == evidence.category)
                 and not (evidence.without_caution and e.caution))
    return {"system": entry.system, "code": entry.code}
