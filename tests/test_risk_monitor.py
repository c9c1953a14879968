"""Monitoring: planted drift is caught, none planted gives no alarm."""

from __future__ import annotations

import numpy as np
import pytest

from frailty.errors import FrailtyError
from frailty.risk.dataset import Dataset
from frailty.risk.monitor import byar, text, watch

MONTHS = np.array([np.datetime64("2023-01") + n for n in range(9)]).astype("M8[D]").astype(int)


def drawn(seed: int, rows: int = 1_200, *, later: float = 0.0, slope: float = 1.0) -> tuple[Dataset, np.ndarray]:
    """Rows of nine months whose log-odds are `slope` times those that the model gives, and from the fourth on higher by `later`."""
    rng = np.random.default_rng(seed)
    as_of = np.repeat(MONTHS, rows).astype(np.int32)
    odds = -2.7 + 0.8 * rng.standard_normal(len(as_of))
    true = slope * (odds + 2.7) - 2.7 + later * (as_of >= MONTHS[3])
    y = (rng.random(len(as_of)) < 1 / (1 + np.exp(-true))).astype(np.int8)
    days = np.where(y == 1, rng.integers(1, 366, len(y)), 365).astype(np.int32)
    data = Dataset(x=np.zeros((len(y), 0), np.float32), columns=(), y=y, days=days, ended=y.copy(), person=np.arange(len(y)),
                   as_of=as_of, horizon=365, groups={}, given={})
    return data, 1 / (1 + np.exp(-odds))


@pytest.mark.parametrize("seed", range(12))
def test_without_drift_there_is_no_alarm(seed):
    found = watch(*drawn(seed))
    assert not found.recalibrate and "No reason to recalibrate." in text(found)
    assert found.calibration["slope"]["low"] < 1.1 and found.calibration["slope"]["high"] > 0.9


@pytest.mark.parametrize("seed", range(5))
def test_planted_drift_is_caught(seed):
    more = watch(*drawn(seed, later=0.5))
    assert more.recalibrate and "months in a row" in " ".join(more.alarms)
    assert [one.off for one in more.months[:3]] == [0, 0, 0] and sum(one.off for one in more.months[3:]) >= 4
    assert any("fewer admissions than expected" in one for one in watch(*drawn(seed, later=-0.7)).alarms)
    flat = watch(*drawn(seed, slope=0.4))
    assert any(one.startswith("calibration slope 0.4") or one.startswith("calibration slope 0.3") for one in flat.alarms)
    assert "RECALIBRATE before further use:" in text(flat)


def test_months_with_few_events_say_nothing_and_missing_values_are_counted():
    data, p = drawn(1, rows=100)
    found = watch(data, p * 0.2)                        # far too low, on very few people
    assert {one.off for one in found.months} == {0} and found.alarms == tuple(one for one in found.alarms if "in a row" not in one)
    p[:40] = np.nan
    assert watch(data, p).not_scored == 40
    with pytest.raises(FrailtyError, match="no value for anybody"):
        watch(data, np.full(len(data), np.nan))
    with pytest.raises(FrailtyError, match="No admission is known"):
        watch(data.take(data.y == 0), p[data.y == 0])


def test_the_interval_of_a_count():
    # Exact Poisson intervals, 95 %: 10 events 4.80 to 18.39; 100 events 81.36 to 121.63.
    for events, low, high in ((10, 4.80, 18.39), (100, 81.36, 121.63)):
        assert byar(events, 1.959964) == (pytest.approx(low, abs=0.03), pytest.approx(high, abs=0.03))
    assert byar(0, 1.959964)[0] == 0 and byar(0, 1.959964)[1] == pytest.approx(3.69, abs=0.06)


def test_the_mark_stands_first():
    data, p = drawn(3)
    assert text(watch(data, p, mark="synthetic, for demonstration, not for care")).startswith("Synthetic, for demonstration, not for care.")
