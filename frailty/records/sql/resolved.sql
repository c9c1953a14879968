-- The rows of :which_event with what they refer to. References are resolved once a resource, on narrow columns.
SELECT a.* EXCLUDE (place) REPLACE (
    r.person AS person, coalesce(of_medication, a.concept) AS concept, r.stay AS stay,
    CASE WHEN a.medication IS NOT NULL THEN a.concept END AS own_concept,
    a.effective IS NULL AS date_borrowed, a.recorded IS NULL AS recorded_borrowed,
    coalesce(a.effective, stay_started) AS effective, coalesce(a.recorded, stay_known) AS recorded,
    coalesce(a.recorded_assumed, FALSE) OR a.recorded IS NULL AS recorded_assumed,
    CASE WHEN coalesce(a.effective, stay_started) < born THEN 'before birth'
         WHEN coalesce(a.effective, stay_started) > died THEN 'after death' END AS flag)
FROM :which_event a JOIN (
    SELECT place, m.person, t.concept AS of_medication, coalesce(s.record, d.record) AS stay,
           coalesce(s.started, d.started) AS stay_started, coalesce(s.known, d.known) AS stay_known, born, died
    FROM :which_reference e
    LEFT JOIN person_id m ON m.source = e.source AND m.key = e.subject
    LEFT JOIN stay_key s ON s.source = e.source AND s.key = e.encounter AND s.person = m.person
    LEFT JOIN stay_diagnosis d ON s.record IS NULL AND d.source = e.source AND d.key = e.condition AND d.person = m.person
    LEFT JOIN (SELECT * FROM target WHERE known_to IS NULL AND concept IS NOT NULL) t
           ON t.source = e.source AND t.subject = e.medication
    LEFT JOIN life l ON l.person = m.person) r USING (place)
