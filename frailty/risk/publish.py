"""A learned model as files that anybody can read: models/<id>/scorecard.toml, card.md and evaluation.json. No pickle."""

from __future__ import annotations

import json
import re
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import numpy as np

from frailty.errors import DefinitionError, FrailtyError
from frailty.knowledge import models_dir
from frailty.records.arrays import Float64, Int32, Int64
from frailty.risk.settings import load_settings
from frailty.risk.sources import Records
from frailty.scoring.definitions import Scorecard
from frailty.scoring.load import MODEL_FILE, load_scorecard
from frailty.scoring.lock import definition_hash

CARD, EVALUATION = "card.md", "evaluation.json"
_NAME = re.compile(r"[a-z][a-z0-9_]{2,60}")


@dataclass(frozen=True)
class Approval:
    """Who lets a model be used, for what, until when."""

    by: str
    role: str
    use: str
    until: str


# ---- TOML

def toml_text(table: Mapping[str, Any]) -> str:
    """A scorecard as TOML: its own words, then [source], then the lists of tables. Numbers are int or Decimal."""
    plain = [f"{key} = {_value(one)}" for key, one in table.items() if not _is_tables(one) and not _is_section(key, one)]
    sections = [f"\n[{key}]\n" + "\n".join(f"{name} = {_value(one)}" for name, one in part.items())
                for key, part in table.items() if _is_section(key, part)]
    lists = [f"\n[[{key}]]\n" + "\n".join(f"{name} = {_value(one)}" for name, one in part.items())
             for key, many in table.items() if _is_tables(many) for part in many]
    return "\n".join([*plain, *sections, *lists]) + "\n"


def _is_tables(one: Any) -> bool:
    return isinstance(one, (list, tuple)) and bool(one) and all(isinstance(part, Mapping) for part in one)


def _is_section(key: str, one: Any) -> bool:
    return isinstance(one, Mapping) and key == "source"


def _value(one: Any) -> str:
    if isinstance(one, bool):
        return str(one).lower()
    if isinstance(one, int):
        return str(one)
    if isinstance(one, Decimal):
        return f"{one:f}"
    if isinstance(one, str):
        return json.dumps(one, ensure_ascii=False)
    if isinstance(one, Mapping):
        return "{ " + ", ".join(f"{key} = {_value(part)}" for key, part in one.items()) + " }"
    if isinstance(one, (list, tuple)):
        return "[" + ", ".join(_value(part) for part in one) + "]"
    raise FrailtyError(f"{type(one).__name__} has no form in a scorecard.", why=repr(one), mend="int, Decimal, text, list or table")


# ---- what stands around the terms

def head(id: str, horizon: int, version: str, data_hash: str, *, made_up: bool, learned_on: str, rules: Path | None = None
         ) -> dict[str, Any]:
    """The words of a model's scorecard before its terms. One learned on made-up people bears its mark in title and `restricted`."""
    if not _NAME.fullmatch(id):
        raise FrailtyError(f"'{id}' is no name for a model.", mend="small letters, digits and _, such as our_admission_12m")
    said = load_settings(rules)
    mark = str(said["demonstration"]["mark"])
    title = f"Emergency admission within {horizon} days"
    return {
        "id": id, "title": f"{title} ({mark})" if made_up else title, "version": version, "default": False,
        **({"restricted": mark} if made_up else {}),
        "licence": "Apache-2.0" if made_up else "The site's own.",
        "verified": "Learned, not published: see card.md and evaluation.json beside this file.",
        "notes": [*([f"{mark[0].upper()}{mark[1:]}: nobody in the training data exists."] if made_up else []),
                  f"The value is the chance of an emergency admission in the {horizon} days after the day of scoring.",
                  "Points are log-odds. They describe who was admitted; they do not say why, nor what helps.",
                  "It is off on worklists until the site turns it on."],
        "population": {"age_at_least": int(said["cohort"]["age_at_least"])},
        "source": {"citation": f"Learned with frailty model train on {learned_on}; SHA-256 of the training rows {data_hash}"}}


