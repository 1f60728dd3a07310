/** Redeliveries, tokens that end and are limited, proxies sealed. */
export const proof = `
-- A LID says nothing to anybody, so that a search for a number finds none by the digits in it.
UPDATE contacts SET search = substr(search, 1, length(search) - length(lid) - 1) WHERE lid IS NOT NULL;

-- How often somebody has asked for the event once more: a receiver that has had it takes it anew.
ALTER TABLE deliveries ADD COLUMN redeliveries INTEGER NOT NULL DEFAULT 0;

-- Those that are old enough to be forgotten.
CREATE INDEX messages_by_time ON messages (timestamp);

-- Of a message that was given up: it may have been sent all the same.
ALTER TABLE messages ADD COLUMN unknown INTEGER NOT NULL DEFAULT 0;

ALTER TABLE tokens ADD COLUMN expires_at INTEGER;
ALTER TABLE tokens ADD COLUMN last_used_at INTEGER;
-- Until now every scope was of a token for MCP alone.
UPDATE tokens SET scope = json_set(scope, '$.mcp_only', json('true')) WHERE scope IS NOT NULL;

-- A proxy's address may hold a password. What stands in the settings is moved here when the store is opened.
ALTER TABLE sessions ADD COLUMN sealed_proxy_url BLOB;
`;
