SELECT rid, 0 AS part, 'issue' AS kind, 'MedicationStatement' AS element,
       coalesce(nullif(medicationCodeableConcept.coding, []),
                from_json(medication -> '$.concept.coding', getvariable('codings_shape')),
                -- A name without a code still tells the substance.
                named_coding(coalesce(medicationCodeableConcept."text", medicationReference.display,
                                      medication ->> '$.concept.text'))) AS codings,
       FALSE AS counts, reference_key(context) AS encounter,
       coalesce(day_first(coalesce(effectiveDateTime, effectivePeriod."start")), day_first(dateAsserted)) AS effective,
       NULL::SMALLINT AS minute,
       coalesce(day_last(dateAsserted), day_last(coalesce(effectiveDateTime, effectivePeriod."start"))) AS recorded,
       dateAsserted IS NULL AS recorded_assumed, day_last(effectivePeriod."end") AS ended,
       NULL::DOUBLE AS value, NULL AS unit, NULL AS comparator, NULL AS answer,
       CASE WHEN status IN ('draft', 'cancelled', 'on-hold', 'not-taken') OR taken = 'n' THEN 'none'
            WHEN len(basedOn) > 0 THEN 'statement' ELSE 'plan' END AS role,
       coalesce(reference_key(medicationReference), medication ->> '$.reference.reference') AS medication, status,
       impossible_day(coalesce(effectiveDateTime, effectivePeriod."start", dateAsserted)) AS impossible_date
FROM raw
