"""What a learned scorecard is held against in the same run: regression, boosting, age alone, published scores alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from frailty.risk.dataset import TRUTH, Dataset
from frailty.risk.fitting import line, probability, update
from frailty.risk.learner import ScorecardClassifier
from frailty.risk.metrics import seen

Floats = NDArray[np.float64]
NAMES = {"scorecard": "The scorecard", "logistic": "Logistic regression", "boosting": "Gradient boosting", "age": "Age alone",
         "additive": "The scorecard without pairs",
         TRUTH: "True risk, given the records"}


@dataclass(frozen=True)
class Rows:
    """The rows of a dataset that were seen to their end, with their weights. cluster: who they are, where people come again."""

    data: Dataset
    y: Floats
    weight: Floats
    cluster: NDArray[np.int64] | None

    @classmethod
    def of(cls, whole: Dataset) -> Rows:
        """Those of a dataset."""
        rows, weight = seen(whole)
        data = whole if len(rows) == len(whole) else whole.take(rows)
        again = len(np.unique(data.person)) < len(data)
        return cls(data, (data.y == 1).astype(np.float64), weight, data.person if again else None)

    def take(self, rows: NDArray[Any]) -> Rows:
        """Some of them."""
        return Rows(self.data.take(rows), self.y[rows], self.weight[rows], None if self.cluster is None else self.cluster[rows])


def age_column(data: Dataset) -> int | None:
    """The place of age among the features."""
    for j, column in enumerate(data.columns):
        evidence = column.term.get("any", [])
        if column.kind != "flag" and len(evidence) == 1 and evidence[0].get("from") == "person" and "input" not in evidence[0].get(
                "take", "age"):
            return j
    return None


def logit(p: Floats) -> Floats:
    """Log-odds."""
    p = np.clip(p, 1e-9, 1 - 1e-9)
    return np.asarray(np.log(p) - np.log1p(-p))


def learned(train: Rows, calibration: Rows, test: Rows, said: Mapping[str, Any], seed: int) -> dict[str, Floats]:
    """name -> probabilities of the test rows: logistic regression and boosting, recalibrated as the scorecard is, and age alone."""
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from threadpoolctl import threadpool_limits

    level = float(said["evaluate"]["update_level"])
    most, part = int(said["evaluate"]["reference_rows"]), train
    if len(train.y) > most:
        part = train.take(np.sort(np.random.default_rng(seed).choice(len(train.y), most, replace=False)))
    made: dict[str, Floats] = {}
    known = ~np.isnan(part.data.x).all(axis=0)
    regression = make_pipeline(SimpleImputer(strategy="median", add_indicator=True), StandardScaler(),
                               LogisticRegression(**said["logistic"]))
    boosting = HistGradientBoostingClassifier(**said["boosting"], random_state=seed)
    with threadpool_limits(1):      # sums in one order, whatever the machine
        regression.fit(part.data.x[:, known], part.y, logisticregression__sample_weight=part.weight)
        boosting.fit(part.data.x[:, known], part.y, sample_weight=part.weight)
        for name, model in (("logistic", regression), ("boosting", boosting)):
            before, after = (logit(model.predict_proba(rows.data.x[:, known])[:, 1]) for rows in (calibration, test))
            made[name] = recalibrated(before, calibration, after, level)
    age = age_column(train.data)
    if age is not None:
        alone = ScorecardClassifier(max_bins=20, least=4.0).fit(train.data.x[:, [age]], train.y, train.weight)
        made["age"] = recalibrated(alone.decision_function(calibration.data.x[:, [age]]), calibration,
                                   alone.decision_function(test.data.x[:, [age]]), level)
    return made


def recalibrated(before: Floats, calibration: Rows, after: Floats, level: float) -> Floats:
    """Probabilities from the log-odds `after`, mended on the calibration rows as the scorecard is."""
    if not 0 < calibration.y.sum() < len(calibration.y) or np.ptp(before) == 0:
        return probability(after)
    a, b = update(before, calibration.y, calibration.weight, level)
    return probability(a + b * after)


def given(train: Rows, calibration: Rows, test: Rows, said: Mapping[str, Any]) -> dict[str, Floats]:
    """name -> probabilities of the test rows from one published score alone: logistic in the score, fitted on the train rows.

    Who has no score is given the mean of those without one. The true risk of a made-up locality stays as it is.
    """
    made: dict[str, Floats] = {}
    for name, after in test.data.given.items():
        if name == TRUTH:
            made[name] = after
            continue
        before = train.data.given[name]
        known = ~np.isnan(before)
        spread = float(before[known].std()) if known.any() else 0.0
        if spread == 0.0:
            continue
        a, b, _ = line(before[known] / spread, train.y[known], train.weight[known])
        without = float(np.average(train.y[~known], weights=train.weight[~known])) if (~known).any() else float(train.y.mean())
        here = calibration.data.given[name]
        sums = [np.where(np.isnan(one), logit(np.array(without)), a + b * np.nan_to_num(one) / spread) for one in (here, after)]
        made[name] = recalibrated(sums[0], calibration, sums[1], float(said["evaluate"]["update_level"]))
    return made
