import type { EvidenceBundle } from '../bundle.ts';
import { buildGraph } from '../graph/build-graph.ts';
import { recordsOfBundle } from '../graph/bundle-records.ts';
import { drawGraph, graphStyle } from '../graph/draw-graph.ts';
import type { EvidenceGraph } from '../graph/graph.ts';
import { escaped, longText } from '../graph/markup.ts';
import { type GraphRecord, View } from '../graph/record-view.ts';
import { type BundleVerification, countOf, type StepResult } from '../verify-bundle.ts';
import { drawTimeline, shownRecords, timelineStyle } from './timeline.ts';

export interface ReportContent {
  /** E.g. the id of the transaction, or the query. */
  readonly title: string;
  /** Names and values are shown as text. */
  readonly about: readonly (readonly [string, string])[];
  /** In log order. */
  readonly records: readonly GraphRecord[];
  /** Only for the records of one transaction. */
  readonly graph?: EvidenceGraph;
  /** Absent for records without proof. */
  readonly verification?: BundleVerification;
  readonly verifiedBy?: string;
}

export function reportOfBundle(
  bundle: EvidenceBundle,
  verification: BundleVerification,
  options: { readonly verifiedBy: string; readonly about?: readonly (readonly [string, string])[] },
): ReportContent {
  const records = recordsOfBundle(bundle);
  return {
    title: bundle.transaction,
    about: [
      ['Transaction', bundle.transaction],
      ['Log', bundle.log.origin],
      ['Tree', `${bundle.checkpoint.split('\n')[1] ?? '?'} records`],
      ...(options.about ?? []),
    ],
    records,
    graph: buildGraph(bundle.transaction, records),
    verification,
    verifiedBy: options.verifiedBy,
  };
}

/** One HTML document without script or external resources, in pieces. Records are shown as text. */
export function* renderReport(content: ReportContent): Generator<string, void, undefined> {
  const { title, about, records, graph, verification } = content;
  yield head(title);
  yield `<header><p class="house">Countersign evidence</p><h1>${escaped(title, longText)}</h1>${verification === undefined ? unproved : verdictOf(verification, content.verifiedBy)}</header>\n<main>\n`;
  yield `<section aria-labelledby="about"><h2 id="about">About this report</h2><dl>${[...about, ...countsOf(records, graph)].map(([name, value]) => `<div><dt>${escaped(name)}</dt><dd>${escaped(value, longText)}</dd></div>`).join('')}</dl></section>\n`;
  if (graph !== undefined) yield graphSection(graph);
  if (records.length > 0) yield timelineSection(records);
  if (verification !== undefined) yield checksSection(verification);
  yield '<section aria-labelledby="records"><h2 id="records">Records</h2><div class="wide" tabindex="0" role="region" aria-label="Records"><table><thead><tr><th>Place</th><th>Time</th><th>Record</th><th>Who</th><th>What it says</th></tr></thead><tbody>\n';
  for (const record of records) yield recordRow(record);
  yield '</tbody></table></div></section>\n';
  if (graph !== undefined) yield edgesSection(graph);
  yield `</main>\n<footer><p>${verification === undefined ? 'A report proves nothing by itself. Export the evidence of a transaction as a bundle, and verify that.' : 'This report is for reading. What convinces is the bundle: verify it yourself with <code>countersign evidence verify</code>, with the page that verifies bundles, or with openssl, sha256sum and jq alone, by a log key that you have from another source.'}</p></footer>\n</body>\n</html>\n`;
}

const unproved =
  '<p class="verdict unanchored" role="status"><strong>Records without proof</strong> As the log has them; no verification was made.</p>';

const verdictWords = {
  verified: ['Verified', 'Everything that was checked holds.'],
  incomplete: [
    'Incomplete',
    'Nothing is wrong, and it is not verified: some checks could not see all they need, because values are withheld or records no longer kept.',
  ],
  unanchored: [
    'Consistent, not anchored',
    'The bundle is consistent with itself. The key of the log has not been compared with one from another source.',
  ],
  failed: ['Not verified', 'The checks below say what fails.'],
} as const;

/** CSS classes. Unchecked results are not green. */
const kinds: Readonly<Record<StepResult, string>> = {
  holds: 'pass',
  note: 'note',
  incomplete: 'note',
  'not checked': 'skip',
  fails: 'fail',
};

function verdictOf({ verdict, steps }: BundleVerification, by: string | undefined): string {
  const [word, meaning] = verdictWords[verdict];
  const count = countOf(steps);
  // A bar with one share per check.
  const bar = steps
    .map(({ result }, step) => `<rect class="${kinds[result]}" x="${step * 14}" y="0" width="11" height="11" rx="2"/>`)
    .join('');
  return `<div class="verdict ${verdict}" role="status"><p><strong>${word}</strong> ${meaning}</p><svg class="bar" viewBox="0 0 ${Math.max(1, steps.length) * 14} 11" height="11" width="${Math.max(1, steps.length) * 14}" role="img" aria-label="Checks: ${count}">${bar}</svg><p class="quiet">Checks: ${count}${by === undefined ? '' : ` ${escaped(by, longText)}`}</p></div>`;
}

