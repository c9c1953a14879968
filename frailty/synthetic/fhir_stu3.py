"""GP extracts as FHIR STU3 in the shape of GP Connect (Care Connect profiles): diagnoses mostly as Observations
without a value, problems that point to them, medicines by reference with plan, order and statement."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from frailty.synthetic.extract import Extract, home_address, last_order, registration
from frailty.synthetic.fhir_parts import (
    CARE_EXTENSION,
    CARE_SYSTEM,
    DEATHS,
    GPC,
    GPC_EXTENSION,
    NHS,
    PLAN_TITLES,
    Concepts,
    Files,
    coded,
    result_value,
)
from frailty.synthetic.fhir_r4 import allergy_day, consents, organization, practitioners
from frailty.synthetic.model import Locality
from frailty.synthetic.people import OPEN
from frailty.synthetic.rows import (
    CONDITION,
    CONTACT_KINDS,
    FAMILY,
    IN_ERROR,
    NEGATED,
    ORDER,
    PAIR,
    PLAN,
    REFUTED,
    RESOLVED,
    STATEMENT,
)
from frailty.synthetic.text import FIRST_DAY, days, dump, instant, iso, minutes, offset

_PATIENT, _ENTRY, _MEDICINE, _CONTACT, _RESULT = 1, 2, 3, 4, 5
_PROBLEM = '"category":' + dump([coded("https://fhir.hl7.org.uk/STU3/CodeSystem/CareConnect-ConditionCategory-1",
                                       "problem-list-item")])


def guid(kind: int, n: int) -> str:
    """An identifier in the style of the GP system."""
    return f"{n * 2654435761 % 4294967296:08X}-{kind:04X}-4{n % 4096:03X}-8000-{n:012X}"


def patient_id(n: int) -> str:
    """Id of the nth Patient."""
    return guid(_PATIENT, n)


def gp_files(locality: Locality, rows: Extract) -> Files:
    """Every file of one practice: type -> lines."""
    patients = [f'{{"reference":"Patient/{guid(_PATIENT, n)}"}}' for n in range(len(rows.persons) + 1)]
    conditions, observations, family = _coded(locality, rows, patients)
    requests, statements = _medicines(locality, rows, patients)
    return {
        "Organization": [organization(rows)],
        "Practitioner": practitioners(),
        "Patient": [dump(_patient(locality, rows, person)) for person in rows.persons.tolist()],
        "Condition": conditions,
        "Observation": observations + _measured(locality, rows, patients),
        "FamilyMemberHistory": family,
        "MedicationRequest": requests,
        "MedicationStatement": statements,
        "Medication": [dump({"resourceType": "Medication", "id": guid(_MEDICINE, n),
                             "meta": {"profile": [GPC + "Medication-1"]},
                             "code": coded(rows.plan.medication_system, m.code, m.display)})
                       for n, m in enumerate(locality.medicines)],
        "Encounter": _contacts(rows, patients),
        "CarePlan": [dump(plan) for plan in _plans(locality, rows)],
        "Consent": [dump(consent) for consent in _consents(locality, rows)],
        "AllergyIntolerance": [dump(allergy) for allergy in _allergies(locality, rows)],
    }


def _meta(profile: str) -> str:
    return f'"meta":{{"profile":["{GPC}{profile}-1"]}}'


def _reference(rows: Extract, person: int) -> dict[str, str]:
    return {"reference": f"Patient/{guid(_PATIENT, int(rows.person_no[person]))}"}


def _patient(locality: Locality, rows: Extract, person: int) -> dict[str, Any]:
    people, names = locality.people, locality.names
    said = registration(locality, rows.plan, person)
    line, town, postcode = home_address(locality, person)
    ethnic = locality.settings.texts("population.ethnicity")[int(people.ethnicity[person])]
    period = {"start": said.start} | ({"end": said.end} if said.end else {})
    patient: dict[str, Any] = {
        "resourceType": "Patient",
        "id": guid(_PATIENT, int(rows.person_no[person])),
        "meta": {"versionId": str(100 + person % 9), "profile": [GPC + "Patient-1"]},
        "extension": [
            {
                "url": GPC_EXTENSION + "RegistrationDetails-1",
                "extension": [
                    {"url": "registrationPeriod", "valuePeriod": period},
                    {
                        "url": "registrationType",
                        "valueCodeableConcept": coded(CARE_SYSTEM + "RegistrationType-1", "R", "Regular"),
                    },
                ],
            },
            {
                "url": CARE_EXTENSION + "EthnicCategory-1",
                "valueCodeableConcept": coded("https://fhir.hl7.org.uk/CareConnect-EthnicCategory-1", ethnic),
            },
        ],
    }
    if said.death:
        status = coded("https://fhir.hl7.org.uk/CareConnect-DeathNotificationStatus-1", DEATHS[said.death])
        patient["extension"].append({"url": CARE_EXTENSION + "DeathNotificationStatus-1", "extension": [
            {"url": "deathNotificationStatus", "valueCodeableConcept": status}]})
    if locality.extras.gp_nhs[person]:
        verified = coded(CARE_SYSTEM + "NHSNumberVerificationStatus-1", "01", "Number present and verified")
        patient["identifier"] = [{
            "extension": [{"url": GPC_EXTENSION + "NHSNumberVerificationStatus-1", "valueCodeableConcept": verified}],
            "system": NHS, "value": str(locality.extras.gp_nhs[person])}]
    patient |= {"active": said.active, "name": [{
        "use": "official", "family": names.family(person), "given": [names.given(person)],
        "prefix": ["Mr" if people.male[person] else "Ms"]}]}
    if phone := names.phone(person):
        patient["telecom"] = [{"system": "phone", "value": phone, "use": "home"}]
    patient |= {"gender": "male" if people.male[person] else "female", "birthDate": iso(int(people.birth[person]))}
    if said.died_on:
        patient["deceasedDateTime"] = said.died_on
    return patient | {
        "address": [{"use": "home", "type": "physical", "line": [line], "city": town, "postalCode": postcode}],
        "generalPractitioner": [{"reference": f"Practitioner/gp{1 + locality.extras.usual_gp[person]}"}],
        "managingOrganization": {"reference": "Organization/practice"}}


def _coded(locality: Locality, rows: Extract, patients: list[str]) -> tuple[list[str], list[str], list[str]]:
    concepts, day, c = Concepts(locality.codes.catalogue, "stu3"), days(), rows.coded
    conditions: list[str] = []
    observations: list[str] = []
    family: list[str] = []
    verified = {REFUTED: ',"verificationStatus":"refuted"', IN_ERROR: ',"verificationStatus":"entered-in-error"'}
    for n, (code, style, no, effective, recorded, ended, form, state, contact) in enumerate(zip(
            c.code.tolist(), rows.style.tolist(), rows.person_no[c.person].tolist(), c.effective.tolist(),
            c.recorded.tolist(), c.ended.tolist(), c.form.tolist(), c.state.tolist(),
            rows.contact_no[c.contact].tolist(), strict=True), start=1):
        concept, key, began = concepts.of(code, style), guid(_ENTRY, n), day[effective - FIRST_DAY]
        known = f"{day[recorded - FIRST_DAY]}T{9 + no % 8:02d}:{no % 60:02d}:36.487{offset(recorded)}"
        met = f',"context":{{"reference":"Encounter/{guid(_CONTACT, contact)}"}}' if contact else ""
        if form == FAMILY:
            family.append(
                f'{{"resourceType":"FamilyMemberHistory","id":"f{len(family) + 1}","status":"completed",'
                f'"patient":{patients[no]},"date":"{day[recorded - FIRST_DAY]}","relationship":{{"text":"Father"}},'
                f'"condition":[{{"code":{concept}}}]}}')
            continue
        if form != CONDITION:
            status = "entered-in-error" if state == IN_ERROR else "final"
            answer = ',"valueBoolean":false' if state == NEGATED else ""
            observations.append(
                f'{{"resourceType":"Observation","id":"{key}",{_meta("Observation")},"status":"{status}",'
                f'"code":{concept},"subject":{patients[no]}{met},"effectiveDateTime":"{began}",'
                f'"issued":"{known}"{answer}}}')
        if form in (CONDITION, PAIR):
            points = "" if form == CONDITION else (
                f'"extension":[{{"url":"{CARE_EXTENSION}ActualProblem-1",'
                f'"valueReference":{{"reference":"Observation/{key}"}}}}],')
            clinical = "" if state == IN_ERROR else (
                f'"clinicalStatus":"{"inactive" if state in (RESOLVED, REFUTED) else "active"}",')
            over = f',"abatementDateTime":"{day[ended - FIRST_DAY]}"' if ended >= 0 else ""
            dates = "" if ended == -2 and contact else f',"onsetDateTime":"{began}"{over},"assertedDate":"{known}"'
            conditions.append(
                f'{{"resourceType":"Condition","id":"{key}-PROB",{_meta("ProblemHeader-Condition")},{points}{clinical}'
                f'{_PROBLEM}{verified.get(state, "")},"code":{concept},"subject":{patients[no]}{met}{dates}}}')
    return conditions, observations, family


def _measured(locality: Locality, rows: Extract, patients: list[str]) -> list[str]:
    concepts, m, codes = Concepts(locality.codes.catalogue, "stu3"), rows.measured, locality.codes.tests.tolist()
    lines = []
    for n, (test, style, no, effective, minute, value, second, spelling, wrong) in enumerate(zip(
            m.test.tolist(), rows.measured_style.tolist(), rows.person_no[m.person].tolist(), m.effective.tolist(),
            m.minute.tolist(), m.value.tolist(), m.second.tolist(), m.spelling.tolist(), m.in_error.tolist(),
            strict=True)):
        when, status = instant(effective, minute), "entered-in-error" if wrong else "final"
        # GP systems send most units as text.
        spelled = 1 if spelling == 0 and n % 8 else spelling
        lines.append(
            f'{{"resourceType":"Observation","id":"{guid(_RESULT, n)}",{_meta("Observation")},"status":"{status}",'
            f'"code":{concepts.of(codes[test], style)},"subject":{patients[no]},"effectiveDateTime":"{when}",'
            f'"issued":"{when}",{result_value(locality, test, value, second, spelled)}}}')
    return lines


def _medicines(locality: Locality, rows: Extract, patients: list[str]) -> tuple[list[str], list[str]]:
    day, i = days(), rows.issues
    kind = ['"extension":' + dump([{"url": GPC_EXTENSION + "PrescriptionType-1", "valueCodeableConcept": coded(
        CARE_SYSTEM + "PrescriptionType-1", "acute" if m.course_days else "repeat")}]) for m in locality.medicines]
    what = [f'"medicationReference":{{"reference":"Medication/{guid(_MEDICINE, n)}"}}'
            for n in range(len(locality.medicines))]
    requests: list[str] = []
    for wanted, intent in ((ORDER, "order"), (PLAN, "plan")):
        chosen = i.role == wanted
        for drug, no, start, end, running, active, plan in zip(
                i.medicine[chosen].tolist(), rows.person_no[i.person[chosen]].tolist(), i.day[chosen].tolist(),
                i.ended[chosen].tolist(), last_order(i)[chosen].tolist(), i.active[chosen].tolist(),
                rows.plan_no[i.series[chosen]].tolist(), strict=True):
            n, begins = len(requests) + 1, day[start - FIRST_DAY]
            ends = f',"end":"{day[end - FIRST_DAY]}"' if end < OPEN else ""
            status = "active" if active and (running or wanted == PLAN) else "completed"
            based = (
                f'"basedOn":[{{"reference":"MedicationRequest/{_request(plan)}"}}],' if plan and wanted == ORDER else ""
            )
            requests.append(
                f'{{"resourceType":"MedicationRequest","id":"{_request(n)}",{_meta("MedicationRequest")},{kind[drug]},'
                f'{based}"status":"{status}","intent":"{intent}",{what[drug]},"subject":{patients[no]},'
                f'"authoredOn":"{begins}T{9 + no % 8:02d}:{n % 60:02d}:21.62{offset(start)}",'
                f'"dispenseRequest":{{"validityPeriod":{{"start":"{begins}"{ends}}}}}}}')
    chosen = i.role == STATEMENT
    statements = []
    for drug, no, start, active, plan in zip(
            i.medicine[chosen].tolist(), rows.person_no[i.person[chosen]].tolist(), i.day[chosen].tolist(),
            i.active[chosen].tolist(), rows.plan_no[i.series[chosen]].tolist(), strict=True):
        begins = day[start - FIRST_DAY]
        statements.append(
            f'{{"resourceType":"MedicationStatement","id":"{_request(plan)}-MS",{_meta("MedicationStatement")},'
            f'"basedOn":[{{"reference":"MedicationRequest/{_request(plan)}"}}],'
            f'"status":"{"active" if active else "completed"}",{what[drug]},'
            f'"effectivePeriod":{{"start":"{begins}"}},"dateAsserted":"{begins}","subject":{patients[no]},"taken":"unk"}}'
        )
    return requests, statements


def _request(n: int) -> str:
    return guid(_MEDICINE, 1000 + n)


def _contacts(rows: Extract, patients: list[str]) -> list[str]:
    day, clock, c = days(), minutes(), rows.contacts
    return [
        f'{{"resourceType":"Encounter","id":"{guid(_CONTACT, n)}",{_meta("Encounter")},"status":"finished",'
        f'"type":[{{"text":"{CONTACT_KINDS[kind]}"}}],"subject":{patients[no]},'
        f'"period":{{"start":"{day[when - FIRST_DAY]}{clock[minute]}{offset(when)}"}},'
        f'"serviceProvider":{{"reference":"Organization/practice"}}}}'
        for n, (no, when, minute, kind) in enumerate(
            zip(rows.person_no[c.person].tolist(), c.day.tolist(), c.minute.tolist(), c.kind.tolist(), strict=True),
            start=1,
        )
    ]


def _plans(locality: Locality, rows: Extract) -> Iterable[dict[str, Any]]:
    x = locality.extras
    here = (x.plan_kind[rows.persons] > 0) & (locality.people.practice[rows.persons] == rows.plan.index)
    for n, person in enumerate(rows.persons[here].tolist(), start=1):
        yield {"resourceType": "CarePlan", "id": f"plan{n}", "status": "active", "intent": "plan",
               "category": [{"text": PLAN_TITLES[1]}], "title": PLAN_TITLES[int(x.plan_kind[person])],
               "subject": _reference(rows, person),
               "period": {"start": iso(int(x.plan_from[person])), "end": iso(int(x.plan_review[person]))}}


def _consents(locality: Locality, rows: Extract) -> Iterable[dict[str, Any]]:
    for n, (person, day, status, (text, decision, purpose)) in enumerate(consents(locality, rows), start=1):
        purposes = [{"system": "http://hl7.org/fhir/v3/ActReason", "code": purpose}]
        yield {"resourceType": "Consent", "id": f"consent{n}", "status": status, "category": [{"text": text}],
               "patient": _reference(rows, person), "dateTime": iso(day), "policyRule": "urn:ietf:rfc:3986",
               "purpose": purposes, "except": [{"type": decision, "purpose": purposes}]}


def _allergies(locality: Locality, rows: Extract) -> Iterable[dict[str, Any]]:
    x = locality.extras
    for n, person in enumerate(rows.persons[x.allergy[rows.persons] >= 0].tolist(), start=1):
        drug, day = locality.medicines[int(x.allergy[person])], iso(allergy_day(locality, person))
        yield {"resourceType": "AllergyIntolerance", "id": f"a{n}", "meta": {"profile": [GPC + "AllergyIntolerance-1"]},
               "clinicalStatus": "active", "verificationStatus": "unconfirmed", "category": ["medication"],
               "code": coded(rows.plan.medication_system, drug.code, drug.display),
               "patient": _reference(rows, person), "onsetDateTime": day, "assertedDate": day}
