"""What a night writes: the columns, the books, who may read what, and what is never written."""

from __future__ import annotations

import csv
import json
import stat
from pathlib import Path
from typing import Any

import pytest
from nightly_town import (
    AS_OF,
    EXTRACTED,
    NAMES,
    Place,
    medicines,
    nhs,
    order,
    patient,
    run,
    tree,
    write,
    write_night,
)

FRACTIONS = ("efi", "efi_reviewed")


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as stream:
        return list(csv.DictReader(stream))


def header(path: Path) -> list[str]:
    with path.open(encoding="utf-8-sig", newline="") as stream:
        return next(csv.reader(stream))


def told(place: Place) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((place.out / "run.json").read_text(encoding="utf-8"))
    return found


# ---- files and columns


def test_no_model_is_on_by_itself(first_night: Place) -> None:
    assert not list((first_night.out / "data").glob("risk*")) and json.loads((first_night.out / "run.json").read_text())["models"] == {}


def test_scores_hold_the_columns_that_are_promised(first_night: Place) -> None:
    from frailty.scoring import default_scorecard_ids

    found = header(first_night.out / "data" / "scores.csv")
    assert found[:4] == ["patient_id", "last_entry_on", "registered_from", "thin_record"]
    scores = [name.removesuffix("_status") for name in found if name.endswith("_status")]
    assert sorted(scores) == sorted(default_scorecard_ids())
    expected = []
    for score in scores:
        expected += [
            score,
            f"{score}_points",
            *([f"{score}_of"] if score in FRACTIONS else []),
            f"{score}_band",
            f"{score}_status",
            f"{score}_reason",
        ]
    assert found[4:] == expected


def test_parquet_and_csv_say_the_same(first_night: Place) -> None:
    import pandas as pd

    data = first_night.out / "data"
    frame = pd.read_parquet(data / "scores.parquet")
    assert list(frame.columns) == header(data / "scores.csv")
    assert list(frame["patient_id"]) == [row["patient_id"] for row in rows(data / "scores.csv")]
    assert list(frame["patient_id"]) == sorted(frame["patient_id"])
    assert frame["patient_id"].is_unique and len(frame) == 14
    contributions = pd.read_parquet(data / "contributions.parquet")
    assert list(contributions.columns) == [
        "patient_id",
        "score",
        "term",
        "points",
        "first_on",
        "last_on",
        "n",
        "system",
        "code",
        "resource",
    ]
    sums = contributions[contributions["score"] == "efi"].groupby("patient_id")["points"].sum()
    points = frame.set_index("patient_id")["efi_points"]
    assert {who: points[who] for who in sums.index} == sums.to_dict()


def test_the_other_tables(first_night: Place) -> None:
    data = first_night.out / "data"
    assert header(data / "quarantine.csv") == ["file", "line", "resource_type", "reason", "part"]
    (bad,) = rows(data / "quarantine.csv")
    assert (bad["file"], bad["resource_type"]) == ("downs-gp/Condition.0.ndjson", "Condition")
    assert "Patient" in bad["reason"] and bad["line"].isdigit()
    links = rows(data / "person_ids.csv")
    assert {(row["patient_id"], row["source"], row["id"]) for row in links} >= {
        ("p0", "harbour-gp", "p0"),
        ("p0", "hospital", "h0"),
    }
    assert sorted(path.name for path in data.iterdir()) == [
        "contributions.parquet",
        "person_ids.csv",
        "quarantine.csv",
        "rising.csv",
        "scores.csv",
        "scores.parquet",
    ]


def test_rising_need_of_everybody_who_has_a_score(first_night: Place) -> None:
    data = first_night.out / "data"
    rising, scores = rows(data / "rising.csv"), rows(data / "scores.csv")
    assert [row["patient_id"] for row in rising] == [row["patient_id"] for row in scores if row["efi_reviewed_status"] == "ok"]
    assert {row["to_band"] for row in rising} == {row["efi_reviewed_band"] for row in scores if row["efi_reviewed_status"] == "ok"}
    assert {row["rapid_rise"] for row in rising} <= {"true", "false", ""} and len(rising[0]["slope_per_month"]) < 12


