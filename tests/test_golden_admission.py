"""PARR-30, LACE and HOSPITAL against their published tables, typed in here by hand."""

from __future__ import annotations

import csv
import math
from typing import Any

import pandas as pd
import pytest

import frailty
from frailty.knowledge import rules_dir
from frailty.scoring import load_scorecard, run_example
from frailty.scoring.definitions import Example

pytestmark = pytest.mark.scoring
ICD10 = "http://hl7.org/fhir/sid/icd-10"
PARR30 = {  # ICD-10 code -> coefficient of its group
    "I500": 0.095, "I702": 0.1043, "J449": 0.2243, "E112": 0.1457, "N189": 0.1977, "C787": 0.2762, "C189": 0.5069,
    "K721": 0.2673, "K703": 0.2133, "G819": 0.1061, "F019": 0.0467}
LACE = {    # ICD-10 code -> points of its condition, where heart failure counts 2
    "I219": 1, "I639": 1, "I702": 1, "E119": 1, "I500": 2, "E112": 2, "J449": 2, "K703": 2, "C189": 2, "F019": 3, "M059": 3,
    "B20": 4, "K721": 4, "N189": 4, "C787": 6}


def differences(id: str, person: dict[str, Any], **expect: Any) -> list[str]:
    return run_example(load_scorecard(id), Example({"age": 80, **person}, expect))


def stay(days_before: int, length: int, admission: str = "emergency", setting: str = "inpatient", **more: Any) -> dict[str, Any]:
    """A stay that began so many days before the day of scoring."""
    return {"days_before": days_before, "length": length, "admission": admission, "setting": setting, **more}


def diagnoses(*codes: str) -> list[dict[str, Any]]:
    return [{"system": ICD10, "code": code, "days_before": 7, "admission": "emergency"} for code in codes]


# ---- PARR-30


def parr30(age: int, imd: float, admissions: int, recent: bool, emergency: bool, codes: tuple[str, ...], hospital: float) -> float:
    """The linear predictor, as the publication adds it up."""
    bands = [(10, 0.0), (15, 0.0209), (25, 0.0239), (40, 0.0661), (50, 0.1017), (math.inf, 0.0982)]
    return (-2.91821 + 6.0581e-05 * age**2 + next(points for below, points in bands if imd < below) + 0.1215 * admissions
            + 0.5258 * recent + 0.5565 * emergency + sum(PARR30[code] for code in codes) + hospital)


def parr30_person(age: int, imd: float, admissions: int, recent: bool, emergency: bool, codes: tuple[str, ...],
                  provider: str = "") -> dict[str, Any]:
    before = [stay(300 - 10 * n, 2) for n in range(admissions - recent)] + ([stay(20, 2)] if recent else [])
    own = stay(7, 7, "emergency" if emergency else "elective", **({"provider": provider} if provider else {}))
    return {"age": age, "inputs": {"imd2007_score": imd}, "stays": [*before, own], "events": diagnoses(*codes)}


@pytest.mark.parametrize("case", [
    (18, 5.0, 0, False, False, ()), (80, 30.0, 2, True, True, ("I500",)), (95, 55.0, 6, True, True, tuple(PARR30)),
    (40, 12.0, 1, False, True, ("C189", "C787")), (67, 44.0, 3, False, False, ("E112", "N189"))])
def test_parr30_adds_up(case: tuple[Any, ...]) -> None:
    predictor = parr30(*case, hospital=-0.1155)
    assert differences("parr30", parr30_person(*case), points=round(predictor, 9), value=1 / (1 + math.exp(-predictor)), status="ok") == []


@pytest.mark.parametrize("imd", [0, 9.99, 10, 14.99, 15, 24.99, 25, 39.99, 40, 49.99, 50, 80])
def test_parr30_bands_of_deprivation(imd: float) -> None:
    assert differences("parr30", parr30_person(70, imd, 0, False, False, ()),
                       points=round(parr30(70, imd, 0, False, False, (), -0.1155), 9)) == []


@pytest.mark.parametrize("code", sorted(PARR30))
def test_parr30_conditions(code: str) -> None:
    assert differences("parr30", parr30_person(70, 0, 0, False, False, (code,)),
                       points=round(parr30(70, 0, 0, False, False, (code,), -0.1155), 9)) == []


@pytest.mark.parametrize(("provider", "coefficient"), [("REM", -0.276), ("RCF", -0.2998), ("RTK", -0.1424), ("ZZZ", -0.1155)])
def test_parr30_trusts(provider: str, coefficient: float) -> None:
    assert differences("parr30", parr30_person(70, 0, 0, False, False, (), provider),
                       points=round(parr30(70, 0, 0, False, False, (), coefficient), 9)) == []


