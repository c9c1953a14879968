"""Who left the records, or the register, with work open (G5): held, never deleted, always confirmed by a person."""

import json
from collections import Counter
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from outcome_sheets import fill, night, read, sheet_of
from test_triage_cases import ALL, due, row, rules
from test_triage_cases import night as cases
from triage_town import AS_OF, Town, nhs, rules_for, site

from frailty.triage import Hit, Task, Worklists, make_cases
from frailty.triage.cases import GONE, HANDED_OVER, LIST_SIZE, packed, unpacked
from frailty.triage.casework import previous_tasks
from frailty.triage.lines import Line

DAYS = 14                                       # transfer_days
REFERRED = "Referred on (to whom: Note)"
HIT = [Hit(1, "HUB-03", "yes"), Hit(1, "MDT-02", "yes")]


def on(days: int) -> date:
    return AS_OF + timedelta(days=days)


# ---- the pure part: tasks of who is not in tonight's facts

def first() -> tuple[Task, ...]:
    return cases(HIT, {1: row(1)}).tasks


def away(tasks: Any, *nights: int, **more: Any) -> Any:
    """The cases after these nights without the person."""
    for days in nights:
        made = cases([], {}, previous=[unpacked(packed(task)) for task in tasks], as_of=on(days), **more)
        tasks = made.tasks
    return made


def test_who_vanishes_is_held_and_nothing_is_closed() -> None:
    made = away(first(), 1, 2, DAYS)
    assert not made.closed and not made.cases
    assert {task.rule: (task.place, task.why, task.kept, task.gone) for task in made.tasks} == {
        "HUB-03": ("held", GONE, HANDED_OVER, on(1)), "MDT-02": ("held", GONE, "", on(1))}


def test_after_the_days_the_tasks_close_and_the_reason_says_so() -> None:
    made = away(first(), 1, DAYS + 1)
    said = "no longer in the records since 23 Nov 2026; held for 14 days, in case it was a transfer or an error"
    assert {task.rule: why for task, why in made.closed} == {
        "MDT-02": said, "HUB-03": f"{said}; the hub's page asked who looks after this person, and nobody wrote an outcome"}
    assert not made.tasks and not made.alerts


@pytest.mark.parametrize("outcome", ["yes", "no"])
def test_who_comes_back_goes_on_as_before(outcome: str) -> None:
    """An urgent task also where its rule is silent by now; a planned one where its rule still speaks."""
    gone = away(first(), 1, 9)
    back = cases([Hit(1, "HUB-03", outcome), Hit(1, "MDT-02", "yes")], {1: row(1)}, previous=gone.tasks, as_of=on(10))
    assert {task.key: (task.place, task.since, task.original_due, task.due, task.gone) for task in back.tasks} == {
        task.key: ("open", task.since, task.original_due, task.due, None) for task in first()}
    again = away(back.tasks, 11, 12)                        # and a second time counts anew
    assert {task.gone for task in again.tasks} == {on(11)} and not again.closed


def test_a_frozen_practice_keeps_its_own_way() -> None:
    frozen = away(first(), 1, 40, frozen=["Y90001"])
    assert {(task.place, task.why, task.gone) for task in frozen.tasks} == {("held", "practice_paused", None)} and not frozen.closed
    began = away(first(), 1)
    late = away(began.tasks, 2, 40, frozen=["Y90001"])      # gone before: nothing ends on records that are not to be believed
    assert (late.tasks, late.closed) == (began.tasks, ())


def test_an_outcome_ends_what_is_urgent_and_gone() -> None:
    made = away(first(), 1, 2, answered={("p1", "HUB-03"): "decided: handed over"})
    assert [task.rule for task in made.tasks] == ["MDT-02"]
    ended = cases([], {}, previous=first(), as_of=on(1), answered={("p1", "HUB-03"): "decided: handed over"})
    assert [(task.rule, why) for task, why in ended.closed] == [("HUB-03", "decided: handed over")]


def test_a_task_of_an_earlier_version_is_read() -> None:
    (task, *_) = first()
    told = json.loads(packed(task))
    assert not {"gone", "number"} & set(told)               # what is as usual is not written
    assert unpacked(json.dumps(told)) == task
    held = away([task], 1).tasks[0]
    assert unpacked(packed(held)) == held and held.gone == on(1)


