"""GP extracts as FHIR R4 in the shape of UK Core, one line of NDJSON a resource."""

from __future__ import annotations

from frailty.synthetic.catalogue import Catalogue
from frailty.synthetic.extract import Extract, home_address, last_order, registration
from frailty.synthetic.model import Locality
from frailty.synthetic.people import OPEN
from frailty.synthetic.rows import ACTIVE, CONDITION, FAMILY, IN_ERROR, NEGATED, ORDER, PLAN, REFUTED, RESOLVED
from frailty.synthetic.text import FIRST_DAY, days, instant, iso, minutes, number, offset, quoted

NHS, ODS = "https://fhir.nhs.uk/Id/nhs-number", "https://fhir.nhs.uk/Id/ods-organization-code"
CORE = "https://fhir.hl7.org.uk/StructureDefinition/Extension-UKCore-"
CORE_SYSTEM = "https://fhir.hl7.org.uk/CodeSystem/UKCore-"
TERMS = "http://terminology.hl7.org/CodeSystem/"
UCUM = "http://unitsofmeasure.org"
REGISTRATION = "https://fhir.nhs.uk/STU3/StructureDefinition/Extension-CareConnect-GPC-RegistrationDetails-1"
DEATHS = {"informal": "1", "formal": "2"}
OBJECTION = "Objection to profiling"
OTHER_CONSENTS = ("Consent to Summary Care Record", "Objection to research", "Consent to share with the care hub")
PLAN_TITLES = ("", "Personalised care and support plan", "Care home assessment and personalised care and support plan")
CONTACT_CLASSES = (("AMB", "ambulatory"), ("VR", "virtual"), ("HH", "home health"))
Files = dict[str, list[str]]


def updated(day: int) -> str:
    """meta of a resource last written on a day."""
    return f'"meta":{{"lastUpdated":"{days()[day - FIRST_DAY]}T18:00:00{offset(day)}"}}'


def gp_files(locality: Locality, rows: Extract) -> Files:
    """Every file of one practice: type -> lines."""
    conditions, observations, family = _coded(locality, rows)
    medication_requests, medications = _medicines(locality, rows)
    return {
        "Organization": [_organization(rows)],
        "Practitioner": [_practitioner(n) for n in range(1, 6)],
        "Patient": [_patient(locality, rows, int(person)) for person in rows.persons],
        "Condition": conditions,
        "Observation": observations + _measured(locality, rows, len(observations)),
        "FamilyMemberHistory": family,
        "MedicationRequest": medication_requests,
        "Medication": medications,
        "Encounter": _contacts(rows),
        "CarePlan": _plans(locality, rows),
        "Consent": _consents(locality, rows),
        "AllergyIntolerance": _allergies(locality, rows),
    }


def _organization(rows: Extract) -> str:
    return (f'{{"resourceType":"Organization","id":"practice","identifier":[{{"system":"{ODS}","value":"{rows.plan.ods}"}}],'
            f'"name":{quoted(rows.plan.name)}}}')


def _practitioner(n: int) -> str:
    return (f'{{"resourceType":"Practitioner","id":"gp{n}","name":[{{"use":"official","family":"Example{chr(64 + n)}",'
            f'"given":["{chr(64 + n)}"],"prefix":["Dr"]}}]}}')


def nhs_identifier(value: int, verification: str, status: str = "01", display: str = "Number present and verified") -> str:
    """The NHS number with its verification status."""
    return (f'{{"extension":[{{"url":"{CORE}NHSNumberVerificationStatus","valueCodeableConcept":{{"coding":[{{"system":'
            f'"{verification}","code":"{status}","display":"{display}"}}]}}}}],"system":"{NHS}","value":"{value}"}}')


