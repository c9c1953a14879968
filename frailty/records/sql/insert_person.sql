INSERT INTO person BY NAME
SELECT record, source, resource_type, resource_id, subject, nhs_said, nhs_number, birth_date,
       birth_precision, sex, deceased_on, coalesce(deceased, FALSE) AS deceased,
       CASE death_said WHEN '1' THEN 'informal' WHEN '2' THEN 'formal' WHEN 'U' THEN 'removed' END AS death_status,
       nullif(name, '') AS name, phone, nullif(address, '') AS address, postcode,
       coalesce(list_filter(practices, lambda p: list_contains(getvariable('ods_systems'), p.identifier."system"))[1].identifier."value",
                reference_key(practices[1]), practices[1].display) AS practice_said,
       coalesce(gp.display, reference_key(gp)) AS gp_said, registered_from, registered_to, ethnicity, imd_quintile, active,
       keys, content, updated, version, :load AS known_from
FROM incoming JOIN staged_person USING (rid);
