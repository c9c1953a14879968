"""Records that exist, not records we wish for: every fixture through the public face of the library.

Whatever a file holds, reading it never crashes; each resource is used, superseded, removed, not needed, or in
quarantine with a reason; and the deficits are those worked out by hand in `fixtures/expected.toml`.
All are read in one run, each a source of its own; files that had to be spoiled, and every sixth, are also read alone.
"""

from __future__ import annotations

import datetime as dt
import shutil
from pathlib import Path
from typing import Any

import pytest
from oddities import (
    FIXTURES,
    Case,
    booked,
    cases,
    day,
    deficits_by_person,
    differences,
    patient_ids,
    quarantined,
    unbalanced,
)

import frailty

CASES = cases()
EMPTY = ("", "None", "nan", "<NA>", "False")


ALONE = [case for place, case in enumerate(CASES) if case.spec.get("make") or place % 6 == 0]
TOGETHER = [case for case in CASES if case.id != "large"]


class Part:
    """What a practice that read many sources says of some of them."""

    def __init__(self, practice: Any, sources: set[str], answers: dict[Any, Any]) -> None:
        self._practice, self._answers = practice, answers
        self.books = {source: books for source, books in practice.books.items() if source in sources}
        self.quarantine = practice.quarantine[practice.quarantine["source"].isin(sources)]
        people = practice.persons
        self.persons = people[[bool(sources & set(theirs)) for theirs in people["sources"]]]

    def contributions(self, scores: list[str], as_of: Any) -> Any:
        if as_of not in self._answers:
            self._answers[as_of] = self._practice.contributions(scores, as_of=as_of)
        found = self._answers[as_of]
        return found[found["patient_id"].isin(set(self.persons["patient_id"]))]


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Part]:
    """Every case of one run."""
    folder = tmp_path_factory.mktemp("together")
    paths = {case.id: case.prepare(folder) for case in TOGETHER}
    practice = frailty.read_fhir([path for those in paths.values() for path in those])
    assert len(practice.persons) == sum(case.spec["persons"] for case in TOGETHER)     # nobody is taken for somebody else
    answers: dict[Any, Any] = {}
    return {id: Part(practice, {path.name for path in those}, answers) for id, those in paths.items()}


def by_id(name: str) -> Case:
    return next(case for case in CASES if case.id == name)


def person(practice: Any, who: str) -> str:
    found = patient_ids(practice, who)
    assert len(found) == 1, f"{who} is {len(found)} people"
    return found[0]


def row_of(practice: Any, who: str) -> Any:
    people = practice.persons
    return people[people["patient_id"].astype(str) == person(practice, who)].iloc[0]


@pytest.mark.parametrize("case", TOGETHER, ids=lambda case: case.id)
def test_fixture(case: Case, parts: dict[str, Part]) -> None:
    whole(case.spec, parts[case.id])


@pytest.mark.parametrize("case", ALONE, ids=lambda case: case.id)
def test_fixture_alone(case: Case, tmp_path: Path) -> None:
    whole(case.spec, frailty.read_fhir(case.prepare(tmp_path)))


