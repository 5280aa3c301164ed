import type { EvidenceGraph, GraphEdge, GraphNode, NodeKind } from './graph.ts';

/** Authority on the left, its use on the right. */
const columns: readonly { readonly title: string; readonly kinds: readonly NodeKind[] }[] = [
  { title: 'Institutions', kinds: ['institution'] },
  { title: 'Mandates, policies', kinds: ['mandate', 'policy'] },
  { title: 'People, agents, clients', kinds: ['person', 'agent', 'client'] },
  { title: 'Decisions', kinds: ['decision'] },
  { title: 'Tokens, approvals', kinds: ['token', 'approval'] },
  { title: 'Transaction', kinds: ['transaction', 'settlement'] },
  { title: 'Evidence, refusals', kinds: ['evidence'] },
];
const ofTransaction = 5;
const ofEvidence = 6;

export const box = { width: 158, height: 42 } as const;
const gap = { column: 74, row: 22, pass: 10 } as const;
const margin = { side: 20, top: 52, bottom: 20 } as const;

export interface PlacedNode {
  readonly node: GraphNode;
  readonly column: number;
  readonly x: number;
  readonly y: number;
}

export interface PlacedEdge {
  readonly edge: GraphEdge;
  /** From left to right, source first unless `backwards`. */
  readonly joints: readonly { readonly x: number; readonly y: number; readonly through: boolean }[];
  readonly backwards: boolean;
  /** Both ends are in one column. */
  readonly within: boolean;
}

export interface Layout {
  readonly width: number;
  readonly height: number;
  readonly columns: readonly { readonly title: string; readonly x: number }[];
  readonly nodes: readonly PlacedNode[];
  readonly edges: readonly PlacedEdge[];
}

/** A node, or an edge that passes through the column. */
interface Slot {
  readonly node: GraphNode | undefined;
  readonly column: number;
  readonly left: Slot[];
  readonly right: Slot[];
  readonly near: Slot[];
  /** Position in its column, and its middle in pixels. */
  order: number;
  y: number;
}

/** Sugiyama, Tagawa and Toda (1981) with barycentres. The transaction's column stays in time order. */
export function layOutGraph({ nodes, edges }: Pick<EvidenceGraph, 'nodes' | 'edges'>): Layout {
  const used = columns.flatMap((column, number) =>
    nodes.some((node) => columnOf(node) === number) ? [{ ...column, number }] : [],
  );
  const placeOf = new Map(used.map(({ number }, place) => [number, place]));
  const slots: Slot[][] = used.map(() => []);
  const add = (column: number, node: GraphNode | undefined): Slot => {
    const row = slots[column] ?? [];
    const slot: Slot = { node, column, left: [], right: [], near: [], order: row.length, y: 0 };
    row.push(slot);
    return slot;
  };
  const slotOf = new Map(nodes.map((node) => [node.id, add(placeOf.get(columnOf(node)) ?? 0, node)]));
  const routes = edges.flatMap((edge) => {
    const [from, to] = [slotOf.get(edge.from), slotOf.get(edge.to)];
    return from === undefined || to === undefined ? [] : [routeOf(edge, from, to, add)];
  });

  const held = placeOf.get(ofTransaction);
  untangle(slots, held);
  setHeights(slots);

  const x = (column: number) => margin.side + column * (box.width + gap.column);
  const bottom = Math.max(0, ...slots.flat().map(({ y, node }) => y + (node === undefined ? 0 : box.height / 2)));
  return {
    width: x(Math.max(used.length, 1) - 1) + box.width + margin.side,
    height: Math.ceil(bottom + margin.bottom),
    columns: used.map(({ title }, column) => ({ title, x: x(column) })),
    nodes: slots
      .flat()
      .flatMap(({ node, column, y }) =>
        node === undefined ? [] : [{ node, column, x: x(column), y: Math.round(y - box.height / 2) }],
      ),
    edges: routes.map(({ edge, path, backwards, within }) => ({
      edge,
      backwards,
      within,
      joints: path.map(({ column, y, node }) => ({ x: x(column), y: Math.round(y), through: node === undefined })),
    })),
  };
}

function columnOf({ id, kind }: GraphNode): number {
  if (id.startsWith('refusal:transaction') || id.startsWith('exception:')) return ofEvidence;
  const found = columns.findIndex(({ kinds }) => kinds.includes(kind));
  return found === -1 ? ofEvidence : found;
}

function routeOf(edge: GraphEdge, from: Slot, to: Slot, add: (column: number, node: undefined) => Slot) {
  if (from.column === to.column) {
    from.near.push(to);
    to.near.push(from);
    return { edge, path: [from, to], backwards: false, within: true };
  }
  const backwards = from.column > to.column;
  const [first, last] = backwards ? [to, from] : [from, to];
  const path = [first];
  for (let column = first.column + 1; column < last.column; column++) path.push(add(column, undefined));
  path.push(last);
  path.slice(1).forEach((slot, step) => {
    const before = path[step];
    if (before === undefined) return;
    before.right.push(slot);
    slot.left.push(before);
  });
  return { edge, path, backwards, within: false };
}

const sweeps = 24;

