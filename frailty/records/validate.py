"""`--validate`: every resource held against FHIR's own models. Slow; it finds faults and changes no result."""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib import import_module
from typing import Any

from frailty.records.careful import Quarantined
from frailty.records.files import RecordFile, Source, open_bytes
from frailty.records.stage import Progress

_CONTEXT_ONLY_IN_STU3 = ("Condition", "Observation", "Procedure", "MedicationRequest")
_STU3_TYPES = ("ProcedureRequest", "ReferralRequest", "DeviceComponent", "ImagingManifest", "EligibilityRequest")
PART = "FHIR"


def validate(source: Source, progress: Progress) -> list[Quarantined]:
    """One line for each resource that its release's model refuses: where, which element and why, never its content.

    R4 is checked with the R4B models (there are none of R4), STU3 with STU3's.
    """
    faults = []
    files = [file for file in source.files if file.form in ("ndjson", "json")]
    for done, file in enumerate(files):
        progress(f"validating {source.name}", done, len(files))
        for line, resource in _resources(file):
            reason = _fault(resource)
            if reason:
                faults.append(Quarantined(source.shown(file), line, str(resource["resourceType"]), reason, PART))
    return faults


def _resources(file: RecordFile) -> Iterator[tuple[int, dict[str, Any]]]:
    try:
        if file.form == "ndjson":
            with open_bytes(file.path) as stream:
                for number, raw in enumerate(stream, 1):
                    yield from _opened(number, raw)
        else:
            with open_bytes(file.path) as stream:
                yield from _opened(1, stream.read())
    except (OSError, EOFError):
        return                                           # the reader has already said that it cannot be opened


def _opened(line: int, raw: bytes) -> Iterator[tuple[int, dict[str, Any]]]:
    try:
        document = json.loads(raw)
    except ValueError:
        return                                           # likewise
    for one in document if isinstance(document, list) else [document]:
        if not isinstance(one, dict) or not isinstance(one.get("resourceType"), str):
            continue
        if one["resourceType"] == "Bundle":
            for entry in one.get("entry") or []:
                if isinstance(entry, dict) and isinstance(entry.get("resource"), dict):
                    yield from _opened(line, json.dumps(entry["resource"]).encode())
        else:
            yield line, one


def _fault(resource: dict[str, Any]) -> str:
    from pydantic import ValidationError
    release = _release(resource)
    package = import_module(f"fhir.resources.{release}")
    try:
        model = package.get_fhir_model_class(resource["resourceType"])
    except KeyError:
        return f"FHIR {release} knows no such resource type"
    try:
        model.model_validate(resource)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(step) for step in first["loc"]) or "the resource"
        return f"not valid FHIR {release}: {where}: {first['type'].replace('_', ' ')}"
    except (TypeError, ValueError, AttributeError):
        return f"not valid FHIR {release}: the model cannot read it"
    return ""


def _release(resource: dict[str, Any]) -> str:
    profiles = json.dumps((resource.get("meta") or {}).get("profile", "")) if isinstance(resource.get("meta"), dict) else ""
    plain = isinstance(resource.get("clinicalStatus"), str) or isinstance(resource.get("verificationStatus"), str)
    stu3 = "STU3" in profiles or "CareConnect" in profiles or plain or resource["resourceType"] in _STU3_TYPES \
        or ("context" in resource and resource["resourceType"] in _CONTEXT_ONLY_IN_STU3) or "taken" in resource or "assertedDate" in resource
    return "STU3" if stu3 else "R4B"
