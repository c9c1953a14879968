"""The answer comes back: a worklist is filled in, read, and holds until its time is over or something happens (3.3)."""

from __future__ import annotations

import io
import json
import tomllib
import zipfile
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook, load_workbook
from triage_town import AS_OF, Town, home, names, nhs, practice, resident, site

from frailty.errors import DefinitionError
from frailty.knowledge import rules_dir
from frailty.reports.workbook import TYPED, render_workbook
from frailty.site import Request
from frailty.triage import Worklists
from frailty.triage.filled import Answers, data_quality, feedback, keep_answers, load_decisions, read_answers
from frailty.triage.outcomes import load_outcomes

SEEN = "Seen or discussed: no change needed"
NOT_FRAIL = "Not frail on review"
NEXT = AS_OF + timedelta(days=1)


def town_with(*people: int, **more: Any) -> Town:
    """People whose severe frailty a clinician confirmed and who have no plan: they belong into the MDT pack."""
    town = Town(known=True)
    for person in people:
        town.person(person, "severe", 14, **more)
        town.code(person, "care/frailty_severe", date(2025, 1, 1))
    town.plan(town.person(99), date(2026, 1, 1))        # the practice does record plans
    return town


def sheet_of(made: Worklists, folder: Path, audience: str = "practice", page_id: str = "Y90001", name: str = "worklist.xlsx") -> Path:
    path = folder / name
    path.write_bytes(render_workbook(made, made.page(audience, page_id)))
    return path


def heads(worksheet: Any) -> tuple[int, dict[str, int]]:
    """The row of the headings, and heading -> column."""
    for cells in worksheet.iter_rows():
        found = {str(cell.value): cell.column for cell in cells if cell.value}
        if "Outcome" in found:
            return cells[0].row, found
    raise AssertionError("no headings")


def fill(path: Path, person: int, outcome: Any = SEEN, on: Any = AS_OF, by: Any = "Dr A", **more: Any) -> Path:
    """Fill in the row of a person, as somebody would."""
    book = load_workbook(path)
    worksheet = book["Worklist"]
    head, at = heads(worksheet)
    rows = [row for row in range(head + 1, worksheet.max_row + 1)
            if str(worksheet.cell(row, at["NHS number"]).value or "").replace(" ", "") == nhs(person)]
    assert rows, "nobody to fill in"
    for title, value in (("Outcome", outcome), ("Date", on), ("By", by), *((name.replace("_", " ").capitalize(), value)
                                                                           for name, value in more.items())):
        worksheet.cell(rows[0], at[title]).value = value
    book.save(path)
    return path


def read(town: Town, *paths: Path, load: int = 2) -> Answers:
    """Read filled sheets into the town's store, on its day."""
    found = read_answers(paths)
    keep_answers(town.con, found, load, town.as_of)
    return found


def night(town: Town, run: int, here: Any = None) -> Worklists:
    return town.run(here or site(), run, decisions=load_decisions(town.con, town.as_of))


def off(made: Worklists, person: int, audience: str = "practice", page_id: str = "Y90001") -> str:
    """Why somebody came off."""
    return next(line.why[0] for line in made.page(audience, page_id).came_off if line.person == person)


def why(made: Worklists, person: int, list_id: str = "mdt") -> tuple[str, ...]:
    view = next(view for view in made.page("practice", "Y90001").lists if view.id == list_id)
    return next(line.why for line in view.lines if line.person == person)


def decided(town: Town, tmp_path: Path, outcome: str = SEEN, person: int = 1, here: Any = None, **more: Any) -> Worklists:
    """First night, an outcome for one person, second night."""
    path = sheet_of(town.run(here or site()), tmp_path)
    fill(path, person, outcome, **more)
    town.next_day()
    assert read(town, path).problems == []
    return night(town, 2, here)


# ---- the workbook

