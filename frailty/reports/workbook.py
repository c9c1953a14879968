"""A worklist as a workbook: one row a line, with cells to fill in, which the next night reads back."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from frailty.sheets import put, workbook_bytes
from frailty.triage.filled import COLUMNS, SHEET, row_key
from frailty.triage.lines import Line, ListView, Page, Worklists
from frailty.triage.outcomes import Outcomes, load_outcomes

if TYPE_CHECKING:
    from openpyxl import Workbook
    from openpyxl.worksheet.worksheet import Worksheet

# key of the cell, heading, width in characters
SHOWN = (
    ("key", COLUMNS["key"], 4),
    ("list", "List", 15),
    ("status", "Since last run", 9),
    ("room", "Room", 8),
    ("name", COLUMNS["name"], 20),
    ("birth_date", "Born", 11),
    ("nhs_number", COLUMNS["nhs_number"], 14),
    ("phone", "Phone", 14),
    ("practice", "Practice", 16),
    ("asks", "What is asked", 26),
    ("why", "Why now", 44),
    ("due", "Due", 15),
    ("outcome", COLUMNS["outcome"], 22),
    ("on", COLUMNS["on"], 11),
    ("by", COLUMNS["by"], 10),
    ("review_on", COLUMNS["review_on"], 11),
    ("note", COLUMNS["note"], 20),
)
TYPED = ("outcome", "on", "by", "review_on", "note")
HELP = "Outcomes"
SECTIONS = {"overflow": " (waiting)", "paused": " (in hospital)"}
DAY = "dd mmm yyyy"


def render_workbook(worklists: Worklists, page: Page) -> bytes:
    """The page's lines as an .xlsx: only the last five columns can be typed into."""
    from openpyxl import Workbook

    book = Workbook()
    styles(book)
    worksheet = book.active
    assert worksheet is not None
    worksheet.title = SHEET
    rows = [(view, line) for view in page.lists for line in view.lines]
    with_room = any(line.card.room for _, line in rows)
    with_phone = any(line.card.phone for _, line in rows)
    wanted = {"room": with_room, "phone": with_phone, "practice": page.audience in ("team", "hub")}
    shown = [one for one in SHOWN if wanted.get(one[0], True)]
    head = _top(worksheet, worklists, page, len(shown))
    for column, (_, title, width) in enumerate(shown, 1):
        put(worksheet, head, column, title, "head")
        worksheet.column_dimensions[letter(column)].width = width
    for number, (view, line) in enumerate(rows, head + 1):
        cells = _cells(worklists, page, view, line)
        for column, (name, _, _) in enumerate(shown, 1):
            style = ("typed day" if name in ("on", "review_on") else "typed") if name in TYPED else (
                "fixed day" if name == "birth_date" else "fixed")
            put(worksheet, number, column, cells.get(name), style)
    outcomes = load_outcomes()
    _explain(book, outcomes)
    _checks(worksheet, shown, head, max(len(rows), 1), len(outcomes.outcomes), worklists.as_of)
    _page(worksheet, head, len(shown), len(rows), worklists, page)
    return workbook_bytes(book, worklists.as_of)


def _cells(worklists: Worklists, page: Page, view: ListView, line: Line) -> dict[str, Any]:
    from frailty.reports.worklists import phone, room, spaced

    card = line.card
    marks = ["ASKED FOR"] if line.asked else []
    if worklists.previous_as_of and line.status in ("new", "changed", "repeated"):
        marks.append(line.status)
    why = [*(f"READ FIRST: {text}" for text in line.warnings), *line.why, *([line.left_off] if line.left_off else [])]
    return {
        "key": row_key(worklists.as_of, page.audience, page.id, line.list, line.mark),
        "list": view.title + SECTIONS.get(line.section, ""),
        "status": ", ".join(marks),
        "room": room(card),
        "name": card.name,
        "birth_date": card.birth_date,
        "nhs_number": spaced(card.nhs_number),
        "phone": phone(card.phone),
        "practice": card.practice,
        "asks": line.asks,
        "why": "\n".join(why),
        "due": line.due_text,
    }


def styles(book: Workbook) -> None:
    """Six kinds of cell. What can be typed into is shaded and unlocked; the rest is locked."""
    from openpyxl.styles import Alignment, Border, Font, NamedStyle, PatternFill, Protection, Side

    thin = Side("thin", "999999")
    box = Border(thin, thin, thin, thin)
    wrap = Alignment(vertical="top", wrap_text=True)
    kinds: dict[str, dict[str, Any]] = {
        "title": {"font": Font(bold=True, size=14)},
        "head": {"font": Font(bold=True), "border": box, "alignment": wrap, "fill": PatternFill("solid", fgColor="E3E8EC")},
        "fixed": {"border": box, "alignment": wrap, "number_format": "@"},
        "fixed day": {"border": box, "alignment": wrap, "number_format": DAY},
        "typed": {"border": box, "alignment": wrap, "number_format": "@", "protection": Protection(locked=False),
                  "fill": PatternFill("solid", fgColor="FFF9E0")},
        "typed day": {"border": box, "alignment": wrap, "number_format": DAY, "protection": Protection(locked=False),
                      "fill": PatternFill("solid", fgColor="FFF9E0")},
    }
    for name, look in kinds.items():
        style = NamedStyle(name)
        for what, value in look.items():
            setattr(style, what, value)
        book.add_named_style(style)


