"""Rules as data: what does not load, what an expression may hold, and one bad row among good ones."""

import shutil
from datetime import date
from pathlib import Path

import duckdb
import pytest
from triage_town import Town, practice, rules_for, site

from frailty.errors import DefinitionError, SiteError
from frailty.knowledge import rules_dir
from frailty.site import SIGNATURES
from frailty.triage.evaluate import evaluate
from frailty.triage.expressions import check_expression
from frailty.triage.rules import load_rules, shadow
from frailty.triage.settings import load_settings
from frailty.triage.vocabulary import column_list, vocabulary

RULE = """
[[rule]]
id = "X-01"
version = 1
queue = "practice"
list = "mdt"
when = "age >= 75"
needs = ["age"]
priority = "P5"
due = "next_mdt"
asks = "Look."
reason = "Aged {age}"
evidence = { kind = "framework", cite = "somewhere" }
owner = "clinical lead"
hazards = ["H12"]
example = [{ facts = { age = 80 }, expect = true }]
"""


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    """Part of rules/triage, with room for one more file."""
    (tmp_path / "triage").mkdir()
    for name in ("settings.toml", "exclusions.toml", "practice.toml", "queues.toml", "facts.toml", "clocks.toml"):
        shutil.copy(rules_dir() / "triage" / name, tmp_path / "triage")
    shutil.copytree(rules_dir() / "calendar", tmp_path / "calendar")
    return tmp_path


def load(rules: Path, old: str = "", new: str = "") -> None:
    text = RULE.replace(old, new) if old else RULE
    (rules / "triage" / "extra.toml").write_text(text, encoding="utf-8")
    load_rules(None, rules)


def test_the_shipped_rules_load_and_their_examples_hold() -> None:
    loaded = rules_for(site())
    assert {"MDT-01", "MDT-02", "SMR-02", "THIN-01", "CH-01", "CH-02", "CH-09"} <= {
        rule.id for rule in loaded.rules
    }
    assert all(rule.evidence["cite"] and rule.owner and len(rule.examples) >= 2 for rule in loaded.rules)
    assert not any(rule.priority in ("P0", "P1") for rule in loaded.rules)


def test_a_complete_rule_loads(rules: Path) -> None:
    load(rules)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('owner = "clinical lead"', "", "owner"),
        ('evidence = { kind = "framework", cite = "somewhere" }', "", "evidence"),
        ('cite = "somewhere"', 'cite = ""', "evidence"),
        ("example = [{ facts = { age = 80 }, expect = true }]", "", "example"),
        ("facts = { age = 80 }", "facts = { age = 70 }", "expects True and gives False"),
        ("facts = { age = 80 }", "facts = { aeg = 80 }", "did you mean age"),
        ("age >= 75", "efi_bnad = 'severe'", "is not a fact"),
        ("age >= 75", "frailty_sugested = 'severe'", "did you mean frailty_suggested"),
        ("age >= 75", "age >= $smr_medicine", "did you mean smr_medicines"),
        ("age >= 75", "age > (SELECT 1)", "subquery"),
        ("age >= 75", "random() < 0.5", "random"),
        ("age >= 75", "registered_from < now()", "now"),
        ("age >= 75", "registered_from < current_date", "current_date"),
        ("age >= 75", "registered_from < DATE 'today'", "casts"),
        ("age >= 75", "1) FROM facts WHERE (1 = 1", "more than one"),
        ("age >= 75", "age >=", "not an expression"),
        ("age >= 75", "count(*) > 1", "count_star"),
        ("age >= 75", "sum(age) OVER () > 1", "window"),
        ("Aged {age}", "Aged {aeg}", "did you mean age"),
        ('priority = "P5"', 'priority = "P1"', "priority"),
        ('list = "mdt"', 'list = "mtd"', "did you mean mdt"),
        ('priority = "P5"', 'priority = "soon"', "one of P"),
        ('queue = "practice"', 'queue = "practise"', "did you mean practice"),
        ('hazards = ["H12"]', "", "hazards"),
        ('priority = "P5"', 'priority = "P3"\nsuppress_from = "last_smr_on"', "cannot be suppressed"),
        ('due = "next_mdt"', 'due = "next_mtd"', "due"),
        ("version = 1", "", "not complete"),
        ("version = 1", "version = 1\nverison = 2", "did you mean version"),
        ("version = 1", 'version = 1\nexclusions = ["last_dyas"]', "did you mean last_days"),
        ('id = "X-01"', 'id = "MDT-01"', "used twice"),
    ],
)
def test_what_does_not_load(rules: Path, old: str, new: str, says: str) -> None:
    with pytest.raises(DefinitionError, match=says.replace("(", r"\(")) as error:
        load(rules, old, new)
    assert "extra.toml" in error.value.text() or "rules/triage" in error.value.text()


