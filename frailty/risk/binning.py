"""Cut points for every feature, and each row's bin."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_FLOOR, Decimal
from typing import Any

import numpy as np
from numpy.typing import NDArray

from frailty.risk.dataset import Column

MOST = 254          # a code is one byte, and one is for what is not known


def cut_points(column: NDArray[np.float32], weight: NDArray[np.float64], max_bins: int) -> NDArray[np.float32]:
    """Ascending; a number is in bin k if it is at least the k-th of them and below the next (bin 0: below the first).

    Equal shares of the weight as far as equal numbers allow: a number that has more than its share is a bin of its own, and
    what is left is shared anew. Each is written as short as no number changes its bin. No cut: the column has one number only.
    """
    known = ~np.isnan(column)
    numbers, place = np.unique(column[known], return_inverse=True)
    if len(numbers) < 2:
        return np.empty(0, np.float32)
    mass = np.bincount(place, weight[known], len(numbers))
    cuts: list[int] = []
    left, bins, inside = float(mass.sum()), max_bins, 0.0
    for n in range(len(numbers) - 1):
        inside += mass[n]
        if bins > 1 and inside + mass[n + 1] / 2 >= left / bins:
            cuts.append(n + 1)
            left, bins, inside = left - inside, bins - 1, 0.0
    return np.array([_short(numbers[n - 1], numbers[n]) for n in cuts], np.float32)


def _short(below: np.float32, at: np.float32) -> np.float32:
    """The number with the fewest decimals that is above the one and not above the other."""
    whole = Decimal(str(at))
    for digits in range(7):
        short = np.float32(whole.quantize(Decimal(1).scaleb(-digits), ROUND_FLOOR))
        if below < short <= at:
            return short
    return at


def all_cuts(x: NDArray[np.float32], columns: Sequence[Column] | None, weight: NDArray[np.float64], max_bins: int
             ) -> list[NDArray[np.float32]]:
    """The cut points of every column; those of a flag are known."""
    return [np.array([1], np.float32) if columns is not None and columns[j].kind == "flag"
            else cut_points(x[:, j], weight, min(max_bins, MOST)) for j in range(x.shape[1])]


def bin_codes(x: NDArray[np.float32], cuts: Sequence[NDArray[np.float32]], features: Sequence[int] | None = None
              ) -> NDArray[np.uint8]:
    """[features, rows]: the bin of every row; what is not known has the bin after the last."""
    which: Any = range(len(cuts)) if features is None else features
    codes = np.empty((len(which), len(x)), np.uint8)
    for n, j in enumerate(which):
        column = np.ascontiguousarray(x[:, j])
        if len(cuts[j]) < 8:
            codes[n] = 0
            for cut in cuts[j]:
                codes[n] += column >= cut
        else:
            codes[n] = np.searchsorted(cuts[j], column, side="right")
        codes[n][np.isnan(column)] = len(cuts[j]) + 1
    return codes
