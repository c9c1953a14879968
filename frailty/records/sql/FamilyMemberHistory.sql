SELECT rid, part, 'coded' AS kind, 'FamilyMemberHistory.condition' AS element, c.code.coding AS codings, FALSE AS counts,
       NULL AS encounter, effective, NULL::SMALLINT AS minute, effective AS recorded, FALSE AS recorded_assumed,
       NULL::DATE AS ended, NULL::DOUBLE AS value, NULL AS unit, NULL AS comparator, NULL AS answer, NULL AS role,
       NULL AS medication, status, impossible_date
FROM (SELECT rid, status, day_first("date") AS effective, impossible_day("date") AS impossible_date,
             unnest(list_concat([NULL], coalesce(condition, []))) AS c,
             generate_subscripts(list_concat([NULL], coalesce(condition, [])), 1) - 1 AS part FROM raw)
