"""Definitions as a product: packs out and in, and a folder of the user's own scores."""

from __future__ import annotations

import json
import shutil
from datetime import date
from functools import cache
from pathlib import Path

import pandas as pd
import pytest
from nightly_town import EXTRACTED, codes, nhs, night_one, run, write
from scoring_people import HEADER

import frailty
from frailty.cli import main
from frailty.errors import DefinitionError
from frailty.scoring import load_scorecard, scorecard_ids
from frailty.scoring.lock import definition_hash, lock_file
from frailty.scoring.overlay import laid_over, own_scores
from frailty.scoring.packs import export_pack, import_pack

ROOT = Path(__file__).resolve().parent.parent
OURS = """id = "ours"
title = "Our index"
version = "1"
licence = "Ours to give."
verified = "Worked by hand; not validated on anybody."
notes = ["Only an example."]
source = { citation = "Made up" }
[[term]]
id = "falls"
title = "Falls"
any = [{ codes = "efi/falls" }]
points = 2
[[term]]
id = "sore"
title = "Sore thumb"
any = [{ codes = "our_lists/thumb" }, { from = "value", codes = "our_lists/thumb_length", unit = "mm", value = [{ above = 70 }] }]
points = 1.5
[[band]]
label = "low"
below = 2
[[band]]
label = "high"
at_least = 2
[[example]]
given = { terms = ["falls", "sore"] }
expect = { points = 3.5, band = "high" }
"""
QUANTITIES = ("quantity,codes,unit,spelling,factor,plausible_min,plausible_max,derived,source\n"
              "thumb_length,our_lists/thumb_length,mm,mm,1,0,200,,made up\n"
              "thumb_length,our_lists/thumb_length,mm,cm,10,0,200,,made up\n")


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A folder of the user's: one score, two lists, one quantity."""
    folder = tmp_path / "own"
    for name, text in {
        "scores/ours.toml": OURS, "quantities.csv": QUANTITIES,
        "codelists/our_lists/thumb.csv": HEADER + "urn:local,T1,Sore thumb,exact,,,,,,\n",
        "codelists/our_lists/thumb_length.csv": HEADER + "urn:local,T2,Length of thumb,exact,,,,,,\n",
        "codelists/our_lists/source.toml": 'publication = "made up"\nverified = "by nobody"\n',
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, "utf-8")
    return folder


@cache
def town() -> frailty.Practice:
    """Ada has fallen, Ben has a long thumb, Cy has a sore one, Di has nothing."""
    persons = pd.DataFrame([{"patient_id": name, "nhs_number": nhs(700 + n), "birth_date": "1940-01-01", "sex": "female",
                             "practice": "Y90001"} for n, name in enumerate(("ada", "ben", "cy", "di"))])
    fell = codes("efi/falls")[0]
    events = pd.DataFrame([
        {"patient_id": "ada", "record_id": "1", "system": fell[0], "code": fell[1], "effective_on": "2026-01-01"},
        {"patient_id": "ben", "record_id": "2", "system": "urn:local", "code": "T2", "effective_on": "2026-01-01", "value": 7.1,
         "unit": "cm"},
        {"patient_id": "cy", "record_id": "3", "system": "urn:local", "code": "T1", "effective_on": "2026-01-01"}])
    return frailty.Practice.from_frames(persons, events)


def test_own_scores_stand_beside_the_shipped_ones(own: Path) -> None:
    scores = town().with_rules(own).score(["efi", "ours"], date(2026, 6, 1))
    assert list(scores["ours_points"]) == [2, 1.5, 1.5, 0]
    assert list(scores["ours_band"]) == ["high", "low", "low", "low"]
    assert list(scores["efi_points"]) == list(town().score("efi", date(2026, 6, 1))["efi_points"]) == [1, 0, 0, 0]
    assert own_scores(own) == ["ours"]
    assert {*scorecard_ids(), "ours"} == set(scorecard_ids(laid_over(own)))


def changed(path: Path, old: str, new: str) -> None:
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new), "utf-8")


@pytest.mark.parametrize(("name", "old", "new", "parts"), [
    ("scores/ours.toml", "points = 2", "point = 2", ["own/scores/ours.toml, line 12", "did you mean 'points'?"]),
    ("scores/ours.toml", "our_lists/thumb\"", "our_lists/thumbs\"", ["There is no code list our_lists/thumbs", "our_lists/thumb"]),
    ("codelists/our_lists/thumb.csv", "exact", "exactly", ["own/codelists/our_lists/thumb.csv:2", "exactly", "one of exact"]),
    ("codelists/our_lists/source.toml", '"made up"', "made up", ["own/codelists/our_lists/source.toml", "not valid TOML"]),
    ("quantities.csv", "mm,cm,10", "mm,cm,ten", ["quantities.csv", "not a number", "'ten'"]),
])
def test_what_is_wrong_in_an_own_folder_is_named_there(own: Path, name: str, old: str, new: str, parts: list[str]) -> None:
    changed(own / name, old, new)
    with pytest.raises(DefinitionError) as caught:
        laid_over(own)
    text = caught.value.text()
    assert [part for part in parts if part not in text] == [], text
    assert "frailty-rules-" not in text


