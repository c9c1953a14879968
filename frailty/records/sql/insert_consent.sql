INSERT INTO consent BY NAME
SELECT record, c.source AS source, resource_type, resource_id, subject, m.person AS person, s.status AS status, decision, scope,
       category, recorded, ended, content, updated, version, :load AS known_from
FROM incoming c JOIN staged_consent s USING (rid)
LEFT JOIN person_id m ON m.source = c.source AND m.key = c.subject;
