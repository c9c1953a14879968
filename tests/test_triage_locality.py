"""A locality of 5,000 people: lists within their room, everybody somewhere, few new people a week, the same night twice."""

from __future__ import annotations

from collections import Counter

import pytest
from triage_crowd import crowd, week
from triage_town import Town

from frailty.site import Site
from frailty.triage import Worklists
from frailty.triage.capacity import PLANNED
from frailty.triage.home_page import FILLER

PEOPLE, HOMES = 5_000, 6


@pytest.fixture(scope="module")
def nights() -> tuple[Town, Site, Worklists, Worklists]:
    town, place = crowd(PEOPLE, HOMES)
    first = town.run(place)
    week(town)
    return town, place, first, town.run(place, 2)


def test_every_list_is_within_its_capacity(nights: tuple[Town, Site, Worklists, Worklists]) -> None:
    over = 0
    for made in nights[2:]:
        for page in made.pages:
            capped = {view.id: [line for line in view.part("now") if line.priority in PLANNED] for view in page.lists}
            assert sum(len(capped.get(name, ())) for name in FILLER) <= 6, page.id
            for view in page.lists:
                begun = sum(line.turn_on == made.as_of for line in capped[view.id])
                assert view.slots is None or len(capped[view.id]) <= view.slots, (page.id, view.id)
                assert view.weekly is None or begun <= view.weekly, (page.id, view.id)
                over += len(view.part("overflow"))
                assert all(line.left_off and ("likely in the week of" in line.left_off or "not within" in line.left_off)
                           for line in view.part("overflow"))
    assert over > 100


def test_everybody_eligible_is_in_one_place_and_the_counts_balance(nights: tuple[Town, Site, Worklists, Worklists]) -> None:
    town, place, _, made = nights
    people = dict(town.con.execute("SELECT practice, count(*) FROM facts GROUP BY 1").fetchall())
    for page in made.pages:
        for view in page.lists if page.audience != "home" else ():
            books = dict(view.books)
            if books:
                everybody = people[page.id] if page.audience == "practice" else sum(people[one.ods] for one in place.practices)
                assert books.pop("people") == everybody == sum(books.values()), (page.id, view.id)
                assert all(number >= 0 for number in books.values()), (page.id, view.id, books)
    shown = {line.person for page in made.pages for line in page.lines()}
    flagged = {row[0] for row in town.con.execute("SELECT person FROM exclusion_flag").fetchall()}
    met = town.con.execute("SELECT person, rule FROM outcome WHERE outcome = 'yes'").fetchall()
    on_lists = {rule.id for rule in made.rules if rule.list}
    assert {person for person, rule in met if rule in on_lists} <= shown | flagged
    tasks = Counter((task.patient_id, task.rule) for task in made.cases.tasks)
    assert max(tasks.values()) == 1
    assert {(f"p{person}", rule) for person, rule in met} <= set(tasks) | {(f"p{person}", rule) for person, rule in met
                                                                          if person in flagged}


def test_a_week_after_the_first_night_few_people_are_new(nights: tuple[Town, Site, Worklists, Worklists]) -> None:
    """Under 2 score-driven people per 1,000 registered."""
    *_, first, later = nights
    assert new_by_score(first) > 0
    assert 0 < new_by_score(later) < 2 * PEOPLE / 1000


def test_yesterdays_people_keep_their_place(nights: tuple[Town, Site, Worklists, Worklists]) -> None:
    """Who had a place of four weeks has it a week later, or has left the list, or gave it to somebody more urgent."""
    *_, first, later = nights
    for page in first.pages:
        for view in page.lists:
            if view.id == "pharmacist":
                had = {line.mark for line in view.part("now")}
                after = next(one for one in later.page(page.audience, page.id).lists if one.id == view.id)
                lost = [line for line in after.part("overflow") if line.mark in had]
                assert all("had a place before" in line.left_off for line in lost)
                assert len(lost) < len(had) / 4


def test_the_same_night_twice_gives_the_same_lists(nights: tuple[Town, Site, Worklists, Worklists]) -> None:
    """Scenario 23, with the people in another order."""
    town, place = crowd(PEOPLE, HOMES)
    town.con.execute("CREATE TEMP TABLE turned AS SELECT * FROM person_as_of ORDER BY person DESC")
    town.con.execute("DELETE FROM person_as_of; INSERT INTO person_as_of SELECT * FROM turned")
    town.scores = dict(reversed(town.scores.items()))
    assert town.run(place).rows(1) == nights[2].rows(1)


def new_by_score(made: Worklists) -> int:
    """People whom a score-driven list names tonight and did not the night before."""
    planned = {f"{rule.id} v{rule.version}" for rule in made.rules if rule.planned}
    return len({line.person for page in made.pages for line in page.lines()
                if line.status == "new" and line.section in ("now", "overflow") and planned & set(line.rules)})
