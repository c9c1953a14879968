"""A site without engineers: new files, a check that names every mistake, and residents as homes write them."""

from __future__ import annotations

import json
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nightly_town import AS_OF, EXTRACTED, NAMES, Place, nhs, run
from openpyxl import load_workbook
from triage_town import Town, home, names, resident
from triage_town import site as small_site

from frailty.cli import main
from frailty.errors import FrailtyError, SiteError
from frailty.reports.site_files import site_workbook, write_site
from frailty.scoring.overlay import laid_over
from frailty.sheets import Problem, read_day, valid_nhs_number
from frailty.site import check_site, load_site
from frailty.site.people import SHEETS, read_pasted
from frailty.triage.filled import Answers, read_typed

TODAY = date(2026, 11, 22)
TOML = """\
[site]
name = "Harbour and Downs"
people = "site.xlsx"
[[practice]]
ods = "Y90001"
name = "Harbour"
[[practice]]
ods = "Y90002"
name = "Downs"
[[feed]]
name = "gp"
kind = "gp"
"""
HOME = {"id": "seaview", "name": "Seaview House", "practice": "Y90001", "round_day": "Tuesday", "beds": 38}


@pytest.fixture(scope="session")
def blank() -> bytes:
    return site_workbook(TODAY)


def make(folder: Path, blank: bytes, toml: str = TOML, **rows: list[dict[str, Any]]) -> Path:
    """A site whose sheets hold these rows below the example."""
    (folder / "site.toml").write_text(toml, encoding="utf-8")
    path = folder / "site.xlsx"
    path.write_bytes(blank)
    book = load_workbook(path)
    for name, told in rows.items():
        columns = list(SHEETS[name])
        for number, row in enumerate(told, 4):
            for key, value in row.items():
                book[name].cell(number, columns.index(key) + 1).value = value
    book.save(path)
    return folder / "site.toml"


def change(folder: Path, sheet: str, then: Any) -> None:
    book = load_workbook(folder / "site.xlsx")
    then(book[sheet])
    book.save(folder / "site.xlsx")


def place_of(problem: Problem) -> tuple[str, int, str]:
    return problem.sheet, problem.row, problem.column


# ---- new

