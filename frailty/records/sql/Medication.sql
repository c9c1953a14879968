SELECT rid, code.coding AS codings, NULL AS name, NULL AS ods FROM raw
