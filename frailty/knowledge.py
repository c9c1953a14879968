"""Where the reviewed knowledge lies: `rules/` and `models/`, beside the package in a checkout, inside it in a wheel."""

from __future__ import annotations

from pathlib import Path

from frailty.errors import DefinitionError

_PACKAGE = Path(__file__).resolve().parent


def rules_dir() -> Path:
    """The folder of code lists, scores, triage rules and tables."""
    return _find("rules")


def models_dir() -> Path:
    """The folder of published admission-risk models."""
    return _find("models")


def _find(name: str) -> Path:
    for folder in (_PACKAGE / "_knowledge" / name, _PACKAGE.parent / name):
        if folder.is_dir():
            return folder
    raise DefinitionError(f"The folder {name}/ was not found.", why="the installation is incomplete",
                          mend="install the package again")
