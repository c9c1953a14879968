"""The site: its practices, homes, feeds, requests, settings and sign-off, read from site.toml."""

from __future__ import annotations

import csv
import difflib
import io
import re
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any

from frailty.errors import SiteError

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
FEED_KINDS = ("gp", "hospital", "home", "other")
REQUEST_AUDIENCES = ("practice", "home", "pharmacist")
SIGNATURES = ("safety_officer", "ig_lead", "clinical_lead")
RESIDENT_COLUMNS = (
    "room",
    "name",
    "birth_date",
    "nhs_number",
    "admitted_on",
    "requested",
    "request_reason",
    "requested_by",
    "note",
)


@dataclass(frozen=True)
class PracticeInfo:
    """A GP practice. `mdt_dates`, if given, win over the weekly `mdt_day`."""

    ods: str
    name: str
    lead: str = ""
    mdt_day: str = ""
    mdt_dates: tuple[date, ...] = ()
    mdt_slots: int | None = None
    on_hold: bool = False


@dataclass(frozen=True)
class Resident:
    """One line of a home's own list, as the home wrote it (`nhs_number`: digits only)."""

    room: str
    name: str
    birth_date: date | None
    nhs_number: str
    admitted_on: date | None
    requested: bool
    request_reason: str
    requested_by: str
    note: str


@dataclass(frozen=True)
class Home:
    """A care home. `keeps_list`: the home sends its own list of residents."""

    id: str
    name: str
    practice: str = ""
    lead: str = ""
    round_day: str = ""
    beds: int | None = None
    phone: str = ""
    address: str = ""
    postcode: str = ""
    residents: tuple[Resident, ...] = ()
    keeps_list: bool = False


@dataclass(frozen=True)
class Feed:
    """A source of records; no practices named = all of them."""

    name: str
    kind: str
    practices: tuple[str, ...] = ()
    expected_days: int = 1
    since: date | None = None


@dataclass(frozen=True)
class Request:
    """Somebody asked for a person (`nhs_number`: digits only). A home's own list gives no day of asking."""

    nhs_number: str
    asked_by: str
    asked_on: date | None
    reason: str
    audience: str = "practice"


@dataclass(frozen=True)
class TypedDecision:
    """A decision typed into site.xlsx instead of a worklist (`nhs_number`: digits only)."""

    nhs_number: str
    list: str
    outcome: str
    on: date
    by: str
    review_on: date | None
    note: str
    file: str
    row: int


@dataclass(frozen=True)
class Site:
    """Everything that the deploying site decides."""

    name: str = ""
    practices: tuple[PracticeInfo, ...] = ()
    homes: tuple[Home, ...] = ()
    feeds: tuple[Feed, ...] = ()
    requests: tuple[Request, ...] = ()
    bank_holidays: tuple[date, ...] = ()
    holidays_known_to: int | None = None
    hours: dict[str, Any] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    sign_off: dict[str, str] = field(default_factory=dict)
    path: str = ""
    decisions: tuple[TypedDecision, ...] = ()

    def with_practices(self, practices: Iterable[PracticeInfo | str]) -> Site:
        """The site with these practices too, where site.toml names none of its own."""
        if self.practices:
            return self
        made = (one if isinstance(one, PracticeInfo) else PracticeInfo(one, one) for one in practices)
        return replace(self, practices=tuple(sorted(made, key=lambda practice: practice.ods)))


def load_site(path: str | Path | None) -> Site:
    """Read site.toml and the home lists that it names; without a path, a site with nothing configured."""
    if path is None:
        return Site()
    file = Path(path)
    try:
        data = tomllib.loads(file.read_text(encoding="utf-8-sig"))
    except FileNotFoundError as error:
        raise SiteError("The site file was not found.", where=str(file), mend="check the path") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SiteError("The site file is not valid TOML.", where=str(file), why=str(error)) from error
    top = _Table(data, "site.toml", str(file))
    calendar = top.table("calendar")
    site = Site(
        name=top.table("site").text("name", ""),
        practices=tuple(_practice(table) for table in top.tables("practice")),
        homes=tuple(_home(table, file.parent) for table in top.tables("home")),
        feeds=tuple(_feed(table) for table in top.tables("feed")),
        requests=tuple(_request(table) for table in top.tables("request")),
        bank_holidays=calendar.dates("bank_holidays"),
        holidays_known_to=calendar.number("last_known_year"),
        hours=dict(top.table("hours").data),
        settings=dict(top.table("settings").data),
        sign_off=_sign_off(top.table("sign-off")),
        path=str(file),
    )
    calendar.finish()
    top.finish()
    _check(site, str(file))
    return site


