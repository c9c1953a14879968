"""`frailty scores`: which scores there are, what each is, and what can be done with a definition."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from frailty import __version__
from frailty.cli.parts import command, rules_of, rules_option
from frailty.errors import FrailtyError


def add_scores(commands: Any) -> None:
    """Adds the command and its own commands to the parser."""
    scores = command(commands, "scores", _list, "which scores exist, and what each is", "frailty scores show efi")
    actions = scores.add_subparsers(title="commands", metavar="COMMAND")
    for parser in (scores, command(actions, "list", _list, "id and title of every score", "frailty scores list")):
        rules_option(parser)
    show = command(actions, "show", _show, "source, licence, bands, terms and code counts of a score", "frailty scores show efi")
    show.add_argument("id", nargs="?", metavar="ID")
    rules_option(show)
    export = command(actions, "export", _export, "writes a definition pack: all that one score rests on",
                     "frailty scores export efi efi-pack",
                     "The pack is for people (README.md: methods, licence, what is not verified, terms, code lists) and for "
                     "programs (pack.json, with a hash of every file).")
    export.add_argument("id", metavar="ID")
    export.add_argument("folder", type=Path, metavar="DIR", help="a new or empty folder")
    rules_option(export)
    taken = command(actions, "import", _import, "takes a definition pack into a folder of your own scores",
                    "frailty scores import efi-pack --rules our-scores",
                    "Nothing is added where the pack was changed, where one of its worked examples does not come out, or where "
                    "it clashes with what is shipped or yours. Then use --rules with scores, nightly, explain and the rest.")
    taken.add_argument("pack", type=Path, metavar="DIR")
    taken.add_argument("--rules", type=Path, required=True, metavar="DIR", help="your folder; made where there is none")
    locked = command(actions, "lock", _lock, "locks new versions of definitions (for those who write them)", "frailty scores lock",
            "A definition never changes under one id and version: scores/lock.csv keeps a hash of each. After a new score, or a "
            "change and a new version, this adds the missing lines; it never alters one.")
    rules_option(locked)


def _list(chosen: argparse.Namespace) -> int:
    from frailty.scoring.load import load_scorecard, scorecard_ids
    rules = rules_of(chosen)
    for id in scorecard_ids(rules):
        card = load_scorecard(id, rules)
        mark = " (restricted: by name only)" if card.restricted else " (by name only)" if card.by_name_only else ""
        print(f"{card.id:<28} {card.title}{mark}")
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