# ---- the alert on the size of a list

def listed(*gone: int, people: int = 100) -> tuple[list[Hit], dict[int, Any]]:
    there = [n for n in range(1, people + 1) if n not in gone]
    return [Hit(n, "MDT-02", "yes") for n in there], {n: row(n) for n in there}


def test_many_who_vanish_set_off_the_alert_until_somebody_has_looked() -> None:
    """Not hidden by holding their tasks: the list did shrink. Nor set off for ever, once the change is let in."""
    gone = tuple(range(61, 101))
    made = cases(*listed(), as_of=on(0))
    for days in (1, 2, DAYS + 2):
        made = cases(*listed(*gone), previous=made.tasks, as_of=on(days))
        (alert,) = made.alerts
        assert "from 100 to 60 people overnight (40 are no longer in the records)" in alert
        assert Counter(task.place for task in made.tasks) == {"open": 60, "held": 40} and not made.closed
    lets = rules_for(site(settings={"proposals": True, "shrink_percent": 90}))
    hits, people = listed(*gone)
    made = make_cases(hits, people, {}, lets, on(DAYS + 3), due, made.tasks)
    assert not made.alerts
    made = cases(*listed(*gone), previous=made.tasks, as_of=on(DAYS + 4))
    assert not made.alerts and len(made.closed) == 40 and len(made.tasks) == 60


def test_who_vanishes_and_comes_back_is_no_jump_of_the_list() -> None:
    gone = tuple(range(71, 101))                            # 30 of 100 do not set it off
    made = cases(*listed(), as_of=on(0))
    for days in (1, 2, 3):
        made = cases(*listed(*gone), previous=made.tasks, as_of=on(days))
        assert not made.alerts
    fewer = cases(*listed(*gone, *range(61, 71)), previous=made.tasks, as_of=on(4))
    assert not fewer.alerts                                 # 10 of the 70 that are left
    back = cases(*listed(), previous=fewer.tasks, as_of=on(5))
    assert not back.alerts and {(task.place, task.since) for task in back.tasks} == {("open", AS_OF)}


def test_who_waited_to_be_looked_at_and_vanishes_still_waits() -> None:
    made = cases(*listed(people=100))
    made = cases(*listed(people=150), previous=made.tasks, as_of=on(1))
    assert Counter(task.why for task in made.tasks)[LIST_SIZE] == 50
    made = cases(*listed(150, people=150), previous=made.tasks, as_of=on(2))
    (task,) = (task for task in made.tasks if task.patient_id == "p150")
    assert (task.place, task.why, task.gone) == ("held", LIST_SIZE, on(2)) and "from 100 to 149" in made.alerts[0]
    made = cases(*listed(people=150), previous=made.tasks, as_of=on(3))
    assert "from 100 to 150" in made.alerts[0] and Counter(task.place for task in made.tasks) == {"open": 100, "held": 50}


# ---- the hub's page

def discharged(*people: int, **more: Any) -> Town:
    """Severely frail people who left hospital lately: HUB-03 asks for a contact."""
    town = Town()
    for person in people:
        town.person(person, "severe", 14, last_contact_on=on(-60), **more)
        town.stay(person, on(-8), on(-2))
    return town


def to_settle(made: Worklists) -> list[Line]:
    return list(next(view.lines for view in made.page("hub", "hub").lists if view.id == "tasks"))


def settled(made: Worklists) -> dict[str, tuple[str, ...]]:
    return {line.patient_id: line.why for line in made.page("hub", "hub").came_off if line.list == "tasks"}


def ends(town: Town, day: date, person: int = 1) -> None:
    town.con.execute("UPDATE person_as_of SET registered_to = ? WHERE person = ?", [day, person])


