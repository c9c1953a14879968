"""Episodes of care, tasks and appointments: whose they are, and that they reach the facts."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from nightly_town import EXTRACTED, load, patient, quiet

from frailty.records.facts import facts_tables
from frailty.records.files import find_sources
from frailty.records.load import load_sources
from frailty.records.store import connect

GP = "harbour-gp"
CARE: list[dict[str, Any]] = [
    {"resourceType": "EpisodeOfCare", "id": "e1", "status": "active", "patient": {"reference": "Patient/p1"},
     "type": [{"text": "Heart failure nurses"}], "period": {"start": "2026-03-01"}},
    {"resourceType": "EpisodeOfCare", "id": "e2", "status": "finished", "patient": {"reference": "Patient/p1"},
     "period": {"start": "2025-03-01", "end": "2025-09-01"}},
    {"resourceType": "Task", "id": "t1", "status": "requested", "intent": "order", "for": {"reference": "Patient/p1"},
     "description": "Call back", "authoredOn": "2026-11-01T09:00:00Z"},
    {"resourceType": "Task", "id": "t2", "status": "requested", "intent": "order", "code": {"text": "nobody's"}},
    {"resourceType": "Appointment", "id": "a1", "status": "booked", "start": "2026-12-01T09:00:00Z", "created": "2026-11-01",
     "participant": [{"actor": {"reference": "Practitioner/d1"}}, {"actor": {"reference": "Patient/p1"}}]},
    {"resourceType": "Appointment", "id": "a2", "status": "entered-in-error", "start": "2026-12-02T09:00:00Z",
     "participant": [{"actor": {"reference": "Patient/p1"}}]},
]


def store_of(folder: Path, bulk: bool) -> tuple[Any, Any]:
    """The same resources, one a line or in one Bundle."""
    con, resources = connect(), [patient("p1", 1, "Y90001"), *CARE]
    if bulk:
        return con, load(con, folder / "records", {GP: resources})
    (folder / GP).mkdir()
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": one} for one in resources]}
    (folder / GP / "bundle.json").write_text(json.dumps(bundle), encoding="utf-8")
    books = load_sources(con, find_sources([str(folder / GP)]), mode="full", kinds={GP: "gp"}, extracted_at=EXTRACTED,
                         now=EXTRACTED, progress=quiet, folder=folder)
    return con, books


@pytest.mark.parametrize("bulk", [True, False])
def test_who_already_looks_after_a_person_is_read(tmp_path: Path, bulk: bool) -> None:
    con, books = store_of(tmp_path, bulk)
    facts_tables(con, date(2026, 11, 22), ["care/smr"])
    rows = con.execute("SELECT resource, status, title, started, ended FROM plan_as_of ORDER BY resource").fetchall()
    assert rows == [
        ("Appointment/a1", "booked", None, date(2026, 12, 1), None),
        ("EpisodeOfCare/e1", "active", "Heart failure nurses", date(2026, 3, 1), None),
        ("EpisodeOfCare/e2", "finished", None, date(2025, 3, 1), date(2025, 9, 1)),
        ("Task/t1", "requested", "Call back", date(2026, 11, 1), None),
    ]
    (one,) = books
    assert one.balanced()
    assert one.types["Task"]["quarantined"] == 1  # it does not say whose it is
    assert one.types["Appointment"] == {**one.types["Appointment"], "read": 2, "used": 1}
