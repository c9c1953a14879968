"""NEWS2 against the chart of the Royal College of Physicians (2017), typed in here by hand: every cut point below, on, above."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

import frailty
from frailty.scoring import load_scorecard, run_example
from frailty.scoring.definitions import Example

pytestmark = pytest.mark.scoring
# The smallest number of each column of the chart, from left to right, with its points; the first column has none.
CHART = {
    "respiratory_rate": [(None, 3), (9, 1), (12, 0), (21, 2), (25, 3)],
    "spo2": [(None, 3), (92, 2), (94, 1), (96, 0)],
    "systolic": [(None, 3), (91, 2), (101, 1), (111, 0), (220, 3)],
    "pulse": [(None, 3), (41, 1), (51, 0), (91, 1), (111, 2), (131, 3)],
    "temperature": [(None, 3), (35.1, 1), (36.1, 0), (38.1, 1), (39.1, 2)],
}
SCALE2 = [(None, 3), (84, 2), (86, 1), (88, 0)]             # on air 0 from 88 on
SCALE2_ON_OXYGEN = [*SCALE2, (93, 1), (95, 2), (97, 3)]
WELL = {"respiratory_rate": 16, "spo2": 97, "systolic": 125, "pulse": 70, "temperature": 37.0}
WELL2 = {**WELL, "spo2": 90}


def edges(chart: list[tuple[float | None, int]], step: float) -> list[tuple[float, int]]:
    """Each cut point, one step below it and one above, with the points of the chart."""
    cuts = [low for low, _ in chart if low is not None]
    numbers = sorted({round(cut + move, 1) for cut in cuts for move in (-step, 0, step)})
    return [(number, [points for low, points in chart if low is None or number >= low][-1]) for number in numbers]


CASES = [(name, number, points) for name, chart in CHART.items()
         for number, points in edges(chart, 0.1 if name == "temperature" else 1)]


def given(values: dict[str, float], alert: str = "0", oxygen: str = "0", minute: int = 600, days_before: int = 0,
          leave_out: str = "") -> dict[str, Any]:
    when = {"days_before": days_before, "minute": minute}
    return {"age": 80, "values": [{"quantity": name, "value": number, **when} for name, number in values.items() if name != leave_out],
            "answers": [{"codes": codes, "answer": answer, **when} for codes, answer in
                        (("vitals/consciousness", alert), ("vitals/breathing", oxygen)) if codes != leave_out]}


def differences(id: str, person: dict[str, Any], **expect: Any) -> list[str]:
    return run_example(load_scorecard(id), Example(person, expect))


@pytest.mark.parametrize(("name", "number", "points"), CASES)
def test_each_cut_point_of_the_chart(name: str, number: float, points: int) -> None:
    band = "low-medium" if points == 3 else "low"
    assert differences("news2", given({**WELL, name: number}), points=points, band=band, status="ok",
                       terms=[name] if points else []) == []


@pytest.mark.parametrize(("number", "points"), [*edges(SCALE2, 1), *((n, 0) for n in (92, 93, 94, 95, 96, 97, 98, 100))])
def test_scale_2_on_air(number: float, points: int) -> None:
    assert differences("news2_scale2", given({**WELL, "spo2": number}), points=points, status="ok") == []


@pytest.mark.parametrize(("number", "points"), edges(SCALE2_ON_OXYGEN, 1))
def test_scale_2_on_oxygen(number: float, points: int) -> None:
    assert differences("news2_scale2", given({**WELL, "spo2": number}, oxygen="1"), points=points + 2, status="ok") == []


@pytest.mark.parametrize(("alert", "oxygen", "points"), [("0", "0", 0), ("1", "0", 3), ("0", "1", 2), ("1", "1", 5)])
def test_consciousness_and_oxygen(alert: str, oxygen: str, points: int) -> None:
    assert differences("news2", given(WELL, alert, oxygen), points=points) == []


@pytest.mark.parametrize(("values", "alert", "total", "band"), [
    ({}, "0", 0, "low"),
    ({"spo2": 94, "pulse": 91, "temperature": 36.0, "respiratory_rate": 11}, "0", 4, "low"),
    ({"respiratory_rate": 25}, "0", 3, "low-medium"),
    ({"respiratory_rate": 25, "pulse": 91}, "0", 4, "low-medium"),
    ({"respiratory_rate": 25, "pulse": 111}, "0", 5, "medium"),
    ({"respiratory_rate": 25, "systolic": 220}, "0", 6, "medium"),
    ({"respiratory_rate": 25, "systolic": 220, "pulse": 91}, "0", 7, "high"),
    ({"respiratory_rate": 40, "spo2": 70, "systolic": 60, "pulse": 160, "temperature": 34.0}, "1", 18, "high"),
])
def test_totals_and_bands(values: dict[str, float], alert: str, total: int, band: str) -> None:
    assert differences("news2", given({**WELL, **values}, alert), points=total, band=band) == []


def test_the_largest_total_is_20() -> None:
    worst = {"respiratory_rate": 40, "spo2": 70, "systolic": 60, "pulse": 160, "temperature": 34.0}
    assert differences("news2", given(worst, "1", "1"), points=20, band="high") == []


@pytest.mark.parametrize(("name", "raw", "points"), [
    ("temperature", 36.04, 1), ("temperature", 36.05, 0), ("temperature", 38.04, 0), ("temperature", 38.05, 1),
    ("respiratory_rate", 20.4, 0), ("respiratory_rate", 20.5, 2), ("spo2", 91.5, 2), ("pulse", 90.4, 0)])
def test_gaps_of_the_chart_close_by_rounding_halves_up(name: str, raw: float, points: int) -> None:
    assert differences("news2", given({**WELL, name: raw}), points=points) == []


@pytest.mark.parametrize("id", ["news2", "news2_scale2"])
@pytest.mark.parametrize("left_out", [*WELL, "vitals/consciousness", "vitals/breathing"])
def test_six_of_seven_are_no_score(id: str, left_out: str) -> None:
    assert differences(id, given(WELL, leave_out=left_out), status="not_assessable", band="") == []


def test_one_of_another_minute_is_no_set() -> None:
    person = given(WELL, leave_out="pulse")
    person["values"].append({"quantity": "pulse", "value": 70, "days_before": 0, "minute": 601})
    assert differences("news2", person, status="not_assessable") == []


def test_the_latest_complete_set_counts_not_a_later_part_of_one() -> None:
    old, new, part = (given(WELL, days_before=3), given({**WELL, "pulse": 131}, days_before=1, minute=60),
                      given({**WELL, "pulse": 200}, days_before=0, leave_out="spo2"))
    person = {"age": 80, "values": old["values"] + new["values"] + part["values"],
              "answers": old["answers"] + new["answers"] + part["answers"]}
    assert differences("news2", person, points=3, terms=["pulse"], status="ok") == []


def test_a_set_of_a_week_ago_is_too_old() -> None:
    assert differences("news2", given(WELL, days_before=6), status="ok") == []
    assert differences("news2", given(WELL, days_before=7), status="not_assessable") == []


def test_children_are_outside() -> None:
    assert differences("news2", {**given(WELL), "age": 15}, status="outside_population") == []
    assert differences("news2", {**given(WELL), "age": 16}, status="ok") == []


# ---- from FHIR: the examples of NHS England, and small files written by hand

EXAMPLES = Path(os.environ.get("FRAILTY_DATA", "")) / "uk-nhs-r4" / "ClinicalObservations"
FIXTURE = Path(__file__).parent / "fixtures" / "vital-signs"


@pytest.mark.records
@pytest.mark.skipif("FRAILTY_DATA" not in os.environ or not EXAMPLES.is_dir(), reason="needs FRAILTY_DATA")
@pytest.mark.parametrize("name", ["Bundle-TotalNews2ScoreAndObservations.json", "Bundle-TotalNEWS2ScoreSubScoresAndObservations.json",
                                  "Bundle-Transaction-ClinicalObservations.json"])
def test_the_examples_of_nhs_england(tmp_path: Path, name: str) -> None:
    """Their vital signs make 5. They record a total of 6: their part for 37.5 degrees is 1, the chart has 0."""
    bundle = json.loads((EXAMPLES / name).read_text("utf-8"))
    subject = next(entry["resource"]["subject"] for entry in bundle["entry"] if "subject" in entry["resource"])
    patient = {"resourceType": "Patient", "id": subject.get("reference", "Patient/one").split("/")[1], "birthDate": "1955-01-01",
               "gender": "female", "identifier": [subject["identifier"]] if "identifier" in subject else []}
    entries = [entry for entry in bundle["entry"] if entry["resource"]["resourceType"] != "Patient"]
    (tmp_path / "bundle.json").write_text(json.dumps({**bundle, "entry": [*entries, {"resource": patient}]}), "utf-8")
    practice = frailty.read_fhir(tmp_path)
    scores = practice.score(["news2", "news2_recorded"], "2018-10-05").iloc[0]
    assert (scores["news2_status"], scores["news2_points"], scores["news2_band"]) == ("ok", 5, "medium")
    assert (scores["news2_recorded_status"], scores["news2_recorded_points"]) == ("ok", 6)
    assert str(scores["news2_on"])[:10] == "2018-10-04"
    found = practice.contributions("news2", "2018-10-05")
    assert dict(zip(found["term"], found["points"], strict=True)) == {"respiratory_rate": 2, "spo2": 2, "pulse": 1}
    assert set(found["code"]) <= {"86290005", "9279-1", "103228002", "2708-6", "78564009", "364075005", "8867-4"}
    assert practice.score("news2", "2018-10-12").iloc[0]["news2_status"] == "not_assessable"


def people() -> dict[str, Any]:
    return json.loads((FIXTURE / "expected.json").read_text("utf-8"))  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def said() -> Any:
    return frailty.read_fhir(FIXTURE / "records").score(["news2", "news2_scale2"], "2026-03-02").set_index("patient_id")


@pytest.mark.records
@pytest.mark.parametrize("ident", sorted(people()))
def test_the_ways_in_which_records_say_it(ident: str, said: Any) -> None:
    expected = people()[ident]
    row = said.loc[next(one for one in said.index if one.endswith(ident))]
    assert row["news2_status"] == expected["status"], row["news2_reason"]
    if "points" in expected:
        assert row["news2_points"] == expected["points"]
    if "scale2" in expected:
        assert row["news2_scale2_points"] == expected["scale2"]
