"""How good a prediction is: discrimination, calibration, use. Every number comes with its interval, and says how it is made.

y is 0 or 1, p a probability (for discrimination any number), weight one per row. Rows that were not seen to the end of the
horizon are left out and those that were are given their weight (`seen`): inverse probability of not being censored, Kaplan-Meier.
Rows of one person are not independent: where `cluster` is given, intervals are those of clustered data.
"""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from frailty.risk.binning import cut_points
from frailty.risk.dataset import ADMISSION, DEATH, Dataset
from frailty.risk.fitting import line, probability

Floats = NDArray[np.float64]
Interval = dict[str, float]
LEVEL = 0.95
Z = NormalDist().inv_cdf(0.5 + LEVEL / 2)


def interval(value: float, error: float) -> Interval:
    """value, low and high: plus and minus so many standard errors."""
    return {"value": float(value), "low": float(value - Z * error), "high": float(value + Z * error)}


def seen(data: Dataset) -> tuple[NDArray[np.int64], Floats]:
    """The rows that were seen to the end, or to their event, and their weights.

    A row weighs 1 / the chance of not being censored before its event, death or horizon: the Kaplan-Meier estimate of censoring.
    A death is an event of its own (y = 0), not censoring.
    """
    rows = np.flatnonzero(data.y >= 0)
    if len(rows) == len(data.y):
        return rows, np.ones(len(rows))
    days = np.minimum(data.days, data.horizon)
    censored = data.y < 0
    gone = np.bincount(days[censored], minlength=data.horizon + 2)
    here = np.bincount(days, minlength=data.horizon + 2)
    at_risk = here[::-1].cumsum()[::-1] - np.bincount(days[~censored], minlength=data.horizon + 2)     # an event comes first
    stays = np.where(at_risk > 0, 1 - gone / np.maximum(at_risk, 1), 1.0)
    before = np.append(1.0, np.cumprod(stays))          # not censored before the day
    return rows, np.asarray(1 / np.maximum(before[days[rows]], 1e-6))


# ---- discrimination

def _placements(y: NDArray[Any], p: Floats, weight: Floats) -> tuple[float, Floats]:
    """The area under the curve, and each row's share in its error (sum of squares = variance)."""
    order = np.argsort(p, kind="stable")
    _, first, tied = np.unique(p[order], return_index=True, return_inverse=True)
    mass = np.zeros((2, len(p)))
    for side in (0, 1):
        at = np.where(y[order] == side, weight[order], 0.0)
        per = np.add.reduceat(at, first)
        mass[side][order] = (np.cumsum(per) - per / 2)[tied]        # of that side, below or (half) equal
    total = [float(weight[y == side].sum()) for side in (0, 1)]
    case = y == 1
    place = np.where(case, mass[0] / total[0], 1 - mass[1] / total[1])
    area = float((weight * place)[case].sum() / total[1])
    share = weight * (place - area) / np.where(case, total[1], total[0])
    count = {side: max(int((y == side).sum()), 2) for side in (0, 1)}
    return area, share * np.where(case, math.sqrt(count[1] / (count[1] - 1)), math.sqrt(count[0] / (count[0] - 1)))


def _clustered(share: Floats, cluster: NDArray[Any] | None) -> float:
    """The standard error of a sum of shares, those of one cluster together."""
    if cluster is not None:
        _, place = np.unique(cluster, return_inverse=True)
        share = np.asarray(np.bincount(place, share), np.float64)
    return math.sqrt(float(share @ share))


def auroc(y: NDArray[Any], p: Floats, weight: Floats | None = None, cluster: NDArray[Any] | None = None) -> Interval:
    """Area under the receiver operating characteristic. Interval: DeLong 1988; with clusters Obuchowski 1997."""
    area, share = _placements(y, p, _ones(p, weight))
    return interval(area, _clustered(share, cluster))


def auroc_difference(y: NDArray[Any], one: Floats, two: Floats, weight: Floats | None = None, cluster: NDArray[Any] | None = None
                     ) -> Interval:
    """The area of `one` less that of `two` on the same rows; interval as `auroc`, of the pairs."""
    (a, left), (b, right) = _placements(y, one, _ones(one, weight)), _placements(y, two, _ones(two, weight))
    return interval(a - b, _clustered(left - right, cluster))


