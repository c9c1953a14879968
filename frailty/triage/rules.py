"""Rules as data: read, refused where incomplete, tried on their own examples, applied to everybody at once."""

from __future__ import annotations

import hashlib
import json
import re
import string
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from frailty.errors import DefinitionError
from frailty.knowledge import rules_dir
from frailty.site import SIGNATURES, Site
from frailty.triage.expressions import check_expression, literal, nearest, with_settings
from frailty.triage.settings import Settings, load_settings
from frailty.triage.vocabulary import FACTS, PHRASES

if TYPE_CHECKING:
    import duckdb

EVIDENCE = ("framework", "nice", "seed", "proposal")
PRIORITIES = ("P2", "P3", "P4", "P5", "P6")  # a score never makes a P0 or P1 item
LISTS = ("hold", "note_review", "mdt", "pharmacist", "not_seen", "new_or_back", "reason", "round_gap")
OUTCOMES = ("excluded", "held", "paused", "redirected")
SCOPES = ("everything", "planned", "named")


@dataclass(frozen=True)
class Leave:
    """Why somebody came off a list, tried in order."""

    when: str
    reason: str


@dataclass(frozen=True)
class Rule:
    """One entry rule. `planned`: the score-driven and planned lists, from which more people are excluded."""

    id: str
    version: int
    list: str
    when: str
    needs: tuple[str, ...]
    priority: str
    due: str
    asks: str
    reason: str
    evidence: dict[str, str]
    owner: str
    exclusions: tuple[str, ...] = ()
    planned: bool = True
    clinical: bool = True
    suppress_days: int = 0
    suppress_from: str = ""
    reopen_on: tuple[str, ...] = ()
    first_if: str = "FALSE"
    removed_by: str = ""
    hazards: tuple[str, ...] = ()
    leaves: tuple[Leave, ...] = ()
    examples: tuple[dict[str, Any], ...] = ()
    where: str = ""

    @property
    def proposal(self) -> bool:
        """A clinical rule that only we propose: off until the site turns it on."""
        return self.clinical and self.evidence["kind"] == "proposal"


@dataclass(frozen=True)
class Exclusion:
    """Who is not listed. `scope`: everything, planned lists, or only the rules that name it."""

    id: str
    when: str
    label: str
    reason: str
    outcome: str
    scope: str
    fact: str
    asked_anyway: bool
    examples: tuple[dict[str, Any], ...] = ()
    where: str = ""


@dataclass(frozen=True)
class RuleSet:
    """Everything that decides who is on which list, and the hash that is signed off."""

    rules: tuple[Rule, ...]
    exclusions: tuple[Exclusion, ...]
    settings: Settings
    hash: str
    off: tuple[Rule, ...] = ()

    def rule(self, rule_id: str) -> Rule | None:
        """A rule by id, also where it is off."""
        return next((rule for rule in (*self.rules, *self.off) if rule.id == rule_id), None)


@dataclass
class Evaluation:
    """What the rules said. `nulls`: rule -> fact -> how many people had no value; `errors`: rule -> message."""

    nulls: dict[str, dict[str, int]] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)


def load_rules(site: Site | None = None, rules: Path | None = None) -> RuleSet:
    """Read rules/triage; a rule without evidence, owner or examples, or whose examples fail, does not load."""
    import duckdb

    folder = (rules or rules_dir()) / "triage"
    settings = load_settings(site, rules)
    defaults = load_settings(None, rules)
    loaded: list[Rule] = []
    files = sorted(
        file for file in folder.glob("*.toml") if file.name not in ("settings.toml", "exclusions.toml", "clocks.toml")
    )
    exclusions = tuple(
        _exclusion(entry, str(folder / "exclusions.toml"))
        for entry in _read(folder / "exclusions.toml").get("exclusion", [])
    )
    for file in files:
        loaded += [_rule(entry, str(file)) for entry in _read(file).get("rule", [])]
    with duckdb.connect() as con:
        _check(con, loaded, exclusions, defaults)
    on = tuple(rule for rule in loaded if not rule.proposal or settings.turned_on(rule.id))
    off = tuple(rule for rule in loaded if rule.proposal and not settings.turned_on(rule.id))
    return RuleSet(on, exclusions, settings, rule_set_hash(folder, settings), off)


def rule_set_hash(folder: Path, settings: Settings) -> str:
    """SHA-256 of every file of the folder and the settings in force: what the three people sign."""
    mark = hashlib.sha256()
    for file in sorted(folder.glob("*.toml")):
        mark.update(file.name.encode() + b"\0" + file.read_bytes().replace(b"\r\n", b"\n") + b"\0")
    mark.update(json.dumps(settings.values, sort_keys=True, default=str).encode())
    return mark.hexdigest()


def shadow(site: Site, rules: RuleSet) -> str:
    """Why the lists are only a shadow run; empty where all three signed this very rule set."""
    missing = [
        name.replace("_", " ").replace("ig ", "IG ") for name in SIGNATURES if not site.sign_off.get(name)
    ]
    if missing:
        return "not signed off by: " + ", ".join(missing)
    if site.sign_off.get("hash") != rules.hash:
        return "rules or settings changed since they were signed off"
    return ""


