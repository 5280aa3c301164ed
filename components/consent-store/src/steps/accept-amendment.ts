import {
  consentErrors,
  type DirectorySnapshot,
  type Mandate,
  type MandateConsent,
  type MandateTerms,
} from '@countersign/contracts';
import type { Json } from '@countersign/kernel';
import { consentFrom, missingConsents, type Said, type Word, wantedForAmendment, wordOf } from '../consents.ts';
import { steps } from '../life-cycle.ts';
import { nextVersion, seal } from '../mandate-document.ts';
import { signatoryFor } from '../signatory.ts';
import { concernedBy, partiesOf, termsDigestOf } from '../terms.ts';
import { amendmentFault, type CheckedTerms } from './amendment-fault.ts';
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
  readonly termsDigest: string;
}

interface Found {
  readonly head: Mandate;
  readonly amendment: NonNullable<Mandate['amendment']>;
  readonly snapshot: DirectorySnapshot;
  readonly said: Said;
  readonly word: Word;
  readonly checked: CheckedTerms;
}

/** Consents to an amendment; the last consent puts its terms into force. */
export function createAcceptAmendment(context: StepContext): Step<Accepting, Found> {
  return {
    ...stepOf(context),
    refused: refusalOf(context, 'accept-amendment'),
    async facts(session, given) {
      const head = known(given);
      const { ask, now } = given;
      const snapshot = context.directory();
      const { amendment } = head;
      if (amendment === undefined) return { made: accepted(head, ask, snapshot) };
      const { terms, consents } = amendment;
      const said = { wanted: wantedForAmendment(head, terms, snapshot), terms, consents };
      const word = wordOf(ask.by, said, consents, snapshot);
      if (typeof word === 'object') sound(word);
      if (ask.termsDigest !== amendment.termsDigest)
        throw consentErrors.error(
          'terms_hash_mismatch',
          'The digest does not match the terms of the pending amendment.',
        );
      if (word === 'repeated') return { made: head };
      const own = sound(word);
      const asker = own.wanted.lei;
      const checked = await amendmentFault(context.unitOn(session), head, terms, {
        ...{ when: 'agreed', asker, snapshot, now },
      });
      return { head, amendment, snapshot, said, word: own, checked };
    },
    async check({ facts }) {
      const { head, checked } = toTake(facts);
      const misplaced = stateFault('accept-amendment', head, steps.acceptAmendment.from);
      if (misplaced !== undefined) throw misplaced;
      sound(checked);
    },
    next({ facts, now }, recordId) {
      const { head, amendment, snapshot, said, word } = toTake(facts);
      const recording = { recordId, at: now };
      const consents = [...amendment.consents, consentFrom(word, amendment.terms, recording)];
      const isLast = missingConsents({ ...said, consents }, snapshot).length === 0;
      // Exactly the terms that were consented to, including the version of the parent at that time.
      const change = isLast
        ? { terms: amendment.terms, consents, amendment: 'none' as const }
        : { amendment: { ...amendment, consents } };
      return seal(nextVersion(head, change, recording), context.signer);
    },
    record({ ask: { by }, facts }, next) {
      const { head, checked } = toTake(facts);
      if (next.amendment !== undefined)
        return saying(steps.consentToAmendment.record, next, { by, references: [head.recordId] });
      return saying(steps.acceptAmendment.record, next, {
        by,
        references: [head.recordId, ...sound(checked).references],
        data: replacedBy(head, next),
      });
    },
  };
}

/**
 * Repeats a consent to an amendment that is already in force.
 * @throws CodedError `not_a_signatory`, `amendment_not_found`
 */
function accepted(head: Mandate, { by, termsDigest }: Accepting, snapshot: DirectorySnapshot): Mandate {
  sound(signatoryFor(snapshot, by, [...concernedBy(head), ...head.consents.map(({ lei }) => lei)]));
  if (termsDigestOf(head) === termsDigest && head.consents.some(({ signatory }) => signatory === by.id)) return head;
  throw consentErrors.error('amendment_not_found', 'The mandate has no pending amendment.');
}

/** The replaced parties, and whether they were replaced without consent by succession. */
function replacedBy(
  head: Mandate,
  next: MandateTerms & { readonly consents: readonly MandateConsent[] },
): { readonly [name: string]: Json } {
  const left = partiesOf(head).filter(({ part, lei }) => next[part]?.lei !== lei);
  if (left.length === 0) return {};
  return {
    replaced: left.map(({ part, lei }) => ({
      part,
      lei,
      succession: !next.consents.some((consent) => consent.lei === lei),
    })),
  };
}
