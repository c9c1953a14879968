"""`Practice.history`: what `Practice.score` says at each date, and what a look back can see."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest

import frailty
from frailty import FrailtyError, Practice
from frailty.records.load import load_frames
from frailty.records.store import connect

SCORES = ["efi", "efi_reviewed", "hfrs", "charlson_age"]
SNOMED, HYPERTENSION, OSTEOARTHRITIS = "http://snomed.info/sct", "59621000", "396275006"


def assert_as_score_says(practice: Practice, scores: list[str], dates: list[str], **how: Any) -> None:
    history = practice.history(scores, dates, **how)
    for d, day in enumerate(dates):
        frame = practice.score(scores, day, **how)
        assert list(history.patient_ids) == frame["patient_id"].tolist()
        for id in scores:
            one = history[id]
            np.testing.assert_array_equal(one.value[:, d], frame[id].to_numpy())
            np.testing.assert_array_equal(one.points[:, d] / 10**one.scale, frame[f"{id}_points"].to_numpy())
            for what in ("band", "status"):
                said, right = history.wide(id, what).iloc[:, d].tolist(), frame[f"{id}_{what}"].tolist()
                assert [x if isinstance(x, str) else "" for x in said] == [x if isinstance(x, str) else "" for x in right]


def test_it_is_score_at_each_date(first_night: Any) -> None:
    """Dates in no order, one twice, one in the future; people of several practices and sources among them."""
    with_moves = frailty.open(first_night.store)
    assert_as_score_says(with_moves, SCORES, ["2025-01-31", "2019-06-30", "2026-11-22", "2030-01-01", "2025-01-31"])


def person(id: str, **more: Any) -> dict[str, Any]:
    return {"patient_id": id, "birth_date": "1940-01-01", "sex": "female", "practice": "A1", "registered_from": "2000-01-01",
            "registered_to": None, "deceased_on": None, **more}


def event(id: str, code: str, effective: str, recorded: str | None) -> dict[str, Any]:
    return {"patient_id": id, "system": SNOMED, "code": code, "effective_on": effective, "recorded_on": recorded}


def loaded(con: Any, persons: list[dict[str, Any]], events: list[dict[str, Any]], now: datetime) -> None:
    load_frames(con, "gp", {"persons": pd.DataFrame(persons), "events": pd.DataFrame(events)}, now)


def test_whoever_moved_is_scored_as_they_stood_then() -> None:
    """HFRS needs a hospital feed for the practice of the day: covered at the new practice, not at the old one."""
    con = connect()
    nhs = "9990000018"
    for name, practice, since, until in (("old", "A1", "2000-01-01", "2024-06-30"), ("new", "B2", "2024-07-01", None)):
        load_frames(con, name, {"persons": pd.DataFrame([person("1", nhs_number=nhs, practice=practice, registered_from=since,
                                                                registered_to=until), person("2", practice=practice)]),
                                "events": pd.DataFrame([event("1", HYPERTENSION, "2020-01-01", None)])}, datetime(2026, 1, 1))
    load_frames(con, "hospital", {"persons": pd.DataFrame([person("1", nhs_number=nhs, practice=None, registered_from=None)]),
                                  "events": pd.DataFrame([{**event("1", "F00", "2024-01-01", None),
                                                           "system": "http://hl7.org/fhir/sid/icd-10"}])}, datetime(2026, 1, 1))
    con.execute("UPDATE feed SET practices = ['B2'], kind = 'hospital' WHERE source = 'hospital'")
    practice = Practice(con)
    dates = ["2023-12-31", "2024-06-29", "2024-06-30", "2024-07-01", "2025-12-31"]
    assert_as_score_says(practice, ["charlson", "efi"], dates)
    status = practice.history("charlson", dates).wide("charlson", "status")
    assert set(status.to_numpy().ravel()) == {"ok", "not_assessable"} and status.nunique(axis=1).max() == 2


def two_loads() -> Practice:
    """Three people in January; in June one has left and is no longer sent, one has died, one came."""
    con = connect()
    events = [event("1", HYPERTENSION, "2020-01-01", "2020-01-02"), event("2", HYPERTENSION, "2021-05-01", None),
              event("3", OSTEOARTHRITIS, "2022-01-01", "2026-01-10")]
    loaded(con, [person("1"), person("2"), person("3")], events, datetime(2026, 1, 15))
    con.execute("UPDATE load SET extracted_at = '2026-01-15'")
    loaded(con, [person("1"), person("3", deceased_on="2026-03-01"), person("4", registered_from="2026-04-01")],
           [events[0], events[2], event("4", HYPERTENSION, "2010-01-01", "2026-04-20")], datetime(2026, 6, 15))
    con.execute("UPDATE load SET extracted_at = '2026-06-15' WHERE load = 2")
    return Practice(con)


def test_what_a_look_back_can_see() -> None:
    practice = two_loads()
    dates = ["2025-12-31", "2026-01-31", "2026-03-01", "2026-06-30"]
    report = practice.history("efi", dates).report
    assert report["date"].dt.strftime("%Y-%m-%d").tolist() == dates
    assert report["registered"].tolist() == [2, 2, 1, 2]            # 1 and 3; 3 dies; 4 comes
    assert report["gone_since"].tolist() == [1, 1, 0, 0]
    # Nobody knows who left before the first load. In January three were listed, of whom 1 and 3 are still in the records.
    assert np.isnan(report["share_seen"][0])
    assert report["share_seen"].round(4).tolist()[1:] == [round(2 / 3, 4), round(2 / 3, 4), 1.0]
    assert report["entries"].tolist() == [1, 2, 2, 3]
    assert report["recorded_assumed"].tolist() == [0, 0, 0, 0]
    as_held = practice.history("efi", dates, load=1)
    assert as_held.report["registered"].tolist() == [3, 3, 3, 3]
    assert as_held.report["recorded_assumed"].round(3).tolist() == [0.5, 0.333, 0.333, 0.333]
    assert_as_score_says(practice, ["efi"], dates, load=1)


def test_as_it_was_known_then() -> None:
    """An entry that was written down late counts from that day on, not from the day of the illness."""
    history = two_loads().history("efi", ["2025-12-31", "2026-01-09", "2026-01-10"])
    assert history.wide("efi", "points").loc["3"].tolist() == [0, 0, 1]


def test_frames_and_hashes() -> None:
    practice = two_loads()
    history = practice.history(["efi", "charlson"], ["2026-01-31", date(2020, 6, 30)])
    long = history.frame()
    assert long.shape[0] == 3 * 2 and long["patient_id"].tolist() == ["1", "1", "3", "3", "4", "4"]
    assert list(long.columns) == ["patient_id", "date", "efi", "efi_points", "efi_of", "efi_band", "efi_status", "charlson",
                                  "charlson_points", "charlson_band", "charlson_status"]
    assert long["efi_band"].tolist()[:2] == ["fit", "fit"] and long["charlson_status"].unique().tolist() == ["not_assessable"]
    wide = history.wide("efi")
    assert wide.index.name == "patient_id" and wide.columns.tolist() == [pd.Timestamp("2026-01-31"), pd.Timestamp("2020-06-30")]
    assert {"score/efi", "score/charlson", "codelist/efi/hypertension"} <= set(history.hashes)
    assert history["efi"].points.dtype == np.int64 and history["efi"].band.dtype == history["efi"].status.dtype == np.int8
    assert history["efi"].value.shape == (3, 2) and list(history) == ["efi", "charlson"]
    with pytest.raises(FrailtyError, match="no colour of 'efi'"):
        history.wide("efi", "colour")
    with pytest.raises(FrailtyError, match="is not a date"):
        practice.history("efi", ["yesterday"])
    assert list(practice.history("efi", ["2026-01-31"], objectors=["3"]).patient_ids) == ["1", "4"]
    assert practice.history("efi", "2026-01-31")["efi"].points.shape == (3, 1)
    assert practice.history("efi", [])["efi"].points.shape == (3, 0)
