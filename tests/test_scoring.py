"""The kernels against the plain-Python oracle, and what must not change the answer."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import naive
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scoring_people import (
    ANSWERS,
    CARD,
    CAREFUL,
    CODES,
    ICD10,
    LOCAL,
    QUANTITIES,
    TODAY,
    Row,
    as_said,
    lay_out,
    number_of,
    persons,
    write_rules,
)
from scoring_words import FILES, IDS, TABLES

from frailty.errors import FrailtyError
from frailty.knowledge import rules_dir
from frailty.records.arrays import OPEN
from frailty.scoring import Scorecard, compile_plan, evaluate, load_scorecard, run_example, scorecard_ids, warm
from frailty.terminology import load_codelist

pytestmark = pytest.mark.scoring
FEW = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
REASONS = {"": "", "no birth": "The date of birth is not known.", "no feed": "No hospital feed covers this practice."}


@pytest.fixture(scope="module")
def rules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_rules(tmp_path_factory.mktemp("rules"), {"mixed": CARD, "careful": CAREFUL})


def differences(cards: list[Scorecard], people: list[Row], rules: Path | None, **how: Any) -> list[str]:
    """Where the engine and the oracle differ."""
    needed = compile_plan(cards, [""], [""], rules).measured_quantities
    laid = lay_out(people, needed, how.pop("shuffle", None))
    plan = compile_plan(cards, laid.systems, laid.codes, rules, ladder=laid.ladder)
    scores = evaluate(plan, laid.arrays, laid.as_of, **how)
    found = []
    for card in cards:
        for p, said in enumerate(as_said(scores, laid, card.id)):
            wanted = naive.score(card, people[p], rules)
            unit = Decimal(10) ** card.scale
            terms = {id: {**{key: one[key] for key in ("n", "first", "last", "record", "code")},
                          "points": one["points"] * unit} for id, one in wanted["terms"].items()}
            pairs = [("points", said["points"], wanted["points"] * unit), ("terms", said["terms"], terms),
                     ("status", said["status"], wanted["status"]), ("band", said["band"], wanted["band"]),
                     ("reason", bool(said["reason"]), bool(wanted["reason"]))]
            if wanted["reason"] in REASONS:
                pairs.append(("reason", said["reason"], REASONS[wanted["reason"]]))
            found += [f"{card.id}, person {p}, {what}: {got} is not {right}" for what, got, right in pairs if got != right]
            value = scores[card.id].value[p]
            if isinstance(scores[card.id].of, np.ndarray) and scores[card.id].of[p] != wanted["of"]:
                found.append(f"{card.id}, person {p}: of {scores[card.id].of[p]} is not {wanted['of']}")
            if sum(one["points"] for one in said["terms"].values()) != said["points"]:
                found.append(f"{card.id}, person {p}: the contributions are not the score")
            if wanted["value"] is None:
                found += [] if np.isnan(value) else [f"{card.id}, person {p}: has a value"]
            elif abs(value - float(wanted["value"])) > 1e-12:
                found.append(f"{card.id}, person {p}: value {value} is not {wanted['value']}")
    return found


@FEW
@given(people=st.lists(persons(tuple((LOCAL, code) for code in CODES), QUANTITIES), min_size=1, max_size=4),
       block=st.sampled_from([1, 3, 2048]), seed=st.integers(0, 99))
def test_every_word_of_the_language(rules: Path, people: list[Row], block: int, seed: int) -> None:
    cards = [load_scorecard(id, rules) for id in ("mixed", "careful")]
    assert not differences(cards, people, rules, block=block, threads=2, shuffle=np.random.default_rng(seed))


@pytest.fixture(scope="module")
def wide(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = write_rules(tmp_path_factory.mktemp("wide"), FILES)
    for name, text in TABLES.items():
        (folder / "scores" / name).write_text(text)
    return folder


@FEW
@given(people=st.lists(persons(tuple((LOCAL, code) for code in CODES), {**QUANTITIES, **ANSWERS}), min_size=1, max_size=4),
       block=st.sampled_from([1, 3, 2048]), seed=st.integers(0, 99), alone=st.sampled_from(["", *IDS]))
def test_the_words_that_few_scores_use(wide: Path, people: list[Row], block: int, seed: int, alone: str) -> None:
    cards = [load_scorecard(id, wide) for id in ([alone] if alone else IDS)]
    assert not differences(cards, people, wide, block=block, threads=2, shuffle=np.random.default_rng(seed))


def some_codes(*names: str) -> tuple[tuple[str, str], ...]:
    """A few codes of each list, with a character added where the list says prefix."""
    found = []
    for name in names:
        entries = load_codelist(name, rules_dir()).entries
        for entry in entries[::max(1, len(entries) // 12)]:
            found.append((entry.system, entry.code + ("0" if entry.match == "prefix" else "")))
    return tuple(dict.fromkeys(found))


@FEW
@given(people=st.lists(persons(some_codes("charlson/quan2005", "hfrs/codes"), QUANTITIES), min_size=1, max_size=3))
def test_hospital_scores(people: list[Row]) -> None:
    cards = [load_scorecard(id) for id in ("hfrs", "charlson", "charlson_quan2011", "charlson_age")]
    assert not differences(cards, people, None)


@settings(FEW, max_examples=15)
@given(people=st.lists(persons(
    some_codes("efi/falls", "efi/housebound", "efi/anaemia", "efi/respiratory-disease"),
    {"haemoglobin": ("x",), "egfr": ("y",), "tsh": ("z",)}), min_size=1, max_size=3))
def test_the_frailty_index(people: list[Row]) -> None:
    assert not differences([load_scorecard("efi"), load_scorecard("efi_reviewed")], people, None)


EXAMPLES = [(id, n) for id in scorecard_ids() for n in range(len(load_scorecard(id).examples))]


@pytest.mark.parametrize(("id", "n"), EXAMPLES)
def test_worked_examples(id: str, n: int) -> None:
    card = load_scorecard(id)
    assert run_example(card, card.examples[n]) == []


def test_every_scorecard_is_complete() -> None:
    for id in scorecard_ids():
        card = load_scorecard(id)
        assert (card.examples or not card.available) and card.source["citation"] and card.licence and card.verified
        for term in card.terms:
            assert term.title
        compile_plan([card], [""], [""])    # every code list and quantity is there
    assert [len(load_scorecard(id).terms) for id in ("efi", "efi_reviewed", "hfrs", "charlson")] == [36, 36, 109, 17]


# Exactness

def person(**more: Any) -> Row:
    return {"birth": date(1940, 1, 1), "as_of": TODAY, "sex": "female", "hospital_from": date(2000, 1, 1), "coded": [],
            "measured": [], "issues": [], "stays": [], "hospital_without_stays": False, **more}


def entry(code: str, day: date = TODAY, **more: Any) -> Row:
    return {"system": LOCAL, "code": code, "effective": day, "recorded": day, "record": 1, "stay": None, **more}


def card_of(folder: Path, body: str) -> Scorecard:
    head = 'id = "one"\ntitle = "t"\nversion = "1"\nlicence = "l"\nsource = { citation = "c" }\n'
    return load_scorecard("one", write_rules(folder, {"one": head + body}))


@pytest.mark.parametrize(("points", "band"), [
    (4, "fit"), (5, "mild"), (8, "mild"), (9, "moderate"), (12, "moderate"), (13, "severe")])
def test_band_edges_are_exact(tmp_path: Path, points: int, band: str) -> None:
    """13/36 is 0.3611: rounded to two places it would be 0.36, and moderate."""
    body = f"""
        link = {{ divide_by = 36 }}
        band = [{{ label = "fit", at_most = 0.12 }}, {{ label = "mild", above = 0.12, at_most = 0.24 }},
                {{ label = "moderate", above = 0.24, at_most = 0.36 }}, {{ label = "severe", above = 0.36 }}]
        [[term]]
        id = "a"
        any = [{{ codes = "t/one" }}]
        points = {points}"""
    card = card_of(tmp_path, body)
    laid = lay_out([person(coded=[entry("A1")])], ())
    scores = evaluate(compile_plan([card], laid.systems, laid.codes, tmp_path), laid.arrays, laid.as_of)
    assert scores["one"].bands[scores["one"].band[0]] == band
    assert scores["one"].value[0] == points / 36


@pytest.mark.parametrize(("points", "low", "closed"), [("0.1", "0.3", "third"), ("0.1", "0.30000000000000004", "second")])
def test_sums_of_decimals_are_exact(tmp_path: Path, points: str, low: str, closed: str) -> None:
    """0.1 + 0.1 + 0.1 is 0.30000000000000004 in floating point."""
    terms = "\n".join(f'[[term]]\nid = "{n}"\nany = [{{ codes = "t/one" }}]\npoints = {points}' for n in "abc")
    card = card_of(tmp_path, f'band = [{{ label = "first", below = 0.2 }}, {{ label = "second", at_least = 0.2, '
                             f'below = {low} }}, {{ label = "third", at_least = {low} }}]\n{terms}')
    laid = lay_out([person(coded=[entry("A1")])], ())
    scores = evaluate(compile_plan([card], laid.systems, laid.codes, tmp_path), laid.arrays, laid.as_of)
    assert scores["one"].points[0] == 3 and scores["one"].scale == 1
    assert scores["one"].bands[scores["one"].band[0]] == closed


@pytest.mark.parametrize(("within", "as_of", "first_in"), [
    ("2 years", date(2024, 2, 29), date(2022, 3, 1)),       # 28 February 2022 is the edge, and out
    ("12 months", date(2023, 3, 31), date(2022, 4, 1)),
    ("1 month", date(2023, 3, 31), date(2023, 3, 1)),       # a month before is the last of February
    ("90 days", date(2023, 3, 31), date(2023, 1, 1)),
])
def test_windows_are_half_open(tmp_path: Path, within: str, as_of: date, first_in: date) -> None:
    card = card_of(tmp_path, f'[[term]]\nid = "a"\nany = [{{ codes = "t/one", within = "{within}" }}]\npoints = 1')
    people = [person(as_of=as_of, coded=[entry("A1", day)]) for day in
              (first_in - timedelta(days=1), first_in, as_of, as_of + timedelta(days=1))]
    laid = lay_out(people, ())
    scores = evaluate(compile_plan([card], laid.systems, laid.codes, tmp_path), laid.arrays, laid.as_of)
    assert scores["one"].points.tolist() == [0, 1, 1, 0]


def test_known_by_then_and_after_death(tmp_path: Path) -> None:
    card = card_of(tmp_path, '[[term]]\nid = "a"\nany = [{ codes = "t/one" }]\npoints = 1')
    late = entry("A1", TODAY - timedelta(days=9), recorded=TODAY + timedelta(days=1))
    laid = lay_out([person(coded=[late]), person(coded=[entry("A1")])], ())
    plan = compile_plan([card], laid.systems, laid.codes, tmp_path)
    laid.arrays.death[:] = number_of(date(2020, 1, 1))
    assert evaluate(plan, laid.arrays, number_of(TODAY))["one"].points.tolist() == [0, 1]
    assert evaluate(plan, laid.arrays, number_of(TODAY) + 1)["one"].points.tolist() == [1, 1]


def test_nobody_and_nothing(tmp_path: Path) -> None:
    rules = write_rules(tmp_path, {"mixed": CARD})
    card = load_scorecard("mixed", rules)
    for people in ([], [person()]):
        laid = lay_out(people, ("q1", "q2"))
        scores = evaluate(compile_plan([card], laid.systems, laid.codes, rules), laid.arrays, laid.as_of)
        assert len(scores["mixed"].points) == len(people)
        assert len(scores.frame(["x"] * len(people))) == len(people)
        assert list(scores.contributions_frame(["x"] * len(people)).columns)[:4] == [
            "patient_id", "score", "term", "points"]


def test_of_two_kinds_of_evidence_on_one_day_the_larger_key_stands_for_the_term(tmp_path: Path) -> None:
    """The last record that was recorded is of another kind; each kind has its own last, and of those the larger key counts."""
    body = """[[term]]
        id = "both"
        all = [{ codes = "t/one" }, { from = "value", codes = "quantities/q2" }]
        points = 1"""
    later = TODAY + timedelta(days=1)
    value = {"quantity": "q2", "system": LOCAL, "code": "Q2", "value": 2.0, "comparator": "", "effective": TODAY, "recorded": TODAY,
             "record": 102}
    people = [person(as_of=later, coded=[entry("A1", TODAY, recorded=later, record=5), entry("B1", TODAY, record=7)],
                     measured=[value]) for _ in range(2)]
    people[1]["as_of"] = TODAY
    assert not differences([card_of(tmp_path, body)], people, tmp_path, block=1)
    laid = lay_out(people, ("q2",))
    scores = evaluate(compile_plan([card_of(tmp_path, body)], laid.systems, laid.codes, tmp_path), laid.arrays, laid.as_of)
    assert [one["terms"]["both"]["record"] for one in as_said(scores, laid, "one")] == [102, 102]


def test_a_record_that_two_rows_of_a_list_mean_counts_once(tmp_path: Path) -> None:
    card = card_of(tmp_path, '[[term]]\nid = "a"\nany = [{ codes = "t/limits" }]\npoints_per = { each = 1 }')
    people = [person(coded=[entry("C1", record=1), entry("C1", TODAY - timedelta(days=1), record=0)], birth=date(1974, 3, 1)),
              person(coded=[entry("C1", TODAY - timedelta(days=9))], birth=date(1964, 2, 20))]
    assert not differences([card], people, tmp_path)
    laid = lay_out(people, ())
    scores = evaluate(compile_plan([card], laid.systems, laid.codes, tmp_path), laid.arrays, laid.as_of)
    assert scores["one"].points.tolist() == [2, 1]


# What must not matter

@pytest.fixture(scope="module")
def crowd() -> list[Row]:
    """A few hundred people, drawn with NumPy: more than one block."""
    random = np.random.default_rng(7)
    codes = some_codes("charlson/quan2005", "hfrs/codes", "efi/falls", "efi/diabetes")
    people = []
    for _ in range(150):
        stays = [{"started": TODAY - timedelta(days=400), "recorded_start": TODAY - timedelta(days=400),
                  "setting": "inpatient", "admission": "emergency"}]
        coded = []
        for record in range(random.integers(0, 20)):
            system, code = codes[random.integers(len(codes))]
            coded.append(entry(code, TODAY - timedelta(days=int(random.integers(0, 900))), system=system, record=record,
                               stay=stays[0] if random.random() < 0.7 else None))
        people.append(person(coded=coded, stays=stays, birth=date(int(random.integers(1925, 1990)), 1, 1)))
    return people


def test_blocks_threads_order_and_company_do_not_matter(crowd: list[Row]) -> None:
    cards = [load_scorecard(id) for id in scorecard_ids()]
    needed = compile_plan(cards, [""], [""]).measured_quantities
    laid = lay_out(crowd, needed)
    plan = compile_plan(cards, laid.systems, laid.codes)
    whole = evaluate(plan, laid.arrays, laid.as_of, threads=1)
    assert len(whole.contributions) > 300
    for threads, block in ((1, 1), (2, 7), (4, 64), (3, 10_000)):
        other = evaluate(plan, laid.arrays, laid.as_of, threads=threads, block=block)
        for id in whole:
            for column in ("points", "band", "status", "reason"):
                np.testing.assert_array_equal(getattr(whole[id], column), getattr(other[id], column))
        np.testing.assert_array_equal(whole.contributions.rows, other.contributions.rows)
        np.testing.assert_array_equal(whole.contributions.record, other.contributions.record)

    mixed = lay_out(crowd, needed, np.random.default_rng(3))    # other concept numbers, other order of codings
    again = evaluate(compile_plan(cards, mixed.systems, mixed.codes), mixed.arrays, mixed.as_of)
    for card in cards:
        assert as_said(whole, laid, card.id) == as_said(again, mixed, card.id)
        alone = evaluate(compile_plan([card], laid.systems, laid.codes), laid.arrays, laid.as_of)
        assert as_said(alone, laid, card.id) == as_said(whole, laid, card.id)


def test_one_date_per_person_is_as_good_as_many_runs(crowd: list[Row]) -> None:
    cards = [load_scorecard("hfrs"), load_scorecard("charlson_age")]
    laid = lay_out(crowd, ())
    plan = compile_plan(cards, laid.systems, laid.codes)
    days = np.array([number_of(TODAY) - 300 * (p % 3) for p in range(len(crowd))], np.int32)
    mixed = evaluate(plan, laid.arrays, days)
    for third in range(3):
        alone = evaluate(plan, laid.arrays, number_of(TODAY) - 300 * third)
        for id in mixed:
            np.testing.assert_array_equal(mixed[id].points[third::3], alone[id].points[third::3])
            np.testing.assert_array_equal(mixed[id].status[third::3], alone[id].status[third::3])


def test_warm_compiles_what_a_run_needs(crowd: list[Row]) -> None:
    """One form of the kernels with, and one without, what few scores use; a third would be compiled during a run."""
    from frailty.scoring.kernels import run
    warm([load_scorecard("efi"), load_scorecard("hfrs")])
    laid = lay_out(crowd, ())
    evaluate(compile_plan([load_scorecard("charlson")], laid.systems, laid.codes), laid.arrays, laid.as_of)
    assert len(getattr(run, "signatures", ())) <= 2


def test_read_only_and_other_types_are_fine(crowd: list[Row]) -> None:
    card = load_scorecard("charlson")
    laid = lay_out(crowd, ())
    plan = compile_plan([card], laid.systems, laid.codes)
    wanted = evaluate(plan, laid.arrays, laid.as_of)["charlson"].points
    coded = laid.arrays.coded._replace(concept=laid.arrays.coded.concept.astype(np.int64),
                                       record=laid.arrays.coded.record.astype(np.int32))
    coded.effective.flags.writeable = False
    other = evaluate(plan, type(laid.arrays)(**{**laid.arrays.__dict__, "coded": coded}), laid.as_of)
    np.testing.assert_array_equal(wanted, other["charlson"].points)


def test_arrays_that_do_not_fit_are_refused(crowd: list[Row]) -> None:
    card = load_scorecard("charlson")
    laid = lay_out(crowd, ())
    plan = compile_plan([card], laid.systems, laid.codes)
    for column, text in (("concept", "outside its table"), ("effective", "not in the order")):
        bad = {**laid.arrays.coded._asdict()}
        bad[column] = bad[column].copy()
        place = int(laid.arrays.coded.offsets[np.argmax(np.diff(laid.arrays.coded.offsets))])
        bad[column][place] = {"concept": len(laid.codes), "effective": 10**6}[column]
        coded = type(laid.arrays.coded)(**bad)
        with pytest.raises(FrailtyError, match=text):
            evaluate(plan, type(laid.arrays)(**{**laid.arrays.__dict__, "coded": coded}), laid.as_of)
    stay = laid.arrays.coded.stay.copy()
    stay[0] = 10**6
    with pytest.raises(FrailtyError, match="stay lies outside"):
        evaluate(compile_plan([load_scorecard("hfrs")], laid.systems, laid.codes),
                 type(laid.arrays)(**{**laid.arrays.__dict__, "coded": laid.arrays.coded._replace(stay=stay)}), laid.as_of)
    with pytest.raises(FrailtyError, match="without the quantity"):
        evaluate(compile_plan([load_scorecard("efi")], laid.systems, laid.codes), laid.arrays, laid.as_of)


# Standing and results

def hospital_person(**more: Any) -> Row:
    stay = {"started": date(2023, 6, 1), "recorded_start": date(2023, 6, 1), "setting": "inpatient",
            "admission": "emergency"}
    return person(stays=[stay], coded=[entry("F009", date(2023, 6, 2), system=ICD10, stay=stay)], **more)


def test_standing_of_the_hospital_score() -> None:
    orphan = hospital_person()
    orphan["coded"][0]["stay"] = None
    elective = hospital_person()
    elective["stays"][0]["admission"] = "elective"
    cases = [
        (hospital_person(), 71, "ok", ""),
        (hospital_person(birth=date(1949, 3, 1)), 71, "outside_population", "Younger than 75."),
        (hospital_person(birth=None), 71, "not_assessable", "The date of birth is not known."),
        (hospital_person(hospital_from=None), 71, "not_assessable", "No hospital feed covers this practice."),
        (hospital_person(hospital_from=date(2022, 3, 2)), 71, "not_assessable",
         "The hospital feed does not cover all of the 2 years before this date."),
        (hospital_person(hospital_from=date(2022, 3, 1)), 71, "ok", ""),
        (orphan, 0, "not_assessable", "It is not known whether a diagnosis in the window belongs to an emergency stay."),
        ({**orphan, "hospital_without_stays": True}, 71, "ok",
         "The hospital feed gives no stays: every diagnosis in the window counts, not only those of emergency stays."),
        (elective, 0, "ok", ""),
    ]
    laid = lay_out([case[0] for case in cases], ())
    scores = evaluate(compile_plan([load_scorecard("hfrs")], laid.systems, laid.codes), laid.arrays, laid.as_of)
    said = as_said(scores, laid, "hfrs")
    assert [(one["points"], one["status"], one["reason"]) for one in said] == [case[1:] for case in cases]
    assert all(bool(one["band"]) == (one["status"] == "ok") for one in said)


def test_charlson_needs_a_feed_but_no_window() -> None:
    people = [hospital_person(hospital_from=since) for since in (None, TODAY, TODAY + timedelta(days=1))]
    laid = lay_out(people, ())
    scores = evaluate(compile_plan([load_scorecard("charlson")], laid.systems, laid.codes), laid.arrays, laid.as_of)
    assert [one["status"] for one in as_said(scores, laid, "charlson")] == ["not_assessable", "ok", "not_assessable"]
    assert as_said(scores, laid, "charlson")[2]["reason"] == "The hospital feed starts after this date."


def test_frames() -> None:
    laid = lay_out([hospital_person(), person(birth=date(1990, 1, 1))], ())
    needed = [load_scorecard("hfrs"), load_scorecard("charlson")]
    scores = evaluate(compile_plan(needed, laid.systems, laid.codes), laid.arrays, laid.as_of)
    frame = scores.frame(["a", "b"])
    assert list(frame.columns) == [
        "patient_id", "hfrs", "hfrs_points", "hfrs_band", "hfrs_status", "hfrs_reason", "charlson", "charlson_points",
        "charlson_band", "charlson_status", "charlson_reason"]
    assert frame.hfrs_points.tolist() == [7.1, 0.0] and frame.hfrs_status.tolist() == ["ok", "outside_population"]
    assert frame.charlson_points.tolist() == [1, 0] and np.isnan(frame.hfrs[1])
    rows = scores.contributions_frame(["a", "b"])
    assert rows[["patient_id", "score", "term", "points", "n"]].values.tolist() == [
        ["a", "hfrs", "F00", 7.1, 1], ["a", "charlson", "dementia", 1.0, 1]]
    assert rows.last_on.dt.date.tolist() == [date(2023, 6, 2)] * 2


def test_a_plan_says_what_it_needs(rules: Path) -> None:
    codes = ["A1", "A2", "B77", "C1", "D1", "Z1", "M1"]
    plan = compile_plan([load_scorecard("mixed", rules)], [LOCAL] * len(codes), codes, rules)
    assert [codes[c] for c in plan.coded_concepts] == ["A1", "A2", "B77", "C1", "D1"]
    assert plan.measured_quantities == ("q1", "q2") and plan.issue_needed and plan.stays_needed
    assert plan.hashes.keys() == {"score/mixed", *(f"codelist/{name}" for name in (
        "t/one", "t/two", "t/kinds", "t/drugs", "quantities/q1", "quantities/q2"))}
    plain = compile_plan([load_scorecard("charlson")], [ICD10], ["I21"])
    assert not plain.issue_needed and not plain.stays_needed and plain.measured_quantities == ()
    assert plain.scorecards[0].codelists == ("charlson/quan2005",)


def test_age_is_in_completed_years(tmp_path: Path) -> None:
    card = card_of(tmp_path, '[[term]]\nid = "a"\nany = [{ from = "person" }]\n'
                             'bands = [{ below = 20, points = 0 }, { at_least = 20, points = 1 }]')
    days = [date(2024, 2, 28), date(2024, 2, 29), date(2028, 2, 28), date(2023, 2, 28), date(2023, 3, 1)]
    births = [date(2004, 2, 29), date(2004, 2, 29), date(2008, 2, 29), date(2003, 3, 1), date(2003, 3, 1)]
    laid = lay_out([person(birth=birth, as_of=day) for birth, day in zip(births, days, strict=True)], ())
    scores = evaluate(compile_plan([card], laid.systems, laid.codes, tmp_path), laid.arrays, laid.as_of)
    assert scores["one"].points.tolist() == [0, 1, 0, 0, 1]
    assert int(OPEN) in scores.contributions.first and set(scores.contributions.record) == {-1}
