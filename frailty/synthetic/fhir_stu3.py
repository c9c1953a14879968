"""GP extracts as FHIR STU3 in the shape of GP Connect (Care Connect profiles): diagnoses mostly as Observations without
a value, problems that point to them, medicines by reference with plan, order and statement."""

from __future__ import annotations

from frailty.synthetic.extract import Extract, home_address, last_order, registration
from frailty.synthetic.fhir_r4 import NHS, OBJECTION, ODS, OTHER_CONSENTS, PLAN_TITLES, Concepts, Files, result_value
from frailty.synthetic.model import Locality
from frailty.synthetic.people import OPEN
from frailty.synthetic.rows import CONDITION, CONTACT_KINDS, FAMILY, IN_ERROR, NEGATED, ORDER, PAIR, PLAN, REFUTED, RESOLVED
from frailty.synthetic.text import FIRST_DAY, days, instant, iso, minutes, offset, quoted

GPC = "https://fhir.nhs.uk/STU3/StructureDefinition/CareConnect-GPC-"
EXT = "https://fhir.nhs.uk/STU3/StructureDefinition/Extension-CareConnect-GPC-"
CARE = "https://fhir.hl7.org.uk/STU3/StructureDefinition/Extension-CareConnect-"
SYSTEM = "https://fhir.nhs.uk/STU3/CodeSystem/CareConnect-"


def guid(kind: int, n: int) -> str:
    """An identifier in the style of the GP system."""
    return f"{n * 2654435761 % 4294967296:08X}-{kind:04X}-4{n % 4096:03X}-8000-{n:012X}"


_PATIENT, _ENTRY, _MEDICINE, _CONTACT = 1, 2, 3, 4


def gp_files(locality: Locality, rows: Extract) -> Files:
    """Every file of one practice: type -> lines."""
    conditions, observations, family = _coded(locality, rows)
    requests, statements = _medicines(locality, rows)
    return {
        "Organization": [f'{{"resourceType":"Organization","id":"practice","identifier":[{{"system":"{ODS}","value":'
                         f'"{rows.plan.ods}"}}],"name":{quoted(rows.plan.name)}}}'],
        "Practitioner": [f'{{"resourceType":"Practitioner","id":"gp{n}","name":[{{"use":"official","family":"Example{chr(64 + n)}",'
                         f'"given":["{chr(64 + n)}"],"prefix":["Dr"]}}]}}' for n in range(1, 6)],
        "Patient": [_patient(locality, rows, int(person)) for person in rows.persons],
        "Condition": conditions,
        "Observation": observations + _measured(locality, rows, len(observations)),
        "FamilyMemberHistory": family,
        "MedicationRequest": requests,
        "MedicationStatement": statements,
        "Medication": [f'{{"resourceType":"Medication","id":"{guid(_MEDICINE, n)}","meta":{{"profile":["{GPC}Medication-1"]}},"code":'
                       f'{{"coding":[{{"system":"{rows.plan.medication_system}","code":"{m.code}","display":{quoted(m.display)}}}]}}}}'
                       for n, m in enumerate(locality.medicines)],
        "Encounter": _contacts(rows),
        "CarePlan": _plans(locality, rows),
        "Consent": _consents(locality, rows),
        "AllergyIntolerance": _allergies(locality, rows),
    }


def _ref(rows: Extract, no: int) -> str:
    return f'{{"reference":"Patient/{guid(_PATIENT, no)}"}}'


