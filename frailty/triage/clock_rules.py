"""rules/triage/clocks.toml: clocks, priorities and usual opening hours, with the site's own numbers and hours."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, time
from itertools import pairwise
from pathlib import Path
from typing import Any

from frailty.errors import DefinitionError, FrailtyError, SiteError, nearest
from frailty.knowledge import parsed, rules_dir
from frailty.site import WEEKDAYS, Site
from frailty.triage.clocks import ALWAYS, Calendar, Clock, Hours, Span
from frailty.triage.settings import Settings, load_settings


@dataclass(frozen=True)
class Priority:
    """P0 to P6: its clock, FHIR's word for it (Task.priority), who may create it, and whether lists may be capped."""

    level: str
    title: str
    clock: str
    task_priority: str
    created_by: tuple[str, ...]
    capped: bool


@dataclass(frozen=True)
class Clocks:
    """All clocks and priorities, with the site's numbers and hours; `warn`: at which percents to warn."""

    clocks: dict[str, Clock]
    priorities: dict[str, Priority]
    warn: tuple[int, ...] = ()
    hours: dict[str, Hours] = field(default_factory=dict)

    def clock(self, due: str) -> Clock | None:
        """What a rule's `due` names: a clock by its id, or an amount such as “14 days” or “7 working days”; None: neither."""
        amount = re.fullmatch(r"(\d+) (working )?days?", due)
        if not amount:
            return self.clocks.get(due)
        counts = "working_days" if amount[2] else "calendar_days"
        return Clock(due, due, counts, {"days": int(amount[1])}, "listed", "done", "proposal")

    def content(self, calendar: Calendar) -> str:
        """All that decides when something is due, as one text; see `rule_set_hash`."""
        hours = {name: [[str(span) for span in day] for day in (*one.week, one.holidays or ())] + sorted(map(str, one.closed))
                 + [one.holidays is None] for name, one in self.hours.items()}
        return json.dumps([sorted(map(str, calendar.holidays)), calendar.last_year, hours], sort_keys=True)


_AMOUNTS = ({"minutes"}, {"hours"})
COUNTS: dict[str, tuple[set[str], ...]] = {         # what each way of counting needs: one of these sets
    "elapsed": _AMOUNTS, "service": _AMOUNTS, "open_days": _AMOUNTS,
    "working_days": ({"days"},), "calendar_days": ({"days"}, {"months"}),
    "same_day": ({"until", "late_from", "next_day"},), "by_time": ({"by"},),
    "next_round": ({"days"},), "next_meeting": ({"cut_off", "days"},)}
_TEXTS = {"id", "title", "counts", "service", "starts", "stops", "paused_by", "kind", "cite", "confirm"}
CREATORS = ("event", "human", "check", "engine")
TASK_PRIORITIES = ("routine", "urgent", "asap", "stat")
LEVELS = ("P0", "P1", "P2", "P3", "P4", "P5", "P6")


def load_clocks(site: Site | None = None, rules: Path | None = None) -> Clocks:
    """rules/triage/clocks.toml with the site's settings and hours; what is incomplete or unknown is refused."""
    file = (rules or rules_dir()) / "triage" / "clocks.toml"
    try:
        data = parsed(file)
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise DefinitionError("The clocks cannot be read.", where=str(file), why=str(error)) from error
    settings = load_settings(site, rules)
    hours = {name: read_hours(name, table, str(file)) for name, table in data.get("hours", {}).items()}
    if site:
        hours |= {name: read_hours(name, table, site.path, SiteError) for name, table in site.hours.items()}
    clocks = [_clock(entry, settings, hours, str(file)) for entry in data.get("clock", ())]
    warn = settings.values["warn_percent"]
    if not all(isinstance(one, int) and 0 < one < 100 for one in warn):
        raise SiteError(f"[settings]: `warn_percent` is {warn!r}.", where=site.path if site else "", mend="write [50, 75, 90]")
    made = Clocks({one.id: one for one in clocks}, {}, tuple(warn), hours)
    for entry in data.get("priority", ()):
        one = _priority(entry, made.clocks, str(file))
        made.priorities[one.level] = one
    if tuple(made.priorities) != LEVELS or len(made.clocks) < len(clocks):
        raise DefinitionError("The clocks are not whole.", where=str(file), mend="name each clock once, and P0 to P6 in order")
    return made