def test_a_worklist_is_a_workbook_that_people_can_fill_in(tmp_path: Path) -> None:
    town = town_with(1)
    town.person(2, "severe", 14, name='=HYPERLINK("http://x")', phone="+44 1632 960001")
    made = town.run(site())
    path = sheet_of(made, tmp_path)
    worksheet = load_workbook(path)["Worklist"]
    head, at = heads(worksheet)
    assert worksheet.protection.sheet and worksheet.column_dimensions["A"].hidden
    assert worksheet.page_setup.orientation == "landscape" and int(worksheet.page_setup.paperSize) == 9
    assert worksheet.print_title_rows == f"${head}:${head}" and worksheet.freeze_panes == f"A{head + 1}"
    rows = range(head + 1, worksheet.max_row + 1)
    assert len(rows) == sum(len(view.lines) for view in made.page("practice", "Y90001").lists)
    for row in rows:
        for title, column in at.items():
            cell = worksheet.cell(row, column)
            assert cell.protection.locked == (title.lower().replace(" ", "_") not in (*TYPED, "date")), title
            assert cell.data_type != "f"
    nasty = next(worksheet.cell(row, at["Name"]) for row in rows if str(worksheet.cell(row, at["Name"]).value).startswith("="))
    assert nasty.data_type == "s" and nasty.quotePrefix
    number = worksheet.cell(head + 1, at["NHS number"])
    assert isinstance(number.value, str) and " " in number.value and number.number_format == "@"
    assert worksheet.cell(head + 1, at["Born"]).is_date
    choices = [check for check in worksheet.data_validations.dataValidation if check.type == "list"]
    assert len(choices) == 1 and choices[0].formula1.startswith("=Outcomes!")
    words = [cell.value for cell in load_workbook(path)["Outcomes"]["A"][1:]]
    assert words == list(load_outcomes().words())


def test_the_workbook_is_the_same_to_the_byte(tmp_path: Path) -> None:
    made = town_with(1).run(site())
    page = made.page("practice", "Y90001")
    first = render_workbook(made, page)
    import time
    time.sleep(1.1)                                     # a clock that went into the file would show
    assert render_workbook(made, page) == first
    assert {info.date_time[:3] for info in zipfile.ZipFile(io.BytesIO(first)).infolist()} == {(1980, 1, 1)}


# ---- suppressed, explained, and broken

def test_a_decided_person_is_off_and_the_page_says_why_and_until_when(tmp_path: Path) -> None:
    town = town_with(1, 2)
    second = decided(town, tmp_path)
    assert names(second, "mdt") == [2]
    said = off(second, 1)
    assert all(part in said for part in (SEEN, "22 Nov 2026", "Dr A", "20 Feb 2027", "a fall"))
    (line,) = second.page("practice", "Y90001").decided
    assert line.person == 1 and line.why == (said,)
    books = next(view.books for view in second.page("practice", "Y90001").lists if view.id == "mdt")
    assert books["suppressed"] == 1
    places = ("listed", "overflow", "paused", "redirected", "suppressed", "not evaluated", "excluded", "not concerned")
    assert sum(books[name] for name in places) == books["people"]


@pytest.mark.parametrize(("event", "words"), [
    (lambda town: town.code(1, "efi/falls", NEXT), "fall recorded on 23 Nov 2026"),
    (lambda town: town.stay(1, NEXT, NEXT), "admitted to hospital on 23 Nov 2026"),
    (lambda town: town.stay(1, AS_OF - timedelta(days=2), AS_OF - timedelta(days=1), recorded_start=NEXT, recorded_end=NEXT),
     "admitted to hospital on 20 Nov 2026"),            # late news: it happened before, and nobody knew
])
def test_an_event_breaks_it_and_the_card_names_it(tmp_path: Path, event: Callable[[Town], None], words: str) -> None:
    town = town_with(1)
    assert names(decided(town, tmp_path), "mdt") == []
    town.next_day()
    event(town)
    third = night(town, 3)
    assert names(third, "mdt") == [1]
    assert why(third, 1)[0].startswith(f"Listed again: {words}") and SEEN in why(third, 1)[0]
    assert third.page("practice", "Y90001").decided == ()


def test_an_event_before_the_decision_breaks_nothing(tmp_path: Path) -> None:
    town = town_with(1)
    town.code(1, "efi/falls", AS_OF - timedelta(days=5))
    assert names(decided(town, tmp_path), "mdt") == []


@pytest.mark.parametrize(("days", "listed"), [(89, []), (90, [1])])
def test_the_window_ends_and_the_card_says_so(tmp_path: Path, days: int, listed: list[int]) -> None:
    town = town_with(1)
    decided(town, tmp_path)
    town.next_day(days - 1)
    later = night(town, 3)
    assert names(later, "mdt") == listed
    if listed:
        assert why(later, 1)[0].startswith("Listed again: the time set by") and "20 Feb 2027" in why(later, 1)[0]


def test_review_on_ends_it_earlier_and_never_later(tmp_path: Path) -> None:
    town = town_with(1, 2)
    path = sheet_of(town.run(site()), tmp_path)
    fill(path, 1, review_on=date(2026, 12, 1))
    fill(path, 2, review_on=date(2027, 12, 1))
    town.next_day()
    assert read(town, path).problems == []
    night(town, 2)
    town.next_day(8)
    assert names(night(town, 3), "mdt") == [1]
    town.next_day(81)
    assert sorted(map(int, names(night(town, 4), "mdt"))) == [1, 2]


