"""The home's page: the round list, residents in hospital, lines nobody could match, questions to settle."""

from __future__ import annotations

import re
from datetime import date

from frailty.site import Home, Request, Resident
from frailty.triage import cards
from frailty.triage.clocks import next_round
from frailty.triage.context import ASKED, Run
from frailty.triage.copies import changed
from frailty.triage.homes import Question
from frailty.triage.lines import Card, Line, ListView, Page, came_off, numbered
from frailty.triage.room import pace, placed
from frailty.triage.rules import Rule
from frailty.triage.why_off import why_off

TITLES = {
    "hold": (
        "Check first: recorded as died",
        "Nobody notified these deaths formally. Please confirm; make no contact before.",
    ),
    "asked": ("The home asked for", "Always seen first, whatever any score says."),
    "new_or_back": (
        "New, or back from hospital",
        "Assessment and care and support plan within 7 working days of admission or return.",
    ),
    "reason": ("A reason this week", "Something became known since the last round."),
    "round_gap": ("Not seen for six months", "Planned reviews, as far as the round has room."),
    "passed_on": (
        "Passed on from other lists",
        "Planned reviews of confirmed residents, as far as there is room.",
    ),
    "in_hospital": ("In hospital now", "Paused until they return; then a new clock starts."),
    "not_in_data": (
        "On the home's list, not in the records",
        "Nobody in the records fits: please check the details.",
    ),
    "everyone_else": (
        "Everybody else at the home",
        "No reason for this round in the records. Clinical judgement comes first.",
    ),
    "tasks": ("To settle", "Sources disagree, or only one of them says that the person lives here."),
}
FILLER = ("round_gap", "passed_on")  # planned reviews: they share the room that a round has left
TABLES = ("in_hospital", "not_in_data", "everyone_else", "tasks")


def home_page(run: Run, home: Home) -> Page:
    """Build one home's page: every resident in exactly one list."""
    place = ("home", home.id)
    people = [person for person, made in run.facts.residents.people.items() if made.home == home.id]
    served = [person for person in people if _served(run, home, person)]
    lists: dict[str, list[Line]] = {name: [] for name in TITLES}
    for person in served:
        line = _resident(run, home, person)
        lists[line.list].append(line)
    repeated, names = _repeated(run, place, {line.mark for lines in lists.values() for line in lines})
    for line in repeated:
        lists[line.list].append(line)
    for home_id, entry, why in run.facts.residents.unmatched:
        if home_id == home.id and (entry.nhs_number or entry.name) not in names:
            line = _unmatched(entry, why)
            lists[line.list].append(line)
    lists["tasks"] = [task(one) for one in run.facts.residents.questions if one.home == home.id]
    lists = _ordered(run, place, lists, home)
    waits = pace(run, place, [line for name in FILLER for line in lists[name]], run.slots("round_filler_slots", home.id))
    views = tuple(
        ListView(name, TITLES[name][0], TITLES[name][1] + (waits if name == FILLER[0] else ""), numbered(lines),
                 shape="table" if name in TABLES else "cards")
        for name, lines in lists.items()
    )
    here = {line.mark: view.title for view in views for line in view.lines}
    present = {(line.list, line.mark) for view in views for line in view.lines}
    gone = [
        line
        for key, line in run.previous.at(*place).items()
        if key not in present and key[0] != "tasks" and not run.unsaid(line)
    ]
    reasons = why_off(run, gone, here)
    round_on = next_round(home.round_day, run.as_of)
    subtitle = "Care-home round list" + (
        f" · round on {cards.day(round_on, weekday=True)}" if round_on else ""
    )
    subtitle += f" · lead {home.lead}" if home.lead else ""
    return Page(
        "home",
        home.id,
        home.name,
        subtitle,
        views,
        tuple(came_off(line, reasons[line.list, line.mark]) for line in gone),
        _excluded(run, people, served),
        (),
        (),
        (*(f"Alert {one}." for one in run.alerts.get(home.id, ())), *_notices(run, home, people)),
        run.facts.sources.of(home.practice),
        "ok",
        len(people),
        decided=run.decided(served, _passed_rules(run)),
    )


