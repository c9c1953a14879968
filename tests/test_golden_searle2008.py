"""A frailty index by the procedure of Searle 2008: the template, its denominator, and what it says where little is known."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from frailty.scoring import Scorecard, load_scorecard, run_example, scorecard_ids
from frailty.scoring.definitions import Example
from frailty.scoring.overlay import laid_over

pytestmark = pytest.mark.scoring
TEMPLATE = Path(__file__).resolve().parent.parent / "docs" / "frailty-index"
RULES = laid_over(TEMPLATE)


@pytest.fixture(scope="module")
def card() -> Scorecard:
    return load_scorecard("our_frailty_index", RULES)


def differs(card: Scorecard, given: dict[str, Any], **expect: Any) -> list[str]:
    return run_example(card, Example({"age": 80, **given}, expect), RULES)


def numbers(**values: float) -> list[dict[str, Any]]:
    return [{"quantity": quantity, "value": value, "days_before": 90} for quantity, value in values.items()]


def test_the_template_is_not_shipped_as_a_score_and_runs(card: Scorecard) -> None:
    assert card.id not in scorecard_ids() and card.restricted and not card.bands
    assert len(card.examples) >= 3
    assert [run_example(card, example, RULES) for example in card.examples] == [[]] * len(card.examples)


@pytest.mark.parametrize(("terms", "values", "points", "of"), [
    ([], numbers(egfr=90, bmi=22), 0, 5), (["falls", "weight_loss", "dementia"], numbers(egfr=20, bmi=17), 5, 5),
    (["falls"], numbers(egfr=45), 1.5, 4), (["falls", "dementia"], numbers(bmi=33), 3, 4)])
def test_the_index_is_the_sum_over_what_was_assessed(
        card: Scorecard, terms: list[str], values: list[dict[str, Any]], points: float, of: int) -> None:
    assert differs(card, {"terms": terms, "values": values}, points=points, of=of, value=points / of, status="ok") == []


def test_too_little_assessed_is_no_index(card: Scorecard) -> None:
    assert differs(card, {"terms": ["falls"]}, points=1, of=3, status="not_assessable") == []


@pytest.mark.parametrize(("quantity", "value", "points"), [
    ("egfr", 29.9, 1), ("egfr", 30, 0.5), ("egfr", 30.1, 0.5), ("egfr", 59.9, 0.5), ("egfr", 60, 0), ("egfr", 60.1, 0),
    ("bmi", 18.4, 1), ("bmi", 18.5, 0), ("bmi", 18.6, 0), ("bmi", 29.9, 0), ("bmi", 30, 1), ("bmi", 30.1, 1)])
def test_grades_at_every_edge(card: Scorecard, quantity: str, value: float, points: float) -> None:
    other = {"egfr": 90.0, "bmi": 22.0} | {quantity: value}
    assert differs(card, {"values": numbers(**other)}, points=points, of=5) == []


def test_the_page_names_the_folder() -> None:
    page = (TEMPLATE.parent / "frailty-index.md").read_text("utf-8")
    assert "docs/frailty-index" in page and "10.1186/1471-2318-8-24" in page
