"""Facts: what is decided, what is not, and why."""

import shutil
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from triage_town import AS_OF, Town, practice, site

from frailty.errors import DefinitionError
from frailty.knowledge import rules_dir
from frailty.site import Feed
from frailty.terminology import list_codelists, load_codelist
from frailty.triage import build_facts, needed_lists
from frailty.triage.vocabulary import fact_lists, vocabulary


def fact(town: Town, names: str, person: int = 1, where: Any = None) -> Any:
    """One fact, or several as a tuple."""
    town.facts(where or site())
    row = town.con.execute(f"SELECT {names} FROM facts WHERE person = ?", [person]).fetchall()[0]
    return row if "," in names else row[0]


def test_one_row_a_person_with_typed_columns() -> None:
    town = Town()
    for person in (3, 1, 2):
        town.person(person)
    table = town.facts(site())
    described = town.con.execute("DESCRIBE facts").fetchall()
    assert {row[0]: row[1] for row in described} == {name: fact.type for name, fact in vocabulary().items()}
    assert table.people == 3
    assert fact(town, "age") == 80


def test_death() -> None:
    town = Town()
    town.person(1)
    town.person(2, death_status="formal", deceased_on=AS_OF)
    town.person(3, deceased_on=AS_OF)
    town.person(4, deceased_on=AS_OF + timedelta(days=1))
    town.person(5, death_status="informal")
    town.facts(site())
    rows = town.con.execute("SELECT death_status FROM facts ORDER BY person").fetchall()
    assert [row[0] for row in rows] == ["none", "formal", "informal", "none", "informal"]


def test_registration() -> None:
    town = Town()
    town.person(1, registered_to=AS_OF)
    town.person(2, registered_to=AS_OF + timedelta(days=1))
    town.person(3, practice=None)
    town.facts(site())
    rows = town.con.execute("SELECT registration_status FROM facts ORDER BY person").fetchall()
    assert rows == [("deregistered",), ("registered",), (None,)]


def test_in_hospital() -> None:
    town = Town()
    ago = AS_OF - timedelta(days=3)
    stays: list[tuple[dict[str, Any], str]] = [
        ({"started": ago}, "yes"),
        ({"started": AS_OF - timedelta(days=200)}, "no"),  # the end is missing
        ({"started": ago, "ended": AS_OF}, "no"),
        ({"started": AS_OF, "setting": "emergency"}, "yes"),
        ({"started": ago, "setting": "emergency"}, "no"),
        ({"started": ago, "setting": "outpatient"}, "no"),
    ]
    for person, (stay, _) in enumerate(stays):
        town.stay(town.person(person), **stay)
    town.facts(site())
    rows = town.con.execute("SELECT in_hospital FROM facts ORDER BY person").fetchall()
    assert [row[0] for row in rows] == [expected for _, expected in stays]


def test_no_hospital_source_means_not_known() -> None:
    town = Town()
    town.person(1)
    alone = site(feeds=(Feed("gp", "gp", ("Y90001",)),), practices=(practice(),))
    town.con.execute("DELETE FROM feed WHERE source = 'hospital'")
    assert fact(town, "in_hospital", where=alone) is None
    assert "no hospital source" in town.facts(alone).why_absent("in_hospital", "Y90001")
    town.stay(1, AS_OF)
    assert fact(town, "in_hospital", where=alone) == "yes"


def test_the_newest_clinicians_code_wins_and_the_score_only_suggests() -> None:
    town = Town()
    town.person(1, "severe", 14)
    columns = "frailty_confirmed, frailty_level, frailty_basis"
    assert fact(town, columns) == ("none", "severe", "suggested")
    town.code(1, "care/frailty_diagnosis", date(2026, 10, 1))
    assert fact(town, "frailty_confirmed") == "unspecified"
    town.code(1, "care/frailty_severe", date(2024, 1, 1))
    town.code(1, "care/frailty_moderate", date(2026, 2, 1))
    assert fact(town, columns) == ("moderate", "moderate", "confirmed")


def test_a_cfs_value_stands_for_a_year() -> None:
    town = Town()
    town.person(1, "mild", 6)
    town.code(1, "care/cfs", date(2025, 11, 1), "", value=8.0)
    assert fact(town, "frailty_level") == "mild"
    town.code(1, "care/cfs", date(2026, 6, 1), "", value=6.0)
    assert fact(town, "frailty_level, frailty_basis") == ("moderate", "suggested by CFS")