def _top(worksheet: Worksheet, worklists: Worklists, page: Page, wide: int) -> int:
    """Title, date and what to know; returns the row of the headings."""
    from frailty.reports.worklists import capitalize_first, long_day

    put(worksheet, 1, 2, f"{page.title} · {long_day(worklists.as_of)}", "title")
    told = ["Decision support. A clinician decides. Fill in the shaded cells: Outcome, Date and By. Save the file as it is and "
            "give it to whoever runs the lists; the next list leaves out who was decided on, and says so."]
    if worklists.shadow:
        told.append(f"SHADOW: {capitalize_first(worklists.shadow)}. Compare with your own judgement; do not act on this alone.")
    told += page.notices
    for number, text in enumerate(told, 2):
        put(worksheet, number, 2, text)
    return len(told) + 2


def _explain(book: Workbook, outcomes: Outcomes) -> None:
    """The sheet that the drop-down reads, and people too: what each outcome does."""
    from openpyxl.styles import Alignment

    worksheet = book.create_sheet(HELP)
    for column, (title, width) in enumerate((("Outcome", 60), ("What it does", 90)), 1):
        put(worksheet, 1, column, title, "head")
        worksheet.column_dimensions[letter(column)].width = width
    for number, one in enumerate(outcomes.outcomes, 2):
        holds = [hold for hold in outcomes.holds if one.kind in hold.kinds]
        days = sorted({hold.days for hold in holds if hold.days is not None})
        span = f"{days[0]} days" if len(days) == 1 else f"{days[0]} to {days[-1]} days, by list" if days else ""
        text = {"incident": "The person stays listed. Report the incident as you usually do.",
                "undone": "The person is listed again."}.get(one.kind, f"Not listed again for {span}, unless something happens.")
        text += " Counts on all planned lists." if one.person else ""
        text += " Goes to the practice's data-quality list." if one.label else ""
        put(worksheet, number, 1, one.words)
        put(worksheet, number, 2, text).alignment = Alignment(wrap_text=True)
    worksheet.protection.sheet = True


def _checks(worksheet: Worksheet, shown: list[tuple[str, str, int]], head: int, rows: int, outcomes: int, as_of: date) -> None:
    from openpyxl.worksheet.datavalidation import DataValidation

    place = {name: letter(column) for column, (name, _, _) in enumerate(shown, 1)}
    choice = DataValidation("list", formula1=f"={HELP}!$A$2:$A${outcomes + 1}", allow_blank=True, showErrorMessage=True,
                            errorTitle="Outcome", error="Choose one of the list. What each does stands on the sheet Outcomes.")
    past = DataValidation("date", operator="greaterThan", formula1=f"DATE({as_of.year - 1},{as_of.month},1)", allow_blank=True,
                          showErrorMessage=True, errorTitle="Date", error="Write a day, as 22/11/2026.")
    for check, names in ((choice, ("outcome",)), (past, ("on", "review_on"))):
        for name in names:
            check.add(f"{place[name]}{head + 1}:{place[name]}{head + rows}")
        worksheet.add_data_validation(check)


def _page(worksheet: Worksheet, head: int, columns: int, rows: int, worklists: Worklists, page: Page) -> None:
    """A4 landscape, one page wide, headings on each; the key hidden; locked without a password."""
    from frailty.reports.worklists import day

    worksheet.column_dimensions["A"].hidden = True
    worksheet.freeze_panes = worksheet.cell(head + 1, 1)
    worksheet.auto_filter.ref = f"A{head}:{letter(columns)}{head + max(rows, 1)}"
    worksheet.page_setup.orientation, worksheet.page_setup.paperSize = "landscape", 9
    worksheet.page_setup.fitToWidth, worksheet.page_setup.fitToHeight = 1, 0
    worksheet.sheet_properties.pageSetUpPr.fitToPage = True
    worksheet.print_title_rows = f"{head}:{head}"
    margins = worksheet.page_margins
    margins.left = margins.right = 0.4
    margins.top, margins.bottom = 0.4, 0.6
    shadow = " SHADOW." if worklists.shadow else ""
    worksheet.oddFooter.left.text = f"{page.title} {day(worklists.as_of)}. Decision support.{shadow}".replace("&", "&&")
    worksheet.oddFooter.right.text = "Page &P of &N"
    lock = worksheet.protection
    lock.sheet = True
    lock.formatColumns = lock.formatRows = lock.autoFilter = lock.sort = False     # False: allowed


def letter(column: int) -> str:
    """The name of a column: 27 is AA."""
    from openpyxl.utils import get_column_letter

    return str(get_column_letter(column))
