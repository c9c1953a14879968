"""The lists of one run as FHIR R4: NDJSON beside each page, one folder per audience, checked by fhir.resources on the way.

Nobody's frailty is written as a Condition, and nothing holds a probability: a score is a RiskAssessment with a band in words.
"""

from __future__ import annotations

import tomllib
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from frailty.knowledge import rules_dir
from frailty.reports.worklists import page_folder
from frailty.triage.lines import Line, ListView, Page, Worklists

if TYPE_CHECKING:
    import pandas as pd

    from frailty.scoring import Scorecard

Json = dict[str, Any]


@dataclass(frozen=True)
class Scored:
    """The score that lists rest on: its definition and its hash, one row of `scores` per person, and what made it up."""

    card: Scorecard
    definition: str
    scores: pd.DataFrame
    contributions: pd.DataFrame

    def of(self, people: set[str]) -> Iterator[tuple[str, Any, list[str]]]:
        """patient_id, row and records (Type/id) of each of these people whose score is ok."""
        rows = self.scores[self.scores["patient_id"].isin(people) & (self.scores[f"{self.card.id}_status"] == "ok")]
        made_of = self.contributions[(self.contributions["score"] == self.card.id) & self.contributions["resource"].notna()]
        records = made_of.groupby("patient_id")["resource"].agg(lambda column: sorted(set(column)))
        for row in rows.sort_values("patient_id").to_dict("records"):
            yield row["patient_id"], row, records.get(row["patient_id"], [])


def write_fhir(worklists: Worklists, scored: Scored, out: Path, version: str) -> list[Path]:
    """Writes `<audience folder>/fhir/<Type>.ndjson` for every page; returns the files.

    version: of the program. Raises pydantic's ValidationError where a resource would not be valid FHIR: a defect of ours.
    """
    written = []
    for page in worklists.pages:
        by_type: dict[str, list[str]] = {}
        for resource in _resources(worklists, page, scored, version):
            by_type.setdefault(resource["resourceType"], []).append(_checked(resource))
        folder = page_folder(out, page) / "fhir"
        folder.mkdir(parents=True, exist_ok=True)
        for kind, lines in sorted(by_type.items()):
            path = folder / f"{kind}.ndjson"
            path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
            written.append(path)
    return written


def _checked(resource: Json) -> str:
    kind = resource["resourceType"]
    model = getattr(import_module(f"fhir.resources.R4B.{kind.lower()}"), kind)    # what is used here is the same in R4
    text: str = model.model_validate(resource).model_dump_json(exclude_none=True)
    return text


def _resources(worklists: Worklists, page: Page, scored: Scored, version: str) -> Iterator[Json]:
    engine = {"resourceType": "Device", "id": _id("engine", version), "deviceName": [{"name": "frailty", "type": "model-name"}],
              "version": [{"value": version}]}
    yield engine
    by = _reference(engine)
    views = [view for view in page.lists if view.id != "everyone_else"]
    lines = [line for view in views for line in view.lines]
    risks = {}
    for patient, row, records in scored.of({line.patient_id for line in lines} - {""}):
        risks[patient] = _risk(worklists, scored, patient, row, records, by)
        yield risks[patient]
    for view in views:
        tasks = [_task(worklists, page, line, line.section, by, risks.get(line.patient_id)) for line in view.lines]
        yield from tasks
        for line, task in zip(view.lines, tasks, strict=True):
            yield _provenance(worklists, line, task, by, risks.get(line.patient_id))
            if line.warnings and line.patient_id:
                yield _flag(page, line, by)
            if page.audience == "hub" and view.id == "tasks":
                yield _issue(worklists, page, line, by)
        yield _list(worklists, page, view, tasks, by)
    for line in page.came_off:
        yield _task(worklists, page, line, "came_off", by, None)
    if page.audience == "home":
        yield _residents(page)


def _task(worklists: Worklists, page: Page, line: Line, section: str, by: Json, risk: Json | None) -> Json:
    words = _words()
    asked = line.asked and section == "now"
    notes = [words["text"]["banner"], *([words["text"]["shadow"]] if worklists.shadow else []),
             *(f"Not known: {text}" for text in line.missing), *([line.left_off] if line.left_off else [])]
    task: Json = {
        "resourceType": "Task", "id": _id("task", page.audience, page.id, line.list, line.mark),
        "groupIdentifier": {"system": _system("case"), "value": _id("case", line.mark)},
        "status": words["status"]["asked" if asked else section],
        "businessStatus": _own("queue-state", words["business_status"][section]),
        "intent": "order" if line.asked else "proposal",
        "code": _own("queue", line.list), "authoredOn": str(line.first_listed or worklists.as_of),
        "lastModified": str(worklists.as_of), "note": [{"text": text} for text in notes],
        "input": [{"type": {"text": "reason"}, "valueString": why} for why in line.why]
                 + ([{"type": {"text": "priority level"}, "valueString": line.priority}] if line.priority else []),
    }
    if line.asks:
        task["description"] = line.asks
    if line.priority:
        task["priority"] = words["priority"][line.priority]
    if line.why:
        task["statusReason" if section == "came_off" else "reasonCode"] = {"text": line.why[0]}
    if line.due:
        task["restriction"] = {"period": {"end": str(line.due)}}
    if line.patient_id:
        task["for"] = _patient(line.patient_id, line.card.nhs_number)
    if line.asked:
        task["requester"] = {"display": line.by}
    else:
        task["requester"] = by
    if risk:
        task["basedOn"] = [_reference(risk)]
    return task


