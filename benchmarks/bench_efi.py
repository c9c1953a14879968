"""eFI complete (both dates, values, polypharmacy, first, last, count) against DuckDB SQL that gives the same columns.

The size comes from FRAILTY_BENCH_EFI (200,000 people unless set; the table of the design speaks of 1,000,000), with
about 60 events a person. Both sides read columns that are already in memory; their results are compared row for row.
"""

from __future__ import annotations

from typing import Any

import measure
import numpy as np
import pytest

from frailty.knowledge import rules_dir
from frailty.records.arrays import OPEN, Coded, Issues, Measured, PracticeArrays, Stays, empty_family
from frailty.scoring import compile_plan, evaluate, load_scorecard
from frailty.terminology import load_codelist, load_quantities

PEOPLE = measure.size("EFI", 200_000)
AS_OF = 20_400
SUBSTANCES = 300
CONDITIONS = 6      # what most of a person's codes are about, again and again


def concept_table() -> tuple[list[str], list[str]]:
    """Every code of the eFI lists, and made-up medicines after them."""
    card = load_scorecard("efi")
    codes = {(e.system, e.code): None for name in card.codelists for e in load_codelist(name).entries}
    codes |= {("medicine", f"{n:04}"): None for n in range(3 * SUBSTANCES)}
    return [system for system, _ in codes], [code for _, code in codes]


def sorted_days(random: np.random.Generator, offsets: np.ndarray, span: int) -> np.ndarray:
    """Days before AS_OF + 200, ascending within each person: spacings of an exponential, scaled to the span."""
    total = np.concatenate([[0.0], np.cumsum(random.standard_exponential(offsets[-1], np.float32), dtype=np.float64)])
    sizes = np.diff(offsets)
    person = np.repeat(np.arange(len(sizes)), sizes)
    low, high = total[offsets[:-1]], total[offsets[1:]]
    share = (total[1:] - low[person]) / (high[person] - low[person])
    return (AS_OF + 200 - span + share * span).astype(np.int32)


def make_arrays(people: int, systems: list[str], plan: Any, seed: int = 1) -> PracticeArrays:
    """About 60 events a person: 26 codes of 6 conditions, 14 values, 20 medicines.

    Some rows are recorded late, some lie in the future, and some records have two codings.
    """
    random = np.random.default_rng(seed)
    last = 0

    def rows(mean: float, span: int) -> tuple[np.ndarray, ...]:
        nonlocal last
        offsets = np.concatenate([[0], np.cumsum(random.poisson(mean, people))]).astype(np.int64)
        effective = sorted_days(random, offsets, span)
        late = effective.view(np.uint32) * np.uint32(2654435761) >> np.uint32(28)   # one delay a day keeps the order
        record = np.arange(last, last + offsets[-1], dtype=np.int64)
        last += int(offsets[-1])
        return offsets, effective, effective + np.where(late == 0, 90, late).astype(np.int32), record

    offsets, effective, recorded, record = rows(26, 9000)
    twice = np.flatnonzero(random.random(len(record)) < 0.05)
    twice = twice[(twice > 0) & ~np.isin(twice, offsets)]
    for column in (effective, recorded, record):
        column[twice] = column[twice - 1]
    usable = plan.coded_concepts
    person = np.repeat(np.arange(people), np.diff(offsets))
    about = random.random((people, CONDITIONS), np.float32)[person, random.integers(0, CONDITIONS, len(person))]
    near = (len(usable) * about).astype(np.int64) + random.integers(0, 5, len(person))
    concept = usable[np.minimum(near, len(usable) - 1)].astype(np.int32)
    coded = Coded(offsets, concept, effective, recorded, np.full(len(record), OPEN, np.int32),
                  np.full(len(record), -1, np.int64), record)

    offsets, effective, recorded, record = rows(14, 5000)
    names = plan.measured_quantities
    quantity = random.integers(0, len(names), len(record), np.int32)
    value = np.round(random.random(len(record)) * np.array([2.0, 20, 60, 140, 200])[quantity % 5], 1)
    nothing = np.full(len(record), -1, np.int32)
    measured = Measured(offsets, quantity, nothing, effective, nothing, recorded, value,
                        np.zeros(len(record), np.int8), nothing, record)

    offsets, effective, recorded, record = rows(20, 1200)
    first = len(systems) - 3 * SUBSTANCES
    concept = first + (3 * SUBSTANCES * random.random(len(record), np.float32) ** 2).astype(np.int32)
    issues = Issues(offsets, concept, effective, recorded, np.full(len(record), OPEN, np.int32),
                    np.zeros(len(record), np.int8), record)

    everybody = np.arange(people, dtype=np.int32)
    substance = np.full(len(systems), -1, np.int32)
    substance[first:] = np.arange(3 * SUBSTANCES) // 3
    return PracticeArrays(
        person=everybody, birth=(AS_OF - 365.25 * random.integers(60, 100, people)).astype(np.int32),
        sex=random.integers(1, 3, people).astype(np.int8), death=np.full(people, OPEN, np.int32),
        hospital_from=np.full(people, OPEN, np.int32), hospital_without_stays=np.zeros(people, np.bool_), coded=coded,
        measured=measured, issues=issues, stays=empty_family(Stays, people), quantities=names, substance=substance,
        rung=np.full(len(systems), 2, np.int8))


