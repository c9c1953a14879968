"""Whole nights on public records of other people's making, where FRAILTY_DATA names the folder that holds them."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from nightly_town import run

DATA = os.environ.get("FRAILTY_DATA", "")
QUICK = 3_000_000           # bytes of records that a test of seconds may read
FOLDERS = sorted(path.name for path in Path(DATA).iterdir() if path.is_dir()) if DATA else []

pytestmark = pytest.mark.skipif(not DATA, reason="FRAILTY_DATA names no folder with public FHIR records")


def whole(result: Any, out: Path) -> None:
    """Done, accounted for, and everybody scored once."""
    assert result.exit_code in (0, 3)
    told = json.loads((out / "run.json").read_text(encoding="utf-8"))
    for types in told["books"].values():
        for kind, row in types.items():
            assert row["read"] == sum(
                row[name] for name in ("used", "not_needed", "superseded", "removed", "quarantined")
            ), kind
            assert min(row.values()) >= 0, kind
    lines = (out / "data/scores.csv").read_text(encoding="utf-8").splitlines()[1:]
    ids = [line.split(",")[0] for line in lines]
    objected = told["objected"] if told["purpose"] == "direct-care" else 0
    assert ids == sorted(set(ids)) and len(ids) - objected == told["people"] == result.people
    assert sum(told["scores"]["efi"]["status"].values()) == told["people"]
    assert (out / "status.txt").read_text(encoding="utf-8").count("\n") == 1


def size(folder: str) -> int:
    return sum(path.stat().st_size for path in (Path(DATA) / folder).rglob("*") if path.is_file())


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_folder_by_itself(folder: str, tmp_path: Path) -> None:
    """As of each source's newest day; and, where that is quick, again as of today: that run finds nothing new."""
    out = tmp_path / "lists"
    whole(run([str(Path(DATA) / folder)], out, as_of="latest"), out)
    if size(folder) <= QUICK:
        again_today([folder], out)


@pytest.mark.slow
@pytest.mark.parametrize("folder", [folder for folder in FOLDERS if size(folder) > QUICK])
def test_a_large_folder_by_itself(folder: str, tmp_path: Path) -> None:
    whole(run([str(Path(DATA) / folder)], tmp_path / "lists", as_of="latest"), tmp_path / "lists")
    again_today([folder], tmp_path / "lists")


@pytest.mark.slow
def test_all_together(tmp_path: Path) -> None:
    whole(run([str(Path(DATA) / folder) for folder in FOLDERS], tmp_path / "lists", as_of="latest"), tmp_path / "lists")
    again_today(FOLDERS, tmp_path / "lists")


def again_today(folders: list[str], out: Path) -> None:
    """The same records on another evening, for another purpose: nothing has ended."""
    again = run([str(Path(DATA) / folder) for folder in folders], out, as_of="", purpose="research", scores=("efi",))
    whole(again, out)
    assert not any(one["ended"] for one in again.run["this_run"]["loads"].values())
