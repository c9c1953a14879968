"""An objection to profiling (G8): the person is not scored and on no list; only their own practice is told."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from nightly_town import AS_OF, EXTRACTED, NAMES, NEXT, Place, night_one, objection, run, version, write_night
from nightly_town import nhs as number
from triage_town import Town, names, nhs, site

from frailty.site import Feed, Request

OBJECTOR = "p4"         # of night one, with fourteen deficits


def rows(path: Path) -> dict[str, dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as stream:
        return {row["patient_id"]: row for row in csv.DictReader(stream)}


def told(out: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((out / "run.json").read_text(encoding="utf-8"))
    return found


def refuses(town: Town, person: int, decision: str = "deny") -> None:
    town.insert("consent_as_of", person=person, kind="objection-profiling", decision=decision, recorded=date(2025, 1, 1))


def lists_of(out: Path, who: str) -> set[tuple[str, str]]:
    """(page, section) of every line that a worklist holds of somebody."""
    found = set()
    for path in sorted(out.rglob("worklist.csv")):
        with path.open(encoding="utf-8-sig", newline="") as stream:
            found |= {(path.parent.name, row["section"]) for row in csv.DictReader(stream) if row["patient_id"] == who}
    return found


def pages_that_name(out: Path, name: str) -> set[str]:
    return {path.parent.name for path in out.rglob("worklist.html") if name in path.read_text(encoding="utf-8")}


# ---- scenario 11: objection to profiling


def test_scenario_11_the_row_stays_and_every_score_is_empty(first_night: Place) -> None:
    import pandas as pd

    data = first_night.out / "data"
    mine = rows(data / "scores.csv")[OBJECTOR]
    ids = [name.removesuffix("_status") for name in mine if name.endswith("_status")]
    assert len(ids) >= 6
    for score in ids:
        assert (mine.pop(f"{score}_status"), mine.pop(f"{score}_reason")) == ("not_available", "not scored: objection")
    assert mine.pop("patient_id") == OBJECTOR and mine.pop("last_entry_on")
    assert {name for name, value in mine.items() if value} == {"thin_record"}
    contributions = pd.read_parquet(data / "contributions.parquet")
    assert OBJECTOR not in set(contributions["patient_id"]) and "p0" in set(contributions["patient_id"])


def test_scenario_11_in_no_count_but_one(first_night: Place) -> None:
    run_told = told(first_night.out)
    assert (run_told["people"], run_told["objected"], first_night.result.people) == (13, 1, 13)
    for score in run_told["scores"].values():
        assert sum(score["status"].values()) == 13 and sum(score["bands"].values()) <= 13
        assert "not_available" not in score["status"]
    assert run_told["efi_compared"]["people"] == 13
    assert "13 people scored; objected: 1; " in (first_night.out / "status.txt").read_text(encoding="utf-8")


def test_scenario_11_only_their_own_practice_sees_the_marker(first_night: Place) -> None:
    assert lists_of(first_night.out, OBJECTOR) == set()
    assert pages_that_name(first_night.out, NAMES[4]) == {"Y90001"}
    page = (first_night.out / "practice/Y90001/worklist.html").read_text(encoding="utf-8")
    assert NAMES[4] in page[page.index('id="objectors"') :]


def test_scenario_11_nobody_else_is_touched(first_night: Place, tmp_path: Path) -> None:
    """The night without that consent gives everybody else the same, whole numbers whole."""
    night = {name: [one for one in found if one["id"] != "p4-no"] for name, found in night_one().items()}
    records = write_night(tmp_path / "records", night)
    run(records, tmp_path / "lists", site=first_night.site, extracted_at=EXTRACTED)
    with_it, without = (rows(out / "data/scores.csv") for out in (first_night.out, tmp_path / "lists"))
    assert without[OBJECTOR]["efi_status"] == "ok" and without[OBJECTOR]["efi_points"] == "14"
    del with_it[OBJECTOR], without[OBJECTOR]
    assert with_it == without
    assert told(tmp_path / "lists")["objected"] == 0
    assert "objected" not in (tmp_path / "lists/status.txt").read_text(encoding="utf-8")


def test_scenario_11_research_leaves_them_out_and_counts_them(place: Place) -> None:
    """There every refusal counts, of whatever kind."""
    other = {**objection("p2-no", "p2"), "category": [{"coding": [{"code": "research"}]}]}
    night = night_one()
    night["harbour-gp"].append(version(other, "2026-11-01T00:00:00Z"))
    records = write_night(place.folder / "records", night)
    result = run(records, place.folder / "research", purpose="research", site=place.site, store=place.store, as_of=NEXT.isoformat(),
                 extracted_at=EXTRACTED + timedelta(days=1), scores=("efi",))
    assert (result.people, result.run["objected"]) == (12, 2)
    assert not {OBJECTOR, "p2"} & set(rows(place.folder / "research/data/scores.csv"))
    direct = place.night(scores=("efi",))
    assert (direct.people, direct.run["objected"]) == (13, 1)


def test_an_objection_counts_from_the_day_it_is_known_whatever_the_day_of_the_lists(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run for a past day does not score those who object today; a run of that day did, and no page says so now."""
    import frailty.nightly

    late = objection("p0-no", "p0", NEXT.isoformat())
    night = night_one()
    night["harbour-gp"].append(version(late, "2026-11-22T01:00:00Z"))
    monkeypatch.setattr(frailty.nightly, "today", lambda: AS_OF)
    place.night(night, as_of=AS_OF.isoformat(), scores=("efi",))
    assert rows(place.out / "data/scores.csv")["p0"]["efi_status"] == "ok"
    assert lists_of(place.out, "p0") == {("Y90001", "on the list")}
    monkeypatch.setattr(frailty.nightly, "today", lambda: NEXT)
    for as_of in (AS_OF.isoformat(), "latest"):
        result = place.night(as_of=as_of, scores=("efi",))
        assert rows(place.out / "data/scores.csv")["p0"]["efi_reason"] == "not scored: objection"
        assert result.run["objected"] == 2 and lists_of(place.out, "p0") == set()
        assert pages_that_name(place.out, NAMES[0]) == {"Y90001"}


