export const nodeKinds = [
  'institution',
  'mandate',
  'policy',
  'person',
  'agent',
  'client',
  'token',
  'approval',
  'decision',
  'transaction',
  'settlement',
  'evidence',
] as const;
export type NodeKind = (typeof nodeKinds)[number];

export interface GraphNode {
  /** Stable: kind and name, e.g. `person:anna.keller`, `decision:rec_…`. */
  readonly id: string;
  readonly kind: NodeKind;
  readonly label: string;
  readonly detail?: string;
  /** `deny` if refused or failed. */
  readonly outcome?: 'permit' | 'deny';
  /** RFC 3339 of the first record. */
  readonly at: string;
  /** In log order. */
  readonly records: readonly string[];
}

export interface GraphEdge {
  readonly from: string;
  readonly to: string;
  /** Reads as a sentence, e.g. anna.keller `opened` the transaction. */
  readonly says: string;
  readonly record: string;
  /** Index of the record, in decimal. */
  readonly index: string;
  /** Whether it belongs to the chain of authority. Other edges are not drawn. */
  readonly main: boolean;
}

export interface EvidenceGraph {
  readonly transaction: string;
  /** In log order. */
  readonly nodes: readonly GraphNode[];
  readonly edges: readonly GraphEdge[];
  /** Records read, and records that exceeded the limits. */
  readonly records: number;
  readonly leftOut: number;
}

/** Records beyond these bounds are counted in `leftOut`. */
export const graphLimits = { nodes: 500, edges: 2_000, textLength: 80 } as const;

export const represents = 'is represented by';
