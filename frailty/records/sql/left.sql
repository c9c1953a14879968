-- Those of the temp table `sought` (patient_id, person: their number when they were last there) as their last row has them. The
-- number tells of which source an id was; without it an id counts only where it is one record's. `here`: who they are now.
CREATE OR REPLACE TEMP TABLE sure AS
WITH found AS (
    SELECT s.patient_id, s.person AS number, p.* FROM sought s JOIN person p ON p.resource_id = s.patient_id
    UNION ALL
    SELECT s.patient_id, s.person AS number, p.* FROM sought s JOIN person p ON p.source || ':' || p.resource_id = s.patient_id)
SELECT f.* FROM found f LEFT JOIN feed USING (source)
WHERE f.person IS NOT DISTINCT FROM f.number
   OR patient_id IN (SELECT patient_id FROM found GROUP BY patient_id HAVING count(DISTINCT record) = 1)
QUALIFY row_number() OVER (PARTITION BY patient_id ORDER BY
    coalesce(feed.kind = 'gp', FALSE) DESC, f.known_to DESC NULLS FIRST, f.known_from DESC, source, record) = 1;
CREATE OR REPLACE TEMP TABLE now_called AS                    -- the same record, or one that the store would link with it
SELECT s.patient_id, p.person FROM sure s JOIN person p USING (record) WHERE p.known_to IS NULL
UNION
SELECT s.patient_id, p.person FROM sure s JOIN person p USING (nhs_number, birth_date, sex)
WHERE p.known_to IS NULL AND sex <> 'unknown' AND p.birth_precision = 'day' AND s.birth_precision = 'day';
CREATE OR REPLACE TEMP TABLE last_row AS
SELECT patient_id, record, s.person, name, birth_date, nhs_number, practice, known_to,
       coalesce(deceased AND coalesce(death_status, '') <> 'removed', FALSE) AS deceased, min(n.person) AS here
FROM sure s LEFT JOIN now_called n USING (patient_id) GROUP BY ALL;

-- What they said of profiling, as held when they left or since, under every name that they had.
CREATE OR REPLACE TEMP TABLE last_name AS
SELECT DISTINCT patient_id, until, source, unnest(keys) AS key FROM (
    SELECT patient_id, l.known_to AS until, p.source, p.keys FROM last_row l JOIN person p USING (record)
    UNION ALL
    SELECT patient_id, l.known_to, p.source, p.keys FROM last_row l JOIN person p USING (person))
WHERE until IS NOT NULL;
CREATE OR REPLACE TEMP TABLE left_consent_as_of AS
SELECT n.patient_id AS person, coalesce(category, scope) AS kind, decision, status, recorded
FROM consent c JOIN last_name n ON n.source = c.source AND n.key = c.subject
WHERE (c.known_to IS NULL OR c.known_to >= n.until) AND (ended IS NULL OR ended >= :as_of);
CREATE OR REPLACE TEMP TABLE left_tagged AS
SELECT n.patient_id AS person, l.list, l.category, e.effective, e.recorded
FROM event e JOIN last_name n ON n.source = e.source AND n.key = e.subject JOIN list_concept l USING (concept)
WHERE l.list = ':objection' AND (e.known_to IS NULL OR e.known_to >= n.until)
  AND (e.counts OR e.element IN ('Flag.code', 'ServiceRequest.code'));
