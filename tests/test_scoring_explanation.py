"""Explanation: contributions that sum to the score, one sentence for a card, and what would change a band."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nightly_town import AS_OF, DEFICITS, Place, coding, condition, encounter, load, medicines, order, patient
from scoring_people import lay_out, persons

import frailty
from frailty.cli import main
from frailty.practice import Practice
from frailty.records.store import connect
from frailty.scoring import compile_plan, evaluate, load_scorecard, scorecard_ids
from frailty.scoring.outlook import edges
from frailty.scoring.sentences import term_name
from frailty.terminology import load_codelist

DAY = date(2026, 11, 22)


# ---- contributions sum to the score


@pytest.mark.parametrize("id", scorecard_ids())
@settings(max_examples=5, deadline=None)
@given(data=st.data())
def test_contributions_sum_exactly_to_the_score(id: str, data: st.DataObject) -> None:
    """In whole multiples of the smallest decimal, so that nothing can hide in a rounding."""
    card = load_scorecard(id)
    if not card.terms:
        pytest.skip("listed, never computed")
    pairs = tuple(dict.fromkeys((entry.system, entry.code) for name in card.codelists for entry in load_codelist(name).entries[:3]))
    quantities = compile_plan([card], [""], [""]).measured_quantities
    people = data.draw(st.lists(persons(pairs or (("", "X"),), dict.fromkeys(quantities or ("none",), ("X",))), min_size=1, max_size=4))
    laid = lay_out(people, tuple(quantities or ("none",)))
    scores = evaluate(compile_plan([card], laid.systems, laid.codes), laid.arrays, laid.as_of)
    found = scores.contributions
    summed = np.zeros(len(people), np.int64)
    np.add.at(summed, found.person, found.points)
    np.testing.assert_array_equal(summed, scores[id].points)


def test_on_a_loaded_locality_too(first_night: Place) -> None:
    practice = frailty.open(first_night.store)
    ids = [id for id in scorecard_ids() if load_scorecard(id).terms]
    scores, found = practice.evaluate(ids, AS_OF)
    summed = found.groupby(["patient_id", "score"])["points"].sum()
    for id in ids:
        unit = 10**load_scorecard(id).scale
        for patient_id, points in zip(scores["patient_id"], scores[f"{id}_points"], strict=True):
            assert round(summed.get((patient_id, id), 0) * unit) == round(points * unit)
    dated = found[found["last_on"].notna()]
    assert (dated["first_on"] <= dated["last_on"]).all() and (dated["n"] >= 1).all() and dated["resource"].notna().all()
    of_stays = dated["resource"].str.startswith("Encounter/")             # a stay counts as itself; it has no code
    assert dated["code"].notna()[~of_stays].all() and of_stays.any()


# ---- sentences


def five(subject: str, on: str) -> list[Any]:
    return [order(f"{subject}-m{n}", subject, medicines()[n], on) for n in range(5)]


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Practice:
    """ada: 13 deficits and two new ones; ben: none; cy: 64; di: mild and coded so; ed: 8 and medicines that lapse in May; flo: fit."""
    gp: list[Any] = []
    for n, (id, born) in enumerate({"ada": "1940-01-01", "ben": "1940-01-01", "cy": "1962-01-01", "di": "1940-01-01",
                                    "ed": "1940-01-01", "flo": "1951-12-24"}.items()):
        gp += [patient(id, 60 + n, "Y90001", born)]
    names = [name for name in DEFICITS if name not in ("falls", "dizziness")]

    def some(id: str, many: int) -> list[Any]:
        return [condition(f"{id}-{name}", id, coding(f"efi/{name}"), "2020-05-04") for name in names[:many]]

    gp += some("ada", 13) + some("di", 5) + some("ed", 8) + some("cy", 5)
    gp += [condition("ada-falls", "ada", coding("efi/falls"), "2026-05-12"),
           condition("ada-falls2", "ada", coding("efi/falls"), "2026-10-12"),
           condition("ada-weight", "ada", coding("efi/weight-loss"), "2026-03-03"),
           condition("di-mild", "di", coding("care/frailty_mild"), "2025-02-01"),
           condition("ed-severe", "ed", coding("care/frailty_severe"), "2025-02-01"), *five("ed", "2026-05-20")]
    hospital = [patient("h-flo", 65, None, "1951-12-24"), encounter("e1", "h-flo", "2024-12-20", "2024-12-24"),
                condition("d1", "h-flo", {"system": "http://hl7.org/fhir/sid/icd-10", "code": "F05"}, None,
                          encounter={"reference": "Encounter/e1"})]
    con = connect()
    load(con, tmp_path_factory.mktemp("town"), {"harbour-gp": gp, "hospital": hospital})
    return Practice(con)


def sentence(town: Practice, id: str, score: str, **more: Any) -> str:
    found = town.sentences(score, DAY, **more).set_index("patient_id")["sentence"]
    return str(found[id])


@pytest.mark.parametrize(("id", "score", "expected"), [
    ("ada", "efi", "Severe by eFI: 15 of 36 deficits; newest: falls (12 May 2026), weight loss and anorexia (3 March 2026); not confirmed."),
    ("ben", "efi", "Fit by eFI: none of 36 deficits recorded; thin record."),
    ("cy", "efi", "eFI: not meant for this person. Younger than 65."),
    ("flo", "hfrs", "HFRS: not meant for this person. Younger than 75."),
    ("ben", "hfrs", "HFRS: not computed. No hospital feed covers this practice."),
])
def test_sentences(town: Practice, id: str, score: str, expected: str) -> None:
    if (id, score) == ("ben", "hfrs"):
        town = Practice.from_frames(town.persons[["patient_id", "birth_date", "sex", "practice"]].assign(sex="female"),
                                    pd.DataFrame(columns=["patient_id", "record_id", "system", "code", "effective_on"]))
    assert sentence(town, id, score) == expected


def test_confirmed_or_coded_otherwise(town: Practice) -> None:
    assert sentence(town, "di", "efi").endswith("; confirmed 1 February 2025.")
    ed = sentence(town, "ed", "efi")
    assert ed.endswith("; coded as severe 1 February 2025.") and ed.startswith("Moderate by eFI: 9 of 36 deficits; newest: ")
    assert "polypharmacy" not in ed             # a repeated issue is no news
    assert "confirmed" not in sentence(town, "ben", "efi") + sentence(town, "flo", "efi") + sentence(town, "ada", "charlson")
    assert "not confirmed" in sentence(town, "ada", "efi_reviewed") and "eFI (reviewed)" in sentence(town, "ada", "efi_reviewed")


def test_sentences_of_many(town: Practice) -> None:
    found = town.sentences(["efi", "hfrs"], DAY, objectors=["ada"])
    assert list(found.columns) == ["patient_id", "score", "sentence"]
    assert list(found["patient_id"][:4]) == ["ada", "ada", "ben", "ben"] and list(found["score"][:2]) == ["efi", "hfrs"]
    assert found.iloc[0]["sentence"] == "eFI: not computed. not scored: objection"
    words = " ".join(found["sentence"])
    assert "%" not in words and "risk" not in words and "would" not in words


@pytest.mark.parametrize(("title", "name"), [
    ("Falls", "falls"), ("COPD", "COPD"), ("Parkinson's disease", "Parkinson's disease"), ("HIV or AIDS", "HIV or AIDS"),
    ("Memory and cognitive problems", "memory and cognitive problems")])
def test_names_of_terms_inside_a_sentence(title: str, name: str) -> None:
    from frailty.scoring.definitions import Term
    assert term_name(Term("x", title)) == name


# ---- what would change the band


def test_the_edges_of_a_band_are_exact() -> None:
    efi, hfrs = load_scorecard("efi"), load_scorecard("hfrs")
    assert edges(efi, 12) == [("severe", 1, "up"), ("mild", 4, "down")]
    assert edges(efi, 13) == [("moderate", 1, "down")]
    assert edges(efi, 0) == [("mild", 5, "up")]
    assert edges(hfrs, 4.9) == [("intermediate", 0.1, "up")]
    assert edges(hfrs, 15) == [("high", 0.1, "up"), ("low", 10.1, "down")]


@pytest.mark.parametrize("id", scorecard_ids())
def test_at_every_edge_the_band_is_the_engine_s(id: str) -> None:
    card = load_scorecard(id)
    if len(card.bands) < 2 or card.divide_by:
        pytest.skip("no bands of plain points")
    for at in range(0, 400):
        points = at / 10**card.scale
        for label, distance, way in edges(card, points):
            reached = points + distance if way == "up" else points - distance
            back = [name for name, _, other in edges(card, reached) if other != way]
            assert back and label not in back


def test_what_happens_by_itself(town: Practice) -> None:
    """Five substances of 20 May 2026 count until 19 May 2027; then ed is mild. Each day is one that the engine scores."""
    ahead = town.outlook("ed", "efi", DAY)
    assert ahead.to_dict("records") == [{"on": date(2027, 5, 20), "term": "polypharmacy", "points": -1, "band": "mild", "status": "ok"}]
    for day, band in ((date(2027, 5, 19), "moderate"), (date(2027, 5, 20), "mild")):
        assert town.score("efi", day).set_index("patient_id").loc["ed", "efi_band"] == band
    assert town.outlook("ada", "efi", DAY).empty
    flo = town.outlook("flo", "hfrs", DAY)      # 75 on 24 December 2026; the stay of 2024 has passed four days before
    assert [(row["on"], row["term"], row["status"]) for row in flo.to_dict("records")] == [
        (date(2026, 12, 20), "F05", "outside_population"), (date(2026, 12, 24), "", "ok")]
    with pytest.raises(frailty.FrailtyError, match="Nobody here"):
        town.outlook("nobody", "efi", DAY)


def test_explain_says_what_would_change(first_night: Place, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "p2", "--store", str(first_night.store), "--as-of", str(AS_OF)]) == 0
    out = capsys.readouterr().out
    assert "Moderate by eFI: 9 of 36 deficits; newest: " in out
    assert "4 more points would be severe, not moderate." in out and "1 fewer point would be mild, not moderate." in out
    assert "If nothing more is recorded, in the next two years:\n" in out and "-1  polypharmacy" in out
