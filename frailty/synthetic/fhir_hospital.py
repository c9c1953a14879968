"""The hospital's extract as FHIR R4: its own patients, stays with UK Core admission methods, ICD-10 diagnoses."""

from __future__ import annotations

import numpy as np

from frailty.synthetic.fhir_r4 import CORE, CORE_SYSTEM, DEATHS, TERMS, Files, nhs_identifier, updated
from frailty.synthetic.model import Locality
from frailty.synthetic.people import OPEN, Int64
from frailty.synthetic.text import instant, iso, quoted

ICD10 = "http://hl7.org/fhir/sid/icd-10"
METHODS = {
    "11": "Elective Admission: Waiting list", "12": "Elective Admission: Booked", "13": "Elective Admission: Planned",
    "21": "Emergency Admission: Emergency Care Department", "22": "Emergency Admission: General Practitioner",
    "28": "Emergency Admission: Other means", "2A": "Emergency Admission: Emergency Care Department of another provider",
    "2B": "Emergency Admission: Transfer from another provider", "2D": "Emergency Admission: Other emergency admission",
}


def patient_numbers(locality: Locality) -> Int64:
    """Number of each person in the hospital, 0 = not its patient; unlike any number in a practice."""
    number = np.zeros(len(locality.people), np.int64)
    present = np.flatnonzero(locality.extras.in_hospital_files)
    number[present] = 700_000 + 3 * np.arange(len(present))[::-1]
    return number


def hospital_files(locality: Locality) -> Files:
    """Every file of the hospital: type -> lines."""
    number = patient_numbers(locality)
    conditions, diagnoses = _conditions(locality, number)
    return {
        "Patient": [_patient(locality, int(person), int(number[person])) for person in np.flatnonzero(number)],
        "Encounter": _encounters(locality, number, diagnoses),
        "Condition": conditions,
        "Organization": [f'{{"resourceType":"Organization","id":"hospital","name":{quoted(locality.settings.text("hospital.name"))}}}'],
    }


def _patient(locality: Locality, person: int, number: int) -> str:
    people, names, nhs = locality.people, locality.names, int(locality.extras.hospital_nhs[person])
    line, town, postcode = names.address(person)
    parts = [f'{{"resourceType":"Patient","id":"h{number}",{updated(locality.as_of - 1 - person % 200)}']
    died = locality.hospital.stays.person[locality.hospital.stays.died]
    if _dead_here(died, person):
        parts.append(f'"extension":[{{"extension":[{{"url":"deathNotificationStatus","valueCodeableConcept":{{"coding":[{{"system":'
                     f'"{CORE_SYSTEM}DeathNotificationStatus","code":"{DEATHS["formal"]}"}}]}}}}],"url":"{CORE}DeathNotificationStatus"}}]')
    local = f'{{"system":"https://hospital.example/patient","value":"{number}"}}'
    verified = nhs_identifier(nhs, CORE_SYSTEM + "NHSNumberVerificationStatusEngland") + "," if nhs else ""
    parts.append(f'"identifier":[{verified}{local}]')
    parts.append(f'"name":[{{"use":"official","family":{quoted(names.family(person).upper())},"given":[{quoted(names.given(person))}]}}],'
                 f'"gender":"{"male" if people.male[person] else "female"}","birthDate":"{iso(int(locality.extras.hospital_birth[person]))}"')
    if _dead_here(died, person):
        parts.append(f'"deceasedDateTime":"{iso(int(people.death[person]))}"')
    parts.append(f'"address":[{{"use":"home","line":[{quoted(line)}],"city":"{town}","postalCode":"{postcode}"}}]}}')
    return ",".join(parts)


def _dead_here(died: np.ndarray[tuple[int], np.dtype[np.int32]], person: int) -> bool:
    at = int(np.searchsorted(died, person))
    return at < len(died) and int(died[at]) == person


