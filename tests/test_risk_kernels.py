"""The kernels that learning rests on, held against plain loops; without scikit-learn, which takes long to load."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from frailty.risk.kernels import best_splits, bin_sums, bounded

RNG = np.random.default_rng


@pytest.mark.scoring
def test_sums_of_bins_and_the_best_split_are_those_of_plain_loops() -> None:
    rng = RNG(5)
    codes = rng.integers(0, 5, (3, 200)).astype(np.uint8)  # four bins, and 4 for not known
    g, h = rng.normal(size=200), rng.random(200)
    sums = np.empty((3, 256, 2))
    bin_sums(codes, g, h, sums)
    for f in range(3):
        for b in range(6):
            assert sums[f, b].tolist() == pytest.approx([sum(g[codes[f] == b]), sum(h[codes[f] == b])])

    def gain_of(f: int, k: int, taken: list[int], sign: int) -> float:
        """The score test of a step, after the mean of the rows among which it parts is taken away."""
        if k == 0:
            top = min([t for t in taken if t], default=4)
            side, among = codes[f] == 4, (codes[f] == 4) | (codes[f] < top)
        else:
            low, high = max([t for t in taken if 0 < t <= k], default=0), min([t for t in taken if t > k], default=4)
            among = (codes[f] >= low) & (codes[f] < high) | (
                (codes[f] == 4) if low == 0 and 0 not in taken else np.zeros(200, bool)
            )
            side = among & (codes[f] >= k) & (codes[f] < 4)
        mean = g[among].sum() / h[among].sum()
        score = (g - h * mean)[side].sum()
        if k and score * sign < 0:
            return 0
        return score**2 / (h[side].sum() * h[among & ~side].sum() / h[among].sum() + 0.5)

    for taken, sign in (([], 0), ([2], 1), ([0, 1, 3], -1), ([0], 0)):
        marks = np.zeros((3, 256), bool)
        marks[:, taken] = True
        found, gain = np.empty(3, np.int64), np.empty(3)
        best_splits(sums, np.full(3, 4), marks, np.full(3, sign), 0.5, found, gain)
        for f in range(3):
            expected = {k: gain_of(f, k, taken, sign) for k in range(4) if k not in taken}
            assert gain[f] == pytest.approx(max(expected.values()))
            if gain[f]:
                assert expected[int(found[f])] == pytest.approx(gain[f])


@pytest.mark.scoring
@given(st.integers(1, 5), st.integers(0, 2**32 - 1))
def test_a_step_within_bounds_is_the_best_there_is(size: int, seed: int) -> None:
    """Where a coordinate is free nothing is left of its gradient; where it is held, what is left pushes against the bound."""
    rng = RNG(seed)
    half = rng.normal(size=(size + 2, size))
    curvature, gradient = half.T @ half + np.eye(size) * 0.1, rng.normal(size=size)
    sign, start = rng.integers(-1, 2, size), rng.random(size)
    start *= np.where(sign == 0, 1, sign)
    change, left = np.empty(size), gradient.copy()
    bounded(curvature, left, start, sign, 10_000, change)
    np.testing.assert_allclose(left, gradient - curvature @ change, atol=1e-8)
    for one, side, rest in zip(start + change, sign, left, strict=True):
        held = side and abs(one) < 1e-12
        assert one * side >= -1e-12 and (rest * side <= 1e-6 if held else abs(rest) < 1e-6)
