SELECT rid, 0 AS part, CASE WHEN number IS NULL THEN 'coded' ELSE 'measured' END AS kind, 'events.code' AS element,
       [{'system': "system", 'code': code, 'display': term}] AS codings,
       coalesce(status, '') NOT IN ('refuted', 'negated', 'family-history', 'cancelled')
           AND NOT (number IS NULL AND says_no(NULL::BOOLEAN, NULL::STRUCT(coding STRUCT("system" VARCHAR, code VARCHAR,
                    display VARCHAR)[], "text" VARCHAR), value)) AS counts,
       'stays/' || stay_id AS encounter,
       coalesce(day_first(effective_on), day_first(recorded_on)) AS effective, minute_of(effective_on) AS minute,
       coalesce(day_last(recorded_on), day_last(effective_on)) AS recorded, day_last(recorded_on) IS NULL AS recorded_assumed,
       day_last(ended_on) AS ended, number AS value, unit,
       coalesce(comparator, nullif(regexp_extract(value, '^([<>]=?)', 1), '')) AS comparator, NULL AS answer, NULL AS role,
       NULL AS medication, status, impossible_day(coalesce(effective_on, recorded_on)) AS impossible_date
FROM (SELECT *, number_in(NULL::STRUCT("value" DOUBLE), NULL, value) AS number FROM raw)
