"""site.xlsx: what people keep in a spreadsheet, read with a remedy for every cell that cannot be used."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

from frailty.knowledge import parsed, rules_dir
from frailty.sheets import Problem, Row, Sheet, digits, heading, open_workbook, read_day, valid_nhs_number
from frailty.site.model import REQUEST_AUDIENCES, TEAM_QUEUES, WEEKDAYS, Request, Resident, Team

DAY = "Date"
# sheet -> key -> heading; `example` marks rows that are only examples
SHEETS: dict[str, dict[str, str]] = {
    "Homes": {
        "example": "Example", "id": "Home id", "name": "Name", "practice": "Practice (ODS code)", "lead": "Lead",
        "round_day": "Round day", "beds": "Beds", "phone": "Phone", "address": "Address", "postcode": "Postcode",
        "keeps_list": "Sends its own list",
    },
    "Residents": {
        "example": "Example", "home": "Home id", "room": "Room", "name": "Name", "birth_date": "Born", "nhs_number": "NHS number",
        "admitted_on": "Moved in on", "requested": "Asked for", "request_reason": "Why", "requested_by": "Asked by", "note": "Note",
        "pasted": "Line as the home wrote it", "confirmed": "Confirmed",
    },
    "Requests": {
        "example": "Example", "nhs_number": "NHS number", "asked_by": "Asked by", "asked_on": "Asked on", "reason": "Why",
        "audience": "For",
    },
    "Meetings": {"example": "Example", "practice": "Practice (ODS code)", "on": "Meeting on", "note": "Note"},
    "Slots": {"example": "Example", "place": "Practice, home or team (empty: all)", "slots_for": "Places for", "slots": "Places"},
    "Decisions": {
        "example": "Example", "nhs_number": "NHS number", "list": "List", "outcome": "Outcome", "on": DAY, "by": "By",
        "review_on": "Review on", "note": "Note",
    },
}
NEEDED = {
    "Homes": ("id",), "Residents": ("home",), "Requests": ("nhs_number", "asked_by", "asked_on"), "Meetings": ("practice", "on"),
    "Slots": ("slots_for", "slots"), "Decisions": ("nhs_number", "list", "outcome", "on", "by"),
}
_NUMBER = re.compile(r"(?<!\d)\d{3}[ -]?\d{3}[ -]?\d{4}(?!\d)")
_DATE = re.compile(r"\d{4}-\d{1,2}-\d{1,2}|"
                   r"\d{1,2}(?:st|nd|rd|th)?\s*[/. -]\s*(?:\d{1,2}|[A-Za-z]{3,9})\s*[/., -]\s*(?:\d{4}|\d{2})(?!\d)")
_ROOM = re.compile(r"\b(?:room|rm|bed|flat)\b[\s.:]*(?:no\b\.?)?\s*([A-Za-z]?\d+[A-Za-z]?)\b", re.IGNORECASE)
_FIRST = re.compile(r"^\W*([A-Za-z]?\d{1,3}[A-Za-z]?)\b[\s.,:;)-]+(?=[A-Za-z])")
_WORDS = re.compile(r"\b(?:d\.?o\.?b\.?|born|nhs|number|no)\b\.?:?", re.IGNORECASE)


@dataclass
class People:
    """What the workbook says. `homes`: id -> what is filled in; `slots`: (practice, home, team or '', setting) -> places."""

    homes: dict[str, dict[str, Any]] = field(default_factory=dict)
    residents: dict[str, list[Resident]] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)
    meetings: dict[str, list[date]] = field(default_factory=dict)
    slots: dict[tuple[str, str], int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)


def read_people(file: Path, homes: Collection[str], practices: Collection[str], teams: Collection[Team] = ()) -> People:
    """Everything in the workbook but the sheet Decisions. `homes`, `practices`, `teams`: what site.toml knows already."""
    book = open_workbook(file)
    found = People()
    sheets = {heading(worksheet.title): worksheet for worksheet in book.worksheets}
    for name in SHEETS:
        if heading(name) not in sheets:
            found.problems.append(Problem(file.name, name, 0, "", "the sheet is missing", f"name a sheet “{name}”, or copy it from "
                                          "a new site.xlsx"))
    for worksheet in book.worksheets:
        if heading(worksheet.title) not in map(heading, (*SHEETS, "Read me", "Choices")):
            near = difflib.get_close_matches(worksheet.title, SHEETS, 1, 0.6)
            found.problems.append(Problem(file.name, worksheet.title, 0, "", "nothing reads this sheet", f"name it “{near[0]}”"
                                          if near else "keep it if you need it; it has no effect", used=not near))

    def rows(name: str) -> list[Row]:
        if heading(name) not in sheets:
            return []
        return list(Sheet(sheets[heading(name)], file.name, SHEETS[name], NEEDED[name], found.problems).rows())

    for row in rows("Homes"):
        _home(row, found, practices)
    known = sorted({*homes, *found.homes})
    for row in rows("Residents"):
        _resident(row, found, known)
    for row in rows("Requests"):
        number, by, on = row.nhs_number("nhs_number"), row.text("asked_by"), row.day("asked_on", needed=True)
        _needed(row, "nhs_number", "asked_by")
        audience = row.choice("audience", {one: one for one in REQUEST_AUDIENCES}) or "practice"
        if number and by and on:
            found.requests.append(Request(number, by, on, row.text("reason"), audience))
    for row in rows("Meetings"):
        practice, on = _known(row, "practice", practices, "practice"), row.day("on", needed=True)
        _needed(row, "practice")
        if practice and on:
            found.meetings.setdefault(practice, []).append(on)
    queues = {one.id: one.queue for one in teams} | {name: name for name in TEAM_QUEUES if name not in {one.queue for one in teams}}
    kinds = {"practice": tuple(practices), "home": tuple(known), **{
        name: tuple(one for one, queue in queues.items() if queue == name) for name in TEAM_QUEUES}}
    for row in rows("Slots"):
        _slots(row, found, kinds)
    return found


def _home(row: Row, found: People, practices: Collection[str]) -> None:
    home = row.text("id")
    _needed(row, "id")
    if home and not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}", home):
        row.say("id", "the id holds more than letters, digits, - and _", "shorten it; it names a folder")
        return
    if home in found.homes:
        row.say("id", "the id stands twice", "give each home its own id")
        return
    keeps = row.yes("keeps_list")
    told = {
        "name": row.text("name"), "practice": _known(row, "practice", practices, "practice"), "lead": row.text("lead"),
        "round_day": row.choice("round_day", {one: one for one in WEEKDAYS}), "beds": row.number_in("beds"),
        "phone": row.text("phone"), "address": row.text("address"), "postcode": row.text("postcode").upper(),
        "keeps_list": True if keeps else None,
    }
    if home:
        found.homes[home] = {name: value for name, value in told.items() if value not in (None, "")}


def _resident(row: Row, found: People, homes: Collection[str]) -> None:
    """Every line stays: what cannot be read in it stays empty."""
    home, said = _known(row, "home", homes, "home"), len(found.problems)
    _needed(row, "home")
    told: dict[str, Any] = {
        "room": row.text("room"), "name": row.text("name"), "birth_date": row.day("birth_date", birth=True),
        "nhs_number": row.nhs_number("nhs_number"), "note": row.text("note"),
    }
    pasted = row.text("pasted")
    if pasted:
        told |= {key: value for key, value in read_pasted(pasted).items() if not told[key]}
    for key in ("name", "note"):                         # "Rm 12" stands wherever the home writes it
        room = _ROOM.search(told[key])
        if room:
            told["room"] = told["room"] or room[1]
            if key == "name":
                told[key] = _tidy(told[key].replace(room[0], " "))
    if not told["name"]:
        row.say("name", "there is no name", "write the name as the home does")
    if told["birth_date"] is None and not told["nhs_number"] and len(found.problems) == said:
        row.say("birth_date", "neither a date of birth nor an NHS number can be read", "add one, or nobody can be found")
    requested = row.yes("requested")
    if row.text("request_reason") and requested is None:
        row.say("requested", "there is a reason and nobody asked", "choose yes if the home asks for a visit")
    made = Resident(
        told["room"], told["name"], told["birth_date"], told["nhs_number"], row.day("admitted_on"), bool(requested),
        row.text("request_reason"), row.text("requested_by"), told["note"], f"Residents row {row.number}", row.yes("confirmed"))
    if home:
        found.residents.setdefault(home, []).append(made)


def _slots(row: Row, found: People, kinds: Mapping[str, Collection[str]]) -> None:
    """Places of one list at one practice, home or team, or at all of them. `kinds`: what can have places -> ids."""
    place = _known(row, "place", [one for ids in kinds.values() for one in ids], "practice, home or team")
    name, number = row.choice("slots_for", slot_words()), row.number_in("slots")
    _needed(row, "slots_for", "slots")
    kind = slot_settings().get(name or "", "")
    if place and name and place not in kinds[kind]:
        have = ", ".join(sorted(kinds[kind])) or "none"
        whose = f"a {kind}" if kind in ("practice", "home") else f"a team of {kind}" if kind in kinds else kind
        row.say("place", f"these places are not those of “{place}”", f"name {whose} ({have}), or leave it empty")
    elif name and number is not None and not (row.text("place") and not place):
        if found.slots.get((place, name), number) != number:
            row.say("slots", "another row gives another number", "keep one of the two")
        found.slots[place, name] = number


def _needed(row: Row, *keys: str) -> None:
    for key in keys:
        cell = row.cells.get(key)
        if cell is None or cell.value is None or not str(cell.value).strip():
            row.say(key, "the cell is empty", "fill it in")


def _known(row: Row, key: str, known: Collection[str], what: str) -> str:
    """An id that is known; another case is used and mentioned, another id is a problem with the nearest names."""
    text = row.text(key)
    if not text or text in known:
        return text
    same = [one for one in known if one.casefold() == text.casefold()]
    if same:
        row.say(key, "upper and lower case differ", f"write “{same[0]}”", used=True)
        return same[0]
    near = difflib.get_close_matches(text.casefold(), [one.casefold() for one in known], 3, 0.4)
    said = [one for one in known if one.casefold() in near]
    row.say(key, f"no {what} has this id", "did you mean " + " or ".join(f"“{one}”" for one in said) + "?" if said
            else f"known: {', '.join(sorted(known)) or 'none'}")
    return ""


def read_pasted(text: str) -> Mapping[str, Any]:
    """Room, name, date of birth and NHS number out of one line of a home's e-mail, wherever in it they stand."""
    told: dict[str, Any] = {}
    number = next((one for one in _NUMBER.finditer(text) if valid_nhs_number(digits(one[0]))), None)
    if number:
        told["nhs_number"] = digits(number[0])
        text = text.replace(number[0], " ")
    for one in _DATE.finditer(text):
        born = read_day(one[0], birth=True)
        if born:
            told["birth_date"] = born
            text = text.replace(one[0], " ")
            break
    room = _ROOM.search(text) or _FIRST.search(text)
    if room:
        told["room"] = room[1]
        text = text.replace(room[0], " ")
    name = _tidy(_WORDS.sub(" ", text))
    if name:
        told["name"] = name
    return told


def _tidy(text: str) -> str:
    text = re.sub(r"\s+,", ",", re.sub(r"[\t|;:()]+", " ", text))
    return " ".join(text.split()).strip(" ,.-")


@cache
def slot_settings() -> Mapping[str, str]:
    """Settings that say how many places a list has -> who can have places of their own: practice, home, or teams of a queue."""
    data = parsed(rules_dir() / "triage" / "queues.toml")
    found = {one["slots"]: one["page"] if one["page"] == "practice" else one["queue"] for one in data["list"] if one.get("slots")}
    return {**found, "round_filler_slots": "home"}


def slot_words() -> dict[str, str]:
    """What people choose under “Places for” -> the setting: the list's title, or the setting's own name."""
    data = parsed(rules_dir() / "triage" / "queues.toml")
    titles = {one["title"]: one["slots"] for one in data["list"] if one.get("slots")}
    return {**titles, "Planned reviews of a round": "round_filler_slots", **{name: name for name in slot_settings()}}
