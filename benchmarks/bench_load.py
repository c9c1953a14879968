"""NDJSON to store, everything included, against fhir.resources and DuckDB's typed scan of the same files.

The store and all peers must agree on the resources by type and on a hash of (id, code, date) before anything is timed.
"""

from __future__ import annotations

import csv
import importlib
import json
import time
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

import measure
import pytest
from measure import Row, fingerprint, judged, silent

from frailty.records.files import find_sources, open_bytes
from frailty.records.load import Coverage, SourceBooks, load_sources
from frailty.records.shapes import TYPES
from frailty.records.store import connect, working_copy
from frailty.site import load_site
from frailty.terminology import canonical_system, normalise_code, system_kind

COMPARED = ("Condition", "Observation", "MedicationRequest")
SAMPLE_BYTES = 4_000_000
DATES = {
    "Condition": ("onsetDateTime", "onsetPeriod", "recordedDate", "assertedDate"),
    "Observation": ("effectiveDateTime", "effectivePeriod", "issued"),
    "MedicationRequest": ("authoredOn", "dispenseRequest"),
}


class Said(NamedTuple):
    """What one line says. day: '' where it has no date of its own."""

    source: str
    kind: str
    id: str
    codings: tuple[tuple[str, str], ...]
    day: str
    encounter: str
    medication: str
    line: bytes


class Files:
    """The files of the town as plain `json` reads them, and the resources that were soiled on purpose."""

    def __init__(self, town: Any) -> None:
        self.town = town
        self.sources = find_sources(list(town.records))
        self.bytes = sum(f.path.stat().st_size for s in self.sources for f in s.files if f.form == "ndjson")
        with (town.truth / "dirt.csv").open(encoding="utf-8", newline="") as stream:
            self.soiled = {(row["source"], row["resource_type"], row["resource_id"]) for row in csv.DictReader(stream)}
        self.lines: Counter[tuple[str, str]] = Counter()
        self.starts: dict[tuple[str, str], str] = {}
        self.medicines: dict[tuple[str, str], tuple[tuple[str, str], ...]] = {}
        self.said = [one for one in self._read() if (one.source, one.kind, one.id) not in self.soiled]

    def _read(self) -> Iterator[Said]:
        for source in self.sources:
            for file in source.files:
                with open_bytes(file.path) as stream:
                    for line in stream:
                        said = self._line(source.name, line)
                        if said:
                            yield said

    def _line(self, source: str, line: bytes) -> Said | None:
        try:
            resource = json.loads(line.decode("utf-8-sig"))
            kind = resource["resourceType"]
        except (ValueError, TypeError, KeyError):
            return None
        self.lines[source, kind] += 1
        if kind == "Encounter" and "id" in resource:
            start = resource["period"]["start"][:10]
            self.starts[source, f"Encounter/{resource['id']}"] = start
            for diagnosis in resource.get("diagnosis", ()):         # the link from the Encounter's side
                self.starts[source, diagnosis["condition"]["reference"]] = start
        if kind == "Medication":
            self.medicines[source, f"Medication/{resource['id']}"] = codings(resource["code"])
        if kind not in COMPARED or "id" not in resource or "entered-in-error" in line.decode("utf-8", "replace"):
            return None
        return said(source, resource, line)

    def expected(self) -> Iterator[str]:
        """One line per coding: who said it, which record, which code, which day."""
        spelled: dict[tuple[str, str], str] = {}
        for one in self.said:
            day = one.day or self.starts.get((one.source, one.encounter or f"{one.kind}/{one.id}"), "")
            for said in one.codings or self.medicines.get((one.source, one.medication), ()):
                if said not in spelled:
                    system = canonical_system(said[0])
                    spelled[said] = f"{system}|{normalise_code(system_kind(system), said[1])}"
                yield f"{one.source}/{one.kind}/{one.id} {spelled[said]} {day}"


def codings(concept: dict[str, Any] | None) -> tuple[tuple[str, str], ...]:
    return tuple((c.get("system", ""), c["code"]) for c in (concept or {}).get("coding", ()) if c.get("code"))


def said(source: str, resource: dict[str, Any], line: bytes) -> Said:
    kind = resource["resourceType"]
    found = [resource[name] for name in DATES[kind] if name in resource]
    day = found[0] if found else ""
    if isinstance(day, dict):
        day = day.get("validityPeriod", day).get("start", "")
    concept = resource.get("code", resource.get("medicationCodeableConcept"))
    return Said(source, kind, resource["id"], codings(concept), day[:10],
                resource.get("encounter", resource.get("context", {})).get("reference", ""),
                resource.get("medicationReference", {}).get("reference", ""), line)


@pytest.fixture(scope="module")
def files(town: Any) -> Files:
    return Files(town)


def load(town: Any, files: Files, store: Path) -> list[SourceBooks]:
    """What a first night does with the records: read, merge, resolve, account, keep."""
    site = load_site(town.site)
    with working_copy(store) as (con, spill):
        return load_sources(
            con, files.sources, mode="full", kinds={feed.name: feed.kind for feed in site.feeds}, extracted_at=None,
            now=datetime(2026, 11, 22, 3), progress=silent, folder=spill,
            coverage=[Coverage(feed.name, feed.practices, feed.since) for feed in site.feeds])


