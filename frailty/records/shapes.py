"""The elements of each resource type that are read, typed for DuckDB's `read_json`.

Elements whose shape differs between STU3, R4 and R5 are read as JSON and normalised in `sql/<Type>.sql`.
"""

from __future__ import annotations

CODING = 'STRUCT("system" VARCHAR, code VARCHAR, display VARCHAR)'
CONCEPT = f'STRUCT(coding {CODING}[], "text" VARCHAR)'
IDENTIFIER = 'STRUCT("system" VARCHAR, "value" VARCHAR)'
REFERENCE = f'STRUCT(reference VARCHAR, identifier {IDENTIFIER}, display VARCHAR)'
PERIOD = 'STRUCT("start" VARCHAR, "end" VARCHAR)'
QUANTITY = 'STRUCT("value" DOUBLE, comparator VARCHAR, unit VARCHAR, "system" VARCHAR, code VARCHAR)'
_ANSWER = (f'valueQuantity {QUANTITY}, valueCodeableConcept {CONCEPT}, valueBoolean BOOLEAN, valueString VARCHAR, '
           'valueInteger BIGINT')

_ALL = {
    "resourceType": "VARCHAR", "id": "VARCHAR",
    "meta": 'STRUCT(lastUpdated VARCHAR, versionId VARCHAR)',
    "_p": 'STRUCT(file INTEGER, line INTEGER, scope INTEGER, "time" VARCHAR, newest VARCHAR, url VARCHAR)',
}
_OF_PERSON = {"subject": REFERENCE, "patient": REFERENCE, "encounter": REFERENCE, "context": REFERENCE}
_MEDICINE = {"medicationCodeableConcept": CONCEPT, "medicationReference": REFERENCE, "medication": "JSON",
             "status": "VARCHAR", "basedOn": f"{REFERENCE}[]"}

TYPES: dict[str, dict[str, str]] = {
    "Patient": {
        "identifier": f"{IDENTIFIER}[]", "active": "BOOLEAN",
        "name": 'STRUCT("use" VARCHAR, family VARCHAR, given VARCHAR[], prefix VARCHAR[], "text" VARCHAR)[]',
        "gender": "VARCHAR", "birthDate": "VARCHAR", "deceasedBoolean": "BOOLEAN", "deceasedDateTime": "VARCHAR",
        "telecom": 'STRUCT("system" VARCHAR, "value" VARCHAR, "use" VARCHAR)[]',
        "address": f'STRUCT("use" VARCHAR, line VARCHAR[], city VARCHAR, postalCode VARCHAR, "text" VARCHAR, '
                   f'period {PERIOD})[]',
        "generalPractitioner": f"{REFERENCE}[]", "managingOrganization": REFERENCE, "extension": "JSON",
    },
    "Condition": _OF_PERSON | {
        "code": CONCEPT, "onsetDateTime": "VARCHAR", "onsetPeriod": PERIOD, "recordedDate": "VARCHAR",
        "assertedDate": "VARCHAR", "dateRecorded": "VARCHAR", "abatementDateTime": "VARCHAR",
        "abatementPeriod": PERIOD, "clinicalStatus": "JSON", "verificationStatus": "JSON",
    },
    "Observation": _OF_PERSON | {
        "code": CONCEPT, "status": "VARCHAR", "effectiveDateTime": "VARCHAR", "effectivePeriod": PERIOD,
        "effectiveInstant": "VARCHAR", "issued": "VARCHAR", "dataAbsentReason": CONCEPT,
        "valueQuantity": QUANTITY, "valueCodeableConcept": CONCEPT, "valueBoolean": "BOOLEAN",
        "valueString": "VARCHAR", "valueInteger": "BIGINT",
        "component": f"STRUCT(code {CONCEPT}, {_ANSWER})[]",
    },
    "Procedure": _OF_PERSON | {
        "code": CONCEPT, "status": "VARCHAR", "notDone": "BOOLEAN", "performedDateTime": "VARCHAR",
        "performedPeriod": PERIOD, "occurrenceDateTime": "VARCHAR", "occurrencePeriod": PERIOD,
        "recorded": "VARCHAR",
    },
    "MedicationRequest": _OF_PERSON | _MEDICINE | {
        "intent": "VARCHAR", "doNotPerform": "BOOLEAN", "authoredOn": "VARCHAR", "dateWritten": "VARCHAR",
        "dispenseRequest": f"STRUCT(validityPeriod {PERIOD})",
        "dosageInstruction": f"STRUCT(timing STRUCT(repeat STRUCT(boundsPeriod {PERIOD})))[]",
    },
    "MedicationStatement": _OF_PERSON | _MEDICINE | {
        "taken": "VARCHAR", "effectiveDateTime": "VARCHAR", "effectivePeriod": PERIOD, "dateAsserted": "VARCHAR",
    },
    "Encounter": {
        "subject": REFERENCE, "patient": REFERENCE, "status": "VARCHAR", "class": "JSON",
        "type": f"{CONCEPT}[]", "period": PERIOD, "partOf": REFERENCE, "serviceProvider": REFERENCE,
        "hospitalization": f'STRUCT(admitSource {CONCEPT}, dischargeDisposition {CONCEPT}, '
                           f'extension STRUCT(url VARCHAR, valueCodeableConcept {CONCEPT})[])',
        "extension": f"STRUCT(url VARCHAR, valueCodeableConcept {CONCEPT})[]",
        "reasonCode": f"{CONCEPT}[]", "diagnosis": "JSON",
    },
    "AllergyIntolerance": _OF_PERSON | {
        "code": CONCEPT, "verificationStatus": "JSON", "onsetDateTime": "VARCHAR", "recordedDate": "VARCHAR",
        "assertedDate": "VARCHAR",
    },
    "FamilyMemberHistory": {
        "patient": REFERENCE, "status": "VARCHAR", "date": "VARCHAR", "condition": f"STRUCT(code {CONCEPT})[]",
    },
    "ServiceRequest": _OF_PERSON | {"code": CONCEPT, "status": "VARCHAR", "authoredOn": "VARCHAR",
                                    "occurrenceDateTime": "VARCHAR"},
    "ProcedureRequest": _OF_PERSON | {"code": CONCEPT, "status": "VARCHAR", "authoredOn": "VARCHAR",
                                      "occurrenceDateTime": "VARCHAR"},
    "Flag": _OF_PERSON | {"code": CONCEPT, "status": "VARCHAR", "period": PERIOD},
    "CarePlan": _OF_PERSON | {
        "status": "VARCHAR", "intent": "VARCHAR", "title": "VARCHAR", "category": f"{CONCEPT}[]", "period": PERIOD,
        "created": "VARCHAR",
    },
    "EpisodeOfCare": {"patient": REFERENCE, "status": "VARCHAR", "type": f"{CONCEPT}[]", "period": PERIOD},
    "Task": {"for": REFERENCE, "status": "VARCHAR", "code": "JSON", "description": "VARCHAR", "authoredOn": "VARCHAR",
             "lastModified": "VARCHAR", "restriction": f"STRUCT(period {PERIOD})"},
    "Appointment": {"participant": f"STRUCT(actor {REFERENCE})[]", "status": "VARCHAR", "start": "VARCHAR", "end": "VARCHAR",
                    "created": "VARCHAR", "description": "VARCHAR", "serviceType": "JSON"},
    "Consent": _OF_PERSON | {
        "status": "VARCHAR", "scope": CONCEPT, "category": f"{CONCEPT}[]", "dateTime": "VARCHAR", "period": "JSON",
        "provision": f'STRUCT("type" VARCHAR, period {PERIOD}, purpose {CODING}[], code {CONCEPT}[])',
        "decision": "VARCHAR",
        "except": f'STRUCT("type" VARCHAR, purpose {CODING}[])[]',      # STU3
    },
    "Medication": {"code": CONCEPT},
    "Organization": {"identifier": f"{IDENTIFIER}[]", "name": "VARCHAR"},
    "Practitioner": {"identifier": f"{IDENTIFIER}[]",
                     "name": "JSON"},
}
TYPES = {kind: _ALL | columns for kind, columns in TYPES.items()}

