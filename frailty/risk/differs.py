"""Where gradient boosting sees more than an additive scorecard: how much, and in which pairs of features."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from frailty.risk import metrics
from frailty.risk.binning import bin_codes, cut_points
from frailty.risk.export import number
from frailty.risk.learner import ScorecardClassifier
from frailty.risk.references import Rows, logit

Floats = NDArray[np.float64]


def where_it_differs(model: ScorecardClassifier | None, predictions: Mapping[str, Floats], rows: Rows, said: Mapping[str, Any]
                     ) -> dict[str, Any]:
    """The gain of boosting, also over the scorecard without its own pairs; and in which pairs of features the two differ.

    Each feature is cut once: at the largest jump of its points, or, where it has none, where boosting's difference in log-odds
    jumps most. Of a pair the difference in the four cells is compared: both less either alone. The observed share of those with
    both says who is right.
    """
    y, weight, cluster = rows.y, rows.weight, rows.cluster
    ours, theirs = predictions["scorecard"], predictions["boosting"]
    gap = logit(theirs) - logit(ours)
    halves = _halves(model, gap, rows, int(said["among"]))
    gain = metrics.auroc_difference(y, theirs, ours, weight, cluster)
    plain = predictions.get("additive", ours)
    return {"auroc_gain": gain, "log_loss_gain": metrics.log_loss(y, ours, weight) - metrics.log_loss(y, theirs, weight),
            "auroc_gain_over_additive": metrics.auroc_difference(y, theirs, plain, weight, cluster),
            "log_loss_gain_over_additive": metrics.log_loss(y, plain, weight) - metrics.log_loss(y, theirs, weight),
            "beats": gain["low"] > 0, "mean_absolute_gap": float(np.average(np.abs(theirs - ours), weights=weight)),
            "pairs": _pairs(halves, gap, ours, theirs, rows)[:int(said["pairs_shown"])]}


def _halves(model: ScorecardClassifier | None, gap: Floats, rows: Rows, among: int) -> dict[str, NDArray[np.bool_]]:
    """title -> which rows are on the upper side of the cut."""
    columns, cut_at = rows.data.columns, {}
    if model is not None:
        points = {j: float(np.std(table[bin_codes(rows.data.x, model.cuts_, [j])[0]])) for j, table in model.tables_.items()}
        chosen = sorted(points, key=lambda j: (-points[j], j))[:among]
        cut_at = {j: model.cuts_[j][int(np.argmax(np.abs(np.diff(model.tables_[j][:-1]))))] for j in chosen if len(model.cuts_[j])}
    others: list[tuple[float, int, np.float32]] = []
    for j in range(len(columns)):
        if j in cut_at:
            continue
        column = rows.data.x[:, j]
        for cut in cut_points(column, np.ones(len(column)), 8):
            upper = column >= cut
            share = float(upper.mean())
            if 0 < share < 1:
                others.append((share * (1 - share) * float(gap[upper].mean() - gap[~upper].mean())**2, j, cut))
    best: dict[int, tuple[float, int, np.float32]] = {}
    for one in others:
        if one[1] not in best or one[0] > best[one[1]][0]:
            best[one[1]] = one
    cut_at |= {j: cut for _, j, cut in sorted(best.values(), key=lambda one: (-one[0], one[1]))[:among]}
    titles = {j: columns[j].title + ("" if columns[j].kind == "flag" else f": at least {number(cut)}") for j, cut in cut_at.items()}
    return {titles[j]: rows.data.x[:, j] >= cut for j, cut in cut_at.items()}


def _pairs(halves: Mapping[str, NDArray[np.bool_]], gap: Floats, ours: Floats, theirs: Floats, rows: Rows) -> list[dict[str, Any]]:
    """By how much they differ, the most first."""
    names = list(halves)
    sides = np.column_stack([halves[name] for name in names]).astype(np.float64)
    count = sides.T @ sides
    total = sides.T @ (sides * gap[:, None])
    n, whole = len(gap), float(gap.sum())
    found = []
    for a in range(len(names)):
        for b in range(a + 1, len(names)):
            both, one, two = count[a, b], count[a, a] - count[a, b], count[b, b] - count[a, b]
            cells = np.array([both, one, two, n - both - one - two])
            if cells.min() < 50:
                continue
            sums = np.array([total[a, b], total[a, a] - total[a, b], total[b, b] - total[a, b],
                             whole - total[a, a] - total[b, b] + total[a, b]])
            contrast = float((sums / cells) @ np.array([1, -1, -1, 1]))
            found.append((contrast**2 / float((1 / cells).sum()), contrast, a, b))
    made = []
    for _, contrast, a, b in sorted(found, key=lambda one: (-one[0], one[2], one[3]))[:50]:
        inside = halves[names[a]] & halves[names[b]]
        w, k = rows.weight[inside], int(inside.sum())
        made.append({"one": names[a], "two": names[b], "rows": k, "contrast": contrast,
                     "observed": metrics.wilson(float(np.average(rows.y[inside], weights=w)) * k, k),
                     "scorecard": float(np.average(ours[inside], weights=w)),
                     "boosting": float(np.average(theirs[inside], weights=w))})
    return made
