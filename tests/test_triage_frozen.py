"""A practice whose records are not believed tonight: what was decided, and what people refused, holds all the same."""

from __future__ import annotations

from datetime import date

import pytest
from triage_town import Town, names, site

FALLEN = date(2026, 11, 10)
PROPOSALS = {"proposals": True}


def late_practice() -> Town:
    """Two people with severe frailty on the lists of a night; the next night the practice's records are five days late."""
    town = Town()
    for person in (0, 1, 2):
        town.person(person, "severe", 14)
    town.run(site(settings=PROPOSALS))
    town.next_day()
    town.feed("gp", "gp", days_old=5)
    return town


@pytest.mark.parametrize("person", [0, 1])
def test_who_objects_is_on_no_list_that_is_repeated_and_in_no_tier(person):
    town = late_practice()
    town.insert("consent_as_of", person=person, kind="objection-profiling", decision="deny", status="active", recorded=town.as_of)
    made = town.run(site(settings=PROPOSALS), 2)
    assert made.page("practice", "Y90001").state == "frozen"
    assert person not in names(made, "note_review") and {0, 1, 2} - {person} <= set(names(made, "note_review"))
    assert person not in [one[0] for one in made.tiers.people]
    assert sum(made.tiers.sizes.values()) == 2
    gone = [line for page in made.pages for line in page.came_off if line.person == person]
    assert gone == []                                   # no page says that a score had listed them


@pytest.mark.parametrize("person", [0, 1])
def test_who_died_is_in_no_tier(person):
    town = late_practice()
    town.con.execute("UPDATE person_as_of SET deceased_on = ?, death_status = 'formal' WHERE person = ?", [FALLEN, person])
    made = town.run(site(settings=PROPOSALS), 2)
    assert person not in names(made, "note_review") and person not in [one[0] for one in made.tiers.people]

