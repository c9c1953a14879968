"""One person, one case: the tasks that rules make, the queue that leads, and where everybody else is (operating model 3.1 to 3.3).

A pure function: rule hits, facts and the open tasks of the last night in; cases and a place for every hit out. It raises
urgency and never lowers it; no night closes a P2 or P3 task because time has passed, unless its person left the records and the
hub's page has asked for `transfer_days` who looks after them.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import MISSING, dataclass, field
from datetime import date
from typing import Any

from frailty.triage.copies import changed
from frailty.triage.rules import PLANNED, Exclusion, Rule, RuleSet, applies

PLACES = ("open", "overflow", "suppressed", "paused", "excluded", "held", "not evaluated")
KEPT = ("open", "overflow", "paused", "held")  # places from which a task goes on to the next night
HANDED_OVER = "open and urgent: a person hands it over"
GONE = "no longer in the records"
UNSTEADY = "the list changed too much overnight"
LIST_SIZE = "list size"  # why a task is held: its list changed too much overnight
Row = Mapping[str, Any]


@dataclass(frozen=True)
class Hit:
    """What one rule said of one person: yes, suppressed, not evaluated, or no (of an open task).

    `why`: the decision or the entry that suppresses it; for a no, what in the records answered the task.
    """

    person: int
    rule: str
    outcome: str
    why: str = ""


@dataclass(frozen=True)
class Task:
    """One piece of work of one queue. `original_due` never changes; `kept`: why the night keeps a task whose rule is silent;
    `gone`: the first night on which the person was no longer in the records, `number` the store's number of them until then."""

    patient_id: str
    person: int
    rule: str
    version: int
    queue: str
    priority: str
    due: date | None
    original_due: date | None
    since: date
    place: str = "open"
    why: str = ""
    leads: bool = True
    redirected: bool = False
    kept: str = ""
    practice: str = ""
    gone: date | None = None
    number: int = -1

    @property
    def key(self) -> tuple[str, str]:
        """Which task this is, from night to night."""
        return self.patient_id, self.rule


@dataclass(frozen=True)
class Case:
    """All open tasks of one person under one lead, with the earliest due and the highest priority of them."""

    patient_id: str
    person: int
    lead: str
    priority: str
    due: date | None
    tasks: tuple[Task, ...]

    @property
    def children(self) -> tuple[Task, ...]:
        """The tasks of other queues."""
        return tuple(task for task in self.tasks if task.queue != self.lead)


@dataclass
class Cases:
    """`tasks`: one for every hit and every task still open, each in one place. `closed`: tasks of last night, and why.

    `alerts`: lists whose size changed too much overnight; their changes are held.
    """

    cases: tuple[Case, ...] = ()
    tasks: tuple[Task, ...] = ()
    closed: tuple[tuple[Task, str], ...] = ()
    books: dict[str, Counter[str]] = field(default_factory=dict)
    alerts: tuple[str, ...] = ()
    order: tuple[str, ...] = ()

    def of(self, patient_id: str) -> Case | None:
        """The case of a person."""
        return next((case for case in self.cases if case.patient_id == patient_id), None)

    def overflow(self, left_off: Mapping[tuple[str, str], str]) -> Cases:
        """The same with tasks that a list had no room for marked so; a P2 or P3 task is never left off."""
        tasks = tuple(
            changed(task, place="overflow", why=left_off[task.key])
            if task.place == "open" and task.priority in PLANNED and task.key in left_off else task
            for task in self.tasks)
        return Cases(_cases(tasks, self.order), tasks, self.closed, _books(tasks), self.alerts, self.order)