function countsOf(
  records: readonly GraphRecord[],
  graph: EvidenceGraph | undefined,
): readonly (readonly [string, string])[] {
  const [first, last] = [records[0], records.at(-1)].map((entry) =>
    entry === undefined ? undefined : new View(entry.record).text('time'),
  );
  const states = graph?.nodes.filter(({ id }) => id.startsWith('state:')) ?? [];
  const withheld = records.filter(({ record }) => withheldOf(new View(record)).length > 0).length;
  return [
    ['Records', String(records.length)],
    ...(first === undefined || last === undefined ? [] : [['From, to', `${first} to ${last}`] as const]),
    ...(states.length === 0 ? [] : [['States', states.map(({ label }) => label).join(' → ')] as const]),
    ...(withheld === 0
      ? []
      : [
          [
            'Withheld',
            `values of ${withheld} records: the log commits to them; this reader did not receive them`,
          ] as const,
        ]),
  ];
}

function graphSection(graph: EvidenceGraph): string {
  const more = graph.leftOut === 0 ? '' : ` What ${graph.leftOut} further records say did not fit.`;
  return `<section class="picture" aria-labelledby="graph"><h2 id="graph">Chain of authority</h2><p class="quiet">From those who grant, on the left, to what was done, on the right. Dashed in red: refused, revoked or failed. Point at a box or a line for its record; all of them stand in the last table.${more}</p><div class="wide" tabindex="0" role="region" aria-label="Chain of authority">${drawGraph(graph, { style: false })}</div></section>\n`;
}

function timelineSection(records: readonly GraphRecord[]): string {
  const more =
    records.length > shownRecords ? ` The first ${shownRecords} of ${records.length} records are drawn.` : '';
  return `<section class="picture" aria-labelledby="timeline"><h2 id="timeline">Timeline</h2><p class="quiet">By the time of the log, in its order, with what passed since the record before.${more}</p><div class="wide" tabindex="0" role="region" aria-label="Timeline">${drawTimeline(records)}</div></section>\n`;
}

function checksSection({ steps }: BundleVerification): string {
  const rows = steps.map(
    ({ result, code, title, detail, record }) =>
      `<tr><td class="${kinds[result]}">${result}</td><td>${escaped(title, longText)}${code === undefined ? '' : ` <code>${escaped(code)}</code>`}</td><td>${escaped(detail, longText)}${record === undefined ? '' : ` <code>${escaped(record)}</code>`}</td></tr>\n`,
  );
  return `<section aria-labelledby="checks"><h2 id="checks">Verification</h2><div class="wide" tabindex="0" role="region" aria-label="Verification"><table><thead><tr><th></th><th>Check</th><th>What was found</th></tr></thead><tbody>\n${rows.join('')}</tbody></table></div></section>\n`;
}

function recordRow({ index, record }: GraphRecord): string {
  const view = new View(record);
  const withheld = withheldOf(view);
  const who = [
    view.text('subject', 'id') ?? '',
    ...view.list('actors').map((actor) => actor.text('id') ?? ''),
    view.text('client') === undefined ? '' : `client ${view.text('client')}`,
  ];
  const said = view.json('data');
  const data = said === undefined ? '' : JSON.stringify(said, undefined, 1);
  return `<tr id="r${index}"><td>${index}</td><td class="nowrap">${escaped(view.text('time') ?? '')}</td><td><strong class="${view.text('outcome') === 'deny' ? 'fail' : 'plain'}">${escaped(view.text('type') ?? '')}</strong> ${escaped(view.text('reason') ?? '')}<br><code>${escaped(view.text('id') ?? '')}</code></td><td>${who
    .filter((name) => name !== '')
    .map((name) => escaped(name))
    .join(
      '<br>',
    )}</td><td>${withheld.map((path) => `<em class="note">withheld: ${escaped(path)}</em><br>`).join('')}${data === '' ? '' : `<details><summary>${escaped(summaryOf(view), 120)}</summary><pre>${escapedLines(data)}</pre></details>`}</td></tr>\n`;
}

function summaryOf(view: View): string {
  const parts = ['event', 'from', 'to', 'role', 'state', 'detail', 'version'].flatMap((name) => {
    const value = view.text('data', name) ?? view.number('data', name);
    return value === undefined ? [] : [`${name} ${value}`];
  });
  return parts.length === 0 ? 'facts' : parts.join(', ');
}

function withheldOf(view: View): readonly string[] {
  return view.names('protected');
}

/** Line breaks are ours; those of the record are escaped. */
function escapedLines(text: string): string {
  const lines = text.split('\n');
  const kept = lines.slice(0, maxLines).map((line) => escaped(line, longText));
  return kept.join('\n') + (lines.length > maxLines ? `\n… ${lines.length - maxLines} more lines` : '');
}
const maxLines = 400;

