"""The SQL behind the facts. `{name}` is a setting or a value that build_facts writes in; all tables are temporary.

Of entries of one day the one that became known last counts, of numbers the higher: never the order of the files.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from frailty.triage.expressions import literal
from frailty.triage.vocabulary import CodedFact

_PERSON = """
CREATE OR REPLACE TEMP TABLE t_person AS
SELECT p.person, p.patient_id, p.nhs_number, p.name, p.birth_date, p.sex, p.practice, p.usual_gp, p.phone, p.address,
       p.postcode, p.imd_quintile, p.registered_from, p.registered_to, p.deceased_on, p.last_entry_on, p.last_contact_on,
       coalesce(s.state, 'not served') AS practice_state, coalesce(s.state, '') <> 'frozen' AS fresh,
       coalesce(s.hospital, FALSE) AS hospital,
       CASE WHEN p.death_status = 'formal' THEN 'formal'
            WHEN p.death_status IS NOT NULL OR p.deceased_on <= {as_of} THEN 'informal'
            WHEN coalesce(s.state, '') <> 'frozen' THEN 'none' END AS death_status,
       CASE WHEN p.registered_to <= {as_of} THEN 'deregistered'
            WHEN p.practice IS NOT NULL THEN 'registered' END AS registration_status
FROM person_as_of p LEFT JOIN t_practice s USING (practice) ORDER BY person
"""

# Leaving a home counts: a code that says so, or a later entry that the person lives alone, ends the run of residence codes.
_CODED_HOME = """
CREATE OR REPLACE TEMP TABLE t_left_home AS
SELECT person, max(effective) AS left_on FROM tagged
WHERE effective <= {as_of} AND coalesce(caution, '') = ''
  AND (list = 'care/residence' AND category = 'ends'
       OR list IN ('needs/care_home_left', 'care/lives_alone') AND coalesce(category, 'present') IN ('', 'present'))
GROUP BY person;
CREATE OR REPLACE TEMP TABLE t_coded_home AS
SELECT t.person, min(t.effective) AS since
FROM tagged t LEFT JOIN t_left_home e USING (person)
WHERE t.list = 'care/residence' AND t.category = 'present' AND coalesce(t.caution, '') = ''
  AND t.effective <= {as_of} AND (t.ended IS NULL OR t.ended > {as_of})
  AND (e.left_on IS NULL OR t.effective > e.left_on)
GROUP BY t.person
"""

_FRAILTY = """
CREATE OR REPLACE TEMP TABLE t_frailty AS
SELECT person, level, effective FROM (
    SELECT person, effective, replace(replace(list, 'care/frailty_', ''), 'diagnosis', 'unspecified') AS level,
           row_number() OVER (PARTITION BY person ORDER BY list = 'care/frailty_diagnosis', effective DESC NULLS LAST,
               array_position(['care/frailty_severe', 'care/frailty_moderate', 'care/frailty_mild'], list)) AS place
    FROM tagged WHERE list IN ('care/frailty_mild', 'care/frailty_moderate', 'care/frailty_severe',
                               'care/frailty_diagnosis')
      AND coalesce(category, 'present') IN ('', 'present') AND effective <= {as_of})
WHERE place = 1
"""

_CFS = """
CREATE OR REPLACE TEMP TABLE t_cfs AS
SELECT person, arg_max(value, (effective, value)) AS cfs, max(effective) AS cfs_on FROM tagged
WHERE list = 'care/cfs' AND value BETWEEN 1 AND 9 AND effective <= {as_of}
  AND effective > {as_of} - to_months({cfs_months})
