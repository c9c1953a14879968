"""One list of a page: everybody eligible in exactly one place, and the books that say so. Practices, teams and the hub share it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date

from frailty.site import Request
from frailty.triage import cards
from frailty.triage.census import NOBODY
from frailty.triage.context import Run
from frailty.triage.copies import changed
from frailty.triage.lines import Group, Line, ListView, numbered
from frailty.triage.previous import Place
from frailty.triage.room import comes_again, pace, placed, share
from frailty.triage.rules import Exclusion, ListInfo, Rule, applies

EXCLUDED = ("excluded", "held")
Asked = Callable[[int, ListInfo], list[Request]]


@dataclass(frozen=True)
class Scope:
    """Whose page it is, which practices it serves, and which requests stand on a list of it."""

    place: Place
    practices: tuple[str, ...]
    asked: Asked


@dataclass(frozen=True)
class Room:
    """Room on a list: slots (None = no cap) that come again every so many days; for the MDT its meeting, and whether the pack
    can still change."""

    slots: int | None
    intro: str
    days: int = 7
    meeting: date | None = None
    open: bool = True


@dataclass
class Sorted:
    """People by what the rules of a list say of them."""

    lines: list[Line] = field(default_factory=list)
    paused: list[Line] = field(default_factory=list)
    unclear: list[int] = field(default_factory=list)
    redirected: set[int] = field(default_factory=set)
    suppressed: set[int] = field(default_factory=set)
    excluded: set[int] = field(default_factory=set)


def make_list(run: Run, scope: Scope, info: ListInfo, room: Room | None = None) -> tuple[ListView, list[Group]]:
    """One list, and who could not be evaluated for it."""
    rules = run.rules.rules_of(info.id)
    found = _sorted(run, scope, info, rules)
    room = room or list_room(run, scope, info)
    before = run.previous.at(*scope.place)
    made = _pack(run, scope.place, found.lines, room) if room.meeting else placed(
        run, scope.place, found.lines, room.slots, days=room.days, weekly=info.per == "week")
    paused = [changed(line, turns=old.turns) if (old := before.get((info.id, line.mark))) else line for line in found.paused]
    lines = run.finished(scope.place, [*made, *paused], rules, room.meeting)
    books = dict.fromkeys(("listed", "overflow", "paused"), 0)
    for line in lines:
        books["listed" if line.section == "now" else line.section] += 1
    books |= {"redirected": len(found.redirected), "suppressed": len(found.suppressed), "not evaluated": len(found.unclear)}
    _balance(run, scope, rules, found, books)
    lines += _repeated(run, scope, info, {line.mark for line in lines})
    every = 7 if info.per == "week" else room.days
    intro = room.intro + pace(run, scope.place, lines, room.slots, every)
    view = ListView(info.id, info.title, intro, numbered(lines), slots=None if info.per == "week" else room.slots, books=books,
                    weekly=room.slots if info.per == "week" else None)
    return view, _groups(run, rules, found.unclear)


def list_room(run: Run, scope: Scope, info: ListInfo) -> Room:
    """The places of a list, as settings and the site's sheet say."""
    if not info.slots:
        return Room(None, info.intro)
    slots = run.slots(info.slots, scope.place[1])
    if info.per == "week":
        return Room(slots, f"{info.intro} Room for {cards.plural(slots, 'new person', 'new people')} a week.")
    if info.shared:
        slots = share(run, info, scope.place[1])
    return Room(slots, info.intro, comes_again(run, info.id))


def _sorted(run: Run, scope: Scope, info: ListInfo, rules: Sequence[Rule]) -> Sorted:
    """Each person of the practices for whom a rule says something, or somebody asks, in the first place that fits."""
    found = Sorted()
    for person in _people(run, scope, info, rules):
        asked = scope.asked(person, info) if person in run.asked else []
        verdicts = run.verdicts.get(person, {})
        by_place: dict[str, list[Rule]] = {}
        stopped: dict[str, Exclusion] = {}
        for rule in rules:
            outcome = verdicts.get(rule.id, ("", False))[0]
            if not outcome:
                continue
            exclusion = run.exclusion(person, [rule])
            if exclusion is not None and exclusion.outcome in EXCLUDED:
                by_place.setdefault("excluded", []).append(rule)
            elif outcome == "yes" and exclusion is not None:
                by_place.setdefault(exclusion.outcome, []).append(rule)
                stopped.setdefault(exclusion.outcome, exclusion)
            else:
                by_place.setdefault(outcome, []).append(rule)
        met = by_place.get("yes", [])
        if asked:
            held = [rule for rule in rules if rule in met or rule in (*by_place.get("paused", ()), *by_place.get("redirected", ()))]
            found.lines.append(run.line(person, info, held, asked))
        elif met:
            found.lines.append(run.line(person, info, met))
        elif "paused" in by_place:
            text = cards.fill(stopped["paused"].reason, run.rows[person], run.facts.settings.values)
            found.paused.append(changed(run.line(person, info, by_place["paused"]), section="paused", left_off=text))
        elif "redirected" in by_place:
            found.redirected.add(person)
        elif "not evaluated" in by_place:
            found.unclear.append(person)
        elif "suppressed" in by_place:
            found.suppressed.add(person)
        elif by_place:
            found.excluded.add(person)
    return found


