"""Outcome codes and how long each holds, read from rules/triage/outcomes.toml; and what a decision means tonight."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from frailty.errors import DefinitionError
from frailty.knowledge import rules_dir
from frailty.triage.expressions import nearest
from frailty.triage.vocabulary import vocabulary

KINDS = ("done", "not frail", "declined", "not reached", "elsewhere", "in hospital", "wrong", "gone", "incident", "undone")
TASK = "Task"                           # where a decision came as a FHIR Task: a sheet of the same day wins
STILL_OPEN = ("incident", "undone", "not reached", "in hospital")     # kinds after which the work is still to be done
URGENT = ("P0", "P1", "P2", "P3")       # never hidden by a decision (G7)
Row = Mapping[str, Any]


@dataclass(frozen=True)
class Outcome:
    """A code and its plain words. `person`: about the person, not the line; `label`: kept as feedback."""

    code: str
    words: str
    kind: str
    person: bool = False
    note: bool = False
    label: bool = False


@dataclass(frozen=True)
class Hold:
    """How long outcomes of these kinds (or only these `outcomes`) hold on these lists, and what breaks them.

    `days` None: until broken.
    """

    item: str
    kinds: tuple[str, ...]
    lists: tuple[str, ...]
    tag: str
    why: str
    broken_by: tuple[str, ...]
    days: int | None = None
    outcomes: tuple[str, ...] = ()

    def fits(self, outcome: Outcome, list_id: str) -> bool:
        """Whether it speaks of this outcome on this list."""
        named = not self.outcomes or outcome.code in self.outcomes
        return named and outcome.kind in self.kinds and (list_id in self.lists or "*" in self.lists)


@dataclass(frozen=True)
class Event:
    """Something that lists a decided person again: a dated fact, or one that grew or got worse."""

    id: str
    words: str
    name: str
    on: str = ""
    known: str = ""
    late_days: int = 0
    fact: str = ""
    of: str = ""
    more_by: float = 0
    worse_of: tuple[str, ...] = ()

    def happened(self, row: Row, basis: Row, decided_on: date) -> str:
        """What happened since the decision, in words; empty if it did not, or nobody can know."""
        if self.on:
            when, told = row.get(self.on), row.get(self.known)
            if when is None:
                return ""
            late = told is not None and told > decided_on and (decided_on - when).days <= self.late_days
            return self.words.format(value=_day(when)) if when > decided_on or late else ""
        now, before = row.get(self.fact), basis.get(self.fact)
        if now is None or before is None:
            return ""
        if self.worse_of:
            grown = now in self.worse_of and before in self.worse_of and (
                self.worse_of.index(now) > self.worse_of.index(before))
        elif self.of:
            grown = bool(row.get(self.of) and basis.get(self.of)) and (
                now / row[self.of] - before / basis[self.of] >= self.more_by - 1e-9)
        else:
            grown = now - before >= self.more_by
        return self.words.format(value=now, before=before) if grown else ""


@dataclass(frozen=True)
class Coded:
    """A dated fact of the records that is itself a decision on these lists."""

    lists: tuple[str, ...]
    on: str
    words: str


@dataclass(frozen=True)
class Outcomes:
    """Everything in outcomes.toml."""

    outcomes: tuple[Outcome, ...]
    holds: tuple[Hold, ...]
    events: Mapping[str, Event]
    coded: tuple[Coded, ...]

    def get(self, code: str) -> Outcome:
        """One outcome by its code."""
        return next(one for one in self.outcomes if one.code == code)

    def words(self) -> dict[str, str]:
        """Words -> code, in the order of the drop-down."""
        return {one.words: one.code for one in self.outcomes}

    def hold(self, outcome: Outcome, list_id: str) -> Hold | None:
        """The first hold that fits."""
        return next((one for one in self.holds if one.fits(outcome, list_id)), None)

    def basis_facts(self) -> tuple[str, ...]:
        """Facts whose value on the list is compared with tonight's."""
        return tuple(dict.fromkeys(fact for one in self.events.values() if one.fact for fact in (one.fact, one.of) if fact))


