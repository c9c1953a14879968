"""Histories: at every date exactly what `evaluate` and the plain-Python oracle say there."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import naive
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scoring_people import CARD, CAREFUL, CODES, ICD10, LOCAL, QUANTITIES, TODAY, Row, lay_out, number_of, persons, write_rules

from frailty.errors import FrailtyError
from frailty.knowledge import rules_dir
from frailty.records.arrays import OPEN
from frailty.scoring import STATUS, Scorecard, compile_plan, evaluate, load_scorecard, scorecard_ids
from frailty.scoring.history import history, is_fast, presence
from frailty.terminology import load_codelist

pytestmark = pytest.mark.scoring
FEW = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])

HEAD = """
title = "Every word that the fast way knows"
version = "1"
licence = "none"
source = { citation = "made up" }
"""
FAST = f"""
id = "fast"
{HEAD}
population = {{ age_at_least = 40 }}
link = {{ divide_by = 7 }}
needs = ["hospital"]
band = [{{ label = "low", below = 0.3 }}, {{ label = "middle", at_least = 0.3, at_most = 0.9 }},
        {{ label = "high", above = 0.9 }}]
[[term]]
id = "joined"
any = [
  {{ codes = "t/two", within = "1 year", feed = "hospital" }},
  {{ from = "value", codes = "quantities/q1", value = [{{ above = 3 }}], within = "90 days" }},
]
points = 0.5
[[term]]
id = "sex"
any = [{{ from = "value", codes = "quantities/q1", value = [{{ below = 2, sex = "female" }}, {{ at_most = 4, sex = "male" }}] }}]
points = 2
[[term]]
id = "days"
any = [{{ codes = "t/one", take = "days", within = "1 month" }}]
bands = [{{ below = 2, points = 0.25 }}, {{ at_least = 2, at_most = 2.5, points = 0 }}, {{ above = 2.5, points = -1 }}]
[[term]]
id = "thrice"
any = [{{ codes = "t/one", take = "records", within = "2 years" }}]
at_least = 3
points = -0.5
unless = ["both"]
[[term]]
id = "drugs"
any = [{{ from = "issue", take = "distinct:substance", within = "12 months" }}]
bands = [{{ at_most = 2, points = 1 }}, {{ above = 2, points = 2 }}]
[[term]]
id = "orders"
any = [{{ from = "issue", codes = "t/drugs" }}, {{ codes = "t/two", take = "days", at_least = 2 }}]
points = 1
[[term]]
id = "both"
all = [{{ codes = "t/one" }}, {{ from = "value", codes = "quantities/q2", within = "3 weeks" }}]
none = [{{ codes = "t/kinds", category = "green" }}]
points = 1
[[term]]
id = "values"
any = [{{ from = "value", codes = "quantities/q2", take = "records", within = "1 year", at_least = 2 }}]
points = 0.75
[[term]]
id = "age"
any = [{{ from = "person", take = "age" }}]
bands = [{{ below = 60, points = 0 }}, {{ at_least = 60, below = 80, points = 1 }}, {{ at_least = 80, points = 3 }}]
"""
PLAIN = f"""
id = "plain"
{HEAD}
link = "identity"
band = []
[[term]]
id = "red"
any = [{{ codes = "t/kinds", category = "red" }}]
points = 1
unless = ["blue"]
[[term]]
id = "blue"
any = [{{ codes = "t/kinds", category = "blue", within = "90 days" }}]
points = 2
"""


@pytest.fixture(scope="module")
def rules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    cards = {"mixed": CARD, "careful": CAREFUL, "fast": FAST, "plain": PLAIN}
    return write_rules(tmp_path_factory.mktemp("rules"), cards)


def some_codes(*names: str) -> tuple[tuple[str, str], ...]:
    found = []
    for name in names:
        entries = load_codelist(name, rules_dir()).entries
        for entry in entries[::max(1, len(entries) // 12)]:
            found.append((entry.system, entry.code + ("0" if entry.match == "prefix" else "")))
    return tuple(dict.fromkeys(found))


DAYS_BACK = st.lists(st.sampled_from([0, 1, 2, -1, 20, 21, 22, 89, 90, 91, 180, 364, 365, 366, 367, 731, 732, 5000]), max_size=6)


def plan_and_people(cards: list[Scorecard], people: list[Row], rules: Path | None) -> Any:
    laid = lay_out(people, compile_plan(cards, [""], [""], rules).measured_quantities)
    return compile_plan(cards, laid.systems, laid.codes, rules), laid.arrays


def differences(cards: list[Scorecard], people: list[Row], days: list[date], rules: Path | None, fast: bool | None) -> list[str]:
    """Where the history differs from the oracle at each date, or from `evaluate`."""
    plan, arrays = plan_and_people(cards, people, rules)
    numbers = [number_of(day) for day in days]
    assert fast is None or is_fast(plan) == fast
    said, there = history(plan, arrays, numbers, fast=fast), presence(plan, arrays, numbers, fast=fast)
    found = []
    for d, day in enumerate(days):
        scores = evaluate(plan, arrays, number_of(day))
        given_points = np.zeros(there.shape[:2], np.bool_)
        given_points[scores.contributions.person, scores.contributions.term] = True
        if not np.array_equal(there[..., d], given_points):
            found.append(f"{day}: the terms that gave points differ")
        for card in cards:
            one, other = said[card.id], scores[card.id]
            found += [f"{card.id}, {day}: {what} is not that of evaluate" for what in ("points", "band", "status")
                      if not np.array_equal(getattr(one, what)[:, d], getattr(other, what))]
            if not np.array_equal(one.value[:, d], other.value, equal_nan=True):
                found.append(f"{card.id}, {day}: value is not that of evaluate")
            for p, person in enumerate(people):
                wanted = naive.score(card, {**person, "as_of": day}, rules)
                got = int(one.points[p, d]), (*one.bands, "")[one.band[p, d]], STATUS[one.status[p, d]]
                right = int(wanted["points"] * Decimal(10) ** card.scale), wanted["band"], wanted["status"]
                if got != right:
                    found.append(f"{card.id}, {day}, person {p}: {got} is not {right}")
    return found


PEOPLE = st.lists(persons(tuple((LOCAL, code) for code in CODES), QUANTITIES, 12), min_size=1, max_size=4)


@settings(FEW, max_examples=30)
@given(people=PEOPLE, back=DAYS_BACK)
def test_the_one_pass_says_what_each_date_says(rules: Path, people: list[Row], back: list[int]) -> None:
    cards = [load_scorecard(id, rules) for id in ("fast", "plain")]
    assert not differences(cards, people, [TODAY - timedelta(days=n) for n in back], rules, True)


@FEW
@given(people=PEOPLE, back=DAYS_BACK)
def test_any_other_scorecard_goes_date_by_date(rules: Path, people: list[Row], back: list[int]) -> None:
    cards = [load_scorecard(id, rules) for id in ("mixed", "careful")]
    assert not differences(cards, people, [TODAY - timedelta(days=n) for n in back], rules, False)


@settings(FEW, max_examples=15)
@given(people=st.lists(persons(some_codes("efi/falls", "efi/housebound", "efi/anaemia", "charlson/quan2005"),
                               {"haemoglobin": ("x",), "egfr": ("y",), "tsh": ("z",)}), min_size=1, max_size=3), back=DAYS_BACK)
def test_published_scores(people: list[Row], back: list[int]) -> None:
    cards = [load_scorecard(id) for id in ("efi", "efi_reviewed", "charlson", "charlson_age")]
    assert not differences(cards, people, [TODAY - timedelta(days=n) for n in back], None, True)


@pytest.mark.parametrize("id", ["efi", "efi_reviewed", "charlson", "charlson_quan2011", "charlson_age"])
def test_published_scores_take_the_one_pass(id: str) -> None:
    """Where this fails, a table or word of the plan has changed: see is_fast."""
    assert is_fast(compile_plan([load_scorecard(id)], ["", ICD10], ["", "I50"]))


@pytest.mark.parametrize("score", scorecard_ids())
def test_every_scorecard_has_a_history(score: str) -> None:
    """Whatever words a scorecard uses: at each date what `evaluate` says, on people with some of its codes."""
    card = load_scorecard(score)
    random = np.random.default_rng(3)
    codes = some_codes(*(e.codes for e in card.evidence if e.source == "coded" and e.codes))
    people = []
    for n in range(20):
        coded = []
        for record in range(random.integers(0, 12) if codes else 0):
            system, code = codes[random.integers(len(codes))]
            day = TODAY - timedelta(days=int(random.integers(-30, 900)))
            coded.append({"system": system, "code": code, "effective": day, "recorded": day + timedelta(days=record * 9),
                          "record": record, "stay": None})
        people.append({"birth": date(1930 + n, 3, n + 1), "sex": "female", "hospital_from": date(2000, 1, 1), "coded": coded,
                       "measured": [], "issues": [], "stays": [], "hospital_without_stays": n % 2 == 0, "as_of": TODAY})
    plan, arrays = plan_and_people([card], people, None)
    days = [number_of(TODAY) - 60 * n for n in range(5)]
    said = history(plan, arrays, days, fast=True)[score]
    for d, day in enumerate(days):
        other = evaluate(plan, arrays, day)[score]
        for what in ("points", "band", "status"):
            np.testing.assert_array_equal(getattr(said, what)[:, d], getattr(other, what))


def test_more_dates_than_a_word_holds(rules: Path) -> None:
    coded = [{"system": LOCAL, "code": "A1", "effective": TODAY - timedelta(days=n), "recorded": TODAY - timedelta(days=n // 2),
              "record": n, "stay": None} for n in range(200, -1, -7)]
    people = [{"birth": date(1964, 1, 1), "sex": "female", "hospital_from": date(2000, 1, 1), "coded": coded, "measured": [],
               "issues": [], "stays": [], "hospital_without_stays": False, "as_of": TODAY}] * 3
    days = [TODAY - timedelta(days=(37 * n) % 201) for n in range(201)]
    assert not differences([load_scorecard("fast", rules)], people, days, rules, True)


def test_what_the_one_pass_may_not_judge(rules: Path) -> None:
    made = {id: compile_plan([load_scorecard(id, rules)], [LOCAL] * 5, ["A1", "B1", "C1", "M1", "Q1"], rules)
            for id in ("mixed", "careful", "fast", "plain")}
    assert [id for id, plan in made.items() if is_fast(plan)] == ["fast", "plain"]
    assert not is_fast(compile_plan([load_scorecard("hfrs")], [ICD10], ["F00"]))


def test_a_new_word_is_not_overlooked(rules: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A scorecard or a table that says more than the pass knows goes date by date."""
    from frailty.scoring import history as module
    plan = compile_plan([load_scorecard("fast", rules)], [LOCAL], ["A1"], rules)
    names = module._WORDS[Scorecard], module._WORDS[type(plan.scorecards[0].terms[0])]
    for kind, word in ((Scorecard, "age_at_least"), (type(plan.scorecards[0].terms[0]), "unless")):
        with monkeypatch.context() as patch:
            patch.setitem(module._WORDS, kind, module._WORDS[kind].replace(word, ""))
            assert not is_fast(plan)
    with monkeypatch.context() as patch:
        patch.setitem(module._TABLES, type(plan.tables.maps), "kinds rank entries fits")
        assert not is_fast(plan)
    assert is_fast(plan) and names
    kinds = plan.tables.maps.kinds.copy()
    kinds[0] = 99
    assert not is_fast(replace(plan, tables=plan.tables._replace(maps=plan.tables.maps._replace(kinds=kinds))))


