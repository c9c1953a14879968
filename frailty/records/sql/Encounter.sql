SELECT rid, reference_key(partOf) AS part_of,
       CASE json_type("class") WHEN 'VARCHAR' THEN "class" ->> '$' WHEN 'OBJECT' THEN "class" ->> '$.code'
            WHEN 'ARRAY' THEN coalesce("class" ->> '$[0].coding[0].code', "class" ->> '$[0].code') END AS class_code,
       CASE json_type("class") WHEN 'OBJECT' THEN "class" ->> '$.system'
            WHEN 'ARRAY' THEN coalesce("class" ->> '$[0].coding[0].system', "class" ->> '$[0].system') END AS class_system,
       coalesce(list_filter(list_concat(coalesce(hospitalization.extension, []), coalesce(extension, [])),
                   lambda x: contains(x.url, 'AdmissionMethod'))[1].valueCodeableConcept.coding[1]) AS admission_method,
       hospitalization.admitSource.coding[1].code AS admitted_from,
       hospitalization.dischargeDisposition.coding[1].code AS discharged_to,
       coalesce(reference_key(serviceProvider), serviceProvider.display) AS provider,
       -- One text, not a list: DuckDB 2.0.0 copies a table with a list column twenty times more slowly.
       nullif(array_to_string(list_filter(list_transform(from_json(diagnosis, '["JSON"]'),
                   lambda d: coalesce(d ->> '$.condition.reference', d ->> '$.reference.reference')),
                   lambda r: r IS NOT NULL), ' '), '') AS diagnoses,
       day_first(period."start") AS started, minute_of(period."start") AS started_minute,
       day_last(period."end") AS ended, day_last(period."start") AS recorded_start,
       day_last(period."end") AS recorded_end, TRUE AS recorded_assumed, status, impossible_day(period."start") AS impossible_date
FROM raw
