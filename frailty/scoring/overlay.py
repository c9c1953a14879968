"""A user's own scores: a folder of theirs laid over the shipped rules.

The folder has the shape of rules/: `scores/ID.toml` with tables of weights, `codelists/FAMILY/LIST.csv` with a
`source.toml`, `triage/*.toml` with rules, facts and queues, `quantities.csv` with rows of its own, and `models/ID/` as
`frailty model publish` writes them. It adds; it never changes what is shipped.
"""

from __future__ import annotations

import atexit
import csv
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

from frailty.errors import DefinitionError
from frailty.knowledge import models_dir, rules_dir
from frailty.scoring.definitions import Scorecard
from frailty.scoring.load import MODEL_FILE, file_of, load_scorecards, scorecard_ids
from frailty.scoring.lock import lock_file, unlocked

SHAPE = ("scores/*.toml", "scores/*.csv", "codelists/*/*.csv", "codelists/*/source.toml", "triage/*.toml",
         "models/*/scorecard.toml", "models/*/evaluation.json", "models/*/card.md")
QUANTITIES = "quantities.csv"
LOCK = "scores/lock.csv"


def laid_over(own: Path, *, trial: bool = False) -> Path:
    """The shipped rules with those of the folder `own` over them, as one folder; proven well formed.

    A scorecard, table, list or quantity that is also shipped must be identical; a code list that is shipped empty, to be
    supplied by the site, may be filled. trial: it may differ, and counts
    instead of the shipped one; only for comparisons. Raises DefinitionError, naming the user's own file and line.
    """
    if not own.is_dir():
        raise DefinitionError("The folder of rules was not found.", where=str(own), mend="check the name")
    own = own.resolve()
    if own == rules_dir().resolve():
        return own
    names = own_files(own)
    if not names:
        raise DefinitionError("This folder holds no rules.", where=str(own),
                              mend="put scorecards in scores/, code lists in codelists/FAMILY/, or import a definition pack")
    there = [name for name in (*names, LOCK) if (own / name).exists()]
    return _laid_over(own, trial, tuple((name, (own / name).stat().st_mtime_ns) for name in there))


def own_files(own: Path) -> list[str]:
    """The rules that a folder holds, by their place in it. Links and other things are left alone."""
    found = {str(path.relative_to(own)) for shape in (*SHAPE, QUANTITIES) for path in own.glob(shape)
             if path.is_file() and not path.is_symlink()}
    return sorted(found - {LOCK})


@lru_cache(maxsize=16)
def _laid_over(own: Path, trial: bool, stamps: tuple[tuple[str, int], ...]) -> Path:
    """Made once for each state of the folder, and removed when the program ends."""
    shipped, made = rules_dir().resolve(), Path(tempfile.mkdtemp(prefix="frailty-rules-"))
    atexit.register(shutil.rmtree, made, ignore_errors=True)
    names = own_files(own)
    for path in shipped.rglob("*"):
        name = str(path.relative_to(shipped))
        if path.is_file() and name != QUANTITIES and not (name in names and trial):
            _link(made / name, path)
    for name in names:
        if name == QUANTITIES:
            continue
        if _to_be_supplied(shipped / name):
            (made / name).unlink(missing_ok=True)
        if not (made / name).exists():
            _link(made / name, own / name)
        elif (own / name).read_bytes() != (shipped / name).read_bytes():
            raise _clash(own / name, name)
    _write_quantities(made / QUANTITIES, shipped / QUANTITIES, own / QUANTITIES, trial)
    with own_names(own, made):
        _prove(own, made, trial)
    return made


def _link(link: Path, target: Path) -> None:
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(target)


def _to_be_supplied(path: Path) -> bool:
    """Is this a shipped code list without any code?"""
    return path.match("codelists/*/*.csv") and path.exists() and len(path.read_text(encoding="utf-8").splitlines()) == 1


