"""The lists as FHIR: valid, reading back equal, each audience by itself, and nothing that a score must not say."""

import csv
import json
from datetime import date
from importlib import import_module
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from nightly_town import Place, night_one, run, write_night, write_site
from triage_town import Town, home, resident, site

from frailty.reports.fhir import Scored, write_fhir
from frailty.scoring import load_scorecard

AS_OF = "2026-11-22"


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fhir-out")
    run(write_night(folder / "records", night_one()), folder / "lists", site=write_site(folder), as_of=AS_OF, fhir=True)
    return folder / "lists"


def resources(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for path in sorted((folder / "fhir").glob("*.ndjson"))
            for line in path.read_text("utf-8").splitlines()]


def folders(out: Path) -> list[Path]:
    return sorted(path.parent for path in out.rglob("worklist.html"))


def test_every_resource_reads_back_equal(out: Path) -> None:
    kinds = set()
    for path in out.rglob("*.ndjson"):
        model = getattr(import_module(f"fhir.resources.R4B.{path.stem.lower()}"), path.stem)
        for line in path.read_text("utf-8").splitlines():
            assert model.model_validate_json(line).model_dump_json(exclude_none=True) == line
        kinds.add(path.stem)
    assert {"Task", "List", "RiskAssessment", "Provenance", "Device", "Group"} <= kinds


def test_a_task_for_every_line_of_the_table_and_in_its_order(out: Path) -> None:
    for folder in folders(out):
        rows = [row for row in csv.DictReader((folder / "worklist.csv").read_text("utf-8-sig").splitlines())
                if row["section"] not in ("could not be evaluated",) and row["list"] != "Everyone else"]
        tasks = {one["id"]: one for one in resources(folder) if one["resourceType"] == "Task"}
        asked = [row["asked"] for row in rows if row["section"] != "came off" and row["asked"]]
        listed = [tasks[entry["item"]["reference"].removeprefix("Task/")] for one in resources(folder)
                  if one["resourceType"] == "List" for entry in one.get("entry", [])]
        assert sorted(one["description"] for one in listed if "description" in one) == sorted(asked)


def test_references_stay_within_the_folder(out: Path) -> None:
    for folder in folders(out):
        here = resources(folder)
        known = {f"{one['resourceType']}/{one['id']}" for one in here}
        ours = ("Task/", "Device/", "RiskAssessment/", "List/", "Group/")

        def walk(value: Any, within: bool = False, known: set[str] = known, ours: tuple[str, ...] = ours) -> None:
            if isinstance(value, dict):
                reference = value.get("reference", "")
                if isinstance(reference, str) and reference.startswith(ours) and not within:
                    assert reference in known
                for key, one in value.items():
                    walk(one, key == "basis")
            elif isinstance(value, list):
                for one in value:
                    walk(one, within)

        walk(here)


def test_nothing_is_said_that_a_score_must_not_say(out: Path) -> None:
    text = "".join(path.read_text("utf-8") for path in out.rglob("*.ndjson"))
    assert "probabilityDecimal" not in text and "relativeRisk" not in text
    assert not list(out.rglob("Condition.ndjson"))
    for path in out.rglob("Task.ndjson"):
        for line in path.read_text("utf-8").splitlines():
            task = json.loads(line)
            assert task.get("priority") != "stat"                        # a batch at night makes nothing urgent (G1)
            assert any("A clinician decides" in note["text"] for note in task["note"])
            assert task["intent"] == ("order" if "display" in task["requester"] else "proposal")


def test_a_score_names_its_definition_and_its_records(out: Path) -> None:
    told = json.loads((out / "run.json").read_text("utf-8"))["scores"]["efi_reviewed"]
    risks = [one for folder in folders(out) for one in resources(folder) if one["resourceType"] == "RiskAssessment"]
    assert risks
    for one in risks:
        assert told["definition"] in one["method"]["text"] and one["method"]["coding"][0]["code"] == "efi_reviewed"
        assert one.get("basis") or one["prediction"][0]["rationale"].startswith("0 of")
        assert one["prediction"][0]["qualitativeRisk"]["coding"][0]["code"] in ("fit", "mild", "moderate", "severe")


def test_a_question_for_the_hub_is_a_detected_issue(tmp_path: Path) -> None:
    stranger = resident("Una Known", date(1930, 1, 2), room="7", nhs_number="")
    made = Town().run(site(homes=(home(residents=(stranger,)),)))
    nobody = pd.DataFrame(columns=["patient_id", "efi_reviewed_status", "score", "resource"])
    write_fhir(made, Scored(load_scorecard("efi_reviewed"), "hash", nobody, nobody), tmp_path, "0.0.0")
    (issue,) = [one for one in resources(tmp_path / "hub") if one["resourceType"] == "DetectedIssue"]
    assert "not in the records" in issue["code"]["text"] and issue["status"] == "preliminary" and "patient" not in issue


def test_the_same_night_gives_the_same_bytes_and_ids_last(out: Path, tmp_path: Path) -> None:
    records = write_night(tmp_path / "records", night_one())
    for name, day in (("again", AS_OF), ("later", "2026-11-24")):
        run(records, tmp_path / name, site=write_site(tmp_path), as_of=day, fhir=True)
    for path in out.rglob("*.ndjson"):
        assert (tmp_path / "again" / path.relative_to(out)).read_bytes() == path.read_bytes()
    ids = [{one["id"] for folder in folders(place) for one in resources(folder) if one["resourceType"] == "Task"}
           for place in (out, tmp_path / "later")]
    assert len(ids[0] & ids[1]) >= len(ids[0]) // 2


def test_without_the_option_there_is_none(first_night: Place) -> None:
    assert (first_night.out / "run.json").exists() and not list(first_night.out.rglob("fhir"))