def _passed_rules(run: Run) -> list[Rule]:
    """The rules of the home's own lists, and those that confirmed residents bring along from others."""
    redirects = {one.id for one in run.rules.exclusions if one.outcome == "redirected"}
    return [rule for rule in run.rules.rules if rule.list in TITLES or redirects & set(rule.exclusions)]


def _served(run: Run, home: Home, person: int) -> bool:
    """Everybody but the dead and the deregistered; the latter too where somebody asked for them."""
    found = run.exclusion(person, run.rules_of("new_or_back"))
    return (
        found is None or found.outcome == "held" or (found.asked_anyway and bool(_asked(run, home, person)))
    )


def _resident(run: Run, home: Home, person: int) -> Line:
    """The one line of a resident: the first list that fits, with all reasons."""
    row = run.rows[person]
    asked = _asked(run, home, person)
    rules = [rule for name in ("new_or_back", "reason", "round_gap") for rule in run.rules_of(name)]
    met = [rule for rule in run.met(person, rules) if run.exclusion(person, [rule]) is None]
    passed = [
        rule
        for info in run.rules.lists
        for rule in run.met(person, run.rules_of(info.id))
        if (found := run.exclusion(person, [rule])) is not None and found.outcome == "redirected"
    ]
    if row["death_status"] == "informal":
        line = run.line(person, "hold", run.met(person, run.rules_of("hold")), asked)
        line = changed(line, asks="Confirm whether this person has died. Make no contact before that.")
    elif row["in_hospital"] == "yes":
        line = changed(
            run.line(person, "in_hospital", [one for one in met if one.list != "round_gap"], asked), asks=""
        )
    elif asked:
        line = run.line(person, "asked", met, asked)
    elif met:
        line = run.line(person, met[0].list, met)
    elif passed:
        line = run.line(person, "passed_on", passed)
    else:
        line = run.line(person, "everyone_else", ())
    probable = (
        ""
        if row["care_home"] == "confirmed"
        else f"Probable resident, to confirm (source: {row['home_basis']})"
    )
    return changed(line, warnings=tuple(one for one in (probable, *line.warnings) if one))


def _asked(run: Run, home: Home, person: int) -> list[Request]:
    """Requests that stand on the home's page: from the home's own list, and from others."""
    found = [one for one in run.asked.get(person, ()) if run.at_home(person, one.audience)]
    entry = run.facts.residents.people[person].line
    if entry is not None and entry.requested:
        own = Request(entry.nhs_number, entry.requested_by or home.name, None, entry.request_reason, "home")
        if not run.answered(person, own):
            found.insert(0, own)
    return found


def _unmatched(entry: Resident, why: str) -> Line:
    """A line of the home's list that matches nobody: it stays visible, and a request in it is served."""
    card = Card(entry.name or "Name not given", entry.nhs_number, entry.birth_date, None, "", entry.room)
    reasons = (f"Asked because: {entry.request_reason}",) if entry.requested and entry.request_reason else ()
    return Line(
        list="asked" if entry.requested else "not_in_data",
        card=card,
        key=entry.nhs_number or entry.name,
        asks="See this resident; the records do not show them."
        if entry.requested
        else "Check the details with the home.",
        by=f"asked by {entry.requested_by or 'the home'}" if entry.requested else "home's list",
        rules=(ASKED,) if entry.requested else (),
        why=(*reasons, why[:1].upper() + why[1:]),
        frailty="Not known",
        missing=("everything from the records",),
        priority="P5",
        asked=entry.requested,
    )


