"""Electronic frailty index, from Clegg 2016: 36 deficits, each 1/36; cut points 0.12, 0.24, 0.36."""

from __future__ import annotations

import pytest
from golden import differs, sum_of_weights, wrong_check_digits

from frailty.scoring import load_scorecard
from frailty.terminology import load_codelist

pytestmark = pytest.mark.scoring
DEFICITS = [term.id for term in load_scorecard("efi").terms if term.id != "polypharmacy"]


def test_thirty_six_deficits_of_equal_weight() -> None:
    assert sum_of_weights("efi") == sum_of_weights("efi_reviewed") == 36 and load_scorecard("efi").of == 36


@pytest.mark.parametrize(("count", "band"), [
    (0, "fit"), (1, "fit"), (4, "fit"), (5, "mild"), (8, "mild"), (9, "moderate"), (12, "moderate"), (13, "severe"), (35, "severe")])
def test_bands_on_either_side_of_each_cut_point(count: int, band: str) -> None:
    # 0.12, 0.24 and 0.36 of 36 are 4.32, 8.64 and 12.96: no count lies on one
    given = {"age": 80, "terms": DEFICITS[:count]}
    assert differs("efi", given, points=count, band=band, status="ok", terms=DEFICITS[:count]) == []


def test_all_thirty_six() -> None:
    assert differs("efi", {"age": 80, "terms": DEFICITS, "issues": 5}, points=36, band="severe") == []


@pytest.mark.parametrize(("age", "status"), [(64, "outside_population"), (65, "ok"), (66, "ok")])
def test_it_is_of_people_of_65_and_over(age: int, status: str) -> None:
    assert differs("efi", {"age": age, "terms": ["falls"]}, points=1, status=status) == []


@pytest.mark.parametrize(("quantity", "sex", "inside", "outside", "term"), [
    ("haemoglobin", "male", 129.9, 130, "anaemia"), ("haemoglobin", "female", 114.9, 115, "anaemia"),
    ("egfr", "male", 59.9, 60, "ckd"), ("urine_pcr", "male", 50.1, 50, "ckd"), ("urine_acr", "male", 3.1, 3, "ckd"),
    ("tsh", "male", 0.35, 0.36, "thyroid-disorders"), ("tsh", "male", 5.6, 5.5, "thyroid-disorders"),
    ("barthel", "male", 18, 19, "activity-limitation"), ("6cit", "male", 8, 7, "cognitive-problems"),
    ("abpi", "male", 0.94, 0.95, "pvd"), ("must", "male", 1, 0, "weight-loss"), ("falls_12m", "male", 1, 0, "falls"),
    ("sbp_24h", "male", 135.1, 135, "hypertension"), ("dbp_24h", "male", 85.1, 85, "hypertension"),
    ("dxa_hip_t", "male", -2.5, -2.4, "osteoporosis"), ("copd_burden", "male", 1, 0, "respiratory-disease")])
def test_value_rules_at_their_edges(quantity: str, sex: str, inside: float, outside: float, term: str) -> None:
    for value, terms in ((inside, [term]), (outside, [])):
        given = {"age": 80, "sex": sex, "values": [{"quantity": quantity, "value": value, "days_before": 4000}]}
        assert differs("efi", given, terms=terms) == []


def test_one_normal_value_does_not_undo_an_abnormal_one() -> None:
    values = [{"quantity": "egfr", "value": 45, "days_before": 900}, {"quantity": "egfr", "value": 95, "days_before": 3}]
    assert differs("efi", {"age": 80, "values": values}, points=1, terms=["ckd"]) == []


def test_check_digits() -> None:
    lists = load_scorecard("efi").codelists
    assert sum(len(load_codelist(name).entries) for name in lists if name.startswith("efi/")) == 5729
    assert wrong_check_digits(*lists) == []
