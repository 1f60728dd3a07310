const kindOf = ({ readOnlyHint, destructiveHint }) => {
  if (readOnlyHint) return 'reads';
  return destructiveHint ? 'takes away' : 'changes';
};

/** The README's table of MCP tools: each with what it does, and what WasenderApi does not document marked. */
export function toolsTable(tools) {
  const rows = tools.map(({ name, description, annotations }) => {
    const [sentence] = /^.*?[.:;](?= |$)/.exec(description);
    return `| \`${name}\` | ${sentence.replace(/[.:;]$/, '')} | ${kindOf(annotations)} |`;
  });
  return ['| tool | does | |', '|---|---|---|', ...rows].join('\n');
}
