"""Do the code lists find about as many people as published? Warnings where they find far fewer or far more."""

from __future__ import annotations

from datetime import date
from typing import Any

import pandas as pd
import pytest
from nightly_town import Place, codes

from frailty.practice import Practice
from frailty.scoring.prevalence import prevalence, published
from frailty.terminology import list_codelists

DAY = date(2026, 11, 22)


def practice(shares: dict[str, float], many: int = 1200, born: str = "1970-01-01") -> Practice:
    """So many people, of whom a share has each list."""
    persons = pd.DataFrame([{"patient_id": f"p{n}", "birth_date": born if n % 5 else "1945-01-01", "sex": "female", "practice": "Y90001"}
                            for n in range(many)])
    events = [{"patient_id": f"p{n}", "record_id": f"{name}{n}", "system": codes(f"efi/{name}")[0][0],
               "code": codes(f"efi/{name}")[0][1], "effective_on": "2024-01-01"}
              for name, share in shares.items() for n in range(round(many * share))]
    return Practice.from_frames(persons, pd.DataFrame(events))


def checked(one: Practice) -> dict[str, dict[str, Any]]:
    return {row["list"]: row for row in prevalence(one.connection, DAY)}


def test_the_published_figures_are_of_lists_that_exist() -> None:
    known = published()
    assert len(known) == 21 and set(known) <= set(list_codelists())
    assert known["efi/mobility-problems"] == (1.44, 1.76, "same")         # the eFI code set, not the wider one beside it
    assert known["efi/fragility-fracture"][2] == "broader" and known["efi/stroke-tia"][2] == "partial"
    assert all(0 < low <= high < 30 for low, high, _ in known.values())


def test_far_fewer_and_far_more_are_told_apart_from_about_as_many() -> None:
    found = checked(practice({"diabetes": 0.06, "hypertension": 0.01, "falls": 0.3, "fragility-fracture": 0.001}))
    assert found["efi/diabetes"]["warning"] == "" and found["efi/diabetes"]["percent"] == 6.0
    assert found["efi/diabetes"]["published"][0] > 5
    assert "far fewer" in found["efi/hypertension"]["warning"]             # 1 % against 13 %
    assert "far more" in found["efi/falls"]["warning"]                     # 30 % against 2 %
    assert found["efi/fragility-fracture"]["warning"] == ""                # published: any fracture; fewer says nothing
    assert found["efi/parkinsons"]["warning"] == ""                        # none, but hardly any were to be expected


@pytest.mark.parametrize(("many", "born"), [(900, "1970-01-01"), (1200, "1940-01-01")])
def test_small_lists_and_lists_of_old_people_are_not_compared(many: int, born: str) -> None:
    assert checked(practice({"falls": 0.5}, many, born)) == {}


def test_a_warning_is_in_the_report_and_never_an_error(first_night: Place) -> None:
    assert first_night.result.run["prevalence"] == [] and "published" not in (first_night.out / "status.txt").read_text()


def test_the_status_line_counts_the_warnings() -> None:
    from frailty.nightly import Result, _status
    run: dict[str, Any] = {"scores": {"efi_reviewed": {"bands": {}}}, "books": {"all": {}}, "objected": 0,
                           "prevalence": [{"warning": "far fewer"}, {"warning": ""}], "models": {}}
    text = _status(Result(0, DAY, 5, [], run))
    assert "published: 1 (run.json)" in text and "all sources complete" in text