def test_a_frozen_practice_does_not_repeat_them() -> None:
    """The last good list is shown again, without those who object since: another source told."""
    town = Town()
    for person in (1, 2):
        town.person(person, "severe", 14)
    here = site(feeds=(Feed("gp", "gp", ("Y90001",)), Feed("hospital", "hospital")))
    assert set(names(town.run(here), "note_review")) == {1, 2}
    town.next_day()
    town.feed("gp", "gp", days_old=5)
    refuses(town, 1)
    made = town.run(here, 2)
    page = made.page("practice", "Y90001")
    assert (page.state, names(made, "note_review"), page.came_off) == ("frozen", [2], ())
    assert [card.name for card in page.objectors] == ["Alice Example1"]


def test_an_objection_that_is_taken_back_no_longer_counts(place: Place) -> None:
    night = night_one()
    permit = {**objection("p4-yes", "p4", "2026-02-03"), "provision": {"type": "permit"}}
    night["harbour-gp"].append(version(permit, "2026-11-01T00:00:00Z"))
    result = place.night(night, scores=("efi",))
    assert (result.people, result.run["objected"]) == (14, 0)
    assert rows(place.out / "data/scores.csv")[OBJECTOR]["efi_points"] == "14"


def test_a_code_is_an_objection_until_one_that_ends_it_or_a_permit() -> None:
    town = Town()
    for person in (1, 2, 3):
        town.medicines(town.person(person, "severe", 14), 12)
        town.code(person, "care/objection_profiling", date(2026, 1, 1))
    town.code(2, "care/objection_profiling", date(2026, 2, 1), "ends")
    refuses(town, 3, "permit")                                          # older than the code
    page = town.run(site()).page("practice", "Y90001")
    assert {card.name for card in page.objectors} == {"Alice Example1", "Alice Example3"}
    assert {one.person for one in page.lines()} == {2}


def test_of_two_words_of_one_day_the_refusal_counts() -> None:
    town = Town()
    town.medicines(town.person(1, "severe", 14), 12)
    for decision in ("permit", "deny", "permit"):
        refuses(town, 1, decision)
    assert town.run(site()).page("practice", "Y90001").objectors


# ---- scenario 10: a referral is served, whatever the objections


def test_scenario_10_a_referral_is_always_served() -> None:
    town = Town()
    town.medicines(town.person(1, "severe", 14), 12)
    refuses(town, 1)
    for audience, list_id in (("practice", "mdt"), ("pharmacist", "pharmacist")):
        made = town.run(site(requests=(Request(nhs(1), "Dr Example", None, "not himself", audience),)))
        assert names(made, list_id) == [1]
        (mine,) = (one for one in made.page("practice", "Y90001").lines() if one.list == list_id)
        assert (mine.frailty, mine.asked, mine.section) == ("Not scored: objection", True, "now")
        assert not [reason for reason in mine.why if "frailty" in reason.lower() or "deficits" in reason]


