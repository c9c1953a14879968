"""A definition never changes under one id and version."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from scoring_people import HEADER, write_rules

import frailty
from frailty.cli import main
from frailty.errors import DefinitionError
from frailty.scoring import load_scorecard
from frailty.scoring.lock import definition_files, definition_hash, lock, lock_file, read_lock, unlocked

ROOT = Path(__file__).resolve().parent.parent
TEXT = """id = "one"
title = "t"
version = "1"
licence = "l"
source = { citation = "c" }
[[term]]
id = "kind"
any = [{ codes = "t/kinds" }]
lookup = { file = "w.csv", key = "key", points = "points" }
"""


def test_every_definition_is_as_it_was_locked() -> None:
    """Fails where a definition changed under its version, and where a score has no line. The text says what to do."""
    assert not unlocked(), "\n\n" + "\n\n".join(one.text() for one in unlocked())


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    return write_rules(tmp_path, {"one": TEXT, "two": 'id = "two"\ntitle = "t"\nversion = "2"\nbased_on = "one"\n'})


def own(rules: Path) -> list[str]:
    """What is wrong with the two scores of this file."""
    return [one.text() for one in unlocked(rules) if "'one'" in one.what or "'two'" in one.what]


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new), "utf-8")


def test_a_score_without_a_line_is_told_of(rules: Path) -> None:
    assert len(own(rules)) == 2
    assert "is not in the lock file" in own(rules)[0] and "run: frailty scores lock" in own(rules)[0]
    assert {"one 1", "two 2"} <= set(lock(rules))
    assert not own(rules) and lock(rules) == []


@pytest.mark.parametrize("change", ["points", "code list", "weights", "the score below"])
def test_what_gives_points_cannot_change_under_a_version(rules: Path, change: str) -> None:
    lock(rules)
    if change == "points":
        edit(rules / "scores/one.toml", '"t/kinds"', '"t/kinds", within = "1 year"')
    elif change == "code list":
        edit(rules / "codelists/t/kinds.csv", HEADER, HEADER + "urn:test,B9X,,exact,,,,red,,\n")
    elif change == "weights":
        path = rules / "scores/w.csv"
        path.write_text(re.sub(r"^(red,)\S+", r"\g<1>99", path.read_text(), flags=re.MULTILINE))
    else:
        edit(rules / "scores/one.toml", 'version = "1"', 'version = "1b"')
        edit(rules / "scores/one.toml", '"t/kinds"', '"t/kinds", take = "days"')
    wrong = own(rules)
    assert wrong and "still calls itself version" in wrong[-1]
    assert "new version" in wrong[-1] and "frailty scores lock" in wrong[-1] and "rules/scores/" in wrong[-1]
    before = lock_file(rules).read_bytes()
    with pytest.raises(DefinitionError, match="still calls itself"):
        lock(rules)
    assert lock_file(rules).read_bytes() == before


def test_a_new_version_is_added_and_the_old_line_stays(rules: Path) -> None:
    lock(rules)
    old = read_lock(lock_file(rules))
    edit(rules / "scores/one.toml", 'version = "1"', 'version = "1b"')
    edit(rules / "scores/one.toml", '"t/kinds"', '"t/kinds", take = "days"')
    edit(rules / "scores/two.toml", 'version = "2"', 'version = "3"')
    assert lock(rules) == ["one 1b", "two 3"]
    assert old.items() < read_lock(lock_file(rules)).items()


def test_words_for_readers_may_be_mended(rules: Path) -> None:
    lock(rules)
    edit(rules / "scores/one.toml", 'title = "t"', 'title = "A better title"\nnotes = ["New."]')
    edit(rules / "scores/one.toml", 'id = "kind"', 'id = "kind"\ntitle = "Kind"')
    assert not own(rules)


def test_one_version_with_two_hashes_is_refused(rules: Path) -> None:
    lock(rules)
    with lock_file(rules).open("a") as stream:
        stream.write("one,1,abc\n")
    with pytest.raises(DefinitionError, match="locked twice"):
        unlocked(rules)


def test_the_files_of_a_definition() -> None:
    assert definition_files("charlson_age")[0].name == "charlson_age.toml"
    assert {"charlson.toml", "charlson_weights.csv"} < {path.name for path in definition_files("charlson_age")}
    hashes = {definition_hash(load_scorecard(id)) for id in ("efi", "efi_reviewed", "hfrs", "charlson")}
    assert len(hashes) == 4


def test_the_command_adds_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copytree(ROOT / "rules", tmp_path / "rules")
    lines = lock_file(tmp_path / "rules")
    edit(lines, f"efi,2016,{read_lock(lines)[('efi', '2016')]}\n", "")
    for module in ("lock", "load"):
        monkeypatch.setattr(f"frailty.scoring.{module}.rules_dir", lambda: tmp_path / "rules")
    assert main(["scores", "lock"]) == 0
    assert "locked efi 2016" in capsys.readouterr().out
    assert lines.read_bytes() == lock_file().read_bytes() == (ROOT / "rules/scores/lock.csv").read_bytes()


def test_the_citation_names_this_version() -> None:
    text = (ROOT / "CITATION.cff").read_text("utf-8")
    assert re.search(r"^version: (\S+)$", text, re.MULTILINE)[1] == frailty.__version__  # type: ignore[index]
    assert "cff-version: 1.2.0\n" in text and "license: Apache-2.0\n" in text
