"""The made-up town for learning: the same records as the files hold, and outcomes that its hazards foretell."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

import frailty
from frailty.errors import FrailtyError
from frailty.records.arrays import OPEN
from frailty.risk.sources import Records, town_records
from frailty.scoring import compile_plan, evaluate, load_scorecard
from frailty.synthetic.locality import make_locality
from frailty.synthetic.town import make_town

DAYS = [date(2024, 1, 1), date(2024, 7, 1)]


@pytest.fixture(scope="module")
def made() -> dict:
    return make_town(3_000, DAYS)


@pytest.fixture(scope="module")
def town(made) -> Records:
    return town_records(made)


def test_the_arrays_are_what_the_plain_tables_of_the_same_locality_are(tmp_path):
    """Written as files, read, and scored: the same people with the same points."""
    make_locality(tmp_path, people=250, homes=1, practices=3, seed=1000, layout="tables", as_of=DAYS[0])
    practice = frailty.read_fhir(sorted((tmp_path / "records").iterdir()))
    about = practice.persons[["patient_id", "birth_date", "sex", "practice", "registered_to", "deceased_on"]]
    frame = practice.score("efi", DAYS[0]).merge(about, on="patient_id")
    here = frame[frame["practice"].notna() & frame["registered_to"].isna() & frame["deceased_on"].isna()]
    read = sorted(zip(here["birth_date"].dt.date.astype(str), here["sex"], here["efi_points"], strict=True))
    made = town_records(make_town(250, DAYS[:1]))
    plan = compile_plan([load_scorecard("efi")], made.systems, made.codes, ladder=made.ladder)
    points = evaluate(plan, made.arrays([plan], np.arange(len(made))), made.own_day)["efi"].points
    births = made.base.birth.astype("M8[D]").astype(str)
    ours = sorted(zip(births, np.array(["unknown", "male", "female"])[made.base.sex], points, strict=True))
    assert ours == read


def test_same_arguments_same_town_and_the_rows_are_in_order(made):
    again = make_town(3_000, DAYS)
    assert made["hazard"].tolist() == again["hazard"].tolist() and made["concepts"] == again["concepts"]
    for family in ("coded", "measured", "issues", "stays"):
        rows = made[family]
        assert all(np.array_equal(rows[name], again[family][name], equal_nan=name == "value") for name in rows)
        person = np.repeat(np.arange(len(made["person"])), np.diff(rows["offsets"]))
        day, known = (rows["started"], rows["recorded_start"]) if family == "stays" else (rows["effective"], rows["recorded"])
        assert np.array_equal(np.lexsort((rows["record"], known, day, person)), np.arange(len(person)))


def test_records_end_with_the_day_and_the_rest_are_stays_and_deaths(made):
    for family in ("coded", "measured", "issues"):
        assert (made[family]["recorded"] < np.repeat(made["as_of"], np.diff(made[family]["offsets"]))).all()
    stays = made["stays"]
    owner = np.repeat(np.arange(len(made["person"])), np.diff(stays["offsets"]))
    day = made["as_of"][owner]
    later = stays["started"] > day
    assert later.any() and (stays["admission"][later] == 2).all() and (stays["started"][later] <= day[later] + 365).all()
    dead = made["death"] < OPEN
    assert dead.any() and (made["death"][dead] > made["as_of"][dead]).all()
    entries = made["coded"]["stay"] >= 0
    of = np.repeat(np.arange(len(made["person"])), np.diff(made["coded"]["offsets"]))
    assert entries.any() and np.array_equal(owner[made["coded"]["stay"][entries]], of[entries])


def admitted(town: Records) -> np.ndarray:
    stays = town.base.stays
    owner = np.repeat(np.arange(len(town)), np.diff(stays.offsets))
    found = np.zeros(len(town), bool)
    found[owner[stays.started > town.own_day[owner]]] = True
    return found


def test_the_hazard_foretells_what_happens(made, town):
    seen = admitted(town)
    for chance in (made["hazard"], made["given_records"]):
        error = np.sqrt((chance * (1 - chance)).sum()) / len(town)
        assert abs(chance.mean() - seen.mean()) < 4 * error
        assert chance[seen].mean() > 1.2 * chance[~seen].mean()


def test_a_shift_makes_more_admissions_from_its_day_on():
    plain, shifted = (town_records(make_town(1_000, DAYS, shift=shift)) for shift in (None, (DAYS[1], 0.9)))
    early = plain.own_day == plain.own_day.min()
    assert np.array_equal(admitted(plain)[early], admitted(shifted)[early])
    assert admitted(shifted)[~early].sum() > 1.3 * admitted(plain)[~early].sum()


def test_too_few_people_for_the_days():
    with pytest.raises(FrailtyError, match="at least 200 people for each of its days"):
        make_town(300, DAYS)