def bands(chances: Float64, mark: str = "", rules: Path | None = None) -> list[dict[str, Any]]:
    """Bands by the shares of rules/risk.toml, from the chances of people the model was not learned on. mark: on every label."""
    said = load_settings(rules)["band"]
    edges = [_third(np.quantile(chances, 1 - float(one["share"]))) for one in said[1:]]
    made: list[dict[str, Any]] = []
    for n, one in enumerate(said):
        low = {"at_least": edges[n - 1]} if n else {}
        high = {"below": edges[n]} if n < len(edges) else {}
        if n and n < len(edges) and edges[n] <= edges[n - 1]:
            raise FrailtyError(f"The bands '{one['label']}' and the next have the same cut point, {edges[n]}.",
                               why="the model tells too few people apart", mend="learn on more people, or on more features")
        made.append({"label": f"{one['label']} ({mark})" if mark else str(one["label"]), **low, **high})
    return made


def _third(value: float) -> Decimal:
    return Decimal(repr(float(value))).quantize(Decimal("0.001"), ROUND_HALF_UP)


# ---- the engine's word

def chances(records: Records, card: Scorecard, person: Int64, as_of: Int32) -> Float64:
    """[rows] what the engine gives for a model's scorecard; nan where its status is not ok."""
    from frailty.risk.features import values
    return values(records, [card], person, as_of)[card.id]


def prove_same(records: Records, card: Scorecard, person: Int64, as_of: Int32, expected: Float64) -> int:
    """Raises FrailtyError where the engine gives another chance than the learner; answers how many rows were compared.

    People whose records cannot be assessed (status not ok) have no value, and are not compared.
    """
    found = chances(records, card, person, as_of)
    known = ~np.isnan(found)
    wrong = known & ~np.isclose(found, expected, rtol=1e-7, atol=1e-9)
    if wrong.any():
        worst = int(np.argmax(np.where(wrong, np.abs(found - expected), 0)))
        raise FrailtyError(f"The scorecard of '{card.id}' is not the model that was learned.",
                           why=f"{int(wrong.sum()):,} of {int(known.sum()):,} rows differ, the worst by "
                               f"{abs(found[worst] - expected[worst]):.2g}",
                           mend="report this as a defect of the program")
    return int(known.sum())


# ---- folders

