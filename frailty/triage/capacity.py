"""Who gets this week's places, and who waits until when (G10). Nothing here knows sex, age, ethnicity or deprivation.

    found = allocate(items, slots=8, rules=fairness(load_settings(site)))
    found.selected, found.overflow          # everybody is in one of the two
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

from frailty.errors import FrailtyError
from frailty.triage.copies import changed
from frailty.triage.settings import Settings

KEPT, URGENT = "keeps the place of the run before", "more urgent than somebody who had the place"
GAVE_WAY = "had a place before, and somebody more urgent came"
NOT_RECORDED = "not recorded"
PROTECTED = ("unmet", "rapid_rise")                 # what a rule may protect
PLANNED = ("P4", "P5", "P6")                        # what may run out of room; P0 to P3 never do


@dataclass(frozen=True)
class Item:
    """One eligible person. place: their practice or home; band: as the score says, '' = not known; waiting: days.

    kept: has a place already, from the run before.
    """

    person: str
    place: str
    priority: str
    band: str = ""
    waiting: int = 0
    flags: frozenset[str] = frozenset()
    benefit: int = 0
    kept: bool = False


@dataclass(frozen=True)
class Fairness:
    """The numbers of G10, from the settings. protected: flag -> percent of the places kept for people who carry it."""

    bands: tuple[str, ...]
    unknown_band: str
    lift_days: int
    floor: int
    protected: Mapping[str, int]
    weeks: int
    seed: str


@dataclass(frozen=True)
class Placed:
    """An item with the reason for its place. week: 0 = now, n = likely in n weeks, None = not within the weeks looked at."""

    item: Item
    why: str
    week: int | None = 0


@dataclass(frozen=True)
class Allocation:
    """The people of one team's week, and all others in the order in which they will likely come."""

    selected: tuple[Placed, ...]
    overflow: tuple[Placed, ...]


def fairness(settings: Settings) -> Fairness:
    """The numbers of rules/triage/settings.toml, with the site's own."""
    kept = {flag: settings.number(f"protect_{flag}_percent") for flag in PROTECTED}
    return Fairness(tuple(settings.texts("band_order")), settings.text("band_unknown"), settings.number("wait_level_days"),
                    settings.number("floor_slots"), kept, settings.number("likely_weeks"), settings.text("tie_seed"))


def allocate(items: Iterable[Item], slots: int, rules: Fairness, free: int | None = None, days: int = 7) -> Allocation:
    """Everybody of P0 to P3, and as many of P4 to P6 as are free now; the rest with reason and likely week.

    free: places of these slots now (None: all). The likely week is that of the same slots every so many days, if nobody new
    came. Who has a place keeps it, unless somebody of a higher level comes. The order of `items` does not matter.
    """
    free = slots if free is None else free
    found = sorted(items, key=lambda item: item.person)
    if len({item.person for item in found}) < len(found):
        raise FrailtyError("Somebody is twice among those who wait.", why="one person has one place", mend="merge the items first")
    urgent = [Placed(item, "urgent: never capped") for item in found if item.priority not in PLANNED]
    planned = [item for item in found if item.priority in PLANNED]
    chosen = _chosen(planned, free, rules)
    selected = [Placed(item, chosen[item]) for item in in_order(planned, rules) if item in chosen]
    left = [item for item in planned if item not in chosen]
    weeks = _weeks(left, slots, rules, days)
    every = "a week" if days == 7 else f"every {days} days"
    last = max((_key(one.item, rules) for one in selected), default=())
    overflow = []
    for position, item in enumerate(sorted(left, key=lambda one: (weeks.get(one.person, rules.weeks + 1), _key(one, rules))), 1):
        why = f"no room: {position} of {len(left)} who wait for {slots} places {every}"
        if item.kept:
            why += f"; {GAVE_WAY}" if URGENT in chosen.values() else "; had a place before, and fewer are free now"
        elif _key(item, rules) < last:
            why += "; the share of this practice or home is used up"
        overflow.append(Placed(item, why, weeks.get(item.person)))
    return Allocation((*sorted(urgent, key=lambda one: (one.item.priority, _key(one.item, rules))), *selected), tuple(overflow))


def in_order(items: Iterable[Item], rules: Fairness, later: int = 0) -> list[Item]:
    """The highest level first; then the expected benefit, the longest wait, a stable hash; so many days later."""
    return sorted(items, key=lambda item: _key(item, rules, later))


def level(item: Item, rules: Fairness, later: int = 0) -> int:
    """One level for each band, each step of priority from P6 upwards, and each so many days of waiting."""
    return urgency(item, rules) + (item.waiting + later) // max(1, rules.lift_days)


def urgency(item: Item, rules: Fairness) -> int:
    """The level without the waiting."""
    return _urgency(rules.bands, rules.unknown_band, item.band, item.priority)


@lru_cache(maxsize=1024)
def _urgency(bands: tuple[str, ...], unknown: str, band: str, priority: str) -> int:
    return bands.index(band if band in bands else unknown) + 6 - int(priority[1])


@lru_cache(maxsize=1 << 17)
def tie(seed: str, mark: str) -> str:
    """The stable hash that breaks ties."""
    return hashlib.sha256(f"{seed}|{mark}".encode()).hexdigest()


def shares(counts: Mapping[str, int], slots: int, floor: int, seed: str) -> dict[str, int]:
    """Places for each practice or home: the floor, then one at a time to whoever has most people for the places it has.

    By the count of people who meet the criteria, not by referrals made (Sainte-Laguë). `counts` in the order in which floors
    are given where there are fewer places than practices and homes.
    """
    given = dict.fromkeys(counts, 0)
    for place, count in counts.items():
        given[place] = min(floor, count, slots - sum(given.values()))
    for _ in range(slots - sum(given.values())):
        open_to = [place for place in counts if given[place] < counts[place]]
        if not open_to:
            break
        given[max(open_to, key=lambda one: (Fraction(counts[one], 2 * given[one] + 1), tie(seed, one)))] += 1
    return given


