"""One person, one case: precedence, merging, places, and what a night may never do."""

from collections import Counter
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from triage_town import AS_OF, Town, home, nhs, resident, rules_for, site

from frailty.site import Site
from frailty.triage import Case, Cases, Hit, Task, Worklists, make_cases
from frailty.triage.cases import HANDED_OVER, KEPT, PLACES, packed, unpacked
from frailty.triage.rules import PLANNED, Rule, RuleSet

ALL = site(settings={"proposals": True})
URGENT = ("P2", "P3")


def rules() -> RuleSet:
    return rules_for(ALL)


def due(rule: Rule, row: Any, start: date) -> date | None:
    return start + timedelta(days={"P2": 0, "P3": 2, "P4": 9, "P5": 28, "P6": 90}[rule.priority])


def row(person: int, **more: Any) -> dict[str, Any]:
    told = {fact: None for rule in (*rules().rules, *rules().off) for fact in rule.reopen_on}
    return {**told, "person": person, "patient_id": f"p{person}", "practice": "Y90001", "as_of": AS_OF, "death_status": "none", **more}


def night(hits: list[Hit], people: dict[int, Any], flags: dict[int, list[str]] | None = None, **more: Any) -> Cases:
    return make_cases(hits, people, flags or {}, rules(), more.pop("as_of", AS_OF), due, **more)


def one(made: Cases) -> Case:
    (case,) = made.cases
    return case


# ---- precedence and merging

@pytest.mark.parametrize(
    ("hits", "lead"),
    [(("SMR-02", "MDT-02"), "pharmacist"), (("MDT-02", "HUB-03"), "hub"), (("UCR-05", "HUB-03"), "ucr"),
     (("FALL-01", "SMR-02", "NAV-02"), "community"), (("EOL-03", "UCR-05"), "end_of_life"), (("EOL-02", "MDT-02"), "practice"),
     (("EOL-02",), "end_of_life"), (("CH-01", "MH-06", "SMR-01"), "care_home"), (("NAV-02", "LIV-01"), "navigator")],
)  # fmt: skip
def test_the_first_queue_of_the_order_leads_and_the_others_are_child_tasks(hits: tuple[str, ...], lead: str) -> None:
    made = one(night([Hit(1, rule, "yes") for rule in hits], {1: row(1)}))
    assert made.lead == lead
    assert {task.rule for task in made.tasks} == set(hits)
    assert {task.queue for task in made.children} == {task.queue for task in made.tasks} - {lead}


def test_a_case_has_the_earliest_due_and_the_highest_priority() -> None:
    made = one(night([Hit(1, rule, "yes") for rule in ("MDT-02", "HUB-03", "SMR-06")], {1: row(1)}))
    assert (made.priority, made.due) == ("P3", AS_OF + timedelta(days=2))


def test_residents_pass_on_to_the_homes_team_but_not_what_is_urgent() -> None:
    """3.1: community-only rules of a confirmed resident go to the home; a morning check stays where it is."""
    flags = {1: ["care_home_confirmed"]}
    made = one(night([Hit(1, rule, "yes") for rule in ("MDT-02", "FALL-01", "UCR-05", "SMR-02")], {1: row(1)}, flags))
    queues = {task.rule: task.queue for task in made.tasks}
    assert queues == {"MDT-02": "care_home", "FALL-01": "care_home", "UCR-05": "ucr", "SMR-02": "pharmacist"}


# ---- from night to night

def test_an_urgent_task_stays_until_something_answers_it() -> None:
    first = night([Hit(1, "HUB-03", "yes")], {1: row(1)})
    later = night([Hit(1, "HUB-03", "no")], {1: row(1)}, previous=first.tasks, as_of=AS_OF + timedelta(days=9))
    (task,) = one(later).tasks
    assert (task.due, task.since, task.kept) == (AS_OF + timedelta(days=2), AS_OF, "the event has passed; nothing in the records answers it")
    done = night([Hit(1, "HUB-03", "no", "contact on 25 Nov 2026")], {1: row(1)}, previous=later.tasks)
    assert (done.cases, [why for _, why in done.closed]) == ((), ["contact on 25 Nov 2026"])


