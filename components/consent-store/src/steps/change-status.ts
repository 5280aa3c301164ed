import { type Actor, consentErrors, type Mandate } from '@countersign/contracts';
import type { CodedError, MandateId } from '@countersign/kernel';
import { isOver, steps } from '../life-cycle.ts';
import { nextVersion } from '../mandate-document.ts';
import { parseReason } from '../reason.ts';
import { authorityFault, type Signatory, signatoryFor } from '../signatory.ts';
import { lockedHead, type StepContext, stateFault } from './step-context.ts';

/** Suspends, resumes or revokes. */
export function createChangeStatus(
  context: StepContext,
): (step: 'suspend' | 'resume' | 'revoke', id: MandateId, by: Actor, reason: string) => Promise<Mandate> {
  return async (step, id, by, given) => {
    const { from, to, by: parts, record } = steps[step];
    const reason = parseReason(given);
    return context.store.inUnit(async (unit) => {
      const { head, about } = await lockedHead(unit, id, step);
      const leis = parts.flatMap((part) => head[part]?.lei ?? []);
      const party = signatoryFor(context.directory(), by, leis);
      if ('fault' in party) return context.refuse(party.fault, by, about);
      if (head.status === to) return head;
      const misplaced =
        stateFault(step, head, from) ??
        (step === 'resume' ? resumptionFault(party.signatory, head, context.now()) : undefined);
      if (misplaced !== undefined) return context.refuse(misplaced, by, about);
      const change = isOver(to) ? { status: to, amendment: 'none' as const } : { status: to };
      return context.write(unit, nextVersion(head, change, context.recording(head)), {
        type: record,
        by,
        references: [head.recordId],
        data: { reason },
      });
    });
  };
}

/** To take authority away any signatory is enough. To give it back takes what giving it takes, from one who binds alone. */
function resumptionFault(signatory: Signatory, head: Mandate, now: number): CodedError | undefined {
  if (now >= Date.parse(head.effectiveUntil))
    return consentErrors.error('mandate_expired', `The mandate ran until ${head.effectiveUntil}.`);
  if (signatory.authority === 'joint')
    return consentErrors.error('signatory_authority', 'Who binds only together with another cannot resume alone.');
  return authorityFault(signatory, head);
}
