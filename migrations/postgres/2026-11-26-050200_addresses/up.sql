-- The account that has the key of this one's address, where two were made with different forms of one address: this account keeps
-- the key that it had, and its owner signs in with exactly that form.
ALTER TABLE users ADD COLUMN same_address_as BIGINT;
CREATE INDEX users_with_shared_address ON users (id) WHERE same_address_as IS NOT NULL;

-- The program makes the keys of these anew.
UPDATE users SET search_text = '' WHERE octet_length(email) <> char_length(email) OR email_key LIKE '%xn--%';