GROUP BY person
"""

_LAST_DAYS = """
CREATE OR REPLACE TEMP TABLE t_dying AS
SELECT person, max(effective) AS last_days_on FROM tagged
WHERE list = 'care/last_days' AND coalesce(category, 'present') IN ('', 'present') AND effective <= {as_of}
GROUP BY person
"""

_EVENTS = """
CREATE OR REPLACE TEMP TABLE t_event AS
SELECT person,
       max(effective) FILTER (list = 'efi/falls') AS last_fall_on,
       arg_max(recorded, (effective, recorded)) FILTER (list = 'efi/falls') AS last_fall_known_on,
       max(effective) FILTER (list = 'care/smr' AND coalesce(category, 'present') IN ('', 'present')) AS last_smr_on
FROM tagged WHERE coalesce(caution, '') = '' AND effective <= {as_of} GROUP BY person
"""

_STAY = """
CREATE OR REPLACE TEMP TABLE t_stay AS
SELECT person,
       max(started) FILTER (inpatient) AS last_admission_on,
       arg_max(recorded_start, (started, recorded_start)) FILTER (inpatient) AS last_admission_known_on,
       max(started) FILTER (inpatient AND admission = 'emergency') AS last_emergency_admission_on,
       max(ended) FILTER (inpatient AND over) AS last_discharge_on,
       arg_max(coalesce(recorded_end, ended), (ended, recorded_end)) FILTER (inpatient AND over) AS last_discharge_known_on,
       max(ended) FILTER (inpatient AND over AND ended > started) AS back_on,
       arg_max(started, (ended, started)) FILTER (inpatient AND over AND ended > started) AS back_from,
       max(started) FILTER (setting = 'emergency') AS last_ed_on,
       arg_max(recorded_start, (started, recorded_start)) FILTER (setting = 'emergency') AS last_ed_known_on,
       count(DISTINCT started) FILTER (inpatient AND admission = 'emergency'
                                       AND started > {as_of} - to_months(12)) AS emergency_admissions_12m,
       count(DISTINCT started) FILTER (inpatient AND admission = 'emergency'
                                       AND started > {as_of} - to_months(6)) AS emergency_admissions_6m,
       count(DISTINCT started) FILTER (setting = 'emergency' AND started > {as_of} - to_months(12))
           AS emergency_attendances_12m,
       CAST(sum(greatest(0, least(coalesce(ended, {as_of}), {as_of})
                         - greatest(started, CAST({as_of} - to_months(12) AS DATE)))) FILTER (inpatient AND (over OR here))
            AS INTEGER) AS bed_days_12m,
       count(DISTINCT started) FILTER (NOT inpatient AND setting <> 'emergency' AND started > {as_of} - to_months(6))
           AS contacts_6m,
       min(started) FILTER (here) AS in_hospital_since,
       arg_max(provider, (started, provider)) FILTER (here) AS in_hospital_provider,
       coalesce(bool_or(here), FALSE) AS open_now
FROM (SELECT *, setting = 'inpatient' AS inpatient, ended IS NOT NULL AND ended <= {as_of} AS over,
             NOT (ended IS NOT NULL AND ended <= {as_of})
             AND (setting = 'inpatient' AND started > {as_of} - {in_hospital_days}
                  OR setting = 'emergency' AND started > {as_of} - {ed_open_days}) AS here
      FROM stay_as_of WHERE started <= {as_of})
GROUP BY person
"""

# care plans whose title or category says so; the newest counts, agreed before draft
_PLAN = """
CREATE OR REPLACE TEMP TABLE t_plan AS
SELECT person, status, title, recorded, review_due FROM (
    SELECT person, title, recorded, CASE status WHEN 'active' THEN 'agreed' ELSE 'draft' END AS status,
           coalesce(ended, CAST(coalesce(recorded, started) + to_months({plan_review_months}) AS DATE)) AS review_due,
           row_number() OVER (PARTITION BY person ORDER BY status = 'active' DESC, recorded DESC NULLS LAST,
                              resource) AS place
    FROM plan_as_of
    WHERE resource LIKE 'CarePlan/%' AND status IN ('active', 'draft', 'proposed', 'on-hold', 'suspended')
      AND regexp_matches(lower(concat_ws(' ', title, category)), {plan_words}))
