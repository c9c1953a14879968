"""Pages of teams that serve several practices, and the hub's own lists: who is on them, places a week, and what a card tells."""

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from triage_town import AS_OF, Town, names, nhs, practice, site

from frailty.errors import SiteError
from frailty.reports.worklists import render_page
from frailty.site import Request, Site, Team, load_site
from frailty.triage import Worklists
from frailty.triage.outcomes import Decision

BOTH = (practice(), practice("Y90002"))


def falls(made: Worklists, section: str = "now", team: str = "community") -> list[int | None]:
    return names(made, "falls", section, "team", team)


def fallen(people: int = 9, **more: Any) -> tuple[Town, Site]:
    """People who fell twice this year; every third at the second practice."""
    town = Town()
    for person in range(1, people + 1):
        town.person(person, "moderate", 9, practice=BOTH[person % 3 == 0].ods)
        for days in (40, 200):
            town.code(person, "efi/falls", AS_OF - timedelta(days=days))
    return town, site(practices=BOTH, **more)


def test_a_team_starts_with_so_many_new_people_a_week() -> None:
    """Four a week: nobody more on the next night, four more a week later, and who has a place keeps it."""
    town, here = fallen(settings={"falls_slots": 4})
    first = town.run(here)
    assert len(falls(first)) == 4 and len(falls(first, "overflow")) == 5
    assert all("for 4 places a week" in line.left_off and "likely in the week of" in line.left_off
               for line in first.page("team", "community").lines() if line.section == "overflow")
    town.next_day()
    assert falls(town.run(here, 2)) == falls(first)
    town.next_day(6)
    later = town.run(here, 3)
    assert len(falls(later)) == 8 and set(falls(first)) < set(falls(later))
    assert {task.place for task in later.cases.tasks if task.rule == "FALL-01"} == {"open", "overflow"}


def test_both_practices_have_their_part_and_an_event_is_never_capped() -> None:
    town, here = fallen(settings={"falls_slots": 2, "proposals": True})
    town.code(8, "efi/falls", AS_OF - timedelta(days=2))
    town.code(8, "needs/fall_injury", AS_OF - timedelta(days=2))
    made = town.run(here)
    view = made.page("team", "community").lists[0]
    assert view.part("now")[0].person == 8 and view.part("now")[0].priority == "P3"
    assert {line.card.practice for line in view.part("now")[1:]} == {one.name for one in BOTH}
    assert len(view.part("now")) == 3 and view.weekly == 2


def test_each_team_has_its_practices_and_its_own_places() -> None:
    teams = (Team("north", "community", "North", "Sr N", ("Y90001",)), Team("south", "community", "South", "", ("Y90002",)))
    town, here = fallen(teams=teams, slots={("north", "falls_slots"): 2})
    made = town.run(here)
    assert len(falls(made, team="north")) == 2 and len(falls(made, "overflow", "north")) == 4
    assert sorted(map(int, filter(None, falls(made, team="south")))) == [3, 6, 9]


def test_a_practice_has_exactly_one_team_of_a_queue(tmp_path: Path) -> None:
    file = tmp_path / "site.toml"
    both = '[[practice]]\nods = "Y90001"\n[[practice]]\nods = "Y90002"\n'
    team = '[[team]]\nid = "{}"\nqueue = "community"\npractices = ["Y90001"]\n'
    file.write_text(both + team.format("a"), encoding="utf-8")
    with pytest.raises(SiteError, match="“Y90002” is served by no team of community"):
        load_site(file)
    file.write_text(both + team.format("a") + team.format("b").replace("01\"]", '01", "Y90002"]'), encoding="utf-8")
    with pytest.raises(SiteError, match="“Y90001” is served by several teams"):
        load_site(file)


def test_a_request_to_a_team_comes_first_and_counts_as_a_new_start() -> None:
    """NAV-01: anybody may refer, whatever the records say."""
    town, here = fallen(requests=(Request(nhs(3), "daughter", AS_OF, "lonely", "navigator"),
                                  Request(nhs(6), "Dr A", AS_OF, "fell again", "community")), settings={"falls_slots": 2})
    made = town.run(here)
    assert falls(made)[0] == 6 and len(falls(made)) == 2
    assert names(made, "navigator", audience="team", page_id="navigator") == [3]
    assert not names(made, "mdt")


def test_a_navigators_card_has_no_clinical_detail() -> None:
    town = Town()
    town.person(1, "severe", 14)
    town.plan(1, date(2026, 1, 1))
    for name in ("needs/smoker", "efi/falls", "care/palliative"):
        town.code(1, name, AS_OF - timedelta(days=30))
    here = site(requests=(Request(nhs(1), "daughter", AS_OF, "lonely", "navigator"),))
    made = town.run(here)
    (line,) = made.page("team", "navigator").lists[0].lines
    assert line.frailty == "" and line.why == ("Asked because: lonely",)
    told = " ".join((*line.known, *line.missing)).lower()
    assert not any(word in told for word in ("plan", "palliative", "frailty", "medicine"))
    assert "Frailty" not in render_page(made, made.page("team", "navigator")).split('id="lists"')[1].split("</article>")[0]