# SQL: whose a resource is, where no `subject` or `patient` says so
SUBJECTS = {"Task": 'reference_key("for")',
            "Appointment": """reference_key(list_filter(participant, lambda p: regexp_matches(coalesce(p.actor.reference, ''),
                               '(^|/)Patient/') OR p.actor.identifier IS NOT NULL)[1].actor)"""}
CONTAINERS = ("Bundle", "Parameters")
TARGETS = ("Medication", "Organization", "Practitioner")    # resources that others point at; of no person

_SUBJECT = "coalesce(subject.reference, subject.identifier.\"value\", patient.reference, patient.identifier.\"value\")"
_OUT_OF_PLACE = "coalesce(subject.reference, patient.reference) LIKE '#%'"


def doubtful(kind: str) -> str:
    """SQL condition: this row of a bulk file may have lost something to its typing, so the careful reader reads it."""
    doubts = ["id IS NULL"]
    columns = TYPES[kind]
    if "subject" in columns:
        doubts += [f"{_SUBJECT} IS NULL", _OUT_OF_PLACE]
    elif "patient" in columns:
        doubts += ['coalesce(patient.reference, patient.identifier."value") IS NULL', "patient.reference LIKE '#%'"]
    if columns.get("code") == CONCEPT:
        doubts.append("len(list_filter(code.coding, lambda c: c.code IS NOT NULL)) IS DISTINCT FROM len(code.coding) "
                      "OR len(code.coding) IS NULL OR len(code.coding) = 0")
    if "valueQuantity" in columns:                       # a number written as words
        doubts.append('valueQuantity IS NOT NULL AND valueQuantity."value" IS NULL')
    if "medicationReference" in columns:
        doubts.append("medicationReference.reference LIKE '#%' OR coalesce(medicationReference.reference, "
                      'medicationReference.identifier."value", medicationReference.display, medicationCodeableConcept.coding[1].code, '
                      'medicationCodeableConcept."text", medication::VARCHAR) IS NULL')
    return " OR ".join(f"({doubt})" for doubt in doubts)
