SELECT rid, NULL::STRUCT("system" VARCHAR, code VARCHAR, display VARCHAR)[] AS codings,
       trim(concat_ws(' ', coalesce("name" ->> '$[0].prefix[0]', "name" ->> '$.prefix[0]'),
            coalesce("name" ->> '$[0].given[0]', "name" ->> '$.given[0]'),
            coalesce("name" ->> '$[0].family', "name" ->> '$.family', "name" ->> '$[0].text'))) AS name, NULL AS ods FROM raw