def _clock(entry: Mapping[str, Any], settings: Settings, hours: Mapping[str, Hours], where: str) -> Clock:
    name = str(entry.get("id", "?"))

    def amiss(what: str, mend: str = "") -> DefinitionError:
        return DefinitionError(f"The clock “{name}” {what}.", where=where, mend=mend)

    missing = [key for key in ("id", "title", "counts", "starts", "stops", "kind") if not entry.get(key)]
    if missing:
        raise amiss("is not complete", f"give {', '.join(missing)}")
    if entry["counts"] not in COUNTS:
        raise amiss(f"counts “{entry['counts']}”, which is no way of counting", _near(entry["counts"], COUNTS))
    if entry["kind"] not in ("framework", "proposal") or (entry["kind"] == "framework" and not entry.get("cite")):
        raise amiss("does not say where it comes from", "give kind = framework with cite, or kind = proposal")
    given = {key: value for key, value in entry.items() if key not in _TEXTS}
    if set(given) not in COUNTS[entry["counts"]]:
        raise amiss(f"cannot count with {', '.join(given) or 'nothing'}",
                    "give " + " or ".join(" and ".join(sorted(one)) for one in COUNTS[entry["counts"]]))
    if "service" in entry and entry["service"] not in hours:
        raise amiss(f"is of “{entry['service']}”, whose hours nobody gives", _near(entry["service"], hours))
    numbers = {}
    for key, value in given.items():
        if isinstance(value, str) and value not in settings.values:
            raise amiss(f"names no setting with `{key} = {value}`", _near(value, settings.values))
        if not isinstance(value, str) and entry["kind"] != "framework":
            raise amiss(f"holds a number of our own in `{key}`", "name a setting, which a site can change")
        value = settings.values[value] if isinstance(value, str) else value
        numbers[key] = _time(value, where) if isinstance(value, str) else value
    texts = {key: str(entry[key]) for key in ("id", "title", "counts", "starts", "stops", "kind")}
    more = {key: str(entry.get(key, "")) for key in ("paused_by", "cite", "confirm")}
    return Clock(**texts, **more, numbers=numbers, hours=hours[entry["service"]] if "service" in entry else ALWAYS)


def _priority(entry: Mapping[str, Any], clocks: Mapping[str, Clock], where: str) -> Priority:
    try:
        made = Priority(entry["level"], entry["title"], entry["clock"], entry["task_priority"],
                        tuple(entry["created_by"]), bool(entry["capped"]))
    except KeyError as error:
        raise DefinitionError(f"A priority is without {error}.", where=where) from None
    if made.clock not in clocks or made.task_priority not in TASK_PRIORITIES or not set(made.created_by) <= set(CREATORS):
        raise DefinitionError(f"The priority {made.level} names a clock, a Task.priority or a maker that does not exist.",
                              where=where, mend=_near(made.clock, clocks) if made.clock not in clocks else "")
    return made


def read_hours(name: str, table: Any, where: str, refuse: type[FrailtyError] = DefinitionError) -> Hours:
    """Opening hours as written: every_day, weekdays or a weekday, each a list such as ["08:00-20:00"]."""
    known = ("every_day", "weekdays", *WEEKDAYS, "bank_holidays", "closed", "kind", "cite", "why")
    for key in table if isinstance(table, Mapping) else [str(table)]:
        if key not in known:
            raise refuse(f"[hours.{name}]: `{key}` is not known here.", where=where, mend=_near(key, known))
    try:
        for_all, for_weekdays = table.get("every_day", []), table.get("weekdays", table.get("every_day", []))
        week = [table.get(day, for_all if place > 4 else for_weekdays) for place, day in enumerate(WEEKDAYS)]
        holidays = _spans(table["bank_holidays"], where) if "bank_holidays" in table else None
        closed = frozenset(date.fromisoformat(str(day)) for day in table.get("closed", []))
        return Hours(tuple(_spans(day, where) for day in week), holidays, closed)
    except (ValueError, TypeError) as error:
        raise refuse(f"[hours.{name}] cannot be read.", where=where, why=str(error),
                     mend='write spans in order as ["09:00-13:00", "14:00-18:00"], days as "2026-08-15"') from None


def _spans(texts: Sequence[str], where: str) -> tuple[Span, ...]:
    """Spans in the order of the day; 24:00 is its end, which a time cannot say."""
    made = []
    for text in texts:
        low, _, high = (part.strip() for part in str(text).partition("-"))
        made.append((_time(low, where), time() if high == "24:00" else _time(high, where)))
    ends = [at.hour * 60 + at.minute or place % 2 * 1440 for place, at in enumerate(at for span in made for at in span)]
    if any(one >= two for one, two in pairwise(ends)):
        raise ValueError(f"{', '.join(texts)} is not in order")
    return tuple(made)


def _time(text: str, where: str) -> time:
    found = re.fullmatch(r"\s*(\d{1,2}):(\d{2})\s*", text)
    if not found or int(found[1]) > 23 or int(found[2]) > 59:
        raise DefinitionError(f"“{text}” is not a time of the day.", where=where, mend="write it as 18:30")
    return time(int(found[1]), int(found[2]))


def _near(word: str, known: Iterable[str]) -> str:
    known = list(known)
    return nearest(word, known, 1, 0.4, "“”", "one of " + ", ".join(known))
