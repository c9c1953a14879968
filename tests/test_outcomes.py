"""The answer comes back: a worklist is filled in, read, and holds until its time is over or something happens (3.3)."""

from __future__ import annotations

import io
import tomllib
import zipfile
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from openpyxl import load_workbook
from outcome_sheets import NEXT, NOT_FRAIL, SEEN, decided, fill, heads, night, off, read, sheet_of, town_with, why
from triage_town import AS_OF, Town, home, names, nhs, practice, resident, site

from frailty.errors import DefinitionError
from frailty.knowledge import rules_dir
from frailty.reports.workbook import TYPED, render_workbook
from frailty.site import Request
from frailty.triage.outcomes import load_outcomes

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
