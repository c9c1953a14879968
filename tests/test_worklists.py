"""Who is on which list, and where everybody else is: the operating model's scenarios."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from triage_town import AS_OF, Town, home, names, nhs, practice, request, resident, site

from frailty.site import Feed, Home, Request
from frailty.triage import Line, Page, Worklists

BORN = date(1935, 5, 6)
AWAY = "no longer in the records; held for 14 days, in case it is a transfer or an error"


def view(made: Worklists, list_id: str, audience: str = "practice", page_id: str = "Y90001") -> Any:
    return next(one for one in made.page(audience, page_id).lists if one.id == list_id)


def line(
    made: Worklists, list_id: str, person: int, audience: str = "practice", page_id: str = "Y90001"
) -> Line:
    return next(one for one in view(made, list_id, audience, page_id).lines if one.person == person)


def ids(made: Worklists, list_id: str, audience: str = "practice", page_id: str = "Y90001") -> list[str]:
    return [one.patient_id for one in view(made, list_id, audience, page_id).part("now")]


def off(page: Page) -> dict[int | None, str]:
    return {one.person: one.why[0] for one in page.came_off}


def lives_at(person: int, name: str, **more: Any) -> Home:
    return home(
        residents=(resident(name, BORN, nhs_number=nhs(person), admitted_on=date(2024, 1, 1), **more),)
    )


def test_suggested_is_a_note_review_and_confirmed_is_for_the_meeting() -> None:
    town = Town()
    town.person(1, "severe", 14)
    town.person(2, "severe", 14)
    town.code(2, "care/frailty_severe", date(2025, 1, 1))
    town.plan(town.person(3), date(2026, 1, 1))
    made = town.run(site())
    assert names(made, "note_review") == [1]
    assert names(made, "mdt") == [2]
    assert line(made, "note_review", 1).frailty == "Severe frailty suggested by the records, not confirmed"
    assert "confirmed by a clinician (1 Jan 2025)" in line(made, "mdt", 2).frailty
    assert line(made, "mdt", 2).due == date(2026, 11, 25)


def test_three_hundred_for_eight_slots() -> None:
    """Scenario 13: eight chosen, 292 on the overflow with reasons; the order is stable and nobody waits for ever."""
    town = Town()
    for person in range(1, 301):
        town.code(town.person(person, "severe", 14), "care/frailty_severe", date(2025, 1, 1))
    town.stay(77, date(2026, 10, 1), date(2026, 10, 3))
    town.plan(town.person(400), date(2026, 1, 1))
    made = town.run(site())
    first = names(made, "mdt")
    assert (len(first), first[0]) == (8, 77)
    waiting = view(made, "mdt").part("overflow")
    assert len(waiting) == 292
    assert waiting[0].left_off == "no room: 1 of 292 who wait for 8 places a week; likely in the week of 29 Nov 2026"
    assert all("; likely in the week of " in one.left_off for one in waiting)
    assert view(made, "mdt").intro.endswith(
        " Stock, as this is the first night: 292 wait; at 8 places a week: clear in 37 weeks.")
    assert view(made, "mdt").books["overflow"] == 292
    town.next_day()
    again = town.run(site(), 2)
    assert names(again, "mdt") == first
    assert {one.status for one in view(again, "mdt").lines} == {"same"}
    assert " Flow: 0 new in a week: 292 wait;" in view(again, "mdt").intro
    town.next_day(4)  # after the meeting, with nothing recorded: others have their turn
    later = town.run(site(), 3)
    assert not set(names(later, "mdt")) & set(first)
    assert line(later, "mdt", 77).left_off.endswith("had a turn before, and nothing has been recorded since")


def test_the_pack_closes_two_working_days_before_the_meeting() -> None:
    town = Town(date(2026, 11, 23))
    for person in (1, 2, 3):
        town.code(town.person(person, "severe", 14), "care/frailty_severe", date(2025, 1, 1))
    town.plan(town.person(9), date(2026, 1, 1))
    small = site(practices=(practice(mdt_slots=2),))
    pack = names(town.run(small), "mdt")
    town.next_day()
    town.code(town.person(4, "severe", 14), "care/frailty_severe", date(2025, 1, 1))
    town.person(5)
    asked = replace(small, requests=(request(5, asked_on=date(2026, 11, 24)),))
    made = town.run(asked, 2)
    assert set(names(made, "mdt")) == {*pack, 5}
    assert line(made, "mdt", 4).left_off == "the pack for 25 Nov 2026 has closed; likely in the week of 1 Dec 2026"


def test_who_has_a_place_keeps_it_until_somebody_more_urgent_comes() -> None:
    """The same level, a longer wait or a recent fall take nobody's place; a higher band does, and the list says so."""
    town = Town(date(2026, 11, 23))
    for person in (1, 2, 3):
        town.medicines(town.person(person, "moderate", 10), 12)
    small = site(settings={"pharmacist_slots": 2})
    before = names(town.run(small), "pharmacist")
    other = ({1, 2, 3} - set(before)).pop()
    town.next_day()
    town.medicines(town.person(4, "moderate", 10), 12)
    town.code(other, "efi/falls", date(2026, 11, 23))
    assert names(town.run(small, 2), "pharmacist") == before
    town.next_day()
    town.medicines(town.person(5, "severe", 14), 12)
    made = town.run(small, 3)
    now = names(made, "pharmacist")
    assert (now[0], len(now)) == (5, 2) and set(now[1:]) < set(before)
    lost = (set(before) - set(now)).pop()
    told = line(made, "pharmacist", lost or 0)
    assert (told.status, told.section) == ("changed", "overflow")
    assert "; had a place before, and somebody more urgent came; waiting since 23 Nov 2026; likely in the week of" in told.left_off
    assert "Flow: 2 new in a week: 3 wait; at 2 places every 28 days" in view(made, "pharmacist").intro


