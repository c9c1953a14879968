"""One honest account of a model: everything measured on later rows, beside its references, as a plain dict (JSON)."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone

from frailty.errors import FrailtyError
from frailty.knowledge import rules_dir
from frailty.risk import metrics
from frailty.risk.binning import bin_codes
from frailty.risk.dataset import CENSORED, DEATH, Dataset
from frailty.risk.differs import where_it_differs
from frailty.risk.learner import ScorecardClassifier
from frailty.risk.references import NAMES, Rows, given, learned
from frailty.scoring import load_scorecard

Floats = NDArray[np.float64]
METHODS = {
    "auroc": "DeLong 1988; where people come again, by person (Obuchowski 1997)",
    "auprc": "average precision, logit interval (Boyd, Eng and Page 2013), by people with the event",
    "shares": "Wilson 1927",
    "calibration": "logistic recalibration on the log-odds, sandwich errors, by person where people come again",
    "decision_curve": "Vickers and Elkin 2006",
    "censoring": "rows not seen to the horizon are left out; the others weigh 1 / the Kaplan-Meier chance of being seen so far",
    "death": "a death before an admission is an end without admission, not censoring; Aalen-Johansen incidence beside the share",
    "level": "95 %",
}


def report_settings(rules: Path | None = None) -> dict[str, Any]:
    """rules/risk_report.toml."""
    with ((rules or rules_dir()) / "risk_report.toml").open("rb") as stream:
        return tomllib.load(stream)


def evaluate(train: Dataset, calibration: Dataset, test: Dataset, model: ScorecardClassifier | None = None, *,
             p: Floats | None = None, seed: int = 0, rules: Path | None = None) -> dict[str, Any]:
    """The account; `report.write` makes it a page. The model is learned on `train` unless it already is, and recalibrated.

    p: the probabilities of the test rows as the engine gives them, instead of a model: a published scorecard, judged as it stands.
    The three hold different periods, and no person of one stands in another unless that is meant. References are fitted on the
    same rows and recalibrated alike. The same data and seed give the same account.
    """
    if (model is None) == (p is None):
        raise FrailtyError("An account is of a model, or of probabilities.", mend="give one of the two")
    said = report_settings(rules)
    if not len(train.columns) == len(calibration.columns) == len(test.columns) or train.horizon != test.horizon:
        raise FrailtyError("Train, calibration and test data have different features or horizons.")
    sets = {name: Rows.of(one) for name, one in (("train", train), ("calibration", calibration), ("test", test))}
    for name, rows in sets.items():
        if not 0 < rows.y.sum() < len(rows.y):
            raise FrailtyError(f"The {name} rows hold nobody with, or nobody without, the event.", mend="take a longer period")
    fit, late, rows = sets["train"], sets["calibration"], sets["test"]
    if model is not None:
        if not hasattr(model, "tables_"):
            model.learn(train)
        before = model.predict_proba(rows.data.x)[:, 1]
        old = model.intercept_, model._slope
        model.mend(calibration, said["evaluate"]["update_level"])
        updated = "intercept and slope" if model._slope != old[1] else "intercept" if model.intercept_ != old[0] else "none"
        ours = {name: model.predict_proba(one.data.x)[:, 1] for name, one in (("calibration", late), ("test", rows))}
    else:
        updated = "none"
        before = np.asarray(p, np.float64)[metrics.seen(test)[0]]
        ours = {"test": before}

    predictions = {"scorecard": ours["test"]}
    if model is not None and model.pairs_:
        plain = clone(model).set_params(pairs=0).learn(train).mend(calibration, said["evaluate"]["update_level"])
        predictions["additive"] = plain.predict_proba(rows.data.x)[:, 1]
    predictions |= {**learned(fit, late, rows, said, seed), **given(fit, late, rows, said)}
    y, weight, cluster = rows.y, rows.weight, rows.cluster
    bins = int(said["evaluate"]["curve_bins"])
    curves = {**({"before": before} if model is not None else {}), "after": ours["test"], "boosting": predictions["boosting"]}
    account = {
        "horizon": test.horizon, "seed": seed, "methods": METHODS,
        "settings": {key: said[key] for key in ("evaluate", "suppression")},
        "names": {name: _name(name, rules) for name in predictions},
        "data": {name: _data(whole) for name, whole in (("train", train), ("calibration", calibration), ("test", test))},
        "model": None if model is None else _model(model, fit),
        "predictions": {name: _judged(p, predictions["scorecard"], rows, name) for name, p in predictions.items()},
        "calibration": {name: metrics.calibration(y, one, weight, cluster, bins) for name, one in curves.items()},
        "update": updated,
        "capacity": [_capacity(share, predictions, rows) for share in said["evaluate"]["capacities"]],
        "decision_curve": metrics.decision_curve(y, predictions, np.array(said["evaluate"]["thresholds"]), weight),
        "groups": _groups(predictions, rows, said),
        "months": _months({name: ({"calibration": late, "test": rows}[name], one) for name, one in ours.items()}, said),
        "drift": _drift(train, test, model, said["evaluate"]),
        "boosting": where_it_differs(model, predictions, rows, said["evaluate"]),
    }
    return dict(_plain(account))


def _name(name: str, rules: Path | None) -> str:
    """What a prediction is called."""
    if name in NAMES:
        return NAMES[name]
    try:
        card = load_scorecard(name, rules)
    except FrailtyError:
        return name
    return f"{card.short or card.title} alone"


# ---- what was given

def _data(whole: Dataset) -> dict[str, Any]:
    date = whole.as_of.astype("M8[D]").astype(str)
    known = whole.y != CENSORED
    return {"rows": len(whole), "people": len(np.unique(whole.person)), "events": int((whole.y == 1).sum()),
            "people_with_event": len(np.unique(whole.person[whole.y == 1])),
            "deaths_first": int((known & (whole.ended == DEATH) & (whole.days <= whole.horizon)).sum()),
            "censored": int((~known).sum()), "from": min(date), "to": max(date), "dates": len(np.unique(date)),
            "features": len(whole.columns), "hash": whole.hash(), "incidence": metrics.incidence(whole)}


def _model(model: ScorecardClassifier, fit: Rows) -> dict[str, Any]:
    """The terms in words and figures, and how many of the train rows have points from each."""
    if model.columns is None:
        return {"features": len(model.tables_), "terms": []}
    span = model.importances()
    terms = []
    for table in model.terms():
        bands = table.get("bands", [{"at_least": 1, "points": table.get("points")}] if "points" in table else [])
        terms.append({"id": table["id"], "title": table["title"], "bands": bands,
                      "missing": table.get("missing", {}).get("points")})
    for term, j in zip(terms, span, strict=False):      # pairs come after the features
        points = model.tables_[j][bin_codes(fit.data.x, model.cuts_, [j])[0]]
        term |= {"span": span[j] * float(model.quantum_), "share": float((points != 0).mean())}
    return {"features": len(model.tables_), "pairs": len(model.pairs_), "form": model.form, "intercept": model.intercept,
            "point": model.quantum_,
            "points": model.points, "offered": len(model.columns), "terms": terms}


# ---- how good it is

def _judged(p: Floats, ours: Floats, rows: Rows, name: str) -> dict[str, Any]:
    y, weight, cluster = rows.y, rows.weight, rows.cluster
    found = metrics.calibration(y, p, weight, cluster, 1)
    known = int((~np.isnan(rows.data.given[name])).sum()) if name in rows.data.given else len(y)
    return {"known": known, "auroc": metrics.auroc(y, p, weight, cluster), "auprc": metrics.auprc(y, p, weight, cluster),
            "brier": metrics.brier(y, p, weight), "log_loss": metrics.log_loss(y, p, weight),
            **{key: found[key] for key in ("observed", "expected", "ratio", "intercept", "slope")},
            "scorecard_less_this": metrics.auroc_difference(y, ours, p, weight, cluster)}


def _capacity(share: float, predictions: Mapping[str, Floats], rows: Rows) -> dict[str, Any]:
    k = max(round(share * len(rows.y)), 1)
    return {"share": share, "k": k, **{name: metrics.at_capacity(rows.y, p, k, rows.weight) for name, p in predictions.items()}}


def _groups(predictions: Mapping[str, Floats], rows: Rows, said: Mapping[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """Of every group: people, events, calibration, discrimination, who would be selected, boosting; small numbers hidden."""
    p = predictions["scorecard"]
    selected = _top(p, said["evaluate"]["selected"])
    small = int(said["suppression"]["small_number"])
    made: dict[str, list[dict[str, Any]]] = {}
    for dimension, of in rows.data.groups.items():
        names = np.array([str(one) or "not recorded" for one in of])
        order = sorted(set(names.tolist()))
        counts = []
        for name in order:
            inside = names == name
            people = len(np.unique(rows.data.person[inside]))
            counts.append(min(people, len(np.unique(rows.data.person[inside & (rows.y == 1)])),
                              len(np.unique(rows.data.person[inside & (rows.y == 0)]))))
        hidden = {n for n, count in enumerate(counts) if count <= small}
        shown = [n for n in range(len(order)) if n not in hidden]
        if len(hidden) == 1 and shown:          # else the total would give it away
            hidden.add(min(shown, key=lambda n: counts[n]))
        made[dimension] = [{"group": name, "suppressed": n in hidden, **({} if n in hidden else _group(
            names == name, p, predictions["boosting"], selected, rows, said))} for n, name in enumerate(order)]
    return made


def _top(p: Floats, share: float) -> NDArray[np.bool_]:
    """Those of the highest p, in the order of the rows where p is equal."""
    chosen = np.zeros(len(p), np.bool_)
    chosen[np.argsort(-p, kind="stable")[:max(round(share * len(p)), 1)]] = True
    return chosen


def _group(inside: NDArray[np.bool_], p: Floats, boosting: Floats, selected: NDArray[np.bool_], rows: Rows,
           said: Mapping[str, Any]) -> dict[str, Any]:
    y, weight = rows.y[inside], rows.weight[inside]
    cluster = None if rows.cluster is None else rows.cluster[inside]
    found = metrics.calibration(y, p[inside], weight, cluster, 1)
    events = int(y.sum())
    enough = min(events, len(y) - events) >= said["suppression"]["least_events"]
    case = inside & (rows.y == 1)
    return {"rows": len(y), "events": events, **{key: found[key] for key in ("observed", "expected", "ratio")},
            "slope": found["slope"] if enough else None,
            "auroc": metrics.auroc(y, p[inside], weight, cluster) if enough else None,
            "boosting_less_scorecard":
                metrics.auroc_difference(y, boosting[inside], p[inside], weight, cluster) if enough else None,
            "selected": metrics.wilson(float(selected[inside].sum()), len(y)),
            "recall": metrics.wilson(float(selected[case].sum()), events)}


def _months(sets: Mapping[str, tuple[Rows, Floats]], said: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The same of every snapshot, in the order of time."""
    made = []
    for name, (rows, p) in sets.items():
        for day in np.unique(rows.data.as_of):
            inside = rows.data.as_of == day
            y = rows.y[inside]
            if min(y.sum(), len(y) - y.sum()) < said["suppression"]["least_events"]:
                continue
            found = metrics.calibration(y, p[inside], rows.weight[inside], None, 1)
            made.append({"as_of": str(np.datetime64(int(day), "D")), "set": name, "rows": len(y), "events": int(y.sum()),
                         "auroc": metrics.auroc(y, p[inside], rows.weight[inside]),
                         **{key: found[key] for key in ("observed", "expected", "ratio", "slope")}})
    return made


