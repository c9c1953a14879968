"""Paper for the round: the team's sheet in room order, and the home's copy that tells nothing the records hold."""

import re
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from nightly_town import Place
from triage_town import Town, home, nhs, practice, resident, site

from frailty.reports.round_sheet import home_copy, render_sheet, round_sheet, write_round_sheets
from frailty.triage import Worklists
from frailty.triage.home_page import room_order
from frailty.triage.lines import Page

BORN = date(1935, 5, 6)


@pytest.fixture(scope="module")
def made() -> Worklists:
    """A home of five: one asked for, one new, one after a fall, one without a reason, one whom the records do not know."""
    town = Town()
    residents = []
    for person, room in ((1, "12"), (2, "2"), (3, "9"), (4, "1")):
        town.person(person, "severe", 14, name=f"Resident {person}", birth_date=BORN)
        residents.append(resident(f"Resident {person}", BORN, nhs_number=nhs(person), room=room, admitted_on=date(2020, 1, 1)))
    residents[0] = replace(residents[0], requested=True, request_reason="not herself since the fall", requested_by="Sr B")
    residents[1] = replace(residents[1], admitted_on=date(2026, 11, 12))
    residents.append(resident("Una Known", date(1930, 1, 2), nhs_number="", room="5"))
    for person in (1, 2, 3, 4):
        town.code(person, "care/cfs", date(2026, 10, 1))
    return town.run(site(practices=(practice(),), homes=(home(residents=tuple(residents)),)))


@pytest.fixture
def page(made: Worklists) -> Page:
    return made.page("home", "home-1")


def test_rows_are_in_room_order_and_everybody_stands_somewhere(made: Worklists, page: Page) -> None:
    sheet = round_sheet(page)
    rooms = [row.line.card.room for row in sheet.rows]
    assert rooms == sorted(rooms, key=int) and len(rooms) >= 2
    text = render_sheet(made, page, sheet)
    for name in ("Resident 1", "Resident 2", "Resident 3", "Resident 4", "Una Known"):
        assert name in text
    assert "Added on the day" in text and "Decision today" in text


def test_whom_the_home_asked_for_is_on_the_sheet_with_its_words(made: Worklists, page: Page) -> None:
    (row,) = [row for row in round_sheet(page).rows if row.line.asked]
    assert row.line.card.name == "Resident 1"
    assert "not herself since the fall" in render_sheet(made, page, round_sheet(page))


def test_the_homes_copy_tells_nothing_the_records_hold(made: Worklists, page: Page) -> None:
    text = re.sub(r"<style>.*?</style>", "", render_sheet(made, page, home_copy(page)), flags=re.S)
    for row in home_copy(page).rows:
        assert row.line.card.name in text
        for secret in (row.line.frailty, *row.line.why, *row.line.known, *row.line.missing, row.line.asks):
            assert not secret or secret not in text
    for word in ("frail", "score ", "36", "severe", "Clinical Frailty", "SHADOW", nhs(1), nhs(1)[:3] + " " + nhs(1)[3:6], "1935"):
        assert word not in text.replace("nobody needs a score to be seen", "")


def test_rooms_as_a_person_walks_them() -> None:
    assert sorted(["12", "2", "", "2a", "Garden 3", "10"], key=room_order) == ["2", "2a", "Garden 3", "10", "12", ""]


def test_a_night_writes_both_in_folders_of_their_own(first_night: Place) -> None:
    homes = sorted(path.name for path in (first_night.out / "home").iterdir())
    assert homes
    for name in homes:
        assert (first_night.out / "home" / name / "round-sheet.html").is_file()
        assert sorted(path.name for path in (first_night.out / "home-staff" / name).iterdir()) == ["round.html"]


def test_files_name_nobody(made: Worklists, tmp_path: Path) -> None:
    for path in write_round_sheets(made, tmp_path):
        assert "Resident" not in str(path.relative_to(tmp_path))
