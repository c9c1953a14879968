SELECT rid, 0 AS part, 'coded' AS kind, 'ProcedureRequest.code' AS element, code.coding AS codings, FALSE AS counts,
       reference_key(coalesce(encounter, context)) AS encounter,
       day_first(coalesce(authoredOn, occurrenceDateTime)) AS effective, NULL::SMALLINT AS minute,
       day_last(coalesce(authoredOn, occurrenceDateTime)) AS recorded, authoredOn IS NULL AS recorded_assumed,
       NULL::DATE AS ended, NULL::DOUBLE AS value, NULL AS unit, NULL AS comparator, NULL AS answer, NULL AS role,
       NULL AS medication, status, impossible_day(coalesce(authoredOn, occurrenceDateTime)) AS impossible_date
FROM raw
