"""The night itself: a cold process, and a night on which 1 % changed.

A delta night and a full load of the same records must write the same scores, contributions and lists.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import measure
import pytest
from measure import AS_OF, Child, Row, frailty, judged, silent

TOMORROW = AS_OF + timedelta(days=1)
TINY = 60


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("night")


@pytest.fixture(scope="module")
def village(place: Path) -> Any:
    """The locality of the nightly run."""
    from frailty.synthetic import make_locality
    return make_locality(place / "village", people=measure.NIGHT, as_of=AS_OF)


@pytest.fixture(scope="module")
def first_night(place: Path, village: Any) -> Child:
    """A cold process: nothing compiled, no store."""
    return nightly(place, "first", village.records, village.site, str(AS_OF), "first-compiled")


def nightly(place: Path, name: str, records: tuple[Path, ...], site: Path, day: str, compiled: str, *more: str
            ) -> Child:
    return frailty("nightly", *records, "--out", place / name, "--store", place / f"{name}.duckdb", "--site", site,
                   "--as-of", day, "--purpose", "direct-care", *more, NUMBA_CACHE_DIR=str(place / compiled))


def test_cold_process(benchmark: Any, place: Path, village: Any, ledger: list[Row]) -> None:
    """The whole command from start to exit, and the share that a run on 60 people needs: start, import, compilation."""
    from frailty.synthetic import make_locality
    tiny = make_locality(place / "tiny", people=TINY, as_of=AS_OF)
    few = nightly(place, "tiny-lists", tiny.records, tiny.site, str(AS_OF), "tiny-compiled")
    runs: list[Child] = []

    def run() -> None:
        shutil.rmtree(place / "compiled", ignore_errors=True)
        for left in (place / "cold", place / "cold.duckdb"):
            shutil.rmtree(left, ignore_errors=True) if left.is_dir() else left.unlink(missing_ok=True)
        runs.append(nightly(place, "cold", village.records, village.site, str(AS_OF), "compiled"))

    benchmark.pedantic(run, rounds=1)
    told = json.loads((place / "cold" / "run.json").read_text("utf-8"))
    assert told["people"] >= measure.NIGHT
    assert all(row["read"] == sum(row.values()) - row["read"] for row in told["books"]["all"].values())
    benchmark.extra_info |= {"in_table": True, "wall": round(runs[0].wall, 1), "cpu": round(runs[0].cpu, 1)}
    of_size = measure.NIGHT >= 10_000
    met = judged(runs[0].wall, 15, 8, less=True) if of_size else "not judged"
    ledger.append(Row(f"cold nightly process, {told['people']:,} people", f"{runs[0].wall:.1f} s",
                      f"{runs[0].cpu:.1f} CPU s", "", "15 s", "8 s", met))
    ledger.append(Row(f"  start, import, compilation ({TINY} people)", f"{few.wall:.1f} s", f"{few.cpu:.1f} CPU s", "",
                      "5 s", "", "floor" if few.wall <= 5 else "MISSED"))


def test_one_percent(benchmark: Any, place: Path, village: Any, first_night: Child, ledger: list[Row]) -> None:
    """Work is measured in CPU seconds: of the load alone, and of the whole command."""
    from frailty.synthetic import make_night
    night = make_night(village.out, place / "next", as_of=TOMORROW)
    for name in ("delta", "full"):
        shutil.copy(place / "first.duckdb", place / f"{name}.duckdb")
    compiled, site = "first-compiled", night.out / "site.toml"
    delta = nightly(place, "delta", night.delta, site, str(TOMORROW), compiled, "--delta")
    full = nightly(place, "full", night.records, site, str(TOMORROW), compiled)
    alone = nightly(place, "alone", night.records, site, str(TOMORROW), compiled)
    for path in sorted((place / "full").rglob("*")):
        if path.is_file() and path.name not in ("run.json", "quarantine.csv", "status.txt"):
            same = (place / "delta" / path.relative_to(place / "full")).read_bytes() == path.read_bytes()
            assert same or path.name.startswith("worklist"), path
    assert scores(place / "delta") == scores(place / "full") == scores(place / "alone")

    site_kinds = kinds(site)
    work: dict[str, tuple[float, float]] = {}

    def load_delta() -> None:
        shutil.copy(place / "first.duckdb", place / "work.duckdb")
        work["delta"] = timed(lambda: load(place / "work.duckdb", night.delta, "delta", site_kinds))

    def load_full() -> None:
        (place / "work.duckdb").unlink(missing_ok=True)
        work["full"] = timed(lambda: load(place / "work.duckdb", night.records, "full", site_kinds))

    load_full()
    benchmark.pedantic(load_delta, rounds=1)
    share = work["delta"][1] / work["full"][1]
    benchmark.extra_info |= {"in_table": True, "delta CPU s": round(work["delta"][1], 2),
                             "full CPU s": round(work["full"][1], 2)}
    ledger.append(Row(
        f"load of a night, 1 % of {measure.NIGHT:,} people changed",
        f"{work['delta'][1]:.1f} CPU s, {work['delta'][0]:.1f} s",
        f"full load {work['full'][1]:.1f} CPU s, {work['full'][0]:.1f} s", f"{share:.0%}", "10 %", "5 %",
        judged(share, 0.10, 0.05, less=True) if measure.NIGHT >= 10_000 else "not judged"))
    ledger.append(Row(
        "  the whole nightly command", f"{delta.cpu:.1f} CPU s, {delta.wall:.1f} s",
        f"full, no store {alone.cpu:.1f} CPU s, {alone.wall:.1f} s; on a store {full.cpu:.1f}, {full.wall:.1f}",
        f"{delta.cpu / alone.cpu:.0%}"))


def scores(folder: Path) -> bytes:
    return (folder / "data" / "scores.csv").read_bytes()


def kinds(site: Path) -> dict[str, str]:
    from frailty.site import load_site
    return {feed.name: feed.kind for feed in load_site(site).feeds}


def load(store: Path, records: tuple[Path, ...], mode: str, kinds: dict[str, str]) -> None:
    from frailty.records.files import find_sources
    from frailty.records.load import load_sources
    from frailty.records.store import working_copy
    with working_copy(store) as (con, spill):
        load_sources(con, find_sources(records), mode=mode, kinds=kinds, extracted_at=None,
                     now=datetime(2026, 11, 23, 3), progress=silent, folder=spill)


def timed(work: Callable[[], None]) -> tuple[float, float]:
    """Seconds by the clock, and of all processors."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - cpu
