"""Tiers of need: sizes, and the flows between two nights."""

from datetime import date, timedelta

from triage_town import AS_OF, Town, practice, site

from frailty.reports.worklists import render_page


def town_of_tiers() -> Town:
    town = Town()
    for person, band in enumerate(("severe", "moderate", "moderate", "mild", "fit", "fit"), 1):
        town.person(person, band, 5, registered_from=date(2020, 1, 1))
    town.person(7)
    town.scores[7].update(efi_reviewed_status="not_assessable", efi_reviewed_band=None)
    town.person(8, "severe", 14)
    town.insert("consent_as_of", person=8, kind="objection-profiling", decision="deny", recorded=date(2025, 1, 1))
    town.stay(3, AS_OF - timedelta(days=30), AS_OF - timedelta(days=28))
    town.stay(3, AS_OF - timedelta(days=60), AS_OF - timedelta(days=58))
    return town


def test_everybody_is_in_one_tier_and_objectors_are_in_none() -> None:
    made = town_of_tiers().run(site())
    assert made.tiers.sizes == {"complex": 2, "rising": 1, "not_known": 1, "universal": 3} and made.tiers.flows == {}
    assert {row[1]: row[3:5] for row in made.tiers.people} == {
        "p1": ("complex", "severe frailty"), "p2": ("rising", "moderate frailty"),
        "p3": ("complex", "moderate frailty and emergency admissions"), "p7": ("not_known", "no level of frailty could be suggested")}


def test_the_next_night_tells_who_moved_who_came_and_who_left() -> None:
    town = town_of_tiers()
    town.run(site())
    town.next_day()
    town.scores[2]["efi_reviewed_band"], town.scores[5]["efi_reviewed_band"] = "severe", "moderate"
    town.con.execute("UPDATE person_as_of SET death_status = 'formal', deceased_on = DATE '2026-11-22' WHERE person = 1")
    town.con.execute("DELETE FROM person_as_of WHERE person = 6")
    town.person(9, "moderate", 9, registered_from=town.as_of)
    made = town.run(site(), 2)
    flows = {(was, now): n for was, to in made.tiers.flows.items() for now, n in to.items() if n}
    assert flows == {("rising", "complex"): 1, ("complex", "complex"): 1, ("complex", "left"): 1, ("universal", "rising"): 1,
                     ("universal", "universal"): 1, ("universal", "left"): 1, ("not_known", "not_known"): 1, ("new", "rising"): 1}
    for tier, size in made.tiers.sizes.items():
        assert size == sum(to[tier] for to in made.tiers.flows.values())
    assert {row[1]: row[5] for row in made.tiers.people} == {"p2": town.as_of, "p3": AS_OF, "p5": town.as_of, "p7": AS_OF, "p9": town.as_of}
    assert "From moderate and rising need" in render_page(made, made.page("hub", "hub"))


def test_a_card_says_the_tier_why_and_since_when() -> None:
    town = town_of_tiers()
    first = town.run(site())
    needs = {line.patient_id: line.need for page in first.pages for view in page.lists for line in view.lines}
    assert needs["p1"] == "Frailty and complex need: severe frailty"
    town.next_day()
    page = town.run(site(), 2).page("practice", "Y90001")
    assert "<dd>Frailty and complex need: severe frailty, since " in render_page(town.run(site(), 3), page)


def test_a_practice_on_hold_moves_nobody() -> None:
    town = town_of_tiers()
    first = town.run(site())
    town.con.execute("DELETE FROM person_as_of WHERE person <= 3")
    town.next_day()
    made = town.run(site(practices=(practice(on_hold=True),)), 2)
    assert made.tiers.sizes == first.tiers.sizes
    assert not [to for to in made.tiers.flows.values() if to["left"]]


def test_a_tier_that_is_no_more_holds_nobody() -> None:
    """A site may write its tiers anew on a night on which a practice is on hold."""
    town = town_of_tiers()
    town.run(site())
    town.con.execute("UPDATE listed SET list = 'earlier' WHERE audience = 'tier' AND list = 'complex'")
    town.con.execute("DELETE FROM person_as_of WHERE person <= 3")
    town.next_day()
    made = town.run(site(practices=(practice(on_hold=True),)), 2)
    assert {tier for _, _, _, tier, _, _ in made.tiers.people} <= set(made.tiers.sizes)
