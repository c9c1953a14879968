-- Who is who. Patients of any source that share a valid NHS number AND birth date AND sex are one person; nothing
-- else joins. Links are derived anew after every load, so they can always be undone.
CREATE OR REPLACE TEMP TABLE patient AS
SELECT record, source, subject, resource_id, keys, nhs_number, birth_date, sex,
       CASE WHEN nhs_number IS NOT NULL AND birth_precision = 'day' AND sex <> 'unknown'
            THEN concat_ws('|', nhs_number, birth_date, sex) ELSE concat_ws('|', 'alone', source, subject) END AS bond,
       coalesce(feed.kind = 'gp', FALSE) AS from_gp
FROM person LEFT JOIN feed USING (source) WHERE known_to IS NULL;

CREATE OR REPLACE TEMP TABLE earlier AS SELECT record, min(person) AS person FROM person WHERE person IS NOT NULL GROUP BY record;
CREATE OR REPLACE TEMP TABLE bonded AS
SELECT bond, CASE WHEN row_number() OVER (PARTITION BY person ORDER BY bond) = 1 THEN person END AS person
FROM (SELECT bond, min(e.person) AS person FROM patient LEFT JOIN earlier e USING (record) GROUP BY bond);
UPDATE bonded SET person = n.person FROM (
    SELECT bond, (SELECT coalesce(max(person), -1) FROM person) + row_number() OVER (ORDER BY bond) AS person
    FROM bonded WHERE person IS NULL) n WHERE n.bond = bonded.bond;

CREATE OR REPLACE TEMP TABLE face AS                          -- the record whose id stands for the person
SELECT person, arg_min(resource_id, ordering) AS resource_id, arg_min(source, ordering) AS source, count(*) AS records
FROM (SELECT person, resource_id, source, row_number() OVER (ORDER BY from_gp DESC, source, resource_id) AS ordering
      FROM patient JOIN bonded USING (bond)) GROUP BY person;
CREATE OR REPLACE TEMP TABLE named AS
SELECT person, records, CASE WHEN count(*) OVER (PARTITION BY resource_id) = 1 THEN resource_id
                             ELSE source || ':' || resource_id END AS patient_id FROM face;
CREATE OR REPLACE TEMP TABLE doubted AS SELECT nhs_number FROM patient WHERE nhs_number IS NOT NULL
GROUP BY nhs_number HAVING count(DISTINCT bond) > 1;

CREATE OR REPLACE TEMP TABLE person_id_before AS SELECT source, key, person FROM person_id;
DELETE FROM person_id;
INSERT INTO person_id
SELECT source, key, min(person), min(patient_id), CASE WHEN max(records) > 1 THEN 'NHS number, birth date and sex' END,
       CASE WHEN bool_or(nhs_number IN (SELECT nhs_number FROM doubted))
            THEN 'same NHS number as another person with a different birth date or sex' END
FROM (SELECT source, unnest(keys) AS key, person, patient_id, records, nhs_number
      FROM patient JOIN bonded USING (bond) JOIN named USING (person))
GROUP BY source, key HAVING count(DISTINCT person) = 1;

UPDATE person SET person = b.person FROM patient p JOIN bonded b USING (bond)
WHERE p.record = person.record AND person.known_to IS NULL AND person.person IS DISTINCT FROM b.person;
UPDATE person SET practice = CASE WHEN practice_said LIKE '%Organization/%' THEN coalesce(
        (SELECT min(coalesce(ods, name)) FROM target t WHERE t.source = person.source AND t.subject = practice_said
         AND t.known_to IS NULL), practice_said) ELSE practice_said END,
    usual_gp = CASE WHEN gp_said LIKE 'Practitioner/%' THEN
        (SELECT min(nullif(name, '')) FROM target t WHERE t.source = person.source AND t.subject = gp_said
         AND t.known_to IS NULL) ELSE gp_said END
WHERE known_to IS NULL;

-- Rows of a person who is now known as another: the whole history moves, and so stays together.
CREATE OR REPLACE TEMP TABLE moved AS
SELECT source, key, n.person FROM person_id n JOIN person_id_before b USING (source, key) WHERE n.person <> b.person;
UPDATE stay SET person = m.person FROM moved m WHERE m.source = stay.source AND m.key = stay.subject;
UPDATE plan SET person = m.person FROM moved m WHERE m.source = plan.source AND m.key = plan.subject;
UPDATE consent SET person = m.person FROM moved m WHERE m.source = consent.source AND m.key = consent.subject;
UPDATE event SET person = m.person FROM moved m WHERE m.source = event.source AND m.key = event.subject;

