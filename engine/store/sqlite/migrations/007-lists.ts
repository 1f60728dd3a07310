/** Lists to choose from. */
export const lists = `
CREATE INDEX chats_in_order ON chats (session_id, last_message_at, id);

-- The question of a poll that the account has sent.
ALTER TABLE messages ADD COLUMN poll TEXT;
UPDATE messages SET poll = json_extract(request, '$.poll.question') WHERE request IS NOT NULL;
CREATE INDEX messages_polls ON messages (session_id, msg_id) WHERE poll IS NOT NULL;
`;
