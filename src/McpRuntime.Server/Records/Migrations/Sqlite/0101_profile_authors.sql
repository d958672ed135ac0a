-- Who wrote each version of a profile and with what rights, so that its roll-out acts with no more; who else answers for a request;
-- and what profile the serving generation is under, so that an edit reaches it while a newer generation waits.

ALTER TABLE profile_versions ADD COLUMN created_roles INTEGER NULL;
ALTER TABLE profile_versions ADD COLUMN created_by_person INTEGER NULL;
ALTER TABLE approvals ADD COLUMN also_requested_by TEXT NULL;
ALTER TABLE runtimes ADD COLUMN serving_profile TEXT NULL;
ALTER TABLE runtimes ADD COLUMN serving_profile_version INTEGER NULL;
UPDATE runtimes SET serving_profile = profile, serving_profile_version = profile_version WHERE serving_generation = asked_generation;
CREATE INDEX ix_runtimes_serving_profile ON runtimes (serving_profile, serving_profile_version);
