"""Faults put into the files on purpose, in known amounts; each is written down with what must become of it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.random import Generator

from frailty.synthetic.catalogue import PLAIN, Codes
from frailty.synthetic.fhir_parts import Files
from frailty.synthetic.settings import Settings
from frailty.synthetic.text import iso

# Kind of fault -> the type of resource it is made from, and what must become of the line: quarantined (whole), part
# (used, with a part set aside), either of these two, used, superseded, ignored.
KINDS = {
    "malformed": ("Observation", "quarantined"), "no_subject": ("Condition", "quarantined"),
    "unknown_patient": ("Observation", "quarantined"), "no_code": ("Condition", "quarantined"),
    "no_type": ("Observation", "quarantined"), "not_an_object": ("Observation", "quarantined"),
    "impossible_date": ("Condition", "either"), "text_value": ("Observation", "part"),
    "no_medication": ("MedicationRequest", "either"), "year_2999": ("Observation", "used"),
    "before_birth": ("Observation", "used"), "after_death": ("Observation", "used"),
    "same_line_twice": ("Observation", "superseded"), "older_version": ("Condition", "superseded"),
    "blank_line": ("Encounter", "ignored"), "placeholder_nhs_number": ("Patient", "part"),
    "bad_nhs_number": ("Patient", "part"),
}
BROKEN_NUMBERS = ("placeholder_nhs_number", "bad_nhs_number")      # a Patient is changed, no line is added
_IN_HOSPITAL = ("no_subject", "no_code")


@dataclass(frozen=True)
class Fault:
    """One line with a fault. `line` counts from 1 in `file`, which is relative to the folder of the source."""

    source: str
    file: str
    line: int
    kind: str
    resource_type: str
    resource_id: str
    expect: str


@dataclass(frozen=True)
class Target:
    """A source that can take faults."""

    name: str
    files: Files
    share: float
    shape: str              # r4 | stu3 | hospital
    dead: list[tuple[str, int]]         # id of a dead patient, and the day of death


def fault_counts(settings: Settings, people: int) -> dict[str, int]:
    """How many of each kind a locality of so many people gets."""
    return {kind: max(1, round(people * rate / 1000)) for kind, rate in settings.table("dirt.per_1000").items()}


def soil(settings: Settings, rng: Generator, codes: Codes, as_of: int, people: int, targets: list[Target],
         lines_per_file: dict[str, int]) -> tuple[dict[str, Files], list[Fault]]:
    """The sources with faults laid in, as source -> file name -> lines, and the list of faults.

    lines_per_file: sources whose Observations are split, as bulk servers do.
    """
    harmless = json.loads(codes.catalogue.concept(int(codes.background.codes[0]), PLAIN))
    waiting: dict[tuple[int, str], list[tuple[str, str]]] = {}
    for kind, count in fault_counts(settings, people).items():
        weights = np.array([_weight(kind, target) for target in targets])
        if weights.sum() <= 0:
            continue
        for at in rng.choice(len(targets), count, p=weights / weights.sum()).tolist():
            number = sum(len(found) for found in waiting.values())
            line = _faulty(kind, rng, targets[at], harmless, number, as_of)
            taken = {_id(other) for _, other in waiting.get((at, "Patient"), [])}
            while line is not None and kind in BROKEN_NUMBERS and _id(line) in taken:
                line = _faulty(kind, rng, targets[at], harmless, number, as_of)
            if line is not None:
                waiting.setdefault((at, KINDS[kind][0]), []).append((kind, line))
    written: dict[str, Files] = {}
    faults: list[Fault] = []
    for at, target in enumerate(targets):
        out: Files = {}
        for resource_type, lines in target.files.items():
            extra = waiting.get((at, resource_type), [])
            mixed, marks = _mix(rng, lines, extra)
            split = lines_per_file.get(target.name, 0) if resource_type == "Observation" else 0
            size = split or len(mixed) + 1
            names = [f"{resource_type}.{part:03d}.ndjson" if split else f"{resource_type}.ndjson"
                     for part in range(len(mixed) // size + 1)]
            for part, name in enumerate(names):
                out[name] = mixed[part * size:(part + 1) * size]
            for place, kind in marks:
                faults.append(Fault(target.name, names[place // size], place % size + 1, kind, resource_type,
                                    _id(mixed[place]), KINDS[kind][1]))
        written[target.name] = {name: lines for name, lines in out.items() if lines}
    return written, sorted(faults, key=lambda f: (f.source, f.file, f.line))


def _weight(kind: str, target: Target) -> float:
    if target.shape == "hospital":
        return 0.15 if kind in _IN_HOSPITAL else 0.0
    if kind == "older_version" and target.shape != "r4":
        return 0.0
    if kind == "after_death" and not target.dead:
        return 0.0
    return target.share if target.files.get(KINDS[kind][0]) else 0.0


def _id(line: str) -> str:
    try:
        found = json.loads(line)
    except ValueError:
        return ""
    return str(found.get("id", "")) if isinstance(found, dict) else ""


def _mix(rng: Generator, lines: list[str], extra: list[tuple[str, str]]) -> tuple[list[str], list[tuple[int, str]]]:
    """Lines with the extra ones between them, and where those came to lie (from 0). Patients are changed, not added."""
    changed = [(kind, line) for kind, line in extra if kind in BROKEN_NUMBERS]
    added = [(kind, line) for kind, line in extra if kind not in BROKEN_NUMBERS]
    out, marks = list(lines), []
    if changed:
        at_id = {_id(line): n for n, line in enumerate(out)}
        for kind, line in changed:
            out[at_id[_id(line)]] = line
            marks.append((at_id[_id(line)], kind))
    if not added:
        return out, marks
    places = np.sort(rng.integers(0, len(out) + 1, len(added))).tolist()
    mixed: list[str] = []
    last = 0
    for place, (kind, line) in zip(places, added, strict=True):
        mixed += out[last:place]
        marks.append((len(mixed), kind))
        mixed.append(line)
        last = place
    return mixed + out[last:], marks


def _faulty(kind: str, rng: Generator, target: Target, harmless: dict[str, Any], number: int, as_of: int) -> str | None:
    """A line with the fault, made from a good line of the same file."""
    lines = target.files[KINDS[kind][0]]
    base = lines[int(rng.integers(0, len(lines)))]
    if kind == "malformed":
        return base[:int(len(base) * (0.3 + 0.4 * rng.random()))]
    if kind == "not_an_object":
        return '"this line is no resource"'
    if kind == "blank_line":
        return ""
    if kind == "same_line_twice":
        return base
    if kind == "text_value":
        base = next((line for line in _around(lines, rng) if '"valueQuantity"' in line and '"unit"' in line
                     and '"component"' not in line), "")
    elif kind in ("year_2999", "before_birth", "after_death"):
        base = next(line for line in _around(lines, rng) if '"valueQuantity"' not in line and '"component"' not in line)
    elif kind == "impossible_date":
        base = next(line for line in _around(lines, rng) if "onsetDateTime" in line)
    elif kind in BROKEN_NUMBERS:
        base = next(line for line in _around(lines, rng) if "Id/nhs-number" in line)
    if not base:
        return None
    resource = json.loads(base)
    if kind == "older_version":
        old = str(resource["meta"]["lastUpdated"])
        resource["meta"]["lastUpdated"] = f"{int(old[:4]) - 1}{old[4:]}".replace("-02-29", "-02-28")
        resource["code"] = harmless
    elif kind in BROKEN_NUMBERS:
        _break_number(resource, kind)
    else:
        resource["id"] = f"fault-{number + 1}"
        _spoil(kind, resource, target, harmless, rng, as_of)
    return json.dumps(resource, ensure_ascii=False, separators=(",", ":"))


def _around(lines: list[str], rng: Generator) -> list[str]:
    start = int(rng.integers(0, len(lines)))
    return lines[start:] + lines[:start]


def _break_number(resource: dict[str, Any], kind: str) -> None:
    identifier = next(i for i in resource["identifier"] if i["system"].endswith("nhs-number"))
    value = str(identifier["value"])
    wrong = value[:9] + str((int(value[9]) + 3) % 10)
    identifier["value"] = "0000000000" if kind == "placeholder_nhs_number" else wrong


def _spoil(
    kind: str, resource: dict[str, Any], target: Target, harmless: dict[str, Any], rng: Generator, as_of: int
) -> None:
    if kind == "no_subject":
        del resource["subject"]
        resource.pop("encounter", None)
        resource.pop("context", None)
    elif kind == "unknown_patient":
        resource["subject"] = {"reference": "Patient/nobody-1"}
        resource.pop("encounter", None)
        resource.pop("context", None)
    elif kind == "no_code":
        del resource["code"]
    elif kind == "no_type":
        del resource["resourceType"]
    elif kind == "impossible_date":
        resource["onsetDateTime"] = "2023-02-30"
    elif kind == "text_value":
        quantity = resource["valueQuantity"]
        quantity["value"] = f"{quantity['value']} {quantity['unit']}"
    elif kind == "no_medication":
        resource.pop("medicationCodeableConcept", None)
        resource["medicationReference"] = {"reference": "Medication/not-sent"}
    else:
        resource["code"] = harmless
        if kind == "year_2999":
            resource["effectiveDateTime"] = "2999-01-01"
        elif kind == "before_birth":
            resource["effectiveDateTime"] = "1899-12-31"
        elif kind == "after_death":
            patient, died = target.dead[int(rng.integers(0, len(target.dead)))]
            day = iso(min(died + 15, as_of - 1))
            resource["subject"] = {"reference": f"Patient/{patient}"}
            resource["effectiveDateTime"], resource["issued"] = day, f"{day}T12:00:00+00:00"
            resource.pop("encounter", None)
            resource.pop("context", None)
