import { type EvidenceGraph, represents } from './graph.ts';
import { box, layOutGraph, type PlacedEdge, type PlacedNode } from './layout.ts';
import { escaped, longText } from './markup.ts';

/** SVG; titles name the proving records. @param options.style false if the page includes {@link graphStyle} */
export function drawGraph(graph: EvidenceGraph, { style = true }: { readonly style?: boolean } = {}): string {
  const main = graph.edges.filter(({ main }) => main);
  // A firm that is only represented is not part of the chain.
  const joined = new Set(main.filter(({ says }) => says !== represents).flatMap(({ from, to }) => [from, to]));
  for (const { from, to, says } of main) if (says === represents && joined.has(to)) joined.add(from);
  const layout = layOutGraph({
    nodes: graph.nodes.filter(({ id }) => joined.has(id)),
    edges: main.filter(({ from, to }) => joined.has(from) && joined.has(to)),
  });
  const name = `Chain of authority of ${graph.transaction}`;
  const placed = new Map(layout.nodes.map((node) => [node.node.id, node]));
  const lines = layout.edges.map((edge) => lineOf(edge, placed));
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" class="evidence-graph" viewBox="0 0 ${layout.width} ${layout.height}" width="${layout.width}" height="${layout.height}" role="img" aria-label="${escaped(name)}">`,
    `<title>${escaped(name)}</title>`,
    ...(style ? [`<style>${graphStyle}</style>`] : []),
    ...layout.columns.map(
      ({ title, x }) => `<text class="column" x="${x + box.width / 2}" y="24">${escaped(title)}</text>`,
    ),
    ...lines.map(({ line }) => line),
    ...layout.nodes.map((node) => boxOf(node)),
    // Drawn last, so that no box hides a label.
    ...lines.flatMap(({ label }) => label ?? []),
    '</svg>',
    '',
  ].join('\n');
}

/** Follows the reader's colour scheme; print uses the light scheme. */
export const graphStyle = `
.evidence-graph { font: 12px system-ui, sans-serif; --ink: #16202e; --quiet: #4d5b6d; --line: #8795a8; --ground: #ffffff;
  --institution: #e8ecf2; --mandate: #e3eefc; --policy: #e6e4fb; --person: #fdf0d8; --agent: #fbe9dc; --client: #f6eee6;
  --decision: #e2f4e6; --token: #ddf3f3; --approval: #e9f5d4; --transaction: #dfe9fb; --settlement: #d3e4d8; --evidence: #eeeef0;
  --deny: #9b1c1c; --deny-ground: #fdeaea; }
.evidence-graph text { fill: var(--ink); text-anchor: middle; }
.evidence-graph .column { font-weight: 600; fill: var(--quiet); letter-spacing: .02em; }
.evidence-graph .label { font-weight: 600; }
.evidence-graph .long { font-size: 10.5px; font-weight: 500; }
.evidence-graph .aside { text-anchor: start; }
.evidence-graph .detail { font-size: 10px; fill: var(--quiet); }
.evidence-graph .says { font-size: 10px; fill: var(--quiet); paint-order: stroke; stroke: var(--ground); stroke-width: 4px; stroke-linejoin: round; }
.evidence-graph rect { stroke: var(--line); stroke-width: 1; }
.evidence-graph path { fill: none; stroke: var(--line); stroke-width: 1.3; }
.evidence-graph .tip { fill: var(--line); stroke: none; }
.evidence-graph g:hover > path { stroke: var(--ink); stroke-width: 2; }
.evidence-graph g:hover > .tip { fill: var(--ink); stroke: none; }
.evidence-graph .deny { fill: var(--deny-ground); stroke: var(--deny); stroke-dasharray: 4 3; }
.evidence-graph .institution { fill: var(--institution); }
.evidence-graph .mandate { fill: var(--mandate); }
.evidence-graph .policy { fill: var(--policy); }
.evidence-graph .person { fill: var(--person); }
.evidence-graph .agent { fill: var(--agent); }
.evidence-graph .client { fill: var(--client); }
.evidence-graph .decision { fill: var(--decision); }
.evidence-graph .token { fill: var(--token); }
.evidence-graph .approval { fill: var(--approval); }
.evidence-graph .transaction { fill: var(--transaction); }
.evidence-graph .settlement { fill: var(--settlement); }
.evidence-graph .evidence { fill: var(--evidence); }
.evidence-graph rect.deny { fill: var(--deny-ground); }
@media screen and (prefers-color-scheme: dark) {
  .evidence-graph { --ink: #e8edf4; --quiet: #a8b5c5; --line: #6f8198; --ground: #161e29;
    --institution: #27313f; --mandate: #1c3350; --policy: #2d2a50; --person: #43361b; --agent: #43301f; --client: #3a322a;
    --decision: #1d3a26; --token: #173b3c; --approval: #2e3d17; --transaction: #1f3157; --settlement: #1f4030; --evidence: #2b2f36;
    --deny: #ffb4b4; --deny-ground: #3a1d20; }
}`;