def _risk(worklists: Worklists, scored: Scored, patient: str, row: Mapping[str, Any], records: Sequence[str], by: Json) -> Json:
    card = scored.card
    of = f" of {card.of:g}" if card.divide_by else ""
    return {
        "resourceType": "RiskAssessment", "id": _id("risk", card.id, patient, str(worklists.as_of)), "status": "final",
        "method": {"coding": [{"system": _system("score"), "code": card.id, "version": card.version, "display": card.title}],
                   "text": f"{card.title}; definition {scored.definition}"},
        "subject": {"reference": f"Patient/{patient}"}, "occurrenceDateTime": str(worklists.as_of), "performer": by,
        **({"basis": [{"reference": record} for record in records]} if records else {}),
        "prediction": [{"qualitativeRisk": _own("band", row[f"{card.id}_band"]),
                        "rationale": f"{row[f'{card.id}_points']:g}{of} points, suggested by the records; not confirmed by this"}],
        "note": [{"text": _words()["text"]["banner"]}]
                + ([{"text": "The record is thin: a low score says little."}] if row.get("thin_record") else []),
    }


def _provenance(worklists: Worklists, line: Line, task: Json, by: Json, risk: Json | None) -> Json:
    rules = [_system("rule") + "/" + rule.replace(" v", "|") for rule in line.rules]
    return {"resourceType": "Provenance", "id": _id("provenance", task["id"], str(worklists.as_of)), "target": [_reference(task)],
            "occurredDateTime": str(worklists.as_of), "recorded": f"{worklists.as_of}T00:00:00Z",
            "policy": [*rules, f"{_system('rules')}|{worklists.rules_hash}"], "agent": [{"who": by}],
            **({"entity": [{"role": "source", "what": _reference(risk)}]} if risk else {})}


def _flag(page: Page, line: Line, by: Json) -> Json:
    return {"resourceType": "Flag", "id": _id("flag", page.audience, page.id, line.list, line.mark), "status": "active",
            "category": [_own("flag", "read-first")], "code": {"text": _words()["text"]["warning"]},
            "subject": _patient(line.patient_id, line.card.nhs_number), "author": by}


def _issue(worklists: Worklists, page: Page, line: Line, by: Json) -> Json:
    return {"resourceType": "DetectedIssue", "id": _id("issue", page.id, line.list, line.mark), "status": "preliminary",
            "code": {"text": line.asks}, "severity": "moderate", "identifiedDateTime": str(worklists.as_of), "author": by,
            "detail": "; ".join(line.why) or line.asks,
            **({"patient": _patient(line.patient_id, line.card.nhs_number)} if line.patient_id else {})}


def _list(worklists: Worklists, page: Page, view: ListView, tasks: Sequence[Json], by: Json) -> Json:
    entries = [{"item": _reference(task), "flag": {"text": line.status}, "date": str(line.first_listed or worklists.as_of)}
               for line, task in zip(view.lines, tasks, strict=True)]
    empty = {"emptyReason": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/list-empty-reason", "code": "nilknown"}]}}
    return {"resourceType": "List", "id": _id("list", page.audience, page.id, view.id, str(worklists.as_of)), "status": "current",
            "mode": "snapshot", "title": f"{page.title}: {view.title}", "code": _own("queue", view.id), "source": by,
            "date": str(worklists.as_of), "orderedBy": {"coding": [
                {"system": "http://terminology.hl7.org/CodeSystem/list-order", "code": "priority"}]},
            "note": [{"text": _words()["text"]["banner"]}], **({"entry": entries} if entries else empty)}


def _residents(page: Page) -> Json:
    people = {line.patient_id: line.card.nhs_number for view in page.lists for line in view.lines if line.patient_id}
    return {"resourceType": "Group", "id": _id("group", page.audience, page.id), "type": "person", "actual": True,
            "name": page.title, "quantity": len(people),
            "member": [{"entity": _patient(patient, number)} for patient, number in sorted(people.items())]}


# ---- words and names

@cache
def _words() -> dict[str, Any]:
    with (rules_dir() / "fhir" / "out.toml").open("rb") as stream:
        return tomllib.load(stream)


def _id(*parts: str) -> str:
    """The same from night to night, so that a receiver updates what it has; it says nothing about anybody."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, "|".join((_words()["base"], *parts))))


def _system(name: str) -> str:
    return f"{_words()['base']}/CodeSystem/{name}"


def _own(system: str, code: str) -> Json:
    return {"coding": [{"system": _system(system), "code": code}]}


def _reference(resource: Json) -> Json:
    return {"reference": f"{resource['resourceType']}/{resource['id']}"}


def _patient(patient_id: str, nhs_number: str) -> Json:
    known = {"identifier": {"system": _words()["nhs_number"], "value": nhs_number}} if nhs_number else {}
    return {"reference": f"Patient/{patient_id}", **known}
