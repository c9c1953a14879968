"""Rising need, on worked cases: what a clinician would call a rise, and what is only a change of coding."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from statistics import linear_regression
from typing import Any

import naive
import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scoring_people import CODES, ICD10, LISTS, LOCAL, QUANTITIES, TODAY, Row, lay_out, number_of, persons, write_rules
from test_history import FAST

from frailty import Practice
from frailty.errors import DefinitionError
from frailty.knowledge import rules_dir
from frailty.records.arrays import of_people
from frailty.scoring import compile_plan, evaluate, load_scorecard
from frailty.scoring.rising import load_rules, months_back, rising
from frailty.terminology import load_codelist

AS_OF = date(2026, 10, 31)      # the months before end on 30 April, 31 May, 30 June, 31 July, 31 August and 30 September
SNOMED = "http://snomed.info/sct"
OLD = "2015-03-01"


def code_of(deficit: str) -> str:
    """A code of one eFI list and of no other."""
    lists = {name: {e.code for e in load_codelist(name).entries} for name in load_scorecard("efi").codelists}
    return next(e.code for e in load_codelist(f"efi/{deficit}").entries
                if e.system == SNOMED and sum(e.code in codes for codes in lists.values()) == 1)


DEFICITS = ("anaemia", "arthritis", "falls", "dizziness", "dyspnoea", "chd", "ckd", "diabetes", "hypotension", "osteoporosis",
            "parkinsons", "pvd", "thyroid-disorders", "urinary-incontinence", "weight-loss")
Written = tuple[str, str, str]  # deficit, happened, recorded


def on(days: str, *, happened: str = "", first: int = 0) -> list[Written]:
    """One deficit after the other, each written down on a day ("2026-05-10 2026-06-10"); happened: else on that day."""
    return [(DEFICITS[first + n], happened or day, day) for n, day in enumerate(days.split())]


BASE = on(" ".join([OLD] * 4), first=10)    # four deficits for years: fit, 4 of 36; the next one is mild
CASES: dict[str, tuple[dict[str, Any], list[Written]]] = {
    "steady": ({}, BASE),
    "rapid by slope": ({}, on("2026-07-31 2026-08-31 2026-09-30")),
    "rapid by rise": ({}, on("2026-05-10 2026-05-20 2026-06-10 2026-10-20")),
    "just short of rapid": ({}, on("2026-05-10 2026-06-10 2026-10-20")),
    "moderate by slope": ({}, on("2026-06-15 2026-08-15")),
    "moderate by band": ({}, [*BASE, *on("2026-10-20")]),
    "one deficit": ({}, on("2026-10-20")),
    "coding batch": ({}, [*BASE, *on(" ".join(["2026-10-03"] * 8), happened="2026-10-03")]),
    "three of five in one day": ({}, on("2026-06-01 2026-10-03 2026-10-03 2026-10-03 2026-10-20")),
    "half in one day": ({}, on("2026-05-01 2026-06-01 2026-07-01 2026-10-03 2026-10-03 2026-10-03")),
    "new here": ({"registered_from": "2026-07-01"}, on("2026-07-05 2026-07-20 2026-08-20 2026-09-20")),
    "new, ill later": ({"registered_from": "2026-05-01"}, on("2026-09-05 2026-09-20 2026-10-10 2026-10-20")),
    "summarised": ({}, [*on("2026-06-01 2026-07-01 2026-08-01", happened="2019-01-01"), *on("2026-09-01", first=5)]),
    "written down late": ({}, on("2026-06-01", happened="2019-01-01")),
    "65 in July": ({"birth_date": "1961-07-15"}, on("2026-08-20 2026-08-25 2026-09-20 2026-09-25")),
    "65 in September": ({"birth_date": "1961-09-15"}, on("2026-08-20 2026-08-25 2026-09-20 2026-09-25")),
    "young": ({"birth_date": "1980-01-01"}, on("2026-08-20 2026-08-25 2026-09-20 2026-09-25")),
}


@pytest.fixture(scope="module")
def practice() -> Practice:
    people = [{"patient_id": id, "birth_date": "1940-01-01", "sex": "female", "registered_from": "2000-01-01", "practice": "A1",
               **more} for id, (more, _) in CASES.items()]
    rows = [{"patient_id": id, "system": SNOMED, "code": code_of(deficit), "effective_on": happened, "recorded_on": recorded}
            for id, (_, written) in CASES.items() for deficit, happened, recorded in written]
    # The batch of scenario 12: forty codes of one day, of eight deficits.
    rows += [{**row} for row in rows if row["patient_id"] == "coding batch" and row["effective_on"] == "2026-10-03"] * 4
    return Practice.from_frames(pd.DataFrame(people), pd.DataFrame(rows))


@pytest.fixture(scope="module")
def found(practice: Practice) -> pd.DataFrame:
    return practice.rising(AS_OF).set_index("patient_id")


def flags(row: pd.Series) -> str:
    named = [name for name in ("rapid", "moderate", "artefact") if not pd.isna(row[f"{name}_rise"])]
    return " ".join(name for name in named if row[f"{name}_rise"])


@pytest.mark.parametrize(("id", "wanted"), [
    ("steady", ""), ("rapid by slope", "rapid moderate"), ("rapid by rise", "rapid moderate"),
    ("just short of rapid", "moderate"), ("moderate by slope", "moderate"), ("moderate by band", "moderate"), ("one deficit", ""),
    ("coding batch", "moderate artefact"), ("three of five in one day", "moderate artefact"), ("half in one day", "rapid moderate"),
    ("new here", "moderate artefact"), ("new, ill later", "rapid moderate"), ("summarised", "moderate artefact"),
    ("written down late", "")])
def test_what_is_a_rise_and_what_is_not(found: pd.DataFrame, id: str, wanted: str) -> None:
    assert flags(found.loc[id]) == wanted


def test_slopes_are_least_squares(practice: Practice, found: pd.DataFrame) -> None:
    """By hand for one: 0 0 0 1 2 3 3 of 36 rise by (1*0 + 2*1 + 3*2 + 3*3) / 28 = 17 / 28 deficits a month."""
    assert found.loc["rapid by slope", "slope_per_month"] == pytest.approx((-3 * 0 + 0 * 1 + 1 * 2 + 2 * 3 + 3 * 3) / 28 / 36, abs=1e-15)
    dates = months_back(AS_OF, 6)
    values = practice.history("efi", dates).wide("efi")
    for id, row in found.iterrows():
        known = values.loc[id].dropna().to_numpy()
        if row["months"]:
            span = int(row["months"])
            assert row["slope_per_month"] == pytest.approx(linear_regression(range(span + 1), known[-span - 1:]).slope, abs=1e-12)
        assert row["rise_6m"] == pytest.approx(values.loc[id].iloc[-1] - values.loc[id].iloc[0], nan_ok=True)


def test_deficits_and_bands(found: pd.DataFrame) -> None:
    row = found.loc["moderate by band"]
    assert (row["from_band"], row["to_band"], row["deficits_arrived"]) == ("fit", "mild", [("anaemia", date(2026, 10, 20))])
    assert found.loc["rapid by rise", "deficits_arrived"] == [
        ("anaemia", date(2026, 5, 10)), ("arthritis", date(2026, 5, 20)), ("falls", date(2026, 6, 10)), ("dizziness", date(2026, 10, 20))]
    assert found.loc["steady", "deficits_arrived"] == [] and found.loc["one deficit", "rise_6m"] == pytest.approx(1 / 36)


def test_scenario_12_a_coding_batch_makes_no_rapid_rise_but_a_note(found: pd.DataFrame) -> None:
    row = found.loc["coding batch"]
    assert not row["rapid_rise"] and row["artefact_rise"] and row["rise_6m"] == pytest.approx(8 / 36)
    assert row["artefact_why"] == "one coding day, 2026-10-03: 8 of 8 deficits"


def test_why(found: pd.DataFrame) -> None:
    why = found["artefact_why"]
    assert why["three of five in one day"] == "one coding day, 2026-10-03: 3 of 5 deficits"
    assert why["new here"] == "new registration, 2026-07-01: 4 of 4 deficits within 90 days"
    assert why["summarised"] == "summarising: 3 of 4 deficits had happened 180 days or more before they were written down"
    assert why["rapid by rise"] == why["steady"] == ""


def test_as_known_at_the_time(practice: Practice, found: pd.DataFrame) -> None:
    """What was written down in June about 2019 is not in the history of May, and is in that of June."""
    assert found.loc["written down late", "deficits_arrived"] == [("anaemia", date(2026, 6, 1))]
    before = practice.rising("2026-05-31").set_index("patient_id")
    assert before.loc["written down late", "deficits_arrived"] == [] and before.loc["written down late", "rise_6m"] == 0


def test_nothing_is_said_where_the_score_has_no_value(found: pd.DataFrame) -> None:
    """65 since July: four month-ends, a slope over three months. 65 since September: too few. Under 65: no score."""
    assert found.loc["65 in July", "months"] == 3 and flags(found.loc["65 in July"]) == "rapid"
    for id in ("65 in September", "young"):
        assert found.loc[id, ["slope_per_month", "rise_6m", "rapid_rise", "moderate_rise", "artefact_rise"]].isna().all()
    assert found.loc["young", "status"] == "outside_population" and found.loc["65 in July", ["rise_6m", "moderate_rise"]].isna().all()


def test_who_is_to_be_left_out(practice: Practice) -> None:
    assert "young" not in practice.rising(AS_OF, objectors=["young"])["patient_id"].tolist()


def test_a_change_of_code_lists_makes_no_rise(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every month is scored with the lists of the day: a code that is new on a list counts in all months."""
    card = 'id = "one"\ntitle = "t"\nversion = "1"\nlicence = "l"\nsource = { citation = "c" }\nlink = { divide_by = 2 }\nband = []\n' \
           '[[term]]\nid = "a"\nany = [{ codes = "t/one" }]\npoints = 1\n'
    person = {"birth": date(1940, 1, 1), "sex": "male", "hospital_from": None, "measured": [], "issues": [], "stays": [],
              "hospital_without_stays": False, "coded": [{"system": LOCAL, "code": "NEW", "effective": date(2020, 1, 1),
                                                          "recorded": date(2020, 1, 1), "record": 1, "stay": None}]}
    values = []
    for release in ("before", "after"):
        if release == "after":
            monkeypatch.setitem(LISTS, "t/one", LISTS["t/one"] + "urn:test,NEW,,exact,,,,,,\n")
        (tmp_path / release).mkdir()
        rules = write_rules(tmp_path / release, {"one": card})
        laid = lay_out([{**person, "as_of": AS_OF}], ())
        plan = compile_plan([load_scorecard("one", rules)], laid.systems, laid.codes, rules)
        row = rising(plan, laid.arrays, AS_OF, np.array([-1], np.int32), ["x"]).iloc[0]
        assert row["rise_6m"] == 0 and flags(row) == ""
        values.append(evaluate(plan, laid.arrays, number_of(AS_OF))["one"].value[0])
    assert values == [0, 0.5]


