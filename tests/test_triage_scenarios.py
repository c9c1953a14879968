"""The acceptance scenarios that a night decides, by their number; and the hazard log, which names the test of each hazard."""

import ast
import re
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from triage_town import AS_OF, Town, home, names, nhs, practice, resident, rules_for, site

from frailty.site import Feed, Request, Site
from frailty.triage import build_facts, build_worklists, needed_lists
from frailty.triage.vocabulary import vocabulary

ROOT = Path(__file__).resolve().parent.parent
ALL = site(settings={"proposals": True})
BORN = date(1935, 5, 6)


def lives(*people: int, **more: Any) -> Site:
    lines = tuple(resident(f"Alice Example{n}", BORN, nhs_number=nhs(n), **more) for n in people)
    return site(settings={"proposals": True}, homes=(home(residents=lines),))


def rules_of(town: Town, person: int, where: Site = ALL) -> dict[str, str]:
    """Rule -> place, of one person tonight."""
    made = town.run(where)
    return {task.rule: task.place for task in made.cases.tasks if task.patient_id == f"p{person}"}


def test_scenario_4_an_unanswered_news2_is_a_morning_check_and_no_two_hour_item() -> None:
    town = Town()
    town.person(1, last_contact_on=AS_OF - timedelta(days=30))
    town.code(1, "quantities/news2_total", AS_OF - timedelta(days=1), "", value=6.0)
    case = town.run(ALL).cases.of("p1")
    assert case is not None
    task = next(one for one in case.tasks if one.rule == "UCR-05")
    assert (case.lead, task.priority, task.due) == ("ucr", "P2", AS_OF)
    rule = rules_for(ALL).rule("UCR-05")
    assert rule is not None
    assert "10:00" in rule.asks
    assert "old" in rule.asks
    town.stay(1, AS_OF)
    assert "UCR-05" not in rules_of(town, 1)


def test_scenario_5_a_new_resident_of_23_december() -> None:
    """Seven working days, with Christmas, Boxing Day (a Saturday, its substitute day) and New Year between."""
    town = Town(date(2026, 12, 24))
    town.person(1, birth_date=BORN)
    case = town.run(lives(1, admitted_on=date(2026, 12, 23))).cases.of("p1")
    assert case is not None
    task = next(one for one in case.tasks if one.rule == "CH-01")
    assert (task.priority, task.due) == ("P4", date(2027, 1, 6))
    assert case.lead == "care_home"


def test_scenario_6_the_home_asks_for_somebody_with_the_lowest_score() -> None:
    town = Town()
    town.person(1, "fit", 0, birth_date=BORN)
    for person in range(2, 9):
        town.person(person, "severe", 14, birth_date=BORN)
    lines = tuple(resident(f"Alice Example{n}", BORN, nhs_number=nhs(n), requested=n == 1) for n in range(1, 9))
    made = town.run(site(settings={"proposals": True, "round_filler_slots": 0}, homes=(home(residents=lines),)))
    assert names(made, "asked", audience="home", page_id="home-1") == [1]


def test_scenario_8_a_practice_sends_nothing() -> None:
    """The last good list is shown, and nothing is closed (H02, H24)."""
    town = Town()
    for person in range(1, 31):
        town.code(town.person(person, "severe", 14), "care/frailty_severe", date(2025, 1, 1))
    town.plan(town.person(99), date(2026, 1, 1))
    first = town.run(ALL)
    town.con.execute("DELETE FROM person_as_of")
    town.next_day()
    town.scores.clear()
    made = town.run(ALL, 2)
    page = made.page("practice", "Y90001")
    assert page.state == "frozen"
    assert len(names(made, "mdt")) == len(names(first, "mdt"))
    assert made.cases.closed == ()
    assert {task.place for task in made.cases.tasks} == {"held"}


def test_scenario_10_who_objects_is_served_when_asked_and_is_on_no_scored_list() -> None:
    town = Town()
    for person in (1, 2):
        town.person(person, "severe", 14, last_contact_on=date(2024, 1, 1))
        town.insert("consent_as_of", person=person, kind="objection-profiling", decision="deny", recorded=date(2025, 1, 1))
        town.medicines(person, 16)
    asked = site(settings={"proposals": True}, requests=(Request(nhs(1), "Dr B", AS_OF, "worried"),))
    made = town.run(asked)
    assert names(made, "mdt") == [1]
    scored = {rule.id for rule in rules_for(ALL).rules if rules_for(ALL).scored(rule) and rule.planned}
    assert not [task for task in made.cases.tasks if task.rule in scored and task.place not in ("excluded",)]
    assert not [line for page in made.pages for line in page.lines() if line.person == 2]