def test_blocks_threads_and_the_order_of_dates_do_not_matter(rules: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from frailty.scoring import history as module
    random = np.random.default_rng(5)
    people = [{"birth": date(1940, 1, 1), "sex": "male", "hospital_from": None, "measured": [], "stays": [], "issues": [],
               "hospital_without_stays": False, "as_of": TODAY, "coded": [
                   {"system": LOCAL, "code": CODES[random.integers(8)], "stay": None, "record": record, "recorded": day,
                    "effective": day} for record in range(random.integers(0, 9))
                   for day in [TODAY - timedelta(days=int(random.integers(0, 900)))]]} for _ in range(50)]
    plan, arrays = plan_and_people([load_scorecard("fast", rules)], people, rules)
    days = number_of(TODAY) - np.array([700, 0, 30, 700, 365])
    whole = history(plan, arrays, days, threads=1, fast=True)["fast"]
    assert whole.points.shape == (50, 5) and np.ptp(whole.points) > 0
    monkeypatch.setattr(module, "BLOCK", 7)
    other = history(plan, arrays, days[::-1], threads=3, fast=True)["fast"]
    np.testing.assert_array_equal(whole.points, other.points[:, ::-1])
    np.testing.assert_array_equal(whole.status, other.status[:, ::-1])


def test_nobody_and_no_date(rules: Path) -> None:
    plan, arrays = plan_and_people([load_scorecard("fast", rules)], [], rules)
    assert history(plan, arrays, [number_of(TODAY)], fast=True)["fast"].value.shape == (0, 1)
    person = {"birth": None, "sex": "male", "hospital_from": None, "coded": [], "measured": [], "issues": [], "stays": [],
              "hospital_without_stays": False, "as_of": TODAY}
    plan, arrays = plan_and_people([load_scorecard("fast", rules)], [person], rules)
    assert history(plan, arrays, [], fast=True)["fast"].points.shape == (1, 0)
    assert presence(plan, arrays, []).shape == (1, 9, 0)


def test_arrays_that_do_not_fit_are_refused(rules: Path) -> None:
    rows = [{"system": LOCAL, "code": "A1", "effective": TODAY - timedelta(days=n), "recorded": TODAY, "record": n, "stay": None}
            for n in range(3)]
    person = {"birth": date(1940, 1, 1), "sex": "male", "hospital_from": None, "coded": rows, "measured": [], "issues": [],
              "stays": [], "hospital_without_stays": False, "as_of": TODAY}
    plan, arrays = plan_and_people([load_scorecard("fast", rules)], [person], rules)
    for column, text in (("concept", "outside its table"), ("effective", "not in the order")):
        bad = arrays.coded._asdict()
        bad[column] = bad[column].copy()
        bad[column][0] = OPEN - 1
        with pytest.raises(FrailtyError, match=text):
            history(plan, replace(arrays, coded=type(arrays.coded)(**bad)), [number_of(TODAY)], fast=True)
