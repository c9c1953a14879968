-- What becomes of each staged resource: used | superseded | removed | quarantined, and why.
CREATE OR REPLACE TEMP TABLE coming AS
SELECT * EXCLUDE (reason), CASE WHEN place = 1 AND NOT gone THEN reason END AS why,
       CASE WHEN place > 1 THEN 'superseded' WHEN gone THEN 'removed' WHEN reason IS NULL THEN 'used'
            ELSE 'quarantined' END AS fate
FROM (
        SELECT r.*, coalesce(ranked.place, 1) AS place, CASE
            WHEN resource_id IS NULL THEN 'no id; the sender must give each resource one'
            WHEN subject IS NULL THEN 'it does not say whose it is (no subject); the sender must name the patient'
            WHEN subject LIKE '#%' THEN 'its subject is a contained resource without an identifier; name a Patient'
            WHEN subject LIKE '%~?' THEN 'more than one patient has this id in this source; give each an id of its own'
            WHEN e.rid IS NOT NULL AND e.medication IS NULL AND c.rid IS NULL THEN 'no code, at most words; ask for a coded entry'
            -- A Condition may still get its date from an Encounter that names it; see unresolved.sql.
            WHEN resource_type IN ('Observation', 'Procedure', 'MedicationRequest', 'MedicationStatement',
                                   'events', 'medicines') AND e.rid IS NOT NULL AND e.effective IS NULL AND e.encounter IS NULL
                THEN CASE WHEN e.impossible_date IS NULL THEN 'no date, and no Encounter to take one from'
                          ELSE 'its date does not exist in the calendar, and no other is given' END
            WHEN s.rid IS NOT NULL AND s.started IS NULL
                THEN CASE WHEN s.impossible_date IS NULL THEN 'a stay without a start date cannot be placed in time'
                          ELSE 'its start date does not exist in the calendar' END
            END AS reason
        FROM staged_resource r LEFT JOIN ranked USING (rid)
        LEFT JOIN (SELECT rid, medication, effective, encounter, impossible_date FROM staged_event
                   WHERE part = 0 AND NOT starts_with(element, 'Encounter.')) e USING (rid)
        LEFT JOIN (SELECT DISTINCT rid FROM coding) c USING (rid)
        LEFT JOIN (SELECT rid, started, impossible_date FROM staged_stay) s USING (rid));

CREATE OR REPLACE TEMP TABLE parts AS
SELECT rid, 'date' AS part,
       'the date given first does not exist in the calendar; the next best date of the record was used' AS why
FROM staged_event WHERE part = 0 AND effective IS NOT NULL AND impossible_date IS NOT NULL
UNION ALL
SELECT rid, 'NHS number', 'not a valid NHS number (check digit or placeholder); the person is kept unlinked'
FROM staged_person WHERE nhs_said IS NOT NULL AND valid_nhs(nhs_said) IS NULL;
