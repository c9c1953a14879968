"""Rules as data: read, refused where incomplete, tried on their own examples."""

from __future__ import annotations

import hashlib
import json
import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from frailty.errors import DefinitionError
from frailty.knowledge import parsed, rules_dir
from frailty.site import SIGNATURES, Site
from frailty.triage.capacity import PROTECTED
from frailty.triage.clock_rules import load_clocks
from frailty.triage.clocks import load_calendar
from frailty.triage.expressions import nearest
from frailty.triage.home_alerts import HomeAlert, read_alert
from frailty.triage.settings import Settings, load_settings
from frailty.triage.tiers import Tier, read_tiers
from frailty.triage.vocabulary import Fact, vocabulary

if TYPE_CHECKING:
    pass

EVIDENCE = ("framework", "nice", "seed", "proposal")
PRIORITIES = ("P2", "P3", "P4", "P5", "P6")  # the night never makes a P0 or P1 item
PLANNED = ("P4", "P5", "P6")  # what suppression may hide and a cap may leave off
SCORED = "score"  # facts of this source rest on a score
HOME_LISTS = ("new_or_back", "reason", "round_gap")  # lists of a home's page that rules fill
PAGES = ("practice", "team", "hub")
PER = ("time", "week")
GAPS = ("named", "told")
CARDS = ("deficits", "events", "social")
OUTCOMES = ("excluded", "held", "paused", "redirected")
SCOPES = ("everything", "planned", "named")


@dataclass(frozen=True)
class Leave:
    """Why somebody came off a list, tried in order."""

    when: str
    reason: str


@dataclass(frozen=True)
class Rule:
    """One entry rule.

    `list`: the list of a page that shows it; empty where it makes only a task of the case. `planned`: the score-driven and
    planned lists, from which more people are excluded. `despite`: exclusions that do not hold for this rule. `leads`: whether
    its queue can lead the case. `to_confirm`: what nobody has confirmed in a source yet, shown wherever the rule is named.
    `protects`: whom it lists have a part of the places to themselves (unmet, rapid_rise).
    """

    id: str
    version: int
    queue: str
    when: str
    needs: tuple[str, ...]
    priority: str
    due: str
    asks: str
    reason: str
    evidence: dict[str, str]
    owner: str
    hazards: tuple[str, ...]
    list: str = ""
    exclusions: tuple[str, ...] = ()
    despite: tuple[str, ...] = ()
    planned: bool = True
    clinical: bool = True
    leads: bool = True
    to_confirm: str = ""
    protects: str = ""
    suppress_days: int = 0
    suppress_from: str = ""
    reopen_on: tuple[str, ...] = ()
    first_if: str = "FALSE"
    removed_by: str = ""
    leaves: tuple[Leave, ...] = ()
    examples: tuple[dict[str, Any], ...] = ()
    where: str = ""

    @property
    def expressions(self) -> tuple[str, ...]:
        """Every condition that it names."""
        return (self.when, self.first_if, *(leave.when for leave in self.leaves))

    @property
    def proposal(self) -> bool:
        """A clinical rule that only we propose: off until the site turns it on."""
        return self.clinical and self.evidence["kind"] == "proposal"

    @property
    def mark(self) -> str:
        """Its id and version, as lines and tasks carry them."""
        return f"{self.id} v{self.version}"


@dataclass(frozen=True)
class Exclusion:
    """Who is not listed. `scope`: everything, planned lists, or only the rules that name it. `social`: the reason as the page of
    a navigator tells it, where it is a clinical detail. `hand_over`: a person hands over what is urgent, while the rest is held.
    `asks`, `how`: what the hub's page asks then, and how it is settled."""

    id: str
    when: str
    label: str
    reason: str
    outcome: str
    scope: str
    fact: str
    asked_anyway: bool
    social: str = ""
    hand_over: bool = False
    asks: str = "Urgent work is open: hand it over"
    how: str = ""
    examples: tuple[dict[str, Any], ...] = ()
    where: str = ""


def applies(exclusion: Exclusion, rule: Rule) -> bool:
    """Whether an exclusion, where it holds, keeps people off the list of this rule."""
    if exclusion.id in rule.despite or (rule.list == "hold" and exclusion.outcome == "held"):
        return False
    return (exclusion.scope == "everything" or (exclusion.scope == "planned" and rule.planned)
            or exclusion.id in rule.exclusions)