SQL = """
WITH known AS (
    SELECT c.person, m.term, c.effective, c.recorded, c.record, c.concept, m.rank
    FROM coded c JOIN code m USING (concept) WHERE c.effective <= $day AND c.recorded <= $day
    UNION ALL
    SELECT v.person, r.term, v.effective, v.recorded, v.record, -1, 0
    FROM measured v JOIN rule r USING (quantity) JOIN person p USING (person)
    WHERE v.effective <= $day AND v.recorded <= $day AND (r.sex IS NULL OR r.sex = p.sex)
      AND (v.value >= r.low AND NOT (r.low_open AND v.value = r.low))
      AND (v.value <= r.high AND NOT (r.high_open AND v.value = r.high))
), medicine AS (
    SELECT i.person, count(DISTINCT s.substance) AS n, min(i.effective) AS first, max(i.effective) AS last,
           max((i.effective, i.recorded, i.record)) AS final,
           arg_max(i.concept, (i.effective, i.recorded, i.record)) AS concept
    FROM issues i JOIN substance s USING (concept)
    WHERE i.effective > $start AND i.effective <= $day AND i.recorded <= $day GROUP BY ALL HAVING n >= 5
)
SELECT person, term, count(DISTINCT record) AS n, min(effective) AS first, max(effective) AS last,
       arg_max(concept, (effective, recorded, record, -rank)) AS concept,
       arg_max(record, (effective, recorded, record)) AS record
FROM known GROUP BY person, term
UNION ALL
SELECT person, $polypharmacy, n, first, last, concept, final[3] FROM medicine
"""
PEOPLE_SQL = """
SELECT p.person, coalesce(sum(1) FILTER (c.term IS NOT NULL), 0) AS points, CASE WHEN p.birth <= $born THEN CASE
    WHEN points * 100 <= 36 * 12 THEN 0 WHEN points * 100 <= 36 * 24 THEN 1
    WHEN points * 100 <= 36 * 36 THEN 2 ELSE 3 END
    ELSE -1 END AS band
FROM person p LEFT JOIN contribution c USING (person) GROUP BY p.person, p.birth ORDER BY p.person
"""


