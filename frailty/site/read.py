"""site.toml and the homes' lists that it names, read; every mistake named, not only the first."""

from __future__ import annotations

import csv
import hashlib
import io
import re
import tomllib
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

from frailty.errors import FrailtyError, SiteError, nearest
from frailty.sheets import digits, read_day
from frailty.site.model import (
    FEED_KINDS,
    REQUEST_AUDIENCES,
    SIGNATURES,
    TEAM_QUEUES,
    WEEKDAYS,
    Feed,
    Home,
    PracticeInfo,
    Request,
    Resident,
    Site,
    Team,
)
from frailty.site.people import read_people

RESIDENT_COLUMNS = ("room", "name", "birth_date", "nhs_number", "admitted_on", "requested", "request_reason", "requested_by",
                    "note")
Mistakes = list[SiteError]


def load_site(path: str | Path | None) -> Site:
    """Read site.toml, the workbook and the home lists that it names; without a path, a site with nothing configured.

    Raises SiteError with all mistakes of site.toml, and where the two files contradict each other; mistakes in the cells of
    the workbook stand in `problems`, and the rest of it is read.
    """
    if path is None:
        return Site()
    site, mistakes = check_site(path)
    if len(mistakes) == 1:
        raise mistakes[0]
    if mistakes:
        every = "\n       ".join(_brief(one) for one in mistakes)
        raise SiteError(f"There are {len(mistakes)} mistakes.", where=site.path, why=every)
    return site


def check_site(path: str | Path) -> tuple[Site, Mistakes]:
    """The site as far as it can be read, and every mistake that stops it. A folder means its site.toml."""
    file = Path(path)
    file = file / "site.toml" if file.is_dir() else file
    try:
        data = tomllib.loads(file.read_text(encoding="utf-8-sig"))
    except FileNotFoundError as error:
        raise SiteError("The site file was not found.", where=str(file), mend="check the path") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SiteError("The site file is not valid TOML.", where=str(file), why=str(error),
                        mend="correct it in a text editor: every name once, words in straight double quotes, UTF-8") from error
    mistakes: Mistakes = []
    top = _Table(data, "site.toml", str(file), mistakes)
    named, calendar, tables = top.table("site"), top.table("calendar"), top.table("tables")
    site = Site(
        name=named.text("name", ""),
        practices=tuple(_practice(table) for table in top.tables("practice")),
        homes=tuple(_home(table, file.parent) for table in top.tables("home")),
        feeds=tuple(_feed(table) for table in top.tables("feed")),
        teams=tuple(_team(table) for table in top.tables("team")),
        requests=tuple(one for table in top.tables("request") if (one := _request(table))),
        bank_holidays=calendar.dates("bank_holidays"),
        holidays_known_to=calendar.number("last_known_year"),
        hours=dict(top.table("hours").data),
        settings=dict(top.table("settings").data),
        sign_off=_sign_off(top.table("sign-off")),
        path=str(file),
        medicines=tables.file("medicines", file.parent),
        inputs=tables.file("inputs", file.parent),
    )
    people = named.text("people", "")
    for table in (named, calendar, tables, top):
        table.finish()
    homes = data.get("home")
    lists = [file.parent / text for table in (homes if isinstance(homes, list) else []) if isinstance(table, dict)
             and isinstance(text := table.get("residents"), str) and text]
    if people:
        site = _with_people(site, file.parent / people, mistakes)
    site = replace(site, homes=tuple(replace(one, name=one.name or one.id) for one in site.homes))
    _check(site, str(file), mistakes)
    read = [file, *([file.parent / people] if people else []), *lists]
    return replace(site, files=tuple(str(one) for one in read)), mistakes


def site_files(site: Site) -> dict[str, bytes]:
    """Every file that the site was read from, by its place beside site.toml."""
    home = Path(site.path).parent
    made = {}
    for number, name in enumerate(site.files):
        file = Path(name)
        inside = file.is_relative_to(home) and ".." not in file.parts
        made[file.relative_to(home).as_posix() if inside else f"{number}-{file.name}"] = file.read_bytes()
    return made


