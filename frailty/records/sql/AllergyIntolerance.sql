SELECT rid, 0 AS part, 'coded' AS kind, 'AllergyIntolerance.code' AS element, code.coding AS codings,
       FALSE AS counts, reference_key(coalesce(encounter, context)) AS encounter,
       day_first(coalesce(onsetDateTime, recordedDate, assertedDate)) AS effective, NULL::SMALLINT AS minute,
       day_last(coalesce(recordedDate, assertedDate, onsetDateTime)) AS recorded,
       coalesce(recordedDate, assertedDate) IS NULL AS recorded_assumed, NULL::DATE AS ended, NULL::DOUBLE AS value,
       NULL AS unit, NULL AS comparator, NULL AS answer, NULL AS role, NULL AS medication,
       coalesce(status_code(verificationStatus), '') AS status,
       impossible_day(coalesce(onsetDateTime, recordedDate, assertedDate)) AS impossible_date
FROM raw
