"""Facts: what is decided, what is not, and why."""

from datetime import date, timedelta
from typing import Any

import pandas as pd
from triage_town import AS_OF, Town, practice, site

from frailty.site import Feed
from frailty.triage import build_facts, needed_lists
from frailty.triage.vocabulary import FACTS


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
    assert {row[0]: row[1] for row in described} == {name: kind for name, (kind, _) in FACTS.items()}
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
