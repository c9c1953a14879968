"""The command: what it says, its exit codes, and that it changes nothing where it fails."""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import Any

import pytest
from nightly_town import AS_OF, EXTRACTED, NAMES, Place, nhs, night_one, run, tree, write, write_site

from frailty.cli import _parser, main

COMMANDS = ("demo", "synth", "nightly", "explain", "changes", "scores", "site", "rules", "triage", "model")


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """Exit code, standard output, standard error. The error never holds a traceback, a name or a number."""
    try:
        code = main(arguments)
    except SystemExit as end:
        code = int(end.code or 0)
    out, err = capsys.readouterr()
    assert "Traceback" not in err
    assert not [secret for n, name in enumerate(NAMES) for secret in (*name.split(), nhs(n)) if secret in err]
    return code, out, err


@pytest.mark.parametrize("command", COMMANDS)
def test_help_shows_an_example(capsys: pytest.CaptureFixture[str], command: str) -> None:
    code, out, _ = said(capsys, command, "--help")
    assert code == 0 and re.search(rf"example:\n  frailty {command}", out)


def test_every_argument_of_every_command_is_explained() -> None:
    def silent(parser: argparse.ArgumentParser) -> list[str]:
        found = []
        for action in parser._actions:
            if isinstance(action, argparse._SubParsersAction):
                found += [one for sub in action.choices.values() for one in silent(sub)]
            elif not action.help:
                found.append(f"{parser.prog} {action.metavar or action.dest}")
        return found

    assert silent(_parser()) == []


def test_help_of_nightly_tells_the_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = said(capsys, "nightly", "--help")
    assert all(words in out for words in ("0: done", "1: failed, nothing changed", "3: done, but"))
    assert said(capsys)[:1] == (0,)
    assert said(capsys, "--version")[1].startswith("frailty ")


# ---- what fails, says so, changes nothing


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """One practice, loaded and written."""
    folder = tmp_path_factory.mktemp("small")
    records = [str(write(folder / "records/harbour-gp", night_one()["harbour-gp"]))]
    result = run(records, folder / "lists", scores=("efi",), extracted_at=EXTRACTED)
    return Place(folder, write_site(folder), records, result)


FAILURES: dict[str, tuple[list[str], list[str]]] = {
    "no purpose": (["RECORDS", "--out", "OUT"], ["--purpose", "mend: frailty nightly --help"]),
    "unknown purpose": (
        ["RECORDS", "--out", "OUT", "--purpose", "directcare"],
        ["'directcare'", "did you mean 'direct-care'?"],
    ),
    "unknown option": (["RECORDS", "--out", "OUT", "--purpose", "direct-care", "--dleta"], ["--dleta"]),
    "no such folder": (
        ["FOLDER/nowhere", "--out", "OUT", "--purpose", "direct-care"],
        ["not found", "FOLDER/nowhere", "mend:"],
    ),
    "unknown score": (
        ["RECORDS", "--out", "OUT", "--purpose", "direct-care", "--scores", "efi,hfsr"],
        ["'hfsr'", "'hfrs'"],
    ),
    "bad date": (
        ["RECORDS", "--out", "OUT", "--purpose", "direct-care", "--as-of", "22.11.2026"],
        ["22.11.2026", "YYYY-MM-DD"],
    ),
    "bad time": (
        ["RECORDS", "--out", "OUT", "--purpose", "direct-care", "--extracted-at", "noon"],
        ["noon", "2026-11-22T02:00"],
    ),
    "no such site": (
        ["RECORDS", "--out", "OUT", "--purpose", "direct-care", "--site", "FOLDER/sites.toml"],
        ["sites.toml"],
    ),
    "broken site": (
        ["RECORDS", "--out", "OUT", "--purpose", "direct-care", "--site", "BROKEN"],
        ["broken.toml", "line 3"],
    ),
    "unknown word in the site": (
        ["RECORDS", "--out", "OUT", "--purpose", "direct-care", "--site", "UNKNOWN"],
        ["unknown.toml", "practise", "did you mean “practice”?"],
    ),
    "source not of the site": (
        ["other=RECORDS", "--out", "OUT", "--purpose", "direct-care", "--site", "SITE"],
        ["'other'", "NAME=PATH"],
    ),
    "two sources of one name": (
        ["RECORDS", "harbour-gp=RECORDS", "--out", "OUT", "--purpose", "direct-care"],
        ["Two sources", "harbour-gp"],
    ),
    "other things in the folder": (
        ["RECORDS", "--out", "FULL", "--purpose", "direct-care"],
        ["holds other things", "FULL"],
    ),
    "a note among the lists": (
        ["RECORDS", "--out", "NOTED", "--purpose", "direct-care"],
        ["holds other things", "NOTED"],
    ),
    "a file as folder": (["RECORDS", "--out", "FILE", "--purpose", "direct-care"], ["a file, not a folder"]),
    "the store among the lists": (
        ["RECORDS", "--out", "OUT", "--store", "OUT/store.duckdb", "--purpose", "direct-care"],
        ["store lies in the output folder"],
    ),
    "not a store": (
        ["RECORDS", "--out", "OUT", "--store", "FILE", "--purpose", "direct-care"],
        ["FILE", "store"],
    ),
    "change of no source": (
        ["RECORDS", "--out", "OUT", "--purpose", "direct-care", "--accept-change", "harbor-gp"],
        ["'harbor-gp'", "'harbour-gp'"],
    ),
    "the lists of another purpose": (
        ["RECORDS", "--out", "OUT", "--purpose", "research"],
        ["for another purpose", "OUT", "direct-care", "would replace", "--out", "--store"],
    ),
}


