"""What the tests share: the order of slow tests, and one small night that many tests look at."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--slow", action="store_true", help="also run the tests that take minutes")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--slow") or "slow" in str(config.getoption("-m")):
        return
    for item in items:
        if "slow" in item.keywords:
            item.add_marker(pytest.mark.skip(reason="takes minutes; ask for it with --slow"))


@pytest.fixture(autouse=True)
def usual_mask() -> Iterator[None]:
    """The mask of most machines, so that files which are for their owner only are so by intention."""
    before = os.umask(0o022)
    yield
    os.umask(before)


@pytest.fixture(scope="session")
def first_night(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The small locality of `nightly_town`, loaded, scored and written once; copy it before changing it."""
    import nightly_town

    folder = tmp_path_factory.mktemp("first")
    site = nightly_town.write_site(folder)
    records = nightly_town.write_night(folder / "records", nightly_town.night_one())
    result = nightly_town.run(records, folder / "lists", site=site, extracted_at=nightly_town.EXTRACTED)
    return nightly_town.Place(folder, site, records, result)


@pytest.fixture
def place(first_night: Any, tmp_path: Path) -> Any:
    """A copy of the first night that a test may change."""
    return first_night.copy(tmp_path / "copy")


def one_thread_each() -> None:
    """Workers share the processor: DuckDB and OpenMP have one thread in each, and the garbage of small tests is looked for seldom.

    That the number of threads changes nothing is proven where a test sets it.
    """
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    import duckdb
    connect = duckdb.connect

    def one_thread(*given: Any, **more: Any) -> Any:
        return connect(*given, **{"config": {"threads": 1}, **more})

    duckdb.connect = one_thread
    gc.set_threshold(50_000, 20, 20)


def pytest_configure() -> None:
    """The same examples in every run: a landing must not depend on the draw, nor on the hour; how fast is for benchmarks to say."""
    from hypothesis import HealthCheck, settings
    settings.register_profile("same-examples", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    settings.load_profile("same-examples")
    if "PYTEST_XDIST_WORKER" in os.environ:
        one_thread_each()
