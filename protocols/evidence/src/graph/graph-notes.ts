import type { NodeKind } from './graph.ts';

export interface GraphNotes {
  node(node: {
    readonly id: string;
    readonly kind: NodeKind;
    readonly label: string;
    readonly detail?: string | undefined;
    readonly outcome?: 'permit' | 'deny' | undefined;
  }): string;
  /** Adds nothing if one end is unknown. */
  edge(from: string | undefined, says: string, to: string | undefined, options?: { readonly main?: boolean }): void;
  /** The node of an earlier record. */
  nodeOf(record: string): string | undefined;
  /** References to this record lead to the node. */
  standsFor(node: string): void;
  /** Node of the newest state; undefined before the opening. */
  state: string | undefined;
}
