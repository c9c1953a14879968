SELECT rid, status, code ->> '$.coding[0].code' AS category,
       coalesce(description, code ->> '$.text', code ->> '$.coding[0].display') AS title,
       day_first(authoredOn) AS started, day_last(restriction.period."end") AS ended,
       day_last(coalesce(authoredOn, lastModified)) AS recorded
FROM raw
