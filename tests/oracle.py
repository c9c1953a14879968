"""A second, slow and plain calculation of the eFI, written from the definition and from nothing else.

It shares no code with the library: standard library only, one dictionary at a time. The library's results
are held against it in `test_real_records.py`, and it is held against hand-worked cases in `test_oracle.py`.
What it takes from `rules/` is data only: code lists, quantities, medicine names, code system aliases. The
thresholds of the value rules stand in `oracle_values.csv`, apart from the scorecard that they check.

    python tests/oracle.py FOLDER [--as-of 2024-01-01]     prints what it finds
"""

from __future__ import annotations

import argparse
import csv
import datetime as dt
import gzip
import hashlib
import json
import re
import sys
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

RULES = Path(__file__).resolve().parent.parent / "rules"
VALUE_RULES = Path(__file__).resolve().parent / "oracle_values.csv"
LONDON = ZoneInfo("Europe/London")
EARLIEST_YEAR = 1850  # a date before this is a slip of the pen, not a date
POLYPHARMACY_AT_LEAST = 5
POLYPHARMACY_MONTHS = 12

Json = dict[str, Any]


# ----------------------------------------------------------------------------------------------------------
# Dates
# ----------------------------------------------------------------------------------------------------------

_DATE = re.compile(
    r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d)(?:\.\d+)?)?\s*(Z|[+-]\d\d:\d\d)?)?)?)?"
)


class Span(NamedTuple):
    """The first and the last day that a FHIR date can mean, in Europe/London."""

    first: dt.date
    last: dt.date


def span(text: Any) -> Span | None:
    """`2020` is the whole year, `2020-03` the month; an instant is the day it fell on in London."""
    if not isinstance(text, str):
        return None
    match = _DATE.fullmatch(text.strip())
    if match is None:
        return None
    year, month, day, hour, minute, second, zone = match.groups()
    if int(year) < EARLIEST_YEAR:
        return None
    try:
        if month is None:
            return Span(dt.date(int(year), 1, 1), dt.date(int(year), 12, 31))
        if day is None:
            first = dt.date(int(year), int(month), 1)
            return Span(first, add_months(first, 1) - dt.timedelta(days=1))
        date = dt.date(int(year), int(month), int(day))
        if hour is None or zone is None:
            return Span(date, date)
        time = dt.time(int(hour), int(minute), min(int(second or 0), 59), tzinfo=_zone(zone))
        local = dt.datetime.combine(date, time).astimezone(LONDON).date()
        return Span(local, local)
    except (ValueError, OverflowError):
        return None


def _zone(text: str) -> dt.timezone:
    if text == "Z":
        return dt.UTC
    sign = -1 if text[0] == "-" else 1
    return dt.timezone(sign * dt.timedelta(hours=int(text[1:3]), minutes=int(text[4:6])))


def instant(text: Any) -> float:
    """Seconds since 1970, for telling which of two versions is newer; -inf where there is none."""
    if not isinstance(text, str):
        return float("-inf")
    try:
        moment = dt.datetime.fromisoformat(text.strip())
    except ValueError:
        return float("-inf")
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=LONDON)
    return (moment - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)).total_seconds()


def add_months(date: dt.date, months: int) -> dt.date:
    """Calendar months; the 31st becomes the last day of a shorter month."""
    index = date.year * 12 + date.month - 1 + months
    year, month = divmod(index, 12)
    month += 1
    for day in range(date.day, 27, -1):
        try:
            return dt.date(year, month, day)
        except ValueError:
            continue
    return dt.date(year, month, date.day)


# ----------------------------------------------------------------------------------------------------------
# Reading files
# ----------------------------------------------------------------------------------------------------------


class Unreadable(NamedTuple):
    file: str
    line: int
    reason: str


@dataclass(eq=False)
class Item:
    """One resource as it was met: where, in which Bundle, and what it says."""

    source: int
    scope: int  # documents (a Bundle, a line) are numbered; resources of one Bundle share the number
    file: str
    full_url: str | None
    resource: Json
    bundle_time: float
    file_newest: dt.date = dt.date.min
    id: str = ""

    @property
    def type(self) -> str:
        return str(self.resource.get("resourceType"))


def text_of(path: Path) -> tuple[str, str | None]:
    """The text of a file, and what was wrong with it if anything was."""
    raw = path.read_bytes()
    trouble = None
    if raw[:2] == b"\x1f\x8b":
        whole = zlib.decompressobj(wbits=31)
        try:
            raw = gzip.decompress(raw)
        except (OSError, EOFError, zlib.error):
            trouble = "the compressed file breaks off"
            try:
                raw = whole.decompress(raw)
            except zlib.error:
                return "", trouble
    if raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return raw.decode("utf-16", "replace"), trouble
    return raw.decode("utf-8-sig", "replace"), trouble


