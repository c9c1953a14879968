SELECT rid, 0 AS part, 'issue' AS kind, 'MedicationRequest' AS element,
       coalesce(nullif(medicationCodeableConcept.coding, []),
                from_json(medication -> '$.concept.coding', getvariable('codings_shape')),
                -- A name without a code still tells the substance.
                named_coding(coalesce(medicationCodeableConcept."text", medicationReference.display,
                                      medication ->> '$.concept.text'))) AS codings,
       FALSE AS counts, reference_key(coalesce(encounter, context)) AS encounter,
       day_first(coalesce(authoredOn, dateWritten, dispenseRequest.validityPeriod."start",
                          dosageInstruction[1].timing.repeat.boundsPeriod."start")) AS effective,
       NULL::SMALLINT AS minute,
       day_last(coalesce(authoredOn, dateWritten, dispenseRequest.validityPeriod."start",
                          dosageInstruction[1].timing.repeat.boundsPeriod."start")) AS recorded,
       coalesce(authoredOn, dateWritten) IS NULL AS recorded_assumed,
       day_last(dispenseRequest.validityPeriod."end") AS ended, NULL::DOUBLE AS value, NULL AS unit,
       NULL AS comparator, NULL AS answer,
       CASE WHEN status IN ('draft', 'cancelled', 'on-hold') OR doNotPerform THEN 'none'
            WHEN intent IN ('plan', 'proposal', 'option') THEN 'plan' ELSE 'issue' END AS role,
       coalesce(reference_key(medicationReference), medication ->> '$.reference.reference') AS medication, status,
       impossible_day(coalesce(authoredOn, dateWritten, dispenseRequest.validityPeriod."start",
                               dosageInstruction[1].timing.repeat.boundsPeriod."start")) AS impossible_date
FROM raw
