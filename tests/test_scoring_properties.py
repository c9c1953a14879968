"""What must hold of every score, whoever the people are: sums, growth, and that the future does not matter."""

from __future__ import annotations

from copy import deepcopy
from datetime import timedelta
from functools import lru_cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scoring_people import ICD10, TODAY, Row, lay_out, persons

from frailty.scoring import Scorecard, Scores, compile_plan, default_scorecard_ids, evaluate, load_scorecard
from frailty.terminology import load_codelist

pytestmark = pytest.mark.scoring
# A new event can only add: no weight below zero, no state that ends, no milder condition that outweighs the worse.
GROWING = ("efi", "efi_reviewed", "hfrs", "charlson", "charlson_age", "charlson_quan2011", "charlson_australian", "charlson_swedish")
SUMS = tuple(dict.fromkeys((*default_scorecard_ids(), *GROWING, "elixhauser", "elixhauser_swiss", "elixhauser_ahrq_mortality",
                            "elixhauser_ahrq_readmission")))
LISTS = ("charlson/quan2005", "charlson/swedish2021", "elixhauser/quan2005", "hfrs/codes", "efi/falls", "efi/anaemia", "efi/housebound")
CODES = tuple(sorted({(entry.system, entry.code if len(entry.code) > 2 else f"{entry.code}0")
                      for name in LISTS for entry in load_codelist(name).entries[::5]}))
PEOPLE = st.lists(persons(CODES, {"haemoglobin": ("x",), "egfr": ("y",)}), min_size=1, max_size=4)
FEW = settings(max_examples=12, deadline=None)


def scored(ids: tuple[str, ...], people: list[Row]) -> Scores:
    """The scores of these people, each on their day."""
    cards, quantities = loaded(ids)
    laid = lay_out(people, quantities)
    return evaluate(compile_plan(cards, laid.systems, laid.codes), laid.arrays, laid.as_of)


@lru_cache
def loaded(ids: tuple[str, ...]) -> tuple[list[Scorecard], tuple[str, ...]]:
    cards = [load_scorecard(id) for id in ids]
    return cards, compile_plan(cards, [""], [""]).measured_quantities


@settings(FEW)
@given(people=PEOPLE)
def test_contributions_sum_to_the_points(people: list[Row]) -> None:
    scores = scored(SUMS, people)
    found = scores.contributions
    for number, id in enumerate(SUMS):
        mine = found.score == number
        sums = np.bincount(found.person[mine], weights=found.points[mine], minlength=len(people))
        np.testing.assert_array_equal(sums.astype(np.int64), scores[id].points)


@settings(FEW)
@given(people=PEOPLE, code=st.sampled_from(CODES), back=st.integers(0, 900), admission=st.sampled_from(["emergency", "elective"]))
def test_an_event_more_never_lowers_a_score_that_accumulates(people: list[Row], code: tuple[str, str], back: int,
                                                              admission: str) -> None:
    more: list[Row] = deepcopy(people)
    for person in more:
        day = person["as_of"] - timedelta(days=back)
        stay = {"started": day, "recorded_start": day, "setting": "inpatient", "admission": admission}
        person["stays"].append(stay)
        person["coded"].append({"system": code[0], "code": code[1], "effective": day, "recorded": day, "record": 99, "stay": stay})
    scores = scored(GROWING, people + more)
    for id in GROWING:
        before, after = np.split(scores[id].points, 2)
        assert (after >= before).all(), id


@settings(FEW)
@given(people=PEOPLE)
def test_what_was_not_known_yet_does_not_matter(people: list[Row]) -> None:
    cut: list[Row] = deepcopy(people)
    for person in cut:
        for family in ("coded", "measured", "issues"):
            person[family] = [row for row in person[family] if max(row["effective"], row["recorded"]) <= person["as_of"]]
    scores = scored(SUMS, people + cut)
    for id in SUMS:
        for column in ("points", "band", "status", "reason"):
            np.testing.assert_array_equal(*np.split(getattr(scores[id], column), 2), id)


def test_the_people_are_worth_testing_on() -> None:
    """The drawn codes reach every score, and hospital codes are among them."""
    everybody: Any = {"birth": TODAY.replace(year=1940), "as_of": TODAY, "sex": "female", "hospital_from": TODAY.replace(year=2000),
                      "hospital_without_stays": True, "measured": [], "issues": [], "stays": [],
                      "coded": [{"system": system, "code": code, "effective": TODAY, "recorded": TODAY, "record": n, "stay": None}
                                for n, (system, code) in enumerate(CODES)]}
    scores = scored(SUMS, [everybody])
    assert {id for id in SUMS if scores[id].points[0] == 0} == set() and sum(system == ICD10 for system, _ in CODES) > 150
