"""Clocks: working days, bank holidays, opening hours, rounds, meetings; every date case by name."""

import shutil
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from frailty.errors import DefinitionError, FrailtyError
from frailty.knowledge import rules_dir
from frailty.site import WEEKDAYS, Site, load_site
from frailty.triage.clock_rules import Clocks, load_clocks, read_hours
from frailty.triage.clocks import (
    Place,
    after,
    breach,
    counted,
    instant,
    last_day,
    load_calendar,
    london,
    meetings,
    next_round,
    opening,
    reached,
    warnings,
)
from frailty.triage.rules import PRIORITIES

CALENDAR = load_calendar()
CLOCKS = load_clocks()
HERE = Place(CALENDAR)


@pytest.mark.parametrize(
    ("day0", "due"),
    [
        (date(2026, 11, 9), date(2026, 11, 18)),  # no holiday between
        (
            date(2026, 12, 23),
            date(2027, 1, 6),
        ),  # 24, 29, 30, 31 Dec, 4, 5, 6 Jan: Christmas, Boxing Day moved, New Year
        (date(2026, 4, 2), date(2026, 4, 15)),  # four days of Easter
        (date(2021, 12, 24), date(2022, 1, 7)),  # Christmas on a Saturday: two substitute days and 3 January
        (date(2024, 2, 28), date(2024, 3, 8)),  # leap day is a working day
        (date(2026, 3, 27), date(2026, 4, 9)),  # the night the clocks change, then Easter
        (date(2022, 9, 16), date(2022, 9, 28)),  # a one-off holiday
        (date(2026, 11, 21), date(2026, 12, 1)),  # admitted on a Saturday
    ],
)
def test_seventh_working_day(day0: date, due: date) -> None:
    assert CALENDAR.add(day0, 7) == due
    assert CALENDAR.between(day0, due) == 7


def test_add_and_between_agree_in_both_directions() -> None:
    for offset in range(0, 400, 7):
        day = date(2026, 1, 1) + timedelta(days=offset)
        for number in (1, 2, 5, 13):
            assert CALENDAR.between(day, CALENDAR.add(day, number)) == number
            assert CALENDAR.is_working(CALENDAR.add(day, -number))