def auprc(y: NDArray[Any], p: Floats, weight: Floats | None = None, cluster: NDArray[Any] | None = None) -> Interval:
    """Average precision. Interval: logit (Boyd, Eng and Page 2013), with the number of different people who had the event."""
    weight = _ones(p, weight)
    order = np.argsort(-p, kind="stable")
    last = np.append(np.flatnonzero(np.diff(p[order])), len(p) - 1)
    hits, all = np.cumsum((weight * y)[order])[last], np.cumsum(weight[order])[last]
    value = float(np.diff(hits, prepend=0) @ (hits / all) / hits[-1])
    case = y == 1
    events = int(case.sum()) if cluster is None else len(np.unique(cluster[case]))
    if not 0 < value < 1:
        return {"value": value, "low": value, "high": value}
    middle, error = math.log(value / (1 - value)), 1 / math.sqrt(events * value * (1 - value))
    return {"value": value, "low": float(probability(np.array(middle - Z * error))),
            "high": float(probability(np.array(middle + Z * error)))}


def wilson(hits: float, count: float) -> Interval:
    """A share and its interval (Wilson 1927)."""
    if count <= 0:
        return {"value": math.nan, "low": math.nan, "high": math.nan}
    share, z = min(max(hits / count, 0.0), 1.0), Z * Z / count
    middle, half = (share + z / 2) / (1 + z), Z * math.sqrt(share * (1 - share) / count + z / (4 * count)) / (1 + z)
    return {"value": share, "low": max(middle - half, 0.0), "high": min(middle + half, 1.0)}


def at_capacity(y: NDArray[Any], p: Floats, k: int, weight: Floats | None = None) -> dict[str, Any]:
    """Precision and recall of the k rows of highest p, with the smallest p among them. Of equals at the edge each counts in part.

    Intervals: Wilson, on rows.
    """
    weight = _ones(p, weight)
    k = min(k, len(p))
    edge = float(np.partition(p, len(p) - k)[len(p) - k])
    above, equal = p > edge, p == edge
    part = np.where(above, 1.0, np.where(equal, (k - above.sum()) / equal.sum(), 0.0)) * weight
    hits, chosen, events = float(part @ y), float(part.sum()), float(weight @ y)
    return {"k": k, "threshold": edge, "events_found": hits, "precision": wilson(hits / chosen * k, k),
            "recall": wilson(hits * (y == 1).sum() / events, int((y == 1).sum()))}


# ---- calibration

def calibration(y: NDArray[Any], p: Floats, weight: Floats | None = None, cluster: NDArray[Any] | None = None, bins: int = 10
                ) -> dict[str, Any]:
    """observed and expected share, their ratio, the intercept (slope 1), the slope, and the curve in bins of equal number.

    Intercept and slope: logistic regression on the log-odds of p; errors from the shares of people. Ratio: on the logarithm.
    Curve: Wilson.
    """
    weight = _ones(p, weight)
    sum = np.log(np.clip(p, 1e-9, 1 - 1e-9)) - np.log1p(-np.clip(p, 1e-9, 1 - 1e-9))
    observed, expected = float(np.average(y, weights=weight)), float(np.average(p, weights=weight))
    total = weight.sum()
    error = _clustered(weight * (y - observed) / total, cluster) / observed if observed else math.inf
    ratio = observed / expected
    a, _, _ = line(sum, y, weight, slope=False)
    b0, b, _ = line(sum, y, weight)
    x = np.column_stack([np.ones(len(sum)), sum])
    return {"observed": observed, "expected": expected,
            "ratio": {"value": ratio, "low": ratio * math.exp(-Z * error), "high": ratio * math.exp(Z * error)},
            "intercept": interval(a, _robust(x[:, :1], y, probability(a + sum), weight, cluster)[0]),
            "slope": interval(b, _robust(x, y, probability(b0 + b * sum), weight, cluster)[1]),
            "curve": curve(y, p, weight, bins)}


def _robust(x: Floats, y: NDArray[Any], chance: Floats, weight: Floats, cluster: NDArray[Any] | None) -> Floats:
    """Standard errors of a logistic regression that allow for weights and clusters (the sandwich)."""
    inverse = np.linalg.pinv((x * (weight * chance * (1 - chance))[:, None]).T @ x, hermitian=True)
    shares = (x * (weight * (y - chance))[:, None]) @ inverse
    return np.array([_clustered(np.ascontiguousarray(shares[:, n]), cluster) for n in range(x.shape[1])])