# The days of arrival, and what must not matter

@pytest.mark.scoring
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(people=st.lists(persons(tuple((LOCAL, code) for code in CODES), QUANTITIES, 12), min_size=1, max_size=3))
def test_a_deficit_arrives_on_the_day_since_which_it_counts(tmp_path_factory: pytest.TempPathFactory, people: list[Row]) -> None:
    rules = write_rules(tmp_path_factory.mktemp("rules"), {"fast": FAST})
    card = load_scorecard("fast", rules)
    laid = lay_out(people, compile_plan([card], [""], [""], rules).measured_quantities)
    plan = compile_plan([card], laid.systems, laid.codes, rules)
    said = rising(plan, laid.arrays, TODAY, np.full(len(people), -1, np.int32), [str(n) for n in range(len(people))])

    def terms(p: int, day: date) -> set[str]:
        return set(naive.score(card, {**people[p], "as_of": day}, rules)["terms"])

    start = months_back(TODAY, 6)[0]
    for p, row in said.iterrows():
        if flags(row) or row["rise_6m"] > 0:
            assert {name for name, _ in row["deficits_arrived"]} == terms(p, TODAY) - terms(p, start)
        for name, day in row["deficits_arrived"]:
            assert name not in terms(p, day - timedelta(days=1))
            assert all(name in terms(p, day + timedelta(days=n)) for n in range(0, (TODAY - day).days + 1, 7))


