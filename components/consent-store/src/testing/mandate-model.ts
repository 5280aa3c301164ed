import type { Mandate, RecordDraft } from '@countersign/contracts';
import { type Lei, type MandateUse, permits } from '@countersign/market';

// A model of mandates from the records alone, written independently of the store.

type Heads = ReadonlyMap<string, Mandate>;

/** Every version of every mandate that was recorded, oldest first. */
export function historiesOf(records: readonly RecordDraft[]): ReadonlyMap<string, readonly Mandate[]> {
  const histories = new Map<string, Mandate[]>();
  for (const { type, outcome, data } of records) {
    if (!type.startsWith('mandate.') || outcome !== 'done' || type === 'mandate.expiring') continue;
    const { mandate } = data as unknown as { readonly mandate: Mandate };
    const history = histories.get(mandate.id) ?? [];
    history.push(mandate);
    histories.set(mandate.id, history);
  }
  return histories;
}

export function headsOf(histories: ReadonlyMap<string, readonly Mandate[]>): Heads {
  const heads = new Map<string, Mandate>();
  for (const [id, history] of histories) {
    const head = history.at(-1);
    if (head !== undefined) heads.set(id, head);
  }
  return heads;
}

/** Every mandate up to the root is active, in time, correctly held, and permits the use. */
export function allows(heads: Heads, id: string, holder: Lei, use: MandateUse): boolean {
  const mandate = heads.get(id);
  if (mandate === undefined || !lineStands(heads, mandate, use.at)) return false;
  const candidates =
    mandate.grantee.lei === holder
      ? [mandate]
      : [...heads.values()].filter((lower) => lower.grantee.lei === holder && isBelow(heads, lower, id));
  return candidates.some((held) => lineStands(heads, held, use.at) && linePermits(heads, held, use));
}

function aboveOf(heads: Heads, { parent }: Mandate): Mandate | undefined {
  return parent === undefined ? undefined : heads.get(parent.id);
}

function lineStands(heads: Heads, mandate: Mandate, at: number): boolean {
  const { status, effectiveFrom, effectiveUntil, grantor } = mandate;
  if (status !== 'active' || Date.parse(effectiveFrom) > at || Date.parse(effectiveUntil) <= at) return false;
  if (mandate.parent === undefined) return true;
  const above = aboveOf(heads, mandate);
  const { parent } = mandate;
  // Granted by the current holder of the parent, who has held it since.
  const inOneHand = above?.grantee.lei === grantor.lei && parent.version >= (above.heldFrom ?? 1);
  return inOneHand && lineStands(heads, above, at);
}

function linePermits(heads: Heads, mandate: Mandate, use: MandateUse): boolean {
  if (!permits(mandate.constraints, use).ok) return false;
  const above = aboveOf(heads, mandate);
  return above === undefined || linePermits(heads, above, use);
}

function isBelow(heads: Heads, mandate: Mandate, id: string): boolean {
  const above = aboveOf(heads, mandate);
  return above !== undefined && (above.id === id || isBelow(heads, above, id));
}

/** A version that is or was in force has the consent of both parties. */
export function restsOnEveryParty({ status, grantor, grantee, consents }: Mandate): boolean {
  if (status === 'proposed' || status === 'revoked' || status === 'expired') return true;
  return [grantor, grantee].every(({ lei }) => consents.some((consent) => consent.lei === lei));
}

const follows: Readonly<Record<Mandate['status'], readonly Mandate['status'][]>> = {
  proposed: ['proposed', 'active', 'revoked', 'expired'],
  active: ['active', 'suspended', 'revoked', 'expired'],
  suspended: ['suspended', 'active', 'revoked', 'expired'],
  revoked: [],
  expired: [],
};

/** Whether each version of a history may follow the one before. */
export function isALife(history: readonly Mandate[]): boolean {
  return history.every(({ status }, index) => {
    const before = history[index - 1];
    return before === undefined ? status === 'proposed' : follows[before.status].includes(status);
  });
}
