"""The practice's page: MDT pack, note reviews, pharmacist's list, people nobody has seen, deaths to confirm."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any, NamedTuple

from frailty.site import PracticeInfo
from frailty.triage import cards
from frailty.triage.context import Run
from frailty.triage.lines import Group, Line, ListView, Page, came_off, numbered
from frailty.triage.room import comes_again, pace, placed, share
from frailty.triage.rules import Rule

PLANNED = ("mdt", "note_review", "pharmacist", "not_seen")
TITLES = {
    "hold": (
        "Check first: recorded as died",
        "Nobody notified these deaths formally. Make no contact until confirmed.",
    ),
    "mdt": ("MDT pack", "Nominations first, then people with severe frailty confirmed by a clinician."),
    "note_review": (
        "Five-minute note reviews",
        "The records suggest severe frailty; no clinician has said so. A note review, not a meeting slot.",
    ),
    "pharmacist": (
        "Pharmacist: structured medication reviews",
        "Many regular medicines with moderate or severe frailty, and no recent review.",
    ),
    "not_seen": (
        "Nobody has seen them",
        "Of a great age, with nothing recorded for two years. An empty record is not a low score.",
    ),
}
SLOTS = {"note_review": "note_review_slots", "pharmacist": "pharmacist_slots", "not_seen": "not_seen_slots"}


def practice_page(run: Run, practice: PracticeInfo) -> Page:
    """Build one practice's page."""
    place = ("practice", practice.ods)
    state = run.facts.sources.practices[practice.ods]
    mine = [person for person, row in run.rows.items() if row["practice"] == practice.ods]
    views, not_evaluated = [], []
    for list_id in ("hold", *PLANNED):
        view, groups = _list(run, practice, list_id, mine)
        views.append(view)
        not_evaluated += groups
    title = {view.id: view.title for view in views}
    here = {line.mark: title[line.list] for view in views for line in view.lines}
    present = {(line.list, line.mark) for view in views for line in view.lines}
    gone = [
        line
        for key, line in run.previous.at(*place).items()
        if key not in present and not run.unsaid(line)
    ]
    why = run.why_off(gone, here)
    excluded = _excluded(run, practice.ods)
    notices = _notices(run, practice, state.why)
    return Page(
        "practice",
        practice.ods,
        practice.name,
        "Practice worklist" + (f" · lead {practice.lead}" if practice.lead else ""),
        tuple(views),
        tuple(came_off(line, why[line.list, line.mark]) for line in gone),
        excluded,
        tuple(not_evaluated),
        _objectors(run, practice.ods),
        tuple(notices),
        run.facts.sources.of(practice.ods),
        state.state,
        _registered(run, practice.ods),
        decided=run.decided(mine, [rule for name in ("hold", *PLANNED) for rule in run.rules_of(name)]),
    )


class Room(NamedTuple):
    """Room on a list: slots (None = no cap) that come again every so many days; for the MDT its meeting, and whether the pack
    can still change."""

    slots: int | None
    meeting: date | None
    open: bool
    intro: str
    days: int = 7


def _list(run: Run, practice: PracticeInfo, list_id: str, mine: list[int]) -> tuple[ListView, list[Group]]:
    """One list: everybody of the practice in exactly one place, and the books that say so."""
    rules = run.rules_of(list_id)
    title, intro = TITLES[list_id]
    place = ("practice", practice.ods)
    books = dict.fromkeys(("listed", "overflow", "paused", "redirected", "suppressed", "not evaluated"), 0)
    lines, paused, unclear = [], [], []
    for person in mine:
        asked = [
            one for one in run.asked.get(person, ()) if _asked_list(run, person, one.audience) == list_id
        ]
        met = run.met(person, rules)
        verdicts = {run.verdicts.get(person, {}).get(rule.id, ("", False))[0] for rule in rules} - {""}
        exclusion = run.exclusion(person, rules)
        if asked:
            lines.append(run.line(person, list_id, met, asked))
        elif not verdicts or (exclusion is not None and exclusion.outcome in ("excluded", "held")):
            continue
        elif met and exclusion is not None and exclusion.outcome == "paused":
            text = cards.fill(exclusion.reason, run.rows[person], run.facts.settings.values)
            paused.append(replace(run.line(person, list_id, met), section="paused", left_off=text))
        elif met and exclusion is not None:
            books["redirected"] += 1
        elif met:
            lines.append(run.line(person, list_id, met))
        elif "not evaluated" in verdicts:
            unclear.append(person)
        else:
            books["suppressed"] += 1
    room = _room(run, practice, list_id, intro)
    lines = _pack(run, place, lines, room) if list_id == "mdt" else placed(run, place, lines, room.slots, days=room.days)
    before = run.previous.at(*place)
    paused = [
        replace(line, turns=old.turns) if (old := before.get((list_id, line.mark))) else line
        for line in paused
    ]
    lines = run.finished(place, [*lines, *paused], rules, room.meeting)
    for line in lines:
        books["listed" if line.section == "now" else line.section] += 1
    books["not evaluated"] = len(unclear)
    _balance(run, practice.ods, rules, [line.person for line in lines if line.asked and line.person], books)
    lines += _repeated(run, practice.ods, list_id, {line.mark for line in lines})
    intro = room.intro + pace(run, place, lines, room.slots, room.days)
    view = ListView(list_id, title, intro, numbered(lines), slots=room.slots, books=books)
    return view, _groups(run, rules, unclear)


