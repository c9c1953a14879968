"""The careful reader: any JSON that holds FHIR resources, one resource at a time.

The bulk path reads typed columns at full speed; whatever it cannot read (bundles, odd shapes, broken lines) comes
here, is opened and mended where the intention is plain, and goes back as one resource a line. What cannot be used is
quarantined with its file, line and reason.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from frailty.records.files import RecordFile, open_bytes
from frailty.records.shapes import CONCEPT, QUANTITY, REFERENCE, TYPES

_LINES_TRIED = 100                       # to find out whether a broken file is one resource a line
_REFERENCES = ("subject", "patient", "encounter", "context", "medicationReference", "managingOrganization",
               "serviceProvider", "individual", "partOf", "for")


@dataclass
class Quarantined:
    """One thing that could not be used. part: the unusable part of a record that was used otherwise."""

    file: str
    line: int | None
    resource_type: str
    reason: str
    part: str = ""


@dataclass
class CarefulReader:
    """Writes resources as lines, one file a type, below `folder`; counts all it read by type."""

    folder: Path
    first_scope: int = 0
    read: Counter[str] = field(default_factory=Counter)
    not_needed: Counter[str] = field(default_factory=Counter)
    used_containers: Counter[str] = field(default_factory=Counter)
    quarantined: list[Quarantined] = field(default_factory=list)
    deleted: list[tuple[str, str, str]] = field(default_factory=list)
    notes: Counter[str] = field(default_factory=Counter)
    _streams: dict[str, IO[str]] = field(default_factory=dict)
    _scope: int = field(init=False)

    def __post_init__(self) -> None:
        self._scope = self.first_scope                   # number of the bundle (or file) that is being read

    def close(self) -> dict[str, Path]:
        """Ends writing; the files by resource type."""
        for stream in self._streams.values():
            stream.close()
        return {kind: Path(stream.name) for kind, stream in self._streams.items()}

    # ---- files

    def file(self, file: RecordFile, shown: str, number: int) -> None:
        """Reads a whole file in whatever form."""
        if file.form == "xml":
            self._refuse(shown, None, "FHIR XML is not read; ask the sender for FHIR JSON or Bulk Data NDJSON")
            return
        if file.form == "empty":
            self.notes["empty files"] += 1
            return
        text = self._text(file, shown)
        if text is None:
            return
        documents = list(self._documents(text, shown))
        newest = _newest_date(text)
        for line, document in documents:
            self._top(document, shown, line, number, "", newest)

    def lines(self, file: RecordFile, shown: str, number: int, ordinals: set[int]) -> None:
        """Reads only the given non-blank lines (counted from 0) of an NDJSON file."""
        ordinal, last = -1, max(ordinals)
        with open_bytes(file.path) as stream:
            for line, raw in enumerate(stream, 1):
                if raw.isspace():
                    continue
                ordinal += 1
                if ordinal > last:
                    break
                if ordinal not in ordinals:
                    continue
                text = raw.decode("utf-8", "replace").lstrip("\ufeff")
                try:
                    document = self._line(text)
                except ValueError as error:
                    self.read["(unreadable)"] += 1
                    self._bad(shown, line, "(unreadable)", _json_reason(error))
                    continue
                self._top(document, shown, line, number, "", _newest_date(text))

    def _text(self, file: RecordFile, shown: str) -> str | None:
        try:
            with open_bytes(file.path) as stream:
                raw = stream.read()
        except (OSError, EOFError) as error:
            self._refuse(shown, None, f"the file cannot be unpacked or opened ({type(error).__name__}); send it again")
            return None
        if raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
            self.notes["UTF-16 files"] += 1
            return raw.decode("utf-16", "replace")
        try:
            return raw.decode("utf-8-sig")
        except UnicodeDecodeError:
            self.notes["files that are not UTF-8 (read as Windows-1252)"] += 1
            return raw.decode("cp1252", "replace")

    def _documents(self, text: str, shown: str) -> Iterator[tuple[int, Any]]:
        try:
            yield 1, _loads(text)
            return
        except ValueError as error:
            whole = error
        lines = text.splitlines()
        filled = [(number, line) for number, line in enumerate(lines, 1) if line.strip()]
        if len(filled) > 1 and any(_is_resource(line) for _, line in filled[:_LINES_TRIED]):
            for number, line in filled:
                try:
                    yield number, self._line(line)
                except ValueError as error:
                    self.read["(unreadable)"] += 1
                    self._bad(shown, number, "(unreadable)", _json_reason(error))
            return
        try:
            document = _loads(_plain_json(text))
        except ValueError:
            self._refuse(shown, getattr(whole, "lineno", None), _json_reason(whole))
            return
        self.notes["files with comments or trailing commas"] += 1
        yield 1, document

    def _line(self, line: str) -> Any:
        try:
            return _loads(line)
        except ValueError:
            plain = _plain_json(line)
            if plain == line or not plain.strip():
                raise
            document = _loads(plain)
            self.notes["lines with comments or trailing commas"] += 1
            return document

    # ---- resources

    def _top(self, document: Any, shown: str, line: int, number: int, time: str, newest: str) -> None:
        if isinstance(document, list):
            for one in document:
                self._top(one, shown, line, number, time, newest)
            return
        kind = document.get("resourceType") if isinstance(document, dict) else None
        if not isinstance(kind, str) or not kind:
            self.read["(unreadable)"] += 1
            reason = "an object without resourceType" if isinstance(document, dict) else "not a FHIR resource"
            self._bad(shown, line, "(unreadable)", f"{reason}; nothing here to read")
            return
        self._scope += 1
        self._resource(document, kind, (number, line, shown, self._scope, time, newest), {}, "")

    def _resource(self, resource: dict[str, Any], kind: str, place: tuple[int, int, str, int, str, str],
                  urls: dict[str, str], full_url: str) -> None:
        self.read[kind] += 1
        if kind == "Bundle":
            self._bundle(resource, place)
        elif kind == "Parameters":
            self.used_containers[kind] += 1
            self._parameters(resource.get("parameter"), place)
        elif kind not in TYPES:
            self.not_needed[kind] += 1
        else:
            self._write(resource, kind, place, urls, full_url)

    def _bundle(self, bundle: dict[str, Any], place: tuple[int, int, str, int, str, str]) -> None:
        number, line, shown, _, time, newest = place
        self.used_containers["Bundle"] += 1
        self._scope += 1
        meta = bundle.get("meta")
        time = _text(bundle.get("timestamp")) or (_text(meta.get("lastUpdated")) if isinstance(meta, dict) else "") or time
        inner = (number, line, shown, self._scope, time, newest)
        raw = bundle.get("entry")
        entries = [e for e in raw if isinstance(e, dict)] if isinstance(raw, list) else [raw] if isinstance(raw, dict) else []
        urls: dict[str, str] = {}
        for entry in entries:
            resource, url = entry.get("resource"), entry.get("fullUrl")
            if isinstance(resource, dict) and isinstance(url, str) and isinstance(resource.get("resourceType"), str):
                identity = _text(resource.get("id")) or url.rsplit("/", 1)[-1].rsplit(":", 1)[-1]
                urls[url] = f"{resource['resourceType']}/{identity}"
        for entry in entries:
            resource, request = entry.get("resource"), entry.get("request")
            if isinstance(resource, dict) and isinstance(resource.get("resourceType"), str):
                self._resource(resource, resource["resourceType"], inner, urls, _text(entry.get("fullUrl")))
            elif isinstance(request, dict) and _text(request.get("method")).upper() == "DELETE":
                kind, _, identity = _text(request.get("url")).partition("?")[0].rpartition("/")
                kind = kind.rsplit("/", 1)[-1] or identity      # Type?identifier=... names no single resource
                response = entry.get("response")
                when = _text(response.get("lastModified")) if isinstance(response, dict) else ""
                self.deleted.append((kind, identity, when or time))
            elif resource is not None:
                self.read["(unreadable)"] += 1
                self._bad(shown, line, "(unreadable)", "a Bundle entry whose resource has no resourceType")

    def _parameters(self, parameters: Any, place: tuple[int, int, str, int, str, str]) -> None:
        for one in parameters if isinstance(parameters, list) else []:
            if not isinstance(one, dict):
                continue
            resource = one.get("resource")
            if isinstance(resource, dict) and isinstance(resource.get("resourceType"), str):
                self._resource(resource, resource["resourceType"], place, {}, "")
            self._parameters(one.get("part"), place)

    def _write(self, resource: dict[str, Any], kind: str, place: tuple[int, int, str, int, str, str],
               urls: dict[str, str], full_url: str) -> None:
        number, line, shown, scope, time, newest = place
        mended = _mend(resource)
        if mended:
            self._bad(shown, line, kind, "an element had another shape than FHIR gives it; read as intended", mended)
        if not resource.get("id"):
            tail = full_url.rsplit("/", 1)[-1].rsplit(":", 1)[-1]
            resource["id"] = tail or "no-id-" + hashlib.sha256(
                json.dumps(resource, sort_keys=True).encode()).hexdigest()[:16]
        _resolve(resource, urls)
        resource["_p"] = {"file": number, "line": line, "scope": scope, "time": time or None, "newest": newest or None,
                          "url": full_url or None}
        stream = self._streams.get(kind)
        if stream is None:
            # Half of a surrogate pair cannot be written; it becomes a question mark.
            stream = self._streams[kind] = (self.folder / f"{kind}.ndjson").open("w", encoding="utf-8", errors="replace")
        stream.write(json.dumps(resource, ensure_ascii=False, separators=(",", ":")) + "\n")

    def _refuse(self, shown: str, line: int | None, reason: str) -> None:
        self.read["(file)"] += 1
        self._bad(shown, line, "(file)", reason)

    def _bad(self, shown: str, line: int | None, kind: str, reason: str, part: str = "") -> None:
        self.quarantined.append(Quarantined(shown, line, kind, reason, part))


def _loads(text: str) -> Any:
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def _is_resource(line: str) -> bool:
    try:
        document = _loads(line)
    except ValueError:
        return False
    return isinstance(document, dict) and "resourceType" in document


def _json_reason(error: ValueError) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"not valid JSON: {error.msg[0].lower()}{error.msg[1:]} at column {error.colno}; export it again"
    return "not valid JSON; export it again"


def _text(value: Any) -> str:
    return value if isinstance(value, str) else str(value) if isinstance(value, (int, float)) else ""


def _mend(resource: dict[str, Any]) -> str:
    """Puts the elements that are read into the shape FHIR gives them, where that is plain; names what it changed."""
    changed = []
    for key, shape in TYPES[resource["resourceType"]].items():
        value = resource.get(key)
        if value is None:
            continue
        if shape == "VARCHAR" and isinstance(value, (int, float)) and not isinstance(value, bool):
            value = str(value)
        elif shape.endswith("[]") and isinstance(value, dict):
            value = [value]
        elif shape.startswith("STRUCT") and not shape.endswith("[]"):
            if isinstance(value, list) and value and isinstance(value[0], dict):
                value = value[0]
            elif isinstance(value, str) and shape == REFERENCE:
                value = {"reference": value}
            if isinstance(value, dict) and shape == CONCEPT:
                value = _mend_codings(value)
            elif isinstance(value, dict) and shape == QUANTITY:
                value = _mend_number(value)
        if value is not resource[key]:
            resource[key] = value
            changed.append(key)
    return ", ".join(changed)


def _mend_number(quantity: dict[str, Any]) -> dict[str, Any]:
    """A number in words: a plain number is taken, anything else is set aside (the record stays)."""
    said = quantity.get("value")
    if not isinstance(said, str):
        return quantity
    try:
        return quantity | {"value": float(said)}
    except ValueError:
        return {key: value for key, value in quantity.items() if key != "value"}


def _mend_codings(concept: dict[str, Any]) -> dict[str, Any]:
    codings = concept.get("coding")
    if isinstance(codings, dict):
        return _mend_codings(concept | {"coding": [codings]})
    if isinstance(codings, list) and any(isinstance(c, dict) and isinstance(c.get("code"), (int, float)) for c in codings):
        return concept | {"coding": [c | {"code": _text(c.get("code"))} if isinstance(c, dict) else c for c in codings]}
    return concept


def _resolve(resource: dict[str, Any], urls: dict[str, str]) -> None:
    """Points references to a contained resource or to an entry of the same Bundle at what they mean."""
    contained = {_text(one.get("id")): one for one in resource.get("contained") or [] if isinstance(one, dict)}
    for key in _REFERENCES:
        value = resource.get(key)
        if not isinstance(value, dict) or not isinstance(value.get("reference"), str):
            continue
        target = value["reference"]
        if target in urls:
            value["reference"] = urls[target]
        elif target.startswith("#"):
            _inline(resource, key, contained.get(target[1:]))
    for one in resource.get("diagnosis") or []:
        if isinstance(one, dict):
            for key in ("condition", "reference"):
                value = one.get(key)
                if isinstance(value, dict) and value.get("reference") in urls:
                    value["reference"] = urls[value["reference"]]


def _inline(resource: dict[str, Any], key: str, target: dict[str, Any] | None) -> None:
    if target is None:
        return
    if key == "medicationReference" and isinstance(target.get("code"), dict):
        resource["medicationCodeableConcept"] = target["code"]
        del resource[key]
    elif key in ("subject", "patient"):
        identifiers = target.get("identifier")
        first = identifiers[0] if isinstance(identifiers, list) and identifiers else identifiers
        if isinstance(first, dict):
            resource[key] = {"identifier": {"system": first.get("system"), "value": first.get("value")}}


def _plain_json(text: str) -> str:
    """JSON without comments and trailing commas; strings stay as they are."""
    token = re.compile(r'"(?:\\.|[^"\\])*"|//[^\n]*|/\*.*?\*/|,(?=\s*(?://[^\n]*\s*|/\*.*?\*/\s*)*[}\]])', re.S)
    return token.sub(lambda m: m.group() if m.group().startswith('"') else "", text)


def _newest_date(text: str) -> str:
    """The newest clinical date that stands in a text, to order versions that carry no other sign of age."""
    dates = re.findall(r'"(?:issued|recordedDate|assertedDate|authoredOn|dateAsserted|date)"\s*:\s*"(\d{4}-\d\d-\d\d)',
                       text)
    return max(dates, default="")
