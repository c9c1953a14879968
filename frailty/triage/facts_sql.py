"""The SQL behind the facts. `{name}` is a setting or a value that build_facts writes in; all tables are temporary."""

from __future__ import annotations

_PERSON = """
CREATE OR REPLACE TEMP TABLE t_person AS
SELECT p.person, p.patient_id, p.nhs_number, p.name, p.birth_date, p.sex, p.practice, p.usual_gp, p.phone, p.address,
       p.postcode, p.registered_from, p.registered_to, p.deceased_on, p.last_entry_on, p.last_contact_on,
       coalesce(s.state, 'not served') AS practice_state, coalesce(s.state, '') <> 'frozen' AS fresh,
       coalesce(s.hospital, FALSE) AS hospital,
       CASE WHEN p.death_status = 'formal' THEN 'formal'
            WHEN p.death_status IS NOT NULL OR p.deceased_on <= {as_of} THEN 'informal'
            WHEN coalesce(s.state, '') <> 'frozen' THEN 'none' END AS death_status,
       CASE WHEN p.registered_to <= {as_of} THEN 'deregistered'
            WHEN p.practice IS NOT NULL THEN 'registered' END AS registration_status
FROM person_as_of p LEFT JOIN t_practice s USING (practice)
"""

# the newest entry of each list and person that says yes or that ends it; entries with a caution do not count
_STATE = """
CREATE OR REPLACE TEMP TABLE t_state AS
SELECT person,
       coalesce(bool_or(list = 'care/palliative'), FALSE) AS palliative,
       max(effective) FILTER (list = 'care/palliative') AS palliative_on,
       coalesce(bool_or(list = 'care/housebound'), FALSE) AS housebound,
       coalesce(bool_or(list = 'care/lives_alone'), FALSE) AS lives_alone
FROM (SELECT person, list, category, effective,
             row_number() OVER (PARTITION BY person, list ORDER BY effective DESC NULLS LAST,
                                recorded DESC NULLS LAST, category) AS place
      FROM tagged WHERE list IN ('care/palliative', 'care/housebound', 'care/lives_alone')
        AND category IN ('present', 'ends') AND coalesce(caution, '') = '' AND effective <= {as_of})
WHERE place = 1 AND category = 'present'
GROUP BY person
"""

_CODED_HOME = """
CREATE OR REPLACE TEMP TABLE t_coded_home AS
SELECT t.person, min(t.effective) AS since
FROM tagged t
LEFT JOIN (SELECT person, max(effective) AS left_on FROM tagged
           WHERE list = 'care/residence' AND category = 'ends' GROUP BY person) e USING (person)
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
SELECT person, arg_max(value, effective) AS cfs, max(effective) AS cfs_on FROM tagged
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
       arg_max(recorded, effective) FILTER (list = 'efi/falls') AS last_fall_known_on,
       max(effective) FILTER (list = 'care/smr' AND coalesce(category, 'present') IN ('', 'present')) AS last_smr_on
FROM tagged WHERE coalesce(caution, '') = '' AND effective <= {as_of} GROUP BY person
"""

_STAY = """
CREATE OR REPLACE TEMP TABLE t_stay AS
SELECT person,
       max(started) FILTER (inpatient) AS last_admission_on,
       arg_max(recorded_start, started) FILTER (inpatient) AS last_admission_known_on,
       max(started) FILTER (inpatient AND admission = 'emergency') AS last_emergency_admission_on,
       max(ended) FILTER (inpatient AND over) AS last_discharge_on,
       arg_max(coalesce(recorded_end, ended), ended) FILTER (inpatient AND over) AS last_discharge_known_on,
       max(ended) FILTER (inpatient AND over AND ended > started) AS back_on,
       arg_max(started, ended) FILTER (inpatient AND over AND ended > started) AS back_from,
       max(started) FILTER (setting = 'emergency') AS last_ed_on,
       arg_max(recorded_start, started) FILTER (setting = 'emergency') AS last_ed_known_on,
       count(DISTINCT started) FILTER (inpatient AND admission = 'emergency'
                                       AND started > {as_of} - to_months(12)) AS emergency_admissions_12m,
       min(started) FILTER (here) AS in_hospital_since,
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
    WHERE status IN ('active', 'draft', 'proposed', 'on-hold', 'suspended')
      AND regexp_matches(lower(concat_ws(' ', title, category)), {plan_words}))
WHERE place = 1
"""