def test_one_folder_for_each_audience(first_night: Place) -> None:
    out = first_night.out
    pages = sorted(str(path.parent.relative_to(out)) for path in out.rglob("worklist.html"))
    assert pages == ["home/home-1", "hub", "practice/Y90001", "practice/Y90002", "team/community", "team/mental_health"]
    assert pages == first_night.result.folders
    assert pages == sorted(str(path.parent.relative_to(out)) for path in out.rglob("worklist.csv"))
    assert {path.name for path in out.iterdir()} == {
        "data",
        "practice",
        "home",
        "home-staff",
        "team",
        "hub",
        "run.json",
        "status.txt",
    }


def test_audiences_do_not_mix(first_night: Place) -> None:
    """A practice's page shows its own people; a home's page its own residents."""
    out = first_night.out
    harbour, downs, home = (
        (out / name / "worklist.html").read_text(encoding="utf-8")
        for name in ("practice/Y90001", "practice/Y90002", "home/home-1")
    )
    for n, name in enumerate(NAMES):
        assert n > 8 or name not in downs
        assert n <= 8 or name not in harbour
        assert n == 7 or name not in home
    assert NAMES[7] in home and NAMES[1] in harbour and NAMES[9] in downs


def test_lists_hold_whom_they_should(first_night: Place) -> None:
    listed = {
        (row["list"], row["section"], row["patient_id"])
        for row in rows(first_night.out / "practice/Y90001/worklist.csv")
        + rows(first_night.out / "practice/Y90002/worklist.csv")
    }
    assert ("Five-minute note reviews", "on the list", "p0") in listed
    assert ("MDT pack", "on the list", "p1") in listed
    assert ("Pharmacist: structured medication reviews", "on the list", "p2") in listed
    assert ("Five-minute note reviews", "paused: in hospital", "p9") in listed
    assert not {who for _, section, who in listed if section != "not evaluated"} & {
        "p4",
        "p5",
        "p6",
    }  # objection, died, left
    home = rows(first_night.out / "home/home-1/worklist.csv")
    assert home[0]["patient_id"] == "p7" and "Nurse C" in home[0]["asked"]
    pages = {page["id"]: page for page in told(first_night)["worklists"]["pages"]}
    assert pages["Y90001"]["excluded"]["object to profiling"] == 1
    assert pages["Y90001"]["excluded"]["died"] == 1


# ---- private by default


def secrets() -> list[bytes]:
    found = []
    for n, name in enumerate(NAMES):
        given, family = name.split()
        number = nhs(n)
        found += [
            given,
            family,
            number,
            f"{number[:3]} {number[3:6]} {number[6:]}",
            f"016329600{n:02d}",
            f"{n} Limpet Row",
        ]
    return [text.encode() for text in found]


def test_no_name_and_no_number_where_they_do_not_belong(first_night: Place) -> None:
    out = first_night.out
    for path in [*(out / "data").iterdir(), out / "run.json", out / "status.txt"]:
        text = path.read_bytes()
        if path.suffix == ".parquet":
            import pandas as pd

            text = pd.read_parquet(path).to_csv().encode()
        assert not [secret for secret in secrets() if secret in text], path.name
    for path in out.rglob("*"):
        assert not [secret for secret in secrets() if secret.decode() in str(path.relative_to(out))]


def test_files_are_for_their_owner(first_night: Place) -> None:
    out, store = first_night.out, first_night.store
    for path in [out, *out.rglob("*")]:
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path
    assert stat.S_IMODE(store.stat().st_mode) == 0o600
    beside = [path for path in first_night.folder.iterdir() if path.name.startswith(".")]
    assert all(path.name.endswith(".lock") and path.stat().st_size == 0 for path in beside), beside


