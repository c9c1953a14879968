INSERT INTO arriving_event BY NAME
SELECT record, e.part AS part, source, resource_type, resource_id, subject, kind, element, s.concept AS concept,
       coalesce(counts, FALSE) AS counts, encounter, effective, minute, coalesce(recorded, effective) AS recorded,
       recorded_assumed, ended, value, unit, comparator, answer, role, medication, status, content, updated, version,
       :load AS known_from
FROM fresh JOIN staged_event e USING (rid) LEFT JOIN coded s ON s.rid = e.rid AND s.part = e.part
WHERE s.concept IS NOT NULL OR e.medication IS NOT NULL
