-- The Observation itself, then its components. (Two plain passes: a join would copy the nested elements.)
SELECT rid, 0 AS part, CASE WHEN observed AND value IS NOT NULL THEN 'measured' ELSE 'coded' END AS kind,
       'Observation.code' AS element, codings, observed AND NOT no AS counts, encounter,
       coalesce(day_first(said), issued_on) AS effective, minute_of(said) AS minute,
       coalesce(issued_on, day_last(said_end)) AS recorded, issued_on IS NULL AS recorded_assumed, NULL::DATE AS ended,
       CASE WHEN observed THEN value END AS value, unit, comparator, answer, NULL AS role, NULL AS medication, status,
       CASE WHEN day_first(said) IS NULL THEN impossible_day(coalesce(said, issued)) END AS impossible_date
FROM (
    SELECT rid, code.coding AS codings, status, reference_key(coalesce(encounter, context)) AS encounter, issued,
           day_first(issued) AS issued_on, coalesce(effectiveDateTime, effectivePeriod."start", effectiveInstant) AS said,
           coalesce(effectivePeriod."end", effectiveDateTime, effectivePeriod."start", effectiveInstant) AS said_end,
           coalesce(status, '') NOT IN ('cancelled', 'registered') AND dataAbsentReason IS NULL AS observed,
           CASE WHEN valueBoolean IS NULL AND valueString IS NULL AND valueCodeableConcept IS NULL THEN FALSE
                ELSE says_no(valueBoolean, valueCodeableConcept, valueString) END AS no,
           CASE WHEN valueString IS NULL THEN coalesce(valueQuantity."value", valueInteger::DOUBLE)
                ELSE number_in(valueQuantity, valueInteger, valueString) END AS value,
           coalesce(nullif(valueQuantity.unit, ''), valueQuantity.code) AS unit,
           CASE WHEN valueString IS NULL THEN valueQuantity.comparator
                ELSE comparator_in(valueQuantity, valueString) END AS comparator,
           CASE WHEN valueCodeableConcept.coding[1].code IS NOT NULL THEN coalesce(
               valueCodeableConcept.coding[1]."system", '') || '|' || valueCodeableConcept.coding[1].code END AS answer
    FROM raw)
UNION ALL
SELECT rid, part, CASE WHEN observed AND value IS NOT NULL THEN 'measured' ELSE 'coded' END, 'Observation.component',
       c.code.coding, FALSE, encounter, coalesce(day_first(said), issued_on), minute_of(said),
       coalesce(issued_on, day_last(said_end)), issued_on IS NULL, NULL, CASE WHEN observed THEN value END,
       coalesce(nullif(c.valueQuantity.unit, ''), c.valueQuantity.code), comparator_in(c.valueQuantity, c.valueString),
       NULL, NULL, NULL, status, NULL
FROM (
    SELECT *, number_in(c.valueQuantity, c.valueInteger, c.valueString) AS value FROM (
        SELECT rid, unnest(component) AS c, generate_subscripts(component, 1) AS part, status,
               reference_key(coalesce(encounter, context)) AS encounter, issued, day_first(issued) AS issued_on,
               coalesce(effectiveDateTime, effectivePeriod."start", effectiveInstant) AS said,
               coalesce(effectivePeriod."end", effectiveDateTime, effectivePeriod."start", effectiveInstant) AS said_end,
               coalesce(status, '') NOT IN ('cancelled', 'registered') AND dataAbsentReason IS NULL AS observed
        FROM raw WHERE len(component) > 0))
WHERE len(c.code.coding) > 0
