"""A frailty index by the procedure of Searle 2008: the template, its denominator, and what it says where little is known."""

from __future__ import annotations

from pathlib import Path
from shutil import copytree
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


@pytest.mark.parametrize(("terms", "points", "of"), [
    ([], 0, 6), (["memory_concerns"], 0.5, 6), (["dementia", "memory_concerns"], 1, 6), (["falls", "memory_concerns"], 1.5, 6)])
def test_grades_known_by_codes_are_one_deficit(tmp_path: Path, terms: list[str], points: float, of: int) -> None:
    """Six deficits: falls, weight loss, dementia with its milder grade, kidney, body mass index; and a number with two grades."""
    copytree(TEMPLATE, tmp_path, dirs_exist_ok=True)
    file = tmp_path / "scores" / "our_frailty_index.toml"
    file.write_text(file.read_text("utf-8").split("[[example]]")[0] + """
[[term]]
id = "memory_concerns"
title = "Memory concerns"
any = [{ codes = "efi2/memory-concerns" }]
points = 0.5
[[term]]
id = "anaemia"
title = "Anaemia"
any = [{ from = "value", codes = "quantities/haemoglobin", unit = "g/L", take = "latest", value = [{ below = 90 }] }]
points = 1
[[term]]
id = "mild_anaemia"
title = "Mild anaemia"
any = [{ from = "value", codes = "quantities/haemoglobin", unit = "g/L", take = "latest", value = [{ below = 120 }] }]
points = 0.5
[[group]]
id = "memory"
title = "Memory"
choose = "first"
terms = ["dementia", "memory_concerns"]
[[group]]
id = "blood"
title = "Anaemia"
choose = "first"
terms = ["anaemia", "mild_anaemia"]
""", "utf-8")
    rules = laid_over(tmp_path)
    card, known = load_scorecard("our_frailty_index", rules), {"egfr": 90.0, "bmi": 22.0}
    for more, extra, assessed in (({}, 0.0, of - 1), ({"haemoglobin": 100.0}, 0.5, of), ({"haemoglobin": 80.0}, 1.0, of)):
        expect = {"points": points + extra, "of": assessed, "value": (points + extra) / assessed, "status": "ok"}
        given = {"age": 80, "terms": terms, "values": numbers(**known, **more)}
        assert run_example(card, Example(given, expect), rules) == []


def test_the_page_names_the_folder() -> None:
    page = (TEMPLATE.parent / "frailty-index.md").read_text("utf-8")
    assert "docs/frailty-index" in page and "10.1186/1471-2318-8-24" in page
