"""Worklist pages and tables: one folder for each audience, with a self-contained HTML page, a CSV and a workbook in each."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from datetime import date
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from frailty.reports.workbook import render_workbook
from frailty.triage.filled import list_titles
from frailty.triage.lines import Card, Line, ListView, Page, Worklists

if TYPE_CHECKING:
    import jinja2

COLUMNS = {
    "list": "which list",
    "section": "on the list, waiting, paused, came off, decided, or could not be evaluated",
    "status": "since the last run: new, changed, same, came off; repeated = the last good list of a frozen practice",
    "name": "name as recorded",
    "nhs_number": "with spaces, so that it stays text",
    "birth_date": "date of birth",
    "age": "[years] on the day of the page",
    "phone": "phone",
    "room": "room in the care home",
    "address": "address",
    "usual_gp": "usual GP",
    "practice": "practice",
    "asked": "what is asked",
    "asked_by": "by which rule or person",
    "why_now": "reasons, with dates",
    "due": "due day",
    "due_text": "the same in words",
    "overdue": "yes, or empty",
    "priority": "P2 to P6; a score never makes anything more urgent",
    "frailty": "confirmed or suggested",
    "known_by": "who knows the person, what is in place",
    "missing": "what is not known",
    "read_first": "what must be read before anybody calls",
    "left_off": "why not now, or where",
    "first_listed": "on this list since",
    "as_of": "the day of the page",
    "shadow": "SHADOW until the rules are signed off",
    "patient_id": "canonical id of the run",
}
SECTIONS = {"now": "on the list", "overflow": "waiting: no room", "paused": "paused: in hospital"}


def write_worklists(worklists: Worklists, out: Path) -> list[Path]:
    """Write `practice/<ods>/`, `home/<id>/` and `hub/` under `out`; returns the files."""
    written = []
    for page in worklists.pages:
        folder = page_folder(out, page)
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in (
            ("worklist.html", render_page(worklists, page).encode()),
            ("worklist.csv", render_csv(worklists, page).encode()),
            ("worklist.xlsx", render_workbook(worklists, page)),
        ):
            path = folder / name
            path.write_bytes(content)
            written.append(path)
    return written


def page_folder(out: Path, page: Page) -> Path:
    """The folder of an audience."""
    return out / "hub" if page.audience == "hub" else out / page.audience / folder_name(page.id)


def write_rows(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """A table as CSV that Excel opens without changing anything; its folder is made where it does not exist."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8-sig", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\r\n")
        writer.writerow(rows[0])
        writer.writerows([safe_cell(cell) for cell in row.values()] for row in rows)


def folder_name(page_id: str) -> str:
    """An id as a folder name: nothing that a path could misread."""
    return re.sub(r"[^A-Za-z0-9_-]", "_", page_id)[:60] or "unnamed"


@cache
def page_environment() -> jinja2.Environment:
    """Templates and their filters; made once, because reading the templates takes longer than filling them."""
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters.update(
        day=day,
        long_day=long_day,
        nhs=spaced,
        phone=phone,
        css=css_text,
        find=find_text,
        room=room,
        capitalize_first=capitalize_first,
    )
    return environment


def render_page(worklists: Worklists, page: Page) -> str:
    """The page as one HTML file that needs nothing else."""
    used = {line.list for line in page.lines()} | {view.id for view in page.lists if view.books}
    rules = [rule for rule in worklists.rules if rule.list in used]
    return page_environment().get_template("worklist.html").render(
        run=worklists,
        page=page,
        rules=rules,
        counts={name: page.count(name) for name in ("new", "changed", "same", "repeated")},
        unclear=sum(len(group.cards) for group in page.not_evaluated),
        sections=SECTIONS,
    )


