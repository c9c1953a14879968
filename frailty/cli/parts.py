"""What every command of `frailty` is made of: a parser that speaks as the program does, dates and times."""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Callable, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from frailty.errors import FrailtyError, nearest

if TYPE_CHECKING:
    import pandas as pd

    from frailty.practice import Practice


class Parser(argparse.ArgumentParser):
    """Says what is wrong with a command line as everything else is said, and ends with exit code 1."""

    def error(self, message: str) -> NoReturn:
        chosen = re.match(r"argument .*: invalid choice: '(.*)' \(choose from (.*)\)", message)
        near = nearest(chosen[1], re.findall(r"'([^']+)'", chosen[2])) if chosen else ""
        raise FrailtyError(message[:1].upper() + message[1:] + ".", mend=near or f"{self.prog} --help")


def command(commands: Any, name: str, run: Callable[[argparse.Namespace], int], help_text: str, example: str,
             more: str = "") -> argparse.ArgumentParser:
    """A command with its help: one line, more if need be, and an example."""
    parser: argparse.ArgumentParser = commands.add_parser(
        name, help=help_text,
        description=help_text[0].upper() + help_text[1:] + "." * (help_text[-1] != "?") + ("\n\n" + more if more else ""),
        epilog=f"example:\n  {example}", formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.set_defaults(run=run)
    return parser


def rules_option(parser: argparse.ArgumentParser) -> None:
    """Adds --rules DIR."""
    parser.add_argument("--rules", type=Path, metavar="DIR",
                        help="a folder of your own scores and rules (scores/, codelists/, triage/, models/), laid over the "
                             "shipped ones")


def rules_of(chosen: argparse.Namespace) -> Path | None:
    """The rules to read: the shipped ones (None), or those with the user's folder over them."""
    if chosen.rules is None:
        return None
    from frailty.scoring.overlay import laid_over
    return laid_over(chosen.rules)


def practice_of(chosen: argparse.Namespace) -> Practice:
    """The store of a command line, with its rules and the site's tables."""
    import frailty
    from frailty.site import load_site
    site = load_site(chosen.site)
    practice = frailty.open(chosen.store, medicines=site.medicines)
    practice = practice.with_rules(chosen.rules) if chosen.rules else practice
    return practice.with_inputs(site.inputs) if site.inputs else practice


def objectors_of(chosen: argparse.Namespace, practice: Practice) -> list[str]:
    """Who is not to be scored: by the site's word for an objection; without --site any refusal counts, to be on the safe side."""
    if chosen.site is None:
        return practice.objectors()
    from frailty.site import load_site
    from frailty.triage import load_settings
    return practice.objectors(load_settings(load_site(chosen.site)).texts("objection_kinds"))


def site_option(parser: argparse.ArgumentParser) -> None:
    """Adds --site FILE."""
    parser.add_argument("--site", type=Path, metavar="FILE",
                        help="site.toml: its tables of products and inputs; which refusals are objections to profiling")


def table(rows: Sequence[Sequence[Any]], header: Sequence[str]) -> str:
    """Rows under a header, in columns; numbers to the right."""
    shown = [list(header), *([f"{cell:,}" if isinstance(cell, int) else str(cell) for cell in row] for row in rows)]
    right = [any(isinstance(row[n], int) or str(row[n]).endswith(" %") for row in rows) for n in range(len(header))]
    wide = [max(len(row[n]) for row in shown) for n in range(len(header))]
    return "\n".join("  ".join(f"{cell:>{width}}" if number else f"{cell:<{width}}" for cell, width, number in
                               zip(row, wide, right, strict=True)).rstrip() for row in shown)


def percent(part: float) -> str:
    """A share as people read it; empty where there is none."""
    return "" if part != part else f"{100 * part:.0f} %" if part in (0, 1) else f"{100 * part:.1f} %"


def save(frame: pd.DataFrame, path: Path) -> None:
    """Writes a table as CSV, for its owner only: it may name people."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as stream:
        frame.to_csv(stream, index=False)


def store_options(parser: argparse.ArgumentParser) -> None:
    """Adds --store, --as-of and --rules."""
    parser.add_argument("--store", type=Path, required=True, metavar="FILE", help="the store that nightly keeps")
    parser.add_argument("--as-of", type=a_date, metavar="DATE", help="default: today")
    rules_option(parser)


def a_date(text: str) -> date:
    """A day from a command line."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a date; write YYYY-MM-DD") from None


def a_count(text: str) -> int:
    """A number of things from a command line: 1 or more."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of 1 or more")
    return int(text)


def a_time(text: str) -> datetime:
    """A time from a command line."""
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a time; write 2026-11-22T02:00") from None
