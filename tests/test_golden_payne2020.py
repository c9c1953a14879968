"""Cambridge Multimorbidity Score, from Payne 2020: 37 conditions, weights for general use and three outcomes.

As shipped it is not available: its SNOMED CT codes and medicines wait for the site. Here a made-up site fills the lists.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from golden import differs

from frailty.errors import DefinitionError
from frailty.knowledge import rules_dir
from frailty.scoring import load_scorecard, run_example
from frailty.scoring.definitions import Example
from frailty.scoring.overlay import laid_over
from frailty.terminology import load_codelist

pytestmark = pytest.mark.scoring
IDS = ("cambridge", "cambridge_consultations", "cambridge_mortality", "cambridge_emergency_admissions")
HEADER = "system,code,term,match,within_years,min_age_at_event,max_age_at_event,category,status,caution\n"
CONDITIONS = load_codelist("cambridge/conditions").categories()
DRUGS = {"anxiety-depression": "sertraline", "pain": "codeine", "pain-antiepileptics": "gabapentin", "ibs": "mebeverine",
         "asthma": "salbutamol", "constipation": "senna", "psoriasis-eczema": "betamethasone", "lithium": "lithium",
         "epilepsy": "levetiracetam", "migraine": "sumatriptan"}


def site(folder: Path, leave: str = "", without: str = "") -> Path:
    """Rules with every waiting list filled with made-up codes, but for the list `leave` and the condition `without`."""
    own = folder / "codelists" / "cambridge"
    own.mkdir(parents=True)
    (own / "source.toml").write_text((rules_dir() / "codelists" / "cambridge" / "source.toml").read_text("utf-8"))
    for name in load_scorecard("cambridge").codes_from_site:
        short = name.removeprefix("cambridge/")
        if short.startswith("drugs-"):
            rows = f"substance,{DRUGS[short.removeprefix('drugs-')]},medicine,exact,,,,,made up,\n"
        elif short == "conditions_snomed":
            rows = "".join(f"urn:test,{one},{one},exact,,,,{one},made up,\n" for one in CONDITIONS if one != without)
        else:
            rows = f"urn:test,{short.removesuffix('_snomed')},condition,exact,,,,,made up,\n"
        if short != leave:
            (own / f"{short}.csv").write_text(HEADER + rows)
    return laid_over(folder)


@pytest.fixture(scope="module")
def rules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return site(tmp_path_factory.mktemp("site"))


def coded(*codes: str, days: int = 30, **more: Any) -> dict[str, Any]:
    return {"age": 80, "events": [{"system": "urn:test", "code": code, "days_before": days} for code in codes], **more}


def says(rules: Path, id: str, given: dict[str, Any], **expect: Any) -> None:
    assert run_example(load_scorecard(id, rules), Example(given, expect), rules) == []


@pytest.mark.parametrize(("id", "total", "painful"), [
    # sums of the 37 published weights; a painful condition is known in two ways, and counts once
    ("cambridge", 21.9, 0.87), ("cambridge_consultations", 70.3, 3.41), ("cambridge_mortality", 522.43, 16.3),
    ("cambridge_emergency_admissions", 2067.76, 82.13)])
def test_sums_of_weights(id: str, total: float, painful: float) -> None:
    terms = load_scorecard(id).terms
    assert len(terms) == 37 + 1 and float(sum(term.points for term in terms)) == pytest.approx(total + painful)


@pytest.mark.parametrize("id", IDS)
def test_as_shipped_there_is_no_score(id: str) -> None:
    assert differs(id, {"age": 80, "terms": ["dementia", "diabetes"]}, band="", status="not_available") == []
    assert load_scorecard(id).by_name_only


@pytest.mark.parametrize("leave", ["drugs-migraine", "conditions_snomed", "cancer_snomed"])
def test_one_list_that_is_missing_leaves_no_partial_sum(tmp_path: Path, leave: str) -> None:
    for id in IDS[:2]:
        says(site(tmp_path / id, leave), id, coded("dementia"), status="not_available", band="")


def test_one_condition_without_codes_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DefinitionError, match="has no code for 'dementia'"):
        says(site(tmp_path, without="dementia"), "cambridge", coded("diabetes"), status="ok")


@pytest.mark.parametrize(("id", "points"), [
    ("cambridge", 2.46 + 0.71 + 0.09), ("cambridge_consultations", 1.87 + 3.84 + 0.83), ("cambridge_mortality", 122.92 + 9.83 - 1.88),
    ("cambridge_emergency_admissions", 158.14 + 53.95 + 11.29)])
def test_conditions_of_any_time_add_their_weights(rules: Path, id: str, points: float) -> None:
    says(rules, id, coded("dementia", "diabetes", "hypertension", days=9000), points=round(points, 2), status="ok")


@pytest.mark.parametrize(("given", "points"), [
    (coded("anxiety-depression", days=360), 0.47), (coded("anxiety-depression", days=370), 0),
    (coded(medicines=["sertraline"] * 4), 0.47), (coded(medicines=["sertraline"] * 3), 0),
    (coded("asthma"), 0), (coded("asthma", medicines=["salbutamol"]), 0.18), (coded(medicines=["salbutamol"]), 0),
    (coded("psoriasis-eczema", medicines=["betamethasone"] * 3), 0), (coded("psoriasis-eczema", medicines=["betamethasone"] * 4), 0.25),
    (coded("epilepsy"), 0), (coded("epilepsy", medicines=["levetiracetam"]), 0.85),
    (coded(medicines=["codeine"] * 4), 0.87), (coded(medicines=["gabapentin"] * 4), 0.87),
    (coded(medicines=["codeine"] * 4 + ["gabapentin"] * 4), 0.87), (coded("epilepsy", medicines=["gabapentin"] * 4), 0),
    (coded(medicines=["lithium"]), 0.58), (coded("psychosis-bipolar", medicines=["lithium"]), 0.58),
    (coded(medicines=["senna"] * 4), 1.03), (coded(medicines=["senna"] * 3), 0), (coded(medicines=["sumatriptan"] * 4), 0.07),
    (coded("ibs"), 0.18), (coded(medicines=["mebeverine"] * 4), 0.18), (coded("cancer", days=1800), 1.5), (coded("cancer", days=1830), 0),
    (coded("diverticular"), -0.02)])
def test_rules_with_time_and_treatment(rules: Path, given: dict[str, Any], points: float) -> None:
    says(rules, "cambridge", given, points=points, status="ok")


@pytest.mark.parametrize(("days", "points"), [([10], 1.5), ([10, 1800], 1.5), ([10, 1830], 0), ([1830], 0), ([], 0)])
def test_cancer_counts_where_its_first_code_lies_in_five_years(rules: Path, days: list[int], points: float) -> None:
    events = [{"system": "urn:test", "code": "cancer", "days_before": day} for day in days]
    says(rules, "cambridge", {"age": 80, "events": events}, points=points, status="ok")


@pytest.mark.parametrize(("egfr", "points"), [([55], 0.51), ([59.9, 59], 0.51), ([60, 45], 0), ([45, 60], 0), ([61, 50, 50], 0.51)])
def test_kidney_disease_is_the_better_of_the_last_two(rules: Path, egfr: list[float], points: float) -> None:
    values = [{"quantity": "egfr", "value": value, "days_before": 900 - 100 * n} for n, value in enumerate(egfr)]
    says(rules, "cambridge", {"age": 80, "values": values}, points=points, status="ok")