def _patient(locality: Locality, rows: Extract, person: int) -> str:
    people, names, ods = locality.people, locality.names, rows.plan.ods
    said = registration(locality, rows.plan, person)
    line, town, postcode = home_address(locality, person)
    phone = names.phone(person)
    nhs = int(locality.extras.gp_nhs[person])
    ethnic = locality.settings.texts("population.ethnicity")[int(people.ethnicity[person])]
    period = f'{{"start":"{said.start}"' + (f',"end":"{said.end}"}}' if said.end else "}")
    extensions = [
        f'{{"url":"{CORE}EthnicCategory","valueCodeableConcept":{{"coding":[{{"system":"{CORE_SYSTEM}EthnicCategoryEngland",'
        f'"code":"{ethnic}"}}]}}}}',
        f'{{"extension":[{{"url":"registrationPeriod","valuePeriod":{period}}}],"url":"{REGISTRATION}"}}']
    if said.death:
        extensions.append(
            f'{{"extension":[{{"url":"deathNotificationStatus","valueCodeableConcept":{{"coding":[{{"system":"{CORE_SYSTEM}'
            f'DeathNotificationStatus","code":"{DEATHS[said.death]}"}}]}}}}],"url":"{CORE}DeathNotificationStatus"}}')
    parts = [
        f'{{"resourceType":"Patient","id":"p{rows.person_no[person]}",{updated(_last_written(locality, person))},'
        f'"extension":[{",".join(extensions)}]']
    if nhs:
        parts.append(f'"identifier":[{nhs_identifier(nhs, CORE_SYSTEM + "NHSNumberVerificationStatusEngland")}]')
    parts.append(f'"active":{"true" if said.active else "false"},"name":[{{"use":"official","family":'
                 f'{quoted(names.family(person))},"given":[{quoted(names.given(person))}]}}]')
    if phone:
        parts.append(f'"telecom":[{{"system":"phone","value":"{phone}","use":"home"}}]')
    parts.append(f'"gender":"{"male" if people.male[person] else "female"}","birthDate":"{iso(int(people.birth[person]))}"')
    if said.died_on:
        parts.append(f'"deceasedDateTime":"{said.died_on}"')
    parts.append(f'"address":[{{"use":"home","line":[{quoted(line)}],"city":"{town}","postalCode":"{postcode}"}}]')
    parts.append(f'"generalPractitioner":[{{"type":"Organization","identifier":{{"system":"{ODS}","value":"{ods}","period":'
                 f'{period}}}}},{{"reference":"Practitioner/gp{1 + locality.extras.usual_gp[person]}"}}]}}')
    return ",".join(parts)


def _last_written(locality: Locality, person: int) -> int:
    people = locality.people
    ends = [int(day) + 2 for day in (people.death[person], people.registered_to[person], people.moved_on[person]) if day < OPEN]
    return min(max([locality.as_of - 30 - person % 300, *ends]), locality.as_of - 1)


# ---- coded entries

_CLINICAL = {state: f'"clinicalStatus":{{"coding":[{{"system":"{TERMS}condition-clinical","code":"{word}"}}]}},'
             for state, word in ((ACTIVE, "active"), (RESOLVED, "resolved"), (REFUTED, "inactive"))} | {IN_ERROR: ""}
_VERIFIED = {state: f'"verificationStatus":{{"coding":[{{"system":"{TERMS}condition-ver-status","code":"{word}"}}]}},'
             for state, word in ((ACTIVE, "confirmed"), (RESOLVED, "confirmed"), (REFUTED, "refuted"),
                                 (IN_ERROR, "entered-in-error"))}
_PROBLEM = f'"category":[{{"coding":[{{"system":"{TERMS}condition-category","code":"problem-list-item"}}]}}],'


class Concepts:
    """CodeableConcepts as JSON, made once each."""

    def __init__(self, catalogue: Catalogue, version: str) -> None:
        self._catalogue, self._version = catalogue, version
        self._made: dict[tuple[int, int], str] = {}

    def of(self, code: int, style: int) -> str:
        """The JSON of a code in a style."""
        key = (code, style)
        if key not in self._made:
            self._made[key] = self._catalogue.concept(code, style, self._version)
        return self._made[key]


