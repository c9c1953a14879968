"""The next night: about one person in a hundred changed, as a delta and as the full export that equals it."""

from __future__ import annotations

import csv
import json
import shutil
from collections import Counter
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from numpy.random import Generator, SeedSequence, default_rng

from frailty.errors import FrailtyError
from frailty.synthetic.catalogue import PLAIN, Codes, load_codes
from frailty.synthetic.fhir_hospital import ICD10
from frailty.synthetic.fhir_parts import TERMS, coded
from frailty.synthetic.locality import HOSPITAL, start_folder
from frailty.synthetic.settings import day_number
from frailty.synthetic.sources import write_source
from frailty.synthetic.text import dump, iso

_TWICE = ("same_line_twice", "older_version")       # faults whose ids other lines share
_NOT_FHIR = ("log.ndjson", "deleted.ndjson")


@dataclass(frozen=True)
class NightSummary:
    """What the next night holds: the full export, the delta beside it, and how many lines of each kind changed."""

    out: Path
    as_of: date
    records: tuple[Path, ...]
    delta: tuple[Path, ...]
    changes: dict[str, int]


@dataclass
class _Source:
    """One source while it changes: file -> lines, and what goes into the delta."""

    name: str
    shape: str
    night: str
    files: dict[str, list[str]]
    faults: set[tuple[str, str]]                    # (type, id) of lines with deliberate faults: left alone
    delta: dict[str, list[str]] = field(default_factory=dict)
    deleted: list[tuple[str, str]] = field(default_factory=list)
    taken_out: dict[str, list[int]] = field(default_factory=dict)      # file -> lines, counted from 1
    number: int = 0

    def pick(self, rng: Generator, kind: str, count: int, wanted: str = "") -> list[tuple[str, int, dict[str, Any]]]:
        """File, position and content of `count` resources of a type whose line holds `wanted`."""
        places = [(name, n) for name, lines in self.files.items() if name.split(".")[0] == kind
                  for n in range(len(lines))]
        found: list[tuple[str, int, dict[str, Any]]] = []
        for at in rng.permutation(len(places)).tolist():
            if len(found) >= count:
                break
            name, n = places[at]
            resource = _resource(self.files[name][n]) if wanted in self.files[name][n] else None
            if resource and resource.get("resourceType") == kind and (kind, resource.get("id")) not in self.faults:
                found.append((name, n, resource))
        return found

    def add(self, resource: dict[str, Any]) -> None:
        """A new resource: at the end of the last file of its type, and in the delta."""
        kind = str(resource["resourceType"])
        name = max((name for name in self.files if name.split(".")[0] == kind), default=f"{kind}.ndjson")
        self.files.setdefault(name, []).append(dump(resource))
        self.delta.setdefault(f"{kind}.ndjson", []).append(dump(resource))

    def replace(self, name: str, at: int, resource: dict[str, Any]) -> None:
        """A newer version of a line."""
        self.files[name][at] = dump(resource)
        self.delta.setdefault(f"{resource['resourceType']}.ndjson", []).append(self.files[name][at])

    def take_out(self) -> None:
        """Removes the deleted resources from the full export."""
        gone = set(self.deleted)
        for name, lines in self.files.items():
            if name.split(".")[0] in {kind for kind, _ in gone}:
                out = [n for n, line in enumerate(lines) if _names(line, gone)]
                self.taken_out[name] = [n + 1 for n in out]
                for n in reversed(out):
                    del lines[n]

    def new_id(self) -> str:
        """An id that no resource has yet."""
        self.number += 1
        return f"night-{self.night}-{self.number}"


