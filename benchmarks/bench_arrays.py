"""All scorecards over arrays of a million people with 60 events each.

The result must not depend on the blocks or the threads, and must equal what the store door gives for some of them.
"""

from __future__ import annotations

from typing import Any

import measure
import numpy as np
from measure import Row, judged

from frailty.records.arrays import Coded, Issues, Measured, PracticeArrays, Stays
from frailty.scoring import compile_plan, evaluate, load_scorecard, scorecard_ids
from frailty.synthetic import synthetic_arrays
from frailty.terminology import load_codelist

AS_OF = 20_000
ICD10 = "http://hl7.org/fhir/sid/icd-10"
CARDS = [load_scorecard(one) for one in scorecard_ids()]


def town(people: int) -> tuple[PracticeArrays, list[str], list[str]]:
    """The made-up arrays, with half of the codes that no list holds turned into diagnoses of hospital stays."""
    made = synthetic_arrays(people, 60 * people, as_of=AS_OF)
    systems, codes = list(made["concepts"]["system"]), list(made["concepts"]["code"])
    noise = np.flatnonzero([system == "urn:made-up:benchmark" for system in systems])
    icd10 = [e.code for name in ("charlson/quan2005", "hfrs/codes") for e in load_codelist(name).entries]
    for place, code in zip(noise[::2], icd10 * 9, strict=False):
        systems[place], codes[place] = ICD10, f"{code}{place}"      # every code is a prefix of its list
    coded, measured, stays = made["coded"], made["measured"], made["stays"]
    person = np.repeat(np.arange(people), np.diff(coded["offsets"]))
    of_hospital = np.zeros(len(codes), np.bool_)
    of_hospital[noise[::2]] = True
    had = np.diff(stays["offsets"])[person]
    linked = np.flatnonzero(of_hospital[coded["concept"]] & (had > 0))
    coded["stay"][linked] = stays["offsets"][person[linked]] + linked % had[linked]
    answers = [name for name in compile_plan(CARDS, systems, codes).measured_quantities if name not in made["quantities"]]
    given = np.flatnonzero(np.arange(len(measured["record"])) % 10 == 0)            # every tenth number becomes an answer
    measured["quantity"][given] = len(made["quantities"]) + given // 10 % len(answers)
    measured["value"][given] = given // 100 % 2
    made["quantities"] = (*made["quantities"], *answers)
    made["substance"], made["rung"] = made["substance"].astype(np.int32), made["rung"].astype(np.int8)
    families = {"coded": Coded, "measured": Measured, "issues": Issues, "stays": Stays}
    arrays = PracticeArrays(**{name: families[name](**value) if name in families else value
                               for name, value in made.items() if name != "concepts"})
    return arrays, systems, codes


def test_all_scorecards(benchmark: Any, ledger: list[Row]) -> None:
    few, systems, codes = town(20_000)
    plan = compile_plan(CARDS, systems, codes)
    one, other = evaluate(plan, few, AS_OF), evaluate(plan, few, AS_OF, threads=1, block=777)
    for id in one:
        np.testing.assert_array_equal(one[id].points, other[id].points)
        np.testing.assert_array_equal(one[id].status, other[id].status)
    assert sum(one[id].points.any() for id in one) > len(CARDS) / 3       # the others read codes that this town does not use
    np.testing.assert_array_equal(one.contributions.rows, other.contributions.rows)
    for card in CARDS:          # alone or together: the same
        alone = evaluate(compile_plan([card], systems, codes), few, AS_OF)
        np.testing.assert_array_equal(alone[card.id].points, one[card.id].points)

    arrays, systems, codes = town(measure.ARRAYS)
    plan = compile_plan(CARDS, systems, codes)
    events = sum(len(family.record) for family in (arrays.coded, arrays.measured, arrays.issues, arrays.stays))
    benchmark.pedantic(lambda: evaluate(plan, arrays, AS_OF), rounds=3, warmup_rounds=1)
    if not benchmark.stats:
        return
    seconds = benchmark.stats.stats.min
    benchmark.extra_info |= {"in_table": True, "M events/s": round(events / seconds / 1e6)}
    met = judged(seconds, 5, 3, less=True) if measure.ARRAYS >= 1_000_000 else "not judged"
    ledger.append(Row(f"all {len(CARDS)} scorecards to arrays, {measure.ARRAYS:,} people, {events / 1e6:.1f} M events",
                      f"{seconds:.1f} s", f"{events / seconds / 1e6:.0f} M events/s", "", "5 s", "3 s", met))