def test_parr30_has_158_trusts() -> None:
    with (rules_dir() / "scores" / "parr30_trusts.csv").open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert len({row["trust"] for row in rows}) == len(rows) == 158


def test_parr30_needs_a_discharge_and_the_deprivation() -> None:
    person = parr30_person(70, 20, 0, False, False, ())
    assert differences("parr30", {**person, "stays": []}, status="outside_population") == []
    assert differences("parr30", {**person, "stays": [stay(60, 3)]}, status="outside_population") == []
    assert differences("parr30", {**person, "inputs": {}}, status="not_assessable") == []
    assert differences("parr30", {**person, "hospital": False}, status="not_assessable") == []


# ---- LACE


@pytest.mark.parametrize(("days", "points"), [(0, 0), (1, 1), (2, 2), (3, 3), (4, 4), (5, 4), (6, 4), (7, 5), (13, 5), (14, 7), (29, 7)])
def test_lace_length_of_stay(days: int, points: int) -> None:
    assert differences("lace_chf2", {"stays": [stay(days, days, "elective")]}, points=points) == []


def test_lace_acute() -> None:
    assert differences("lace_chf2", {"stays": [stay(0, 0, "elective")]}, points=0, band="low") == []
    assert differences("lace_chf2", {"stays": [stay(0, 0, "emergency")]}, points=3, band="low", terms=["acute"]) == []


@pytest.mark.parametrize("code", sorted(LACE))
def test_lace_conditions(code: str) -> None:
    points = min(LACE[code], 5) if LACE[code] < 4 else 5
    assert differences("lace_chf2", {"stays": [stay(7, 0, "elective")], "events": diagnoses(code)}, points=points) == []


@pytest.mark.parametrize(("codes", "with2", "with1"), [
    ((), 0, 0), (("I219",), 1, 1), (("I500",), 2, 1), (("I500", "I219"), 3, 2), (("I500", "J449"), 5, 3), (("E119", "E112"), 2, 2),
    (("C189", "C787"), 5, 5), (("K703", "K721"), 5, 5)])
def test_lace_comorbidity_and_the_two_weights_of_heart_failure(codes: tuple[str, ...], with2: int, with1: int) -> None:
    person = {"stays": [stay(7, 0, "elective")], "events": diagnoses(*codes)}
    assert differences("lace_chf2", person, points=with2) == []
    assert differences("lace_chf1", person, points=with1) == []


@pytest.mark.parametrize(("visits", "points"), [(0, 0), (1, 1), (2, 2), (3, 3), (4, 4), (5, 4)])
def test_lace_visits(visits: int, points: int) -> None:
    before = [stay(30 + 20 * n, 0, "emergency", "emergency") for n in range(visits)]
    assert differences("lace_chf2", {"stays": [*before, stay(7, 0, "elective")]}, points=points) == []


def test_lace_the_visit_that_led_to_the_admission_and_older_ones_do_not_count() -> None:
    own = stay(7, 0, "elective")
    assert differences("lace_chf2", {"stays": [stay(7, 0, "emergency", "emergency"), own]}, points=0) == []
    assert differences("lace_chf2", {"stays": [stay(200, 0, "emergency", "emergency"), own]}, points=0) == []


@pytest.mark.parametrize(("days", "visits", "points", "band"), [(3, 1, 4, "low"), (4, 1, 5, "moderate"), (7, 4, 9, "moderate")])
def test_lace_bands(days: int, visits: int, points: int, band: str) -> None:
    before = [stay(30 + 20 * n, 0, "emergency", "emergency") for n in range(visits)]
    assert differences("lace_chf2", {"stays": [*before, stay(days, days, "elective")]}, points=points, band=band) == []
    if points == 9:
        emergency = {"stays": [*before[:2], stay(days, days, "emergency")]}
        assert differences("lace_chf2", emergency, points=10, band="high") == []


# ---- HOSPITAL

FINE = {"haemoglobin": 130.0, "sodium": 140.0}


def hospital(stays: list[dict[str, Any]], values: dict[str, float] | None = None, oncology: int | None = 0) -> dict[str, Any]:
    return {"stays": stays, "inputs": {} if oncology is None else {"discharged_from_oncology": oncology},
            "values": [{"quantity": name, "value": number, "days_before": 5} for name, number in (values or FINE).items()]}


@pytest.mark.parametrize(("values", "points"), [
    ({"haemoglobin": 119}, 1), ({"haemoglobin": 119.9}, 1), ({"haemoglobin": 120}, 0), ({"haemoglobin": 121}, 0),
    ({"sodium": 134}, 1), ({"sodium": 135}, 0), ({"sodium": 136}, 0)])
