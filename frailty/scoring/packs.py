"""A definition as a thing to hand on: everything that one score rests on, in a folder that people and programs can read.

    README.md       methods, licence, what is not verified, terms and points, code lists
    pack.json       the same for programs, with a hash of every file
    scores/, codelists/, quantities.csv     the definition itself, in the shape of rules/
"""

from __future__ import annotations

import csv
import hashlib
import json
import re
import shutil
from pathlib import Path
from typing import Any

from frailty.errors import DefinitionError
from frailty.knowledge import rules_dir
from frailty.scoring.definitions import Scorecard
from frailty.scoring.describe import describe
from frailty.scoring.load import load_scorecard, load_scorecards, scorecard_ids
from frailty.scoring.lock import definition_files, definition_hash, lock, lock_file
from frailty.scoring.overlay import QUANTITIES, laid_over, own_files, write_quantities

FORMAT = "frailty definition pack 1"
MEDICINES = "medicines/substances.csv"


def export_pack(id: str, folder: Path, rules: Path | None = None, by: str = "frailty") -> Scorecard:
    """Writes the definition pack of a score into a new or empty folder. by: the program and its version."""
    base = rules or rules_dir()
    card = load_scorecard(id, rules)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise DefinitionError("The folder for the pack holds other things.", where=str(folder), mend="name a new or empty folder")
    files = definition_files(id, rules)
    cards = [one for one in load_scorecards(scorecard_ids(rules), rules)
             if Path(one.file).name in {path.name for path in files}]      # also those it is based on, and their variants
    files = list(dict.fromkeys([*files, *(path for one in cards for path in definition_files(one.id, rules))]))
    lists = sorted({name for one in cards for name in one.codelists})
    files += [base / "codelists" / f"{name}.csv" for name in lists]
    files += dict.fromkeys(base / "codelists" / name.split("/")[0] / "source.toml" for name in lists)
    for path in files:
        target = folder / path.relative_to(base)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(path.read_bytes())
    measured = [row for row in _rows(base / QUANTITIES) if row["codes"] in lists]
    if measured:
        write_quantities(folder / QUANTITIES, measured)
    told = _told(card, rules, by) | {
        "exported_by": by,
        "files": {name: _sha256(folder / name) for name in own_files(folder)}}
    (folder / "pack.json").write_text(json.dumps(told, indent=2, ensure_ascii=False, default=str) + "\n", encoding="utf-8")
    (folder / "README.md").write_text(_readme(card, told, rules), encoding="utf-8")
    return card


