"""The cases of a night: what the rules said and what was open last night, read from the store's tables; see cases.py."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

from frailty.triage import cards
from frailty.triage.cases import KEPT, LIST_SIZE, Cases, Hit, Row, Task, make_cases, packed, unpacked
from frailty.triage.copies import changed
from frailty.triage.evaluate import leave_reasons
from frailty.triage.rules import PLANNED, Rule, words

if TYPE_CHECKING:
    from frailty.triage.context import Run
    from frailty.triage.lines import Page

AUDIENCE = "case"  # stands in `listed` for a row that is a task, not a line of a page


def casework(run: Run, previous: Iterable[Task] = ()) -> Cases:
    """Cases of tonight from the verdicts of the rules and the decisions of people, the table `exclusion_flag` and the facts."""
    before = tuple(previous)
    people = _people(run, before)
    hits = [Hit(person, rule, outcome, run.held.get(person, {}).get(rule, "") if outcome == "suppressed" else "")
            for person, said in sorted(run.verdicts.items()) for rule, (outcome, _) in sorted(said.items())]
    hits += _answered(run, before, hits, people)
    ranks = {one.id: rank for rank, one in enumerate(run.rules.exclusions)}
    flags: dict[int, list[str]] = {}
    for person, flag in run.con.execute(
        "SELECT * FROM exclusion_flag WHERE person IN (SELECT person FROM t_cased) ORDER BY ALL"
    ).fetchall():
        flags.setdefault(person, []).append(flag)
    for held in flags.values():
        held.sort(key=ranks.__getitem__)
    frozen = {ods for ods, one in run.facts.sources.practices.items() if one.state != "ok"}
    return make_cases(hits, people, flags, run.rules, run.as_of, lambda rule, row, day: _due_day(run, rule, row, day),
                      before, frozen, _ended(run, before, hits, people))


def still_open(run: Run, cases: Cases) -> None:
    """Urgent tasks that nothing in the records has answered stay on their lists, whether or not their rule still speaks; until
    somebody writes an outcome."""
    for task in cases.tasks:
        rule = run.rules.rule(task.rule)
        if not task.kept or task.place != "open" or task.priority in PLANNED or rule is None or task.person not in run.rows:
            continue
        said = run.decisions.answer_since(task.patient_id, rule, task.since)
        if said:
            run.held.setdefault(task.person, {})[rule.id] = f"decided: {said}; the records do not say so yet"
        elif rule in run.rules.rules:
            run.verdicts.setdefault(task.person, {})[rule.id] = ("yes", False)
            run.kept[task.person, rule.id] = task.kept


def steadied(run: Run, cases: Cases) -> None:
    """Where a list changed too much overnight, who came is on no page yet, and who went still is; what both are is noted."""
    for task in cases.tasks:
        if task.place != "held" or task.why != LIST_SIZE or task.person not in run.rows:
            continue
        run.verdicts.setdefault(task.person, {})[task.rule] = ("yes" if task.kept else "held", False)
        if task.kept:
            run.kept[task.person, task.rule] = task.kept
        came, went = run.unsteady.get((task.practice, task.rule), (0, 0))
        run.unsteady[task.practice, task.rule] = (came + (not task.kept), went + bool(task.kept))


def _people(run: Run, before: Sequence[Task]) -> dict[int, Row]:
    """The facts that cases need, of everybody who is hit or has an open task."""
    wanted = {"person", "patient_id", "practice", "home_id", "as_of", "death_status"}
    for rule in (*run.rules.rules, *run.rules.off):
        wanted |= set(rule.reopen_on) | ({rule.due} if rule.due in (run.rules.facts or {}) else set())
    run.con.execute("CREATE OR REPLACE TEMP TABLE t_cased (person INTEGER)")
    run.con.execute("INSERT INTO t_cased SELECT DISTINCT person FROM outcome UNION "
                    "SELECT person FROM facts WHERE patient_id IN (SELECT unnest(?::VARCHAR[]))",
                    [sorted({task.patient_id for task in before})])
    cursor = run.con.execute(f"SELECT {', '.join(sorted(wanted))} FROM facts JOIN t_cased USING (person) ORDER BY person")
    names = [column[0] for column in cursor.description or ()]
    found = (dict(zip(names, row, strict=True)) for row in cursor.fetchall())
    return {row["person"]: row for row in found}


def _answered(run: Run, before: Sequence[Task], hits: Sequence[Hit], people: Mapping[int, Row]) -> list[Hit]:
    """For tasks that were open and whose rule says nothing tonight: what in the facts answers them, if anything."""
    said = {(hit.person, hit.rule) for hit in hits}
    now = {str(row["patient_id"]): person for person, row in people.items()}
    silent: dict[str, list[int]] = {}
    for task in before:
        person = now.get(task.patient_id)
        if person is not None and (person, task.rule) not in said:
            silent.setdefault(task.rule, []).append(person)
    made = []
    for rule_id, mine in sorted(silent.items()):
        rule = run.rules.rule(rule_id)
        reasons: Mapping[int, str] = leave_reasons(run.con, rule, mine, run.facts.settings.values) if rule else {}
        facts = rows(run, sorted(reasons))
        told = {person: cards.fill(text, facts[person], run.facts.settings.values) for person, text in reasons.items()}
        made += [Hit(person, rule_id, "no", told.get(person, "")) for person in mine]
    return made


def _ended(run: Run, before: Sequence[Task], hits: Sequence[Hit], people: Mapping[int, Row]) -> dict[tuple[str, str], str]:
    """What ends a task that a person hands over: an outcome that somebody wrote, if nothing that the rule reads has happened since;
    and for who is gone, that another source tells of the death."""
    since = {task.key: task.since for task in before if task.priority not in PLANNED}
    spoken = {(str(people[hit.person]["patient_id"]), hit.rule): hit.person for hit in hits
              if hit.outcome == "yes" and hit.person in people and people[hit.person]["patient_id"] in run.decisions.by_person
              and (rule := run.rules.rule(hit.rule)) and rule.priority not in PLANNED}
    now, made = rows(run, sorted(set(spoken.values()))), {}
    for key in sorted({*since, *spoken}):
        rule = run.rules.rule(key[1])
        if rule is None or key[0] not in run.decisions.by_person:
            continue
        read = [now[spoken[key]].get(name) for name in words(rule.when) if name != "as_of"] if key in spoken else []
        days = [day for day in (since.get(key), *read) if isinstance(day, date) and day <= run.as_of]
        said = run.decisions.answer_since(key[0], rule, max(days, default=date.min), settles=True)
        if said:
            made[key] = f"decided: {said}"
    here = rows(run, sorted({one.here for one in run.gone.values() if one.here is not None}))
    for task in before:
        left = run.gone.get(task.patient_id)
        row = here.get(left.here) if left and left.here is not None else None
        if row and row["death_status"] == "formal":
            made[task.key] = cards.fill(run.rules.exclusion("died").reason, row, run.facts.settings.values)
    return made


def rows(run: Run, people: Sequence[int]) -> dict[int, Row]:
    """Facts of some people."""
    if not people:
        return {}
    cursor = run.con.execute(f"SELECT * FROM facts WHERE person IN ({', '.join(map(str, people))}) ORDER BY person")
    columns = [column[0] for column in cursor.description or ()]
    return {row["person"]: row for row in (dict(zip(columns, one, strict=True)) for one in cursor.fetchall())}


def _due_day(run: Run, rule: Rule, row: Row, start: date) -> date | None:
    """When a task of this rule that began on a day is due."""
    found = run.due_on(rule.due, start, row, run.home(row["home_id"]))
    return found[0] if found else None


def left_off(pages: Iterable[Page]) -> dict[tuple[str, str], str]:
    """(patient_id, rule) -> why a list had no room for it tonight."""
    return {(line.patient_id, mark.split(" v")[0]): line.left_off
            for page in pages for line in page.lines() if line.section == "overflow" for mark in line.rules}


def previous_tasks(rows: Iterable[Mapping[str, Any]], numbers: Mapping[str, int]) -> list[Task]:
    """The tasks open after the last run, from rows of `listed`, with tonight's ids and `numbers`; -1 for who is not there.
    Where two ids have become one person, the earlier task stands, with the earlier due day and the higher priority (G4)."""
    found: dict[tuple[str, str], Task] = {}
    for row in rows:
        if row["audience"] != AUDIENCE:
            continue
        known, task = str(row["patient_id"]), unpacked(str(row["facts"]))
        number = -1 if known in numbers else row["person"] if row["person"] is not None else -1
        task = changed(task, patient_id=known, person=numbers.get(known, -1), number=number)
        other = found.get(task.key)
        if other:
            first = min(task, other, key=lambda one: one.since)
            days = [day for day in (task.due, other.due) if day is not None]
            task = changed(first, due=min(days) if days else None, priority=min(task.priority, other.priority))
        found[task.key] = task
    return list(found.values())


def task_rows(cases: Cases, run: int, as_of: date) -> list[tuple[Any, ...]]:
    """Rows for the store's table `listed`: the tasks that go on to the next night."""
    return [(run, as_of, AUDIENCE, task.queue, task.priority, task.place, max(task.person, task.number), task.patient_id, task.rule,
             task.version, "same" if task.since < as_of else "new", task.why or task.kept, task.due, task.since, packed(task))
            for task in cases.tasks if task.place in KEPT]


def urgent_first(cases: Cases) -> list[tuple[str, int, int]]:
    """(queue, open tasks, of these P2 and P3) in the order of precedence."""
    counts = {queue: [0, 0] for queue in cases.order}
    for task in cases.tasks:
        if task.place == "open":
            counts[task.queue][0] += 1
            counts[task.queue][1] += task.priority not in PLANNED
    return [(queue, total, urgent) for queue, (total, urgent) in counts.items() if total]