def make_night(previous: Path, out: Path, *, as_of: date, seed: int = 1, share: float = 0.01,
               rules: Path | None = None) -> NightSummary:
    """Writes under `out` the night after `previous` (a made-up locality, layout fhir): `records/` in full, `delta/`
    with what changed, homes/ and site.toml as they were. `as_of` is the day of the new extract.

    Changes: new entries, issues and contacts; newer versions of Conditions and Patients; Observations entered in error;
    Observations deleted (in the delta by a bundle, as Bulk Data sends it); discharges, admissions and late coding.
    """
    truth = _truth(previous, out, as_of)
    start_folder(out)
    codes, today, changes = load_codes(rules), day_number(as_of), Counter[str]()
    with (previous / "truth" / "dirt.csv").open(encoding="utf-8", newline="") as stream:
        faults = list(csv.DictReader(stream))
    streams = SeedSequence([seed, today]).spawn(len(truth["sources"]))
    for (name, about), stream_of in zip(truth["sources"].items(), streams, strict=True):
        source, rng = _read(previous / "records" / name, about["shape"], str(as_of), faults), default_rng(stream_of)
        if about["shape"] == HOSPITAL:
            _hospital(source, rng, today, changes)
        else:
            _practice(source, rng, today, share, codes, changes)
        write_source(out / "records" / name, source.files, str(as_of), truth["odd_files"])
        write_source(out / "delta" / name, source.delta, str(as_of), {}, _bundle(source.deleted))
        about["lines"] = {file: len(lines) for file, lines in source.files.items()}
        for fault in faults:        # lines taken out before a fault move it up
            if fault["source"] == name:
                line = int(fault["line"])
                fault["line"] = str(line - sum(n < line for n in source.taken_out.get(fault["file"], ())))
    if (previous / "homes").is_dir():
        shutil.copytree(previous / "homes", out / "homes")
    shutil.copyfile(previous / "site.toml", out / "site.toml")
    with (out / "truth" / "dirt.csv").open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, list(faults[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(faults)
    truth |= {"as_of": str(as_of), "night": dict(sorted(changes.items())), "night_seed": seed}
    (out / "truth" / "truth.json").write_text(json.dumps(truth, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return NightSummary(out, as_of, tuple(out / "records" / name for name in truth["sources"]),
                        tuple(out / "delta" / name for name in truth["sources"]), dict(changes))


def _truth(previous: Path, out: Path, as_of: date) -> dict[str, Any]:
    try:
        truth: dict[str, Any] = json.loads((previous / "truth" / "truth.json").read_text(encoding="utf-8"))
    except OSError as bad:
        raise FrailtyError("There is no made-up locality to start from.", where=str(previous), why=str(bad)) from None
    if truth["layout"] != "fhir" or as_of <= date.fromisoformat(truth["as_of"]) or previous.resolve() == out.resolve():
        raise FrailtyError("The next night needs a locality of layout fhir, a later day and a folder of its own.",
                           where=str(previous))
    return truth


def _read(folder: Path, shape: str, night: str, faults: list[dict[str, str]]) -> _Source:
    files = {path.name: path.read_bytes().decode("utf-8-sig").replace("\r\n", "\n").removesuffix("\n").split("\n")
             for path in sorted(folder.glob("*.ndjson")) if path.name not in _NOT_FHIR and path.stat().st_size}
    alone = {(fault["resource_type"], fault["resource_id"]) for fault in faults if fault["source"] == folder.name
             and (fault["kind"] in _TWICE or fault["resource_id"].startswith("fault-"))}
    return _Source(folder.name, shape, night, files, alone)


def _resource(line: str) -> dict[str, Any] | None:
    try:
        found = json.loads(line)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _names(line: str, gone: set[tuple[str, str]]) -> bool:
    """Whether a line is one of the deleted resources (its id comes right after its type). Broken lines stay."""
    start = line.find('"id":"')
    if not 0 <= start < 60:
        return False
    kind, key = line[17:line.find('"', 17)], line[start + 6:line.find('"', start + 6)]
    return (kind, key) in gone and _resource(line) is not None


def _stamp(resource: dict[str, Any], day: int) -> dict[str, Any]:
    """The resource as last written on a day."""
    resource["meta"] = resource.get("meta", {}) | {"lastUpdated": f"{iso(day)}T19:00:00+00:00"}
    return resource


def _bundle(deleted: list[tuple[str, str]]) -> str:
    if not deleted:
        return ""
    return dump({"resourceType": "Bundle", "id": "deleted", "type": "transaction",
                 "entry": [{"request": {"method": "DELETE", "url": f"{kind}/{key}"}} for kind, key in deleted]})


def _practice(source: _Source, rng: Generator, today: int, share: float, codes: Codes, changes: Counter[str]) -> None:
    day, stu3 = today - 1, source.shape == "stu3"
    active = len([line for line in source.files["Patient.ndjson"] if '"active":true' in line])
    patients = source.pick(rng, "Patient", max(4, round(share * active)), '"active":true')
    for n, (name, at, patient) in enumerate(patients):
        subject = {"reference": f"Patient/{patient['id']}"}
        pool = codes.common[int(rng.integers(0, len(codes.common)))]
        concept = json.loads(codes.catalogue.concept(int(pool.draw(rng, 1)[0]), PLAIN))
        if n % 4 == 0:
            source.add(_stamp(_problem(source.new_id(), concept, subject, day, stu3), day))
            changes["new Condition"] += 1
        else:
            source.add(_stamp({"resourceType": "Observation", "id": source.new_id(), "status": "final", "code": concept,
                               "subject": subject, "effectiveDateTime": iso(day), "issued": _time(day, 11)}, day))
            changes["new Observation"] += 1
        contact: dict[str, Any] = {"resourceType": "Encounter", "id": source.new_id(), "status": "finished"}
        if not stu3:
            contact["class"] = {"system": TERMS + "v3-ActCode", "code": "AMB"}
        source.add(_stamp(contact | {"type": [{"text": "GP Surgery"}], "subject": subject,
                                     "period": {"start": _time(day, 11)}}, day))
        changes["new Encounter"] += 1
        if n % 5 == 2:
            patient["telecom"] = [{"system": "phone", "value": f"01632 960{n * 37 % 1000:03d}", "use": "home"}]
            source.replace(name, at, _stamp(patient, day))
            changes["newer Patient"] += 1
    _corrections(source, rng, day, max(2, len(patients) // 4), stu3, changes)


def _problem(key: str, concept: Any, subject: dict[str, str], day: int, stu3: bool) -> dict[str, Any]:
    problem = {"resourceType": "Condition", "id": key, "clinicalStatus": _clinical("active", stu3), "code": concept,
               "subject": subject, "onsetDateTime": iso(day)}
    return problem | {"assertedDate" if stu3 else "recordedDate": iso(day)}


def _clinical(word: str, stu3: bool) -> Any:
    return word if stu3 else coded(TERMS + "condition-clinical", word)


def _time(day: int, hour: int) -> str:
    return f"{iso(day)}T{hour:02d}:00:00+00:00"


def _corrections(source: _Source, rng: Generator, day: int, few: int, stu3: bool, changes: Counter[str]) -> None:
    """Further issues, problems that end, entries made in error, deletions."""
    for _, _, issue in source.pick(rng, "MedicationRequest", 2 * few, '"intent":"order"'):
        validity = {"validityPeriod": {"start": iso(day), "end": iso(day + 56)}}
        source.add(_stamp(issue | {"id": source.new_id(), "authoredOn": iso(day), "status": "active",
                                   "dispenseRequest": validity}, day))
        changes["new MedicationRequest"] += 1
    for name, at, problem in source.pick(rng, "Condition", few, '"onsetDateTime"'):
        if "entered-in-error" not in dump(problem) and "abatementDateTime" not in problem:
            problem |= {"clinicalStatus": _clinical("resolved", stu3), "abatementDateTime": iso(day)}
            source.replace(name, at, _stamp(problem, day))
            changes["newer Condition"] += 1
    for n, (name, at, entry) in enumerate(source.pick(rng, "Observation", 2 * few, '"status":"final"')):
        if n % 2:
            source.replace(name, at, _stamp(entry | {"status": "entered-in-error"}, day))
            changes["entered in error"] += 1
        elif not str(entry["id"]).startswith("night-"):
            source.deleted.append(("Observation", str(entry["id"])))
            changes["deleted"] += 1
    source.take_out()


def _hospital(source: _Source, rng: Generator, today: int, changes: Counter[str]) -> None:
    day = today - 1
    for name, at, stay in source.pick(rng, "Encounter", 3, '"status":"in-progress"'):
        stay["status"] = "finished"
        stay["period"]["end"] = _time(day, 15)
        source.replace(name, at, _stamp(stay, day))
        changes["discharged"] += 1
    for _, _, stay in source.pick(rng, "Encounter", 3, '"code":"21"'):
        new = {key: stay[key] for key in ("resourceType", "class", "subject", "serviceProvider")}
        new |= {"id": source.new_id(), "status": "in-progress", "period": {"start": _time(day, 20)},
                "hospitalization": {"extension": stay["hospitalization"]["extension"]}}
        source.add(_stamp(new, day))
        changes["admitted"] += 1
    for _, _, stay in source.pick(rng, "Encounter", 6, f'"end":"{iso(today)[:4]}'):
        source.add(_stamp({"resourceType": "Condition", "id": source.new_id(),
                           "code": coded(ICD10, "R29.6", "Tendency to fall not elsewhere classified"),
                           "subject": stay["subject"], "encounter": {"reference": f"Encounter/{stay['id']}"},
                           "recordedDate": iso(day)}, day))
        changes["coded late"] += 1
