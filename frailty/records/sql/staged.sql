-- What each type is staged into: empty, the shape of the tables of each place.
CREATE TABLE staging.coming (
    resource_type VARCHAR, rid BIGINT, source VARCHAR, resource_id VARCHAR, subject VARCHAR, updated VARCHAR,
    version VARCHAR, content UBIGINT, gone BOOLEAN, file INTEGER, line INTEGER, ordinal BIGINT, bundle INTEGER,
    file_time VARCHAR, newest VARCHAR, record BIGINT);
CREATE TABLE staging.staged_event (
    rid BIGINT, part SMALLINT, kind VARCHAR, element VARCHAR,
    codings STRUCT("system" VARCHAR, code VARCHAR, display VARCHAR)[], counts BOOLEAN, encounter VARCHAR, effective DATE,
    minute SMALLINT, recorded DATE, recorded_assumed BOOLEAN, ended DATE, value DOUBLE, unit VARCHAR, comparator VARCHAR,
    answer VARCHAR, role VARCHAR, medication VARCHAR, status VARCHAR, impossible_date VARCHAR);
CREATE TABLE staging.staged_stay (
    rid BIGINT, part_of VARCHAR, class_code VARCHAR, class_system VARCHAR,
    admission_method STRUCT("system" VARCHAR, code VARCHAR, display VARCHAR), admitted_from VARCHAR,
    discharged_to VARCHAR, provider VARCHAR, diagnoses VARCHAR, started DATE, started_minute SMALLINT, ended DATE,
    recorded_start DATE, recorded_end DATE, recorded_assumed BOOLEAN, status VARCHAR, impossible_date VARCHAR);
CREATE TABLE staging.staged_person (
    rid BIGINT, nhs_said VARCHAR, nhs_number VARCHAR, keys VARCHAR[], birth_date DATE, birth_precision VARCHAR,
    sex VARCHAR, deceased_on DATE, deceased BOOLEAN, death_said VARCHAR, name VARCHAR, phone VARCHAR, address VARCHAR,
    postcode VARCHAR, practices STRUCT(reference VARCHAR, identifier STRUCT("system" VARCHAR, "value" VARCHAR),
    display VARCHAR)[], gp STRUCT(reference VARCHAR, identifier STRUCT("system" VARCHAR, "value" VARCHAR),
    display VARCHAR), registered_from DATE, registered_to DATE, ethnicity VARCHAR, imd_quintile INTEGER, active BOOLEAN);
CREATE TABLE staging.staged_plan (
    rid BIGINT, status VARCHAR, category VARCHAR, title VARCHAR, started DATE, ended DATE,
    recorded DATE);
CREATE TABLE staging.staged_consent (
    rid BIGINT, status VARCHAR, decision VARCHAR, scope VARCHAR, category VARCHAR, recorded DATE,
    ended DATE);
CREATE TABLE staging.staged_target (
    rid BIGINT, codings STRUCT("system" VARCHAR, code VARCHAR, display VARCHAR)[], name VARCHAR,
    ods VARCHAR);
CREATE TABLE staging.source_of (file INTEGER, source VARCHAR);
