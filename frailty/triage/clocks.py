"""Time as services count it: working days, opening hours, rounds, meetings. Instants are UTC; days are London's.

    place = Place(load_calendar(site))
    reached(load_clocks(site).clocks["ehch"], instant(date(2026, 12, 23)), place)       # the end of 6 January, in UTC
"""

from __future__ import annotations

import csv
import tomllib
from calendar import monthrange
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from math import ceil
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from frailty.errors import DefinitionError, FrailtyError
from frailty.knowledge import rules_dir
from frailty.site import WEEKDAYS, Site

DAY = timedelta(days=1)
LONDON = ZoneInfo("Europe/London")
Span = tuple[time, time]                            # from, to; to 00:00 is the end of the day
Spans = Callable[[date], Iterable[tuple[datetime, datetime]]]
FAR = 800                                           # days ahead after which a service counts as never open


# --- days ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Calendar:
    """Working days: Monday to Friday less bank holidays. Past `last_year` bank holidays are not known."""

    holidays: frozenset[date]
    last_year: int

    def merged(self, days: Iterable[date], last_year: int | None = None) -> Calendar:
        """With a site's own days too; nothing is ever taken away."""
        return Calendar(self.holidays | frozenset(days), max(self.last_year, last_year or 0))

    def is_working(self, day: date) -> bool:
        """Whether people in offices work on that day."""
        return day.weekday() < 5 and day not in self.holidays

    def add(self, day: date, working_days: int) -> date:
        """The n-th working day after `day` (negative: before it); `day` itself never counts."""
        step = DAY if working_days > 0 else -DAY
        left = abs(working_days)
        while left:
            day += step
            left -= self.is_working(day)
        return day

    def between(self, start: date, end: date) -> int:
        """Working days after `start` up to and with `end` (negative where `end` is earlier)."""
        if end < start:
            return -self.between(end, start)
        return sum(self.is_working(start + DAY * step) for step in range(1, (end - start).days + 1))

    def warning(self, day: date) -> str:
        """What to say where a date lies past the last known year; empty where all is known."""
        if day.year <= self.last_year:
            return ""
        return (f"Bank holidays are known only to the end of {self.last_year}: working days after that may be wrong. "
                "Add them to rules/calendar/england.csv, or to [calendar] of site.toml.")


def load_calendar(site: Site | None = None, rules: Path | None = None) -> Calendar:
    """England's bank holidays of rules/calendar, merged with the site's own."""
    bundled = _bundled(rules or rules_dir())
    return bundled.merged(site.bank_holidays, site.holidays_known_to) if site else bundled


@lru_cache(maxsize=4)
def _bundled(rules: Path) -> Calendar:
    folder = rules / "calendar"
    try:
        with (folder / "england.csv").open(encoding="utf-8", newline="") as file:
            days = frozenset(date.fromisoformat(row["date"]) for row in csv.DictReader(file))
        source = tomllib.loads((folder / "source.toml").read_text(encoding="utf-8"))
        return Calendar(days, int(source["last_known_year"]))
    except (OSError, KeyError, ValueError) as error:
        raise DefinitionError("The calendar of bank holidays cannot be read.", where=str(folder), why=str(error)) from error


def months_after(day: date, months: int) -> date:
    """The same day so many months later, or the last day of a shorter month: a year after 29 February is the 28th."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def next_weekday(weekday: str, day: date) -> date:
    """The first such weekday on or after `day`."""
    return day + DAY * ((WEEKDAYS.index(weekday) - day.weekday()) % 7)


def next_round(round_day: str, as_of: date) -> date | None:
    """The home's next round, today's included; None where the home has no weekday."""
    return next_weekday(round_day, as_of) if round_day else None


@dataclass(frozen=True)
class Meeting:
    """An MDT meeting; `cut_off` is the last day on which its pack can change."""

    on: date
    cut_off: date


def meetings(
    mdt_day: str, mdt_dates: Sequence[date], as_of: date, cut_off_days: int, calendar: Calendar
) -> tuple[Meeting, ...]:
    """The next two meetings on or after `as_of`. A weekly meeting on a bank holiday does not take place."""
    if mdt_dates:
        days = [day for day in mdt_dates if day >= as_of]
    elif mdt_day:
        first = next_weekday(mdt_day, as_of)
        days = [day for day in (first + DAY * 7 * week for week in range(8)) if day not in calendar.holidays]
    else:
        days = []
    return tuple(Meeting(day, calendar.add(day, -cut_off_days)) for day in days[:2])


# --- instants --------------------------------------------------------------------------------------------------------


def instant(day: date, at: time = time()) -> datetime:
    """UTC of a time on London's clocks: in March's missing hour an hour later, in October's double hour the first."""
    return datetime.combine(day, at, LONDON).astimezone(UTC)


