"""The learned scorecard: the face of scikit-learn, declared directions, pairs, and the engine that gives the same probability."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression, PoissonRegressor
from sklearn.utils.estimator_checks import check_estimator

from frailty import Practice
from frailty.errors import FrailtyError
from frailty.risk.binning import bin_codes, cut_points
from frailty.risk.dataset import Column, Dataset
from frailty.risk.fitting import Fitted, Pair, Step, Training, line, probability, update, weights_found
from frailty.risk.learner import ScorecardClassifier, exposure_of
from frailty.risk.publish import toml_text
from frailty.scoring import load_scorecard

RNG = np.random.default_rng
AS_OF = date(2024, 6, 1)
COLUMNS = (
    Column("age", "Age", "number", 1, {"any": [{"from": "person"}]}),
    Column("falls", "Falls", "flag", 1, {"any": [{"codes": "efi/falls"}, {"codes": "efi/dizziness"}]}),
    Column("anaemia", "Anaemia, days", "count", 1, {"any": [{"codes": "efi/anaemia", "take": "days"}]}),
    Column(
        "haemoglobin",
        "Haemoglobin",
        "number",
        -1,
        {"any": [{"from": "value", "codes": "quantities/haemoglobin", "take": "latest", "within": "2 years"}]},
    ),
    Column(
        "emergencies",
        "Emergency admissions",
        "count",
        1,
        {
            "any": [
                {
                    "from": "stay",
                    "stay": {"setting": ["inpatient"], "admission": ["emergency"]},
                    "within": "12 months",
                }
            ]
        },
    ),
)


@pytest.mark.filterwarnings("ignore")
def test_it_is_an_estimator_of_scikit_learn() -> None:
    check_estimator(ScorecardClassifier(pairs=2))


# ---- bins


def test_a_number_with_more_than_its_share_is_a_bin_of_its_own() -> None:
    column = np.repeat([0, 1, 2, 3, 4], [900, 40, 30, 20, 10]).astype(np.float32)
    assert cut_points(column, np.ones(1000), 5).tolist() == [1, 2, 3, 4]
    assert cut_points(column, np.ones(1000), 3).tolist() == [1, 2]
    assert cut_points(np.array([7, 7, np.nan], np.float32), np.ones(3), 5).tolist() == []


def test_cut_points_are_short_and_exact() -> None:
    column = np.array([1.04999, 2.31, 2.32, 9.8765], np.float32)
    assert cut_points(column, np.ones(4), 4).tolist() == np.array([2, 2.32, 9], np.float32).tolist()
    assert bin_codes(column[:, None], [np.array([2, 2.32, 3], np.float32)]).tolist() == [[0, 1, 2, 3]]


@given(
    st.lists(st.one_of(st.integers(-3, 3), st.floats(-5, 5, width=32), st.just(float("nan"))), min_size=1, max_size=40),
    st.integers(1, 9),
)
def test_cut_points_ascend_and_part_what_is_there(many: list[float], most: int) -> None:
    column = np.array(many, np.float32)
    cuts = cut_points(column, np.ones(len(column)), most)
    assert len(cuts) < max(most, 1) + 1 and (np.diff(cuts) > 0).all()
    codes = bin_codes(column[:, None], [cuts])[0]
    for number, code in zip(column, codes, strict=True):
        assert code == (len(cuts) + 1 if np.isnan(number) else sum(number >= cut for cut in cuts))
    assert set(range(len(cuts) + 1)) <= set(codes) | ({0} if not len(cuts) else set())


# ---- fitting


def test_the_weights_are_those_of_a_logistic_regression() -> None:
    rng = RNG(1)
    x = (rng.random((3000, 3)) < 0.4).astype(np.uint8)
    y = (rng.random(3000) < probability(-1 + x @ np.array([0.8, -0.5, 0.3]))).astype(float)
    weight = rng.random(3000) + 0.5
    data = Training(x.T.copy(), np.full(3, 2), np.zeros(3, np.int64), y, weight)
    fitted = weights_found(data, Fitted().plus([Step(j, 1) for j in range(3)], [0, 0, 0]))
    peer = LogisticRegression(C=1.0, tol=1e-10, max_iter=1000).fit(x, y, weight)
    np.testing.assert_allclose([fitted.intercept, *fitted.coef], [*peer.intercept_, *peer.coef_[0]], atol=1e-5)
    held = weights_found(data, Fitted().plus([Step(j, 1) for j in range(3)], [1, 1, 1]))
    assert held.coef[1] == 0 and held.coef[0] > 0.6


def test_recalibration_is_a_logistic_regression() -> None:
    rng = RNG(2)
    total = rng.normal(size=4000)
    y = (rng.random(4000) < probability(0.3 + 0.7 * total)).astype(float)
    a, b, covariance = line(total, y, np.ones(4000))
    peer = LogisticRegression(C=np.inf, tol=1e-10).fit(total[:, None], y)
    assert (a, b) == pytest.approx((peer.intercept_[0], peer.coef_[0, 0]), abs=1e-5)
    assert abs(a - 0.3) < 3 * covariance[0, 0] ** 0.5 and abs(b - 0.7) < 3 * covariance[1, 1] ** 0.5


def test_the_least_update_that_the_rows_do_not_refute() -> None:
    rng = RNG(11)
    total = rng.normal(-1, 1, 6000)
    same, shifted, flat = ((rng.random(6000) < probability(a + b * total)).astype(float) for a, b in ((0, 1), (0.5, 1), (0, 0.5)))
    one = np.ones(6000)
    assert update(total, same, one, 0.01) == (0.0, 1.0)
    a, b = update(total, shifted, one, 0.01)
    assert abs(a - 0.5) < 0.1 and b == 1.0
    assert update(total, flat, one, 0.01) == line(total, flat, one)[:2]
    assert update(total, same, one, 1.0) == line(total, same, one)[:2]


# ---- what is learned


@pytest.mark.parametrize("points", ["real", "integer"])
def test_points_never_go_against_a_declared_direction(points: str) -> None:
    rng = RNG(3)
    x = np.column_stack([rng.integers(0, 9, 4000), rng.integers(0, 9, 4000)]).astype(np.float32)
    y = (rng.random(4000) < probability(np.sin(x[:, 0]) + np.cos(x[:, 1]))).astype(int)
    columns = (Column("up", "", "number", 1, {}), Column("down", "", "number", -1, {}))
    free = ScorecardClassifier(least=2.0).fit(x, y)
    model = ScorecardClassifier(columns, least=2.0, points=points).fit(x, y)
    assert (np.diff(free.tables_[0][:-1]) < 0).any() and (np.diff(free.tables_[1][:-1]) > 0).any()
    assert (np.diff(model.tables_[0][:-1]) >= 0).all() and (np.diff(model.tables_[1][:-1]) <= 0).all()


def test_noise_gives_no_points_and_max_terms_holds() -> None:
    rng = RNG(4)
    x = (rng.random((20_000, 30)) < 0.3).astype(np.float32)
    y = (rng.random(20_000) < probability(-2 + x[:, :6].sum(axis=1) * 0.7)).astype(int)
    assert sorted(ScorecardClassifier().fit(x, y).tables_) == [0, 1, 2, 3, 4, 5]
    assert len(ScorecardClassifier(max_terms=3).fit(x, y).tables_) == 3


def test_a_planted_pair_is_found_and_a_missing_number_has_points_of_its_own() -> None:
    rng = RNG(6)
    x = rng.integers(0, 5, (40_000, 6)).astype(np.float32)
    more, less = (x[:, 0] >= 3) & (x[:, 1] >= 2), (x[:, 2] >= 3) | (x[:, 3] >= 3)
    x[rng.random(40_000) < 0.3, 5] = np.nan
    total = -2 + 0.4 * (x[:, 0] >= 3) + 0.4 * (x[:, 1] >= 2) + more + less + 0.8 * np.isnan(x[:, 5])
    y = (rng.random(40_000) < probability(total)).astype(int)
    columns = [Column(f"f{j}", "", "number", int(j < 5), {"any": [{"from": "person"}]}) for j in range(6)]
    model = ScorecardClassifier(columns, pairs=4).fit(x, y)
    assert {pair for pair, _ in model.pairs_} == {
        Pair(Step(0, 3), Step(1, 2), True),
        Pair(Step(2, 3), Step(3, 3), False),
    } or {
        (frozenset((p.one.feature, p.two.feature)), p.both) for p, _ in model.pairs_
    } == {(frozenset((0, 1)), True), (frozenset((2, 3)), False)}
    assert abs(float(model.tables_[5][-1] * model.quantum_) - 0.8) < 0.1
    assert np.abs(model.decision_function(x) - total).max() < 0.15


def test_points_can_be_whole_and_recalibration_keeps_them() -> None:
    rng = RNG(7)
    x = (rng.random((20_000, 5)) < 0.3).astype(np.float32)
    chance = probability(-2 + x @ np.array([0.31, 0.52, 0.78, 1.04, 0.0]))
    y = (rng.random(20_000) < chance).astype(int)
    model = ScorecardClassifier(points="integer", unit=0.25).fit(x, y)
    assert {j: int(table[1]) for j, table in model.tables_.items()} == {0: 1, 1: 2, 2: 3, 3: 4}
    assert abs(model.predict_proba(x)[:, 1].mean() - y.mean()) < 1e-4
    later = (rng.random(20_000) < probability(-1 + 0.5 * np.log(chance / (1 - chance)))).astype(int)
    before = {j: table.tolist() for j, table in model.tables_.items()}
    total = model.recalibrate(x, later).decision_function(x)
    assert {j: table.tolist() for j, table in model.tables_.items()} == before
    assert line(total, later.astype(float), np.ones(20_000))[:2] == pytest.approx((0, 1), abs=0.01)
    with pytest.raises(FrailtyError, match="falls as the points rise"):
        model.recalibrate(x, 1 - later)


# ---- the scorecard


def rows_of(x: np.ndarray, y: np.ndarray, days: np.ndarray | None = None, ended: np.ndarray | None = None) -> Dataset:
    """A dataset of a year; without days admissions are spread over it, and all others are seen to its end."""
    days = np.where(y == 1, RNG(0).integers(1, 366, len(y)), 365) if days is None else days
    ended = (y == 1).astype(int) if ended is None else ended
    columns = COLUMNS if x.shape[1] == len(COLUMNS) else [Column(f"f{j}", "", "number", 0, {}) for j in range(x.shape[1])]
    return Dataset(
        x=x.astype(np.float32), columns=tuple(columns), y=y.astype(np.int8), days=days.astype(np.int32),
        ended=ended.astype(np.int8), person=np.arange(len(y)), as_of=np.zeros(len(y), np.int32), horizon=365, groups={}, given={},
    )


def test_the_survival_form_is_a_poisson_regression_with_exposure() -> None:
    rng = RNG(12)
    x = (rng.random((4000, 3)) < 0.4).astype(np.uint8)
    exposure = rng.random(4000) * 0.9 + 0.1
    y = (rng.random(4000) < 1 - np.exp(-exposure * np.exp(-1 + x @ np.array([0.8, -0.5, 0.3])))).astype(float)
    data = Training(x.T.copy(), np.full(3, 2), np.zeros(3, np.int64), y, np.ones(4000), exposure)
    fitted = weights_found(data, Fitted().plus([Step(j, 1) for j in range(3)], [0, 0, 0]))
    peer = PoissonRegressor(alpha=1 / exposure.sum(), tol=1e-10, max_iter=1000).fit(x, y / exposure, exposure)
    np.testing.assert_allclose([fitted.intercept, *fitted.coef], [peer.intercept_, *peer.coef_], atol=1e-4)


def test_the_survival_form_is_honest_where_many_are_lost_and_some_die() -> None:
    rng = RNG(13)
    x = (rng.random((40_000, 3)) < 0.4).astype(np.float32)
    hazard = np.exp(-1.5 + x @ np.array([0.8, -0.5, 0.0]))
    when, lost = rng.exponential(365 / hazard), rng.exponential(500, 40_000)
    days = np.ceil(np.minimum(np.minimum(when, lost), 365))
    ended = np.where(when <= np.minimum(lost, 365), 1, 0)
    y = np.where(ended == 1, 1, np.where(days < 365, -1, 0))
    assert (y < 0).mean() > 0.3
    model = ScorecardClassifier(form="survival").learn(rows_of(x, y, days, ended))
    truth = 1 - np.exp(-hazard)
    assert np.abs(model.predict_proba(x)[:, 1] - truth).max() < 0.02 and sorted(model.tables_) == [0, 1]
    assert abs(model.predict_proba(x)[:, 1].mean() - truth.mean()) < 0.005
    died = np.where((ended == 0) & (rng.random(40_000) < 0.2), 2, ended)
    assert (exposure_of(rows_of(x, np.where(died == 1, 1, 0), days, died))[died == 2] == 1).all()
    again = model.predict_proba(x)
    np.testing.assert_allclose(model.mend(rows_of(x, y, days, ended)).predict_proba(x), again, atol=0.002)


def test_a_form_without_what_it_needs_is_refused() -> None:
    x, y = np.array([[0.0], [1.0]] * 20), np.array([0, 1] * 20)
    with pytest.raises(FrailtyError, match="needs exposure"):
        ScorecardClassifier(form="survival").fit(x, y)
    with pytest.raises(FrailtyError, match="has no exposure"):
        ScorecardClassifier().fit(x, y, exposure=np.ones(40))


def town(size: int) -> tuple[Practice, np.ndarray]:
    """People whose features are counted here by hand, not by the engine."""
    rng = RNG(8)
    persons, events, stays, x = [], [], [], np.zeros((size, 5), np.float32)
    for p in range(size):
        id, born = f"p{p:04}", date(1930 + int(rng.integers(0, 55)), int(rng.integers(1, 13)), 1)
        persons.append({"patient_id": id, "birth_date": str(born), "sex": "female"})
        age = AS_OF.year - born.year - ((AS_OF.month, AS_OF.day) < (born.month, born.day))
        falls, anaemia, bloods, emergencies = rng.random() < 0.3, rng.poisson(1), rng.integers(0, 3), rng.poisson(0.6)

        def event(code: str, ago: int, id: str = id, **more: Any) -> None:
            events.append(
                {
                    "patient_id": id,
                    "system": "http://snomed.info/sct",
                    "code": code,
                    "effective_on": str(AS_OF - timedelta(days=ago)),
                    **more,
                }
            )

        if falls:
            event("161898004", 400)
        for n in range(anaemia):
            event(ANAEMIA, 10 + 30 * n)
        numbers = np.round(rng.normal(125, 15, bloods), 1)
        for n, value in enumerate(numbers):
            event("271026005", 5 + 100 * n, value=str(value), unit="g/L")
        for ago in [*(20 + 40 * n for n in range(emergencies)), 900]:
            day = AS_OF - timedelta(days=ago)
            stays.append(
                {
                    "patient_id": id,
                    "stay_id": f"{id}s{ago}",
                    "started": str(day),
                    "ended": str(day + timedelta(days=3)),
                    "setting": "inpatient",
                    "admission_method": "emergency",
                }
            )
        x[p] = age, falls, anaemia, numbers[0] if bloods else np.nan, emergencies
    return Practice.from_frames(pd.DataFrame(persons), pd.DataFrame(events), stays=pd.DataFrame(stays)), x


ANAEMIA = next(
    line.split(",")[1]
    for line in (Path(__file__).parents[1] / "rules/codelists/efi/anaemia.csv").read_text().splitlines()
    if line.startswith("http://snomed.info/sct") and ",exact," in line
)


@pytest.mark.parametrize("points, form", [("real", "logistic"), ("integer", "logistic"), ("real", "survival")])
def test_the_engine_gives_the_probability_that_was_learned(tmp_path: Path, points: str, form: str) -> None:
    practice, x = town(500)
    rng = RNG(9)
    many = x[rng.integers(0, len(x), 20_000)]
    total = np.nan_to_num(many, nan=70) @ np.array([0.02, 0.5, 0.3, -0.03, 0.4])
    total += 1.5 * ((many[:, 4] >= 1) & (many[:, 1] == 1)) + np.isnan(many[:, 3])
    total += 1.5 * ((many[:, 0] >= 75) & (many[:, 3] < 125)) + 2 * ((many[:, 2] >= 2) | (many[:, 4] >= 2))
    y = (rng.random(len(many)) < probability(total - total.mean())).astype(int)
    model = ScorecardClassifier(COLUMNS, max_bins=6, pairs=6, points=points, unit=0.2, form=form).learn(rows_of(many, y))
    card = model.to_scorecard(
        id="learned", title="Learned", version="1", licence="none", source={"citation": "a test"}, default=False
    )
    assert card["needs"] == ["hospital"] and len(model.tables_) == 5
    assert {pair.both for pair, _ in model.pairs_} == {True, False}
    (tmp_path / "scores").mkdir()
    (tmp_path / "scores/learned.toml").write_text(toml_text(card), encoding="utf-8")

    practice.connection.execute("UPDATE feed SET kind = 'hospital'")
    ours = practice.with_rules(tmp_path)
    scored = ours.score("learned", as_of=AS_OF)
    assert set(scored["learned_reason"]) == {""}
    np.testing.assert_allclose(scored["learned"].to_numpy(), model.predict_proba(x)[:, 1], rtol=0, atol=1e-9)
    assert len(set(np.round(scored["learned"], 6))) > 30
    loaded = load_scorecard("learned", ours._rules)
    assert loaded.link.intercept == model.intercept if form == "logistic" else loaded.link.horizon == "365 days"
    if points == "integer":
        assert all(step.points % model.quantum_ == 0 for term in loaded.terms for step in term.steps)


def test_what_the_language_cannot_say_is_refused() -> None:
    x = np.array([[0, 1, np.nan, np.nan] * 50], np.float32).T
    column = Column("falls", "Falls", "count", 1, {"any": [{"codes": "efi/falls", "take": "days"}]})
    y = np.isnan(x[:, 0]).astype(int)
    with pytest.raises(FrailtyError, match=r"falls.*not known"):
        ScorecardClassifier([column]).fit(x, y).terms()
    with pytest.raises(FrailtyError, match="what its features are"):
        ScorecardClassifier().fit(x, y).terms()
