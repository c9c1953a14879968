"""Memory: a store of many people, scored in blocks by a process of its own.

The store is written table by table from made-up arrays, as a load of as many records would have left it; the scores of
all people must add up to what the arrays themselves give.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import measure
import numpy as np
from measure import Child, Row, judged, run_child

from frailty.practice import BLOCK
from frailty.records.arrays import Coded, Issues, Measured, PracticeArrays, Stays
from frailty.records.store import connect
from frailty.scoring import compile_plan, evaluate, load_scorecard
from frailty.synthetic import synthetic_arrays
from frailty.terminology import load_quantities

DAY, AS_OF = 20_000, "2024-10-04"
FAMILIES = {"coded": Coded, "measured": Measured, "issues": Issues, "stays": Stays}
SCORE_STORE = """
import sys
from pathlib import Path
import frailty
from frailty.scoring import scorecard_ids
practice = frailty.open(sys.argv[1])
scores, contributions = practice.evaluate(scorecard_ids(), sys.argv[2])
peak = [line.split()[1] for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")]
print(len(scores), len(contributions), int(scores["efi_points"].sum()), peak[0])
"""
FIRST = "DATE '1970-01-01'"
EVENT = f"""record, 0 AS part, 'town' AS source, 'p' || person AS subject, person, concept,
    {FIRST} + effective AS effective, {FIRST} + recorded AS recorded, FALSE AS recorded_assumed,
    'r' || record AS resource_id, 1 AS known_from"""
STATEMENTS = (
    "INSERT INTO concept BY NAME SELECT *, 'other' AS kind FROM given_concept",
    f"""INSERT INTO person BY NAME SELECT person AS record, 'town' AS source, 'Patient' AS resource_type,
        'p' || person AS resource_id, 'Patient/p' || person AS subject, person, {FIRST} + birth AS birth_date,
        'day' AS birth_precision, ['unknown', 'male', 'female', 'other'][sex + 1] AS sex,
        death < 2147483647 AS deceased, CASE WHEN death < 2147483647 THEN {FIRST} + death END AS deceased_on,
        'Y90001' AS practice, 1 AS known_from FROM given_person""",
    """INSERT INTO person_id SELECT 'town', 'Patient/p' || person, person, 'p' || lpad(person::VARCHAR, 7, '0'),
       NULL, NULL FROM given_person""",
    f"""INSERT INTO event BY NAME SELECT {EVENT}, 'coded' AS kind, 'Condition' AS resource_type, TRUE AS counts
        FROM given_coded""",
    f"""INSERT INTO event BY NAME SELECT {EVENT}, 'measured' AS kind, 'Observation' AS resource_type, FALSE AS counts,
        value, minute, unit FROM given_measured JOIN given_unit USING (quantity)""",
    f"""INSERT INTO event BY NAME SELECT {EVENT}, 'issue' AS kind, 'MedicationRequest' AS resource_type,
        FALSE AS counts, 'issue' AS role, {FIRST} + ended AS ended FROM given_issues""",
    f"""INSERT INTO stay BY NAME SELECT record, 'town' AS source, 'Encounter' AS resource_type,
        'r' || record AS resource_id, 'Patient/p' || person AS subject, person, {FIRST} + started AS started,
        {FIRST} + ended AS ended, {FIRST} + recorded_start AS recorded_start, {FIRST} + recorded_end AS recorded_end,
        'inpatient' AS setting, 'emergency' AS admission, 1 AS known_from FROM given_stays""",
    """INSERT INTO load BY NAME SELECT 1 AS load, 'town' AS source, 'full' AS mode, now()::TIMESTAMP AS loaded_at""",
    """INSERT INTO feed BY NAME SELECT 'town' AS source, 'gp' AS kind, 1 AS last_load""",
    "CHECKPOINT",
)


def _only_measured_by_efi(made: dict[str, Any]) -> None:
    """Leaves out numbers of other scores: one whose code means two quantities is both in a store, and one of them in the arrays."""
    measured, people = made["measured"], len(made["person"])
    plan = compile_plan([load_scorecard("efi")], made["concepts"]["system"], made["concepts"]["code"])
    keep = np.isin(measured["quantity"], [made["quantities"].index(name) for name in plan.measured_quantities])
    owner = np.repeat(np.arange(people), np.diff(measured["offsets"]))[keep]
    made["measured"] = {name: column[keep] for name, column in measured.items() if name != "offsets"}
    made["measured"]["offsets"] = np.concatenate([[0], np.cumsum(np.bincount(owner, minlength=people))]).astype(np.int64)


def stored(path: Path, arrays: dict[str, Any]) -> None:
    """A store that holds these arrays."""
    import pyarrow as pa
    con = connect(path)
    concepts, quantities = arrays["concepts"], load_quantities()
    tables = {
        "given_concept": {"concept": np.arange(len(concepts["code"])), "system": concepts["system"],
                          "code": concepts["code"], "display": concepts["term"]},
        "given_person": {name: arrays[name] for name in ("person", "birth", "sex", "death")},
        "given_unit": {"quantity": range(len(quantities)), "unit": [quantity.unit for quantity in quantities]},
    }
    for name in FAMILIES:
        columns = {key: column for key, column in arrays[name].items() if key != "offsets"}
        tables[f"given_{name}"] = {"person": np.repeat(arrays["person"], np.diff(arrays[name]["offsets"])), **columns}
    for name, columns in tables.items():
        con.register(name, pa.table(columns))
    for statement in STATEMENTS:
        con.execute(statement)
    con.close()


def test_stored_in_blocks(benchmark: Any, tmp_path: Path, ledger: list[Row]) -> None:
    people = measure.STORED
    made = synthetic_arrays(people, 60 * people, as_of=DAY)
    _only_measured_by_efi(made)
    stored(tmp_path / "large.duckdb", made)
    arrays = PracticeArrays(**{name: FAMILIES[name](**value) if name in FAMILIES else value
                               for name, value in made.items() if name != "concepts"})
    plan = compile_plan([load_scorecard("efi")], made["concepts"]["system"], made["concepts"]["code"])
    expected = evaluate(plan, arrays, DAY)["efi"].points.sum()
    del arrays, made
    runs: list[Child] = []
    command = ["-c", SCORE_STORE, str(tmp_path / "large.duckdb"), AS_OF]
    benchmark.pedantic(lambda: runs.append(run_child(command)), rounds=1)
    scored, contributions, points, peak = map(int, runs[0].output.split())
    assert (scored, points) == (people, expected)
    gib = peak / 2**20
    benchmark.extra_info |= {"in_table": True, "GiB": round(gib, 2), "contributions": contributions}
    met = judged(gib, 4, 2, less=True) if people >= 1_000_000 or gib > 4 else "not judged"
    ledger.append(Row(f"memory, scoring {people:,} stored people in blocks of {BLOCK:,}", f"{gib:.2f} GiB",
                      f"{runs[0].wall:.0f} s, {contributions / 1e6:.1f} M contributions", "", "4 GiB for 1 M", "2 GiB",
                      met))