def _coded(locality: Locality, rows: Extract) -> tuple[list[str], list[str], list[str]]:
    concepts, day, c = Concepts(locality.codes.catalogue, "r4"), days(), rows.coded
    conditions: list[str] = []
    observations: list[str] = []
    family: list[str] = []
    for code, style, no, effective, recorded, ended, form, state, contact in zip(
            c.code.tolist(), rows.style.tolist(), rows.person_no[c.person].tolist(), c.effective.tolist(), c.recorded.tolist(),
            c.ended.tolist(), c.form.tolist(), c.state.tolist(), rows.contact_no[c.contact].tolist(), strict=True):
        concept = concepts.of(code, style)
        known = day[recorded - FIRST_DAY]
        met = f'"encounter":{{"reference":"Encounter/e{contact}"}},' if contact else ""
        if form == FAMILY:
            family.append(
                f'{{"resourceType":"FamilyMemberHistory","id":"f{len(family) + 1}",{updated(recorded)},"status":"completed",'
                f'"patient":{{"reference":"Patient/p{no}"}},"date":"{known}","relationship":{{"text":"Mother"}},"condition":'
                f'[{{"code":{concept}}}]}}')
        elif form == CONDITION:
            dates = f'"onsetDateTime":"{day[effective - FIRST_DAY]}",'
            if ended >= 0:
                dates += f'"abatementDateTime":"{day[ended - FIRST_DAY]}",'
            dates += f'"recordedDate":"{known}"'
            if ended == -2 and contact:
                dates, met = "", met[:-1]
            conditions.append(
                f'{{"resourceType":"Condition","id":"c{len(conditions) + 1}",{updated(recorded)},{_CLINICAL[state]}'
                f'{_VERIFIED[state]}{_PROBLEM}"code":{concept},"subject":{{"reference":"Patient/p{no}"}},{met}{dates}}}')
        else:
            status = "entered-in-error" if state == IN_ERROR else "final"
            no_value = ',"valueBoolean":false' if state == NEGATED else ""
            observations.append(
                f'{{"resourceType":"Observation","id":"o{len(observations) + 1}",{updated(recorded)},"status":"{status}",'
                f'"code":{concept},"subject":{{"reference":"Patient/p{no}"}},{met}"effectiveDateTime":'
                f'"{day[effective - FIRST_DAY]}","issued":"{known}T{10 + no % 7}:{no % 60:02d}:00{offset(recorded)}"{no_value}}}')
    return conditions, observations, family


# ---- results

def quantity(value: float, unit: str, ucum: str) -> str:
    """A valueQuantity with a coded unit, a text unit or none."""
    text = f',"unit":{quoted(unit)}' if unit else ""
    code = f',"system":"{UCUM}","code":{quoted(ucum)}' if ucum else ""
    return f'"valueQuantity":{{"value":{number(value)}{text}{code}}}'


_SYSTOLIC = '{"coding":[{"system":"http://snomed.info/sct","code":"271649006","display":"Systolic blood pressure"}]}'
_DIASTOLIC = '{"coding":[{"system":"http://snomed.info/sct","code":"271650006","display":"Diastolic blood pressure"}]}'


def result_value(locality: Locality, test: int, value: float, second: float, spelling: int) -> str:
    """The value of a result, in the spelling drawn for it."""
    of = locality.tests[test]
    if of.id == "bp":
        return (f'"component":[{{"code":{_SYSTOLIC},{quantity(value, "mmHg", "mm[Hg]")}}},'
                f'{{"code":{_DIASTOLIC},{quantity(second, "mmHg", "mm[Hg]")}}}]')
    if spelling == 3:
        return quantity(round(value * of.old_factor, 3), of.old_unit, "")
    if spelling == 2:
        return quantity(value, "", "")
    return quantity(value, of.unit, of.ucum if spelling == 0 else "")


