"""Small maps from a coded value to a word of this project, such as an admission method to `emergency`."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from frailty.errors import DefinitionError
from frailty.knowledge import rules_dir
from frailty.terminology.systems import canonical_system
from frailty.terminology.tables import read_rows

# value column of each map
_VALUES = {"stays/settings": "setting", "stays/admission_methods": "admission"}


def load_map(name: str, rules: Path | None = None) -> dict[tuple[str, str], str]:
    """(canonical system, code as written) -> word. System '' holds plain text codes, in lower case."""
    if name not in _VALUES:
        raise DefinitionError(f"There is no map {name}.", mend="one of " + ", ".join(_VALUES))
    path = (rules or rules_dir()) / f"{name}.csv"
    return dict(_load(name, path, path.stat().st_mtime_ns if path.exists() else 0))


@lru_cache(maxsize=8)
def _load(name: str, path: Path, stamp: int) -> dict[tuple[str, str], str]:
    found: dict[tuple[str, str], str] = {}
    for line, row in read_rows(path, ("system", "code", _VALUES[name]), ("source",)):
        key = canonical_system(row["system"]), row["code"]
        if not row["code"] or not row[_VALUES[name]] or key in found:
            raise DefinitionError(
                f"The code {row['code']!r} of {path.name} stands twice or has no value.",
                where=f"{path}:{line}",
            )
        found[key] = row[_VALUES[name]]
    return found
