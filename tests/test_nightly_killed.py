"""A run that is killed leaves the night before, or has done its whole work; two runs never meet."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from nightly_town import EXTRACTED, Place, content, night_one, night_two, run, tree, write_night, write_site

ONE_PRACTICE = """
[[practice]]
ods = "Y90001"
mdt_day = "Wednesday"
[[feed]]
name = "harbour-gp"
kind = "gp"
practices = ["Y90001"]
"""
ROOT = Path(__file__).resolve().parent.parent
# A parent that has everything imported and forks a run for each line it is told: a run then takes no time to start.
PARENT = r"""
import json, os, pathlib, signal, sys, time
import duckdb, jinja2, numba, pandas
import frailty.nightly, frailty.reports.worklists, frailty.triage, frailty.scoring.kernels
import frailty.reports.outputs as outputs
from frailty.errors import FrailtyError
from nightly_town import EXTRACTED, NEXT, run

def after_the_store():
    real = pathlib.Path.replace
    def replace(self, target):
        real(self, target)
        os.kill(os.getpid(), signal.SIGKILL)
    pathlib.Path.replace = replace

def between_two_renames():
    outputs._exchanged = lambda one, other: False
    real = pathlib.Path.rename
    def rename(self, target):
        found = real(self, target)
        if str(target).endswith(".old"):
            os.kill(os.getpid(), signal.SIGKILL)
        return found
    pathlib.Path.rename = rename

POINTS = {"after the store": after_the_store, "between two renames": between_two_renames}

def start(told):
    child = os.fork()
    if child:
        return child
    code = 2
    try:
        if told.get("point"):
            POINTS[told["point"]]()
        code = whole(told).exit_code
    except FrailtyError as error:
        pathlib.Path(told["said"]).write_text(error.text())
        code = 1
    except BaseException as error:
        pathlib.Path(told["said"]).write_text(repr(error))
    finally:
        os._exit(code)

def whole(told):
    return run(told["records"], pathlib.Path(told["out"]), site=pathlib.Path(told["site"]), as_of=NEXT.isoformat(),
               extracted_at=EXTRACTED, scores=("efi",))

for line in sys.stdin:
    told, began = json.loads(line), time.monotonic()
    if told.get("here"):                                # once, so that every later run starts with warm caches
        print(json.dumps({"code": whole(told).exit_code, "seconds": time.monotonic() - began}), flush=True)
        continue
    child = start(told)
    if told.get("kill_after") is not None:
        time.sleep(told["kill_after"])
        os.kill(child, signal.SIGKILL)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    print(json.dumps({"code": code, "seconds": time.monotonic() - began}), flush=True)
"""


class Runs:
    """Runs in processes of their own, on one place that is put back to the first night whenever a run got through."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        site = write_site(folder / "first", ONE_PRACTICE)
        records = write_night(folder / "first/records", {"harbour-gp": night_one()["harbour-gp"]})
        result = run(records, folder / "first/lists", site=site, extracted_at=EXTRACTED, scores=("efi",))
        self.first = Place(folder / "first", site, records, result)
        write_night(folder / "first/records", {"harbour-gp": night_two().full()["harbour-gp"]})
        self.parent = subprocess.Popen(
            [sys.executable, "-c", PARENT],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={
                **os.environ,
                "PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "tests"))),
                "OPENBLAS_NUM_THREADS": "1",
            },
        )
        self.back()
        self.old = self.state()
        self.seconds = self.run(here=True)["seconds"] * 0.8  # a run with warm caches takes less
        self.new = self.state()
        assert self.new[0] != self.old[0] and self.new[1] != self.old[1]
        self.back()

    def back(self) -> None:
        shutil.rmtree(self.folder / "now", ignore_errors=True)
        self.place = self.first.copy(self.folder / "now")

    def state(self) -> tuple[dict[str, Any], dict[str, bytes]]:
        return content(self.place.store), tree(self.place.out)

    def run(self, **more: Any) -> dict[str, Any]:
        assert self.parent.stdin and self.parent.stdout
        told = {
            "records": self.place.records,
            "out": str(self.place.out),
            "site": str(self.place.site),
            "said": str(self.folder / "said"),
            **more,
        }
        self.parent.stdin.write(json.dumps(told) + "\n")
        self.parent.stdin.flush()
        found: dict[str, Any] = json.loads(self.parent.stdout.readline())
        return found

    def kill(self, moments: list[float]) -> list[str]:
        """What was found after killing at each of these shares of a run's time."""
        found = []
        for share in moments:
            self.run(kill_after=share * self.seconds)
            store, out = self.state()
            assert store in (self.old[0], self.new[0]) and out in (self.old[1], self.new[1])
            assert not (store == self.old[0] and out == self.new[1]), (
                "the lists went out, their store did not"
            )
            found.append("old" if out == self.old[1] else "new")
            if store == self.new[0]:
                self.back()
        return found

    def left_over(self) -> list[str]:
        return sorted(
            path.name
            for path in self.place.folder.iterdir()
            if path.name.startswith(".") and not path.name.endswith(".lock")
        )


@pytest.fixture(scope="module")
def all_runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runs]:
    made = Runs(tmp_path_factory.mktemp("killed"))
    yield made
    assert made.parent.stdin and made.parent.stdout
    made.parent.stdin.close()
    made.parent.wait(30)
    made.parent.stdout.close()


@pytest.fixture
def runs(all_runs: Runs) -> Runs:
    all_runs.back()
    return all_runs


def moments(number: int) -> list[float]:
    """One moment in each equal part of a run and a little beyond."""
    chance = random.Random(2026)
    return [(place + chance.random()) / number * 1.05 for place in range(number)]


def test_killed_at_any_moment(runs: Runs) -> None:
    found = runs.kill(moments(3))
    assert "old" in found
    assert runs.run()["code"] == 0
    assert runs.state() == runs.new and runs.left_over() == []


@pytest.mark.slow
def test_killed_at_fifty_moments(runs: Runs) -> None:
    found = runs.kill(moments(50))
    assert found.count("old") > 20
    assert runs.run()["code"] == 0
    assert runs.state() == runs.new and runs.left_over() == []


def test_the_store_goes_first(runs: Runs) -> None:
    """Killed between the store and the lists: the lists are whole, of the night before, and the next run mends it."""
    assert runs.run(point="after the store")["code"] == -9
    assert runs.state() == (runs.new[0], runs.old[1])


def test_a_file_system_that_cannot_exchange_folders(runs: Runs) -> None:
    """Two renames are needed; the next run finds what a run left that was killed in between."""
    assert runs.run(point="between two renames")["code"] == -9
    assert content(runs.place.store) == runs.new[0] and not runs.place.out.exists()
    assert runs.run()["code"] == 0
    assert tree(runs.place.out) == runs.new[1] and runs.left_over() == []


@pytest.mark.parametrize("what", ["store", "output folder"])
def test_two_runs_at_once(runs: Runs, what: str) -> None:
    """The second says so and changes nothing, not even what the first is writing."""
    from frailty.records.store import locked

    path = runs.place.store if what == "store" else runs.place.out
    begun = runs.place.folder / ".lists.new"
    begun.mkdir()
    with locked(path, what):
        assert runs.run()["code"] == 1
    said = (runs.folder / "said").read_text()
    assert f"Another run is using this {what}" in said and path.name in said and "wait" in said
    assert begun.is_dir() and runs.state() == runs.old
