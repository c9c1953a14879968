"""The assumptions behind the made-up locality: `rules/synthetic/locality.toml` and the small tables beside it."""

from __future__ import annotations

import csv
import tomllib
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from frailty.errors import DefinitionError, nearest
from frailty.knowledge import rules_dir

Float64 = NDArray[np.float64]
Rows = tuple[dict[str, str], ...]


class Settings:
    """Numbers and words of `locality.toml` by dotted name, and the rows of the tables beside it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        path = folder / "locality.toml"
        try:
            self._tree: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
            self.words: dict[str, list[str]] = tomllib.loads((folder / "words.toml").read_text(encoding="utf-8"))
        except (OSError, tomllib.TOMLDecodeError) as bad:
            raise DefinitionError("The settings of the synthetic locality cannot be read.", where=str(path),
                                  why=str(bad)) from None
        self.deficits = _deficits(self.rows("deficits.csv"))

    def _find(self, name: str) -> Any:
        node: Any = self._tree
        for part in name.split("."):
            if not isinstance(node, dict) or part not in node:
                raise DefinitionError(f"The setting {name} is missing.", where=str(self.folder / "locality.toml"),
                                      mend=nearest(part, node if isinstance(node, dict) else (), quotes=""))
            node = node[part]
        return node

    def number(self, name: str) -> float:
        """One number."""
        found = self._find(name)
        if isinstance(found, bool) or not isinstance(found, (int, float)):
            raise DefinitionError(f"The setting {name} is not a number.", where=str(self.folder / "locality.toml"))
        return float(found)

    def numbers(self, name: str) -> Float64:
        """A list of numbers."""
        return np.asarray(self._find(name), dtype=np.float64)

    def shares(self, name: str) -> Float64:
        """A list of shares, scaled to sum to 1."""
        found = self.numbers(name)
        shares: Float64 = found / found.sum()
        return shares

    def texts(self, name: str) -> list[str]:
        """A list of words."""
        return [str(text) for text in self._find(name)]

    def text(self, name: str) -> str:
        """One word."""
        return str(self._find(name))

    def table(self, name: str) -> dict[str, float]:
        """A whole group of numbers."""
        return {key: float(value) for key, value in self._find(name).items()}

    def practices(self) -> list[dict[str, Any]]:
        """The [[practice]] groups."""
        return list(self._find("practice"))

    def rows(self, name: str) -> Rows:
        """A table beside the settings."""
        path = self.folder / name
        try:
            with path.open(encoding="utf-8", newline="") as stream:
                return tuple(csv.DictReader(stream))
        except OSError as bad:
            raise DefinitionError(f"The table {name} cannot be read.", where=str(path), why=str(bad)) from None


@dataclass(frozen=True)
class Deficits:
    """deficits.csv as columns; the order is the order of every [people, deficits] array."""

    names: tuple[str, ...]
    prevalence: Float64
    share: Float64
    slope: Float64
    frailty: Float64
    metabolic: Float64
    male: Float64
    deprivation: Float64
    delay_years: Float64
    repeats: Float64
    episodic: NDArray[np.bool_]
    value_only: Float64

    def __len__(self) -> int:
        return len(self.names)

    def index(self, name: str) -> int:
        """Position of a deficit; settings write names with an underscore."""
        return self.names.index(name.replace("_", "-"))


def _deficits(rows: Rows) -> Deficits:
    def column(name: str) -> Float64:
        return np.array([float(row[name]) for row in rows])

    return Deficits(tuple(row["deficit"] for row in rows), column("prevalence_65"), column("recorded_share"),
                    column("slope"), column("frailty"), column("metabolic"), column("male"), column("deprivation"),
                    column("delay_years"), column("repeats"), column("episodic") > 0, column("value_only"))


@lru_cache(maxsize=4)
def _load(folder: Path) -> Settings:
    return Settings(folder)


def load_settings(rules: Path | None = None) -> Settings:
    """The settings under `rules` (the project's own by default)."""
    return _load((rules or rules_dir()) / "synthetic")


@dataclass(frozen=True)
class PracticePlan:
    """One practice as it will be written."""

    index: int
    ods: str
    name: str
    slug: str
    share: float
    shape: str
    coding: str
    read_until: int
    quality: float
    hazard: float
    medication_system: str


def day_number(day: date) -> int:
    """Days since 1970-01-01."""
    return day.toordinal() - 719163


def practice_plans(settings: Settings, count: int) -> list[PracticePlan]:
    """The first `count` practices; styles repeat where more are wanted than the settings describe."""
    styles = settings.practices()
    names = settings.words["practice"]
    plans = []
    for index in range(count):
        style = styles[index % len(styles)]
        name = names[index % len(names)] + ("" if index < len(names) else f" {index // len(names) + 1}")
        slug = "-".join([name.split()[0].lower()] + ([] if index < len(names) else [str(index // len(names) + 1)]))
        plans.append(PracticePlan(index, f"Y{90001 + index}", name, slug, float(style["share"]), style["shape"],
                                  style["coding"], day_number(style["read_until"]), float(style["quality"]),
                                  float(style["hazard"]), style["medication_system"]))
    whole = sum(plan.share for plan in plans)
    return [PracticePlan(**{**plan.__dict__, "share": plan.share / whole}) for plan in plans]