def new_folder(folder: Path) -> None:
    """Raises FrailtyError where a draft would be written over something."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise FrailtyError("The folder of the draft is not empty.", where=str(folder), mend="name a new folder")


def write_draft(folder: Path, scorecard: Mapping[str, Any], training: Mapping[str, Any], rules: Path | None = None) -> Scorecard:
    """Writes scorecard.toml and evaluation.json (with how it was trained) to a new folder, and reads the scorecard back."""
    new_folder(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MODEL_FILE).write_text(toml_text(scorecard), encoding="utf-8")
    card, definition = read_model(folder, rules)
    write_evaluation(folder, {"model": card.id, "version": card.version, "definition": definition, "training": dict(training)})
    return card


def write_evaluation(folder: Path, told: Mapping[str, Any]) -> None:
    """Writes evaluation.json."""
    (folder / EVALUATION).write_text(json.dumps(told, indent=1, ensure_ascii=False, default=_plain) + "\n", encoding="utf-8")


def read_evaluation(folder: Path) -> dict[str, Any]:
    """What evaluation.json says."""
    try:
        return dict(json.loads((folder / EVALUATION).read_text("utf-8")))
    except FileNotFoundError:
        raise DefinitionError("This folder holds no model.", where=str(folder), why=f"it has no {EVALUATION}",
                              mend="frailty model train makes one") from None
    except ValueError as error:
        raise DefinitionError(f"{EVALUATION} cannot be read.", where=str(folder), why=str(error)) from None


def read_model(folder: Path, rules: Path | None = None) -> tuple[Scorecard, str]:
    """The scorecard of a draft or of a published model, and its definition hash."""
    path = folder / MODEL_FILE
    if not path.is_file():
        raise DefinitionError("This folder holds no model.", where=str(folder), why=f"it has no {MODEL_FILE}",
                              mend="frailty model train makes one")
    id = re.search(r'^id = "([^"]*)"', path.read_text("utf-8"), re.MULTILINE)
    if folder.name == (id[1] if id else "") and (folder.parent == models_dir()):
        card = load_scorecard(folder.name, rules)
        return card, definition_hash(card, rules)
    # A draft may lie anywhere: it is read as a model of the shipped rules.
    from frailty.knowledge import rules_dir
    with tempfile.TemporaryDirectory(prefix="frailty-model-") as name:
        made = Path(name)
        for one in (rules or rules_dir()).iterdir():
            (made / one.name).symlink_to(one.resolve())
        own = made / "models"
        if own.is_symlink():
            own.unlink()
        target = own / (id[1] if id else folder.name)
        target.mkdir(parents=True)
        shutil.copy(path, target / MODEL_FILE)
        card = load_scorecard(target.name, made)
        return card, definition_hash(card, made)


def publish(draft: Path, models: Path, card_text: str, approval: Approval | None, *, made_up: bool,
            rules: Path | None = None) -> Path:
    """Puts an evaluated draft into `models/<id>/`, all or nothing, and answers the folder.

    Raises FrailtyError where it was not evaluated, was changed since, is of a version that is there and differs, or lacks the
    approval that a model of real people needs.
    """
    told = read_evaluation(draft)
    card, definition = read_model(draft, rules)
    if "evaluation" not in told:
        raise FrailtyError(f"The model '{card.id}' has not been evaluated.", where=str(draft),
                           mend="run frailty model evaluate first")
    if told["definition"] != definition:
        raise FrailtyError(f"The scorecard of '{card.id}' was changed after it was trained.", where=str(draft / MODEL_FILE),
                           why="its definition is not the one that was evaluated", mend="evaluate it again: frailty model evaluate")
    if approval is None and not made_up:
        raise FrailtyError("Who approves this model, for what, and until when?",
                           mend="--approved-by NAME --role ROLE --use TEXT --until DATE")
    folder = models / card.id
    if folder.exists():
        old = read_evaluation(folder)
        if (old["version"], old["definition"]) != (card.version, definition) and old["version"] == card.version:
            raise FrailtyError(f"Version {card.version} of '{card.id}' is published already, and differs.", where=str(folder),
                               why="a definition never changes under one id and version",
                               mend="train it with another --model-version")
    told["approval"] = vars(approval) if approval else None
    models.mkdir(parents=True, exist_ok=True)
    new = Path(tempfile.mkdtemp(prefix=f".{card.id}.", dir=models))
    shutil.copy(draft / MODEL_FILE, new / MODEL_FILE)
    (new / CARD).write_text(card_text, encoding="utf-8")
    write_evaluation(new, told)
    new.chmod(0o755)
    old_folder = models / f".{card.id}.old"
    shutil.rmtree(old_folder, ignore_errors=True)               # left by a run that was killed
    if folder.exists():
        folder.rename(old_folder)
    new.rename(folder)
    shutil.rmtree(old_folder, ignore_errors=True)
    return folder


def check_model(card: Scorecard, rules: Path | None = None) -> dict[str, Any]:
    """What evaluation.json says of a published model. Raises DefinitionError where its scorecard is not what was evaluated."""
    folders = [one for one in ((rules / "models" / card.id) if rules else None, models_dir() / card.id) if one and one.is_dir()]
    if not folders:
        raise DefinitionError(f"'{card.id}' is not a published model.", mend="frailty model publish makes one")
    told = read_evaluation(folders[0])
    if told.get("definition") != definition_hash(card, rules):
        raise DefinitionError(f"The model '{card.id}' is not the one that was evaluated.", where=str(folders[0]),
                              why="its terms, weights, bands or code lists have changed since",
                              mend="evaluate and publish it again")
    return told


def _plain(one: Any) -> Any:
    if isinstance(one, Decimal):
        return float(one)
    if isinstance(one, np.generic):
        return one.item()
    return one.tolist() if isinstance(one, np.ndarray) else str(one)