def test_one_pharmacists_places_are_shared_by_the_people_eligible() -> None:
    """Twelve places for three practices; 20, 4 and 1 people: a floor for each, the rest by their number."""
    town = Town()
    many = {"Y90001": 20, "Y90002": 4, "Y90003": 1}
    for n, ods in enumerate(ods for ods, count in many.items() for _ in range(count)):
        town.medicines(town.person(n + 1, "moderate", 10, practice=ods), 12)
    made = town.run(site(practices=tuple(practice(ods) for ods in many), settings={"pharmacist_slots": 4},
                         feeds=(Feed("gp", "gp", tuple(many)), Feed("hospital", "hospital"))))
    listed = [len(names(made, "pharmacist", page_id=ods)) for ods in many]
    assert listed == [9, 2, 1]
    assert [view(made, "pharmacist", page_id=ods).slots for ods in many] == listed


def test_the_equity_table_is_the_hubs_and_names_no_small_number() -> None:
    """60 women and 6 men for eight places; one objector is in no cell; nobody who was asked for counts."""
    town = Town()
    for person in range(1, 67):
        more: dict[str, Any] = {"sex": "male" if person % 11 == 0 else "female", "imd_quintile": person % 2 + 1}
        town.code(town.person(person, "severe", 14, **more), "care/frailty_severe", date(2025, 1, 1))
    town.insert("consent_as_of", person=1, kind="objection-profiling", decision="deny", recorded=date(2025, 1, 1))
    town.plan(town.person(99), date(2026, 1, 1))
    made = town.run(site(requests=(request(99),), settings={"checklist_slots": 0}))
    table = {(one.dimension, one.group): (one.eligible, one.selected) for one in made.page("hub", "hub").equity}
    assert table["all", "all"] == ("65", "*")
    assert {table["sex", name][0] for name in ("male", "female")} == {"*"}      # one * alone would give the other away
    assert table["age", "75 to 84"] == ("65", "*")
    assert [table["deprivation (IMD quintile)", name][0] for name in ("1 (most deprived)", "2")] == ["35", "30"]
    assert table["home", "in no home"][0] == table["practice", "Practice Y90001"][0] == table["ethnicity", "not recorded"][0] == "65"
    assert not made.page("practice", "Y90001").equity


def test_a_part_of_the_places_is_for_those_whom_nobody_has_seen() -> None:
    """One of eight meeting places, though everybody else has severe frailty."""
    town = Town()
    for person in range(1, 21):
        town.code(town.person(person, "severe", 14), "care/frailty_severe", date(2025, 1, 1))
    town.person(50, "moderate", 9, last_contact_on=date(2025, 1, 1))
    town.plan(town.person(99), date(2026, 1, 1))
    made = town.run(site(settings={"proposals": ["MDT-08"]}))
    assert 50 in names(made, "mdt") and len(names(made, "mdt")) == 8