def documents(path: Path, unreadable: list[Unreadable]) -> Iterator[tuple[int, Any]]:
    """Every JSON document in a file with its line: the file as a whole, or else line by line."""
    name = path.name
    bare = name.lower().removesuffix(".gz")
    if bare.endswith(".xml"):
        unreadable.append(Unreadable(name, 0, "FHIR XML is not read; ask for JSON"))
        return
    if not bare.endswith((".json", ".ndjson", ".jsonl")):
        return
    text, trouble = text_of(path)
    if trouble:
        unreadable.append(Unreadable(name, 0, trouble))
    if not text.strip():
        return
    try:
        yield 1, json.loads(text)
        return
    except (ValueError, RecursionError) as error:
        if "\n" not in text.strip():
            unreadable.append(Unreadable(name, 1, f"not JSON: {error}"))
            return
    rows: list[tuple[int, Any]] = []
    bad: list[Unreadable] = []
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except (ValueError, RecursionError) as error:
            bad.append(Unreadable(name, number, f"not JSON: {error}"))
            continue
        if isinstance(value, dict):
            rows.append((number, value))
        else:
            bad.append(Unreadable(name, number, "not an object"))
    if rows:
        unreadable.extend(bad)
        yield from rows
    else:
        unreadable.append(Unreadable(name, 1, "not JSON, neither as a whole nor line by line"))


def dicts(value: Any) -> list[Json]:
    """A list of objects, however it is written: null, one object, or a list with rubbish in it."""
    if isinstance(value, dict):
        return [value]
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []


def one(value: Any) -> Json:
    """An object, or the first of a list of them, or an empty one."""
    found = dicts(value)
    return found[0] if found else {}


# ----------------------------------------------------------------------------------------------------------
# NHS numbers and people
# ----------------------------------------------------------------------------------------------------------

NHS_OID = "urn:oid:2.16.840.1.113883.2.1.4.1"


def nhs_number(value: Any) -> str | None:
    """Ten digits with a true check digit, not a placeholder of one repeated digit; else None."""
    digits = re.sub(r"[\s-]", "", str(value)) if isinstance(value, str | int) else ""
    if not re.fullmatch(r"\d{10}", digits) or len(set(digits)) == 1:
        return None
    total = sum(int(digit) * (10 - place) for place, digit in enumerate(digits[:9]))
    check = (11 - total % 11) % 11
    return digits if check == int(digits[9]) else None


def is_nhs_system(system: Any) -> bool:
    text = str(system).strip().lower()
    return text == NHS_OID or text.rstrip("/").endswith("/nhs-number")


def identity(patient: Json) -> tuple[str | None, str | None, str | None]:
    """(valid NHS number, birth date as written, sex)."""
    number = None
    for identifier in dicts(patient.get("identifier")):
        if number is None and is_nhs_system(identifier.get("system")):
            number = nhs_number(identifier.get("value"))
    birth = patient.get("birthDate")
    born = birth.strip() if isinstance(birth, str) and span(birth) else None
    sex = patient.get("gender")
    return number, born, sex.strip().lower() if isinstance(sex, str) and sex.strip() else None


def may_be_one(a: tuple[str | None, ...], b: tuple[str | None, ...]) -> bool:
    """Two Patient resources under one id: the same patient unless what they say of themselves forbids it."""
    if a[0] and b[0]:
        return a[0] == b[0]  # the same NHS number under the same id: a correction of the rest
    births_agree = not a[1] or not b[1] or a[1].startswith(b[1]) or b[1].startswith(a[1])
    sexes_agree = not a[2] or not b[2] or a[2] == b[2] or "unknown" in (a[2], b[2])
    return births_agree and sexes_agree


@dataclass(eq=False)
class Cluster:
    """Patient resources of one source and one id that are versions of one patient."""

    source: int
    id: str
    items: list[Item] = field(default_factory=list)

    @property
    def newest(self) -> Item:
        return max(self.items, key=newness)


@dataclass(eq=False)
class Person:
    key: str
    patient_ids: tuple[str, ...]
    nhs_number: str | None
    birth_date: str | None
    sex: str | None
    clash: bool = False  # the NHS number is also used with another birth date or sex


def version_key(value: Any) -> tuple[int, str]:
    text = str(value) if isinstance(value, str | int) else ""
    return (int(text), text) if text.isdigit() else (-1, text)


def newness(item: Item) -> tuple[Any, ...]:
    meta = one(item.resource.get("meta"))
    content = json.dumps(item.resource, sort_keys=True, ensure_ascii=False)
    return (
        instant(meta.get("lastUpdated")),
        version_key(meta.get("versionId")),
        item.bundle_time,
        item.file_newest,
        hashlib.sha256(content.encode()).hexdigest(),
    )


# ----------------------------------------------------------------------------------------------------------
# What a record says
# ----------------------------------------------------------------------------------------------------------

COUNTED = ("Condition", "Procedure", "Observation")
RECORDED = ("recordedDate", "assertedDate", "issued", "authoredOn", "dateAsserted")


