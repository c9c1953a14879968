"""`frailty site new`: site.toml for IT and site.xlsx for everybody else, both commented, with examples that nobody reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from frailty.errors import FrailtyError
from frailty.reports.workbook import DAY, letter, styles
from frailty.sheets import put, workbook_bytes
from frailty.site import FEED_KINDS, REQUEST_AUDIENCES, TEAM_QUEUES, WEEKDAYS
from frailty.site.people import SHEETS, slot_words
from frailty.triage.filled import list_titles
from frailty.triage.outcomes import load_outcomes

if TYPE_CHECKING:
    from openpyxl import Workbook

Feeds = Sequence[tuple[str, str, Sequence[str]]]     # name, kind, practices
ROWS = 500                          # rows prepared with drop-downs; more may be filled in
DATES = ("birth_date", "admitted_on", "asked_on", "on", "review_on")
NUMBERS = ("beds", "slots")
WIDE = {"address": 30, "note": 30, "pasted": 50, "request_reason": 26, "reason": 30, "name": 26, "outcome": 40, "list": 30}
EXAMPLES: dict[str, Mapping[str, Any]] = {
    "Homes": {"id": "seaview", "name": "Seaview House", "practice": "Y90001", "lead": "Sr B Example", "round_day": "Tuesday",
              "beds": 38, "phone": "01632 960001", "address": "1 Seaview Road", "postcode": "ZZ1 1AA", "keeps_list": "yes"},
    "Residents": {"home": "seaview", "room": "12", "name": "Mrs EXAMPLE, Ada", "birth_date": date(1938, 4, 3),
                  "nhs_number": "999 000 0018", "admitted_on": date(2026, 11, 9), "requested": "yes",
                  "request_reason": "not eating for three days", "requested_by": "Sr B Example"},
    "Requests": {"nhs_number": "999 000 0018", "asked_by": "Nurse C", "asked_on": date(2026, 11, 20),
                 "reason": "worried since last week", "audience": "practice"},
    "Meetings": {"practice": "Y90001", "on": date(2026, 11, 25), "note": "in the library"},
    "Slots": {"place": "Y90001", "slots_for": "MDT pack", "slots": 8},
    "Decisions": {"nhs_number": "999 000 0018", "list": "MDT pack", "outcome": "Seen or discussed: no change needed",
                  "on": date(2026, 11, 22), "by": "Dr A", "review_on": date(2027, 1, 15)},
}
INTROS = {
    "Homes": "One row a home. The id is short, and stays the same for ever.",
    "Residents": "One row a resident, as the home tells it; dates and names in any usual way. Or paste each line of the home's "
                 "e-mail under “Line as the home wrote it”. Write yes under Confirmed once you know that the match on the home's "
                 "page is right, no if it is another person.",
    "Requests": "Whom somebody asked for. They are always listed, whatever a score says.",
    "Meetings": "The days of the practices' MDT meetings, where they are not weekly.",
    "Slots": "How many people a list has places for: at one time, or new ones a week (community, mental health, navigators, liver, "
             "planning). For all, or for one practice, home or team.",
    "Decisions": "Outcomes that are not in a filled worklist.xlsx.",
}


def write_site(folder: Path, today: date, practices: Sequence[str] = (), feeds: Feeds = ()) -> list[Path]:
    """Write site.toml and site.xlsx into a folder; never over what is there. `practices`, `feeds`: what a store knows."""
    files = [folder / "site.toml", folder / "site.xlsx"]
    for file in files:
        if file.exists():
            raise FrailtyError(f"{file.name} is already here.", where=str(file), why="it may hold your work",
                               mend="name another folder, or move it away")
    folder.mkdir(parents=True, exist_ok=True)
    files[0].write_text(site_toml(practices, feeds), encoding="utf-8", newline="\n")
    files[1].write_bytes(site_workbook(today))
    return files


def site_toml(practices: Sequence[str] = (), feeds: Feeds = ()) -> str:
    """The commented site.toml; with nothing known, every table is a comment that only has to be opened."""
    lines = [
        "# The site, for those who run the program. What people look after stands in the workbook named below.",
        "# What both say is put together; where they differ, a run stops and says so.",
        "",
        "[site]",
        'name = ""',
        'people = "site.xlsx"          # homes, residents, requests, meetings, places, decisions',
        "",
        "# Practices. mdt_day: weekday of the meeting, or mdt_dates = [\"2026-11-25\"]; mdt_slots: people it can discuss;",
        "# on_hold = true: the practice's planned lists stay as they were.",
    ]
    for ods in practices or ("Y90001",):
        lines += _table(not practices, "practice", f'ods = "{ods}"', '# name = ""', '# lead = ""', "# mdt_day = \"Wednesday\"",
                        "# mdt_slots = 8", "on_hold = false")
    lines += ["# Feeds: the folders of records, by the name that a run gives them. kind: " + ", ".join(FEED_KINDS) + ".",
              "# practices: whom it covers (none named: all). expected_days: what is older is late.",
              "# since: the day from which a hospital feed covers admissions."]
    for name, kind, served in feeds or (("practice-gp", "gp", ["Y90001"]), ("hospital", "hospital", [])):
        more = ["practices = [" + ", ".join(f'"{ods}"' for ods in served) + "]"] if served else []
        since = ['# since = "2020-01-01"'] if kind == "hospital" else []
        lines += _table(not feeds, "feed", f'name = "{name}"', f'kind = "{kind}"', *more, "expected_days = 1", *since)
    lines += ["# Teams that serve some of the practices. Without them, one team of each queue serves all. Every practice has",
              "# exactly one team of a queue that has teams. queue: " + ", ".join(TEAM_QUEUES) + "."]
    lines += _table(True, "team", 'id = "community-north"', 'queue = "community"', 'name = "Community team, north"',
                    '# lead = ""', 'practices = ["Y90001"]')
    lines += [
        "[settings]",
        "# The site's own numbers, by the names of rules/triage/settings.toml. Without them our proposals hold.",
        "# proposals = true            # also use clinical rules that are only a proposal",
        "",
        "[sign-off]",
        "# Pages say SHADOW until all four are filled in, and hash is the rules_hash of run.json.",
        'safety_officer = ""', 'ig_lead = ""', 'clinical_lead = ""', 'hash = ""', "",
    ]
    return "\n".join(lines)


def _table(closed: bool, name: str, *lines: str) -> list[str]:
    mark = "# " if closed else ""
    return [mark + line for line in (f"[[{name}]]", *lines)] + [""]


def site_workbook(today: date) -> bytes:
    """The workbook: one sheet a kind, drop-downs from the files of rules, an example row in each that nobody reads."""
    from openpyxl import Workbook

    book = Workbook()
    styles(book)
    first = book.active
    assert first is not None
    first.title = "Read me"
    first.column_dimensions["A"].width = 110
    told = ["What people look after: homes, residents, requests, meetings, places and decisions.",
            "Fill in the sheets; leave their headings and names as they are. Rows marked under Example are not read.",
            "Then run: frailty site check site.toml. It names sheet, row, column and remedy for everything that cannot be read.",
            "This file holds names of patients: keep it where the records are kept."]
    for number, text in enumerate(told, 1):
        put(first, number, 1, text, "title" if number == 1 else "")
    choices = _choices(book)
    for name, columns in SHEETS.items():
        _sheet(book, name, columns, choices)
    book.move_sheet("Choices", len(SHEETS))
    book["Choices"].sheet_state = "hidden"
    return workbook_bytes(book, today)


def _choices(book: Workbook) -> dict[str, str]:
    """The hidden sheet that drop-downs read; heading -> range. Longer than a drop-down can hold by itself."""
    worksheet = book.create_sheet("Choices")
    lists: dict[str, Sequence[str]] = {
        "yes": ("yes", "no"), "example": ("example",), "round_day": WEEKDAYS, "audience": REQUEST_AUDIENCES,
        "slots_for": [title for title, name in slot_words().items() if title != name], "list": tuple(list_titles()),
        "outcome": tuple(load_outcomes().words()),
    }
    made = {}
    for column, (name, words) in enumerate(lists.items(), 1):
        for number, text in enumerate((name, *words), 1):
            put(worksheet, number, column, text)
        made[name] = f"=Choices!${letter(column)}$2:${letter(column)}${len(words) + 1}"
    made |= dict.fromkeys(("keeps_list", "requested", "confirmed"), made["yes"])
    made["home"] = f"=Homes!$B$3:$B${ROWS + 2}"
    return made


def _sheet(book: Workbook, name: str, columns: Mapping[str, str], choices: Mapping[str, str]) -> None:
    from openpyxl.worksheet.datavalidation import DataValidation

    worksheet = book.create_sheet(name)
    put(worksheet, 1, 1, INTROS[name])
    for column, (key, title) in enumerate(columns.items(), 1):
        put(worksheet, 2, column, title, "head")
        dimension = worksheet.column_dimensions[letter(column)]
        dimension.width = WIDE.get(key, max(12, len(title) + 2))
        form = DAY if key in DATES else "0" if key in NUMBERS else "@"
        dimension.number_format = form
        for number in range(3, 53):                      # enough that a pasted number stays text
            worksheet.cell(number, column).number_format = form
        value = "example" if key == "example" else EXAMPLES[name].get(key)
        put(worksheet, 3, column, value).number_format = form
        span = f"{letter(column)}3:{letter(column)}{ROWS + 2}"
        if key in choices and (key != "home" or name == "Residents"):
            check = DataValidation("list", formula1=choices[key], allow_blank=True, showErrorMessage=True, errorTitle=title,
                                   error="Choose one of the list.", errorStyle="warning" if key == "home" else "stop")
        elif key in NUMBERS:
            check = DataValidation("whole", operator="greaterThanOrEqual", formula1="0", allow_blank=True, showErrorMessage=True,
                                   errorTitle=title, error="Write a whole number.")
        else:
            continue
        check.add(span)
        worksheet.add_data_validation(check)
    worksheet.freeze_panes = "A3"
    worksheet.page_setup.orientation, worksheet.page_setup.paperSize = "landscape", 9
    worksheet.page_setup.fitToWidth, worksheet.page_setup.fitToHeight = 1, 0
    worksheet.sheet_properties.pageSetUpPr.fitToPage = True
    worksheet.print_title_rows = "2:2"
