"""Dates, times and JSON pieces, made once and looked up for every line."""

from __future__ import annotations

import json
from datetime import date, timedelta
from functools import cache, lru_cache

FIRST_DAY = -36525          # 1870
LAST_DAY = 65380            # 2149


dump = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


@lru_cache(maxsize=100_000)
def quoted(text: str) -> str:
    """A JSON string."""
    return json.dumps(text, ensure_ascii=False)


@lru_cache(maxsize=1)
def days() -> list[str]:
    """ISO dates; `days()[day - FIRST_DAY]`."""
    first = date(1970, 1, 1) + timedelta(days=FIRST_DAY)
    return [(first + timedelta(days=n)).isoformat() for n in range(LAST_DAY - FIRST_DAY)]


def iso(day: int) -> str:
    """A day number as an ISO date."""
    return days()[day - FIRST_DAY]


@cache
def _summer(year: int) -> tuple[str, str]:
    """First and last day of British summer time: last Sundays of March and October."""
    def last_sunday(month: int) -> str:
        end = date(year, month, 31)
        return (end - timedelta(days=(end.weekday() + 1) % 7)).isoformat()
    return last_sunday(3), last_sunday(10)


@lru_cache(maxsize=100_000)
def offset(day: int) -> str:
    """Offset of British time on a day."""
    text = iso(day)
    start, end = _summer(int(text[:4]))
    return "+01:00" if start <= text < end else "+00:00"


@lru_cache(maxsize=1)
def minutes() -> list[str]:
    """Times of day: `T10:15:00`."""
    return [f"T{n // 60:02d}:{n % 60:02d}:00" for n in range(1440)]


def instant(day: int, minute: int) -> str:
    """A moment in British time."""
    return f"{days()[day - FIRST_DAY]}{minutes()[minute]}{offset(day)}"


def number(value: float) -> str:
    """A number as it would be typed."""
    return f"{value:g}"