/** Sorts by the mean position of neighbours and keeps the order with the fewest crossings. */
function untangle(slots: readonly Slot[][], held: number | undefined): void {
  let best = slots.map((row) => [...row]);
  let fewest = crossings(slots);
  for (let sweep = 0; sweep < sweeps && fewest > 0; sweep++) {
    const rightwards = sweep % 2 === 0;
    const order = rightwards ? slots : [...slots].reverse();
    for (const row of order) {
      const wish = new Map(row.map((slot) => [slot, wishOf(slot, rightwards)]));
      row.sort((one, other) => (wish.get(one) ?? 0) - (wish.get(other) ?? 0) || one.order - other.order);
      if (row[0]?.column === held) keepTime(row);
      row.forEach((slot, place) => {
        slot.order = place;
      });
    }
    const now = crossings(slots);
    if (now < fewest) {
      fewest = now;
      best = slots.map((row) => [...row]);
    }
  }
  best.forEach((row, column) => {
    slots[column]?.splice(0, row.length, ...row);
    row.forEach((slot, place) => {
      slot.order = place;
    });
  });
  for (let round = 0; round < sweeps && switchNeighbours(slots, held); round++);
}

/** Swaps neighbours if that saves crossings. @returns whether any were swapped */
function switchNeighbours(slots: readonly Slot[][], held: number | undefined): boolean {
  let changed = false;
  for (const [column, row] of slots.entries()) {
    for (let place = 0; place + 1 < row.length; place++) {
      const [upper, lower] = [row[place], row[place + 1]];
      if (upper === undefined || lower === undefined) continue;
      if (column === held && upper.node !== undefined && lower.node !== undefined) continue;
      const saved =
        crossed(upper.left, lower.left) +
        crossed(upper.right, lower.right) -
        crossed(lower.left, upper.left) -
        crossed(lower.right, upper.right);
      if (saved <= 0) continue;
      row[place] = lower;
      row[place + 1] = upper;
      [upper.order, lower.order] = [lower.order, upper.order];
      changed = true;
    }
  }
  return changed;
}

function crossed(ofUpper: readonly Slot[], ofLower: readonly Slot[]): number {
  let count = 0;
  for (const one of ofUpper) for (const other of ofLower) if (one.order > other.order) count += 1;
  return count;
}

/** Mean position of the neighbours on the sorted side and in the same column. */
function wishOf({ left, right, near, order }: Slot, rightwards: boolean): number {
  const side = rightwards ? left : right;
  const neighbours = [...(side.length > 0 ? side : rightwards ? right : left), ...near];
  return neighbours.length === 0 ? order : neighbours.reduce((sum, slot) => sum + slot.order, 0) / neighbours.length;
}

/** Nodes of the transaction stay in time order. */
function keepTime(row: Slot[]): void {
  const nodes = row
    .flatMap(({ node }) => (node === undefined ? [] : [node]))
    .sort((one, other) => (one.at < other.at ? -1 : one.at > other.at ? 1 : 0));
  const slotOfNode = new Map(row.flatMap((slot) => (slot.node === undefined ? [] : [[slot.node.id, slot] as const])));
  let next = 0;
  row.forEach((slot, place) => {
    if (slot.node === undefined) return;
    const due = nodes[next++];
    const found = due === undefined ? undefined : slotOfNode.get(due.id);
    if (found !== undefined) row[place] = found;
  });
}

function crossings(slots: readonly (readonly Slot[])[]): number {
  let count = 0;
  for (const row of slots) {
    const lines = row.flatMap((slot) => slot.right.map((to) => [slot.order, to.order] as const));
    for (const [index, [from, to]] of lines.entries())
      for (const [otherFrom, otherTo] of lines.slice(index + 1))
        if ((from - otherFrom) * (to - otherTo) < 0) count += 1;
  }
  return count;
}

const rounds = 16;

/** Moves slots towards their neighbours, so that long lines become straight. */
function setHeights(slots: readonly (readonly Slot[])[]): void {
  for (const row of slots)
    spread(
      row,
      row.map((_, place) => place * (box.height + gap.row)),
    );
  for (let round = 0; round < rounds; round++) {
    for (const row of round % 2 === 0 ? slots : [...slots].reverse())
      spread(
        row,
        row.map(({ left, right, y }) => {
          const neighbours = [...left, ...right];
          return neighbours.length === 0 ? y : neighbours.reduce((sum, slot) => sum + slot.y, 0) / neighbours.length;
        }),
      );
  }
  const top = Math.min(...slots.flat().map(({ y, node }) => y - heightOf(node) / 2));
  for (const slot of slots.flat()) slot.y += margin.top - top;
}

function heightOf(node: GraphNode | undefined): number {
  return node === undefined ? 0 : box.height;
}

/** The nearest heights that keep order and distances (pool adjacent violators). */
function spread(row: readonly Slot[], wishes: readonly number[]): void {
  const blocks: { readonly slots: { readonly slot: Slot; readonly offset: number }[]; sum: number; height: number }[] =
    [];
  row.forEach((slot, place) => {
    let block = { slots: [{ slot, offset: 0 }], sum: wishes[place] ?? 0, height: 0 };
    for (;;) {
      const before = blocks.at(-1);
      const [last, first] = [before?.slots.at(-1)?.slot, block.slots[0]?.slot];
      if (before === undefined || last === undefined || first === undefined) break;
      const distance = distanceOf(last, first);
      if (startOf(before) + before.height + distance <= startOf(block)) break;
      blocks.pop();
      const shift = before.height + distance;
      block = {
        slots: [...before.slots, ...block.slots.map((each) => ({ slot: each.slot, offset: each.offset + shift }))],
        sum: before.sum + block.sum - shift * block.slots.length,
        height: shift + block.height,
      };
    }
    blocks.push(block);
  });
  for (const block of blocks) for (const { slot, offset } of block.slots) slot.y = startOf(block) + offset;
}

function startOf({ slots, sum }: { readonly slots: readonly unknown[]; readonly sum: number }): number {
  return sum / slots.length;
}

function distanceOf(upper: Slot, lower: Slot): number {
  return (
    (heightOf(upper.node) + heightOf(lower.node)) / 2 +
    (upper.node === undefined || lower.node === undefined ? gap.pass : gap.row)
  );
}
