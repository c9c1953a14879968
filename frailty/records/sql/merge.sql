-- From staged rows to winners: which resources of this source are new, changed, the same, older, or gone.

UPDATE staged_person SET nhs_number = valid_nhs(nhs_said) WHERE nhs_said IS NOT NULL;

-- Several patients under one id: each keeps an id of its own, and only references from its own bundle mean it.
CREATE OR REPLACE TEMP TABLE shared_id AS
SELECT source, resource_type, resource_id FROM coming JOIN staged_person USING (rid)
GROUP BY ALL HAVING count(DISTINCT nhs_number) > 1
    OR (count(nhs_number) = 0 AND count(DISTINCT birth_date) > 1 AND count(DISTINCT lower(name)) > 1);
UPDATE coming SET resource_id = resource_id || '~' || mark, subject = subject || '~' || mark
FROM (SELECT rid, left(md5(coalesce(nhs_number, birth_date::VARCHAR || lower(name), '?')), 6) AS mark
      FROM staged_person) p
WHERE p.rid = coming.rid
  AND (coming.source, coming.resource_type, coming.resource_id)
      IN (SELECT (source, resource_type, resource_id) FROM shared_id);
UPDATE staged_person SET keys = list_concat([r.subject], keys[2:])
FROM coming r WHERE r.rid = staged_person.rid
  AND contains(r.subject, '~');
CREATE OR REPLACE TEMP TABLE own_bundle AS
SELECT bundle, split_part(subject, '~', 1) AS said, min(subject) AS meant FROM coming
WHERE contains(subject, '~') AND resource_type IN ('Patient', 'persons') AND bundle IS NOT NULL
GROUP BY ALL HAVING count(DISTINCT subject) = 1;
UPDATE coming SET subject = coalesce(
    (SELECT meant FROM own_bundle b WHERE b.bundle = coming.bundle AND b.said = coming.subject),
    subject || '~?')
WHERE (source, subject) IN (SELECT (source, 'Patient/' || resource_id) FROM shared_id)
  AND resource_type NOT IN ('Patient', 'persons');

-- Deleted by the sender, after this version was written.
UPDATE coming SET gone = TRUE FROM deleted d
WHERE d.source = coming.source AND d.resource_type = coming.resource_type AND d.resource_id = coming.resource_id
  AND coalesce(try_cast(updated AS TIMESTAMPTZ) <= try_cast(deleted_at AS TIMESTAMPTZ), TRUE);

-- A resource whose id or subject was marked has another key.
UPDATE coming SET record = record_key(source, resource_type, resource_id, subject) WHERE contains(subject, '~');

-- One winner per (source, type, id, subject): newest by what the record says of its age, then by content.
CREATE OR REPLACE TEMP TABLE ranked AS
SELECT rid, row_number() OVER (PARTITION BY record
           ORDER BY try_cast(updated AS TIMESTAMPTZ) DESC NULLS LAST, try_cast(version AS HUGEINT) DESC NULLS LAST,
                    version DESC NULLS LAST, try_cast(file_time AS TIMESTAMPTZ) DESC NULLS LAST,
                    newest DESC NULLS LAST, content) AS place
FROM coming WHERE record IN (SELECT record FROM coming GROUP BY record HAVING count(*) > 1);
