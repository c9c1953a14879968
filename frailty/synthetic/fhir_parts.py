"""What the FHIR writers share: addresses of profiles and code systems, and small pieces of JSON."""

from __future__ import annotations

from frailty.synthetic.catalogue import Catalogue
from frailty.synthetic.model import Locality
from frailty.synthetic.text import FIRST_DAY, days, number, offset, quoted

NHS, ODS = "https://fhir.nhs.uk/Id/nhs-number", "https://fhir.nhs.uk/Id/ods-organization-code"
CORE = "https://fhir.hl7.org.uk/StructureDefinition/Extension-UKCore-"
CORE_SYSTEM = "https://fhir.hl7.org.uk/CodeSystem/UKCore-"
GPC = "https://fhir.nhs.uk/STU3/StructureDefinition/CareConnect-GPC-"
GPC_EXTENSION = "https://fhir.nhs.uk/STU3/StructureDefinition/Extension-CareConnect-GPC-"
CARE_EXTENSION = "https://fhir.hl7.org.uk/STU3/StructureDefinition/Extension-CareConnect-"
CARE_SYSTEM = "https://fhir.nhs.uk/STU3/CodeSystem/CareConnect-"
TERMS = "http://terminology.hl7.org/CodeSystem/"
UCUM = "http://unitsofmeasure.org"

DEATHS = {"informal": "1", "formal": "2"}
OBJECTION = ("Objection to profiling", "deny", "POPHLTH")
OTHER_CONSENTS = (("Consent to Summary Care Record", "permit", "TREAT"), ("Objection to research", "deny", "HRESCH"),
                  ("Consent to share with the care hub", "permit", "TREAT"))
PLAN_TITLES = ("", "Personalised care and support plan",
               "Care home assessment and personalised care and support plan")
Files = dict[str, list[str]]


def updated(day: int) -> str:
    """meta of a resource last written on a day, as a member."""
    return f'"meta":{{"lastUpdated":"{days()[day - FIRST_DAY]}T18:00:00{offset(day)}"}}'


def stamp(day: int) -> dict[str, str]:
    """meta of a resource last written on a day."""
    return {"lastUpdated": f"{days()[day - FIRST_DAY]}T18:00:00{offset(day)}"}


def coded(system: str, code: str, display: str = "") -> dict[str, object]:
    """A CodeableConcept of one coding."""
    return {"coding": [{"system": system, "code": code} | ({"display": display} if display else {})]}


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


def _quantity(value: float, unit: str, ucum: str) -> str:
    text = f',"unit":{quoted(unit)}' if unit else ""
    code = f',"system":"{UCUM}","code":{quoted(ucum)}' if ucum else ""
    return f'"valueQuantity":{{"value":{number(value)}{text}{code}}}'


def result_value(locality: Locality, test: int, value: float, second: float, spelling: int) -> str:
    """The value of a result as members, in the spelling drawn for it."""
    of = locality.tests[test]
    if of.id == "bp":
        parts = []
        for said, v in zip(locality.settings.texts("tests.blood_pressure"), (value, second), strict=True):
            code, _, term = said.partition(" ")
            coding = f'{{"system":"http://snomed.info/sct","code":{quoted(code)},"display":{quoted(term)}}}'
            parts.append(f'{{"code":{{"coding":[{coding}]}},{_quantity(v, "mmHg", "mm[Hg]")}}}')
        return f'"component":[{",".join(parts)}]'
    if spelling == 3:
        return _quantity(round(value * of.old_factor, 3), of.old_unit, "")
    if spelling == 2:
        return _quantity(value, "", "")
    return _quantity(value, of.unit, of.ucum if spelling == 0 else "")