def file_marks(site: Site) -> dict[str, dict[str, Any]]:
    """Size and SHA-256 of each of these files."""
    return {name: {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()} for name, data in site_files(site).items()}


def _brief(error: SiteError) -> str:
    return error.what + (f" ({error.mend})" if error.mend else "")


def _with_people(site: Site, file: Path, mistakes: Mistakes) -> Site:
    """The site with what its workbook says. What both files say must agree."""
    try:
        found = read_people(file, {one.id for one in site.homes}, {one.ods for one in site.practices}, site.teams)
    except FrailtyError as error:
        mistakes.append(SiteError(error.what, where=error.where, why=error.why, mend=error.mend))
        return site
    practices = tuple(
        replace(
            one,
            mdt_dates=tuple(sorted({*one.mdt_dates, *found.meetings.get(one.ods, ())})),
            mdt_slots=_agreed(one.mdt_slots, found.slots.get((one.ods, "mdt_slots")), f"practice “{one.ods}”: mdt_slots", site,
                              mistakes),
        )
        for one in site.practices
    )
    settings, slots = dict(site.settings), {}
    for (place, name), number in found.slots.items():
        if place and name != "mdt_slots":
            slots[place, name] = number
        elif not place:
            settings[name] = _agreed(settings.get(name), number, f"[settings]: {name}", site, mistakes)
    homes = {one.id: one for one in site.homes}
    for home_id, told in found.homes.items():
        old = homes.get(home_id, Home(home_id, ""))
        joined = {name: _agreed(getattr(old, name), value, f"home “{home_id}”: {name}", site, mistakes)
                  for name, value in told.items()}
        homes[home_id] = replace(old, **joined)
    for home_id, lines in found.residents.items():
        if homes[home_id].keeps_list and homes[home_id].residents:
            mistakes.append(SiteError(
                f"The residents of the home “{home_id}” stand in two places.", where=site.path,
                why=f"`residents` in site.toml, and the sheet Residents of {file.name}", mend="delete one of the two"))
            continue
        homes[home_id] = replace(homes[home_id], residents=tuple(lines), keeps_list=True)
    requests = tuple(dict.fromkeys((*site.requests, *found.requests)))
    return replace(site, practices=practices, homes=tuple(homes.values()), settings=settings, slots=slots, requests=requests,
                   people=str(file), problems=tuple(sorted(found.problems)))


def _agreed(one: Any, other: Any, what: str, site: Site, mistakes: Mistakes) -> Any:
    """What one of the two files says, or both alike."""
    if one in (None, "", ()) or other in (None, "", ()) or one == other:
        return other if one in (None, "", ()) else one
    mistakes.append(SiteError(f"{what} differs between site.toml and its workbook.", where=site.path, mend="delete one of the two"))
    return one


