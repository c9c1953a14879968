"""Who lives in which home: three sources, confidence, and what is left for a person to settle."""

from datetime import date, timedelta
from typing import Any

from triage_town import Town, home, nhs, resident, site

from frailty.triage.facts import FactTable
from frailty.triage.homes import at_address, same_name

BORN = date(1935, 5, 6)
AT_HOME = {"address": "Seaview House, 1 Seaview Road", "postcode": "zz11aa"}


def town_with(*people: dict[str, Any]) -> Town:
    town = Town()
    for number, more in enumerate(people, 1):
        town.person(number, **{"name": f"Mary Resident{number}", "birth_date": BORN, **more})
    return town


def status(town: Town, table: FactTable, person: int = 1) -> tuple[Any, ...]:
    return town.con.execute("SELECT care_home, home_id FROM facts WHERE person = ?", [person]).fetchall()[0]


def look(town: Town, *homes: Any) -> tuple[FactTable, list[str]]:
    table = town.facts(site(homes=homes))
    return table, [one.what for one in table.residents.questions]


def test_number_and_birth_date_on_the_homes_list_confirm() -> None:
    town = town_with({"name": "Mary Resident"})
    table, asked = look(town, home(residents=(resident("RESIDENT, Mary (Mrs)", BORN, nhs_number=nhs(1)),)))
    assert status(town, table) == ("confirmed", "home-1")
    assert asked == ["no care-home code and another address in the records"]


def test_name_and_birth_date_alone_are_probable_and_an_address_confirms() -> None:
    town = town_with({"name": "Mary Resident"}, {"name": "Jane Other", **AT_HOME})
    lines = (resident("Mary Resident", BORN), resident("J Other", BORN))
    table, asked = look(town, home(residents=lines))
    assert status(town, table, 1) == ("probable", "home-1")
    assert status(town, table, 2) == ("confirmed", "home-1")
    assert asked == ["one source only"]


def test_address_alone_is_probable_with_or_without_a_list() -> None:
    town = town_with(AT_HOME)
    assert look(town, home(residents=(), keeps_list=False))[1] == ["one source only"]
    table, asked = look(town, home())
    assert status(town, table) == ("probable", "home-1")
    assert asked == ["not on the home's list"]


def test_address_and_code_confirm_unless_the_home_denies() -> None:
    town = town_with(AT_HOME)
    town.code(1, "care/residence", date(2026, 1, 1))
    table, _ = look(town, home(keeps_list=False))
    assert status(town, table) == ("confirmed", "home-1")
    table, asked = look(town, home())
    assert (status(town, table)[0], asked) == ("probable", ["not on the home's list"])


def test_a_code_alone_is_a_question_for_the_hub_and_leaving_ends_it() -> None:
    town = town_with({})
    town.code(1, "care/residence", date(2026, 1, 1))
    table, asked = look(town, home())
    assert status(town, table) == ("probable", None)
    assert asked == ["a code says care home"]
    town.code(1, "care/residence", date(2026, 2, 1), "ends")
    table, asked = look(town, home())
    assert (status(town, table)[0], asked) == ("no", [])


def test_what_waits_for_a_home_that_nobody_knows_stands_with_the_question() -> None:
    town = town_with({})
    town.code(1, "care/residence", date(2026, 1, 1))
    town.stay(1, town.as_of - timedelta(days=3), town.as_of - timedelta(days=1))
    made = town.run(site(homes=(home(),)))
    (line,) = [line for view in made.page("hub", "hub").lists if view.id == "tasks" for line in view.lines if line.person == 1]
    assert line.why == ("no home is known: which one?", "Waits for that home: See on this round, after the hospital stay. (rule CH-03-DISCHARGE)")


def test_staff_and_single_visits_make_nobody_a_resident() -> None:
    town = town_with({}, {})
    town.code(1, "care/residence", date(2026, 1, 1), "exclude")
    town.code(2, "care/residence", date(2026, 1, 1), "weak")
    look(town, home())
    assert town.con.execute("SELECT DISTINCT care_home FROM facts").fetchall() == [("no",)]


def test_a_number_that_belongs_to_somebody_else_matches_nobody() -> None:
    town = town_with({"name": "Mary Resident"})
    wrong = resident("Bob Stranger", date(1930, 1, 1), nhs_number=nhs(1))
    table, _ = look(town, home(residents=(wrong,)))
    assert status(town, table) == ("no", None)
    assert "somebody with another name" in table.residents.unmatched[0][2]