def _people(run: Run, scope: Scope, info: ListInfo, rules: Sequence[Rule]) -> list[int]:
    """Who may stand on the list, in the order of the records."""
    wanted = {person for ods in scope.practices for rule in rules for person in run.census.spoken.get((rule.id, ods), ())}
    wanted |= {person for person in run.asked if run.rows[person]["practice"] in scope.practices and scope.asked(person, info)}
    return sorted(wanted)


def _pack(run: Run, place: Place, lines: list[Line], room: Room) -> list[Line]:
    """The MDT pack. Once it has closed, only those already in it and those asked for stay; the rest wait."""
    if room.open:
        return placed(run, place, lines, room.slots, days=room.days)
    before = run.previous.at(*place)

    def stays(line: Line) -> bool:
        old = before.get((line.list, line.mark))
        return line.asked or (old is not None and old.section == "now" and old.due == room.meeting)

    kept = placed(run, place, [line for line in lines if stays(line)], None)
    closed = f"the pack for {cards.day(room.meeting)} has closed"
    rest = [line for line in lines if not stays(line)]
    return kept + placed(run, place, rest, room.slots, free=0, days=room.days, closed=closed)


def _repeated(run: Run, scope: Scope, info: ListInfo, taken: Collection[str]) -> list[Line]:
    """The last good planned list of practices on hold or frozen, without people known to have died, or to object since."""
    frozen = [ods for ods in scope.practices if run.facts.sources.practices[ods].state != "ok"]
    if not frozen or info.id == "hold":
        return []
    titles = {run.practice_name(ods) for ods in frozen}
    made = []
    for (name, mark), line in run.previous.at(*scope.place).items():
        row = run.rows.get(line.who)
        theirs = row["practice"] in frozen if row else line.card.practice in titles
        if name != info.id or mark in taken or not theirs or run.decision_on(line):
            continue
        if not _planned(run, line) or {"died", "objection"} & set(run.flags.get(line.who, ())):
            continue
        told = cards.warnings(row) if row else line.warnings
        made.append(changed(line, status="repeated", asked=False, warnings=told))
    return sorted(made, key=lambda line: line.position)


def _planned(run: Run, line: Line) -> bool:
    """Whether the line rests on a planned rule, or on a request: what an event made is told anew by tonight's records."""
    found = [run.rules.rule(mark.split(" v")[0]) for mark in line.rules]
    return any(rule is None or rule.planned for rule in found) or not found


def _groups(run: Run, rules: Sequence[Rule], people: Iterable[int]) -> list[Group]:
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
    return [Group(rule, why, tuple(sorted(map(run.card, mine), key=lambda card: (card.name, card.nhs_number))), off)
            for (rule, why, off), mine in sorted(found.items())]


def _balance(run: Run, scope: Scope, rules: Sequence[Rule], found: Sorted, books: dict[str, int]) -> None:
    """Count everybody, the excluded and the not concerned too, so that the books can be checked."""
    somewhere = {line.person for line in (*found.lines, *found.paused) if line.person is not None}
    somewhere |= {*found.unclear, *found.redirected, *found.suppressed}
    always = [one.id for one in run.rules.exclusions if one.outcome in EXCLUDED and one.scope != "named"
              and all(applies(one, rule) for rule in rules)]
    books |= {"people": 0, "excluded": 0, "rule off": 0, "not concerned": 0}
    for ods in scope.practices:
        people = run.census.people.get(ods, 0)
        here = {person for person in somewhere if run.rows[person]["practice"] == ods}
        out = {person for person in found.excluded if run.rows[person]["practice"] == ods}
        for name in always:
            out |= run.census.flagged.get((name, ods), NOBODY) - here
        off = bool(rules) and all(run.off_at(rule, ods) for rule in rules)
        books["people"] += people
        books["excluded"] += len(out)
        books["rule off" if off else "not concerned"] += people - len(here) - len(out)


def excluded(run: Run, practices: Sequence[str]) -> tuple[tuple[str, int], ...]:
    """How many people of these practices each exclusion holds; the first one counts."""
    counts, seen = [], set[int]()
    for one in run.rules.exclusions:
        mine = {person for ods in practices for person in run.census.flagged.get((one.id, ods), ())} - seen
        seen |= mine
        if mine:
            counts.append((one.label, len(mine)))
    return tuple(counts)
