SELECT rid, NULL::STRUCT("system" VARCHAR, code VARCHAR, display VARCHAR)[] AS codings, name,
       list_filter(identifier, lambda i: list_contains(getvariable('ods_systems'), i."system"))[1]."value" AS ods FROM raw