def test_scenario_11_the_objection_shows_to_the_own_practice_only() -> None:
    town = Town()
    town.person(1, "severe", 14)
    town.insert("consent_as_of", person=1, kind="objection-profiling", decision="deny", recorded=date(2025, 1, 1))
    made = town.run(site(settings={"proposals": True}, practices=(practice(), practice("Y90002"))))
    assert [card.name for card in made.page("practice", "Y90001").objectors] == ["Alice Example1"]
    assert made.page("practice", "Y90002").objectors == ()
    assert made.page("hub", "hub").objectors == ()


def rise(town: Town, **more: Any) -> Any:
    frames = (pd.DataFrame(list(town.scores.values())), pd.DataFrame(columns=["patient_id", "score", "term", "first_on"]))
    told = {"patient_id": ["p1"], "slope_per_month": [0.04], "rapid_rise": [True], "moderate_rise": [True], "artefact_rise": [False]}
    rising = pd.DataFrame({**told, **{name: [value] for name, value in more.items()}})
    facts = build_facts(town.con, ALL, *frames, town.as_of, coded_lists=needed_lists(), rising=rising)
    return build_worklists(town.con, ALL, facts, rules_for(ALL), town.as_of)


def test_scenario_12_a_day_of_coding_is_no_rising_need() -> None:
    """H20: the history holds rapid_rise where coding explains it, and neither list takes the person."""
    town = Town()
    town.person(1, "moderate", 10)
    town.stay(1, AS_OF - timedelta(days=3), AS_OF - timedelta(days=3), setting="emergency")
    held = rise(town, rapid_rise=False, artefact_rise=True)
    assert not {"MDT-03", "HUB-05"} & {task.rule for task in held.cases.tasks}
    real = rise(town)
    assert {"MDT-03", "HUB-05"} <= {task.rule for task in real.cases.tasks}


def test_scenario_14_a_younger_person_in_the_most_deprived_fifth() -> None:
    """58 years old, eFI 0.27: no band under 65, and on the MDT list all the same (H11)."""
    town = Town()
    for person, quintile in ((1, 1), (2, 2)):
        town.person(person, birth_date=date(1968, 3, 1), imd_quintile=quintile)
        town.scores[person].update(efi_reviewed_status="outside_population", efi_reviewed_band=None, efi_reviewed_points=None)
        town.terms += [{"patient_id": f"p{person}", "score": "efi_reviewed", "term": f"t{n}", "first_on": None} for n in range(10)]
    made = town.run(ALL)
    assert names(made, "mdt") == [1]
    assert "MDT-06 v1" in next(line for line in made.page("practice", "Y90001").lines() if line.person == 1).rules


def test_scenario_15_a_fall_with_loss_of_consciousness() -> None:
    """66 and frail: the criteria of NG249, within seven working days; no score of falls stands anywhere (H09)."""
    town = Town()
    town.person(1, "mild", 6, birth_date=date(1960, 3, 1))
    town.code(1, "efi/falls", AS_OF - timedelta(days=5))
    town.code(1, "needs/fall_loss_of_consciousness", AS_OF - timedelta(days=5))
    case = town.run(ALL).cases.of("p1")
    assert case is not None
    assert {"FALL-01", "FALL-01-SOON"} <= {task.rule for task in case.tasks}
    assert (case.lead, case.priority) == ("community", "P4")
    assert not [name for name in vocabulary() if re.search(r"falls?_(risk|score)$|risk_of_fall", name)]


def test_scenario_16_last_days_of_life() -> None:
    """No medication review, no falls programme, no coach (H10); but served when asked."""
    town = Town()
    town.medicines(town.person(1, "severe", 14), 16)
    for day in (3, 9):
        town.code(1, "efi/falls", AS_OF - timedelta(days=day))
    town.code(1, "care/last_days", AS_OF - timedelta(days=2))
    town.code(1, "needs/smoker", AS_OF - timedelta(days=50))
    places = rules_of(town, 1)
    assert {place for rule, place in places.items() if rule.startswith(("SMR", "FALL-01", "COACH", "MDT", "NAV"))} <= {"excluded"}
    assert places["SMR-02"] == "excluded"


