import type { Mandate } from '@countersign/contracts';
import type { Lei } from '@countersign/market';

export interface HeldMandate {
  readonly mandate: Mandate;
  /** Milliseconds since the epoch, from inclusive, until exclusive. */
  readonly from: number;
  readonly until: number;
}

export interface MandateView {
  find(id: string): HeldMandate | undefined;
  /** The direct and indirect sub-mandates of this mandate that an institution holds. */
  heldBelow(id: string, holder: Lei): readonly string[] | undefined;
  /** Whether the view is complete, so that an absent mandate does not exist. */
  readonly whole: boolean;
}

export function held(mandate: Mandate): HeldMandate {
  return { mandate, from: Date.parse(mandate.effectiveFrom), until: Date.parse(mandate.effectiveUntil) };
}

export function viewOf(mandates: readonly Mandate[], below: readonly string[]): MandateView {
  // Looked up by ids that are not parsed.
  const byId = new Map(mandates.map((mandate) => [mandate.id as string, held(mandate)]));
  return { find: (id) => byId.get(id), heldBelow: () => below, whole: true };
}
