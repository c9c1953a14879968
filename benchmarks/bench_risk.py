"""Admission risk on a made-up town whose true risk is known: how near a learned scorecard comes to it, and how fast it all is.

The yardstick is the hazard given what the records show, which no model can beat but by what the records say beside conditions. The
peers are gradient boosting and logistic regression on the same rows, and published scores alone. FRAILTY_BENCH_RISK people.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import bench_arrays
import measure
import numpy as np
import pytest
from measure import Row, judged

from frailty.cli.model import TOWN_DAYS
from frailty.records.arrays import of_people
from frailty.risk import metrics
from frailty.risk.evaluate import evaluate as account_of
from frailty.risk.features import matrix
from frailty.risk.learner import ScorecardClassifier
from frailty.risk.publish import read_model, toml_text
from frailty.risk.sources import Records, town_records
from frailty.risk.study import Study, learn, prepare, usual_options
from frailty.scoring import compile_plan, evaluate
from frailty.synthetic.town import make_town
from frailty.terminology import substances

PEOPLE = measure.size("RISK", 310_000)
ROWS = measure.size("RISK_ROWS", 500_000)
TRUTH = "hazard_given_records"


@pytest.fixture(scope="module")
def study() -> Study:
    return prepare(town_records(make_town(PEOPLE, TOWN_DAYS)), 365)


def told(one: dict[str, float], digits: int = 3) -> str:
    return f"{one['value']:.{digits}f} ({one['low']:.{digits}f} to {one['high']:.{digits}f})"


def test_near_the_true_risk(study: Study, ledger: list[Row]) -> None:
    """On a later period: discrimination within 0.02 of the hazard given the records, slope 0.95 to 1.05, and where boosting differs."""
    account = account_of(study.train, study.calibration, study.test, ScorecardClassifier(study.train.columns, **usual_options()))
    ours, events = account["predictions"]["scorecard"], account["data"]["test"]["events"]
    less, slope, boosting = (account["predictions"][TRUTH]["scorecard_less_this"], account["calibration"]["after"]["slope"],
                             account["boosting"])
    large = PEOPLE >= 200_000 and events >= 10_000
    met = "not judged" if not large else "goal" if less["low"] > -0.02 and 0.95 <= slope["value"] <= 1.05 else "MISSED"
    ledger.append(Row(f"admission risk, {PEOPLE:,} people, {events:,} later events: AUROC", told(ours["auroc"]),
                      f"true risk given records {told(account['predictions'][TRUTH]['auroc'])}", f"difference {told(less)}",
                      "-0.02", "-0.02", met))
    ledger.append(Row("calibration slope on the later period", told(slope), f"boosting {told(account['predictions']['boosting']['slope'])}",
                      "", "0.95 to 1.05", "", met))
    ledger.append(Row("gradient boosting less scorecard, AUROC", told(boosting["auroc_gain"], 4),
                      f"log loss gained {boosting['log_loss_gain']:.5f}", "", "", "",
                      "boosting is better" if boosting["beats"] else "no difference seen"))
    for pair in boosting["pairs"][:3]:
        ledger.append(Row(f"  it differs: {pair['one'][:40]}, {pair['two'][:40]}",
                          f"scorecard {pair['scorecard']:.3f}, observed {told(pair['observed'])}", f"boosting {pair['boosting']:.3f}"))
    if large:
        assert less["low"] > -0.02 and 0.95 <= slope["value"] <= 1.05


def test_half_a_million_rows(study: Study, ledger: list[Row]) -> None:
    """Learning from 500,000 rows; rows of the town are drawn again where it has fewer."""
    rows, _ = metrics.seen(study.test)
    x, y = study.test.x[rows], study.test.y[rows]
    drawn = np.random.default_rng(1).integers(0, len(x), ROWS)
    x, y = x[drawn], y[drawn]
    started, busy = time.perf_counter(), time.process_time()
    ScorecardClassifier(study.test.columns, **usual_options()).fit(x, y)
    wall, busy = time.perf_counter() - started, time.process_time() - busy
    met = judged(wall, 600, 600, less=True) if ROWS >= 500_000 else "not judged"
    ledger.append(Row(f"learning a scorecard, {ROWS:,} rows, {x.shape[1]} features", f"{wall:.0f} s", f"{busy:.0f} s of processor", "",
                      "600 s", "600 s", met))


def test_applying_to_a_million(study: Study, ledger: list[Row], benchmark: Any, tmp_path: Any) -> None:
    """The scorecard on arrays of a million people; on the first of them it equals the learner on the features."""
    model, table = learn(study, "bench_risk", "1", "2026-11-25")
    (tmp_path / "scorecard.toml").write_text(toml_text(table), encoding="utf-8")
    card, _ = read_model(tmp_path)
    arrays, systems, codes = bench_arrays.town(measure.ARRAYS)
    arrays = replace(arrays, inputs={"imd_quintile": 1.0 + np.arange(len(arrays)) % 5})
    ladder = substances(systems, codes, [""] * len(codes))._replace(substance=arrays.substance)
    plan = compile_plan([card], systems, codes, ladder=ladder)

    def few(plans: Any, places: Any) -> Any:
        return of_people(arrays, places)

    some = np.arange(min(20_000, measure.ARRAYS))
    day = np.full(len(arrays), bench_arrays.AS_OF, np.int32)
    records = Records(arrays, few, systems, codes, ladder, day, day, {})
    x, _ = matrix(records, study.train.columns, some, day[some])
    expected = model.predict_proba(x)[:, 1]
    found = evaluate(plan, of_people(arrays, some), bench_arrays.AS_OF)[card.id]
    ok = found.status == 0
    np.testing.assert_allclose(found.value[ok], expected[ok], rtol=1e-6)
    assert ok.any()

    benchmark.pedantic(lambda: evaluate(plan, arrays, bench_arrays.AS_OF)[card.id].value, rounds=3, warmup_rounds=1)
    if not benchmark.stats:
        return
    seconds = benchmark.stats.stats.min
    benchmark.extra_info |= {"in_table": True}
    met = judged(seconds, 2, 2, less=True) if measure.ARRAYS >= 1_000_000 else "not judged"
    ledger.append(Row(f"applying a model of {len(card.terms)} terms, {measure.ARRAYS:,} people", f"{seconds:.2f} s", "the learner, equal",
                      "", "2 s", "2 s", met))