def codes_of(concept: Any) -> list[str]:
    """The plain codes of a CodeableConcept, or of a status that is just a string (STU3)."""
    if isinstance(concept, str):
        return [concept.strip().lower()]
    found: list[str] = []
    for part in dicts(concept):
        found += [str(coding.get("code")).strip().lower() for coding in dicts(part.get("coding"))]
        if not dicts(part.get("coding")) and isinstance(part.get("text"), str):
            found.append(part["text"].strip().lower())
    return found


def never_counts(resource: Json) -> bool:
    """Entered in error, refuted, not done."""
    kind, status = resource.get("resourceType"), codes_of(resource.get("status"))
    if "entered-in-error" in status:
        return True
    if kind == "Condition":
        verification = codes_of(resource.get("verificationStatus"))
        return "entered-in-error" in verification or "refuted" in verification
    if kind == "Procedure":
        return bool({"not-done", "preparation"} & set(status)) or resource.get("notDone") is True
    return "cancelled" in status


EFFECTIVE = {
    "Condition": ("onsetDateTime", "onsetPeriod"),
    "Procedure": ("performedDateTime", "performedPeriod", "occurrenceDateTime", "occurrencePeriod"),
    "Observation": ("effectiveDateTime", "effectivePeriod", "effectiveInstant"),
}


def period(value: Any) -> Span | None:
    """First day of the start, last day of the end; one of them may be missing."""
    start, end = span(one(value).get("start")), span(one(value).get("end"))
    if start is None and end is None:
        return None
    first = start.first if start else end.first  # type: ignore[union-attr]
    last = end.last if end else start.last  # type: ignore[union-attr]
    return Span(first, max(first, last))


class Measure(NamedTuple):
    codes: frozenset[tuple[str, str]]
    value: float
    unit: tuple[str, ...]  # spellings given, most formal first; empty = no unit
    comparator: str


@dataclass(eq=False)
class Event:
    person: int
    record: tuple[Any, ...]
    effective: dt.date
    recorded: dt.date
    present: frozenset[tuple[str, str]]
    measures: list[Measure]
    deficits: set[str] = field(default_factory=set)


@dataclass(eq=False)
class Drug:
    person: int
    source: int
    record: tuple[Any, ...]
    effective: dt.date
    recorded: dt.date
    plan: bool
    substance: str


# ----------------------------------------------------------------------------------------------------------
# Rules, as data
# ----------------------------------------------------------------------------------------------------------


def table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as handle:
        return list(csv.DictReader(handle))


