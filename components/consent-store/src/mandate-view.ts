import type { Mandate } from '@countersign/contracts';
import type { Lei } from '@countersign/market';

/** A mandate as the check reads it: its times parsed once. */
export interface HeldMandate {
  readonly mandate: Mandate;
  /** Milliseconds since the epoch, from inclusive, until exclusive. */
  readonly from: number;
  readonly until: number;
}

/** The newest versions known to this process. Look-ups cost a map access. */
export interface MandateView {
  find(id: string): HeldMandate | undefined;
  heldBy(grantee: Lei): Iterable<HeldMandate>;
}

export interface WritableMandateView extends MandateView {
  /** Takes in a version, unless a newer one is held already: refreshes may overtake each other. */
  put(mandate: Mandate): void;
}

export function createMandateView(): WritableMandateView {
  const byId = new Map<string, HeldMandate>();
  const byGrantee = new Map<string, Map<string, HeldMandate>>();
  return {
    find: (id) => byId.get(id),
    heldBy: (grantee) => byGrantee.get(grantee)?.values() ?? [],
    put(mandate) {
      if ((byId.get(mandate.id)?.mandate.version ?? 0) >= mandate.version) return;
      const held = { mandate, from: Date.parse(mandate.effectiveFrom), until: Date.parse(mandate.effectiveUntil) };
      byId.set(mandate.id, held);
      const siblings = byGrantee.get(mandate.grantee.lei) ?? new Map<string, HeldMandate>();
      siblings.set(mandate.id, held);
      byGrantee.set(mandate.grantee.lei, siblings);
    },
  };
}
