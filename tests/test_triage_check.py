"""`frailty rules check` and `frailty triage readiness`: a site's own rules proven, and what the sources suffice for."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from triage_town import Town, rules_for, site

from frailty.cli import main
from frailty.triage.cases import PLACES
from frailty.triage.readiness import readiness, rule_counts

ALL = site(settings={"proposals": True})
OWN = """
[[fact]]
id = "gout"
says = "gout within a year"
lists = ["own/gout"]
makes = "state"
holds = "12 months"

[[queue]]
id = "joints"
code = "Q90"
title = "Joints"
owner = "rheumatology nurse"

[[rule]]
id = "GOUT-01"
version = 1
queue = "joints"
when = "gout = 'yes' AND age >= 65"
needs = ["gout", "age"]
priority = "P6"
due = "90 days"
asks = "Review."
reason = "Gout recorded on {gout_on}"
evidence = { kind = "proposal", cite = "local agreement" }
owner = "rheumatology nurse"
hazards = ["H12"]
example = [{ facts = { gout = "yes", age = 70 }, expect = true }, { facts = { gout = "no", age = 70 }, expect = false }]
"""
CSV = """system,code,term,match,within_years,min_age_at_event,max_age_at_event,category,status,caution
http://snomed.info/sct,90560007,Gout,exact,,,,present,unreviewed,
"""


def folder(place: Path, old: str = "", new: str = "") -> Path:
    """A site's own folder of rules."""
    for name in ("triage", "codelists/own"):
        (place / name).mkdir(parents=True)
    text = OWN.replace(old, new) if old else OWN
    assert not old or text != OWN
    (place / "triage" / "own.toml").write_text(text, encoding="utf-8")
    (place / "codelists/own/gout.csv").write_text(CSV, encoding="utf-8")
    (place / "codelists/own/source.toml").write_text('title = "Own"\nchecked_by = "us"\n', encoding="utf-8")
    return place


def test_the_shipped_rules_hold(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rules", "check"]) == 0
    out = capsys.readouterr().out
    found = re.search(r"(\d+) rules in (\d+) queues hold, with (\d+) examples", out)
    assert found
    assert int(found[1]) == len(rules_for(ALL).rules)
    assert "Hash to sign: " in out


def test_a_sites_own_fact_queue_and_rule_are_taken(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rules", "check", str(folder(tmp_path / "ours"))]) == 0
    assert f"{len(rules_for(ALL).rules) + 1} rules" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [("gout = 'yes' AND", "guot = 'yes' AND", "did you mean gout"), ('cite = "local agreement"', 'cite = ""', "evidence"),
     ('owner = "rheumatology nurse"\nhazards', "hazards", "owner"), ('hazards = ["H12"]', "hazards = []", "hazards"),
     ("facts = { gout = \"no\", age = 70 }, expect = false", 'facts = { gout = "no", age = 70 }, expect = true', "expects True"),
     ('queue = "joints"', 'queue = "join"', "did you mean joints"), ('lists = ["own/gout"]', 'lists = ["own/guot"]', "did you mean own/gout"),
     ('id = "GOUT-01"', 'id = "MDT-01"', "used twice"), ('priority = "P6"', 'priority = "P1"', "priority")],
)  # fmt: skip
def test_a_rule_that_does_not_hold_is_refused_by_the_users_own_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], old: str, new: str, says: str
) -> None:
    ours = folder(tmp_path / "ours", old, new)
    assert main(["rules", "check", str(ours)]) == 1
    err = capsys.readouterr().err
    assert says in err
    assert "frailty-rules-" not in err


def test_a_store_is_counted_and_names_nobody(first_night: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store, where = str(first_night.store), str(first_night.site)
    assert main(["rules", "check", str(folder(tmp_path / "ours")), "--store", store, "--site", where]) == 0
    out = capsys.readouterr().out
    assert re.search(r"MDT-01 v1 +practice +P5 +on ", out)
    assert re.search(r"GOUT-01 v1 +joints +P6 +proposal", out)
    assert "Off, as nobody can decide them:" in out
    assert main(["triage", "readiness", "--store", store, "--site", where]) == 0
    ready = capsys.readouterr().out
    assert re.search(r"Q14 Liver service: off \(the code list needs/", ready)
    assert "live: UCR-01" in ready
    for n in range(1, 10):
        assert f"999{n:07d}" not in out + ready


def test_readiness_says_queue_by_queue_what_is_missing() -> None:
    town = Town()
    town.person(1, "severe", 14)
    facts = town.facts(ALL)
    facts.absent["smr_status", "*"] = "the code list care/smr has no codes yet"
    found = {one.queue.id: one for one in readiness(town.con, facts, rules_for(site()))}
    assert [one.queue.id for one in found.values()] == [one.id for one in rules_for(ALL).queues]
    assert found["visits"].state == "live only"
    assert found["hub"].state == "not turned on"
    assert found["pharmacist"].state == "partly"
    assert ("SMR-02", "the code list care/smr has no codes yet") in found["pharmacist"].off
    need = next(one for one in found["practice"].needs if one.fact == "plan_status")
    assert (need.share, need.source, need.why) == (0.0, "CarePlan", "Y90001: no care plans in this practice's records")


def test_counts_are_those_of_the_first_night() -> None:
    town = Town()
    for person in range(1, 5):
        town.person(person, "severe", 14)
    town.stay(4, town.as_of)
    counts, people = rule_counts(town.con, ALL, town.facts(ALL), rules_for(ALL), rules_for(site()), town.as_of)
    one = next(one for one in counts if one.rule.id == "MDT-01")
    assert (people, one.turned_on, dict(zip(PLACES, one.places, strict=True))["open"]) == (4, True, 3)
    assert dict(zip(PLACES, one.places, strict=True))["paused"] == 1
    assert not next(one for one in counts if one.rule.id == "MDT-04").turned_on
