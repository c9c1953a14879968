"""Room on the lists, shared fairly (G10): who gets a place, who waits until when, and whether it was fair."""

from __future__ import annotations

import random
import re
from collections import Counter
from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from frailty.errors import FrailtyError
from frailty.triage import load_settings
from frailty.triage.capacity import (
    GAVE_WAY,
    PLANNED,
    URGENT,
    Allocation,
    Item,
    allocate,
    equity,
    fairness,
    in_order,
    shares,
    suppressed,
    urgency,
    weeks_to_clear,
)
from frailty.triage.clock_rules import load_clocks

RULES = fairness(load_settings())
PLAIN = replace(RULES, protected={})
BANDS = ("", "mild", "moderate", "severe")


def item(person: str, place: str = "Y90001", priority: str = "P5", band: str = "severe", **more: Any) -> Item:
    return Item(person, place, priority, band, **more)


def people(placed: Any) -> list[str]:
    return [one.item.person for one in placed]


ITEMS = st.lists(
    st.builds(
        lambda place, priority, band, waiting, flags: (place, priority, band, waiting, flags),
        st.sampled_from(["Y90001", "Y90002", "Y90003", "home-1"]),
        st.sampled_from(["P1", "P3", "P4", "P5", "P5", "P5", "P6"]),
        st.sampled_from(BANDS),
        st.integers(0, 100),
        st.frozensets(st.sampled_from(["unmet", "rapid_rise"])),
    ),
    max_size=40,
).map(lambda rows: [Item(f"p{n:02d}", *row) for n, row in enumerate(rows)])
SLOTS = st.integers(0, 24)


# ---- scenario 13


def town() -> list[Item]:
    chance = random.Random(13)
    return [
        item(f"p{n:03d}", chance.choice(["Y90001", "Y90001", "Y90002", "Y90003"]), band=chance.choice(BANDS[1:]),
             flags=frozenset(["unmet"] if n % 20 == 0 else []))
        for n in range(300)
    ]


def test_scenario_13_three_hundred_for_eight_places() -> None:
    """8 chosen, 292 on the overflow with reasons and a likely week; the equity table says who was chosen of whom."""
    found = allocate(town(), 8, RULES)
    assert (len(found.selected), len(found.overflow)) == (8, 292)
    assert all(one.why and one.week == 0 for one in found.selected)
    assert [re.match(r"no room: (\d+) of 292 who wait for 8 places a week", one.why)[1] for one in found.overflow] == [  # type: ignore[index]
        str(n) for n in range(1, 293)]
    assert Counter(one.week for one in found.overflow) == {**dict.fromkeys(range(1, 37), 8), 37: 4}
    assert [one.week for one in found.overflow] == sorted(one.week for one in found.overflow if one.week)
    assert {one.item.place for one in found.selected} == {"Y90001", "Y90002", "Y90003"}
    group = {one.person: "women" if int(one.person[1:]) % 3 else "men" for one in town()}
    table = {(row.dimension, row.group): row for row in equity(list(group), people(found.selected), {"sex": group}, 7, 5)}
    assert [(row.eligible, row.selected) for row in table.values()] == [("100", "*"), ("200", "*"), ("300", "10")]
    assert table["all", "all"].percent == "3"


def test_the_reason_says_where_a_share_is_used_up() -> None:
    """Y90001 has 20 with severe frailty; Y90002's one, with mild frailty, has its floor."""
    found = allocate([*(item(f"a{n:02d}") for n in range(20)), item("b", "Y90002", band="mild")], 4, PLAIN)
    assert [one.why for one in found.selected if one.item.person == "b"] == ["the least for a practice or home"]
    assert all(one.why.endswith("; the share of this practice or home is used up") for one in found.overflow)


# ---- properties


@settings(max_examples=150, deadline=None)
@given(ITEMS, SLOTS)
def test_the_counts_balance_and_the_urgent_are_never_capped(items: list[Item], slots: int) -> None:
    found = allocate(items, slots, RULES)
    assert sorted(people(found.selected) + people(found.overflow)) == sorted(one.person for one in items)
    urgent = [one for one in items if one.priority not in PLANNED]
    assert len(found.selected) == len(urgent) + min(slots, len(items) - len(urgent))
    assert {one.person for one in urgent} <= set(people(found.selected))
    assert {one.item.person: one.item for one in (*found.selected, *found.overflow)} == {one.person: one for one in items}
    weeks = Counter(one.week for one in found.overflow if one.week is not None)
    assert all(count <= slots for count in weeks.values())
    assert list(weeks) == list(range(1, len(weeks) + 1))


