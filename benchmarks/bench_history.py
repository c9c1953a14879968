"""60 month-ends of the eFI against 60 calls of `evaluate`, which is what a user would write without `history`.

The peer runs on the first people only, and both must say the same of them. Sizes: FRAILTY_BENCH_ARRAYS people (the design
speaks of 1,000,000), about 60 events each.
"""

from __future__ import annotations

import time
from typing import Any

import bench_efi
import measure
import numpy as np
from measure import Row, judged

from frailty.records.arrays import of_people
from frailty.scoring import compile_plan, evaluate, load_scorecard
from frailty.scoring.history import history, is_fast

SAMPLE = 20_000
DATES = (np.arange("2020-11", "2025-11", dtype="M8[M]") + 1).astype("M8[D]").astype(np.int32) - 1     # 60 month-ends


def test_sixty_month_ends(benchmark: Any, ledger: list[Row]) -> None:
    systems, codes = bench_efi.concept_table()
    plan = compile_plan([load_scorecard("efi")], systems, codes)
    assert is_fast(plan) and len(DATES) == 60
    arrays = bench_efi.make_arrays(measure.ARRAYS, systems, plan)
    events = sum(len(family.record) for family in (arrays.coded, arrays.measured, arrays.issues))
    few = of_people(arrays, np.arange(min(SAMPLE, measure.ARRAYS)))

    history(plan, few, DATES, fast=True)        # compiled before anything is timed
    evaluate(plan, few, int(DATES[0]))
    started = time.perf_counter()
    ours = history(plan, few, DATES, fast=True)["efi"]
    between = time.perf_counter()
    each = [evaluate(plan, few, int(day))["efi"] for day in DATES]
    ended = time.perf_counter()
    for d, one in enumerate(each):
        for what in ("points", "band", "status", "value"):
            np.testing.assert_array_equal(getattr(ours, what)[:, d], getattr(one, what))
    assert ours.points[:, -1].sum() > ours.points[:, 0].sum() > 0

    benchmark.pedantic(lambda: history(plan, arrays, DATES), rounds=3, warmup_rounds=1)
    if not benchmark.stats:
        return
    seconds, ratio = benchmark.stats.stats.min, (ended - between) / (between - started)
    benchmark.extra_info |= {"in_table": True, "people": measure.ARRAYS, "events": events}
    met = judged(seconds, 6, 3, less=True) if measure.ARRAYS >= 1_000_000 else "not judged"
    ledger.append(Row(f"60 month-ends of eFI to arrays, {measure.ARRAYS:,} people, {events / 1e6:.1f} M events", f"{seconds:.1f} s",
                      f"60 x evaluate on {len(few):,} people {ended - between:.1f} s", f"{ratio:.0f} x", "6 s", "3 s", met))
