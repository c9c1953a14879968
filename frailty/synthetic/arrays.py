"""A practice list as plain arrays, for benchmarks: no files, no store, a million people in well under a minute.

The arrays have the names and types of `records.arrays`; the caller builds `PracticeArrays` from them. They look like
records (ages, old people with more of everything, codes out of the real lists, each person with conditions and
medicines of their own, late recording), but nobody's latent truth stands behind them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.random import Generator, SeedSequence, default_rng
from numpy.typing import NDArray

from frailty.synthetic.people import OPEN, YEAR, Float64, Int32, Int64
from frailty.synthetic.settings import load_settings
from frailty.terminology import load_codelist, load_quantities, substances

Key = NDArray[np.uint64]
Columns = dict[str, NDArray[Any]]
_BLOCK = 20_000             # people a block: they must fit into 15 bits
_DAY0 = 7305                # 1990-01-01, the first day of an event; days fit into 15 bits
_AS_OF = 20_000             # 2024-10-04
# Shares of the events that are codes, results, medicine orders; the rest are stays.
_SHARES = {"coded": 0.60, "measured": 0.16, "issues": 0.23}
_LISTED = 0.7               # of the codes, out of the eFI lists; the others are of no list
_NOISE_CODES = 2_000
_COMMON, _RARE = 6.0, 0.15  # weights of codes within a list
_SPREAD = 0.9               # log-normal spread of how much is written down about a person
_AGES = (40, 101)


@dataclass(frozen=True)
class _Pools:
    """The concept table, and what to draw from. Codes of deficit d: codes[starts[d]:starts[d + 1]]."""

    systems: list[str]
    codes_of: list[str]
    terms: list[str]
    codes: Int32
    starts: Int64
    weights: Float64        # cumulative over `codes`, from 0 to the number of deficits
    noise: Int32
    medicines: Int32
    result: Int32           # concept of each quantity
    low: Float64
    high: Float64
    quantities: tuple[str, ...]


@dataclass(frozen=True)
class _Block:
    """Some people, while their events are drawn."""

    rng: Generator
    as_of: int
    birth: Int32
    burden: Float64

    def __len__(self) -> int:
        return len(self.burden)

    def who(self, count: int) -> Int64:
        """The person of each of `count` events."""
        times = self.rng.multinomial(count, self.burden / self.burden.sum())
        return np.repeat(np.arange(len(self)), times)

    def days(self, person: Int64, years: float) -> Int64:
        """A day for each event, in life and within the last years."""
        first = np.maximum(np.maximum(self.birth[person], _DAY0), self.as_of - int(years * YEAR))
        back: Int64 = (self.rng.random(len(person)) ** 1.3 * np.maximum(self.as_of - first, 1)).astype(np.int64)
        return self.as_of - back

    def own(self, person: Int64, most: int) -> Int64:
        """For each event one of the person's own few things, out of `most`: the more burden, the more things."""
        few = np.minimum(1 + 5 * self.burden, 0.6 * most)
        rank = (self.rng.random(len(person)) ** 1.5 * few[person]).astype(np.int64)
        return (person * 11 + rank * 7) % most


