"""A small locality written by hand: two practices, a hospital, a home; one night, and what changes by the next.

`night_one()` and `night_two()` give FHIR resources by source; `delta()` is what lies between. Codes come from rules/.
"""

from __future__ import annotations

import csv
import json
import random
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

RULES = Path(__file__).resolve().parent.parent / "rules"
AS_OF = date(2026, 11, 22)
NEXT = AS_OF + timedelta(days=1)
EXTRACTED = datetime(2026, 11, 22, 2)
SCORES = ("efi", "efi_reviewed", "hfrs", "charlson")
NHS = "https://fhir.nhs.uk/Id/nhs-number"
ODS = "https://fhir.nhs.uk/Id/ods-organization-code"
ICD10 = "http://hl7.org/fhir/sid/icd-10"
Resource = dict[str, Any]
Night = dict[str, list[Resource]]
SOURCES = ("harbour-gp", "downs-gp", "hospital")
DEFICITS = (
    "arthritis",
    "atrial-fibrillation",
    "chd",
    "ckd",
    "diabetes",
    "dizziness",
    "dyspnoea",
    "falls",
    "foot-problems",
    "fragility-fracture",
    "hearing-loss",
    "heart-failure",
    "hypertension",
    "osteoporosis",
    "parkinsons",
    "pvd",
    "respiratory-disease",
    "skin-ulcer",
    "stroke-tia",
    "thyroid-disorders",
)
NAMES = (
    "Zebedee Quillfeather",
    "Ottoline Brackwater",
    "Peregrine Mossgrove",
    "Hepzibah Tanglewick",
    "Barnabas Underleaf",
    "Philippa Stormcrow",
    "Cuthbert Wintergale",
    "Dorothea Fennimore",
    "Ambrose Larkspittle",
    "Winifred Hollowbeck",
    "Leopold Driftmarsh",
    "Araminta Cloverley",
    "Thaddeus Penhaligon",
    "Clementine Ashgrovel",
)


def nhs(person: int) -> str:
    """A valid number of the test range."""
    while True:
        nine = f"999{person:06d}"
        check = (
            11 - sum(int(digit) * weight for digit, weight in zip(nine, range(10, 1, -1), strict=True)) % 11
        )
        if check != 10:
            return nine + str(check % 11)
        person += 1000


@cache
def codes(name: str) -> tuple[tuple[str, str, str], ...]:
    """(system, code, term) of a list's entries that stand for themselves: no caution, no condition on age or time."""
    with (RULES / "codelists" / f"{name}.csv").open(encoding="utf-8", newline="") as stream:
        return tuple(
            (row["system"], row["code"], row["term"])
            for row in csv.DictReader(stream)
            if row["match"] == "exact"
            and not row["caution"]
            and row["status"].split(";")[0] != "to be supplied"
            and row["category"] in ("", "present")
            and not row["within_years"]
        )


def coding(name: str, place: int = 0) -> Resource:
    system, code, term = codes(name)[place]
    return {"system": system, "code": code, "display": term}


@cache
def medicines() -> tuple[str, ...]:
    """Names of so many medicines, each another substance."""
    with (RULES / "medicines" / "substances.csv").open(encoding="utf-8", newline="") as stream:
        found = {row["substance"]: row["name"] for row in csv.DictReader(stream)}
    return tuple(found.values())


def version(resource: Resource, updated: str | None, number: int = 1) -> Resource:
    """The same resource with a version and its time."""
    return {**resource, "meta": {"versionId": str(number), **({"lastUpdated": updated} if updated else {})}}


def patient(ident: str, person: int, practice: str | None, born: str | None = None, **more: Any) -> Resource:
    given, family = NAMES[person % len(NAMES)].split()
    made: Resource = {
        "resourceType": "Patient",
        "id": ident,
        "identifier": [{"system": NHS, "value": nhs(person)}],
        "name": [{"use": "official", "family": family, "given": [given]}],
        "gender": "female" if person % 2 else "male",
        "birthDate": born or f"19{30 + person}-03-{person + 1:02d}",
        "telecom": [{"system": "phone", "value": f"016329600{person:02d}"}],
        "address": [
            {
                "use": "home",
                "line": [f"{person} Limpet Row"],
                "city": "Harbour",
                "postalCode": f"ZZ9 {person}ZZ",
            }
        ],
    }
    if practice:
        made["managingOrganization"] = {"identifier": {"system": ODS, "value": practice}}
    return {**made, **more}


