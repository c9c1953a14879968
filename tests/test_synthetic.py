"""The made-up locality: the same bytes twice, files that are what they claim to be, a truth that tells the truth."""

from __future__ import annotations

import csv
import hashlib
import json
from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from frailty.errors import FrailtyError
from frailty.synthetic import LocalitySummary, make_locality
from frailty.terminology import load_codelist, nhs_number_valid

DAY = date(2025, 11, 22)
PEOPLE = 500


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> LocalitySummary:
    return make_locality(tmp_path_factory.mktemp("town"), PEOPLE, seed=3, as_of=DAY)


@pytest.fixture(scope="module")
def truth(town: LocalitySummary) -> dict[str, Any]:
    return json.loads((town.truth / "truth.json").read_text())


@pytest.fixture(scope="module")
def people(town: LocalitySummary) -> list[dict[str, str]]:
    return rows_of(town.truth / "people.csv")


@pytest.fixture(scope="module")
def faults(town: LocalitySummary) -> list[dict[str, str]]:
    return rows_of(town.truth / "dirt.csv")


@pytest.fixture(scope="module")
def records(town: LocalitySummary, faults: list[dict[str, str]]) -> dict[str, dict[str, list[dict[str, Any]]]]:
    """source -> type -> good resources: no deliberate fault among them."""
    bad = {(fault["source"], fault["file"], int(fault["line"])) for fault in faults
           if fault["resource_type"] != "Patient"}
    found: dict[str, dict[str, list[dict[str, Any]]]] = {}
    for folder in town.records:
        of_type = found.setdefault(folder.name, {})
        for path in ndjson(folder):
            for n, line in enumerate(lines_of(path), start=1):
                if (folder.name, path.name, n) not in bad:
                    resource = json.loads(line)
                    of_type.setdefault(resource["resourceType"], []).append(resource)
    return found


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def ndjson(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.glob("*.ndjson")) if path.name != "log.ndjson" and path.stat().st_size]


def lines_of(path: Path) -> list[str]:
    return path.read_bytes().decode("utf-8-sig").removesuffix("\n").split("\n")


def bytes_of(folder: Path) -> str:
    seen = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            seen.update(str(path.relative_to(folder)).encode() + path.read_bytes())
    return seen.hexdigest()


def test_same_arguments_same_bytes(town: LocalitySummary, tmp_path: Path) -> None:
    again = make_locality(tmp_path / "again", PEOPLE, seed=3, as_of=DAY)
    other = make_locality(tmp_path / "other", PEOPLE, seed=4, as_of=DAY)
    assert bytes_of(again.out) == bytes_of(town.out)
    assert bytes_of(other.out) != bytes_of(town.out)


def test_written_over_only_what_is_ours(tmp_path: Path) -> None:
    make_locality(tmp_path, 60, as_of=DAY)
    make_locality(tmp_path, 60, as_of=DAY)
    (tmp_path / "truth" / "README.txt").unlink()
    with pytest.raises(FrailtyError, match="not a made-up locality"):
        make_locality(tmp_path, 60, as_of=DAY)


@pytest.mark.parametrize("wrong", [{"layout": "xml"}, {"people": 5}, {"practices": 0}])
def test_wrong_arguments(tmp_path: Path, wrong: dict[str, Any]) -> None:
    with pytest.raises(FrailtyError):
        make_locality(tmp_path / "wrong", as_of=DAY, **wrong)
    assert not (tmp_path / "wrong").exists()


def test_every_line_counted(town: LocalitySummary, truth: dict[str, Any], records: Any) -> None:
    for folder in town.records:
        said = truth["sources"][folder.name]
        assert {path.name: len(lines_of(path)) for path in ndjson(folder)} == said["lines"]
        assert {kind: len(found) for kind, found in records[folder.name].items()} == said["resources"]
        manifest = json.loads((folder / "manifest.json").read_text())
        assert {entry["url"]: entry["count"] for entry in manifest["output"]} == said["lines"]
        assert manifest["transactionTime"].startswith(str(DAY))


def test_faults_lie_where_the_truth_says(town: LocalitySummary, truth: dict[str, Any],
                                         faults: list[dict[str, str]]) -> None:
    assert Counter(fault["kind"] for fault in faults) == truth["dirt"]
    assert Counter(fault["expect"] for fault in faults) == truth["expect"]
    kinds = set(truth["dirt"])
    for fault in faults:
        line = lines_of(town.out / "records" / fault["source"] / fault["file"])[int(fault["line"]) - 1]
        check_fault(fault, line)
        kinds.discard(fault["kind"])
    assert not kinds


