"""Why did it change? A small town in which each cause occurs alone, and some together."""

from __future__ import annotations

import csv
import re
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from nightly_town import (
    AS_OF,
    EXTRACTED,
    ICD10,
    NEXT,
    Changes,
    Place,
    codes,
    coding,
    condition,
    encounter,
    load,
    medicines,
    night_two,
    order,
    patient,
    run,
    version,
    write_night,
)
from scoring_people import HEADER

import frailty
from frailty.cli import main
from frailty.practice import Practice
from frailty.records.store import connect
from frailty.scoring.changes import CAUSES, COLUMNS

THEN, NOW = date(2026, 11, 15), date(2026, 11, 22)
GP = "harbour-gp"
PEOPLE = ("same", "arrived", "late", "aged", "corrected", "mended", "removed", "many", "older", "born", "two", "gone", "silent", "stay")


def alike(name: str, on: str = "2020-05-04", n: int = 0, subject: str = "") -> Any:
    """A condition of a person: which deficit, when."""
    return condition(f"{subject}-{name}-{n}", subject, coding(f"efi/{name}"), on)


def five(subject: str, on: str, first: int = 0) -> list[Any]:
    """Five substances of one day: polypharmacy for twelve months."""
    return [order(f"{subject}-m{n}", subject, medicines()[n], on) for n in range(first, first + 5)]


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Practice:
    """Loaded on 15 November; the next load is of 22 November."""
    folder = tmp_path_factory.mktemp("town")
    born = {"older": "1961-11-20", "born": "1950-01-01"}
    gp = [patient(id, 100 + n, "Y90001", born.get(id, f"194{n % 10}-02-03")) for n, id in enumerate(PEOPLE)]
    for id in PEOPLE:
        gp += [alike("diabetes", subject=id), alike("heart-failure", subject=id), alike("osteoporosis", subject=id)]
    gp += [alike("falls", "2026-10-01", subject=id) for id in ("corrected", "mended", "removed", "two")]
    gp += five("aged", "2025-11-18") + five("two", "2025-11-18") + five("many", "2026-06-01")
    icd = {"silent": "E119", "stay": "F05"}
    hospital = [patient(f"h-{id}", 100 + PEOPLE.index(id), None, f"194{PEOPLE.index(id) % 10}-02-03") for id in icd]
    for id, code in icd.items():
        hospital += [encounter(f"e-{id}", f"h-{id}", "2026-10-01", "2026-10-09"),
                     condition(f"d-{id}", f"h-{id}", {"system": ICD10, "code": code}, None, encounter={"reference": f"Encounter/e-{id}"})]
    first = {GP: [version(one, "2026-11-01T00:00:00Z") for one in gp],
             "hospital": [version(one, "2026-11-01T00:00:00Z") for one in hospital]}
    more = Changes(first, "2026-11-21T01:00:00Z")
    more.send(GP, alike("falls", "2026-11-19", subject="arrived"))
    more.send(GP, alike("falls", "2026-11-02", subject="late"))
    more.change(GP, "Condition", "corrected-falls-0", code={"coding": [coding("efi/housebound")]})
    more.mistaken(GP, "Condition", "mended-falls-0")
    more.drop(GP, "Condition", "removed-falls-0")
    more.drop(GP, "MedicationRequest", "many-m0")
    more.drop(GP, "Condition", "two-falls-0")
    more.send(GP, patient("newcomer", 150, "Y90001", "1945-01-01"))
    more.send(GP, alike("falls", subject="newcomer"))
    more.drop(GP, "Patient", "gone")
    more.change(GP, "Patient", "born", birthDate="1970-01-01")
    more.send("hospital", encounter("e2-silent", "h-silent", "2026-11-18", "2026-11-20"))
    more.send("hospital", condition("d2-silent", "h-silent", {"system": ICD10, "code": "E112"}, None,
                                    encounter={"reference": "Encounter/e2-silent"}))
    more.change("hospital", "Encounter", "e-stay", **{
        key: value for key, value in encounter("e-stay", "h-stay", "2026-10-01", "2026-10-09", method="11").items() if key not in ("id",)})
    con = connect()
    for n, (night, day) in enumerate(((first, "2026-11-15"), (more.full(), "2026-11-22"))):
        load(con, folder / str(n), night, now=datetime.fromisoformat(f"{day}T02:00"))
    return Practice(con)