def _conditions(locality: Locality, number: Int64) -> tuple[list[str], dict[int, list[str]]]:
    """Conditions, and for stays that alone hold the link the ids of theirs."""
    d, icd, stays = locality.hospital.diagnoses, locality.icd, locality.hospital.stays
    plain = [code.replace(".", "") for code in icd.code]
    term = [quoted(text) for text in icd.term]
    lines: list[str] = []
    linked: dict[int, list[str]] = {}
    person = number[stays.person[d.stay]].tolist()
    for stay, code, own, coded, link, dotted, no in zip(d.stay.tolist(), d.code.tolist(), d.own_date.tolist(), d.coded_on.tolist(),
                                                        d.link.tolist(), d.dotted.tolist(), person, strict=True):
        key = f"d{len(lines) + 1}"
        encounter = "" if link else f',"encounter":{{"reference":"Encounter/s{stay + 1}"}}'
        date = f',"recordedDate":"{iso(own)}"' if own >= 0 else ""
        if link:
            linked.setdefault(stay, []).append(key)
        lines.append(
            f'{{"resourceType":"Condition","id":"{key}",{updated(coded)},"category":[{{"coding":[{{"system":"{TERMS}condition-category",'
            f'"code":"encounter-diagnosis"}}]}}],"code":{{"coding":[{{"system":"{ICD10}","code":"{icd.code[code] if dotted else plain[code]}"'
            f',"display":{term[code]}}}]}},"subject":{{"reference":"Patient/h{no}"}}{encounter}{date}}}')
    return lines, linked


def _encounters(locality: Locality, number: Int64, linked: dict[int, list[str]]) -> list[str]:
    s = locality.hospital.stays
    provider = f'"serviceProvider":{{"reference":"Organization/hospital","display":{quoted(locality.settings.text("hospital.name"))}}}'
    lines = []
    for n, (no, start, minute, end, kind, method, source, to, died) in enumerate(zip(
            number[s.person].tolist(), s.start.tolist(), s.start_minute.tolist(), s.end.tolist(), s.kind.tolist(), s.method.tolist(),
            s.admitted_from.tolist(), s.discharged_to.tolist(), s.died.tolist(), strict=True)):
        if no == 0:
            continue
        ended = end < OPEN
        # A stay of no night ends some hours after it began.
        finish = f',"end":"{instant(end, min(1439, minute + 200) if end == start else 660 + n % 300)}"' if ended else ""
        code, display = (("IMP", "inpatient encounter"), ("EMER", "emergency"))[kind]
        stay = []
        if method:
            stay.append(f'"extension":[{{"url":"{CORE}AdmissionMethod","valueCodeableConcept":{{"coding":[{{"system":'
                        f'"{CORE_SYSTEM}AdmissionMethodEngland","code":"{method}","display":"{METHODS[method]}"}}]}}}}]')
        if source:
            stay.append(f'"admitSource":{{"coding":[{{"system":"{CORE_SYSTEM}SourceOfAdmissionEngland","code":"{source}"}}]}}')
        if to:
            stay.append(f'"dischargeDisposition":{{"coding":[{{"system":"{CORE_SYSTEM}DischargeDestinationEngland","code":"{to}"}}]}}')
        hospitalization = f'"hospitalization":{{{",".join(stay)}}},' if stay else ""
        discharge = ""
        if ended and method:
            discharge = (f'"extension":[{{"url":"{CORE}DischargeMethod","valueCodeableConcept":{{"coding":[{{"system":'
                         f'"{CORE_SYSTEM}DischargeMethodEngland","code":"{"4" if died else "1"}"}}]}}}}],')
        diagnosis = ""
        if n in linked:
            diagnosis = '"diagnosis":[' + ",".join(f'{{"condition":{{"reference":"Condition/{key}"}},"rank":{rank + 1}}}'
                                                   for rank, key in enumerate(linked[n])) + "],"
        lines.append(
            f'{{"resourceType":"Encounter","id":"s{n + 1}",{updated(min(end, locality.as_of - 1))},{discharge}"status":'
            f'"{"finished" if ended else "in-progress"}","class":{{"system":"{TERMS}v3-ActCode","code":"{code}","display":"{display}"}},'
            f'"subject":{{"reference":"Patient/h{no}"}},"period":{{"start":"{instant(start, minute)}"{finish}}},'
            f'{diagnosis}{hospitalization}{provider}}}')
    return lines