def test_the_folder_may_say_more(place: Place) -> None:
    """Where somebody opened the folder to a group, the next night stays open to it, but no file can be run."""
    place.out.chmod(0o750)
    write_night(place.folder / "records", {"hospital": [patient("h0", 0, None)]})
    run([place.records[2]], place.out, scores=("efi",))
    assert {
        stat.S_IMODE(path.stat().st_mode) for path in [place.out, *place.out.rglob("*")] if path.is_dir()
    } == {0o750}
    assert {stat.S_IMODE(path.stat().st_mode) for path in place.out.rglob("*") if path.is_file()} == {0o640}


# ---- the books


def test_books_balance_for_each_source(first_night: Place) -> None:
    books = told(first_night)["books"]
    assert set(books) == {"all", "harbour-gp", "downs-gp", "hospital"}
    for types in books.values():
        for row in types.values():
            assert row["read"] == sum(
                row[name] for name in ("used", "not_needed", "superseded", "removed", "quarantined")
            )
            assert min(row.values()) >= 0
    for kind, row in books["all"].items():
        for name, count in row.items():
            assert count == sum(
                types.get(kind, {}).get(name, 0) for source, types in books.items() if source != "all"
            )
    assert books["harbour-gp"]["Slot"]["not_needed"] == 1
    assert books["downs-gp"]["Condition"]["removed"] == 1
    assert books["downs-gp"]["Condition"]["quarantined"] == 1
    for name in ("harbour-gp", "downs-gp", "hospital"):
        lines = sum(
            len(path.read_text(encoding="utf-8").splitlines())
            for path in (first_night.folder / "records" / name).iterdir()
        )
        assert sum(row["read"] for row in books[name].values()) == lines


def test_run_json_says_what_was_run(first_night: Place) -> None:
    import frailty

    run_told = told(first_night)
    assert (run_told["frailty"], run_told["as_of"], run_told["purpose"]) == (
        frailty.__version__,
        AS_OF.isoformat(),
        "direct-care",
    )
    assert {one["source"]: one["extracted_at"] for one in run_told["feeds"]} == dict.fromkeys(
        ("harbour-gp", "downs-gp", "hospital"), str(EXTRACTED)
    )
    assert all(len(one["sha256"]) == 64 for files in run_told["inputs"].values() for one in files)
    assert all(len(one["definition"]) >= 16 for one in run_told["scores"].values())
    assert run_told["code_lists"]["efi/falls"]
    assert run_told["worklists"]["rules_hash"]
    cases = run_told["worklists"]["cases"]
    assert cases["people"] > 0 and all(one["urgent"] <= one["open"] for one in cases["queues"].values())
    assert {"seconds", "started_at"} <= set(run_told["this_run"])
    assert run_told["efi_compared"]["people"] == 13
    assert run_told["unmapped_codes"] == [{"system": "https://codes.example/local", "codes": 1, "records": 1}]


def test_status_is_one_line_for_a_person(first_night: Place) -> None:
    text = (first_night.out / "status.txt").read_text(encoding="utf-8")
    assert text.count("\n") == 1 and text.endswith("all sources complete\n")
    assert text.startswith(f"{AS_OF}: 13 people scored; objected: 1; ")
    assert (first_night.result.exit_code, first_night.result.troubles) == (0, [])


def test_run_json_is_written_last(first_night: Place) -> None:
    newest = max(
        (path for path in first_night.out.rglob("*") if path.is_file()),
        key=lambda path: path.stat().st_mtime_ns,
    )
    assert newest.name == "run.json"


# ---- other uses of the same store


def test_opening_the_store_scores_as_the_night_did(first_night: Place) -> None:
    import frailty

    practice = frailty.open(first_night.store)
    again = practice.score([*told(first_night)["scores"]], as_of=AS_OF, objectors=practice.objectors())
    theirs = rows(first_night.out / "data" / "scores.csv")
    assert [row["patient_id"] for row in theirs] == list(again["patient_id"])
    for score in told(first_night)["scores"]:
        assert [row[f"{score}_status"] for row in theirs] == list(again[f"{score}_status"])
        points = again[f"{score}_points"].astype(object)
        assert [row[f"{score}_points"] for row in theirs] == list(points.map(str).where(points.notna(), ""))
    # the hospital covers both practices since 2015; one person objects
    assert {row["hfrs_status"] for row in theirs} == {"ok", "not_available"}


