"""A definition never changes under one id and version: `scores/lock.csv` keeps the hash of each that was released.

The hash covers what gives points: the scorecard, those it is based on, their tables of weights and their code lists.
Words for readers (title, source, licence, verified, notes, examples, who may ask) may be mended without a new version. Units and
plausible ranges of quantities and the substances of medicines belong to the reading of records, and are not in it.
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Iterator, Sequence
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any

from frailty.errors import DefinitionError
from frailty.knowledge import rules_dir
from frailty.scoring.definitions import Scorecard
from frailty.scoring.load import load_scorecards, path_of, scorecard_ids
from frailty.terminology.tables import read_rows

COLUMNS = ("id", "version", "sha256")
PROSE = ("version", "title", "short", "source", "licence", "verified", "notes", "example", "default", "restricted",
         "confirmed_by")


def definition_files(id: str, rules: Path | None = None) -> list[Path]:
    """The files of a scorecard: its own, those it is based on, and their tables of weights. It must be well formed."""
    return list(dict.fromkeys(path for _, many, _ in _chain(id, rules) for path in many))


def _chain(id: str, rules: Path | None) -> Iterator[tuple[str, list[Path], dict[str, Any]]]:
    """The score, the one it is based on, and so on: id, its file and its tables of weights, and what the file says."""
    folder = (rules or rules_dir()) / "scores"
    while id:
        path = _file_of(id, folder)
        table = _table(path, path.stat().st_mtime_ns)
        yield id, [path, *(folder / name for name in dict.fromkeys(_named_files(table)))], table
        id = table.get("based_on", "")


@lru_cache(maxsize=256)
def _table(path: Path, stamp: int) -> dict[str, Any]:
    return tomllib.loads(path.read_text("utf-8"), parse_float=Decimal)


def _file_of(id: str, folder: Path) -> Path:
    """The file of a score; that of a variant is the file with the longest name that its id begins with."""
    words = id.split("_")
    names = ("_".join(words[:n]) for n in range(len(words), 0, -1))
    return next(path for name in names if (path := path_of(name, folder)).is_file())


def _named_files(table: Any) -> Iterator[str]:
    """Every table of numbers that a scorecard names, wherever in it: file = "..."."""
    if isinstance(table, dict):
        for key, value in table.items():
            if key == "file" and isinstance(value, str):
                yield value
            else:
                yield from _named_files(value)
    elif isinstance(table, list):
        for value in table:
            yield from _named_files(value)


def definition_hash(card: Scorecard, rules: Path | None = None) -> str:
    """sha256 of all that decides how many points a person has, whatever the words around it."""
    from frailty.terminology import load_codelist
    digest = hashlib.sha256(card.id.encode())
    for id, (_, *weights), table in _chain(card.id, rules):
        for text in (_meaning(table, table["id"], id), *(one.read_text("utf-8-sig") for one in weights)):
            digest.update(hashlib.sha256(text.encode()).digest())
    for name in sorted(card.codelists):
        digest.update(f"{name} {load_codelist(name, rules).sha256}\n".encode())
    return digest.hexdigest()


def _meaning(table: dict[str, Any], file: str, id: str) -> str:
    """A scorecard without its words for readers and without the variants that are other scores, in one spelling."""
    variants = [one for one in table.get("variant", []) if f"{file}_{one.get('id')}" == id]
    return json.dumps(_bare({**table, "variant": variants}), sort_keys=True, default=lambda number: str(number.normalize()))


def _bare(told: Any) -> Any:
    if isinstance(told, dict):
        return {key: _bare(value) for key, value in told.items() if key not in PROSE}
    return [_bare(one) for one in told] if isinstance(told, list) else told


def lock_file(rules: Path | None = None) -> Path:
    """Where the hashes are kept."""
    return (rules or rules_dir()) / "scores" / "lock.csv"


def read_lock(path: Path) -> dict[tuple[str, str], str]:
    """(id, version) -> hash; empty where nothing was locked yet."""
    found: dict[tuple[str, str], str] = {}
    if path.exists():
        for line, row in read_rows(path, COLUMNS):
            key = row["id"], row["version"]
            if found.setdefault(key, row["sha256"]) != row["sha256"]:
                raise DefinitionError(f"The score '{key[0]}', version {key[1]}, is locked twice, with two hashes.",
                                      where=f"{path}, line {line}", mend="keep the line of the definition that was released")
    return found


def unlocked(rules: Path | None = None, path: Path | None = None, ids: Sequence[str] | None = None) -> list[DefinitionError]:
    """Definitions that are not as they were locked, or not locked at all; one error each.

    rules: where scorecards and code lists are read. path: the lock file, where it is not that of `rules`.
    ids: only these (default: all).
    """
    command = f"frailty scores lock --rules {path.parent.parent}" if path else "frailty scores lock"
    path = path or lock_file(rules)
    locked = read_lock(path)
    wrong = []
    for card in load_scorecards(scorecard_ids(rules) if ids is None else ids, rules):
        id = card.id
        was = locked.get((id, card.version))
        if was is None:
            wrong.append(DefinitionError(
                f"The score '{id}', version {card.version}, is not in the lock file.", where=str(path),
                why="each version of a definition is locked, so that it cannot change unseen", mend=f"run: {command}"))
        elif was != definition_hash(card, rules):
            wrong.append(DefinitionError(
                f"The score '{id}' has changed, and still calls itself version {card.version}.", where=card.file,
                why="what gives points (terms, weights, bands, code lists, or those of the score it is based on) is not what "
                    "was locked under this version",
                mend=f"give it a new version = \"...\", say why in CHANGELOG.md, then run: {command}. If the old one "
                     f"was never released, delete its line in {path.name} instead, and run the same"))
    return wrong


def lock(rules: Path | None = None, path: Path | None = None, ids: Sequence[str] | None = None) -> list[str]:
    """Locks every version that is not locked yet; answers "id version" of each. Raises where a locked one has changed."""
    path = path or lock_file(rules)
    locked = read_lock(path)
    cards = load_scorecards(scorecard_ids(rules) if ids is None else ids, rules)
    new = {(card.id, card.version): definition_hash(card, rules) for card in cards if (card.id, card.version) not in locked}
    changed = [one for one in unlocked(rules, path, ids) if "still calls itself" in one.what]
    if changed:
        raise changed[0]
    rows = sorted((*key, was) for key, was in (locked | new).items())
    import csv
    with path.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream, lineterminator="\n").writerows([COLUMNS, *rows])
    return [f"{id} {version}" for id, version in sorted(new)]