def test_one_pass_or_date_by_date(practice: Practice, found: pd.DataFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    from frailty.scoring import history
    for name, value in (("WORTH", 0), ("WORTH", 10**9), ("STACK", 1), ("STACK", 40)):
        monkeypatch.setattr(history, name, value)
        pd.testing.assert_frame_equal(practice.rising(AS_OF).set_index("patient_id"), found)


@pytest.mark.scoring
def test_some_of_the_people_are_scored_as_among_all() -> None:
    people: list[Row] = []
    for n in range(12):
        stay = {"started": TODAY - timedelta(days=90), "recorded_start": TODAY - timedelta(days=90), "setting": "inpatient",
                "admission": "emergency" if n % 3 else "elective"}
        coded = [{"system": ICD10, "code": code, "effective": TODAY - timedelta(days=90), "recorded": TODAY, "record": 10 * n + k,
                  "stay": stay} for k, code in enumerate(("F00", "I63", "N17", "R29")[:n % 5])]
        people.append({"birth": date(1930, 1, 1 + n), "as_of": TODAY, "sex": "male", "hospital_from": date(2000, 1, 1), "coded": coded,
                       "measured": [], "issues": [], "stays": [stay], "hospital_without_stays": False})
    laid = lay_out(people, ())
    plan = compile_plan([load_scorecard("hfrs"), load_scorecard("charlson")], laid.systems, laid.codes)
    whole, some = evaluate(plan, laid.arrays, laid.as_of), np.array([11, 2, 3, 8])
    part = evaluate(plan, of_people(laid.arrays, some), laid.as_of[some])
    for id in whole:
        np.testing.assert_array_equal(whole[id].points[some], part[id].points)
        np.testing.assert_array_equal(whole[id].status[some], part[id].status)
    assert whole["hfrs"].points[some].max() > 0
    assert len(of_people(laid.arrays, np.empty(0, np.int64))) == 0


@pytest.mark.parametrize(("day", "first", "last"), [
    (date(2026, 8, 31), date(2026, 2, 28), date(2026, 7, 31)), (date(2026, 2, 28), date(2025, 8, 31), date(2026, 1, 31)),
    (date(2026, 8, 30), date(2026, 2, 28), date(2026, 7, 30)), (date(2026, 1, 15), date(2025, 7, 15), date(2025, 12, 15)),
    (date(2024, 2, 29), date(2023, 8, 31), date(2024, 1, 31))])
def test_months_are_counted_back(day: date, first: date, last: date) -> None:
    found = months_back(day, 6)
    assert len(found) == 7 and found[0] == first and found[-2] == last and found[-1] == day


def test_thresholds_are_data(tmp_path: Path) -> None:
    assert load_rules().months == 6
    text = (rules_dir() / "rising_need.toml").read_text("utf-8")
    for wrong, right, says in (("slope_at_least = 0.02\n", "slope_atleast = 0.02\n", "slope_atleast"),
                               ("over_months = [6]", "over_months = [12]", "more months than the trend")):
        (tmp_path / "rising_need.toml").write_text(text.replace(wrong, right))
        with pytest.raises(DefinitionError, match=says):
            load_rules(tmp_path)
