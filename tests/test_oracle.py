"""The oracle itself, held against cases worked by hand."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import oracle
import pytest
from oddities import Case, cases, differences

Day = dt.date


@pytest.fixture(scope="module")
def terms() -> oracle.Terms:
    return oracle.Terms()


def who(records: oracle.Records, name: str) -> oracle.Person:
    found = [p for p in records.persons.values() if name == p.nhs_number or name in p.patient_ids]
    assert len(found) == 1, f"{name} is {len(found)} people"
    return found[0]


@pytest.mark.parametrize("case", cases(), ids=lambda case: case.id)
def test_fixture(case: Case, tmp_path: Path, terms: oracle.Terms) -> None:
    records = oracle.Records(*case.prepare(tmp_path), terms=terms)
    assert len(records.persons) == case.spec["persons"]
    for expect in case.spec.get("expect", []):
        person = who(records, expect["who"])
        deficits = records.efi(expect["as_of"])[person.key]
        found = {name: (d.n, d.first.isoformat(), d.last.isoformat()) for name, d in deficits.items()}
        assert differences(expect, found) == [], expect["as_of"]
    for name in case.spec.get("flagged", []):
        assert who(records, name).clash
    for name, born in case.spec.get("born", {}).items():
        assert who(records, name).birth_date == born.isoformat()


def test_order_of_files_does_not_matter(tmp_path: Path, terms: oracle.Terms) -> None:
    case = next(case for case in cases() if case.id == "newer-in-an-earlier-file")
    (folder,) = case.prepare(tmp_path)
    before = oracle.Records(folder, terms=terms).efi(Day(2024, 6, 1))
    (folder / "a.ndjson").rename(folder / "z.ndjson")
    assert oracle.Records(folder, terms=terms).efi(Day(2024, 6, 1)) == before


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("2020", Day(2020, 1, 1), Day(2020, 12, 31)),
        ("2020-02", Day(2020, 2, 1), Day(2020, 2, 29)),
        ("2020-02-03", Day(2020, 2, 3), Day(2020, 2, 3)),
        ("2020-06-30T23:30:00Z", Day(2020, 7, 1), Day(2020, 7, 1)),  # British summer time
        ("2020-12-31T23:30:00Z", Day(2020, 12, 31), Day(2020, 12, 31)),
        ("2020-06-30T22:00:00-05:00", Day(2020, 7, 1), Day(2020, 7, 1)),
        ("2020-06-30T23:59:59.999", Day(2020, 6, 30), Day(2020, 6, 30)),
    ],
)
def test_span(text: str, first: dt.date, last: dt.date) -> None:
    assert oracle.span(text) == (first, last)


def test_no_span() -> None:
    for text in (
        "",
        "2023-02-30",
        "0201-05-05",
        "20200101",
        "01/02/2020",
        None,
        20200101,
        "2020-13",
        "spring",
    ):
        assert oracle.span(text) is None


@pytest.mark.parametrize(
    ("date", "months", "expected"),
    [
        (Day(2024, 2, 29), -12, Day(2023, 2, 28)),
        (Day(2024, 6, 1), -12, Day(2023, 6, 1)),
        (Day(2024, 3, 31), -1, Day(2024, 2, 29)),
        (Day(2024, 1, 15), -1, Day(2023, 12, 15)),
    ],
)
def test_add_months(date: dt.date, months: int, expected: dt.date) -> None:
    assert oracle.add_months(date, months) == expected


def test_nhs_numbers() -> None:
    assert oracle.nhs_number("999 000 0018") == "9990000018"
    assert oracle.nhs_number(9990000018) == "9990000018"
    for bad in ("9990000019", "0000000000", "9999999999", "1234567890", "999000001", "", None, "{{number}}"):
        assert oracle.nhs_number(bad) is None


@pytest.mark.parametrize(
    ("operator", "threshold", "value", "comparator", "expected"),
    [
        ("<", "60", 59.9, "", True),
        ("<", "60", 60, "", False),
        ("<", "60", 60, "<", True),  # below 60
        ("<", "60", 90, ">", False),
        ("<", "60", 15, ">", False),  # above 15: may be anything
        (">", "3", 5, "<", False),  # below 5: may be 1
        (">", "3", 3, ">", True),
        ("<=", "-2.5", -2.5, "", True),
        (">=", "1", 1, "", True),
        ("any", "", 0, "", True),
    ],
)
def test_value_rule(operator: str, threshold: str, value: float, comparator: str, expected: bool) -> None:
    assert oracle.passes(operator, threshold, value, comparator) is expected


def test_substances(terms: oracle.Terms) -> None:
    def of(text: str) -> str:
        return terms.substance([text], [("https://dmd.nhs.uk", "1")])

    assert of("Ramipril 5mg capsules") == of("RAMIPRIL 10 MG Oral Capsule") == "ramipril"
    assert of("Acetaminophen 300 MG / Codeine 30 MG Oral Tablet") == of("Co-codamol 30mg/500mg capsules")
    assert of("Micropore tape 5cm") == "code https://dmd.nhs.uk|1"


def test_lists_are_whole(terms: oracle.Terms) -> None:
    """35 deficits have codes, one a rule; value rules name quantities and deficits that exist."""
    assert len(terms.deficits) == 35
    assert "polypharmacy" not in terms.deficits
    for rule in terms.value_rules:
        assert rule["quantity"] in terms.quantity_codes
        assert rule["deficit"] in terms.deficits