def test_a_clash_with_what_is_shipped_is_refused_unless_identical(own: Path) -> None:
    for name in ("scores/efi.toml", "codelists/efi/falls.csv", "codelists/efi/source.toml"):
        (own / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / "rules" / name, own / name)
    laid_over(own)
    for name, word in (("scores/efi.toml", "score 'efi'"), ("codelists/efi/falls.csv", "code list 'falls'")):
        with (own / name).open("a") as stream:
            stream.write("# mine\n" if name.endswith("toml") else "urn:local,F1,,exact,,,,,,\n")
        with pytest.raises(DefinitionError) as caught:
            laid_over(own)
        assert word in caught.value.text() and str(own / name) in caught.value.text() and "another" in caught.value.mend
        if name.startswith("scores"):
            shutil.copyfile(ROOT / "rules" / name, own / name)
    assert (laid_over(own, trial=True) / "codelists/efi/falls.csv").read_text().endswith("urn:local,F1,,exact,,,,,,\n")
    changed(own / "quantities.csv", "thumb_length,our_lists/thumb_length", "egfr,our_lists/thumb_length")
    shutil.rmtree(own / "codelists/efi")
    (own / "scores/efi.toml").unlink()
    with pytest.raises(DefinitionError, match="quantity 'egfr' is also a shipped one"):
        laid_over(own)


def test_a_list_that_is_shipped_empty_may_be_filled(own: Path) -> None:
    path = own / "codelists/quantities/4at.csv"
    path.parent.mkdir(parents=True)
    header = (ROOT / "rules/codelists/quantities/4at.csv").read_text()
    path.write_text(header + "urn:local,4AT,4AT total,exact,,,,,local,\n")
    assert (laid_over(own) / "codelists/quantities/4at.csv").read_text().endswith("local,\n")
    path.write_text(header + "urn:local,4AT,4AT total,exactly,,,,,local,\n")
    with pytest.raises(DefinitionError) as caught:
        laid_over(own)
    assert "own/codelists/quantities/4at.csv:2" in caught.value.text()


def test_folders_that_are_no_rules(tmp_path: Path) -> None:
    with pytest.raises(DefinitionError, match="not found"):
        laid_over(tmp_path / "none")
    with pytest.raises(DefinitionError, match="holds no rules"):
        laid_over(tmp_path)


# ---- packs


@pytest.mark.parametrize("id", scorecard_ids())
def test_every_shipped_score_can_be_exported(id: str, tmp_path: Path) -> None:
    card = export_pack(id, tmp_path / "pack")
    readme = (tmp_path / "pack/README.md").read_text("utf-8")
    told = json.loads((tmp_path / "pack/pack.json").read_text("utf-8"))
    assert told["definition"] == definition_hash(load_scorecard(id)) in readme
    assert card.title in readme and card.version in readme and "## Licence" in readme
    assert str(card.source["citation"]).split(".")[0] in readme.replace("\n", " ")
    assert {"id", "version", "terms", "bands", "code_lists", "source", "licence", "verified", "methods"} <= set(told)
    assert [term["id"] for term in told["terms"]] == [term.id for term in card.terms]
    assert set(told["code_lists"]) == set(card.codelists)
    # what the pack says, it also holds, and alone it gives the same definition
    alone = laid_over(tmp_path / "pack", trial=True)
    assert definition_hash(load_scorecard(id, alone), alone) == told["definition"]


def test_a_pack_goes_out_and_comes_back_equal(own: Path, tmp_path: Path) -> None:
    rules = laid_over(own)
    export_pack("ours", tmp_path / "pack", rules)
    card, added = import_pack(tmp_path / "pack", tmp_path / "theirs")
    assert added == ["codelists/our_lists/source.toml", "codelists/our_lists/thumb.csv", "codelists/our_lists/thumb_length.csv",
                     "scores/ours.toml", "quantities.csv"]          # efi/falls is shipped
    theirs = laid_over(tmp_path / "theirs")
    assert definition_hash(card, theirs) == definition_hash(load_scorecard("ours", rules), rules)
    day = date(2026, 6, 1)
    pd.testing.assert_frame_equal(town().with_rules(own).score("ours", day), town().with_rules(tmp_path / "theirs").score("ours", day))
    pd.testing.assert_frame_equal(town().with_rules(own).contributions("ours", day),
                                  town().with_rules(tmp_path / "theirs").contributions("ours", day))
    assert import_pack(tmp_path / "pack", tmp_path / "theirs")[1] == []        # once more: nothing to add
    readme = (tmp_path / "pack/README.md").read_text("utf-8")
    assert "not validated on anybody" in readme and "by nobody" in readme and "Only an example." in readme


