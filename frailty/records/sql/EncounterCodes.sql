SELECT rid, part, 'coded' AS kind, element, c.coding AS codings, FALSE AS counts, encounter, effective,
       NULL::SMALLINT AS minute, recorded, TRUE AS recorded_assumed, NULL::DATE AS ended, NULL::DOUBLE AS value,
       NULL AS unit, NULL AS comparator, NULL AS answer, NULL AS role, NULL AS medication, status, said_date
FROM (SELECT rid, 'Encounter/' || id AS encounter, day_first(period."start") AS effective,
             day_last(period."start") AS recorded, status, period."start" AS said_date,
             unnest(list_concat(coalesce("type", []), coalesce(reasonCode, []))) AS c,
             unnest(list_concat(list_transform(coalesce("type", []), lambda x: 'Encounter.type'),
                                list_transform(coalesce(reasonCode, []), lambda x: 'Encounter.reasonCode'))) AS element,
             generate_subscripts(list_concat(coalesce("type", []), coalesce(reasonCode, [])), 1) AS part FROM raw)
WHERE len(c.coding) > 0