def test_the_hub_sees_its_own_contacts_and_who_decided_stays_off() -> None:
    town = Town()
    town.person(1, "severe", 14, last_contact_on=AS_OF - timedelta(days=60))
    town.stay(1, AS_OF - timedelta(days=6), AS_OF - timedelta(days=1))
    here = site(settings={"proposals": True})
    made = town.run(here)
    (line,) = next(view for view in made.page("hub", "hub").lists if view.id == "contacts").lines
    assert (line.list, line.priority, line.due) == ("contacts", "P3", AS_OF + timedelta(days=2))
    assert made.page("hub", "hub").lists[1].books["people"] == 1
    town.person(2, "severe", 14, last_contact_on=AS_OF)
    town.code(2, "efi/falls", AS_OF - timedelta(days=20))
    decided = Decision("p2", "falls", "declined-person", AS_OF, "Sr B", rules=("FALL-01 v1",))
    held = town.run(here, 2, decisions=[decided])
    assert 2 not in falls(held)
    assert [line.person for line in held.page("team", "community").decided if line.list == "falls"] == [2]


def test_an_urgent_line_stays_until_the_records_or_a_person_answer_it() -> None:
    """HUB-03 speaks for three days; on the sixth nothing has answered it, so it stands there still, overdue (H01)."""
    town = Town()
    for person in (1, 2):
        town.person(person, "severe", 14, last_contact_on=AS_OF - timedelta(days=60))
        town.stay(person, AS_OF - timedelta(days=6), AS_OF - timedelta(days=1))
    here = site(settings={"proposals": True})
    town.run(here)
    town.next_day(6)
    town.con.execute(f"UPDATE person_as_of SET last_contact_on = DATE '{town.as_of}' WHERE person = 2")
    made = town.run(here, 2)
    (line,) = next(one for one in made.page("hub", "hub").lists if one.id == "contacts").lines
    assert line.person == 1 and line.overdue and any(why.startswith("Still open:") for why in line.why)
    town.next_day()
    done = Decision("p1", "contacts", "managed-at-home", town.as_of, "Sr B", rules=("HUB-03 v1",))
    after = town.run(here, 3, decisions=[done]).page("hub", "hub")
    assert not next(one for one in after.lists if one.id == "contacts").lines
    assert "Managed at home" in next(one.why[0] for one in after.came_off if one.person == 1)


def test_a_frozen_practice_repeats_its_planned_lines_and_events_are_told_anew() -> None:
    town, here = fallen(3)
    first = town.run(here)
    town.con.execute("DELETE FROM person_as_of WHERE practice = 'Y90001'")
    town.next_day()
    made = town.run(site(practices=(practice(on_hold=True), BOTH[1])), 2)
    page = made.page("team", "community")
    shown, before = ([line.patient_id for view in one.page("team", "community").lists if view.id == "falls"
                      for line in view.lines if line.section == "now"] for one in (made, first))
    assert sorted(shown) == sorted(before) == ["p1", "p2", "p3"]
    assert falls(made).count(None) == 2                 # of whom the records hold nothing now
    assert {line.status for line in page.lines() if line.card.practice == "Practice Y90001"} == {"repeated"}
    assert any("Y90001 is on hold" in one for one in page.notices) and not page.came_off


def test_a_navigator_does_not_read_what_others_decided() -> None:
    """4.5: a navigator sees what is asked, not that a clinician found somebody frail or changed their medicines."""
    town = Town()
    town.person(1, "severe", 14)
    town.code(1, "care/lives_alone", date(2025, 1, 1))
    town.code(1, "efi/social-vulnerability", AS_OF - timedelta(days=5))
    review = Decision("p1", "note_review", "not-frail-on-review", AS_OF - timedelta(days=3), "Dr A")
    called = Decision("p1", "coach", "declined-person", AS_OF - timedelta(days=3), "Coach B")
    asked = Request(nhs(1), "Ms Lee", date(2026, 11, 20), "lonely", "navigator")
    made = town.run(site(settings={"proposals": True}, requests=(asked,)), decisions=[review, called])
    (line,) = (line for line in made.page("team", "navigator").lines() if line.person == 1)
    assert "Dr A" not in " ".join(line.known) and "coach" not in " ".join(line.known).lower()       # no rule of theirs holds
    mine = next(line for line in made.page("practice", "Y90001").decided if line.person == 1)
    assert "Not frail on review" in mine.why[0]


@pytest.mark.parametrize("code", ["care/palliative", "care/last_days"])
def test_why_somebody_left_a_navigators_list_is_no_diagnosis(code: str) -> None:
    town, here = Town(), site(settings={"proposals": True})
    town.person(1, "moderate", 9)
    town.code(1, "needs/smoker", AS_OF - timedelta(days=40))
    assert names(town.run(here), "coach", audience="team", page_id="navigator") == [1]
    town.next_day()
    town.code(1, code, AS_OF)
    (line,) = town.run(here, 2).page("team", "navigator").came_off
    assert line.why == ("others look after this person now",)