def rows(found: pd.DataFrame, id: str) -> list[tuple[str, str, float]]:
    part = found[found["patient_id"] == id]
    return list(zip(part["cause"], part["term"], part["points"], strict=True))


@pytest.fixture(scope="module")
def told(town: Practice) -> pd.DataFrame:
    return town.changes(THEN, "efi", NOW)


@pytest.mark.parametrize(("id", "expected"), [
    ("same", []),
    ("arrived", [("arrived", "falls", 1)]),
    ("late", [("arrived", "falls", 1)]),
    ("aged", [("aged_out", "polypharmacy", -1)]),
    ("mended", [("removed", "falls", -1)]),         # entered in error: the record does not stand any more
    ("removed", [("removed", "falls", -1)]),
    ("many", [("removed", "polypharmacy", -1)]),
    ("two", [("aged_out", "polypharmacy", -1), ("removed", "falls", -1)]),
    ("corrected", []),                              # another deficit in the place of the first: the value is what it was
    ("older", [("status", "", 0)]),
    ("born", [("status", "", 0)]),
    ("newcomer", [("joined", "", 1)]),
    ("gone", []),                                   # has no name in the store any more
])
def test_each_cause_alone_and_two_at_once(told: pd.DataFrame, id: str, expected: list[tuple[str, str, float]]) -> None:
    assert rows(told, id) == expected


def test_the_frame(told: pd.DataFrame) -> None:
    assert list(told.columns) == list(COLUMNS) and set(told["cause"]) <= set(CAUSES)
    assert told.attrs["since"] == (1, THEN) and told.attrs["as_of"] == NOW and told.attrs["notes"] == []
    one = told[told["patient_id"] == "arrived"].iloc[0]
    system, code, _ = codes("efi/falls")[0]
    assert (one["system"], one["code"], one["resource"]) == (system, code, "Condition/arrived-falls-0")
    assert str(one["on"])[:10] == "2026-11-19"
    assert round(36 * one["value_before"]) == 3 and round(36 * one["value_after"]) == 4
    late = told[told["patient_id"] == "late"].iloc[0]
    assert late["detail"] == "became known later, of a day before"
    assert told[told["patient_id"] == "older"].iloc[0]["detail"] == "was outside population (Younger than 65), is ok"


def weighted(folder: Path, falls: int) -> Path:
    """A score of the user's in which falls and being housebound have other points."""
    (folder / "scores").mkdir(parents=True)
    terms = "".join(f'[[term]]\nid = "{name}"\nany = [{{ codes = "efi/{name}" }}]\npoints = {points}\n'
                    for name, points in (("falls", falls), ("housebound", 5), ("diabetes", 1)))
    (folder / "scores/mine.toml").write_text(
        f'id = "mine"\ntitle = "Mine"\nversion = "{falls}"\nlicence = "none"\nsource = {{ citation = "made up" }}\n{terms}')
    return folder


def test_corrected_alone(town: Practice, tmp_path: Path) -> None:
    found = town.with_rules(weighted(tmp_path, 1)).changes(THEN, "mine", NOW)
    assert rows(found, "corrected") == [("corrected", "falls", -1), ("corrected", "housebound", 5)]
    assert set(found[found["patient_id"] == "corrected"]["detail"]) == {"the record was changed"}


def test_a_stay_that_was_corrected(town: Practice) -> None:
    """The diagnosis stands; the stay is elective now, and HFRS counts emergency stays only."""
    found = town.changes(THEN, "hfrs", NOW)
    assert rows(found, "stay") == [("corrected", "F05", -3.2)]
    assert "the stay that it belongs to" in found[found["patient_id"] == "stay"].iloc[0]["detail"]


def test_definition_alone_and_with_another_cause(town: Practice, tmp_path: Path) -> None:
    """Falls counted 1, and counts 3: `mended` loses it under the new weight; `arrived` gains it; `corrected` trades it."""
    old, new = weighted(tmp_path / "old", 1), town.with_rules(weighted(tmp_path / "new", 3))
    found = new.changes(THEN, "mine", NOW, old_rules=old)
    assert rows(found, "arrived") == [("arrived", "falls", 3)]
    assert rows(found, "mended") == [("removed", "falls", -3), ("definition", "falls", 2)]
    same_day = new.changes(2, "mine", date(2026, 11, 22), old_rules=old)
    assert rows(same_day, "arrived") == [("definition", "falls", 2)] and set(same_day["cause"]) == {"definition"}