-- Rows whose Patient came or left are held anew from this load on; what was held before stays as it was.
CREATE OR REPLACE TEMP TABLE came_or_went AS
SELECT source, key, n.person FROM person_id n FULL JOIN person_id_before b USING (source, key)
WHERE (n.person IS NULL) <> (b.person IS NULL);
INSERT INTO stay SELECT x.* REPLACE (c.person AS person, :load AS known_from)
FROM stay x JOIN came_or_went c ON c.source = x.source AND c.key = x.subject WHERE x.known_to IS NULL AND x.known_from < :load;
UPDATE stay SET known_to = :load FROM came_or_went c
WHERE c.source = stay.source AND c.key = stay.subject AND stay.known_to IS NULL AND stay.known_from < :load;
INSERT INTO plan SELECT x.* REPLACE (c.person AS person, :load AS known_from)
FROM plan x JOIN came_or_went c ON c.source = x.source AND c.key = x.subject WHERE x.known_to IS NULL AND x.known_from < :load;
UPDATE plan SET known_to = :load FROM came_or_went c
WHERE c.source = plan.source AND c.key = plan.subject AND plan.known_to IS NULL AND plan.known_from < :load;
INSERT INTO consent SELECT x.* REPLACE (c.person AS person, :load AS known_from)
FROM consent x JOIN came_or_went c ON c.source = x.source AND c.key = x.subject WHERE x.known_to IS NULL AND x.known_from < :load;
UPDATE consent SET known_to = :load FROM came_or_went c
WHERE c.source = consent.source AND c.key = consent.subject AND consent.known_to IS NULL AND consent.known_from < :load;
:arrivals

-- Entries that wait for something, or refer to what came, changed or went in this load, are resolved again.
CREATE OR REPLACE TEMP TABLE touched AS
SELECT source, resource_type || '/' || resource_id AS key FROM stay WHERE known_from = :load OR known_to = :load
UNION SELECT source, subject FROM target WHERE known_from = :load OR known_to = :load
UNION SELECT source, key FROM came_or_went;
CREATE OR REPLACE TEMP TABLE touched_diagnosis AS
SELECT DISTINCT source, unnest(string_split(diagnoses, ' ')) AS key FROM stay WHERE (known_from = :load OR known_to = :load) AND diagnoses IS NOT NULL;
CREATE OR REPLACE TEMP TABLE again AS
SELECT record FROM event WHERE known_to IS NULL AND (person IS NULL OR effective IS NULL OR concept IS NULL)
UNION SELECT record FROM event e SEMI JOIN touched t ON t.source = e.source AND t.key = e.subject WHERE known_to IS NULL
UNION SELECT record FROM event e SEMI JOIN touched t ON t.source = e.source AND t.key = e.encounter WHERE known_to IS NULL
UNION SELECT record FROM event e SEMI JOIN touched t ON t.source = e.source AND t.key = e.medication WHERE known_to IS NULL
UNION SELECT record FROM event e SEMI JOIN touched_diagnosis t
      ON t.source = e.source AND t.key = e.resource_type || '/' || e.resource_id
      WHERE known_to IS NULL AND resource_type = 'Condition';
CREATE OR REPLACE TEMP TABLE again_event AS
SELECT DISTINCT * REPLACE (
    CASE WHEN date_borrowed THEN NULL ELSE effective END AS effective,
    CASE WHEN recorded_borrowed THEN NULL ELSE recorded END AS recorded,
    CASE WHEN medication IS NOT NULL THEN own_concept ELSE concept END AS concept,
    NULL AS person, NULL AS stay, NULL AS flag, NULL AS own_concept)
FROM event WHERE known_to IS NULL AND record IN (SELECT record FROM again);
CREATE OR REPLACE TEMP TABLE stay_key AS
SELECT source, resource_type || '/' || resource_id AS key, person, record, started, coalesce(ended, started) AS known
FROM stay WHERE known_to IS NULL AND person IS NOT NULL;
CREATE OR REPLACE TEMP TABLE stay_diagnosis AS
SELECT source, key, person, min(record) AS record, min(started) AS started, max(known) AS known FROM (
    SELECT source, person, record, unnest(string_split(diagnoses, ' ')) AS key, started, coalesce(ended, started) AS known
    FROM stay WHERE known_to IS NULL AND person IS NOT NULL AND diagnoses IS NOT NULL) GROUP BY ALL;
CREATE OR REPLACE TEMP TABLE life AS
SELECT person, min(birth_date) AS born, max(deceased_on) AS died FROM person WHERE known_to IS NULL AND person IS NOT NULL GROUP BY person;

INSERT INTO event BY NAME :resolved(arriving);
CREATE OR REPLACE TEMP TABLE resolved AS :resolved(again);
CREATE OR REPLACE TEMP TABLE mended AS SELECT DISTINCT record FROM (
    (SELECT record, part, person, concept, stay, effective, recorded FROM resolved
     EXCEPT SELECT record, part, person, concept, stay, effective, recorded FROM event
            WHERE known_to IS NULL AND record IN (SELECT record FROM again))
    UNION ALL
    (SELECT record, part, person, concept, stay, effective, recorded FROM event
     WHERE known_to IS NULL AND record IN (SELECT record FROM again)
     EXCEPT SELECT record, part, person, concept, stay, effective, recorded FROM resolved));
UPDATE event SET known_to = :load WHERE known_to IS NULL AND record IN (SELECT record FROM mended);
INSERT INTO event SELECT * REPLACE (:load AS known_from) FROM resolved WHERE record IN (SELECT record FROM mended);
