SELECT rid, status, coalesce(provision."type", decision) AS decision, scope.coding[1].code AS scope,
       coalesce(provision.purpose[1].code, category[1].coding[1].code) AS category,
       day_last("dateTime") AS recorded, day_last(provision.period."end") AS ended
FROM raw