class Terms:
    """Code lists, quantities, medicine names, as they stand in `rules/`."""

    def __init__(self, rules: Path = RULES) -> None:
        self.alias: dict[str, str] = {}
        self.kind: dict[str, str] = {}
        for row in table(rules / "terminology" / "systems.csv"):
            self.alias[row["alias"].strip()] = row["uri"]
            self.alias[row["uri"].strip()] = row["uri"]
            self.kind[row["uri"]] = row["kind"]
        self.deficits: dict[str, dict[str, Any]] = {}
        for path in sorted((rules / "codelists" / "efi").glob("*.csv")):
            self.deficits[path.stem] = self.codelist(path)
        answers = table(rules / "records" / "negative_answers.csv")
        self.no_texts = {row["text"].strip().casefold() for row in answers if row["text"]}
        self.no_codes = {(self.system(row["system"]), row["code"]) for row in answers if row["code"]}
        names = table(rules / "medicines" / "substances.csv")
        self.names = {self.words(row["name"]): row["substance"] for row in names}
        self.longest = max((len(words) for words in self.names), default=0)
        self.units: dict[str, dict[str, float]] = defaultdict(dict)
        self.plausible: dict[str, tuple[float, float]] = {}
        self.quantity_codes: dict[str, dict[str, Any]] = {}
        for row in table(rules / "quantities.csv"):
            name = row["quantity"]
            self.units[name][self.spelling(row["spelling"])] = float(row["factor"])
            low, high = row["plausible_min"], row["plausible_max"]
            self.plausible[name] = (float(low or "-inf"), float(high or "inf"))
            if name not in self.quantity_codes:
                self.quantity_codes[name] = self.codelist(rules / "codelists" / f"{row['codes']}.csv")
        self.value_rules = table(VALUE_RULES)

    @staticmethod
    def spelling(text: str) -> str:
        return re.sub(r"\s", "", text).casefold()

    @staticmethod
    def words(text: str) -> tuple[str, ...]:
        return tuple(re.findall(r"[^\W_]+(?:[-'][^\W_]+)*", text.casefold()))

    def codelist(self, path: Path) -> dict[str, Any]:
        exact: set[tuple[str, str]] = set()
        prefix: list[tuple[str, str]] = []
        for row in table(path):
            system = self.system(row["system"])
            if row["match"] == "prefix":
                prefix.append((system, self.code(system, row["code"])))
            else:
                exact.add((system, self.code(system, row["code"])))
        return {"exact": exact, "prefix": prefix}

    def system(self, uri: Any) -> str:
        text = str(uri).strip() if isinstance(uri, str) else ""
        return self.alias.get(text, text)

    def code(self, system: str, code: str) -> str:
        """Read codes are five characters; ICD-10 has no dots, daggers or final X; the rest is trimmed."""
        text, kind = code.strip(), self.kind.get(system, "")
        if kind in ("readv2", "ctv3"):
            return text[:5] if len(text) == 7 else text
        if kind == "icd10":
            text = re.sub(r"[^0-9A-Z]", "", text.upper())
            return text[:3] if len(text) == 4 and text.endswith("X") else text
        return text

    def says_no(self, resource: Json) -> bool:
        """An answer of false, "no" or "negative", in whichever way it was given."""
        answer = resource.get("valueCodeableConcept")
        words: list[Any] = [resource.get("valueString")]
        for part in dicts(answer):
            words += [part.get("text"), *(coding.get("display") for coding in dicts(part.get("coding")))]
        texts = {
            word.strip().casefold().removesuffix("(qualifier value)").strip(" .")
            for word in words
            if isinstance(word, str)
        }
        return (
            resource.get("valueBoolean") is False
            or bool(texts & self.no_texts)
            or bool(self.codings(answer) & self.no_codes)
        )

    def codings(self, concept: Any) -> frozenset[tuple[str, str]]:
        found = set()
        for part in dicts(concept):
            for coding in dicts(part.get("coding")):
                code = coding.get("code")
                if isinstance(code, str | int) and str(code).strip():
                    system = self.system(coding.get("system"))
                    found.add((system, self.code(system, str(code))))
        return frozenset(found)

    @staticmethod
    def holds(codelist: dict[str, Any], codes: frozenset[tuple[str, str]]) -> bool:
        if codelist["exact"] & codes:
            return True
        return any(
            system == other and code.startswith(start)
            for system, code in codes
            for other, start in codelist["prefix"]
        )

    # -- quantities

    def canonical(self, quantity: str, measure: Measure) -> float | None:
        """The value in the canonical unit; None where the unit is unknown or the value is not plausible."""
        units = self.units[quantity]
        spellings = [self.spelling(text) for text in measure.unit] or [""]
        factor = next((units[text] for text in spellings if text in units), None)
        if factor is None:
            return None
        low, high = self.plausible[quantity]
        value = measure.value * factor
        return value if low <= value <= high else None

    # -- medicines

    def substance(self, texts: list[str], codes: list[tuple[str, str]]) -> str:
        """Second rung: substances named as whole words, longest first. Third: the product code, or the text.

        A record that is coded twice is one drug: the first of its names that holds a known substance decides.
        """
        for text in texts:
            words, at, found = self.words(text), 0, set()
            while at < len(words):
                for length in range(min(self.longest, len(words) - at), 0, -1):
                    name = self.names.get(words[at : at + length])
                    if name is not None:
                        found.update(name.split(" + "))
                        at += length
                        break
                else:
                    at += 1
            if found:
                return " + ".join(sorted(found))
        if codes:
            return "code " + "|".join(min(codes))
        return "text " + " ".join(self.words(texts[0])) if texts else ""


# ----------------------------------------------------------------------------------------------------------
# Records
# ----------------------------------------------------------------------------------------------------------


class Deficit(NamedTuple):
    n: int
    first: dt.date
    last: dt.date


