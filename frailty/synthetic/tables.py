"""The same locality as the four plain tables: persons, events, medicines, stays."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from itertools import repeat
from typing import Any

import numpy as np

from frailty.synthetic.catalogue import PLAIN
from frailty.synthetic.extract import Extract, extract, home_address, registration
from frailty.synthetic.fhir_hospital import ICD10, patient_numbers
from frailty.synthetic.model import Locality
from frailty.synthetic.people import OPEN
from frailty.synthetic.rows import FAMILY, IN_ERROR, NEGATED, REFUTED, STATEMENT, keep
from frailty.synthetic.settings import PracticePlan
from frailty.synthetic.text import iso, number

PERSONS = ("patient_id", "nhs_number", "birth_date", "sex", "deceased_on", "name", "phone", "address", "postcode",
           "practice", "registered_from", "registered_to", "usual_gp", "ethnicity", "imd_quintile")
EVENTS = ("patient_id", "record_id", "system", "code", "term", "effective_on", "recorded_on", "ended_on", "value",
          "unit", "comparator", "stay_id", "status")
MEDICINES = ("patient_id", "record_id", "system", "code", "term", "issued_on", "recorded_on", "ended_on", "role")
STAYS = ("patient_id", "stay_id", "started", "ended", "setting", "admission_method", "admitted_from", "discharged_to",
         "provider", "recorded_start", "recorded_end")
Tables = dict[str, list[str]]
_STATUS = {IN_ERROR: "entered-in-error", REFUTED: "refuted"}


def _lines(header: tuple[str, ...], *parts: Mapping[str, Iterable[Any]]) -> list[str]:
    """A CSV as lines, from columns by name; columns that a part does not name are empty in it."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(header)
    for columns in parts:
        writer.writerows(zip(*(columns.get(name, repeat("")) for name in header), strict=False))
    return out.getvalue().splitlines()


def _dates(days: np.ndarray[Any, Any]) -> list[str]:
    return [iso(day) if 0 <= day < OPEN else "" for day in days.tolist()]


def _all_dates(days: np.ndarray[Any, Any]) -> list[str]:
    return [iso(day) for day in days.tolist()]


def gp_tables(locality: Locality, plan: PracticePlan) -> Tables:
    """persons, events and medicines of one practice."""
    rows = extract(locality, plan)
    return {"persons": _lines(PERSONS, _persons(locality, rows)),
            "events": _lines(EVENTS, _codes(locality, rows), _results(locality, rows)),
            "medicines": _lines(MEDICINES, _medicines(locality, rows))}


def _persons(locality: Locality, rows: Extract) -> dict[str, list[Any]]:
    people, names, x, persons = locality.people, locality.names, locality.extras, rows.persons.tolist()
    said = [registration(locality, rows.plan, person) for person in persons]
    homes = [home_address(locality, person) for person in persons]
    ethnic = locality.settings.texts("population.ethnicity")
    return {
        "patient_id": [f"p{n}" for n in rows.person_no[rows.persons].tolist()],
        "nhs_number": [nhs or "" for nhs in x.gp_nhs[rows.persons].tolist()],
        "birth_date": _all_dates(people.birth[rows.persons]),
        "sex": ["male" if male else "female" for male in people.male[rows.persons].tolist()],
        "deceased_on": [one.died_on for one in said],
        "name": [f"{names.given(person)} {names.family(person)}" for person in persons],
        "phone": [names.phone(person) for person in persons],
        "address": [f"{line}, {town}" for line, town, _ in homes], "postcode": [postcode for *_, postcode in homes],
        "practice": [rows.plan.ods] * len(persons),
        "registered_from": [one.start for one in said], "registered_to": [one.end for one in said],
        "usual_gp": [f"Dr Example{chr(65 + n)}" for n in x.usual_gp[rows.persons].tolist()],
        "ethnicity": [ethnic[n] for n in people.ethnicity[rows.persons].tolist()],
        "imd_quintile": people.quintile[rows.persons].tolist()}


def _codes(locality: Locality, rows: Extract) -> dict[str, list[Any]]:
    """Coded entries. The plain tables have no way to say "no" or "in the family": those stay out."""
    says = (rows.coded.form != FAMILY) & (rows.coded.state != NEGATED)
    c, style = keep(rows.coded, says), rows.style[says]
    codings = [locality.codes.catalogue.plain(*pair) for pair in zip(c.code.tolist(), style.tolist(), strict=True)]
    return {
        "patient_id": [f"p{n}" for n in rows.person_no[c.person].tolist()],
        "record_id": [f"c{n}" for n in range(1, len(codings) + 1)],
        "system": [system for system, *_ in codings], "code": [code for _, code, _ in codings],
        "term": [term for *_, term in codings],
        "effective_on": _all_dates(c.effective), "recorded_on": _all_dates(c.recorded), "ended_on": _dates(c.ended),
        "status": [_STATUS.get(state, "") for state in c.state.tolist()]}