def test_the_hub_is_asked_to_hand_over_once_for_each_person() -> None:
    town = discharged(1, 2)
    town.run(ALL)
    town.next_day(4)
    ends(town, town.as_of)
    made = town.run(ALL, 2)
    (line,) = to_settle(made)
    assert (line.card.name, line.card.nhs_number, line.patient_id, line.left_off) == ("Alice Example1", nhs(1), "p1", "Practice Y90001")
    assert line.asks == "Not registered here any more, and urgent work is open: hand it over"
    assert line.why[0] == "Registration ended on 26 Nov 2026; held for 14 days, in case it is a transfer or an error"
    assert line.why[1] == ("Open: Contact after the hospital stay: how are they, what is missing, who calls next? "
                           "(rule HUB-03, open since 22 Nov 2026, due 24 Nov 2026: OVERDUE)")
    assert "new practice or hub" in line.why[2] and "“Referred on”" in line.why[2]
    assert (line.due, line.overdue, line.priority, line.rules) == (on(2), True, "P3", ("HUB-03 v1",))
    town.next_day(20)                                       # and for as long as nobody has settled it
    (line,) = to_settle(town.run(ALL, 3))
    assert line.why[0] == "Registration ended on 26 Nov 2026" and line.first_listed == on(4)


def test_several_tasks_of_a_person_are_one_line() -> None:
    town = discharged(1)
    town.run(ALL)
    town.con.execute("INSERT INTO listed SELECT run, as_of, audience, 'ucr', 'P2', section, person, patient_id, 'UCR-05', 1, status, reason, "
                     "due, first_listed, json_merge_patch(facts, '{\"rule\": \"UCR-05\", \"queue\": \"ucr\", \"priority\": \"P2\"}') "
                     "FROM listed WHERE audience = 'case' AND rule = 'HUB-03'")
    town.next_day()
    ends(town, town.as_of)
    (line,) = to_settle(town.run(ALL, 2))
    assert (line.rules, line.priority) == (("UCR-05 v1", "HUB-03 v1"), "P2")
    assert line.why[1].count("open since 22 Nov 2026") == 2 and line.why[1].index("UCR-05") < line.why[1].index("HUB-03")


def test_who_may_have_died_is_confirmed_first() -> None:
    town = discharged(1)
    town.run(ALL)
    town.next_day()
    town.con.execute("UPDATE person_as_of SET deceased_on = DATE '2026-11-22', death_status = 'informal'")
    made = town.run(ALL, 2)
    (line,) = to_settle(made)
    assert line.asks == "Recorded as died, and urgent work is open: confirm the death"
    assert line.why[0] == "Recorded as died, not formally notified" and "make no contact" in line.why[2] and "“Has died”" in line.why[2]
    assert line.card.phone == ""
    town.next_day()
    town.con.execute("UPDATE person_as_of SET deceased_on = NULL, death_status = NULL")
    back = town.run(ALL, 3)
    assert not to_settle(back) and settled(back) == {"p1": ("settled, or no longer in question",)}
    assert {task.since for task in back.cases.tasks if task.rule == "HUB-03" and task.place == "open"} == {AS_OF}


def test_who_was_gone_has_the_name_of_their_last_row() -> None:
    town = discharged(1, 2)
    town.run(ALL)
    town.next_day()
    town.leaves(1)
    made = town.run(ALL, 2)
    (line,) = to_settle(made)
    assert (line.card.name, line.card.nhs_number, line.card.birth_date) == ("Alice Example1", nhs(1), date(1946, 1, 2))
    assert line.asks == "No longer in the records, and urgent work is open: find out who looks after this person"
    assert line.why[0] == ("No longer in the records of Practice Y90001 since 23 Nov 2026, without an end of the registration; "
                           "asked until 7 Dec 2026, then the work is closed")
    assert "rule HUB-03, open since 22 Nov 2026, due 24 Nov 2026" in line.why[1]
    town.next_day(DAYS - 1)
    (line,) = to_settle(town.run(ALL, 3))
    assert (line.first_listed, line.status, line.card.name) == (on(1), "changed", "Alice Example1")     # overdue by now
    town.next_day()
    made = town.run(ALL, 4)
    assert not to_settle(made) and "nobody wrote an outcome" in settled(made)["p1"][0]
    assert "no longer in the records since 23 Nov 2026" in {task.rule: why for task, why in made.cases.closed}["MDT-01"]


def test_who_comes_back_is_on_the_list_again_with_the_old_day() -> None:
    town = discharged(1)
    town.run(ALL)
    kept = town.con.execute("SELECT * FROM person_as_of").fetchdf(), town.scores[1]
    town.next_day()
    town.leaves(1)
    town.run(ALL, 2)
    town.next_day()
    town.con.register("kept", kept[0])
    town.con.execute("INSERT INTO person_as_of BY NAME SELECT * FROM kept")
    town.scores[1] = kept[1]
    made = town.run(ALL, 3)
    task = next(task for task in made.cases.tasks if task.rule == "HUB-03")
    assert (task.place, task.since, task.original_due, task.gone, task.number) == ("open", AS_OF, on(2), None, -1)
    assert settled(made) == {"p1": ("settled, or no longer in question",)}


