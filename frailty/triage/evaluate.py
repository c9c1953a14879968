"""Rules applied to everybody at once: who meets which, who could not be evaluated, what is off as a whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from frailty.triage.expressions import literal, with_settings
from frailty.triage.rules import HOME_LISTS, PLANNED, Rule, RuleSet

if TYPE_CHECKING:
    import duckdb


@dataclass
class Evaluation:
    """What the rules said.

    `nulls`: rule -> fact -> how many people had no value. `errors`: rule -> message. `off`: rule -> why no source could
    decide it for anybody; such a rule is off as a whole and lists nobody as "could not be evaluated".
    """

    nulls: dict[str, dict[str, int]] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    off: dict[str, str] = field(default_factory=dict)


def evaluate(
    con: duckdb.DuckDBPyConnection,
    rules: RuleSet,
    absent: Mapping[str, str] | None = None,
    absent_at: Mapping[str, Sequence[str]] | None = None,
) -> Evaluation:
    """Apply every rule to the table `facts`; fills the temp tables `outcome` and `exclusion_flag`.

    `absent`: fact -> why nobody could decide it; rules that need it are off. `absent_at`: fact -> practices that cannot
    decide it; there the rule is off too, unless its list names such people.

    outcome: person, rule, outcome ('yes' | 'suppressed' | 'not evaluated'), first. One bad row never stops the others.
    exclusion_flag: person, exclusion, one row for each that holds.
    """
    result = Evaluation()
    con.execute(
        "CREATE OR REPLACE TEMP TABLE outcome (person INTEGER, rule VARCHAR, outcome VARCHAR, first BOOLEAN)"
    )
    con.execute("CREATE OR REPLACE TEMP TABLE exclusion_flag (person INTEGER, exclusion VARCHAR)")
    values = rules.settings.values
    named = {*HOME_LISTS, *(one.id for one in rules.lists if one.gaps == "named")}
    for exclusion in rules.exclusions:
        con.execute(
            f"INSERT INTO exclusion_flag SELECT person, {literal(exclusion.id)} FROM facts "
            f"WHERE {with_settings(exclusion.when, values)}"
        )
    needed: dict[str, None] = {}
    asked: list[tuple[Rule, str, list[str]]] = []
    for rule in rules.rules:
        missing = [why for fact in rule.needs if (why := (absent or {}).get(fact))]
        if missing:
            result.off[rule.id] = missing[0]
            continue
        silent = [] if rule.list in named else sorted({one for fact in rule.needs for one in (absent_at or {}).get(fact, ())})
        asked.append((rule, with_settings(rule.when, values), silent))
        needed.update(dict.fromkeys(rule.needs))
    try:                                                # all at once: most of the time of one is that of planning it
        if asked:
            con.execute("INSERT INTO outcome " + " UNION ALL ".join(
                _outcome_sql(rule, when, values, (), silent) for rule, when, silent in asked))
    except Exception:  # an error of one row: one by one
        for rule, when, silent in asked:
            _one_rule(con, rule, when, values, silent, result)
    if needed:
        counts = con.execute(
            "SELECT " + ", ".join(f"count(*) - count({fact})" for fact in needed) + " FROM facts").fetchall()[0]
        unknown = dict(zip(needed, map(int, counts), strict=True))
        for rule, _, _ in asked:
            if rule.needs:
                result.nulls[rule.id] = {fact: unknown[fact] for fact in rule.needs if unknown[fact]}
    return result


def _one_rule(con: duckdb.DuckDBPyConnection, rule: Rule, when: str, values: dict[str, Any], silent: Sequence[str],
              result: Evaluation) -> None:
    """One rule alone; where a row makes it fail, the others without that row."""
    try:
        con.execute("INSERT INTO outcome " + _outcome_sql(rule, when, values, (), silent))
    except Exception as error:
        bad = _bad_rows(con, when)
        result.errors[rule.id] = f"{type(error).__name__} for {len(bad)} people"
        con.execute("DELETE FROM outcome WHERE rule = ?", [rule.id])
        con.execute("INSERT INTO outcome " + _outcome_sql(rule, f"TRY({when})", values, bad, silent))


def _outcome_sql(rule: Rule, when: str, values: dict[str, Any], bad: Sequence[int], silent: Sequence[str]) -> str:
    missing = " OR ".join(f"{fact} IS NULL" for fact in rule.needs) or "FALSE"
    broken = "person IN (" + ", ".join(map(str, bad)) + ")" if bad else "FALSE"
    if silent:
        missing = f"({missing}) AND NOT coalesce(practice IN ({', '.join(map(literal, silent))}), FALSE)"
    hidden = "FALSE"
    if rule.suppress_from and rule.priority in PLANNED:
        reopened = (
            " OR ".join(f"coalesce({fact} > {rule.suppress_from}, FALSE)" for fact in rule.reopen_on)
            or "FALSE"
        )
        hidden = (
            f"coalesce(as_of - {rule.suppress_from} < {int(rule.suppress_days)}, FALSE) AND NOT ({reopened})"
        )
    first = f"coalesce({with_settings(rule.first_if, values)}, FALSE)"
    return f"""
        SELECT person, {literal(rule.id)}, verdict, first FROM (
            SELECT person, {first} AS first, ({when}) AS met,
                   CASE WHEN {broken} THEN 'not evaluated'
                        WHEN met AND ({hidden}) THEN 'suppressed'
                        WHEN met THEN 'yes'
                        WHEN met IS NULL AND ({missing}) AND practice_state IS DISTINCT FROM 'not served'
                            THEN 'not evaluated' END AS verdict
            FROM facts)
        WHERE verdict IS NOT NULL"""


def _bad_rows(con: duckdb.DuckDBPyConnection, when: str) -> list[int]:
    """The people for whom the expression raises an error."""
    suspects = con.execute(f"SELECT person FROM facts WHERE TRY({when}) IS NULL ORDER BY person").fetchall()
    bad = []
    for (person,) in suspects:
        try:
            con.execute(f"SELECT ({when}) FROM facts WHERE person = {int(person)}").fetchall()
        except Exception:
            bad.append(int(person))
    return bad


def leave_reasons(
    con: duckdb.DuckDBPyConnection, rule: Rule, people: Sequence[int], values: dict[str, Any]
) -> dict[int, str]:
    """Person -> the first `leaves` reason that holds now (a template)."""
    if not rule.leaves or not people:
        return {}
    cases = " ".join(
        f"WHEN {with_settings(leave.when, values)} THEN {index}" for index, leave in enumerate(rule.leaves)
    )
    found = con.execute(
        f"SELECT person, CASE {cases} END FROM facts WHERE person IN "
        f"({', '.join(str(int(person)) for person in people)})"
    ).fetchall()
    return {int(person): rule.leaves[index].reason for person, index in found if index is not None}


