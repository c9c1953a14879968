"""Medicines as scores see them: by substance and by BNF code, whatever product was issued."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from scoring_people import HEADER, LOCAL, TODAY, as_said, lay_out, write_rules

from frailty.records.arrays import PracticeArrays
from frailty.scoring import compile_plan, evaluate, load_scorecard
from frailty.terminology import substances

pytestmark = pytest.mark.scoring
CARD = """
id = "drugs"
title = "Substances and BNF codes"
version = "1"
licence = "none"
source = { citation = "made up" }
[[term]]
id = "points"
any = [{ from = "issue", codes = "t/substances", within = "120 days" }]
lookup = { file = "drugs.csv", key = "key", points = "points" }
[[term]]
id = "sleep"
any = [{ from = "issue", codes = "t/bnf" }]
points = 10
"""
SITE = "system,code,substance,bnf_paragraph\nurn:test,S1,Zopiclone,0401010Z0AAABAB\nurn:test,S2,oddity,0401020\n"
NAMES = {"N1": "Codeine 30mg tablets", "N2": "Co-codamol 8mg/500mg tablets", "N3": "Amitriptyline 10mg tablets",
         "N4": "Unheard-of 5mg", "S1": "A product", "S2": "Another product"}


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    folder = write_rules(tmp_path, {"drugs": CARD})
    (folder / "codelists" / "t" / "substances.csv").write_text(
        HEADER + "substance,codeine,,exact,,,,weak,,\nsubstance,amitriptyline,,exact,,,,strong,,\nsubstance,oddity,,exact,,,,strong,,\n")
    (folder / "codelists" / "t" / "bnf.csv").write_text(HEADER + "bnf,040101,,prefix,,,,,,\n")
    (folder / "scores" / "drugs.csv").write_text("key,points\nweak,1\nstrong,3\n")
    (folder / "medicines.csv").write_text(SITE)
    return folder


def terms(rules: Path, codes: list[str], with_ladder: bool = True) -> dict[str, Any]:
    """The contributions of one person to whom these products were issued a month ago: term -> (points, records)."""
    when = TODAY - timedelta(days=30)
    person = {"birth": None, "as_of": TODAY, "sex": "female", "hospital_from": None, "coded": [], "measured": [], "stays": [],
              "hospital_without_stays": False, "issues": [
                  {"system": LOCAL, "code": code, "effective": when, "recorded": when, "record": n} for n, code in enumerate(codes)]}
    laid = lay_out([person], ())
    ladder = substances(laid.systems, laid.codes, [NAMES.get(code) for code in laid.codes], rules / "medicines.csv")
    arrays = PracticeArrays(**{**vars(laid.arrays), "substance": ladder.substance, "rung": ladder.rung})
    plan = compile_plan([load_scorecard("drugs", rules)], laid.systems, laid.codes, rules, ladder=ladder if with_ladder else None)
    said = as_said(evaluate(plan, arrays, laid.as_of), laid, "drugs")[0]
    return {id: (one["points"], one["n"]) for id, one in said["terms"].items()}


@pytest.mark.parametrize(("codes", "expected"), [
    (["N1"], {"weak": (1, 1)}),
    (["N2"], {"weak": (1, 1)}),                          # a combination counts as each of its parts
    (["N1", "N2"], {"weak": (1, 2)}),                    # one substance, however often
    (["N1", "N3"], {"weak": (1, 1), "strong": (3, 1)}),
    (["S1"], {"sleep": (10, 1)}),                        # by the prefix of the BNF code that the site gives
    (["S2"], {"strong": (3, 1)}),                        # another paragraph; the site's name of the substance
    (["N4"], {}),
])
def test_a_list_may_name_substances_and_bnf_codes(rules: Path, codes: list[str], expected: dict[str, Any]) -> None:
    assert terms(rules, codes) == expected


def test_without_a_ladder_no_substance_is_known(rules: Path) -> None:
    assert terms(rules, ["N1", "S1"], with_ladder=False) == {}
