"""People who are nothing but ICD-10 codes: laid out as arrays, and the ICD scores in plain Python beside them."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from datetime import date
from fractions import Fraction
from functools import lru_cache
from typing import Any

import numpy as np

from frailty.knowledge import rules_dir
from frailty.records.arrays import OPEN, Coded, Issues, Measured, PracticeArrays, Stays, empty_family
from frailty.scoring import compile_plan, evaluate, load_scorecard

ICD10 = "http://hl7.org/fhir/sid/icd-10"
YEAR = 2025
AS_OF = (date(YEAR, 6, 30) - date(1970, 1, 1)).days


def score_codes(ids: Sequence[str], person: Any, code: Any, codes: Sequence[str], ages: Any) -> dict[str, Any]:
    """The points of everybody in whole tenths, by score.

    person, code: one row a diagnosis, persons ascending; code = position in `codes`, as they were written. ages: of
    everybody. Nothing is known of stays, so every diagnosis counts.
    """
    people, rows = len(ages), len(person)
    day = np.full(rows, AS_OF - 30, np.int32)
    offsets = np.concatenate([[0], np.cumsum(np.bincount(person, minlength=people))])
    coded = Coded(offsets, np.asarray(code, np.int32), day, day, np.full(rows, OPEN, np.int32), np.full(rows, -1, np.int64),
                  np.arange(rows, dtype=np.int64))
    birth = (YEAR - np.asarray(ages) - 1970).astype("M8[Y]").astype("M8[D]").astype(np.int32)
    arrays = PracticeArrays(
        person=np.arange(people, dtype=np.int32), birth=birth, sex=np.full(people, 2, np.int8), death=np.full(people, OPEN),
        hospital_from=np.zeros(people, np.int32), hospital_without_stays=np.ones(people, np.bool_), coded=coded,
        measured=empty_family(Measured, people), issues=empty_family(Issues, people), stays=empty_family(Stays, people),
        quantities=(), substance=np.full(len(codes), -1, np.int32), rung=np.zeros(len(codes), np.int8))
    scores = evaluate(compile_plan([load_scorecard(id) for id in ids], [ICD10] * len(codes), list(codes)), arrays, AS_OF)
    assert all(scores[id].scale in (0, 1) for id in ids)
    return {id: scores[id].points * 10**(1 - scores[id].scale) for id in ids}


def score_lists(ids: Sequence[str], people: Sequence[Sequence[str]], age: int = 80) -> dict[str, Any]:
    """The same for a few people, each a list of codes as they were written."""
    codes = sorted({code for person in people for code in person}) or [""]
    place = {code: n for n, code in enumerate(codes)}
    person = np.repeat(np.arange(len(people)), [len(one) for one in people])
    return score_codes(ids, person, [place[code] for one in people for code in one], codes, [age] * len(people))


# ---- in plain Python

@lru_cache
def table(*parts: str) -> list[dict[str, str]]:
    with rules_dir().joinpath(*parts).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def plain_code(code: str) -> str:
    """A code without dot and blanks, in capitals."""
    return code.strip().replace(".", "").upper()


def tenths(text: str) -> int:
    """"3.2" -> 32."""
    number = Fraction(text) * 10
    assert number.denominator == 1
    return number.numerator


def naive_points(codelist: str, weights: tuple[str, str, str], silences: dict[str, str], person: Sequence[str],
                 known: dict[tuple[str, str], frozenset[str]]) -> int:
    """Tenths of points of one person: categories whose prefixes meet a code, less the silenced ones, times their weights.

    weights: file, key column, weight column. silences: category -> the category that silences it. known: what was
    found out about a code before.
    """
    found: set[str] = set()
    for code in person:
        if (codelist, code) not in known:
            known[codelist, code] = frozenset(row["category"] for row in table("codelists", f"{codelist}.csv")
                                              if plain_code(code).startswith(row["code"]))
        found |= known[codelist, code]
    counted = {category for category in found if silences.get(category) not in found}
    file, key, column = weights
    return sum(tenths(row[column]) for row in table("scores", file) if row[key] in counted)
