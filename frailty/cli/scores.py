"""`frailty scores`: which scores there are, what each is, and what can be done with a definition."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from frailty import __version__
from frailty.cli.parts import (
    command,
    objectors_of,
    percent,
    practice_of,
    rules_of,
    rules_option,
    save,
    site_option,
    store_options,
    table,
)
from frailty.errors import FrailtyError


def add_scores(commands: Any) -> None:
    """Adds the command and its own commands to the parser."""
    scores = command(commands, "scores", _list, "which scores exist, and what each is", "frailty scores show efi")
    actions = scores.add_subparsers(title="commands", metavar="COMMAND")
    listed = command(actions, "list", _list, "id and title of every score", "frailty scores list")
    listed.add_argument("--markdown", action="store_true", help="as a table, with sources and what is verified (docs/scores.md)")
    for parser in (scores, listed):
        rules_option(parser)
    show = command(actions, "show", _show, "source, licence, bands, terms and code counts of a score", "frailty scores show efi")
    show.add_argument("id", nargs="?", metavar="ID", help="the ids: frailty scores")
    rules_option(show)
    export = command(actions, "export", _export, "writes a definition pack: all that one score rests on",
                     "frailty scores export efi efi-pack",
                     "The pack is for people (README.md: methods, licence, what is not verified, terms, code lists) and for "
                     "programs (pack.json, with a hash of every file).")
    export.add_argument("id", metavar="ID", help="the ids: frailty scores")
    export.add_argument("folder", type=Path, metavar="DIR", help="a new or empty folder")
    rules_option(export)
    taken = command(actions, "import", _import, "takes a definition pack into a folder of your own scores",
                    "frailty scores import efi-pack --rules our-scores",
                    "Nothing is added where the pack was changed, where one of its worked examples does not come out, or where "
                    "it clashes with what is shipped or yours. Then use --rules with scores, nightly, explain and the rest.")
    taken.add_argument("pack", type=Path, metavar="DIR", help="the folder of the pack")
    taken.add_argument("--rules", type=Path, required=True, metavar="DIR", help="your folder; made where there is none")
    covered = command(actions, "coverage", _coverage, "for what share of people each score can be computed, and what is missing",
                      "frailty scores coverage --store lists.duckdb --by-practice",
                      "Of the people alive and registered on the day whom a score is for (its ages), how many have a value; and "
                      "the reason that keeps most of the others from it.")
    store_options(covered)
    covered.add_argument("--scores", default="", metavar="IDS", help="comma-separated (default: all)")
    covered.add_argument("--by-practice", action="store_true", help="also one line per practice")
    covered.add_argument("--csv", type=Path, metavar="FILE", help="the whole table, with every reason")
    site_option(covered)
    compared = command(actions, "compare", _compare, "what another definition would do: who changes band",
                       "frailty scores compare efi efi-pack-of-2027 --store lists.duckdb",
                       "OLD and NEW are ids of scores, or folders: a definition pack, or rules with only what differs, such as "
                       "codelists/efi/falls.csv. Use it before you adopt a release of code lists. What is printed names nobody; "
                       "its counts are exact, small ones too, so do not publish it as it is.")
    compared.add_argument("old", metavar="OLD", help="the definition in use: an id, or a folder")
    compared.add_argument("new", metavar="NEW", help="the other definition: an id, or a folder")
    store_options(compared)
    compared.add_argument("--score", default="", metavar="ID", help="which score of the folders, where that is not clear")
    site_option(compared)
    compared.add_argument("--people", type=Path, metavar="FILE", help="also write who changes, by patient_id, to this CSV file")
    locked = command(actions, "lock", _lock, "locks new versions of definitions (for those who write them)", "frailty scores lock",
            "A definition never changes under one id and version: scores/lock.csv keeps a hash of each. After a new score, or a "
            "change and a new version, this adds the missing lines; it never alters one.")
    rules_option(locked)


def _list(chosen: argparse.Namespace) -> int:
    from frailty.scoring.describe import groups, markdown
    rules = rules_of(chosen)
    if getattr(chosen, "markdown", False):
        print(markdown(rules))
        return 0
    for n, (heading, cards) in enumerate(groups(rules)):
        print("\n" * (n > 0) + heading + ":")
        for card in cards:
            print(f"  {card.id:<31} {card.title}{' (restricted: licence not settled)' if card.restricted else ''}")
    return 0


def _show(chosen: argparse.Namespace) -> int:
    from frailty.scoring.describe import describe
    from frailty.scoring.load import load_scorecard, scorecard_ids
    rules = rules_of(chosen)
    if not chosen.id:
        raise FrailtyError("Which score?", mend="frailty scores show ID; ids: " + ", ".join(scorecard_ids(rules)))
    print(describe(load_scorecard(chosen.id, rules), rules))
    return 0


def _lock(chosen: argparse.Namespace) -> int:
    from frailty.scoring.lock import lock, lock_file
    from frailty.scoring.overlay import own_scores
    own, rules = chosen.rules, rules_of(chosen)
    new = lock(rules, lock_file(own), own_scores(own)) if own else lock()
    print("\n".join(f"locked {one}" for one in new) if new else "Every definition is locked.")
    print(f"({lock_file(own)})")
    return 0


def _export(chosen: argparse.Namespace) -> int:
    from frailty.scoring.packs import export_pack
    card = export_pack(chosen.id, chosen.folder, rules_of(chosen), f"frailty {__version__}")
    print(f"{card.title}, version {card.version}: read {chosen.folder / 'README.md'}")
    return 0


def _import(chosen: argparse.Namespace) -> int:
    from frailty.scoring.packs import import_pack
    card, added = import_pack(chosen.pack, chosen.rules)
    print(f"{card.title}, version {card.version}: the definition is the one that was exported"
          + (f"; worked examples come out: {len(card.examples)}." if card.examples else "; it has no worked examples."))
    print(f"Added to {chosen.rules}: {', '.join(added)}" if added else "All of it is shipped already; nothing was added.")
    return 0


def _coverage(chosen: argparse.Namespace) -> int:
    wanted = [one.strip() for one in chosen.scores.split(",") if one.strip()]
    practice = practice_of(chosen)
    found = practice.coverage(wanted or None, chosen.as_of, objectors=objectors_of(chosen, practice))
    if chosen.csv:
        save(found, chosen.csv)
    rows = [[("  " + row["practice"]) if row["practice"] else row["score"], row["people"] - row["outside"], row["computed"],
             percent(row["share"]), f"{row['missing_most']} ({row['missing']:,})" if row["missing"] else ""]
            for row in found.to_dict("records") if chosen.by_practice or not row["practice"]]
    print(table(rows, ["score", "for whom", "computed", "share", "missing most (people)"]))
    return 0


def _compare(chosen: argparse.Namespace) -> int:
    from frailty.scoring.compare import MOVES, sides, tally, transitions
    from frailty.scoring.lock import definition_hash
    old, new = sides(chosen.old, chosen.new, chosen.score, rules_of(chosen))
    practice = practice_of(chosen)
    found = practice.compare(chosen.old, chosen.new, chosen.as_of, score=chosen.score, objectors=objectors_of(chosen, practice))
    hashes = [definition_hash(side.card, side.rules) for side in (old, new)]
    for word, name, side, sha in zip(("old", "new"), (chosen.old, chosen.new), (old, new), hashes, strict=True):
        where = "" if name == side.card.id else f" of {name}"
        print(f"{word}: {side.card.id}{where}, {side.card.title}, version {side.card.version}, definition {sha[:16]}")
    changed = int((found["moved"] != "same").sum())
    what = "band" if new.card.bands else "value"
    share = percent(changed / max(1, len(found)))
    print(f"Of {len(found):,} people whom either is for, {changed:,} ({share}) change {what}."
          + (" The two definitions are the same." if hashes[0] == hashes[1] else ""))
    if changed:
        counts = tally(found)
        kinds = [kind for kind in MOVES if counts[kind].sum()]
        columns = ["practice", "age_group", "people", "changed", *kinds]
        print("\n" + table(counts[columns].astype(object).to_numpy().tolist(), [one.replace("_", " ") for one in columns]))
        print("\n" + table([[f"{a} to {b}", n] for a, b, n in transitions(found)], ["from and to", "people"]))
    if chosen.people:
        save(found[found["moved"] != "same"], chosen.people)
        print(f"\nWho they are: {chosen.people}")
    return 0