def _drift(train: Dataset, test: Dataset, model: ScorecardClassifier | None, said: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The stability index of the features in the model, and of the others that moved most; the largest first."""
    inside = set() if model is None else set(model._features())
    found: list[dict[str, Any]] = []
    for j, column in enumerate(train.columns):
        index = metrics.stability_index(train.x[:, j], test.x[:, j])
        word = "much" if index >= said["drift_much"] else "some" if index >= said["drift_some"] else "little"
        found.append({"id": column.id, "title": column.title, "in_model": j in inside, "index": index, "change": word,
                      **{f"{when}_{what}": value for when, one in (("train", train.x[:, j]), ("test", test.x[:, j]))
                         for what, value in (("mean", float(np.nanmean(one)) if not np.isnan(one).all() else math.nan),
                                             ("not_known", float(np.isnan(one).mean())))}})
    found.sort(key=lambda one: (-one["index"], one["id"]))
    others = [one for one in found if not one["in_model"]][:int(said["drift_others"])]
    return [one for one in found if one["in_model"] or one in others]


def _plain(one: Any) -> Any:
    """As JSON has it: no numpy, no Decimal, no number that is none."""
    if isinstance(one, Mapping):
        return {str(key): _plain(value) for key, value in one.items()}
    if isinstance(one, list | tuple):
        return [_plain(value) for value in one]
    if isinstance(one, np.generic):
        one = one.item()
    if isinstance(one, Decimal):
        one = float(one)
    return None if isinstance(one, float) and not math.isfinite(one) else one

