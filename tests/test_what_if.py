"""`frailty triage what-if`: the lists of a store, as they are and as they would be; nothing is kept and nobody is named."""

from __future__ import annotations

import hashlib
import json
import re
from datetime import date
from typing import Any

import pytest
from triage_town import Town, rules_for, site

from frailty.cli import main
from frailty.cli.what_if import changes, unheld
from frailty.errors import FrailtyError
from frailty.triage import build_worklists, previous_listed


def test_lists_beside_the_present_ones(first_night: Any, capsys: pytest.CaptureFixture[str]) -> None:
    store, where = str(first_night.store), str(first_night.site)
    before = hashlib.sha256(first_night.store.read_bytes()).hexdigest()
    assert main(["triage", "what-if", "--store", store, "--site", where, "--slots", "note_review=0", "--set", "cfs_severe=9"]) == 0
    out = capsys.readouterr().out
    assert "note_review_slots = 0, cfs_severe = 9" in out
    told = json.loads((first_night.out / "run.json").read_text("utf-8"))
    listed = sum(page["lists"].get("note_review", {}).get("now", 0) for page in told["worklists"]["pages"])
    assert listed and re.search(rf"Five-minute note reviews +{listed} -> 0 +0 -> \d+ +0 -> over 0", out)
    assert "equity" in told["worklists"]
    assert hashlib.sha256(first_night.store.read_bytes()).hexdigest() == before
    assert not re.search(r"999\d{7}", out)


def test_a_change_that_is_asked_for_is_not_held() -> None:
    """At night a list that grows by more than a third waits for somebody to look (G12); here that is the question."""
    town, few, many = Town(), site(settings={"proposals": True}), site(settings={"proposals": True, "falls_30d_soon": 1})
    for person in range(70):
        town.person(person)
        for day in (10, 12)[: 1 + (person < 30)]:
            town.code(person, "efi/falls", date(2026, 11, day))
    town.run(few)
    town.next_day()

    def listed(rows: list[dict[str, Any]]) -> int:
        made = build_worklists(town.con, many, town.facts(many), rules_for(many), town.as_of, rows)
        return len(made.page("team", "community").lists[0].lines)

    rows = previous_listed(town.con, town.as_of)
    assert (listed(rows), listed(unheld(rows))) == (30, 70)


def test_what_is_asked_of_it() -> None:
    assert changes(["mdt=12"], ["cfs_severe=6", "tie_seed=two"]) == {"mdt_slots": 12, "cfs_severe": 6, "tie_seed": "two"}
    for wrong, says in ((["mtd=12"], "mdt=12"), (["mdt"], "gives no value"), (["mdt=-1"], "not understood")):
        with pytest.raises(FrailtyError, match=says):
            changes(wrong, [])