def _practice(table: _Table) -> PracticeInfo:
    ods = table.identifier("ods")
    made = PracticeInfo(
        ods,
        table.text("name", "") or ods,
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
        table.text("name", ""),
        table.text("practice", ""),
        table.text("lead", ""),
        table.weekday("round_day"),
        table.number("beds"),
        table.text("phone", ""),
        table.text("address", ""),
        table.text("postcode", ""),
        _residents(folder / listed, table.mistakes) if listed else (),
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


def _team(table: _Table) -> Team:
    made = Team(
        table.identifier("id"),
        table.choice("queue", TEAM_QUEUES),
        table.text("name", "") or str(table.data.get("id", "")),
        table.text("lead", ""),
        tuple(table.texts("practices")),
    )
    table.finish()
    return made


def _request(table: _Table) -> Request | None:
    number = digits(table.text("nhs_number"))
    if len(number) != 10:
        table.wrong("nhs_number", "is not ten digits", "write the whole NHS number")
    made = Request(
        number,
        table.text("asked_by"),
        table.day("asked_on"),
        table.text("reason", ""),
        table.choice("audience", REQUEST_AUDIENCES, "practice"),
    )
    table.finish()
    return made if len(number) == 10 else None


def _sign_off(table: _Table) -> dict[str, str]:
    made = {key: table.text(key, "") for key in (*SIGNATURES, "hash")}
    table.finish()
    return made


def _check(site: Site, where: str, mistakes: Mistakes) -> None:
    """References between the tables hold, and no id is used twice."""
    for kind, ids in (
        ("practice", [one.ods for one in site.practices]),
        ("home", [one.id for one in site.homes]),
        ("feed", [one.name for one in site.feeds]),
        ("team", [one.id for one in site.teams]),
    ):
        twice = sorted({one for one in ids if ids.count(one) > 1})
        mistakes += [
            SiteError(f"Two [[{kind}]] tables have the id “{one}”.", where=where, mend="give each its own id") for one in twice
        ]
    known = [one.ods for one in site.practices]
    if not known:
        return
    named = [(f"home “{home.id}”", home.practice) for home in site.homes if home.practice]
    named += [(f"feed “{feed.name}”", ods) for feed in site.feeds for ods in feed.practices]
    named += [(f"team “{team.id}”", ods) for team in site.teams for ods in team.practices]
    _check_teams(site, where, mistakes)
    for what, ods in named:
        if ods not in known:
            mistakes.append(SiteError(
                f"The {what} names the practice “{ods}”, which has no [[practice]] table.",
                where=where,
                mend=_nearest(ods, known) or "add the practice, or correct the code",
            ))


def _check_teams(site: Site, where: str, mistakes: Mistakes) -> None:
    """Every practice has exactly one team of each queue that has teams: nobody is unroutable, and nobody is listed twice."""
    for queue in dict.fromkeys(team.queue for team in site.teams):
        for practice in site.practices:
            serving = [team.id for team in site.teams if team.queue == queue
                       and (not team.practices or practice.ods in team.practices)]
            if len(serving) != 1:
                mistakes.append(SiteError(
                    f"The practice “{practice.ods}” is served by {'no team' if not serving else 'several teams'} of {queue}.",
                    where=where, why=", ".join(serving), mend="name it in `practices` of exactly one [[team]] of that queue"))


def _residents(file: Path, mistakes: Mistakes) -> tuple[Resident, ...]:
    """The home's own list. Every line counts: what cannot be read in a line stays empty, the line stays."""
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (FileNotFoundError, UnicodeDecodeError) as error:
        mistakes.append(SiteError(
            "The home's list cannot be read.",
            where=str(file),
            why=str(error),
            mend="check `residents` in site.toml; save the list as CSV UTF-8",
        ))
        return ()
    reader = csv.reader(io.StringIO(text, newline=""))
    head = [name.strip().casefold().replace(" ", "_") for name in next(reader, [])]
    for needed in ("name", "birth_date"):
        if needed not in head:
            mistakes.append(SiteError(
                f"The home's list has no column “{needed}”.",
                where=f"{file}, line 1",
                why="columns found: " + (", ".join(head) or "none"),
                mend=_nearest(needed, head) or "columns: " + ",".join(RESIDENT_COLUMNS),
            ))
    rows = []
    for cells in reader:
        if not any(cell.strip() for cell in cells):
            continue
        row = {key: cell.strip() for key, cell in zip(head, cells, strict=False)}
        rows.append(
            Resident(
                row.get("room", ""),
                row.get("name", ""),
                read_day(row.get("birth_date", ""), birth=True),
                digits(row.get("nhs_number", "")),
                read_day(row.get("admitted_on", "")),
                row.get("requested", "").casefold() in ("yes", "y", "true", "1", "x", "please"),
                row.get("request_reason", ""),
                row.get("requested_by", ""),
                row.get("note", ""),
            )
        )
    return tuple(rows)


def _nearest(word: str, known: Sequence[str]) -> str:
    return nearest(word, known, 1, 0.5, "“”")


class _Table:
    """One table of the file; reading a key ticks it off, and `finish` names what nobody asked for.

    A mistake is noted, and an empty value read in its place.
    """

    def __init__(self, data: Any, name: str, where: str, mistakes: Mistakes) -> None:
        if not isinstance(data, dict):
            mistakes.append(SiteError(f"{name} must be a table.", where=where))
            data = {}
        self.data, self.name, self.where, self.mistakes, self.read = data, name, where, mistakes, set[str]()

    def wrong(self, key: str, what: str, mend: str = "") -> None:
        self.mistakes.append(SiteError(f"{self.name}: `{key}` {what}.", where=self.where, mend=mend))

    def get(self, key: str, kind: type[Any], default: Any, what: str) -> Any:
        self.read.add(key)
        if key not in self.data:
            if default is ...:
                near = _nearest(key, sorted(set(self.data)))
                self.wrong(key, "is missing", near or f"add {key} = …")
                return None
            return default
        value = self.data[key]
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            self.wrong(key, f"must be {what}, not {value!r}")
            return None if default is ... else default
        return value

    def text(self, key: str, default: Any = ...) -> str:
        return str(self.get(key, str, default, "text in quotes") or "").strip()

    def identifier(self, key: str) -> str:
        value = self.text(key)
        if isinstance(self.data.get(key), str) and not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}", value):
            self.wrong(key, f"is “{value}”", "use letters, digits, - and _ (it names a folder)")
        return value

    def file(self, key: str, folder: Path) -> Path | None:
        named = self.text(key, "")
        if named and not (folder / named).is_file():
            self.wrong(key, f"names a file that is not there: {folder / named}", "a path counts from the folder of site.toml")
        return folder / named if named else None

    def texts(self, key: str) -> list[str]:
        return [str(one) for one in self.get(key, list, [], "a list")]

    def number(self, key: str, default: int | None = None) -> int | None:
        value: int | None = self.get(key, int, default, "a whole number")
        if value is not None and value < 0:
            self.wrong(key, "must not be negative")
        return value

    def flag(self, key: str) -> bool:
        return bool(self.get(key, bool, False, "true or false"))

    def choice(self, key: str, known: Sequence[str], default: Any = ...) -> str:
        value = self.text(key, default)
        if value not in known and (default is not ... or isinstance(self.data.get(key), str)):
            self.wrong(key, f"is “{value}”", _nearest(value, known) or "one of " + ", ".join(known))
        return value

    def weekday(self, key: str) -> str:
        value = self.text(key, "").capitalize()
        if value and value not in WEEKDAYS:
            self.wrong(key, f"is “{value}”", _nearest(value, WEEKDAYS) or "a weekday in English")
        return value

    def day(self, key: str, required: bool = True) -> date | None:
        value = self.get(key, (str, date), ... if required else None, "a date")  # type: ignore[arg-type]
        found = read_day(str(value)) if value is not None else None
        if value is not None and found is None:
            self.wrong(key, f"is “{value}”", "write it as 2026-11-22")
        return found

    def dates(self, key: str) -> tuple[date, ...]:
        found = [read_day(str(one)) for one in self.get(key, list, [], "a list of dates")]
        if None in found:
            self.wrong(key, "holds something that is not a date", 'write ["2026-11-25"]')
        return tuple(sorted(one for one in found if one is not None))

    def table(self, key: str) -> _Table:
        return _Table(self.get(key, dict, {}, "a table"), f"[{key}]", self.where, self.mistakes)

    def tables(self, key: str) -> list[_Table]:
        rows = self.get(key, list, [], f"a list: write [[{key}]]")
        return [_Table(row, f"[[{key}]] {position}", self.where, self.mistakes) for position, row in enumerate(rows, 1)]

    def finish(self) -> None:
        for key in self.data:
            if key not in self.read:
                near = _nearest(key, sorted(self.read))
                self.wrong(key, "is not known here", near or "known: " + ", ".join(sorted(self.read)))
