"""The hospital's extract as FHIR R4: its own patients, stays with UK Core admission methods, ICD-10 diagnoses."""

from __future__ import annotations

from typing import Any

import numpy as np

from frailty.synthetic.fhir_parts import CORE, CORE_SYSTEM, TERMS, Files, coded, stamp, updated
from frailty.synthetic.fhir_r4 import death_notification, nhs_identifier
from frailty.synthetic.model import Locality
from frailty.synthetic.people import OPEN, Int64
from frailty.synthetic.text import dump, instant, iso

ICD10 = "http://hl7.org/fhir/sid/icd-10"
METHODS = {
    "11": "Elective Admission: Waiting list", "12": "Elective Admission: Booked", "13": "Elective Admission: Planned",
    "21": "Emergency Admission: Emergency Care Department", "22": "Emergency Admission: General Practitioner",
    "28": "Emergency Admission: Other means",
    "2A": "Emergency Admission: Emergency Care Department of another provider",
    "2B": "Emergency Admission: Transfer from another provider",
    "2D": "Emergency Admission: Other emergency admission",
}
_CLASSES = (("IMP", "inpatient encounter"), ("EMER", "emergency"))


def patient_numbers(locality: Locality) -> Int64:
    """Number of each person in the hospital, 0 = not its patient; unlike any number in a practice."""
    number = np.zeros(len(locality.people), np.int64)
    present = np.flatnonzero(locality.extras.in_hospital_files)
    number[present] = 700_000 + 3 * np.arange(len(present))[::-1]
    return number


def hospital_files(locality: Locality) -> Files:
    """Every file of the hospital: type -> lines."""
    number = patient_numbers(locality)
    conditions, linked = _conditions(locality, number)
    died = set(locality.hospital.stays.person[locality.hospital.stays.died].tolist())
    return {
        "Patient": [dump(_patient(locality, person, int(number[person]), person in died))
                    for person in np.flatnonzero(number).tolist()],
        "Encounter": _encounters(locality, number, linked),
        "Condition": conditions,
        "Organization": [dump({"resourceType": "Organization", "id": "hospital",
                               "name": locality.settings.text("hospital.name")})],
    }


def _patient(locality: Locality, person: int, number: int, died: bool) -> dict[str, Any]:
    """A patient as the hospital knows them: it learns of a death only where it happened in its own beds."""
    people, names, nhs = locality.people, locality.names, int(locality.extras.hospital_nhs[person])
    line, town, postcode = names.address(person)
    patient: dict[str, Any] = {"resourceType": "Patient", "id": f"h{number}",
                               "meta": stamp(locality.as_of - 1 - person % 200)}
    if died:
        patient["extension"] = [death_notification("formal")]
    return patient | {
        "identifier": ([nhs_identifier(nhs)] if nhs else []) + [
            {"system": "https://hospital.example/patient", "value": str(number)}],
        "name": [{"use": "official", "family": names.family(person).upper(), "given": [names.given(person)]}],
        "gender": "male" if people.male[person] else "female",
        "birthDate": iso(int(locality.extras.hospital_birth[person])),
    } | ({"deceasedDateTime": iso(int(people.death[person]))} if died else {}) | {
        "address": [{"use": "home", "line": [line], "city": town, "postalCode": postcode}]}


def _conditions(locality: Locality, number: Int64) -> tuple[list[str], dict[int, list[str]]]:
    """Conditions, and for stays that alone hold the link the ids of theirs."""
    d, icd, stays = locality.hospital.diagnoses, locality.icd, locality.hospital.stays
    category = '"category":' + dump([coded(TERMS + "condition-category", "encounter-diagnosis")])
    concept = [[dump(coded(ICD10, code.replace(".", "") if plain else code, term)) for plain in (True, False)]
               for code, term in zip(icd.code, icd.term, strict=True)]
    lines: list[str] = []
    linked: dict[int, list[str]] = {}
    for n, (stay, code, own, known, link, dotted, no) in enumerate(zip(
            d.stay.tolist(), d.code.tolist(), d.own_date.tolist(), d.coded_on.tolist(), d.link.tolist(),
            d.dotted.tolist(), number[stays.person[d.stay]].tolist(), strict=True), start=1):
        encounter = "" if link else f',"encounter":{{"reference":"Encounter/s{stay + 1}"}}'
        date = f',"recordedDate":"{iso(own)}"' if own >= 0 else ""
        if link:
            linked.setdefault(stay, []).append(f"d{n}")
        lines.append(
            f'{{"resourceType":"Condition","id":"d{n}",{updated(known)},{category},"code":{concept[code][dotted]},'
            f'"subject":{{"reference":"Patient/h{no}"}}{encounter}{date}}}')
    return lines, linked


def _concept(name: str, code: str, display: str = "") -> str:
    return dump(coded(CORE_SYSTEM + name, code, display))


def _encounters(locality: Locality, number: Int64, linked: dict[int, list[str]]) -> list[str]:
    s = locality.hospital.stays
    provider = '"serviceProvider":' + dump({"reference": "Organization/hospital",
                                            "display": locality.settings.text("hospital.name")})
    classes = ['"class":' + dump({"system": TERMS + "v3-ActCode", "code": code, "display": display})
               for code, display in _CLASSES]
    methods = {code: f'"extension":[{{"url":"{CORE}AdmissionMethod","valueCodeableConcept":'
                     f'{_concept("AdmissionMethodEngland", code, text)}}}]' for code, text in METHODS.items()}
    discharges = [f'"extension":[{{"url":"{CORE}DischargeMethod","valueCodeableConcept":'
                  f'{_concept("DischargeMethodEngland", code)}}}],' for code in ("1", "4")]
    lines = []
    for n, (no, start, minute, end, kind, method, source, to, died) in enumerate(zip(
            number[s.person].tolist(), s.start.tolist(), s.start_minute.tolist(), s.end.tolist(), s.kind.tolist(),
            s.method.tolist(), s.admitted_from.tolist(), s.discharged_to.tolist(), s.died.tolist(), strict=True)):
        if no == 0:
            continue
        ended = end < OPEN
        finish = ""
        if ended:       # a stay of no night ends some hours after it began
            finish = f',"end":"{instant(end, min(1439, minute + 200) if end == start else 660 + n % 300)}"'
        stay = ",".join(filter(None, (
            methods.get(method, ""),
            f'"admitSource":{_concept("SourceOfAdmissionEngland", source)}' if source else "",
            f'"dischargeDisposition":{_concept("DischargeDestinationEngland", to)}' if to else "")))
        rest = f'"hospitalization":{{{stay}}},' if stay else ""
        if n in linked:
            rest += '"diagnosis":' + dump([{"condition": {"reference": f"Condition/{key}"}, "rank": rank}
                                           for rank, key in enumerate(linked[n], start=1)]) + ","
        lines.append(
            f'{{"resourceType":"Encounter","id":"s{n + 1}",{updated(min(end, locality.as_of - 1))},'
            f'{discharges[died] if ended and method else ""}"status":"{"finished" if ended else "in-progress"}",'
            f'{classes[kind]},"subject":{{"reference":"Patient/h{no}"}},'
            f'"period":{{"start":"{instant(start, minute)}"{finish}}},{rest}{provider}}}')
    return lines