@dataclass(frozen=True)
class Decision:
    """What a person decided on a line. `asked`: who asked, and why, as the line said; `basis`: facts of that night."""

    patient_id: str
    list: str
    outcome: str
    on: date
    by: str
    review_on: date | None = None
    note: str = ""
    source: str = ""
    row: int = 0
    audience: str = ""
    audience_id: str = ""
    listed_on: date | None = None
    mark: str = ""
    rules: tuple[str, ...] = ()
    asked: str = ""
    basis: Mapping[str, Any] = field(default_factory=dict)

    @property
    def from_task(self) -> bool:
        """Whether it came as a Task."""
        return self.source.endswith(f", {TASK}")


@dataclass(frozen=True)
class Verdict:
    """Whether a decision keeps a person off a list tonight, and the sentence that says so or why not."""

    held: bool
    text: str


class Decisions:
    """All decisions that count on a day, by person."""

    def __init__(self, decisions: Iterable[Decision] = (), outcomes: Outcomes | None = None) -> None:
        self.outcomes = outcomes or load_outcomes()
        self.by_person: dict[str, list[Decision]] = {}
        for one in sorted(decisions, key=lambda one: (one.on, not one.from_task, one.source, one.row)):
            self.by_person.setdefault(one.patient_id or one.mark, []).append(one)

    def on_rule(self, patient_id: str, rule: Any, row: Row, as_of: date) -> Verdict | None:
        """What stands against listing a person by this rule, or lists them again; None where nobody decided."""
        mine = [one for one in self.by_person.get(patient_id, ())
                if one.list == rule.list or any(mark.split(" v")[0] == rule.id for mark in one.rules)
                or (self.outcomes.get(one.outcome).person and rule.priority not in URGENT)]
        return self._newest(mine, rule.list, row, as_of, rule.priority in URGENT)

    def answer_since(self, patient_id: str, rule: Any, since: date, settles: bool = False) -> str:
        """The newest outcome for this rule or its list since a day, in words; empty where nobody dealt with it. `settles`: nor
        where somebody says that a record is wrong, and it is still to be mended."""
        for one in reversed(self.by_person.get(patient_id, ())):
            outcome = self.outcomes.get(one.outcome)
            about = one.list == rule.list or any(mark.split(" v")[0] == rule.id for mark in one.rules)
            if about and one.on >= since:
                open_yet = outcome.kind in STILL_OPEN or (settles and outcome.kind == "wrong")
                return "" if open_yet else told(one, outcome)
        return ""

    def on_request(self, patient_id: str, asked: str, asked_on: date | None, reason: str, row: Row, as_of: date
                   ) -> Verdict | None:
        """Whether somebody answered this very request. One without a day is asked again after a while (3.3)."""
        wanted = [f" · {asked} · ", *([f" · Asked because: {reason} · "] if reason and asked_on is None else [])]
        mine = [one for one in self.by_person.get(patient_id, ()) if all(part in f" · {one.asked} · " for part in wanted)]
        if not mine:
            return None
        last = self.outcomes.get(mine[-1].outcome)
        if last.kind in ("incident", "undone") or (asked_on is not None and last.kind in ("not reached", "in hospital")):
            return Verdict(False, f"Still asked for, after {told(mine[-1], last)}")
        if asked_on is not None:
            return Verdict(True, f"decided: {told(mine[-1], last)}")
        return self._newest(mine, "asked", row, as_of, False)

    def _newest(self, mine: list[Decision], list_id: str, row: Row, as_of: date, urgent: bool) -> Verdict | None:
        if not mine:
            return None
        last = mine[-1]
        outcome = self.outcomes.get(last.outcome)
        rivals = {one.outcome: one for one in mine
                  if one.on == last.on and one.list == last.list and one.from_task == last.from_task}
        if len(rivals) > 1:
            both = " and ".join(told(one, self.outcomes.get(one.outcome)) for one in rivals.values())
            return Verdict(False, f"Two outcomes of one day contradict each other: {both}. Please settle it")
        said = told(last, outcome)
        coded = next((one for one in self.outcomes.coded if list_id in one.lists and row.get(one.on) is not None
                      and row[one.on] >= last.on), None)
        if coded:
            return Verdict(False, f"The records count: {coded.words.format_map(row)} ({_day(row[coded.on])}), after {said}")
        if outcome.kind == "undone":
            return Verdict(False, f"Listed again: {said}")
        hold = self.outcomes.hold(outcome, list_id)
        if urgent or hold is None:
            return Verdict(False, f"Outcome recorded: {said}; it stays listed until the records agree")
        news = [text for name in hold.broken_by
                if (text := self.outcomes.events[name].happened(row, last.basis, last.on))]
        if news:
            return Verdict(False, f"Listed again: {'; '.join(news)}, after {said}")
        until = last.on + timedelta(days=hold.days) if hold.days is not None else None
        if last.review_on is not None and (until is None or last.review_on < until):
            until = last.review_on
        if until is not None and as_of >= until:
            return Verdict(False, f"Listed again: the time set by {said} ended on {_day(until)}")
        names = [self.outcomes.events[name].name for name in hold.broken_by]
        unless = ", ".join([*names, "or a new request"])
        earlier = [one for one in mine[:-1] if one.outcome != last.outcome and one.source != last.source]
        over = f"; it counts instead of {told(earlier[-1], self.outcomes.get(earlier[-1].outcome))}" if earlier else ""
        when = f"before {_day(until)}, unless: " if until else "until: "
        return Verdict(True, f"decided: {said}{over}; not listed again {when}{unless}")