def evaluate(con: duckdb.DuckDBPyConnection, rules: RuleSet) -> Evaluation:
    """Apply every rule to the table `facts`; fills the temp tables `outcome` and `exclusion_flag`.

    outcome: person, rule, outcome ('yes' | 'suppressed' | 'not evaluated'), first. One bad row never stops the others.
    exclusion_flag: person, exclusion, one row for each that holds.
    """
    result = Evaluation()
    con.execute(
        "CREATE OR REPLACE TEMP TABLE outcome (person INTEGER, rule VARCHAR, outcome VARCHAR, first BOOLEAN)"
    )
    con.execute("CREATE OR REPLACE TEMP TABLE exclusion_flag (person INTEGER, exclusion VARCHAR)")
    values = rules.settings.values
    for exclusion in rules.exclusions:
        con.execute(
            f"INSERT INTO exclusion_flag SELECT person, {literal(exclusion.id)} FROM facts "
            f"WHERE {with_settings(exclusion.when, values)}"
        )
    for rule in rules.rules:
        when = with_settings(rule.when, values)
        bad: list[int] = []
        try:
            con.execute(_outcome_sql(rule, when, values))
        except Exception as error:  # an error of one row: find the rows, keep the others
            bad = _bad_rows(con, when)
            result.errors[rule.id] = f"{type(error).__name__} for {len(bad)} people"
            con.execute("DELETE FROM outcome WHERE rule = ?", [rule.id])
            con.execute(_outcome_sql(rule, f"TRY({when})", values, bad))
        if rule.needs:
            counts = con.execute(
                "SELECT " + ", ".join(f"count(*) - count({fact})" for fact in rule.needs) + " FROM facts"
            ).fetchall()[0]
            result.nulls[rule.id] = {fact: int(n) for fact, n in zip(rule.needs, counts, strict=True) if n}
    return result


