-- What comes in and is new: views, so that nothing wide is copied before it is written into the store.
CREATE OR REPLACE TEMP VIEW arriving_event AS
SELECT c.record AS record, e.part AS part, c.source AS source, c.resource_type AS resource_type,
       c.resource_id AS resource_id, c.subject AS subject, NULL::INTEGER AS person, kind, element, s.concept AS concept,
       coalesce(counts, FALSE) AS counts, encounter, NULL::BIGINT AS stay, effective, minute,
       coalesce(recorded, effective) AS recorded, recorded_assumed, ended, value, unit, comparator, answer, role, medication,
       NULL::INTEGER AS own_concept, NULL::BOOLEAN AS date_borrowed, NULL::BOOLEAN AS recorded_borrowed, status,
       NULL::VARCHAR AS flag, content, updated, version, :load AS known_from, NULL::INTEGER AS known_to
FROM staged_event e JOIN incoming c USING (rid) LEFT JOIN coded s ON s.rid = e.rid AND s.part = e.part
WHERE s.concept IS NOT NULL OR e.medication IS NOT NULL;

CREATE OR REPLACE TEMP VIEW arriving_stay AS
SELECT record, source, resource_type, resource_id, subject, part_of,
       coalesce(c.value, d.value, CASE WHEN lower(class_code) IN ('inpatient', 'emergency', 'outpatient', 'community', 'home',
                                                         'virtual', 'other') THEN lower(class_code) END, 'unknown') AS setting,
       coalesce(m.value, k.value, CASE WHEN lower(admission_method.code) IN ('elective', 'emergency', 'maternity',
                'transfer', 'other') THEN lower(admission_method.code) END, 'unknown') AS admission,
       admission_method.code AS admission_code, admitted_from, discharged_to, provider, diagnoses, started,
       started_minute, ended, coalesce(recorded_start, started) AS recorded_start,
       coalesce(recorded_end, ended) AS recorded_end, recorded_assumed, status, content, updated, version, :load AS known_from
FROM incoming JOIN (
      SELECT x.*, coalesce(a.uri, class_system, '') AS class_uri,
             coalesce(b.uri, admission_method."system", '') AS method_uri
      FROM staged_stay x LEFT JOIN systems a ON a.alias = class_system
      LEFT JOIN systems b ON b.alias = admission_method."system") x USING (rid)
LEFT JOIN map_settings c ON c.code = lower(class_code) AND c.system = class_uri
LEFT JOIN map_settings d ON d.code = lower(class_code) AND d.system = ''
LEFT JOIN map_admission_methods m ON m.code = lower(admission_method.code) AND m.system = method_uri
LEFT JOIN map_admission_methods k ON k.code = lower(class_code) AND k.system = class_uri;
