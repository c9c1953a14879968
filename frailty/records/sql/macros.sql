-- Dates: "happened" means the first day of a partial date, "known" the last. An instant is a day in Europe/London.
CREATE OR REPLACE TEMP MACRO zoned(s) AS right(s, 1) IN ('Z', 'z') OR substr(s, -6, 1) IN ('+', '-');
CREATE OR REPLACE TEMP MACRO day_first(s) AS CASE
    WHEN length(s) = 10 THEN try_cast(s AS DATE)
    WHEN length(s) > 10 AND zoned(s)
        THEN coalesce(timezone('Europe/London', try_cast(s AS TIMESTAMPTZ))::DATE, try_cast(left(s, 10) AS DATE))
    WHEN length(s) > 10 THEN try_cast(left(s, 10) AS DATE)
    WHEN length(s) = 7 THEN try_cast(s || '-01' AS DATE)
    WHEN length(s) = 4 THEN try_cast(s || '-01-01' AS DATE) END;
CREATE OR REPLACE TEMP MACRO day_last(s) AS CASE
    WHEN length(s) = 7 THEN last_day(try_cast(s || '-01' AS DATE))
    WHEN length(s) = 4 THEN try_cast(s || '-12-31' AS DATE)
    ELSE day_first(s) END;
CREATE OR REPLACE TEMP MACRO impossible_day(s) AS CASE WHEN day_first(s) IS NULL THEN s END;
CREATE OR REPLACE TEMP MACRO minute_of(s) AS CASE WHEN length(s) > 10 THEN (CASE WHEN zoned(s)
    THEN date_part('hour', timezone('Europe/London', try_cast(s AS TIMESTAMPTZ))) * 60
       + date_part('minute', timezone('Europe/London', try_cast(s AS TIMESTAMPTZ)))
    ELSE date_part('hour', try_cast(s AS TIMESTAMP)) * 60 + date_part('minute', try_cast(s AS TIMESTAMP)) END)::SMALLINT
    END;
-- Six forms of reference become one key: Type/id, urn:uuid:..., nhs:<number> or identifier:<system>|<value>.
CREATE OR REPLACE TEMP MACRO identifier_key(system, val) AS CASE
    WHEN val IS NULL THEN NULL
    WHEN list_contains(getvariable('nhs_systems'), system) THEN 'nhs:' || regexp_replace(val, '[^0-9]', '', 'g')
    ELSE 'identifier:' || coalesce(system, '') || '|' || val END;
CREATE OR REPLACE TEMP MACRO reference_key(r) AS CASE
    WHEN r.reference IS NULL THEN identifier_key(r.identifier."system", r.identifier."value")
    WHEN starts_with(r.reference, 'urn:') THEN lower(r.reference)
    WHEN contains(r.reference, '?identifier=') THEN identifier_key(
        split_part(split_part(r.reference, '?identifier=', 2), '|', 1), split_part(r.reference, '|', 2))
    WHEN contains(r.reference, '://') OR contains(r.reference, '/_history/')
        THEN nullif(regexp_extract(r.reference, '([A-Za-z]+/[^/]+)(/_history/[^/]*)?$', 1), '')
    ELSE r.reference END;
-- A status that is a plain code in STU3 and a CodeableConcept in R4.
CREATE OR REPLACE TEMP MACRO status_code(j) AS
    CASE json_type(j) WHEN 'VARCHAR' THEN j ->> '$' WHEN 'OBJECT' THEN j ->> '$.coding[0].code' END;
-- An answer that says "no": then the Observation's code does not count as present.
CREATE OR REPLACE TEMP MACRO says_no(flag, answer, text) AS coalesce(flag = FALSE, FALSE)
    OR coalesce(len(list_intersect(getvariable('no_codes'),
                    list_transform(answer.coding, lambda c: coalesce(c."system", '') || '|' || c.code))) > 0, FALSE)
    OR coalesce(list_contains(getvariable('no_texts'), lower(trim(coalesce(text, answer."text")))), FALSE);
CREATE OR REPLACE TEMP MACRO number_in(q, i, s) AS
    coalesce(q."value", i::DOUBLE, try_cast(regexp_replace(trim(s), '^[<>]=?\s*', '') AS DOUBLE));
CREATE OR REPLACE TEMP MACRO comparator_in(q, s) AS
    coalesce(q.comparator, nullif(regexp_extract(trim(s), '^([<>]=?)', 1), ''));
CREATE OR REPLACE TEMP MACRO named_coding(name) AS
    CASE WHEN trim(name) <> '' THEN [{'system': ''::VARCHAR, 'code': trim(name), 'display': trim(name)}] END;
-- The key of a resource in the store: the same wherever and whenever it is read.
CREATE OR REPLACE TEMP MACRO record_key(source, kind, id, subject) AS
    (md5_number_lower(concat_ws('|', source, kind, id, subject)) >> 1)::BIGINT;
