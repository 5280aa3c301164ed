import { parseInstant } from '@countersign/kernel';
import { escaped } from '../graph/markup.ts';
import { type GraphRecord, View } from '../graph/record-view.ts';

const lanes: readonly { readonly title: string; readonly kind: string; readonly types: RegExp }[] = [
  { title: 'Authority', kind: 'mandate', types: /^(mandate|policy|directory|partner|consent|grant|identity|client)\./ },
  { title: 'Tokens', kind: 'token', types: /^(token|session|authorization|backchannel)\./ },
  { title: 'Decisions', kind: 'decision', types: /^decision\./ },
  { title: 'Approvals', kind: 'approval', types: /^approval\./ },
  { title: 'Transaction', kind: 'transaction', types: /^(transaction|exception|envelope)\./ },
  { title: 'Evidence', kind: 'evidence', types: /./ },
];

/** Later records are only in the table. */
export const shownRecords = 200;
const row = { height: 24, top: 40 } as const;
const place = { time: 16, gap: 176, lanes: 248, lane: 78 } as const;
const textAt = place.lanes + lanes.length * place.lane;
const width = textAt + 420;

/** One line per record in log order, with the time since the previous one. Refused records have open marks. */
export function drawTimeline(records: readonly GraphRecord[]): string {
  const shown = records.slice(0, shownRecords);
  const height = row.top + shown.length * row.height + 12;
  const lineOf = (lane: number) => place.lanes + lane * place.lane + place.lane / 2;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" class="evidence-graph timeline" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="Timeline of ${shown.length} records">`,
    `<title>Timeline of ${shown.length} records</title>`,
    ...lanes.map(
      ({ title }, lane) =>
        `<text class="column" x="${lineOf(lane)}" y="20">${escaped(title)}</text><path class="lane" d="M${lineOf(lane)} ${row.top - 8}V${height - 12}"/>`,
    ),
    ...shown.map((entry, number) =>
      drawRecord(entry, shown[number - 1], row.top + number * row.height + row.height / 2, lineOf),
    ),
    '</svg>',
    '',
  ].join('\n');
}

export const timelineStyle = `
.timeline text { text-anchor: start; }
.timeline .column { text-anchor: middle; }
.timeline .lane { stroke-dasharray: 1 4; }
.timeline .gap { text-anchor: end; }
.timeline circle { stroke: var(--line); stroke-width: 1.4; }
.timeline circle.deny { fill: var(--deny-ground); stroke: var(--deny); stroke-dasharray: none; }
.timeline .time { font-family: ui-monospace, monospace; font-size: 11px; }`;

function drawRecord(
  { index, record }: GraphRecord,
  before: GraphRecord | undefined,
  y: number,
  lineOf: (lane: number) => number,
): string {
  const view = new View(record);
  const type = view.text('type') ?? '';
  const lane = lanes.findIndex(({ types }) => types.test(type));
  const kind = lanes[lane]?.kind ?? 'evidence';
  const denied = view.text('outcome') === 'deny';
  const time = view.text('time') ?? '';
  const who = view.text('subject', 'id') ?? view.text('client') ?? view.text('source') ?? '';
  const passed = before === undefined ? '' : between(new View(before.record).text('time'), time);
  const x = lineOf(lane === -1 ? lanes.length - 1 : lane);
  return [
    `<g><title>#${index} ${escaped(type)} ${escaped(time)}</title>`,
    `<text class="time" x="${place.time}" y="${y + 4}">${escaped(time.replace('T', ' ').replace('Z', ''), 23)}</text>`,
    `<text class="detail gap" x="${place.gap + 66}" y="${y + 4}">${escaped(passed)}</text>`,
    `<circle class="${kind}${denied ? ' deny' : ''}" cx="${x}" cy="${y}" r="6"/>`,
    `<text x="${textAt + 12}" y="${y + 4}"><tspan class="label">${escaped(type, 32)}</tspan> <tspan class="detail">${escaped([view.text('reason'), who].filter((part) => part !== undefined).join(' · '), 46)}</tspan></text>`,
    '</g>',
  ].join('');
}

const units: readonly (readonly [string, number])[] = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['min', 60_000],
  ['s', 1_000],
];

/** E.g. `+34 ms`, `+2.5 s`, `+3 d`; empty if unknown or zero. */
export function between(earlier: string | undefined, later: string): string {
  const [from, to] = [parseInstant(earlier ?? ''), parseInstant(later)];
  if (from === undefined || to === undefined || to <= from) return '';
  const passed = to - from;
  const unit = units.find(([, size]) => passed >= size);
  if (unit === undefined) return `+${passed} ms`;
  const [name, size] = unit;
  const count = passed / size;
  return `+${count < 10 ? Math.round(count * 10) / 10 : Math.round(count)} ${name}`;
}