def test_research_sees_no_names_no_links_no_objectors(place: Place) -> None:
    """And it leaves the lists of direct care in the store as they were."""
    import duckdb

    before, lists = listed(place.store), tree(place.out)
    out = place.folder / "research"
    result = run(place.records, out, purpose="research", site=place.site, extracted_at=EXTRACTED, store=place.store)
    assert tree(place.out) == lists
    assert result.exit_code == 0 and result.people == 13
    found = {row["patient_id"] for row in rows(out / "data" / "scores.csv")}
    assert len(found) == 13 and "p4" not in found
    assert "p4" not in (out / "data" / "scores.csv").read_text()
    import pandas as pd

    assert "p4" not in set(pd.read_parquet(out / "data" / "contributions.parquet")["patient_id"])
    assert rows(out / "data" / "person_ids.csv") == []
    assert not list(out.rglob("worklist.*")) and {path.name for path in out.iterdir()} == {
        "data",
        "run.json",
        "status.txt",
    }
    run_told = json.loads((out / "run.json").read_text(encoding="utf-8"))
    assert run_told["worklists"]["written"] is False and run_told["people"] == 13
    assert sum(run_told["scores"]["efi"]["status"].values()) == 13
    assert listed(place.store) == before
    with duckdb.connect(str(place.store), read_only=True) as con:
        assert con.execute("SELECT purpose FROM run ORDER BY run").fetchall() == [
            ("direct-care",),
            ("research",),
        ]


def listed(store: Path) -> list[tuple[Any, ...]]:
    import duckdb

    with duckdb.connect(str(store), read_only=True) as con:
        return con.execute("SELECT * FROM listed ORDER BY ALL").fetchall()


def test_latest_scores_each_person_at_their_sources_newest_day(tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    write(old, [patient("a", 1, "Y90001"), order("a1", "a", medicines()[0], "2021-03-04")])
    write(new, [patient("b", 2, "Y90002"), order("b1", "b", medicines()[0], "2024-05-06")])
    result = run(
        [str(old), str(new)], tmp_path / "lists", as_of="latest", purpose="research", scores=("efi",)
    )
    assert (result.run["as_of"], str(result.as_of)) == ("latest", "2024-05-06")
    found = {row["patient_id"]: row["thin_record"] for row in rows(tmp_path / "lists/data/scores.csv")}
    assert set(found) == {"a", "b"}


@pytest.mark.parametrize(
    "line", ["5,9990000018,1931-03-02", '5,"Ottoline Brackwater,1931', "x" * 50, ",,,,", '"']
)
def test_a_spoiled_table_tells_no_secrets(tmp_path: Path, line: str) -> None:
    """A line of persons.csv that cannot be read is quarantined without a word of what it says."""
    folder = tmp_path / "tables"
    folder.mkdir()
    (folder / "persons.csv").write_text(
        "patient_id,nhs_number,birth_date,sex,name\na1,9990000026,1932-03-03,male,Peregrine Mossgrove\n"
        f"{line}\na2,9990000034,1933-03-03,male,Hepzibah Tanglewick\n",
        encoding="utf-8",
    )
    (folder / "events.csv").write_text("patient_id,system,code,effective_on\n", encoding="utf-8")
    import frailty

    practice = frailty.read_fhir(folder)
    said = practice.quarantine.to_csv()
    assert not [
        word for word in ("Ottoline", "Brackwater", "9990000018", "Mossgrove", "Hepzibah") if word in said
    ], said
    books = practice.books["tables"]["persons"]
    assert books["read"] == sum(count for name, count in books.items() if name != "read")