@dataclass(frozen=True)
class Live:
    """An entry that no night can decide: a call, a referral, a clinician's word. The hub's intake owns it."""

    id: str
    what: str


@dataclass(frozen=True)
class Queue:
    """A team's queue; queues stand in order of precedence. `residents`: served there; others pass on to the home's team."""

    id: str
    code: str
    title: str
    owner: str
    residents: bool = True
    live: tuple[Live, ...] = ()


@dataclass(frozen=True)
class ListInfo:
    """A list of a page. `slots`: the setting that says its places, empty = never capped; `per`: so many at one time, or so many
    new people a week; `gaps`: people of a practice that lacks a fact are named, or a notice tells of it; `shared`: one team serves
    all practices; `card`: what a line tells (deficits | events | social)."""

    id: str
    page: str
    queue: str
    title: str
    intro: str
    slots: str = ""
    per: str = "time"
    gaps: str = "told"
    shared: bool = False
    card: str = "events"


@dataclass(frozen=True)
class RuleSet:
    """Everything that decides who is on which list, and the hash that is signed off."""

    rules: tuple[Rule, ...]
    exclusions: tuple[Exclusion, ...]
    settings: Settings
    hash: str
    off: tuple[Rule, ...] = ()
    queues: tuple[Queue, ...] = ()
    facts: dict[str, Fact] | None = None
    lists: tuple[ListInfo, ...] = ()
    tiers: tuple[Tier, ...] = ()
    alerts: tuple[HomeAlert, ...] = ()

    @cached_property
    def _by_id(self) -> dict[str, Rule]:
        return {rule.id: rule for rule in (*self.off, *self.rules)}

    @cached_property
    def _exclusions(self) -> dict[str, Exclusion]:
        return {one.id: one for one in self.exclusions}

    def exclusion(self, exclusion_id: str) -> Exclusion:
        """An exclusion by id."""
        return self._exclusions[exclusion_id]

    @cached_property
    def _by_list(self) -> dict[str, list[Rule]]:
        made: dict[str, list[Rule]] = {}
        for rule in self.rules:
            made.setdefault(rule.list, []).append(rule)
        return made

    def rule(self, rule_id: str) -> Rule | None:
        """A rule by id, also where it is off."""
        return self._by_id.get(rule_id)

    def rules_of(self, list_id: str) -> list[Rule]:
        """The rules of one list, in their order."""
        return self._by_list.get(list_id, [])

    def usual_due(self, list_id: str) -> str:
        """When work of a list is due that somebody asked for: as its first rule says, turned on or not."""
        return next((rule.due for rule in (*self.rules, *self.off) if rule.list == list_id), "28 days")

    def lists_of(self, page: str, queue: str = "") -> list[ListInfo]:
        """The lists of a kind of page, or of one queue's pages."""
        return [one for one in self.lists if one.page == page and queue in ("", one.queue)]

    def scored(self, rule: Rule) -> bool:
        """Whether the rule rests on a score: its condition names a fact that comes of one."""
        facts = self.facts or vocabulary()
        return any(facts[name].source == SCORED for name in words(rule.when) if name in facts)


_HOLD = set[str]()              # hashes of the rule sets that were found to hold


def words(text: str) -> list[str]:
    """The names in an expression."""
    return re.findall(r"[a-z_][a-z0-9_]*", text)


def load_rules(site: Site | None = None, rules: Path | None = None) -> RuleSet:
    """Read rules/triage; a rule without evidence, owner, hazard or examples, or whose examples fail, does not load."""
    folder = (rules or rules_dir()) / "triage"
    clocks = load_clocks(site, rules)
    settings = load_settings(site, rules)
    defaults = load_settings(None, rules)
    facts = vocabulary(rules)
    files = sorted(folder.glob("*.toml"))
    read = {file: _read(file) for file in files}
    exclusions = tuple(_exclusion(entry, str(file), facts) for file in files for entry in read[file].get("exclusion", []))
    queues = tuple(_queue(entry, str(file)) for file in files for entry in read[file].get("queue", []))
    lists = tuple(_list(entry, str(file)) for file in files for entry in read[file].get("list", []))
    tiers = tuple(one for file in files for one in read_tiers(read[file].get("tier", []), str(file)))
    alerts = tuple(read_alert(entry, str(file)) for file in files for entry in read[file].get("alert", []))
    known = ("", *HOME_LISTS, *(one.id for one in lists))
    loaded = [_rule(entry, str(file), known) for file in files for entry in read[file].get("rule", [])]
    mark = rule_set_hash(folder, settings, clocks.content(load_calendar(site, rules)))
    if mark not in _HOLD:                                 # once a process: nobody reads it twice to hear the same
        from frailty.triage.rule_checks import check_rules
        check_rules(loaded, exclusions, queues, lists, tiers, alerts, defaults, facts, clocks)
        _HOLD.add(mark)
    on = tuple(rule for rule in loaded if not rule.proposal or settings.turned_on(rule.id))
    off = tuple(rule for rule in loaded if rule.proposal and not settings.turned_on(rule.id))
    return RuleSet(on, exclusions, settings, mark, off, queues, facts, lists, tiers, alerts)


