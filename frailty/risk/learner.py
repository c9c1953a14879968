"""A scorecard learned from data, with the face of scikit-learn."""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data
from threadpoolctl import threadpool_limits

from frailty.errors import FrailtyError
from frailty.risk import export
from frailty.risk.binning import all_cuts, bin_codes
from frailty.risk.dataset import DEATH, Column, Dataset
from frailty.risk.fitting import Fitted, Pair, Step, Training, grown, line, paired, probability, pruned, update
from frailty.risk.metrics import seen

Floats = NDArray[np.float64]
DIGITS = 4          # decimals of real points and of the intercept


class ScorecardClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Probabilities from a sum of points: each feature gives points by its bin, and so does a pair of two features.

    columns: what the features are, as `Dataset.columns`; None: numbers of which nothing is declared. max_terms: features that may
    give points. max_bins: of one feature. pairs: of features, at most. least: what a step must add to twice the log-likelihood;
    None: the logarithm of the number of events (Bayesian information criterion, counted as Volinsky and Raftery 2000). points:
    "real" (4 decimals), or "integer": whole multiples of `unit`, log-odds per point; intercept and unit are then fitted again.

    form: "logistic"; or "survival": the risk within the horizon from a hazard that is constant in it, so that people count for as
    long as they were seen (`fit` needs their exposure).

    A feature with a declared direction never gives fewer points for a worse number. What is not known has points of its own.
    """

    def __init__(self, columns: Sequence[Column] | None = None, *, max_terms: int = 60, max_bins: int = 20, pairs: int = 0,
                 least: float | None = None, points: str = "real", unit: float = 0.1, form: str = "logistic") -> None:
        self.columns = columns
        self.max_terms = max_terms
        self.max_bins = max_bins
        self.pairs = pairs
        self.least = least
        self.points = points
        self.unit = unit
        self.form = form

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = False
        tags.input_tags.allow_nan = True
        return tags

    def learn(self, data: Dataset) -> Self:
        """Itself, learned from a dataset: rows seen to their end, weighted; the survival form from all, for as long as seen."""
        rows, y, weight, exposure = self._rows(data)
        self.horizon_ = data.horizon
        return self.fit(data.x if len(rows) == len(data) else data.x[rows], y, weight, exposure)

    def mend(self, data: Dataset, level: float = 1.0) -> Self:
        """Itself, recalibrated on a dataset; level: see `recalibrate`."""
        rows, y, weight, exposure = self._rows(data)
        return self.recalibrate(data.x if len(rows) == len(data) else data.x[rows], y, weight, level, exposure)

    def _rows(self, data: Dataset) -> tuple[NDArray[np.int64], NDArray[np.int8], Floats, Floats | None]:
        if self.form == "survival":
            return np.arange(len(data)), (data.y == 1).astype(np.int8), np.ones(len(data)), exposure_of(data)
        rows, weight = seen(data)
        return rows, data.y[rows], weight, None

    def fit(self, x: Any, y: Any, sample_weight: Any = None, exposure: Any = None) -> Self:
        """Itself, learned. x [rows, features], nan: not known; y [rows], two classes; sample_weight [rows].

        exposure [rows]: with form = "survival" the part of the horizon until the event, or until a row was last seen.
        """
        x, y = validate_data(self, x, y, dtype=np.float32, ensure_all_finite="allow-nan")
        check_classification_targets(y)
        if self.points not in ("real", "integer"):
            raise FrailtyError(f"Points cannot be '{self.points}'.", mend='points = "real", or points = "integer"')
        if self.form not in ("logistic", "survival") or (self.form == "survival") != (exposure is not None):
            raise FrailtyError(f"The form '{self.form}' {'needs' if exposure is None else 'has no'} exposure.",
                               mend='form = "logistic" without, form = "survival" with exposure, such as `learn(dataset)` gives')
        if self.columns is not None and len(self.columns) != x.shape[1]:
            raise FrailtyError(f"{len(self.columns)} columns are described and {x.shape[1]} are given.")
        weight = _check_sample_weight(sample_weight, x, dtype=np.float64, ensure_non_negative=True)
        self.classes_, target = np.unique(y, return_inverse=True)
        if len(self.classes_) > 2:
            raise ValueError("Only binary classification is supported. The type of the target is multiclass.")
        if len(self.classes_) < 2:
            raise ValueError("Classifier can't train when only one class is present.")
        rows = weight > 0
        data = self._training(x[rows], target[rows].astype(np.float64), weight[rows],
                              None if exposure is None else np.asarray(exposure, np.float64)[rows])
        mean = float(np.average(data.y, weights=data.weight))
        least = math.log(max(min(mean, 1 - mean) * data.weight.sum(), 4.0)) if self.least is None else self.least
        rate = 1 - mean if data.exposure is None else float(np.average(data.exposure, weights=data.weight))
        start = Fitted(intercept=math.log(max(mean, 1e-9) / max(rate, 1e-9)))
        with threadpool_limits(1, "blas"):      # sums in one order, whatever the machine
            fitted = pruned(data, grown(data, start, self.max_terms, least), least)
            if self.pairs:
                fitted = paired(data, fitted, self.pairs, least, self._may_pair)
        self._set_tables(fitted, data)
        return self

    def _training(self, x: NDArray[np.float32], y: Floats, weight: Floats, exposure: Floats | None) -> Training:
        self.cuts_ = all_cuts(x, self.columns, weight, self.max_bins)
        direction = [0] * x.shape[1] if self.columns is None else [column.direction for column in self.columns]
        return Training(bin_codes(x, self.cuts_), np.array([len(cuts) + 1 for cuts in self.cuts_], np.int64),
                        np.array(direction, np.int64), y, weight, exposure)

    def _may_pair(self, pair: Pair) -> bool:
        return self.columns is None or export.pair_parts(self.columns, self.cuts_, pair) is not None

    def _set_tables(self, fitted: Fitted, data: Training) -> None:
        """Points of every bin, before they are rounded."""
        self._tables: dict[int, Floats] = {}
        for item, coef in zip(fitted.items, fitted.coef, strict=True):
            if isinstance(item, Step):
                table = self._tables.setdefault(item.feature, np.zeros(len(self.cuts_[item.feature]) + 2))
                table[slice(item.k, -1) if item.k else -1] += coef
        self._pairs = [(item, float(coef)) for item, coef in zip(fitted.items, fitted.coef, strict=True) if isinstance(item, Pair)]
        self._intercept, self._slope = fitted.intercept, 1.0
        self._round()
        if self.points == "integer":
            total = np.asarray(self._points(data.codes, range(len(self.cuts_))) * self.unit, np.float64)
            self._intercept, self._slope, _ = line(total, data.y, data.weight, True, data.exposure)
            self._round()

    def _round(self) -> None:
        """Points as whole multiples of `quantum_`. A table is rounded bin by bin, so that no direction is broken."""
        whole = self.points == "integer"
        scale = 1 / self.unit if whole else self._slope * 10**DIGITS
        self.quantum_ = round(Decimal(repr(float(self.unit * self._slope))), DIGITS) if whole else Decimal(1).scaleb(-DIGITS)
        if self.quantum_ <= 0:
            raise FrailtyError(f"One point would be {self.quantum_} log-odds.", mend="unit = 0.1, or points = \"real\"")
        self.tables_ = {j: np.rint(table * scale).astype(np.int64) for j, table in sorted(self._tables.items())}
        self.tables_ = {j: table for j, table in self.tables_.items() if table.any()}
        self.pairs_ = [(pair, int(np.rint(coef * scale))) for pair, coef in self._pairs if np.rint(coef * scale)]
        self.intercept_ = round(Decimal(repr(float(self._intercept))), DIGITS)
        if self.form == "survival":         # the share of people without points who are not admitted, as the link has it
            self.baseline_ = round(Decimal(repr(math.exp(-math.exp(self._intercept)))), 2 * DIGITS)

    def _points(self, codes: NDArray[np.uint8], features: Sequence[int]) -> NDArray[np.int64]:
        """[rows], of codes [features, rows]: the sum of points, without the intercept."""
        place = {j: n for n, j in enumerate(features)}
        out = np.zeros(codes.shape[1], np.int64)
        for j, table in self.tables_.items():
            out += table[codes[place[j]]]
        for pair, points in self.pairs_:
            one, two = (self._holds(step, codes[place[step.feature]]) for step in (pair.one, pair.two))
            out += points * (one & two if pair.both else one | two)
        return out

    def _holds(self, step: Step, codes: NDArray[np.uint8]) -> NDArray[np.bool_]:
        missing = len(self.cuts_[step.feature]) + 1
        return ((codes >= step.k) & (codes < missing)) if step.up else codes < step.k

    def decision_function(self, x: Any) -> Floats:
        """[rows]: the log-odds of the second class; of the survival form the logarithm of the hazard within the horizon."""
        check_is_fitted(self)
        x = validate_data(self, x, dtype=np.float32, ensure_all_finite="allow-nan", reset=False)
        features = self._features()
        points = self._points(bin_codes(x, self.cuts_, features), features)
        start = float(self.intercept_) if self.form == "logistic" else math.log(-math.log(float(self.baseline_)))
        return np.asarray(start + points * float(self.quantum_), np.float64)

    def _features(self) -> list[int]:
        return sorted({*self.tables_, *(step.feature for pair, _ in self.pairs_ for step in (pair.one, pair.two))})

    def predict_proba(self, x: Any) -> Floats:
        """[rows, 2]: the probabilities of the two classes."""
        total = self.decision_function(x)
        chance = probability(total) if self.form == "logistic" else -np.expm1(-np.exp(total))
        return np.column_stack([1 - chance, chance])

    def predict(self, x: Any) -> NDArray[Any]:
        """[rows]: the more probable class."""
        check_is_fitted(self)
        return np.asarray(self.classes_[(self.predict_proba(x)[:, 1] > 0.5).astype(np.int64)])

    def recalibrate(self, x: Any, y: Any, sample_weight: Any = None, level: float = 1.0, exposure: Any = None) -> Self:
        """Itself, with intercept and slope fitted anew on other rows: points stay in proportion, integers stay as they are.

        level: of the tests by which the least change is found that these rows do not refute (`fitting.update`); 1: both are fitted.
        """
        total = self.decision_function(x)
        weight = np.ones(len(total)) if sample_weight is None else np.asarray(sample_weight, np.float64)
        a, b = update(total, (np.asarray(y) == self.classes_[1]).astype(np.float64), weight, level,
                      None if exposure is None else np.asarray(exposure, np.float64))
        if b <= 0:
            raise FrailtyError("On these rows the risk falls as the points rise.", why=f"the slope is {b:.3f}",
                               mend="learn a new model")
        self._intercept, self._slope = a + b * float(self.intercept_), self._slope * b
        self._round()
        return self

    @property
    def intercept(self) -> Decimal:
        """What a person without a point has: log-odds. A survival form has `link` instead."""
        check_is_fitted(self)
        return self.intercept_

    def link(self) -> dict[str, Any]:
        """The link of the scorecard."""
        if self.form == "logistic":
            return {"logistic": {"intercept": self.intercept}}
        if not hasattr(self, "horizon_"):
            raise FrailtyError("The horizon of the model is not known.", mend="learn it from a dataset: `learn`")
        return {"survival": {"baseline": self.baseline_, "horizon": f"{self.horizon_} days"}}

    def importances(self) -> dict[int, int]:
        """feature -> the span of its points, in multiples of `quantum_`; those that give none are left out."""
        return {j: int(table.max() - table.min()) for j, table in self.tables_.items()}

    def terms(self) -> list[dict[str, Any]]:
        """[[term]] tables of the scorecard language, in the order of the features, then the pairs; numbers are int or Decimal."""
        check_is_fitted(self)
        if self.columns is None:
            raise FrailtyError("A scorecard needs to know what its features are.", mend="columns = dataset.columns")
        return [*(export.term(self.columns[j], self.cuts_[j], [int(p) * self.quantum_ for p in table])
                  for j, table in self.tables_.items()),
                *(export.pair_term(self.columns, self.cuts_, pair, points * self.quantum_) for pair, points in self.pairs_)]

    def to_scorecard(self, **head: Any) -> dict[str, Any]:
        """A whole scorecard: `head` (id, title, version, licence, source, ...) with link, needs and terms."""
        terms = self.terms()
        needs = sorted({*head.get("needs", []), *(["hospital"] if export.needs_hospital(terms) else [])})
        return {**head, **({"needs": needs} if needs else {}), "link": self.link(), "term": terms}


def exposure_of(data: Dataset) -> Floats:
    """[rows]: the part of the horizon until the admission or the end of sight; a day counts half on its own day.

    Who dies first is seen to the horizon without admission: the hazard is that of the share admitted (Fine and Gray 1999).
    """
    days = np.minimum(np.where(data.ended == DEATH, data.horizon, data.days), data.horizon)
    return np.asarray(np.maximum(days - 0.5 * (data.y == 1), 0.5) / data.horizon)
