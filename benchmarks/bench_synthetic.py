"""How fast the made-up locality is made: 20,000 people a minute as NDJSON, a million people as arrays in two minutes.

FRAILTY_BENCH_PEOPLE scales both (people of the locality; a hundred times as many for the arrays).
"""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path
from typing import Any

from frailty.synthetic import make_locality, synthetic_arrays

PEOPLE = int(os.environ.get("FRAILTY_BENCH_PEOPLE", "2000"))
EVENTS_EACH = 60
DAY = date(2025, 11, 22)


def test_ndjson(benchmark: Any, tmp_path: Path) -> None:
    summary = benchmark.pedantic(lambda: make_locality(tmp_path / "town", PEOPLE, as_of=DAY), rounds=2, warmup_rounds=1)
    if benchmark.enabled:
        seconds = benchmark.stats.stats.min
        benchmark.extra_info |= {
            "people a minute": round(PEOPLE / seconds * 60), "records": summary.lines,
            "MB": round(summary.bytes / 1e6), "at least": "20,000 people a minute"}
        assert PEOPLE / seconds * 60 > 20_000


def test_arrays(benchmark: Any) -> None:
    people = 100 * PEOPLE
    benchmark.pedantic(lambda: synthetic_arrays(people, people * EVENTS_EACH), rounds=1)
    if benchmark.enabled:
        seconds = benchmark.stats.stats.min
        benchmark.extra_info |= {
            "people": people, "events": people * EVENTS_EACH,
            "seconds for a million people": round(seconds * 1e6 / people, 1),
            "at most": "120 seconds for a million people and 60 million events"}
        assert seconds * 1e6 / people < 120
