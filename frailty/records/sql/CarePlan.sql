SELECT rid, status, category[1].coding[1].code AS category,
       coalesce(title, category[1].coding[1].display, category[1]."text") AS title,
       day_first(coalesce(period."start", created)) AS started, day_last(period."end") AS ended,
       day_last(coalesce(created, period."start")) AS recorded
FROM raw
