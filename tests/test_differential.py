"""ICD scores against pycomorb and against plain Python. What may differ stands in docs/differences.md, by name."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Sequence
from itertools import pairwise, product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from icd_people import naive_points, plain_code, score_codes, score_lists, table, tenths

DOCS = Path(__file__).resolve().parent.parent / "docs" / "differences.md"
PEOPLE = 100_000
PEERS: dict[str, dict[str, str]] = {
    "charlson": {"score": "charlson", "implementation": "quan", "weights": "charlson"},
    "charlson_age": {"score": "charlson", "implementation": "quan", "weights": "charlson"},
    "charlson_quan2011": {"score": "charlson", "implementation": "quan", "weights": "quan"},
    "charlson_swedish": {"score": "charlson", "implementation": "sweden", "weights": "charlson"},
    "charlson_australian": {"score": "charlson", "implementation": "australia", "weights": "charlson"},
    "charlson_shmi": {"score": "charlson", "implementation": "uk_shmi", "weights": "uk_shmi"},
    "elixhauser": {"score": "elixhauser", "implementation": "quan", "weights": "van_walraven"},
    "elixhauser_swiss": {"score": "elixhauser", "implementation": "quan", "weights": "swiss"},
    "hfrs": {"score": "hfrs"}}
COLUMNS = {"charlson": "Charlson Comorbidity Index", "charlson_age": "Charlson Age-Comorbidity Score",
           "elixhauser": "Elixhauser Comorbidity Index", "hfrs": "HFRS Score"}
CHARLSON = {"mld": "msld", "diab": "diabwc", "canc": "metacanc"}
ELIXHAUSER = {"hypunc": "hypc", "diabunc": "diabc", "solidtum": "metacanc"}
LISTS: dict[str, tuple[str, tuple[str, str, str], dict[str, str]]] = {
    "charlson": ("charlson/quan2005", ("charlson_weights.csv", "category", "charlson1987"), CHARLSON),
    "charlson_quan2011": ("charlson/quan2005", ("charlson_weights.csv", "category", "quan2011"), CHARLSON),
    "charlson_australian": ("charlson/australian2004", ("charlson_weights.csv", "category", "charlson1987"), CHARLSON),
    "charlson_shmi": ("charlson/shmi_1_35", ("charlson_shmi_weights.csv", "category", "shmi"), CHARLSON),
    "elixhauser": ("elixhauser/quan2005", ("elixhauser_weights.csv", "category", "van_walraven2009"), ELIXHAUSER),
    "elixhauser_swiss": ("elixhauser/quan2005", ("elixhauser_weights.csv", "category", "swiss2021"), ELIXHAUSER),
    "elixhauser_ahrq_mortality": (
        "elixhauser/quan2005", ("elixhauser_weights.csv", "category", "ahrq_mortality2017"), ELIXHAUSER),
    "elixhauser_ahrq_readmission": (
        "elixhauser/quan2005", ("elixhauser_weights.csv", "category", "ahrq_readmission2017"), ELIXHAUSER),
    "hfrs": ("hfrs/codes", ("hfrs_weights.csv", "icd10", "weight"), {})}


def rows_of(heading: str) -> list[dict[str, str]]:
    """The rows of the table below a heading of docs/differences.md."""
    part = DOCS.read_text("utf-8").split(f"\n## {heading}", 1)[1].split("\n## ", 1)[0]
    lines = [[cell.strip() for cell in line.strip("| ").split("|")] for line in part.splitlines() if line.startswith("|")]
    return [dict(zip(lines[0], line, strict=True)) for line in lines[2:]]


def persons_of(row: dict[str, str]) -> list[tuple[str, ...]]:
    """The people whom a row is about, each a tuple of codes."""
    return list(product(*([code.strip() for code in side.split(",")] for side in row["codes"].split("+"))))


def their_points(score: str, ids: Any, codes: Any, ages: Any) -> dict[int, int]:
    """pycomorb's points, person -> whole tenths: its floats are nothing else."""
    polars, pycomorb = pytest.importorskip("polars"), pytest.importorskip("pycomorb")
    frame = polars.DataFrame({"id": ids, "code": codes, "age": ages})
    column = COLUMNS.get(score) or COLUMNS[PEERS[score]["score"]]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result = pycomorb.comorbidity(df=frame, id_col="id", code_col="code", age_col="age", **PEERS[score])
    return {person: round(points * 10) for person, points in result.select("id", column).iter_rows()}


def theirs_of_lists(score: str, people: Sequence[Sequence[str]]) -> list[int]:
    ids = [n for n, person in enumerate(people) for _ in person]
    points = their_points(score, ids, [code for person in people for code in person], [80] * len(ids))
    return [points[n] for n in range(len(people))]


def explained(score: str) -> list[tuple[list[str], ...]]:
    """The rows about a score: who has a code of each side may differ."""
    return [tuple([plain_code(code) for code in side.split(",")] for side in row["codes"].split("+"))
            for row in rows_of("pycomorb") if row["score"] == score]


