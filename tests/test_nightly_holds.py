"""Freshness and completeness (G12): a missing, stale, partial or shrunken source never empties a list."""

from __future__ import annotations

import csv
import json
import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from nightly_town import EXTRACTED, NEXT, Place, days_before, night_one, run, write, write_night

QUICK = {"scores": ("efi",)}


def told(place: Place) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((place.out / "run.json").read_text(encoding="utf-8"))
    return found


def listed(place: Place, practice: str) -> set[tuple[str, str, str]]:
    with (place.out / "practice" / practice / "worklist.csv").open(
        encoding="utf-8-sig", newline=""
    ) as stream:
        return {
            (row["list"], row["section"], row["patient_id"])
            for row in csv.DictReader(stream)
            if row["section"] != "not evaluated"
        }


def page(place: Place, practice: str) -> str:
    return (place.out / "practice" / practice / "worklist.html").read_text(encoding="utf-8")


def scored(place: Place) -> list[str]:
    with (place.out / "data/scores.csv").open(encoding="utf-8", newline="") as stream:
        return [f"{row['patient_id']} {row['efi_points']}" for row in csv.DictReader(stream)]


@pytest.fixture(scope="module")
def broken(first_night: Place, tmp_path_factory: pytest.TempPathFactory) -> tuple[Place, Any, Place]:
    """One practice sends no rows, the other everything but its Conditions; and the same again a night later."""
    folder = tmp_path_factory.mktemp("broken")
    one = first_night.copy(folder / "one")
    night = night_one()
    night["downs-gp"] = []
    night["harbour-gp"] = [row for row in night["harbour-gp"] if row["resourceType"] != "Condition"]
    result = one.night(night, **QUICK)
    two = one.copy(folder / "two")
    two.night(
        night,
        as_of=(NEXT + timedelta(days=1)).isoformat(),
        extracted_at=EXTRACTED + timedelta(days=2),
        **QUICK,
    )
    return one, result, two


def test_an_emptied_source_is_held_and_named(broken: tuple[Place, Any, Place]) -> None:
    place, result, _ = broken
    assert result.exit_code == 3
    assert [one.split(",")[0] for one in result.troubles] == ["harbour-gp: held", "downs-gp: held"]
    assert "5 to 0" in result.troubles[1] and "--accept-change downs-gp" in result.troubles[1]
    assert "Condition" in result.troubles[0]
    status = (place.out / "status.txt").read_text(encoding="utf-8")
    assert status.count("\n") == 1 and "TROUBLE" in status and "downs-gp" in status
    assert set(told(place)["held"]) == {"harbour-gp", "downs-gp"}


def test_yesterdays_people_and_records_stay(broken: tuple[Place, Any, Place], first_night: Place) -> None:
    for place in broken[::2]:
        assert scored(place) == scored(first_night)


def test_the_last_good_lists_stay_and_nothing_is_closed(
    broken: tuple[Place, Any, Place], first_night: Place
) -> None:
    """Also on the second night of trouble."""
    for place in broken[::2]:
        for practice in ("Y90001", "Y90002"):
            before = {(title, who) for title, section, who in listed(first_night, practice)}
            now = listed(place, practice)
            assert {(title, who) for title, _, who in now} == before
            assert not [line for line in now if line[1] == "came off"]


def test_the_page_says_so(broken: tuple[Place, Any, Place]) -> None:
    for place in broken[::2]:
        for practice in ("Y90001", "Y90002"):
            text = page(place, practice)
            assert "frozen" in text and "repeat the last good run" in text and "overnight" in text
    states = {one["id"]: one["state"] for one in told(broken[0])["worklists"]["pages"]}
    assert states["Y90001"] == states["Y90002"] == "frozen"


def test_what_was_held_is_accounted_for(broken: tuple[Place, Any, Place]) -> None:
    books = told(broken[0])["books"]
    for row in (row for source in books.values() for row in source.values()):
        assert row["read"] == sum(
            row[name] for name in ("used", "not_needed", "superseded", "removed", "quarantined")
        )
    assert books["harbour-gp"]["Patient"]["quarantined"] == books["harbour-gp"]["Patient"]["read"] == 9
    assert books["hospital"]["Patient"]["used"] == 3
    feed = next(one for one in told(broken[0])["feeds"] if one["source"] == "harbour-gp")
    assert feed["extracted_at"] == str(EXTRACTED)  # of the last good load


