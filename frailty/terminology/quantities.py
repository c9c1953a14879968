"""Quantities: which codes carry them, the canonical unit, accepted spellings and the plausible range."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from frailty.errors import DefinitionError
from frailty.knowledge import rules_dir
from frailty.terminology.tables import number, read_rows

COLUMNS = (
    "quantity",
    "codes",
    "unit",
    "spelling",
    "factor",
    "plausible_min",
    "plausible_max",
    "derived",
    "source",
)


@dataclass(frozen=True)
class Quantity:
    """A measured thing.

    codes: name of its code list. spellings: unit as `unit_key` writes it -> factor to the canonical unit; the
    key '' stands for "no unit": taken as canonical inside the plausible range, and marked as assumed.
    """

    name: str
    codes: str
    unit: str
    spellings: dict[str, float]
    plausible_min: float
    plausible_max: float

    def convert(self, value: float, unit: str | None) -> float | None:
        """The value in the canonical unit, or None where the unit is unknown or the value implausible."""
        factor = self.spellings.get(unit_key(unit or ""))
        if factor is None:
            return None
        value *= factor
        return value if self.plausible_min <= value <= self.plausible_max else None


def unit_key(unit: str) -> str:
    """A unit in lower case and without spaces, as the spellings are kept."""
    return unit.lower().replace(" ", "").replace("\u00a0", "")


def unit_sql(col: str) -> str:
    """DuckDB expression for `unit_key`; a missing unit becomes ''."""
    return f"replace(replace(lower(coalesce({col}, '')), ' ', ''), '\u00a0', '')"


def load_quantities(rules: Path | None = None) -> tuple[Quantity, ...]:
    """All quantities of rules/quantities.csv, in the order of the file."""
    path = (rules or rules_dir()) / "quantities.csv"
    return _load(path, path.stat().st_mtime_ns if path.exists() else 0)


@lru_cache(maxsize=8)
def _load(path: Path, stamp: int) -> tuple[Quantity, ...]:
    found: dict[str, Quantity] = {}
    for line, row in read_rows(path, COLUMNS):
        where = f"{path}:{line}"
        factor, low, high = (
            number(row[name], name, where) for name in ("factor", "plausible_min", "plausible_max")
        )
        if factor is None or low is None or high is None or factor <= 0 or low >= high:
            raise DefinitionError("A quantity needs a positive factor and a plausible range.", where=where)
        name, key = row["quantity"], unit_key(row["spelling"])
        new = Quantity(name, row["codes"], row["unit"], {}, low, high)
        old = found.setdefault(name, new)
        if (old.codes, old.unit, old.plausible_min, old.plausible_max) != (new.codes, new.unit, low, high):
            raise DefinitionError(
                f"The rows of {name} differ in codes, unit or plausible range.", where=where
            )
        if key in old.spellings:
            raise DefinitionError(f"The spelling {row['spelling']!r} of {name} stands twice.", where=where)
        old.spellings[key] = factor
    for quantity in found.values():
        if quantity.spellings.get(unit_key(quantity.unit)) != 1.0:
            raise DefinitionError(
                f"The unit of {quantity.name} is not among its spellings with factor 1.",
                where=str(path),
                mend=f"add a row with spelling {quantity.unit} and factor 1",
            )
    return tuple(found.values())
