"""What a learner is given: one row per person and day, features known by then, and what happened afterwards."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from frailty.errors import FrailtyError

KINDS = ("flag", "count", "number")
CENSORED = -1                                   # y: not seen to the end of the horizon
END_OF_SIGHT, ADMISSION, DEATH = 0, 1, 2        # ended
TRUTH = "hazard_given_records"                  # among `given` of a made-up locality: the risk that it drew from, given its records


@dataclass(frozen=True)
class Column:
    """One feature, and how the scorecard language asks for it.

    kind: "flag" (0 or 1), "count" or "number". direction: +1 risk may only rise with it, -1 only fall, 0 free.
    term: the [[term]] table without its points (any, all, none, ...); the learner writes it back with points.
    """

    id: str
    title: str
    kind: str
    direction: int
    term: Mapping[str, Any]

    def __post_init__(self) -> None:
        if self.kind not in KINDS or self.direction not in (-1, 0, 1):
            raise FrailtyError(f"The feature '{self.id}' has the kind '{self.kind}' and the direction {self.direction}.",
                               mend=f"kind: {', '.join(KINDS)}; direction: -1, 0 or 1")


@dataclass(frozen=True)
class Dataset:
    """Rows of one horizon.

    x [rows, features], nan: not known. y: 1 an emergency admission within the horizon, 0 none and seen to its end, -1 censored.
    days: from as_of to the first of event, death, end of sight. ended: 0 end of sight, 1 admission, 2 death.
    groups: text per row, "" unknown; never features. given: other predictions to compare with.
    """

    x: NDArray[np.float32]
    columns: tuple[Column, ...]
    y: NDArray[np.int8]
    days: NDArray[np.int32]
    ended: NDArray[np.int8]
    person: NDArray[np.int64]
    as_of: NDArray[np.int32]
    horizon: int
    groups: Mapping[str, NDArray[Any]]
    given: Mapping[str, NDArray[np.float64]]

    def __post_init__(self) -> None:
        if self.x.ndim != 2 or self.x.shape[1] != len(self.columns):
            raise FrailtyError(f"A dataset has {self.x.shape} features and {len(self.columns)} columns that describe them.")
        per_row = {name: getattr(self, name) for name in ("y", "days", "ended", "person", "as_of")} | {**self.groups, **self.given}
        for name, one in per_row.items():
            if one.shape != (len(self.x),):
                raise FrailtyError(f"A dataset of {len(self.x)} rows has {name} of the shape {one.shape}.")
        ids = [column.id for column in self.columns]
        if len(set(ids)) != len(ids):
            raise FrailtyError(f"Two features are called '{next(id for id in ids if ids.count(id) > 1)}'.")

    def __len__(self) -> int:
        return len(self.x)

    def take(self, rows: NDArray[Any]) -> Dataset:
        """The same data for some rows: places, or a truth value for each."""
        return replace(self, x=self.x[rows], y=self.y[rows], days=self.days[rows], ended=self.ended[rows],
                       person=self.person[rows], as_of=self.as_of[rows],
                       groups={name: one[rows] for name, one in self.groups.items()},
                       given={name: one[rows] for name, one in self.given.items()})

    def hash(self) -> str:
        """SHA-256 of the content: columns, horizon and every row, in their order."""
        digest = hashlib.sha256(json.dumps(
            [self.horizon, [[getattr(column, field.name) for field in fields(Column)] for column in self.columns]],
            default=_plain, sort_keys=True).encode())
        for name in ("x", "y", "days", "ended", "person", "as_of"):
            digest.update(np.ascontiguousarray(getattr(self, name)).view(np.uint8).data)
        for name, one in sorted(self.groups.items()):
            labels, codes = np.unique(one.astype(str), return_inverse=True)
            digest.update(json.dumps([name, labels.tolist()]).encode() + codes.astype(np.int64).tobytes())
        for name, one in sorted(self.given.items()):
            digest.update(json.dumps(name).encode() + np.ascontiguousarray(one, np.float64).tobytes())
        return digest.hexdigest()


def _plain(one: Any) -> Any:
    return dict(one) if isinstance(one, Mapping) else str(one)