def condition(
    ident: str, subject: str, code: Resource, on: str | None = "2020-05-04", **more: Any
) -> Resource:
    made: Resource = {
        "resourceType": "Condition",
        "id": ident,
        "subject": {"reference": f"Patient/{subject}"},
        "code": {"coding": [code]},
    }
    if on:
        made |= {"onsetDateTime": on, "recordedDate": on}
    return {**made, **more}


def observation(
    ident: str, subject: str, code: Resource, on: str, value: float | None = None, unit: str = "", **more: Any
) -> Resource:
    made: Resource = {
        "resourceType": "Observation",
        "id": ident,
        "status": "final",
        "code": {"coding": [code]},
        "subject": {"reference": f"Patient/{subject}"},
        "effectiveDateTime": on,
        "issued": f"{on}T09:00:00Z",
    }
    if value is not None:
        made["valueQuantity"] = {"value": value, "unit": unit}
    return {**made, **more}


def order(ident: str, subject: str, name: str, on: str, **more: Any) -> Resource:
    return {
        "resourceType": "MedicationRequest",
        "id": ident,
        "status": "active",
        "intent": "order",
        "authoredOn": on,
        "subject": {"reference": f"Patient/{subject}"},
        "medicationCodeableConcept": {
            "coding": [{"system": "https://dmd.nhs.uk", "code": f"m-{name}", "display": name}],
            "text": name,
        },
        **more,
    }


def encounter(
    ident: str,
    subject: str,
    start: str,
    end: str | None,
    kind: str = "IMP",
    method: str | None = "21",
    **more: Any,
) -> Resource:
    made: Resource = {
        "resourceType": "Encounter",
        "id": ident,
        "status": "finished" if end else "in-progress",
        "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": kind},
        "subject": {"reference": f"Patient/{subject}"},
        "period": {"start": start, **({"end": end} if end else {})},
    }
    if method:
        made["hospitalization"] = {
            "extension": [
                {
                    "url": "https://fhir.hl7.org.uk/StructureDefinition/Extension-UKCore-AdmissionMethod",
                    "valueCodeableConcept": {
                        "coding": [
                            {
                                "system": "https://fhir.hl7.org.uk/CodeSystem/UKCore-AdmissionMethodEngland",
                                "code": method,
                            }
                        ]
                    },
                }
            ]
        }
    return {**made, **more}


def deficits(subject: str, number: int, on: str = "2020-05-04", first: int = 0) -> list[Resource]:
    return [
        condition(f"{subject}-{name}", subject, coding(f"efi/{name}"), on)
        for name in DEFICITS[first : first + number]
    ]


def registered(start: str, end: str | None = None) -> list[Resource]:
    period = {"start": start, **({"end": end} if end else {})}
    return [
        {
            "url": "https://fhir.hl7.org.uk/StructureDefinition/Extension-UKCore-RegistrationDetails",
            "extension": [{"url": "registrationPeriod", "valuePeriod": period}],
        }
    ]


def death_notice(code: str) -> list[Resource]:
    return [
        {
            "url": "https://fhir.hl7.org.uk/StructureDefinition/Extension-UKCore-DeathNotificationStatus",
            "extension": [
                {
                    "url": "deathNotificationStatus",
                    "valueCodeableConcept": {
                        "coding": [
                            {
                                "system": "https://fhir.hl7.org.uk/CodeSystem/UKCore-DeathNotificationStatus",
                                "code": code,
                            }
                        ]
                    },
                }
            ],
        }
    ]


def objection(ident: str, subject: str, on: str = "2025-02-03") -> Resource:
    return {
        "resourceType": "Consent",
        "id": ident,
        "status": "active",
        "scope": {"coding": [{"code": "patient-privacy"}]},
        "category": [{"coding": [{"code": "objection-profiling"}]}],
        "patient": {"reference": f"Patient/{subject}"},
        "dateTime": on,
        "provision": {"type": "deny"},
    }