def test_a_score_that_cannot_be_assessed_decides_nothing() -> None:
    town = Town()
    town.person(1, "severe", 14)
    town.scores[1].update(efi_reviewed_status="not_assessable", efi_reviewed_band=None)
    town.person(2)
    town.scores[2].update(efi_reviewed_status="outside_population", efi_reviewed_band=None)
    assert fact(town, "frailty_suggested") is None
    assert fact(town, "frailty_suggested", 2) == "outside"


def test_regular_medicines_are_repeats_or_two_issues_in_120_days() -> None:
    town = Town()
    town.person(1)
    town.person(2)
    town.medicines(1, 3)
    for days, substance in ((10, 7), (200, 8), (210, 8), (5, 9), (5, 9)):
        town.insert("issue_as_of", person=1, concept=50 + substance, substance=substance, rung=3, role="issue",
                    effective=AS_OF - timedelta(days=days))  # fmt: skip
    town.insert(
        "issue_as_of", person=1, concept=99, substance=-1, rung=3, role="plan", effective=date(2026, 1, 1)
    )
    town.insert("issue_as_of", person=1, concept=98, substance=-1, rung=3, role="plan", effective=date(2026, 1, 1),
                ended=date(2026, 2, 1))  # fmt: skip
    assert fact(town, "regular_medicines, medicines_rung") == (4, 3)
    assert fact(town, "regular_medicines", 2) == 0


def test_plans_count_by_their_words_and_none_needs_a_source_that_sends_plans() -> None:
    town = Town()
    town.person(1)
    town.person(2)
    assert fact(town, "plan_status") is None
    town.plan(2, date(2026, 1, 1), title="Wound care")
    assert fact(town, "plan_status") == fact(town, "plan_status", 2) == "none"
    town.plan(1, date(2025, 6, 1))
    assert fact(town, "plan_status, plan_review_due") == ("agreed", date(2026, 6, 1))
    town.plan(2, date(2026, 6, 1), "draft")
    assert fact(town, "plan_status, plan_review_due", 2) == ("draft", None)


def test_an_objection_hides_the_score_and_a_permit_lifts_it() -> None:
    town = Town()
    town.person(1, "severe", 14)
    town.person(2)
    town.insert(
        "consent_as_of", person=1, kind="objection-profiling", decision="deny", recorded=date(2025, 1, 1)
    )
    assert fact(town, "objection, frailty_suggested") == ("yes", None)
    assert fact(town, "objection", 2) == "no"
    town.insert(
        "consent_as_of", person=1, kind="objection-profiling", decision="permit", recorded=date(2026, 1, 1)
    )
    assert fact(town, "objection") == "no"


def test_last_days_of_life_hold_for_a_while() -> None:
    town = Town()
    for person in (1, 2, 3):
        town.person(person)
    town.code(1, "care/last_days", date(2026, 11, 1))
    town.code(2, "care/palliative", date(2026, 11, 1))
    town.code(3, "care/last_days", date(2026, 1, 1))
    town.facts(site())
    rows = town.con.execute("SELECT last_days, palliative FROM facts ORDER BY person").fetchall()
    assert rows == [("yes", "no"), ("no", "yes"), ("no", "no")]


def test_a_caution_does_not_count_and_an_end_ends() -> None:
    town = Town()
    town.person(1)
    town.code(1, "care/housebound", date(2026, 1, 1), caution="review event, not the state")
    assert fact(town, "housebound") == "no"
    town.code(1, "care/housebound", date(2026, 2, 1))
    assert fact(town, "housebound") == "yes"
    town.code(1, "care/housebound", date(2026, 3, 1), "ends")
    assert fact(town, "housebound") == "no"


def test_lists_without_codes_are_absent_with_a_reason() -> None:
    town = Town()
    town.person(1)
    frames = (
        pd.DataFrame(list(town.scores.values())),
        pd.DataFrame(columns=["patient_id", "score", "term", "first_on"]),
    )
    coded = set(needed_lists()) - {"care/smr"}
    table = build_facts(town.con, site(), *frames, town.as_of, coded_lists=coded)
    assert "care/smr" in table.why_absent("smr_status", "Y90001")
    assert town.con.execute("SELECT smr_status FROM facts").fetchall()[0] == (None,)


