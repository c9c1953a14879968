SELECT rid, 0 AS part, 'coded' AS kind, 'Flag.code' AS element, code.coding AS codings, FALSE AS counts,
       reference_key(coalesce(encounter, context)) AS encounter, day_first(period."start") AS effective,
       NULL::SMALLINT AS minute, day_last(period."start") AS recorded, TRUE AS recorded_assumed,
       day_last(period."end") AS ended, NULL::DOUBLE AS value, NULL AS unit, NULL AS comparator, NULL AS answer,
       NULL AS role, NULL AS medication, status, impossible_day(period."start") AS impossible_date
FROM raw
