"""What the README shows runs, in order, in one folder; and its tables name what there is."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")
BLOCKS = re.findall(r"^```(console|python)\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder after every console and Python block of the README was run in it, each in its turn."""
    folder = tmp_path_factory.mktemp("readme")
    before, names = Path.cwd(), dict[str, Any]()
    os.chdir(folder)
    try:
        for kind, text in BLOCKS:
            if kind == "console":
                console(text, folder)
            else:
                exec(compile(text, "README.md", "exec"), names)
    finally:
        os.chdir(before)
    return folder


def console(text: str, folder: Path) -> None:
    """Runs the commands of a block; what it shows of their output must be in their output."""
    commands: list[list[str]] = []
    for line in text.splitlines():
        if line.startswith("$ "):
            commands.append([line[2:]])
        else:
            commands[-1].append(line)
    shim = folder / "bin" / "frailty"
    if not shim.exists():
        shim.parent.mkdir()
        shim.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m frailty "$@"\n')
        shim.chmod(0o755)
    environment = os.environ | {
        "PATH": f"{shim.parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH", "")))),
    }
    for command, *shown in commands:
        ran = subprocess.run(command, shell=True, cwd=folder, env=environment, capture_output=True, text=True)
        assert ran.returncode == 0, f"{command}\n{ran.stdout}\n{ran.stderr}"
        said = [line.rstrip() for line in ran.stdout.splitlines()]
        assert [line for line in shown if line.rstrip() not in said] == [], f"{command} says otherwise:\n{ran.stdout}"


def test_what_it_shows_runs(played: Path) -> None:
    assert (played / "lists" / "run.json").is_file()
    assert len([kind for kind, _ in BLOCKS if kind == "python"]) >= 2


def header(path: Path) -> list[str]:
    return path.read_text("utf-8-sig").splitlines()[0].split(",")


def test_it_names_every_column(played: Path) -> None:
    duckdb = pytest.importorskip("duckdb")
    data = played / "lists" / "data"
    columns = [*header(data / "person_ids.csv"), *header(data / "quarantine.csv"), *header(data / "rising.csv")]
    contributions = duckdb.sql(f"SELECT * FROM '{data / 'contributions.parquet'}'").columns
    worklist = header(played / "lists" / "hub" / "worklist.csv")
    scores = [re.sub(r"^(efi_reviewed|efi|hfrs|charlson\w*?)(?=$|_points|_of|_band|_status|_reason)", "<score>", name)
              for name in header(data / "scores.csv")]
    missing = [name for name in {*columns, *contributions, *worklist, *scores} if f"`{name}`" not in README]
    assert missing == []


def test_it_names_every_part_of_run_json(played: Path) -> None:
    import json
    run = json.loads((played / "lists" / "run.json").read_text("utf-8"))
    assert [name for name in run if f"`{name}`" not in README] == []


def test_it_names_the_columns_of_the_plain_tables() -> None:
    from frailty.records.stage import TABLE_COLUMNS
    for table, columns in TABLE_COLUMNS.items():
        row = re.search(rf"^\| {table} \| (.*) \|$", README, re.MULTILINE)
        assert row
        said = re.sub(r"\([^)]*\)", "", row[1].replace("**", ""))
        assert [word.strip() for word in said.split(",")] == list(columns)


def test_it_names_every_score() -> None:
    from frailty.scoring import default_scorecard_ids
    assert [one for one in default_scorecard_ids() if f"`{one}`" not in README] == []


def test_its_links_lead_somewhere() -> None:
    links = re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", README)
    assert [link for link in links if not link.startswith("http") and not (ROOT / link).exists()] == []
    anchors = {re.sub(r"[^\w -]", "", head.lower()).replace(" ", "-") for head in re.findall(r"^#+ (.*)$", README, re.MULTILINE)}
    assert [name for name in re.findall(r"\]\(#([^)]+)\)", README) if name not in anchors] == []
