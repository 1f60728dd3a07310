/** Limits, the governor, jobs. */
export const pace = `
-- A window of time in which something was counted.
CREATE TABLE counters (
  scope TEXT NOT NULL,
  name TEXT NOT NULL,
  seconds INTEGER NOT NULL,
  started_at INTEGER NOT NULL,
  used INTEGER NOT NULL,
  PRIMARY KEY (scope, name, seconds)
) WITHOUT ROWID;

-- What a token is limited to, as JSON; NULL: to nothing.
ALTER TABLE tokens ADD COLUMN scope TEXT;
`;
