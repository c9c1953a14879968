SELECT rid, 0 AS part, 'issue' AS kind, 'medicines' AS element,
       [{'system': coalesce("system", ''), 'code': coalesce(code, term), 'display': term}] AS codings, FALSE AS counts,
       NULL AS encounter, day_first(issued_on) AS effective, NULL::SMALLINT AS minute,
       coalesce(day_last(recorded_on), day_last(issued_on)) AS recorded, recorded_on IS NULL AS recorded_assumed,
       day_last(ended_on) AS ended, NULL::DOUBLE AS value, NULL AS unit, NULL AS comparator, NULL AS answer,
       CASE WHEN "role" IN ('plan', 'none') THEN "role" ELSE 'issue' END AS role, NULL AS medication, NULL AS status,
       impossible_day(issued_on) AS impossible_date
FROM raw