def make_cases(
    hits: Iterable[Hit],
    people: Mapping[int, Row],
    flags: Mapping[int, Sequence[str]],
    rules: RuleSet,
    as_of: date,
    due: Callable[[Rule, Row, date], date | None],
    previous: Iterable[Task] = (),
    frozen: Collection[str] = (),
    answered: Mapping[tuple[str, str], str] | None = None,
) -> Cases:
    """Cases of a night.

    `people`: facts of everybody who is hit or has an open task. `flags`: the exclusions that hold for a person, in their order.
    `due`: when a rule's task falls due for a person, from a day. `frozen`: practices whose records are not to be believed.
    `answered`: (patient_id, rule) -> what ends a task that a person hands over, or whose person is gone.
    """
    answered = answered or {}
    order = tuple(queue.id for queue in rules.queues)
    before = {task.key: task for task in previous}
    found = {(str(people[hit.person]["patient_id"]), hit.rule): hit for hit in hits if hit.person in people}
    made: list[Task] = []
    closed: list[tuple[Task, str]] = []
    silent: set[tuple[str, str]] = set()        # of the closed: those that nothing explains
    for patient_id, rule_id in sorted({*found, *before}):
        rule, hit, old = rules.rule(rule_id), found.get((patient_id, rule_id)), before.get((patient_id, rule_id))
        person = hit.person if hit else old.person if old else -1
        row = people.get(person)
        if row is None or rule is None:
            if old and row is None and old.practice in frozen and not old.gone:
                made.append(changed(old, place="held", why="practice_paused", kept="the practice's records are frozen"))
            elif old and rule is not None:
                task = answered.get(old.key) or (old if old.practice in frozen else _gone(old, as_of, rules))
                if isinstance(task, str):
                    closed.append((old, task))
                else:
                    made.append(task)
            elif old:
                closed.append((old, f"rule {rule_id} is no longer used"))
                silent.add(old.key)
            continue
        if old and hit and hit.outcome == "suppressed" and old.priority in PLANNED:
            closed.append((old, hit.why or "done recently"))
            old = None
        if old is None and (hit is None or hit.outcome == "no"):
            continue
        task = _task(rule, hit, old, row, as_of, due)
        if isinstance(task, str):
            if old:
                closed.append((old, task))
                silent |= {old.key} if not (hit and hit.why) else set()
            continue
        task = _placed(task, rule, row, flags.get(person, ()), rules.exclusions, old is not None)
        if handed_over(task) and task.key in answered:
            task = changed(task, place="suppressed", why=answered[task.key], kept="")
            closed += [(old, task.why)] if old else []
            if hit is None or hit.outcome == "no":
                continue
        if task.place == "excluded" and old:
            closed.append((old, task.why))
        if task.place != "excluded" or (hit is not None and hit.outcome != "no"):
            made.append(task)
    made, closed, alerts = _steady(made, closed, silent, before, rules)
    tasks = tuple(made)
    return Cases(_cases(tasks, order), tasks, tuple(closed), _books(tasks), alerts, order)


def _steady(
    made: list[Task], closed: list[tuple[Task, str]], silent: Collection[tuple[str, str]],
    before: Mapping[tuple[str, str], Task], rules: RuleSet,
) -> tuple[list[Task], list[tuple[Task, str]], tuple[str, ...]]:
    """Where a practice's planned list changed too much in one night, what came and what went is held until somebody raises
    shrink_percent for a night (G12). What was decided, done or excluded is no such change."""
    if not before:
        return made, closed, ()
    percent, least = rules.settings.number("shrink_percent"), rules.settings.number("shrink_people")
    here = {task.key for task in made if not task.gone}        # who comes back has stood there all the time
    stood = {key: task for key, task in before.items() if task.place in KEPT and (
        bool(task.kept) if task.why == LIST_SIZE else not task.gone or key in here)}
    was = Counter((task.practice, task.rule) for task in stood.values())
    now = Counter((task.practice, task.rule) for task in made if task.place in KEPT and not task.gone)
    lost = Counter((task.practice, task.rule) for task in made if task.gone and task.key in stood)
    ended = Counter((task.practice, task.rule) for task, _ in closed if task.key in stood and task.key not in silent)
    alerts = []
    for practice, rule_id in sorted(was | now):
        at = practice, rule_id
        rule, change = rules.rule(rule_id), abs(now[at] - (was[at] - ended[at]))
        if (rule is None or rule.priority not in PLANNED or not rule.planned or not was[at] or change < max(1, least)
                or change * 100 <= was[at] * percent):
            continue
        gone = f" ({lost[at]:,} are {GONE})" if lost[at] else ""
        at_practice = f"{rule_id} at {practice or 'no practice'}"
        alerts.append(f"{at_practice}: from {was[at]:,} to {now[at]:,} people overnight{gone}; who came and who went is held until "
                      "somebody has looked: if it is right, raise shrink_percent in site.toml for one night")
        made = [task if (task.practice, task.rule) != at
                else changed(task, place="held", why=LIST_SIZE) if task.key not in stood and task.place == "open"
                else changed(task, why=LIST_SIZE, kept=UNSTEADY) if task.key in stood and task.gone else task for task in made]
        back = [task for task, _ in closed if (task.practice, task.rule) == at and task.key in silent]
        closed = [(task, why) for task, why in closed if task not in back]
        made += [changed(task, place="held", why=LIST_SIZE, kept=UNSTEADY) for task in back]
    return made, closed, tuple(alerts)


