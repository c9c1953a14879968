"""The data of a learner: what is refused, what a part of it is, and that its hash sees every change."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from frailty.errors import FrailtyError
from frailty.risk.dataset import Column, Dataset

FALLS = Column("falls", "Falls", "flag", 1, {"any": [{"codes": "efi/falls"}]})
AGE = Column("age", "Age", "number", 0, {"any": [{"from": "person"}]})


def small(rows: int = 4) -> Dataset:
    n = np.arange(rows)
    return Dataset(
        x=np.column_stack([n % 2, 60.0 + n]).astype(np.float32),
        columns=(FALLS, AGE),
        y=(n % 3 - 1).astype(np.int8),
        days=n.astype(np.int32),
        ended=(n % 3).astype(np.int8),
        person=n.astype(np.int64),
        as_of=np.full(rows, 20_000, np.int32),
        horizon=365,
        groups={"sex": np.where(n % 2, "female", "male")},
        given={"charlson": n / 10.0},
    )


def test_a_part_keeps_every_column_of_its_rows() -> None:
    part = small().take(np.array([3, 1]))
    assert len(part) == 2 and part.person.tolist() == [3, 1] and part.x[:, 1].tolist() == [63, 61]
    assert part.groups["sex"].tolist() == ["female"] * 2 and part.given["charlson"].tolist() == [0.3, 0.1]
    assert part.horizon == 365 and part.columns == (FALLS, AGE)


def test_the_hash_sees_every_change() -> None:
    whole = small()
    assert whole.hash() == small().hash() == whole.take(np.arange(4)).hash()
    changed = [
        whole.take(np.array([0, 1, 3, 2])),
        replace(whole, horizon=90),
        replace(whole, columns=(replace(FALLS, direction=0), AGE)),
        replace(whole, columns=(replace(FALLS, term={"any": [{"codes": "efi/falls", "within": "1 y"}]}), AGE)),
        replace(whole, x=whole.x + np.float32(1)),
        replace(whole, y=np.zeros(4, np.int8)),
        replace(whole, groups={"sex": np.full(4, "male")}),
        replace(whole, given={}),
    ]
    assert len({one.hash() for one in [whole, *changed]}) == len(changed) + 1


@pytest.mark.parametrize(
    "change",
    [
        {"y": np.zeros(3, np.int8)},
        {"groups": {"sex": np.full(5, "male")}},
        {"columns": (FALLS,)},
        {"columns": (FALLS, FALLS)},
    ],
)
def test_what_does_not_fit_together_is_refused(change: dict) -> None:
    with pytest.raises(FrailtyError):
        replace(small(), **change)


def test_a_column_of_unknown_kind_is_refused() -> None:
    with pytest.raises(FrailtyError, match=r"falls.*score"):
        replace(FALLS, kind="score")