def test_ten_medicines_with_frailty_and_no_review() -> None:
    town = Town()
    for person, band, number in (
        (1, "moderate", 10),
        (2, "severe", 9),
        (3, "mild", 12),
        (4, "severe", 12),
        (5, "severe", 12),
    ):
        town.medicines(town.person(person, band, 10), number)
    town.code(4, "care/smr", date(2026, 5, 1))
    town.code(5, "care/smr", date(2026, 5, 1))
    town.stay(5, date(2026, 9, 1), date(2026, 9, 5))
    made = town.run(site())
    assert set(names(made, "pharmacist")) == {1, 5}  # an admission after the review opens it again
    assert view(made, "pharmacist").books["suppressed"] == 1
    assert "10 regular medicines with moderate frailty (suggested)" in line(made, "pharmacist", 1).why[0]


def test_nothing_recorded_for_two_years_is_a_list_of_its_own() -> None:
    town = Town()
    town.person(1, last_entry_on=date(2024, 1, 1), last_contact_on=None)
    town.scores[1].update(efi_reviewed_status="not_assessable", efi_reviewed_band=None)
    made = town.run(site())
    assert names(made, "not_seen") == [1]


def test_the_sites_own_holidays_move_what_is_due() -> None:
    """A death to confirm within a working day, a new resident within seven, a meeting that a holiday takes away."""
    town = Town()
    town.person(1, "severe", 14, deceased_on=date(2026, 11, 20))
    town.code(town.person(2, "severe", 14), "care/frailty_severe", date(2025, 1, 1))
    town.person(3, name="Mary Resident", birth_date=BORN)
    town.plan(town.person(9), date(2026, 1, 1))
    new = home(residents=(resident("Mary Resident", BORN, nhs_number=nhs(3), admitted_on=date(2026, 11, 19)),))
    plain, own = town.run(site(homes=(new,))), town.run(
        site(homes=(new,), bank_holidays=(date(2026, 11, 23), date(2026, 11, 25))), 2)
    told = [(line(made, "hold", 1).due_text, line(made, "mdt", 2).due_text,
             line(made, "new_or_back", 3, "home", "home-1").due_text) for made in (plain, own)]
    assert told == [("by Mon 23 Nov 2026", "MDT on Wed 25 Nov 2026", "by Mon 30 Nov 2026"),
                    ("by Tue 24 Nov 2026", "MDT on Wed 2 Dec 2026", "by Wed 2 Dec 2026")]
    assert plain.rules_hash != own.rules_hash


def test_last_days_of_life() -> None:
    """Scenario 16: no medication review, no meeting; but served when somebody asks."""
    town = Town()
    town.medicines(town.person(1, "severe", 14), 12)
    town.code(1, "care/last_days", date(2026, 11, 20))
    made = town.run(site())
    page = made.page("practice", "Y90001")
    assert not [one for one in page.lines() if one.person == 1]
    assert ("in the last days of life", 1) in page.excluded
    asked = town.run(site(requests=(request(1),)), 2)
    assert names(asked, "mdt") == [1]
    assert any("Last days of life" in one for one in line(asked, "mdt", 1).warnings)


def test_objection_to_profiling() -> None:
    """Scenario 11: off every list and count; its own practice sees the marker; served when somebody asks."""
    town = Town()
    town.medicines(town.person(1, "severe", 14), 12)
    town.insert(
        "consent_as_of", person=1, kind="objection-profiling", decision="deny", recorded=date(2025, 1, 1)
    )
    made = town.run(site())
    page = made.page("practice", "Y90001")
    assert not list(page.lines())
    assert not page.not_evaluated
    assert ("object to profiling", 1) in page.excluded
    assert [card.name for card in page.objectors] == ["Alice Example1"]
    assert not made.page("hub", "hub").objectors
    asked = town.run(site(requests=(request(1),)), 2)
    assert line(asked, "mdt", 1).frailty == "Not scored: objection"


