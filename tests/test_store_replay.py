"""Looking back: scores as of a past day equal those of a store that never saw the later records."""

from __future__ import annotations

import csv
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
from hypothesis import HealthCheck, given, settings
from nightly_town import DEFICITS, EXTRACTED, SCORES, answers, codes, medicines, nhs, quiet

Row = dict[str, Any]
Tables = dict[str, list[Row]]
BEGIN, END = date(2023, 1, 1), date(2026, 11, 22)
ICD10 = "http://hl7.org/fhir/sid/icd-10"
COLUMNS = {
    "persons": ("patient_id", "nhs_number", "birth_date", "sex", "deceased_on", "practice"),
    "events": (
        "patient_id",
        "record_id",
        "system",
        "code",
        "term",
        "effective_on",
        "recorded_on",
        "value",
        "unit",
        "stay_id",
    ),
    "medicines": ("patient_id", "record_id", "system", "code", "term", "issued_on", "recorded_on"),
    "stays": (
        "patient_id",
        "stay_id",
        "started",
        "ended",
        "setting",
        "admission_method",
        "recorded_start",
        "recorded_end",
    ),
}
DAYS = st.integers(0, (END - BEGIN).days).map(lambda days: BEGIN + timedelta(days=days))
LATER = st.sampled_from((0, 0, 1, 30, 400))  # days from the event to its recording
KINDS = st.lists(
    st.tuples(st.sampled_from(("deficit", "number", "medicine", "stay")), DAYS, LATER, st.integers(0, 11)),
    max_size=8,
)
PEOPLE = st.lists(st.tuples(KINDS, st.one_of(st.none(), DAYS)), min_size=6, max_size=12)


def sources(people: list[Any]) -> dict[str, Tables]:
    """A practice and its hospital as plain tables. The first person gives the source an early stay and medicine."""
    gp: Tables = {"persons": [], "events": [], "medicines": []}
    hospital: Tables = {"persons": [], "events": [], "stays": []}
    early = [("medicine", BEGIN, 0, 0), ("stay", BEGIN, 0, 1), ("deficit", BEGIN, 0, 0)]
    for n, (entries, died) in enumerate([(early, None), *people]):
        person = {
            "patient_id": f"t{n}",
            "nhs_number": nhs(300 + n),
            "birth_date": f"19{40 + n}-05-06",
            "sex": "female",
            "deceased_on": died,
            "practice": "Y90001",
        }
        gp["persons"].append(person)
        hospital["persons"].append({**person, "patient_id": f"h{n}", "practice": ""})
        for place, (kind, day, later, which) in enumerate(entries):
            known, ident = day + timedelta(days=later), f"t{n}-{place}"
            if kind == "deficit":
                system, code, term = codes(f"efi/{DEFICITS[which]}")[0]
                gp["events"].append(
                    {
                        "patient_id": f"t{n}",
                        "record_id": ident,
                        "system": system,
                        "code": code,
                        "term": term,
                        "effective_on": day,
                        "recorded_on": known,
                    }
                )
            elif kind == "number":
                system, code, term = codes("quantities/haemoglobin")[0]
                gp["events"].append(
                    {
                        "patient_id": f"t{n}",
                        "record_id": ident,
                        "system": system,
                        "code": code,
                        "term": term,
                        "effective_on": day,
                        "recorded_on": known,
                        "value": 90 + 5 * which,
                        "unit": "g/L",
                    }
                )
            elif kind == "medicine":
                name = medicines()[which]
                gp["medicines"].append(
                    {
                        "patient_id": f"t{n}",
                        "record_id": ident,
                        "system": "https://dmd.nhs.uk",
                        "code": f"m-{name}",
                        "term": name,
                        "issued_on": day,
                        "recorded_on": known,
                    }
                )
            else:
                end = day + timedelta(days=which * 20)
                hospital["stays"].append(
                    {
                        "patient_id": f"h{n}",
                        "stay_id": ident,
                        "started": day,
                        "ended": end,
                        "setting": "inpatient",
                        "admission_method": "emergency" if which % 3 else "elective",
                        "recorded_start": known,
                        "recorded_end": max(known, end),
                    }
                )
                hospital["events"].append(
                    {
                        "patient_id": f"h{n}",
                        "record_id": f"{ident}-d",
                        "system": ICD10,
                        "code": "F05",
                        "effective_on": day,
                        "recorded_on": known,
                        "stay_id": ident,
                    }
                )
    return {"harbour-gp": gp, "hospital": hospital}