def import_pack(pack: Path, own: Path) -> tuple[Scorecard, list[str]]:
    """Takes a pack into the user's folder of rules; answers the score and the files that were added.

    Nothing is added where the pack was changed since it was written, where it does not load, where one of its worked
    examples does not come out, or where it clashes with something shipped or of the user's.
    """
    from frailty.scoring.examples import run_example
    told = _read_pack(pack)
    made = laid_over(pack)
    card = load_scorecard(told["id"], made)
    if definition_hash(card, made) != told["definition"]:
        raise DefinitionError(f"The score '{card.id}' does not come out as it was exported.", where=str(pack),
                              why=f"another version of frailty reads it in another way (it was {told['exported_by']})",
                              mend="import it with that version, or ask for a new pack")
    for example in card.examples:
        wrong = run_example(card, example, made)
        if wrong:
            raise DefinitionError(f"A worked example of '{card.id}' does not come out.", where=str(pack / example.where[6:]),
                                  why="; ".join(wrong), mend="ask who made the pack")
    new = _new_files(pack, own)
    rows, old = _new_quantities(pack, own), (own / QUANTITIES).read_bytes() if (own / QUANTITIES).exists() else None
    if new or rows:
        try:
            for name in new:
                (own / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(pack / name, own / name)
            if rows:
                write_quantities(own / QUANTITIES, [*(_rows(own / QUANTITIES) if old else []), *rows])
            lock(laid_over(own), lock_file(own), [card.id])
        except BaseException:
            for name in new:
                (own / name).unlink(missing_ok=True)
            (own / QUANTITIES).write_bytes(old) if old else (own / QUANTITIES).unlink(missing_ok=True)
            raise
    return card, new + [QUANTITIES] * bool(rows)


def methods(card: Scorecard, rules: Path | None = None, by: str = "frailty") -> str:
    """A paragraph for the methods section of a report, with what is not verified."""
    from frailty.terminology import load_codelist
    lists = [load_codelist(name, rules) for name in card.codelists]
    who = f"people of {card.age_at_least} years and over" if card.age_at_least else "people of any age"
    value = f"the sum of the points of {len(card.terms)} terms" + {
        "divide_by": f", divided by {card.of:g}", "assessed": ", divided by the number of terms that could be assessed",
        "logistic": ", taken through the logistic function",
        "survival": f", taken through a baseline survival of {card.link.baseline} ({card.link.horizon})"}.get(card.link.kind, "")
    doi = f", doi:{card.source['doi']}" if card.source.get("doi") else ""
    sentences = [
        f"{card.title}, version {card.version} ({card.source.get('citation', '')}{doi}) was computed with {by} "
        f"for {who}, from records that had happened and were known by the day of scoring.",
        f"It is {value}." if card.terms else "",
        f"It has the bands {', '.join(band.label for band in card.bands)}." if card.bands else "",
        f"It rests on {len(lists)} code lists with {sum(len(one.entries) for one in lists):,} codes." if lists else "",
        f"The definition has the hash sha256:{definition_hash(card, rules)}.",
        f"What is checked: {card.verified}" if card.verified else "What was checked is not stated; take it as unverified."]
    families = {one.name.split("/")[0]: one.source.get("verified", "") for one in lists}
    sentences += [f"Code lists {family}: {said or 'what was checked is not stated; take them as unverified'}"
                  for family, said in families.items()]
    return " ".join(_sentence(one) for one in sentences if one)


def _sentence(text: str) -> str:
    text = re.sub(r"\s+", " ", text).strip()
    return text if text.endswith((".", "!", "?")) else text + "."


def _told(card: Scorecard, rules: Path | None, by: str) -> dict[str, Any]:
    from frailty.terminology import load_codelist
    lists = [load_codelist(name, rules) for name in card.codelists]
    return {
        "format": FORMAT, "id": card.id, "version": card.version, "title": card.title,
        "definition": definition_hash(card, rules), "scorecard_sha256": card.sha256,
        "source": card.source, "licence": card.licence, "verified": card.verified, "notes": list(card.notes),
        "methods": methods(card, rules, by),
        "terms": [{"id": term.id, "title": term.title, "points": str(term.points) if term.points else None,
                   "steps": [str(step.points) for step in term.steps],
                   "code_lists": sorted({name for e in term.evidence for name in (e.codes, e.answers) if name})}
                  for term in card.terms],
        "bands": [band.label for band in card.bands],
        "code_lists": {one.name: {"sha256": one.sha256, "codes": len(one.entries),
                                  **{key: one.source[key] for key in ("publication", "version", "licence", "verified")
                                     if key in one.source}} for one in lists},
        "also_rests_on": {MEDICINES: _sha256((rules or rules_dir()) / MEDICINES)}
        if any(e.source == "issue" for e in card.evidence) else {}}


def _readme(card: Scorecard, told: dict[str, Any], rules: Path | None) -> str:
    lists = "".join(f"| `{name}` | {one['codes']:,} | {one.get('publication', '')} | `{one['sha256'][:16]}` |\n"
                    for name, one in told["code_lists"].items())
    notes = "".join(f"- {note}\n" for note in card.notes)
    parts = {
        "": f"The definition of one score, exported by {told['exported_by']}. To use it: "
            "`frailty scores import DIR --rules YOURS`, then `--rules YOURS` with any command.",
        "Methods": told["methods"], "Licence": _sentence(card.licence), "What to know": notes,
        "Definition": f"```\n{describe(card, rules)}\n```",
        "Code lists": "| list | codes | from | sha256 |\n| --- | ---: | --- | --- |\n" + lists if lists else "",
        "Also rests on": "".join(f"- rules/{name} of {told['exported_by']}, sha256 `{sha[:16]}`: "
                                 "which medicines are one substance\n" for name, sha in told["also_rests_on"].items())}
    return f"# {card.title}\n\n" + "\n\n".join(
        (f"## {name}\n\n" if name else "") + text.rstrip() for name, text in parts.items() if text) + "\n"


def _read_pack(pack: Path) -> dict[str, Any]:
    """What pack.json says, once every file is as it was written."""
    path = pack / "pack.json"
    try:
        told = json.loads(path.read_text("utf-8"))
        if told["format"] != FORMAT:
            raise DefinitionError("This pack is of another kind.", where=str(path), why=f"its format is {told['format']!r}",
                                  mend=f"this version reads {FORMAT!r}")
        files, _ = dict(told["files"]), (told["id"], told["definition"], told["exported_by"])
    except FileNotFoundError:
        raise DefinitionError("This folder is not a definition pack.", where=str(pack), why="it has no pack.json",
                              mend="frailty scores export ID DIR makes one; plain rules need no import: --rules DIR") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise DefinitionError("pack.json cannot be read.", where=str(path), mend="export the pack again") from None
    for name in sorted({*files, *own_files(pack)}):
        if not (pack / name).is_file() or files.get(name) != _sha256(pack / name):
            raise DefinitionError("The pack was changed after it was exported.", where=str(pack / name),
                                  mend="ask for a new pack; to use changed rules, copy them to your folder under ids of their own")
    return dict(told)


def _new_files(pack: Path, own: Path) -> list[str]:
    """The files of a pack that are neither shipped nor in the user's folder. The same place with other content: refused."""
    new = []
    for name in own_files(pack):
        shipped = rules_dir() / name
        if name == QUANTITIES or (shipped.exists() and shipped.read_bytes() == (pack / name).read_bytes()):
            continue
        if not (own / name).exists():
            new.append(name)
        elif (own / name).read_bytes() != (pack / name).read_bytes():
            raise DefinitionError(f"'{name}' is already in your folder, and differs from that of the pack.", where=str(own / name),
                                  mend="rename or delete yours, or import the pack into another folder")
    return new


def _new_quantities(pack: Path, own: Path) -> list[dict[str, str]]:
    there = [row for path in (rules_dir() / QUANTITIES, own / QUANTITIES) if path.exists() for row in _rows(path)]
    return [row for row in (_rows(pack / QUANTITIES) if (pack / QUANTITIES).exists() else []) if row not in there]


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as stream:
        return list(csv.DictReader(stream))


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