WHERE place = 1
"""

# an advance care plan or ReSPECT: a care plan whose words say so, or a code
_ACP = """
CREATE OR REPLACE TEMP TABLE t_acp AS
SELECT person, max(day) AS acp_on FROM (
    SELECT person, coalesce(recorded, started) AS day FROM plan_as_of
    WHERE resource LIKE 'CarePlan/%' AND status = 'active'
      AND regexp_matches(lower(concat_ws(' ', title, category)), {acp_words})
    UNION ALL SELECT person, effective FROM tagged
    WHERE list = 'needs/advance_care_plan' AND coalesce(category, 'present') IN ('', 'present') AND effective <= {as_of})
GROUP BY person
"""

# who already looks after the person: episodes of care, open tasks, appointments to come
_KNOWN_TO = """
CREATE OR REPLACE TEMP TABLE t_known_to AS
SELECT person,
       string_agg(DISTINCT coalesce(title, category, 'a team'), ', ' ORDER BY coalesce(title, category, 'a team'))
           FILTER (resource LIKE 'EpisodeOfCare/%' AND status IN ('active', 'waitlist', 'planned', 'onhold')
                   AND (ended IS NULL OR ended > {as_of})) AS open_teams,
       coalesce(bool_or(resource LIKE 'Task/%' AND status IN ('requested', 'received', 'accepted', 'ready', 'in-progress',
                                                              'on-hold')), FALSE) AS open_task,
       min(started) FILTER (resource LIKE 'Appointment/%' AND status IN ('booked', 'pending', 'proposed', 'arrived')
                            AND started >= {as_of}) AS next_appointment_on
FROM plan_as_of GROUP BY person
"""

_MEDICINES = """
CREATE OR REPLACE TEMP TABLE t_medicine AS
SELECT person, max(rung) AS rung, min(effective) AS first_on, min(name) AS name,
       count(DISTINCT effective) FILTER (role = 'issue' AND effective > {as_of} - {regular_days}) >= 2
       OR bool_or(role = 'plan' AND (ended IS NULL OR ended > {as_of})) AS regular
FROM issue_as_of WHERE effective <= {as_of}
GROUP BY person, CASE WHEN substance >= 0 THEN substance ELSE -1 - concept END;
CREATE OR REPLACE TEMP TABLE t_medicines AS
SELECT person, count(*) FILTER (regular) AS regular, max(rung) FILTER (regular) AS rung,
       count(*) FILTER (first_on > {as_of} - 30) AS new_30d,
       count(*) FILTER (regular AND class IS NOT NULL) AS fall_risk,
       count(*) FILTER (regular AND class IN ({dependence_classes})) AS dependence,
       max(first_on) AS new_medicine_on,
       max(first_on) FILTER (class = 'antipsychotics') AS new_antipsychotic_on
FROM t_medicine LEFT JOIN (SELECT name, min(class) AS class FROM t_risk_medicine GROUP BY name) USING (name)
GROUP BY person
"""

_SEEN = """
CREATE OR REPLACE TEMP TABLE t_practice_seen AS
SELECT p.practice, coalesce(bool_or(a.plans), FALSE) AS plans,
       coalesce(bool_or(i.person IS NOT NULL), FALSE) AS medicines,
       coalesce(bool_or(a.episodes), FALSE) AS episodes, coalesce(bool_or(a.tasks), FALSE) AS tasks,
       coalesce(bool_or(s.person IS NOT NULL), FALSE) AS contacts
FROM person_as_of p
LEFT JOIN (SELECT person, bool_or(resource LIKE 'CarePlan/%') AS plans, bool_or(resource LIKE 'EpisodeOfCare/%') AS episodes,
                  bool_or(resource LIKE 'Task/%') AS tasks FROM plan_as_of GROUP BY person) a USING (person)