def synthetic_arrays(people: int, events: int, seed: int = 1, *, as_of: int = _AS_OF) -> dict[str, Any]:
    """`events` events of `people` persons up to the day `as_of`.

    Keys: person, birth, sex, death, hospital_from, hospital_without_stays [people]; coded, measured, issues, stays:
    each a dict of columns with `offsets` [people + 1]; quantities, substance, rung; and `concepts`: system, code and
    term of each concept that the rows point to.
    """
    pools = _pools()
    families: dict[str, list[Columns]] = {name: [] for name in ("coded", "measured", "issues", "stays")}
    persons: list[Columns] = []
    starts = range(0, people, _BLOCK)
    for start, stream in zip(starts, SeedSequence(seed).spawn(len(starts)), strict=True):
        count = min(_BLOCK, people - start)
        # Exactly `events` in all: each block takes what is due up to its end.
        due = events * (start + count) // people - events * start // people
        block = _persons(default_rng(stream), count, as_of, persons)
        n = {name: int(due * share) for name, share in _SHARES.items()}
        families["coded"].append(_coded(block, n["coded"], pools))
        families["measured"].append(_measured(block, n["measured"], pools))
        families["issues"].append(_issues(block, n["issues"], pools))
        families["stays"].append(_stays(block, due - sum(n.values())))
    out: dict[str, Any] = {key: np.concatenate([block[key] for block in persons]) for key in persons[0]}
    out["person"] = np.arange(people, dtype=np.int32)
    out["hospital_from"] = np.full(people, as_of - 3650, np.int32)
    out["hospital_without_stays"] = np.zeros(people, np.bool_)
    record = 0
    for name, blocks in families.items():
        # Each block lets its columns go, so that memory holds them once.
        columns = {key: np.concatenate([block.pop(key) for block in blocks]) for key in list(blocks[0])}
        columns["offsets"] = np.r_[0, np.cumsum(columns.pop("counts"))].astype(np.int64)
        rows = int(columns["offsets"][-1])
        columns["record"] = np.arange(record, record + rows, dtype=np.int64)
        record += rows
        out[name] = columns
    ids, _, rungs, _ = substances(pools.systems, pools.codes_of, pools.terms)
    return out | {"quantities": pools.quantities, "substance": np.asarray(ids, np.int32),
                  "rung": np.asarray(rungs, np.int8),
                  "concepts": {"system": pools.systems, "code": pools.codes_of, "term": pools.terms}}


def _pools() -> _Pools:
    settings = load_settings()
    at: dict[tuple[str, str], int] = {}
    terms: list[str] = []

    def add(system: str, code: str, term: str) -> int:
        if (system, code) not in at:
            at[system, code] = len(at)
            terms.append(term)
        return at[system, code]

    codes: list[int] = []
    weights: list[Float64] = []
    starts = [0]
    for name in settings.deficits.names:
        common = {row["snomed"] for row in settings.rows("codes.csv") if row["deficit"] == name}
        entries = [entry for entry in load_codelist(f"efi/{name}").entries if entry.match == "exact"]
        codes += [add(entry.system, entry.code, entry.term) for entry in entries]
        weight = np.array([_COMMON if entry.code in common else _RARE for entry in entries])
        weights.append(weight / weight.sum())
        starts.append(len(codes))
    noise = [add("urn:made-up:benchmark", f"x{n}", "no list holds this") for n in range(_NOISE_CODES)]
    drugs = [add("https://dmd.nhs.uk", row["code"], row["display"]) for row in settings.rows("medicines.csv")]
    quantities = load_quantities()
    results = []
    for quantity in quantities:     # a list that the site has to supply gets a made-up code
        entry = next(iter(load_codelist(quantity.codes).entries), None)
        results.append(add(entry.system, entry.code, entry.term) if entry else
                       add("urn:made-up:benchmark", f"q {quantity.name}", "no list holds this"))
    return _Pools(
        systems=[system for system, _ in at], codes_of=[code for _, code in at], terms=terms,
        codes=np.array(codes, np.int32), starts=np.array(starts), weights=np.cumsum(np.concatenate(weights)),
        noise=np.array(noise, np.int32), medicines=np.array(drugs, np.int32), result=np.array(results, np.int32),
        low=np.array([quantity.plausible_min for quantity in quantities]),
        high=np.array([quantity.plausible_max for quantity in quantities]),
        quantities=tuple(quantity.name for quantity in quantities))


def _persons(rng: Generator, count: int, as_of: int, into: list[Columns]) -> _Block:
    age = _AGES[0] + (_AGES[1] - _AGES[0]) * rng.beta(1.6, 2.6, count)
    birth = (as_of - age * YEAR).astype(np.int32)
    into.append({
        "birth": birth, "sex": np.where(rng.random(count) < 0.52, 2, 1).astype(np.int8),
        "death": np.where(rng.random(count) < 0.01, as_of - rng.integers(0, 700, count), OPEN).astype(np.int32)})
    return _Block(rng, as_of, birth, np.exp(_SPREAD * rng.standard_normal(count) + 0.035 * (age - 65)))