def test_the_dead_are_never_listed_and_an_informal_death_is_confirmed_first() -> None:
    town = Town()
    town.person(1, "severe", 14, death_status="formal", deceased_on=date(2026, 11, 1))
    town.person(2, "severe", 14, deceased_on=date(2026, 11, 20))
    town.person(
        3,
        "severe",
        14,
        death_status="informal",
        deceased_on=date(2019, 1, 1),
        last_contact_on=date(2018, 12, 1),
    )
    made = town.run(site(requests=(request(1), request(2))))
    page = made.page("practice", "Y90001")
    assert [(one.list, one.person) for one in page.lines()] == [("hold", 2), ("bereavement", 1)]
    assert line(made, "bereavement", 1).warnings == ("Died on 1 Nov 2026: contact those left behind only",)
    told = line(made, "hold", 2)
    assert (told.asked, told.due) == (True, date(2026, 11, 23))
    assert "make no contact" in told.warnings[0]
    assert "asked for, but died on" in view(made, "tasks", "hub", "hub").lines[0].asks.lower()
    town.next_day(3)
    assert line(town.run(site(), 2), "hold", 2).overdue


def test_in_hospital_pauses_and_comes_back_with_its_waiting_time() -> None:
    town = Town()
    town.person(1, "severe", 14)
    town.run(site())
    town.next_day()
    town.stay(1, date(2026, 11, 23))
    paused = line(town.run(site(), 2), "note_review", 1)
    assert (paused.section, paused.status, paused.left_off) == (
        "paused",
        "changed",
        "in hospital since 23 Nov 2026",
    )
    town.next_day()
    town.con.execute("UPDATE stay_as_of SET ended = DATE '2026-11-24', recorded_end = ended")
    back = line(town.run(site(), 3), "note_review", 1)
    assert (back.section, back.first_listed) == ("now", AS_OF)


def test_deregistered_people_are_counted_and_served_only_when_asked_for() -> None:
    town = Town()
    town.person(1, "severe", 14, registered_to=date(2026, 11, 1))
    assert not list(town.run(site()).page("practice", "Y90001").lines())
    asked = town.run(site(requests=(request(1),)), 2)
    assert "hand over in person" in line(asked, "mdt", 1).warnings[0]


def test_planned_work_is_held_for_14_days_after_the_registration_ends() -> None:
    """G5: on no list in between, on it again with the old day where the person is registered again, closed after that."""
    town = Town()
    town.code(town.person(1, "severe", 14), "care/frailty_severe", date(2025, 1, 1))
    town.plan(town.person(9), date(2026, 1, 1))
    began = {task.rule: task.since for task in town.run(site()).cases.tasks if task.person == 1 and task.place == "open"}
    assert "MDT-02" in began
    for run, days in enumerate((1, 13), 2):
        town.next_day(days)
        town.con.execute("UPDATE person_as_of SET registered_to = DATE '2026-11-23' WHERE person = 1")
        made = town.run(site(), run)
        assert not made.cases.closed
        assert {task.rule: (task.place, task.since) for task in made.cases.tasks if task.person == 1 and task.rule in began} == {
            rule: ("held", since) for rule, since in began.items()}
        assert 1 not in {one.person for one in made.page("practice", "Y90001").lines()}
    assert ("no longer registered: held for a transfer", 1) in made.page("practice", "Y90001").excluded
    town.next_day()
    assert {task.rule for task, _ in town.run(site(), 4).cases.closed} == set(began)
    town.con.execute("DELETE FROM listed WHERE run = 4")
    town.con.execute("UPDATE person_as_of SET registered_to = NULL")
    back = town.run(site(), 5)
    assert {task.rule: (task.place, task.since) for task in back.cases.tasks if task.person == 1 and task.rule in began} == {
        rule: ("open", since) for rule, since in began.items()}


def test_requests_that_fit_nobody_or_lie_ahead() -> None:
    town = Town()
    town.person(1)
    ahead = request(1, asked_on=AS_OF + timedelta(days=1))
    made = town.run(site(requests=(request(999), ahead)))
    assert not list(made.page("practice", "Y90001").lines())
    (only,) = view(made, "tasks", "hub", "hub").lines
    assert "nobody in the records has this NHS number" in only.asks
    assert only.asked


def test_a_request_comes_first_whatever_the_score() -> None:
    town = Town()
    for person in range(1, 12):
        town.code(town.person(person, "severe", 14), "care/frailty_severe", date(2025, 1, 1))
    town.plan(town.person(50), date(2026, 1, 1))
    town.medicines(51, 2)
    town.person(51)
    made = town.run(site(requests=(request(50), request(51, "pharmacist"))))
    assert names(made, "mdt")[0] == 50
    assert len(names(made, "mdt")) == 8
    assert names(made, "pharmacist") == [51]
    assert line(made, "mdt", 50).by == "asked by Nurse C on 20 Nov 2026"


