"""Functional instruments: band edges of the recorded totals, and totals from items, which are all there or give no score."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import pytest

from frailty.knowledge import rules_dir
from frailty.scoring import load_scorecard, run_example, scorecard_ids
from frailty.scoring.definitions import Example
from frailty.scoring.overlay import laid_over
from frailty.terminology import list_codelists, load_codelist

pytestmark = pytest.mark.scoring
EDGES = [
    ("must", "must", [(0, "low"), (1, "medium"), (2, "high"), (6, "high")]),
    ("4at", "4at", [(0, "unlikely"), (1, "possible cognitive impairment"), (3, "possible cognitive impairment"), (4, "possible delirium"),
                    (12, "possible delirium")]),
    ("prisma7", "prisma7", [(0, "negative"), (2, "negative"), (3, "possible frailty"), (7, "possible frailty")]),
    ("frail", "frail", [(0, "robust"), (1, "pre-frail"), (2, "pre-frail"), (3, "frail"), (5, "frail")]),
    ("fried", "fried", [(0, "robust"), (1, "pre-frail"), (2, "pre-frail"), (3, "frail"), (5, "frail")]),
    ("edmonton_to5", "edmonton", [(0, "not frail"), (5, "not frail"), (6, "vulnerable"), (7, "vulnerable"), (8, "mild"), (9, "mild"),
                                  (10, "moderate"), (11, "moderate"), (12, "severe"), (17, "severe")]),
    ("edmonton_to4", "edmonton", [(0, "not frail"), (4, "not frail"), (5, "vulnerable"), (6, "vulnerable"), (7, "mild"), (8, "mild"),
                                  (9, "moderate"), (10, "moderate"), (11, "severe"), (17, "severe")]),
    ("6cit", "6cit", [(0, "normal"), (7, "normal"), (8, "impaired"), (28, "impaired")]),
    ("tug", "tug", [(9.9, "10 s or less"), (10, "10 s or less"), (10.1, "above 10 s"), (11.9, "above 10 s"), (12, "12 s or more"),
                    (13.4, "12 s or more"), (13.5, "13.5 s or more"), (29.9, "13.5 s or more"), (30, "30 s or more")]),
    ("gait_speed", "gait_speed", [(0.59, "high risk"), (0.6, "limited"), (0.79, "limited"), (0.8, "reduced"), (0.99, "reduced"),
                                  (1.0, "normal"), (1.4, "normal")]),
]


@cache
def filled() -> Path:
    """The shipped rules with a made-up code in every list of instruments that is for the site to fill."""
    import tempfile
    own = Path(tempfile.mkdtemp())
    for name in list_codelists():
        if name.split("/")[0] in ("instruments", "quantities") and not load_codelist(name).entries:
            path = own / "codelists" / f"{name}.csv"
            path.parent.mkdir(parents=True, exist_ok=True)
            header = (rules_dir() / "codelists" / f"{name}.csv").read_text("utf-8")
            path.write_text(f"{header}urn:local,{name},made up,exact,,,,,local,\n", "utf-8")
    return laid_over(own)


def differences(id: str, person: dict[str, Any], **expect: Any) -> list[str]:
    return run_example(load_scorecard(id, filled()), Example({"age": 80, **person}, expect), filled())


def values(**numbers: float) -> list[dict[str, Any]]:
    return [{"quantity": name.lstrip("_"), "value": number, "days_before": 0} for name, number in numbers.items()]


def answers(instrument: str, yes: tuple[str, ...], no: tuple[str, ...]) -> list[dict[str, Any]]:
    return [{"codes": f"instruments/{instrument}_{name}", "answer": answer, "days_before": 0}
            for answer, names in (("1", yes), ("0", no)) for name in names]


@pytest.mark.parametrize(("id", "quantity", "total", "band"), [(id, q, t, b) for id, q, pairs in EDGES for t, b in pairs])
def test_band_edges_of_the_recorded_totals(id: str, quantity: str, total: float, band: str) -> None:
    assert differences(id, {"values": values(**{quantity: total})}, points=total, band=band, status="ok") == []


@pytest.mark.parametrize("id", ["prisma7", "frail", "fried", "edmonton_to5", "edmonton_to4", "4at", "prisma7_items_yes", "prisma7_items_no6",
                                "frail_items", "fried_items", "edmonton_items_to5", "edmonton_items_to4", "4at_items", "must_items"])
def test_without_a_code_of_the_site_there_is_no_score(id: str) -> None:
    assert run_example(load_scorecard(id), Example({"age": 80}, {"status": "not_available", "band": ""})) == []


def test_disputed_instruments_have_no_default() -> None:
    assert not {"edmonton", "edmonton_items", "prisma7_items", "lace", "hospital_score"} & set(scorecard_ids())


def test_the_latest_total_counts() -> None:
    two = [{"quantity": "must", "value": 2, "days_before": 400}, {"quantity": "must", "value": 0, "days_before": 20}]
    assert differences("must", {"values": two}, points=0, band="low") == []
    assert differences("must", {}, status="not_assessable") == []


# ---- from items

PRISMA = ("limits_activities", "needs_help", "stays_at_home", "count_on_someone", "walking_aid")


@pytest.mark.parametrize(("age", "sex", "yes", "counting_yes", "counting_no"), [
    (85, "female", (), 0, 1), (86, "female", (), 1, 2), (85, "male", (), 1, 2), (90, "male", PRISMA, 7, 6),
    (80, "female", ("limits_activities", "needs_help", "walking_aid"), 3, 4), (80, "female", ("count_on_someone", "walking_aid"), 2, 1)])
def test_prisma7_and_the_two_readings_of_question_6(age: int, sex: str, yes: tuple[str, ...], counting_yes: int, counting_no: int) -> None:
    person = {"age": age, "sex": sex, "answers": answers("prisma7", yes, tuple(name for name in PRISMA if name not in yes))}
    assert differences("prisma7_items_yes", person, points=counting_yes, status="ok") == []
    assert differences("prisma7_items_no6", person, points=counting_no, status="ok") == []


@pytest.mark.parametrize("left_out", PRISMA)
def test_prisma7_needs_every_answer(left_out: str) -> None:
    person = {"answers": answers("prisma7", tuple(name for name in PRISMA if name != left_out), ())}
    assert differences("prisma7_items_yes", person, status="not_assessable", band="") == []


@pytest.mark.parametrize(("numbers", "points", "band"), [
    ({"alertness": 0, "amt4_errors": 0, "months": 0, "acute_change": 0}, 0, "unlikely"),
    ({"alertness": 0, "amt4_errors": 1, "months": 0, "acute_change": 0}, 1, "possible cognitive impairment"),
    ({"alertness": 0, "amt4_errors": 2, "months": 1, "acute_change": 0}, 3, "possible cognitive impairment"),
    ({"alertness": 4, "amt4_errors": 0, "months": 0, "acute_change": 0}, 4, "possible delirium"),
    ({"alertness": 4, "amt4_errors": 4, "months": 2, "acute_change": 4}, 12, "possible delirium")])
def test_4at(numbers: dict[str, int], points: int, band: str) -> None:
    items = {f"4at_{name}": number for name, number in numbers.items()}
    assert differences("4at_items", {"values": values(**items)}, points=points, band=band) == []
    for name in items:
        part = {key: number for key, number in items.items() if key != name}
        assert differences("4at_items", {"values": values(**part)}, status="not_assessable", band="") == []


@pytest.mark.parametrize(("bmi", "points"), [(18.4, 2), (18.5, 1), (19, 1), (20, 1), (20.1, 0), (25, 0)])
def test_must_body_mass_index(bmi: float, points: int) -> None:
    person = {"values": values(bmi=bmi, must_weight_loss=0), "answers": answers("must", (), ("no_intake",))}
    assert differences("must_items", person, points=points) == []


@pytest.mark.parametrize(("loss", "ill", "points", "band"), [
    (4.9, False, 0, "low"), (5, False, 1, "medium"), (10, False, 1, "medium"), (10.1, False, 2, "high"), (0, True, 2, "high"), (11, True, 4, "high")])
def test_must_weight_loss_and_acute_illness(loss: float, ill: bool, points: int, band: str) -> None:
    said = answers("must", ("no_intake",) if ill else (), () if ill else ("no_intake",))
    assert differences("must_items", {"values": values(bmi=25, must_weight_loss=loss), "answers": said}, points=points, band=band) == []
    assert differences("must_items", {"values": values(bmi=25, must_weight_loss=loss)}, status="not_assessable") == []
    assert differences("must_items", {"values": values(must_weight_loss=loss), "answers": said}, status="not_assessable") == []


@pytest.mark.parametrize(("illnesses", "points", "band"), [(4, 0, "robust"), (5, 1, "pre-frail"), (11, 1, "pre-frail")])
def test_frail_illnesses(illnesses: int, points: int, band: str) -> None:
    said = answers("frail", (), ("fatigue", "stairs", "walking", "weight_loss"))
    assert differences("frail_items", {"values": values(frail_illnesses=illnesses), "answers": said}, points=points, band=band) == []
    assert differences("frail_items", {"values": values(frail_illnesses=illnesses), "answers": said[1:]}, status="not_assessable") == []


@pytest.mark.parametrize(("sex", "bmi", "grip", "weak"), [
    ("male", 24, 29, True), ("male", 24, 29.1, False), ("male", 24.1, 30, True), ("male", 26, 30.1, False), ("male", 28, 30, True),
    ("male", 28.1, 32, True), ("male", 30, 32.1, False), ("female", 23, 17, True), ("female", 23, 17.1, False), ("female", 23.1, 17.3, True),
    ("female", 26, 17.4, False), ("female", 29, 18, True), ("female", 29.1, 21, True), ("female", 29.1, 21.1, False)])
def test_fried_grip_by_sex_and_body_mass_index(sex: str, bmi: float, grip: float, weak: bool) -> None:
    person = {"sex": sex, "values": values(bmi=bmi, grip_strength=grip, walk_15_feet=3, height=170, activity=2000),
              "answers": answers("fried", (), ("weight_loss", "exhaustion"))}
    assert differences("fried_items", person, points=int(weak), status="ok") == []


@pytest.mark.parametrize(("sex", "height", "seconds", "slow"), [
    ("male", 173, 7, True), ("male", 173, 6.9, False), ("male", 174, 6, True), ("male", 174, 5.9, False), ("female", 159, 7, True),
    ("female", 159, 6.9, False), ("female", 160, 6, True), ("female", 160, 5.9, False)])
def test_fried_walk_by_sex_and_height(sex: str, height: float, seconds: float, slow: bool) -> None:
    person = {"sex": sex, "values": values(bmi=25, grip_strength=60, walk_15_feet=seconds, height=height, activity=2000),
              "answers": answers("fried", (), ("weight_loss", "exhaustion"))}
    assert differences("fried_items", person, points=int(slow), status="ok") == []


@pytest.mark.parametrize(("sex", "kcal", "low"), [("male", 382, True), ("male", 383, False), ("female", 269, True), ("female", 270, False)])
def test_fried_activity_by_sex(sex: str, kcal: float, low: bool) -> None:
    person = {"sex": sex, "values": values(bmi=25, grip_strength=60, walk_15_feet=3, height=170, activity=kcal),
              "answers": answers("fried", (), ("weight_loss", "exhaustion"))}
    assert differences("fried_items", person, points=int(low), status="ok") == []
    assert differences("fried_items", {**person, "sex": "unknown"}, status="not_assessable") == []
    for name in ("bmi", "grip_strength", "walk_15_feet", "height", "activity"):
        part = [value for value in person["values"] if value["quantity"] != name]
        assert differences("fried_items", {**person, "values": part}, status="not_assessable") == []


def test_edmonton_adds_up() -> None:
    numbers = {"clock": 2, "admissions": 3, "health": 2, "iadl": 5, "support": 2}
    items = {**{f"edmonton_{name}": number for name, number in numbers.items()}, "tug": 21}
    said = answers("edmonton", ("five_drugs", "forgets_drugs", "weight_loss", "low_mood", "incontinence"), ())
    assert differences("edmonton_items_to5", {"values": values(**items), "answers": said}, points=17, band="severe") == []
    assert differences("edmonton_items_to4", {"values": values(**items), "answers": said[1:]}, status="not_assessable") == []


@pytest.mark.parametrize(("name", "number", "points"), [
    ("edmonton_admissions", 0, 0), ("edmonton_admissions", 1, 1), ("edmonton_admissions", 2, 1), ("edmonton_admissions", 3, 2),
    ("edmonton_iadl", 1, 0), ("edmonton_iadl", 2, 1), ("edmonton_iadl", 4, 1), ("edmonton_iadl", 5, 2),
    ("tug", 10, 0), ("tug", 11, 1), ("tug", 20, 1), ("tug", 21, 2)])
def test_edmonton_items(name: str, number: float, points: int) -> None:
    items: dict[str, float] = {f"edmonton_{item}": 0 for item in ("clock", "admissions", "health", "iadl", "support")} | {"tug": 5}
    said = answers("edmonton", (), ("five_drugs", "forgets_drugs", "weight_loss", "low_mood", "incontinence"))
    assert differences("edmonton_items_to5", {"values": values(**{**items, name: number}), "answers": said}, points=points) == []