def test_planned_work_whose_reason_has_gone_comes_off_with_the_reason() -> None:
    first = night([Hit(1, "MDT-04", "yes")], {1: row(1)})
    assert [why for _, why in night([Hit(1, "MDT-04", "no")], {1: row(1)}, previous=first.tasks).closed] == ["no longer meets rule MDT-04"]
    missing = night([Hit(1, "MDT-04", "not evaluated")], {1: row(1)}, previous=first.tasks)
    assert one(missing).tasks[0].kept == "could not be evaluated tonight"


def test_scenario_7_a_new_rule_version_lowers_and_closes_nothing() -> None:
    old = Task("p1", 1, "MDT-04", 0, "practice", "P4", AS_OF, AS_OF, AS_OF - timedelta(days=9), practice="Y90001")
    made = night([Hit(1, "MDT-04", "no")], {1: row(1)}, previous=[old])
    (task,) = one(made).tasks
    assert (task.priority, task.due, task.version) == ("P4", AS_OF, 0)
    assert task.kept.startswith("the rule changed from version 0 to 1")
    again = night([Hit(1, "MDT-04", "yes")], {1: row(1)}, previous=[old])
    assert (one(again).priority, one(again).due) == ("P4", AS_OF)


def test_a_decision_closes_planned_work_and_an_urgent_task_waits_for_the_records() -> None:
    """3.3: what a decision or an entry suppresses comes off with the reason; P2 and P3 are never hidden."""
    first = night([Hit(1, "MDT-04", "yes"), Hit(1, "HUB-03", "yes")], {1: row(1)})
    said = [Hit(1, "MDT-04", "suppressed", "decided: plan made"), Hit(1, "HUB-03", "suppressed", "seen")]
    made = night(said, {1: row(1)}, previous=first.tasks, as_of=AS_OF + timedelta(days=2))
    assert [(task.rule, why) for task, why in made.closed] == [("MDT-04", "decided: plan made")]
    assert {task.rule: task.place for task in made.tasks} == {"MDT-04": "suppressed", "HUB-03": "open"}
    again = night([Hit(1, "MDT-04", "yes")], {1: row(1)}, previous=made.tasks[:0], as_of=AS_OF + timedelta(days=99))
    assert one(again).tasks[0].since == AS_OF + timedelta(days=99)


def test_death_pauses_or_ends_and_a_wrong_one_restores() -> None:
    """Scenario 9: informal death, then removed: paused, restored, nothing lost. A formal one ends all but bereavement."""
    first = night([Hit(1, "MDT-02", "yes"), Hit(1, "HUB-03", "yes")], {1: row(1)})
    held = night([Hit(1, "MDT-02", "yes"), Hit(1, "HUB-03", "no")], {1: row(1, death_status="informal")}, {1: ["died_unconfirmed"]},
                 previous=first.tasks)
    assert {task.place for task in held.tasks} == {"held"}
    back = night([Hit(1, "MDT-02", "yes"), Hit(1, "HUB-03", "no")], {1: row(1)}, previous=held.tasks, as_of=AS_OF + timedelta(days=2))
    assert {task.key: (task.since, task.due) for task in back.tasks} == {task.key: (task.since, task.due) for task in first.tasks}
    ended = night([Hit(1, "MDT-02", "yes"), Hit(1, "HUB-03", "no"), Hit(1, "EOL-05", "yes")],
                  {1: row(1, death_status="formal", as_of=AS_OF + timedelta(days=2))}, {1: ["died"]}, previous=first.tasks)
    assert [task.rule for task in one(ended).tasks] == ["EOL-05"]
    assert {task.rule for task, _ in ended.closed} == {"MDT-02", "HUB-03"}


def test_who_leaves_the_list_with_urgent_work_open_is_handed_over_by_a_person() -> None:
    first = night([Hit(1, "HUB-03", "yes"), Hit(1, "MDT-02", "yes")], {1: row(1)})
    left = night([Hit(1, "HUB-03", "no"), Hit(1, "MDT-02", "yes")], {1: row(1, as_of=AS_OF + timedelta(days=1))}, {1: ["deregistered"]},
                 previous=first.tasks)
    places = {task.rule: task.place for task in left.tasks}
    assert places == {"HUB-03": "held", "MDT-02": "excluded"}
    assert [task.rule for task, _ in left.closed] == ["MDT-02"]


