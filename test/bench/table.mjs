/** Numbers for people. */

export function median(numbers) {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** Rows of strings as a table; the first column to the left, the others to the right. */
export function table(rows) {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  const line = (row) =>
    row.map((cell, column) => (column === 0 ? cell.padEnd(widths[0]) : cell.padStart(widths[column]))).join('  ');
  const [head, ...body] = rows;
  return [line(head), widths.map((width) => '─'.repeat(width)).join('  '), ...body.map(line)].join('\n');
}

/** Above this share of the time the sandbox is what was measured. */
const BUSY = 0.85;

export function ratesTable(figures) {
  const head = ['messages per second', 'Warbler', 'Baileys, files', 'ratio', 'Baileys, memory', 'ratio'];
  const rows = figures.map(({ title, bySide }) => {
    const [warbler, files, memory] = [...bySide.values()];
    return [title, rate(warbler), rate(files), ratios(warbler, files), rate(memory), ratios(warbler, memory)];
  });
  return table([head, ...rows]);
}

const rate = ({ perSecond, sandboxShare }) => `${whole(median(perSecond))}${median(sandboxShare) > BUSY ? '*' : ''}`;

/** Of runs that followed on each other, so that what disturbed the machine for a while disturbed both. */
const ratios = (one, other) => ratio(median(one.perSecond.map((perSecond, run) => perSecond / other.perSecond[run])));

export function costTable(figures) {
  const head = ['CPU ms per message (sandbox busy)', 'Warbler', 'Baileys, files', 'Baileys, memory'];
  const rows = figures.map(({ title, bySide }) => [
    title,
    ...[...bySide.values()].map(
      ({ cpuMs, sandboxShare }) => `${median(cpuMs).toFixed(2)} (${Math.round(100 * median(sandboxShare))} %)`,
    ),
  ]);
  return table([head, ...rows]);
}

export function memoryTable(figures) {
  const sizes = figures.map(({ count, bySide }) => {
    const [warbler, files] = [...bySide.values()].map(({ rss, heap }) => ({ rss: median(rss), heap: median(heap) }));
    return { count, warbler, files };
  });
  const row = (title, warbler, files, digits) => [
    title,
    warbler.toFixed(digits),
    files.toFixed(digits),
    ratio(warbler / files),
  ];
  const rows = sizes.flatMap(({ count, warbler, files }) => [
    row(`${count} idle, resident`, warbler.rss, files.rss, 0),
    row(`${count} idle, JavaScript heap in use`, warbler.heap, files.heap, 0),
  ]);
  const [first, last] = [sizes[0], sizes.at(-1)];
  if (last !== first) {
    const more = (side, what) => (last[side][what] - first[side][what]) / (last.count - first.count);
    rows.push(row('each session more, resident', more('warbler', 'rss'), more('files', 'rss'), 2));
    rows.push(row('each session more, heap', more('warbler', 'heap'), more('files', 'heap'), 2));
  }
  return table([['memory, MB', 'Warbler', 'Baileys, files', 'ratio'], ...rows]);
}

const whole = (number) => String(Math.round(number));
const ratio = (number) => `${number.toFixed(2)}×`;
