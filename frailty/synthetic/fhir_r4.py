"""GP extracts as FHIR R4 in the shape of UK Core, one line of NDJSON a resource."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from frailty.synthetic.extract import Extract, home_address, last_order, registration
from frailty.synthetic.fhir_parts import (
    CORE,
    CORE_SYSTEM,
    DEATHS,
    GPC_EXTENSION,
    NHS,
    OBJECTION,
    ODS,
    OTHER_CONSENTS,
    PLAN_TITLES,
    TERMS,
    Concepts,
    Files,
    coded,
    result_value,
    stamp,
    updated,
)
from frailty.synthetic.model import Locality
from frailty.synthetic.people import OPEN
from frailty.synthetic.rows import (
    ACTIVE,
    CONDITION,
    CONTACT_KINDS,
    FAMILY,
    IN_ERROR,
    NEGATED,
    ORDER,
    PLAN,
    REFUTED,
    RESOLVED,
)
from frailty.synthetic.text import FIRST_DAY, days, dump, instant, iso, minutes, offset

_CONTACT_CLASSES = (("AMB", "ambulatory"), ("VR", "virtual"), ("HH", "home health"))


def gp_files(locality: Locality, rows: Extract) -> Files:
    """Every file of one practice: type -> lines."""
    conditions, observations, family = _coded(locality, rows)
    requests, medications = _medicines(locality, rows)
    return {
        "Organization": [organization(rows)],
        "Practitioner": practitioners(),
        "Patient": [dump(_patient(locality, rows, person)) for person in rows.persons.tolist()],
        "Condition": conditions,
        "Observation": observations + _measured(locality, rows, len(observations)),
        "FamilyMemberHistory": family,
        "MedicationRequest": requests,
        "Medication": medications,
        "Encounter": _contacts(rows),
        "CarePlan": [dump(plan) for plan in _plans(locality, rows)],
        "Consent": [dump(consent) for consent in _consents(locality, rows)],
        "AllergyIntolerance": [dump(allergy) for allergy in _allergies(locality, rows)],
    }


def organization(rows: Extract) -> str:
    """The practice itself."""
    return dump({"resourceType": "Organization", "id": "practice", "name": rows.plan.name,
                 "identifier": [{"system": ODS, "value": rows.plan.ods}]})


def practitioners() -> list[str]:
    """Five doctors."""
    return [dump({"resourceType": "Practitioner", "id": f"gp{n}",
                  "name": [{"use": "official", "family": f"Example{letter}", "given": [letter], "prefix": ["Dr"]}]})
            for n, letter in enumerate("ABCDE", start=1)]


def nhs_identifier(value: int) -> dict[str, Any]:
    """The NHS number with its verification status."""
    verified = coded(CORE_SYSTEM + "NHSNumberVerificationStatusEngland", "01", "Number present and verified")
    return {"extension": [{"url": CORE + "NHSNumberVerificationStatus", "valueCodeableConcept": verified}],
            "system": NHS, "value": str(value)}


def death_notification(status: str) -> dict[str, Any]:
    """Formal or informal notification of death."""
    return {"url": CORE + "DeathNotificationStatus", "extension": [{
        "url": "deathNotificationStatus",
        "valueCodeableConcept": coded(CORE_SYSTEM + "DeathNotificationStatus", DEATHS[status])}]}


def _patient(locality: Locality, rows: Extract, person: int) -> dict[str, Any]:
    people, names = locality.people, locality.names
    said = registration(locality, rows.plan, person)
    line, town, postcode = home_address(locality, person)
    ethnic = locality.settings.texts("population.ethnicity")[int(people.ethnicity[person])]
    period = {"start": said.start} | ({"end": said.end} if said.end else {})
    patient: dict[str, Any] = {
        "resourceType": "Patient",
        "id": f"p{rows.person_no[person]}",
        "meta": stamp(_last_written(locality, person)),
        "extension": [
            {
                "url": CORE + "EthnicCategory",
                "valueCodeableConcept": coded(CORE_SYSTEM + "EthnicCategoryEngland", ethnic),
            },
            {
                "url": GPC_EXTENSION + "RegistrationDetails-1",
                "extension": [{"url": "registrationPeriod", "valuePeriod": period}],
            },
        ],
    }
    if said.death:
        patient["extension"].append(death_notification(said.death))
    if locality.extras.gp_nhs[person]:
        patient["identifier"] = [nhs_identifier(int(locality.extras.gp_nhs[person]))]
    patient |= {"active": said.active,
                "name": [{"use": "official", "family": names.family(person), "given": [names.given(person)]}]}
    if phone := names.phone(person):
        patient["telecom"] = [{"system": "phone", "value": phone, "use": "home"}]
    patient |= {"gender": "male" if people.male[person] else "female", "birthDate": iso(int(people.birth[person]))}
    if said.died_on:
        patient["deceasedDateTime"] = said.died_on
    return patient | {
        "address": [{"use": "home", "line": [line], "city": town, "postalCode": postcode}],
        "generalPractitioner": [
            {"type": "Organization", "identifier": {"system": ODS, "value": rows.plan.ods, "period": period}},
            {"reference": f"Practitioner/gp{1 + locality.extras.usual_gp[person]}"}]}


def _last_written(locality: Locality, person: int) -> int:
    people = locality.people
    changes = (int(day) + 2 for day in (people.death[person], people.registered_to[person], people.moved_on[person])
               if day < OPEN)
    return min(max([locality.as_of - 30 - person % 300, *changes]), locality.as_of - 1)


# ---- coded entries

_CLINICAL = {ACTIVE: "active", RESOLVED: "resolved", REFUTED: "inactive"}
_VERIFIED = {ACTIVE: "confirmed", RESOLVED: "confirmed", REFUTED: "refuted", IN_ERROR: "entered-in-error"}
_PROBLEM = '"category":' + dump([coded(TERMS + "condition-category", "problem-list-item")])
_SAID = {state: ",".join([f'"{name}Status":{dump(coded(TERMS + system, words[state]))}'
                          for name, system, words in (("clinical", "condition-clinical", _CLINICAL),
                                                      ("verification", "condition-ver-status", _VERIFIED))
                          if state in words] + [_PROBLEM]) for state in _VERIFIED}


def _coded(locality: Locality, rows: Extract) -> tuple[list[str], list[str], list[str]]:
    concepts, day, c = Concepts(locality.codes.catalogue, "r4"), days(), rows.coded
    conditions: list[str] = []
    observations: list[str] = []
    family: list[str] = []
    for code, style, no, effective, recorded, ended, form, state, contact in zip(
            c.code.tolist(), rows.style.tolist(), rows.person_no[c.person].tolist(), c.effective.tolist(),
            c.recorded.tolist(), c.ended.tolist(), c.form.tolist(), c.state.tolist(),
            rows.contact_no[c.contact].tolist(), strict=True):
        concept, meta, known = concepts.of(code, style), updated(recorded), day[recorded - FIRST_DAY]
        began, patient = day[effective - FIRST_DAY], f'{{"reference":"Patient/p{no}"}}'
        met = f',"encounter":{{"reference":"Encounter/e{contact}"}}' if contact else ""
        if form == FAMILY:
            family.append(
                f'{{"resourceType":"FamilyMemberHistory","id":"f{len(family) + 1}",{meta},"status":"completed",'
                f'"patient":{patient},"date":"{known}","relationship":{{"text":"Mother"}},'
                f'"condition":[{{"code":{concept}}}]}}')
        elif form == CONDITION:
            over = f',"abatementDateTime":"{day[ended - FIRST_DAY]}"' if ended >= 0 else ""
            dates = "" if ended == -2 and contact else f',"onsetDateTime":"{began}"{over},"recordedDate":"{known}"'
            conditions.append(
                f'{{"resourceType":"Condition","id":"c{len(conditions) + 1}",{meta},{_SAID[state]},"code":{concept},'
                f'"subject":{patient}{met}{dates}}}')
        else:
            status = "entered-in-error" if state == IN_ERROR else "final"
            answer = ',"valueBoolean":false' if state == NEGATED else ""
            observations.append(
                f'{{"resourceType":"Observation","id":"o{len(observations) + 1}",{meta},"status":"{status}",'
                f'"code":{concept},"subject":{patient}{met},"effectiveDateTime":"{began}",'
                f'"issued":"{known}T{10 + no % 7}:{no % 60:02d}:00{offset(recorded)}"{answer}}}')
    return conditions, observations, family


# ---- results

def _measured(locality: Locality, rows: Extract, before: int) -> list[str]:
    concepts, m, codes = Concepts(locality.codes.catalogue, "r4"), rows.measured, locality.codes.tests.tolist()
    lines = []
    for n, (test, style, no, effective, minute, value, second, spelling, wrong) in enumerate(zip(
            m.test.tolist(), rows.measured_style.tolist(), rows.person_no[m.person].tolist(), m.effective.tolist(),
            m.minute.tolist(), m.value.tolist(), m.second.tolist(), m.spelling.tolist(), m.in_error.tolist(),
            strict=True), start=before + 1):
        when, status = instant(effective, minute), "entered-in-error" if wrong else "final"
        lines.append(
            f'{{"resourceType":"Observation","id":"o{n}",{updated(effective)},"status":"{status}",'
            f'"code":{concepts.of(codes[test], style)},"subject":{{"reference":"Patient/p{no}"}},'
            f'"effectiveDateTime":"{when}","issued":"{when}",'
            f'{result_value(locality, test, value, second, spelling)}}}')
    return lines


# ---- medicines

def _medicines(locality: Locality, rows: Extract) -> tuple[list[str], list[str]]:
    """Orders first, then plans, so that their numbers are known beforehand."""
    day, i, drugs = days(), rows.issues, locality.medicines
    share = locality.settings.number("medicines.substitute_share")
    concept = [dump(coded(rows.plan.medication_system, m.code, m.display)) for m in drugs]
    by_reference = [rows.plan.index > 0 and n * 37 % 100 < 100 * share for n in range(len(drugs))]
    what = [f'"medicationReference":{{"reference":"Medication/med{n}"}}' if by_reference[n]
            else f'"medicationCodeableConcept":{concept[n]}' for n in range(len(drugs))]
    course = ['"courseOfTherapyType":' + dump(coded(TERMS + "medicationrequest-course-of-therapy",
                                                    "acute" if m.course_days else "continuous")) for m in drugs]
    lines: list[str] = []
    for wanted, intent in ((ORDER, "order"), (PLAN, "plan")):
        chosen = i.role == wanted
        for drug, no, start, end, running, active, plan in zip(
                i.medicine[chosen].tolist(), rows.person_no[i.person[chosen]].tolist(), i.day[chosen].tolist(),
                i.ended[chosen].tolist(), last_order(i)[chosen].tolist(), i.active[chosen].tolist(),
                rows.plan_no[i.series[chosen]].tolist(), strict=True):
            begins = day[start - FIRST_DAY]
            ends = f',"end":"{day[end - FIRST_DAY]}"' if end < OPEN else ""
            status = "active" if active and (running or wanted == PLAN) else "completed"
            based = f'"basedOn":[{{"reference":"MedicationRequest/m{plan}"}}],' if plan and wanted == ORDER else ""
            lines.append(
                f'{{"resourceType":"MedicationRequest","id":"m{len(lines) + 1}",{updated(start)},'
                f'"status":"{status}","intent":"{intent}",{what[drug]},"subject":{{"reference":"Patient/p{no}"}},'
                f'"authoredOn":"{begins}",{based}{course[drug]},'
                f'"dispenseRequest":{{"validityPeriod":{{"start":"{begins}"{ends}}}}}}}')
    medications = [f'{{"resourceType":"Medication","id":"med{n}","code":{concept[n]}}}'
                   for n in range(len(drugs)) if by_reference[n]]
    return lines, medications


# ---- contacts, plans, consents, allergies

def _contacts(rows: Extract) -> list[str]:
    day, clock, c = days(), minutes(), rows.contacts
    kinds = [f'"class":{dump({"system": TERMS + "v3-ActCode", "code": code, "display": display})},'
             f'"type":[{dump({"text": text})}]'
             for (code, display), text in zip(_CONTACT_CLASSES, CONTACT_KINDS, strict=True)]
    provider = '"serviceProvider":' + dump({"identifier": {"system": ODS, "value": rows.plan.ods}})
    lines = []
    for n, (no, when, minute, kind) in enumerate(zip(rows.person_no[c.person].tolist(), c.day.tolist(),
                                                     c.minute.tolist(), c.kind.tolist(), strict=True), start=1):
        date, zone = day[when - FIRST_DAY], offset(when)
        lines.append(
            f'{{"resourceType":"Encounter","id":"e{n}",{updated(when)},"status":"finished",{kinds[kind]},'
            f'"subject":{{"reference":"Patient/p{no}"}},"period":{{"start":"{date}{clock[minute]}{zone}",'
            f'"end":"{date}{clock[minute + 10]}{zone}"}},{provider}}}')
    return lines


def _plans(locality: Locality, rows: Extract) -> Iterable[dict[str, Any]]:
    x = locality.extras
    here = (x.plan_kind[rows.persons] > 0) & (locality.people.practice[rows.persons] == rows.plan.index)
    for n, person in enumerate(rows.persons[here].tolist(), start=1):
        start = iso(int(x.plan_from[person]))
        yield {"resourceType": "CarePlan", "id": f"plan{n}", "meta": stamp(int(x.plan_from[person])),
               "status": "active", "intent": "plan", "category": [{"text": PLAN_TITLES[1]}],
               "title": PLAN_TITLES[int(x.plan_kind[person])],
               "subject": {"reference": f"Patient/p{rows.person_no[person]}"},
               "period": {"start": start, "end": iso(int(x.plan_review[person]))}, "created": start}


def consents(locality: Locality, rows: Extract) -> Iterable[tuple[int, int, str, tuple[str, str, str]]]:
    """(person, day, status, (text, decision, purpose)) of every consent in an extract."""
    x = locality.extras
    here = rows.persons[locality.people.practice[rows.persons] == rows.plan.index]
    for person in here[x.objection[here] < OPEN].tolist():
        ended = int(x.objection_ended[person])
        stands = ended == OPEN
        yield person, int(x.objection[person]) if stands else ended, "active" if stands else "inactive", OBJECTION
    for person in here[x.other_consent[here] >= 0].tolist():
        yield person, locality.as_of - 200 - person % 700, "active", OTHER_CONSENTS[int(x.other_consent[person])]


def _consents(locality: Locality, rows: Extract) -> Iterable[dict[str, Any]]:
    for n, (person, day, status, (text, decision, purpose)) in enumerate(consents(locality, rows), start=1):
        yield {"resourceType": "Consent", "id": f"consent{n}", "meta": stamp(day), "status": status,
               "scope": coded(TERMS + "consentscope", "patient-privacy"), "category": [{"text": text}],
               "patient": {"reference": f"Patient/p{rows.person_no[person]}"}, "dateTime": iso(day),
               "policyRule": {"text": text},
               "provision": {"type": decision, "purpose": [{"system": TERMS + "v3-ActReason", "code": purpose}]}}


def _allergies(locality: Locality, rows: Extract) -> Iterable[dict[str, Any]]:
    x = locality.extras
    for n, person in enumerate(rows.persons[x.allergy[rows.persons] >= 0].tolist(), start=1):
        drug, day = locality.medicines[int(x.allergy[person])], allergy_day(locality, person)
        yield {"resourceType": "AllergyIntolerance", "id": f"a{n}", "meta": stamp(day),
               "clinicalStatus": coded(TERMS + "allergyintolerance-clinical", "active"),
               "verificationStatus": coded(TERMS + "allergyintolerance-verification", "confirmed"),
               "category": ["medication"], "code": coded(rows.plan.medication_system, drug.code, drug.display),
               "patient": {"reference": f"Patient/p{rows.person_no[person]}"}, "recordedDate": iso(day)}


def allergy_day(locality: Locality, person: int) -> int:
    """When the allergy was written down."""
    return max(locality.as_of - 300 - person % 4000, int(locality.people.birth[person]))
