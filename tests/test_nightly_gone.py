"""Somebody vanishes from a full extract: night after night from outside, to the outcome in the hub's workbook (G5)."""

from __future__ import annotations

import csv
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from nightly_town import (
    EXTRACTED,
    NAMES,
    NEXT,
    Night,
    Place,
    coding,
    encounter,
    nhs,
    night_one,
    objection,
    observation,
    run,
    version,
    write_night,
    write_site,
)
from openpyxl import load_workbook

QUICK = {"scores": ("efi",)}
SAID = "Referred on (to whom: Note)"


def town() -> Night:
    """p1 (the hospital's h1) came home from hospital; p3 and p8, whom only the practice knows, had a high NEWS2; p8 objects."""
    night = night_one()
    night["hospital"].append(version(encounter("e-new", "h1", "2026-11-18", "2026-11-20"), "2026-11-20T00:00:00Z"))
    for who in ("p3", "p8"):
        news2 = observation(f"{who}-news", who, coding("quantities/news2_total"), "2026-11-21", 8, "score")
        night["harbour-gp"].append(version(news2, "2026-11-21T00:00:00Z"))
    night["harbour-gp"].append(version(objection("p8-no", "p8"), "2026-11-01T00:00:00Z"))
    return night


def without(night: Night, *gone: str) -> Night:
    """Their Patient rows are gone, as an export does it: the rest of their record goes with them."""
    return {source: [one for one in found if not any(one["id"] == who or one["id"].startswith(f"{who}-") for who in gone)]
            for source, found in night.items()}


@pytest.fixture
def place(tmp_path: Path) -> Place:
    site = write_site(tmp_path)
    told = site.read_text(encoding="utf-8").replace("shrink_people = 2", "shrink_people = 5")      # two of nine are believed
    site.write_text(told + "proposals = true\n", encoding="utf-8")
    records = write_night(tmp_path / "records", town())
    result = run(records, tmp_path / "lists", site=site, extracted_at=EXTRACTED, **QUICK)
    assert result.exit_code == 0
    return Place(tmp_path, site, records, result)


def later(place: Place, days: int, night: Night, **more: Any) -> Any:
    result = place.night(night, as_of=(NEXT + timedelta(days=days)).isoformat(), extracted_at=EXTRACTED + timedelta(days=1 + days),
                         **{**QUICK, **more})
    assert result.exit_code == 0, result.troubles
    return result


def hub(place: Place, section: str = "on the list") -> dict[str, dict[str, str]]:
    """The lines of the hub's page “To settle” that name a person of the records, by name."""
    with (place.out / "hub/worklist.csv").open(encoding="utf-8-sig", newline="") as stream:
        return {row["name"]: row for row in csv.DictReader(stream) if row["list"] == "To settle" and row["section"] == section
                and row["patient_id"]}


def filled(place: Place, name: str) -> Path:
    """The hub's workbook with an outcome in the line of somebody."""
    book = load_workbook(place.out / "hub/worklist.xlsx")
    sheet = book["Worklist"]
    head = next(cell.row for column in sheet.iter_cols() for cell in column if cell.value == "Outcome")
    at = {str(cell.value): cell.column for cell in sheet[head] if cell.value}
    row = next(row for row in range(head + 1, sheet.max_row + 1)
               if (sheet.cell(row, at["Name"]).value, sheet.cell(row, at["List"]).value) == (name, "To settle"))
    for title, value in (("Outcome", SAID), ("Date", NEXT), ("By", "Ms Lee"), ("Note", "Downs hub")):
        sheet.cell(row, at[title]).value = value
    path = place.folder / "hub-filled.xlsx"
    book.save(path)
    return path


def test_who_vanishes_is_asked_about_until_an_outcome_or_the_end_of_the_wait(place: Place) -> None:
    assert not hub(place)
    gone = without(town(), "p1", "p3")
    later(place, 0, gone)
    asked = hub(place)
    assert set(asked) == {NAMES[1], NAMES[3]}
    assert "Urgent work of 2 people who left, vanished or may have died waits to be handed over" in (
        place.out / "hub/worklist.html").read_text(encoding="utf-8")
    first, second = asked[NAMES[1]], asked[NAMES[3]]
    assert (first["nhs_number"].replace(" ", ""), first["birth_date"], first["left_off"]) == (nhs(1), "1931-03-02", "Harbour Surgery")
    assert first["asked"] == "No longer in the records, and urgent work is open: find out who looks after this person"
    assert "since 23 Nov 2026" in first["why_now"] and "rule HUB-03, open since 22 Nov 2026, due 24 Nov 2026" in first["why_now"]
    assert "rule UCR-05" in second["why_now"] and second["priority"] == "P2"
    page = (place.out / "hub/worklist.html").read_text(encoding="utf-8")
    assert page[page.index('id="tasks"') : page.index('id="came-off"')].count(NAMES[1]) == 1
    with (place.out / "hub/worklist.csv").open(encoding="utf-8-sig", newline="") as stream:     # the hospital's h1 is no second question
        assert [row["patient_id"] for row in csv.DictReader(stream) if row["name"] == NAMES[1] and row["section"] == "on the list"] == ["p1"]
    with (place.out / "practice/Y90001/worklist.csv").open(encoding="utf-8-sig", newline="") as stream:
        came_off = [row for row in csv.DictReader(stream) if row["section"] == "came off" and row["patient_id"] == "p1"]
    assert came_off and {row["why_now"] for row in came_off} == {
        "no longer in the records; held for 14 days, in case it is a transfer or an error"}
    closed = json.loads((place.out / "run.json").read_text(encoding="utf-8"))["worklists"]["cases"]["closed"]
    assert closed == 0
    path = filled(place, NAMES[1])
    later(place, 1, gone, outcomes=(path,))
    assert set(hub(place)) == {NAMES[3]}
    assert hub(place, "came off")[NAMES[1]]["why_now"] == f"decided: “{SAID}” on 23 Nov 2026 (Ms Lee)"
    later(place, 13, gone)
    assert hub(place)[NAMES[3]]["first_listed"] == NEXT.isoformat() and hub(place)[NAMES[3]]["overdue"] == "yes"
    later(place, 14, gone)
    assert not hub(place) and "nobody wrote an outcome" in hub(place, "came off")[NAMES[3]]["why_now"]
    later(place, 15, gone)
    assert not hub(place) and not hub(place, "came off")


def test_who_comes_back_has_the_old_task_and_who_objected_is_not_named(place: Place) -> None:
    later(place, 0, without(town(), "p3", "p8"))
    assert set(hub(place)) == {NAMES[3]}
    page = (place.out / "hub/worklist.html").read_text(encoding="utf-8")
    assert NAMES[8] not in page and "Urgent work of 1 person who objected to profiling and is no longer in the records is held" in page
    later(place, 3, town())
    assert hub(place, "came off")[NAMES[3]]["why_now"] == "settled, or no longer in question"
    with (place.out / "hub/worklist.csv").open(encoding="utf-8-sig", newline="") as stream:
        checks = {row["name"]: row for row in csv.DictReader(stream) if row["list"] == "Safety checks this morning"}
    assert checks[NAMES[3]]["section"] == "on the list"
