"""A study from records to a draft of a model: one cohort, one learner, one account. The command and the notebook go through it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from frailty.errors import FrailtyError
from frailty.records.arrays import Float64
from frailty.risk import metrics
from frailty.risk.cohort import PERIODS, Cohort, Periods, draw, everybody, outcomes, periods_of
from frailty.risk.dataset import Dataset
from frailty.risk.features import dataset, generate, prove_times, split
from frailty.risk.monitor import some_value
from frailty.risk.publish import bands, chances, head, prove_same, read_evaluation, read_model, write_draft, write_evaluation
from frailty.risk.settings import Signed, load_settings
from frailty.risk.sources import Records
from frailty.scoring.definitions import Scorecard

if TYPE_CHECKING:
    from frailty.risk.learner import ScorecardClassifier


@dataclass(frozen=True)
class Study:
    """Records as rows to learn, to calibrate and to test on. proven: rows that were evaluated again with the future cut off."""

    records: Records
    cohort: Cohort
    periods: Periods
    horizon: int
    train: Dataset
    calibration: Dataset
    test: Dataset
    proven: int
    signed: Signed | None = None


def prepare(records: Records, horizon: int, *, outcome: str = "emergency_admission", contacted: Mapping[int, int] | None = None,
            contact: str = "censor", signed: Signed | None = None) -> Study:
    """Cohort, features and outcomes of the records; the rules of time are proven before anything is learned."""
    known = [int(one) for one in load_settings(records.rules)["cohort"]["horizons"]]
    if horizon not in known:
        raise FrailtyError(f"A horizon of {horizon} days is not one of this project.",
                           mend="one of " + ", ".join(str(one) for one in known))
    periods = periods_of(records, horizon)
    cohort = draw(records, periods, horizon, contacted=contacted, contact=contact)
    for name in PERIODS:
        if not len(cohort.rows(name)):
            raise FrailtyError(f"Nobody is in the cohort of '{name}'.",
                               why="; ".join(f"{reason}: {n:,}" for reason, n in cohort.left_out.items()),
                               mend="check registrations and the hospital feed: frailty site check")
    data = dataset(records, cohort, generate(records.rules), horizon, outcome=outcome, signed=signed, least=20)
    proven = prove_times(records, data)
    return Study(records, cohort, periods, horizon, *split(data, cohort), proven, signed)


def usual_options(rules: Path | None = None) -> dict[str, Any]:
    """Options of the learner, by rules/risk.toml."""
    return dict(load_settings(rules)["learner"])


def learn(study: Study, id: str, version: str, learned_on: str, options: Mapping[str, Any] | None = None
          ) -> tuple[ScorecardClassifier, dict[str, Any]]:
    """The learned model, recalibrated on later rows; and its scorecard as a table, with bands."""
    from frailty.risk.evaluate import report_settings
    from frailty.risk.learner import ScorecardClassifier
    model = ScorecardClassifier(study.train.columns, **{**usual_options(study.records.rules), **(options or {})})
    for data in (study.train, study.calibration):
        if not (data.y == 1).any() or not (data.y == 0).any():
            raise FrailtyError("The rows hold nobody with an admission, or nobody without.",
                               mend="take a longer time, or more people")
    model.learn(study.train).mend(study.calibration, float(report_settings(study.records.rules)["evaluate"]["update_level"]))
    made_up, rules = study.records.made_up, study.records.rules
    mark = str(load_settings(rules)["demonstration"]["mark"]) if made_up else ""
    table = model.to_scorecard(
        **head(id, study.horizon, version, study.train.hash(), made_up=made_up, learned_on=learned_on, rules=rules),
        band=bands(model.predict_proba(study.calibration.x)[:, 1], mark, rules))
    return model, table


def write(study: Study, folder: Path, model: ScorecardClassifier, table: Mapping[str, Any], told: Mapping[str, Any]) -> Scorecard:
    """Writes the draft, and proves that the engine gives what the learner gives. told: where the records are from."""
    data = study.calibration
    training = {
        **told, "horizon": study.horizon, "outcome": "emergency_admission",
        "made_up": study.records.made_up, "days": {name: _days(getattr(study.periods, name)) for name in PERIODS},
        "rows": {name: len(one) for name, one in zip(PERIODS, (study.train, study.calibration, study.test), strict=True)},
        "events": int((study.train.y == 1).sum()), "features_offered": len(study.train.columns), "hash": study.train.hash(),
        "left_out": dict(study.cohort.left_out), "rows_proven_free_of_the_future": study.proven,
        "options": {name: value for name, value in model.get_params().items() if name != "columns"},
        "signed": vars(study.signed) if study.signed else None}
    card = write_draft(folder, table, training, study.records.rules)
    prove_same(study.records, card, data.person, data.as_of, model.predict_proba(data.x)[:, 1])
    return card


def judge(study: Study, folder: Path) -> dict[str, Any]:
    """The account of a draft on the test rows, which is also written to its evaluation.json.

    On the rows that it was learned on, the model is learned again and must come out the same; on others it is judged as it
    stands, by what the engine gives.
    """
    from frailty.risk.evaluate import evaluate
    from frailty.risk.learner import ScorecardClassifier
    told = read_evaluation(folder)
    card, definition = read_model(folder, study.records.rules)
    if told["definition"] != definition:
        raise FrailtyError(f"The scorecard of '{card.id}' was changed after it was trained.", where=str(folder),
                           why="its definition is not what training wrote", mend="train it again")
    if told["training"]["hash"] == study.train.hash():
        model = ScorecardClassifier(study.train.columns, **told["training"]["options"])
        account = evaluate(study.train, study.calibration, study.test, model, rules=study.records.rules)
        prove_same(study.records, card, study.test.person, study.test.as_of, model.predict_proba(study.test.x)[:, 1])
    else:
        p = chances(study.records, card, study.test.person, study.test.as_of)
        known = ~np.isnan(p)
        some_value(known)
        account = evaluate(study.train, study.calibration, study.test.take(known), p=p[known], rules=study.records.rules)
        account["not_scored"] = int((~known).sum())
    write_evaluation(folder, told | {"evaluation": account})
    return account


def compare(study: Study, cards: Sequence[Scorecard]) -> list[dict[str, Any]]:
    """Of each model on the same test rows: people with a value, discrimination, calibration, and the difference to the first."""
    found = [chances(study.records, card, study.test.person, study.test.as_of) for card in cards]
    known = np.asarray(~np.isnan(np.column_stack(found)).any(axis=1))
    some_value(known)
    both = np.flatnonzero(known)
    data = study.test.take(both)
    rows, weight = metrics.seen(data)
    y = (data.y[rows] == 1).astype(np.float64)
    p = [one[both][rows] for one in found]
    return [{"id": card.id, "version": card.version, "mark": card.restricted, "rows": len(rows), "events": int(y.sum()),
             "auroc": metrics.auroc(y, one, weight, data.person[rows]), "calibration": metrics.calibration(y, one, weight),
             "less_first": metrics.auroc_difference(y, one, p[0], weight, data.person[rows])}
            for card, one in zip(cards, p, strict=True)]


def followed(records: Records, card: Scorecard, days: Sequence[int], horizon: int, *, contacted: Mapping[int, int] | None = None,
             contact: str = "censor") -> tuple[Dataset, Float64]:
    """Everybody on these days with their outcomes, and the chances that the model gave: what `monitor.watch` compares."""
    cohort = everybody(records, days, horizon, contacted=contacted, contact=contact)
    if not len(cohort):
        raise FrailtyError("Nobody is in sight on the days to be watched.",
                           why="; ".join(f"{reason}: {n:,}" for reason, n in cohort.left_out.items()), mend="choose other days")
    y, until, ended = outcomes(records, cohort, horizon)
    data = Dataset(x=np.zeros((len(cohort), 0), np.float32), columns=(), y=y, days=until, ended=ended, person=cohort.person,
                   as_of=cohort.as_of, horizon=horizon, groups={}, given={})
    return data, chances(records, card, cohort.person, cohort.as_of)


def _days(days: Sequence[int]) -> list[str]:
    return [str(np.datetime64(day, "D")) for day in days]