_MEDICINES = """
CREATE OR REPLACE TEMP TABLE t_medicines AS
SELECT person, count(*) FILTER (regular) AS regular, max(rung) FILTER (regular) AS rung FROM (
    SELECT person, max(rung) AS rung,
           count(DISTINCT effective) FILTER (role = 'issue' AND effective > {as_of} - {regular_days}) >= 2
           OR bool_or(role = 'plan' AND (ended IS NULL OR ended > {as_of})) AS regular
    FROM issue_as_of WHERE effective <= {as_of}
    GROUP BY person, CASE WHEN substance >= 0 THEN substance ELSE -1 - concept END)
GROUP BY person
"""

_SEEN = """
CREATE OR REPLACE TEMP TABLE t_practice_seen AS
SELECT p.practice, coalesce(bool_or(a.person IS NOT NULL), FALSE) AS plans,
       coalesce(bool_or(i.person IS NOT NULL), FALSE) AS medicines
FROM person_as_of p
LEFT JOIN (SELECT DISTINCT person FROM plan_as_of WHERE resource LIKE 'CarePlan/%') a USING (person)
LEFT JOIN (SELECT DISTINCT person FROM issue_as_of) i USING (person)
GROUP BY p.practice
"""

PARTS = (
    _PERSON,
    _STATE,
    _CODED_HOME,
    _FRAILTY,
    _CFS,
    _LAST_DAYS,
    _EVENTS,
    _STAY,
    _PLAN,
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
            WHEN p.fresh AND {last_days_coded} THEN 'no' END AS last_days,
       dy.last_days_on,
       CASE WHEN st.palliative THEN 'yes' WHEN p.fresh THEN 'no' END AS palliative, st.palliative_on,
       CASE WHEN s.open_now THEN 'yes' WHEN p.hospital THEN 'no' END AS in_hospital,
       s.in_hospital_since, s.last_admission_on, s.last_admission_known_on, s.last_emergency_admission_on,
       s.last_discharge_on, s.last_discharge_known_on, s.last_ed_on, s.last_ed_known_on,
       CASE WHEN s.person IS NOT NULL OR p.hospital THEN coalesce(s.emergency_admissions_12m, 0) END
           AS emergency_admissions_12m,
       CASE WHEN f.person IS NOT NULL THEN f.level WHEN p.fresh AND {frailty_coded} THEN 'none' END
           AS frailty_confirmed,
       f.effective AS frailty_confirmed_on,
       CASE WHEN coalesce(o.objects, FALSE) THEN NULL
            WHEN sc.status = 'ok' THEN sc.band WHEN sc.status = 'outside_population' THEN 'outside' END
           AS frailty_suggested,
       CASE WHEN sc.status = 'ok' AND NOT coalesce(o.objects, FALSE) THEN sc.points END AS frailty_points,
       CASE WHEN sc.status = 'ok' AND NOT coalesce(o.objects, FALSE) THEN sc.out_of END AS frailty_of,
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
       CASE WHEN e.last_smr_on IS NOT NULL THEN 'found' WHEN p.fresh AND {smr_coded} THEN 'none' END AS smr_status,
       e.last_smr_on,
       CASE WHEN st.housebound THEN 'yes' WHEN p.fresh THEN 'no' END AS housebound,
       CASE WHEN st.lives_alone THEN 'yes' WHEN p.fresh THEN 'no' END AS lives_alone,
       CASE WHEN r.person IS NOT NULL THEN r.care_home WHEN p.fresh THEN 'no' END AS care_home,
       r.home_id, r.home_basis, r.home_since, r.room,
       r.clock_kind, r.clock_start, r.clock_due
FROM t_person p
CROSS JOIN (SELECT (SELECT count(*) FROM consent_as_of) + (SELECT count(*) FROM tagged
            WHERE list = 'care/objection_profiling') > 0 AS any_seen) seen_objection
LEFT JOIN objection o USING (person)
LEFT JOIN t_dying dy USING (person)
LEFT JOIN t_state st USING (person)
LEFT JOIN t_stay s USING (person)
LEFT JOIN t_frailty f USING (person)
LEFT JOIN t_score sc USING (person)
LEFT JOIN t_cfs c USING (person)
LEFT JOIN t_event e USING (person)
LEFT JOIN t_plan pl USING (person)
LEFT JOIN t_practice_seen ps ON ps.practice = p.practice
LEFT JOIN t_medicines m USING (person)
LEFT JOIN t_residence r USING (person)
ORDER BY person
"""