def test_an_id_that_another_source_uses_too_names_nobody_else() -> None:
    """Other sources' p1 are other people: the store's number of the last night tells them apart."""
    town = discharged(1, 2)
    town.run(ALL)
    town.next_day()
    town.feed("aardvark", "gp")
    town.leaves(1)
    for gone, load in ((2, None), (77, 9)):
        town.insert("person", record=900 + gone, source="aardvark", resource_id="p1", person=gone, nhs_number=nhs(gone), sex="male",
                    birth_date=date(1930, 1, 1), birth_precision="day", name="Stranger", keys=["Patient/p1"], known_from=1, known_to=load)
    for run in (2, 3):
        (line,) = to_settle(town.run(ALL, run))
        assert line.card.name == "Alice Example1"
        town.next_day()


def test_where_nothing_tells_them_apart_nobody_is_named() -> None:
    town = discharged(1)
    town.run(ALL)
    town.next_day()
    town.leaves(1)
    town.con.execute("UPDATE person SET person = 5")        # numbers were given anew since the last run
    town.insert("person", record=900, source="aardvark", resource_id="p1", person=77, name="Stranger", keys=["Patient/p1"], known_from=1,
                known_to=2)
    (line,) = to_settle(town.run(ALL, 2))
    assert (line.card.name, line.card.nhs_number, line.patient_id) == ("Name not known", "", "p1")


def test_of_two_ids_that_became_one_person_the_earlier_task_stands() -> None:
    """G4: the earliest due day and the highest priority."""
    old = Task("x9", 1, "HUB-03", 1, "hub", "P3", on(5), on(5), on(-3), practice="Y90001")
    new = Task("x9", 1, "HUB-03", 1, "hub", "P2", on(2), on(2), on(0), practice="Y90001")
    for pair in ((old, new), (new, old)):
        rows = [{"audience": "case", "patient_id": "x9", "person": 1, "facts": packed(task)} for task in pair]
        (task,) = previous_tasks(rows, {"x9": 50})
        assert (task.since, task.original_due, task.due, task.priority, task.person) == (on(-3), on(5), on(2), "P2", 50)


def test_an_id_with_its_source_before_it_is_found() -> None:
    town = Town()
    town.person(1, "severe", 14, last_contact_on=on(-60), patient_id="gp:p1")
    town.scores[1]["patient_id"] = "gp:p1"
    town.stay(1, on(-8), on(-2))
    town.run(ALL)
    town.next_day()
    town.leaves(1)
    (line,) = to_settle(town.run(ALL, 2))
    assert (line.card.name, line.patient_id) == ("Alice Example1", "gp:p1")


def again(town: Town, patient_id: str, **more: Any) -> None:
    """Person 1 under another id: a new record, which the store has linked by NHS number, birth date and sex."""
    told: dict[str, Any] = {"nhs_number": nhs(1), "birth_date": date(1946, 1, 2), "sex": "female"}
    town.insert("person", record=50, person=50, source="other", resource_id=patient_id, birth_precision="day", name="Alice Example1",
                keys=[f"Patient/{patient_id}"], known_from=2, **told)
    town.person(50, "severe", 14, patient_id=patient_id, **{"last_contact_on": on(-60), **told, **more})
    town.scores[50]["patient_id"] = patient_id


def test_who_re_registers_under_another_id_is_the_same_person() -> None:
    """G4: the task goes on, and nobody is asked where they are."""
    town = discharged(1)
    began = {task.rule: (task.since, task.original_due) for task in town.run(ALL).cases.tasks if task.place == "open"}
    town.next_day()
    town.leaves(1)
    again(town, "x9")
    town.stay(50, on(-8), on(-2))
    made = town.run(ALL, 2)
    assert not to_settle(made)
    assert {task.rule: (task.since, task.original_due) for task in made.cases.tasks if task.place == "open"} == began
    assert {task.patient_id for task in made.cases.tasks} == {"x9"}
    page = made.page("practice", "Y90001")
    assert {(one.patient_id, one.status) for one in page.lines() if one.list == "note_review"} == {("x9", "same")}