def test_the_homes_request_is_on_the_round_and_no_score_removes_it() -> None:
    """Scenario 6."""
    town = Town()
    town.person(1, "fit", 0, name="Mary Resident", birth_date=BORN)
    asked = lives_at(1, "Mary Resident", requested=True, request_reason="not eating", requested_by="J. Quill")
    made = town.run(site(homes=(asked,)))
    told = line(made, "asked", 1, "home", "home-1")
    assert (told.due, told.asked) == (date(2026, 11, 24), True)
    assert told.why[0] == "Asked because: not eating"
    town.next_day()
    assert line(town.run(site(homes=(asked,)), 2), "asked", 1, "home", "home-1").status == "same"


def test_a_confirmed_resident_is_on_the_homes_list_and_not_in_the_pack() -> None:
    town = Town()
    town.person(1, "severe", 14, name="Mary Resident", birth_date=BORN)
    town.code(1, "care/frailty_severe", date(2025, 1, 1))
    town.plan(town.person(2), date(2026, 1, 1))
    made = town.run(site(homes=(lives_at(1, "Mary Resident"),)))
    assert names(made, "mdt") == []
    assert view(made, "mdt").books["redirected"] == 1
    assert names(made, "passed_on", "now", "home", "home-1") == [1]
    assert line(made, "passed_on", 1, "home", "home-1").due == date(2026, 11, 24)
    asked = town.run(site(homes=(lives_at(1, "Mary Resident"),), requests=(request(1),)), 2)
    assert names(asked, "asked", "now", "home", "home-1") == [1]
    assert any("first on the home's round list" in one for one in asked.page("practice", "Y90001").notices)


def test_sections_of_the_round_in_order_and_everybody_in_exactly_one() -> None:
    town = Town()
    events = {1: "new", 2: "back", 3: "fall", 4: "gap", 5: "hospital", 6: "none", 7: "died"}
    for person in events:
        more: dict[str, Any] = {"death_status": "informal"} if person == 7 else {}
        if person == 4:
            more["last_contact_on"] = date(2026, 1, 1)
        town.person(person, name=f"Mary Resident{person}", birth_date=BORN, **more)
    lines = [
        resident(f"Mary Resident{person}", BORN, nhs_number=nhs(person), admitted_on=date(2024, 1, 1))
        for person in events
    ]
    lines[0] = replace(lines[0], admitted_on=date(2026, 11, 9))
    lines.append(resident("Bob Unknown", date(1931, 1, 1), room="9"))
    lines.append(resident("Joan Unknown", date(1931, 2, 1), requested=True, request_reason="fell"))
    town.stay(2, date(2026, 11, 10), date(2026, 11, 16))
    town.code(3, "efi/falls", date(2026, 11, 18))
    town.stay(5, date(2026, 11, 20))
    made = town.run(site(homes=(home(residents=tuple(lines)),)))
    page = made.page("home", "home-1")
    where = {
        one.id: [(row.person, row.card.name) for row in one.lines]
        for one in page.lists
        if one.lines and one.id != "tasks"
    }
    assert [*where] == [
        "hold",
        "asked",
        "new_or_back",
        "reason",
        "round_gap",
        "in_hospital",
        "not_in_data",
        "everyone_else",
    ]
    assert [person for person, _ in where["new_or_back"]] == [1, 2]  # by due day: overdue first
    assert [[person for person, _ in where[name]] for name in ("hold", "reason", "round_gap")] == [
        [7],
        [3],
        [4],
    ]
    assert where["asked"] == [(None, "Joan Unknown")]
    assert where["not_in_data"] == [(None, "Bob Unknown")]
    new = line(made, "new_or_back", 1, "home", "home-1")
    assert new.due_text == "by Wed 18 Nov 2026: OVERDUE by 2 working days"
    assert new.overdue


def test_late_news_is_still_a_reason_and_says_so() -> None:
    town = Town()
    town.person(1, name="Mary Resident", birth_date=BORN)
    town.stay(1, date(2026, 11, 5), date(2026, 11, 5), setting="emergency", recorded_start=date(2026, 11, 20))
    made = town.run(site(homes=(lives_at(1, "Mary Resident"),)))
    assert names(made, "reason", "now", "home", "home-1") == [1]


