"""Rules held against what they name: facts, settings, clocks, lists; and every example tried."""

from __future__ import annotations

import string
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from frailty.errors import DefinitionError
from frailty.triage.clock_rules import Clocks
from frailty.triage.expressions import check_expression, literal, nearest, parse_expressions, with_settings
from frailty.triage.home_alerts import HomeAlert
from frailty.triage.rules import PLANNED, Exclusion, ListInfo, Queue, Rule, words
from frailty.triage.settings import Settings
from frailty.triage.tiers import Tier
from frailty.triage.vocabulary import PHRASES, Fact

if TYPE_CHECKING:
    import duckdb


def check_rules(rules: Sequence[Rule], exclusions: Sequence[Exclusion], queues: Sequence[Queue], lists: Sequence[ListInfo],
                tiers: Sequence[Tier], alerts: Sequence[HomeAlert], settings: Settings, facts: dict[str, Fact], clocks: Clocks
                ) -> None:
    """Refuses what names something unknown, and what does not do as its examples say."""
    import duckdb

    with duckdb.connect() as con:
        _check_lists(lists, queues, settings)
        _check(con, rules, exclusions, queues, settings, facts, clocks)
        for alert in alerts:
            check_expression(con, alert.when, facts, settings.values, alert.where)
            _try(con, [_examples(alert.when, (), alert.examples, settings, facts, alert.where)])
        for tier in tiers:
            for when, _ in tier.because:
                check_expression(con, when, facts, settings.values, f"rules/triage, tier {tier.id}")


def _check_lists(lists: Sequence[ListInfo], queues: Sequence[Queue], settings: Settings) -> None:
    """A list belongs to a queue, and its places to a setting."""
    for one in lists:
        for value, known in ((one.queue, [queue.id for queue in queues]), (one.slots, ["", *settings.values])):
            if value not in known:
                raise DefinitionError(f"“{value}” is not known.", where=f"rules/triage, list {one.id}", mend=nearest(value, known))


def _check(
    con: duckdb.DuckDBPyConnection, rules: Sequence[Rule], exclusions: Sequence[Exclusion], queues: Sequence[Queue],
    settings: Settings, facts: dict[str, Fact], clocks: Clocks
) -> None:
    """Names, expressions and templates hold, and every example comes out as it says."""
    ids = [rule.id for rule in rules] + [one.id for one in exclusions]
    for twice in sorted({one for one in ids if ids.count(one) > 1}):
        raise DefinitionError(f"The id “{twice}” is used twice.", where="rules/triage")
    known = [queue.id for queue in queues]
    tried: list[_Tried] = []
    parse_expressions(con, [text for rule in rules for text in rule.expressions] + [one.when for one in exclusions])
    for rule in rules:
        if rule.queue not in known:
            raise DefinitionError(f"The queue “{rule.queue}” is not known.", where=rule.where, mend=nearest(rule.queue, known))
        if rule.priority not in PLANNED and rule.suppress_from:
            raise DefinitionError("A rule of priority P2 or P3 cannot be suppressed.", where=rule.where,
                                  mend="leave out suppress_from, or make it P4 to P6")
        for text in rule.expressions:
            check_expression(con, text, facts, settings.values, rule.where)
        named = [*rule.needs, *rule.reopen_on, *([rule.suppress_from] if rule.suppress_from else [])]
        for fact in named:
            if fact not in facts:
                raise DefinitionError(f"“{fact}” is not a fact.", where=rule.where, mend=nearest(fact, facts))
        if clocks.clock(rule.due) is None and (rule.due not in facts or facts[rule.due].type != "DATE"):
            raise DefinitionError(
                f"The due “{rule.due}” is not known.",
                where=rule.where,
                mend=f"14 days, 7 working days, a fact that is a date, or a clock: {', '.join(clocks.clocks)}",
            )
        for exclusion in (*rule.exclusions, *rule.despite):
            if exclusion not in ids:
                raise DefinitionError(
                    f"The exclusion “{exclusion}” is not known.",
                    where=rule.where,
                    mend=nearest(exclusion, [one.id for one in exclusions]),
                )
        for template in (rule.asks, rule.reason, *(leave.reason for leave in rule.leaves)):
            _check_template(template, settings, facts, rule.where)
        tried.append(_examples(rule.when, rule.needs, rule.examples, settings, facts, rule.where))
    for one in exclusions:
        check_expression(con, one.when, facts, settings.values, one.where)
        _check_template(f"{one.reason} {one.social}", settings, facts, one.where)
        tried.append(_examples(one.when, [one.fact], one.examples, settings, facts, one.where))
    if tried:
        _try(con, tried)


def _check_template(template: str, settings: Settings, facts: dict[str, Fact], where: str) -> None:
    for _, name, _, _ in string.Formatter().parse(template):
        if name is not None and name not in facts and name not in settings.values and name not in PHRASES:
            raise DefinitionError(
                f"The text names “{name}”, which is not a fact.", where=where, mend=nearest(name, facts)
            )


@dataclass(frozen=True)
class _Tried:
    """The examples of a rule, and the statement that tries them: number, met, not evaluated."""

    sql: str
    examples: Sequence[dict[str, Any]]
    where: str


def _examples(
    when: str,
    needs: Sequence[str],
    examples: Sequence[dict[str, Any]],
    settings: Settings,
    facts: dict[str, Fact],
    where: str,
) -> _Tried:
    """Each example in a row of its own: true, false, or "not evaluated"."""
    used = sorted({*needs, *(name for name in words(when) if name in facts)}) or ["person"]
    rows = []
    for number, example in enumerate(examples, 1):
        given = example.get("facts", {})
        for name in given:
            if name not in facts:
                raise DefinitionError(
                    f"Example {number} names “{name}”, which is not a fact.",
                    where=where,
                    mend=nearest(name, facts),
                )
        cells = (f"{literal(given.get(name))}::{facts[name].type}" for name in used)
        rows.append(f"({number}, {', '.join(cells)})")
    missing = " OR ".join(f"{fact} IS NULL" for fact in needs) or "FALSE"
    return _Tried(f"SELECT number, CAST(({with_settings(when, settings.values)}) AS BOOLEAN), ({missing}) "
                  f"FROM (VALUES {', '.join(rows)}) facts(number, {', '.join(used)})", examples, where)


def _try(con: duckdb.DuckDBPyConnection, tried: Sequence[_Tried]) -> None:
    """All examples in one statement; one by one only to say which rule it is that fails."""
    import duckdb

    try:
        rows = con.execute(" UNION ALL ".join(
            f"SELECT {place}, * FROM ({one.sql})" for place, one in enumerate(tried)) + " ORDER BY ALL").fetchall()
    except duckdb.Error as error:
        if len(tried) > 1:
            for one in tried:
                _try(con, [one])
            raise
        raise DefinitionError("The rule fails on its own examples.", where=tried[0].where, why=str(error)) from error
    for place, number, met, absent in rows:
        example = tried[place].examples[number - 1]
        came = "not evaluated" if met is None and absent else bool(met)
        if came != example.get("expect"):
            raise DefinitionError(
                f"Example {number} expects {example.get('expect')!r} and gives {came!r}.",
                where=tried[place].where,
                why=str(example.get("facts", {})),
                mend="correct the rule or the example",
            )