def truncated(given: dict[str, Tables], day: date) -> dict[str, Tables]:
    """What the same sources would have held on that day."""
    made: dict[str, Tables] = {}
    for source, tables in given.items():
        made[source] = {
            "persons": [
                {
                    **row,
                    "deceased_on": row["deceased_on"]
                    if row["deceased_on"] and row["deceased_on"] <= day
                    else None,
                }
                for row in tables["persons"]
            ],
            "events": [
                row for row in tables["events"] if row["effective_on"] <= day and row["recorded_on"] <= day
            ],
        }
        if "medicines" in tables:
            made[source]["medicines"] = [
                row for row in tables["medicines"] if row["issued_on"] <= day and row["recorded_on"] <= day
            ]
        if "stays" in tables:
            made[source]["stays"] = [
                row
                if row["recorded_end"] <= day and row["ended"] <= day
                else {**row, "ended": None, "recorded_end": None}
                for row in tables["stays"]
                if row["started"] <= day and row["recorded_start"] <= day
            ]
    return made


def store(folder: Path, given: dict[str, Tables]) -> Any:
    from frailty.records.files import find_sources
    from frailty.records.load import Coverage, load_sources
    from frailty.records.store import connect

    for source, tables in given.items():
        (folder / source).mkdir(parents=True, exist_ok=True)
        for name, rows in tables.items():
            with (folder / source / f"{name}.csv").open("w", encoding="utf-8", newline="") as stream:
                writer = csv.DictWriter(stream, COLUMNS[name])
                writer.writeheader()
                writer.writerows(rows)
    con = connect()
    load_sources(
        con,
        find_sources([str(folder / source) for source in given]),
        mode="full",
        kinds={"harbour-gp": "gp", "hospital": "hospital"},
        extracted_at=EXTRACTED,
        now=EXTRACTED,
        progress=quiet,
        folder=folder,
        coverage=[Coverage("hospital", ("Y90001",), BEGIN)],
    )
    return con


@settings(max_examples=3, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(people=PEOPLE, day=DAYS)
def test_as_of_a_past_day_nothing_later_counts(tmp_path_factory: Any, people: list[Any], day: date) -> None:
    folder = tmp_path_factory.mktemp("replay")
    whole = sources(people)
    now = answers(store(folder / "whole", whole), day)
    then = answers(store(folder / "then", truncated(whole, day)), day)
    assert now == then


def test_one_date_for_each_person(tmp_path: Path) -> None:
    people = [
        ([("deficit", date(2024, 3, 3), 0, n), ("stay", date(2024, 5, 5), 0, 4)], None) for n in range(6)
    ]
    con = store(tmp_path, sources(people))
    days = {f"t{n}": date(2024, 3, 2) + timedelta(days=n % 2) for n in range(7)}
    mixed = answers(con, days)
    for day in set(days.values()):
        same = answers(con, day)
        assert {who: mixed[who] for who in days if days[who] == day} == {
            who: same[who] for who in days if days[who] == day
        }


def test_a_text_and_a_date_mean_the_same_day(tmp_path: Path) -> None:
    """Also for what hangs on the day itself: a death after it has not happened yet."""
    con = store(tmp_path, sources([([("deficit", BEGIN, 0, 1)], date(2025, 5, 5))]))
    assert answers(con, "2025-05-04", scores=SCORES[:1]) == answers(con, date(2025, 5, 4), scores=SCORES[:1])
    assert "deceased_on" in con.execute("SELECT * FROM person_as_of LIMIT 0").fetchdf().columns
    assert con.execute("SELECT count(deceased_on) FROM person_as_of").fetchone() == (0,)