def test_two_homes_lists_give_one_place_and_a_task_in_each() -> None:
    """Scenario 21."""
    town = Town()
    town.person(1, name="Mary Resident", birth_date=BORN)
    row = resident("Mary Resident", BORN, nhs_number=nhs(1), admitted_on=date(2024, 1, 1))
    homes = (
        home(residents=(row,)),
        home(id="home-2", name="Cliff House", residents=(replace(row, admitted_on=date(2026, 11, 16)),)),
    )
    made = town.run(site(homes=homes))
    assert 1 not in [one.person for one in made.page("home", "home-1").lines() if one.list != "tasks"]
    assert names(made, "new_or_back", "now", "home", "home-2") == [1]
    assert all(
        "also on the list of" in view(made, "tasks", "home", one.id).lines[0].asks.lower() for one in homes
    )


def test_a_practice_that_sends_nothing_keeps_its_last_good_list() -> None:
    """Scenario 8: last good list shown, banner, nothing closed; new requests are still served."""
    town = Town()
    for person in range(1, 41):
        town.person(person, "severe" if person < 4 else "fit", 14)
    town.person(60, name="Mary Resident", birth_date=BORN, last_contact_on=date(2026, 1, 1))
    here = site(homes=(lives_at(60, "Mary Resident"),))
    before = ids(town.run(here), "note_review")
    town.next_day()
    town.con.execute("DELETE FROM person_as_of")
    town.scores.clear()
    made = town.run(here, 2)
    page = made.page("practice", "Y90001")
    assert page.state == "frozen"
    assert "fell from 41 to 0" in page.notices[0]
    assert ids(made, "note_review") == before
    assert {one.status for one in page.lines()} == {"repeated"}
    assert not page.came_off
    assert ids(made, "round_gap", "home", "home-1") == ["p60"]
    assert not view(made, "not_in_data", "home", "home-1").lines
    town.next_day()
    assert ids(town.run(here, 3), "note_review") == before == ["p3", "p2", "p1"]
    town.next_day()
    for person in range(1, 41):
        town.person(person, "severe" if person < 3 else "fit", 14)
    town.person(60, name="Mary Resident", birth_date=BORN, last_contact_on=date(2026, 1, 1))
    back = town.run(here, 4)
    assert back.page("practice", "Y90001").state == "ok"
    assert set(names(back, "note_review")) == {1, 2}
    assert off(back.page("practice", "Y90001")) == {3: "the records no longer suggest severe frailty"}


@pytest.mark.parametrize("kind", ["late", "on hold", "held"])
def test_frozen_and_held_practices(kind: str) -> None:
    town = Town()
    town.person(1, "severe", 14)
    town.run(site())
    town.next_day()
    town.person(2, "severe", 14)
    town.person(3)
    where = site(requests=(request(3),))
    if kind == "late":
        town.feed("gp", "gp", 3)
    elif kind == "held":
        town.con.execute("UPDATE feed SET held = 'people went from 5 to 1' WHERE source = 'gp'")
    else:
        where = replace(where, practices=(practice(on_hold=True),))
    made = town.run(where, 2)
    assert made.page("practice", "Y90001").state == ("on hold" if kind == "on hold" else "frozen")
    assert names(made, "note_review") == [1]
    assert names(made, "mdt") == [3]


def test_a_guessed_date_warns_and_never_freezes() -> None:
    town = Town()
    town.person(1, "severe", 14)
    town.feed("gp", "gp", 400, "newest record")
    made = town.run(site())
    assert made.page("practice", "Y90001").state == "ok"
    assert names(made, "note_review") == [1]
    assert made.page("practice", "Y90001").sources[0].state == "date guessed"


def test_the_last_run_is_found_by_the_person_not_by_the_stores_number() -> None:
    """Numbers are given anew when identities are linked or unlinked: the reason is the person's own, not a stranger's."""
    town = Town()
    for person in (1, 2, 3):
        town.person(person, "severe", 14)
    town.run(site())
    town.next_day()
    town.con.execute("UPDATE person_as_of SET deceased_on = DATE '2026-11-23', death_status = 'formal' WHERE person = 1")
    town.con.execute("DELETE FROM person_as_of WHERE person = 3")
    town.con.execute("UPDATE person_as_of SET person = [2, 3][person]")        # 1 is 2 now, 2 is 3, and nobody is 1
    town.scores = {2: {**town.scores[1], "person": 2}, 3: {**town.scores[2], "person": 3}}
    made = town.run(site(), 2)
    page = made.page("practice", "Y90001")
    assert {(task.patient_id, why) for task, why in made.cases.closed if task.rule == "MDT-01"} == {("p1", "died")}
    assert {(task.patient_id, task.gone) for task in made.cases.tasks if task.gone and task.rule == "MDT-01"} == {("p3", town.as_of)}
    assert {(one.patient_id, one.person, one.why) for one in page.came_off if one.list == "note_review"} == {
        ("p1", 2, ("died on 23 Nov 2026",)), ("p3", None, (AWAY,))}
    assert [(one.patient_id, one.status) for one in page.lines() if one.list == "note_review"] == [("p2", "same")]


