-- What becomes of each staged resource: used | superseded | removed | quarantined, and why. Nearly all are used, as the table
-- says from the start: only what is otherwise is looked for and written.
CREATE OR REPLACE TEMP TABLE unusable AS SELECT rid, arg_min(reason, turn) AS reason FROM (
    SELECT rid, 1 AS turn, 'no id; the sender must give each resource one' AS reason FROM coming WHERE resource_id IS NULL
    UNION ALL SELECT rid, 2, 'it does not say whose it is (no subject); the sender must name the patient' FROM coming
        WHERE subject IS NULL
    UNION ALL SELECT rid, 3, 'its subject is a contained resource without an identifier; name a Patient' FROM coming
        WHERE starts_with(subject, '#')
    UNION ALL SELECT rid, 4, 'more than one patient has this id in this source; give each an id of its own' FROM coming
        WHERE ends_with(subject, '~?')
    UNION ALL SELECT rid, 5, 'no code, at most words; ask for a coded entry' FROM staged_event e ANTI JOIN coding USING (rid)
        WHERE e.part = 0 AND NOT starts_with(element, 'Encounter.') AND medication IS NULL
    -- A Condition may still get its date from an Encounter that names it; see unresolved.sql.
    UNION ALL SELECT rid, 6, CASE WHEN impossible_date IS NULL THEN 'no date, and no Encounter to take one from'
                             ELSE 'its date does not exist in the calendar, and no other is given' END
        FROM coming JOIN (SELECT * FROM staged_event WHERE part = 0 AND effective IS NULL AND encounter IS NULL) e USING (rid)
        WHERE resource_type IN ('Observation', 'Procedure', 'MedicationRequest', 'MedicationStatement', 'events', 'medicines')
    UNION ALL SELECT rid, 7, CASE WHEN impossible_date IS NULL THEN 'a stay without a start date cannot be placed in time'
                             ELSE 'its start date does not exist in the calendar' END
        FROM staged_stay WHERE started IS NULL) GROUP BY rid;
UPDATE coming SET place = r.place FROM ranked r WHERE r.rid = coming.rid AND r.place > 1;
UPDATE coming SET fate = CASE WHEN place > 1 THEN 'superseded' ELSE 'removed' END WHERE place > 1 OR gone;
UPDATE coming SET fate = 'quarantined', why = reason FROM unusable u WHERE u.rid = coming.rid AND fate = 'used';

CREATE OR REPLACE TEMP TABLE parts AS
SELECT rid, 'date' AS part,
       'the date given first does not exist in the calendar; the next best date of the record was used' AS why
FROM staged_event WHERE part = 0 AND effective IS NOT NULL AND impossible_date IS NOT NULL
UNION ALL
SELECT rid, 'NHS number', 'not a valid NHS number (check digit or placeholder); the person is kept unlinked'
FROM staged_person WHERE nhs_said IS NOT NULL AND nhs_number IS NULL;