def whole(spec: dict[str, Any], practice: Any) -> None:
    """Everything that the case says, and that its books balance."""
    assert practice.books
    assert unbalanced(practice.books) == []
    assert len(practice.persons) == spec["persons"]
    assert practice.persons["patient_id"].is_unique
    assert all(str(reason).strip() for reason in practice.quarantine["reason"])

    expected, eithers = spec.get("expect", []), spec.get("either", [])
    days = {wanted["as_of"] for wanted in expected + eithers}
    found_on = {as_of: deficits_by_person(practice, as_of) for as_of in days}
    for expect in expected:
        found = found_on[expect["as_of"]][person(practice, expect["who"])]
        assert differences(expect, found) == [], f"as of {expect['as_of']}"
    for either in eithers:
        found = found_on[either["as_of"]][person(practice, either["who"])]
        in_quarantine = bool(either["file"]) and len(quarantined(practice, either["file"])) > 0
        assert either["deficit"] in found or in_quarantine, f"{either['deficit']} was lost in silence"
    for wanted in spec.get("quarantine", []):
        rows = quarantined(practice, wanted["file"])
        assert len(rows), f"nothing of {wanted['file']} is in quarantine"
        if "reason" in wanted:
            assert rows["reason"].str.contains(wanted["reason"], case=False).any(), rows["reason"].tolist()
        assert set(wanted.get("lines", [])) <= {int(line) for line in rows["line"].dropna()}
    if spec.get("nothing_quarantined"):
        assert practice.quarantine.empty, practice.quarantine.to_dict("records")
    for kind, entries in spec.get("books", {}).items():
        for entry, count in entries.items():
            assert booked(practice.books, kind, entry) == count, (kind, entry)
    for who, born in spec.get("born", {}).items():
        assert day(row_of(practice, who)["birth_date"]) == born.isoformat()
    for who in spec.get("flagged", []):
        assert str(row_of(practice, who)["identity_flag"]).strip() not in EMPTY


def test_quarantine_says_which_part(parts: dict[str, Part]) -> None:
    """30 February beside a good date: the record is used, and one line says which part of it was not."""
    practice = parts["impossible-dates"]
    rows = quarantined(practice, "Condition.ndjson")
    lines = {int(row.line) for row in rows.itertuples() if str(row.part).strip() not in EMPTY}
    assert 1 in lines
    assert booked(practice.books, "Condition", "used") >= 1


@pytest.mark.parametrize("name", ["newer-in-an-earlier-file", "bundle-types"])
def test_order_of_files_does_not_matter(name: str, tmp_path: Path) -> None:
    (folder,) = by_id(name).prepare(tmp_path)
    as_of = dt.date(2024, 6, 1)
    before = deficits_by_person(frailty.read_fhir(folder), as_of)
    files = sorted(folder.iterdir())
    for place, file in enumerate(reversed(files)):
        file.rename(folder / f"{place:03}-{file.name}")
    assert deficits_by_person(frailty.read_fhir(folder), as_of) == before


def test_several_patients_under_one_id_without_a_bundle(tmp_path: Path) -> None:
    """Where nothing tells whose Condition it is, nobody gets it."""
    text = (FIXTURES / "ids-clash" / "Patient.ndjson").read_text(encoding="utf-8").replace('"ic2"', '"ic1"')
    (tmp_path / "Patient.ndjson").write_text(text.replace("1940-05-06", "1950-01-01", 1), encoding="utf-8")
    shutil.copy(FIXTURES / "ids-clash" / "Condition.ndjson", tmp_path)
    practice = frailty.read_fhir(tmp_path)
    assert unbalanced(practice.books) == []
    assert len(practice.persons) == 2
    assert not any(deficits_by_person(practice, dt.date(2024, 6, 1)).values())
    assert len(quarantined(practice, "Condition.ndjson")) >= 2


def test_one_file_and_many_paths(tmp_path: Path) -> None:
    """A path may be a file; the same file twice adds nothing that counts."""
    (folder,) = by_id("bundle-types").prepare(tmp_path)
    practice = frailty.read_fhir(folder / "collection.json")
    found = deficits_by_person(practice, dt.date(2024, 6, 1))
    assert [set(deficits) for deficits in found.values()] == [{"falls", "diabetes"}]
    assert unbalanced(practice.books) == []


def test_xml_alone_is_refused_by_name(tmp_path: Path) -> None:
    """Either an error or a line of quarantine; both name the file and say XML."""
    shutil.copy(FIXTURES / "xml" / "condition.xml", tmp_path)
    try:
        practice = frailty.read_fhir(tmp_path / "condition.xml")
    except frailty.FrailtyError as error:
        assert "XML" in str(error)
        assert "condition.xml" in str(error)
    else:
        rows = quarantined(practice, "condition.xml")
        assert rows["reason"].str.contains("XML").all()
        assert len(rows) == 1
