import type { ProvenKind } from '@countersign/commands';
import type { Mandate } from '@countersign/contracts';
import type { Json, MandateId } from '@countersign/kernel';
import { isOver } from './life-cycle.ts';
import { mandateKind } from './seals.ts';
import { unitOn } from './store/unit.ts';
import type { Seals } from './stored-version.ts';

/**
 * Mandates as things that are recorded (docs/adr/0057). Their rows are versions that nobody writes over, read in great numbers: `seals`
 * holds them against the log, and gives the version that the newest record holds.
 *
 * @param lookAt milliseconds since the epoch: when a version has to be looked at next
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
    // What cannot be written as JSON has no digest, so it is not here.
    content: ({ digest: _, signature: __, ...covered }) => covered as unknown as Json,
    carries: (mandate) => ({ mandate: mandate as unknown as Json }),
    put: (session, mandate) =>
      unitOn(session, seals).put(mandate, isOver(mandate.status) ? undefined : lookAt(mandate)),
  };
}