def _results(locality: Locality, rows: Extract) -> dict[str, list[Any]]:
    m, tests = rows.measured, [locality.tests[test] for test in rows.measured.test.tolist()]
    known = [locality.codes.catalogue.plain(code, PLAIN) for code in locality.codes.tests.tolist()]
    codings = [known[test] for test in m.test.tolist()]
    spelled = list(zip(tests, m.value.tolist(), m.spelling.tolist(), strict=True))
    return {
        "patient_id": [f"p{n}" for n in rows.person_no[m.person].tolist()],
        "record_id": [f"o{n}" for n in range(1, len(tests) + 1)],
        "system": [system for system, *_ in codings], "code": [code for _, code, _ in codings],
        "term": [term for *_, term in codings],
        "effective_on": _all_dates(m.effective), "recorded_on": _all_dates(m.recorded),
        "value": [number(round(value * of.old_factor, 3) if how == 3 else value) for of, value, how in spelled],
        "unit": ["" if how == 2 else of.old_unit if how == 3 else of.unit for of, _, how in spelled],
        "status": ["entered-in-error" if wrong else "" for wrong in m.in_error.tolist()]}


def _medicines(locality: Locality, rows: Extract) -> dict[str, list[Any]]:
    i = keep(rows.issues, rows.issues.role != STATEMENT)
    drugs = [locality.medicines[n] for n in i.medicine.tolist()]
    return {
        "patient_id": [f"p{n}" for n in rows.person_no[i.person].tolist()],
        "record_id": [f"m{n}" for n in range(1, len(drugs) + 1)],
        "system": [rows.plan.medication_system] * len(drugs), "code": [drug.code for drug in drugs],
        "term": [drug.display for drug in drugs], "issued_on": _all_dates(i.day), "recorded_on": _all_dates(i.day),
        "ended_on": _dates(i.ended), "role": ["plan" if role == 0 else "issue" for role in i.role.tolist()]}


def hospital_tables(locality: Locality) -> Tables:
    """persons, events and stays of the hospital."""
    people, names, x = locality.people, locality.names, locality.extras
    no = patient_numbers(locality)
    present = np.flatnonzero(no)
    homes = [locality.names.address(person) for person in present.tolist()]
    persons = {
        "patient_id": [f"h{n}" for n in no[present].tolist()],
        "nhs_number": [nhs or "" for nhs in x.hospital_nhs[present].tolist()],
        "birth_date": _all_dates(x.hospital_birth[present]),
        "sex": ["male" if male else "female" for male in people.male[present].tolist()],
        "name": [f"{names.given(person)} {names.family(person)}" for person in present.tolist()],
        "address": [f"{line}, {town}" for line, town, _ in homes], "postcode": [postcode for *_, postcode in homes]}
    s, d, icd = locality.hospital.stays, locality.hospital.diagnoses, locality.icd
    stays = {
        "patient_id": [f"h{n}" for n in no[s.person].tolist()],
        "stay_id": [f"s{n}" for n in range(1, len(s.person) + 1)],
        "started": _all_dates(s.start), "ended": _dates(s.end),
        "setting": [("inpatient", "emergency")[kind] for kind in s.kind.tolist()],
        "admission_method": s.method.tolist(), "admitted_from": s.admitted_from.tolist(),
        "discharged_to": s.discharged_to.tolist(),
        "provider": [locality.settings.text("hospital.name")] * len(s.person),
        "recorded_start": _all_dates(s.start), "recorded_end": _dates(s.end)}
    codes = zip(d.code.tolist(), d.dotted.tolist(), strict=True)
    events = {
        "patient_id": [f"h{n}" for n in no[s.person[d.stay]].tolist()],
        "record_id": [f"d{n}" for n in range(1, len(d.stay) + 1)], "system": [ICD10] * len(d.stay),
        "code": [icd.code[code] if dotted else icd.code[code].replace(".", "") for code, dotted in codes],
        "term": [icd.term[code] for code in d.code.tolist()],
        "effective_on": _all_dates(s.start[d.stay]), "recorded_on": _all_dates(d.coded_on),
        "stay_id": [f"s{n + 1}" for n in d.stay.tolist()]}
    return {"persons": _lines(PERSONS, persons), "events": _lines(EVENTS, events), "stays": _lines(STAYS, stays)}