def render_csv(worklists: Worklists, page: Page) -> str:
    """The page's lines as CSV that Excel opens without changing anything (UTF-8 with BOM, CRLF)."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for view in page.lists:
        for line in view.lines:
            writer.writerow([safe_cell(cell) for cell in _cells(worklists, view, line, line.section, page)])
    for line in page.came_off:
        title = next((view.title for view in page.lists if view.id == line.list), line.list)
        writer.writerow([safe_cell(cell) for cell in _cells(worklists, title, line, "came off", page)])
    titles = {name: title for title, name in list_titles().items()} if page.decided else {}
    for line in page.decided:
        title = next((view.title for view in page.lists if view.id == line.list), titles.get(line.list, line.list))
        writer.writerow([safe_cell(cell) for cell in _cells(worklists, title, line, "decided", page)])
    for group in page.not_evaluated:
        for card in group.cards:
            line = Line(
                list="", card=card, status="", why=(group.why,), by=f"rule {group.rule}", missing=(group.why,)
            )
            writer.writerow(
                [
                    safe_cell(cell)
                    for cell in _cells(worklists, "Could not be evaluated", line, "not evaluated", page)
                ]
            )
    return "\ufeff" + text.getvalue()


def _cells(worklists: Worklists, view: ListView | str, line: Line, section: str, page: Page) -> list[Any]:
    card = line.card
    return [
        view if isinstance(view, str) else view.title,
        SECTIONS.get(section, section),
        line.status,
        card.name,
        spaced(card.nhs_number),
        card.birth_date,
        card.age,
        phone(card.phone),
        room(card),
        card.address,
        card.usual_gp,
        card.practice,
        line.asks,
        line.by,
        "; ".join(line.why),
        line.due,
        line.due_text,
        "yes" if line.overdue else "",
        line.priority,
        line.frailty,
        "; ".join(line.known),
        "; ".join(line.missing),
        "; ".join(line.warnings),
        line.left_off,
        line.first_listed,
        worklists.as_of,
        "SHADOW" if worklists.shadow else "",
        line.patient_id,
    ]


def safe_cell(value: Any) -> str:
    """A cell that no spreadsheet runs as a formula or turns into a number: an apostrophe goes before it."""
    if value is None:
        return ""
    if isinstance(value, int):
        return str(value)
    text = value.isoformat() if isinstance(value, date) else str(value)
    risky = text.lstrip(" ")[:1] in ("=", "+", "-", "@") or text[:1] in ("\t", "\r", "\n")
    numeric = bool(re.fullmatch(r"\d{5,}|0\d+|\d+[eE]\d+", text))
    return "'" + text if risky or numeric else text


def spaced(number: str) -> str:
    """An NHS number as people read it: 999 000 0018."""
    return f"{number[:3]} {number[3:6]} {number[6:]}" if len(number) == 10 and number.isdigit() else number


def phone(number: str) -> str:
    """A phone number with a space, so that it stays text."""
    return f"{number[:5]} {number[5:]}" if number.isdigit() and len(number) > 6 else number


def room(card: Card) -> str:
    """A room as text that no spreadsheet takes for a date or a number."""
    return f"Room {card.room}" if card.room[:1].isdigit() else card.room


def day(value: date | None) -> str:
    """3 Nov 2026."""
    return f"{value.day} {value:%b} {value.year}" if value else ""


def long_day(value: date) -> str:
    """Sunday 22 November 2026."""
    return f"{value:%A} {value.day} {value:%B} {value.year}"


def css_text(text: str) -> str:
    """Text for a CSS string: everything but letters, digits and spaces escaped."""
    return re.sub(r"[^A-Za-z0-9 ]", lambda found: f"\\{ord(found.group()):x} ", text)


def find_text(card: Card) -> str:
    """What the filter box looks in."""
    parts = (card.name, card.nhs_number, spaced(card.nhs_number), room(card), card.usual_gp)
    return " ".join(part for part in parts if part).casefold()


def capitalize_first(text: str) -> str:
    """The first letter large, the rest as it is."""
    return text[:1].upper() + text[1:]
