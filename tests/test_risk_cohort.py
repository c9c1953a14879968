"""Cohorts in time: who is in, what happened afterwards, and that nothing of the future goes in."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

from frailty.errors import FrailtyError
from frailty.practice import Practice
from frailty.risk.cohort import Periods, draw, known_by, outcomes, periods_of, years_on
from frailty.risk.dataset import ADMISSION, DEATH, END_OF_SIGHT, Column
from frailty.risk.features import CARE_HOME, dataset, generate, matrix, prove_times, split
from frailty.risk.settings import Signed, check_inputs, outcome_of
from frailty.risk.sources import store_records, town_records
from frailty.synthetic.town import make_town

DAY = date(2022, 1, 1)
FALLS = "161898004"          # in efi/falls
SNOMED = "http://snomed.info/sct"
HORIZON = 90
COLUMNS = (
    Column("falls", "Falls", "flag", 1, {"any": [{"codes": "efi/falls"}]}),
    Column("age", "Age", "number", 1, {"any": [{"from": "person"}]}),
    Column("stays", "Emergency stays", "count", 1, {"any": [
        {"from": "stay", "stay": {"setting": ["inpatient"], "admission": ["emergency"]}, "within": "12 months", "take": "records"}]}),
    Column("haemoglobin", "Latest haemoglobin", "number", 0, {"any": [
        {"from": "value", "codes": "quantities/haemoglobin", "take": "latest", "round_to": 1}]}))


def number(day: date) -> int:
    return (day - date(1970, 1, 1)).days


def after(days: int) -> str:
    return str(DAY + timedelta(days=days))


def people(*stays: tuple[str, int, str], persons: dict[str, dict] | None = None, events: list[dict] | None = None):
    """Records of a to h."""
    return store_records(people_of(*stays, persons=persons, events=events).connection, until=DAY + timedelta(days=400))


def people_of(*stays: tuple[str, int, str], persons: dict[str, dict] | None = None, events: list[dict] | None = None):
    """A practice of a to h. stays: (who, days after the snapshot, admission)."""
    rows = [{"patient_id": who, "nhs_number": None, "birth_date": "1950-05-05", "sex": "female", "practice": "Y90001",
             "registered_from": "2000-01-01", "registered_to": None, "deceased_on": None} | (persons or {}).get(who, {}) for who in "abcdefgh"]
    lines = [{"patient_id": who, "stay_id": f"s{n}", "started": after(day), "ended": after(day + 2), "setting": "inpatient",
              "admission_method": admission, "recorded_start": after(day), "recorded_end": after(day + 2)}
             for n, (who, day, admission) in enumerate([*stays, ("h", 300, "elective")])]
    none = [{"patient_id": "a", "record_id": "r0", "system": SNOMED, "code": FALLS, "effective_on": "2001-01-01", "recorded_on": "2001-01-01"}]
    practice = Practice.from_frames(pd.DataFrame(rows), pd.DataFrame(events or none), stays=pd.DataFrame(lines))
    practice.connection.execute("UPDATE feed SET kind = 'hospital', practices = NULL")
    return practice


def cohort_of(records, **options):
    """All people on one day; the periods are there for their gaps."""
    day = number(DAY)
    periods = Periods((day - 400,), (day - 200,), (day,))
    found = draw(replace(records, own_day=np.full(len(records), day, np.int32)), periods, HORIZON, **options)
    return found


def of(records, cohort, values) -> dict[str, int]:
    return {records.patient_ids[person]: int(value) for person, value in zip(cohort.person, values, strict=True)}


def test_outcomes_by_hand():
    records = people(
        ("a", 1, "emergency"), ("a", 50, "emergency"), ("b", 90, "emergency"), ("c", 91, "emergency"), ("d", 0, "emergency"),
        ("e", 30, "elective"), ("f", 40, "emergency"), ("g", 20, "emergency"),
        persons={"e": {"deceased_on": after(60)}, "f": {"registered_to": after(30)}, "g": {"deceased_on": after(10)}})
    cohort = cohort_of(records)
    y, days, ended = (of(records, cohort, one) for one in outcomes(records, cohort, HORIZON))
    assert y == {"a": 1, "b": 1, "c": 0, "d": 0, "e": 0, "f": -1, "g": 0, "h": 0}
    assert days == {"a": 1, "b": 90, "c": 90, "d": 90, "e": 60, "f": 29, "g": 10, "h": 90}
    assert ended == {"a": ADMISSION, "b": ADMISSION, "c": END_OF_SIGHT, "d": END_OF_SIGHT, "e": DEATH, "f": END_OF_SIGHT, "g": DEATH,
                     "h": END_OF_SIGHT}


def test_a_registration_that_ends_with_the_death_is_no_move():
    """Practices end it on the day of the death, or days later: it is a death before any admission, not somebody out of sight."""
    records = people(persons={
        "a": {"deceased_on": after(60), "registered_to": after(60)}, "b": {"deceased_on": after(60), "registered_to": after(75)},
        "c": {"deceased_on": after(60), "registered_to": after(40)}})
    cohort = cohort_of(records)
    y, days, ended = (of(records, cohort, one) for one in outcomes(records, cohort, HORIZON))
    assert (y["a"], days["a"], ended["a"]) == (y["b"], days["b"], ended["b"]) == (0, 60, DEATH)
    assert (y["c"], days["c"], ended["c"]) == (-1, 39, END_OF_SIGHT)           # moved away; what came later is not known here


def test_an_attendance_is_no_admission():
    """Some sites write the admission method of attendances too."""
    practice = people_of(("a", 20, "emergency"), ("b", 30, "emergency"))
    practice.connection.execute("UPDATE stay SET setting = 'emergency' WHERE resource_id = 's0'")
    assert practice.connection.execute("SELECT count(*) FROM stay WHERE setting = 'emergency'").fetchall() == [(1,)]
    records = store_records(practice.connection, until=DAY + timedelta(days=400))
    cohort = cohort_of(records)
    y = of(records, cohort, outcomes(records, cohort, HORIZON)[0])
    assert y["a"] == 0 and y["b"] == 1


def test_who_is_left_out_is_counted():
    records = people(persons={
        "a": {"birth_date": after(-18 * 365)}, "b": {"deceased_on": after(0)}, "c": {"registered_to": after(0)},
        "d": {"registered_from": after(1)}, "e": {"birth_date": None}})
    cohort = cohort_of(records)
    assert sorted(of(records, cohort, cohort.person)) == ["f", "g", "h"]
    assert sum(cohort.left_out.values()) == 5 and cohort.left_out["too young"] == 1
    assert cohort.left_out["not in sight: not registered, no hospital feed, or gone"] == 2


def test_people_whose_care_was_changed():
    records = people(("a", 30, "emergency"), ("b", 30, "emergency"), ("c", 30, "emergency"))
    place = {id: n for n, id in enumerate(records.patient_ids)}
    contacted = {place["a"]: number(DAY), place["b"]: number(DAY) + 10, place["c"]: number(DAY) + 40}
    cohort = cohort_of(records, contacted=contacted)
    y = of(records, cohort, outcomes(records, cohort, HORIZON)[0])
    assert "a" not in y and y["b"] == -1 and y["c"] == 1 and y["d"] == 0
    held = cohort_of(records, contacted=contacted, contact="hold_out")
    assert sorted(of(records, held, held.person)) == list("defgh") and held.left_out["care changed within the horizon"] == 2
    with pytest.raises(FrailtyError, match="no way to treat people"):
        cohort_of(records, contacted=contacted, contact="ignore")


def test_what_was_recorded_later_is_not_known():
    """The planted leak: an event dated before the snapshot and recorded after it; a stay that ended later; a later number."""
    def event(who: str, day: int, recorded: int, code: str = FALLS, **more):
        return {"patient_id": who, "record_id": f"{who}{day}", "system": SNOMED, "code": code, "effective_on": after(day),
                "recorded_on": after(recorded)} | more

    blood = {"code": "1022431000000105", "unit": "g/L"}
    records = people(("d", -10, "emergency"), ("e", 10, "emergency"), events=[
        event("a", -5, -5), event("b", -5, 1), event("c", 1, 1), event("f", -5, -5, value=120, **blood),
        event("f", -4, 3, value=80, **blood)])
    cohort = cohort_of(records)
    x, _ = matrix(records, COLUMNS, cohort.person, cohort.as_of)
    assert of(records, cohort, x[:, 0]) == dict.fromkeys("abcdefgh", 0) | {"a": 1}
    assert of(records, cohort, x[:, 2]) == dict.fromkeys("abcdefgh", 0) | {"d": 1}
    assert set(x[:, 1]) == {71} and of(records, cohort, np.nan_to_num(x[:, 3], nan=-1)) == dict.fromkeys("abcdefgh", -1) | {"f": 120}
    again, _ = matrix(records, COLUMNS, cohort.person, cohort.as_of, truncated=True)
    assert np.array_equal(x, again, equal_nan=True)
    data = dataset(records, cohort, COLUMNS, HORIZON, scores=[], least=0)
    assert prove_times(records, data) == 8
    # A feature of the time of the outcome: the same term, evaluated later.
    late, _ = matrix(records, COLUMNS, cohort.person, cohort.as_of + 30)
    with pytest.raises(FrailtyError, match="'falls' knows more than was recorded") as error:
        prove_times(records, replace(data, x=np.column_stack([late[:, :1], data.x[:, 1:]])))
    assert "in 2 of 8 rows" in str(error.value)
    assert data.hash() == dataset(records, cohort, COLUMNS, HORIZON, scores=[], least=0).hash()


@pytest.fixture(scope="module")
def made():
    days = [date(2019, 1, 1), date(2020, 1, 1), date(2021, 1, 1)]
    return town_records(make_town(1_200, days))


def test_many_features_are_the_same_with_the_future_cut_off(made):
    columns = generate()
    assert len(columns) > 400 and len({one.id for one in columns}) == len(columns)
    cohort = draw(made, periods_of(made, 365), 365)
    data = dataset(made, cohort, columns, 365, scores=["efi_reviewed"], least=3)
    assert 80 < data.x.shape[1] < len(columns)
    assert prove_times(made, data, rows=600) > 500
    assert np.isnan(data.x).any() and set(data.groups) == {"age", "sex", "care_home", "imd_quintile", "ethnicity", "practice"}
    assert not np.isnan(data.given["hazard_given_records"]).any() and (data.groups["care_home"] == "care home").any()
    train, calibration, test = split(data, cohort)
    assert len(train) + len(calibration) + len(test) == len(data) and train.as_of.max() + 365 <= calibration.as_of.min()
    assert calibration.as_of.max() + 365 <= test.as_of.min()
    assert set(train.person) & set(test.person) == set()
    # Blocks and threads make no difference.
    place = np.arange(len(data))[::-7]
    x, _ = matrix(made, data.columns, data.person[place], data.as_of[place], threads=1)
    assert np.array_equal(x, data.x[place], equal_nan=True)


def test_cutting_off_takes_away_what_came_later(made):
    arrays = known_by(made.arrays([], np.arange(len(made))), made.own_day)
    owner = np.repeat(np.arange(len(made)), np.diff(arrays.stays.offsets))
    assert (arrays.stays.started <= made.own_day[owner]).all() and (arrays.death > made.own_day).all()
    assert len(arrays.stays.record) < len(made.base.stays.record)


def test_periods_leave_a_gap():
    day = number(DAY)
    Periods((day - 200, day - 100), (day,), (day + 100,)).check(90)
    with pytest.raises(FrailtyError, match="begin 80 days after the last day before them"):
        Periods((day - 200, day - 80), (day,), (day + 100,)).check(90)
    with pytest.raises(FrailtyError, match="has no day"):
        Periods((), (day,), (day + 100,)).check(90)
    with pytest.raises(FrailtyError, match="reach too short a time for a horizon of 365 days"):
        periods_of(people(("a", 30, "emergency")), 365)


def test_a_store_is_split_by_people_and_in_time():
    records = people(("a", -2000, "emergency"))
    periods = periods_of(records, HORIZON)
    cohort = draw(records, periods, HORIZON)
    periods.check(HORIZON)
    for name in ("train", "calibration", "test"):
        assert set(cohort.as_of[cohort.rows(name)]) <= set(getattr(periods, name))
    whole = [set(cohort.person[cohort.rows(name)]) for name in ("train", "calibration", "test")]
    assert not (whole[0] & whole[1] or whole[0] & whole[2] or whole[1] & whole[2]) and cohort.left_out["in another period"] > 0


def test_who_had_a_place_on_a_list_is_known():
    practice = people_of(("a", 30, "emergency"))
    practice.connection.execute("""INSERT INTO listed (run, as_of, section, patient_id) VALUES
        (1, DATE '2022-02-01', 'now', 'a'), (2, DATE '2022-01-20', 'now', 'a'), (1, DATE '2022-01-01', 'overflow', 'b')""")
    records = store_records(practice.connection, until=DAY + timedelta(days=400))
    assert records.listed == {0: number(date(2022, 1, 20))}
    y = of(records, cohort_of(records), outcomes(records, cohort_of(records, contacted=records.listed), HORIZON)[0])
    assert y["a"] == -1 and y["b"] == 0


def test_numbers_of_the_999_range_are_of_nobody():
    assert not people().made_up
    assert people(persons={"a": {"nhs_number": "9990000018"}}).made_up
    assert not people(persons={"a": {"nhs_number": "9990000018"}, "b": {"nhs_number": "4010232137"}}).made_up


def test_completed_years():
    birth = np.array([number(date(1948, 2, 29)), number(date(1950, 7, 1)), number(date(1950, 7, 2))], np.int32)
    assert years_on(birth, np.full(3, number(date(2023, 2, 28)), np.int32)).tolist() == [74, 72, 72]
    assert years_on(birth, np.full(3, number(date(2023, 7, 1)), np.int32)).tolist() == [75, 73, 72]


def test_what_may_not_be_predicted_and_what_may_not_go_in():
    assert outcome_of("emergency_admission")["admission"] == ["emergency"]
    for name, why in (("cost", "needs much"), ("hospital_costs" , None), ("falls", "NG249")):
        with pytest.raises(FrailtyError, match=why or "no outcome"):
            outcome_of(name)
    ethnic = Column("white", "White", "flag", 0, {"any": [{"codes": "own/ethnicity_white"}]})
    with pytest.raises(FrailtyError, match="never an input unless the site has signed"):
        check_inputs([*COLUMNS, ethnic])
    signed = Signed(("ethnicity",), "A. Example", "clinical safety officer", "2026-11-01", "to measure, not to rank")
    check_inputs([ethnic], signed)
    with pytest.raises(FrailtyError, match="lacks: why"):
        replace(signed, why="")
    for term in ({"any": [{"from": "person", "take": "input:tariff_2025", "round_to": 1}]}, {"any": [{"codes": "own/drug_cost"}]}):
        with pytest.raises(FrailtyError, match="cost is neither a target nor an input"):
            check_inputs([Column("x", "X", "number", 0, term)], signed)
    check_inputs([*generate(), CARE_HOME])
