-- The store: one DuckDB file per locality. Rows are never overwritten: each carries the loads from which and until
-- which it was held (known_from, known_to; open = NULL). References stay as they came; `person` and `stay` are
-- resolved after every load, so what arrives later mends what came earlier.

CREATE TABLE load (
    load INTEGER, source VARCHAR, mode VARCHAR,               -- full | delta | held (not taken)
    loaded_at TIMESTAMP, extracted_at TIMESTAMP, extracted_from VARCHAR,  -- manifest | argument | newest record
    newest DATE, oldest DATE, inputs JSON, books JSON,
    PRIMARY KEY (load, source)
);

CREATE TABLE feed (                                           -- the state of each source now
    source VARCHAR PRIMARY KEY, kind VARCHAR,                 -- gp | hospital | home | other
    extracted_at TIMESTAMP, extracted_from VARCHAR, newest DATE, oldest DATE, last_load INTEGER,
    held VARCHAR,                                             -- why tonight's records of this source were not taken
    practices VARCHAR[], since DATE                           -- what the site says it covers; NULL = nothing said
);

CREATE TABLE concept (concept INTEGER PRIMARY KEY, system VARCHAR, code VARCHAR, kind VARCHAR, display VARCHAR,
                      UNIQUE (system, code));

CREATE TABLE event (                                          -- one row per record, part and coding
    record BIGINT, part SMALLINT, source VARCHAR, resource_type VARCHAR, resource_id VARCHAR,
    subject VARCHAR, person INTEGER,
    kind VARCHAR,                                             -- coded | measured | issue
    element VARCHAR, concept INTEGER, counts BOOLEAN,         -- counts: a coded deficit may come from it
    encounter VARCHAR, stay BIGINT,
    effective DATE, minute SMALLINT, recorded DATE, recorded_assumed BOOLEAN, ended DATE,
    value DOUBLE, unit VARCHAR, comparator VARCHAR, answer VARCHAR,
    role VARCHAR,                                             -- issues: issue | plan
    medication VARCHAR,                                       -- reference to a Medication
    own_concept INTEGER,                                      -- the record's own coding, where a Medication gave `concept`
    date_borrowed BOOLEAN, recorded_borrowed BOOLEAN,         -- taken from the Encounter, which may yet change
    status VARCHAR, flag VARCHAR,                             -- flag: before birth, after death
    content UBIGINT, updated VARCHAR, version VARCHAR, known_from INTEGER, known_to INTEGER
);

CREATE TABLE stay (                                           -- every Encounter, and rows of stays.csv
    record BIGINT, source VARCHAR, resource_type VARCHAR, resource_id VARCHAR, subject VARCHAR, person INTEGER,
    part_of VARCHAR, setting VARCHAR, admission VARCHAR, admission_code VARCHAR,
    admitted_from VARCHAR, discharged_to VARCHAR, provider VARCHAR, diagnoses VARCHAR,  -- references, blanks between
    started DATE, started_minute SMALLINT, ended DATE, recorded_start DATE, recorded_end DATE,
    recorded_assumed BOOLEAN, status VARCHAR,
    content UBIGINT, updated VARCHAR, version VARCHAR, known_from INTEGER, known_to INTEGER
);

CREATE TABLE person (                                         -- one row per Patient of a source
    record BIGINT, source VARCHAR, resource_type VARCHAR, resource_id VARCHAR, subject VARCHAR, person INTEGER,
    nhs_said VARCHAR, nhs_number VARCHAR, birth_date DATE, birth_precision VARCHAR, sex VARCHAR,
    deceased_on DATE, deceased BOOLEAN, death_status VARCHAR, name VARCHAR, phone VARCHAR,
    address VARCHAR, postcode VARCHAR, practice VARCHAR, usual_gp VARCHAR, practice_said VARCHAR, gp_said VARCHAR,
    registered_from DATE, registered_to DATE, ethnicity VARCHAR, imd_quintile INTEGER, active BOOLEAN,
    keys VARCHAR[],                                           -- every reference by which others may name this Patient
    recorded DATE, content UBIGINT, updated VARCHAR, version VARCHAR, known_from INTEGER, known_to INTEGER
);

CREATE TABLE person_id (                                      -- reversible links: key of a source -> person
    source VARCHAR, key VARCHAR, person INTEGER, patient_id VARCHAR, linked_by VARCHAR, note VARCHAR
);

CREATE TABLE registration (person INTEGER, source VARCHAR, practice VARCHAR, started DATE, ended DATE, record BIGINT,
                           known_from INTEGER, known_to INTEGER);
CREATE TABLE residence (person INTEGER, source VARCHAR, address VARCHAR, postcode VARCHAR, started DATE, ended DATE,
                        record BIGINT, known_from INTEGER, known_to INTEGER);

CREATE TABLE plan (                                           -- CarePlan, ServiceRequest, Task and the like
    record BIGINT, source VARCHAR, resource_type VARCHAR, resource_id VARCHAR, subject VARCHAR, person INTEGER,
    status VARCHAR, category VARCHAR, title VARCHAR, concept INTEGER, started DATE, ended DATE, recorded DATE,
    content UBIGINT, updated VARCHAR, version VARCHAR, known_from INTEGER, known_to INTEGER
);
CREATE TABLE consent (
    record BIGINT, source VARCHAR, resource_type VARCHAR, resource_id VARCHAR, subject VARCHAR, person INTEGER,
    status VARCHAR, decision VARCHAR, scope VARCHAR, category VARCHAR, recorded DATE, ended DATE,
    content UBIGINT, updated VARCHAR, version VARCHAR, known_from INTEGER, known_to INTEGER
);
CREATE TABLE target (                                         -- Medication, Organization, Practitioner: what others point at
    record BIGINT, source VARCHAR, resource_type VARCHAR, resource_id VARCHAR, subject VARCHAR,
    part SMALLINT, concept INTEGER, name VARCHAR, ods VARCHAR,
    content UBIGINT, updated VARCHAR, version VARCHAR, known_from INTEGER, known_to INTEGER
);

CREATE TABLE quarantine (load INTEGER, source VARCHAR, file VARCHAR, line INTEGER, resource_type VARCHAR,
                         reason VARCHAR, part VARCHAR, known_to INTEGER);

CREATE TABLE run (run INTEGER PRIMARY KEY, ran_at TIMESTAMP, as_of DATE, purpose VARCHAR, load INTEGER,
                  definitions JSON, rules_hash VARCHAR);

CREATE TABLE listed (
    run INTEGER, as_of DATE, audience VARCHAR, audience_id VARCHAR, list VARCHAR, section VARCHAR,
    person INTEGER, patient_id VARCHAR, rule VARCHAR, rule_version INTEGER, status VARCHAR,
    reason VARCHAR, due DATE, first_listed DATE, facts JSON
);
