import type { NodeKind } from './graph.ts';

/** What a record adds to the graph. */
export interface GraphNotes {
  node(node: {
    readonly id: string;
    readonly kind: NodeKind;
    readonly label: string;
    readonly detail?: string | undefined;
    readonly outcome?: 'permit' | 'deny' | undefined;
  }): string;
  /** Nothing where one of the two is not known. */
  edge(from: string | undefined, says: string, to: string | undefined, options?: { readonly main?: boolean }): void;
  /** What an earlier record of this id is in the graph. */
  nodeOf(record: string): string | undefined;
  /** This record is that node: what refers to it refers to the node. */
  standsFor(node: string): void;
  /** The newest state of the transaction; undefined before it was opened. */
  state: string | undefined;
}
