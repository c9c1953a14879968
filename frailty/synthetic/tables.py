"""The same locality as the four plain tables: persons, events, medicines, stays."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable

import numpy as np

from frailty.synthetic.extract import Extract, extract, home_address, registration
from frailty.synthetic.fhir_hospital import ICD10, patient_numbers
from frailty.synthetic.model import Locality
from frailty.synthetic.people import OPEN
from frailty.synthetic.rows import FAMILY, IN_ERROR, NEGATED, ORDER, PLAN, REFUTED
from frailty.synthetic.settings import PracticePlan
from frailty.synthetic.text import iso, number

PERSONS = ("patient_id", "nhs_number", "birth_date", "sex", "deceased_on", "name", "phone", "address", "postcode", "practice",
           "registered_from", "registered_to", "usual_gp", "ethnicity", "imd_quintile")
EVENTS = ("patient_id", "record_id", "system", "code", "term", "effective_on", "recorded_on", "ended_on", "value", "unit",
          "comparator", "stay_id", "status")
MEDICINES = ("patient_id", "record_id", "system", "code", "term", "issued_on", "recorded_on", "ended_on", "role")
STAYS = ("patient_id", "stay_id", "started", "ended", "setting", "admission_method", "admitted_from", "discharged_to", "provider",
         "recorded_start", "recorded_end")
Tables = dict[str, list[str]]


def _lines(header: tuple[str, ...], rows: Iterable[tuple[object, ...]]) -> list[str]:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return out.getvalue().splitlines()


def gp_tables(locality: Locality, plan: PracticePlan) -> Tables:
    """persons, events and medicines of one practice."""
    rows = extract(locality, plan)
    return {"persons": _lines(PERSONS, _persons(locality, rows)), "events": _lines(EVENTS, _events(locality, rows)),
            "medicines": _lines(MEDICINES, _medicines(locality, rows))}


def _persons(locality: Locality, rows: Extract) -> Iterable[tuple[object, ...]]:
    people, names = locality.people, locality.names
    ethnic = locality.settings.texts("population.ethnicity")
    for person in rows.persons.tolist():
        said = registration(locality, rows.plan, person)
        line, town, postcode = home_address(locality, person)
        nhs = int(locality.extras.gp_nhs[person])
        yield (f"p{rows.person_no[person]}", nhs or "", iso(int(people.birth[person])), "male" if people.male[person] else "female",
               said.died_on, f"{names.given(person)} {names.family(person)}", names.phone(person), f"{line}, {town}", postcode,
               rows.plan.ods, said.start, said.end, f"Dr Example{chr(65 + locality.extras.usual_gp[person])}",
               ethnic[int(people.ethnicity[person])], int(people.quintile[person]))


def _events(locality: Locality, rows: Extract) -> Iterable[tuple[object, ...]]:
    catalogue, c = locality.codes.catalogue, rows.coded
    status = {IN_ERROR: "entered-in-error", REFUTED: "refuted"}
    for n, (code, style, no, effective, recorded, ended, form, state) in enumerate(zip(
            c.code.tolist(), rows.style.tolist(), rows.person_no[c.person].tolist(), c.effective.tolist(), c.recorded.tolist(),
            c.ended.tolist(), c.form.tolist(), c.state.tolist(), strict=True)):
        if form == FAMILY or state == NEGATED:
            continue        # the plain tables have no way to say either
        system, text, term = catalogue.plain(code, style)
        yield (f"p{no}", f"c{n + 1}", system, text, term, iso(effective), iso(recorded), iso(ended) if ended >= 0 else "", "", "", "",
               "", status.get(state, ""))
    m, tests = rows.measured, locality.codes.tests.tolist()
    for n, (test, no, effective, value, spelling, wrong) in enumerate(zip(
            m.test.tolist(), rows.person_no[m.person].tolist(), m.effective.tolist(), m.value.tolist(), m.spelling.tolist(),
            m.in_error.tolist(), strict=True)):
        of = locality.tests[test]
        system, text, term = catalogue.plain(tests[test], 0)
        unit = "" if spelling == 2 else of.old_unit if spelling == 3 else of.unit
        yield (f"p{no}", f"o{n + 1}", system, text, term, iso(effective), iso(effective), "",
               number(round(value * of.old_factor, 3) if spelling == 3 else value), unit, "", "", "entered-in-error" if wrong else "")


def _medicines(locality: Locality, rows: Extract) -> Iterable[tuple[object, ...]]:
    i = rows.issues
    chosen = (i.role == ORDER) | (i.role == PLAN)
    for n, (medicine, no, day, ended, role) in enumerate(zip(
            i.medicine[chosen].tolist(), rows.person_no[i.person[chosen]].tolist(), i.day[chosen].tolist(), i.ended[chosen].tolist(),
            i.role[chosen].tolist(), strict=True)):
        of = locality.medicines[medicine]
        yield (f"p{no}", f"m{n + 1}", rows.plan.medication_system, of.code, of.display, iso(day), iso(day),
               iso(ended) if ended < OPEN else "", "issue" if role == ORDER else "plan")


def hospital_tables(locality: Locality) -> Tables:
    """persons, events and stays of the hospital."""
    people, names, x = locality.people, locality.names, locality.extras
    no = patient_numbers(locality)
    s, d, icd = locality.hospital.stays, locality.hospital.diagnoses, locality.icd
    persons = []
    for person in np.flatnonzero(no).tolist():
        line, town, postcode = names.address(person)
        persons.append((f"h{no[person]}", int(x.hospital_nhs[person]) or "", iso(int(x.hospital_birth[person])),
                        "male" if people.male[person] else "female", "", f"{names.given(person)} {names.family(person)}", "",
                        f"{line}, {town}", postcode, "", "", "", "", "", ""))
    settings = ("inpatient", "emergency")
    known = np.minimum(s.end, locality.as_of - 1)
    stays = [(f"h{no[who]}", f"s{n + 1}", iso(start), iso(end) if end < OPEN else "", settings[kind], method, source, to,
              locality.settings.text("hospital.name"), iso(start), iso(seen) if end < OPEN else "")
             for n, (who, start, end, kind, method, source, to, seen) in enumerate(zip(
                 s.person.tolist(), s.start.tolist(), s.end.tolist(), s.kind.tolist(), s.method.tolist(), s.admitted_from.tolist(),
                 s.discharged_to.tolist(), known.tolist(), strict=True))]
    events = [(f"h{no[s.person[stay]]}", f"d{n + 1}", ICD10, icd.code[code] if dotted else icd.code[code].replace(".", ""), icd.term[code],
               iso(int(s.start[stay])), iso(coded), "", "", "", "", f"s{stay + 1}", "")
              for n, (stay, code, coded, dotted) in enumerate(zip(d.stay.tolist(), d.code.tolist(), d.coded_on.tolist(),
                                                                  d.dotted.tolist(), strict=True))]
    return {"persons": _lines(PERSONS, persons), "events": _lines(EVENTS, events), "stays": _lines(STAYS, stays)}

