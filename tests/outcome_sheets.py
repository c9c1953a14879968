"""Worklists filled in as people would: the sheet of a page, a row of it, and the night after."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

from openpyxl import load_workbook
from triage_town import AS_OF, Town, nhs, site

from frailty.reports.workbook import render_workbook
from frailty.triage import Worklists
from frailty.triage.filled import Answers, keep_answers, load_decisions, read_answers

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
