/** A state machine to draw, of transactions or anything else. */
export interface StateMachine {
  readonly name: string;
  readonly states: readonly {
    readonly name: string;
    readonly final?: boolean;
    readonly note?: string;
  }[];
  readonly steps: readonly {
    readonly event: string;
    readonly from: readonly string[];
    readonly to: string;
    readonly by?: string;
  }[];
}

const box = { left: 16, width: 168, least: 48, gap: 18, port: 18 };
const lane = { gap: 22 };
const letter = 6.4;

type Step = StateMachine['steps'][number];
interface Row {
  readonly top: number;
  readonly height: number;
  /** Heights at which steps leave and arrive, by their place in the list of steps. */
  readonly ports: ReadonlyMap<number, number>;
}

export function drawStateMachine(machine: StateMachine): string {
  const rows = rowsOf(machine);
  const labels = machine.steps.map(({ event, by }) => (by === undefined ? event : `${event} · ${by}`));
  const firstLane = box.left + box.width + 24 + Math.ceil(Math.max(0, ...labels.map(({ length }) => length)) * letter);
  const lanes = lanesOf(machine, rows);
  const width = firstLane + Math.max(0, ...lanes) * lane.gap + 20;
  const height = Math.max(0, ...[...rows.values()].map(({ top, height: tall }) => top + tall)) + 16;
  const drawn = machine.steps.flatMap((step, index) =>
    lineOf(step, index, { rows, x: firstLane + (lanes[index] ?? 0) * lane.gap, label: labels[index] ?? '' }),
  );
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${escaped(machine.name)}">`,
    `<title>${escaped(machine.name)}</title>`,
    style,
    ...machine.states.flatMap((state) => boxOf(state, rows)),
    ...drawn,
    '</svg>',
    '',
  ].join('\n');
}

/** Colours follow the reader's colour scheme; print uses the light one. */
const style = `<style>
  text { font: 12px system-ui, sans-serif; fill: #1b2733; }
  .name { font-weight: 600; }
  .note { font-size: 10px; fill: #55636f; }
  rect { fill: #f3f6f9; stroke: #44525f; }
  path { fill: none; stroke: #2f6f9f; stroke-width: 1.4; }
  .tip, circle { fill: #2f6f9f; stroke: none; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3; }
    .note { fill: #9fb0bf; }
    rect { fill: #1d2630; stroke: #8a99a8; }
    path { stroke: #6cb4e4; }
    .tip, circle { fill: #6cb4e4; }
  }
</style>`;

function rowsOf({ states, steps }: StateMachine): ReadonlyMap<string, Row> {
  const rows = new Map<string, Row>();
  let top = 16;
  for (const { name } of states) {
    const touching = steps.flatMap((step, index) => (touches(step, name) ? [index] : []));
    const height = Math.max(box.least, (touching.length + 1) * box.port);
    const ports = new Map(
      touching.map((index, place) => [index, Math.round(top + ((place + 1) * height) / (touching.length + 1))]),
    );
    rows.set(name, { top, height, ports });
    top += height + box.gap;
  }
  return rows;
}

function touches({ from, to }: Step, state: string): boolean {
  return to === state || from.includes(state);
}

/** Overlapping lines get separate lanes; short lines are closest to the states. */
function lanesOf({ states, steps }: StateMachine, rows: ReadonlyMap<string, Row>): readonly number[] {
  const placeOf = new Map(states.map(({ name }, place) => [name, place]));
  const spans = steps.map(({ from, to }, index) => {
    const places = [...from, to].map((name) => placeOf.get(name) ?? 0);
    const heights = [...from, to].map((name) => rows.get(name)?.ports.get(index) ?? 0);
    return {
      index,
      length: Math.max(...places) - Math.min(...places),
      top: Math.min(...heights),
      bottom: Math.max(...heights),
    };
  });
  const taken: { readonly top: number; readonly bottom: number }[][] = [];
  const lanes = new Map<number, number>();
  for (const span of [...spans].sort((one, other) => one.length - other.length || one.index - other.index)) {
    let free = taken.findIndex((others) =>
      others.every(({ top, bottom }) => bottom + 4 < span.top || span.bottom < top - 4),
    );
    if (free === -1) free = taken.push([]) - 1;
    taken[free]?.push(span);
    lanes.set(span.index, free);
  }
  return steps.map((_, index) => lanes.get(index) ?? 0);
}

function boxOf(
  { name, final, note }: StateMachine['states'][number],
  rows: ReadonlyMap<string, Row>,
): readonly string[] {
  const row = rows.get(name);
  if (row === undefined) return [];
  const { top, height } = row;
  const middle = Math.round(top + height / 2);
  const text = (y: number, kind: string, words: string) =>
    `<text class="${kind}" x="${box.left + box.width / 2}" y="${y}" text-anchor="middle">${escaped(words)}</text>`;
  return [
    `<rect x="${box.left}" y="${top}" width="${box.width}" height="${height}" rx="9"/>`,
    // A final state has a double edge.
    ...(final === true
      ? [`<rect x="${box.left + 4}" y="${top + 4}" width="${box.width - 8}" height="${height - 8}" rx="6"/>`]
      : []),
    text(note === undefined ? middle + 4 : middle - 2, 'name', name),
    ...(note === undefined ? [] : [text(middle + 13, 'note', note)]),
  ];
}

function lineOf(
  { from, to }: Step,
  index: number,
  { rows, x, label }: { readonly rows: ReadonlyMap<string, Row>; readonly x: number; readonly label: string },
): readonly string[] {
  const edge = box.left + box.width;
  const portOf = (state: string) => rows.get(state)?.ports.get(index);
  const end = portOf(to);
  if (end === undefined) return [];
  // A step from a state to itself has one port; the arrow shows both ends.
  const starts = from.flatMap((state) => (state === to ? [] : (portOf(state) ?? [])));
  return [
    ...starts.map(
      (start) => `<path d="M${edge} ${start}H${x}V${end}H${edge + 6}"/><circle cx="${edge}" cy="${start}" r="3"/>`,
    ),
    ...(from.includes(to) ? [`<path d="M${edge + 6} ${end}H${x}"/><circle cx="${x}" cy="${end}" r="3"/>`] : []),
    `<path class="tip" d="M${edge} ${end}l9 -4v8z"/>`,
    `<text x="${edge + 14}" y="${end - 4}">${escaped(label)}</text>`,
  ];
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
