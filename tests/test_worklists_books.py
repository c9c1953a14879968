"""A town in which everything happens: everybody is somewhere, once, on the right page, whatever the order of the rows."""

from datetime import date, timedelta
from typing import Any

import pytest
from triage_town import Town, home, nhs, practice, request, resident, rules_for, site

from frailty.site import Feed
from frailty.triage import Worklists


def big_town() -> Town:
    """Two practices and a home, with everything that can happen to a person."""
    town = Town()
    for person in range(1, 121):
        more: dict[str, Any] = {"practice": "Y90001" if person % 3 else "Y90002"}
        if person % 11 == 0:
            more |= {"death_status": ("formal", "informal")[person % 2], "deceased_on": date(2026, 11, 1)}
        if person % 13 == 0:
            more["registered_to"] = date(2026, 1, 1)
        if person % 17 == 0:
            more |= {"last_entry_on": None, "last_contact_on": None}
        town.person(person, ("severe", "moderate", "fit")[person % 3 - 1 if person % 2 else 0], 14, **more)
        if person % 2:
            town.medicines(person, person % 15)
        if person % 5 == 0:
            town.code(person, "care/frailty_severe", date(2025, 1, 1))
        if person % 19 == 0:
            town.stay(person, date(2026, 11, 20))
        if person % 23 == 0:
            town.insert(
                "consent_as_of",
                person=person,
                kind="objection-profiling",
                decision="deny",
                recorded=date(2025, 1, 1),
            )
        if person % 29 == 0:
            town.code(person, "care/last_days", date(2026, 11, 20))
        if person % 7 == 0:
            town.scores[person].update(efi_reviewed_status="not_assessable", efi_reviewed_band=None)
    town.plan(1, date(2026, 1, 1))
    town.plan(2, date(2026, 1, 1))
    return town


def big_site() -> Any:
    lines = tuple(
        resident(
            f"Alice Example{person}",
            date(1946, 1, 1) + timedelta(days=person),
            nhs_number=nhs(person),
            admitted_on=date(2024, 1, 1),
        )
        for person in range(10, 30)
    )
    return site(
        practices=(practice(), practice("Y90002")),
        homes=(home(residents=lines),),
        feeds=(Feed("gp", "gp", ("Y90001", "Y90002")), Feed("hospital", "hospital")),
        requests=(request(4), request(46), request(38), request(5, "pharmacist")),
    )


@pytest.fixture(scope="module")
def big() -> tuple[Town, Worklists]:
    town = big_town()
    return town, town.run(big_site())


def test_the_books_balance_and_every_eligible_person_is_somewhere(big: tuple[Town, Worklists]) -> None:
    town, made = big
    people = dict(town.con.execute("SELECT practice, count(*) FROM facts GROUP BY 1").fetchall())
    listed = 0
    for ods in ("Y90001", "Y90002"):
        for one in made.page("practice", ods).lists:
            books = dict(one.books)
            assert books.pop("people") == people[ods]
            assert sum(books.values()) == people[ods], (ods, one.id, one.books)
            assert books["listed"] == len(one.part("now"))
            listed += books["listed"] + books["overflow"]
    assert listed > 50
    for person, rule in town.con.execute("SELECT person, rule FROM outcome WHERE outcome = 'yes'").fetchall():
        shown = [one for page in made.pages for one in page.lines() if one.person == person]
        flagged = town.con.execute(
            "SELECT count(*) FROM exclusion_flag WHERE person = ?", [person]
        ).fetchall()[0][0]
        found = rules_for(site()).rule(rule)
        assert shown or flagged or (found is not None and not found.list), (person, rule)


def test_no_audience_holds_anothers_people(big: tuple[Town, Worklists]) -> None:
    town, made = big
    home_people = set(range(10, 30))
    practice_of = dict(town.con.execute("SELECT person, practice FROM facts").fetchall())
    for page in made.pages:
        mine = {one.person for view in page.lists for one in view.lines if one.person is not None}
        if page.audience == "practice":
            assert {practice_of[person] for person in mine} <= {page.id}
        elif page.audience == "home":
            assert mine <= home_people


def test_the_same_night_gives_the_same_lists(big: tuple[Town, Worklists]) -> None:
    """Scenario 23: replayed, and with the rows in another order."""
    first = big[1]
    town = big_town()
    town.con.execute("CREATE TEMP TABLE turned AS SELECT * FROM person_as_of ORDER BY person DESC")
    town.con.execute("DELETE FROM person_as_of; INSERT INTO person_as_of SELECT * FROM turned")
    town.scores = dict(reversed(town.scores.items()))
    again = town.run(big_site())
    assert first.rows(1) == again.rows(1)
