"""Collects `bench_*.py` under `pytest benchmarks` only, and prints one table at the end."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import measure
import pytest
from measure import Row, judged

_ROWS = pytest.StashKey[list[Row]]()
_TIMED = pytest.StashKey[dict[str, Any]]()
_HEAD = Row("what", "measured", "peer on the same input", "ratio", "floor", "goal", "met")


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Module | None:
    named = parent.session.isinitpath(file_path)            # given by name: pytest collects it by itself
    if file_path.name.startswith("bench_") and file_path.suffix == ".py" and not named:
        return pytest.Module.from_parent(parent, path=file_path)
    return None


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_ROWS] = []
    config.stash[_TIMED] = {}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What needs much memory comes last, so that it does not weigh upon the others."""
    items.sort(key=lambda item: item.path.name in ("bench_arrays.py", "bench_efi.py", "bench_history.py"))


@pytest.fixture(scope="session")
def ledger(request: pytest.FixtureRequest) -> list[Row]:
    """Rows of the table; a benchmark appends its own."""
    return request.config.stash[_ROWS]


@pytest.fixture(scope="session")
def town(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A made-up locality as FHIR files."""
    from frailty.synthetic import make_locality
    return make_locality(tmp_path_factory.mktemp("load") / "town", people=measure.PEOPLE, as_of=measure.AS_OF)


@pytest.hookimpl(wrapper=True)
def pytest_benchmark_group_stats(config: pytest.Config, benchmarks: list[dict[str, Any]]) -> Iterator[None]:
    config.stash[_TIMED] = {one["name"]: one for one in benchmarks}
    return (yield)


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    rows = [*config.stash[_ROWS], *_efi(config.stash[_TIMED]), *_others(config.stash[_TIMED])]
    if not rows:
        return
    lines = [[one.what, one.measured, one.peer, one.ratio, one.floor, one.goal, one.met] for one in (_HEAD, *rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    terminalreporter.section("speed and size")
    for number, line in enumerate(lines):
        terminalreporter.write_line("| " + " | ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)) + " |")
        if not number:
            terminalreporter.write_line("|" + "|".join("-" * (w + 2) for w in widths) + "|")
    terminalreporter.write_line("")
    busy = f"load average at the end {measure.load_average()}; every result was checked equal to its peer's"
    for text in (*measure.machine(), busy):
        terminalreporter.write_line(text)


def _efi(timed: dict[str, Any]) -> list[Row]:
    """The row of bench_efi.py, from what its two benchmarks say."""
    ours, peer = timed.get("test_efi_engine"), timed.get("test_efi_duckdb")
    if not ours or not peer:
        return []
    people, events = ours["extra_info"]["people"], ours["extra_info"]["events"]
    rate, ratio = events / ours["min"] / 1e6, peer["min"] / ours["min"]
    met = judged(rate, 100, 500) if ratio >= 3 else "MISSED"
    return [Row(f"eFI complete, {people:,} people, {events / 1e6:.1f} M events", f"{rate:,.0f} M events/s",
                f"DuckDB SQL {events / peer['min'] / 1e6:.1f} M events/s", f"{ratio:.0f} x", "100 M/s, 3 x", "500 M/s",
                met)]


def _others(timed: dict[str, Any]) -> list[Row]:
    """Benchmarks that name no row of their own: each says in `extra_info` what it measured."""
    known = ("test_efi_engine", "test_efi_duckdb")
    return [Row(name.removeprefix("test_").replace("_", " "), f"{one['min']:.2f} s",
                ", ".join(f"{key} {value:,}" if isinstance(value, int) else f"{key} {value}"
                          for key, value in one["extra_info"].items()))
            for name, one in timed.items() if name not in known and not one["extra_info"].get("in_table")]
