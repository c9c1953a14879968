SELECT rid, status, NULL AS category, coalesce(description, serviceType ->> '$[0].text', serviceType ->> '$.text') AS title,
       day_first("start") AS started, day_last("end") AS ended, day_last(coalesce(created, "start")) AS recorded
FROM raw