def test_an_imported_definition_is_locked(own: Path, tmp_path: Path) -> None:
    export_pack("ours", tmp_path / "pack", laid_over(own))
    import_pack(tmp_path / "pack", tmp_path / "theirs")
    changed(tmp_path / "theirs/scores/ours.toml", "points = 1.5", "points = 2.5")
    with pytest.raises(DefinitionError, match="still calls itself version 1") as caught:
        laid_over(tmp_path / "theirs")
    assert "frailty scores lock --rules" in caught.value.mend
    changed(tmp_path / "theirs/scores/ours.toml", 'version = "1"', 'version = "2"')
    assert main(["scores", "lock", "--rules", str(tmp_path / "theirs")]) == 0
    assert lock_file(tmp_path / "theirs").read_text().count("ours,") == 2


@pytest.mark.parametrize("what", ["changed", "another file", "missing", "example", "clash", "no pack", "unreadable", "other format"])
def test_a_pack_that_is_refused_adds_nothing(own: Path, tmp_path: Path, what: str) -> None:
    pack, theirs = tmp_path / "pack", tmp_path / "theirs"
    if what == "example":
        changed(own / "scores/ours.toml", "points = 3.5", "points = 4")
    export_pack("ours", pack, laid_over(own))
    part = {"changed": "was changed after it was exported", "another file": "was changed", "missing": "was changed",
            "example": "worked example of 'ours' does not come out", "clash": "already in your folder", "no pack": "no pack.json",
            "unreadable": "cannot be read", "other format": "another kind"}[what]
    if what == "changed":
        changed(pack / "scores/ours.toml", "points = 1.5", "points = 9")
    elif what == "another file":
        shutil.copyfile(pack / "scores/ours.toml", pack / "scores/more.toml")
    elif what == "missing":
        (pack / "codelists/our_lists/thumb.csv").unlink()
    elif what == "clash":
        (theirs / "codelists/our_lists").mkdir(parents=True)
        (theirs / "codelists/our_lists/thumb.csv").write_text(HEADER, "utf-8")
    elif what == "no pack":
        (pack / "pack.json").unlink()
    elif what == "unreadable":
        (pack / "pack.json").write_text("{", "utf-8")
    elif what == "other format":
        changed(pack / "pack.json", "definition pack 1", "definition pack 9")
    before = sorted(theirs.rglob("*"))
    with pytest.raises(DefinitionError) as caught:
        import_pack(pack, theirs)
    assert part in caught.value.text() and str(pack if what != "clash" else theirs) in caught.value.text() and caught.value.mend
    assert sorted(theirs.rglob("*")) == before


def test_own_scores_in_the_nightly_run(own: Path, tmp_path: Path) -> None:
    records = str(write(tmp_path / "records/harbour-gp", night_one()["harbour-gp"]))
    result = run([records], tmp_path / "lists", scores=("ours",), extracted_at=EXTRACTED, rules=own, purpose="research")
    rules = laid_over(own)
    assert result.run["scores"]["ours"]["definition"] == definition_hash(load_scorecard("ours", rules), rules)
    assert set(result.run["scores"]["ours"]["bands"]) <= {"low", "high"} and "our_lists/thumb" in result.run["code_lists"]
    assert "ours_band" in pd.read_parquet(tmp_path / "lists/data/scores.parquet")
    with pytest.raises(frailty.FrailtyError, match="no score 'ourss'"):
        run([records], tmp_path / "more", scores=("ourss",), rules=own)


def test_the_commands(own: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["scores", "--rules", str(own)]) == 0
    assert "Our index" in capsys.readouterr().out
    assert main(["scores", "show", "ours", "--rules", str(own)]) == 0
    assert "1 code of our_lists/thumb" in capsys.readouterr().out
    assert main(["scores", "export", "ours", str(tmp_path / "pack"), "--rules", str(own)]) == 0
    assert main(["scores", "import", str(tmp_path / "pack"), "--rules", str(tmp_path / "theirs")]) == 0
    out = capsys.readouterr().out
    assert "worked examples come out: 1." in out and "scores/ours.toml" in out
    assert main(["scores", "export", "efi", str(tmp_path / "pack")]) == 1
    assert "holds other things" in capsys.readouterr().err
    assert main(["scores", "export", "efi", str(tmp_path / "efi")]) == 0
    assert main(["scores", "import", str(tmp_path / "efi"), "--rules", str(tmp_path / "theirs")]) == 0
    assert "nothing was added" in capsys.readouterr().out


def test_a_list_that_is_shipped_without_codes_may_be_filled(tmp_path: Path) -> None:
    from frailty.terminology import list_codelists, load_codelist
    name = next(name for name in list_codelists() if not load_codelist(name).entries)
    path = tmp_path / "codelists" / f"{name}.csv"
    path.parent.mkdir(parents=True)
    path.write_text(HEADER + "urn:local,V1,,exact,,,,,,\n", "utf-8")
    assert [entry.code for entry in load_codelist(name, laid_over(tmp_path)).entries] == ["V1"]
