"""Electronic frailty index 2, from Best 2025: 40 coefficients, divisor 8.429, cut points 0.0857, 0.1624, 0.2392."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from golden import SNOMED, differs, wrong_check_digits
from scoring_people import TODAY, lay_out

from frailty.scoring import STATUS, compile_plan, default_scorecard_ids, evaluate, load_scorecard
from frailty.terminology import load_codelist

pytestmark = pytest.mark.scoring
# term here -> coefficient as published
PUBLISHED = {
    "activity_limitation": "0.15284", "alcohol_harmful": "0.23107", "alcohol_missing": "0.13175", "alcohol_previous": "1.36434",
    "atrial_fibrillation": "0.13025", "cancer": "0.2406", "cognitive_impairment": "0.10985", "copd": "0.11683",
    "dementia": "0.41715", "dressing_grooming_problems": "0.05422", "environment_problems": "0.11886", "falls": "0.62743",
    "fracture": "0.07353", "fragility_fracture": "0.17425", "heart_failure": "0.11086", "housebound": "0.33254",
    "hypotension_syncope": "0.18253", "liver_problems": "0.23787", "medication_management_problems": "0.32125",
    "memory_concerns": "0.11915", "mobility_problems": "0.46836", "motor_neuron_disease": "0.35347", "bmi_missing": "0.25318",
    "bmi_underweight": "0.4417", "palliative_care": "0.5145", "parkinsonism_tremor": "0.03537",
    "peptic_ulcer_disease": "0.05427", "peripheral_vascular_disease": "0.02672", "polypharmacy_5_9": "0.32301",
    "polypharmacy_10": "0.50801", "requirement_for_care": "0.21428", "respiratory_disease": "0.01049", "seizures": "0.02885",
    "self_harm": "0.009", "skin_ulcer": "0.21935", "smoker_current": "0.10291", "social_vulnerability": "0.23585",
    "stroke": "0.10565", "transient_ischemic_attack": "0.02305", "weight_loss": "0.19256"}
COEFFICIENT = {term: Decimal(text) for term, text in PUBLISHED.items()}
ONE_OF_SEVERAL = ("alcohol_missing", "alcohol_harmful", "bmi_missing", "polypharmacy_5_9")   # less than the worst of their kind
NOTHING = ["alcohol_missing", "bmi_missing"]
PLAIN = [term for term in PUBLISHED if not term.startswith(("alcohol", "bmi", "polypharmacy"))]


def points(*terms: str) -> float:
    return float(sum(COEFFICIENT[term] for term in terms))


def coded(*events: tuple[str, int], **more: Any) -> dict[str, Any]:
    """A person of 80 with codes so many days ago."""
    return {"age": 80, "events": [{"system": SNOMED, "code": code, "days_before": days} for code, days in events], **more}


def code_of(name: str, category: str = "") -> str:
    return next(e.code for e in load_codelist(f"efi2/{name}").entries if e.category == category)


# ---- the table

def test_forty_coefficients_and_the_divisor() -> None:
    assert len(COEFFICIENT) == 40 and sum(COEFFICIENT.values()) == Decimal("9.36775")
    worst = sum(COEFFICIENT.values()) - sum(COEFFICIENT[term] for term in ONE_OF_SEVERAL)
    assert worst == Decimal("8.42874") and load_scorecard("efi2").of == 8.429     # as published: the sum of the worst of each kind
    assert round(float(worst - COEFFICIENT["cognitive_impairment"] - COEFFICIENT["memory_concerns"]) / 8.429, 4) == 0.9728


@pytest.mark.parametrize("term", PLAIN)
def test_each_deficit_adds_its_coefficient(term: str) -> None:
    assert differs("efi2", {"age": 80, "terms": [term]}, points=points(term, *NOTHING), terms=[term, *NOTHING], status="ok") == []


def test_every_list_and_its_check_digits() -> None:
    lists = [name for name in load_scorecard("efi2").codelists if name.startswith("efi2/")]
    # 4,876 rows of the score and 16 of former smokers, which end 'current'
    assert len(lists) == 35 and sum(len(load_codelist(name).entries) for name in lists) == 4876 + 16
    assert wrong_check_digits(*load_scorecard("efi2").codelists) == []
    limits = [(e.within_years, e.min_age_at_event) for name in lists for e in load_codelist(name).entries]
    assert {limit: limits.count(limit) for limit in set(limits)} == {
        (None, None): 3206 + 16, (5, None): 358, (None, 55): 1292, (5, 55): 20}


# ---- bands

@pytest.mark.parametrize(("terms", "total", "band"), [
    # the sums nearest to a cut point: 0.0857, 0.1624 and 0.2392 times 8.429 are 0.7223653, 1.3688696 and 2.0162168; none is met
    ((), 0.38493, "robust"),
    (("fracture", "fragility_fracture", "parkinsonism_tremor", "peptic_ulcer_disease"), 0.72235, "robust"),
    (("environment_problems", "fragility_fracture", "parkinsonism_tremor", "self_harm"), 0.72241, "mild"),
    (("activity_limitation", "mobility_problems", "motor_neuron_disease", "self_harm"), 1.3686, "mild"),
    (("heart_failure", "housebound", "medication_management_problems", "skin_ulcer"), 1.36893, "moderate"),
    (("copd", "dementia", "falls", "mobility_problems"), 2.0147, "moderate"),
    (("falls", "medication_management_problems", "mobility_problems", "requirement_for_care"), 2.01625, "severe"),
])
def test_bands_on_either_side_of_each_cut_point(terms: tuple[str, ...], total: float, band: str) -> None:
    assert points(*terms, *NOTHING) == pytest.approx(total)
    assert differs("efi2", {"age": 80, "terms": list(terms)}, points=total, band=band, terms=[*terms, *NOTHING]) == []


@pytest.mark.parametrize(("age", "status"), [(64, "outside_population"), (65, "ok"), (66, "ok")])
def test_it_is_of_people_of_65_and_over(age: int, status: str) -> None:
    assert differs("efi2", {"age": age}, status=status) == []


def test_it_is_restricted() -> None:
    assert load_scorecard("efi2").restricted and "efi2" not in default_scorecard_ids()


# ---- one of several

@pytest.mark.parametrize(("terms", "left"), [
    (("dementia", "cognitive_impairment", "memory_concerns"), "dementia"), (("dementia", "memory_concerns"), "dementia"),
    (("cognitive_impairment", "memory_concerns"), "cognitive_impairment"), (("memory_concerns",), "memory_concerns")])
def test_cognition_counts_once(terms: tuple[str, ...], left: str) -> None:
    assert differs("efi2", {"age": 80, "terms": list(terms)}, points=points(left, *NOTHING), terms=[left, *NOTHING]) == []


HARMFUL, PREVIOUS, HIGHER, LOWER, ZERO = (code_of("alcohol", one) for one in ("harmful", "previous", "higher", "lower", "zero"))


@pytest.mark.parametrize(("events", "left"), [
    ([], "alcohol_missing"), ([(ZERO, 9)], ""), ([(LOWER, 9)], ""), ([(HIGHER, 9)], ""), ([(HARMFUL, 9)], "alcohol_harmful"),
    ([(HARMFUL, 900), (LOWER, 9)], "alcohol_harmful"),          # the worst in five years
    ([(PREVIOUS, 900)], "alcohol_previous"), ([(PREVIOUS, 900), (ZERO, 9)], "alcohol_previous"),
    ([(HARMFUL, 900), (PREVIOUS, 9)], "alcohol_previous"), ([(PREVIOUS, 900), (HARMFUL, 9)], "alcohol_harmful"),
    ([(PREVIOUS, 9), (HARMFUL, 9)], "alcohol_previous"),        # no harmful record follows
    ([(HARMFUL, 1826)], "alcohol_missing"), ([(HARMFUL, 1825)], "alcohol_harmful")])    # five years: 2020-06-30 is out
def test_alcohol_counts_once(events: list[tuple[str, int]], left: str) -> None:
    terms = [*([left] if left else []), "bmi_missing"]
    assert differs("efi2", coded(*events), points=points(*terms), terms=terms) == []


@pytest.mark.parametrize(("quantity", "units", "left"), [
    ("week", 0, ""), ("week", 48, ""), ("week", 48.5, ""), ("week", 49, "alcohol_harmful"), ("week", 50, "alcohol_harmful"),
    ("day", 6.9, ""), ("day", 7, "alcohol_harmful")])
def test_units_of_alcohol(quantity: str, units: float, left: str) -> None:
    given = {"age": 80, "values": [{"quantity": f"alcohol_units_{quantity}", "value": units}]}
    assert differs("efi2", given, terms=[*([left] if left else []), "bmi_missing"]) == []


UNDERWEIGHT, OBESE = code_of("bmi", "underweight"), code_of("bmi", "obese")


@pytest.mark.parametrize(("events", "values", "left"), [
    ([], [], "bmi_missing"), ([], [(18.4, 9)], "bmi_low"), ([], [(18.5, 9)], ""), ([], [(31, 9)], ""),
    ([], [(17, 900), (22, 9)], ""), ([], [(22, 900), (17, 9)], "bmi_low"),              # the latest
    ([(UNDERWEIGHT, 9)], [], "bmi_underweight"), ([(OBESE, 9)], [], ""),
    ([(UNDERWEIGHT, 900)], [(22, 9)], ""), ([(UNDERWEIGHT, 9)], [(22, 900)], "bmi_underweight"),
    ([(OBESE, 900)], [(17, 9)], "bmi_low"), ([(OBESE, 9)], [(17, 900)], ""),
    ([(UNDERWEIGHT, 9)], [(22, 9)], ""),                                                # on one day the number
    ([], [(17, 1826)], "bmi_missing"), ([], [(17, 1825)], "bmi_low")])
def test_body_mass_index_counts_once(events: list[tuple[str, int]], values: list[tuple[float, int]], left: str) -> None:
    given = coded(*events, values=[{"quantity": "efi2_bmi", "value": value, "days_before": days} for value, days in values])
    weight = {"": 0.0, "bmi_missing": points("bmi_missing")}.get(left, points("bmi_underweight"))
    total = float(COEFFICIENT["alcohol_missing"] + Decimal(str(weight)))
    assert differs("efi2", given, points=total, terms=["alcohol_missing", *([left] if left else [])]) == []


CURRENT, EX = code_of("smoking", "current"), code_of("smoking", "ex")


@pytest.mark.parametrize(("events", "left"), [
    ([(CURRENT, 900)], True), ([(CURRENT, 900), (EX, 9)], False), ([(EX, 900), (CURRENT, 9)], True), ([(EX, 9)], False),
    ([(EX, 9), (CURRENT, 9)], True)])
def test_the_later_of_current_and_former_smoker_decides(events: list[tuple[str, int]], left: bool) -> None:
    assert differs("efi2", coded(*events), terms=[*(["smoker_current"] if left else []), *NOTHING]) == []


# ---- time, age, numbers

@pytest.mark.parametrize(("name", "days", "counts"), [
    ("memory-concerns", 1825, True), ("memory-concerns", 1826, False), ("peptic-ulcer-disease", 1826, False),
    ("self-harm", 1826, False), ("dementia", 15_000, True), ("heart-failure", 15_000, True)])
def test_codes_with_five_years_and_without(name: str, days: int, counts: bool) -> None:
    term = name.replace("-", "_")
    assert differs("efi2", coded((code_of(name), days)), terms=[*([term] if counts else []), *NOTHING]) == []


@pytest.mark.parametrize("name", ["falls", "fracture"])
@pytest.mark.parametrize(("on", "counts"), [(date(1999, 6, 30), False), (date(2000, 6, 29), False), (date(2000, 6, 30), True),
                                            (date(2000, 7, 1), True), (date(2010, 1, 1), True)])
def test_falls_and_fractures_from_55(name: str, on: date, counts: bool) -> None:
    # examples are scored on 30 June 2025: who is 80 that day turned 55 on 30 June 2000
    days = (date(2025, 6, 30) - on).days
    assert differs("efi2", coded((code_of(name), days)), terms=[*([name] if counts else []), *NOTHING]) == []


@pytest.mark.parametrize(("quantity", "inside", "outside", "term"), [
    ("efi2_barthel", 18, 19, "activity_limitation"), ("efi2_barthel", 21, 20, "activity_limitation"),
    ("efi2_barthel", 90, 91, "activity_limitation"), ("6cit", 8, 7, "cognitive_impairment"), ("abpi", 0.94, 0.95, "peripheral_vascular_disease"),
    ("must", 1, 0, "weight_loss"), ("falls_12m", 1, 0, "falls"), ("copd_burden", 1, 0, "copd"),
    ("af_stroke_score", 1, 0, "atrial_fibrillation"), ("pressure_ulcer_count", 1, 0, "skin_ulcer")])
def test_value_rules_at_their_edges(quantity: str, inside: float, outside: float, term: str) -> None:
    for value, terms in ((inside, [term]), (outside, [])):
        given = {"age": 80, "values": [{"quantity": quantity, "value": value, "days_before": 3000}]}
        assert differs("efi2", given, terms=[*terms, *NOTHING]) == []


@pytest.mark.parametrize(("systolic", "diastolic", "counts"), [
    ([89, 89, 89], [], True), ([89, 89, 90], [], False), ([89, 89], [59], False), ([89, 89], [59, 59], False),
    ([], [59, 59, 59], True), ([], [59, 59, 60], False), ([89, 89, 140, 89], [], True)])
def test_three_low_blood_pressures_of_one_kind(systolic: list[int], diastolic: list[int], counts: bool) -> None:
    values = [{"quantity": f"efi2_{kind}", "value": value, "days_before": 10 + n}
              for kind, many in (("systolic", systolic), ("diastolic", diastolic)) for n, value in enumerate(many)]
    terms = [*(["hypotension_syncope"] if counts else []), *NOTHING]
    assert differs("efi2", {"age": 80, "values": values}, terms=terms) == []


# ---- polypharmacy

def medicated(*medicines: tuple[str, int]) -> tuple[float, str]:
    """Points and status of a person of 80 with medicines issued, each (BNF code, days ago); nothing else is recorded."""
    issues = [{"system": "", "code": f"m{n:02d}", "effective": TODAY - timedelta(days=days), "recorded": TODAY - timedelta(days=days),
               "record": n} for n, (_, days) in enumerate(medicines)]
    person = {"birth": date(1944, 1, 1), "as_of": TODAY, "sex": "female", "hospital_from": None, "hospital_without_stays": False,
              "coded": [], "measured": [], "issues": issues, "stays": []}
    card = load_scorecard("efi2")
    laid = lay_out([person], compile_plan([card], [""], [""]).measured_quantities)
    known = {f"m{n:02d}": bnf[:6] for n, (bnf, _) in enumerate(medicines)}
    each = [known.get(code, "") for code in laid.codes]
    paragraph = np.array([sorted(set(each)).index(one) if one else -1 for one in each], np.int32)
    arrays = replace(laid.arrays, paragraph=paragraph, substance=np.arange(len(each), dtype=np.int32))
    score = evaluate(compile_plan([card], laid.systems, laid.codes), arrays, laid.as_of)["efi2"]
    return int(score.points[0]) / 10**score.scale, STATUS[score.status[0]]


def paragraphs(count: int, days: int = 10) -> list[tuple[str, int]]:
    return [(f"{chapter:02d}01010A0", days) for chapter in range(1, count + 1)]


@pytest.mark.parametrize(("count", "term"), [(0, ""), (4, ""), (5, "polypharmacy_5_9"), (9, "polypharmacy_5_9"),
                                             (10, "polypharmacy_10"), (14, "polypharmacy_10")])
def test_paragraphs_below_on_and_above_each_edge(count: int, term: str) -> None:
    assert medicated(*paragraphs(count)) == (points(*NOTHING, *([term] if term else [])), "ok")


def test_a_paragraph_counts_once_and_within_ninety_days() -> None:
    same = [("0101010A0", 10), ("0101010B0", 20), ("0101012Z0", 30)]      # three medicines of the paragraph 010101
    assert medicated(*paragraphs(4), *same) == (points(*NOTHING), "ok")
    assert medicated(*paragraphs(5, 89)) == (points(*NOTHING, "polypharmacy_5_9"), "ok")
    assert medicated(*paragraphs(5, 90)) == (points(*NOTHING), "ok")


def test_a_medicine_of_unknown_paragraph_leaves_the_score_open() -> None:
    assert medicated(*paragraphs(5), ("", 10))[1] == "not_assessable"
    assert medicated(*paragraphs(5), ("", 200)) == (points(*NOTHING, "polypharmacy_5_9"), "ok")