def test_who_left_lately_is_held_for_a_transfer_and_what_is_urgent_is_handed_over() -> None:
    """G5: 14 days before planned work ends; an urgent task is a person's to hand over from the first day."""
    first = night([Hit(1, "HUB-03", "yes"), Hit(1, "MDT-02", "yes")], {1: row(1)})
    flags = {1: ["deregistered_lately", "deregistered"]}
    left = night([Hit(1, "HUB-03", "no"), Hit(1, "MDT-02", "yes"), Hit(1, "UCR-05", "yes")], {1: row(1)}, flags, previous=first.tasks)
    assert not left.closed
    assert {task.rule: (task.place, task.kept) for task in left.tasks} == {
        "MDT-02": ("held", ""), "HUB-03": ("held", HANDED_OVER), "UCR-05": ("held", HANDED_OVER)}
    back = night([Hit(1, "HUB-03", "no"), Hit(1, "MDT-02", "yes")], {1: row(1)}, previous=left.tasks[:2], as_of=AS_OF + timedelta(days=9))
    assert {task.key: (task.place, task.since, task.due) for task in back.tasks} == {
        task.key: ("open", task.since, task.due) for task in first.tasks}
    unclear = night([Hit(1, "MDT-04", "not evaluated"), Hit(1, "SMR-02", "suppressed")], {1: row(1)}, flags)
    assert {task.rule: task.place for task in unclear.tasks} == {"MDT-04": "not evaluated", "SMR-02": "suppressed"}
    gone = night([Hit(1, "HUB-03", "no"), Hit(1, "MDT-02", "yes")], {1: row(1)}, {1: ["deregistered"]}, previous=left.tasks[:2])
    assert [task.rule for task, _ in gone.closed] == ["MDT-02"]


def test_scenario_8_a_practice_that_sends_nothing_closes_nothing() -> None:
    first = night([Hit(n, "MDT-02", "yes") for n in (1, 2)], {n: row(n) for n in (1, 2)})
    gone = night([], {}, previous=first.tasks, frozen=["Y90001"])
    assert (gone.closed, {task.place for task in gone.tasks}) == ((), {"held"})
    back = night([Hit(n, "MDT-02", "yes") for n in (1, 2)], {n: row(n) for n in (1, 2)}, previous=gone.tasks)
    assert {(task.place, task.since) for task in back.tasks} == {("open", AS_OF)}


def test_a_list_that_changes_by_more_than_a_third_overnight_is_held() -> None:
    """G12: what came and what went waits until somebody has looked; a change of a few people does not."""
    people = {n: row(n) for n in range(1, 201)}
    first = night([Hit(n, "MDT-02", "yes") for n in range(1, 101)], people)
    grown = night([Hit(n, "MDT-02", "yes") for n in range(1, 151)], people, previous=first.tasks)
    assert "from 100 to 150" in grown.alerts[0]
    assert Counter(task.place for task in grown.tasks) == {"open": 100, "held": 50}
    shrunk = night([Hit(n, "MDT-02", "yes" if n <= 60 else "no") for n in range(1, 101)], people, previous=first.tasks)
    assert (Counter(task.place for task in shrunk.tasks), shrunk.closed) == ({"open": 60, "held": 40}, ())
    assert not night([Hit(n, "MDT-02", "yes") for n in range(1, 111)], people, previous=first.tasks).alerts
    again = night([Hit(n, "MDT-02", "yes") for n in range(1, 151)], people, previous=grown.tasks)
    assert (again.alerts, Counter(task.place for task in again.tasks)) == (grown.alerts, {"open": 100, "held": 50})
    done = night([Hit(n, "MDT-02", *(("yes",) if n <= 60 else ("suppressed", "decided: plan made"))) for n in range(1, 101)], people,
                 previous=first.tasks)
    assert not done.alerts and len(done.closed) == 40                # what people did is no jump of the records
    answered = night([Hit(n, "MDT-02", *(("yes",) if n <= 60 else ("no", "plan of 3 Nov"))) for n in range(1, 101)], people,
                     previous=first.tasks)
    assert not answered.alerts and len(answered.closed) == 40


