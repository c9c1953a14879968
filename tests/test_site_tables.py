"""[tables] of site.toml: the site's products and inputs, in the night, in the command and over time."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from nightly_town import run

import frailty
from frailty.cli import main
from frailty.errors import FrailtyError, SiteError
from frailty.site import load_site

DAY = "2026-06-01"
SITE = """
[[feed]]
name = "gp"
kind = "gp"
[[feed]]
name = "hospital"
kind = "hospital"
[tables]
medicines = "tables/products.csv"
inputs = "tables/inputs.csv"
"""
PRODUCTS = "system,code,substance,bnf_paragraph\nhttps://dmd.nhs.uk,1,amitriptyline,0403010B0\n"
INPUTS = "patient_id,imd2007_score,discharged_from_oncology\na,30,\nmoved,12.5,1\n"
PERSONS = "patient_id,nhs_number,birth_date,sex,practice,registered_from\n"


def make_town(folder: Path) -> Path:
    """Two people of 86, one medicine of an unheard-of brand each, home from hospital a week ago; the site's two tables."""
    gp, hospital, tables = (folder / name for name in ("gp", "hospital", "tables"))
    for one in (gp, hospital, tables):
        one.mkdir()
    (gp / "persons.csv").write_text(PERSONS + "".join(f"{one},{n},1940-01-01,female,Y90001,2000-01-01\n" for one, n in PEOPLE.items()))
    (gp / "events.csv").write_text("patient_id,system,code,effective_on\n" + "".join(f"{one},snomed,38341003,2020-01-01\n" for one in PEOPLE))
    (gp / "medicines.csv").write_text("patient_id,system,code,term,issued_on\n"
                                      + "".join(f"{one},https://dmd.nhs.uk,1,Brand A,2026-05-20\n" for one in PEOPLE))
    (hospital / "persons.csv").write_text(PERSONS + "".join(f"h{one},{n},1940-01-01,female,,\n" for one, n in PEOPLE.items()))
    (hospital / "events.csv").write_text("patient_id,system,code,effective_on\n")
    (hospital / "stays.csv").write_text("patient_id,stay_id,setting,admission_method,started,ended\n" + "".join(
        f"h{one},s{one},inpatient,emergency,2026-05-20,2026-05-25\n" for one in PEOPLE))
    (tables / "products.csv").write_text(PRODUCTS)
    (tables / "inputs.csv").write_text(INPUTS)
    (folder / "site.toml").write_text(SITE)
    return folder


@pytest.fixture
def town(tmp_path: Path) -> Path:
    return make_town(tmp_path)


PEOPLE = {"a": "9990000018", "b": "9990000026"}
ASKED = ("parr30", "acb", "medicines_paragraphs")


def night(town: Path, *, site: bool = True) -> tuple[dict[str, dict[str, str]], dict[str, object], list[str]]:
    result = run([str(town / "gp"), str(town / "hospital")], town / "lists", scores=ASKED, as_of=DAY,
                 site=town / "site.toml" if site else None)
    with (town / "lists/data/scores.csv").open(encoding="utf-8-sig", newline="") as stream:
        rows = {row["patient_id"]: row for row in csv.DictReader(stream)}
    return rows, json.loads((town / "lists/run.json").read_text("utf-8")), result.troubles


@pytest.fixture(scope="module")
def after(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, dict[str, str]], dict[str, object]]:
    """The town after a night with its tables, to look at; what the night wrote of each person, and of itself."""
    town = make_town(tmp_path_factory.mktemp("after"))
    rows, told, _ = night(town)
    return town, rows, told


@pytest.fixture
def lived(after: tuple[Path, Any, Any]) -> Path:
    return after[0]


def test_the_night_reads_the_tables_of_the_site(after: tuple[Path, Any, Any], town: Path) -> None:
    without, told, _ = night(town, site=False)
    assert [without["a"][f"{id}_status"] for id in ASKED] == ["not_assessable"] * 3 and told["tables"] == {}
    _, rows, told = after
    assert [rows["a"][f"{id}_status"] for id in ASKED] == ["ok"] * 3
    assert (rows["a"]["acb"], rows["a"]["medicines_paragraphs"]) == ("3.0", "1.0")
    assert rows["b"]["parr30_status"] == "not_assessable"
    tables = told["tables"]
    assert isinstance(tables, dict) and tables["medicines"]["rows"] == 1
    assert (tables["inputs"]["rows"], tables["inputs"]["not_in_records"]) == (2, 1)


def test_inputs_of_nobody_in_the_records_are_a_trouble(town: Path) -> None:
    (town / "tables/inputs.csv").write_text("patient_id,imd2007_score\nGP-a,30\n")
    assert [one for one in night(town)[2] if "inputs.csv: nobody in it is in the records" in one]