class Records:
    """Everything that the given folders and files say about people, ready to be scored as of any date."""

    def __init__(self, *paths: str | Path, terms: Terms | None = None) -> None:
        self.terms = terms or Terms()
        self.unreadable: list[Unreadable] = []
        self.notes: Counter[str] = Counter()
        self.items: list[Item] = []
        self.deleted: list[tuple[int, str, str, float]] = []
        self._scope = 0
        self._seen: dict[frozenset[tuple[str, str]], set[str]] = {}
        for source, path in enumerate(paths):
            self._read(source, Path(path))
        self._index()
        self._people()
        self._keep()
        self._events()

    # -- reading

    def _read(self, source: int, path: Path) -> None:
        files = sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]
        for file in files:
            start = len(self.items)
            for _line, document in documents(file, self.unreadable):
                for top in document if isinstance(document, list) else [document]:
                    self._scope += 1
                    if not isinstance(top, dict) or not isinstance(top.get("resourceType"), str):
                        self.unreadable.append(Unreadable(file.name, _line, "no resourceType"))
                        continue
                    self._walk(source, self._scope, file.name, None, top, float("-inf"))
            newest = dt.date.min
            for item in self.items[start:]:
                for name in RECORDED:
                    when = span(item.resource.get(name))
                    newest = max(newest, when.last) if when else newest
            for item in self.items[start:]:
                item.file_newest = newest

    def _walk(self, source: int, scope: int, file: str, url: str | None, doc: Json, when: float) -> None:
        kind = doc.get("resourceType")
        if kind == "Bundle":
            stamp = max(instant(doc.get("timestamp")), instant(one(doc.get("meta")).get("lastUpdated")), when)
            for entry in dicts(doc.get("entry")):
                request = one(entry.get("request"))
                if str(request.get("method")).upper() == "DELETE":
                    parts = str(request.get("url")).split("?")[0].strip("/").split("/")
                    if "_history" in parts:
                        parts = parts[: parts.index("_history")]
                    if len(parts) >= 2:
                        time = instant(one(entry.get("response")).get("lastModified"))
                        time = time if time > float("-inf") else stamp
                        time = time if time > float("-inf") else float("inf")
                        self.deleted.append((source, parts[-2], parts[-1], time))
                    continue
                full = entry.get("fullUrl")
                inner = entry.get("resource")
                if isinstance(inner, dict):
                    self._walk(source, scope, file, full if isinstance(full, str) else None, inner, stamp)
            return
        if kind == "Parameters":
            for parameter in dicts(doc.get("parameter")):
                self._parameter(source, scope, file, parameter, when)
            return
        if not isinstance(kind, str):
            self.unreadable.append(Unreadable(file, 0, "no resourceType"))
            return
        item = Item(source, scope, file, url, doc, when)
        given = doc.get("id")
        if isinstance(given, str | int) and not isinstance(given, bool) and str(given).strip():
            item.id = str(given).strip()
        elif url:
            item.id = re.split(r"[:/]", url)[-1]
        else:
            text = json.dumps(doc, sort_keys=True)
            item.id = "~" + hashlib.sha256(text.encode()).hexdigest()[:16]
        self.items.append(item)

    def _parameter(self, source: int, scope: int, file: str, parameter: Json, when: float) -> None:
        if isinstance(parameter.get("resource"), dict):
            self._walk(source, scope, file, None, parameter["resource"], when)
        for part in dicts(parameter.get("part")):
            self._parameter(source, scope, file, part, when)

    # -- references

    def _index(self) -> None:
        self._by_url: dict[tuple[Any, ...], list[Item]] = defaultdict(list)
        self._by_id: dict[tuple[Any, ...], list[Item]] = defaultdict(list)
        for item in self.items:
            for place in (("scope", item.scope), ("source", item.source)):
                if item.full_url:
                    self._by_url[(*place, item.full_url.lower())].append(item)
                self._by_id[(*place, item.type, item.id)].append(item)

    def find(self, reference: Any, at: Item, kinds: tuple[str, ...]) -> list[Item]:
        """The resources that a reference may mean: in its own Bundle if it is there, else in its source."""
        text = one(reference).get("reference")
        if not isinstance(text, str) or not text.strip():
            return []
        text = text.strip().split("/_history/")[0]
        places = (("scope", at.scope), ("source", at.source))
        if text.startswith("#"):
            return []
        for place in places:
            found = [item for item in self._by_url[(*place, text.lower())] if item.type in kinds]
            if found:
                return found
        tail = text.split("?")[0]
        if tail.startswith("urn:"):
            pairs = [(kind, tail.split(":")[-1]) for kind in kinds]
        else:
            parts = tail.rstrip("/").split("/")
            pairs = [(parts[-2], parts[-1])] if len(parts) >= 2 and parts[-2] in kinds else []
        for place in places:
            found = [item for kind, ident in pairs for item in self._by_id[(*place, kind, ident)]]
            if found:
                return found
        return []

    @staticmethod
    def contained(reference: Any, at: Item) -> Json | None:
        text = one(reference).get("reference")
        if isinstance(text, str) and text.startswith("#"):
            for inner in dicts(at.resource.get("contained")):
                if str(inner.get("id")).lstrip("#") == text[1:]:
                    return inner
        return None

    # -- people

    def _people(self) -> None:
        self.cluster_of: dict[int, Cluster] = {}
        by_id: dict[tuple[int, str], list[Item]] = defaultdict(list)
        for item in self.items:
            if item.type == "Patient":
                by_id[(item.source, item.id)].append(item)
        self.clusters: list[Cluster] = []
        for (source, ident), items in sorted(by_id.items()):
            groups: list[tuple[list[tuple[str | None, ...]], Cluster]] = []
            for item in sorted(items, key=lambda i: (self._gaps(i), str(identity(i.resource)), newness(i))):
                mine = identity(item.resource)
                fits = [group for group in groups if all(may_be_one(mine, other) for other in group[0])]
                if not fits:
                    fits = [([], Cluster(source, ident))]
                    groups += fits
                known, cluster = fits[0]
                known.append(mine)
                cluster.items.append(item)
                self.cluster_of[id(item)] = cluster
            self.clusters += [cluster for _known, cluster in groups]
            if len(groups) > 1:
                self.notes["patient ids that several people share"] += 1
        self._by_identifier: dict[tuple[Any, ...], set[int]] = defaultdict(set)
        for number, cluster in enumerate(self.clusters):
            for item in cluster.items:
                for identifier in dicts(item.resource.get("identifier")):
                    for key in self._identifier_keys(identifier):
                        self._by_identifier[("source", cluster.source, *key)].add(number)
                        self._by_identifier[("any", *key)].add(number)
        self._link()

    @staticmethod
    def _gaps(item: Item) -> int:
        return sum(part is None for part in identity(item.resource))

    @staticmethod
    def _identifier_keys(identifier: Json) -> list[tuple[str, str]]:
        value = identifier.get("value")
        if not isinstance(value, str | int) or not str(value).strip():
            return []
        if is_nhs_system(identifier.get("system")):
            number = nhs_number(value)
            return [("nhs", number)] if number else []
        return [(str(identifier.get("system")).strip(), str(value).strip())]

    def _link(self) -> None:
        """Clusters that share a valid NHS number, a full birth date and a sex are one person."""
        first: dict[tuple[str, str, str], int] = {}
        self.person_of_cluster: dict[int, int] = {}
        members: dict[int, list[Cluster]] = defaultdict(list)
        for number, cluster in enumerate(self.clusters):
            who, born, sex = identity(cluster.newest.resource)
            person = number
            if who and born and len(born) == 10 and sex:
                person = first.setdefault((who, born, sex), number)
            self.person_of_cluster[id(cluster)] = person
            members[person].append(cluster)
        self.persons: dict[int, Person] = {}
        uses: dict[str, set[int]] = defaultdict(set)
        for person, clusters in members.items():
            who, born, sex = identity(max((cluster.newest for cluster in clusters), key=newness).resource)
            ids = tuple(sorted({cluster.id for cluster in clusters}))
            self.persons[person] = Person(f"{who or ids[0]}|{born or ''}|{sex or ''}", ids, who, born, sex)
            if who:
                uses[who].add(person)
        for people in uses.values():
            for person in people:
                self.persons[person].clash = len(people) > 1
        keys = Counter(person.key for person in self.persons.values())
        for number, one_of in sorted(self.persons.items()):
            if keys[one_of.key] > 1:
                one_of.key += f"|{number}"

    def _subject(self, item: Item) -> Cluster | None:
        """Whose record it is, or None where nobody, or more than one person, could be meant."""
        reference = item.resource.get("subject") or item.resource.get("patient")
        if not isinstance(reference, dict):
            self.notes[f"{item.type} without a subject"] += 1
            return None
        found = {id(c): c for c in (self.cluster_of[id(i)] for i in self.find(reference, item, ("Patient",)))}
        if not found:
            identifiers: list[Json] = dicts(reference.get("identifier"))
            text = str(reference.get("reference") or "")
            if "?" in text:
                query = text.split("?", 1)[1]
                for term in query.split("&"):
                    name, _, value = term.partition("=")
                    if name == "identifier":
                        system, _, value = value.replace("%7C", "|").replace("%7c", "|").rpartition("|")
                        identifiers = [{"system": system, "value": value}]
            inner = self.contained(reference, item)
            if inner is not None:
                identifiers += dicts(inner.get("identifier"))
            for identifier in identifiers:
                for key in self._identifier_keys(identifier):
                    near = self._by_identifier[("source", item.source, *key)]
                    for number in near or self._by_identifier[("any", *key)]:
                        found[id(self.clusters[number])] = self.clusters[number]
        people = {self.person_of_cluster[ident] for ident in found}
        if len(people) != 1:
            self.notes[f"{item.type} whose subject is {'not here' if not people else 'not one person'}"] += 1
            return None
        return min(found.values(), key=lambda cluster: (cluster.source, cluster.id))

    # -- the newest version of everything

    def _keep(self) -> None:
        needed = (*COUNTED, "Encounter", "MedicationRequest", "MedicationStatement")
        versions: dict[tuple[Any, ...], list[Item]] = defaultdict(list)
        self.subject: dict[int, Cluster] = {}
        for item in self.items:
            if item.type in needed:
                cluster = self._subject(item)
                if cluster is not None:
                    self.subject[id(item)] = cluster
                    versions[(item.source, item.type, item.id, id(cluster))].append(item)
        gone: dict[tuple[int, str, str], float] = {}
        for source, kind, ident, when in self.deleted:
            gone[(source, kind, ident)] = max(when, gone.get((source, kind, ident), float("-inf")))
        self.kept: dict[tuple[Any, ...], Item] = {}
        for key, items in versions.items():
            newest = items[0] if len(items) == 1 else max(items, key=newness)
            self.notes["superseded versions"] += len(items) - 1
            updated = instant(one(newest.resource.get("meta")).get("lastUpdated"))
            end = gone.get((newest.source, newest.type, newest.id))
            if end is not None and updated <= end:
                self.notes["deleted"] += 1
                continue
            self.kept[key] = newest
        self.newest_of = {(k[0], k[1], k[2], k[3]): item for k, item in self.kept.items()}

    def _current(self, item: Item) -> Item | None:
        cluster = self.subject.get(id(item))
        return self.newest_of.get((item.source, item.type, item.id, id(cluster))) if cluster else None

    # -- events

    def _events(self) -> None:
        from_encounter: dict[tuple[Any, ...], list[Span]] = defaultdict(list)
        for key, item in self.kept.items():
            if item.type != "Encounter" or never_counts(item.resource):
                continue
            when = period(item.resource.get("period"))
            for diagnosis in dicts(item.resource.get("diagnosis")):
                for condition in self.find(diagnosis.get("condition"), item, ("Condition",)):
                    cluster = self.subject.get(id(condition))
                    if when and cluster is not None and id(cluster) == key[3]:
                        from_encounter[(item.source, "Condition", condition.id, id(cluster))].append(when)
        self.events: list[Event] = []
        self.drugs: list[Drug] = []
        for key, item in sorted(self.kept.items(), key=lambda pair: (pair[0][0], pair[0][1], pair[0][2])):
            person = self.person_of_cluster[key[3]]
            if item.type in COUNTED:
                self._event(person, key, item, from_encounter.get(key, []))
            elif item.type.startswith("Medication"):
                self._drug(person, key, item)
        self.sources_with_issues = {drug.source for drug in self.drugs if not drug.plan}

    def _encounters(self, item: Item) -> list[Span]:
        spans = []
        for name in ("encounter", "context"):
            for found in self.find(item.resource.get(name), item, ("Encounter",)):
                current = self._current(found)
                if current and self.subject[id(current)] is self.subject[id(item)]:
                    when = period(current.resource.get("period"))
                    if when and not never_counts(current.resource):
                        spans.append(when)
        return spans

    def _dates(
        self, item: Item, names: tuple[str, ...], linked: list[Span]
    ) -> tuple[dt.date, dt.date] | None:
        """(happened, known): the first day of what is said, and the day on which it was written down."""
        effective = None
        for name in names:
            value = item.resource.get(name)
            effective = effective or (period(value) if name.endswith("Period") else span(value))
        recorded = None
        for name in RECORDED:
            recorded = recorded or span(item.resource.get(name))
        if effective is None:
            effective = recorded
        if effective is None:
            own = self._encounters(item) or linked
            effective = min(own) if own else None
        if effective is None:
            self.notes[f"{item.type} without any date"] += 1
            return None
        return effective.first, (recorded or effective).last

    def _event(self, person: int, key: tuple[Any, ...], item: Item, linked: list[Span]) -> None:
        resource = item.resource
        if never_counts(resource):
            self.notes[f"{item.type} that never counts"] += 1
            return
        dates = self._dates(item, EFFECTIVE[item.type], linked)
        if dates is None:
            return
        codes = self.terms.codings(resource.get("code"))
        measures: list[Measure] = []
        negative = item.type == "Observation" and self.terms.says_no(resource)
        if negative:
            self.notes["Observation whose answer is no"] += 1
        if item.type == "Observation":
            for part, part_codes in [(resource, codes)] + [
                (part, self.terms.codings(part.get("code"))) for part in dicts(resource.get("component"))
            ]:
                measure = self._measure(part, part_codes)
                if measure is not None:
                    measures.append(measure)
        event = Event(person, key, *dates, frozenset() if negative else codes, measures)
        if event.present or event.measures:
            event.deficits = self._by_code(event) | self._by_value(event)
            self.events.append(event)

    @staticmethod
    def _measure(part: Json, codes: frozenset[tuple[str, str]]) -> Measure | None:
        quantity = part.get("valueQuantity")
        value: Any = one(quantity).get("value") if quantity is not None else part.get("valueInteger")
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            return None
        try:
            number = float(value)
        except ValueError:
            return None
        given = one(quantity)
        unit = tuple(
            text for text in (given.get("code"), given.get("unit")) if isinstance(text, str) and text.strip()
        )
        comparator = given.get("comparator")
        return Measure(codes, number, unit, comparator if isinstance(comparator, str) else "")

    def _drug(self, person: int, key: tuple[Any, ...], item: Item) -> None:
        resource, status = item.resource, codes_of(item.resource.get("status"))
        if {"draft", "cancelled", "on-hold", "entered-in-error"} & set(status):
            return
        if resource.get("doNotPerform") is True:
            return
        request = item.type == "MedicationRequest"
        if request:
            intent = (codes_of(resource.get("intent")) or ["order"])[0]
            if not intent.endswith("order") and intent != "plan":
                return
            plan = intent == "plan"
        else:
            if "n" in codes_of(resource.get("taken")) or "not-taken" in status:
                return
            based = [str(one(part).get("reference")) for part in dicts(resource.get("basedOn"))]
            if any("MedicationRequest" in text or text.startswith(("#", "urn:")) for text in based):
                return
            plan = True
        names = ("authoredOn",) if request else ("effectiveDateTime", "effectivePeriod")
        starts = [one(resource.get("dispenseRequest")).get("validityPeriod")]
        for dosage in dicts(resource.get("dosageInstruction")):
            starts.append(one(one(dosage.get("timing")).get("repeat")).get("boundsPeriod"))
        linked = [when for when in (span(one(start).get("start")) for start in starts) if when]
        dates = self._dates(item, names, linked[:1] if request else [])
        if dates is None:
            return
        concept, display = self._medication(item)
        texts = [part["text"] for part in dicts(concept) if isinstance(part.get("text"), str)]
        codes: list[tuple[str, str]] = []
        for part in dicts(concept):
            for coding in dicts(part.get("coding")):
                if isinstance(coding.get("display"), str):
                    texts.append(coding["display"])
                if isinstance(coding.get("code"), str | int):
                    system = self.terms.system(coding.get("system"))
                    codes.append((system, self.terms.code(system, str(coding["code"]))))
        texts += [display] if display else []
        substance = self.terms.substance([text for text in texts if text.strip()], codes)
        if substance:
            self.drugs.append(Drug(person, item.source, key, *dates, plan, substance))

    def _medication(self, item: Item) -> tuple[Any, str | None]:
        """The CodeableConcept of a medicine, wherever it stands, and the name beside a bare reference."""
        resource = item.resource
        concept = resource.get("medicationCodeableConcept")
        if isinstance(concept, dict):
            return concept, None
        reference = resource.get("medicationReference")
        inner = self.contained(reference, item)
        if inner is None:
            found = self.find(reference, item, ("Medication",))
            inner = max(found, key=newness).resource if found else None
        display = one(reference).get("display")
        return (inner or {}).get("code"), display if isinstance(display, str) else None

    # -- scoring

    def efi(self, as_of: dt.date | Mapping[str, dt.date]) -> dict[str, dict[str, Deficit]]:
        """For every person the deficits present as of a date (one, or one per person key)."""
        dates = {
            number: as_of if isinstance(as_of, dt.date) else as_of[person.key]
            for number, person in self.persons.items()
        }
        hits: dict[tuple[int, str], dict[tuple[Any, ...], dt.date]] = defaultdict(dict)
        for event in self.events:
            if max(event.effective, event.recorded) > dates[event.person]:
                continue
            for deficit in event.deficits:
                hits[(event.person, deficit)][event.record] = event.effective
        result: dict[str, dict[str, Deficit]] = {person.key: {} for person in self.persons.values()}
        for (number, deficit), records in hits.items():
            days = sorted(records.values())
            result[self.persons[number].key][deficit] = Deficit(len(records), days[0], days[-1])
        for number, person in self.persons.items():
            found = self._polypharmacy(number, dates[number])
            if found:
                result[person.key]["polypharmacy"] = found
        return {key: dict(sorted(deficits.items())) for key, deficits in sorted(result.items())}

    def _by_code(self, event: Event) -> set[str]:
        lists = self.terms.deficits.items()
        if event.present not in self._seen:
            self._seen[event.present] = {
                name for name, codes in lists if self.terms.holds(codes, event.present)
            }
        return self._seen[event.present]

    def _by_value(self, event: Event) -> set[str]:
        found: set[str] = set()
        for rule in self.terms.value_rules if event.measures else []:
            sex = self.persons[event.person].sex
            if rule["sex"] not in ("any", sex):
                continue
            codelist = self.terms.quantity_codes[rule["quantity"]]
            for measure in event.measures:
                if self.terms.holds(codelist, measure.codes):
                    value = self.terms.canonical(rule["quantity"], measure)
                    rest = (rule["operator"], rule["threshold"])
                    if value is not None and passes(*rest, value, measure.comparator):
                        found.add(rule["deficit"])
        return found

    def _polypharmacy(self, person: int, as_of: dt.date) -> Deficit | None:
        after = add_months(as_of, -POLYPHARMACY_MONTHS)
        drugs = [
            drug
            for drug in self.drugs
            if drug.person == person
            and after < drug.effective <= as_of
            and drug.recorded <= as_of
            and drug.plan == (drug.source not in self.sources_with_issues)
        ]
        substances = {drug.substance for drug in drugs}
        if len(substances) < POLYPHARMACY_AT_LEAST:
            return None
        days = sorted(drug.effective for drug in drugs)
        return Deficit(len(substances), days[0], days[-1])