def test_a_new_site_is_read_as_empty_and_without_mistakes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The examples are there for people, and nothing of them is read."""
    assert main(["site", "new", str(tmp_path / "ours")]) == 0
    toml = tmp_path / "ours/site.toml"
    assert main(["site", "check", str(toml.parent)]) == 0
    assert "0 homes, 0 residents, 0 requests, 0 decisions; 0 mistakes" in capsys.readouterr().out
    found = load_site(toml)
    assert (found.practices, found.homes, found.requests, found.feeds) == ((), (), (), ())
    assert found.problems == () and found.people.endswith("site.xlsx")
    assert main(["site", "new", str(tmp_path / "ours")]) == 1
    assert "already here" in capsys.readouterr().err


def test_what_people_find_in_the_workbook(blank: bytes, tmp_path: Path) -> None:
    make(tmp_path, blank)
    book = load_workbook(tmp_path / "site.xlsx")
    assert [sheet.title for sheet in book.worksheets if sheet.sheet_state == "visible"] == ["Read me", *SHEETS]
    for name, columns in SHEETS.items():
        sheet = book[name]
        assert [cell.value for cell in sheet[2]] == list(columns.values()) and sheet.freeze_panes == "A3"
        assert sheet["A3"].value == "example"
        for column, key in enumerate(columns, 1):
            cell = sheet.cell(4, column)
            assert cell.number_format == {"beds": "0", "slots": "0"}.get(
                key, "dd mmm yyyy" if key in ("birth_date", "admitted_on", "asked_on", "on", "review_on") else "@")
        with_list = {str(check.sqref).split("3:")[0] for check in sheet.data_validations.dataValidation if check.type == "list"}
        assert with_list, name
    outcome = next(check for check in book["Decisions"].data_validations.dataValidation if str(check.sqref).startswith("D"))
    assert outcome.formula1.startswith("=Choices!")


def test_the_same_day_gives_the_same_workbook(blank: bytes) -> None:
    assert site_workbook(TODAY) == blank


def test_a_store_fills_in_practices_and_feeds(first_night: Place, tmp_path: Path) -> None:
    assert main(["site", "new", str(tmp_path / "ours"), "--store", str(first_night.store)]) == 0
    found = load_site(tmp_path / "ours/site.toml")
    assert [one.ods for one in found.practices] == ["Y90001", "Y90002"]
    assert [one.name for one in found.practices] == ["Y90001", "Y90002"]
    assert [(one.name, one.kind, one.practices) for one in found.feeds] == [
        ("downs-gp", "gp", ("Y90002",)), ("harbour-gp", "gp", ("Y90001",)), ("hospital", "hospital", ())]


# ---- read

def test_everything_in_the_workbook_is_read(blank: bytes, tmp_path: Path) -> None:
    toml = make(
        tmp_path, blank, Homes=[HOME], Meetings=[{"practice": "Y90001", "on": datetime(2026, 11, 25)}],
        Residents=[{"home": "seaview", "room": "12", "name": "Mrs EXAMPLE, Ada", "birth_date": "3/4/38", "nhs_number": nhs(1),
                    "requested": "yes", "request_reason": "not eating", "confirmed": "yes"}],
        Requests=[{"nhs_number": nhs(2), "asked_by": "Nurse C", "asked_on": datetime(2026, 11, 20), "reason": "worried"}],
        Slots=[{"place": "Y90002", "slots_for": "MDT pack", "slots": 5}, {"slots_for": "note_review_slots", "slots": 3},
               {"place": "Y90001", "slots_for": "Five-minute note reviews", "slots": 4}, {"place": "seaview", "slots_for":
                "Planned reviews of a round", "slots": 2}, {"place": "community", "slots_for": "Falls", "slots": 9}],
        Decisions=[{"nhs_number": nhs(1), "list": "MDT pack", "outcome": "Managed at home", "on": datetime(2026, 11, 21), "by": "Dr A"}])
    found = load_site(toml)
    assert found.problems == ()
    (seaview,) = found.homes
    assert (seaview.id, seaview.beds, seaview.round_day, seaview.keeps_list) == ("seaview", 38, "Tuesday", True)
    (ada,) = seaview.residents
    assert (ada.birth_date, ada.nhs_number, ada.requested, ada.confirmed, ada.where) == (
        date(1938, 4, 3), nhs(1), True, True, "Residents row 4")
    assert found.requests[0].asked_on == date(2026, 11, 20) and found.requests[0].audience == "practice"
    assert {one.ods: (one.mdt_dates, one.mdt_slots) for one in found.practices} == {
        "Y90001": ((date(2026, 11, 25),), None), "Y90002": ((), 5)}
    assert found.settings == {"note_review_slots": 3}
    assert found.slots == {("Y90001", "note_review_slots"): 4, ("seaview", "round_filler_slots"): 2, ("community", "falls_slots"): 9}
    answers = Answers()
    read_typed(found, answers)
    assert answers.problems == [] and answers.typed[0].outcome == "managed-at-home" and answers.typed[0].list == "mdt"


def test_a_decision_on_a_list_of_the_sites_own_rules_is_read(blank: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With --rules, in a run and in a check; without, the title is unknown and the cell is to be mended."""
    (tmp_path / "ours/triage").mkdir(parents=True)
    (tmp_path / "ours/triage/own.toml").write_text(
        '[[list]]\nid = "feet"\npage = "team"\nqueue = "community"\ntitle = "Feet to look at"\nintro = "Asked for by the ward."\n', "utf-8")
    toml = make(tmp_path, blank, Decisions=[{"nhs_number": nhs(1), "list": "Feet to look at", "outcome": "Managed at home",
                                             "on": datetime(2026, 11, 21), "by": "Dr A"}])
    for rules, read in ((laid_over(tmp_path / "ours"), ["feet"]), (None, [])):
        answers = Answers()
        read_typed(load_site(toml), answers, rules)
        assert ([one.list for one in answers.typed], len(answers.problems)) == (read, 1 - len(read))
    assert main(["site", "check", str(toml), "--rules", str(tmp_path / "ours")]) == 0, capsys.readouterr().out
    assert main(["site", "check", str(toml)]) == 3


