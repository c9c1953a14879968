"""What the golden tests share: one made-up person, scored as the worked examples of a scorecard are."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from frailty.scoring import load_scorecard, run_example
from frailty.scoring.definitions import Example
from frailty.terminology import load_codelist, snomed_check_digit

ICD10, SNOMED = "http://hl7.org/fhir/sid/icd-10", "http://snomed.info/sct"


def differs(id: str, given: dict[str, Any], **expect: Any) -> list[str]:
    """What the score says of the person otherwise than expected (points, value, band, status, terms, of); [] = all as said."""
    return run_example(load_scorecard(id), Example(given, expect))


def icd(*codes: str, **more: Any) -> dict[str, Any]:
    """A person with these diagnoses from emergency stays."""
    return {"age": 80, "events": [{"system": ICD10, "code": code, "admission": "emergency"} for code in codes], **more}


def sum_of_weights(id: str) -> Fraction:
    """The sum of the points of all terms."""
    return sum((Fraction(term.points) for term in load_scorecard(id).terms), Fraction(0))


def wrong_check_digits(*codelists: str) -> list[str]:
    """SNOMED CT codes of these lists whose check digit is wrong."""
    return [entry.code for name in codelists for entry in load_codelist(name).entries
            if entry.system == SNOMED and not snomed_check_digit(entry.code)]