def _measured(locality: Locality, rows: Extract, before: int) -> list[str]:
    concepts, m, codes = Concepts(locality.codes.catalogue, "r4"), rows.measured, locality.codes.tests.tolist()
    lines = []
    for n, (test, style, no, effective, minute, value, second, spelling, wrong) in enumerate(zip(
            m.test.tolist(), rows.measured_style.tolist(), rows.person_no[m.person].tolist(), m.effective.tolist(),
            m.minute.tolist(), m.value.tolist(), m.second.tolist(), m.spelling.tolist(), m.in_error.tolist(), strict=True)):
        when = instant(effective, minute)
        lines.append(
            f'{{"resourceType":"Observation","id":"o{before + n + 1}",{updated(effective)},"status":'
            f'"{"entered-in-error" if wrong else "final"}","code":{concepts.of(codes[test], style)},"subject":{{"reference":'
            f'"Patient/p{no}"}},"effectiveDateTime":"{when}","issued":"{when}",'
            f'{result_value(locality, test, value, second, spelling)}}}')
    return lines


# ---- medicines

_COURSE = f'"courseOfTherapyType":{{"coding":[{{"system":"{TERMS}medicationrequest-course-of-therapy","code":"'


def _medicines(locality: Locality, rows: Extract) -> tuple[list[str], list[str]]:
    """Orders first, then plans, so that their numbers are known beforehand."""
    system, day, share = rows.plan.medication_system, days(), locality.settings.number("medicines.substitute_share")
    concept = [f'{{"coding":[{{"system":"{system}","code":"{m.code}","display":{quoted(m.display)}}}]}}' for m in locality.medicines]
    by_reference = [rows.plan.index > 0 and (n * 37 % 100) < 100 * share for n in range(len(concept))]
    what = [f'"medicationReference":{{"reference":"Medication/med{n}"}}' if by_reference[n]
            else f'"medicationCodeableConcept":{concept[n]}' for n in range(len(concept))]
    lasting = [m.course_days == 0 for m in locality.medicines]
    i = rows.issues
    lines: list[str] = []
    for wanted, intent in ((ORDER, "order"), (PLAN, "plan")):
        chosen = i.role == wanted
        for medicine, no, start, end, running, active, plan in zip(
                i.medicine[chosen].tolist(), rows.person_no[i.person[chosen]].tolist(), i.day[chosen].tolist(),
                i.ended[chosen].tolist(), last_order(i)[chosen].tolist(), i.active[chosen].tolist(),
                rows.plan_no[i.series[chosen]].tolist(), strict=True):
            based = f'"basedOn":[{{"reference":"MedicationRequest/m{plan}"}}],' if plan and wanted == ORDER else ""
            status = "active" if active and (running or wanted == PLAN) else "completed"
            ends = f',"end":"{day[end - FIRST_DAY]}"' if end < OPEN else ""
            lines.append(
                f'{{"resourceType":"MedicationRequest","id":"m{len(lines) + 1}",{updated(start)},"status":"{status}","intent":'
                f'"{intent}",{what[medicine]},"subject":{{"reference":"Patient/p{no}"}},"authoredOn":"{day[start - FIRST_DAY]}",'
                f'{based}{_COURSE}{"continuous" if lasting[medicine] else "acute"}"}}]}},"dispenseRequest":{{"validityPeriod":'
                f'{{"start":"{day[start - FIRST_DAY]}"{ends}}}}}}}')
    medications = [f'{{"resourceType":"Medication","id":"med{n}","code":{concept[n]}}}'
                   for n in range(len(concept)) if by_reference[n]]
    return lines, medications


# ---- contacts, plans, consents, allergies

def _contacts(rows: Extract) -> list[str]:
    day, clock, c = days(), minutes(), rows.contacts
    kinds = [f'"class":{{"system":"{TERMS}v3-ActCode","code":"{code}","display":"{display}"}},"type":[{{"text":"{text}"}}],'
             for (code, display), text in zip(CONTACT_CLASSES, ("GP Surgery", "Telephone call to a patient", "Home visit"),
                                              strict=True)]
    provider = f'"serviceProvider":{{"identifier":{{"system":"{ODS}","value":"{rows.plan.ods}"}}}}'
    return [
        f'{{"resourceType":"Encounter","id":"e{n + 1}",{updated(when)},"status":"finished",{kinds[kind]}"subject":{{"reference":'
        f'"Patient/p{no}"}},"period":{{"start":"{day[when - FIRST_DAY]}{clock[minute]}{offset(when)}","end":'
        f'"{day[when - FIRST_DAY]}{clock[minute + 10]}{offset(when)}"}},{provider}}}'
        for n, (no, when, minute, kind) in enumerate(zip(rows.person_no[c.person].tolist(), c.day.tolist(), c.minute.tolist(),
                                                         c.kind.tolist(), strict=True))]


