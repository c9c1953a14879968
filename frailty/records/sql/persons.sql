SELECT rid, regexp_replace(nhs_number, '[^0-9]', '', 'g') AS nhs_said,
       list_concat(['Patient/' || patient_id],
                   CASE WHEN nhs_number IS NULL THEN [] ELSE ['nhs:' || regexp_replace(nhs_number, '[^0-9]', '', 'g')] END) AS keys,
       day_first(birth_date) AS birth_date,
       CASE length(birth_date) WHEN 10 THEN 'day' WHEN 7 THEN 'month' WHEN 4 THEN 'year' END AS birth_precision,
       CASE WHEN lower(sex) IN ('male', 'm', '1') THEN 'male' WHEN lower(sex) IN ('female', 'f', '2') THEN 'female'
            WHEN lower(sex) = 'other' THEN 'other' ELSE 'unknown' END AS sex,
       day_first(deceased_on) AS deceased_on, deceased_on IS NOT NULL AS deceased, NULL AS death_said, name, phone,
       address, postcode,
       CASE WHEN practice IS NULL THEN [] ELSE [{'reference': NULL::VARCHAR,
            'identifier': {'system': getvariable('ods_systems')[1], 'value': practice}, 'display': NULL::VARCHAR}] END AS practices,
       CASE WHEN usual_gp IS NULL THEN NULL ELSE {'reference': NULL::VARCHAR,
            'identifier': NULL::STRUCT("system" VARCHAR, "value" VARCHAR), 'display': usual_gp} END AS gp,
       day_first(registered_from) AS registered_from, day_last(registered_to) AS registered_to, ethnicity,
       try_cast(imd_quintile AS INTEGER) AS imd_quintile, TRUE AS active
FROM raw
