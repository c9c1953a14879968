-- One row per person as of a day: general practice before hospital, the present registration before earlier ones.
CREATE OR REPLACE TEMP TABLE person_as_of AS
WITH ranked AS (
    SELECT p.*, row_number() OVER (PARTITION BY p.person ORDER BY
               coalesce(f.kind = 'gp', FALSE) DESC, coalesce(p.registered_from > $as_of, FALSE),
               coalesce(p.registered_to <= $as_of, FALSE), p.active IS FALSE, p.registered_from DESC NULLS LAST,
               p.source, p.resource_id) AS place
    FROM person p LEFT JOIN feed f USING (source)
    WHERE p.person IS NOT NULL AND p.known_from <= $load AND (p.known_to IS NULL OR p.known_to > $load)),
one AS (                                                  -- arg_min passes over what is NULL
    SELECT person,
        arg_min(nhs_number, place) AS nhs_number,
        arg_min(name, place) AS name,
        arg_min(birth_date, place) AS birth_date,
        coalesce(arg_min(sex, place) FILTER (sex <> 'unknown'), 'unknown') AS sex,
        min(deceased_on) FILTER (coalesce(death_status, '') <> 'removed') AS died,
        bool_or(deceased AND coalesce(death_status, '') <> 'removed') AS dead,
        bool_or(death_status = 'formal') AS formal,
        arg_min(phone, place) AS phone,
        arg_min(address, place) AS address,
        arg_min(postcode, place) AS postcode,
        arg_min(practice, place) AS practice,
        max(registered_from) FILTER (place = 1) AS registered_from,
        max(registered_to) FILTER (place = 1) AS registered_to,
        arg_min(usual_gp, place) AS usual_gp,
        arg_min(ethnicity, place) AS ethnicity,
        arg_min(imd_quintile, place) AS imd_quintile,
        arg_min(source, place) AS own_source, arg_min(resource_id, place) AS own_id,
        list_sort(list(DISTINCT source)) AS sources
    FROM ranked GROUP BY person),
names AS (SELECT person, min(patient_id) AS patient_id, min(note) AS identity_flag FROM person_id GROUP BY person)
-- Whoever has left since is named as then; a name that another has now gets its source before it.
SELECT person, coalesce(patient_id, CASE WHEN own_id IN (SELECT patient_id FROM names) THEN own_source || ':' || own_id ELSE own_id END)
           AS patient_id, nhs_number, name, birth_date, sex,
       CASE WHEN dead AND (died IS NULL OR died <= $as_of) THEN coalesce(died, $as_of) END AS deceased_on,
       CASE WHEN dead AND (died IS NULL OR died <= $as_of) THEN CASE WHEN formal THEN 'formal' ELSE 'informal' END END AS death_status,
       phone, address, postcode, practice, registered_from, registered_to, usual_gp, ethnicity, imd_quintile, sources, identity_flag
FROM one LEFT JOIN names USING (person) ORDER BY patient_id;
