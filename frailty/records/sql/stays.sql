SELECT rid, NULL AS part_of, setting AS class_code, '' AS class_system,
       {'system': '', 'code': admission_method, 'display': NULL::VARCHAR} AS admission_method, admitted_from, discharged_to,
       provider, NULL AS diagnoses, day_first(started) AS started, minute_of(started) AS started_minute,
       day_last(ended) AS ended, coalesce(day_last(recorded_start), day_last(started)) AS recorded_start,
       coalesce(day_last(recorded_end), day_last(ended)) AS recorded_end, recorded_start IS NULL AS recorded_assumed,
       NULL AS status, impossible_day(started) AS impossible_date
FROM raw
