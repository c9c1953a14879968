"""`frailty scores`: which scores there are, what each is, and what can be done with a definition."""

from __future__ import annotations

import argparse
from typing import Any

from frailty.cli.parts import command
from frailty.errors import FrailtyError


def add_scores(commands: Any) -> None:
    """Adds the command and its own commands to the parser."""
    scores = command(commands, "scores", _list, "which scores exist, and what each is", "frailty scores show efi")
    actions = scores.add_subparsers(title="commands", metavar="COMMAND")
    command(actions, "list", _list, "id and title of every score", "frailty scores list")
    show = command(actions, "show", _show, "source, licence, bands, terms and code counts of a score", "frailty scores show efi")
    show.add_argument("id", nargs="?", metavar="ID")
    command(actions, "lock", _lock, "locks new versions of definitions (for those who write them)", "frailty scores lock",
            "A definition never changes under one id and version: scores/lock.csv keeps a hash of each. After a new score, or a "
            "change and a new version, this adds the missing lines; it never alters one.")


def _list(chosen: argparse.Namespace) -> int:
    from frailty.scoring.load import load_scorecard, scorecard_ids
    for card in map(load_scorecard, scorecard_ids()):
        mark = " (restricted: by name only)" if card.restricted else " (by name only)" if card.by_name_only else ""
        print(f"{card.id:<28} {card.title}{mark}")
    return 0


def _show(chosen: argparse.Namespace) -> int:
    from frailty.scoring.describe import describe
    from frailty.scoring.load import load_scorecard, scorecard_ids
    if not chosen.id:
        raise FrailtyError("Which score?", mend="frailty scores show ID; ids: " + ", ".join(scorecard_ids()))
    print(describe(load_scorecard(chosen.id)))
    return 0


def _lock(chosen: argparse.Namespace) -> int:
    from frailty.scoring.lock import lock, lock_file
    new = lock()
    print("\n".join(f"locked {one}" for one in new) if new else "Every definition is locked.")
    print(f"({lock_file()})")
    return 0