def test_what_both_files_say_is_put_together(blank: bytes, tmp_path: Path) -> None:
    toml = make(tmp_path, blank, TOML + '[[home]]\nid = "seaview"\nlead = "Sr B"\n', Homes=[HOME])
    (one,) = load_site(toml).homes
    assert (one.lead, one.name, one.beds) == ("Sr B", "Seaview House", 38)


@pytest.mark.parametrize(("toml", "rows", "said"), [
    ('[[home]]\nid = "seaview"\nbeds = 40\n', {"Homes": [HOME]}, "beds differs"),
    ("[settings]\nnote_review_slots = 9\n", {"Slots": [{"slots_for": "note_review_slots", "slots": 3}]}, "note_review_slots differs"),
])
def test_a_clash_of_both_files_stops_a_run(blank: bytes, tmp_path: Path, toml: str, rows: Any, said: str) -> None:
    with pytest.raises(SiteError, match=said):
        load_site(make(tmp_path, blank, TOML + toml, **rows))


def test_residents_in_two_places_are_a_clash(blank: bytes, tmp_path: Path) -> None:
    (tmp_path / "seaview.csv").write_text("name,birth_date\nAda Example,1938-04-03\n", encoding="utf-8")
    toml = make(tmp_path, blank, TOML + '[[home]]\nid = "seaview"\nresidents = "seaview.csv"\n',
                Residents=[{"home": "seaview", "name": "Ada Example", "birth_date": "3/4/1938"}])
    with pytest.raises(SiteError, match="two places"):
        load_site(toml)


# ---- check

def test_every_mistake_of_site_toml_is_named(tmp_path: Path) -> None:
    (tmp_path / "site.toml").write_text(
        '[site]\nnmae = "x"\n[[practice]]\nods = "Y 9"\nmdt_day = "Wensday"\n[[feed]]\nname = "gp"\nkind = "gpp"\npractices = ["Y9"]\n',
        encoding="utf-8")
    with pytest.raises(SiteError) as told:
        load_site(tmp_path / "site.toml")
    text = told.value.text()
    assert all(one in text for one in ("5 mistakes", "`nmae`", "`ods`", "`mdt_day`", "Wednesday", "`kind`", "practice “Y9”"))


MISTAKES: list[tuple[str, str, dict[str, Any], str, str, bool]] = [
    ("check digit", "Requests", {"nhs_number": nhs(1)[:-1] + str((int(nhs(1)[-1]) + 1) % 10)}, "NHS number", "check digit", False),
    ("nine digits", "Requests", {"nhs_number": "999000001"}, "NHS number", "ten digits", False),
    ("unknown home", "Residents", {"home": "seavew"}, "Home id", "did you mean “seaview”?", False),
    ("no such day", "Residents", {"birth_date": "31/02/1938"}, "Born", "no such day", False),
    ("no date at all", "Requests", {"asked_on": "last week"}, "Asked on", "not a date", False),
    ("text number", "Homes", {"beds": "40"}, "Beds", "number kept as text", True),
    ("no number", "Homes", {"beds": "about 40"}, "Beds", "not a whole number", False),
    ("case of an id", "Residents", {"home": "Seaview"}, "Home id", "upper and lower case", True),
    ("case of a choice", "Homes", {"round_day": "tuesday"}, "Round day", "choose “Tuesday”", True),
    ("a slip in a choice", "Homes", {"round_day": "Teusday"}, "Round day", "did you mean “Tuesday”", False),
    ("trailing blanks", "Homes", {"name": "Seaview House  "}, "Name", "blanks", True),
    ("a serial day", "Requests", {"asked_on": 46346}, "Asked on", "day number", True),
    ("a room that became a date", "Residents", {"room": datetime(2026, 4, 3)}, "Room", "made a date", False),
    ("a formula", "Homes", {"name": "=A1"}, "Name", "formula", False),
    ("empty", "Requests", {"asked_by": None}, "Asked by", "empty", False),
    ("unknown practice", "Meetings", {"practice": "Y9001"}, "Practice (ODS code)", "“Y90001”", False),
    ("unknown outcome", "Decisions", {"outcome": "Managed at hone"}, "Outcome", "“Managed at home”", False),
    ("unknown list", "Decisions", {"list": "MDT packs"}, "List", "“MDT pack”", False),
    ("places of another kind", "Slots", {"place": "seaview", "slots_for": "Falls"}, "Practice, home or team (empty: all)",
     "name a team of community (community)", False),
    ("neither yes nor no", "Residents", {"requested": "maybe"}, "Asked for", "neither yes nor no", False),
]
GOOD: dict[str, dict[str, Any]] = {
    "Homes": HOME, "Residents": {"home": "seaview", "name": "Ada Example", "birth_date": datetime(1938, 4, 3)},
    "Requests": {"nhs_number": nhs(2), "asked_by": "Nurse C", "asked_on": datetime(2026, 11, 20)},
    "Meetings": {"practice": "Y90001", "on": datetime(2026, 11, 25)},
    "Slots": {"slots_for": "mdt_slots", "slots": 8},
    "Decisions": {"nhs_number": nhs(1), "list": "MDT pack", "outcome": "Managed at home", "on": datetime(2026, 11, 21), "by": "Dr A"},
}


