"""Published models that a site turned on, applied every night by the same engine as every score. None is on by itself."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from frailty.errors import SiteError, nearest
from frailty.risk.publish import check_model
from frailty.scoring.load import load_scorecard, model_ids

if TYPE_CHECKING:
    import pandas as pd

    from frailty.scoring.definitions import Scorecard


def turned_on(ids: Sequence[str], rules: Path | None = None, where: str = "") -> dict[str, dict[str, Any]]:
    """id -> evaluation.json of each model that a site turned on; proven to be what was evaluated."""
    known = model_ids(rules)
    for id in ids:
        if id not in known:
            raise SiteError(f"[settings] risk_models: there is no model '{id}'.", where=where,
                            mend=nearest(id, known) or f"the models are: {', '.join(known) or '(none)'}")
    return {id: check_model(load_scorecard(id, rules), rules) for id in ids}


def ended(models: dict[str, dict[str, Any]], day: date) -> dict[str, str]:
    """id -> why a model is not applied on a day: its approval has ended."""
    until = {id: (told.get("approval") or {}).get("until", "") for id, told in models.items()}
    return {id: f"model {id}: not applied, its approval ended on {end}" for id, end in until.items() if end and end < str(day)}


def write_risk(cards: Sequence[Scorecard], scores: pd.DataFrame, contributions: pd.DataFrame, folder: Path) -> None:
    """risk.csv: one row per person and model; risk_terms.csv: what made it up. Every row has `mark`: what it is not for."""
    import pandas as pd
    made = {"risk": [_rows(card, scores) for card in cards], "risk_terms": [_terms(card, contributions) for card in cards]}
    for name, parts in made.items():
        pd.concat(parts, ignore_index=True).to_csv(folder / f"{name}.csv", index=False)


def _rows(card: Scorecard, scores: pd.DataFrame) -> pd.DataFrame:
    import pandas as pd
    return pd.DataFrame({
        "patient_id": scores["patient_id"], "model": card.id, "version": card.version, "chance": scores[card.id].round(4),
        "band": scores[f"{card.id}_band"], "status": scores[f"{card.id}_status"], "reason": scores[f"{card.id}_reason"],
        "mark": card.restricted})


def _terms(card: Scorecard, contributions: pd.DataFrame) -> pd.DataFrame:
    titles = {term.id: term.title for term in card.terms} | {"intercept": "Everybody"}
    titles |= {f"{term.id}_missing": f"{term.title}: not known" for term in card.terms}
    own = contributions[contributions["score"] == card.id].assign(model=card.id, mark=card.restricted)
    own["title"] = own["term"].map(titles)
    return own[["patient_id", "model", "term", "title", "points", "last_on", "n", "mark"]]
