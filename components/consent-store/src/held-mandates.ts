import type { Mandate } from '@countersign/contracts';
import type { Lei } from '@countersign/market';

/** A mandate as the check reads it: its times parsed once. */
export interface HeldMandate {
  readonly mandate: Mandate;
  /** Milliseconds since the epoch, from inclusive, until exclusive. */
  readonly from: number;
  readonly until: number;
}

/** Mandates that an answer can be given from. */
export interface MandateView {
  find(id: string): HeldMandate | undefined;
  /** What an institution holds that was cut from this mandate, directly or further down. */
  heldBelow(id: string, holder: Lei): readonly string[] | undefined;
  /** Whether what is not here is nowhere. Otherwise nothing follows from its absence. */
  readonly whole: boolean;
}

export function held(mandate: Mandate): HeldMandate {
  return { mandate, from: Date.parse(mandate.effectiveFrom), until: Date.parse(mandate.effectiveUntil) };
}

/** A view of exactly these. */
export function viewOf(mandates: readonly Mandate[], below: readonly string[]): MandateView {
  const byId = new Map(mandates.map((mandate) => [mandate.id as string, held(mandate)]));
  return { find: (id) => byId.get(id), heldBelow: () => below, whole: true };
}
