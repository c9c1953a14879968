"""`frailty rules check` and `frailty triage readiness`: whether a site's rules hold, and whether its sources suffice."""

from __future__ import annotations

import argparse
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from frailty.cli.parts import a_date, command, percent, rules_option, table
from frailty.cli.what_if import add_what_if

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from frailty.site import Site
    from frailty.triage import FactTable, RuleSet


def add_triage(commands: Any) -> None:
    """Adds the commands to the parser."""
    rules = command(commands, "rules", _check, "the rules that put people on lists",
                    "frailty rules check our-rules --store lists.duckdb")
    actions = rules.add_subparsers(title="commands", metavar="COMMAND")
    check = command(
        actions, "check", _check, "proves a folder of rules, and says how many people each rule would list",
        "frailty rules check our-rules --store lists.duckdb --site site.toml",
        "FOLDER has the shape of rules/: triage/*.toml with rules, facts and queues of your own, codelists/FAMILY/LIST.csv. "
        "It adds to the shipped rules. Every rule needs evidence, owner, hazards and examples, and every example must come "
        "out. What is printed names nobody; its counts are exact, small ones too, so do not publish it as it is.")
    for parser in (rules, check):
        parser.set_defaults(folder=None, store=None, site=None, as_of=None)
    check.add_argument("folder", type=Path, nargs="?", metavar="FOLDER", help="your rules (default: only the shipped ones)")
    _options(check, store_needed=False)
    triage = command(commands, "triage", _readiness, "whether the sources suffice for the lists; what other places would do",
                     "frailty triage readiness --store lists.duckdb")
    triage.set_defaults(store=None, site=None, as_of=None, rules=None)
    asked = triage.add_subparsers(title="commands", metavar="COMMAND")
    add_what_if(asked)
    ready = command(asked, "readiness", _readiness,
                    "each queue, what its rules need, from which source, and for how many people that is known",
                    "frailty triage readiness --store lists.duckdb --site site.toml",
                    "A queue without its sources is off as a whole. What only people can decide is named: the hub's intake "
                    "owns it.")
    _options(ready, store_needed=True)
    rules_option(ready)


def _options(parser: argparse.ArgumentParser, store_needed: bool) -> None:
    parser.add_argument("--store", type=Path, required=store_needed, metavar="FILE", help="the store that nightly keeps")
    parser.add_argument("--site", type=Path, metavar="FILE", help="site.toml: practices, homes, feeds, settings")
    parser.add_argument("--as-of", type=a_date, metavar="DATE", help="default: the day of the last run")


def _check(chosen: argparse.Namespace) -> int:
    from frailty.site import load_site
    from frailty.triage.cases import PLACES
    from frailty.triage.readiness import rule_counts
    site = load_site(chosen.site)
    folder = _laid_over(chosen.folder)
    theirs = _load(site, folder, chosen.folder)
    rules = _load(replace(site, settings={**site.settings, "proposals": True}), folder, chosen.folder)
    examples = sum(len(rule.examples) for rule in rules.rules)
    print(f"{len(rules.rules)} rules in {len({rule.queue for rule in rules.rules})} queues hold, with {examples} examples; "
          f"{len(rules.facts or ())} facts; {len(theirs.off)} rules are proposals that are not turned on.")
    print(f"Hash to sign: {theirs.hash}")
    if chosen.store is None:
        return 0
    con, facts, site, day = _facts(chosen, site, folder, rules)
    counts, people = rule_counts(con, site, facts, rules, theirs, day)
    rows: list[list[Any]] = [
        [one.rule.mark, one.rule.queue, one.rule.priority, "on" if one.turned_on else "proposal",
         *(("", "") if one.off else (one.places[0], f"{1000 * one.places[0] / max(people, 1):.1f}")),
         *("" if one.off else n for n in one.places[2:])] for one in counts]
    print(f"\nAs of {day}, if this were the first night, of {people:,} registered people:\n")
    print(table(rows, ["rule", "queue", "priority", "state", "would list", "per 1,000", *PLACES[2:]]))
    off: dict[str, list[str]] = {}
    for one in counts:
        if one.off:
            off.setdefault(one.off, []).append(one.rule.id)
    if off:
        print("\nOff, as nobody can decide them:")
        print("\n".join(f"  {', '.join(ids)}: {why}" for why, ids in off.items()))
    return 0


def _readiness(chosen: argparse.Namespace) -> int:
    from frailty.errors import FrailtyError
    from frailty.site import load_site
    from frailty.triage.readiness import readiness
    if chosen.store is None:
        raise FrailtyError("Which store?", mend="frailty triage readiness --store FILE")
    site = load_site(chosen.site)
    folder = _laid_over(chosen.rules)
    rules = _load(site, folder, chosen.rules)
    con, facts, site, day = _facts(chosen, site, folder, rules)
    print(f"As of {day}, {facts.people:,} people in the records.")
    for one in readiness(con, facts, rules):
        print(f"\n{one.queue.code} {one.queue.title}: {one.state}" + (f" ({one.why})" if one.state == "off" else ""))
        if one.needs:
            print(table([["", need.fact, need.source, percent(need.share), ", ".join(need.rules), need.why] for need in one.needs],
                        ["", "fact", "source", "known for", "needed by", "why not"]))
        for rule, why in one.off if one.state != "off" else ():
            print(f"  off: {rule} ({why})")
        for live in one.queue.live:
            print(f"  live: {live.id}: {live.what}")
    return 0


def _laid_over(folder: Path | None) -> Path | None:
    if folder is None:
        return None
    from frailty.scoring.overlay import laid_over
    return laid_over(folder)


def _load(site: Site, folder: Path | None, own: Path | None) -> RuleSet:
    """The rules and the lists that their facts are read from; errors name the user's own file."""
    from frailty.triage import load_rules
    if folder is None or own is None:
        return load_rules(site)
    from frailty.scoring.overlay import own_names
    from frailty.terminology import load_codelist
    from frailty.triage.vocabulary import fact_lists
    with own_names(own.resolve(), folder):
        for name in fact_lists(folder):
            load_codelist(name, folder)
        return load_rules(site, folder)


def _facts(chosen: argparse.Namespace, site: Site, folder: Path | None, rules: RuleSet
           ) -> tuple[DuckDBPyConnection, FactTable, Site, date]:
    """The facts of everybody in a store, as the night would see them."""
    import frailty
    from frailty.nightly import triage_facts
    practice = frailty.open(chosen.store, medicines=site.medicines)
    if folder:
        practice = practice.with_rules(folder)
    last = practice.connection.execute("SELECT max(as_of) FROM run").fetchall()[0][0]
    day = chosen.as_of or last or date.today()
    facts, site = triage_facts(practice, site, day, folder)
    return practice.connection, facts, site, day
