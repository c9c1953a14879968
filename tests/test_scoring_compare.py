"""For whom a score can be computed, and what another definition would do."""

from __future__ import annotations

import csv
import re
import stat
from datetime import date
from functools import cache
from pathlib import Path

import pandas as pd
import pytest
from nightly_town import AS_OF, DEFICITS, Place, codes, nhs
from scoring_people import HEADER

import frailty
from frailty.cli import main
from frailty.errors import DefinitionError
from frailty.scoring import load_scorecard
from frailty.scoring.compare import tally, transitions
from frailty.scoring.packs import export_pack

DAY = date(2026, 6, 1)


@cache
def town() -> frailty.Practice:
    """Six people: practice, birth, deficits. p3 is 64 on the day, p4 has died, p5 has left."""
    people = [("p0", "Y90001", "1951-06-01", 3), ("p1", "Y90001", "1931-06-02", 9), ("p2", "Y90002", "1951-06-02", 13),
              ("p3", "Y90002", "1961-06-02", 5), ("p4", "Y90001", "1940-01-01", 5), ("p5", "Y90001", "1940-01-01", 5)]
    persons = pd.DataFrame([{"patient_id": id, "nhs_number": nhs(800 + n), "birth_date": born, "sex": "male", "practice": practice}
                            for n, (id, practice, born, _) in enumerate(people)])
    persons.loc[4, "deceased_on"] = "2025-01-01"
    persons.loc[5, "registered_to"] = "2025-01-01"
    events = []
    for id, _, _, many in people:
        for name in DEFICITS[:many]:
            system, code, _ = codes(f"efi/{name}")[0]
            events.append({"patient_id": id, "record_id": f"{id}{name}", "system": system, "code": code, "effective_on": "2024-01-01"})
    return frailty.Practice.from_frames(persons, pd.DataFrame(events))


# ---- coverage


def test_coverage_counts_whom_a_score_is_for_and_what_is_missing() -> None:
    found = town().coverage(["efi", "hfrs"], DAY).set_index(["score", "practice"])
    assert found.loc[("efi", ""), ["people", "outside", "computed", "share", "missing"]].tolist() == [4, 1, 3, 1.0, 0]
    assert found.loc[("efi", "Y90002"), ["people", "outside", "computed"]].tolist() == [2, 1, 1]
    one = found.loc[("hfrs", "")]
    assert one[["people", "outside", "computed", "share", "missing"]].tolist() == [4, 2, 0, 0.0, 2]
    assert one["missing_most"] == "No hospital feed covers this practice."
    none = found.loc[("hfrs", "Y90002")]
    assert none["people"] == none["outside"] == 2 and none["share"] != none["share"]


def test_coverage_asks_about_every_score() -> None:
    from frailty.scoring import scorecard_ids
    assert list(dict.fromkeys(town().coverage(as_of=DAY)["score"])) == scorecard_ids()


def test_the_most_frequent_reason_comes_first() -> None:
    from frailty.scoring.coverage import coverage
    scores = pd.DataFrame({"s_status": ["ok", "not_assessable", "not_assessable", "not_available", "outside_population"],
                           "s_reason": ["", "No sodium.", "No feed.", "No feed.", "Younger than 65."]})
    row = coverage(scores, pd.Series(["a", "a", "a", "b", "b"]), ["s"]).iloc[0]
    assert (row["missing_most"], row["missing"], row["other_reasons"], row["share"]) == ("No feed.", 2, "No sodium. (1)", 0.25)