def _sorted(person: Int64, day: Int64, lag: Int64, rest: Int64) -> Key:
    """Rows as sorted numbers: person (15 bits), day (15), lag of recording (12), the rest (22). Sorting numbers is far
    quicker than sorting rows, and gives the order person, effective, recorded."""
    key: Key = person.astype(np.uint64) << np.uint64(49)
    for part, shift in ((day - _DAY0, 34), (lag, 22), (rest, 0)):
        key |= part.astype(np.uint64) << np.uint64(shift)
    key.sort()
    return key


def _columns(key: Key, people: int) -> tuple[Columns, Int32]:
    """counts [people], effective, recorded; and the rest."""
    effective = ((key >> np.uint64(34)) & np.uint64(0x7FFF)).astype(np.int32) + np.int32(_DAY0)
    recorded = effective + ((key >> np.uint64(22)) & np.uint64(0xFFF)).astype(np.int32)
    counts = np.bincount((key >> np.uint64(49)).astype(np.int64), minlength=people)
    rest = (key & np.uint64(0x3FFFFF)).astype(np.int32)
    return {"counts": counts, "effective": effective, "recorded": recorded}, rest


def _coded(block: _Block, count: int, pools: _Pools) -> Columns:
    rng, person = block.rng, block.who(count)
    deficit = block.own(person, len(pools.starts) - 1)
    listed = np.searchsorted(pools.weights, deficit + rng.random(count) * 0.999_999)
    noise = len(pools.codes) + rng.integers(0, len(pools.noise), count)
    lag = np.where(rng.random(count) < 0.25, np.minimum(rng.exponential(220.0, count), 4000), 0).astype(np.int64)
    key = _sorted(person, block.days(person, 30.0), lag, np.where(rng.random(count) < _LISTED, listed, noise))
    columns, rest = _columns(key, len(block))
    return columns | {"concept": np.concatenate([pools.codes, pools.noise])[rest],
                      "ended": np.full(count, OPEN, np.int32), "stay": np.full(count, -1, np.int64)}


def _measured(block: _Block, count: int, pools: _Pools) -> Columns:
    rng, person = block.rng, block.who(count)
    which = rng.integers(0, len(pools.result), count)
    key = _sorted(person, block.days(person, 10.0), np.zeros(count, np.int64), which)
    columns, quantity = _columns(key, len(block))
    span = (pools.high - pools.low)[quantity]
    return columns | {
        "quantity": quantity, "concept": pools.result[quantity],
        "minute": rng.integers(480, 1080, count).astype(np.int32),
        "value": np.round(pools.low[quantity] + span * rng.beta(2.0, 3.0, count), 1),
        "comparator": np.zeros(count, np.int8), "answer": np.full(count, -1, np.int32)}


def _issues(block: _Block, count: int, pools: _Pools) -> Columns:
    person = block.who(count)
    own = block.own(person, len(pools.medicines))
    columns, drug = _columns(_sorted(person, block.days(person, 3.0), np.zeros(count, np.int64), own), len(block))
    return columns | {"concept": pools.medicines[drug], "ended": columns["effective"] + np.int32(56),
                      "role": np.zeros(count, np.int8)}


def _stays(block: _Block, count: int) -> Columns:
    rng, person = block.rng, block.who(count)
    nights = np.minimum(rng.exponential(4.0, count), 500).astype(np.int64)
    columns, _ = _columns(_sorted(person, block.days(person, 8.0), nights, np.zeros(count, np.int64)), len(block))
    started, ended = columns["effective"], columns["recorded"]
    emergency = rng.random(count) < 0.6
    return {"counts": columns["counts"], "started": started, "ended": ended, "recorded_start": started,
            "recorded_end": ended + np.int32(1),
            "setting": np.where(emergency & (rng.random(count) < 0.5), 2, 1).astype(np.int8),
            "admission": np.where(emergency, 2, 1).astype(np.int8)}