def _easter(year: int) -> date:
    golden, century = year % 19, year // 100
    epact = (century - century // 4 - (8 * century + 13) // 25 + 19 * golden + 15) % 30
    moon = epact - (epact // 28) * (1 - (29 // (epact + 1)) * ((21 - golden) // 11))
    sunday = moon - (year + year // 4 + moon + 2 - century + century // 4) % 7
    month = 3 + (sunday + 40) // 44
    return date(year, month, sunday + 28 - 31 * (month // 4))


def test_the_table_of_bank_holidays_follows_the_rules() -> None:
    for year in range(2019, CALENDAR.last_year + 1):
        mine = sorted(day for day in CALENDAR.holidays if day.year == year)
        assert len(mine) == {2022: 10, 2023: 9}.get(year, 8)
        assert all(day.weekday() < 5 for day in mine)
        assert _easter(year) - timedelta(days=2) in mine
        assert _easter(year) + timedelta(days=1) in mine
        assert any(day.month == 8 and day.weekday() == 0 and day.day > 24 for day in mine)
    assert max(CALENDAR.holidays).year == CALENDAR.last_year


def test_past_the_last_known_year_it_warns() -> None:
    assert CALENDAR.warning(date(2027, 12, 31)) == ""
    assert "2027" in CALENDAR.warning(date(2028, 1, 3))


def test_round_is_on_or_after_the_day() -> None:
    assert next_round("Tuesday", date(2026, 11, 22)) == date(2026, 11, 24)
    assert next_round("Sunday", date(2026, 11, 22)) == date(2026, 11, 22)
    assert next_round("", date(2026, 11, 22)) is None


def test_meetings_and_their_cut_off() -> None:
    first, second = meetings("Wednesday", (), date(2026, 11, 22), 2, CALENDAR)
    assert (first.on, first.cut_off, second.on) == (date(2026, 11, 25), date(2026, 11, 23), date(2026, 12, 2))
    on_holiday = meetings("Monday", (), date(2026, 12, 28), 2, CALENDAR)
    assert on_holiday[0].on == date(2027, 1, 4)  # 28 December 2026 is a bank holiday
    assert on_holiday[0].cut_off == date(2026, 12, 30)
    given = meetings("Monday", (date(2026, 11, 1), date(2026, 12, 10)), date(2026, 11, 22), 2, CALENDAR)
    assert [one.on for one in given] == [date(2026, 12, 10)]
    assert meetings("", (), date(2026, 11, 22), 2, CALENDAR) == ()


# ---- instants: UTC inside, Europe/London outside


def at(text: str) -> datetime:
    """A time on London's clocks, as UTC."""
    told = datetime.fromisoformat(text)
    return instant(told.date(), told.time())


def shown(due: datetime) -> str:
    return f"{london(due):%Y-%m-%d %H:%M}"


def due(clock: str, start: str, place: Place = HERE, percent: int = 100, clocks: Clocks = CLOCKS) -> str:
    return shown(reached(clocks.clocks[clock], at(start), place, percent))


def test_the_hour_that_is_missing_in_march_and_the_one_that_comes_twice_in_october() -> None:
    assert at("2026-03-29 00:59") == datetime(2026, 3, 29, 0, 59, tzinfo=UTC)
    assert at("2026-03-29 01:30") == datetime(2026, 3, 29, 1, 30, tzinfo=UTC)  # no such time: shown as 02:30
    assert shown(at("2026-03-29 01:30")) == "2026-03-29 02:30"
    assert at("2026-10-25 01:30") == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)  # the first of the two: the earlier due
    assert at("2026-06-29 00:30") == datetime(2026, 6, 28, 23, 30, tzinfo=UTC)


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(FrailtyError, match="no zone"):
        reached(CLOCKS.clocks["ucr"], datetime(2026, 6, 29, 12), HERE)


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("2026-11-22 13:00", "2026-11-22 15:00"),
        ("2026-03-29 00:30", "2026-03-29 03:30"),  # two real hours, three on the clock
        ("2026-10-25 00:30", "2026-10-25 01:30"),  # two real hours, one on the clock (the second 01:30)
        ("2026-11-22 23:30", "2026-11-23 01:30"),
    ],
)
def test_two_hours_are_two_real_hours_day_and_night(start: str, end: str) -> None:
    assert due("ucr", start) == end
    assert reached(CLOCKS.clocks["ucr"], at(start), HERE) - at(start) == timedelta(hours=2)


def test_a_two_hour_clock_tells_what_lay_out_of_hours() -> None:
    """Received at 19:30, answered at 08:10: the breach stays, and 12 hours of it were out of hours."""
    start, seen = at("2026-11-22 19:30"), at("2026-11-23 08:10")
    inside = counted(start, seen, opening(CLOCKS.hours["ucr"], CALENDAR))
    assert (inside, seen - start - inside) == (timedelta(minutes=40), timedelta(hours=12))
    assert breach(reached(CLOCKS.clocks["ucr"], start, HERE), seen, seen) == "final"


def test_a_day_clock_goes_by_the_local_day() -> None:
    """Half past midnight in summer is yesterday in UTC, and still day 0 is today."""
    assert due("ehch", "2026-06-29 00:30") == "2026-07-09 00:00"
    assert due("planned", "2026-06-29 00:30") == "2026-09-28 00:00"
    assert last_day(reached(CLOCKS.clocks["planned"], at("2026-06-29 00:30"), HERE)) == date(2026, 9, 27)


# ---- the cases of the operating model, by name


@pytest.mark.parametrize(
    ("case", "admitted", "last"),
    [
        ("four-day Easter", date(2026, 4, 2), date(2026, 4, 15)),
        ("Christmas Day on Saturday", date(2021, 12, 24), date(2022, 1, 7)),
        ("admission on 23 December", date(2026, 12, 23), date(2027, 1, 6)),
        ("leap day", date(2024, 2, 28), date(2024, 3, 8)),
        ("admitted on a leap day", date(2024, 2, 29), date(2024, 3, 11)),
        ("29 March 2026 change", date(2026, 3, 27), date(2026, 4, 9)),
        ("25 October 2026 change", date(2026, 10, 23), date(2026, 11, 3)),
        ("one-off holiday", date(2022, 9, 16), date(2022, 9, 28)),
    ],
)
def test_seven_working_days_by_case(case: str, admitted: date, last: date) -> None:
    end = reached(CLOCKS.clocks["ehch"], instant(admitted, time(15)), HERE)
    assert last_day(end) == last == CALENDAR.add(admitted, 7), case
    assert london(end).time() == time()  # the end of that day, by London's clocks


def test_scenario_4_a_safety_check_by_ten() -> None:
    """NEWS2 6 at 22:40, the run at 02:00: by 10:00, not in two hours; and a late run means the next morning."""
    assert due("safety_check", "2026-11-23 02:00") == "2026-11-23 10:00"
    assert due("safety_check", "2026-11-23 10:00") == "2026-11-23 10:00"
    assert due("safety_check", "2026-11-23 10:01") == "2026-11-24 10:00"
    assert due("safety_check", "2026-03-29 00:30") == "2026-03-29 10:00"  # whatever the clocks do
    assert due("safety_check", "2026-10-25 00:30") == "2026-10-25 10:00"
    assert CLOCKS.priorities["P2"].created_by == ("event", "human", "check")


def test_scenario_5_admitted_on_23_december() -> None:
    """24, 29, 30, 31 December, 4, 5, 6 January; warned at 50, 75 and 90 % of the working days."""
    start = at("2026-12-23 11:00")
    found = warnings(CLOCKS.clocks["ehch"], start, HERE, (*CLOCKS.warn, 100))
    assert {percent: shown(when) for percent, when in found.items()} == {
        50: "2026-12-31 12:00",
        75: "2027-01-05 06:00",
        90: "2027-01-06 07:12",
        100: "2027-01-07 00:00",
    }
    end = found[100]
    assert breach(end, at("2027-01-06 23:59")) == "" and breach(end, at("2027-01-07 00:01")) == "open"
    assert breach(end, at("2027-02-01 09:00"), at("2027-01-06 16:00")) == breach(end, end, end) == breach(end, end) == ""
    assert breach(end, at("2027-02-01 09:00"), at("2027-01-08 09:00")) == "final"


# ---- each clock


def test_every_clock_of_the_operating_model_is_there() -> None:
    assert set(CLOCKS.clocks) == {
        "emergency", "triage_urgent", "triage", "ucr", "same_day", "safety_check", "two_day", "discharge_medicines",
        "ehch", "next_round", "next_mdt", "planned", "annual"}
    assert CLOCKS.warn == (50, 75, 90)


@pytest.mark.parametrize(
    ("clock", "start", "end"),
    [
        ("emergency", "2026-11-22 23:50", "2026-11-23 00:05"),
        ("triage_urgent", "2026-11-22 12:00", "2026-11-22 12:15"),
        ("triage_urgent", "2026-11-22 19:50", "2026-11-23 08:05"),
        ("triage_urgent", "2026-11-23 03:00", "2026-11-23 08:15"),
        ("triage", "2026-11-22 19:00", "2026-11-23 09:00"),
        ("same_day", "2026-11-23 06:00", "2026-11-23 18:30"),
        ("same_day", "2026-11-23 16:00", "2026-11-23 18:30"),
        ("same_day", "2026-11-23 16:01", "2026-11-24 12:00"),
        ("same_day", "2026-07-31 17:30", "2026-08-01 12:00"),  # 16:30 in UTC
        ("two_day", "2026-11-23 09:00", "2026-11-25 09:00"),
        ("two_day", "2026-03-28 09:00", "2026-03-30 10:00"),  # 48 real hours
        ("planned", "2026-11-23 09:00", "2027-02-22 00:00"),
        ("annual", "2024-02-29 09:00", "2025-03-01 00:00"),  # to the end of 28 February
        ("annual", "2026-11-23 09:00", "2027-11-24 00:00"),
    ],
)
def test_due(clock: str, start: str, end: str) -> None:
    assert due(clock, start) == end


def test_same_day_of_a_team_that_rests_at_weekends() -> None:
    office = Place(CALENDAR, read_hours("office", {"weekdays": ["08:00-18:30"], "bank_holidays": []}, "here"))
    assert due("same_day", "2026-11-20 16:30", office) == "2026-11-23 12:00"  # Friday afternoon
    assert due("same_day", "2026-11-21 09:00", office) == "2026-11-23 12:00"  # Saturday
    assert due("same_day", "2026-04-02 17:00", office) == "2026-04-07 12:00"  # before the four days of Easter


@pytest.mark.parametrize(
    ("start", "end", "hours"),
    [
        # Good Friday, Sunday and Easter Monday do not count: 9 h + 24 h (Saturday) + 24 h (Tuesday) + 15 h
        ("2026-04-02 15:00", "2026-04-08 15:00", {"weekdays": ["09:00-17:30"], "Saturday": ["09:00-13:00"], "bank_holidays": []}),
        ("2026-11-21 20:00", "2026-11-25 20:00", {"weekdays": ["09:00-17:30"], "Saturday": ["09:00-13:00"]}),  # Sunday
        ("2026-11-22 10:00", "2026-11-26 00:00", {"weekdays": ["09:00-17:30"]}),  # received on a closed day
        ("2026-03-27 18:00", "2026-03-31 18:00", {"weekdays": ["09:00-17:30"], "Saturday": ["09:00-13:00"]}),  # the change, closed
        ("2026-03-28 12:00", "2026-03-31 13:00", {"every_day": ["09:00-21:00"]}),  # the change, open: 23 hours
        ("2026-11-23 12:00", "2026-11-27 12:00", {"every_day": ["09:00-21:00"], "closed": ["2026-11-25"]}),
    ],
)
def test_discharge_medicines_without_the_days_on_which_the_pharmacy_is_closed(start: str, end: str, hours: dict[str, Any]) -> None:
    assert due("discharge_medicines", start, Place(CALENDAR, read_hours("own", hours, "here"))) == end


def test_the_next_round_and_the_next_meeting() -> None:
    assert due("next_round", "2026-11-22 09:00", Place(CALENDAR, round_day="Tuesday")) == "2026-11-25 00:00"
    assert due("next_round", "2026-11-22 09:00") == "2026-11-30 00:00"  # no day is known: a week
    weekly = Place(CALENDAR, mdt_day="Wednesday")
    assert due("next_mdt", "2026-11-23 23:59", weekly) == "2026-11-26 00:00"  # the cut-off is Monday
    assert due("next_mdt", "2026-11-24 00:01", weekly) == "2026-12-03 00:00"
    cancelled = Place(CALENDAR, mdt_dates=(date(2026, 12, 9),))
    assert due("next_mdt", "2026-11-23 12:00", cancelled) == "2026-12-10 00:00"
    assert due("next_mdt", "2026-11-23 12:00") == "2026-12-22 00:00"  # no meetings: 28 days


def test_a_pause_counts_only_where_a_clock_may_be_paused() -> None:
    stay = [(at("2026-11-23 12:00"), at("2026-11-26 12:00"))]
    two_day, ucr = CLOCKS.clocks["two_day"], CLOCKS.clocks["ucr"]
    assert shown(reached(two_day, at("2026-11-23 09:00"), HERE, pauses=stay)) == "2026-11-28 09:00"
    assert shown(reached(two_day, at("2026-11-24 09:00"), HERE, pauses=stay)) == "2026-11-28 12:00"
    assert shown(reached(ucr, at("2026-11-23 11:00"), HERE, pauses=stay)) == "2026-11-23 13:00"


def test_warnings_come_in_order_and_before_the_end() -> None:
    for clock in CLOCKS.clocks.values():
        for start in (at("2026-12-24 17:00"), at("2026-03-28 23:30"), at("2026-10-24 23:30")):
            found = list(warnings(clock, start, HERE, (0, *CLOCKS.warn, 100)).values())
            assert found == sorted(found) and len(set(found[1:])) == 4, clock.id


# ---- a plain twin: minute by minute


WEEK = st.lists(st.sampled_from([[], ["08:00-20:00"], ["09:00-12:30", "14:00-18:00"], ["00:00-24:00"], ["22:00-24:00"]]),
                min_size=7, max_size=7).filter(any)
NEAR_CHANGES = st.sampled_from(["2026-03-28", "2026-10-24", "2026-12-24", "2026-04-02", "2026-11-22"])


@settings(max_examples=60, deadline=None)
@given(WEEK, NEAR_CHANGES, st.integers(0, 2879), st.integers(1, 3000), st.booleans())
def test_opening_hours_against_a_minute_by_minute_count(
    week: list[list[str]], day: str, offset: int, minutes: int, whole_days: bool
) -> None:
    hours = read_hours("own", dict(zip(WEEKDAYS, week, strict=True)), "here")
    spans, start = opening(hours, CALENDAR, whole_days), at(f"{day} 00:00") + timedelta(minutes=offset)
    end = after(start, timedelta(minutes=minutes), spans)
    now, left = start, minutes
    while left:
        here = london(now)
        wall = f"{here:%H:%M}"
        open_now = [low <= wall < high for low, high in (text.split("-") for text in week[here.weekday()])]
        left -= bool(open_now) if whole_days else any(open_now)
        now += timedelta(minutes=1)
    assert end == now
    assert counted(start, end, spans) == timedelta(minutes=minutes)


def test_a_service_that_never_opens_says_so() -> None:
    with pytest.raises(FrailtyError, match="never opens"):
        after(at("2026-11-22 09:00"), timedelta(hours=1), opening(read_hours("none", {}, "here"), CALENDAR))


# ---- the calendar of a site


def test_a_sites_own_holidays_are_merged_never_replaced(tmp_path: Path) -> None:
    file = tmp_path / "site.toml"
    file.write_text('[calendar]\nbank_holidays = ["2026-11-27", "2028-01-03"]\nlast_known_year = 2028\n', encoding="utf-8")
    mine = load_calendar(load_site(file))
    assert mine.holidays == CALENDAR.holidays | {date(2026, 11, 27), date(2028, 1, 3)}
    assert mine.add(date(2026, 11, 26), 1) == date(2026, 11, 30)
    assert (mine.warning(date(2028, 6, 1)), CALENDAR.warning(date(2028, 6, 1))[:13]) == ("", "Bank holidays")
    assert load_calendar(Site(bank_holidays=(date(2028, 1, 3),))).warning(date(2028, 1, 4))  # one day is not the whole year


def test_a_sites_hours_and_numbers(tmp_path: Path) -> None:
    file = tmp_path / "site.toml"
    file.write_text('[hours.hub]\nevery_day = ["09:00-17:00"]\n[settings]\nsame_day_until = "17:00"\n', encoding="utf-8")
    own = load_clocks(load_site(file))
    assert due("triage", "2026-11-22 16:00", clocks=own) == "2026-11-23 10:00"
    assert due("same_day", "2026-11-22 09:00", clocks=own) == "2026-11-22 17:00"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[hours.hub]\nevry_day = []\n", ["evry_day", "did you mean “every_day”?"]),
        ('[hours.hub]\nweekdays = ["18:00-09:00"]\n', ["hours.hub", "not in order", "09:00-13:00"]),
        ('[hours.hub]\nweekdays = ["9 to 5"]\n', ["9 to 5", "18:30"]),
        ("[settings]\nwarn_percent = [50, 120]\n", ["warn_percent", "[50, 75, 90]"]),
        ('[settings]\nsafety_check_by = "25:00"\n', ["25:00", "18:30"]),
        ('[calendar]\nholidays = ["2028-01-03"]\n', ["holidays", "bank_holidays"]),
    ],
)
def test_a_slip_of_the_pen_is_named(tmp_path: Path, text: str, words: list[str]) -> None:
    file = tmp_path / "site.toml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(FrailtyError) as error:
        load_clocks(load_site(file))
    assert [word for word in words if word not in error.value.text()] == []


