"""Whether places fall alike on everybody: the equity table of a night (G10), with small numbers suppressed."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from functools import cache
from typing import TYPE_CHECKING

from frailty.knowledge import rules_dir
from frailty.triage.capacity import Equity, equity
from frailty.triage.home_page import FILLER

if TYPE_CHECKING:
    from frailty.triage.context import Run
    from frailty.triage.lines import Page

DEPRIVATION = "deprivation (IMD quintile)"
ENDS = {1: " (most deprived)", 5: " (least deprived)"}


def equity_table(run: Run, pages: Iterable[Page]) -> tuple[Equity, ...]:
    """Of those whom a rule puts on a list with limited room, how many have a place, by group. Objectors are in no cell."""
    lines = [line for page in pages for view in page.lists
             if view.id in FILLER or view.slots is not None or view.weekly is not None for line in view.lines
             if line.person in run.rows and not line.asked and line.section in ("now", "overflow")
             and "objection" not in run.flags.get(line.who, ())]
    eligible = {str(line.person) for line in lines}
    if not eligible:
        return ()
    settings = run.facts.settings
    starts, words = [int(age) for age in settings.values["equity_ages"]], ethnic_categories()
    groups: dict[str, dict[str, str]] = {name: {} for name in ("age", "sex", "ethnicity", DEPRIVATION, "practice", "home")}
    for person, sex, ethnicity, imd in run.con.execute(
        "SELECT person, sex, ethnicity, imd_quintile FROM person_as_of WHERE person IN (SELECT unnest(?::INTEGER[]))",
        [sorted(map(int, eligible))]).fetchall():
        row = run.rows[person]
        home = run.home(row["home_id"])
        told = (_band(row["age"], starts), sex, words.get(ethnicity, ethnicity and f"other code: {ethnicity}"),
                imd and f"{imd}{ENDS.get(imd, '')}", run.practice_name(row["practice"]), home.name if home else "in no home")
        for group, value in zip(groups.values(), told, strict=True):
            group[str(person)] = str(value) if value is not None else ""
    selected = {str(line.person) for line in lines if line.section == "now"}
    orders = {"age": [_band(age, starts) for age in (0, *starts)], "ethnicity": list(words.values())}
    return tuple(equity(eligible, selected, groups, settings.number("small_number"), settings.number("round_to"), orders))


@cache
def ethnic_categories() -> dict[str, str]:
    """Code -> words, in the order of the table."""
    found: dict[str, str] = tomllib.loads((rules_dir() / "ethnic_categories.toml").read_text(encoding="utf-8"))["label"]
    return found


def _band(age: int | None, starts: list[int]) -> str:
    """The group of an age, by the ages at which groups start: under 65, 65 to 74, …, 85 and over."""
    if age is None:
        return ""
    at = sum(age >= start for start in starts)
    if not at:
        return f"under {starts[0]}"
    return f"{starts[at - 1]} and over" if at == len(starts) else f"{starts[at - 1]} to {starts[at] - 1}"