def test_pages_hold_a_list_that_changes_by_more_than_a_third_overnight() -> None:
    """G12: the pages do what the alert says, night after night, until somebody lets the change in."""
    town, list_of = Town(), ("team", "community")

    def fell(people: range) -> None:
        for person in people:
            for day in (10, 12):
                town.code(person, "efi/falls", date(2026, 11, day))

    def falls(made: Worklists) -> set[int | None]:
        view = next(view for view in made.page(*list_of).lists if view.id == "falls")
        assert sum(view.books[name] for name in view.books if name != "people") == view.books["people"]
        return {line.person for line in view.lines}

    for person in range(90):
        town.person(person)
    fell(range(40))
    assert falls(town.run(ALL, 1)) == set(range(40))
    town.next_day()
    fell(range(40, 70))                                             # a batch of codes
    for run in (2, 3):
        made = town.run(ALL, run)
        assert falls(made) == set(range(40)) and any("from 40 to 70" in one for one in made.cases.alerts)
        assert any("30 new people not listed yet, 0 kept" in one for one in made.page(*list_of).notices)
        town.next_day()
    assert falls(town.run(site(settings={"proposals": True, "shrink_percent": 90}), 4)) == set(range(70))
    town.next_day()
    town.con.execute("DELETE FROM tagged WHERE person >= 35")       # half of the codes are gone
    for run in (5, 6):
        made = town.run(ALL, run)
        assert falls(made) == set(range(70)) and any("0 new people not listed yet, 35 kept" in one for one in made.page(*list_of).notices)
        assert all(any("changed too much overnight" in text for text in line.why) for line in made.page(*list_of).lines() if (line.person or 0) >= 35)
        town.next_day()


def test_a_task_is_the_same_after_the_store() -> None:
    for task in night([Hit(1, "HUB-03", "yes"), Hit(1, "CH-01", "yes")], {1: row(1, clock_due=AS_OF)}).tasks:
        assert unpacked(packed(task)) == task


# ---- properties

RULE_IDS = ("MDT-02", "MDT-04", "SMR-02", "HUB-03", "UCR-05", "FALL-01", "NAV-02", "CH-01", "EOL-05", "DTH-01")
FLAGS = ("died", "died_unconfirmed", "deregistered", "practice_paused", "objection", "last_days", "end_of_life", "care_home_confirmed", "in_hospital")
people_st = st.integers(1, 6)
hits_st = st.dictionaries(st.tuples(people_st, st.sampled_from(RULE_IDS)), st.sampled_from(("yes", "suppressed", "not evaluated")), max_size=25)
flags_st = st.dictionaries(people_st, st.lists(st.sampled_from(FLAGS), unique=True, max_size=2))


def in_order(flags: dict[int, list[str]]) -> dict[int, list[str]]:
    ids = [one.id for one in rules().exclusions]
    return {person: sorted(held, key=ids.index) for person, held in flags.items()}


def people_of(flags: dict[int, list[str]]) -> dict[int, Any]:
    return {n: row(n, death_status="formal" if "died" in flags.get(n, ()) else "none") for n in range(1, 7)}


@settings(max_examples=150, deadline=None)
@given(hits_st, flags_st)
def test_everybody_eligible_is_in_exactly_one_place_and_the_books_balance(hits: Any, flags: Any) -> None:
    made = night([Hit(*key, outcome) for key, outcome in hits.items()], people_of(flags), in_order(flags))
    assert Counter(task.key for task in made.tasks) == Counter((f"p{person}", rule) for person, rule in hits)
    assert {task.place for task in made.tasks} <= set(PLACES)
    for rule in {rule for _, rule in hits}:
        assert sum(made.books[rule].values()) == sum(one == rule for _, one in hits)
    full = made.overflow({task.key: "no room" for task in made.tasks})
    assert all(task.place != "overflow" for task in full.tasks if task.priority in URGENT)
    assert sum(sum(book.values()) for book in full.books.values()) == len(hits)
    listed = [task.key for case in full.cases for task in case.tasks]
    assert sorted(listed) == sorted(task.key for task in full.tasks if task.place == "open")
    assert len({case.patient_id for case in made.cases}) == len(made.cases)


