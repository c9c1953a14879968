"""Whether the sources suffice: queue by fact by source by coverage, and what each rule would do with everybody."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from frailty.triage.cases import PLACES
from frailty.triage.casework import casework
from frailty.triage.context import Run
from frailty.triage.evaluate import evaluate
from frailty.triage.facts import FactTable
from frailty.triage.previous import Previous
from frailty.triage.rules import Queue, Rule, RuleSet
from frailty.triage.vocabulary import vocabulary

if TYPE_CHECKING:
    from datetime import date

    import duckdb

    from frailty.site import Site

_LIVING = "registration_status = 'registered' AND coalesce(death_status, 'none') = 'none'"


@dataclass(frozen=True)
class Need:
    """A fact that rules of a queue need. `share`: of registered living people, those for whom it is decided."""

    fact: str
    source: str
    share: float
    rules: tuple[str, ...]
    why: str


@dataclass(frozen=True)
class QueueReadiness:
    """`state`: ready | partly | off | not turned on | live only; `why`: the first reason where a rule is off."""

    queue: Queue
    state: str
    why: str
    needs: tuple[Need, ...]
    off: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class RuleCount:
    """What one rule would do tonight. `places`: people by place, in the order of `PLACES`."""

    rule: Rule
    turned_on: bool
    off: str
    places: tuple[int, ...]


def readiness(con: duckdb.DuckDBPyConnection, facts: FactTable, rules: RuleSet) -> list[QueueReadiness]:
    """Every queue in the order of precedence: what its rules need, from where, and for how many that is known."""
    known = rules.facts or vocabulary()
    everywhere = facts.absent_everywhere()
    made = []
    for queue in rules.queues:
        on = [rule for rule in rules.rules if rule.queue == queue.id]
        mine = [rule for rule in (*rules.rules, *rules.off) if rule.queue == queue.id]
        asked: dict[str, list[str]] = {}
        for rule in mine:
            for fact in rule.needs:
                asked.setdefault(fact, []).append(rule.id)
        shares = _shares(con, list(asked))
        needs = tuple(Need(fact, known[fact].source, shares[fact], tuple(ids), _why(facts, everywhere, fact))
                      for fact, ids in asked.items())
        off = tuple((rule.id, everywhere[gap]) for rule in mine
                    if (gap := next((fact for fact in rule.needs if fact in everywhere), "")))
        made.append(QueueReadiness(queue, _state(mine, on, {rule for rule, _ in off}), off[0][1] if off else "", needs, off))
    return made


def _state(mine: list[Rule], on: list[Rule], off: set[str]) -> str:
    if not mine:
        return "live only"
    if all(rule.id in off for rule in mine):
        return "off"
    if not on:
        return "not turned on"
    return "partly" if off else "ready"


def _why(facts: FactTable, everywhere: dict[str, str], fact: str) -> str:
    if fact in everywhere:
        return everywhere[fact]
    found = [(ods, why) for (name, ods), why in sorted(facts.absent.items()) if name == fact]
    return "; ".join(f"{ods}: {why}" for ods, why in found[:2]) + (f"; and {len(found) - 2} more" if len(found) > 2 else "")


def _shares(con: duckdb.DuckDBPyConnection, names: list[str]) -> dict[str, float]:
    if not names:
        return {}
    columns = ", ".join(f"count({name}) / greatest(count(*), 1)" for name in names)
    row = con.execute(f"SELECT {columns} FROM facts WHERE {_LIVING}").fetchall()[0]
    return dict(zip(names, map(float, row), strict=True))


def rule_counts(con: duckdb.DuckDBPyConnection, site: Site, facts: FactTable, rules: RuleSet, turned_on: RuleSet, as_of: date
                ) -> tuple[list[RuleCount], int]:
    """How many people each rule of `rules` would list, as if this were the first night; and how many are registered.

    `turned_on`: the rules that the site has on; the others are counted all the same.
    """
    run = Run(con, site, facts, rules, as_of, Previous(), evaluate(con, rules, facts.absent_everywhere(), facts.absent_at()))
    run.load()
    books = casework(run).books
    none: Counter[str] = Counter()
    on = {rule.id for rule in turned_on.rules}
    counts = [RuleCount(rule, rule.id in on, run.evaluation.off.get(rule.id, ""),
                        tuple(books.get(rule.id, none)[place] for place in PLACES)) for rule in rules.rules]
    return counts, int(con.execute(f"SELECT count(*) FROM facts WHERE {_LIVING}").fetchall()[0][0])