@pytest.mark.parametrize(("sheet", "change_", "column", "said", "used"), [one[1:] for one in MISTAKES], ids=[one[0] for one in MISTAKES])
def test_a_mistake_is_named_with_sheet_row_column_and_remedy(
    blank: bytes, tmp_path: Path, sheet: str, change_: dict[str, Any], column: str, said: str, used: bool
) -> None:
    rows = {name: [{**row, **(change_ if name == sheet else {})}] for name, row in GOOD.items()}
    if sheet == "Homes" and "name" not in change_:
        rows["Homes"].append({"id": "other"})
    toml = make(tmp_path, blank, **rows)
    if "day number" in said:                            # pasted from elsewhere, without the format of a date
        change(tmp_path, sheet, lambda one: setattr(one.cell(4, list(SHEETS[sheet]).index("asked_on") + 1), "number_format", "General"))
    found, mistakes = check_site(toml)
    answers = Answers()
    read_typed(found, answers)
    problems = [one for one in (*found.problems, *answers.problems) if (one.sheet, one.column) == (sheet, column)]
    assert mistakes == [] and len(problems) == 1
    assert place_of(problems[0]) == (sheet, 4, column) and problems[0].used == used
    assert said in f"{problems[0].what}. {problems[0].mend}"
    value = next(iter(change_.values()))
    if sheet in ("Residents", "Requests") and isinstance(value, str) and value.isdigit():
        assert value not in str(problems[0])            # a number may be a patient's


def test_all_of_them_not_just_the_first(blank: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    toml = make(tmp_path, blank, Homes=[{**HOME, "beds": "x", "round_day": "Someday"}, {"name": "No id"}],
                Residents=[{"home": "nowhere", "name": "A B", "birth_date": "1/1/40"}, {"home": "seaview"}],
                Requests=[{"nhs_number": "1"}], Slots=[{"slots_for": "mdt_slotss", "slots": -1}])
    assert main(["site", "check", str(toml)]) == 3
    out = capsys.readouterr().out
    lines = [line for line in out.splitlines() if line.startswith("mend: ")]
    assert len(lines) == 10 and all("row" in line and "column" in line for line in lines)
    assert "A B" not in out


def test_merged_cells_hidden_rows_and_lost_headings(blank: bytes, tmp_path: Path) -> None:
    toml = make(tmp_path, blank, Homes=[HOME, {"id": "b"}], Residents=[GOOD["Residents"]], Requests=[GOOD["Requests"]])
    change(tmp_path, "Homes", lambda sheet: (sheet.merge_cells("D4:D5"), setattr(sheet.row_dimensions[5], "hidden", True)))
    change(tmp_path, "Requests", lambda sheet: setattr(sheet["B2"], "value", "Number"))
    found, _ = check_site(toml)
    said = {(one.sheet, one.row): one for one in found.problems}
    assert "merged" in said["Homes", 4].what and not said["Homes", 4].used
    assert "hidden" in said["Homes", 5].what and said["Homes", 5].used
    assert "no such heading" in said["Requests", 2].what and "NHS number" in said["Requests", 2].mend
    assert [one.id for one in found.homes] == ["seaview", "b"]          # the hidden row is read


def test_a_missing_or_renamed_sheet(blank: bytes, tmp_path: Path) -> None:
    toml = make(tmp_path, blank)
    change(tmp_path, "Requests", lambda sheet: setattr(sheet, "title", "Request"))
    found, _ = check_site(toml)
    assert [(one.sheet, one.used) for one in found.problems] == [("Request", False), ("Requests", False)]


def test_a_workbook_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "site.toml").write_text(TOML, encoding="utf-8")
    with pytest.raises(FrailtyError, match="not found"):
        load_site(tmp_path / "site.toml")
    (tmp_path / "site.xlsx").write_bytes(b"no zip")
    with pytest.raises(FrailtyError, match="xlsx"):
        load_site(tmp_path / "site.toml")