def check_fault(fault: dict[str, str], line: str) -> None:
    kind = fault["kind"]
    if kind == "malformed":
        with pytest.raises(ValueError):
            json.loads(line)
        return
    if kind == "blank_line":
        assert not line
        return
    found = json.loads(line)
    if kind == "not_an_object":
        assert not isinstance(found, dict)
        return
    assert str(found["id"]) == fault["resource_id"]
    missing = {"no_subject": "subject", "no_code": "code", "no_type": "resourceType"}.get(kind)
    assert missing not in found
    if kind in ("placeholder_nhs_number", "bad_nhs_number"):
        assert not nhs_number_valid(nhs_number(found))
    elif kind == "text_value":
        assert isinstance(found["valueQuantity"]["value"], str)
    elif kind == "impossible_date":
        assert found["onsetDateTime"] == "2023-02-30"


def nhs_number(patient: dict[str, Any]) -> str:
    return next((i["value"] for i in patient.get("identifier", []) if i["system"].endswith("nhs-number")), "")


def test_people_are_counted_by_status(truth: dict[str, Any], people: list[dict[str, str]]) -> None:
    statuses = Counter(person["status"] for person in people)
    said = truth["people"]
    assert statuses["registered"] == said["registered"] == PEOPLE
    assert (statuses["died-formal"], statuses["died-informal"], statuses["left"], statuses["hospital-only"]) == (
        said["died_formal"], said["died_informal"], said["left"], said["hospital_only"])
    for column, name in (("objecting", "objecting"), ("quiet_75", "quiet_75"), ("in_hospital", "in_hospital_now")):
        assert sum(int(person[column]) for person in people) == said[name]
    assert sum(bool(person["old_practice"]) for person in people) == said["moved_between_practices"]


def test_nhs_numbers(people: list[dict[str, str]], records: Any) -> None:
    numbers = [person["nhs_number"] for person in people]
    assert len(set(numbers)) == len(numbers)
    assert all(number.startswith("999") and nhs_number_valid(number) for number in numbers)
    broken = {person["nhs_number"] for person in people if person["gp_nhs_number_broken"] == "1"}
    written = [nhs_number(patient) for of_type in records.values() for patient in of_type["Patient"]]
    assert set(filter(nhs_number_valid, written)) <= set(numbers)
    assert len(broken) == 2 and len([number for number in written if number and not nhs_number_valid(number)]) == 2


def test_patients_are_the_people(people: list[dict[str, str]], records: Any, truth: dict[str, Any]) -> None:
    ids = {key for person in people for key in person["patient_ids"].split(";")}
    assert ids == {f"{source}/{patient['id']}" for source, of_type in records.items() for patient in of_type["Patient"]}
    assert truth["patients"] == {source: len(of_type["Patient"]) for source, of_type in records.items()}
    shared = [person for person in people if ";hospital/" in person["patient_ids"]]
    assert len(shared) == truth["links"]["in_both"]
    assert truth["links"]["linkable"] + truth["links"]["no_number"] + truth["links"]["two_birth_dates"] >= len(shared)


def test_subjects_and_dates(records: Any) -> None:
    for of_type in records.values():
        patients = {f"Patient/{patient['id']}" for patient in of_type["Patient"]}
        for kind, resources in of_type.items():
            for resource in resources:
                subject = resource.get("subject") or resource.get("patient")
                if kind not in ("Patient", "Organization", "Practitioner", "Medication"):
                    assert subject["reference"] in patients
                for name in ("recordedDate", "assertedDate", "issued", "authoredOn", "created"):
                    assert resource.get(name, "")[:10] < str(DAY)


def test_made_up_contacts(records: Any) -> None:
    for of_type in records.values():
        for patient in of_type["Patient"]:
            assert all(p["value"].startswith(("01632 960", "07700 900")) for p in patient.get("telecom", []))
            assert all(address["postalCode"].startswith("ZZ") for address in patient["address"])


def test_negations_family_and_near_misses(records: Any) -> None:
    said = Counter(
        str(condition.get("verificationStatus")) for of_type in records.values() for condition in of_type["Condition"])
    for word in ("refuted", "entered-in-error"):
        assert any(word in key for key in said)
    observations = [o for of_type in records.values() for o in of_type.get("Observation", [])]
    assert any(o.get("valueBoolean") is False for o in observations)
    assert any(of_type.get("FamilyMemberHistory") for of_type in records.values())
    codings = [coding for of_type in records.values() for kind in ("Condition", "Observation")
               for resource in of_type.get(kind, []) for coding in resource["code"]["coding"]]
    read = [coding["code"] for coding in codings if coding["system"] == "http://read.info/readv2"]
    assert {len(code) for code in read} == {5, 7} and 0.05 < len(read) / len(codings) < 0.4
    assert any(coding["code"] == "1092561000000107" for coding in codings), "staff of a home, not a resident"


