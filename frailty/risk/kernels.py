"""The loops of the learner: arrays in, arrays out."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from frailty.scoring.jit import kernel

Floats = NDArray[np.float64]


@kernel
def bin_sums(codes: NDArray[np.uint8], first: Floats, second: Floats, out: Floats) -> None:
    """codes [F, N], first [N], second [N] -> out [F, 256, 2]: both summed over the rows of each bin, in their order."""
    for f in range(codes.shape[0]):
        for b in range(out.shape[1]):
            out[f, b, 0] = 0.0
            out[f, b, 1] = 0.0
        for i in range(codes.shape[1]):
            b = codes[f, i]
            out[f, b, 0] += first[i]
            out[f, b, 1] += second[i]


@kernel
def best_splits(sums: Floats, bins: NDArray[np.int64], taken: NDArray[np.bool_], direction: NDArray[np.int64], ridge: float,
                found: NDArray[np.int64], gain: Floats) -> None:
    """sums [F, 256, 2] (gradient, curvature), bins [F], taken [F, 256], direction [F] -> found [F], gain [F].

    found: the step that would raise the log-likelihood most, to second order: k = 1 ... bins - 1 "in bin k or higher", 0 "not
    known" (the bin after the last). A step splits the stretch of bins between two steps that are taken, or below the first. gain:
    twice that rise, 0 where no step rises it in the direction that is allowed.
    """
    for f in range(sums.shape[0]):
        found[f], gain[f] = -1, 0.0
        count, missing = bins[f], bins[f]
        alone = taken[f, 0]
        if not alone and sums[f, missing, 1] > 0.0:            # not known, against the lowest stretch
            rest_g, rest_h = 0.0, 0.0
            for b in range(count):
                if b > 0 and taken[f, b]:
                    break
                rest_g += sums[f, b, 0]
                rest_h += sums[f, b, 1]
            if rest_h > 0.0:
                g, h = sums[f, missing, 0], sums[f, missing, 1]
                at = h * rest_h / (h + rest_h) + ridge
                score = (g * rest_h - rest_g * h) / (h + rest_h)
                if score * score / at > gain[f]:
                    found[f], gain[f] = 0, score * score / at
        low = 0
        while low < count:
            high = low + 1
            while high < count and not taken[f, high]:
                high += 1
            whole_g, whole_h = 0.0, 0.0
            for b in range(low, high):
                whole_g += sums[f, b, 0]
                whole_h += sums[f, b, 1]
            below_g, below_h = 0.0, 0.0
            if low == 0 and not alone:
                below_g, below_h = sums[f, missing, 0], sums[f, missing, 1]
                whole_g += below_g
                whole_h += below_h
            for k in range(low + 1, high):
                below_g += sums[f, k - 1, 0]
                below_h += sums[f, k - 1, 1]
                above_g, above_h = whole_g - below_g, whole_h - below_h
                if below_h <= 0.0 or above_h <= 0.0:
                    continue
                score = (above_g * below_h - below_g * above_h) / whole_h
                if score * direction[f] < 0.0:
                    continue
                at = above_h * below_h / whole_h + ridge
                if score * score / at > gain[f]:
                    found[f], gain[f] = k, score * score / at
            low = high


@kernel
def bounded(curvature: Floats, gradient: Floats, start: Floats, sign: NDArray[np.int64], rounds: int, change: Floats) -> None:
    """curvature C [S, S], gradient g [S], start [S], sign [S] -> change d [S].

    d makes g'd - d'Cd/2 largest among those with (start + d) x sign >= 0 (sign 0: free). By one coordinate at a time, at most so
    many rounds. gradient is overwritten with what is left of it.
    """
    for s in range(len(start)):
        change[s] = 0.0
    for _ in range(rounds):
        moved = 0.0
        for s in range(len(start)):
            at = curvature[s, s]
            if at <= 0.0:
                continue
            step = gradient[s] / at
            if sign[s] != 0 and (start[s] + change[s] + step) * sign[s] < 0.0:
                step = -(start[s] + change[s])
            if step != 0.0:
                change[s] += step
                for t in range(len(start)):
                    gradient[t] -= curvature[t, s] * step
                moved = max(moved, abs(step) * np.sqrt(at))
        if moved < 1e-9:
            break


def sums_of(codes: NDArray[np.uint8], first: Any, second: Any) -> Floats:
    """[F, 256, 2]: see bin_sums."""
    out = np.empty((len(codes), 256, 2))
    bin_sums(codes, np.ascontiguousarray(first, np.float64), np.ascontiguousarray(second, np.float64), out)
    return out