def test_a_coded_fact_says_yes_no_or_nothing() -> None:
    """Ever, newest and within; no only where the practice writes in a system that the list speaks."""
    town = Town()
    for person in (1, 2, 3):
        town.person(person)
    town.code(1, "needs/dementia", date(2019, 1, 1))
    town.code(1, "needs/depression", date(2024, 1, 1))
    town.code(2, "needs/depression", date(2026, 3, 1), recorded=date(2026, 3, 9))
    town.code(2, "needs/secondary_mental_health", date(2026, 1, 1))
    town.code(2, "needs/secondary_mental_health", date(2026, 2, 1), "ends")
    columns = "dementia, dementia_on, depression, depression_known_on, secondary_mental_health"
    assert fact(town, columns) == ("yes", date(2019, 1, 1), "no", None, "no")
    assert fact(town, columns, 2) == ("no", None, "yes", date(2026, 3, 9), "no")
    town.code(2, "needs/secondary_mental_health", date(2026, 2, 1))  # of two entries of one day the end counts
    assert fact(town, "secondary_mental_health", 2) == "no"


def test_a_practice_that_writes_read_codes_says_nothing_by_not_using_a_snomed_list() -> None:
    town = Town()
    town.person(1)
    town.person(2)
    for day in range(1, 9):
        town.code(1, "efi/falls", date(2026, 10, day), system="http://read.info/readv2")
    assert fact(town, "smr_status, frailty_confirmed, falls_12m", 2) == (None, None, 0)
    assert fact(town, "falls_12m, falls_30d") == (8, 0)
    assert "kind that this practice writes" in town.facts(site()).why_absent("smr_status", "Y90001")
    for day in range(1, 29):
        town.code(2, "efi/falls", date(2026, 10, day))
    assert fact(town, "smr_status, frailty_confirmed") == ("none", "none")


def test_hospital_facts_need_a_hospital() -> None:
    town = Town()
    town.person(1)
    town.person(2)
    town.code(1, "needs/delirium", date(2026, 11, 1), source="hospital", system="http://hl7.org/fhir/sid/icd-10")
    assert (fact(town, "delirium"), fact(town, "delirium", 2)) == ("yes", "no")
    alone = site(feeds=(Feed("gp", "gp", ("Y90001",)),), practices=(practice(),))
    town.con.execute("DELETE FROM feed WHERE source = 'hospital'")
    assert (fact(town, "delirium", where=alone), fact(town, "delirium", 2, alone)) == ("yes", None)
    assert fact(town, "bed_days_12m, emergency_attendances_12m", 2, alone) == (None, None)


def test_leaving_a_home_counts() -> None:
    """By a code that says so, or by a later entry that the person lives alone."""
    town = Town()
    for person in (1, 2, 3):
        town.person(person)
        town.code(person, "care/residence", date(2024, 1, 1))
    town.code(1, "needs/care_home_left", date(2025, 1, 1))
    town.code(2, "care/lives_alone", date(2025, 1, 1))
    rows = [fact(town, "care_home, home_left_on", person) for person in (1, 2, 3)]
    assert rows == [("no", date(2025, 1, 1)), ("no", date(2025, 1, 1)), ("probable", None)]
    town.code(1, "care/residence", date(2026, 1, 1))
    assert fact(town, "care_home, home_since") == ("probable", date(2026, 1, 1))


def test_days_in_hospital_and_emergencies() -> None:
    town = Town()
    town.person(1)
    town.stay(1, date(2025, 11, 20), date(2025, 11, 25))  # two nights of it within twelve months
    town.stay(1, date(2026, 9, 1), date(2026, 9, 4))
    town.stay(1, date(2026, 3, 1), setting="emergency")
    town.stay(1, date(2026, 10, 1), setting="community")
    columns = "bed_days_12m, emergency_admissions_12m, emergency_admissions_6m, emergency_attendances_12m, contacts_6m"
    assert fact(town, columns) == (6, 1, 1, 1, 1)


