"""A scorecard in words: what `frailty scores show` says, for people who do not know the language of scorecards."""

from __future__ import annotations

import pytest

from frailty.scoring import load_scorecard, scorecard_ids
from frailty.scoring.describe import describe

SAID: dict[str, list[str]] = {
    "efi2": ["3 or more of them, last 5 years", "different BNF paragraphs among all medicines issued, last 90 days",
             "below 5 = 0, from 5 below 10 = 0.32301, from 10 = 0.50801", "dementia, cognitive_impairment, memory_concerns: the first counts"],
    "news2": ["pulse /min, rounded to 1 in the one set", "from 131 = 3; no score without it", "temperature °C",
              "Breathing oxygen: vitals/air_or_oxygen as the answer to vitals/breathing", "in one set, of the last 7 days"],
    "parr30": ["0.000060581 x it squared", "imd2007_score, which the site supplies", "158 named trusts from -0.9757 to 0.3081, any other -0.1155",
               "earlier emergency inpatient stays, last 12 months", "the scored emergency hospital stay"],
    "lace_chf1": ["days of the scored hospital stay; points: below 1 = 0", "Congestive heart failure: 14 codes", "not beside diabwc",
                  "the sum is one term (comorbidity); points: below 1 = 0", "earlier emergency attendances or stays, last 6 months"],
    "acb": ["medicines of medicines/anticholinergic (amitriptyline) issued, last 120 days", "could add 3 points"],
    "hospital_score_2016": ["the latest haemoglobin g/L, during the stay", "coded in the scored hospital stay"],
    "news2_change": ["change from the person's own earlier news2 total, with 3 or more before"],
    "cambridge": ["codes of cambridge/cancer, 5 years ago or more", "the largest of the last 2 egfr below 60"],
    "charlson_shmi": ["a sum below 0 counts as 0"],
}


def words(text: str) -> str:
    return " ".join(text.split())


@pytest.mark.parametrize("id", SAID)
def test_it_speaks_the_whole_language(id: str) -> None:
    text = words(describe(load_scorecard(id)))
    assert [one for one in SAID[id] if words(one) not in text] == [], text


@pytest.mark.parametrize("id", scorecard_ids())
def test_every_score_can_be_described(id: str) -> None:
    card = load_scorecard(id)
    text = describe(card)
    assert [term.id for term in card.terms if term.id not in text] == []
    assert "Decimal(" not in text and "None" not in text and max(map(len, text.splitlines())) <= 132
