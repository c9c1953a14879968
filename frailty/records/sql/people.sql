-- One row per person as of a day: general practice before hospital, the present registration before earlier ones.
CREATE OR REPLACE TEMP TABLE person_as_of AS
WITH ranked AS (
    SELECT p.*, row_number() OVER (PARTITION BY p.person ORDER BY
               coalesce(f.kind = 'gp', FALSE) DESC, coalesce(p.registered_from > $as_of, FALSE),
               coalesce(p.registered_to <= $as_of, FALSE), p.active IS FALSE, p.registered_from DESC NULLS LAST,
               p.source, p.resource_id) AS place
    FROM person p LEFT JOIN feed f USING (source)
    WHERE p.person IS NOT NULL AND p.known_from <= $load AND (p.known_to IS NULL OR p.known_to > $load)),
one AS (
    SELECT person,
        first(nhs_number ORDER BY place) FILTER (nhs_number IS NOT NULL) AS nhs_number,
        first(name ORDER BY place) FILTER (name IS NOT NULL) AS name,
        first(birth_date ORDER BY place) FILTER (birth_date IS NOT NULL) AS birth_date,
        coalesce(first(sex ORDER BY place) FILTER (sex <> 'unknown'), 'unknown') AS sex,
        min(deceased_on) FILTER (coalesce(death_status, '') <> 'removed') AS died,
        bool_or(deceased AND coalesce(death_status, '') <> 'removed') AS dead,
        bool_or(death_status = 'formal') AS formal,
        first(phone ORDER BY place) FILTER (phone IS NOT NULL) AS phone,
        first(address ORDER BY place) FILTER (address IS NOT NULL) AS address,
        first(postcode ORDER BY place) FILTER (postcode IS NOT NULL) AS postcode,
        first(practice ORDER BY place) FILTER (practice IS NOT NULL) AS practice,
        first(registered_from ORDER BY place) AS registered_from,
        first(registered_to ORDER BY place) AS registered_to,
        first(usual_gp ORDER BY place) FILTER (usual_gp IS NOT NULL) AS usual_gp,
        first(ethnicity ORDER BY place) FILTER (ethnicity IS NOT NULL) AS ethnicity,
        first(imd_quintile ORDER BY place) FILTER (imd_quintile IS NOT NULL) AS imd_quintile,
        first(source ORDER BY place) AS own_source, first(resource_id ORDER BY place) AS own_id,
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