def test_why_people_came_off() -> None:
    town = Town()
    for person in range(1, 8):
        town.person(person, "severe", 14)
    town.plan(town.person(9), date(2026, 1, 1))
    town.run(site())
    town.next_day()
    town.code(1, "care/frailty_severe", date(2026, 11, 23))
    town.code(2, "care/frailty_mild", date(2026, 11, 23))
    town.con.execute(
        "UPDATE person_as_of SET deceased_on = DATE '2026-11-23', death_status = 'formal' WHERE person = 3"
    )
    town.con.execute("UPDATE person_as_of SET registered_to = DATE '2026-11-23' WHERE person = 4")
    town.scores[5].update(efi_reviewed_band="moderate")
    town.con.execute("DELETE FROM person_as_of WHERE person = 6")
    made = town.run(site(), 2)
    assert off(made.page("practice", "Y90001")) == {
        1: "severe frailty confirmed on 23 Nov 2026",
        2: "mild frailty confirmed on 23 Nov 2026",
        3: "died on 23 Nov 2026",
        4: "registration ended on 23 Nov 2026; held for 14 days, in case it is a transfer or an error",
        5: "the records no longer suggest severe frailty",
        None: AWAY,
    }
    assert names(made, "note_review") == [7]
    assert line(made, "mdt", 1).status == "new"


def test_what_nobody_can_know_is_said_and_nobody_is_dropped() -> None:
    town = Town()
    town.code(town.person(1, "severe", 14), "care/frailty_severe", date(2025, 1, 1))
    town.person(2)
    town.scores[2].update(efi_reviewed_status="not_assessable", efi_reviewed_band=None)
    page = town.run(site()).page("practice", "Y90001")
    groups = {(group.rule, group.why): [card.name for card in group.cards] for group in page.not_evaluated}
    assert groups["MDT-02", "no care plans in this practice's records"] == ["Alice Example1"]
    assert groups["MDT-01", "frailty suggested not known"] == ["Alice Example2"]
    assert any(one.startswith("Rule MDT-02 is off for this practice") for one in page.notices)


def test_people_whose_practice_nobody_knows_are_the_hubs() -> None:
    town = Town()
    town.person(1, "severe", 14, practice=None)
    town.person(2, "severe", 14, practice="Y99999")
    made = town.run(site())
    assert not list(made.page("practice", "Y90001").lines())
    assert {one.person for one in view(made, "tasks", "hub", "hub").lines} == {1, 2}


def test_a_request_to_the_hub_stands_among_its_contacts():
    """Not on the list of step-up beds, though that is the hub's last."""
    town, asked = Town(), Request(nhs(1), "Ms Lee", date(2026, 11, 20), "lonely", "hub")
    town.person(1)
    made = town.run(site(requests=(asked,)))
    assert {list_.id: [line.person for line in list_.lines] for list_ in made.page("hub", "hub").lists if list_.lines} == {"contacts": [1]}


@pytest.mark.parametrize("audience", ["practice", "pharmacist", "navigator", "hub"])
def test_nobody_is_asked_to_see_somebody_who_may_have_died(audience):
    """G5: whoever asked, the practice confirms first, and no other list sends anybody there."""
    town, asked = Town(), Request(nhs(1), "Ms Lee", date(2026, 11, 20), "lonely", audience)
    town.person(1, death_status="informal", deceased_on=date(2026, 11, 10))
    town.person(2)
    made = town.run(site(requests=(asked, replace(asked, nhs_number=nhs(2)))))
    lines = {(page.audience, line.list): line for page in made.pages for line in page.lines() if line.person == 1}
    assert list(lines) == [("practice", "hold")]
    line = lines["practice", "hold"]
    assert line.asked and line.asks.startswith("Confirm whether this person has died") and "Ms Lee" in line.asks
    assert "Asked because: lonely" in line.why
    assert any(line.person == 2 and line.asks.startswith("See ") for page in made.pages for line in page.lines())