def test_coverage_as_a_command(first_night: Place, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["scores", "coverage", "--store", str(first_night.store), "--as-of", str(AS_OF), "--csv", str(tmp_path / "all.csv")]
    assert main([*asked, "--scores", "efi,hfrs"]) == 0
    out = capsys.readouterr().out
    assert re.search(r"^efi +\d+ +\d+ +100 %$", out, re.MULTILINE) and "missing most" in out and "Y90001" not in out
    assert main([*asked, "--scores", "efi", "--by-practice"]) == 0
    assert re.search(r"^  Y90001 +\d+ +\d+ +100 %$", capsys.readouterr().out, re.MULTILINE)
    with (tmp_path / "all.csv").open() as stream:
        assert {row["score"] for row in csv.DictReader(stream)} == {"efi"}
    assert main([*asked, "--scores", "efo"]) == 1
    assert "did you mean 'efi'" in capsys.readouterr().err


# ---- compare


@pytest.fixture
def fewer(tmp_path: Path) -> Path:
    """A release of code lists in which arthritis and falls have other codes."""
    for name in ("arthritis", "falls"):
        path = tmp_path / "fewer/codelists/efi" / f"{name}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(HEADER + "urn:local,X,,exact,,,,,,\n", "utf-8")
    (path.parent / "source.toml").write_text('publication = "made up"\n', "utf-8")
    return tmp_path / "fewer"


def test_who_changes_band_by_practice_and_age(fewer: Path) -> None:
    """9 less 2 is mild, 13 or more less 2 moderate, 3 still fit; the dead, the gone and the young are not counted."""
    found = town().compare("efi", fewer, DAY)
    assert list(zip(found["patient_id"], found["old_band"], found["new_band"], found["moved"], strict=True)) == [
        ("p0", "fit", "fit", "same"), ("p1", "moderate", "mild", "lower"), ("p2", "severe", "moderate", "lower")]
    assert tally(found)[["practice", "age_group", "people", "changed", "lower", "higher"]].to_numpy().tolist() == [
        ["Y90001", "70 to 79", 1, 0, 0, 0], ["Y90001", "90 to 99", 1, 1, 1, 0], ["Y90002", "70 to 79", 1, 1, 1, 0]]
    assert transitions(found) == [("moderate", "mild", 1), ("severe", "moderate", 1)]
    back = town().compare(fewer, "efi", DAY)
    assert list(back["moved"]) == ["same", "higher", "higher"]


def test_the_same_definition_changes_nobody(tmp_path: Path) -> None:
    export_pack("efi", tmp_path / "pack")
    found = town().compare("efi", tmp_path / "pack", DAY)
    assert set(found["moved"]) == {"same"} and list(found["old_value"]) == list(found["new_value"])


def test_scores_without_a_common_band_or_value() -> None:
    found = town().compare("efi", "hfrs", DAY)
    assert set(found["moved"]) == {"only old"}
    assert set(transitions(found)) == {("fit", "not assessable", 1), ("moderate", "not assessable", 1),
                                       ("severe", "outside population", 1)}
    found = town().compare("charlson", "efi", DAY)
    assert list(found["moved"]) == ["only new", "only new", "only new", "same"]


@pytest.mark.parametrize(("old", "part"), [("efo", "neither a score nor a folder"), ("EMPTY", "holds no rules"),
                                           ("FEWER", "not clear which score")])
def test_sides_that_are_not_clear(fewer: Path, tmp_path: Path, old: str, part: str) -> None:
    (tmp_path / "empty").mkdir()
    place = {"EMPTY": str(tmp_path / "empty"), "FEWER": str(fewer)}.get(old, old)
    with pytest.raises(DefinitionError, match=part):
        town().compare(place, fewer, DAY)
    assert len(town().compare(fewer, fewer, DAY, score="efi")) == 3


def test_compare_as_a_command_names_nobody(first_night: Place, fewer: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    who = tmp_path / "who.csv"
    asked = ["scores", "compare", "efi", str(fewer), "--store", str(first_night.store), "--as-of", str(AS_OF)]
    assert main([*asked, "--people", str(who)]) == 0
    out = capsys.readouterr().out
    with who.open() as stream:
        people = list(csv.DictReader(stream))
    assert people and not [row for row in people if row["moved"] == "same"]
    assert stat.S_IMODE(who.stat().st_mode) == 0o600
    ids = frailty.open(first_night.store).persons["patient_id"]
    assert not [id for id in ids if re.search(rf"\b{re.escape(id)}\b", out)]
    assert f"{len(people):,} (" in out and "Y90001" in out and "moderate to mild" in out
    assert load_scorecard("efi").title in out
    assert main(["scores", "compare", "efi", "efi", "--store", str(first_night.store), "--as-of", str(AS_OF)]) == 0
    assert "The two definitions are the same." in capsys.readouterr().out