def _task(rule: Rule, hit: Hit | None, old: Task | None, row: Row, as_of: date,
          due: Callable[[Rule, Row, date], date | None]) -> Task | str:
    """The task as it stands tonight, or why it has ended."""
    if old is None:
        assert hit is not None
        place = {"yes": "open"}.get(hit.outcome, hit.outcome)
        day = due(rule, row, as_of) if place == "open" else None
        return Task(str(row["patient_id"]), hit.person, rule.id, rule.version, rule.queue, rule.priority, day, day, as_of, place,
                    hit.why or ("done recently" if place == "suppressed" else ""), rule.leads, practice=str(row["practice"] or ""))
    kept = ""
    if hit is None or hit.outcome != "yes":
        if hit is not None and hit.outcome == "not evaluated":
            kept = "could not be evaluated tonight"         # missing data never lower or close an open task
        elif hit is not None and hit.outcome == "no" and hit.why:
            return hit.why
        elif old.version != rule.version:
            kept = f"the rule changed from version {old.version} to {rule.version}; a person closes this"
        elif old.priority not in PLANNED:
            kept = "the event has passed; nothing in the records answers it"
        else:
            return f"no longer meets rule {rule.id}"
    tonight = old.due if kept else due(rule, row, old.since)
    days = [day for day in (old.due, tonight) if day is not None]
    return changed(old, person=int(row["person"]), version=rule.version if not kept else old.version, queue=rule.queue,
                   priority=min(old.priority, rule.priority), due=min(days) if days else None, place="open", why="",
                   leads=rule.leads, redirected=False, kept=kept, gone=None, number=-1,
                   practice=str(row["practice"] or old.practice))


def handed_over(task: Task) -> bool:
    """Whether it waits for a person who hands it over: its own team no longer sees it."""
    return task.place == "held" and task.kept == HANDED_OVER


def _gone(old: Task, as_of: date, rules: RuleSet) -> Task | str:
    """A task whose person left the records without an end to the registration, held for a while; or why it has ended (G5)."""
    days, since = rules.settings.number("transfer_days"), old.gone or as_of
    urgent, unsteady = old.priority not in PLANNED, old.why == LIST_SIZE
    if (as_of - since).days >= days and not (unsteady and old.kept):     # an alert stands until somebody has looked
        asked = "; the hub's page asked who looks after this person, and nobody wrote an outcome" if urgent else ""
        return (f"{GONE} since {since.day} {since:%b} {since.year}; held for {days} days, in case it was a transfer or an error"
                f"{asked}")
    listed = not unsteady or old.kept               # who never was on the list still waits to be looked at, if they come back
    return changed(old, place="held", why=GONE if listed else LIST_SIZE, kept=HANDED_OVER if urgent else "", gone=since)


def _placed(task: Task, rule: Rule, row: Row, flags: Sequence[str], exclusions: Sequence[Exclusion], was_open: bool) -> Task:
    """The task in the place that the first exclusion gives it. A home's team takes over what is its own."""
    for exclusion in exclusions:
        if exclusion.id not in flags or not applies(exclusion, rule):
            continue
        if exclusion.outcome == "redirected":
            task = changed(task, queue="care_home", redirected=True, leads=True)
        elif (task.priority not in PLANNED and row["death_status"] != "formal"
              and ((was_open and exclusion.outcome == "excluded") or (task.place == "open" and exclusion.hand_over))):
            return changed(task, place="held", why=exclusion.id, kept=HANDED_OVER)
        elif task.place == "open" or exclusion.outcome == "excluded":
            return changed(task, place=exclusion.outcome, why=exclusion.id)
        elif exclusion.outcome == "held":
            return task                     # nothing to hold: a task that was never open must not become so when the hold ends
    return task


def _cases(tasks: Sequence[Task], order: Sequence[str]) -> tuple[Case, ...]:
    """Open tasks by person; the first queue of the order leads, tasks that never lead only where there is no other."""
    mine: dict[str, list[Task]] = {}
    for task in tasks:
        if task.place == "open":
            mine.setdefault(task.patient_id, []).append(task)
    made, rank = [], {queue: number for number, queue in enumerate(order)}
    for patient_id, own in sorted(mine.items()):
        ranked = sorted(own, key=lambda task: (not task.leads, rank[task.queue], task.priority, task.rule)) if len(own) > 1 else own
        days = [task.due for task in own if task.due is not None]
        made.append(Case(patient_id, own[0].person, ranked[0].queue, min(task.priority for task in own),
                         min(days) if days else None, tuple(ranked)))
    return tuple(made)


def _books(tasks: Sequence[Task]) -> dict[str, Counter[str]]:
    books: dict[str, Counter[str]] = {}
    for task in tasks:
        books.setdefault(task.rule, Counter())[task.place] += 1
    return dict(sorted(books.items()))


# ---- from night to night

_USUAL = {name: one.default for name, one in Task.__dataclass_fields__.items() if one.default is not MISSING}


def packed(task: Task) -> str:
    """A task as JSON, for the store; fields with their usual value are left out."""
    told = {name: value for name, value in vars(task).items() if value != _USUAL.get(name, ...)}
    return json.dumps(told, default=_iso)


def _iso(value: date) -> str:
    return value.isoformat()


def unpacked(text: str) -> Task:
    """A task from JSON; fields that this version does not know are left out."""
    told = {name: value for name, value in json.loads(text).items() if name in Task.__dataclass_fields__}
    for name in ("due", "original_due", "since", "gone"):
        told[name] = date.fromisoformat(told[name]) if told.get(name) else None
    return Task(**told)