@settings(max_examples=150, deadline=None)
@given(hits_st, hits_st, flags_st, st.integers(1, 40))
def test_urgency_never_falls(first: Any, second: Any, flags: Any, days: int) -> None:
    """G2: whatever the second night brings, an open task is no less urgent and no later due, and P2 and P3 end by an answer only."""
    before = night([Hit(*key, outcome) for key, outcome in first.items()], people_of({}))
    told = {task.key: task for task in before.tasks if task.place == "open"}
    hits = [Hit(*key, second.get(key, "no")) for key in {*second, *((task.person, task.rule) for task in told.values())}]
    after = night(hits, people_of(flags), in_order(flags), previous=before.tasks, as_of=AS_OF + timedelta(days=days))
    now = {task.key: task for task in after.tasks if task.place in KEPT}
    for key, old in told.items():
        if key in now:
            assert now[key].priority <= old.priority
            assert now[key].due is None or old.due is None or now[key].due <= old.due
            assert now[key].original_due == old.original_due
        elif old.priority in URGENT:
            assert "died" in flags.get(old.person, ()), key
        else:
            assert key in {task.key for task, _ in after.closed}


@settings(max_examples=50, deadline=None)
@given(hits_st, flags_st, st.randoms())
def test_scenario_23_the_same_night_twice_is_the_same(hits: Any, flags: Any, chance: Any) -> None:
    told = [Hit(*key, outcome) for key, outcome in hits.items()]
    first = night(told, people_of(flags), in_order(flags))
    chance.shuffle(told)
    again = night(told, people_of(flags), in_order(flags))
    assert (first.cases, first.tasks, first.closed) == (again.cases, again.tasks, again.closed)
    assert all(task.priority in (*PLANNED, *URGENT) for task in first.tasks)  # H01, G1: a night makes no P0 and no P1


# ---- with facts and pages

def cased(town: Town, where: Site = ALL, run: int = 1) -> Worklists:
    return town.run(where, run)


def test_a_night_keeps_its_tasks_in_the_store_and_goes_on_from_them() -> None:
    town = Town()
    town.person(1, "severe", 14, last_contact_on=AS_OF - timedelta(days=60))
    town.stay(1, AS_OF - timedelta(days=8), AS_OF - timedelta(days=2))
    first = cased(town)
    case = first.cases.of("p1")
    assert case is not None
    assert (case.lead, case.priority, case.due) == ("hub", "P3", AS_OF + timedelta(days=2))
    assert {"HUB-03", "MDT-01"} <= {task.rule for task in case.tasks}
    town.next_day(5)
    again = cased(town, run=2).cases.of("p1")
    assert again is not None
    task = next(task for task in again.tasks if task.rule == "HUB-03")
    assert (task.since, task.due) == (AS_OF, AS_OF + timedelta(days=2))
    assert task.kept
    town.con.execute("UPDATE person_as_of SET last_contact_on = ?", [town.as_of])
    town.next_day()
    closed = {task.rule: why for task, why in cased(town, run=3).cases.closed}
    assert closed["HUB-03"] == "contact on {last_contact_on}".format(last_contact_on="27 Nov 2026")


def test_what_a_page_has_no_room_for_is_overflow_in_the_case_too() -> None:
    town = Town()
    for person in range(1, 21):
        town.code(town.person(person, "severe", 14), "care/frailty_severe", date(2025, 1, 1))
    town.plan(town.person(99), date(2026, 1, 1))
    made = cased(town)
    places = Counter(task.place for task in made.cases.tasks if task.rule == "MDT-02")
    assert places == {"open": 8, "overflow": 12}


def test_a_resident_has_one_case_that_the_home_leads() -> None:
    born = date(1935, 5, 6)
    town = Town()
    town.person(1, "severe", 14, birth_date=born)
    town.code(1, "care/frailty_severe", date(2025, 1, 1))
    town.plan(town.person(9), date(2026, 1, 1))
    lives = site(settings={"proposals": True}, homes=(home(residents=(
        resident("Alice Example1", born, nhs_number=nhs(1), admitted_on=AS_OF - timedelta(days=5)),)),))
    case = cased(town, lives).cases.of("p1")
    assert case is not None
    assert case.lead == "care_home"
    assert next(task for task in case.tasks if task.rule == "MDT-02").redirected
    assert not {"hub", "practice"} & {task.queue for task in case.tasks}
