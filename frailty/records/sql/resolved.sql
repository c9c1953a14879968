-- The rows of :which_event with what they refer to.
SELECT a.* REPLACE (
    m.person AS person, coalesce(t.concept, a.concept) AS concept, coalesce(s.record, d.record) AS stay,
    CASE WHEN a.medication IS NOT NULL THEN a.concept END AS own_concept,
    a.effective IS NULL AS date_borrowed, a.recorded IS NULL AS recorded_borrowed,
    coalesce(a.effective, s.started, d.started) AS effective, coalesce(a.recorded, s.known, d.known) AS recorded,
    coalesce(a.recorded_assumed, FALSE) OR a.recorded IS NULL AS recorded_assumed,
    CASE WHEN coalesce(a.effective, s.started, d.started) < born THEN 'before birth'
         WHEN coalesce(a.effective, s.started, d.started) > died THEN 'after death' END AS flag)
FROM :which_event a
LEFT JOIN person_id m ON m.source = a.source AND m.key = a.subject
LEFT JOIN stay_key s ON s.source = a.source AND s.key = a.encounter AND s.person = m.person
LEFT JOIN stay_diagnosis d ON s.record IS NULL AND d.source = a.source AND a.resource_type = 'Condition'
     AND d.key = 'Condition/' || a.resource_id AND d.person = m.person
LEFT JOIN (SELECT * FROM target WHERE known_to IS NULL AND concept IS NOT NULL) t
       ON t.source = a.source AND t.subject = a.medication
LEFT JOIN life l ON l.person = m.person