def night_one() -> Night:
    """Fourteen people. Harbour: p0 to p8; Downs: p9 to p13; the hospital knows p0, p1, p9 by other ids."""
    harbour = [
        patient(f"p{n}", n, "Y90001", extension=registered("2005-04-01"))
        for n in range(9)
        if n not in (4, 5, 6, 7)
    ]
    harbour += [
        patient("p4", 4, "Y90001"),
        patient("p5", 5, "Y90001", deceasedDateTime="2026-10-01", extension=death_notice("2")),
        patient("p6", 6, "Y90001", extension=registered("2005-04-01", "2026-06-30")),
        patient("p7", 7, "Y90001", address=[{"line": ["1 Seaview Road"], "postalCode": "ZZ1 1AA"}]),
    ]
    harbour += deficits("p0", 15) + deficits("p1", 15)
    harbour += [condition("p1-severe", "p1", coding("care/frailty_severe"), "2026-02-02")]
    harbour += deficits("p2", 8)
    harbour += [
        order(f"p2-m{n}-{month}", "p2", name, f"2026-{month:02d}-15")
        for n, name in enumerate(medicines()[:12])
        for month in (9, 10, 11)
    ]
    harbour += [*deficits("p4", 14), objection("p4-no", "p4")]
    harbour += deficits("p5", 9) + deficits("p6", 9) + deficits("p7", 10) + deficits("p8", 3)
    harbour += [
        {
            "resourceType": "CarePlan",
            "id": "p8-plan",
            "status": "active",
            "title": "Personalised care and support plan",
            "subject": {"reference": "Patient/p8"},
            "created": "2026-08-01",
            "period": {"start": "2026-08-01"},
        },
        {"resourceType": "Slot", "id": "s1", "status": "busy"},
        {"resourceType": "Practitioner", "id": "gp1", "name": [{"family": "Example", "prefix": ["Dr"]}]},
        {
            "resourceType": "Medication",
            "id": "med1",
            "code": {
                "coding": [{"system": "https://dmd.nhs.uk", "code": "m-extra", "display": medicines()[20]}]
            },
        },
        {**order("p0-ref", "p0", "", "2026-11-02"), "medicationReference": {"reference": "Medication/med1"}},
    ]
    del harbour[-1]["medicationCodeableConcept"]
    harbour += [
        encounter("p0-visit", "p0", "2026-07-07", "2026-07-07", "AMB", None),
        condition(
            "p0-undated",
            "p0",
            coding("efi/urinary-incontinence"),
            None,
            encounter={"reference": "Encounter/p0-visit"},
        ),
        condition("p8-local", "p8", {"system": "https://codes.example/local", "code": "X1"}),
        observation("p8-hb", "p8", coding("quantities/haemoglobin"), "2026-05-05", 88, "g/L"),
    ]
    downs = [patient(f"p{n}", n, "Y90002", extension=registered("2010-01-01")) for n in range(9, 14)]
    downs[2] = patient("p11", 11, "Y90002", deceasedDateTime="2026-11-19", extension=death_notice("1"))
    downs += deficits("p9", 14) + deficits("p10", 4) + deficits("p11", 10) + deficits("p12", 2, first=12)
    downs += [
        condition(
            "p10-wrong",
            "p10",
            coding("efi/falls"),
            verificationStatus={"coding": [{"code": "entered-in-error"}]},
        ),
        condition("p10-nobody", "nobody", coding("efi/falls")),
    ]
    hospital = [patient(f"h{n}", n, None) for n in (0, 1, 9)]
    hospital += [
        encounter("e0", "h0", "2026-03-01", "2026-03-09"),
        encounter("e1", "h1", "2025-12-01", "2025-12-20"),
        encounter("e9", "h9", "2026-11-18", None),
    ]
    for ident, subject, stay, code in (
        ("d0", "h0", "e0", "F05"),
        ("d1", "h0", "e0", "I50"),
        ("d2", "h1", "e1", "S72"),
        ("d3", "h9", "e9", "N39"),
    ):
        hospital.append(
            condition(
                ident,
                subject,
                {"system": ICD10, "code": code},
                None,
                encounter={"reference": f"Encounter/{stay}"},
            )
        )
    return {
        "harbour-gp": [version(one, "2026-11-01T00:00:00Z") for one in harbour],
        "downs-gp": [version(one, "2026-11-01T00:00:00Z") for one in downs],
        "hospital": [version(one, "2026-11-01T00:00:00Z") for one in hospital],
    }