@settings(max_examples=100, deadline=None)
@given(ITEMS, SLOTS, st.randoms(use_true_random=False))
def test_the_order_of_the_input_does_not_matter(items: list[Item], slots: int, chance: random.Random) -> None:
    mixed = list(items)
    chance.shuffle(mixed)
    assert allocate(mixed, slots, RULES) == allocate(items, slots, RULES)


@settings(max_examples=200, deadline=None)
@given(ITEMS, SLOTS, st.data())
def test_more_urgent_more_frail_or_longer_waiting_never_costs_a_place(items: list[Item], slots: int, data: st.DataObject) -> None:
    """Urgency never falls: who has a place keeps it, whatever of this rises."""
    planned = [one for one in items if one.priority in PLANNED]
    if not planned:
        return
    mine = data.draw(st.sampled_from(planned))
    change = data.draw(st.sampled_from(["priority", "band", "waiting", "benefit"]))
    more = {
        "priority": {"priority": f"P{data.draw(st.integers(0, int(mine.priority[1])))}"},
        "band": {"band": "severe"},
        "waiting": {"waiting": mine.waiting + data.draw(st.integers(1, 100))},
        "benefit": {"benefit": mine.benefit + 1},
    }[change]
    before = people(allocate(items, slots, RULES).selected)
    after = people(allocate([replace(one, **more) if one is mine else one for one in items], slots, RULES).selected)
    assert mine.person not in before or mine.person in after


@settings(max_examples=150, deadline=None)
@given(ITEMS, SLOTS)
def test_floors_shares_and_protected_parts(items: list[Item], slots: int) -> None:
    planned = [one for one in items if one.priority in PLANNED]
    counts = Counter(one.place for one in in_order(planned, RULES))
    chosen = [one.item for one in allocate(items, slots, RULES).selected if one.item.priority in PLANNED]
    got = Counter(one.place for one in chosen)
    if slots >= len(counts):
        assert all(got[place] >= 1 for place in counts)
    else:
        assert all(count == 1 for count in got.values())
    free = slots - min(slots, len(counts))                      # what the floors leave
    kept = (slots * 10 + 50) // 100
    if free >= 2 * kept:
        for flag in ("unmet", "rapid_rise"):
            assert sum(flag in one.flags for one in chosen) >= min(kept, sum(flag in one.flags for one in planned))
    plain = Counter(one.item.place for one in allocate(items, slots, PLAIN).selected if one.item.priority in PLANNED)
    assert plain == Counter({place: count for place, count in shares(counts, slots, 1, RULES.seed).items() if count})


def test_places_are_shared_by_the_count_of_people_eligible() -> None:
    counts = {"Y90001": 60, "Y90002": 30, "home-1": 10}
    assert shares(counts, 10, 1, "s") == {"Y90001": 6, "Y90002": 3, "home-1": 1}
    assert shares(counts, 20, 1, "s") == {"Y90001": 12, "Y90002": 6, "home-1": 2}
    assert shares({"Y90001": 95, "home-1": 5}, 4, 1, "s") == {"Y90001": 3, "home-1": 1}      # the floor
    assert shares({"Y90001": 3, "home-1": 1}, 10, 1, "s") == {"Y90001": 3, "home-1": 1}
    assert shares(counts, 2, 1, "s") == {"Y90001": 1, "Y90002": 1, "home-1": 0}
    assert shares({}, 5, 1, "s") == {}


def test_a_tenth_of_the_places_is_kept_for_the_unmet_and_for_rapid_rises() -> None:
    crowd = [item(f"a{n:02d}") for n in range(40)]
    kept = [item("b", band="mild", flags=frozenset(["unmet"])), item("c", band="mild", flags=frozenset(["rapid_rise"]))]
    why = {one.item.person: one.why for one in allocate(crowd + kept, 8, RULES).selected}
    assert (why["b"], why["c"], len(why)) == ("a place kept for: unmet", "a place kept for: rapid rise", 8)
    assert not {"b", "c"} & set(people(allocate(crowd + kept, 4, RULES).selected))            # a tenth of 4 is none
    assert len(people(allocate(crowd, 8, RULES).selected)) == 8                               # nobody to keep them for


