SELECT file, line, ordinal, resource_type, min(w.why) AS why, '' AS part FROM coming JOIN (
    SELECT record, CASE
        WHEN person IS NULL THEN 'its Patient is not in the records of this source; send the Patient as well'
        WHEN effective IS NULL THEN 'no usable date of its own, and no Encounter to take one from; send a date or the Encounter'
        ELSE 'its Medication was not found; send the Medication as well' END AS why
    FROM event WHERE source = $1 AND known_to IS NULL AND (person IS NULL OR concept IS NULL OR effective IS NULL
        AND resource_type IN ('Condition', 'Observation', 'Procedure', 'MedicationRequest', 'MedicationStatement', 'events', 'medicines'))
    UNION ALL SELECT record, 'its Patient is not in the records of this source; send the Patient as well'
    FROM (SELECT record FROM stay WHERE source = $1 AND known_to IS NULL AND person IS NULL
          UNION ALL SELECT record FROM plan WHERE source = $1 AND known_to IS NULL AND person IS NULL
          UNION ALL SELECT record FROM consent WHERE source = $1 AND known_to IS NULL AND person IS NULL)) w USING (record)
WHERE source = $1 AND fate = 'used' GROUP BY ALL ORDER BY ALL
