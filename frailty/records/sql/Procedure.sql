SELECT rid, 0 AS part, 'coded' AS kind, 'Procedure.code' AS element, code.coding AS codings,
       coalesce(status, '') <> 'not-done' AND coalesce(notDone, FALSE) = FALSE AS counts,
       reference_key(coalesce(encounter, context)) AS encounter,
       coalesce(day_first(coalesce(performedDateTime, performedPeriod."start", occurrenceDateTime, occurrencePeriod."start")),
                day_first(recorded)) AS effective,
       NULL::SMALLINT AS minute,
       coalesce(day_last(recorded), day_last(coalesce(performedPeriod."end", performedDateTime, performedPeriod."start",
                                                      occurrencePeriod."end", occurrenceDateTime))) AS recorded,
       recorded IS NULL AS recorded_assumed, NULL::DATE AS ended, NULL::DOUBLE AS value, NULL AS unit,
       NULL AS comparator, NULL AS answer, NULL AS role, NULL AS medication, status,
       impossible_day(coalesce(performedDateTime, performedPeriod."start", occurrenceDateTime, occurrencePeriod."start", recorded)) AS impossible_date
FROM raw
