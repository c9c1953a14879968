INSERT INTO plan BY NAME
SELECT record, source, resource_type, resource_id, subject, status, category, title, started, ended,
       coalesce(recorded, started) AS recorded, content, updated, version, :load AS known_from
FROM fresh JOIN staged_plan USING (rid)