class Changes:
    """What a day brings: `send` adds or replaces a resource, `mistaken` enters one in error, `drop` deletes one."""

    def __init__(self, before: Night, when: str, number: int = 2) -> None:
        self.when, self.number = when, number
        self.now = {
            source: {(one["resourceType"], one["id"]): one for one in rows} for source, rows in before.items()
        }
        self.sent: Night = {source: [] for source in before}
        self.deleted: dict[str, list[tuple[str, str]]] = {source: [] for source in before}

    def send(self, source: str, resource: Resource) -> None:
        new = version(resource, self.when, self.number)
        self.now[source][resource["resourceType"], resource["id"]] = new
        self.sent[source].append(new)

    def change(self, source: str, kind: str, ident: str, **what: Any) -> None:
        self.send(source, {**self.now[source][kind, ident], **what})

    def mistaken(self, source: str, kind: str, ident: str) -> None:
        wrong = (
            {"status": "entered-in-error"}
            if kind not in ("Condition", "AllergyIntolerance")
            else {"verificationStatus": {"coding": [{"code": "entered-in-error"}]}}
        )
        self.change(source, kind, ident, **wrong)

    def drop(self, source: str, kind: str, ident: str) -> None:
        del self.now[source][kind, ident]
        self.deleted[source].append((kind, ident))

    def full(self) -> Night:
        return {source: list(rows.values()) for source, rows in self.now.items()}

    def delta(self) -> Night:
        """What was sent, and one Bulk-Data bundle of deletions for each source that has any."""
        made = {source: list(rows) for source, rows in self.sent.items()}
        for source, gone in self.deleted.items():
            if gone:
                made[source].append(
                    {
                        "resourceType": "Bundle",
                        "type": "transaction",
                        "entry": [
                            {"request": {"method": "DELETE", "url": f"{kind}/{ident}"}}
                            for kind, ident in gone
                        ],
                    }
                )
        return made


def night_two() -> Changes:
    """The next day: new, changed, mistaken and deleted records, a new person, an end to a stay."""
    changes = Changes(night_one(), "2026-11-22T01:00:00Z")
    changes.send("harbour-gp", condition("p3-falls", "p3", coding("efi/falls"), "2026-11-20"))
    changes.change("harbour-gp", "Condition", "p2-chd", onsetDateTime="2019-01-01")
    changes.mistaken("harbour-gp", "Condition", "p1-arthritis")
    changes.drop("harbour-gp", "Condition", "p0-arthritis")
    changes.change("harbour-gp", "Patient", "p3", telecom=[{"system": "phone", "value": "01632960777"}])
    changes.send("downs-gp", patient("p99", 12 + 20, "Y90002", "1944-04-04"))
    for one in deficits("p99", 13):
        changes.send("downs-gp", one)
    changes.change(
        "hospital", "Encounter", "e9", status="finished", period={"start": "2026-11-18", "end": "2026-11-21"}
    )
    return changes


# ---- to disk