@pytest.fixture(scope="module")
def store(town: Any, files: Files, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A store of the town that says what the files say."""
    path = tmp_path_factory.mktemp("store") / "town.duckdb"
    for one in load(town, files, path):
        assert one.balanced()
        for kind in COMPARED:
            assert one.types.get(kind, {"read": 0})["read"] == files.lines[one.source, kind]
    con = connect(path, read_only=True)
    rows = con.execute("""SELECT DISTINCT source, resource_type, resource_id, c.system, c.code, effective
        FROM event JOIN concept c USING (concept)
        WHERE known_to IS NULL AND part = 0 AND list_contains($1, resource_type)""", [list(COMPARED)]).fetchall()
    held = {f"{s}/{kind}/{id} {system}|{code} {day}" for s, kind, id, system, code, day in rows
            if (s, kind, id) not in files.soiled}
    assert fingerprint(held) == fingerprint(set(files.expected()))
    con.close()
    return path


def parse_models(sample: list[Said]) -> list[Any]:
    """Each line as a model of fhir.resources R4B."""
    models = {kind: getattr(importlib.import_module(f"fhir.resources.R4B.{kind.lower()}"), kind) for kind in COMPARED}
    return [models[one.kind].model_validate_json(one.line) for one in sample]


def scan(files: Files) -> Any:
    """DuckDB's typed scan of every file, with the columns that the store reads of its type, into tables in memory."""
    import duckdb
    con = duckdb.connect()
    groups: dict[str, list[str]] = {}
    for source in files.sources:
        for file in source.files:
            if file.form == "ndjson":
                kind = file.name.split(".")[0]
                groups.setdefault(kind, []).append(str(file.path))
    for kind, paths in groups.items():
        columns = TYPES.get(kind, {"resourceType": "VARCHAR"})
        spec = ", ".join(f"'{name}': '{shape}'" for name, shape in columns.items())
        con.execute(f"""CREATE TABLE "{kind}" AS SELECT *, filename FROM read_json({paths}, columns = {{{spec}}},
            format = 'newline_delimited', ignore_errors = true, filename = true)""")
    return con


def test_load(benchmark: Any, town: Any, files: Files, store: Path, tmp_path: Path, ledger: list[Row]) -> None:
    sample = _sample(files)
    assert [(m.id, _codings(m)) for m in parse_models(sample)] == [(one.id, one.codings) for one in sample]
    started = time.perf_counter()
    parse_models(sample)
    models = sum(len(one.line) for one in sample) / (time.perf_counter() - started) / 1e6

    con = scan(files)
    for kind in COMPARED:
        rows = con.execute(f"""SELECT parse_dirpath(filename), id, {_first(kind)}.coding[1].code FROM "{kind}"
                               WHERE id IS NOT NULL""").fetchall()
        found = (f"{Path(folder).name}/{id} {code}" for folder, id, code in rows)
        wanted = {f"{one.source}/{one.id} {one.codings[0][1] if one.codings else None}"
                  for one in files.said if one.kind == kind}
        assert wanted <= set(found)
    con.close()
    scans = []
    for _ in range(2):
        started = time.perf_counter()
        scan(files).close()
        scans.append(files.bytes / (time.perf_counter() - started) / 1e6)

    fresh = count()
    benchmark.pedantic(load, setup=lambda: ((town, files, tmp_path / f"{next(fresh)}.duckdb"), {}), rounds=2)
    if not benchmark.stats:
        return
    rate = files.bytes / benchmark.stats.stats.min / 1e6
    benchmark.extra_info |= {"in_table": True, "MB/s": round(rate, 1), "people": measure.PEOPLE,
                             "MB": round(files.bytes / 1e6)}
    what = f"NDJSON to store, {measure.PEOPLE:,} people, {files.bytes / 1e6:,.0f} MB"
    ledger.append(Row(what, f"{rate:.0f} MB/s", f"fhir.resources {models:.1f} MB/s (1 core)", f"{rate / models:.0f} x",
                      "150 MB/s, 20 x", "", judged(rate, 150, 150) if rate >= 20 * models else "MISSED"))
    ledger.append(Row("  the same", f"{rate:.0f} MB/s", f"DuckDB typed scan alone {max(scans):.0f} MB/s",
                      f"{rate / max(scans):.2f}", "printed", "0.5",
                      "goal" if rate >= 0.5 * max(scans) else "goal missed"))


def _sample(files: Files) -> list[Said]:
    """Lines from all over the R4 sources, about SAMPLE_BYTES of them."""
    r4 = [one for one in files.said if one.source not in _stu3(files)]
    step = max(1, sum(len(one.line) for one in r4) // SAMPLE_BYTES)
    return [one._replace(line=one.line.removeprefix(b"\xef\xbb\xbf")) for one in r4[::step]]


def _stu3(files: Files) -> set[str]:
    truth = json.loads((files.town.truth / "truth.json").read_text("utf-8"))
    return {name for name, about in truth["sources"].items() if about["shape"] == "stu3"}


def _codings(model: Any) -> tuple[tuple[str, str], ...]:
    concept = getattr(model, "code", None) or getattr(model, "medicationCodeableConcept", None)
    return tuple((str(c.system or ""), c.code) for c in (concept.coding if concept else ()) or () if c.code)


def _first(kind: str) -> str:
    return "medicationCodeableConcept" if kind == "MedicationRequest" else "code"