def passes(operator: str, threshold: str, value: float, comparator: str) -> bool:
    """Whether the value is certain to meet the rule: "<60" meets "below 60", "<90" does not."""
    if operator == "any":
        return True
    bound = float(threshold)
    if operator in ("<", "<="):
        if comparator.startswith(">"):
            return False
        if comparator == "<" and value == bound:
            return True
        return value < bound or (operator == "<=" and value == bound)
    if comparator.startswith("<"):
        return False
    if comparator == ">" and value == bound:
        return True
    return value > bound or (operator == ">=" and value == bound)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("folder", nargs="+")
    parser.add_argument("--as-of", type=dt.date.fromisoformat, default=dt.date.today())
    options = parser.parse_args(arguments)
    records = Records(*options.folder)
    scores = records.efi(options.as_of)
    counts = Counter(deficit for deficits in scores.values() for deficit in deficits)
    print(f"{len(records.persons)} people, {len(records.events)} events, {len(records.drugs)} prescriptions")
    print(f"{sum(map(bool, scores.values()))} people with a deficit as of {options.as_of}")
    for title, counter in (("deficits", counts), ("notes", records.notes)):
        print(title, dict(counter.most_common()))
    for line in records.unreadable[:20]:
        print("unreadable", *line)
    return 0


if __name__ == "__main__":
    sys.exit(main())