def test_hospital_laboratory(values: dict[str, float], points: int) -> None:
    assert differences("hospital_score_2016", hospital([stay(7, 3, "elective")], {**FINE, **values}), points=points) == []


@pytest.mark.parametrize(("before", "in2016", "in2013"), [(0, 0, 0), (1, 0, 2), (2, 2, 2), (5, 2, 2), (6, 5, 5), (7, 5, 5)])
def test_hospital_the_two_published_bands_of_earlier_admissions(before: int, in2016: int, in2013: int) -> None:
    person = hospital([*(stay(300 - 30 * n, 2, "elective") for n in range(before)), stay(7, 3, "elective")])
    assert differences("hospital_score_2016", person, points=in2016) == []
    assert differences("hospital_score_2013", person, points=in2013) == []


@pytest.mark.parametrize(("length", "points"), [(0, 0), (4, 0), (5, 2), (20, 2)])
def test_hospital_length_of_stay(length: int, points: int) -> None:
    values = {"values": [{"quantity": name, "value": number, "days_before": 25 - length} for name, number in FINE.items()]}
    assert differences("hospital_score_2016", {**hospital([stay(25, length, "elective")]), **values}, points=points) == []


def test_hospital_urgent_and_oncology() -> None:
    assert differences("hospital_score_2016", hospital([stay(7, 3, "emergency")]), points=1, band="low") == []
    assert differences("hospital_score_2016", hospital([stay(7, 3, "elective")], oncology=1), points=2, band="low") == []


def test_hospital_bands() -> None:
    six = [stay(300 - 30 * n, 2, "elective") for n in range(6)]
    low = hospital([*six[:2], stay(7, 3, "elective")], {**FINE, "sodium": 130}, oncology=0)
    assert differences("hospital_score_2016", low, points=3, band="low") == []
    assert differences("hospital_score_2016", hospital([*six, stay(7, 3, "elective")]), points=5, band="intermediate") == []
    assert differences("hospital_score_2016", hospital([*six, stay(7, 3, "emergency")]), points=6, band="intermediate") == []
    assert differences("hospital_score_2016", hospital([*six, stay(7, 3, "elective")], oncology=1), points=7, band="high") == []


@pytest.mark.parametrize("left_out", ["haemoglobin", "sodium", "oncology"])
def test_hospital_without_an_input_there_is_no_score(left_out: str) -> None:
    values = {name: number for name, number in FINE.items() if name != left_out}
    person = hospital([stay(7, 3, "elective")], values, None if left_out == "oncology" else 0)
    assert differences("hospital_score_2016", person, status="not_assessable", band="") == []


def test_hospital_only_results_of_the_stay_count() -> None:
    person = hospital([stay(7, 3, "elective")])
    for value in person["values"]:
        value["days_before"] = 30
    assert differences("hospital_score_2016", person, status="not_assessable") == []


@pytest.mark.records
def test_parr30_from_tables_with_the_inputs_of_the_site() -> None:
    persons = pd.DataFrame([{"patient_id": one, "birth_date": "1940-01-01", "sex": "female"} for one in ("a", "b")])
    events = pd.DataFrame([{"patient_id": "a", "record_id": "e", "system": "snomed", "code": "38341003", "effective_on": "2020-01-01"}])
    stays = pd.DataFrame([{"patient_id": one, "stay_id": f"s{one}", "setting": "inpatient", "admission_method": "emergency",
                           "started": "2026-05-20", "ended": "2026-05-25"} for one in ("a", "b")])
    practice = frailty.Practice.from_frames(persons, events, stays=stays)
    practice.connection.execute("UPDATE feed SET kind = 'hospital', practices = NULL")
    scored = practice.with_inputs(pd.DataFrame({"patient_id": ["a"], "imd2007_score": [30]})).score("parr30", "2026-06-01")
    predictor = parr30(86, 30, 0, False, True, (), -0.1155)
    assert list(scored["parr30_status"]) == ["ok", "not_assessable"]
    assert scored["parr30"][0] == pytest.approx(1 / (1 + math.exp(-predictor)), abs=1e-9)
    assert str(scored["parr30_on"][0])[:10] == "2026-05-25"


@pytest.mark.parametrize("id", ["qadmissions", "sparra", "era", "cars", "earli", "pra"])
def test_incomplete_models_are_listed_and_never_computed(id: str) -> None:
    card = load_scorecard(id)
    assert not card.available and card.lacks and not card.terms
    assert differences(id, {}, status="not_available", band="") == []