@pytest.mark.parametrize(("outcome", "days"), [("Declined by the person", 180), (NOT_FRAIL, 365), ("Has died", 28),
                                               ("Admitted to hospital", 14)])
def test_windows_of_other_outcomes(tmp_path: Path, outcome: str, days: int) -> None:
    town = town_with(1)
    decided(town, tmp_path, outcome)
    town.next_day(days - 2)
    assert names(night(town, 3), "mdt") == []
    town.next_day()
    assert names(night(town, 4), "mdt") == [1]


def test_a_worse_band_breaks_not_frail(tmp_path: Path) -> None:
    town = Town(known=True)
    town.person(1, "severe", 14)
    made = town.run(site())
    path = fill(sheet_of(made, tmp_path), 1, NOT_FRAIL)
    town.next_day()
    read(town, path)
    assert names(night(town, 2), "note_review") == []
    town.scores[1]["efi_reviewed_points"] = 15          # + 1 of 36 is less than 0.05
    assert names(night(town, 3), "note_review") == []
    town.scores[1]["efi_reviewed_points"] = 16
    third = night(town, 4)
    assert names(third, "note_review") == [1]
    assert why(third, 1, "note_review")[0].startswith("Listed again: deficits went from 14 to 16")


def test_the_records_win_over_a_sheet(tmp_path: Path) -> None:
    """A sheet says not frail; on the same day a clinician codes severe frailty: the code counts."""
    town = Town(known=True)
    town.person(1, "severe", 14)
    town.plan(town.person(99), date(2026, 1, 1))
    path = fill(sheet_of(town.run(site()), tmp_path), 1, NOT_FRAIL)
    town.next_day()
    town.code(1, "care/frailty_severe", AS_OF)
    read(town, path)
    second = night(town, 2)
    assert "severe frailty confirmed" in off(second, 1)
    assert names(second, "mdt") == [1]


def test_an_urgent_item_is_never_hidden(tmp_path: Path) -> None:
    town = Town(known=True)
    town.person(1, death_status="informal", deceased_on=AS_OF - timedelta(days=2))
    second = decided(town, tmp_path, "Has died")
    assert names(second, "hold") == [1]
    assert any("stays listed until the records agree" in text for text in why(second, 1, "hold"))


def test_what_is_about_the_person_counts_on_all_planned_lists(tmp_path: Path) -> None:
    town = town_with(1)
    town.medicines(1, 12)
    town.code(99, "care/smr", date(2026, 1, 1))
    first = town.run(site())
    assert names(first, "mdt") == names(first, "pharmacist") == [1]
    path = fill(sheet_of(first, tmp_path), 1, "Has moved away")
    town.next_day()
    read(town, path)
    second = night(town, 2)
    assert names(second, "mdt") == names(second, "pharmacist") == []


@pytest.mark.parametrize("outcome", ["Has died", "Wrong person: incident, reported"])
def test_what_the_records_do_not_say_is_put_to_the_hub(tmp_path: Path, outcome: str) -> None:
    """A death or a mix-up that only a worklist tells: a person settles it (G5, H04, H05)."""
    town = town_with(1)
    second = decided(town, tmp_path, outcome, note="told by her son")
    assert names(second, "mdt") == ([] if outcome == "Has died" else [1])
    (line,) = [line for line in second.page("hub", "hub").lists[-1].lines if line.person == 1]
    assert outcome in line.why[0] and "told by her son" in line.why[0]
    town.con.execute("UPDATE person_as_of SET death_status = 'formal'")
    third = night(town, 3)
    assert bool([line for line in third.page("hub", "hub").lists[-1].lines if line.person == 1]) == (outcome != "Has died")


def test_an_outcome_of_one_list_leaves_the_other_alone(tmp_path: Path) -> None:
    town = town_with(1)
    town.medicines(1, 12)
    second = decided(town, tmp_path)
    assert names(second, "mdt") == [] and names(second, "pharmacist") == [1]


def test_taken_back(tmp_path: Path) -> None:
    town = town_with(1)
    path = sheet_of(town.run(site()), tmp_path)
    town.next_day()
    read(town, fill(path, 1))
    second = night(town, 2)
    assert names(second, "mdt") == []
    read(town, fill(path, 1, "Earlier outcome was a mistake: list again", NEXT), load=3)
    third = night(town, 3)
    assert names(third, "mdt") == [1] and "mistake" in why(third, 1)[0]


