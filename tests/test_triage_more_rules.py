"""Rules that need more than one person's codes of today: alerts about homes, medicines after discharge, step-up beds."""

from datetime import date, timedelta

from triage_town import AS_OF, Town, home, names, nhs, resident, site

from frailty.triage import Worklists

BORN = date(1935, 5, 6)


def rules_listed(made: Worklists, audience: str, page_id: str, list_id: str) -> list[tuple[int | None, str]]:
    view = next(one for one in made.page(audience, page_id).lists if one.id == list_id)
    return [(line.person, line.priority) for line in view.part("now")]


def test_two_residents_admitted_within_a_week_are_an_alert_about_the_home() -> None:
    """CH-07: on the home's page, on the hub's and in the books; one resident, or one a month ago, is none."""
    town = Town()
    for person, days in ((1, 2), (2, 5), (3, 30)):
        town.stay(town.person(person, birth_date=BORN), AS_OF - timedelta(days=days))
    lines = tuple(resident(f"Alice Example{n}", BORN, nhs_number=nhs(n)) for n in (1, 2, 3))
    made = town.run(site(homes=(home(residents=lines),)))
    told = next(one for one in made.page("home", "home-1").notices if one.startswith("Alert CH-07"))
    assert "2 residents were admitted to hospital as emergencies within 7 days" in told
    assert [one for one in made.cases.alerts if one.startswith("Seaview House: CH-07")]
    assert any("CH-07" in one for one in made.page("hub", "hub").notices)
    alone = town.run(site(homes=(home(residents=lines[1:]),)), 2)
    assert not alone.cases.alerts


def test_a_medicine_that_is_new_since_the_stay_goes_to_the_pharmacist() -> None:
    """DMS-01: one new substance after the discharge; the other person's was new before it."""
    town = Town()
    for person in (1, 2):
        town.stay(town.person(person), AS_OF - timedelta(days=9), AS_OF - timedelta(days=4))
        for days in (300, 200, 100, 40):
            town.insert("issue_as_of", person=person, concept=1, substance=1, name="old", rung=2, effective=AS_OF - timedelta(days=days),
                        role="issue")
        town.insert("issue_as_of", person=person, concept=2, substance=2, name="new", rung=2,
                    effective=AS_OF - timedelta(days=1 if person == 1 else 20), role="issue")
    made = town.run(site(settings={"proposals": True}))
    assert rules_listed(made, "practice", "Y90001", "discharge_medicines") == [(1, "P3")]
    assert names(made, "discharge_medicines") == [1]


def test_a_step_up_bed_is_reviewed_after_a_week_where_the_site_names_its_wards() -> None:
    """BED-03; without the ward's name every stay is an acute one and nobody is listed."""
    town = Town()
    for person, days, ward in ((1, 8, "Westhaven"), (2, 3, "Westhaven"), (3, 20, "General")):
        town.stay(town.person(person), AS_OF - timedelta(days=days), provider=ward)
    made = town.run(site(settings={"proposals": True, "step_up_providers": "Westhaven"}))
    assert rules_listed(made, "hub", "hub", "beds") == [(1, "P3")]
    assert rules_listed(town.run(site(settings={"proposals": True}), 2), "hub", "hub", "beds") == []
