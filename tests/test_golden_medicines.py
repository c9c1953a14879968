"""Medicine scores: anticholinergic points (ACB Calculator 2023), STOPPFall classes (Seppala 2021), counts; from tables to scores."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pandas as pd
import pytest

import frailty
from frailty.scoring import load_scorecard, run_example, scorecard_ids
from frailty.scoring.definitions import Example

pytestmark = pytest.mark.scoring
POINTS = {"amitriptyline": 3, "oxybutynin": 3, "solifenacin": 3, "chlorphenamine": 3, "quetiapine": 3, "paroxetine": 3, "tolterodine": 3,
          "carbamazepine": 2, "tramadol": 2, "haloperidol": 2, "amantadine": 2, "furosemide": 1, "digoxin": 1, "warfarin": 1,
          "prednisolone": 1, "citalopram": 1, "mirtazapine": 1, "metformin": 1, "codeine": 1, "valproate": 1, "levomepromazine": 3,
          "paracetamol": 0, "amlodipine": 0, "bendroflumethiazide": 0}
CLASSES = {
    "diazepam": "benzodiazepines", "clonazepam": "benzodiazepines", "zopiclone": "benzodiazepine-related", "haloperidol": "antipsychotics",
    "amitriptyline": "antidepressants", "sertraline": "antidepressants", "morphine": "opioids", "codeine": "opioids",
    "pregabalin": "antiepileptics", "procyclidine": "anticholinergics", "chlorphenamine": "antihistamines", "furosemide": "diuretics",
    "doxazosin": "alpha-blockers-hypertension", "tamsulosin": "alpha-blockers-bph", "clonidine": "central-antihypertensives",
    "isosorbide mononitrate": "cardiac-vasodilators", "solifenacin": "overactive-bladder", "lithium": "", "cetirizine": "",
    "loratadine": "", "paracetamol": "", "mebeverine": ""}


def differences(id: str, medicines: list[str], **expect: object) -> list[str]:
    return run_example(load_scorecard(id), Example({"age": 80, "medicines": medicines}, expect))


@pytest.mark.parametrize("substance", sorted(POINTS))
def test_anticholinergic_points(substance: str) -> None:
    assert differences("acb", [substance], points=POINTS[substance], status="ok") == []


def test_anticholinergic_sums_and_groups() -> None:
    assert differences("acb", list(POINTS), points=sum(POINTS.values()), band="high") == []
    assert differences("acb", ["paracetamol"], points=0, band="none") == []
    assert differences("acb", ["furosemide"], points=1, band="some") == []
    assert differences("acb", ["furosemide", "digoxin"], points=2, band="some") == []
    assert differences("acb", ["furosemide", "digoxin", "warfarin"], points=3, band="high") == []


def test_what_an_unknown_medicine_could_add() -> None:
    """3 each: from none or some it could make high; high it cannot change."""
    for known, points, status in (([], 0, "not_assessable"), (["furosemide"], 1, "not_assessable"), (["amitriptyline"], 3, "ok")):
        person = {"age": 80, "medicines": known, "issues": 2}
        expect = {"points": points, "status": status, "terms": [*known, "substances_unknown"]}
        assert run_example(load_scorecard("acb"), Example(person, expect)) == []
    person = {"age": 80, "medicines": ["diazepam"], "issues": 2}
    assert run_example(load_scorecard("frids"), Example(person, {"points": 1, "status": "not_assessable"})) == []


def test_the_table_of_anticholinergic_points_is_whole() -> None:
    found = Counter(int(term.points) for term in load_scorecard("acb").terms)
    assert found == {1: 103, 2: 19, 3: 47}      # 172 rows of the source, less two doubles and one without points


@pytest.mark.parametrize("substance", sorted(CLASSES))
def test_stoppfall_classes(substance: str) -> None:
    expected = [CLASSES[substance]] if CLASSES[substance] else []
    assert differences("frids", [substance], points=len(expected), terms=expected, status="ok") == []


def test_stoppfall_counts_each_class_once() -> None:
    assert len(load_scorecard("frids").terms) == 14
    assert differences("frids", list(CLASSES), points=14) == []


def test_no_falls_are_predicted() -> None:
    assert not [id for id in scorecard_ids() if "fall" in id]


SITE = """system,code,substance,bnf_paragraph
https://dmd.nhs.uk,1,amitriptyline,0403010B0
https://dmd.nhs.uk,2,amitriptyline,4.3.1
https://dmd.nhs.uk,3,nortriptyline,040301
https://dmd.nhs.uk,4,furosemide,0202020L0
https://dmd.nhs.uk,5,unheard of,
"""


def practice(site: Path | None, *rows: tuple[str, str, str]) -> frailty.Practice:
    """One person, one row a medicine: code, name, day of issue."""
    persons = pd.DataFrame([{"patient_id": "a", "birth_date": "1940-01-01", "sex": "female"}])
    events = pd.DataFrame([{"patient_id": "a", "record_id": "e", "system": "snomed", "code": "38341003", "effective_on": "2020-01-01"}])
    medicines = pd.DataFrame([{"patient_id": "a", "record_id": f"m{n}", "system": "https://dmd.nhs.uk", "code": code, "term": term,
                               "issued_on": day} for n, (code, term, day) in enumerate(rows)])
    made = frailty.Practice.from_frames(persons, events, medicines)
    return frailty.Practice(made.connection, site_medicines=site)


@pytest.mark.records
def test_from_records_with_the_sites_own_table(tmp_path: Path) -> None:
    table = tmp_path / "products.csv"
    table.write_text(SITE)
    rows = [("1", "Brand A", "2026-05-01"), ("2", "Brand B", "2026-05-20"), ("3", "Brand C", "2026-05-20"), ("4", "Brand D", "2026-01-01")]
    scores = practice(table, *rows).score(["acb", "frids", "medicines_substances", "medicines_paragraphs"], "2026-06-01").iloc[0]
    assert (scores["acb"], scores["frids"], scores["medicines_substances"], scores["medicines_paragraphs"]) == (6, 1, 2, 1)
    scores = practice(table, *rows, ("5", "?", "2026-05-20")).score(["acb", "medicines_paragraphs"], "2026-06-01").iloc[0]
    assert (scores["acb"], scores["acb_status"]) == (6, "ok")
    assert scores["medicines_paragraphs_status"] == "not_assessable" and "BNF paragraph" in scores["medicines_paragraphs_reason"]


@pytest.mark.records
def test_from_records_by_the_name_of_the_product() -> None:
    rows = [("91", "Amitriptyline 10mg tablets", "2026-05-20"), ("92", "Co-codamol 8mg/500mg tablets", "2026-05-20")]
    ids = ["acb", "frids", "medicines_substances", "medicines_paragraphs"]
    scores = practice(None, *rows).score(ids, "2026-06-01").iloc[0]
    assert (scores["acb"], scores["frids"], scores["medicines_substances"]) == (4, 2, 2)
    assert scores["medicines_paragraphs_status"] == "not_assessable"
    scores = practice(None, *rows, ("93", "Little Pink Pill", "2026-05-20")).score(ids, "2026-06-01").iloc[0]
    assert [scores[f"{id}_status"] for id in ids] == ["ok", "not_assessable", "not_assessable", "not_assessable"]
    assert scores["acb_band"] == "high" and scores["acb_reason"] == "A medicine of unknown substance could add up to 3 points."
    assert scores["acb_points"] == 4 and "substance" in scores["acb_reason"]
    old = practice(None, *rows, ("93", "Little Pink Pill", "2026-01-31")).score("acb", "2026-06-01").iloc[0]
    assert (old["acb"], old["acb_status"]) == (4, "ok")      # issued more than 120 days ago
