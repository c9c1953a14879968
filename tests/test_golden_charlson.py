"""Charlson, from Charlson 1987 and 1994, Quan 2005 and 2011, Sundararajan 2004, Ludvigsson 2021: sums, codes, bands.

Sums of weights and counts of codes are of the publications' tables, as several implementations have them.
"""

from __future__ import annotations

import pytest
from golden import differs, icd, sum_of_weights
from icd_people import score_lists

from frailty.scoring import load_scorecard
from frailty.terminology import load_codelist

pytestmark = pytest.mark.scoring
IDS = ("charlson", "charlson_australian", "charlson_swedish")
WEIGHTS_1987 = {"mi": 1, "chf": 1, "pvd": 1, "cevd": 1, "dementia": 1, "cpd": 1, "rheumd": 1, "pud": 1, "mld": 1, "diab": 1,
                "diabwc": 2, "hp": 2, "rend": 2, "canc": 2, "msld": 3, "metacanc": 6, "aids": 6, "copd": 1}
WEIGHTS_2011 = {"chf": 2, "dementia": 2, "cpd": 1, "rheumd": 1, "mld": 2, "diabwc": 1, "hp": 2, "rend": 1, "canc": 2, "msld": 4,
                "metacanc": 6, "aids": 4}

# codes of two conditions: C80 is cancer and metastasis, of which the worse counts; F024 dementia and AIDS, which both count
BOTH = {"charlson": {}, "charlson_australian": {"C80": 6}, "charlson_swedish": {"F024": 7}}


def test_charlson1987_sum_of_weights() -> None:
    assert sum_of_weights("charlson") == sum_of_weights("charlson_australian") == 33


def test_ludvigsson2021_sum_of_weights() -> None:
    # the 33 of Charlson, a point more for a second pulmonary disease, and the 3 of ascites with mild liver disease
    assert sum_of_weights("charlson_swedish") == 33 + 1 + 3


def test_quan2011_sum_of_weights() -> None:
    assert sum_of_weights("charlson_quan2011") == 28 == sum(WEIGHTS_2011.values())


@pytest.mark.parametrize(("id", "name", "count"), [
    ("charlson", "quan2005", 289), ("charlson_australian", "australian2004", 182), ("charlson_swedish", "swedish2021", 280)])
def test_every_code_gives_the_weight_of_its_condition(id: str, name: str, count: int) -> None:
    entries = load_codelist(f"charlson/{name}").entries
    assert len(entries) == count and len({e.category for e in entries}) == (18 if id == "charlson_swedish" else 17)
    long = [e.code if len(e.code) > 2 else f"{e.code}5" for e in entries]     # C0 stands for C00 to C09
    expected = [BOTH[id].get(e.code, WEIGHTS_1987[e.category]) for e in entries]
    assert score_lists([id], [[code] for code in long])[id].tolist() == [10 * points for points in expected]


def test_quan2011_every_code() -> None:
    entries = load_codelist("charlson/quan2005").entries
    assert score_lists(["charlson_quan2011"], [[e.code] for e in entries])["charlson_quan2011"].tolist() == [
        10 * WEIGHTS_2011.get(e.category, 0) for e in entries]


@pytest.mark.parametrize(("terms", "points", "band"), [
    ([], 0, "none"), (["mi"], 1, "mild"), (["mi", "chf"], 2, "mild"), (["mi", "chf", "pvd"], 3, "moderate"),
    (["rend", "hp"], 4, "moderate"), (["rend", "hp", "mi"], 5, "severe"), (["aids"], 6, "severe")])
def test_charlson1987_bands_at_every_edge(terms: list[str], points: int, band: str) -> None:
    for id in IDS:
        assert differs(id, {"age": 80, "terms": terms}, points=points, band=band) == []


@pytest.mark.parametrize(("worse", "milder"), [("msld", "mld"), ("diabwc", "diab"), ("metacanc", "canc")])
def test_both_of_a_pair_count_as_the_worse(worse: str, milder: str) -> None:
    for id in (*IDS, "charlson_quan2011", "charlson_age"):
        weight = {term.id: term.points for term in load_scorecard(id).terms}
        assert differs(id, {"age": 49, "terms": [worse, milder]}, points=float(weight[worse]), terms=[worse]) == []


def test_codes_that_contradict_each_other_and_repeat() -> None:
    assert differs("charlson", icd("E119", "E112", "E109", "E119"), points=2, terms=["diabwc"]) == []
    assert differs("charlson", icd("I21", "I219", "I21.9", "i219"), points=1, terms=["mi"]) == []


@pytest.mark.parametrize(("age", "points"), [
    (18, 0), (49, 0), (50, 1), (51, 1), (59, 1), (60, 2), (69, 2), (70, 3), (79, 3), (80, 4), (81, 4), (100, 4)])
def test_charlson1994_age_points_at_every_edge(age: int, points: int) -> None:
    assert differs("charlson_age", {"age": age}, points=points) == []
    assert differs("charlson_age", {"age": age, "terms": ["dementia"]}, points=points + 1) == []


@pytest.mark.parametrize(("id", "code", "points"), [
    ("charlson_australian", "I110", 0), ("charlson_australian", "F03", 0), ("charlson_australian", "R02", 1),
    ("charlson_swedish", "M45", 1), ("charlson_swedish", "E119", 1), ("charlson_swedish", "C44", 0), ("charlson_swedish", "R18", 0), ("charlson_swedish", "K709", 1), ("charlson", "I110", 1),
    ("charlson", "M45", 0), ("charlson", "R02", 0)])
def test_sundararajan2004_and_ludvigsson2021_where_they_differ_from_quan2005(id: str, code: str, points: int) -> None:
    assert differs(id, icd(code), points=points) == []


@pytest.mark.parametrize(("codes", "points"), [(("R18",), 0), (("K73",), 1), (("K73", "R18"), 3), (("I850",), 3), (("I850", "R18"), 3),
                                               (("K73", "I850", "R18"), 3), (("J44", "J45"), 2), (("J44", "J43"), 1)])
def test_ludvigsson2021_ascites_and_two_pulmonary_diseases(codes: tuple[str, ...], points: int) -> None:
    assert differs("charlson_swedish", icd(*codes), points=points) == []


# ---- SHMI 1.35

def test_shmi_sum_of_weights_and_codes() -> None:
    assert sum_of_weights("charlson_shmi") == 129 and len(load_codelist("charlson/shmi_1_35").entries) == 224


def test_shmi_every_code() -> None:
    entries = load_codelist("charlson/shmi_1_35").entries
    weight = {term.id: int(term.points) for term in load_scorecard("charlson_shmi").terms}
    assert weight["diabwc"] == -1 and weight["diab"] == 3 and weight["msld"] == 18 and weight["dementia"] == 14
    assert score_lists(["charlson_shmi"], [[e.code] for e in entries])["charlson_shmi"].tolist() == [
        10 * max(weight[e.category], 0) for e in entries]


@pytest.mark.parametrize(("codes", "points"), [
    (("E112",), 0), (("E112", "I21"), 4), (("E112", "G81"), 0), (("E112", "G81", "B20"), 2), (("E119", "E112", "I21"), 4)])
def test_shmi_a_sum_below_zero_is_zero(codes: tuple[str, ...], points: int) -> None:
    # -1; -1 + 5; -1 + 1; -1 + 1 + 2; complicated diabetes silences the 3 of uncomplicated
    assert differs("charlson_shmi", icd(*codes), points=points) == []
