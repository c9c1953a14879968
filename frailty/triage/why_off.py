"""Why somebody of the last run's lists is not on them tonight."""

from __future__ import annotations

from collections.abc import Sequence

from frailty.triage import cards
from frailty.triage.context import ASKED, Run
from frailty.triage.evaluate import leave_reasons
from frailty.triage.lines import Line


def why_off(run: Run, lines: Sequence[Line], elsewhere: dict[str, str]) -> dict[tuple[str, str], str]:
    """For lines of the last run that are not there now: why."""
    reasons: dict[tuple[str, str], str] = {}
    by_rule: dict[str, list[int]] = {}
    for line in lines:
        for mark in line.rules:
            if line.person in run.rows and line.person is not None:
                by_rule.setdefault(mark.split(" v")[0], []).append(line.person)
    leaves = {}
    for rule_id, people in by_rule.items():
        rule = run.rules.rule(rule_id)
        if rule:
            found = leave_reasons(run.con, rule, people, run.facts.settings.values)
            leaves.update({(rule_id, person): reason for person, reason in found.items()})
    for line in lines:
        reasons[line.list, line.mark] = _one_off(run, line, leaves, elsewhere)
    return reasons


def _one_off(run: Run, line: Line, leaves: dict[tuple[str, int], str], elsewhere: dict[str, str]) -> str:
    person, decided = line.person, run.decision_on(line)
    if decided:
        return decided
    if not line.patient_id:
        return "the home's list no longer says so, or the person was found in the records"
    row = run.rows.get(line.who)
    if person is None or row is None:
        days = run.facts.settings.number("transfer_days")
        held = f"; held for {days} days, in case it is a transfer or an error" if set(line.rules) - {ASKED} else ""
        return f"no longer in the records{held}"
    rules = [rule for mark in line.rules if (rule := run.rules.rule(mark.split(" v")[0]))]
    exclusion = run.exclusion(person, rules)
    if exclusion:
        social = any(one.id == line.list and one.card == "social" for one in run.rules.lists)
        return cards.fill((social and exclusion.social) or exclusion.reason, row, run.facts.settings.values)
    for rule in rules:
        if (rule.id, person) in leaves:
            return cards.fill(leaves[rule.id, person], row, run.facts.settings.values)
    if line.mark in elsewhere:
        return f"now under “{elsewhere[line.mark]}”"
    if ASKED in line.rules and person not in run.asked:
        return "nobody asks for this person any more"
    for rule in rules:
        if run.verdicts.get(person, {}).get(rule.id, ("", False))[0] == "not evaluated":
            return f"can no longer be evaluated by rule {rule.id}"
    return "no longer meets the rule" + (f" {rules[0].id}" if rules else "")
