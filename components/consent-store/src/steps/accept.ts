import { consentErrors, type DirectorySnapshot, type Mandate } from '@countersign/contracts';
import type { CodedError } from '@countersign/kernel';
import type { Lei } from '@countersign/market';
import { consentFrom, missingConsents, type Said, type Word, wantedFor, wordOf } from '../consents.ts';
import { steps } from '../life-cycle.ts';
import { nextVersion, seal } from '../mandate-document.ts';
import { institutionsFault, signatoryFor } from '../signatory.ts';
import type { Unit } from '../store/unit.ts';
import { partiesOf, termsOf } from '../terms.ts';
import { checkedParent } from './cut-from.ts';
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

interface Accepting extends AskedStep {
  readonly termsHash: string;
}

interface Found {
  readonly head: Mandate;
  readonly snapshot: DirectorySnapshot;
  readonly said: Said;
  /** Absent if the mandate no longer takes consents. */
  readonly word: Word | undefined;
  /** Why the proposed mandate can no longer take effect. */
  readonly unacceptable: CodedError | undefined;
}

/** Consents to a proposed mandate; with the last consent it becomes active. */
export function createAccept(context: StepContext): Step<Accepting, Found> {
  return {
    ...stepOf(context),
    refused: refusalOf(context, 'accept'),
    async facts(session, given) {
      const head = known(given);
      const { ask, now } = given;
      const snapshot = context.directory();
      const terms = termsOf(head);
      const { consents } = head;
      const said = { wanted: wantedFor(terms), terms, consents };
      const leis = partiesOf(head).map(({ lei }) => lei);
      // The proposer has not accepted: after activation only those who accepted can repeat their consent.
      const open = head.status === 'proposed' || consents.slice(1).some(({ signatory }) => signatory === ask.by.id);
      sound(signatoryFor(snapshot, ask.by, open ? leis : leis.filter((lei) => lei !== head.grantor.lei)));
      // The first consent is the proposer's.
      const word = head.status === 'proposed' ? wordOf(ask.by, said, consents.slice(1), snapshot) : undefined;
      if (typeof word === 'object') sound(word);
      if (ask.termsHash !== head.termsHash)
        throw consentErrors.error('terms_hash_mismatch', 'The hash does not match the terms of this mandate.');
      if (head.status === 'active' || word === 'repeated') return { made: head };
      if (word === undefined) return { head, snapshot, said, word, unacceptable: undefined };
      const own = sound(word);
      const unit = context.unitOn(session);
      return {
        ...{ head, snapshot, said, word: own },
        unacceptable: await acceptanceFault(unit, head, { snapshot, now, asker: own.wanted.lei }),
      };
    },
    async check({ facts }) {
      const { head, word, unacceptable } = toTake(facts);
      const misplaced = stateFault('accept', head, steps.accept.from);
      if (misplaced !== undefined) throw misplaced;
      if (word === undefined)
        throw consentErrors.error('mandate_state', `The mandate is ${head.status} and takes no consents.`);
      if (unacceptable !== undefined) throw unacceptable;
    },
    next({ facts, now }, recordId) {
      const { head, snapshot, said, word } = toTake(facts);
      if (word === undefined) throw new Error('a consent without a signatory passed the check');
      const recording = { recordId, at: now };
      const consents = [...head.consents, consentFrom(word, said.terms, recording)];
      const isLast = missingConsents({ ...said, consents }, snapshot).length === 0;
      const status = isLast ? steps.accept.to : head.status;
      return seal(nextVersion(head, { status, consents }, recording), context.signer);
    },
    record: ({ ask: { by }, facts }, next) =>
      saying(next.status === steps.accept.to ? steps.accept.record : steps.consent.record, next, {
        by,
        references: [toTake(facts).head.recordId],
      }),
  };
}

/** Checks again at acceptance: since the proposal a registration or a parent mandate may have changed. */
async function acceptanceFault(
  unit: Unit,
  head: Mandate,
  { snapshot, now, asker }: { readonly snapshot: DirectorySnapshot; readonly now: number; readonly asker: Lei },
): Promise<CodedError | undefined> {
  if (now >= Date.parse(head.effectiveUntil))
    return consentErrors.error('mandate_expired', `The proposed mandate expired at ${head.effectiveUntil}.`);
  const unfit = institutionsFault(snapshot, partiesOf(head));
  if (unfit !== undefined || head.parent === undefined) return unfit;
  const parent = await checkedParent(unit, head.parent.id, head, asker);
  return 'fault' in parent ? parent.fault : undefined;
}
