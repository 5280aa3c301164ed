/** What a node of the graph stands for. */
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

/** Somebody or something that the records of a transaction speak of. */
export interface GraphNode {
  /** The same for the same records: kind and name, e.g. `person:anna.keller`, `decision:rec_…`. */
  readonly id: string;
  readonly kind: NodeKind;
  /** Short, for the drawing. */
  readonly label: string;
  readonly detail?: string;
  /** `deny` for what was refused or has failed. */
  readonly outcome?: 'permit' | 'deny';
  /** RFC 3339: when the log first heard of it. */
  readonly at: string;
  /** The records that speak of it, in the order of the log. */
  readonly records: readonly string[];
}

/** What joins two nodes, and the record that proves it. */
export interface GraphEdge {
  readonly from: string;
  readonly to: string;
  /** Reads as a sentence from one to the other: anna.keller `opened` the transaction. */
  readonly says: string;
  readonly record: string;
  /** Place of that record in the log, in decimal. */
  readonly index: string;
  /** The chain of authority itself. Others are true as well, and left out of drawings. */
  readonly main: boolean;
}

/** The chain of authority of one transaction. */
export interface EvidenceGraph {
  readonly transaction: string;
  /** In the order of the log. */
  readonly nodes: readonly GraphNode[];
  readonly edges: readonly GraphEdge[];
  /** Records that were looked at, and those that had more than the graph may hold. */
  readonly records: number;
  readonly leftOut: number;
}

/** Bounds of a graph: what is more is counted, and not shown. */
export const graphLimits = { nodes: 500, edges: 2_000, textLength: 80 } as const;

/** What joins a firm with those who act for it. */
export const represents = 'is represented by';
