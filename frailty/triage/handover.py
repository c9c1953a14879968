"""Urgent work that its own team no longer sees: what the hub's page asks about it (G5)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from frailty.records.left import Left
from frailty.triage import cards
from frailty.triage.cases import GONE, Cases, Row, Task, handed_over
from frailty.triage.casework import rows
from frailty.triage.copies import changed
from frailty.triage.homes import Question
from frailty.triage.outcomes import told
from frailty.triage.rules import applies

if TYPE_CHECKING:
    from frailty.triage.context import Run

ROW = "in this line of the hub's workbook"
FIND = (f"Ask the last practice, or look the person up on the NHS Spine. Hand the work over in person and write “Referred on” and "
        f"to whom, or “Has died”, {ROW}. If they are in the records again, the work goes on as before")


@dataclass(frozen=True)
class HandOver:
    """`questions`: one a person; `unnamed`: the practice of each person who is gone and objects; `people`: the numbers of all."""

    questions: tuple[Question, ...]
    unnamed: tuple[str, ...]
    people: frozenset[int]


def hand_over(run: Run, cases: Cases) -> HandOver:
    """What waits for a person to hand it over, once for each person."""
    waiting: dict[str, list[Task]] = {}
    for task in cases.tasks:
        if handed_over(task):
            waiting.setdefault(task.patient_id, []).append(task)
    here = rows(run, sorted({task.person for tasks in waiting.values() for task in tasks if not task.gone}))
    objects = {row[0] for row in run.con.execute("SELECT person FROM exclusion_flag WHERE exclusion = 'objection'").fetchall()}
    made, unnamed, people = [], [], set()
    for patient_id, tasks in sorted(waiting.items()):
        tasks.sort(key=lambda task: (task.priority, task.due or run.as_of, task.rule))
        if tasks[0].gone:
            left = run.gone.get(patient_id)
            people |= {left.here} if left and left.here is not None else set()
            if left is not None and (left.objects or left.here in objects):
                unnamed.append(run.practice_name(tasks[0].practice))
            else:
                made.append(_gone(run, tasks))
            continue
        row = here[tasks[0].person]
        people.add(tasks[0].person)
        if tasks[0].person in objects:                  # G8: planned work names nobody; what happened to them is served
            objection = run.rules.exclusion("objection")
            tasks = [task for task in tasks if (rule := run.rules.rule(task.rule)) and not applies(objection, rule)]
        if tasks:
            made.append(_held(run, row, tasks))
    return HandOver(tuple(made), tuple(unnamed), frozenset(people))


def notices(found: HandOver) -> list[str]:
    """How many are waiting; who is named nowhere is counted, so that the loss is visible (G8)."""
    waiting = len(found.questions)
    made = [f"Urgent work of {cards.plural(waiting, 'person', 'people')} who left, vanished or may have died "
            f"waits to be handed over: see To settle."] if waiting else []
    if not found.unnamed:
        return made
    people, where = cards.plural(len(found.unnamed), "person", "people"), ", ".join(sorted({one for one in found.unnamed if one}))
    return [*made, f"Urgent work of {people} who objected to profiling and {'is' if len(found.unnamed) == 1 else 'are'} {GONE} "
                   f"is held. Nobody is named here: ask {where or 'the last practice'}."]


def _held(run: Run, row: Row, tasks: Sequence[Task]) -> Question:
    """Somebody who is in the records: the exclusion says why, what to do, and how."""
    why = run.rules.exclusion(tasks[0].why)
    reason = cards.fill(why.reason, row, run.facts.settings.values)
    made = Question("", why.asks, str(row["name"] or ""), reason[:1].upper() + reason[1:], tasks[0].person, row["birth_date"],
                    str(row["nhs_number"] or ""), practice=run.practice_name(row["practice"] or tasks[0].practice))
    return _with_work(run, made, tasks, why.how or f"Hand it over in person and write the outcome {ROW}")


def _gone(run: Run, tasks: Sequence[Task]) -> Question:
    """Somebody who is not: their last row says who that was."""
    left, since, practice = run.gone.get(tasks[0].patient_id), tasks[0].gone, run.practice_name(tasks[0].practice)
    assert since is not None
    until = since + timedelta(days=run.facts.settings.number("transfer_days"))
    reason = (f"No longer in the records{f' of {practice}' if practice else ''} since {cards.day(since)}, without an end of the "
              f"registration; asked until {cards.day(until)}, then the work is closed")
    if left and left.deceased:
        reason += "; the last record said that this person has died: confirm it first, make no contact before"
    who = left or Left()
    made = Question("", f"{GONE}, and urgent work is open: find out who looks after this person", who.name, reason, None,
                    who.birth_date, who.nhs_number, practice=practice)
    return _with_work(run, made, tasks, FIND)


def _with_work(run: Run, question: Question, tasks: Sequence[Task], how: str) -> Question:
    """With what is open, what somebody wrote of it that does not settle it, and how it is settled."""
    open_work = []
    for task in tasks:
        rule = run.rules.rule(task.rule)
        due = f", due {cards.day(task.due)}{': OVERDUE' if task.due < run.as_of else ''}" if task.due else ""
        asks = rule.asks.rstrip(".") if rule else task.rule
        open_work.append(f"{asks} (rule {task.rule}, open since {cards.day(task.since)}{due})")
    marks = tuple(f"{task.rule} v{task.version}" for task in tasks)
    mine = [one for one in run.decisions.by_person.get(tasks[0].patient_id, ()) if set(one.rules) & set(marks)
            and one.on >= min(task.since for task in tasks)]
    said = [f"Outcome recorded: {told(mine[-1], run.decisions.outcomes.get(mine[-1].outcome))}; still open"] if mine else []
    return changed(question, patient_id=tasks[0].patient_id, work=("Open: " + "; ".join(open_work), *said, how), rules=marks,
                   priority=min(task.priority for task in tasks), due=min((task.due for task in tasks if task.due), default=None))
