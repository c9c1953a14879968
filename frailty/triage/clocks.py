"""Days that count: working days with England's bank holidays, home rounds, MDT meetings."""

from __future__ import annotations

import csv
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from pathlib import Path

from frailty.errors import DefinitionError
from frailty.knowledge import rules_dir
from frailty.site import WEEKDAYS

DAY = timedelta(days=1)


@dataclass(frozen=True)
class Calendar:
    """Working days: Monday to Friday less bank holidays. Past `last_year` bank holidays are not known."""

    holidays: frozenset[date]
    last_year: int

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
        return (
            f"Bank holidays are known only to the end of {self.last_year}: "
            f"working days after that may be wrong. Add them to rules/calendar/england.csv."
        )


@lru_cache(maxsize=4)
def load_calendar(rules: Path | None = None) -> Calendar:
    """Read rules/calendar/england.csv and the last known year beside it."""
    folder = (rules or rules_dir()) / "calendar"
    try:
        with (folder / "england.csv").open(encoding="utf-8", newline="") as file:
            days = frozenset(date.fromisoformat(row["date"]) for row in csv.DictReader(file))
        source = tomllib.loads((folder / "source.toml").read_text(encoding="utf-8"))
        return Calendar(days, int(source["last_known_year"]))
    except (OSError, KeyError, ValueError) as error:
        raise DefinitionError(
            "The calendar of bank holidays cannot be read.", where=str(folder), why=str(error)
        ) from error


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