# ---- residents as homes write them

@pytest.mark.parametrize("line", [
    f"12  Mrs SMITH, Ada   3/4/38   {nhs(1)}",
    f"Rm 12: Ada Smith, dob 03-Apr-1938, NHS {nhs(1)[:3]} {nhs(1)[3:6]} {nhs(1)[6:]}",
    f"Ada Smith (room 12) 3rd April 1938 {nhs(1)}",
    f"{nhs(1)}\t1938-04-03\tSMITH Ada\tRoom 12",
    f"12) Ada SMITH - 03.04.1938 - NHS no: {nhs(1)}",
])
def test_a_line_of_an_email(line: str) -> None:
    from frailty.triage.homes import same_name

    told = read_pasted(line)
    assert (told["room"], told["birth_date"], told["nhs_number"]) == ("12", date(1938, 4, 3), nhs(1))
    assert same_name(told["name"], "Ada Smith"), told["name"]


def test_the_room_stands_where_the_home_writes_it(blank: bytes, tmp_path: Path) -> None:
    toml = make(tmp_path, blank, Homes=[HOME], Residents=[
        {"home": "seaview", "name": "Room 7 Mrs SMITH, Ada", "birth_date": "3/4/38"},
        {"home": "seaview", "name": "Bo Jones", "note": "moved to rm 9A", "birth_date": "4 May 1941"},
        {"home": "seaview", "pasted": "14 Cy Young 5/6/1929"}])
    found = load_site(toml)
    assert found.problems == ()
    assert [(one.room, one.name) for one in found.homes[0].residents] == [("7", "Mrs SMITH, Ada"), ("9A", "Bo Jones"), ("14", "Cy Young")]


@given(st.dates(date(1916, 1, 1), date(2014, 12, 31)), st.sampled_from(("%d/%m/%Y", "%d.%m.%Y", "%Y-%m-%d", "%d-%b-%Y", "%d %B %Y")))
def test_dates_of_birth_survive_being_written(day: date, form: str) -> None:
    assert read_day(day.strftime(form), birth=True) == day


@given(st.integers(0, 999_999_999))
def test_check_digits(number: int) -> None:
    """At most one of the ten last digits is right, and a wrong digit or two that changed places are seen."""
    right = [f"{number:09d}{last}" for last in range(10) if valid_nhs_number(f"{number:09d}{last}")]
    assert len(right) <= 1
    for one in right:
        assert not valid_nhs_number(str((int(one[0]) + 1) % 10) + one[1:])
        if one[3] != one[4]:
            assert not valid_nhs_number(one[:3] + one[4] + one[3] + one[5:])


def test_published_check_digits() -> None:
    """The worked example of the NHS Data Dictionary's kind: 943 476 5919."""
    assert valid_nhs_number("9434765919") and not valid_nhs_number("9434765918") and not valid_nhs_number("943476591")


