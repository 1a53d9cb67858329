DROP INDEX users_with_shared_address;
ALTER TABLE users DROP COLUMN same_address_as;
