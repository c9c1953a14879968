"""What holds of decisions whatever people write: their order does not matter, and nothing urgent is hidden."""

from __future__ import annotations

import random
from datetime import date, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frailty.triage.outcomes import Decision, Decisions, load_outcomes

DAY = date(2026, 11, 22)
OUTCOMES = load_outcomes()
FACTS = sorted({name for event in OUTCOMES.events.values() for name in (event.on, event.known) if name}
               | {one.on for one in OUTCOMES.coded})
days = st.integers(-400, 0).map(lambda back: DAY + timedelta(days=back))
decisions = st.builds(
    Decision, st.just("p1"), st.sampled_from(("mdt", "note_review", "pharmacist", "reason")),
    st.sampled_from([one.code for one in OUTCOMES.outcomes]), days, st.sampled_from(("Dr A", "Dr B")), st.none() | days.map(
        lambda day: day + timedelta(days=60)), source=st.sampled_from(("a.xlsx, Worklist", "b.xlsx, Worklist", "t.ndjson, Task")),
    row=st.integers(1, 9), rules=st.sampled_from(((), ("MDT-02 v1",))))
rows = st.dictionaries(st.sampled_from(FACTS), days).map(lambda told: {"frailty_confirmed": "severe", **told})


def rule(priority: str = "P5") -> Any:
    return SimpleNamespace(id="MDT-02", list="mdt", priority=priority)


@given(st.lists(decisions, max_size=6), rows, st.randoms())
def test_the_order_of_files_and_rows_does_not_matter(made: list[Decision], row: dict[str, Any], luck: random.Random) -> None:
    other = list(made)
    luck.shuffle(other)
    one = Decisions(made).on_rule("p1", rule(), row, DAY)
    two = Decisions(other).on_rule("p1", rule(), row, DAY)
    assert (one is None) == (two is None)
    assert one is None or two is None or (one.held, one.text[:40]) == (two.held, two.text[:40])


@given(st.lists(decisions, max_size=6), rows, st.sampled_from(("P2", "P3")))
def test_nothing_urgent_is_ever_hidden(made: list[Decision], row: dict[str, Any], priority: str) -> None:
    said = Decisions(made).on_rule("p1", rule(priority), row, DAY)
    assert said is None or not said.held


@given(st.lists(decisions, min_size=1, max_size=6), rows)
def test_whoever_is_held_is_told_until_when_and_whoever_is_not_is_told_why(made: list[Decision], row: dict[str, Any]) -> None:
    said = Decisions(made).on_rule("p1", rule(), row, DAY)
    if said is not None:
        assert ("unless: " in said.text or "until: " in said.text) == said.held
        assert any(one.by in said.text for one in made)


@given(decisions, rows, st.sampled_from(("last_admission_on", "last_fall_on")))
def test_what_happens_after_the_decision_lists_again(one: Decision, row: dict[str, Any], fact: str) -> None:
    """An admission breaks everything but a stay in hospital; a fall what names it."""
    broken_by = {"last_admission_on": "admission", "last_fall_on": "fall"}[fact]
    hold = OUTCOMES.hold(OUTCOMES.get(one.outcome), "mdt")
    if hold is not None and broken_by in hold.broken_by:
        said = Decisions([one]).on_rule("p1", rule(), {**row, fact: one.on + timedelta(days=1)}, one.on + timedelta(days=2))
        assert said is None or not said.held


@given(decisions, st.integers(0, 500))
def test_nobody_is_held_for_longer_than_the_data_say(one: Decision, later: int) -> None:
    said = Decisions([one]).on_rule("p1", rule(), {}, one.on + timedelta(days=later))
    hold = OUTCOMES.hold(OUTCOMES.get(one.outcome), "mdt")
    if said is not None and said.held:
        assert hold is not None and hold.days is not None and later < hold.days
        assert one.review_on is None or one.on + timedelta(days=later) < one.review_on


@pytest.mark.parametrize(("asked", "reason", "answered"), [
    ("asked by Ms Lee", "", True), ("asked by Ms Le", "", False), ("asked by Dr Nott", "", True), ("asked by Ms Lee", "fell", True),
    ("asked by Ms Lee", "fel", False), ("asked by Ms Lee", "lonely", False)])
def test_an_answer_is_to_the_very_request(asked, reason, answered):
    """A request without a day by somebody whose name begins another's, or for a reason that begins another, is a request of its own."""
    done = Decision("p1", "mdt", "no-change-needed", date(2026, 11, 20), "Dr A",
                    asked="asked by Dr Nott · asked by Ms Lee · rule MDT-01 v1 · Asked because: fell · Emergency on 1 Nov 2026")
    said = Decisions([done]).on_request("p1", asked, None, reason, {}, date(2026, 11, 21))
    assert bool(said and said.held) == answered