def test_a_change_is_taken_when_somebody_says_so(place: Place) -> None:
    night = night_one()
    night["downs-gp"] = [
        row for row in night["downs-gp"] if row["id"] in ("p9", "p10") or row["id"].startswith("p10-")
    ]
    result = place.night(night, accept_change=("downs-gp",), **QUICK)
    assert result.troubles == ["practice Y90002: frozen, why is on its page"]   # the records are taken; its lists wait for a person
    assert {one.split()[0] for one in scored(place)} & {"p11", "p12", "p13"} == set()
    assert "p9 0" in scored(place)  # its Conditions are gone with the rest of the export


def test_a_missing_source_and_a_stale_one(place: Place) -> None:
    records = [one for one in place.records if "downs" not in one]
    result = run(
        records,
        place.out,
        site=place.site,
        as_of=NEXT.isoformat(),
        extracted_at=EXTRACTED - timedelta(days=4),
        **QUICK,
    )
    assert result.exit_code == 3
    assert any(one.startswith("downs-gp: missing tonight") for one in result.troubles)
    assert any(one.startswith("harbour-gp: frozen") for one in result.troubles)
    assert any(one.startswith("hospital: late") for one in result.troubles)
    assert len(scored(place)) == 14
    assert "frozen" in page(place, "Y90001")
    assert "dmissions and discharges are not known" in page(place, "Y90001")


def test_a_manifest_freezes_and_a_guess_never_does(place: Place) -> None:
    """Without a time of extraction the newest record is a guess: shown as one, never a reason to freeze."""
    (place.folder / "records/harbour-gp/manifest.json").write_text(
        json.dumps({"transactionTime": f"{days_before(9)}T02:00:00Z", "output": []}), encoding="utf-8"
    )
    result = place.night(None, extracted_at=None, **QUICK)
    assert result.exit_code == 3 and [one.split(":")[0] for one in result.troubles] == ["harbour-gp"]
    feeds = {one["source"]: one["extracted_from"] for one in told(place)["feeds"]}
    assert feeds == {"harbour-gp": "manifest", "downs-gp": "newest record", "hospital": "newest record"}
    states = {one["id"]: one["state"] for one in told(place)["worklists"]["pages"]}
    assert (states["Y90001"], states["Y90002"]) == ("frozen", "ok")
    assert "date of the extract is not given" in page(place, "Y90002")


def test_a_shrunken_practice_within_a_source(first_night: Place, tmp_path: Path) -> None:
    """Two practices send one export; one of them shrinks too little to hold the source, too much to be believed."""
    site = (
        first_night.site.read_text(encoding="utf-8")
        .replace('name = "harbour-gp"', 'name = "both"')
        .replace('practices = ["Y90001"]', 'practices = ["Y90001", "Y90002"]', 1)
    )
    site = site.replace(site[site.index('[[feed]]\nname = "downs-gp"') : site.index("[settings]")], "")
    shutil.copy(first_night.folder / "home-1.csv", tmp_path)
    (tmp_path / "site.toml").write_text(site, encoding="utf-8")
    night = night_one()
    both = {"both": night["harbour-gp"] + night["downs-gp"]}
    place = Place(tmp_path, tmp_path / "site.toml", [str(tmp_path / "records" / name) for name in both], None)
    run(write_night(tmp_path / "records", both), place.out, site=place.site, extracted_at=EXTRACTED, **QUICK)
    before = {(title, who) for title, _, who in listed(place, "Y90002")}
    gone = ("p10", "p12", "p13")
    both["both"] = [row for row in both["both"] if row["id"].split("-")[0] not in gone]
    write(tmp_path / "records/both", both["both"])
    for days in (0, 1):
        result = place.night(
            None,
            as_of=(NEXT + timedelta(days=days)).isoformat(),
            extracted_at=EXTRACTED + timedelta(days=1 + days),
            **QUICK,
        )
        assert result.exit_code == 3, f"night {days + 1}"
        now = listed(place, "Y90002")
        assert {(title, who) for title, _, who in now} == before and not [
            line for line in now if line[1] == "came off"
        ]
