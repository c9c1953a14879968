"""The next night: the delta, laid over the night before, is the full export."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from frailty.errors import FrailtyError
from frailty.synthetic import NightSummary, make_locality, make_night

DAY, NEXT = date(2025, 11, 22), date(2025, 11, 23)


@pytest.fixture(scope="module")
def nights(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, NightSummary]:
    folder = tmp_path_factory.mktemp("nights")
    make_locality(folder / "first", 400, seed=5, as_of=DAY)
    return folder / "first", make_night(folder / "first", folder / "second", as_of=NEXT, share=0.03)


def resources(folder: Path) -> dict[tuple[str, str], dict[str, Any]]:
    """(type, id) -> newest version, by meta.lastUpdated and then by place; what is broken is left out."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for path in sorted(folder.glob("*.ndjson")):
        for line in path.read_bytes().decode("utf-8-sig").splitlines():
            try:
                resource = json.loads(line)
            except ValueError:
                continue
            if isinstance(resource, dict) and resource.get("resourceType") not in (None, "Bundle"):
                key = (resource["resourceType"], str(resource["id"]))
                if key not in found or updated(resource) >= updated(found[key]):
                    found[key] = resource
    return found


def updated(resource: dict[str, Any]) -> str:
    return str(resource.get("meta", {}).get("lastUpdated", ""))


def test_delta_over_the_night_before_is_the_full_export(nights: tuple[Path, NightSummary]) -> None:
    first, second = nights
    for full, delta in zip(second.records, second.delta, strict=True):
        merged = resources(first / "records" / full.name) | resources(delta)
        if (delta / "deleted.ndjson").exists():
            for line in (delta / "deleted.ndjson").read_text().splitlines():
                for entry in json.loads(line)["entry"]:
                    assert entry["request"]["method"] == "DELETE"
                    del merged[tuple(entry["request"]["url"].split("/"))]
        assert merged == resources(full)


def test_every_kind_of_change_occurs(nights: tuple[Path, NightSummary]) -> None:
    _, second = nights
    assert {"new Condition", "new Observation", "new Encounter", "new MedicationRequest", "newer Patient",
            "newer Condition", "entered in error", "deleted", "coded late", "admitted"} <= set(second.changes)
    small = sum(len(resources(delta)) for delta in second.delta)
    assert 0 < small < 0.05 * sum(len(resources(full)) for full in second.records)
    for folder in second.records + second.delta:
        assert json.loads((folder / "manifest.json").read_text())["transactionTime"].startswith(str(NEXT))


def test_faults_are_still_where_the_truth_says(nights: tuple[Path, NightSummary]) -> None:
    _, second = nights
    lines = (second.out / "truth" / "dirt.csv").read_text().splitlines()[1:]
    assert lines
    for source, file, line, kind, _, key, _ in (row.split(",") for row in lines):
        text = (second.out / "records" / source / file).read_bytes().decode("utf-8-sig").split("\n")[int(line) - 1]
        assert (f'"id":"{key}"' in text) if key else kind in ("malformed", "blank_line", "not_an_object")


def test_a_night_follows_a_night(nights: tuple[Path, NightSummary], tmp_path: Path) -> None:
    _, second = nights
    third = make_night(second.out, tmp_path / "third", as_of=date(2025, 11, 24))
    again = make_night(second.out, tmp_path / "again", as_of=date(2025, 11, 24))
    for one, other in zip(third.records + third.delta, again.records + again.delta, strict=True):
        assert {p.name: p.read_bytes() for p in one.iterdir()} == {p.name: p.read_bytes() for p in other.iterdir()}
    with pytest.raises(FrailtyError, match="later day"):
        make_night(second.out, tmp_path / "back", as_of=DAY)
    with pytest.raises(FrailtyError, match="no made-up locality"):
        make_night(tmp_path / "nothing", tmp_path / "out", as_of=NEXT)