function edgesSection({ nodes, edges }: EvidenceGraph): string {
  const named = new Map(nodes.map((node) => [node.id, node]));
  const name = (id: string) => {
    const node = named.get(id);
    return node === undefined
      ? escaped(id)
      : `${escaped(node.label)}${node.detail === undefined ? '' : ` <span class="quiet">${escaped(node.detail)}</span>`}`;
  };
  const rows = edges.map(
    ({ from, says, to, index, record }) =>
      `<tr><td>${name(from)}</td><td>${escaped(says)}</td><td>${name(to)}</td><td><a href="#r${index}">#${index}</a> <code>${escaped(record)}</code></td></tr>\n`,
  );
  return `<section aria-labelledby="edges"><h2 id="edges">What the graph says, and which record proves it</h2><div class="wide" tabindex="0" role="region" aria-label="What the graph says"><table><thead><tr><th>Who or what</th><th></th><th>Whom or what</th><th>Record</th></tr></thead><tbody>\n${rows.join('')}</tbody></table></div></section>\n`;
}

function head(title: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'">
<title>Evidence of ${escaped(title)}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex">
<style>${reportStyle}${graphStyle}${timelineStyle}</style>
</head>
<body>
`;
}

const reportStyle = `
:root { color-scheme: light dark; --page: #f3f5f8; --panel: #fff; --text: #16202e; --soft: #4d5b6d; --rule: #d5dce5; --good: #17653a; --good-ground: #e4f4ea; --warn: #7a4a00; --warn-ground: #fff4dc; --bad: #9b1c1c; --bad-ground: #fdeeee; --link: #1a4a8a; }
@media screen and (prefers-color-scheme: dark) { :root { --page: #0d131b; --panel: #161e29; --text: #e8edf4; --soft: #a8b5c5; --rule: #2c3848; --good: #8fdcae; --good-ground: #16301f; --warn: #ffd58a; --warn-ground: #2d2412; --bad: #ffb4b4; --bad-ground: #331a1c; --link: #8ab4f0; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 24px; max-width: 1720px; background: var(--page); color: var(--text); font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 24px; margin: 0 0 12px; overflow-wrap: anywhere; } h2 { font-size: 18px; margin: 0 0 8px; }
.house { margin: 0; color: var(--soft); font-weight: 600; letter-spacing: .04em; text-transform: uppercase; font-size: 12px; }
section { background: var(--panel); border: 1px solid var(--rule); border-radius: 10px; padding: 18px; margin: 18px 0; }
.wide { overflow-x: auto; } .wide:focus-visible { outline: 3px solid var(--link); outline-offset: 2px; }
.quiet { color: var(--soft); font-size: 13px; margin: 0 0 8px; }
dl { display: flex; flex-wrap: wrap; gap: 10px 32px; margin: 0; } dt { color: var(--soft); font-size: 12px; } dd { margin: 0; overflow-wrap: anywhere; }
table { border-collapse: collapse; width: 100%; font-size: 13px; } th { text-align: left; color: var(--soft); font-weight: 600; } th, td { padding: 6px 10px 6px 0; border-top: 1px solid var(--rule); vertical-align: top; } thead th { border-top: 0; }
code, pre { font: 12px/1.45 ui-monospace, monospace; overflow-wrap: anywhere; } pre { white-space: pre-wrap; margin: 6px 0 0; } summary { cursor: pointer; }
a { color: var(--link); } .nowrap { white-space: nowrap; font-variant-numeric: tabular-nums; }
.verdict { border-radius: 10px; padding: 12px 16px; border: 1px solid; } .verdict p { margin: 0 0 6px; } .verdict strong { font-size: 18px; margin-right: 8px; } .verdict .quiet { color: inherit; margin: 6px 0 0; }
.verified { background: var(--good-ground); color: var(--good); } .incomplete, .unanchored { background: var(--warn-ground); color: var(--warn); } .failed { background: var(--bad-ground); color: var(--bad); }
.bar .pass { fill: var(--good); } .bar .note { fill: var(--warn); } .bar .fail { fill: var(--bad); } .bar .skip { fill: var(--rule); }
.pass { color: var(--good); } .skip { color: var(--soft); } .note { color: var(--warn); } .fail { color: var(--bad); } td.fail { font-weight: 700; }
footer { color: var(--soft); font-size: 13px; }
@media print { @page { size: A4 landscape; margin: 12mm; } body { padding: 0; max-width: none; background: #fff; font-size: 11px; } section { border: 0; padding: 0; break-inside: auto; } .picture { break-before: page; } .picture svg { width: 100%; height: auto; max-height: 170mm; } .picture .timeline { max-height: none; } .wide { overflow: visible; } tr { break-inside: avoid; } table { font-size: 9px; } .verdict, rect, circle { print-color-adjust: exact; -webkit-print-color-adjust: exact; } }
`;
