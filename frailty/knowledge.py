"""Where the reviewed knowledge lies: `rules/` and `models/`, beside the package in a checkout, inside it in a wheel."""

from __future__ import annotations

import tomllib
from functools import lru_cache
from pathlib import Path
from typing import Any

from frailty.errors import DefinitionError

_PACKAGE = Path(__file__).resolve().parent


def rules_dir() -> Path:
    """The folder of code lists, scores, triage rules and tables."""
    return _find("rules")


def models_dir() -> Path:
    """The folder of published admission-risk models."""
    return _find("models")


@lru_cache(maxsize=2)
def _find(name: str) -> Path:
    for folder in (_PACKAGE / "_knowledge" / name, _PACKAGE.parent / name):
        if folder.is_dir():
            return folder
    raise DefinitionError(f"The folder {name}/ was not found.", why="the installation is incomplete",
                          mend="install the package again")


def parsed(file: Path) -> dict[str, Any]:
    """The TOML of a file, to look at and not to change; read again only when the file changes.

    Raises OSError or tomllib.TOMLDecodeError.
    """
    return _parsed(file, file.stat().st_mtime_ns)


@lru_cache(maxsize=128)
def _parsed(file: Path, stamp: int) -> dict[str, Any]:
    return tomllib.loads(file.read_text(encoding="utf-8"))
