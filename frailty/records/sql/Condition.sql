SELECT rid, 0 AS part, 'coded' AS kind, 'Condition.code' AS element, code.coding AS codings,
       status_code(verificationStatus) IS DISTINCT FROM 'refuted' AS counts,
       reference_key(coalesce(encounter, context)) AS encounter,
       coalesce(day_first(onsetDateTime), day_first(onsetPeriod."start"),
                day_first(coalesce(recordedDate, assertedDate, dateRecorded))) AS effective,
       NULL::SMALLINT AS minute,
       coalesce(day_last(coalesce(recordedDate, assertedDate, dateRecorded)),
                day_last(coalesce(onsetPeriod."end", onsetDateTime, onsetPeriod."start"))) AS recorded,
       day_last(coalesce(recordedDate, assertedDate, dateRecorded)) IS NULL AS recorded_assumed,
       day_last(coalesce(abatementDateTime, abatementPeriod."start", abatementPeriod."end")) AS ended,
       NULL::DOUBLE AS value, NULL AS unit, NULL AS comparator, NULL AS answer, NULL AS role, NULL AS medication,
       coalesce(status_code(clinicalStatus), '') AS status,
       CASE WHEN day_first(onsetDateTime) IS NULL THEN
           impossible_day(coalesce(onsetDateTime, onsetPeriod."start", recordedDate, assertedDate, dateRecorded)) END AS impossible_date
FROM raw
