"""Arrays for benchmarks: shapes, types and orders are those that scoring is promised."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from frailty.records.arrays import Coded, Issues, Measured, PracticeArrays, Stays
from frailty.synthetic import synthetic_arrays
from frailty.terminology import load_codelist, load_quantities, match_concepts

PEOPLE, EVENTS = 25_000, 400_000      # more than one block


@pytest.fixture(scope="module")
def arrays() -> dict[str, Any]:
    return synthetic_arrays(PEOPLE, EVENTS, seed=2)


def test_they_are_practice_arrays(arrays: dict[str, Any]) -> None:
    kinds = {"coded": Coded, "measured": Measured, "issues": Issues, "stays": Stays}
    names = ("person", "birth", "sex", "death", "hospital_from", "hospital_without_stays", "quantities", "substance",
             "rung")
    rest = {name: arrays[name] for name in names}
    practice = PracticeArrays(**rest, **{name: kind(**arrays[name]) for name, kind in kinds.items()})
    assert len(practice) == PEOPLE
    assert sum(len(arrays[name]["record"]) for name in kinds) == EVENTS
    assert arrays["quantities"] == tuple(quantity.name for quantity in load_quantities())


@pytest.mark.parametrize("name", ["coded", "measured", "issues", "stays"])
def test_rows_are_in_total_order(arrays: dict[str, Any], name: str) -> None:
    family = arrays[name]
    offsets, first, known = family["offsets"], "effective", "recorded"
    if name == "stays":
        first, known = "started", "recorded_start"
    rows = len(family["record"])
    assert all(len(column) == rows for key, column in family.items() if key != "offsets")
    assert len(offsets) == PEOPLE + 1 and offsets[0] == 0 and offsets[-1] == rows and (np.diff(offsets) >= 0).all()
    person = np.repeat(np.arange(PEOPLE), np.diff(offsets))
    order = np.lexsort((family["record"], family[known], family[first], person))
    assert (order == np.arange(rows)).all()
    assert (family[known] >= family[first]).all()
    assert family["record"].dtype == np.int64 and family[first].dtype == np.int32


def test_events_lie_in_life_and_point_to_concepts(arrays: dict[str, Any]) -> None:
    for name in ("coded", "measured", "issues"):
        family = arrays[name]
        person = np.repeat(np.arange(PEOPLE), np.diff(family["offsets"]))
        assert (family["effective"] > arrays["birth"][person]).all()
        assert family["concept"].max() < len(arrays["concepts"]["code"]) == len(arrays["substance"])
    listed = match_concepts(load_codelist("efi/falls"), arrays["concepts"]["system"], arrays["concepts"]["code"])
    assert 0.005 < np.asarray(listed)[arrays["coded"]["concept"]].mean() < 0.1
    assert (arrays["rung"][arrays["issues"]["concept"]] == 2).all()


def test_seed_decides(arrays: dict[str, Any]) -> None:
    again, other = synthetic_arrays(PEOPLE, EVENTS, seed=2), synthetic_arrays(PEOPLE, EVENTS, seed=3)
    assert all((arrays["coded"][key] == again["coded"][key]).all() for key in again["coded"])
    assert (arrays["birth"] != other["birth"]).any()