def _plans(locality: Locality, rows: Extract) -> list[str]:
    x, lines = locality.extras, []
    for person in rows.persons[(x.plan_kind[rows.persons] > 0) & (locality.people.practice[rows.persons] == rows.plan.index)]:
        start, review = int(x.plan_from[person]), int(x.plan_review[person])
        title = PLAN_TITLES[int(x.plan_kind[person])]
        lines.append(
            f'{{"resourceType":"CarePlan","id":"plan{len(lines) + 1}",{updated(start)},"status":"active","intent":"plan","category":'
            f'[{{"text":"{PLAN_TITLES[1]}"}}],"title":"{title}","subject":{{"reference":"Patient/p{rows.person_no[person]}"}},'
            f'"period":{{"start":"{iso(start)}","end":"{iso(review)}"}},"created":"{iso(start)}"}}')
    return lines


def _consents(locality: Locality, rows: Extract) -> list[str]:
    x, lines = locality.extras, []

    def one(person: int, day: int, status: str, text: str, decision: str, purpose: str) -> str:
        return (f'{{"resourceType":"Consent","id":"consent{len(lines) + 1}",{updated(day)},"status":"{status}","scope":{{"coding":'
                f'[{{"system":"{TERMS}consentscope","code":"patient-privacy"}}]}},"category":[{{"text":"{text}"}}],"patient":'
                f'{{"reference":"Patient/p{rows.person_no[person]}"}},"dateTime":"{iso(day)}","policyRule":{{"text":"{text}"}},'
                f'"provision":{{"type":"{decision}","purpose":[{{"system":"{TERMS}v3-ActReason","code":"{purpose}"}}]}}}}')

    here = locality.people.practice[rows.persons] == rows.plan.index
    for person in rows.persons[here & (x.objection[rows.persons] < OPEN)].tolist():
        ended = int(x.objection_ended[person])
        day = int(x.objection[person])
        lines.append(one(person, day if ended == OPEN else ended, "active" if ended == OPEN else "inactive", OBJECTION, "deny",
                         "POPHLTH"))
    for person in rows.persons[here & (x.other_consent[rows.persons] >= 0)].tolist():
        kind = int(x.other_consent[person])
        lines.append(one(person, locality.as_of - 200 - person % 700, "active", OTHER_CONSENTS[kind],
                         "deny" if kind == 1 else "permit", ("TREAT", "HRESCH", "TREAT")[kind]))
    return lines


def _allergies(locality: Locality, rows: Extract) -> list[str]:
    x, lines = locality.extras, []
    for person in rows.persons[x.allergy[rows.persons] >= 0].tolist():
        medicine = locality.medicines[int(x.allergy[person])]
        day = max(locality.as_of - 300 - person % 4000, int(locality.people.birth[person]))
        lines.append(
            f'{{"resourceType":"AllergyIntolerance","id":"a{len(lines) + 1}",{updated(day)},"clinicalStatus":{{"coding":[{{"system":'
            f'"{TERMS}allergyintolerance-clinical","code":"active"}}]}},"verificationStatus":{{"coding":[{{"system":'
            f'"{TERMS}allergyintolerance-verification","code":"confirmed"}}]}},"category":["medication"],"code":{{"coding":'
            f'[{{"system":"{rows.plan.medication_system}","code":"{medicine.code}","display":{quoted(medicine.display)}}}]}},'
            f'"patient":{{"reference":"Patient/p{rows.person_no[person]}"}},"recordedDate":"{iso(day)}"}}')
    return lines