LEFT JOIN (SELECT DISTINCT person FROM issue_as_of) i USING (person)
LEFT JOIN (SELECT DISTINCT person FROM stay_as_of WHERE setting NOT IN ('inpatient', 'emergency')) s USING (person)
GROUP BY p.practice
"""

PARTS = (
    _PERSON,
    _CODED_HOME,
    _FRAILTY,
    _CFS,
    _LAST_DAYS,
    _EVENTS,
    _STAY,
    _PLAN,
    _ACP,
    _KNOWN_TO,
    _MEDICINES,
    _SEEN,
)

FACTS = """
SELECT p.* EXCLUDE (fresh, hospital), {as_of} AS as_of,
       date_sub('year', p.birth_date, {as_of}) AS age,
       CASE WHEN o.objects THEN 'yes'
            WHEN o.person IS NOT NULL OR seen_objection.any_seen THEN 'no' END AS objection,
       CASE WHEN o.objects THEN o.recorded END AS objection_on,
       CASE WHEN dy.last_days_on > {as_of} - {last_days_days} THEN 'yes'
            WHEN p.fresh AND sp."care/last_days" THEN 'no' END AS last_days,
       dy.last_days_on,
       CASE WHEN s.open_now THEN 'yes' WHEN p.hospital THEN 'no' END AS in_hospital,
       s.in_hospital_since, s.in_hospital_provider, s.last_admission_on, s.last_admission_known_on, s.last_emergency_admission_on,
       s.last_discharge_on, s.last_discharge_known_on, s.last_ed_on, s.last_ed_known_on,
       CASE WHEN s.person IS NOT NULL OR p.hospital THEN coalesce(s.emergency_admissions_12m, 0) END
           AS emergency_admissions_12m,
       CASE WHEN s.person IS NOT NULL OR p.hospital THEN coalesce(s.emergency_admissions_6m, 0) END
           AS emergency_admissions_6m,
       CASE WHEN s.person IS NOT NULL OR p.hospital THEN coalesce(s.emergency_attendances_12m, 0) END
           AS emergency_attendances_12m,
       CASE WHEN s.person IS NOT NULL OR p.hospital THEN coalesce(s.bed_days_12m, 0) END AS bed_days_12m,
       CASE WHEN ps.contacts THEN coalesce(s.contacts_6m, 0) END AS contacts_6m,
       CASE WHEN f.person IS NOT NULL THEN f.level WHEN p.fresh AND sp."care/frailty_severe" THEN 'none' END
           AS frailty_confirmed,
       f.effective AS frailty_confirmed_on,
       CASE WHEN coalesce(o.objects, FALSE) THEN NULL
            WHEN sc.status = 'ok' THEN sc.band WHEN sc.status = 'outside_population' THEN 'outside' END
           AS frailty_suggested,
       CASE WHEN sc.status IN ('ok', 'outside_population') AND NOT coalesce(o.objects, FALSE) THEN sc.points END AS frailty_points,
       CASE WHEN sc.status IN ('ok', 'outside_population') AND NOT coalesce(o.objects, FALSE) THEN sc.out_of END AS frailty_of,
       c.cfs, c.cfs_on,
       CASE WHEN frailty_confirmed IN ('mild', 'moderate', 'severe') THEN frailty_confirmed
            WHEN c.cfs >= {cfs_severe} THEN 'severe' WHEN c.cfs >= {cfs_moderate} THEN 'moderate'
            ELSE frailty_suggested END AS frailty_level,
       CASE WHEN frailty_confirmed IN ('mild', 'moderate', 'severe') THEN 'confirmed'
            WHEN c.cfs >= {cfs_moderate} THEN 'suggested by CFS'
            WHEN frailty_suggested IS NOT NULL THEN 'suggested' END AS frailty_basis,
       e.last_fall_on, e.last_fall_known_on,
       CASE WHEN pl.person IS NOT NULL THEN pl.status WHEN p.fresh AND ps.plans THEN 'none' END AS plan_status,
       pl.title AS plan_title, pl.recorded AS plan_recorded_on,
       CASE WHEN pl.status = 'agreed' THEN pl.review_due END AS plan_review_due,
       CASE WHEN m.person IS NOT NULL THEN m.regular WHEN p.fresh AND ps.medicines THEN 0 END AS regular_medicines,
       m.rung AS medicines_rung,
       CASE WHEN m.person IS NOT NULL THEN m.new_30d WHEN p.fresh AND ps.medicines THEN 0 END AS new_medicines_30d,
       CASE WHEN m.person IS NOT NULL THEN m.fall_risk WHEN p.fresh AND ps.medicines THEN 0 END AS fall_risk_medicines,
       CASE WHEN m.person IS NOT NULL THEN m.dependence WHEN p.fresh AND ps.medicines THEN 0 END AS dependence_medicines,
       m.new_medicine_on, m.new_antipsychotic_on,
       CASE WHEN ac.person IS NOT NULL THEN 'found' WHEN p.fresh AND ps.plans THEN 'none' END AS acp_status, ac.acp_on,
       CASE WHEN k.open_teams IS NOT NULL THEN 'yes' WHEN p.fresh AND ps.episodes THEN 'no' END AS on_caseload, k.open_teams,
       CASE WHEN k.open_task THEN 'yes' WHEN p.fresh AND ps.tasks THEN 'no' END AS open_task, k.next_appointment_on,
       CASE WHEN coalesce(o.objects, FALSE) THEN NULL ELSE ri.efi_slope_6m END AS efi_slope_6m,
       CASE WHEN coalesce(o.objects, FALSE) THEN NULL WHEN sc.status = 'outside_population' THEN 'outside'
            ELSE ri.rapid_rise END AS rapid_rise,
       CASE WHEN coalesce(o.objects, FALSE) THEN NULL WHEN sc.status = 'outside_population' THEN 'outside'
            ELSE ri.moderate_rise END AS moderate_rise,
       CASE WHEN coalesce(o.objects, FALSE) THEN NULL WHEN sc.status = 'outside_population' THEN 'outside'
            ELSE ri.artefact_rise END AS artefact_rise,
       CASE WHEN e.last_smr_on IS NOT NULL THEN 'found' WHEN p.fresh AND sp."care/smr" THEN 'none' END AS smr_status,
       e.last_smr_on,
       CASE WHEN r.person IS NOT NULL THEN r.care_home WHEN p.fresh THEN 'no' END AS care_home,
       h.left_on AS home_left_on{coded_columns},
       r.home_id, r.home_basis, r.home_since, r.room,
       r.clock_kind, r.clock_start, r.clock_due