def test_a_request_is_closed_by_its_answer_and_a_new_one_is_served(tmp_path: Path) -> None:
    town = Town(known=True)
    town.person(1)
    old = Request(nhs(1), "Nurse C", date(2026, 11, 20), "worried")
    second = decided(town, tmp_path, here=site(requests=(old,)))
    assert names(second, "mdt") == [] and SEEN in off(second, 1)
    new = Request(nhs(1), "Nurse C", NEXT, "worried again")
    third = night(town, 3, site(requests=(old, new)))
    assert names(third, "mdt") == [1]
    assert "Asked because: worried again" in why(third, 1) and "Asked because: worried" not in why(third, 1)


def test_a_homes_request_without_a_day(tmp_path: Path) -> None:
    """Closed for two weeks; another reason is another request at once (scenario 6, 3.3)."""
    town = Town(known=True)
    town.person(1, birth_date=date(1940, 1, 1), name="Ada Home")

    def here(reason: str) -> Any:
        return site(homes=(home(residents=(resident("Ada Home", date(1940, 1, 1), nhs_number=nhs(1), requested=True,
                                                    request_reason=reason),)),))

    made = town.run(here("not eating"))
    assert names(made, "asked", audience="home", page_id="home-1") == [1]
    path = fill(sheet_of(made, tmp_path, "home", "home-1"), 1)
    town.next_day()
    assert read(town, path).problems == []
    second = night(town, 2, here("not eating"))
    assert names(second, "asked", audience="home", page_id="home-1") == []
    assert names(second, "everyone_else", audience="home", page_id="home-1") == [1]
    assert SEEN in off(second, 1, "home", "home-1")
    assert names(night(town, 3, here("chesty")), "asked", audience="home", page_id="home-1") == [1]
    town.next_day(13)
    assert names(night(town, 4, here("not eating")), "asked", audience="home", page_id="home-1") == [1]


@pytest.mark.parametrize("state", ["on hold", "frozen"])
def test_a_paused_practice_does_not_repeat_who_was_decided_on(tmp_path: Path, state: str) -> None:
    town = town_with(1, 2)
    path = fill(sheet_of(town.run(site()), tmp_path), 1)
    town.next_day()
    if state == "frozen":
        town.feed("gp", "gp", days_old=9)
    assert read(town, path).problems == []
    second = night(town, 2, site(practices=(practice(on_hold=state == "on hold"),)))
    assert second.page("practice", "Y90001").state == state
    assert names(second, "mdt") == [2]
    assert SEEN in off(second, 1)


# ---- what can go wrong with a file

def test_the_same_answer_in_two_files_is_one_decision(tmp_path: Path) -> None:
    town = town_with(1)
    made = town.run(site())
    one, two = (fill(sheet_of(made, tmp_path, name=name), 1) for name in ("a.xlsx", "b.xlsx"))
    town.next_day()
    assert read(town, one, two).problems == []
    assert len(load_decisions(town.con)) == 1
    read(town, one, two, load=3)
    assert len(load_decisions(town.con)) == 1


def test_of_contradicting_files_the_newest_counts_and_the_page_says_so(tmp_path: Path) -> None:
    town = town_with(1)
    made = town.run(site())
    one = fill(sheet_of(made, tmp_path, name="a.xlsx"), 1, NOT_FRAIL)
    two = fill(sheet_of(made, tmp_path, name="b.xlsx"), 1, SEEN, NEXT, "Dr B")
    town.next_day()
    assert read(town, one, two).problems == []
    said = off(night(town, 2), 1)
    assert said.startswith(f"decided: “{SEEN}” on 23 Nov 2026 (Dr B)") and f"instead of “{NOT_FRAIL}”" in said


def test_contradictions_of_one_day_list_the_person_until_settled(tmp_path: Path) -> None:
    town = town_with(1)
    made = town.run(site())
    one = fill(sheet_of(made, tmp_path, name="a.xlsx"), 1, NOT_FRAIL)
    two = fill(sheet_of(made, tmp_path, name="b.xlsx"), 1, SEEN, by="Dr B")
    town.next_day()
    read(town, one, two)
    second = night(town, 2)
    assert names(second, "mdt") == [1]
    assert why(second, 1)[0].startswith("Two outcomes of one day contradict each other")