def test_scenario_10_a_referral_in_a_whole_night(place: Place) -> None:
    asked = f'[[request]]\nnhs_number = "{number(4)}"\nasked_by = "Dr Example"\nasked_on = 2026-11-20\nreason = "not himself"\n'
    place.site.write_text(place.site.read_text(encoding="utf-8") + asked, encoding="utf-8")
    place.night(scores=("efi",))
    assert lists_of(place.out, OBJECTOR) == {("Y90001", "on the list")}
    assert rows(place.out / "data/scores.csv")[OBJECTOR]["efi"] == ""
    assert rows(place.out / "practice/Y90001/worklist.csv")[OBJECTOR]["frailty"] == "Not scored: objection"


# ---- from Python, and `frailty explain`


@pytest.fixture
def store(first_night: Place) -> Iterator[Any]:
    import frailty

    yield frailty.open(first_night.store)


def test_python_offers_the_same(store: Any) -> None:
    objectors = store.objectors()
    assert objectors == [OBJECTOR] == store.objectors(["Objection-Profiling"]) and store.objectors(["research"]) == []
    assert store.objectors(as_of=date(2025, 2, 2)) == []
    scores, terms = store.evaluate(["efi", "hfrs"], AS_OF, objectors=objectors)
    everybody, all_terms = store.evaluate(["efi", "hfrs"], AS_OF)
    assert list(scores["patient_id"]) == list(everybody["patient_id"])
    mine = scores.set_index("patient_id").loc[OBJECTOR]
    assert mine[["efi", "efi_points", "efi_of", "efi_band", "hfrs", "hfrs_points"]].isna().all()
    others = scores["patient_id"] != OBJECTOR
    for name in scores.columns:
        assert scores.loc[others, name].astype(object).equals(everybody.loc[others, name].astype(object)), name
    assert terms.equals(all_terms[all_terms["patient_id"] != OBJECTOR].reset_index(drop=True))


def test_everybody_may_object(store: Any) -> None:
    scores, terms = store.evaluate("efi", AS_OF, objectors=list(store.persons["patient_id"]))
    assert set(scores["efi_status"]) == {"not_available"} and scores["efi"].isna().all() and not len(terms)


def explained(capsys: pytest.CaptureFixture[str], place: Place, who: str, *more: str) -> tuple[int, str]:
    from frailty.cli import main

    code = main(["explain", who, "--store", str(place.store), "--as-of", AS_OF.isoformat(), *more])
    return code, capsys.readouterr().out


def test_explain_shows_no_score_of_an_objector(capsys: pytest.CaptureFixture[str], place: Place) -> None:
    """Without the site's own word every refusal counts, and the text says so."""
    code, out = explained(capsys, place, OBJECTOR)
    assert code == 0 and "not scored: objection" in out and "--site" in out
    assert "points" not in out and "http" not in out
    code, out = explained(capsys, place, OBJECTOR, "--site", str(place.site))
    assert code == 0 and out.endswith("not scored: objection\n")
    assert "16 of 36 points" in explained(capsys, place, "p0")[1]
    with place.site.open("a", encoding="utf-8") as stream:
        stream.write('objection_kinds = ["something else"]\n')          # [settings] is the site's last table
    assert "14 of 36 points" in explained(capsys, place, OBJECTOR, "--site", str(place.site))[1]


@pytest.mark.parametrize("command", [["coverage", "--scores", "efi"], ["compare", "efi", "efi_reviewed"]])
def test_no_report_of_scores_counts_an_objector(capsys: pytest.CaptureFixture[str], place: Place, command: list[str]) -> None:
    from frailty.cli import main

    def people(*more: str) -> int:
        assert main(["scores", *command, "--store", str(place.store), "--as-of", AS_OF.isoformat(), *more]) == 0
        said = capsys.readouterr().out
        found = re.search(r"^efi +(\d+)" if command[0] == "coverage" else r"Of (\d+) people", said, re.MULTILINE)
        assert found, said
        return int(found[1])

    counted = people()
    assert counted == people("--site", str(place.site))
    with place.site.open("a", encoding="utf-8") as stream:
        stream.write('objection_kinds = ["something else"]\n')
    assert people("--site", str(place.site)) == counted + 1