def test_each_wait_of_four_weeks_is_a_level() -> None:
    def first(*items: Item) -> str:
        return people(allocate(items, 1, PLAIN).selected)[0]

    assert first(item("a", band="moderate", waiting=27), item("b")) == "b"
    assert first(item("a", band="moderate", waiting=28), item("b")) == "a"                    # the same level, a longer wait
    assert first(item("a", band="moderate", waiting=28), item("b", waiting=27, benefit=1)) == "b"
    assert first(item("a", priority="P6"), item("b", priority="P5")) == "b"
    assert first(item("a", priority="P4", band="mild"), item("b", band="mild")) == "a"
    assert first(item("a", band=""), item("b", band="mild")) == "a"                           # unknown is not fit


def test_nobody_waits_for_ever() -> None:
    """Eight new people with severe frailty come for eight places each week; the one with mild frailty has a turn all the same."""
    waiting = [item("last", band="mild", priority="P6")]
    for week in range(1, 60):
        waiting += [item(f"w{week:02d}-{n}") for n in range(8)]
        found = allocate(waiting, 8, PLAIN)
        if "last" in people(found.selected):
            break
        waiting = [replace(one.item, waiting=one.item.waiting + 7) for one in found.overflow]
    assert week == 13                                                                          # 3 levels, 12 weeks of waiting


