"""Scores that a clinician or the record system recorded: read, never derived; the latest, with its day."""

from __future__ import annotations

from typing import Any

import pytest
from golden import SNOMED, differs, wrong_check_digits

from frailty.scoring import load_scorecard
from frailty.terminology import load_codelist

pytestmark = pytest.mark.scoring
MILD, MODERATE, SEVERE, PLAIN, ELDERLY = (
    "925791000000100", "925831000000107", "925861000000102", "248279007", "404904002")


def levels(*many: tuple[float, int]) -> dict[str, Any]:
    return {"age": 80, "values": [{"quantity": "cfs", "value": value, "days_before": days} for value, days in many]}


@pytest.mark.parametrize(("level", "band"), [
    (1, "not frail"), (4, "not frail"), (5, "mild"), (6, "moderate"), (7, "severe"), (8, "very severe"), (9, "terminally ill")])
def test_rockwood_levels_and_their_bands(level: int, band: str) -> None:
    assert differs("cfs", levels((level, 400)), points=level, band=band, status="ok") == []


@pytest.mark.parametrize(("many", "points"), [
    ([(5, 900), (7, 9)], 7), ([(7, 900), (5, 9)], 5), ([(9, 4000)], 9)])
def test_rockwood_the_latest_counts_however_old(many: list[tuple[float, int]], points: int) -> None:
    assert differs("cfs", levels(*many), points=points, status="ok") == []


def test_nothing_recorded_is_no_level() -> None:
    assert differs("cfs", {"age": 80}, band="", status="not_assessable", terms=[]) == []
    assert differs("frailty_coded", {"age": 80}, band="", status="not_assessable", terms=[]) == []


def test_rockwood_is_of_people_of_65_and_over() -> None:
    assert differs("cfs", {**levels((6, 9)), "age": 64}, status="outside_population") == []
    assert differs("cfs", {**levels((6, 9)), "age": 65}, status="ok") == []


def coded(*events: tuple[str, int]) -> dict[str, Any]:
    return {"age": 80, "events": [{"system": SNOMED, "code": code, "days_before": days} for code, days in events]}


@pytest.mark.parametrize(("events", "band"), [
    ([(MILD, 9)], "mild"), ([(MODERATE, 9)], "moderate"), ([(SEVERE, 9)], "severe"), ([(PLAIN, 9)], "level not said"),
    ([(ELDERLY, 9)], "level not said"), ([(MILD, 900), (SEVERE, 9)], "severe"), ([(SEVERE, 900), (MILD, 9)], "mild"),
    ([(SEVERE, 900), (MODERATE, 90), (MILD, 9)], "mild"), ([(MILD, 9), (SEVERE, 9)], "severe"), ([(MILD, 900), (PLAIN, 9)], "mild"),
    ([(SEVERE, 4000)], "severe")])
def test_coded_frailty_is_the_latest_level(events: list[tuple[str, int]], band: str) -> None:
    assert differs("frailty_coded", coded(*events), band=band, status="ok") == []


@pytest.mark.parametrize("id", ["efi_recorded", "efi2_recorded"])
def test_a_stored_index_waits_for_the_code_of_the_site(id: str) -> None:
    assert not load_codelist(f"quantities/{id}").entries
    assert differs(id, {"age": 80}, band="", status="not_available") == []


def test_check_digits() -> None:
    assert wrong_check_digits("quantities/cfs", "care/frailty_mild", "care/frailty_moderate", "care/frailty_severe",
                              "care/frailty_plain") == []
    assert {e.code for name in load_scorecard("frailty_coded").codelists for e in load_codelist(name).entries} == {
        MILD, MODERATE, SEVERE, PLAIN, ELDERLY} == {e.code for e in load_codelist("care/frailty_diagnosis").entries}
