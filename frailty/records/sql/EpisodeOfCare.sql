SELECT rid, status, type[1].coding[1].code AS category, coalesce(type[1]."text", type[1].coding[1].display) AS title,
       day_first(period."start") AS started, day_last(period."end") AS ended, day_last(period."start") AS recorded
FROM raw
