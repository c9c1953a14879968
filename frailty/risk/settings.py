"""What rules/risk.toml says, and what it forbids."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from frailty.errors import DefinitionError, FrailtyError
from frailty.knowledge import rules_dir
from frailty.risk.dataset import Column


def load_settings(rules: Path | None = None) -> dict[str, Any]:
    """rules/risk.toml; numbers with a decimal point as Decimal."""
    path = (rules or rules_dir()) / "risk.toml"
    try:
        return tomllib.loads(path.read_text("utf-8"), parse_float=Decimal)
    except FileNotFoundError:
        raise DefinitionError("The settings of admission risk were not found.", where=str(path)) from None
    except tomllib.TOMLDecodeError as error:
        raise DefinitionError("The settings of admission risk are not valid TOML.", where=str(path), why=str(error)) from None


@dataclass(frozen=True)
class Signed:
    """A site's signed decision that lets an input in that is otherwise refused."""

    inputs: tuple[str, ...]
    name: str
    role: str
    on: str
    why: str

    def __post_init__(self) -> None:
        lacks = [key for key in ("inputs", "name", "role", "on", "why") if not getattr(self, key)]
        if lacks:
            raise FrailtyError(f"A signed decision on inputs lacks: {', '.join(lacks)}.",
                               mend='in [settings] of site.toml: risk_inputs_signed = "inputs; name; role; date; why", such as '
                                    '"ethnicity; A. Example; IG lead; 2026-11-01; to measure"')


def outcome_of(name: str, rules: Path | None = None) -> dict[str, Any]:
    """The table of an outcome. Raises FrailtyError where it may not be predicted, or is not known."""
    said = load_settings(rules)
    for word, why in said["outcome_refused"].items():
        if word in _words(name):
            raise FrailtyError(f"'{name}' is not a target that a model may be trained on.",
                               where="rules/risk.toml, outcome_refused", why=why, mend=f"predict {', '.join(said['outcome'])}")
    if name not in said["outcome"]:
        raise FrailtyError(f"There is no outcome '{name}'.", mend=f"the outcomes are: {', '.join(said['outcome'])}")
    return dict(said["outcome"][name])


def check_inputs(columns: Iterable[Column], signed: Signed | None = None, rules: Path | None = None) -> None:
    """Raises FrailtyError where a feature, by its name, its code lists or its inputs, is one that may not go in."""
    refused = load_settings(rules)["input_refused"]
    for column in columns:
        said = {column.id: _words(column.id)} | {text: _words(text) for text in _texts(column.term)}
        for text, words in said.items():
            if words & set(refused["never"]):
                raise FrailtyError(f"The feature '{column.id}' may not be an input of a model: '{text}'.",
                                   where="rules/risk.toml, input_refused",
                                   why="cost is neither a target nor an input", mend="leave it out")
            open_ = words & set(refused["signed"]) - set(signed.inputs if signed else ())
            if open_:
                raise FrailtyError(f"The feature '{column.id}' may not be an input of a model: '{text}'.",
                                   where="rules/risk.toml, input_refused",
                                   why=f"{min(open_)} is never an input unless the site has signed that it shall be",
                                   mend="leave it out (results are shown by group all the same), or sign risk_inputs_signed in "
                                        "[settings] of site.toml")


def _words(text: str) -> set[str]:
    return set(re.split(r"[^a-z]+", text.lower())) - {""}


def _texts(one: Any) -> list[str]:
    """Every name inside the evidence of a term."""
    if isinstance(one, str):
        return [one]
    if isinstance(one, Mapping):
        return [text for key, part in one.items() if key != "title" for text in _texts(part)]
    return [text for part in one for text in _texts(part)] if isinstance(one, (list, tuple)) else []
