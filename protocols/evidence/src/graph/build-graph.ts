import type { GraphNotes } from './add-record.ts';
import { addRecord } from './add-record.ts';
import { type EvidenceGraph, type GraphEdge, type GraphNode, graphLimits } from './graph.ts';
import { type GraphRecord, shown, View } from './record-view.ts';

interface Growing {
  readonly node: Omit<GraphNode, 'records' | 'detail' | 'outcome'>;
  detail: string | undefined;
  outcome: 'permit' | 'deny' | undefined;
  readonly records: Set<string>;
}

/** An unreadable record adds nothing; nothing is verified. @param records in log order */
export function buildGraph(transaction: string, records: readonly GraphRecord[]): EvidenceGraph {
  const nodes = new Map<string, Growing>();
  const edges = new Map<string, GraphEdge>();
  const byRecord = new Map<string, string>();
  let state: string | undefined;
  let leftOut = 0;

  for (const { index, record } of records) {
    const view = new View(record);
    const id = view.text('id');
    const type = view.text('type');
    if (id === undefined || type === undefined) continue;
    const at = view.text('time') ?? '';
    let full = false;
    const notes: GraphNotes = {
      node({ id: named, kind, label, detail, outcome }) {
        const present = nodes.get(named);
        if (present !== undefined) {
          present.records.add(id);
          present.detail = detail === undefined ? present.detail : shown(detail);
          present.outcome = outcome ?? present.outcome;
        } else if (nodes.size >= graphLimits.nodes) full = true;
        else
          nodes.set(named, {
            node: { id: named, kind, label: shown(label), at: shown(at) },
            detail: detail === undefined ? undefined : shown(detail),
            outcome,
            records: new Set([id]),
          });
        return named;
      },
      edge(from, says, to, { main = true } = {}) {
        if (from === undefined || to === undefined || from === to || !nodes.has(from) || !nodes.has(to)) return;
        // The first record that states an edge proves it.
        const key = JSON.stringify([from, says, to]);
        if (edges.has(key)) return;
        if (edges.size >= graphLimits.edges) full = true;
        else edges.set(key, { from, to, says: shown(says), record: id, index: index.toString(), main });
      },
      nodeOf: (other) => byRecord.get(other),
      standsFor: (node) => byRecord.set(id, node),
      state,
    };
    addRecord({ type, id, view, own: view.text('transaction') === transaction }, notes);
    state = notes.state;
    if (full) leftOut += 1;
  }

  return {
    transaction,
    nodes: [...nodes.values()].map(({ node, detail, outcome, records: named }) => ({
      ...node,
      ...(detail === undefined ? {} : { detail }),
      ...(outcome === undefined ? {} : { outcome }),
      records: [...named],
    })),
    edges: [...edges.values()],
    records: records.length,
    leftOut,
  };
}
