"""What a site is: practices, homes, feeds, requests, decisions, settings and sign-off."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any

from frailty.sheets import Problem

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
FEED_KINDS = ("gp", "hospital", "home", "other")
TEAM_QUEUES = ("community", "mental_health", "end_of_life", "navigator", "liver")     # queues whose teams have a page of their own
REQUEST_AUDIENCES = ("practice", "home", "pharmacist", "hub", *TEAM_QUEUES)
SIGNATURES = ("safety_officer", "ig_lead", "clinical_lead")


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
    """One line of a home's own list, as the home wrote it (`nhs_number`: digits only).

    `where`: its place in the workbook; `confirmed`: whether a person says that the match in the records is right.
    """

    room: str
    name: str
    birth_date: date | None
    nhs_number: str
    admitted_on: date | None
    requested: bool
    request_reason: str
    requested_by: str
    note: str
    where: str = ""
    confirmed: bool | None = None


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
class Team:
    """A team of a queue, and the practices that it serves; none named = all of them."""

    id: str
    queue: str
    name: str
    lead: str = ""
    practices: tuple[str, ...] = ()


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
class Site:
    """Everything that the deploying site decides.

    `slots`: (practice, home or team, setting) -> its own places. `people`: the workbook; `files`: all files that were read;
    `problems`: what a person has to mend in the workbook.
    """

    name: str = ""
    practices: tuple[PracticeInfo, ...] = ()
    homes: tuple[Home, ...] = ()
    feeds: tuple[Feed, ...] = ()
    requests: tuple[Request, ...] = ()
    teams: tuple[Team, ...] = ()
    slots: Mapping[tuple[str, str], int] = field(default_factory=dict)
    bank_holidays: tuple[date, ...] = ()
    holidays_known_to: int | None = None
    hours: dict[str, Any] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    sign_off: dict[str, str] = field(default_factory=dict)
    path: str = ""
    people: str = ""
    files: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()
    medicines: Path | None = None       # the site's table of products
    inputs: Path | None = None          # numbers per person that no record holds

    def with_practices(self, practices: Iterable[PracticeInfo | str]) -> Site:
        """The site with these practices too, where site.toml names none of its own."""
        if self.practices:
            return self
        made = (one if isinstance(one, PracticeInfo) else PracticeInfo(one, one) for one in practices)
        return replace(self, practices=tuple(sorted(made, key=lambda practice: practice.ods)))