def may_differ(person: Sequence[str], rows: list[tuple[list[str], ...]]) -> bool:
    return any(all(any(plain_code(code).startswith(tuple(side)) for code in person) for side in row) for row in rows)


# ---- the tables

@pytest.mark.parametrize("row", rows_of("pycomorb"), ids=lambda row: f"{row['score']} {row['codes']}")
def test_each_difference_to_pycomorb_is_as_it_is_told(row: dict[str, str]) -> None:
    people = persons_of(row)
    assert row["why"] and row["here"] != row["pycomorb"]
    assert score_lists([row["score"]], people)[row["score"]].tolist() == [tenths(row["here"])] * len(people)
    assert theirs_of_lists(row["score"], people) == [tenths(row["pycomorb"])] * len(people)


@pytest.mark.parametrize("row", rows_of("Others"), ids=lambda row: f"{row['score']} {row['codes']}")
def test_each_difference_to_others_is_as_it_is_told_of_us(row: dict[str, str]) -> None:
    people = persons_of(row)
    assert row["who"] and row["why"] and row["here"] != row["there"]
    assert score_lists([row["score"]], people)[row["score"]].tolist() == [tenths(row["here"])] * len(people)


# ---- every code by itself

def test_every_code_of_icd10_by_itself() -> None:
    three = [f"{letter}{n:02d}" for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ" for n in range(100)]
    codes = three + [f"{code}{n}" for code in three for n in range(10)]
    ids = np.arange(len(codes))
    here = score_codes(list(PEERS), ids, ids, codes, np.full(len(codes), 80))
    for score in PEERS:
        there, rows = their_points(score, ids, codes, np.full(len(codes), 80)), explained(score)
        for n, code in enumerate(codes):
            assert here[score][n] == there[n] or may_differ([code], rows), (score, code, here[score][n], there[n])


# ---- 100,000 people

@pytest.fixture(scope="module")
def crowd() -> tuple[Any, Any, list[str], Any]:
    """person, code, codes, ages: codes of every list and near misses, spelled in several ways, up to 16 a person."""
    rng = np.random.default_rng(20)
    near: set[str] = set()
    for name in sorted({"charlson/swedish2021", *(LISTS[score][0] for score in LISTS)}):
        for row in table("codelists", f"{name}.csv"):
            code = row["code"]
            last = (int(code[-1]) + 1) % 10 if code[-1].isdigit() else 0
            near |= {code, code[:3], f"{code}{rng.integers(10)}", f"{code[:-1]}{last}", f"{code[:-1]}{last}0",
                     f"{code[:3]}{rng.integers(10)}"}
    codes = list(dict.fromkeys(spelled(code, n) for n, code in enumerate(sorted(near)) if len(code) > 2))
    size = rng.integers(0, 17, PEOPLE)
    person = np.repeat(np.arange(PEOPLE), size)
    return person, rng.integers(0, len(codes), len(person)), codes, rng.integers(40, 101, PEOPLE)


def spelled(code: str, n: int) -> str:
    dotted = f"{code[:3]}.{code[3:]}" if len(code) > 3 else code
    return (code, code, dotted, dotted.lower(), f" {code} ")[n % 5]


def of_each(person: Any, code: Any, codes: list[str], count: int) -> Iterator[list[str]]:
    ends = np.searchsorted(person, np.arange(count + 1))
    for low, high in pairwise(ends):
        yield [codes[c] for c in code[low:high]]


def test_a_hundred_thousand_people(crowd: tuple[Any, Any, list[str], Any]) -> None:
    person, code, codes, ages = crowd
    assert len(codes) > 3000 and {re.sub(r"\w", "", one) for one in codes} == {"", ".", "  "}
    here = score_codes(list(PEERS), person, code, codes, ages)
    spelling = np.array(codes, object)[code]
    for score in PEERS:
        there, rows = their_points(score, person, spelling, ages[person]), explained(score)
        mine = here[score].tolist()
        differing = [p for p in there if mine[p] != there[p]]
        assert sum(points > 0 for points in mine) > PEOPLE / 3
        if not rows or score == "charlson":
            assert not differing, (score, differing[:5])
        lists = {p: [codes[c] for c in code[np.searchsorted(person, p):np.searchsorted(person, p + 1)]] for p in differing}
        assert [p for p in differing if not may_differ(lists[p], rows)] == [], score


def test_plain_python_says_the_same(crowd: tuple[Any, Any, list[str], Any]) -> None:
    person, code, codes, ages = crowd
    few = 5_000
    rows = int(np.searchsorted(person, few))
    here = score_codes(list(LISTS), person[:rows], code[:rows], codes, ages[:few])
    people = list(of_each(person, code, codes, few))
    known: dict[tuple[str, str], frozenset[str]] = {}
    for score, (codelist, weights, silences) in LISTS.items():
        there = [naive_points(codelist, weights, silences, one, known) for one in people]
        assert here[score].tolist() == ([max(points, 0) for points in there] if score == "charlson_shmi" else there), score