def london(at: datetime) -> datetime:
    """The same instant as people in London read it. Refuses a time without a zone."""
    if at.tzinfo is None:
        raise FrailtyError("A time has no zone.", why="it could be an hour wrong in summer", mend="say UTC or Europe/London")
    return at.astimezone(LONDON)


def last_day(due: datetime) -> date:
    """London's day on which a clock runs out; midnight is the end of the day before."""
    return london(due.astimezone(UTC) - timedelta(microseconds=1)).date()


@dataclass(frozen=True)
class Hours:
    """When a service is open: spans from Monday to Sunday, on bank holidays (None: as on any day), and days closed."""

    week: tuple[tuple[Span, ...], ...]
    holidays: tuple[Span, ...] | None = None
    closed: frozenset[date] = frozenset()

    def spans(self, day: date, calendar: Calendar) -> tuple[Span, ...]:
        """The spans of one day; none: closed."""
        if day in self.closed:
            return ()
        return self.holidays if self.holidays is not None and day in calendar.holidays else self.week[day.weekday()]


ALWAYS = Hours((((time(), time()),),) * 7)


def opening(hours: Hours, calendar: Calendar, whole_days: bool = False) -> Spans:
    """What counts of a day: the opening hours, or the whole of each day on which the service opens at all."""

    def of(day: date) -> Iterable[tuple[datetime, datetime]]:
        spans = hours.spans(day, calendar)
        if whole_days and spans:
            spans = ((time(), time()),)
        return [(instant(day, low), instant(day + DAY if high == time() else day, high)) for low, high in spans]

    return of


def after(start: datetime, amount: timedelta, spans: Spans, pauses: Sequence[tuple[datetime, datetime]] = ()) -> datetime:
    """The instant at which so much time has counted since `start`: real time inside the spans and outside the pauses."""
    left, day = amount, london(start).date()
    for step in range(FAR):
        for low, high in _without(pauses, spans(day + DAY * step)):
            counts = high - max(low, start)
            if timedelta() < counts < left:
                left -= counts
            elif counts > timedelta():
                return max(low, start).astimezone(UTC) + left
    raise FrailtyError("A service never opens.", why=f"no {left} of opening hours in {FAR} days", mend="check its hours")


def counted(start: datetime, end: datetime, spans: Spans) -> timedelta:
    """Real time between two instants that lies inside the spans; the rest is out of hours."""
    total, day = timedelta(), london(start).date()
    while day <= london(end).date():
        total += sum((max(timedelta(), min(high, end) - max(low, start)) for low, high in spans(day)), timedelta())
        day += DAY
    return total


def _without(pauses: Sequence[tuple[datetime, datetime]], spans: Iterable[tuple[datetime, datetime]]
             ) -> list[tuple[datetime, datetime]]:
    left = list(spans)
    for begin, end in pauses:
        left = [part for low, high in left for part in ((low, min(high, begin)), (max(low, end), high)) if part[0] < part[1]]
    return left


# --- clocks ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Clock:
    """One row of rules/triage/clocks.toml. `numbers`: its numbers, settings filled in; `hours`: of its usual service."""

    id: str
    title: str
    counts: str
    numbers: Mapping[str, Any]
    starts: str
    stops: str
    kind: str
    hours: Hours = ALWAYS
    paused_by: str = ""
    cite: str = ""
    confirm: str = ""

    @property
    def amount(self) -> timedelta:
        """How much time an elapsed, service or open-days clock counts."""
        return timedelta(minutes=self.numbers.get("minutes", 0), hours=self.numbers.get("hours", 0))