def test_a_corrected_row_takes_the_place_of_the_first(tmp_path: Path) -> None:
    town = town_with(1)
    path = fill(sheet_of(town.run(site()), tmp_path), 1, NOT_FRAIL)
    town.next_day()
    read(town, path)
    read(town, fill(path, 1, SEEN), load=3)
    (one,) = load_decisions(town.con)
    assert one.outcome == "no-change-needed"
    assert town.con.execute("SELECT known_from, known_to FROM decision ORDER BY known_from").fetchall() == [(2, 3), (3, None)]


def test_rows_sorted_by_the_user_are_read(tmp_path: Path) -> None:
    town = town_with(1, 2, 3)
    path = fill(sheet_of(town.run(site()), tmp_path), 2)
    book = load_workbook(path)
    worksheet = book["Worklist"]
    head, _ = heads(worksheet)
    rows = [[cell.value for cell in cells] for cells in worksheet.iter_rows(min_row=head + 1)][::-1]
    for number, values in enumerate(rows, head + 1):
        for column, value in enumerate(values, 1):
            worksheet.cell(number, column).value = value
    book.save(path)
    town.next_day()
    assert read(town, path).problems == []
    assert sorted(map(int, names(night(town, 2), "mdt"))) == [1, 3]


def test_a_sheet_of_which_only_some_columns_were_sorted_decides_for_nobody(tmp_path: Path) -> None:
    town = town_with(1, 2)
    path = fill(sheet_of(town.run(site()), tmp_path), 2)
    book = load_workbook(path)
    worksheet = book["Worklist"]
    head, _ = heads(worksheet)
    first, second = worksheet.cell(head + 1, 1), worksheet.cell(head + 2, 1)
    first.value, second.value = second.value, first.value
    book.save(path)
    town.next_day()
    (problem,) = read(town, path).problems
    assert "two people" in problem.what and problem.column == "Name"
    assert load_decisions(town.con) == []


def test_a_file_of_another_site_or_of_an_unknown_run(tmp_path: Path) -> None:
    other = town_with(7)
    foreign = fill(sheet_of(other.run(site()), tmp_path, name="foreign.xlsx"), 7)
    town = town_with(1)
    old = fill(sheet_of(town.run(site()), tmp_path, name="unknown.xlsx"), 1)
    town.con.execute("DELETE FROM listed")
    town.run(site())
    town.con.execute("UPDATE listed SET as_of = as_of - 30")
    town.next_day()
    found = read(town, foreign, old)
    assert [problem.file for problem in found.problems] == ["foreign.xlsx", "unknown.xlsx"]
    assert all("no list of this store" in problem.what for problem in found.problems)


def test_another_site_whose_keys_happen_to_fit(tmp_path: Path) -> None:
    other = town_with(1, name="Somebody Else", nhs_number=nhs(1))
    foreign = fill(sheet_of(other.run(site()), tmp_path), 1)
    town = town_with(1)
    town.run(site())
    town.next_day()
    (problem,) = read(town, foreign).problems
    assert "another site" in problem.what and load_decisions(town.con) == []


def test_an_older_list_of_this_site_still_counts(tmp_path: Path) -> None:
    town = town_with(1)
    path = fill(sheet_of(town.run(site()), tmp_path), 1)
    for run in (2, 3):
        town.next_day()
        town.run(site(), run)
    assert read(town, path).problems == []
    assert names(night(town, 4), "mdt") == []


BAD: list[tuple[str, dict[str, Any], str, str]] = [
    ("an unknown outcome", {"outcome": "Seen, no changes needed"}, "Outcome", "did you mean"),
    ("no outcome", {"outcome": None}, "Outcome", "choose one"),
    ("no date", {"on": None}, "Date", "22/11/2026"),
    ("no such day", {"on": "31/02/2026"}, "Date", "22/11/2026"),
    ("a word for a date", {"on": "yesterday"}, "Date", "22/11/2026"),
    ("tomorrow's date", {"on": date(2026, 12, 24)}, "Date", "the day of the decision"),
    ("nobody", {"by": " "}, "By", "who decided"),
    ("a formula", {"by": "=A1"}, "By", "paste it as a value"),
    ("a note is needed", {"outcome": "Referred on (to whom: Note)"}, "Note", "to whom"),
    ("reviewed before", {"review_on": date(2026, 1, 1)}, "Review on", "later day"),
]