def curve(y: NDArray[Any], p: Floats, weight: Floats | None = None, bins: int = 10) -> list[dict[str, Any]]:
    """Bins of p with about equal numbers of rows: n, events, mean prediction, observed share with its interval."""
    weight = _ones(p, weight)
    edges = np.unique(np.quantile(p, np.linspace(0, 1, bins + 1)[1:-1]))
    place = np.searchsorted(edges, p, side="right")
    found = []
    for b in range(len(edges) + 1):
        inside = place == b
        if inside.any():
            n, w = int(inside.sum()), weight[inside]
            share = float(np.average(y[inside], weights=w))
            found.append({"n": n, "events": int(y[inside].sum()), "predicted": float(np.average(p[inside], weights=w)),
                          "observed": wilson(share * n, n)})
    return found


def brier(y: NDArray[Any], p: Floats, weight: Floats | None = None) -> dict[str, float]:
    """The mean squared error, and 1 less its ratio to that of the mean alone (scaled)."""
    weight = _ones(p, weight)
    mean = float(np.average(y, weights=weight))
    value = float(np.average((y - p)**2, weights=weight))
    return {"value": value, "scaled": 1 - value / (mean * (1 - mean)) if 0 < mean < 1 else math.nan}


def log_loss(y: NDArray[Any], p: Floats, weight: Floats | None = None) -> float:
    """Minus the mean log-likelihood."""
    p = np.clip(p, 1e-12, 1 - 1e-12)
    return float(-np.average(y * np.log(p) + (1 - y) * np.log1p(-p), weights=_ones(p, weight)))


# ---- use

def net_benefit(y: NDArray[Any], p: Floats, thresholds: Floats, weight: Floats | None = None) -> Floats:
    """[thresholds]: true positives less false positives at the odds of the threshold, per person; p >= threshold is positive.

    Vickers and Elkin, Medical Decision Making 2006;26:565.
    """
    weight = _ones(p, weight) / _ones(p, weight).sum()
    order = np.argsort(p, kind="stable")
    place = np.searchsorted(p[order], thresholds, side="left")
    true = np.append(np.cumsum((weight * y)[order][::-1])[::-1], 0.0)[place]
    false = np.append(np.cumsum((weight * (1 - y))[order][::-1])[::-1], 0.0)[place]
    return np.asarray(true - false * thresholds / (1 - thresholds))


def decision_curve(y: NDArray[Any], predictions: dict[str, Floats], thresholds: Floats, weight: Floats | None = None
                   ) -> dict[str, list[float]]:
    """Net benefit at each threshold of every prediction, of treating all, and of treating none."""
    one = np.ones(len(y))
    made = {name: net_benefit(y, p, thresholds, weight) for name, p in predictions.items()}
    made |= {"all": net_benefit(y, one, thresholds, weight), "none": np.zeros(len(thresholds))}
    return {"threshold": thresholds.tolist(), **{name: many.tolist() for name, many in made.items()}}


# ---- the population

def incidence(data: Dataset) -> dict[str, float]:
    """Cumulative incidence of admission, and of death before one, by the horizon (Aalen-Johansen); crude: of the rows seen."""
    days = np.minimum(data.days, data.horizon)
    at_risk = np.bincount(days, minlength=data.horizon + 1)[::-1].cumsum()[::-1]
    within = data.days <= data.horizon
    moved = {kind: np.bincount(days[within & (data.ended == kind) & (data.y >= 0)], minlength=data.horizon + 1)
             for kind in (ADMISSION, DEATH)}
    free = np.append(1.0, np.cumprod(1 - (moved[ADMISSION] + moved[DEATH]) / np.maximum(at_risk, 1)))[:-1]
    share = {kind: float((free * many / np.maximum(at_risk, 1)).sum()) for kind, many in moved.items()}
    known = data.y[data.y >= 0]
    return {"admission": share[ADMISSION], "death_first": share[DEATH], "crude": float(known.mean()) if len(known) else math.nan}


def stability_index(before: NDArray[np.float32], after: NDArray[np.float32], bins: int = 10) -> float:
    """The population stability index of a feature: 0 where both have one distribution. What is not known is a bin of its own."""
    cuts = cut_points(before, np.ones(len(before)), bins)
    shares = []
    for column in (before, after):
        place = np.searchsorted(cuts, column, side="right")
        place[np.isnan(column)] = len(cuts) + 1
        shares.append((np.bincount(place, minlength=len(cuts) + 2) + 0.5) / (len(column) + 0.5 * (len(cuts) + 2)))
    return float(((shares[1] - shares[0]) * np.log(shares[1] / shares[0])).sum())


def _ones(p: Floats, weight: Floats | None) -> Floats:
    return np.ones(len(p)) if weight is None else weight