@dataclass(frozen=True)
class Place:
    """What a clock hangs on beside its start: the calendar, the service's own hours, the home's and practice's days."""

    calendar: Calendar
    hours: Hours | None = None
    round_day: str = ""
    mdt_day: str = ""
    mdt_dates: tuple[date, ...] = ()


def reached(clock: Clock, start: datetime, place: Place, percent: int = 100,
            pauses: Sequence[tuple[datetime, datetime]] = ()) -> datetime:
    """When the clock has run so many percent of its time (100: the due time, in UTC), counted in its own way.

    A pause counts only for a clock that may be paused.
    """
    share, hours, pauses = percent / 100, place.hours or clock.hours, pauses if clock.paused_by else ()
    day0 = london(start).date()
    if clock.counts == "elapsed":
        return after(start, clock.amount * share, opening(ALWAYS, place.calendar), pauses)
    if clock.counts in ("service", "open_days"):
        return after(start, clock.amount * share, opening(hours, place.calendar, clock.counts == "open_days"), pauses)
    if clock.counts == "working_days":
        return _days(day0, clock.numbers["days"] * share, place.calendar.is_working)
    if clock.counts == "calendar_days":
        last = months_after(day0, clock.numbers["months"]) if "months" in clock.numbers else day0 + DAY * clock.numbers["days"]
        days = (last - day0).days * share
        whole = max(0, ceil(days) - 1)
        return _days(day0 + DAY * whole, days - whole, lambda _: True)
    due = _due(clock, start, place, hours)
    return start.astimezone(UTC) + (due - start) * share


def due_day(clock: Clock, start: date, as_of: date, place: Place) -> date:
    """London's day on which a clock that began on `start` runs out; a known round or meeting is looked for from `as_of` on."""
    coming = bool(place.round_day if clock.counts == "next_round" else place.mdt_day or place.mdt_dates)
    looks = coming and clock.counts in ("next_round", "next_meeting")
    return last_day(reached(clock, instant(as_of if looks else start), place))


def warnings(clock: Clock, start: datetime, place: Place, percents: Iterable[int]) -> dict[int, datetime]:
    """When to warn: percent of the clock -> instant."""
    return {percent: reached(clock, start, place, percent) for percent in percents}


def breach(due: datetime, now: datetime, stopped: datetime | None = None) -> str:
    """`final`: stopped too late; `open`: due has passed and nothing stopped it; else empty."""
    if stopped is not None:
        return "final" if stopped > due else ""
    return "open" if now > due else ""


def _days(day0: date, days: float, counts: Callable[[date], bool]) -> datetime:
    """When so many counted days after day 0 have passed; 3.5 is the noon of the fourth."""
    day = day0 + DAY
    while not counts(day) or days > 1:
        days -= counts(day)
        day += DAY
    return instant(day) + (instant(day + DAY) - instant(day)) * days


def _due(clock: Clock, start: datetime, place: Place, hours: Hours) -> datetime:
    """Due times that hang on the hour or the day of the start, not on an amount of time."""
    numbers, day, calendar = clock.numbers, london(start).date(), place.calendar
    if clock.counts == "by_time":
        at = instant(day, numbers["by"])
        return at if at >= start else instant(day + DAY, numbers["by"])
    if clock.counts == "same_day":
        if hours.spans(day, calendar) and london(start).time() <= numbers["late_from"]:
            return instant(day, numbers["until"])
        return instant(_next_open(day, hours, calendar), numbers["next_day"])
    if clock.counts == "next_round":
        on = next_round(place.round_day, day)
    else:
        found = meetings(place.mdt_day, place.mdt_dates, day, numbers["cut_off"], calendar)
        on = next((one.on for one in found if day <= one.cut_off), None)
    return instant((on or day + DAY * numbers["days"]) + DAY)


def _next_open(day: date, hours: Hours, calendar: Calendar) -> date:
    for step in range(1, FAR):
        if hours.spans(day + DAY * step, calendar):
            return day + DAY * step
    raise FrailtyError("A service never opens.", mend="check its hours")
