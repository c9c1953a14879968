"""Files of answers, good and bad: what is read, what is named as wrong, and what outcomes teach (3.3)."""

from __future__ import annotations

import io
import json
import zipfile
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook, load_workbook
from outcome_sheets import NEXT, NOT_FRAIL, SEEN, fill, heads, night, off, read, sheet_of, town_with, why
from triage_town import AS_OF, names, nhs, site

from frailty.triage.filled import data_quality, feedback, load_decisions, read_answers


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