def test_scenario_21_one_person_on_two_homes_lists() -> None:
    """The newest admission wins, both homes are asked (a DetectedIssue), and there is one case (H23)."""
    town = Town()
    town.person(1, "severe", 14, birth_date=BORN)
    both = tuple(home(id=name, name=title, residents=(resident("Alice Example1", BORN, nhs_number=nhs(1), admitted_on=day),))
                 for name, title, day in (("home-1", "Seaview House", date(2025, 1, 1)), ("home-2", "Hill Top", AS_OF - timedelta(days=4))))
    made = town.run(site(settings={"proposals": True}, homes=both))
    asked = [line.asks for line in made.page("hub", "hub").lines()]
    assert "Also on the list of Hill Top" in asked
    assert [case.lead for case in made.cases.cases if case.patient_id == "p1"] == ["care_home"]
    shown = [page.id for page in made.pages if page.audience == "home" and any(
        line.person == 1 and line.list not in ("tasks",) for line in page.lines())]
    assert shown == ["home-2"]


def test_scenario_23_the_same_night_replayed() -> None:
    def one() -> list[Any]:
        town = Town()
        for person in range(1, 40):
            town.person(person, ("fit", "mild", "moderate", "severe")[person % 4], person % 15)
            town.medicines(person, person % 17)
            town.stay(person, AS_OF - timedelta(days=person), AS_OF - timedelta(days=person // 2))
        made = town.run(ALL)
        return [made.rows(1), made.cases.cases, made.cases.tasks]

    assert one() == one()


def test_scenario_25_late_news_from_the_hospital() -> None:
    """A feed that is five days late makes its contacts on arrival, and says so."""
    town = Town()
    town.person(1, "severe", 14, last_contact_on=AS_OF - timedelta(days=60))
    town.stay(1, AS_OF - timedelta(days=12), AS_OF - timedelta(days=6), recorded_end=AS_OF)
    case = town.run(ALL).cases.of("p1")
    assert case is not None
    task = next(one for one in case.tasks if one.rule == "HUB-03")
    assert (task.since, task.due) == (AS_OF, AS_OF + timedelta(days=2))
    from frailty.triage import cards

    row = town.con.execute("SELECT last_discharge_on, last_discharge_known_on FROM facts WHERE person = 1").fetchall()[0]
    assert cards.late(*row, 3) == " (late-notification: known since 22 Nov 2026)"
    assert cards.late(row[0], row[0], 3) == ""


def test_nobody_can_know_without_a_hospital_feed_and_no_rule_guesses() -> None:
    town = Town()
    town.person(1, "severe", 14)
    town.con.execute("DELETE FROM feed WHERE source = 'hospital'")
    alone = site(settings={"proposals": True}, feeds=(Feed("gp", "gp", ("Y90001",)),))
    assert not [rule for rule in rules_of(town, 1, alone) if rule.startswith("HUB")]


# ---- the hazard log

def hazard_log() -> list[list[str]]:
    rows = [line for line in (ROOT / "docs" / "hazards.md").read_text(encoding="utf-8").splitlines() if line.startswith("| H")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in rows]


def test_every_hazard_names_its_guard_and_the_test_exists() -> None:
    log = hazard_log()
    assert [row[0] for row in log] == [f"H{n:02}" for n in range(1, 26)]
    known: dict[str, set[str]] = {}
    for row in log:
        guards = re.findall(r"`([\w./]+\.py)::(\w+)`", row[-1])
        assert guards or "hub" in row[-1], f"{row[0]} names no guard"
        for file, test in guards:
            if file not in known:
                tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
                known[file] = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
            assert test in known[file], f"{row[0]}: {file} has no {test}"


def test_every_hazard_that_a_rule_names_is_in_the_log() -> None:
    told = {row[0] for row in hazard_log()}
    every = rules_for(ALL)
    assert {hazard for rule in (*every.rules, *every.off) for hazard in rule.hazards} <= told


@pytest.mark.parametrize("word", ["probability", "mortality", "chance of dying", "risk of death", "odds"])
def test_no_text_of_a_rule_speaks_of_the_probability_of_death(word: str) -> None:
    every = rules_for(ALL)
    texts = [text for rule in (*every.rules, *every.off) for text in (rule.asks, rule.reason, *(one.reason for one in rule.leaves))]
    assert not [text for text in texts if word in text.casefold()]


def test_cards_of_mental_health_rules_name_no_detail() -> None:
    every = rules_for(ALL)
    mine = [rule for rule in (*every.rules, *every.off) if rule.queue == "mental_health"]
    assert mine
    for rule in mine:
        said = {name.removesuffix("_on") for text in (rule.asks, rule.reason) for name in re.findall(r"\{(\w+)\}", text)
                if not name.endswith("_on")}
        assert not said & {"depression", "dementia", "phq9", "severe_mental_illness", "alcohol", "substance_misuse", "delirium"}
        plain = re.sub(r"\{\w+\}", "", rule.asks + rule.reason)
        assert not re.search(r"depress|dementia|memory|psycho|alcohol|substance|suicid|PHQ|delirium", plain, re.I), rule.id