FROM t_person p
CROSS JOIN (SELECT (SELECT count(*) FROM consent_as_of) + (SELECT count(*) FROM tagged
            WHERE list = 'care/objection_profiling') > 0 AS any_seen) seen_objection
LEFT JOIN objection o USING (person)
LEFT JOIN t_dying dy USING (person)
LEFT JOIN t_coded cd USING (person)
LEFT JOIN t_speaks sp ON sp.practice IS NOT DISTINCT FROM p.practice
LEFT JOIN t_stay s USING (person)
LEFT JOIN t_frailty f USING (person)
LEFT JOIN t_score sc USING (person)
LEFT JOIN t_cfs c USING (person)
LEFT JOIN t_event e USING (person)
LEFT JOIN t_plan pl USING (person)
LEFT JOIN t_practice_seen ps ON ps.practice = p.practice
LEFT JOIN t_medicines m USING (person)
LEFT JOIN t_acp ac USING (person)
LEFT JOIN t_known_to k USING (person)
LEFT JOIN t_rising ri USING (person)
LEFT JOIN t_left_home h USING (person)
LEFT JOIN t_residence r USING (person)
"""


def said(facts: Sequence[CodedFact]) -> str:
    """The temp table `t_said`: what the entries of the lists of rules/triage/facts.toml say of each person, one row a fact."""
    rows = ", ".join(
        f"({number}, {literal(name)}, {fact.since or 'NULL'}, {fact.cautioned}, {low}, {high}, {fact.holds == 'newest'})"
        for number, fact in enumerate(facts) for low, high in [fact.between or ("NULL", "NULL")] for name in fact.lists)
    return f"""