def register(confirmed: bool | None = None, name: str = "Ada Example1", born: date = date(1946, 1, 2)) -> tuple[Town, Any]:
    town = Town()
    town.person(1)
    line = resident(name, born, where="Residents row 7", confirmed=confirmed)
    return town, small_site(homes=(home(residents=(line,), address="", postcode=""),))


def test_a_person_confirms_a_likely_match() -> None:
    town, here = register(name="EXAMPLE1, Alice (Mrs)")
    made = town.facts(here)
    assert made.residents.people[1].confidence == "probable"
    assert any("write yes under Confirmed in the workbook, Residents row 7" in one.detail for one in made.residents.questions)
    town, here = register(True, "EXAMPLE1, Alice (Mrs)")
    assert town.facts(here).residents.people[1].confidence == "confirmed"


def test_a_person_refuses_a_match_and_the_line_stays_visible() -> None:
    town, here = register(False, "Alice Example1")
    made = town.run(here)
    assert names(made, "not_in_data", audience="home", page_id="home-1") == [None]
    assert 1 not in town.facts(here).residents.people


def test_somebody_alike_is_proposed_and_never_matched() -> None:
    town, here = register(name="Alice Exampel1")
    made = town.run(here)
    (line,) = next(view.lines for view in made.page("home", "home-1").lists if view.id == "not_in_data")
    assert "Alice" not in str(line.why)                 # the home need not know who else was born on that day
    (task,) = made.page("hub", "hub").lists[-1].lines
    assert "possibly Alice Example1" in str(task.why)
    assert 1 not in town.facts(here).residents.people


def test_check_says_how_surely_residents_are_found(
    first_night: Place, blank: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    toml = make(tmp_path, blank, Homes=[HOME], Residents=[
        {"home": "seaview", "name": NAMES[1], "birth_date": "2/3/31", "nhs_number": nhs(1)},
        {"home": "seaview", "pasted": f"7 {NAMES[2].split()[1].upper()}, {NAMES[2].split()[0]} 3-Mar-1932"},
        {"home": "seaview", "name": "Nobody Known", "birth_date": "4/4/1940"}])
    assert main(["site", "check", str(toml), "--store", str(first_night.store), "--as-of", AS_OF.isoformat()]) == 0
    out = capsys.readouterr().out
    assert "seaview: 1 certain, 1 likely, 0 possible, 1 not in our data" in out
    assert "Residents row 5: likely" in out and NAMES[2].split()[1] not in out


# ---- a night

def test_a_run_keeps_both_files_and_their_hashes(place: Place, blank: bytes, tmp_path: Path) -> None:
    toml = place.site.read_text(encoding="utf-8")
    head, rest = toml.split("[site]\n", 1) if "[site]\n" in toml else ("", toml)
    make(place.folder, blank, head + '[site]\npeople = "site.xlsx"\n' + rest,
         Requests=[{"nhs_number": nhs(1)[:-1] + str((int(nhs(1)[-1]) + 1) % 10), "asked_by": "Nurse C",
                    "asked_on": datetime(2026, 11, 20)}])
    result = run(place.records, place.out, site=place.site, extracted_at=EXTRACTED, as_of=AS_OF.isoformat())
    assert result.exit_code == 3 and any("site.xlsx, sheet Requests, row 4, column NHS number" in one for one in result.troubles)
    told = json.loads((place.out / "run.json").read_text(encoding="utf-8"))["site"]
    assert {"site.toml", "site.xlsx"} <= set(told)
    for name in ("site.toml", "site.xlsx"):
        assert (place.out / "hub/site" / name).read_bytes() == (place.folder / name).read_bytes()
    assert not list((place.out / "data").glob("site*"))
    run(place.records, tmp_path / "research", site=place.site, extracted_at=EXTRACTED, purpose="research",
        scores=("efi",))
    assert not (tmp_path / "research/hub").exists()


def test_never_over_what_is_there(tmp_path: Path) -> None:
    (tmp_path / "site.xlsx").write_bytes(b"mine")
    with pytest.raises(FrailtyError, match="already here"):
        write_site(tmp_path, TODAY)
    assert not (tmp_path / "site.toml").exists()