def _practice(table: _Table) -> PracticeInfo:
    ods = table.identifier("ods")
    made = PracticeInfo(
        ods,
        table.text("name", ods),
        table.text("lead", ""),
        table.weekday("mdt_day"),
        table.dates("mdt_dates"),
        table.number("mdt_slots"),
        table.flag("on_hold"),
    )
    table.finish()
    return made


def _home(table: _Table, folder: Path) -> Home:
    home = table.identifier("id")
    listed = table.text("residents", "")
    made = Home(
        home,
        table.text("name", home),
        table.text("practice", ""),
        table.text("lead", ""),
        table.weekday("round_day"),
        table.number("beds"),
        table.text("phone", ""),
        table.text("address", ""),
        table.text("postcode", ""),
        _residents(folder / listed) if listed else (),
        bool(listed),
    )
    table.finish()
    return made


def _feed(table: _Table) -> Feed:
    made = Feed(
        table.text("name"),
        table.choice("kind", FEED_KINDS),
        tuple(table.texts("practices")),
        table.number("expected_days", 1) or 1,
        table.day("since", required=False),
    )
    table.finish()
    return made


def _request(table: _Table) -> Request:
    number = digits(table.text("nhs_number"))
    if len(number) != 10:
        raise table.error("nhs_number", "is not ten digits", "write the whole NHS number")
    made = Request(
        number,
        table.text("asked_by"),
        table.day("asked_on"),
        table.text("reason", ""),
        table.choice("audience", REQUEST_AUDIENCES, "practice"),
    )
    table.finish()
    return made


def _sign_off(table: _Table) -> dict[str, str]:
    made = {key: table.text(key, "") for key in (*SIGNATURES, "hash")}
    table.finish()
    return made


def _check(site: Site, where: str) -> None:
    """References between the tables hold, and no id is used twice."""
    for kind, ids in (
        ("practice", [one.ods for one in site.practices]),
        ("home", [one.id for one in site.homes]),
        ("feed", [one.name for one in site.feeds]),
    ):
        twice = sorted({one for one in ids if ids.count(one) > 1})
        if twice:
            raise SiteError(
                f"Two [[{kind}]] tables have the id “{twice[0]}”.", where=where, mend="give each its own id"
            )
    known = [one.ods for one in site.practices]
    if not known:
        return
    named = [(f"home “{home.id}”", home.practice) for home in site.homes if home.practice]
    named += [(f"feed “{feed.name}”", ods) for feed in site.feeds for ods in feed.practices]
    for what, ods in named:
        if ods not in known:
            raise SiteError(
                f"The {what} names the practice “{ods}”, which has no [[practice]] table.",
                where=where,
                mend=_nearest(ods, known) or "add the practice, or correct the code",
            )


def _residents(file: Path) -> tuple[Resident, ...]:
    """The home's own list. Every line counts: what cannot be read in a line stays empty, the line stays."""
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (FileNotFoundError, UnicodeDecodeError) as error:
        raise SiteError(
            "The home's list cannot be read.",
            where=str(file),
            why=str(error),
            mend="check `residents` in site.toml; save the list as CSV UTF-8",
        ) from error
    reader = csv.reader(io.StringIO(text, newline=""))
    head = [name.strip().casefold().replace(" ", "_") for name in next(reader, [])]
    for needed in ("name", "birth_date"):
        if needed not in head:
            raise SiteError(
                f"The home's list has no column “{needed}”.",
                where=f"{file}, line 1",
                why="columns found: " + (", ".join(head) or "none"),
                mend=_nearest(needed, head) or "columns: " + ",".join(RESIDENT_COLUMNS),
            )
    rows = []
    for cells in reader:
        if not any(cell.strip() for cell in cells):
            continue
        row = {key: cell.strip() for key, cell in zip(head, cells, strict=False)}
        rows.append(
            Resident(
                row.get("room", ""),
                row.get("name", ""),
                read_day(row.get("birth_date", "")),
                digits(row.get("nhs_number", "")),
                read_day(row.get("admitted_on", "")),
                row.get("requested", "").casefold() in ("yes", "y", "true", "1", "x", "please"),
                row.get("request_reason", ""),
                row.get("requested_by", ""),
                row.get("note", ""),
            )
        )
    return tuple(rows)


