"""Paper for a care-home round: the team's sheet in room order, and the home's own copy without score, reason or diagnosis."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from frailty.reports.worklists import folder_name, page_environment, page_folder
from frailty.triage.home_page import room_order
from frailty.triage.lines import Line, Page, Worklists

ON_THE_ROUND = ("asked", "new_or_back", "reason", "round_gap", "passed_on")
# What the home is told, by list: never why the records put somebody there.
HOME_WORDS = {
    "asked": "Asked for. The team will see this resident.",
    "new_or_back": "Assessment, and a care and support plan with the resident and family.",
    "reason": "The team will see this resident.",
    "round_gap": "A review: nobody of the team has seen this resident for a while.",
    "passed_on": "The team will talk with you about this resident.",
}
TEAM_OTHERS = ("hold", "in_hospital", "not_in_data", "tasks", "everyone_else")
HOME_OTHERS = ("in_hospital", "not_in_data", "everyone_else")


@dataclass(frozen=True)
class Row:
    """One resident on the round; words: what the home is told."""

    line: Line
    words: str


@dataclass(frozen=True)
class Sheet:
    """One printed sheet. team: for the care-home team; else for the home. others: title, introduction, lines."""

    title: str
    name: str
    team: bool
    rows: tuple[Row, ...]
    others: tuple[tuple[str, str, tuple[Line, ...]], ...]


def write_round_sheets(worklists: Worklists, out: Path) -> list[Path]:
    """Writes `home/<id>/round-sheet.html` and `home-staff/<id>/round.html` for every home; returns the files."""
    written = []
    for page in worklists.pages:
        if page.audience != "home":
            continue
        for sheet, path in ((round_sheet(page), page_folder(out, page) / "round-sheet.html"),
                            (home_copy(page), out / "home-staff" / folder_name(page.id) / "round.html")):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(render_sheet(worklists, page, sheet), encoding="utf-8")
            written.append(path)
    return written


def render_sheet(worklists: Worklists, page: Page, sheet: Sheet) -> str:
    """A sheet as one HTML file, A4."""
    return page_environment().get_template("round_sheet.html").render(run=worklists, page=page, sheet=sheet)


def round_sheet(page: Page) -> Sheet:
    """The team's sheet: everybody with a reason, in room order, with space to write."""
    return Sheet("Round sheet", page.title, True, _rows(page), _others(page, TEAM_OTHERS))


def home_copy(page: Page) -> Sheet:
    """The home's copy: who will be seen, in words that tell nothing the records hold."""
    return Sheet("The home's copy", page.title, False, _rows(page), _others(page, HOME_OTHERS))


def _rows(page: Page) -> tuple[Row, ...]:
    lines = [line for view in page.lists if view.id in ON_THE_ROUND for line in view.part("now")]
    return tuple(Row(line, HOME_WORDS[line.list]) for line in sorted(lines, key=_by_room))


def _others(page: Page, names: tuple[str, ...]) -> tuple[tuple[str, str, tuple[Line, ...]], ...]:
    views = {view.id: view for view in page.lists}
    waiting = tuple(line for view in page.lists if view.id in ON_THE_ROUND for line in view.part("overflow"))
    found = [(views[name].title, views[name].intro, tuple(sorted(views[name].lines, key=_by_room)))
             for name in names if name in views]
    return (*found, ("No room on this round", "Planned reviews that wait for a later round.", waiting))


def _by_room(line: Line) -> tuple[int, str, str]:
    return (*room_order(line.card.room), line.card.name)
