"""Working days, bank holidays, rounds and meetings."""

from datetime import date, timedelta

import pytest

from frailty.triage.clocks import load_calendar, meetings, next_round

CALENDAR = load_calendar()


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