def digits(text: str) -> str:
    """The digits of a number written with or without spaces and dashes; anything else makes it empty."""
    bare = re.sub(r"[\s\-]", "", text)
    return bare if bare.isascii() and bare.isdigit() else ""


def read_day(text: str) -> date | None:
    """A day written 2026-11-22, 22/11/2026, 22.11.2026 or 22-11-2026; None where it is none of these."""
    for pattern, order in (
        (r"(\d{4})-(\d{1,2})-(\d{1,2})", (0, 1, 2)),
        (r"(\d{1,2})[/.\-](\d{1,2})[/.\-](\d{4})", (2, 1, 0)),
    ):
        found = re.fullmatch(pattern, text.strip()[:10].strip())
        if found:
            parts = [int(part) for part in found.groups()]
            try:
                return date(*(parts[index] for index in order))
            except ValueError:
                return None
    return None


def _nearest(word: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(word, known, 1, 0.5)
    return f"did you mean “{near[0]}”?" if near else ""


class _Table:
    """One table of the file; reading a key ticks it off, and `finish` refuses what nobody asked for."""

    def __init__(self, data: Any, name: str, where: str) -> None:
        if not isinstance(data, dict):
            raise SiteError(f"{name} must be a table.", where=where)
        self.data, self.name, self.where, self.read = data, name, where, set[str]()

    def error(self, key: str, what: str, mend: str = "") -> SiteError:
        return SiteError(f"{self.name}: `{key}` {what}.", where=self.where, mend=mend)

    def get(self, key: str, kind: type[Any], default: Any, what: str) -> Any:
        self.read.add(key)
        if key not in self.data:
            if default is ...:
                near = _nearest(key, sorted(set(self.data)))
                raise self.error(key, "is missing", near or f"add {key} = …")
            return default
        value = self.data[key]
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise self.error(key, f"must be {what}, not {value!r}")
        return value

    def text(self, key: str, default: Any = ...) -> str:
        return str(self.get(key, str, default, "text in quotes")).strip()

    def identifier(self, key: str) -> str:
        value = self.text(key)
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}", value):
            raise self.error(key, f"is “{value}”", "use letters, digits, - and _ (it names a folder)")
        return value

    def texts(self, key: str) -> list[str]:
        return [str(one) for one in self.get(key, list, [], "a list")]

    def number(self, key: str, default: int | None = None) -> int | None:
        value: int | None = self.get(key, int, default, "a whole number")
        if value is not None and value < 0:
            raise self.error(key, "must not be negative")
        return value

    def flag(self, key: str) -> bool:
        return bool(self.get(key, bool, False, "true or false"))

    def choice(self, key: str, known: Sequence[str], default: Any = ...) -> str:
        value = self.text(key, default)
        if value not in known:
            raise self.error(key, f"is “{value}”", _nearest(value, known) or "one of " + ", ".join(known))
        return value

    def weekday(self, key: str) -> str:
        value = self.text(key, "").capitalize()
        if value and value not in WEEKDAYS:
            raise self.error(key, f"is “{value}”", _nearest(value, WEEKDAYS) or "a weekday in English")
        return value

    def day(self, key: str, required: bool = True) -> date | None:
        value = self.get(key, (str, date), ... if required else None, "a date")  # type: ignore[arg-type]
        found = read_day(str(value)) if value is not None else None
        if value is not None and found is None:
            raise self.error(key, f"is “{value}”", "write it as 2026-11-22")
        return found

    def dates(self, key: str) -> tuple[date, ...]:
        found = [read_day(str(one)) for one in self.get(key, list, [], "a list of dates")]
        if None in found:
            raise self.error(key, "holds something that is not a date", 'write ["2026-11-25"]')
        return tuple(sorted(one for one in found if one is not None))

    def table(self, key: str) -> _Table:
        return _Table(self.get(key, dict, {}, "a table"), f"[{key}]", self.where)

    def tables(self, key: str) -> list[_Table]:
        rows = self.get(key, list, [], f"a list: write [[{key}]]")
        return [_Table(row, f"[[{key}]] {position}", self.where) for position, row in enumerate(rows, 1)]

    def finish(self) -> None:
        for key in self.data:
            if key not in self.read:
                near = _nearest(key, sorted(self.read))
                raise self.error(key, "is not known here", near or "known: " + ", ".join(sorted(self.read)))
