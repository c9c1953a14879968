"""`frailty site`: a site without engineers. New files to fill in, and a check that names every mistake with its remedy."""

from __future__ import annotations

import argparse
import contextlib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from frailty.cli.parts import a_date, command, rules_of, rules_option
from frailty.errors import FrailtyError

if TYPE_CHECKING:
    from frailty.site import Site


def add_site(commands: Any) -> None:
    """Adds the command and its own commands to the parser."""
    site = command(commands, "site", lambda _: _help(site), "writes a new site's files, or checks them",
                   "frailty site new our-site")
    actions = site.add_subparsers(title="commands", metavar="COMMAND")
    new = command(actions, "new", _new, "writes site.toml (for IT) and site.xlsx (for everybody else)", "frailty site new our-site",
                  "With --store, practices and feeds are filled in from what nightly has loaded.")
    new.add_argument("folder", type=Path, metavar="DIR", help="a new folder, or one without these files")
    new.add_argument("--store", type=Path, metavar="FILE", help="a store: its practices and sources are filled in")
    check = command(actions, "check", _check, "names every mistake in site.toml and its workbook, with a remedy",
                    "frailty site check our-site/site.toml",
                    "Exit code 0: nothing to mend. 3: cells to mend; the rest of the workbook is read. 1: a run would stop.")
    check.add_argument("site", type=Path, metavar="SITE", help="site.toml, or its folder")
    check.add_argument("--store", type=Path, metavar="FILE", help="a store: how many residents are found in the records")
    check.add_argument("--as-of", type=a_date, metavar="DATE", help="default: today")
    rules_option(check)


def _help(parser: argparse.ArgumentParser) -> int:
    parser.print_help()
    return 0


def _new(chosen: argparse.Namespace) -> int:
    from frailty.records.days import today
    from frailty.reports.site_files import write_site
    practices: Sequence[str] = ()
    feeds: Sequence[tuple[str, str, Sequence[str]]] = ()
    if chosen.store:
        from frailty.records.store import connect
        with connect(chosen.store, read_only=True) as con:
            practices = [str(row[0]) for row in con.execute(
                "SELECT DISTINCT practice FROM person WHERE practice IS NOT NULL AND known_to IS NULL ORDER BY 1").fetchall()]
            feeds = [(str(name), str(kind or "other"), [] if kind != "gp" else served) for name, kind, served in con.execute("""
                SELECT source, any_value(kind), list(DISTINCT practice ORDER BY practice) FILTER (practice IS NOT NULL)
                FROM feed LEFT JOIN (SELECT source, practice FROM person WHERE known_to IS NULL AND registered_to IS NULL)
                USING (source) GROUP BY source ORDER BY source""").fetchall()]
    for file in write_site(chosen.folder, today(), practices, feeds):
        print(f"written: {file}")
    print(f"Fill them in, then: frailty site check {chosen.folder / 'site.toml'}")
    return 0


def _check(chosen: argparse.Namespace) -> int:
    from frailty.site import check_site
    from frailty.triage import load_settings
    from frailty.triage.filled import Answers, read_typed
    rules = rules_of(chosen)
    site, mistakes = check_site(chosen.site)
    try:
        load_settings(site)
    except FrailtyError as error:
        mistakes.append(error)  # type: ignore[arg-type]
    typed = Answers()
    if site.people and Path(site.people).exists():
        with contextlib.suppress(FrailtyError):         # named already: the workbook cannot be read
            read_typed(site, typed, rules)
    problems = sorted({*site.problems, *typed.problems})
    for one in mistakes:
        print(one.text())
    for problem in problems:
        print(("note: " if problem.used else "mend: ") + str(problem))
    bad = sum(not one.used for one in problems)
    residents = sum(len(home.residents) for home in site.homes)
    print(f"{len(site.practices)} practices, {len(site.homes)} homes, {residents} residents, {len(site.requests)} requests, "
          f"{len(typed.typed)} decisions; {len(mistakes)} mistakes that stop a run, {bad} cells to mend, "
          f"{len(problems) - bad} notes.")
    if chosen.store and not mistakes:
        _residents(chosen, site)
    return 1 if mistakes else 3 if bad else 0


def _residents(chosen: argparse.Namespace, site: Site) -> None:
    """How sure each line's match in the records is, by home; names stay on the home's page."""
    from frailty.records.build import people
    from frailty.records.days import today
    from frailty.records.store import connect
    from frailty.triage.homes import confidence
    with connect(chosen.store, read_only=True) as con:
        people(con, chosen.as_of or today())
        cursor = con.execute("SELECT person, name, birth_date, nhs_number FROM person_as_of ORDER BY person")
        names = [column[0] for column in cursor.description or ()]
        rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    born = {line.birth_date for home in site.homes for line in home.residents}
    numbers = {line.nhs_number for home in site.homes for line in home.residents}
    near = [row for row in rows if row["birth_date"] in born or row["nhs_number"] in numbers]
    for home in site.homes:
        found = [(line, confidence(line, near)) for line in home.residents]
        counts = Counter(how for _, how in found)
        print(f"{home.id}: " + ", ".join(f"{counts[how]} {how}" for how in ("certain", "likely", "possible")) +
              f", {counts['none']} not in our data")
        for line, how in found:
            if how in ("likely", "possible") and line.confirmed is None and line.where:
                print(f"  {line.where}: {how}; look at the home's page, then write yes or no under Confirmed")
