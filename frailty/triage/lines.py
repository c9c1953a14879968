"""What a worklist is made of: cards, lines, lists, pages; and how a line is kept in the store and read back."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import MISSING, dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any

from frailty.triage.capacity import Equity
from frailty.triage.cases import Cases
from frailty.triage.copies import changed
from frailty.triage.sources import Source
from frailty.triage.tiers import Tiers

if TYPE_CHECKING:
    import pandas as pd

    from frailty.triage.rules import Rule

LISTED = (
    "run",
    "as_of",
    "audience",
    "audience_id",
    "list",
    "section",
    "person",
    "patient_id",
    "rule",
    "rule_version",
    "status",
    "reason",
    "due",
    "first_listed",
    "facts",
)
NOT_KEPT = ("everyone_else",)  # shown on a page, not part of what is compared from run to run


@dataclass(frozen=True)
class Card:
    """Who, and how to reach them."""

    name: str
    nhs_number: str = ""
    birth_date: date | None = None
    age: int | None = None
    phone: str = ""
    room: str = ""
    usual_gp: str = ""
    practice: str = ""
    address: str = ""


@dataclass(frozen=True)
class Line:
    """One person on one list.

    `section`: now | overflow | paused. `status`: new | changed | same | came off | repeated.
    """

    list: str
    card: Card
    patient_id: str = ""
    person: int | None = None
    section: str = "now"
    asks: str = ""
    by: str = ""
    rules: tuple[str, ...] = ()
    why: tuple[str, ...] = ()
    frailty: str = ""
    need: str = ""  # the tier of need, and why
    known: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    priority: str = ""
    due: date | None = None
    due_text: str = ""
    overdue: bool = False
    asked: bool = False
    first: bool = False
    left_off: str = ""
    status: str = "new"
    first_listed: date | None = None
    turn_on: date | None = None
    turns: int = 0
    likely: date | None = None  # on the overflow: when a place is likely to be free
    waits_since: date | None = None  # from when the wait counts: first listed, or the end of the last turn
    position: int = 0
    key: str = ""
    basis: dict[str, Any] = field(default_factory=dict)  # facts of the night that a decision is held against

    @property
    def who(self) -> int:
        """The person; -1 where it is nobody of the records. The first person of a store has the number 0."""
        return -1 if self.person is None else self.person

    @property
    def mark(self) -> str:
        """Which line this is, from run to run."""
        return self.key or self.patient_id

    @property
    def signature(self) -> tuple[Any, ...]:
        """What makes a line "changed" when it differs."""
        return self.section, self.rules, self.why, self.asks, self.by


@dataclass(frozen=True)
class Group:
    """People who could not be evaluated by one rule, for one reason. `off`: nobody of the practice could be."""

    rule: str
    why: str
    cards: tuple[Card, ...]
    off: bool = False


@dataclass(frozen=True)
class ListView:
    """One list of a page.

    `slots`: its room (None = no cap), or `weekly`: so many new people a week. `books`: every person of the audience, in one
    place each.
    """

    id: str
    title: str
    intro: str
    lines: tuple[Line, ...]
    shape: str = "cards"
    slots: int | None = None
    books: dict[str, int] = field(default_factory=dict)
    weekly: int | None = None

    def part(self, section: str) -> tuple[Line, ...]:
        """Lines of one section."""
        return tuple(line for line in self.lines if line.section == section)


@dataclass(frozen=True)
class Page:
    """Everything one audience gets. `state`: ok | on hold | frozen."""

    audience: str
    id: str
    title: str
    subtitle: str
    lists: tuple[ListView, ...]
    came_off: tuple[Line, ...] = ()
    excluded: tuple[tuple[str, int], ...] = ()
    not_evaluated: tuple[Group, ...] = ()
    objectors: tuple[Card, ...] = ()
    notices: tuple[str, ...] = ()
    sources: tuple[Source, ...] = ()
    state: str = "ok"
    registered: int = 0
    overview: tuple[dict[str, Any], ...] = ()
    decided: tuple[Line, ...] = ()
    equity: tuple[Equity, ...] = ()
    tiers: Tiers = field(default_factory=Tiers)

    def lines(self) -> Iterator[Line]:
        """All lines that are compared from run to run."""
        for view in self.lists:
            if view.id not in NOT_KEPT:
                yield from view.lines

    def count(self, status: str) -> int:
        """How many lines have a status."""
        return sum(line.status == status for line in self.lines())


@dataclass(frozen=True)
class Worklists:
    """The pages of one run. `nulls`: rule -> fact -> people for whom that needed fact has no value."""

    as_of: date
    site_name: str
    shadow: str
    rules_hash: str
    valid_until: date
    previous_as_of: date | None
    pages: tuple[Page, ...]
    rules: tuple[Rule, ...] = ()
    nulls: dict[str, dict[str, int]] = field(default_factory=dict)
    cases: Cases = field(default_factory=Cases)
    tiers: Tiers = field(default_factory=Tiers)

    def page(self, audience: str, page_id: str) -> Page:
        """One page."""
        return next(page for page in self.pages if (page.audience, page.id) == (audience, page_id))

    def rows(self, run: int) -> list[tuple[Any, ...]]:
        """Rows for the store's table `listed`, in its column order; one row a page keeps the size of the register."""
        from frailty.triage.casework import task_rows

        rows: list[tuple[Any, ...]] = []
        for page in self.pages:
            for line in (*page.lines(), *page.came_off):
                rule, _, version = (line.rules[0] if line.rules else "").partition(" v")
                rows.append(
                    (
                        run,
                        self.as_of,
                        page.audience,
                        page.id,
                        line.list,
                        line.section,
                        line.person,
                        line.patient_id,
                        rule,
                        int(version) if version else None,
                        line.status,
                        "; ".join(line.why),
                        line.due,
                        line.first_listed,
                        pack(line),
                    )
                )
            rows.append(
                (
                    run,
                    self.as_of,
                    page.audience,
                    page.id,
                    "register",
                    "",
                    None,
                    "",
                    "",
                    None,
                    page.state,
                    "",
                    None,
                    None,
                    json.dumps({"registered": page.registered}),
                )
            )
        return [*rows, *task_rows(self.cases, run, self.as_of), *self.tiers.rows(run, self.as_of)]

    def frame(self, run: int) -> pd.DataFrame:
        """The same rows as a data frame: INSERT INTO listed SELECT * FROM frame."""
        import pandas as pd

        return pd.DataFrame(self.rows(run), columns=list(LISTED), dtype=object)


