"""`frailty triage what-if`: how long the lists and the waits would be with other places or settings. Reads the store only."""

from __future__ import annotations

import argparse
import difflib
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from frailty.cli.parts import a_date, command, rules_option, table
from frailty.errors import FrailtyError

if TYPE_CHECKING:
    from frailty.practice import Practice
    from frailty.site import Site
    from frailty.triage import Worklists


def add_what_if(actions: Any) -> None:
    """Adds the command to those of `frailty triage`."""
    parser = command(
        actions, "what-if", _what_if, "list lengths and waits with other places or settings, beside the present ones",
        "frailty triage what-if --store lists.duckdb --site site.toml --slots mdt=12 --set cfs_severe=6",
        "The lists of the day are made twice, as they are and as they would be, and nothing is kept. Waits are likely ones: of the "
        "same places every time, if nobody new came. What is printed names nobody; its counts are exact, small ones too, so "
        "do not publish it as it is.")
    parser.add_argument("--store", type=Path, required=True, metavar="FILE", help="the store that nightly keeps")
    parser.add_argument("--site", type=Path, metavar="FILE", help="site.toml: practices, homes, feeds, settings")
    parser.add_argument("--as-of", type=a_date, metavar="DATE", help="default: the day of the last run")
    parser.add_argument("--slots", action="append", default=[], metavar="LIST=NUMBER",
                        help="places of a list, at every practice, home or team: mdt, note_review, pharmacist, falls, navigator, …")
    parser.add_argument("--set", action="append", default=[], dest="settings", metavar="NAME=VALUE",
                        help="a setting of rules/triage/settings.toml, as in [settings] of site.toml")
    rules_option(parser)


def _what_if(chosen: argparse.Namespace) -> int:
    from frailty.cli.parts import rules_of
    from frailty.site import load_site
    wanted = changes(chosen.slots, chosen.settings)
    if not wanted:
        raise FrailtyError("What if what?", mend="give --slots mdt=12, or --set cfs_severe=6")
    import frailty
    site = load_site(chosen.site)
    practice = frailty.open(chosen.store, medicines=site.medicines)
    if chosen.rules:
        practice = practice.with_rules(chosen.rules)
    last = practice.connection.execute("SELECT max(as_of) FROM run").fetchall()[0][0]
    day, rules = chosen.as_of or last or date.today(), rules_of(chosen)
    now, then = (_tally(_lists(practice, one, day, rules), day) for one in (site, with_settings(site, wanted)))
    print(f"As of {day}: as it is, and with " + ", ".join(f"{name} = {value}" for name, value in wanted.items()) + ".\n")
    rows = [[title, *(f"{a} -> {b}" if a != b else str(a) for a, b in zip(
        now.get(title, EMPTY), then.get(title, EMPTY), strict=True))] for title in dict.fromkeys((*now, *then))]
    print(table(rows, ["list", "on it", "waiting", "longest likely wait, weeks"]))
    return 0


def changes(slots: Sequence[str], settings: Sequence[str]) -> dict[str, Any]:
    """Settings by name, from LIST=NUMBER and NAME=VALUE; a value as TOML has it, or a bare word."""
    from frailty.site.people import slot_settings
    lists = [name.removesuffix("_slots") for name in slot_settings()]
    wanted: dict[str, Any] = {}
    for text, known in (*((one, lists) for one in slots), *((one, []) for one in settings)):
        name, equals, value = (part.strip() for part in text.partition("="))
        if not equals or not value:
            raise FrailtyError(f"“{text}” gives no value.", mend="write it as mdt=12")
        if known and (name not in known or not value.isdigit()):
            near = difflib.get_close_matches(name, known, 1)
            raise FrailtyError(f"--slots {text} is not understood.", mend=f"{near[0] if near else '|'.join(known)}=12")
        try:
            wanted[f"{name}_slots" if known else name] = tomllib.loads(f"value = {value}")["value"]
        except tomllib.TOMLDecodeError:
            wanted[name] = value
    return wanted


def with_settings(site: Site, wanted: Mapping[str, Any]) -> Site:
    """The site with other settings; places hold at every practice, home and team."""
    practices = site.practices
    if "mdt_slots" in wanted:
        practices = tuple(replace(one, mdt_slots=None) for one in practices)
    slots = {key: number for key, number in site.slots.items() if key[1] not in wanted}
    return replace(site, practices=practices, slots=slots, settings={**site.settings, **wanted})


def _lists(practice: Practice, site: Site, day: date, rules: Path | None) -> Worklists:
    """The lists of a day as the night would make them; only temporary tables are written."""
    from frailty.nightly import triage_facts
    from frailty.triage import build_worklists, load_rules, previous_listed
    from frailty.triage.filled import load_decisions
    known, con = load_rules(site, rules), practice.connection
    facts, site = triage_facts(practice, site, day, rules)
    return build_worklists(con, site, facts, known, day, unheld(previous_listed(con, day)), load_decisions(con, day))


def unheld(rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Rows of the last run without planned tasks: at night a list that changes much is held (G12); here it is what is asked."""
    from frailty.triage.cases import unpacked
    from frailty.triage.casework import AUDIENCE
    from frailty.triage.rules import PLANNED
    return [row for row in rows if row["audience"] != AUDIENCE or unpacked(str(row["facts"])).priority not in PLANNED]


EMPTY = ("0", "0", "0")


def _tally(made: Worklists, day: date) -> dict[str, tuple[str, str, str]]:
    """Title of a list -> people on it, people waiting, longest likely wait; of all pages together."""
    found: dict[str, list[Any]] = {}
    for page in made.pages:
        for view in page.lists:
            if view.id not in ("everyone_else", "tasks"):
                found.setdefault(view.title, []).extend(view.lines)
    return {title: _row(lines, day) for title, lines in found.items() if lines}


def _row(lines: Sequence[Any], day: date) -> tuple[str, str, str]:
    waiting = [line for line in lines if line.section == "overflow"]
    beyond = any(line.likely is None for line in waiting)
    weeks = max(((line.likely - day).days // 7 for line in waiting if line.likely), default=0)
    return f"{sum(line.section == 'now' for line in lines):,}", f"{len(waiting):,}", f"over {weeks}" if beyond else str(weeks)
