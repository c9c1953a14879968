"""What the benchmarks share: sizes, the rows of the table, programs run beside this one, and the machine."""

from __future__ import annotations

import hashlib
import os
import platform
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

ROOT = Path(__file__).parents[1]
AS_OF = date(2026, 11, 22)


def size(name: str, default: int) -> int:
    """A size that an environment variable may change: FRAILTY_BENCH_<name>."""
    return int(os.environ.get(f"FRAILTY_BENCH_{name}", default))


PEOPLE = size("PEOPLE", 20_000)         # whose records are loaded
NIGHT = size("NIGHT", 10_000)           # the practice of the cold nightly run
STORED = size("STORED", 200_000)        # a store that is scored in blocks; the goal speaks of 1,000,000
ARRAYS = size("ARRAYS", 1_000_000)      # people in arrays; 60 events each
ICD = size("ICD", 100_000)              # people with ICD-10 diagnoses
LOCALITY = size("LOCALITY", 74_000)     # registered people of a locality that is triaged
HOMES = size("HOMES", 21)               # its care homes


@dataclass(frozen=True)
class Row:
    """One line of the table. met: against the floor and the goal; None where this size cannot say."""

    what: str
    measured: str
    peer: str = ""
    ratio: str = ""
    floor: str = ""
    goal: str = ""
    met: str = ""


def judged(value: float, floor: float, goal: float, *, less: bool = False) -> str:
    """'goal', 'floor' or 'MISSED'; where there is no goal, `goal` is the floor. less: smaller is better."""
    if less:
        return "goal" if value <= goal else "floor" if value <= floor else "MISSED"
    return "goal" if value >= goal else "floor" if value >= floor else "MISSED"


@dataclass(frozen=True)
class Child:
    """A program that ran to its end. Seconds by the clock, and of all processors."""

    wall: float
    cpu: float
    output: str


def run_child(arguments: Sequence[str], **environment: str) -> Child:
    """Runs this Python with `arguments`; fails where it fails."""
    paths = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH", ""))))
    started = time.perf_counter()
    child = subprocess.Popen([sys.executable, *arguments], env=os.environ | {"PYTHONPATH": paths} | environment,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    before = os.times()
    output, errors = child.communicate()
    wall, after = time.perf_counter() - started, os.times()
    assert child.returncode == 0, errors
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return Child(wall, cpu, output)


def frailty(*arguments: str | Path, **environment: str) -> Child:
    """Runs the command `frailty` as a process of its own."""
    return run_child(["-m", "frailty", *map(str, arguments)], **environment)


def fingerprint(lines: Iterable[str]) -> str:
    """A hash of lines in any order."""
    return hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()


def silent(stage: str, done: int, total: int) -> None:
    """Progress for nobody."""


def machine() -> list[str]:
    """What the numbers were measured on."""
    model = platform.processor() or platform.machine()
    memory = ""
    if Path("/proc/cpuinfo").exists():
        names = [line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines()
                 if line.startswith("model name")]
        model = names[0] if names else model
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        memory = f", {os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE') / 2**30:.0f} GiB"
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    packages = ("duckdb", "numpy", "numba", "pandas", "fhir.resources", "pycomorb", "polars")
    return [f"{cores} cores, {model}{memory}; {platform.system()} {platform.release()}",
            f"Python {platform.python_version()}, " + ", ".join(f"{name} {_version(name)}" for name in packages)]


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "(absent)"


def load_average() -> str:
    """How busy the machine was when the table was printed."""
    return f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "unknown"
