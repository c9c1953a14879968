INSERT INTO stay BY NAME
SELECT record, source, resource_type, resource_id, subject, part_of,
       coalesce(c.value, d.value, CASE WHEN lower(class_code) IN ('inpatient', 'emergency', 'outpatient', 'community', 'home',
                                                         'virtual', 'other') THEN lower(class_code) END, 'unknown') AS setting,
       coalesce(m.value, k.value, CASE WHEN lower(admission_method.code) IN ('elective', 'emergency', 'maternity',
                'transfer', 'other') THEN lower(admission_method.code) END, 'unknown') AS admission,
       admission_method.code AS admission_code, admitted_from, discharged_to, provider, diagnoses, started,
       started_minute, ended, coalesce(recorded_start, started) AS recorded_start,
       coalesce(recorded_end, ended) AS recorded_end, recorded_assumed, status, content, updated, version, :load AS known_from
FROM (SELECT x.*, coalesce(a.uri, class_system, '') AS class_uri,
             coalesce(b.uri, admission_method."system", '') AS method_uri
      FROM fresh JOIN staged_stay x USING (rid)
      LEFT JOIN systems a ON a.alias = class_system LEFT JOIN systems b ON b.alias = admission_method."system") x
JOIN fresh USING (rid)
LEFT JOIN map_settings c ON c.code = lower(class_code) AND c.system = class_uri
LEFT JOIN map_settings d ON d.code = lower(class_code) AND d.system = ''
LEFT JOIN map_admission_methods m ON m.code = lower(admission_method.code) AND m.system = method_uri
LEFT JOIN map_admission_methods k ON k.code = lower(class_code) AND k.system = class_uri
