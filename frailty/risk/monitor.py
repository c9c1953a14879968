"""Predicted against observed, month by month: is a published model still right here, or must it be recalibrated?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from frailty.errors import FrailtyError
from frailty.records.arrays import Float64
from frailty.risk import metrics
from frailty.risk.dataset import Dataset
from frailty.risk.settings import load_settings


@dataclass(frozen=True)
class Month:
    """The snapshots of one month whose outcomes are known.

    ratio: observed over expected, with its interval. off: 1 too many events, -1 too few, 0 as expected or too little to say.
    """

    month: str
    rows: int
    events: int
    expected: float
    ratio: tuple[float, float, float]
    off: int


@dataclass(frozen=True)
class Watch:
    """What monitoring found. alarms: why the model must be recalibrated, in plain words; empty: it need not be."""

    months: tuple[Month, ...]
    rows: int
    not_scored: int                     # rows without a value of the model
    censored: int
    calibration: dict[str, Any]         # as metrics.calibration
    auroc: dict[str, float]
    alarms: tuple[str, ...]
    mark: str = ""

    @property
    def recalibrate(self) -> bool:
        """Must the model be recalibrated before it is used on?"""
        return bool(self.alarms)


def watch(data: Dataset, chance: Float64, *, rules: Path | None = None, mark: str = "") -> Watch:
    """Compares the chances that a model gave with what happened. chance [rows]: nan where the model had no value.

    Alarms by rules/risk.toml: the whole interval of the calibration slope, or of observed over expected, lies outside of its
    limits; or so many months in a row are off in one direction. Months with too few expected events say nothing.
    """
    said = load_settings(rules)["monitor"]
    known = ~np.isnan(chance)
    some_value(known)
    rows, weight = metrics.seen(data.take(known))
    scored = data.take(known).take(rows)
    p = chance[known][rows]
    if not (scored.y == 1).any():
        raise FrailtyError("No admission is known after any of the snapshots.",
                           mend="monitor earlier days, or load the hospital's stays")
    found = metrics.calibration(scored.y, p, weight, scored.person)
    months = tuple(_months(scored, p, weight, said))
    alarms = [*_outside("calibration slope", found["slope"], said["slope"]),
              *_outside("observed over expected", found["ratio"], said["ratio"]), *_in_a_row(months, int(said["months"]))]
    return Watch(months, len(data), int((~known).sum()), int((data.take(known).y < 0).sum()), found,
                 metrics.auroc(scored.y, p, weight, scored.person), tuple(alarms), mark)


def some_value(known: NDArray[np.bool_]) -> None:
    """Raises FrailtyError where a model has a value for nobody. known [rows]."""
    if not known.any():
        raise FrailtyError("The model has no value for anybody here.", why="nobody's records can be assessed",
                           mend="see the reasons: frailty explain, or the column reason of data/risk.csv")


def _months(data: Dataset, p: Float64, weight: Float64, said: dict[str, Any]) -> list[Month]:
    """Observed over expected, month by month, with Poisson intervals."""
    z = NormalDist().inv_cdf(0.5 + float(said["month_confidence"]) / 2)
    which = data.as_of.astype("M8[D]").astype("M8[M]")
    found = []
    for month in np.unique(which):
        own = which == month
        expected, observed = float((weight * p)[own].sum()), float((weight * data.y)[own].sum())
        low, high = byar(observed, z)
        ratio = tuple(one / expected if expected else math.nan for one in (observed, low, high))
        enough = expected >= float(said["least_events"])
        off = 0 if not enough else 1 if ratio[1] > 1 else -1 if ratio[2] < 1 else 0
        found.append(Month(str(month), int(own.sum()), int((data.y[own] == 1).sum()), expected, (ratio[0], ratio[1], ratio[2]),
                           off))
    return found


def byar(events: float, z: float) -> tuple[float, float]:
    """The interval of a Poisson count (Byar; Breslow and Day, Statistical Methods in Cancer Research II, 1987, page 69)."""
    more = events + 1
    low = 0.0 if events <= 0 else events * (1 - 1 / (9 * events) - z / (3 * math.sqrt(events)))**3
    return low, more * (1 - 1 / (9 * more) + z / (3 * math.sqrt(more)))**3


def _outside(what: str, one: dict[str, float], limits: Sequence[Any]) -> list[str]:
    least, most = (float(limit) for limit in limits)
    said = f"{what} {one['value']:.2f} ({one['low']:.2f} to {one['high']:.2f})"
    if one["low"] > most:
        return [f"{said} lies above {most:g}"]
    return [f"{said} lies below {least:g}"] if one["high"] < least else []


def _in_a_row(months: Sequence[Month], many: int) -> list[str]:
    run, way = 0, 0
    for one in months:
        run = run + 1 if one.off and one.off == way else abs(one.off)
        way = one.off
        if run >= many:
            kind = "more" if way > 0 else "fewer"
            return [f"{run} months in a row, up to {one.month}, had {kind} admissions than expected"]
    return []


def text(found: Watch) -> str:
    """What monitoring found, for a person: a line a month, calibration, and what to do."""
    lines = [f"{found.mark[0].upper()}{found.mark[1:]}.", ""] if found.mark else []
    lines.append(f"{'month':<9}{'people':>9}{'observed':>10}{'expected':>10}  observed / expected")
    way = {0: "", 1: "  more than expected", -1: "  fewer than expected"}
    lines += [f"{one.month:<9}{one.rows:>9,}{one.events:>10,}{one.expected:>10.1f}  {_of(*one.ratio)}{way[one.off]}"
              for one in found.months]
    fit, slope, area = (_of(one["value"], one["low"], one["high"]) for one in
                        (found.calibration["ratio"], found.calibration["slope"], found.auroc))
    lines += ["", f"All months: observed / expected {fit}, calibration slope {slope}, area under the curve {area}.",
              f"Of {found.rows:,} person-days {found.not_scored:,} have no value and {found.censored:,} were not seen to the end.",
              ""]
    if found.alarms:
        lines += ["RECALIBRATE before further use:", *(f"  {one}" for one in found.alarms)]
    else:
        lines.append("No reason to recalibrate.")
    return "\n".join(lines)


def _of(value: float, low: float, high: float) -> str:
    return f"{value:.2f} ({low:.2f} to {high:.2f})"