def task(question: Question) -> Line:
    """A question for a coordinator, as a line (CH-08)."""
    card = Card(
        question.name or "Name not known", question.nhs_number, question.birth_date, None, "", question.room, "", question.practice
    )
    return Line(
        list="tasks",
        card=card,
        patient_id=question.patient_id,
        person=question.person,
        asks=question.what[0].upper() + question.what[1:],
        why=(question.detail, *question.work),
        by="request" if "asked for" in question.what else " · ".join(f"rule {mark}" for mark in question.rules) or "CH-08",
        rules=question.rules,
        priority=question.priority,
        key="" if question.patient_id
        else f"{question.home}|{question.what}|{question.nhs_number or question.name}|{question.detail}",
    )


def _ordered(
    run: Run, place: tuple[str, str], lists: dict[str, list[Line]], home: Home
) -> dict[str, list[Line]]:
    """Due days, order and room. Only planned reviews are capped, and both kinds share the room."""
    rules: list[Rule] = [rule for rule in run.rules.rules if rule.list]
    made: dict[str, list[Line]] = {}
    fresh = {name: [line for line in lines if line.status != "repeated"] for name, lines in lists.items()}
    slots = run.slots("round_filler_slots", home.id)
    shared = placed(run, place, [line for name in FILLER for line in fresh[name]], slots)
    for name, lines in lists.items():
        found = [line for line in shared if line.list == name] if name in FILLER else placed(run, place, fresh[name], None)
        done = run.finished(place, found, [] if name in TABLES else rules, home=home)
        if name in TABLES:
            done = [changed(line, due=None, due_text="", overdue=False) for line in done]
            done.sort(key=lambda line: (room_order(line.card.room), line.card.name, line.mark))
        if name == "new_or_back":
            done.sort(key=lambda line: (line.due or date.max, line.mark))
        made[name] = done + [line for line in lines if line.status == "repeated"]
    return made


def room_order(room: str) -> tuple[int, str]:
    """Rooms as a person walks them: 2 before 12."""
    found = re.search(r"\d+", room)
    return (int(found.group()) if found else 10**6, room)


def _repeated(run: Run, place: tuple[str, str], taken: set[str]) -> tuple[list[Line], set[str]]:
    """Residents whom a frozen practice no longer sends: their last good lines, and the names that these cover."""
    lines, names = [], set()
    frozen = {run.practice_name(ods) for ods, one in run.facts.sources.practices.items() if one.state != "ok"}
    for (_, mark), line in run.previous.at(*place).items():
        if (
            line.patient_id
            and line.who not in run.rows
            and line.card.practice in frozen
            and mark not in taken
            and line.list in TITLES
            and line.list != "tasks"
            and not run.decision_on(line)
        ):
            lines.append(changed(line, status="repeated"))
            names |= {line.card.nhs_number, line.card.name}
    return sorted(lines, key=lambda line: line.position), names


def _excluded(run: Run, people: list[int], served: list[int]) -> tuple[tuple[str, int], ...]:
    rules = run.rules_of("new_or_back")
    counts: dict[str, int] = {}
    for person in people:
        found = run.exclusion(person, rules)
        if found is not None and person not in served:
            counts[found.label] = counts.get(found.label, 0) + 1
    return tuple(counts.items())


def _notices(run: Run, home: Home, people: list[int]) -> list[str]:
    made = []
    if not home.keeps_list:
        made.append(
            "This home sends no list of its own: residents come from addresses and codes only, and some are missed."
        )
    if not home.round_day:
        made.append("No round day is given for this home.")
    for ods in sorted(
        {str(run.rows[person]["practice"]) for person in people if run.rows[person]["practice"]}
        | ({home.practice} if home.practice else set())
    ):
        state = run.facts.sources.practices.get(ods)
        if state is None:
            continue
        if state.state != "ok":
            made.append(
                f"Records of {run.practice_name(ods)} are {state.state} ({state.why}): reasons may be missing."
            )
        if not state.hospital:
            made.append(
                f"Newer hospital stays of people of {run.practice_name(ods)} are not known ({state.hospital_note})."
            )
    last = max(
        (
            line.clock_due
            for line in run.facts.residents.people.values()
            if line.home == home.id and line.clock_due
        ),
        default=run.as_of,
    )
    warning = run.facts.calendar.warning(last)
    return [*made, *([warning] if warning else [])]