def _key(item: Item, rules: Fairness, later: int = 0) -> tuple[object, ...]:
    return (-level(item, rules, later), -item.benefit, -item.waiting, tie(rules.seed, item.person))


def _chosen(planned: Sequence[Item], slots: int, rules: Fairness, later: int = 0) -> dict[Item, str]:
    """Who gets a place, and why: who has one; floors, then protected parts, then shares, then whoever is next."""
    ordered = in_order(planned, rules, later)
    quota = shares(Counter(item.place for item in ordered), slots, rules.floor, rules.seed)
    chosen: dict[Item, str] = {}
    used: Counter[str] = Counter()

    def take(items: Iterable[Item], most: Mapping[str, int] | None, need: int, why: str) -> None:
        for item in items:
            if need <= 0 or len(chosen) >= slots:
                return
            if item not in chosen and (most is None or used[item.place] < most[item.place]):
                chosen[item] = why
                used[item.place] += 1
                need -= 1

    take([item for item in ordered if item.kept], None, slots, KEPT)
    take(ordered, {place: min(rules.floor, most) for place, most in quota.items()}, slots, "the least for a practice or home")
    for flag, percent in rules.protected.items():
        with_flag = [item for item in ordered if flag in item.flags]
        kept = (slots * percent + 50) // 100 - sum(item in chosen for item in with_flag)
        take(with_flag, None, kept, f"a place kept for: {flag.replace('_', ' ')}")
    take(ordered, quota, slots, "the share of this practice or home")
    take(ordered, None, slots, "room left")
    _give_way(chosen, ordered, rules)
    return chosen


def _give_way(chosen: dict[Item, str], ordered: Sequence[Item], rules: Fairness) -> None:
    """Somebody of a higher level, waiting aside, takes the place of the last of those who keep one; protected parts stay."""
    having = [item for item in ordered if item.kept and item in chosen]
    for item in sorted((one for one in ordered if one not in chosen and not one.kept), key=lambda one: -urgency(one, rules)
                       ) if having else ():
        below = [one for one in having if urgency(one, rules) < urgency(item, rules)
                 and one.flags & rules.protected.keys() <= item.flags]
        if below:
            last = min(reversed(below), key=lambda one: urgency(one, rules))
            having.remove(last)
            del chosen[last]
            chosen[item] = URGENT


def _weeks(left: Sequence[Item], slots: int, rules: Fairness, days: int) -> dict[str, int]:
    """person -> in how many weeks, if the same slots came every so many days and nobody new."""
    weeks: dict[str, int] = {}
    waiting = [changed(item, kept=False) for item in left]
    for turn in range(1, rules.weeks * 7 // days + 1 if slots else 1):
        weeks |= {item.person: -(-days * turn // 7) for item in _chosen(waiting, slots, rules, days * turn)}
        waiting = [item for item in waiting if item.person not in weeks]
        if not waiting:
            break
    return weeks


def weeks_to_clear(waiting: int, slots: int | Fraction, new_a_week: float = 0) -> int | None:
    """Weeks until nobody waits, at so many slots and new people a week; None: never, because more come than go."""
    net = Fraction(slots) - Fraction(new_a_week)
    return None if waiting and net <= 0 else -int(-waiting // net) if waiting else 0


# --- is it fair? -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Equity:
    """One line of the equity table: of the eligible of one group, how many were selected. Small numbers are `*`."""

    dimension: str
    group: str
    eligible: str
    selected: str
    percent: str


def equity(eligible: Collection[str], selected: Collection[str], groups: Mapping[str, Mapping[str, str]], small: int, base: int,
           orders: Mapping[str, Sequence[str]] | None = None) -> list[Equity]:
    """Selected of eligible people for each group of each dimension, and of all.

    groups: dimension -> person -> group; who is in none is `not recorded`, and comes last. orders: dimension -> its groups in the
    order in which people know them; others follow by name. Counts of 1 to `small` are suppressed, others
    rounded to `base`, percentages made of what is shown; where one group alone would be suppressed, the next smallest is too.
    """
    made = []
    for dimension, group_of in groups.items():
        names = {person: group_of.get(person) or NOT_RECORDED for person in eligible}
        counts = Counter(names.values()), Counter(names[person] for person in selected)
        known = [*(orders or {}).get(dimension, ())]
        order = sorted(counts[0], key=lambda name: (name == NOT_RECORDED, known.index(name) if name in known else len(known), name))
        of, got = (suppressed([count[name] for name in order], small, base) for count in counts)
        made += [_line(dimension, *row) for row in zip(order, of, got, strict=True)]
    return [*made, _line("all", "all", *(suppressed([len(people)], small, base)[0] for people in (eligible, selected)))]


def suppressed(counts: Sequence[int], small: int, base: int) -> list[str]:
    """Counts as they may leave the practice: 0, `*`, or rounded; never one `*` alone that a total would give away."""
    hidden = {place for place, count in enumerate(counts) if 0 < count <= small}
    rest = [place for place, count in enumerate(counts) if count > small]
    if len(hidden) == 1 and rest:
        hidden.add(min(rest, key=lambda place: counts[place]))
    return ["*" if place in hidden else str((count + base // 2) // base * base) for place, count in enumerate(counts)]


def _line(dimension: str, group: str, eligible: str, selected: str) -> Equity:
    selected = "*" if eligible == "*" else selected
    clear = "*" not in (eligible, selected) and eligible != "0"
    return Equity(dimension, group, eligible, selected, f"{100 * int(selected) / int(eligible):.0f}" if clear else "")