def test_bands_by_simple_counting(records: Any, people: list[dict[str, str]]) -> None:
    """The share of people over 65 in each band, counted from codes alone, is of the order that is published."""
    listed = {(entry.system, entry.code[:5] if "read" in entry.system else entry.code): name
              for name in deficit_names() for entry in load_codelist(f"efi/{name}").entries}
    found: dict[str, set[str]] = {}
    for source, of_type in records.items():
        for kind in ("Condition", "Observation"):
            for resource in of_type.get(kind, []):
                for coding in resource["code"]["coding"]:
                    code = coding["code"][:5] if "read" in coding["system"] else coding["code"]
                    if (coding["system"], code) in listed and resource.get("valueBoolean") is not False:
                        key = f"{source}/{resource['subject']['reference'].removeprefix('Patient/')}"
                        found.setdefault(key, set()).add(listed[coding["system"], code])
    old = [person for person in people if person["status"] == "registered" and person["birth_date"] < "1960-11-22"]
    counts = [len(set().union(*(found.get(key, set()) for key in person["patient_ids"].split(";")))) for person in old]
    fit, severe = (sum(n <= 4 for n in counts) / len(old), sum(n >= 13 for n in counts) / len(old))
    assert 0.17 < len(old) / PEOPLE < 0.30
    assert 0.40 < fit < 0.75 and severe < 0.10
    assert sum(counts) / len(old) == pytest.approx(4.6, abs=1.2)


def deficit_names() -> list[str]:
    from frailty.synthetic.settings import load_settings
    return list(load_settings().deficits.names)


def test_fhir_resources_read_them(records: Any, truth: dict[str, Any]) -> None:
    from fhir.resources.R4B import get_fhir_model_class as r4
    from fhir.resources.STU3 import get_fhir_model_class as stu3
    checked = 0
    for source, of_type in records.items():
        model_of = stu3 if truth["sources"][source]["shape"] == "stu3" else r4
        for kind, resources in of_type.items():
            # The first, the last and some between; all of a kind are made by one template with optional parts.
            for resource in [*resources[::max(1, len(resources) // 12)], resources[-1]]:
                model_of(kind).model_validate(resource)
                checked += 1
    assert checked > 300


def test_homes(town: LocalitySummary, truth: dict[str, Any], people: list[dict[str, str]]) -> None:
    residents = [person for person in people if person["home"]]
    whole = truth["homes"]["all"]
    assert len(residents) == whole["residents"]
    assert sum(int(person["residence_coded"]) for person in residents) == whole["coded"]
    assert sum(int(person["former_resident"]) for person in people) == whole["former_but_coded"] > 0
    assert whole["all_three"] < whole["residents"]
    for home in ("home-1", "home-2", "home-3"):
        lines, said = rows_of(town.out / "homes" / f"{home}.csv"), truth["homes"][home]
        assert len(lines) == said["listed_residents"] + said["dead"] + said["also_on_another_list"] + said["unknown"]
        assert sum(line["requested"] == "yes" for line in lines) == said["requested"] > 0
        numbers = {line["nhs_number"].replace(" ", "") for line in lines} - {""}
        assert numbers <= {person["nhs_number"] for person in people if home in person["on_home_lists"]}


def test_site_is_read(town: LocalitySummary) -> None:
    from frailty.site import load_site
    site = load_site(town.site)
    assert [practice.ods for practice in site.practices] == ["Y90001", "Y90002", "Y90003"]
    assert [feed.name for feed in site.feeds] == [folder.name for folder in town.records]
    assert all(home.residents for home in site.homes) and site.requests
    assert {request.nhs_number for request in site.requests} <= {
        person["nhs_number"] for person in rows_of(town.truth / "people.csv")}


def test_hazards_make_sense(people: list[dict[str, str]]) -> None:
    registered = [person for person in people if person["status"] == "registered"]
    full = [float(person["admission_12m"]) for person in registered]
    known = [float(person["admission_12m_given_records"]) for person in registered]
    assert all(0 <= value <= 1 for value in full + known)
    assert 0.04 < sum(full) / len(full) < 0.15
    assert sum(known) / len(known) == pytest.approx(sum(full) / len(full), rel=0.2)
    frail = [person for person in registered if int(person["latent_count"]) >= 13]
    assert sum(float(person["admission_12m"]) for person in frail) / len(frail) > 2.5 * sum(full) / len(full)


def test_tables_hold_the_same_people(tmp_path: Path, people: list[dict[str, str]]) -> None:
    town = make_locality(tmp_path, PEOPLE, seed=3, as_of=DAY, layout="tables")
    persons = {folder.name: rows_of(folder / "persons.csv") for folder in town.records}
    written = {(row["nhs_number"], row["birth_date"]) for rows in persons.values() for row in rows}
    assert written >= {
        (person["nhs_number"], person["birth_date"]) for person in people
        if person["status"] == "registered" and person["gp_nhs_number"]}
    for folder in town.records[:-1]:
        known = {row["patient_id"] for row in persons[folder.name]}
        for name in ("events", "medicines"):
            assert {row["patient_id"] for row in rows_of(folder / f"{name}.csv")} <= known
    stays = rows_of(town.records[-1] / "stays.csv")
    events = rows_of(town.records[-1] / "events.csv")
    assert {row["stay_id"] for row in events} <= {row["stay_id"] for row in stays}
    assert {row["setting"] for row in stays} == {"inpatient", "emergency"}
