"""Elixhauser, from van Walraven 2009, Sharma 2021 (Swiss), Moore 2017 (AHRQ), on the codes of Quan 2005."""

from __future__ import annotations

import pytest
from golden import differs, icd, sum_of_weights
from icd_people import score_lists

from frailty.scoring import load_scorecard
from frailty.terminology import load_codelist

pytestmark = pytest.mark.scoring
IDS = ("elixhauser", "elixhauser_swiss", "elixhauser_ahrq_mortality", "elixhauser_ahrq_readmission")
TWO = {"I110": {"chf", "hypc"}, "I130": {"chf", "hypc"}, "I132": {"chf", "hypc"}, "I120": {"hypc", "rf"}, "I131": {"hypc", "rf"},
       "I278": {"pcd", "cpd"}, "I279": {"pcd", "cpd"}, "I426": {"chf", "alcohol"}, "G114": {"ond", "para"},
       "K700": {"ld", "alcohol"}, "K703": {"ld", "alcohol"}, "K709": {"ld", "alcohol"}, "F204": {"psycho", "depre"},
       "F315": {"psycho", "depre"}}


@pytest.mark.parametrize(("id", "total", "below_zero"), [
    # sums of the published columns; AHRQ has 29 conditions, with one weight of -1 for both kinds of hypertension
    ("elixhauser", 70, {"valv": -1, "obes": -4, "blane": -2, "dane": -2, "drug": -7, "depre": -3}),
    ("elixhauser_swiss", 87, {"valv": -1, "hypunc": -4, "hypc": -3, "diabc": -1, "hypothy": -3, "rheumd": -1, "obes": -6,
                              "blane": -5, "dane": -7, "alcohol": -3, "drug": -5, "psycho": -4, "depre": -3}),
    ("elixhauser_ahrq_mortality", 67 - 1, {"alcohol": -1, "dane": -2, "blane": -3, "depre": -5, "diabc": -3, "drug": -7,
                                           "hypunc": -1, "hypc": -1, "obes": -5, "psycho": -5}),
    ("elixhauser_ahrq_readmission", 225 - 1, {"hypunc": -1, "hypc": -1, "obes": -3})])
def test_sums_of_weights_and_weights_below_zero(id: str, total: int, below_zero: dict[str, int]) -> None:
    assert sum_of_weights(id) == total and len(load_scorecard(id).terms) == 31
    assert {term.id: term.points for term in load_scorecard(id).terms if term.points < 0} == below_zero


@pytest.mark.parametrize("id", IDS)
def test_every_code_gives_the_weights_of_its_conditions(id: str) -> None:
    entries = load_codelist("elixhauser/quan2005").entries
    weight = {term.id: int(term.points) for term in load_scorecard(id).terms}
    assert len(entries) == 399
    codes = sorted({entry.code for entry in entries})
    conditions = [TWO.get(code) or {entry.category for entry in entries if entry.code == code} for code in codes]
    assert score_lists([id], [[code] for code in codes])[id].tolist() == [10 * sum(weight[c] for c in many)
                                                                         for many in conditions]


@pytest.mark.parametrize("id", IDS)
@pytest.mark.parametrize(("worse", "milder"), [("hypc", "hypunc"), ("diabc", "diabunc"), ("metacanc", "solidtum")])
def test_both_of_a_pair_count_as_the_worse(id: str, worse: str, milder: str) -> None:
    weight = {term.id: float(term.points) for term in load_scorecard(id).terms}
    assert differs(id, {"terms": [worse, milder]}, points=weight[worse]) == []
    assert differs(id, {"terms": [milder]}, points=weight[milder]) == []


def test_sums_below_zero_stand() -> None:
    assert differs("elixhauser", icd("E66", "F11", "F32"), points=-14, status="ok", terms=["obes", "drug", "depre"]) == []


def test_moore2017_knows_one_hypertension_and_no_arrhythmia() -> None:
    for id in IDS[2:]:
        for codes in (("I10",), ("I11",), ("I10", "I11"), ("I10", "I11", "I48")):
            assert differs(id, icd(*codes), points=-1) == []


def test_skin_cancer_is_no_solid_tumour() -> None:
    for id in IDS:
        assert differs(id, icd("C44", "C449"), points=0, terms=[]) == []