def _outcome_sql(rule: Rule, when: str, values: dict[str, Any], bad: Sequence[int] = ()) -> str:
    missing = " OR ".join(f"{fact} IS NULL" for fact in rule.needs) or "FALSE"
    broken = "person IN (" + ", ".join(map(str, bad)) + ")" if bad else "FALSE"
    hidden = "FALSE"
    if rule.suppress_from:
        reopened = (
            " OR ".join(f"coalesce({fact} > {rule.suppress_from}, FALSE)" for fact in rule.reopen_on)
            or "FALSE"
        )
        hidden = (
            f"coalesce(as_of - {rule.suppress_from} < {int(rule.suppress_days)}, FALSE) AND NOT ({reopened})"
        )
    first = f"coalesce({with_settings(rule.first_if, values)}, FALSE)"
    return f"""
        INSERT INTO outcome
        SELECT person, {literal(rule.id)}, verdict, first FROM (
            SELECT person, {first} AS first, ({when}) AS met,
                   CASE WHEN {broken} THEN 'not evaluated'
                        WHEN met AND ({hidden}) THEN 'suppressed'
                        WHEN met THEN 'yes'
                        WHEN met IS NULL AND ({missing}) THEN 'not evaluated' END AS verdict
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


def _read(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise DefinitionError(
            "A file of triage rules cannot be read.", where=str(file), why=str(error)
        ) from error


def _rule(entry: dict[str, Any], where: str) -> Rule:
    data = dict(entry)
    name = f"{where}, rule {data.get('id', '(without id)')}"
    for key, mend in (
        ("id", "give it an id"),
        ("evidence", "say which evidence stands behind it"),
        ("owner", "name the clinical owner"),
        ("example", "add [[rule.example]] with facts and expect"),
    ):
        if not data.get(key):
            raise DefinitionError(f"A rule without {key} does not load.", where=name, mend=mend)
    evidence = data["evidence"]
    if evidence.get("kind") not in EVIDENCE or not evidence.get("cite"):
        raise DefinitionError(
            "The evidence is not complete.", where=name, mend="kind = " + " | ".join(EVIDENCE) + ", and cite"
        )
    examples = tuple(data.pop("example"))
    leaves = tuple(Leave(str(one["when"]), str(one["reason"])) for one in data.pop("leaves", []))
    known = set(Rule.__dataclass_fields__) - {"where", "examples", "leaves"}
    _refuse_unknown(data, known, name)
    for key in ("needs", "exclusions", "reopen_on", "hazards"):
        data[key] = tuple(data.get(key, ()))
    try:
        rule = Rule(**data, leaves=leaves, examples=examples, where=name)
    except TypeError as error:
        raise DefinitionError("The rule is not complete.", where=name, why=str(error)) from error
    for value, allowed, what in ((rule.priority, PRIORITIES, "priority"), (rule.list, LISTS, "list")):
        if value not in allowed:
            raise DefinitionError(
                f"The {what} “{value}” is not known.", where=name, mend=nearest(value, allowed)
            )
    return rule


def _exclusion(entry: dict[str, Any], where: str) -> Exclusion:
    data = dict(entry)
    name = f"{where}, exclusion {data.get('id', '(without id)')}"
    _refuse_unknown(data, {*Exclusion.__dataclass_fields__, "example"} - {"where", "examples"}, name)
    examples = tuple(data.pop("example", ()))
    if not examples:
        raise DefinitionError("An exclusion without examples does not load.", where=name)
    try:
        made = Exclusion(**data, examples=examples, where=name)
    except TypeError as error:
        raise DefinitionError("The exclusion is not complete.", where=name, why=str(error)) from error
    for value, allowed in ((made.outcome, OUTCOMES), (made.scope, SCOPES), (made.fact, FACTS)):
        if value not in allowed:
            raise DefinitionError(f"“{value}” is not known.", where=name, mend=nearest(value, allowed))
    return made


def _refuse_unknown(data: dict[str, Any], known: set[str], where: str) -> None:
    for key in data:
        if key not in known:
            raise DefinitionError(f"“{key}” is not known here.", where=where, mend=nearest(key, known))


def _check(
    con: duckdb.DuckDBPyConnection, rules: Sequence[Rule], exclusions: Sequence[Exclusion], settings: Settings
) -> None:
    """Names, expressions and templates hold, and every example comes out as it says."""
    ids = [rule.id for rule in rules] + [one.id for one in exclusions]
    for twice in sorted({one for one in ids if ids.count(one) > 1}):
        raise DefinitionError(f"The id “{twice}” is used twice.", where="rules/triage")
    for rule in rules:
        for text in (rule.when, rule.first_if, *(leave.when for leave in rule.leaves)):
            check_expression(con, text, FACTS, settings.values, rule.where)
        named = [*rule.needs, *rule.reopen_on, *([rule.suppress_from] if rule.suppress_from else [])]
        for fact in named:
            if fact not in FACTS:
                raise DefinitionError(f"“{fact}” is not a fact.", where=rule.where, mend=nearest(fact, FACTS))
        if not re.fullmatch(r"next_mdt|next_round|\d+ (working )?days?", rule.due) and (
            FACTS.get(rule.due, ("",))[0] != "DATE"
        ):
            raise DefinitionError(
                f"The due “{rule.due}” is not known.",
                where=rule.where,
                mend="next_mdt, next_round, 14 days, 7 working days, or a fact that is a date",
            )
        for exclusion in rule.exclusions:
            if exclusion not in ids:
                raise DefinitionError(
                    f"The exclusion “{exclusion}” is not known.",
                    where=rule.where,
                    mend=nearest(exclusion, [one.id for one in exclusions]),
                )
        for template in (rule.asks, rule.reason, *(leave.reason for leave in rule.leaves)):
            _check_template(template, settings, rule.where)
        _try_examples(con, rule.when, rule.needs, rule.examples, settings, rule.where)
    for one in exclusions:
        check_expression(con, one.when, FACTS, settings.values, one.where)
        _check_template(one.reason, settings, one.where)
        _try_examples(con, one.when, [one.fact], one.examples, settings, one.where)


def _check_template(template: str, settings: Settings, where: str) -> None:
    for _, name, _, _ in string.Formatter().parse(template):
        if name is not None and name not in FACTS and name not in settings.values and name not in PHRASES:
            raise DefinitionError(
                f"The text names “{name}”, which is not a fact.", where=where, mend=nearest(name, FACTS)
            )


def _try_examples(
    con: duckdb.DuckDBPyConnection,
    when: str,
    needs: Sequence[str],
    examples: Sequence[dict[str, Any]],
    settings: Settings,
    where: str,
) -> None:
    """Each example in a row of its own: true, false, or "not evaluated"."""
    used = sorted({*needs, *(fact for fact in FACTS if re.search(rf"\b{fact}\b", when))}) or ["person"]
    rows = []
    for number, example in enumerate(examples, 1):
        facts = example.get("facts", {})
        for name in facts:
            if name not in FACTS:
                raise DefinitionError(
                    f"Example {number} names “{name}”, which is not a fact.",
                    where=where,
                    mend=nearest(name, FACTS),
                )
        cells = (f"{literal(facts.get(name))}::{FACTS[name][0]}" for name in used)
        rows.append(f"({number}, {', '.join(cells)})")
    missing = " OR ".join(f"{fact} IS NULL" for fact in needs) or "FALSE"
    try:
        found = con.execute(
            f"SELECT number, ({with_settings(when, settings.values)}), ({missing}) "
            f"FROM (VALUES {', '.join(rows)}) facts(number, {', '.join(used)}) ORDER BY number"
        ).fetchall()
    except Exception as error:
        raise DefinitionError("The rule fails on its own examples.", where=where, why=str(error)) from error
    for (number, met, absent), example in zip(found, examples, strict=True):
        came = "not evaluated" if met is None and absent else bool(met)
        if came != example.get("expect"):
            raise DefinitionError(
                f"Example {number} expects {example.get('expect')!r} and gives {came!r}.",
                where=where,
                why=str(example.get("facts", {})),
                mend="correct the rule or the example",
            )
