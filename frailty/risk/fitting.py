"""Choosing steps and pairs of steps, and their weights: forward by what each would add to the likelihood, then all together."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from frailty.risk.kernels import best_splits, bounded, sums_of

Floats = NDArray[np.float64]
BLOCK = 32_768
AT_ONCE = 8         # steps that enter before the weights are found anew
ROUNDS = 200
AMONG = 24          # strongest steps that are paired
RIDGE = 1.0         # of every step; keeps what separates a handful of people from running away


@dataclass(frozen=True)
class Step:
    """In bin k of the feature or higher; k = 0: not known; up = False: known, and in a lower bin."""

    feature: int
    k: int
    up: bool = True


@dataclass(frozen=True)
class Pair:
    """Both steps, or at least one of the two."""

    one: Step
    two: Step
    both: bool


@dataclass(frozen=True)
class Fitted:
    """The log-odds: intercept + sum of coef where the item holds. sign: 0 free, else what the coefficient may not cross."""

    items: tuple[Step | Pair, ...] = ()
    coef: Floats = field(default_factory=lambda: np.empty(0))
    sign: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    intercept: float = 0.0
    errors: Floats = field(default_factory=lambda: np.empty(0))     # standard errors

    def features(self) -> set[int]:
        """The features with a step of their own."""
        return {item.feature for item in self.items if isinstance(item, Step)}

    def plus(self, items: Sequence[Step | Pair], sign: Sequence[int]) -> Fitted:
        """With further items, of weight 0 so far."""
        return replace(self, items=(*self.items, *items), coef=np.append(self.coef, np.zeros(len(items))),
                       sign=np.append(self.sign, np.array(sign, np.int64)))

    def only(self, keep: NDArray[np.bool_]) -> Fitted:
        """Some of the items."""
        return replace(self, items=tuple(item for item, stays in zip(self.items, keep, strict=True) if stays),
                       coef=self.coef[keep], sign=self.sign[keep])


@dataclass(frozen=True)
class Training:
    """The rows as the fit sees them: codes [features, rows], bins [features] without the one for not known, y 0 or 1, weight.

    exposure: None, then the sum is the log-odds of y; or the part of the horizon that each row was seen, then it is the logarithm
    of a hazard that is constant within the horizon.
    """

    codes: NDArray[np.uint8]
    bins: NDArray[np.int64]
    direction: NDArray[np.int64]
    y: Floats
    weight: Floats
    exposure: Floats | None = None

    def pull(self, sum: Floats) -> tuple[Floats, Floats]:
        """[rows]: slope and curvature of the log-likelihood in the sum."""
        return pull(sum, self.y, self.weight, self.exposure)

    def holds(self, item: Step | Pair, rows: slice = slice(None)) -> NDArray[np.bool_]:
        """For which rows an item holds."""
        if isinstance(item, Pair):
            one, two = self.holds(item.one, rows), self.holds(item.two, rows)
            return one & two if item.both else one | two
        codes, missing = self.codes[item.feature, rows], self.bins[item.feature]
        if item.k == 0:
            return np.asarray(codes == missing)
        return np.asarray((codes >= item.k) & (codes < missing) if item.up else codes < item.k)

    def design(self, items: Sequence[Step | Pair], rows: slice) -> Floats:
        """[rows, 1 + items]: ones, and where each item holds."""
        made = np.ones((len(self.y[rows]), 1 + len(items)), order="F")
        for n, item in enumerate(items, 1):
            made[:, n] = self.holds(item, rows)
        return made

    def sum(self, fitted: Fitted) -> Floats:
        """[rows]: the log-odds."""
        out = np.full(len(self.y), fitted.intercept)
        for item, coef in zip(fitted.items, fitted.coef, strict=True):
            out += self.holds(item) * coef
        return out


def probability(sum: Floats) -> Floats:
    """1 / (1 + exp(-sum))."""
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(sum, -500, 500))))


def log_likelihood(sum: Floats, y: Floats, weight: Floats, exposure: Floats | None = None) -> float:
    """Of 0 and 1 given log-odds; with exposure given the logarithm of a hazard."""
    if exposure is None:
        return float(weight @ (y * sum - np.logaddexp(0.0, sum)))
    return float(weight @ (y * sum - exposure * np.exp(np.minimum(sum, 30))))


def pull(sum: Floats, y: Floats, weight: Floats, exposure: Floats | None = None) -> tuple[Floats, Floats]:
    """[rows]: slope of the log-likelihood in the sum, and its curvature (with the sign turned)."""
    if exposure is None:
        chance = probability(sum)
        return weight * (y - chance), weight * chance * (1 - chance)
    expected = exposure * np.exp(np.minimum(sum, 30))
    return weight * (y - expected), weight * expected


def weights_found(data: Training, fitted: Fitted, most: int = 50) -> Fitted:
    """The same items with the weights of the largest likelihood that their signs allow: Newton steps, at most so many."""
    size = len(fitted.items)
    penalty = np.append(0.0, np.full(size, RIDGE))
    sign = np.append(0, fitted.sign)
    beta = np.append(fitted.intercept, fitted.coef)
    total = data.sum(fitted)
    now = log_likelihood(total, data.y, data.weight, data.exposure) - penalty @ beta**2 / 2
    for _ in range(most):
        slope, bend = data.pull(total)
        curvature, gradient = np.diag(penalty), -penalty * beta
        for low in range(0, len(total), BLOCK):
            rows = slice(low, low + BLOCK)
            x = data.design(fitted.items, rows)
            curvature += (x * bend[rows, None]).T @ x
            gradient += slope[rows] @ x
        change = np.empty(size + 1)
        bounded(curvature + np.diag(np.full(size + 1, 1e-9)), gradient.copy(), beta, sign, 2_000, change)
        rise = gradient @ change
        share = 1.0
        while True:
            trial = _moved(fitted, beta + share * change)
            sums = data.sum(trial)
            then = log_likelihood(sums, data.y, data.weight, data.exposure) - penalty @ (beta + share * change)**2 / 2
            if then >= now - 1e-9 * abs(now) or share < 1e-4:
                break
            share /= 2
        beta, total, now = beta + share * change, sums, then
        fitted = trial
        if rise < 1e-9:
            break
    free = np.append(True, (fitted.sign == 0) | (fitted.coef != 0))
    errors = np.full(size + 1, np.inf)
    errors[free] = np.sqrt(np.diag(np.linalg.pinv(curvature[np.ix_(free, free)], hermitian=True)))
    return replace(fitted, errors=errors[1:])


def _moved(fitted: Fitted, beta: Floats) -> Fitted:
    return replace(fitted, intercept=float(beta[0]), coef=beta[1:])


def grown(data: Training, fitted: Fitted, max_terms: int, least: float) -> Fitted:
    """With every step that raises twice the log-likelihood by `least`, the best first; of at most so many features."""
    for _ in range(ROUNDS):
        sums = sums_of(data.codes, *data.pull(data.sum(fitted)))
        taken = np.zeros((len(data.codes), 256), np.bool_)
        for item in fitted.items:
            if isinstance(item, Step):
                taken[item.feature, item.k] = True
        found, gain = np.empty(len(data.codes), np.int64), np.empty(len(data.codes))
        best_splits(sums, data.bins, taken, data.direction, RIDGE, found, gain)
        inside = fitted.features()
        steps: list[Step] = []
        for f in np.argsort(-gain, kind="stable"):
            if len(steps) == AT_ONCE or gain[f] < max(least, gain.max() / 2):
                break
            if int(f) in inside or len(inside) < max_terms:
                inside.add(int(f))
                steps.append(Step(int(f), int(found[f])))
            else:
                gain[f] = 0.0
        if not steps and gain.max() >= least and len(inside) >= max_terms:      # the best are of features that have no room
            own = [f for f in np.argsort(-gain, kind="stable") if int(f) in inside and gain[f] >= least]
            steps = [Step(int(f), int(found[f])) for f in own[:AT_ONCE]]
        if not steps:
            break
        signs = [int(data.direction[step.feature]) if step.k else 0 for step in steps]
        fitted = weights_found(data, fitted.plus(steps, signs), 2)
    return fitted


def pruned(data: Training, fitted: Fitted, least: float, of_pairs: float = 0.0) -> Fitted:
    """Without the items whose squared weight is less than `least` (a pair: `of_pairs`) times its variance, the worst first."""
    bar = {Step: least, Pair: max(least, of_pairs)}
    while True:
        fitted = weights_found(data, fitted)
        if not fitted.items:
            return fitted
        wald = (fitted.coef / fitted.errors)**2
        weak = np.flatnonzero(wald < np.array([bar[type(item)] for item in fitted.items]))
        if not len(weak):
            return fitted
        worst = weak[np.argsort(wald[weak], kind="stable")][:max(1, len(weak) // 3)]
        keep = np.ones(len(wald), np.bool_)
        keep[worst] = False
        keep &= wald > 0
        fitted = fitted.only(keep)


def paired(data: Training, fitted: Fitted, most: int, least: float, allowed: Callable[[Pair], bool]) -> Fitted:
    """With the pairs of its strongest steps that raise the likelihood most beyond the two alone; at most so many.

    Steps are taken in the direction of more risk. A pair that adds more than the two are its own item "both"; one that adds less
    makes "at least one of the two". The weight of either is 0 or more, so that no declared direction is broken.
    """
    strength = [-1.0 if not isinstance(item, Step) or not item.k else abs(coef) * float(np.std(data.holds(item)))
                for item, coef in zip(fitted.items, fitted.coef, strict=True)]
    order = [n for n in np.argsort(-np.array(strength), kind="stable") if strength[n] > 0][:AMONG]
    steps = [replace(step, up=bool(fitted.coef[n] > 0)) for n in order if isinstance(step := fitted.items[n], Step)]
    if len(steps) < 2:
        return fitted
    slope, bend = data.pull(data.sum(fitted))
    g, h = np.zeros((len(steps) + 1,) * 2), np.zeros((len(steps) + 1,) * 2)
    for low in range(0, len(slope), BLOCK):
        rows = slice(low, low + BLOCK)
        x = data.design(steps, rows)
        g += (x * slope[rows, None]).T @ x
        h += (x * bend[rows, None]).T @ x
    found: list[tuple[float, Pair]] = []
    for a in range(1, len(steps) + 1):
        for b in range(a + 1, len(steps) + 1):
            if steps[a - 1].feature == steps[b - 1].feature:
                continue
            alone = [0, a, b]
            across = h[a, b] * np.ones(3)
            inverse = np.linalg.pinv(h[np.ix_(alone, alone)] + np.eye(3) * 1e-9, hermitian=True)
            score = g[a, b] - across @ inverse @ np.array([g[0, 0], g[a, a], g[b, b]])
            pair = Pair(steps[a - 1], steps[b - 1], both=bool(score > 0))
            if allowed(pair):
                found.append((score**2 / (h[a, b] - across @ inverse @ across + RIDGE), pair))
    of_pairs = least + 2 * math.log(max(len(found), 1))       # so many were looked at
    seen: set[tuple[int, int]] = set()
    chosen: list[Pair] = []
    for rise, pair in sorted(found, key=lambda one: -one[0]):
        features = (pair.one.feature, pair.two.feature)
        if rise >= of_pairs and len(chosen) < most and features not in seen:
            seen |= {features, features[::-1]}
            chosen.append(pair)
    return pruned(data, fitted.plus(chosen, [1] * len(chosen)), least, of_pairs) if chosen else fitted


def update(sum: Floats, y: Floats, weight: Floats, level: float, exposure: Floats | None = None) -> tuple[float, float]:
    """Intercept and slope by which a sum is mended: the least change that the rows do not refute.

    None, the intercept, or both, by likelihood ratio at this level; the slope was learned from more rows than it is mended by
    (closed testing: Vergouwe et al., Statistics in Medicine 2017;36:4529).
    """
    a, _, _ = line(sum, y, weight, False, exposure)
    b0, b, _ = line(sum, y, weight, True, exposure)
    none, shifted, both = (log_likelihood(one, y, weight, exposure) for one in (sum, a + sum, b0 + b * sum))
    if math.exp(-max(both - none, 0.0)) > level:                        # two degrees of freedom
        return 0.0, 1.0
    if math.erfc(math.sqrt(max(both - shifted, 0.0))) > level:          # one
        return a, 1.0
    return b0, b


def line(sum: Floats, y: Floats, weight: Floats, slope: bool = True, exposure: Floats | None = None
         ) -> tuple[float, float, NDArray[np.float64]]:
    """Intercept, slope and their covariance [2, 2]: regression of y on a log-odds, or on a log-hazard. slope = False: held at 1."""
    beta = np.array([0.0, 1.0])
    x = np.column_stack([np.ones(len(sum)), sum])
    use = [0, 1] if slope else [0]
    for _ in range(100):
        rise, bend = pull(x @ beta, y, weight, exposure)
        bend = np.maximum(bend, 1e-12 * weight)
        curvature = (x[:, use] * bend[:, None]).T @ x[:, use]
        change = np.linalg.pinv(curvature, hermitian=True) @ (x[:, use].T @ rise)
        change = np.clip(change, -2, 2)
        beta[use] += change
        if np.abs(change).max() < 1e-10:
            break
    covariance = np.zeros((2, 2))
    covariance[np.ix_(use, use)] = np.linalg.pinv(curvature, hermitian=True)
    return float(beta[0]), float(beta[1]), covariance
