WITH told AS (
    SELECT rid, code, component, valueQuantity, valueCodeableConcept, valueBoolean, valueString, valueInteger, status,
           reference_key(coalesce(encounter, context)) AS encounter, day_first(issued) AS issued,
           coalesce(effectiveDateTime, effectivePeriod."start", effectiveInstant) AS said,
           coalesce(effectivePeriod."end", effectiveDateTime, effectivePeriod."start", effectiveInstant) AS said_end,
           coalesce(status, '') NOT IN ('cancelled', 'registered') AND dataAbsentReason IS NULL AS observed
    FROM raw),
answered AS (
    SELECT rid, 0 AS part, 'Observation.code' AS element, code.coding AS codings, valueQuantity, valueCodeableConcept,
           valueBoolean, valueString, valueInteger FROM told
    UNION ALL
    SELECT rid, part, 'Observation.component', c.code.coding, c.valueQuantity, c.valueCodeableConcept, c.valueBoolean,
           c.valueString, c.valueInteger
    FROM (SELECT rid, unnest(component) AS c, generate_subscripts(component, 1) AS part FROM told WHERE component IS NOT NULL)
    WHERE len(c.code.coding) > 0),
read AS (
    SELECT rid, part, element, codings,
           CASE WHEN coalesce(valueBoolean::VARCHAR, valueString, valueCodeableConcept::VARCHAR) IS NULL THEN FALSE
                ELSE says_no(valueBoolean, valueCodeableConcept, valueString) END AS no,
           CASE WHEN valueString IS NULL THEN coalesce(valueQuantity."value", valueInteger::DOUBLE)
                ELSE number_in(valueQuantity, valueInteger, valueString) END AS value,
           coalesce(nullif(valueQuantity.unit, ''), valueQuantity.code) AS unit,
           CASE WHEN valueString IS NULL THEN valueQuantity.comparator
                ELSE comparator_in(valueQuantity, valueString) END AS comparator,
           CASE WHEN valueCodeableConcept.coding[1].code IS NOT NULL THEN
               coalesce(valueCodeableConcept.coding[1]."system", '') || '|' || valueCodeableConcept.coding[1].code
           END AS answer
    FROM answered)
SELECT rid, part, CASE WHEN observed AND value IS NOT NULL THEN 'measured' ELSE 'coded' END AS kind, element, codings,
       part = 0 AND NOT no AND observed AS counts, encounter, coalesce(day_first(said), issued) AS effective,
       minute_of(said) AS minute, coalesce(issued, day_last(said_end)) AS recorded, issued IS NULL AS recorded_assumed,
       NULL::DATE AS ended, CASE WHEN observed THEN value END AS value, unit, comparator, answer, NULL AS role,
       NULL AS medication, status, coalesce(said, issued::VARCHAR) AS said_date
FROM read JOIN told USING (rid)
