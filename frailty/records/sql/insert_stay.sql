INSERT INTO stay BY NAME
SELECT a.*, m.person AS person FROM arriving_stay a LEFT JOIN person_id m ON m.source = a.source AND m.key = a.subject;
