"""Triage of a locality: facts, rules, cases and lists of 74,000 people and 21 homes, on the first night and a week later."""

from __future__ import annotations

import sys
import time
from typing import Any

import measure
from measure import ROOT, Row, judged

sys.path.insert(0, str(ROOT / "tests"))


def test_triage_of_a_locality(benchmark: Any, ledger: list[Row]) -> None:
    """Work is measured in CPU seconds of all threads. The lists hold what the smaller locality of the tests proves."""
    from triage_crowd import crowd, week
    from triage_town import rules_for

    from frailty.triage.capacity import PLANNED
    town, place = crowd(measure.LOCALITY, measure.HOMES)
    rules_for(place)
    spent: list[float] = []

    def night(run: int) -> Any:
        town.con.execute("SELECT 1")                    # what waits is written first
        began = time.process_time()
        made = town.run(place, run)
        spent.append(time.process_time() - began)
        return made

    first = benchmark.pedantic(night, args=(1,), rounds=1)
    week(town)
    later = night(2)
    for made in (first, later):
        for page in made.pages:
            for view in page.lists:
                planned = sum(line.priority in PLANNED for line in view.part("now"))
                assert view.slots is None or planned <= view.slots, (page.id, view.id)
                books = dict(view.books)
                assert not books or books.pop("people") == sum(books.values()), (page.id, view.id)
    rate = 1000 * new_by_score(later) / measure.LOCALITY
    assert 0 < rate < 2
    met = judged(max(spent), 5, 5, less=True) if measure.LOCALITY >= 74_000 else "not judged"
    waiting = sum(len(view.part("overflow")) for page in first.pages for view in page.lists)
    benchmark.extra_info |= {"in_table": True, "first": round(spent[0], 1), "later": round(spent[1], 1)}
    ledger.append(Row(f"triage, {measure.LOCALITY:,} people, {measure.HOMES} homes", f"{spent[0]:.1f} CPU s",
                      f"a week later {spent[1]:.1f} CPU s; {rate:.2f} new by score per 1,000; {waiting:,} waited on the first night",
                      "", "5 s", "5 s", met))


def new_by_score(made: Any) -> int:
    """People whom a score-driven list names tonight and did not the night before."""
    planned = {f"{rule.id} v{rule.version}" for rule in made.rules if rule.planned}
    return len({line.person for page in made.pages for line in page.lines()
                if line.status == "new" and line.section in ("now", "overflow") and planned & set(line.rules)})