@pytest.mark.parametrize(
    "text",
    ["age BETWEEN 65 AND 80", "coalesce(cfs, 0) >= $cfs_severe", "last_fall_on > as_of - INTERVAL 12 MONTH",
     "registered_from < DATE '2020-01-01'", "NOT (age IN (1, 2)) OR palliative IS NULL",
     "CASE WHEN age > 3 THEN TRUE ELSE FALSE END", "last_smr_on < as_of - to_months(12)"],
)  # fmt: skip
def test_what_an_expression_may_hold(text: str) -> None:
    with duckdb.connect() as con:
        con.execute(f"CREATE TABLE facts ({column_list()})")
        check_expression(con, text, vocabulary(), load_settings().values, "here")


def test_one_bad_row_never_stops_the_others(rules: Path) -> None:
    """H16: an error for one person is "could not be evaluated", for that person only."""
    load(rules, "age >= 75", "age * 25000000 >= 75")  # too large a number for people over 85
    town = Town()
    town.person(1, birth_date=date(1900, 1, 1))
    town.person(2, birth_date=date(1990, 1, 1))
    town.facts(site())
    found = evaluate(town.con, load_rules(None, rules))
    rows = town.con.execute("SELECT person, outcome FROM outcome WHERE rule = 'X-01' ORDER BY 1").fetchall()
    assert rows == [(1, "not evaluated"), (2, "yes")]
    assert "1 people" in found.errors["X-01"]


def test_nulls_are_counted_by_rule_and_fact() -> None:
    town = Town()
    town.person(1)
    town.person(2, birth_date=None)
    town.facts(site())
    found = evaluate(town.con, rules_for(site()))
    assert found.nulls["THIN-01"] == {"age": 1}
    outcome = town.con.execute("SELECT person, outcome FROM outcome WHERE rule = 'THIN-01'").fetchall()
    assert outcome == []  # an unknown age, but an entry last month: the rule is decided all the same


def test_only_a_missing_fact_in_needs_makes_not_evaluated() -> None:
    town = Town()
    town.person(1, birth_date=None, last_entry_on=None)
    town.facts(site())
    evaluate(town.con, rules_for(site()))
    assert town.con.execute("SELECT outcome FROM outcome WHERE rule = 'THIN-01'").fetchall() == [
        ("not evaluated",)
    ]


def test_settings_of_the_site_win_and_unknown_ones_are_refused() -> None:
    assert load_settings(site(settings={"mdt_slots": 12})).number("mdt_slots") == 12
    with pytest.raises(SiteError, match="did you mean mdt_slots"):
        load_settings(site(settings={"mdt_slot": 12}))
    with pytest.raises(SiteError, match="does not fit"):
        load_settings(site(settings={"mdt_slots": "many"}))


def test_a_clinical_proposal_is_off_until_the_site_turns_it_on(rules: Path) -> None:
    (rules / "triage" / "extra.toml").write_text(RULE.replace('kind = "framework"', 'kind = "proposal"'))
    off = load_rules(None, rules)
    assert "X-01" in {rule.id for rule in off.off}
    on = load_rules(site(settings={"proposals": ["X-01"]}), rules)
    assert all(rule.proposal for rule in on.off)
    assert "X-01" in {rule.id for rule in on.rules}


def test_shadow_until_all_three_sign_this_very_rule_set() -> None:
    rules = rules_for(site())
    names = dict.fromkeys(SIGNATURES, "Dr C Example")
    assert "safety officer" in shadow(site(), rules)
    assert "IG lead" in shadow(site(sign_off={**names, "ig_lead": "", "hash": rules.hash}), rules)
    assert "changed" in shadow(site(sign_off={**names, "hash": "old"}), rules)
    assert shadow(site(sign_off={**names, "hash": rules.hash}), rules) == ""


def test_the_hash_follows_rules_and_settings(rules: Path) -> None:
    before = load_rules(None, rules).hash
    assert load_rules(site(practices=(practice(),)), rules).hash == before
    assert load_rules(site(settings={"mdt_slots": 9}), rules).hash != before
    own = {load_rules(site(**more), rules).hash for more in (
        {"bank_holidays": (date(2026, 11, 25),)}, {"holidays_known_to": 2031}, {"hours": {"hub": {"weekdays": ["09:00-17:00"]}}},
        {"hours": {"hub": {"every_day": ["08:00-20:00"], "closed": ["2026-11-25"]}}},
        {"hours": {"hub": {"every_day": ["08:00-20:00"], "bank_holidays": []}}})}
    assert len(own | {before}) == 6                     # each is another hash to sign
    assert load_rules(site(hours={"hub": {"every_day": ["08:00-20:00"]}}), rules).hash == before
    file = rules / "triage" / "practice.toml"
    file.write_text(file.read_text().replace("14 days", "21 days"))
    assert load_rules(None, rules).hash != before
