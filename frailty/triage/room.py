"""Room on the lists of a night: who has a place, who waits, why and until when; a team's places shared over practices."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING

from frailty.triage import cards
from frailty.triage.capacity import PLANNED, Item, allocate, shares, tie, weeks_to_clear
from frailty.triage.clocks import DAY
from frailty.triage.copies import changed
from frailty.triage.lines import Line
from frailty.triage.previous import Place, with_turn

if TYPE_CHECKING:
    from frailty.triage.context import Run
    from frailty.triage.rules import ListInfo


def placed(run: Run, place: Place, lines: Iterable[Line], slots: int | None, free: int | None = None, days: int = 7,
           closed: str = "", weekly: bool = False) -> list[Line]:
    """The lines of one list in order; those for whom there is no room go to the overflow with the reason and a likely week.

    `slots` come again every so many `days`, and `free` of them are free now (None: no cap; all). `closed`: why none is.
    Who was asked for comes first and is always in. `weekly`: `slots` new people a week, beside those who have a place already.
    """
    before = run.previous.at(*place)
    known = {line.mark: with_turn(line, before.get((line.list, line.mark)), run.as_of) for line in lines}
    asked = sorted((line for line in known.values() if line.asked),
                   key=lambda line: (line.first_listed or run.as_of, tie(run.fairness.seed, line.mark)))
    items = [_item(run, place, line) for line in known.values() if not line.asked]
    room = slots if slots is not None else len(known)
    if weekly and slots is not None:
        days, free = 7, _free_this_week(run, known.values(), items, slots)
    found = allocate(items, room, run.fairness, max(0, (room if free is None else free) - len(asked)), days)
    made = [*asked, *(known[one.item.person] for one in found.selected)]
    made = [line if line.turn_on else changed(line, turn_on=run.as_of) for line in made]
    for one in found.overflow:
        line = known[one.item.person]
        why = [closed or one.why]
        why += [f"waiting since {cards.day(line.first_listed)}"] if line.first_listed != run.as_of else []
        likely = run.as_of + 7 * DAY * one.week if one.week is not None else None
        why += [f"likely in the week of {cards.day(likely)}" if likely else
                f"not within {run.fairness.weeks} weeks at this pace"]
        why += ["had a turn before, and nothing has been recorded since"] if line.turns else []
        made.append(changed(line, section="overflow", turn_on=None, overdue=False, left_off="; ".join(why),
                            likely=likely))
    return made


def _free_this_week(run: Run, lines: Iterable[Line], items: Sequence[Item], slots: int) -> int:
    """Those who keep a place, all who are asked for, and as many more as this week's new places have not gone to somebody."""
    urgent = {item.person for item in items if item.priority not in PLANNED}
    lines = [line for line in lines if line.mark not in urgent]
    begun = sum((line.turn_on is None and line.asked) or (line.turn_on is not None and line.turn_on > run.as_of - 7 * DAY
                                                          and not line.overdue) for line in lines)
    return sum(line.asked for line in lines) + sum(item.kept for item in items if item.person not in urgent) + max(0, slots - begun)


def _item(run: Run, place: Place, line: Line) -> Item:
    row = run.rows.get(line.who)
    rules = [run.rules.rule(mark.split(" v")[0]) for mark in line.rules]
    of = str((row or {}).get("practice") or "") if place[0] in ("team", "hub") else place[1]
    return Item(line.mark, of, line.priority, str((row or {}).get("frailty_level") or ""),
                (run.as_of - (line.waits_since or run.as_of)).days, frozenset(one.protects for one in rules if one),
                int(line.first and not line.turns), line.turn_on is not None and not line.overdue)


def share(run: Run, info: ListInfo, ods: str) -> int:
    """A practice's part of the places of a team that serves all: so many for each, shared by the count of people eligible."""
    if info.id not in run.shares:
        rules, counts = run.rules_of(info.id), dict.fromkeys((one.ods for one in run.site.practices), 0)
        each = {one: run.slots(info.slots, one) for one in counts}
        for one in counts:
            people = {person for rule in rules for person in run.census.spoken.get((rule.id, one), ())}
            counts[one] = sum(any(run.exclusion(person, [rule]) is None for rule in run.met(person, rules)) for person in people)
        total, rank = sum(each.values()), run.fairness
        run.shares[info.id] = (shares(counts, total, rank.floor, rank.seed) if sum(counts.values()) > total
                               else {one: max(each[one], count) for one, count in counts.items()})
    return run.shares[info.id].get(ods, 0)


def pace(run: Run, place: Place, lines: Sequence[Line], slots: int | None, days: int = 7) -> str:
    """What a reader should know of those who wait: stock on the first night, flow on later ones, and weeks to clear."""
    waiting = [line for line in lines if line.section == "overflow"]
    if slots is None or not waiting:
        return ""
    every = "a week" if days == 7 else f"every {days} days"
    stock, first = place not in run.previous.registered, min(line.first_listed or run.as_of for line in lines)
    new = sum(1 for line in lines if line.first_listed and first < line.first_listed > run.as_of - 7 * DAY)
    weeks = weeks_to_clear(len(waiting), Fraction(7 * slots, days), new)
    clear = f"clear in {cards.plural(weeks, 'week')}" if weeks is not None else "they will not clear, as more come than go"
    told = "Stock, as this is the first night" if stock else f"Flow: {new} new in a week"
    return f" {told}: {len(waiting):,} wait; at {cards.plural(slots, 'place')} {every}: {clear}."


def comes_again(run: Run, list_id: str) -> int:
    """After how many days the places of a list are free again: when the work of its rules is due."""
    clocks = [run.facts.clocks.clock(rule.due) for rule in run.rules_of(list_id)]
    return min((one.numbers["days"] for one in clocks if one and one.counts == "calendar_days" and one.numbers["days"] >= 7),
               default=7)
