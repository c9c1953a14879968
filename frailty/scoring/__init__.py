"""Scorecards, and the one engine that evaluates them over a list of people.

    card = load_scorecard("efi")
    plan = compile_plan([card], concept_systems, concept_codes)     # says what must be read: plan.coded_concepts, ...
    scores = evaluate(plan, arrays, as_of)                          # points, bands, status, contributions
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from frailty.scoring.definitions import STATUS, Scorecard
from frailty.scoring.load import input_names, load_scorecard, load_scorecards, scorecard_ids

if TYPE_CHECKING:
    from frailty.scoring.engine import Contributions, Score, Scores, evaluate, warm
    from frailty.scoring.examples import run_example
    from frailty.scoring.history import History, ScoreHistory
    from frailty.scoring.plan import Plan, compile_plan

_LATER = {"compile_plan": "plan", "Plan": "plan", "evaluate": "engine", "Scores": "engine", "Score": "engine",
          "Contributions": "engine", "warm": "engine", "run_example": "examples",
          "History": "history", "ScoreHistory": "history"}

__all__ = ["STATUS", "Contributions", "History", "Plan", "Score", "ScoreHistory", "Scorecard", "Scores", "compile_plan",
           "default_scorecard_ids", "evaluate", "input_names", "load_scorecard", "load_scorecards", "run_example",
           "scorecard_ids", "warm"]


def default_scorecard_ids(rules: Path | None = None) -> list[str]:
    """Those that are scored when nobody names any: neither restricted nor `default = false`."""
    return [card.id for card in load_scorecards(scorecard_ids(rules), rules) if not card.by_name_only]


def __getattr__(name: str) -> Any:
    if name in _LATER:
        return getattr(import_module(f"frailty.scoring.{_LATER[name]}"), name)
    raise AttributeError(name)