def load_lists(rules: Path | None = None) -> tuple[ListInfo, ...]:
    """The lists of the pages, without their rules."""
    files = sorted(((rules or rules_dir()) / "triage").glob("*.toml"))
    return tuple(_list(entry, str(file)) for file in files for entry in _read(file).get("list", []))


def rule_set_hash(folder: Path, settings: Settings, time: str) -> str:
    """SHA-256 of every file of the folder, the settings, holidays and hours in force: what the three people sign."""
    mark = hashlib.sha256()
    for file in sorted(folder.glob("*.toml")):
        mark.update(file.name.encode() + b"\0" + file.read_bytes().replace(b"\r\n", b"\n") + b"\0")
    mark.update(json.dumps(settings.values, sort_keys=True, default=str).encode() + b"\0" + time.encode())
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


def _read(file: Path) -> dict[str, Any]:
    try:
        return parsed(file)
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise DefinitionError(
            "A file of triage rules cannot be read.", where=str(file), why=str(error)
        ) from error


def _rule(entry: dict[str, Any], where: str, lists: Sequence[str]) -> Rule:
    data = dict(entry)
    name = f"{where}, rule {data.get('id', '(without id)')}"
    for key, mend in (
        ("id", "give it an id"),
        ("evidence", "say which evidence stands behind it"),
        ("owner", "name the clinical owner"),
        ("hazards", "name the hazards of docs/hazards.md that it guards against or may cause"),
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
    for key in ("needs", "exclusions", "despite", "reopen_on", "hazards"):
        data[key] = tuple(data.get(key, ()))
    try:
        rule = Rule(**data, leaves=leaves, examples=examples, where=name)
    except TypeError as error:
        raise DefinitionError("The rule is not complete.", where=name, why=str(error)) from error
    for value, allowed, what in ((rule.priority, PRIORITIES, "priority"), (rule.list, lists, "list"),
                                 (rule.protects, ("", *PROTECTED), "protected part")):
        if value not in allowed:
            raise DefinitionError(
                f"The {what} “{value}” is not known.", where=name, mend=nearest(value, allowed)
            )
    return rule


def _queue(entry: dict[str, Any], where: str) -> Queue:
    data = dict(entry)
    name = f"{where}, queue {data.get('id', '(without id)')}"
    _refuse_unknown(data, set(Queue.__dataclass_fields__), name)
    try:
        live = tuple(Live(**one) for one in data.pop("live", []))
        return Queue(**data, live=live)
    except TypeError as error:
        raise DefinitionError("The queue is not complete.", where=name, why=str(error)) from error


def _list(entry: dict[str, Any], where: str) -> ListInfo:
    name = f"{where}, list {entry.get('id', '(without id)')}"
    _refuse_unknown(entry, set(ListInfo.__dataclass_fields__), name)
    try:
        made = ListInfo(**entry)
    except TypeError as error:
        raise DefinitionError("The list is not complete.", where=name, why=str(error)) from error
    for value, allowed in ((made.page, PAGES), (made.per, PER), (made.gaps, GAPS), (made.card, CARDS)):
        if value not in allowed:
            raise DefinitionError(f"“{value}” is not known.", where=name, mend=nearest(value, allowed))
    return made


def _exclusion(entry: dict[str, Any], where: str, facts: dict[str, Fact]) -> Exclusion:
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
    for value, allowed in ((made.outcome, OUTCOMES), (made.scope, SCOPES), (made.fact, facts)):
        if value not in allowed:
            raise DefinitionError(f"“{value}” is not known.", where=name, mend=nearest(value, allowed))
    return made


def _refuse_unknown(data: dict[str, Any], known: set[str], where: str) -> None:
    for key in data:
        if key not in known:
            raise DefinitionError(f"“{key}” is not known here.", where=where, mend=nearest(key, known))
