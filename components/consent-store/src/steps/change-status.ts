import { consentErrors, type Mandate } from '@countersign/contracts';
import type { CodedError } from '@countersign/kernel';
import { isOver, steps } from '../life-cycle.ts';
import { nextVersion, seal } from '../mandate-document.ts';
import { authorityFault, type Signatory, signatoryFor } from '../signatory.ts';
import {
  known,
  type ReasonedStep,
  refusalOf,
  type Step,
  type StepContext,
  saying,
  sound,
  stateFault,
  stepOf,
  toTake,
} from './step.ts';

interface Found {
  readonly head: Mandate;
  readonly signatory: Signatory;
}

export function createChangeStatus(
  context: StepContext,
  step: 'suspend' | 'resume' | 'revoke',
): Step<ReasonedStep, Found> {
  const { from, to, by: parts, record } = steps[step];
  return {
    ...stepOf(context),
    refused: refusalOf(context, step),
    async facts(_session, given) {
      const head = known(given);
      const leis = parts.flatMap((part) => head[part]?.lei ?? []);
      const { signatory } = sound(signatoryFor(context.directory(), given.ask.by, leis));
      return head.status === to ? { made: head } : { head, signatory };
    },
    async check({ facts, now }) {
      const { head, signatory } = toTake(facts);
      const fault =
        stateFault(step, head, from) ?? (step === 'resume' ? resumptionFault(signatory, head, now) : undefined);
      if (fault !== undefined) throw fault;
    },
    next({ facts, now }, recordId) {
      const change = isOver(to) ? { status: to, amendment: 'none' as const } : { status: to };
      return seal(nextVersion(toTake(facts).head, change, { recordId, at: now }), context.signer);
    },
    record: ({ ask: { by, reason }, facts }, next) =>
      saying(record, next, { by, references: [toTake(facts).head.recordId], data: { reason } }),
  };
}

/** Any signatory can remove authority. Resuming needs a signatory with sole authority for these terms. */
function resumptionFault(signatory: Signatory, head: Mandate, now: number): CodedError | undefined {
  if (now >= Date.parse(head.effectiveUntil))
    return consentErrors.error('mandate_expired', `The mandate expired at ${head.effectiveUntil}.`);
  if (signatory.authority === 'joint')
    return consentErrors.error(
      'signatory_authority',
      'A signatory with joint authority cannot resume a mandate alone.',
    );
  return authorityFault(signatory, head);
}
