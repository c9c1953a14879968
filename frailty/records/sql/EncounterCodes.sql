SELECT rid, part, 'coded' AS kind, c.element AS element, c.codings AS codings, FALSE AS counts, encounter, effective,
       NULL::SMALLINT AS minute, recorded, TRUE AS recorded_assumed, NULL::DATE AS ended, NULL::DOUBLE AS value,
       NULL AS unit, NULL AS comparator, NULL AS answer, NULL AS role, NULL AS medication, status, NULL AS impossible_date
FROM (SELECT rid, encounter, effective, recorded, status, unnest(said) AS c, generate_subscripts(said, 1) - 1 AS part
      FROM (SELECT rid, 'Encounter/' || id AS encounter, day_first(period."start") AS effective,
                   day_last(period."start") AS recorded, status, list_concat(
                       list_transform(list_filter("type", lambda x: len(x.coding) > 0),
                                      lambda x: {'element': 'Encounter.type', 'codings': x.coding}),
                       list_transform(list_filter(reasonCode, lambda x: len(x.coding) > 0),
                                      lambda x: {'element': 'Encounter.reasonCode', 'codings': x.coding})) AS said FROM raw))
