INSERT INTO consent BY NAME
SELECT record, source, resource_type, resource_id, subject, status, decision, scope, category, recorded, ended, content,
       updated, version, :load AS known_from
FROM fresh JOIN staged_consent USING (rid)