def _clash(path: Path, name: str) -> DefinitionError:
    kind, advice = {
        "scores": ("score" if path.suffix == ".toml" else "table of weights", "give it another name, and the score another id"),
        "triage": ("file of triage rules", "give the file another name, and its rules ids of their own"),
        "codelists": ("code list", "put it in a family (folder) of another name, with a source.toml of its own"),
    }[name.split("/")[0]]
    if path.name == "source.toml":
        kind = "source of a family of code lists"
    return DefinitionError(f"The {kind} '{path.stem}' is also a shipped one, and differs from it.", where=str(path),
                           why="what is shipped cannot be changed under its own name",
                           mend=f"{advice}; or delete the file to use what is shipped. To see first what it would do: "
                                "frailty scores compare")


def _write_quantities(made: Path, shipped: Path, own: Path, trial: bool) -> None:
    rows = _rows(shipped)
    if own.exists():
        ours = _rows(own)
        for name in sorted({row["quantity"] for row in ours} & {row["quantity"] for row in rows}):
            if trial:
                rows = [row for row in rows if row["quantity"] != name]
            elif [r for r in ours if r["quantity"] == name] != [r for r in rows if r["quantity"] == name]:
                raise DefinitionError(f"The quantity '{name}' is also a shipped one, and differs from it.", where=str(own),
                                      mend="give it another name, or leave its rows out to use what is shipped")
            else:
                ours = [row for row in ours if row["quantity"] != name]
        rows += ours
    write_quantities(made, rows)


def write_quantities(path: Path, rows: list[dict[str, str]]) -> None:
    """Writes rows of a table of quantities."""
    from frailty.terminology.quantities import COLUMNS
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def _rows(path: Path) -> list[dict[str, str]]:
    from frailty.terminology.quantities import COLUMNS
    from frailty.terminology.tables import read_rows
    return [row for _, row in read_rows(path, COLUMNS)]


def own_scores(own: Path) -> list[str]:
    """The scores that a folder defines itself."""
    return [card.id for card in _own_cards(own, laid_over(own, trial=True))]


def _own_cards(own: Path, made: Path) -> list[Scorecard]:
    names = own_files(own)
    files = {Path(name).name for name in names if name.startswith("scores/")}
    models = [Path(name).parent.name for name in names if name.startswith("models/") and Path(name).name == MODEL_FILE]
    mine = [id for id in scorecard_ids(made) if f"{file_of(id, made / 'scores')}.toml" in files]
    return load_scorecards((*mine, *models), made)


def _prove(own: Path, made: Path, trial: bool) -> None:
    """Every own score and list loads, and no own definition changed under the version that it was locked with."""
    from frailty.scoring.plan import compile_plan
    from frailty.terminology import load_codelist
    for name in own_files(own):
        if name.startswith("codelists/") and name.endswith(".csv"):
            load_codelist(name.removeprefix("codelists/").removesuffix(".csv"), made)
    cards = _own_cards(own, made)
    for card in cards:
        compile_plan([card], [""], [""], made)
        ours, shipped = own / card.file, models_dir().parent / card.file
        if card.file.startswith("models/") and shipped.is_file() and shipped.read_bytes() != ours.read_bytes():
            raise DefinitionError(f"The model '{card.id}' is also a shipped one, and differs from it.", where=str(ours),
                                  why="what is shipped cannot be changed under its own name", mend="publish it under another id")
    if not trial and lock_file(own).exists():
        scores = [card.id for card in cards if not card.file.startswith("models/")]     # a model has its own lock
        changed = [one for one in unlocked(made, lock_file(own), scores) if "still calls itself" in one.what]
        if changed:
            raise changed[0]


@contextmanager
def own_names(own: Path, made: Path) -> Iterator[None]:
    """Errors name the user's own files, not the folder that was made of them."""
    try:
        yield
    except DefinitionError as error:
        where = error.where.removeprefix(f"{made}/").removeprefix("rules/")
        there = where.split(",")[0].split(":")[0].rstrip("/")
        error.where = f"{own}/{where}" if there and (own / there).exists() else f"rules/{where}" if there else where
        raise DefinitionError(error.what, where=error.where, why=error.why.replace(str(made), str(own)), mend=error.mend) from None