def _patient(locality: Locality, rows: Extract, person: int) -> str:
    people, names = locality.people, locality.names
    said = registration(locality, rows.plan, person)
    line, town, postcode = home_address(locality, person)
    phone, nhs = names.phone(person), int(locality.extras.gp_nhs[person])
    ethnic = locality.settings.texts("population.ethnicity")[int(people.ethnicity[person])]
    period = f'{{"start":"{said.start}"' + (f',"end":"{said.end}"}}' if said.end else "}")
    extension = (
        f'{{"url":"{EXT}RegistrationDetails-1","extension":[{{"url":"registrationPeriod","valuePeriod":{period}}},{{"url":'
        f'"registrationType","valueCodeableConcept":{{"coding":[{{"system":"{SYSTEM}RegistrationType-1","code":"R","display":'
        f'"Regular"}}]}}}}]}},{{"url":"{CARE}EthnicCategory-1","valueCodeableConcept":{{"coding":[{{"system":'
        f'"https://fhir.hl7.org.uk/CareConnect-EthnicCategory-1","code":"{ethnic}"}}]}}}}')
    if said.death:
        extension += (f',{{"url":"{CARE}DeathNotificationStatus-1","extension":[{{"url":"deathNotificationStatus",'
                      f'"valueCodeableConcept":{{"coding":[{{"system":"https://fhir.hl7.org.uk/CareConnect-DeathNotificationStatus-1",'
                      f'"code":"{"2" if said.death == "formal" else "1"}"}}]}}}}]}}')
    parts = [f'{{"resourceType":"Patient","id":"{guid(_PATIENT, int(rows.person_no[person]))}","meta":{{"versionId":"{100 + person % 9}",'
             f'"profile":["{GPC}Patient-1"]}},"extension":[{extension}]']
    if nhs:
        parts.append(f'"identifier":[{{"extension":[{{"url":"{EXT}NHSNumberVerificationStatus-1","valueCodeableConcept":{{"coding":'
                     f'[{{"system":"{SYSTEM}NHSNumberVerificationStatus-1","code":"01","display":"Number present and verified"}}]}}}}],'
                     f'"system":"{NHS}","value":"{nhs}"}}]')
    parts.append(f'"active":{"true" if said.active else "false"},"name":[{{"use":"official","family":{quoted(names.family(person))},'
                 f'"given":[{quoted(names.given(person))}],"prefix":["{"Mr" if people.male[person] else "Ms"}"]}}]')
    if phone:
        parts.append(f'"telecom":[{{"system":"phone","value":"{phone}","use":"home"}}]')
    parts.append(f'"gender":"{"male" if people.male[person] else "female"}","birthDate":"{iso(int(people.birth[person]))}"')
    if said.died_on:
        parts.append(f'"deceasedDateTime":"{said.died_on}"')
    parts.append(f'"address":[{{"use":"home","type":"physical","line":[{quoted(line)}],"city":"{town}","postalCode":"{postcode}"}}],'
                 f'"generalPractitioner":[{{"reference":"Practitioner/gp{1 + locality.extras.usual_gp[person]}"}}],'
                 f'"managingOrganization":{{"reference":"Organization/practice"}}}}')
    return ",".join(parts)


def _coded(locality: Locality, rows: Extract) -> tuple[list[str], list[str], list[str]]:
    concepts, day, c = Concepts(locality.codes.catalogue, "stu3"), days(), rows.coded
    conditions: list[str] = []
    observations: list[str] = []
    family: list[str] = []
    for code, style, no, effective, recorded, ended, form, state, contact in zip(
            c.code.tolist(), rows.style.tolist(), rows.person_no[c.person].tolist(), c.effective.tolist(), c.recorded.tolist(),
            c.ended.tolist(), c.form.tolist(), c.state.tolist(), rows.contact_no[c.contact].tolist(), strict=True):
        concept, subject = concepts.of(code, style), _ref(rows, no)
        known = f"{day[recorded - FIRST_DAY]}T{9 + no % 8:02d}:{no % 60:02d}:36.487{offset(recorded)}"
        met = f'"context":{{"reference":"Encounter/{guid(_CONTACT, contact)}"}},' if contact else ""
        n = len(observations) + len(conditions) + 1
        if form == FAMILY:
            family.append(f'{{"resourceType":"FamilyMemberHistory","id":"f{len(family) + 1}","status":"completed","patient":{subject},'
                          f'"date":"{day[recorded - FIRST_DAY]}","relationship":{{"text":"Father"}},"condition":[{{"code":{concept}}}]}}')
            continue
        if form != CONDITION:
            status = "entered-in-error" if state == IN_ERROR else "final"
            no_value = ',"valueBoolean":false' if state == NEGATED else ""
            observations.append(
                f'{{"resourceType":"Observation","id":"{guid(_ENTRY, n)}","meta":{{"profile":["{GPC}Observation-1"]}},"status":"{status}",'
                f'"code":{concept},"subject":{subject},{met}"effectiveDateTime":"{day[effective - FIRST_DAY]}","issued":"{known}"'
                f'{no_value}}}')
        if form in (CONDITION, PAIR):
            points = "" if form == CONDITION else (f'"extension":[{{"url":"{CARE}ActualProblem-1","valueReference":{{"reference":'
                                                   f'"Observation/{guid(_ENTRY, n)}"}}}}],')
            verified = {REFUTED: '"verificationStatus":"refuted",', IN_ERROR: '"verificationStatus":"entered-in-error",'}.get(state, "")
            clinical = "" if state == IN_ERROR else f'"clinicalStatus":"{"inactive" if state in (RESOLVED, REFUTED) else "active"}",'
            dates = f'"onsetDateTime":"{day[effective - FIRST_DAY]}",'
            if ended >= 0:
                dates += f'"abatementDateTime":"{day[ended - FIRST_DAY]}",'
            dates += f'"assertedDate":"{known}"'
            if ended == -2 and contact:
                dates, met = "", met[:-1]
            conditions.append(
                f'{{"resourceType":"Condition","id":"{guid(_ENTRY, n)}-PROB","meta":{{"profile":["{GPC}ProblemHeader-Condition-1"]}},'
                f'{points}{clinical}{verified}"category":[{{"coding":[{{"system":'
                f'"https://fhir.hl7.org.uk/STU3/CodeSystem/CareConnect-ConditionCategory-1","code":"problem-list-item"}}]}}],"code":'
                f'{concept},"subject":{subject},{met}{dates}}}')
    return conditions, observations, family