function boxOf({ node, x, y }: PlacedNode): string {
  const { id, kind, label, detail, outcome, at, records } = node;
  const middle = x + box.width / 2;
  const proof = `${kind}: ${label}${detail === undefined ? '' : `, ${detail}`}\n${id}\nsince ${at}\n${records.slice(0, 8).join('\n')}${records.length > 8 ? `\nand ${records.length - 8} more` : ''}`;
  return [
    `<g>${titleOf(proof)}`,
    `<rect class="${kind}${outcome === 'deny' ? ' deny' : ''}" x="${x}" y="${y}" width="${box.width}" height="${box.height}" rx="${kind === 'person' || kind === 'agent' || kind === 'client' ? 20 : 7}"/>`,
    `<text class="label${label.length > 18 ? ' long' : ''}" x="${middle}" y="${y + (detail === undefined ? 26 : 18)}">${escaped(fitting(label, 22))}</text>`,
    ...(detail === undefined
      ? []
      : [`<text class="detail" x="${middle}" y="${y + 33}">${escaped(fitting(detail, 27))}</text>`]),
    '</g>',
  ].join('');
}

function lineOf(
  placed: PlacedEdge,
  nodes: ReadonlyMap<string, PlacedNode>,
): { readonly line: string; readonly label?: string } {
  const { edge, joints, backwards, within } = placed;
  const title = titleOf(
    `${nameOf(nodes, edge.from)} ${edge.says} ${nameOf(nodes, edge.to)}\nrecord #${edge.index} ${edge.record}`,
  );
  if (within) return lineWithin(placed, nodes, title);
  let path = '';
  let tip = '';
  joints.forEach(({ x, y, through }, step) => {
    const next = joints[step + 1];
    const right = x + box.width;
    if (step === 0) path += `M${right} ${y}`;
    if (through) path += `H${right}`;
    if (next === undefined) return;
    const start = backwards && step === 0 ? right + 7 : right;
    const end = !backwards && step === joints.length - 2 ? next.x - 7 : next.x;
    const half = Math.round((next.x - right) / 2);
    path += `${start === right ? '' : `M${start} ${y}`}C${right + half} ${y} ${right + half} ${next.y} ${end} ${next.y}`;
  });
  const [first, last] = [joints[0], joints.at(-1)];
  if (!backwards && last !== undefined) tip = `M${last.x} ${last.y}l-8 -3.5v7z`;
  if (backwards && first !== undefined) tip = `M${first.x + box.width} ${first.y}l8 -3.5v7z`;
  return { line: `<g>${title}<path d="${path}"/><path class="tip" d="${tip}"/></g>` };
}

/** To the next box below, or in an arc past those between. */
function lineWithin(
  { edge, joints }: PlacedEdge,
  nodes: ReadonlyMap<string, PlacedNode>,
  title: string,
): { readonly line: string; readonly label?: string } {
  const [from, to] = joints;
  if (from === undefined || to === undefined) return { line: '' };
  const down = to.y > from.y;
  const between = [...nodes.values()].some(
    ({ x, y }) => x === from.x && y > Math.min(from.y, to.y) && y + box.height < Math.max(from.y, to.y),
  );
  if (!between) {
    const middle = from.x + box.width / 2;
    const [start, end] = down
      ? [from.y + box.height / 2, to.y - box.height / 2]
      : [from.y - box.height / 2, to.y + box.height / 2];
    const back = down ? -8 : 8;
    return {
      line: `<g>${title}<path d="M${middle} ${start}V${end + back}"/><path class="tip" d="M${middle} ${end}l-3.5 ${back}h7z"/></g>`,
      label: `<text class="says" x="${middle}" y="${Math.round((start + end) / 2) + 3}">${escaped(edge.says)}</text>`,
    };
  }
  const right = from.x + box.width;
  const bulge = Math.min(58, 20 + Math.abs(to.y - from.y) / 12);
  // Off the middle, where other lines are.
  const [start, end] = down ? [from.y + 9, to.y - 9] : [from.y - 9, to.y + 9];
  return {
    line: `<g>${title}<path d="M${right} ${start}C${right + bulge} ${start} ${right + bulge} ${end} ${right + 7} ${end}"/><path class="tip" d="M${right} ${end}l8 -3.5v7z"/></g>`,
    label: `<text class="says aside" x="${right + Math.round(bulge * 0.6)}" y="${Math.round((start + end) / 2) + 3}">${escaped(edge.says)}</text>`,
  };
}

function nameOf(nodes: ReadonlyMap<string, PlacedNode>, id: string): string {
  return nodes.get(id)?.node.label ?? id;
}

function fitting(text: string, length: number): string {
  const characters = [...text];
  return characters.length <= length ? text : `${characters.slice(0, length - 1).join('')}…`;
}

function titleOf(text: string): string {
  return `<title>${text
    .split('\n')
    .map((line) => escaped(line, longText))
    .join('\n')}</title>`;
}