def test_medicines_that_raise_the_risk_of_falls_and_new_ones() -> None:
    town = Town()
    town.person(1)
    town.person(2)
    for name, substance, days in (("haloperidol", 1, (5, 25)), ("codeine", 2, (20, 60, 300)), ("ramipril", 3, (20, 60, 200))):
        for ago in days:
            town.insert("issue_as_of", person=1, concept=substance, substance=substance, name=name, rung=2, role="issue",
                        effective=AS_OF - timedelta(days=ago))
    columns = "regular_medicines, fall_risk_medicines, dependence_medicines, new_medicines_30d"
    assert fact(town, columns) == (3, 2, 1, 1)
    assert fact(town, columns, 2) == (0, 0, 0, 0)
    assert fact(town, "new_antipsychotic_on") == AS_OF - timedelta(days=25)


def test_who_already_looks_after_the_person() -> None:
    town = Town()
    town.person(1)
    town.person(2)
    assert fact(town, "on_caseload, open_task, next_appointment_on") == (None, None, None)
    for resource, status, title, started in (
        ("EpisodeOfCare/1", "active", "Heart failure nurses", date(2026, 1, 1)),
        ("EpisodeOfCare/2", "finished", "Podiatry", date(2025, 1, 1)),
        ("Task/1", "requested", "Call back", date(2026, 11, 20)),
        ("Appointment/1", "booked", "Clinic", date(2026, 12, 1)),
        ("Appointment/2", "cancelled", "Clinic", date(2026, 11, 25)),
    ):
        town.insert("plan_as_of", person=1, status=status, title=title, started=started, recorded=date(2026, 1, 1), resource=resource)
    columns = "on_caseload, open_teams, open_task, next_appointment_on, plan_status"
    assert fact(town, columns) == ("yes", "Heart failure nurses", "yes", date(2026, 12, 1), None)
    assert fact(town, columns, 2) == ("no", None, "no", None, None)


def test_rising_need_comes_from_the_history_of_the_score() -> None:
    town = Town()
    town.person(1)
    town.person(2)
    frames = (pd.DataFrame(list(town.scores.values())), pd.DataFrame(columns=["patient_id", "score", "term", "first_on"]))
    rising = pd.DataFrame({"patient_id": ["p1", "p2"], "slope_per_month": [0.03, None], "rapid_rise": [True, None],
                           "moderate_rise": [True, None], "artefact_rise": [False, None]})
    build_facts(town.con, site(), *frames, town.as_of, coded_lists=needed_lists(), rising=rising)
    rows = town.con.execute("SELECT efi_slope_6m, rapid_rise, moderate_rise, artefact_rise FROM facts ORDER BY person").fetchall()
    assert rows == [(0.03, "yes", "yes", "no"), (None, None, None, None)]
    assert "not calculated" in town.facts(site()).why_absent("rapid_rise", "Y90001")


def test_every_list_of_the_vocabulary_exists_and_every_list_of_needs_is_used() -> None:
    known = set(list_codelists())
    assert set(fact_lists()) <= known
    assert {name for name in known if name.startswith("needs/")} <= set(fact_lists())
    for name in fact_lists():
        found = load_codelist(name)
        assert found.entries or found.source["status"] == "to be supplied", name


@pytest.mark.parametrize(
    ("entry", "says"),
    [('id = "age"', "taken by a fact"), ('id = "x1"\nmakes = "numbers"', "state | count | value"), ('id = "Big"', "lower-case"),
     ('id = "x2"\nholds = "2 moons"', "so many days or months"), ('id = "x3"\nlits = ["care/smr"]', "not known here"),
     ('id = "dementia"', "defined twice"), ('id = "x4"\nmakes = "value"', "between")],
)  # fmt: skip
def test_a_fact_that_is_not_complete_does_not_load(entry: str, says: str, tmp_path: Path) -> None:
    shutil.copytree(rules_dir() / "triage", tmp_path / "triage")
    text = f'[[fact]]\nsays = "x"\nlists = ["care/smr"]\n{entry}\n'
    text += "" if "makes" in entry else 'makes = "state"\n'
    text += "" if "holds" in entry else 'holds = "ever"\n'
    (tmp_path / "triage" / "zz_own.toml").write_text(text)
    with pytest.raises(DefinitionError, match=says.replace("|", r"\|")):
        vocabulary(tmp_path)
