"""The account of a model: fair to its references, honest about groups, months and drift, the same for the same seed."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from risk_town import risk_data
from sklearn.metrics import roc_auc_score

from frailty.errors import FrailtyError
from frailty.risk import metrics
from frailty.risk.evaluate import evaluate, report_settings
from frailty.risk.learner import ScorecardClassifier


@pytest.fixture(scope="module")
def account() -> dict[str, Any]:
    train, calibration = risk_data(9_000, 1, 18_000), risk_data(3_000, 2, 18_600, censored=0.1)
    test = risk_data(5_000, 3, 19_100, censored=0.1, fewer=0.5)
    return evaluate(train, calibration, test, ScorecardClassifier(train.columns))


def test_it_is_plain_json(account: dict[str, Any]) -> None:
    assert json.loads(json.dumps(account, allow_nan=False)) == account


def test_the_references_stand_beside_the_model(account: dict[str, Any]) -> None:
    found = account["predictions"]
    assert set(found) == {"scorecard", "logistic", "boosting", "age", "efi_reviewed", "hazard_given_records"}
    test = risk_data(5_000, 3, 19_100, censored=0.1, fewer=0.5)
    rows, weight = metrics.seen(test)
    truth = roc_auc_score(test.y[rows], test.given["hazard_given_records"][rows], sample_weight=weight)
    assert found["hazard_given_records"]["auroc"]["value"] == pytest.approx(truth)
    assert -0.02 < found["hazard_given_records"]["scorecard_less_this"]["value"] < 0.005
    assert found["age"]["scorecard_less_this"]["low"] > 0 < found["efi_reviewed"]["scorecard_less_this"]["low"]
    assert found["efi_reviewed"]["known"] < found["scorecard"]["known"] == len(rows)
    assert found["scorecard"]["slope"]["low"] < 1 < found["scorecard"]["slope"]["high"]
    assert account["data"]["test"]["censored"] == (test.y < 0).sum() > 300
    shares = account["data"]["test"]["incidence"]
    assert abs(shares["admission"] - found["scorecard"]["observed"]) < 0.005 and shares["death_first"] > 0.01


def test_boosting_is_shown_to_beat_it_and_the_planted_pair_is_named(account: dict[str, Any]) -> None:
    found = account["boosting"]
    first = found["pairs"][0]
    assert "Age" in first["one"] + first["two"] and "Stroke-tia" in first["one"] + first["two"]
    assert first["contrast"] > 0.3 and first["scorecard"] < first["observed"]["value"]
    assert found["log_loss_gain"] > 0
    less = account["predictions"]["boosting"]["scorecard_less_this"]
    assert found["auroc_gain"]["value"] == pytest.approx(-less["value"])
    assert found["beats"] == (found["auroc_gain"]["low"] > 0)


def test_the_scorecard_stands_beside_itself_without_pairs() -> None:
    parts = [risk_data(people, seed, 18_000 + 500 * seed) for people, seed in ((6_000, 21), (1_500, 22), (2_500, 23))]
    model = ScorecardClassifier(parts[0].columns, pairs=2)
    found = evaluate(*parts, model)
    gain = found["predictions"]["additive"]["scorecard_less_this"]
    losses = {name: one["log_loss"] for name, one in found["predictions"].items()}
    assert model.pairs_ and losses["scorecard"] < losses["additive"] and gain["high"] > 0
    over = found["boosting"]["auroc_gain_over_additive"]["value"]
    assert over == pytest.approx(found["boosting"]["auroc_gain"]["value"] + gain["value"])


def test_small_groups_are_hidden_and_never_one_alone(account: dict[str, Any]) -> None:
    groups = account["groups"]
    assert {one["group"]: one["suppressed"] for one in groups["care home"]} == {"not recorded": True, "yes": True}
    assert all(set(one) == {"group", "suppressed"} for one in groups["care home"])
    assert [one["group"] for one in groups["age"]] == ["40 to 64", "65 to 79", "80 and over"]
    for one in groups["practice"]:
        assert one["ratio"]["low"] < 1.2 and one["ratio"]["high"] > 0.8 and one["auroc"]["value"] > 0.7
    assert sum(one["rows"] for one in groups["practice"]) == account["predictions"]["scorecard"]["known"]
    picked = sum(one["selected"]["value"] * one["rows"] for one in groups["age"])
    assert picked == pytest.approx(
        account["settings"]["evaluate"]["selected"] * account["predictions"]["scorecard"]["known"], abs=1
    )


def test_months_and_drift(account: dict[str, Any]) -> None:
    assert [one["set"] for one in account["months"]] == ["calibration", "calibration", "test", "test"]
    assert [one["as_of"] for one in account["months"]] == sorted(one["as_of"] for one in account["months"])
    drift = {one["id"]: one for one in account["drift"]}
    assert drift["falls"]["index"] > 3 * drift["haemoglobin"]["index"]
    assert drift["falls"]["test_mean"] < drift["falls"]["train_mean"]
    assert drift["haemoglobin"]["test_not_known"] == pytest.approx(0.4, abs=0.03)


def test_a_slope_that_has_changed_is_mended_by_recalibration() -> None:
    train = risk_data(6_000, 4, 18_000, dates=1)
    later = [risk_data(4_000, seed, 19_000, dates=1, steeper=0.5) for seed in (5, 6)]
    model = ScorecardClassifier(train.columns, max_terms=6)
    found = evaluate(train, *later, model, seed=3)
    before, after = found["calibration"]["before"], found["calibration"]["after"]
    assert before["slope"]["high"] < 0.8 and abs(after["slope"]["value"] - 1) < 0.2
    assert found["model"]["features"] == len(model.tables_) <= 6
    again = evaluate(train, *later, ScorecardClassifier(train.columns, max_terms=6), seed=3)
    assert json.dumps(found) == json.dumps(again)


def test_a_published_scorecard_is_judged_by_what_the_engine_gives() -> None:
    one = [risk_data(2_000, seed, 18_000 + 500 * seed, dates=1, censored=0.1) for seed in (8, 9, 10)]
    p = one[2].given["hazard_given_records"] * 0.8
    found = evaluate(*one, p=p)
    known = one[2].y >= 0
    assert found["model"] is None and set(found["calibration"]) == {"after", "boosting"}
    assert found["predictions"]["scorecard"]["expected"] == pytest.approx(p[known].mean(), rel=0.05)
    assert found["predictions"]["scorecard"]["ratio"]["value"] == pytest.approx(1.25, rel=0.15)
    with pytest.raises(FrailtyError, match="one of the two"):
        evaluate(*one)


def test_rows_without_events_are_refused() -> None:
    one = risk_data(300, 7, 18_000, dates=1)
    with pytest.raises(FrailtyError, match="calibration rows"):
        evaluate(one, replace(one, y=np.zeros(300, np.int8)), one, ScorecardClassifier(one.columns))


def test_the_settings_say_where_they_come_from() -> None:
    said = report_settings()
    assert said["checked_by"] and said["suppression"]["cite"] and said["suppression"]["small_number"] >= 7