@settings(max_examples=150, deadline=None)
@given(ITEMS, SLOTS, SLOTS)
def test_who_has_a_place_keeps_it_unless_somebody_more_urgent_comes(items: list[Item], slots: int, more: int) -> None:
    having = {one.item.person for one in allocate(items[:len(items) // 2], slots, RULES).selected}
    tonight = [replace(one, kept=one.person in having and one.priority in PLANNED) for one in items]
    found = allocate(tonight, slots + more, RULES)
    assert len(found.selected) == len(allocate(items, slots + more, RULES).selected)
    lost = [one for one in found.overflow if one.item.kept]
    came = [one.item for one in found.selected if one.why == URGENT]
    assert len(lost) == len(came)
    for one in lost:
        assert GAVE_WAY in one.why
        assert max(urgency(other, RULES) for other in came) > urgency(one.item, RULES)
    assert allocate([replace(one.item, kept=True) for one in found.selected], slots + more, RULES).overflow == ()


def test_a_longer_wait_takes_no_place_from_who_has_one_and_a_higher_band_does() -> None:
    here = item("here", band="moderate", kept=True)
    waits = item("waits", band="moderate", waiting=400)
    assert people(allocate([here, waits], 1, PLAIN).selected) == ["here"]
    found = allocate([here, waits, item("worse", band="severe")], 1, PLAIN)
    assert [(one.item.person, one.why) for one in found.selected] == [("worse", URGENT)]
    assert {one.item.person: GAVE_WAY in one.why for one in found.overflow} == {"here": True, "waits": False}
    rare = replace(here, flags=frozenset({"unmet"}))                        # a protected part is not given away
    assert people(allocate([rare, item("worse", band="severe")], 1, RULES).selected) == ["here"]


def test_places_that_come_again_every_four_weeks_and_are_not_all_free_now() -> None:
    found = allocate([item(f"p{n:02d}") for n in range(30)], 12, PLAIN, free=2, days=28)
    assert len(found.selected) == 2
    assert Counter(one.week for one in found.overflow) == {4: 12, 8: 12, 12: 4}
    assert found.overflow[0].why == "no room: 1 of 28 who wait for 12 places every 28 days"


def test_the_tie_break_is_a_hash_with_a_seed() -> None:
    crowd = [item(f"p{n:02d}") for n in range(50)]
    one, two = (people(allocate(crowd, 8, replace(PLAIN, seed=seed)).selected) for seed in ("one", "two"))
    assert one != two and one == people(allocate(crowd, 8, replace(PLAIN, seed="one")).selected)
    assert one != sorted(one)


def test_nothing_here_knows_a_protected_characteristic() -> None:
    assert {field.name for field in fields(Item)} == {"person", "place", "priority", "band", "waiting", "flags", "benefit",
                                                   "kept"}


def test_the_priorities_that_may_be_capped_are_those_of_the_clocks() -> None:
    assert tuple(one.level for one in load_clocks().priorities.values() if one.capped) == PLANNED


def test_no_places_and_twice_the_same_person() -> None:
    assert allocate([], 8, RULES) == Allocation((), ())
    found = allocate([item("a"), item("b", priority="P2")], 0, RULES)
    assert (people(found.selected), [one.week for one in found.overflow]) == (["b"], [None])
    with pytest.raises(FrailtyError, match="twice"):
        allocate([item("a"), item("a", "home-1")], 8, RULES)


def test_those_who_wait_grow_older_in_the_likely_week() -> None:
    """Next week the one with moderate frailty has waited four weeks, and comes before the second with severe frailty."""
    found = allocate([item("a", band="moderate", waiting=21), item("b"), item("c")], 1, PLAIN)
    assert (found.overflow[0].item.person, found.overflow[0].week) == ("a", 1)


def test_who_lies_beyond_a_year_has_no_likely_week() -> None:
    found = allocate([item(f"p{n:03d}") for n in range(60)], 1, PLAIN)
    assert [one.week for one in found.overflow[50:]] == [51, 52, *[None] * 7]


# ---- stock and flow


@pytest.mark.parametrize(
    ("waiting", "slots", "new", "weeks"),
    [(300, 8, 0, 38), (300, 8, 2, 50), (300, 8, 8, None), (300, 8, 9.5, None), (0, 8, 20, 0), (8, 8, 0, 1), (9, 8, 0, 2), (5, 0, 0, None), (10, 3, 0.5, 4)],
)
def test_weeks_to_clear(waiting: int, slots: int, new: float, weeks: int | None) -> None:
    assert weeks_to_clear(waiting, slots, new) == weeks


# ---- the equity table


def test_small_numbers_are_suppressed_and_others_rounded() -> None:
    assert suppressed([0, 8, 12, 13, 52], 7, 5) == ["0", "10", "10", "15", "50"]
    assert suppressed([1, 7, 60, 0], 7, 5) == ["*", "*", "60", "0"]
    assert suppressed([3, 20, 60, 0], 7, 5) == ["*", "*", "60", "0"]     # one alone could be worked out from the total
    assert suppressed([3], 7, 5) == ["*"] and suppressed([], 7, 5) == []


def test_the_equity_table() -> None:
    eligible = [f"p{n:03d}" for n in range(200)]
    selected = [who for n, who in enumerate(eligible) if n < 100 and n % 2]
    quintile = {who: str(n % 5 + 1) for n, who in enumerate(eligible) if n < 150}
    rows = equity(eligible, selected, {"IMD quintile": quintile, "home": dict.fromkeys(eligible[:4], "home-1")}, 7, 5)
    table = {(row.dimension, row.group): (row.eligible, row.selected, row.percent) for row in rows}
    assert table["IMD quintile", "1"] == ("30", "10", "33")
    assert table["IMD quintile", "not recorded"] == ("50", "0", "0")
    assert table["home", "home-1"] == table["home", "not recorded"] == ("*", "*", "")
    assert table["all", "all"] == ("200", "50", "25")
    ages = {"p000": "85 and over", "p001": "under 65"}
    rows = equity(eligible[:3], [], {"age": ages}, 7, 5, {"age": ["under 65", "65 to 74", "85 and over"]})
    assert [row.group for row in rows] == ["under 65", "85 and over", "not recorded", "all"]


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(0, 60), min_size=1, max_size=8))
def test_no_small_number_can_be_worked_out(counts: list[int]) -> None:
    """No cell shows 1 to 7; a hidden cell cannot be told from the others and the total."""
    shown, total = suppressed(counts, 7, 5), suppressed([sum(counts)], 7, 5)[0]
    assert not [text for text in shown if text not in ("0", "*") and int(text) <= 7]
    hidden = shown.count("*")
    assert hidden != 1 or total == "*" or not [count for count in counts if count > 7]