def told(decision: Decision, outcome: Outcome) -> str:
    """“No change needed” on 22 Nov 2026 (Dr A)."""
    return f"“{outcome.words}” on {_day(decision.on)} ({decision.by})"


def _day(value: date) -> str:
    return f"{value.day} {value:%b} {value.year}"


@cache
def load_outcomes(rules: Path | None = None) -> Outcomes:
    """Read outcomes.toml; unknown words, kinds, facts and events are refused with the nearest known."""
    file = (rules or rules_dir()) / "triage" / "outcomes.toml"
    try:
        data = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise DefinitionError("The outcomes cannot be read.", where=str(file), why=str(error)) from error
    outcomes = tuple(_made(Outcome, one, file) for one in data.get("outcome", ()))
    holds = tuple(_made(Hold, one, file) for one in data.get("hold", ()))
    events = {one.id: one for one in (_made(Event, one, file) for one in data.get("event", ()))}
    coded = tuple(_made(Coded, one, file) for one in data.get("record", ()))
    for twice in ("code", "words"):
        said = [getattr(one, twice).casefold() for one in outcomes]
        if len(set(said)) < len(said):
            raise DefinitionError(f"Two outcomes have the same {twice}.", where=str(file))
    named: list[tuple[str, tuple[str, ...], str]] = [(one.kind, KINDS, f"outcome {one.code}") for one in outcomes]
    named += [(kind, KINDS, f"hold {one.item}") for one in holds for kind in one.kinds]
    named += [(code, tuple(one.code for one in outcomes), f"hold {one.item}") for one in holds for code in one.outcomes]
    named += [(name, tuple(events), f"hold {one.item}") for one in holds for name in one.broken_by]
    named += [(fact, tuple(vocabulary(rules)), f"event {one.id}") for one in events.values()
              for fact in (one.on, one.known, one.fact, one.of) if fact]
    named += [(one.on, tuple(vocabulary(rules)), "record") for one in coded]
    named += [(one.tag, ("F", "P"), f"hold {one.item}") for one in holds]
    for word, known, where in named:
        if word not in known:
            raise DefinitionError(f"“{word}” is not known.", where=f"{file}, {where}", mend=nearest(word, known))
    return Outcomes(outcomes, holds, events, coded)


def _made(kind: type[Any], entry: dict[str, Any], file: Path) -> Any:
    given = {key: tuple(value) if isinstance(value, list) else value for key, value in entry.items()}
    for key in given:
        if key not in kind.__dataclass_fields__:
            raise DefinitionError(f"“{key}” is not known here.", where=f"{file}, [[{kind.__name__.lower()}]]",
                                  mend=nearest(key, kind.__dataclass_fields__))
    try:
        return kind(**given)
    except TypeError as error:
        raise DefinitionError("An entry is not complete.", where=f"{file}, [[{kind.__name__.lower()}]]",
                              why=str(error)) from error
