"""`frailty triage what-if`: the lists of a store, as they are and as they would be; nothing is kept and nobody is named."""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any

import pytest

from frailty.cli import main
from frailty.cli.what_if import changes
from frailty.errors import FrailtyError


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


def test_what_is_asked_of_it() -> None:
    assert changes(["mdt=12"], ["cfs_severe=6", "tie_seed=two"]) == {"mdt_slots": 12, "cfs_severe": 6, "tie_seed": "two"}
    for wrong, says in ((["mtd=12"], "mdt=12"), (["mdt"], "gives no value"), (["mdt=-1"], "not understood")):
        with pytest.raises(FrailtyError, match=says):
            changes(wrong, [])