CREATE OR REPLACE TEMP TABLE t_said AS
SELECT person, fact,
       coalesce(CASE WHEN any_value(by_newest)            -- of two entries of one day the one that ends the state counts
                     THEN arg_max(present, place * 2 + ends::INTEGER) FILTER (present OR ends) ELSE bool_or(present) END,
                FALSE) AS said,
       count(DISTINCT effective) FILTER (present) AS days, max(effective) FILTER (present) AS day,
       arg_max(recorded, place) FILTER (present) AS known,
       arg_max(value, (place, value)) FILTER (present AND value BETWEEN low AND high) AS value,
       max(effective) FILTER (present AND value BETWEEN low AND high) AS value_day
FROM (SELECT t.*, f.*, coalesce(category, '') IN ('', 'present', 'value') AS present, coalesce(category = 'ends', FALSE) AS ends,
             ((effective - DATE '1900-01-01')::BIGINT * 100000 + coalesce(recorded - DATE '1900-01-01', 0)) AS place
      FROM tagged t JOIN (VALUES {rows}) f(fact, list, since, cautioned, low, high, by_newest) USING (list)
      WHERE effective <= {{as_of}} AND (since IS NULL OR effective > since) AND (cautioned OR coalesce(caution, '') = ''))
GROUP BY person, fact"""


def coded(facts: Sequence[CodedFact], met: Collection[int]) -> str:
    """The temp table `t_coded`: the same, one row a person, of the facts of which anything is said (`met`, their places)."""
    wide = ", ".join(part for number, fact in enumerate(facts) if number in met for part in _wide(number, fact))
    return f"CREATE OR REPLACE TEMP TABLE t_coded AS SELECT person, {wide or 'NULL'} FROM t_said GROUP BY person"


_NOTHING = {"state": "'no'", "count": "0"}


def _wide(number: int, fact: CodedFact) -> list[str]:
    mine = f"FILTER (fact = {number})"
    if fact.makes == "count":
        return [f"coalesce(any_value(days) {mine}, 0) AS {fact.id}"]
    if fact.makes == "value":
        return [f"any_value(value) {mine} AS {fact.id}", f"any_value(value_day) {mine} AS {fact.id}_on"]
    return [f"coalesce(any_value(said) {mine}, FALSE) AS {fact.id}", f"any_value(day) {mine} AS {fact.id}_on",
            f"any_value(known) {mine} AS {fact.id}_known_on"]


def coded_columns(facts: Sequence[CodedFact], met: Collection[int]) -> str:
    """Their columns in the table of facts, each after a comma: no is said only where a source could have said yes."""
    made = []
    for number, fact in enumerate(facts):
        could = " OR ".join(f'sp."{name}"' for name in fact.lists)
        could = f"({'p.hospital' if fact.source == 'hospital' else 'p.fresh'} AND ({could}))"
        if number not in met:
            made += [] if fact.makes == "value" else [f"CASE WHEN {could} THEN {_NOTHING[fact.makes]} END AS {fact.id}"]
        elif fact.makes == "state":
            made += [f"CASE WHEN cd.{fact.id} THEN 'yes' WHEN {could} THEN 'no' END AS {fact.id}",
                     f"CASE WHEN cd.{fact.id} THEN cd.{fact.id}_on END AS {fact.id}_on",
                     f"CASE WHEN cd.{fact.id} THEN cd.{fact.id}_known_on END AS {fact.id}_known_on"]
        elif fact.makes == "count":
            made.append(f"CASE WHEN cd.{fact.id} > 0 THEN cd.{fact.id} WHEN {could} THEN 0 END AS {fact.id}")
        else:
            made += [f"cd.{fact.id}", f"cd.{fact.id}_on"]
    return "".join(f",\n       {one}" for one in made)
