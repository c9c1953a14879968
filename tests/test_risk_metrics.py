"""Measures of a prediction: equal to scikit-learn's where it has them, to plain loops and worked numbers where it has not."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from sklearn import metrics as peer
from sklearn.linear_model import LogisticRegression

from frailty.risk import metrics as ours
from frailty.risk.dataset import Column, Dataset
from frailty.risk.fitting import probability

RNG = np.random.default_rng


def drawn(n: int = 3000, seed: int = 0, digits: int = 2) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = RNG(seed)
    sum = rng.normal(-1.5, 1, n)
    y = (rng.random(n) < probability(sum)).astype(int)
    return y, np.clip(np.round(probability(sum * 0.8 + 0.2), digits), 0.01, 0.99), rng.random(n) + 0.5


def outcomes(days: list[int], ended: list[int], horizon: int) -> Dataset:
    """Rows with what ended them: 0 end of sight, 1 admission, 2 death."""
    d, e = np.array(days, np.int32), np.array(ended, np.int8)
    y = np.where((e == 1) & (d <= horizon), 1, np.where((e == 0) & (d < horizon), -1, 0)).astype(np.int8)
    n = len(d)
    return Dataset(
        np.zeros((n, 1), np.float32),
        (Column("one", "", "flag", 0, {}),),
        y,
        d,
        e,
        np.arange(n),
        np.zeros(n, np.int32),
        horizon,
        {},
        {},
    )


@pytest.mark.parametrize("weighted", [False, True])
def test_equal_to_scikit_learn(weighted: bool) -> None:
    y, p, weight = drawn()
    w = weight if weighted else None
    assert ours.auroc(y, p, w)["value"] == pytest.approx(peer.roc_auc_score(y, p, sample_weight=w), abs=1e-12)
    assert ours.auprc(y, p, w)["value"] == pytest.approx(peer.average_precision_score(y, p, sample_weight=w), abs=1e-12)
    assert ours.brier(y, p, w)["value"] == pytest.approx(peer.brier_score_loss(y, p, sample_weight=w), abs=1e-12)
    assert ours.log_loss(y, p, w) == pytest.approx(peer.log_loss(y, p, sample_weight=w), abs=1e-12)
    found = ours.calibration(y, p, w)
    line = LogisticRegression(C=np.inf, tol=1e-10).fit(np.log(p / (1 - p))[:, None], y, w)
    assert found["slope"]["value"] == pytest.approx(line.coef_[0, 0], abs=1e-5)
    moved = probability(np.log(p / (1 - p)) + found["intercept"]["value"])
    assert np.average(moved, weights=w) == pytest.approx(np.average(y, weights=w), abs=1e-9)


def test_precision_and_recall_at_capacity() -> None:
    y, p, _ = drawn(digits=9)
    k = 100
    found = ours.at_capacity(y, p, k)
    top = p >= np.sort(p)[-k]
    assert found["precision"]["value"] == pytest.approx(peer.precision_score(y, top))
    assert found["recall"]["value"] == pytest.approx(peer.recall_score(y, top))
    # Two of four equals at the edge: each counts half.
    found = ours.at_capacity(np.array([1, 1, 0, 0, 1, 0]), np.array([0.9, 0.5, 0.5, 0.5, 0.5, 0.1]), 3)
    assert found["precision"]["value"] == pytest.approx((1 + 0.5 * 2) / 3) and found["threshold"] == 0.5
    assert found["recall"]["value"] == pytest.approx(2 / 3)
    assert ours.at_capacity(np.array([1, 0]), np.array([0.2, 0.1]), 50)["k"] == 2


def test_the_interval_of_the_area_is_that_of_delong() -> None:
    y, p, _ = drawn(400)
    q = np.round(p + RNG(3).normal(0, 0.1, 400), 2)

    def components(score: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
        case, control = score[y == 1], score[y == 0]
        wins = (case[:, None] > control[None]) + 0.5 * (case[:, None] == control[None])
        return wins.mean(), wins.mean(axis=1), wins.mean(axis=0)

    (a, a1, a0), (b, b1, b0) = components(p), components(q)
    error = math.sqrt(a1.var(ddof=1) / len(a1) + a0.var(ddof=1) / len(a0))
    found = ours.auroc(y, p)
    assert (found["value"], found["high"]) == pytest.approx((a, a + 1.959963985 * error), abs=1e-9)
    error = math.sqrt((a1 - b1).var(ddof=1) / len(a1) + (a0 - b0).var(ddof=1) / len(a0))
    found = ours.auroc_difference(y, p, q)
    assert (found["value"], found["low"]) == pytest.approx((a - b, a - b - 1.959963985 * error), abs=1e-9)


def test_a_row_that_is_there_twice_says_no_more_where_the_person_is_known() -> None:
    y, p, _ = drawn(500)
    twice, people = np.tile(np.arange(500), 2), np.tile(np.arange(500), 2)
    once = ours.auroc(y, p)
    naive, honest = ours.auroc(y[twice], p[twice]), ours.auroc(y[twice], p[twice], cluster=people)
    width = once["high"] - once["low"]
    assert naive["high"] - naive["low"] == pytest.approx(width / math.sqrt(2), rel=0.01)
    assert honest["high"] - honest["low"] == pytest.approx(width, rel=0.01)
    slopes = [ours.calibration(y, p)["slope"], ours.calibration(y[twice], p[twice], cluster=people)["slope"]]
    assert slopes[0] == pytest.approx(slopes[1])


def test_intervals_hold_the_truth_about_as_often_as_they_say() -> None:
    truth = [ours.auroc(*drawn(400_000, 1)[:2])["value"], ours.auprc(*drawn(400_000, 1)[:2])["value"]]
    held = np.zeros(3)
    for seed in range(120):
        y, p, _ = drawn(600, seed + 10)
        slope = ours.calibration(y, p)["slope"]
        for n, (one, value) in enumerate([(ours.auroc(y, p), truth[0]), (ours.auprc(y, p), truth[1]), (slope, 1 / 0.8)]):
            held[n] += one["low"] <= value <= one["high"]
    assert (held >= 0.88 * 120).all() and (held[:1] < 120).all()


def test_the_curve_counts_everybody_once() -> None:
    y, p, _ = drawn()
    found = ours.curve(y, p, bins=10)
    assert sum(one["n"] for one in found) == len(y) and sum(one["events"] for one in found) == y.sum()
    assert all(one["observed"]["low"] <= one["observed"]["value"] <= one["observed"]["high"] for one in found)
    assert [one["predicted"] for one in found] == sorted(one["predicted"] for one in found)


def test_net_benefit_worked_by_hand() -> None:
    """100 people, 20 events. At 20 %: 15 true and 25 false positives, so 0.15 - 0.25 x 0.2 / 0.8 = 0.0875; all: 0.2 - 0.8 / 4 = 0.

    At 50 %: 5 true, 2 false: 0.05 - 0.02 = 0.03; all: 0.2 - 0.8 = -0.6. At 10 %: everybody: 0.2 - 0.8 / 9.
    """
    y = np.repeat([1, 0, 1, 0, 1, 0], [5, 2, 10, 23, 5, 55])
    p = np.repeat([0.6, 0.5, 0.3, 0.2, 0.15, 0.1], [5, 2, 10, 23, 5, 55])
    thresholds = np.array([0.1, 0.2, 0.5, 0.9])
    found = ours.decision_curve(y, {"model": p}, thresholds)
    assert found["model"] == pytest.approx([0.2 - 0.8 / 9, 0.0875, 0.03, 0.0])
    assert found["all"] == pytest.approx([0.2 - 0.8 / 9, 0.0, -0.6, 0.2 - 0.8 * 9])
    assert found["none"] == [0, 0, 0, 0]
    twice = ours.decision_curve(y, {"model": p}, thresholds, np.full(100, 2.0))
    assert twice["model"] == pytest.approx(found["model"])


def test_censored_rows_give_their_weight_to_those_who_stayed() -> None:
    """Five people, horizon 10. One is admitted on day 2, one leaves on day 4, one dies on day 6, two stay.

    On day 4 four are at risk and one leaves: those who go on weigh 4/3.
    """
    data = outcomes([2, 4, 6, 10, 10], [1, 0, 2, 0, 0], 10)
    rows, weight = ours.seen(data)
    assert rows.tolist() == [0, 2, 3, 4] and weight.tolist() == pytest.approx([1, 4 / 3, 4 / 3, 4 / 3])
    assert weight.sum() == pytest.approx(5)
    whole = outcomes([2, 6, 10], [1, 2, 0], 10)
    assert ours.seen(whole)[1].tolist() == [1, 1, 1]
    tie = outcomes([4, 4, 10], [1, 0, 0], 10)  # an event comes before the end of sight of the same day
    assert ours.seen(tie)[1].tolist() == pytest.approx([1, 2])


def test_weights_mend_what_censoring_takes_away() -> None:
    rng = RNG(4)
    event, left = rng.exponential(500, 40_000), rng.exponential(400, 40_000)
    days = np.minimum(np.minimum(event, left), 365).astype(int)
    ended = np.where(event <= np.minimum(left, 365), 1, 0)
    data = outcomes(days.tolist(), ended.tolist(), 365)
    rows, weight = ours.seen(data)
    truth = 1 - math.exp(-365 / 500)
    assert abs(np.average(data.y[rows] == 1, weights=weight) - truth) < 0.01 < abs((data.y[rows] == 1).mean() - truth)
    assert abs(ours.incidence(data)["admission"] - truth) < 0.01


def test_incidence_with_deaths_worked_by_hand() -> None:
    """Aalen-Johansen: day 1: 1 of 5 admitted (0.2); day 2: 1 of 4 dies (0.8 x 0.25); day 3 one leaves; day 4: 1 of 2 admitted (0.6 / 2)."""
    found = ours.incidence(outcomes([1, 2, 3, 4, 9], [1, 2, 0, 1, 0], 9))
    assert found["admission"] == pytest.approx(0.2 + 0.3) and found["death_first"] == pytest.approx(0.2)
    assert found["crude"] == pytest.approx(2 / 4)
    later = replace(outcomes([1, 20], [1, 1], 9))
    assert ours.incidence(later)["admission"] == pytest.approx(0.5)


def test_the_stability_index() -> None:
    rng = RNG(5)
    flag = (rng.random(50_000) < 0.2).astype(np.float32)
    more = (rng.random(50_000) < 0.4).astype(np.float32)
    assert ours.stability_index(flag, flag) == 0
    expected = (0.4 - 0.2) * math.log(0.4 / 0.2) + (0.6 - 0.8) * math.log(0.6 / 0.8)
    assert ours.stability_index(flag, more) == pytest.approx(expected, abs=0.02)
    gone = np.where(rng.random(50_000) < 0.5, np.nan, rng.normal(size=50_000)).astype(np.float32)
    assert ours.stability_index(rng.normal(size=50_000).astype(np.float32), gone) > 1