@pytest.mark.parametrize("case", FAILURES)
def test_a_failure_is_clear_and_changes_nothing(
    capsys: pytest.CaptureFixture[str], small: Place, tmp_path: Path, case: str
) -> None:
    full, noted, file = tmp_path / "full", tmp_path / "noted", tmp_path / "file.duckdb"
    for folder, name in ((full, "thesis.txt"), (noted, "run.json")):
        folder.mkdir()
        (folder / name).write_text("{}", encoding="utf-8")
    (noted / "my notes.txt").write_text("remember the milk", encoding="utf-8")
    file.write_text("remember the milk", encoding="utf-8")
    (tmp_path / "broken.toml").write_text('[site]\nname = "Harbour"\nname\n', encoding="utf-8")
    (tmp_path / "unknown.toml").write_text('[[practise]]\nods = "Y90001"\n', encoding="utf-8")
    words = {
        "RECORDS": small.records[0],
        "OUT": str(small.out),
        "FOLDER": str(tmp_path),
        "SITE": str(small.site),
        "BROKEN": str(tmp_path / "broken.toml"),
        "UNKNOWN": str(tmp_path / "unknown.toml"),
        "FULL": str(full),
        "NOTED": str(noted),
        "FILE": str(file),
    }

    def meant(text: str) -> str:
        for word, value in words.items():
            text = text.replace(word, value)
        return text

    arguments, expected = FAILURES[case]
    before = (tree(small.out), small.store.read_bytes(), sorted(small.folder.iterdir()), tree(tmp_path))
    code, out, err = said(capsys, "nightly", *map(meant, arguments))
    assert (code, out) == (1, "")
    assert (err.startswith("frailty: ") and "mend" in err) or case in ("broken site", "unknown option")
    assert [words for words in expected if meant(words) not in err] == [], err
    assert (
        tree(small.out),
        small.store.read_bytes(),
        sorted(small.folder.iterdir()),
        {name: text for name, text in tree(tmp_path).items() if not name.endswith(".lock")},
    ) == before


def test_a_store_in_use(capsys: pytest.CaptureFixture[str], small: Place) -> None:
    from frailty.records.store import locked

    with locked(small.store, "store"):
        code, _, err = said(
            capsys, "nightly", *small.records, "--out", str(small.out), "--purpose", "direct-care"
        )
    assert code == 1 and "Another run is using this store" in err and str(small.store) in err