def test_the_command_reads_them_with_site(lived: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store, site = ["--store", str(lived / "lists.duckdb")], ["--site", str(lived / "site.toml")]

    def said(*arguments: str) -> str:
        capsys.readouterr()
        assert main([*arguments, *store, "--as-of", DAY]) == 0
        return capsys.readouterr().out

    assert "not assessable" in said("explain", "a", "--score", "parr30")
    assert "not assessable" not in said("explain", "a", "--score", "parr30", *site)
    assert "3  " in said("explain", "a", "--score", "acb", *site)
    assert "0 %" in said("scores", "coverage", "--scores", "acb")
    assert "100 %" in said("scores", "coverage", "--scores", "acb", *site)
    assert "Of 2 people" in said("scores", "compare", "acb", "acb", *site)
    assert "parr30, from" in said("changes", "--since", "1", "--score", "parr30", *site)


def test_history_rising_and_outlook_read_inputs(lived: Path) -> None:
    practice = frailty.open(lived / "lists.duckdb", medicines=lived / "tables/products.csv")
    assert set(practice.history("parr30", [DAY])["parr30"].status[:, 0]) == {2}
    practice = practice.with_inputs(lived / "tables/inputs.csv")
    days = ["2026-05-28", "2026-05-30", DAY]
    history = practice.history(["parr30", "acb"], days)
    for place, day in enumerate(days):
        assert history["parr30"].value[0, place] == practice.score("parr30", day)["parr30"][0]
    assert history["parr30"].value[0, 2] > 0 and not history["parr30"].value[1, 2] > 0
    assert list(practice.history("parr30", days, objectors=["a"]).patient_ids) == ["b"]
    assert practice.outlook("a", "parr30", DAY)["status"].iloc[0] != "ok"      # the discharge grows old


OURS = """id = "ours"
title = "Where a person lives"
version = "1"
licence = "Ours to give."
verified = "Made up."
notes = ["Only an example."]
source = { citation = "Made up" }
[[term]]
id = "imd"
title = "Deprivation"
any = [{ from = "person", take = "input:imd2007_score" }]
bands = [{ below = 20, points = 0 }, { at_least = 20, points = 5 }]
missing = "not_assessable"
"""


def test_rising_reads_inputs(lived: Path, tmp_path: Path) -> None:
    (tmp_path / "own/scores").mkdir(parents=True)
    (tmp_path / "own/scores/ours.toml").write_text(OURS)
    practice = frailty.open(lived / "lists.duckdb").with_rules(tmp_path / "own")
    assert practice.rising(DAY, score="ours")["status"].tolist() == ["not_assessable"] * 2
    practice = practice.with_inputs(lived / "tables/inputs.csv")
    assert practice.rising(DAY, score="ours")["status"].tolist() == ["ok", "not_assessable"]
    assert practice.rising(DAY, score="ours", objectors=["a"])["patient_id"].tolist() == ["b"]


WRONG: dict[str, tuple[str, str, list[str]]] = {
    "no number": ("inputs", INPUTS + "c,much,\n", ["inputs.csv:4, column imd2007_score", "not a number", "1 for yes"]),
    "infinite": ("inputs", INPUTS + "c,inf,\n", ["inputs.csv:4, column imd2007_score"]),
    "twice": ("inputs", INPUTS + "a,31,\n", ["inputs.csv:4, column patient_id", "line 2"]),
    "nobody": ("inputs", INPUTS + ",31,\n", ["inputs.csv:4, column patient_id", "names no person"]),
    "unknown input": ("inputs", "patient_id,imd\na,3\n", ["inputs.csv:1", "unknown: imd", "imd2007_score"]),
    "no header": ("inputs", "9990000018,3\n", ["inputs.csv:1", "no header"]),
    "no substance": ("products", PRODUCTS + "dmd,2,,\n", ["products.csv:3, column substance"]),
    "no code": ("products", PRODUCTS + "dmd,,aspirin,\n", ["products.csv:3, column code"]),
    "two meanings": ("products", PRODUCTS + "dmd,1,aspirin,\n", ["products.csv:3, column substance", "two things"]),
    "no paragraph": ("products", PRODUCTS + "dmd,2,aspirin,4.3\n", ["products.csv:3, column bnf_paragraph"]),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_mistake_is_named_by_file_line_and_column_and_changes_nothing(town: Path, case: str) -> None:
    name, text, words = WRONG[case]
    (town / f"tables/{name}.csv").write_text(text)
    with pytest.raises(SiteError) as raised:
        night(town)
    assert [word for word in words if word not in str(raised.value)] == [], str(raised.value)
    assert "9990000018" not in str(raised.value) and not (town / "lists").exists()


def test_a_table_that_is_not_there_and_an_unknown_one(town: Path) -> None:
    for text, words in ((SITE.replace("inputs.csv", "input.csv"), ["[tables]", "`inputs`", "input.csv", "site.toml"]),
                        (SITE.replace("inputs =", "input ="), ["[tables]", "`input`", "did you mean", "inputs"])):
        (town / "site.toml").write_text(text)
        with pytest.raises(SiteError) as raised:
            load_site(town / "site.toml")
        assert [word for word in words if word not in str(raised.value)] == [], str(raised.value)


def test_frames_are_proven_too(lived: Path) -> None:
    practice = frailty.open(lived / "lists.duckdb")
    with pytest.raises(FrailtyError, match="imd2007_score"):
        practice.with_inputs(pd.DataFrame({"patient_id": ["a"], "imd2007": [3]}))
    with pytest.raises(FrailtyError, match="one row per person"):
        practice.with_inputs(pd.DataFrame({"patient_id": ["a", "a"], "imd2007_score": [3, 4]}))