def test_a_code_list_that_changed(town: Practice, tmp_path: Path) -> None:
    path = tmp_path / "codelists/efi/diabetes.csv"
    path.parent.mkdir(parents=True)
    path.write_text(HEADER + "urn:local,X,,exact,,,,,,\n", "utf-8")
    found = town.changes(2, "efi", NOW, old_rules=tmp_path)
    assert rows(found, "same") == [("definition", "diabetes", 1)] and set(found["cause"]) == {"definition"}


def test_superseded_by_a_worse_condition(town: Practice) -> None:
    found = town.changes(THEN, "charlson", NOW)
    assert [cause for cause, _, _ in rows(found, "silent")] == ["arrived", "superseded"]
    assert sum(points for _, _, points in rows(found, "silent")) == 1
    assert "silenced by" in found[found["cause"] == "superseded"].iloc[0]["detail"]


@pytest.mark.parametrize("score", ["efi", "charlson", "charlson_age", "hfrs"])
def test_the_rows_sum_to_the_change(town: Practice, score: str) -> None:
    found = town.changes(date(2026, 11, 15), score, date(2027, 11, 20))
    before = town.score(score, THEN, load=1).set_index("patient_id")[f"{score}_points"]
    after = town.score(score, date(2027, 11, 20)).set_index("patient_id")[f"{score}_points"]
    both = pd.concat([before, after], axis=1, keys=["a", "b"]).fillna(0)
    change = both["b"] - both["a"]
    moved = set(found["patient_id"])
    assert found.groupby("patient_id")["points"].sum().round(9).to_dict() == {id: round(change[id], 9) for id in moved}
    outside = [id for id in both.index if id not in moved]
    fine = town.score(score, date(2027, 11, 20)).set_index("patient_id")[f"{score}_status"] == "ok"
    assert not [id for id in outside if fine.get(id, False) and change[id]]


# ---- since when


def test_since_a_day_before_the_first_load_says_so(town: Practice) -> None:
    found = town.changes("2026-11-01", "efi", NOW)
    assert "The first load is of 2026-11-15" in found.attrs["notes"][0]
    with pytest.raises(frailty.FrailtyError, match="knows no load 9"):
        town.changes(9, "efi", NOW)
    with pytest.raises(frailty.FrailtyError, match="lies before"):
        town.changes(NOW, "efi", THEN)


def test_nothing_changed(town: Practice) -> None:
    assert town.changes(2, "efi", NOW).empty


def test_objectors_are_left_out(town: Practice) -> None:
    assert rows(town.changes(THEN, "efi", NOW, objectors=["arrived"]), "arrived") == []


def test_the_command(place: Place, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    records = write_night(place.folder / "records", night_two().full())
    run(records, place.out, site=place.site, extracted_at=EXTRACTED, as_of=NEXT.isoformat())
    capsys.readouterr()
    asked = ["changes", "--store", str(place.store), "--since", str(AS_OF), "--as-of", str(NEXT)]
    assert main(asked) == 0
    out = capsys.readouterr().out
    assert re.match(r"efi, from 2026-11-22 \(load 1\) to 2026-11-23: \d+ people changed; ", out)
    assert re.search(r"^p3  efi .*\n  \+1  arrived    falls +2026-11-20 .*Condition/p3-falls", out, re.MULTILINE)
    assert re.search(r"^p0  efi .*\n  -1  removed    arthritis ", out, re.MULTILINE) and "joined" in out and "!" not in out
    assert main([*asked[:-4], "--since", "1", "--as-of", str(NEXT), "--csv", str(tmp_path / "why.csv")]) == 0
    assert "p3" not in capsys.readouterr().out
    with (tmp_path / "why.csv").open() as stream:
        assert {"p3", "p0"} <= {row["patient_id"] for row in csv.DictReader(stream)}
    assert main([*asked[:-4], "--since", "yesterday"]) == 1
    assert "yesterday" in capsys.readouterr().err


def test_another_definition_is_told_of_where_the_old_one_is_not_given(place: Place, tmp_path: Path) -> None:
    con = connect(place.store)
    con.execute("UPDATE run SET definitions = '{\"efi\": \"of old\"}'")
    found = Practice(con).changes(1, "efi", AS_OF)
    con.close()
    assert "another one for: efi" in found.attrs["notes"][0] and "--old-rules" in found.attrs["notes"][0]