def test_a_defect_tells_where_and_no_more(
    capsys: pytest.CaptureFixture[str], small: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even an error that nobody foresaw does not show what stands in a record."""
    import frailty.nightly

    before = tree(small.out), small.store.read_bytes()

    def broken(*given: Any) -> Any:
        raise ValueError(f"could not convert {NAMES[0]} {nhs(0)}")

    monkeypatch.setattr(frailty.nightly, "_remember", broken)
    code, _, err = said(
        capsys, "nightly", *small.records, "--out", str(small.out), "--purpose", "direct-care", "--scores", "efi"
    )
    assert code == 1 and "nothing was changed" in err and "ValueError" in err and "nightly.py, line" in err
    assert (tree(small.out), small.store.read_bytes()) == before
    assert not [
        path
        for path in small.folder.iterdir()
        if path.name.startswith(".") and not path.name.endswith(".lock")
    ]


# ---- what works


def test_a_run_says_what_to_open(capsys: pytest.CaptureFixture[str], small: Place, tmp_path: Path) -> None:
    code, out, err = said(
        capsys,
        "nightly",
        *small.records,
        "--out",
        str(tmp_path / "lists"),
        "--purpose",
        "direct-care",
        "--as-of",
        AS_OF.isoformat(),
        "--scores",
        "efi",
        "--extracted-at",
        "2026-11-22T02:00",
    )
    assert code == 0
    assert out.startswith(f"8 people scored as of {AS_OF}") and out.splitlines()[0].endswith("; 1 not scored: objection.")
    assert "every one is accounted for" in out
    assert (
        str(tmp_path / "lists/practice/Y90001/worklist.html") in out
        and str(tmp_path / "lists/data/scores.csv") in out
    )
    assert not [name for name in NAMES if name in out]
    assert "loading" in err and "scoring" in err
    assert (tmp_path / "lists.duckdb").is_file()


def test_explain_goes_down_to_the_record(capsys: pytest.CaptureFixture[str], small: Place) -> None:
    code, out, _ = said(
        capsys, "explain", "p2", "--store", str(small.store), "--score", "efi", "--as-of", AS_OF.isoformat()
    )
    assert code == 0
    assert out.splitlines()[0] == "Electronic frailty index (eFI), original version: 9 of 36 points, moderate"
    assert "Condition/p2-chd" in out and "2020-05-04" in out and "polypharmacy" in out
    assert out.split("\n\n")[0].count("\n") == 9  # one line a term
    code, _, err = said(capsys, "explain", "p222", "--store", str(small.store))
    assert code == 1 and "Nobody here" in err and "p222" not in err
    code, _, err = said(capsys, "explain", "p2", "--store", str(small.store), "--score", "efy")
    assert code == 1 and "efi" in err
    code, _, err = said(capsys, "explain", "p2", "--store", str(small.folder / "no.duckdb"))
    assert code == 1 and "no store" in err


def test_explain_tells_the_facts_that_rules_see(capsys: pytest.CaptureFixture[str], small: Place) -> None:
    code, out, _ = said(capsys, "explain", "p2", "--store", str(small.store), "--facts", "--as-of", AS_OF.isoformat())
    assert code == 0
    known, missing = out.split("Not known; no rule reads that as no:")
    lines = {line.split()[0]: line for line in known.splitlines() if line}
    assert "moderate" in lines["frailty_level"] and "suggested" in lines["frailty_level"]
    assert "frailty_level" not in missing and "the code list needs/declined_navigator has no codes yet" in missing
    assert not [name for name in NAMES if name in out]
    code, _, err = said(capsys, "explain", "p222", "--store", str(small.store), "--facts")
    assert code == 1 and "Nobody here" in err and "p222" not in err


def test_scores_are_listed_and_shown(capsys: pytest.CaptureFixture[str]) -> None:
    from frailty.scoring import scorecard_ids

    code, out, _ = said(capsys, "scores")
    assert code == 0 and sorted(line.split()[0] for line in out.splitlines() if line.startswith("  ")) == list(scorecard_ids())
    assert out.index("Scored every night") < out.index("efi_reviewed") < out.index("Not available") < out.index("qadmissions")
    code, out, _ = said(capsys, "scores", "list", "--markdown")
    shown = (Path(__file__).parents[1] / "docs" / "scores.md").read_text("utf-8")
    assert code == 0 and out == shown, "run: frailty scores list --markdown > docs/scores.md"
    code, out, _ = said(capsys, "scores", "show", "efi")
    assert code == 0
    for words in (
        "Electronic frailty index",
        "10.1093/ageing/afw039",
        "36 terms",
        "falls",
        "polypharmacy",
        "codes of efi/falls",
        "severe",
        "licence:",
        "points / 36",
    ):
        assert words in out, words
    code, _, err = said(capsys, "scores", "show", "hfsr")
    assert code == 1 and "hfrs" in err
    assert said(capsys, "scores", "show")[0] == 1