def _asked_list(run: Run, person: int, audience: str) -> str:
    """On which list of the practice a request stands; empty where a home's page carries it."""
    if run.rows[person]["death_status"] == "informal":
        return "hold"
    if audience == "pharmacist":
        return "pharmacist"
    return "" if run.at_home(person, audience) else "mdt"


def _room(run: Run, practice: PracticeInfo, list_id: str, intro: str) -> Room:
    """How many the list holds, and for which meeting."""
    if list_id != "mdt":
        if list_id not in SLOTS:
            return Room(None, None, True, intro)
        slots = run.facts.settings.number(SLOTS[list_id])
        slots = share(run, list_id, slots, practice.ods) if list_id == "pharmacist" else slots
        return Room(slots, None, True, intro, comes_again(run, list_id))
    slots = practice.mdt_slots if practice.mdt_slots is not None else run.facts.settings.number("mdt_slots")
    found = run.meetings(practice)
    if not found:
        return Room(slots, None, True, intro + " No meeting days are given for this practice.", comes_again(run, list_id))
    first, when = found[0], cards.day(found[0].on, weekday=True)
    days = max(1, (found[-1].on - first.on).days) if len(found) > 1 else 7
    closes = cards.day(first.cut_off, weekday=True)
    if run.as_of <= first.cut_off:
        return Room(slots, first.on, True, f"{intro} Meeting on {when}; the pack closes at the end of {closes}.", days)
    in_pack = any(
        line.list == "mdt" and line.section == "now" and line.due == first.on
        for line in run.previous.at("practice", practice.ods).values()
    )
    if in_pack or len(found) == 1:
        return Room(slots, first.on, False, f"{intro} Meeting on {when}; the pack closed on {closes}.", days)
    return Room(slots, found[1].on, True, f"{intro} Meeting on {cards.day(found[1].on, weekday=True)}.", days)


def _pack(run: Run, place: tuple[str, str], lines: list[Line], room: Room) -> list[Line]:
    """The MDT pack. Once it has closed, only those already in it and those asked for stay; the rest wait."""
    if room.meeting is None or room.open:
        return placed(run, place, lines, room.slots, days=room.days)
    before = run.previous.at(*place)

    def stays(line: Line) -> bool:
        old = before.get(("mdt", line.mark))
        return line.asked or (old is not None and old.section == "now" and old.due == room.meeting)

    kept = placed(run, place, [line for line in lines if stays(line)], None)
    closed = f"the pack for {cards.day(room.meeting)} has closed"
    rest = [line for line in lines if not stays(line)]
    return kept + placed(run, place, rest, room.slots, free=0, days=room.days, closed=closed)


def _repeated(run: Run, ods: str, list_id: str, taken: set[str]) -> list[Line]:
    """The last good list of a practice on hold or frozen, without people known to have died, or to object since."""
    if list_id not in PLANNED or run.facts.sources.practices[ods].state == "ok":
        return []
    made = []
    for (name, mark), line in run.previous.at("practice", ods).items():
        person = line.person or -1
        if run.decision_on(line):
            continue
        if name == list_id and mark not in taken and not {"died", "objection"} & set(run.flags.get(person, ())):
            told = cards.warnings(run.rows[person]) if person in run.rows else line.warnings
            made.append(replace(line, status="repeated", asked=False, warnings=told))
    return sorted(made, key=lambda line: line.position)


def _groups(run: Run, rules: list[Rule], people: list[int]) -> list[Group]:
    """People who could not be evaluated, by rule and by what is missing."""
    found: dict[tuple[str, str, bool], list[int]] = {}
    for person in people:
        row, verdicts = run.rows[person], run.verdicts.get(person, {})
        rule = next(one for one in rules if verdicts.get(one.id, ("", False))[0] == "not evaluated")
        gaps = [fact for fact in rule.needs if row[fact] is None]
        absent = [why for fact in gaps if (why := run.facts.why_absent(fact, row["practice"]))]
        named = absent or [f"{fact.replace('_', ' ')} not known" for fact in gaps]
        why = "; ".join(dict.fromkeys(named)) or run.evaluation.errors.get(rule.id, "the rule failed")
        found.setdefault((rule.id, why, bool(absent)), []).append(person)
    return [
        Group(
            rule, why, tuple(sorted(map(run.card, mine), key=lambda card: (card.name, card.nhs_number))), off
        )
        for (rule, why, off), mine in sorted(found.items())
    ]


