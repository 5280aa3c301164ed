import { consentErrors, type Mandate } from '@countersign/contracts';
import { digestOf, toInstant } from '@countersign/kernel';
import { amendedTerms, type parseChange } from '../amendment-proposal.ts';
import { consentFrom } from '../consents.ts';
import { steps } from '../life-cycle.ts';
import { nextVersion, seal } from '../mandate-document.ts';
import { authorityFault, type Signatory, signatoryFor } from '../signatory.ts';
import type { Unit } from '../store/unit.ts';
import { areSameTerms, partiesOf, termsDigestOf } from '../terms.ts';
import { amendmentFault, type CheckedTerms } from './amendment-fault.ts';
import { earlierResult } from './earlier-use.ts';
import {
  type AskedStep,
  known,
  refusalOf,
  type Step,
  type StepContext,
  saying,
  sound,
  stateFault,
  stepOf,
  toTake,
} from './step.ts';

type Change = ReturnType<typeof parseChange>;

interface Amending extends AskedStep {
  readonly change: Change;
  readonly idempotencyKey: string;
}

interface Found {
  readonly head: Mandate;
  readonly signatory: Signatory;
  readonly checked: CheckedTerms;
}

/** Proposes an amendment; the present terms stay in force until every party has consented. */
export function createAmend(context: StepContext): Step<Amending, Found> {
  return {
    ...stepOf(context),
    refused: refusalOf(context, 'amend'),
    async facts(session, given) {
      const head = known(given);
      const { ask, now } = given;
      const { id, by, change, idempotencyKey: key } = ask;
      const unit = context.unitOn(session);
      const snapshot = context.directory();
      const parties = partiesOf(head).map(({ lei }) => lei);
      const { signatory } = sound(signatoryFor(snapshot, by, parties));
      const repeated = await isRecordedBefore(unit, head, change, signatory);
      const bodyDigest = digestOf({ mandate: id, change });
      const version = repeated ? head.version : head.version + 1;
      const institution = signatory.institution;
      const claim = await unit.claimAmendment({ institution, key, bodyDigest, mandate: id, version });
      if (claim !== 'claimed') return { made: await earlierResult(unit, claim, bodyDigest) };
      if (repeated) return { made: head };
      const terms = amendedTerms(head, change);
      const asked = { when: 'proposed', asker: institution, snapshot, now } as const;
      return { head, signatory, checked: await amendmentFault(unit, head, terms, asked) };
    },
    async check({ facts }) {
      const { head, signatory, checked } = toTake(facts);
      const misplaced = stateFault('amend', head, steps.amend.from);
      if (misplaced !== undefined) throw misplaced;
      if (head.amendment !== undefined)
        throw consentErrors.error(
          'amendment_pending',
          `The amendment proposed at ${head.amendment.proposedAt} is still pending. Accept or withdraw it first.`,
        );
      const beyond = authorityFault(signatory, sound(checked).terms);
      if (beyond !== undefined) throw beyond;
    },
    next({ ask: { change }, facts, now }, recordId) {
      const { head, signatory, checked } = toTake(facts);
      const { terms } = sound(checked);
      const wanted = partiesOf(head).find(({ lei }) => lei === signatory.institution);
      if (wanted === undefined) throw new Error('the signatory belongs to no party of the mandate');
      const recording = { recordId, at: now };
      const amendment = {
        kind: change.kind,
        terms,
        termsDigest: termsDigestOf(terms),
        consents: [consentFrom({ signatory, wanted }, terms, recording)],
        proposedAt: toInstant(now),
        recordId,
      };
      return seal(nextVersion(head, { amendment }, recording), context.signer);
    },
    record({ ask: { by }, facts }, next) {
      const { head, checked } = toTake(facts);
      return saying(steps.amend.record, next, { by, references: [head.recordId, ...sound(checked).references] });
    },
  };
}

/** Whether the pending amendment is this one, recorded by a process that died before storing its idempotency key. */
async function isRecordedBefore(unit: Unit, head: Mandate, change: Change, { id }: Signatory): Promise<boolean> {
  const { amendment } = head;
  return (
    amendment !== undefined &&
    amendment.recordId === head.recordId &&
    amendment.consents[0]?.signatory === id &&
    areSameTerms(amendment.terms, amendedTerms(head, change)) &&
    !(await unit.hasAmendmentKey(head.id, head.version))
  );
}