def _measured(locality: Locality, rows: Extract, before: int) -> list[str]:
    concepts, m, codes = Concepts(locality.codes.catalogue, "stu3"), rows.measured, locality.codes.tests.tolist()
    lines = []
    for n, (test, style, no, effective, minute, value, second, spelling, wrong) in enumerate(zip(
            m.test.tolist(), rows.measured_style.tolist(), rows.person_no[m.person].tolist(), m.effective.tolist(),
            m.minute.tolist(), m.value.tolist(), m.second.tolist(), m.spelling.tolist(), m.in_error.tolist(), strict=True)):
        when = instant(effective, minute)
        # GP systems send most units as text.
        spelled = 1 if spelling == 0 and n % 8 else spelling
        lines.append(
            f'{{"resourceType":"Observation","id":"{guid(_ENTRY, 5_000_000 + before + n)}","meta":{{"profile":["{GPC}Observation-1"]}},'
            f'"status":"{"entered-in-error" if wrong else "final"}","code":{concepts.of(codes[test], style)},"subject":{_ref(rows, no)},'
            f'"effectiveDateTime":"{when}","issued":"{when}",{result_value(locality, test, value, second, spelled)}}}')
    return lines


def _medicines(locality: Locality, rows: Extract) -> tuple[list[str], list[str]]:
    day, i = days(), rows.issues
    lasting = [m.course_days == 0 for m in locality.medicines]
    requests: list[str] = []
    for wanted, intent in ((ORDER, "order"), (PLAN, "plan")):
        chosen = i.role == wanted
        for medicine, no, start, end, running, active, plan in zip(
                i.medicine[chosen].tolist(), rows.person_no[i.person[chosen]].tolist(), i.day[chosen].tolist(),
                i.ended[chosen].tolist(), last_order(i)[chosen].tolist(), i.active[chosen].tolist(),
                rows.plan_no[i.series[chosen]].tolist(), strict=True):
            n = len(requests) + 1
            based = f'"basedOn":[{{"reference":"MedicationRequest/{guid(_MEDICINE, 1000 + plan)}"}}],' if plan and wanted == ORDER else ""
            status = "active" if active and (running or wanted == PLAN) else "completed"
            ends = f',"end":"{day[end - FIRST_DAY]}"' if end < OPEN else ""
            requests.append(
                f'{{"resourceType":"MedicationRequest","id":"{guid(_MEDICINE, 1000 + n)}","meta":{{"profile":["{GPC}MedicationRequest-1"]}},'
                f'"extension":[{{"url":"{EXT}PrescriptionType-1","valueCodeableConcept":{{"coding":[{{"system":"{SYSTEM}PrescriptionType-1",'
                f'"code":"{"repeat" if lasting[medicine] else "acute"}"}}]}}}}],{based}"status":"{status}","intent":"{intent}",'
                f'"medicationReference":{{"reference":"Medication/{guid(_MEDICINE, medicine)}"}},"subject":{_ref(rows, no)},"authoredOn":'
                f'"{day[start - FIRST_DAY]}T{9 + no % 8:02d}:{n % 60:02d}:21.62{offset(start)}","dispenseRequest":{{"validityPeriod":'
                f'{{"start":"{day[start - FIRST_DAY]}"{ends}}}}}}}')
    chosen = i.role > PLAN + 1
    statements = [
        f'{{"resourceType":"MedicationStatement","id":"{guid(_MEDICINE, 1000 + plan)}-MS","meta":{{"profile":["{GPC}MedicationStatement-1"]}},'
        f'"basedOn":[{{"reference":"MedicationRequest/{guid(_MEDICINE, 1000 + plan)}"}}],"status":"{"active" if active else "completed"}",'
        f'"medicationReference":{{"reference":"Medication/{guid(_MEDICINE, medicine)}"}},"effectivePeriod":{{"start":'
        f'"{day[start - FIRST_DAY]}"}},"dateAsserted":"{day[start - FIRST_DAY]}","subject":{_ref(rows, no)},"taken":"unk"}}'
        for medicine, no, start, active, plan in zip(
            i.medicine[chosen].tolist(), rows.person_no[i.person[chosen]].tolist(), i.day[chosen].tolist(),
            i.active[chosen].tolist(), rows.plan_no[i.series[chosen]].tolist(), strict=True)]
    return requests, statements


