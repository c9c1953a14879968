"""Facts, rules, clocks and care homes: scores to worklists.

facts = build_facts(con, site, scores, contributions, as_of)
worklists = build_worklists(con, site, facts, load_rules(site), as_of, previous_listed(con, as_of))
con.executemany("INSERT INTO listed VALUES (…)", worklists.rows(run))
"""

from frailty.triage.cases import Case, Cases, Hit, Task, make_cases
from frailty.triage.clock_rules import load_clocks
from frailty.triage.clocks import Calendar, load_calendar
from frailty.triage.evaluate import evaluate
from frailty.triage.facts import FactTable, build_facts, needed_lists
from frailty.triage.lines import Card, Line, ListView, Page, Worklists
from frailty.triage.previous import previous_listed
from frailty.triage.rules import Exclusion, Rule, RuleSet, load_rules
from frailty.triage.settings import Settings, load_settings
from frailty.triage.worklists import build_worklists

__all__ = [
    "Calendar",
    "Card",
    "Case",
    "Cases",
    "Exclusion",
    "FactTable",
    "Hit",
    "Line",
    "ListView",
    "Page",
    "Rule",
    "RuleSet",
    "Settings",
    "Task",
    "Worklists",
    "build_facts",
    "build_worklists",
    "evaluate",
    "load_calendar",
    "load_clocks",
    "load_rules",
    "load_settings",
    "make_cases",
    "needed_lists",
    "previous_listed",
]
