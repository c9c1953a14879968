CREATE OR REPLACE TEMP TABLE arriving_event AS SELECT * FROM event LIMIT 0;
CREATE OR REPLACE TEMP TABLE seen (source VARCHAR, record BIGINT, resource_type VARCHAR, file INTEGER, line INTEGER,
                                   ordinal BIGINT);
