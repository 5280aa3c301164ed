import type { ProvenKind } from '@countersign/commands';
import type { Mandate } from '@countersign/contracts';
import { type MandateId, plainJson } from '@countersign/kernel';
import { isOver } from './life-cycle.ts';
import { mandateKind } from './seals.ts';
import { unitOn } from './store/unit.ts';
import type { Seals } from './stored-version.ts';

/**
 * Mandates as recorded things (docs/adr/0057). `seals` compares their versions with the log and returns the version of the
 * newest record.
 * @param lookAt when a version must be checked next, in milliseconds since the epoch
 */
export function createMandateKind(
  seals: Seals,
  lookAt: (version: Mandate) => number | undefined,
): ProvenKind<MandateId, Mandate> {
  return {
    kind: mandateKind,
    proven: true,
    hold: (session, id) => unitOn(session, seals).hold(id),
    complete: (session, id) => unitOn(session, seals).complete(id),
    recordOf: ({ recordId }) => recordId,
    // A version with a digest is valid JSON.
    content: ({ digest: _, signature: __, ...covered }) => plainJson(covered),
    carries: (mandate) => ({ mandate: plainJson(mandate) }),
    put: (session, mandate) =>
      unitOn(session, seals).put(mandate, isOver(mandate.status) ? undefined : lookAt(mandate)),
  };
}