def test_a_slip_in_the_birth_date_stays_probable_and_is_asked() -> None:
    town = town_with({"name": "Mary Resident"})
    table, asked = look(
        town, home(residents=(resident("Mary Resident", date(1935, 6, 5), nhs_number=nhs(1)),))
    )
    assert status(town, table) == ("probable", "home-1")
    assert "the date of birth differs from the records" in asked


def test_two_people_with_one_name_and_birth_date_are_never_guessed() -> None:
    town = town_with({"name": "Mary Resident"}, {"name": "Mary Resident"})
    table, _ = look(town, home(residents=(resident("Mary Resident", BORN),)))
    assert table.residents.people == {}
    assert "two people" in table.residents.unmatched[0][2]


def test_two_homes_lists_the_newest_admission_wins_and_both_are_asked() -> None:
    """Scenario 21."""
    town = town_with({"name": "Mary Resident"})
    line = {"nhs_number": nhs(1)}
    old = home(residents=(resident("Mary Resident", BORN, admitted_on=date(2024, 1, 1), **line),))
    new = home(id="home-2", name="Cliff House", address="2 Cliff Road",
               residents=(resident("Mary Resident", BORN, admitted_on=date(2026, 10, 1), **line),))  # fmt: skip
    for homes in ((old, new), (new, old)):
        table, _ = look(town, *homes)
        assert status(town, table) == ("confirmed", "home-2")
        both = {one.home for one in table.residents.questions if one.what.startswith("also on the list")}
        assert both == {"home-1", "home-2"}


def test_dead_and_deregistered_residents_are_questions() -> None:
    town = town_with(
        {"death_status": "formal", "name": "Mary Resident"},
        {"registered_to": date(2026, 1, 1), "name": "Jane Away"},
    )
    lines = (
        resident("Mary Resident", BORN, nhs_number=nhs(1)),
        resident("Jane Away", BORN, nhs_number=nhs(2)),
    )
    table, asked = look(town, home(residents=lines))
    assert asked.count("on the home's list") == 2
    assert status(town, table) == ("no", None)


def test_addresses() -> None:
    place = home()

    def here(address: str, postcode: str = "ZZ1 1AA") -> bool:
        return at_address(place, {"address": address, "postcode": postcode})

    assert here("Room 4, Seaview Hse, Seaview Rd")
    assert here("1 SEAVIEW RD.")
    assert not here("11 Seaview Road")
    assert not here("Flat 1, 3 Seaview Road")
    assert not here("1 Seaview Road", "ZZ1 1AB")
    assert not here("Seaview Court, 5 High Street")


def test_names() -> None:
    assert same_name("EXAMPLE, Alice", "Mrs Alice Mary Example")
    assert same_name("A. Example", "Alice Example")
    assert same_name("Zoë O'Neill", "ZOE ONEILL")
    assert not same_name("Alan Example", "Alice Example")
    assert not same_name("Example", "Alice Example")


def clock(town: Town, *homes: Any) -> tuple[Any, ...]:
    town.facts(site(homes=homes))
    return town.con.execute(
        "SELECT clock_kind, clock_start, clock_due FROM facts WHERE person = 1"
    ).fetchall()[0]


def test_the_assessment_clock_starts_with_admission_and_again_with_return() -> None:
    """Scenario 5: admission on 23 December counts around the bank holidays."""
    town = town_with({"name": "Mary Resident"})
    town.as_of = date(2026, 12, 30)
    place = home(
        residents=(resident("Mary Resident", BORN, nhs_number=nhs(1), admitted_on=date(2026, 12, 23)),)
    )
    assert clock(town, place) == ("new", date(2026, 12, 23), date(2027, 1, 6))
    town.stay(1, date(2026, 12, 26), date(2026, 12, 29))
    assert clock(town, place) == ("back", date(2026, 12, 29), date(2027, 1, 8))
    town.stay(1, date(2026, 12, 30))
    assert clock(town, place) == ("new", date(2026, 12, 23), date(2027, 1, 6))


def test_a_stay_before_the_move_and_a_day_case_start_no_clock() -> None:
    town = town_with({"name": "Mary Resident"})
    place = home(
        residents=(resident("Mary Resident", BORN, nhs_number=nhs(1), admitted_on=date(2026, 11, 1)),)
    )
    town.stay(1, date(2026, 10, 1), date(2026, 11, 1))
    town.stay(1, date(2026, 11, 15), date(2026, 11, 15))
    assert clock(town, place)[0:2] == ("new", date(2026, 11, 1))
    town.stay(1, date(2026, 11, 8), date(2026, 11, 10))
    assert clock(town, place)[0:2] == ("back", date(2026, 11, 10))