# ---- clocks and priorities are data


def test_priorities_and_what_fhir_calls_them() -> None:
    assert {one.level: (one.clock, one.task_priority) for one in CLOCKS.priorities.values()} == {
        "P0": ("emergency", "stat"), "P1": ("ucr", "stat"), "P2": ("same_day", "asap"), "P3": ("two_day", "urgent"),
        "P4": ("ehch", "urgent"), "P5": ("next_mdt", "routine"), "P6": ("planned", "routine")}
    assert [one.level for one in CLOCKS.priorities.values() if not one.capped] == ["P0", "P1", "P2", "P3"]


def test_no_score_makes_anything_urgent() -> None:
    """G1: a rule at night never makes a P0, P1 or P2 item; the overnight check makes P2 only."""
    by = {level: set(one.created_by) for level, one in CLOCKS.priorities.items()}
    assert [level for level in by if "engine" in by[level]] == ["P3", "P4", "P5", "P6"]
    assert [level for level in by if "check" in by[level]] == ["P2"]
    assert set(PRIORITIES) == {level for level in by if by[level] & {"engine", "check"}}


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('counts = "elapsed"\nminutes', 'counts = "elapsd"\nminutes', ["emergency", "did you mean “elapsed”?"]),
        ('minutes = "triage_minutes"', "minutes = 120", ["triage", "number of our own", "setting"]),
        ('minutes = "triage_minutes"', 'minutes = "triage_minuts"', ["did you mean “triage_minutes”?"]),
        ('minutes = "triage_minutes"', 'days = "triage_minutes"', ["cannot count with days", "minutes or hours"]),
        ('service = "ucr"', 'service = "urc"', ["urc", "did you mean “ucr”?"]),
        ('kind = "framework"\ncite = "NHS England, Urgent', 'kind = "framework"\nconfirm2 = "NHS England, Urgent', ["where it comes from"]),
        ('clock = "next_mdt"', 'clock = "next_mtd"', ["P5", "did you mean “next_mdt”?"]),
        ('level = "P6"', 'level = "P5"', ["not whole", "P0 to P6"]),
        ('task_priority = "asap"', 'task_priority = "soon"', ["P2", "Task.priority"]),
    ],
)
def test_a_clock_without_its_grounds_does_not_load(tmp_path: Path, old: str, new: str, words: list[str]) -> None:
    shutil.copytree(rules_dir() / "triage", tmp_path / "triage")
    file = tmp_path / "triage/clocks.toml"
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(DefinitionError) as error:
        load_clocks(rules=tmp_path)
    assert [word for word in (*words, "clocks.toml") if word not in error.value.text()] == []
