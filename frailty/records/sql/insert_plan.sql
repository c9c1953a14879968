INSERT INTO plan BY NAME
SELECT record, c.source AS source, resource_type, resource_id, subject, m.person AS person, s.status AS status, category, title,
       started, ended, coalesce(recorded, started) AS recorded, content, updated, version, :load AS known_from
FROM incoming c JOIN staged_plan s USING (rid)
LEFT JOIN person_id m ON m.source = c.source AND m.key = c.subject;