@pytest.mark.parametrize(("change", "column", "mend"), [one[1:] for one in BAD], ids=[one[0] for one in BAD])
def test_a_bad_row_is_named_and_nothing_else_is_lost(tmp_path: Path, change: dict[str, Any], column: str, mend: str) -> None:
    town = town_with(1, 2)
    path = sheet_of(town.run(site()), tmp_path)
    fill(path, 1)
    fill(path, 2, **change)
    worksheet = load_workbook(path)["Worklist"]
    head, at = heads(worksheet)
    row = next(row for row in range(head, worksheet.max_row + 1)
               if str(worksheet.cell(row, at["NHS number"]).value).replace(" ", "") == nhs(2))
    town.next_day()
    problem = read(town, path).problems[0]
    assert (problem.file, problem.sheet, problem.row, problem.column) == ("worklist.xlsx", "Worklist", row, column)
    assert mend in problem.mend
    said = str(problem)
    assert nhs(2) not in said and "Example2" not in said
    assert [one.patient_id for one in load_decisions(town.con)] == ["p1"]


def test_ways_of_writing_that_are_understood(tmp_path: Path) -> None:
    town = town_with(1, 2, 3, 4)
    path = sheet_of(town.run(site()), tmp_path)
    fill(path, 1, SEEN.upper(), "22/11/26")
    fill(path, 2, f" {SEEN} ", "22-Nov-2026")
    fill(path, 3, "no-change-needed", 46348)            # the day as Excel counts
    fill(path, 4, SEEN, "2026-11-22")
    town.next_day()
    assert read(town, path).problems == []
    assert [one.on for one in load_decisions(town.con)] == [AS_OF] * 4
    assert {one.outcome for one in load_decisions(town.con)} == {"no-change-needed"}


@pytest.mark.parametrize("named", ["Result", "What happened", None])
def test_a_renamed_column_is_named_with_a_remedy(tmp_path: Path, named: str | None) -> None:
    town = town_with(1)
    made = town.run(site())
    renamed, fine = sheet_of(made, tmp_path, name="renamed.xlsx"), sheet_of(made, tmp_path, name="fine.xlsx")
    fill(fine, 1)
    book = load_workbook(fill(renamed, 1))
    head, at = heads(book["Worklist"])
    book["Worklist"].cell(head, at["Outcome"]).value = named
    book.save(renamed)
    town.next_day()
    (problem,) = read(town, renamed, fine).problems
    assert (problem.file, problem.row, problem.column) == ("renamed.xlsx", head, "Outcome")
    assert "write “Outcome” again" in problem.mend
    assert len(load_decisions(town.con)) == 1


def test_files_that_are_no_worklists(tmp_path: Path) -> None:
    folder = tmp_path / "filled"
    folder.mkdir()
    (folder / "notes.txt").write_text("hello")
    (folder / "~$worklist.xlsx").write_bytes(b"open in Excel")
    (folder / "broken.xlsx").write_bytes(b"no zip")
    (folder / "old.xls").write_bytes(b"\xd0\xcf\x11\xe0")
    Workbook().save(folder / "empty.xlsx")
    found = read_answers([folder])
    assert [(problem.file, problem.sheet) for problem in found.problems] == [("broken.xlsx", ""), ("empty.xlsx", ""), ("old.xls", "")]
    assert all("xlsx" in problem.mend.lower() for problem in found.problems)
    assert set(found.files) == {"broken.xlsx", "empty.xlsx", "old.xls"}