def write(
    folder: Path,
    rows: Iterable[Resource],
    *,
    seed: int | None = None,
    parts: int = 1,
    rename: str = "",
    bundle: bool = False,
) -> Path:
    """One source as NDJSON by type; or shuffled, in parts, under other names; or as one Bundle."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.iterdir():
        old.unlink()
    rows = list(rows)
    if bundle:
        whole = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": one} for one in rows]}
        (folder / "all.json").write_text(json.dumps(whole), encoding="utf-8")
        return folder
    shuffler = random.Random(seed)
    if seed is not None:
        shuffler.shuffle(rows)
    files: dict[str, list[str]] = {}
    for place, one in enumerate(rows):
        bulk = one["resourceType"] != "Bundle"
        name = f"{rename or one['resourceType']}.{place % parts}.ndjson" if bulk else f"deleted{rename}.json"
        files.setdefault(name, []).append(json.dumps(one))
    for name, lines in files.items():
        (folder / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def write_night(folder: Path, night: Mapping[str, Sequence[Resource]], **how: Any) -> list[str]:
    """Every source below `folder`; the RECORDS arguments."""
    return [str(write(folder / source, rows, **how)) for source, rows in night.items()]


SITE = """
[site]
name = "Harbour and Downs"
[[practice]]
ods = "Y90001"
name = "Harbour Surgery"
lead = "Dr A Example"
mdt_day = "Wednesday"
mdt_slots = 8
[[practice]]
ods = "Y90002"
name = "Downs Surgery"
mdt_day = "Thursday"
[[home]]
id = "home-1"
name = "Seaview House"
practice = "Y90001"
round_day = "Tuesday"
address = "1 Seaview Road"
postcode = "ZZ1 1AA"
residents = "home-1.csv"
[[feed]]
name = "harbour-gp"
kind = "gp"
practices = ["Y90001"]
[[feed]]
name = "downs-gp"
kind = "gp"
practices = ["Y90002"]
[[feed]]
name = "hospital"
kind = "hospital"
practices = ["Y90001", "Y90002"]
since = "2015-01-01"
[settings]
shrink_people = 2
"""


def write_site(folder: Path, text: str = SITE) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "home-1.csv").write_text(
        "room,name,birth_date,nhs_number,admitted_on,requested,request_reason,requested_by,note\n"
        f"4,{NAMES[7]},1937-03-08,{nhs(7)},2026-11-16,yes,worried since last week,Nurse C,\n",
        encoding="utf-8",
    )
    path = folder / "site.toml"
    path.write_text(text, encoding="utf-8")
    return path


def quiet(stage: str, done: int, total: int) -> None:
    """Progress for those who want none."""


def run(records: Sequence[str], out: Path, **options: Any) -> Any:
    """One nightly run in this process."""
    from frailty.nightly import Options, run_nightly

    told: dict[str, Any] = {"purpose": "direct-care", "as_of": AS_OF.isoformat()} | options
    return run_nightly(Options(records=tuple(records), out=out, **told), quiet)


# ---- what came of it


def tree(folder: Path) -> dict[str, bytes]:
    """Every file of an output folder; of run.json what is not about this run alone."""
    found = {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
    if "run.json" in found:
        told = json.loads(found["run.json"])
        told.pop("this_run", None)
        found["run.json"] = json.dumps(told, sort_keys=True).encode()
    return found


def content(store: Path, without: Sequence[str] = ()) -> dict[str, Any]:
    """Every row of every table of a store, but for the times at which it was written."""
    import duckdb

    with duckdb.connect(str(store), read_only=True) as con:
        tables = [
            row[0] for row in con.execute("SELECT table_name FROM duckdb_tables() ORDER BY 1").fetchall()
        ]
        made = {}
        for table in tables:
            columns = [row[0] for row in con.execute(f"DESCRIBE {table}").fetchall()]
            kept = [name for name in columns if name not in ("loaded_at", "ran_at", *without)]
            made[table] = con.execute(f"SELECT {', '.join(kept)} FROM {table} ORDER BY ALL").fetchall()
    return made


def days_before(days: int) -> str:
    return (AS_OF - timedelta(days=days)).isoformat()


@dataclass(frozen=True)
class Place:
    """Where one locality's records, site, store and lists lie."""

    folder: Path
    site: Path
    records: list[str]
    result: Any

    @property
    def out(self) -> Path:
        return self.folder / "lists"

    @property
    def store(self) -> Path:
        return self.folder / "lists.duckdb"

    def copy(self, folder: Path) -> Place:
        shutil.copytree(self.folder, folder)
        return Place(
            folder,
            folder / "site.toml",
            [str(folder / "records" / Path(one).name) for one in self.records],
            self.result,
        )

    def night(self, night: Mapping[str, Sequence[Resource]] | None = None, **options: Any) -> Any:
        """A run on the next evening, on these records or on those that lie there."""
        records = self.records if night is None else write_night(self.folder / "records", night)
        told = {"site": self.site, "as_of": NEXT.isoformat(), "extracted_at": EXTRACTED + timedelta(days=1)}
        return run(records, self.out, **{**told, **options})


# ---- the store alone


def load(
    con: Any, folder: Path, night: Mapping[str, Sequence[Resource]], mode: str = "full", **more: Any
) -> Any:
    """Loads a night into an open store, as the nightly run does."""
    from frailty.records.files import find_sources
    from frailty.records.load import Coverage, load_sources

    told: dict[str, Any] = {
        "kinds": {source: "hospital" if source == "hospital" else "gp" for source in night},
        "extracted_at": EXTRACTED,
        "now": EXTRACTED,
        "progress": quiet,
        "folder": folder,
        "coverage": [Coverage(source, (), None) for source in night if source == "hospital"],
    }
    return load_sources(con, find_sources(write_night(folder, night)), mode=mode, **{**told, **more})


def answers(
    con: Any, as_of: Any = AS_OF, at_load: int | None = None, scores: Sequence[str] = SCORES
) -> dict[str, list[str]]:
    """patient_id: everything that scoring says of the person, one line a row."""
    from frailty.practice import Practice

    said: dict[str, list[str]] = {}
    for frame in Practice(con).evaluate(list(scores), as_of, load=at_load):
        for line in frame.to_csv(index=False).splitlines()[1:]:
            said.setdefault(line.split(",", 1)[0], []).append(line)
    return said
