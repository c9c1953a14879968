"""Outcomes that came back as FHIR Task resources: who, which queue, what, when, by whom."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from frailty.errors import RecordsError

DONE = ("completed", "rejected", "cancelled", "failed")


@dataclass(frozen=True)
class TaskAnswer:
    """A Task that is over and carries an outcome. Texts as they stand in the resource; '' where it says nothing."""

    patient: str
    nhs_number: str
    queue: str
    outcome: str
    on: str
    by: str
    review_on: str
    note: str
    line: int


def read_tasks(file: Path) -> list[TaskAnswer]:
    """Task resources of a JSON or NDJSON file, alone or in bundles, that are over and have an output of the type outcome."""
    try:
        text = file.read_text(encoding="utf-8-sig")
        lines = text.splitlines() if file.suffix.lower() == ".ndjson" else [text]
        found = [(number, one) for number, line in enumerate(lines, 1) if line.strip() for one in _resources(json.loads(line))]
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise RecordsError("This is not JSON that can be read.", where=file.name, why=type(error).__name__,
                           mend="save the Task resources as JSON or NDJSON, UTF-8") from None
    made = []
    for number, task in found:
        outcome = _outcome(task)
        if task.get("resourceType") == "Task" and task.get("status") in DONE and outcome:
            whom, period = _dict(task.get("for")), _dict(task.get("executionPeriod"))
            owner = _dict(task.get("owner"))
            notes = [str(one.get("text", "")) for one in _list(task.get("note")) if isinstance(one, dict)]
            made.append(TaskAnswer(
                str(whom.get("reference", "")).removeprefix("Patient/"), str(_dict(whom.get("identifier")).get("value", "")),
                _code(task.get("code")), outcome, str(period.get("end") or task.get("lastModified") or "")[:10],
                str(owner.get("display") or owner.get("reference") or ""),
                str(_dict(_dict(task.get("restriction")).get("period")).get("start", ""))[:10], "; ".join(notes), number))
    return made


def _resources(one: Any) -> Iterator[dict[str, Any]]:
    """The resource itself, or those in a bundle."""
    if not isinstance(one, dict):
        return
    if one.get("resourceType") != "Bundle":
        yield one
        return
    for entry in _list(one.get("entry")):
        yield from _resources(_dict(entry).get("resource"))


def _outcome(task: dict[str, Any]) -> str:
    for output in _list(task.get("output")):
        kind = _dict(output).get("type")
        if "outcome" in (_code(kind), str(_dict(kind).get("text", "")).casefold()):
            return _code(output.get("valueCodeableConcept")) or str(output.get("valueCode") or output.get("valueString") or "")
    return ""


def _code(concept: Any) -> str:
    return next((str(one["code"]) for one in _list(_dict(concept).get("coding")) if isinstance(one, dict) and one.get("code")), "")


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