class Town:
    """The same made-up people as arrays and as DuckDB tables."""

    def __init__(self) -> None:
        import duckdb
        import pyarrow as pa
        self.card = load_scorecard("efi")
        systems, codes = concept_table()
        self.plan = compile_plan([self.card], systems, codes)
        self.arrays = arrays = make_arrays(PEOPLE, systems, self.plan)
        self.events = len(arrays.coded.record) + len(arrays.measured.record) + len(arrays.issues.record)
        self.con = duckdb.connect()
        terms = [term.id for term in self.card.terms]
        rank = self.plan.tables.maps.rank
        entries = [(int(c), terms.index(name.split("/")[1]), int(rank[1 + c])) for name in self.card.codelists
                   if name.startswith("efi/") for c in self._concepts(name, systems, codes)]
        rules = []
        for t, term in enumerate(self.card.terms):
            for e in term.any:
                if e.source == "value":
                    name = next(q.name for q in load_quantities() if q.codes == e.codes)
                    for i in e.intervals or (None,):
                        rules.append((
                            arrays.quantities.index(name), t, float(i.low) if i and i.low is not None else -1e300,
                            float(i.high) if i and i.high is not None else 1e300, bool(i and i.low_open),
                            bool(i and i.high_open), {"male": 1, "female": 2}.get(i.sex if i else "")))
        families = {"coded": arrays.coded, "measured": arrays.measured, "issues": arrays.issues}
        wanted = ("concept", "quantity", "effective", "recorded", "record", "value")
        tables = {name: {"person": np.repeat(arrays.person, np.diff(family.offsets)),
                         **{column: getattr(family, column) for column in wanted if column in family._fields}}
                  for name, family in families.items()}
        tables["person"] = {"person": arrays.person, "birth": arrays.birth, "sex": arrays.sex}
        tables["substance"] = {"concept": np.arange(len(systems)), "substance": arrays.substance}
        tables["code"] = dict(zip(("concept", "term", "rank"), map(np.array, zip(*entries, strict=True)), strict=True))
        for name, columns in tables.items():
            given = pa.table(columns)  # noqa: F841  (DuckDB reads it by its name)
            self.con.execute(f"CREATE TABLE {name} AS SELECT * FROM given")
        self.con.execute("CREATE TABLE rule(quantity INT, term INT, low DOUBLE, high DOUBLE, low_open BOOL, "
                         "high_open BOOL, sex INT)")
        self.con.executemany("INSERT INTO rule VALUES (?, ?, ?, ?, ?, ?, ?)", rules)
        self.polypharmacy = terms.index("polypharmacy")

    @staticmethod
    def _concepts(name: str, systems: list[str], codes: list[str]) -> np.ndarray:
        from frailty.terminology import match_concepts
        return np.flatnonzero(match_concepts(load_codelist(name, rules_dir()), systems, codes))

    def engine(self) -> Any:
        return evaluate(self.plan, self.arrays, AS_OF)

    def duckdb(self) -> dict[str, np.ndarray]:
        day = np.datetime64(AS_OF, "D")
        year_ago = (day.astype("M8[M]") - 12).astype("M8[D]") + (day - day.astype("M8[M]").astype("M8[D]"))
        born = (day.astype("M8[M]") - 12 * 65).astype("M8[D]") + (day - day.astype("M8[M]").astype("M8[D]"))
        self.con.execute("CREATE OR REPLACE TEMP TABLE contribution AS " + SQL, {
            "day": AS_OF, "start": int(year_ago.astype(int)), "polypharmacy": self.polypharmacy})
        return self.con.execute(PEOPLE_SQL, {"born": int(born.astype(int))}).fetchnumpy()


@pytest.fixture(scope="module")
def town() -> Town:
    town = Town()
    town.engine()  # compiled, and pages touched, before anything is timed
    return town


def report(benchmark: Any, town: Town) -> None:
    if benchmark.stats:  # absent where benchmarks are switched off
        rate = town.events / benchmark.stats.stats.min / 1e6
        benchmark.extra_info |= {"people": PEOPLE, "events": town.events, "million events/s": round(rate)}


def test_efi_engine(benchmark: Any, town: Town) -> None:
    benchmark.pedantic(town.engine, rounds=5, warmup_rounds=1)
    report(benchmark, town)


def test_efi_duckdb(benchmark: Any, town: Town) -> None:
    benchmark.pedantic(town.duckdb, rounds=2)
    report(benchmark, town)


def test_both_say_the_same(town: Town) -> None:
    scores, people = town.engine(), town.duckdb()
    np.testing.assert_array_equal(scores["efi"].points, people["points"].astype(np.int64))
    np.testing.assert_array_equal(scores["efi"].band, people["band"])
    rows = town.con.execute("SELECT * FROM contribution ORDER BY person, term").fetchnumpy()
    for column in ("person", "term", "n", "first", "last", "concept", "record"):
        np.testing.assert_array_equal(getattr(scores.contributions, column), rows[column], column)
    assert len(rows["term"]) > PEOPLE