def libre(key: str, name: str) -> bytes:
    """A worklist as another office program writes it: shared and inline strings, a date by its format, no styles of ours."""
    strings = ["Key", "Name", "Outcome", "Date", "By", key, name, SEEN]
    shared = "".join(f"<si><t xml:space=\"preserve\">{text}</t></si>" for text in strings)
    head = "".join(f'<c r="{letter}1" t="s"><v>{n}</v></c>' for n, letter in enumerate("ABCDE"))
    row = ('<c r="A2" t="s"><v>5</v></c><c r="B2" t="s"><v>6</v></c><c r="C2" t="s"><v>7</v></c>'
           '<c r="D2" s="1" t="n"><v>46348</v></c><c r="E2" t="inlineStr"><is><r><t>Dr </t></r><r><t>A</t></r></is></c>')
    space = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    package = "http://schemas.openxmlformats.org/package/2006"
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{package}/content-types"><Default Extension="rels" ContentType='
        '"application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" ContentType="application/xml"/>'
        + "".join(f'<Override PartName="/xl/{path}" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.{kind}'
                  '+xml"/>' for path, kind in (("workbook.xml", "sheet.main"), ("worksheets/sheet1.xml", "worksheet"),
                                               ("styles.xml", "styles"), ("sharedStrings.xml", "sharedStrings"))) + "</Types>",
        "_rels/.rels": f'<Relationships xmlns="{package}/relationships"><Relationship Id="rId1" Type="{office}/officeDocument" '
        'Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{space}" xmlns:r="{office}"><sheets><sheet name="Worklist" sheetId="1" r:id="rId1"/>'
        "</sheets></workbook>",
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{package}/relationships">' + "".join(
            f'<Relationship Id="rId{n}" Type="{office}/{kind}" Target="{path}"/>' for n, (kind, path) in enumerate(
                (("worksheet", "worksheets/sheet1.xml"), ("styles", "styles.xml"), ("sharedStrings", "sharedStrings.xml")), 1))
        + "</Relationships>",
        "xl/styles.xml": f'<styleSheet xmlns="{space}"><numFmts count="1"><numFmt numFmtId="164" formatCode="dd/mm/yyyy"/></numFmts>'
        "<fonts count=\"1\"><font/></fonts><fills count=\"1\"><fill><patternFill patternType=\"none\"/></fill></fills><borders count=\"1\"><border/></borders>"
        '<cellStyleXfs count="1"><xf/></cellStyleXfs><cellXfs count="2"><xf/><xf numFmtId="164" applyNumberFormat="1"/></cellXfs>'
        "</styleSheet>",
        "xl/sharedStrings.xml": f'<sst xmlns="{space}" count="8" uniqueCount="8">{shared}</sst>',
        "xl/worksheets/sheet1.xml": f'<worksheet xmlns="{space}"><sheetData><row r="1">{head}</row><row r="2" hidden="true">{row}'
        "</row></sheetData></worksheet>",
    }
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for path, text in parts.items():
            archive.writestr(path, '<?xml version="1.0" encoding="UTF-8"?>' + text)
    return made.getvalue()


def test_a_file_that_another_office_program_wrote(tmp_path: Path) -> None:
    town = town_with(1)
    town.run(site())
    path = tmp_path / "libre.xlsx"
    path.write_bytes(libre(f"{AS_OF}|practice|Y90001|mdt|p1", "Alice Example1"))
    town.next_day()
    assert read(town, path).problems == []
    (one,) = load_decisions(town.con)
    assert (one.on, one.by, one.outcome) == (AS_OF, "Dr A", "no-change-needed")


# ---- Task resources

def task(person: int, outcome: str, on: date = AS_OF, **more: Any) -> str:
    """A Task as a hub's system gives it back."""
    return json.dumps({
        "resourceType": "Task", "status": "completed", "intent": "proposal", "for": {"reference": f"Patient/p{person}"},
        "code": {"coding": [{"code": "mdt"}]}, "executionPeriod": {"end": f"{on}T14:00:00Z"}, "owner": {"display": "Dr C"},
        "output": [{"type": {"coding": [{"code": "outcome"}]}, "valueCodeableConcept": {"coding": [{"code": outcome}]}}], **more})


def test_tasks_come_after_the_sheets(tmp_path: Path) -> None:
    """Of one day the sheet counts; where only a Task answers, it counts."""
    town = town_with(1, 2, 3)
    path = fill(sheet_of(town.run(site()), tmp_path), 1)
    tasks = tmp_path / "tasks.ndjson"
    tasks.write_text("\n".join([task(1, "declined-person"), task(2, "declined-person"), task(3, "", status="in-progress")]))
    town.next_day()
    assert read(town, path, tasks).problems == []
    second = night(town, 2)
    assert names(second, "mdt") == [3]
    assert off(second, 1).startswith(f"decided: “{SEEN}”") and "Declined by the person" in off(second, 2)


def test_a_bad_task_is_named(tmp_path: Path) -> None:
    town = town_with(1)
    town.run(site())
    (tmp_path / "a.ndjson").write_text("\n".join([
        task(1, "seen"), task(1, "managed-at-home", owner={}), task(77, "managed-at-home"),
        task(1, "managed-at-home", executionPeriod=[]), task(1, "managed-at-home", date(2027, 1, 1))]))
    (tmp_path / "b.json").write_text("{")
    (tmp_path / "c.json").write_text(json.dumps({"resourceType": "Bundle", "entry": [
        {"resource": json.loads(task(0, "managed-at-home", **{"for": {"identifier": {"value": nhs(1)}}}))}, {}, None]}))
    town.next_day()
    problems = read(town, tmp_path).problems
    assert [(one.file, one.row) for one in sorted(problems)] == [
        ("a.ndjson", 1), ("a.ndjson", 2), ("a.ndjson", 3), ("a.ndjson", 4), ("a.ndjson", 5), ("b.json", 0)]
    assert [(one.patient_id, one.by) for one in load_decisions(town.con)] == [("p1", "Dr C")]