def test_whom_only_the_hospital_still_knows_is_asked_about_once() -> None:
    town = discharged(1)
    town.run(ALL)
    town.next_day()
    town.leaves(1)
    again(town, "h1", practice=None)
    town.stay(50, on(-8), on(-2))
    (line,) = to_settle(town.run(ALL, 2))
    assert line.asks.startswith("No longer in the records") and line.patient_id == "p1"
    town.next_day()
    town.con.execute("UPDATE person_as_of SET deceased_on = DATE '2026-11-23', death_status = 'formal'")
    made = town.run(ALL, 3)
    assert not to_settle(made) and {why for task, why in made.cases.closed if task.rule == "HUB-03"} == {"died on 23 Nov 2026"}


@pytest.mark.parametrize("kind", ["consent", "code"])
def test_nobody_who_objected_is_named(kind: str) -> None:
    """G8: also who is gone; they are counted. The word may have come with the night on which they left."""
    town = discharged(1, 2)
    town.run(ALL)
    town.next_day()
    town.leaves(1)
    town.leaves(2)
    if kind == "consent":
        town.insert("consent", source="gp", subject="Patient/p1", status="active", decision="deny", category="objection-profiling",
                    recorded=on(0), known_from=1, known_to=2)
    else:
        town.insert("event", source="gp", subject="Patient/p1", element="Condition.code", concept=7, counts=True, effective=on(0),
                    recorded=on(0), known_from=1, known_to=2)
        town.insert("list_concept", list="care/objection_profiling", category="present", caution="", concept=7)
    made = town.run(ALL, 2)
    assert [line.patient_id for line in to_settle(made)] == ["p2"]
    assert any("Urgent work of 1 person who objected to profiling and is no longer in the records is held" in one
               and one.endswith("ask Practice Y90001.") for one in made.page("hub", "hub").notices)
    named = {line.patient_id for page in made.pages for line in (*page.lines(), *page.came_off)}
    assert "p1" not in named and "p2" in named
    town.next_day(DAYS)
    assert "p1" not in {line.patient_id for line in town.run(ALL, 3).page("hub", "hub").came_off}


def test_who_objects_while_they_are_gone_is_named_no_longer() -> None:
    town = discharged(1)
    town.run(ALL)
    town.next_day()
    town.leaves(1)
    assert [line.patient_id for line in to_settle(town.run(ALL, 2))] == ["p1"]
    town.next_day()
    town.insert("consent", source="gp", subject="Patient/p1", status="active", decision="deny", category="objection-profiling",
                recorded=on(2), known_from=3)
    made = town.run(ALL, 3)
    assert not to_settle(made) and not settled(made)
    assert not [task for task, _ in made.cases.closed]


def test_who_objects_and_leaves_is_named_only_by_what_is_not_planned() -> None:
    town = discharged(1, 2)
    town.run(ALL)
    for person, rule in ((1, "HUB-05"), (2, "HUB-05")):     # urgent, and it rests on a score
        town.con.execute(f"INSERT INTO listed SELECT run, as_of, audience, audience_id, list, section, person, patient_id, '{rule}', 1, status, "
                         f"reason, due, first_listed, json_merge_patch(facts, '{{\"rule\": \"{rule}\"}}') FROM listed "
                         "WHERE audience = 'case' AND rule = 'HUB-03' AND patient_id = ?", [f"p{person}"])
    town.con.execute("DELETE FROM listed WHERE audience = 'case' AND rule = 'HUB-03' AND patient_id = 'p2'")
    town.con.execute("DELETE FROM stay_as_of WHERE person = 2")
    town.next_day()
    for person in (1, 2):
        ends(town, town.as_of, person)
        town.insert("consent_as_of", person=person, kind="objection-profiling", decision="deny", recorded=on(0))
    (line,) = to_settle(town.run(ALL, 2))
    assert (line.patient_id, line.rules) == ("p1", ("HUB-03 v1",))


def test_an_objection_that_was_taken_back_before_they_left_counts_no_more() -> None:
    town = discharged(1)
    town.run(ALL)
    town.next_day()
    town.leaves(1, known_to=9)
    town.insert("consent", source="gp", subject="Patient/p1", status="active", decision="deny", category="objection-profiling",
                recorded=on(-9), known_from=1, known_to=5)
    assert [line.patient_id for line in to_settle(town.run(ALL, 2))] == ["p1"]