def numbered(lines: Sequence[Line]) -> tuple[Line, ...]:
    """The lines with their place in the list, so that a later run can repeat the order."""
    return tuple(line if line.position == position else changed(line, position=position) for position, line in enumerate(lines))


_USUAL = {kind: {name: one.default for name, one in kind.__dataclass_fields__.items() if one.default is not MISSING}
          for kind in (Card, Line)}


def pack(line: Line) -> str:
    """A line as JSON, for the store; fields with their usual value are left out."""
    usual, of = _USUAL[Line], _USUAL[Card]
    told = {name: value for name, value in vars(line).items() if value != usual.get(name, ...)}
    told["card"] = {name: value for name, value in vars(line.card).items() if value != of.get(name, ...)}
    return json.dumps(told, default=_iso)


def _iso(value: date) -> str:
    return value.isoformat()


def unpack(text: str) -> Line:
    """A line from JSON; fields that this version does not know are left out."""
    data: dict[str, Any] = json.loads(text)
    card: dict[str, Any] = {
        name: value for name, value in data.pop("card").items() if name in Card.__dataclass_fields__
    }
    card["birth_date"] = _day(card.get("birth_date"))
    fields: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in data.items()
        if name in Line.__dataclass_fields__
    }
    for name in ("due", "first_listed", "turn_on", "waits_since", "likely"):
        fields[name] = _day(fields.get(name))
    return Line(card=Card(**card), **fields)


def came_off(line: Line, reason: str) -> Line:
    """The line as it is kept once it has left its list."""
    return changed(line, status="came off", why=(reason,), due=None, due_text="", overdue=False, left_off="")


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None