# ---- what the outcomes teach

def test_feedback_per_rule_and_a_list_for_the_practice(tmp_path: Path) -> None:
    town = town_with(1, 2, 3)
    made = town.run(site())
    path = sheet_of(made, tmp_path)
    fill(path, 1, NOT_FRAIL)
    fill(path, 2)
    fill(path, 3, "Wrong: an entry in the record (which: Note)", note="the stroke is her sister's")
    town.next_day()
    assert read(town, path).problems == []
    decisions = load_decisions(town.con)
    (row,) = [one for one in feedback(town.con, decisions, town.as_of, [], 7) if one["rule"] == "MDT-02"]
    assert (row["listed"], row["answered"], row["not_frail_on_review"], row["data_wrong"], row["labels"]) == (3, 3, 1, 1, 2)
    assert (row["labels_of_listed"], row["right_of_answered"]) == (0.667, 0.333) and "too few" in row["note"]
    (left,) = [one for one in feedback(town.con, decisions, town.as_of, ["p1"], 7) if one["rule"] == "MDT-02"]
    assert (left["listed"], left["labels"]) == (2, 1)   # who objects is in no count
    found = data_quality(town.con, decisions)
    assert set(found) == {"Y90001"}
    assert {(one["nhs_number"], one["note"]) for one in found["Y90001"]} == {(nhs(1), ""), (nhs(3), "the stroke is her sister's")}


# ---- the data

def test_outcomes_are_those_of_the_operating_model() -> None:
    codes = {one.code.partition(":")[0] for one in load_outcomes().outcomes}
    said = {"managed-at-home", "plan-created", "plan-updated", "medicines-changed", "no-change-needed", "advice-only", "referred-on",
            "to-virtual-ward", "step-up-bed", "acute-admission", "ed-999", "declined-person", "declined-best-interest",
            "unable-to-contact", "frailty-confirmed", "not-frail-on-review", "already-on-caseload", "flag-wrong", "data-wrong",
            "duplicate-merged", "deceased", "left-area", "dissent", "wrong-person", "out-of-scope"}
    assert codes == said | {"taken-back"}
    labels = {one.code.partition(":")[0] for one in load_outcomes().outcomes if one.label}
    assert labels == {"not-frail-on-review", "flag-wrong", "data-wrong", "already-on-caseload"}


@pytest.mark.parametrize(("code", "list_id", "days"), [
    ("no-change-needed", "mdt", 90), ("medicines-changed", "pharmacist", 365), ("plan-created", "note_review", 180),
    ("plan-created", "new_or_back", None), ("advice-only", "falls", 180), ("declined-person", "mdt", 180),
    ("not-frail-on-review", "note_review", 365), ("managed-at-home", "asked", 14),
    ("managed-at-home", "pharmacist", 90)])             # done, but no medication review: not a year
def test_windows_are_those_of_the_operating_model(code: str, list_id: str, days: int | None) -> None:
    hold = load_outcomes().hold(load_outcomes().get(code), list_id)
    assert hold is not None and hold.days == days


@pytest.mark.parametrize(("old", "new", "said"), [
    ('kind = "done"', 'kind = "dome"', "did you mean done"),
    ('broken_by = ["arrival"]', 'broken_by = ["arival"]', "did you mean arrival"),
    ('on = "last_fall_on"', 'on = "last_fal_on"', "did you mean last_fall_on"),
    ('tag = "F"', 'tagg = "F"', "did you mean tag"),
    ('words = "Managed at home"', 'words = "Advice given"', "the same words"),
])
def test_a_slip_in_the_data_is_refused(tmp_path: Path, old: str, new: str, said: str) -> None:
    text = (rules_dir() / "triage" / "outcomes.toml").read_text(encoding="utf-8")
    assert old in text
    (tmp_path / "triage").mkdir()
    (tmp_path / "triage" / "outcomes.toml").write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(DefinitionError, match=said):
        load_outcomes(tmp_path)


def test_every_kind_has_a_hold_or_is_meant_to_have_none() -> None:
    data = tomllib.loads((rules_dir() / "triage" / "outcomes.toml").read_text(encoding="utf-8"))
    without = {one["kind"] for one in data["outcome"]} - {kind for hold in data["hold"] for kind in hold["kinds"]}
    assert without == {"incident", "undone"}
    assert all(hold.get("why") for hold in data["hold"])


