-- R4 says what is refused in `provision`, STU3 in `except`.
SELECT rid, status, coalesce(provision."type", "except"[1]."type", decision) AS decision, scope.coding[1].code AS scope,
       coalesce(provision.purpose[1].code, "except"[1].purpose[1].code, category[1].coding[1].code,
                category[1]."text") AS category,
       day_last("dateTime") AS recorded, day_last(provision.period."end") AS ended
FROM raw