# ---- an outcome in the hub's workbook

def asked(tmp_path: Path, leaves: bool) -> tuple[Town, Path]:
    town = discharged(1)
    town.run(ALL)
    town.next_day()
    if leaves:
        town.leaves(1)
    else:
        ends(town, town.as_of)
    return town, sheet_of(town.run(ALL, 2), tmp_path, "hub", "hub")


@pytest.mark.parametrize("leaves", [False, True])
def test_an_outcome_in_the_hubs_workbook_closes_the_task(tmp_path: Path, leaves: bool) -> None:
    """The whole way: the row of the question, filled in, read the next night. It is not asked again while the rule still speaks."""
    town, path = asked(tmp_path, leaves)
    fill(path, 1, REFERRED, on(1), "Ms Lee", note="Downs hub")
    assert read(town, path).problems == []
    town.next_day()
    made = night(town, 3, ALL)
    assert not to_settle(made)
    said = "decided: “Referred on (to whom: Note)” on 23 Nov 2026 (Ms Lee)"
    assert {why for task, why in made.cases.closed if task.rule == "HUB-03"} == {said}
    assert settled(made) == {"p1": (said,)}
    assert not [task for task in made.cases.tasks if task.rule == "HUB-03" and task.place == "held"]
    town.next_day()
    later = night(town, 4, ALL)
    assert not to_settle(later) and not [task for task in later.cases.tasks if task.rule == "HUB-03" and task.place == "held"]


@pytest.mark.parametrize("outcome", ["Not reached: 3 tries or more, 2 ways or more, on different days", "Wrong: an entry in the record (which: Note)"])
@pytest.mark.parametrize("leaves", [False, True])
def test_what_settles_nothing_is_told_and_the_question_stays(tmp_path: Path, outcome: str, leaves: bool) -> None:
    town, path = asked(tmp_path, leaves)
    fill(path, 1, outcome, on(1), "Ms Lee", note="the end of the registration")
    assert read(town, path).problems == []
    town.next_day()
    made = night(town, 3, ALL)
    (line,) = to_settle(made)
    assert f"Outcome recorded: “{outcome}” on 23 Nov 2026 (Ms Lee); still open" in line.why
    assert not [why for task, why in made.cases.closed if task.rule == "HUB-03"]


def test_a_wrong_death_drops_nobody(tmp_path: Path) -> None:
    """That the entry is wrong keeps the work; that the person has died ends it."""
    for outcome, stays in (("Wrong: an entry in the record (which: Note)", True), ("Has died", False)):
        town = discharged(1)
        town.run(ALL)
        town.next_day()
        town.con.execute("UPDATE person_as_of SET deceased_on = DATE '2026-11-22', death_status = 'informal'")
        path = sheet_of(town.run(ALL, 2), tmp_path, "hub", "hub")
        fill(path, 1, outcome, on(1), "Dr A", note="alive, spoken to")
        assert read(town, path).problems == []
        town.next_day()
        made = night(town, 3, ALL)
        assert bool([task for task in made.cases.tasks if task.rule == "HUB-03" and task.kept == HANDED_OVER]) is stays


def test_what_happens_after_the_outcome_is_asked_again(tmp_path: Path) -> None:
    town, path = asked(tmp_path, False)
    fill(path, 1, REFERRED, on(1), "Ms Lee", note="Downs hub")
    read(town, path)
    town.next_day()
    assert not to_settle(night(town, 3, ALL))
    town.next_day()
    town.stay(1, on(2), on(3))                              # in hospital again, and home again
    (line,) = to_settle(night(town, 4, ALL))
    assert "open since 25 Nov 2026" in line.why[1]


def test_rules_say_what_the_hub_asks() -> None:
    """Every exclusion by which a person hands over says how that is settled, in the words of the drop-down."""
    from frailty.triage.outcomes import load_outcomes
    words = list(load_outcomes().words())
    for one in rules().exclusions:
        if one.hand_over or (one.scope == "everything" and one.outcome == "excluded" and one.id in ("not_served", "deregistered")):
            said = one.how.split("“")[1].split("”")[0]
            assert one.asks and any(text.startswith(said) for text in words), one.id
