"""How fresh each source is, and what that means for each practice's lists."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from frailty.site import Feed, Site
from frailty.triage.settings import Settings

if TYPE_CHECKING:
    import duckdb


@dataclass(frozen=True)
class Source:
    """One source as the pages show it. `state`: up to date | late | frozen | missing | date guessed."""

    name: str
    kind: str
    last_complete: date | None
    state: str
    note: str
    practices: tuple[str, ...] = ()

    def covers(self, practice: str) -> bool:
        """Whether the source speaks for that practice (none named = all)."""
        return not self.practices or practice in self.practices


@dataclass(frozen=True)
class PracticeState:
    """`state`: ok | on hold | frozen. `hospital`: a fresh hospital source covers the practice."""

    ods: str
    state: str
    why: str
    hospital: bool
    hospital_note: str


@dataclass(frozen=True)
class Sources:
    """All sources, and each practice's state."""

    feeds: tuple[Source, ...]
    practices: dict[str, PracticeState]

    def of(self, practice: str) -> tuple[Source, ...]:
        """The sources that speak for a practice."""
        return tuple(source for source in self.feeds if source.covers(practice))


def read_sources(con: duckdb.DuckDBPyConnection, site: Site, as_of: date, settings: Settings) -> Sources:
    """Compare what arrived with what the site expects."""
    rows = con.execute(
        "SELECT source, kind, extracted_at, extracted_from, newest, held FROM feed ORDER BY source"
    ).fetchall()
    arrived = {str(row[0]): row[1:] for row in rows}
    declared = {feed.name: feed for feed in site.feeds}
    feeds = []
    for name in sorted({*arrived, *declared}):
        feeds.append(_source(name, arrived.get(name), declared.get(name), as_of, settings))
    found = tuple(feeds)
    practices = {}
    for practice in site.practices:
        state, why = _practice_state(practice.ods, practice.on_hold, found)
        hospital, note = _hospital(practice.ods, found)
        practices[practice.ods] = PracticeState(practice.ods, state, why, hospital, note)
    return Sources(found, practices)


def _source(name: str, row: Any, feed: Feed | None, as_of: date, settings: Settings) -> Source:
    practices = feed.practices if feed else ()
    if row is None:
        assert feed is not None
        return Source(name, feed.kind, None, "missing", "nothing has ever arrived", practices)
    kind, extracted_at, extracted_from, newest, held = row
    kind = feed.kind if feed else str(kind or "other")
    last = _day(extracted_at) or _day(newest)
    if last is None:
        return Source(name, kind, None, "missing", "the source holds no dated record", practices)
    if held:
        return Source(name, kind, last, "frozen" if kind == "gp" else "late", held, practices)
    age = max(0, (as_of - last).days)
    expected = feed.expected_days if feed else 1
    days = f"{age} day{'s' if age != 1 else ''} old"
    often = "every day" if expected == 1 else f"every {expected} days"
    if extracted_from == "newest record" or extracted_at is None:
        note = f"{days} by its newest record; the date of the extract is not given"
        return Source(name, kind, last, "date guessed", note, practices)
    if feed is not None and age > expected + settings.number("freeze_after_days"):
        return Source(
            name, kind, last, "frozen" if kind == "gp" else "late", f"{days}, expected {often}", practices
        )
    if feed is not None and age > expected:
        return Source(name, kind, last, "late", f"{days}, expected {often}", practices)
    return Source(name, kind, last, "up to date", "", practices)


def _practice_state(ods: str, on_hold: bool, feeds: tuple[Source, ...]) -> tuple[str, str]:
    if on_hold:
        return "on hold", "the site put this practice on hold"
    for source in feeds:
        named = source.kind == "gp" and ods in source.practices
        if named and source.state in ("frozen", "missing"):
            return "frozen", f"{source.name}: {source.note}"
    return "ok", ""


def _hospital(ods: str, feeds: tuple[Source, ...]) -> tuple[bool, str]:
    mine = [source for source in feeds if source.kind == "hospital" and source.covers(ods)]
    if not mine:
        return False, "no hospital source covers this practice"
    fresh = [source for source in mine if source.state in ("up to date", "date guessed")]
    if fresh:
        return True, ""
    return False, f"{mine[0].name}: {mine[0].note}"


def _day(value: Any) -> date | None:
    return value.date() if isinstance(value, datetime) else value if isinstance(value, date) else None
