"""The whole way from records of other people's making to a draft of a model. It shows that it runs, and claims nothing: 50 people, whose
years are shifted each by themselves, are no cohort."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import frailty
from frailty.records.arrays import OPEN
from frailty.risk.cohort import everybody
from frailty.risk.features import dataset, generate, prove_times
from frailty.risk.learner import ScorecardClassifier
from frailty.risk.publish import head, prove_same, write_draft
from frailty.risk.sources import store_records

FOLDER = Path(os.environ.get("FRAILTY_DATA", "")) / "icd10-mimic4-demo"

pytestmark = pytest.mark.skipif(not os.environ.get("FRAILTY_DATA") or not FOLDER.is_dir(),
                                reason="FRAILTY_DATA names no folder with the MIMIC-IV demo")


def test_from_records_to_a_draft(tmp_path):
    practice = frailty.read_fhir(FOLDER)
    practice.connection.execute("UPDATE feed SET kind = 'hospital', practices = NULL")
    records = store_records(practice.connection)
    # Each person on the day after the first discharge: their calendars have nothing in common.
    stays, first = records.base.stays, np.full(len(records), OPEN, np.int32)
    owner = np.repeat(np.arange(len(records)), np.diff(stays.offsets))
    np.minimum.at(first, owner[stays.ended < OPEN], stays.ended[stays.ended < OPEN] + 1)
    records = replace(records, own_day=first)
    cohort = everybody(records, np.unique(first[first < OPEN]).tolist(), 365)
    data = dataset(records, cohort, generate(), 365, scores=["charlson", "hfrs"], least=2)
    assert prove_times(records, data) == len(data) > 20 and (data.y == 1).sum() > 3
    assert len(data.columns) > 10 and not np.isnan(data.given["charlson"]).all()
    known = data.y >= 0
    model = ScorecardClassifier(data.columns, max_terms=4, least=0.5).fit(data.x[known], data.y[known])
    table = model.to_scorecard(**head("nothing_claimed", 365, "1", data.hash(), made_up=True, learned_on="2026-11-25"))
    card = write_draft(tmp_path / "draft", table, {"rows": len(data)})
    assert prove_same(records, card, data.person, data.as_of, model.predict_proba(data.x)[:, 1]) > 0