def _contacts(rows: Extract) -> list[str]:
    day, clock, c = days(), minutes(), rows.contacts
    return [
        f'{{"resourceType":"Encounter","id":"{guid(_CONTACT, n + 1)}","meta":{{"profile":["{GPC}Encounter-1"]}},"status":"finished","type":'
        f'[{{"text":"{CONTACT_KINDS[kind]}"}}],"subject":{_ref(rows, no)},"period":{{"start":'
        f'"{day[when - FIRST_DAY]}{clock[minute]}{offset(when)}"}},"serviceProvider":{{"reference":"Organization/practice"}}}}'
        for n, (no, when, minute, kind) in enumerate(zip(rows.person_no[c.person].tolist(), c.day.tolist(), c.minute.tolist(),
                                                         c.kind.tolist(), strict=True))]


def _plans(locality: Locality, rows: Extract) -> list[str]:
    x, lines = locality.extras, []
    for person in rows.persons[(x.plan_kind[rows.persons] > 0) & (locality.people.practice[rows.persons] == rows.plan.index)]:
        start = iso(int(x.plan_from[person]))
        lines.append(
            f'{{"resourceType":"CarePlan","id":"plan{len(lines) + 1}","status":"active","intent":"plan","category":[{{"text":'
            f'"{PLAN_TITLES[1]}"}}],"title":"{PLAN_TITLES[int(x.plan_kind[person])]}","subject":{_ref(rows, int(rows.person_no[person]))},'
            f'"period":{{"start":"{start}","end":"{iso(int(x.plan_review[person]))}"}}}}')
    return lines


def _consents(locality: Locality, rows: Extract) -> list[str]:
    x, lines = locality.extras, []
    reason = "http://hl7.org/fhir/v3/ActReason"

    def one(person: int, day: int, status: str, text: str, decision: str, purpose: str) -> str:
        return (f'{{"resourceType":"Consent","id":"consent{len(lines) + 1}","status":"{status}","category":[{{"text":"{text}"}}],"patient":'
                f'{_ref(rows, int(rows.person_no[person]))},"dateTime":"{iso(day)}","policyRule":"urn:ietf:rfc:3986","purpose":[{{"system":'
                f'"{reason}","code":"{purpose}"}}],"except":[{{"type":"{decision}","purpose":[{{"system":"{reason}","code":"{purpose}"}}]}}]}}')

    here = locality.people.practice[rows.persons] == rows.plan.index
    for person in rows.persons[here & (x.objection[rows.persons] < OPEN)].tolist():
        ended = int(x.objection_ended[person])
        lines.append(one(person, int(x.objection[person]) if ended == OPEN else ended, "active" if ended == OPEN else "inactive",
                         OBJECTION, "deny", "POPHLTH"))
    for person in rows.persons[here & (x.other_consent[rows.persons] >= 0)].tolist():
        kind = int(x.other_consent[person])
        lines.append(one(person, locality.as_of - 200 - person % 700, "active", OTHER_CONSENTS[kind],
                         "deny" if kind == 1 else "permit", ("TREAT", "HRESCH", "TREAT")[kind]))
    return lines


def _allergies(locality: Locality, rows: Extract) -> list[str]:
    x, lines = locality.extras, []
    for person in rows.persons[x.allergy[rows.persons] >= 0].tolist():
        medicine = locality.medicines[int(x.allergy[person])]
        day = iso(max(locality.as_of - 300 - person % 4000, int(locality.people.birth[person])))
        lines.append(
            f'{{"resourceType":"AllergyIntolerance","id":"a{len(lines) + 1}","meta":{{"profile":["{GPC}AllergyIntolerance-1"]}},"clinicalStatus":'
            f'"active","verificationStatus":"unconfirmed","category":["medication"],"code":{{"coding":[{{"system":'
            f'"{rows.plan.medication_system}","code":"{medicine.code}","display":{quoted(medicine.display)}}}]}},"patient":'
            f'{_ref(rows, int(rows.person_no[person]))},"onsetDateTime":"{day}","assertedDate":"{day}"}}')
    return lines
