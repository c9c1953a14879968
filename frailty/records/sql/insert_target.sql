INSERT INTO target BY NAME
SELECT record, source, resource_type, resource_id, subject, s.concept AS concept, name, ods, content, updated, version,
       :load AS known_from
FROM incoming JOIN staged_target e USING (rid) LEFT JOIN coded s ON s.rid = e.rid;