def _balance(run: Run, ods: str, rules: list[Rule], asked: list[int], books: dict[str, int]) -> None:
    """Count everybody, the excluded and the not concerned apart from the lines, so that the books can be checked."""
    planned = all(rule.planned for rule in rules)
    out = [
        one.id
        for one in run.rules.exclusions
        if (one.scope == "everything" and one.outcome == "excluded")
        or (planned and one.scope != "named" and one.outcome in ("excluded", "held"))
    ]
    row = run.con.execute(
        """SELECT count(*), count(*) FILTER (e.person IS NOT NULL AND NOT asked),
                  count(*) FILTER (e.person IS NULL AND o.person IS NULL AND NOT asked)
           FROM (SELECT person, list_contains($asked::INTEGER[], person) AS asked FROM facts WHERE practice = $ods) f
           LEFT JOIN (SELECT DISTINCT person FROM exclusion_flag
                      WHERE list_contains($out::VARCHAR[], exclusion)) e USING (person)
           LEFT JOIN (SELECT DISTINCT person FROM outcome
                      WHERE list_contains($rules::VARCHAR[], rule)) o USING (person)""",
        {"asked": asked, "ods": ods, "out": out, "rules": [rule.id for rule in rules]},
    ).fetchall()[0]
    books["people"], books["excluded"], books["not concerned"] = map(int, row)


def _excluded(run: Run, ods: str) -> tuple[tuple[str, int], ...]:
    """How many people of the practice each exclusion holds; the first one counts."""
    ranks = " ".join(f"WHEN '{one.id}' THEN {rank}" for rank, one in enumerate(run.rules.exclusions))
    counts = dict(
        run.con.execute(
            f"""SELECT first, count(*) FROM (SELECT person, min(CASE exclusion {ranks} END) AS first
            FROM exclusion_flag JOIN facts USING (person) WHERE practice = ? GROUP BY person) GROUP BY first""",
            [ods],
        ).fetchall()
    )
    return tuple(
        (one.label, int(counts[rank])) for rank, one in enumerate(run.rules.exclusions) if rank in counts
    )


def _registered(run: Run, ods: str) -> int:
    row = run.con.execute(
        "SELECT count(*) FROM facts WHERE practice = ? AND registration_status = 'registered' "
        "AND coalesce(death_status, 'none') = 'none'",
        [ods],
    ).fetchall()[0]
    frozen = (
        run.facts.sources.practices[ods].state == "frozen"
    )  # compare with the last good register, not with this
    return max(int(row[0]), run.previous.registered.get(("practice", ods), 0) if frozen else 0)


def _objectors(run: Run, ods: str) -> tuple[Any, ...]:
    """The marker that only the person's own practice sees."""
    cursor = run.con.execute(
        "SELECT * FROM facts WHERE practice = ? AND objection = 'yes' "
        "AND registration_status = 'registered' AND coalesce(death_status, 'none') <> 'formal' "
        "ORDER BY name, person",
        [ods],
    )
    names = [column[0] for column in cursor.description or ()]
    return tuple(cards.card(dict(zip(names, row, strict=True))) for row in cursor.fetchall())


def _notices(run: Run, practice: PracticeInfo, why: str) -> list[str]:
    """What the reader must know before using the page."""
    made = []
    state = run.facts.sources.practices[practice.ods]
    if state.state != "ok":
        since = f" of {cards.day(run.previous.as_of)}" if run.previous.as_of else ""
        shown = (
            f"The planned lists below repeat the last good run{since}."
            if run.previous.at("practice", practice.ods)
            else "There is no earlier list to show."
        )
        made.append(f"This practice is {state.state}: {why}. {shown} New requests are still served.")
    if not state.hospital:
        made.append(f"Newer admissions and discharges are not known ({state.hospital_note}).")
    moved = sum(
        run.at_home(person, one.audience)
        for person, found in run.asked.items()
        for one in found
        if run.rows[person]["practice"] == practice.ods
    )
    if moved:
        made.append(
            f"{cards.plural(moved, 'request')} for care-home residents: first on the home's round list."
        )
    named = {name for rule in run.rules.rules if rule.list in PLANNED for name in rule.exclusions}
    for exclusion in run.rules.exclusions:
        absent = run.facts.why_absent(exclusion.fact, practice.ods)
        if absent and exclusion.fact != "in_hospital" and (exclusion.scope != "named" or exclusion.id in named):
            made.append(f"Nobody could be left out as “{exclusion.label}”: {absent}.")
    for rule in run.rules.rules:
        if rule.id in run.evaluation.off:
            if rule.list in PLANNED:
                made.append(f"Rule {rule.id} is off: {run.evaluation.off[rule.id]}.")
            continue
        gaps = [absent for fact in rule.needs if (absent := run.facts.why_absent(fact, practice.ods))]
        if gaps and rule.list in PLANNED:
            made.append(f"Rule {rule.id} is off for this practice: {gaps[0]}. See “Could not be evaluated”.")
    off = [rule.id for rule in run.rules.off if rule.list in PLANNED]
    if off:
        made.append(f"Proposals that the site has not turned on: {', '.join(off)}.")
    warning = run.facts.calendar.warning(run.as_of.replace(year=run.as_of.year + (run.as_of.month == 12)))
    return [*made, *([warning] if warning else [])]
