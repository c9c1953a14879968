"""The same input gives the same output, to the byte; and a delta night gives what a full load gives."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from nightly_town import EXTRACTED, NEXT, Place, night_one, night_two, run, tree, write

ABOUT_FILES = ("run.json", "data/quarantine.csv")  # they name the files that were read


def told(found: dict[str, bytes], *without: str) -> dict[str, Any]:
    return {key: value for key, value in json.loads(found["run.json"]).items() if key not in without}


def test_the_same_night_twice(place: Place) -> None:
    """A second run of the same evening on the same store changes nothing but what is said about the run itself."""
    before = tree(place.out)
    result = run(place.records, place.out, site=place.site, extracted_at=EXTRACTED)
    assert tree(place.out) == before
    assert all(not one["ended"] for one in result.run["this_run"]["loads"].values())


def test_files_lines_parts_bundles_threads_and_order_of_sources_do_not_matter(
    first_night: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One source comes in parts, shuffled, under other names; the others as one Bundle each; on four threads."""
    import frailty.records.store as store
    import frailty.scoring.engine as engine

    connect, opened = store.connect, []

    def more_threads(*given: Any, **more: Any) -> Any:
        con = connect(*given, **more)
        con.execute("SET threads = 5")
        opened.append(con.execute("SELECT current_setting('threads')").fetchone())
        return con

    monkeypatch.setattr(store, "connect", more_threads)
    monkeypatch.setattr(engine, "_cores", lambda: 4)
    records = [
        str(
            write(
                tmp_path / source,
                rows,
                **(
                    {"seed": 7, "parts": 3, "rename": "export"}
                    if source == "harbour-gp"
                    else {"bundle": True}
                ),
            )
        )
        for source, rows in night_one().items()
    ]
    run(records[::-1], tmp_path / "lists", site=first_night.site, extracted_at=EXTRACTED)
    assert opened == [(5,)]
    usual, other = tree(first_night.out), tree(tmp_path / "lists")
    assert usual.keys() == other.keys()
    assert [name for name in usual if name not in ABOUT_FILES and usual[name] != other[name]] == []
    books = told(other)["books"]
    assert [types.pop("Bundle", {}).get("read") for types in books.values()] == [2, 1, None, 1]
    assert books == told(usual)["books"]
    assert told(usual, "inputs", "books") == told(other, "inputs", "books")


# ---- the next evening


@pytest.fixture(scope="module")
def next_nights(first_night: Place, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Place]:
    """The next evening by a delta, by a full load, and by a full load into an empty store."""
    folder = tmp_path_factory.mktemp("next")
    changes = night_two()
    made = {name: first_night.copy(folder / name) for name in ("delta", "full", "alone")}
    made["delta"].night(changes.delta(), delta=True)
    made["full"].night(changes.full())
    made["alone"].store.unlink()
    made["alone"].night(changes.full())
    return made


def test_a_delta_gives_the_scores_of_a_full_load(next_nights: dict[str, Place]) -> None:
    delta, full, alone = (tree(next_nights[name].out) for name in ("delta", "full", "alone"))
    for name in (
        "data/scores.csv",
        "data/scores.parquet",
        "data/contributions.parquet",
        "data/rising.csv",
        "data/person_ids.csv",
    ):
        assert delta[name] == full[name] == alone[name], name
    assert b"p99" in delta["data/scores.csv"]


def test_a_delta_gives_the_lists_of_a_full_load(next_nights: dict[str, Place]) -> None:
    delta, full = (tree(next_nights[name].out) for name in ("delta", "full"))
    pages = [name for name in delta if "worklist" in name]
    assert len(pages) == 18 and [name for name in pages if delta[name] != full[name]] == []
    assert told(delta)["worklists"] == told(full)["worklists"]


def test_only_history_tells_a_first_night_from_a_second(next_nights: dict[str, Place]) -> None:
    """Who is listed, why and in which order hangs on the records; what is new and since when hangs on the last run."""
    full, alone = (tree(next_nights[name].out) for name in ("full", "alone"))
    for name in full:
        if name.endswith("worklist.csv"):
            one, other = (without_history(found[name].decode("utf-8-sig")) for found in (full, alone))
            assert one == other, name


def without_history(text: str) -> list[tuple[str, ...]]:
    import csv
    import io

    kept = ("list", "section", "patient_id", "asked", "asked_by", "why_now", "priority", "frailty", "missing")
    return sorted(
        tuple(row[name] for name in kept)
        for row in csv.DictReader(io.StringIO(text))
        if row["section"] != "came off"
    )


def test_what_came_off_says_why(next_nights: dict[str, Place]) -> None:
    page = (next_nights["delta"].out / "practice/Y90001/worklist.html").read_text(encoding="utf-8")
    assert re.search(r"came off", page, re.IGNORECASE)
    books = told(tree(next_nights["delta"].out))["books"]
    assert books["harbour-gp"]["Condition"] == {
        "read": 3,
        "used": 2,
        "not_needed": 0,
        "superseded": 0,
        "removed": 1,
        "quarantined": 0,
    }


def test_a_past_evening_is_replayed(next_nights: dict[str, Place], first_night: Place) -> None:
    """From the store of the second evening: the scores of the first, as they were held then."""
    import csv

    from nightly_town import AS_OF

    import frailty

    practice = frailty.open(next_nights["delta"].store)
    then = practice.score(["efi", "hfrs"], as_of=AS_OF, load=1, objectors=practice.objectors())
    with (first_night.out / "data/scores.csv").open(encoding="utf-8", newline="") as stream:
        theirs = list(csv.DictReader(stream))
    assert list(then["patient_id"]) == [row["patient_id"] for row in theirs]
    for score in ("efi", "hfrs"):
        points = then[f"{score}_points"].astype(object)
        assert [row[f"{score}_points"] for row in theirs] == list(points.map(str).where(points.notna(), ""))
    now = practice.score(["efi"], as_of=NEXT, objectors=practice.objectors())
    assert not now["efi_points"].equals(then["efi_points"])
