import type { Actor, Mandate } from '@countersign/contracts';
import { decodeBase64Url, defined, derivedId, digestOf, type MandateId } from '@countersign/kernel';
import { consentFrom } from '../consents.ts';
import { firstVersion, seal } from '../mandate-document.ts';
import { proposalDigest } from '../proposal.ts';
import { authorityFault, institutionsFault, type Signatory, signatoryFor } from '../signatory.ts';
import type { Unit } from '../store/unit.ts';
import { type ProposedTerms, partiesOf, termsOf } from '../terms.ts';
import { type CheckedParent, checkedParent } from './cut-from.ts';
import { earlierResult, keyUsedOtherwise } from './earlier-use.ts';
import { isRefusal, refusal, type Step, type StepContext, saying, sound, stepOf, toTake } from './step.ts';

interface Proposing {
  readonly terms: ProposedTerms;
  readonly by: Actor;
  readonly idempotencyKey: string;
}

interface Found {
  readonly signatory: Signatory;
  readonly parent: Awaited<ReturnType<typeof checkedParent>> | undefined;
}

/** Proposes a mandate; the proposal is the first consent. */
export function createPropose(context: StepContext): Step<Proposing, Found> {
  return {
    ...stepOf(context),
    about: idOf,
    refused: (error, { ask: { terms, by }, facts }) => {
      if (!isRefusal(error)) return undefined;
      const { grantor, grantee, parent } = terms;
      const asked = { step: 'propose', grantor: grantor.lei, grantee: grantee.lei };
      const above = facts?.made === undefined ? facts?.parent?.mandate : undefined;
      return {
        ...refusal(context.newRecordId(), error, by, { ...asked, ...defined({ parent }) }),
        ...(above === undefined ? {} : { references: [above.recordId] }),
      };
    },
    async facts(session, { ask, row }) {
      const { terms, by } = ask;
      const snapshot = context.directory();
      const { signatory } = sound(signatoryFor(snapshot, by, [terms.grantor.lei]));
      const fault = authorityFault(signatory, terms) ?? institutionsFault(snapshot, partiesOf(terms));
      if (fault !== undefined) throw fault;
      const unit = context.unitOn(session);
      const made = await madeBefore(unit, ask, row);
      if (made !== undefined) return { made };
      const { parent, ...others } = terms;
      return {
        signatory,
        parent: parent === undefined ? undefined : await checkedParent(unit, parent, others, terms.grantor.lei),
      };
    },
    async check({ facts }) {
      const { parent } = toTake(facts);
      if (parent !== undefined) sound(parent);
    },
    next({ ask, facts, now }, recordId) {
      const { signatory, parent } = toTake(facts);
      const { parent: _, ...terms } = ask.terms;
      const agreed = parent === undefined ? terms : { ...terms, parent: sound<CheckedParent>(parent).reference };
      const recording = { recordId, at: now };
      const wanted = { part: 'grantor', lei: terms.grantor.lei } as const;
      const consent = consentFrom({ signatory, wanted }, agreed, recording);
      return seal(firstVersion(idOf(ask), agreed, consent, recording), context.signer);
    },
    record({ ask: { by }, facts }, next) {
      const { parent } = toTake(facts);
      return saying('mandate.proposed', next, {
        by,
        references: parent?.mandate === undefined ? [] : [parent.mandate.recordId],
      });
    },
  };
}

/** The mandate id follows from the grantor's idempotency key, so that repetitions on any node find the same mandate. */
function idOf({ terms, idempotencyKey }: Proposing): MandateId {
  const bytes = decodeBase64Url(digestOf({ proposed: idempotencyKey, grantor: terms.grantor.lei }));
  if (bytes === undefined) throw new Error('a digest is not in base64url');
  return derivedId('mandate', 0, bytes.subarray(0, 10));
}

/** The mandate that this key already proposed. @throws CodedError `idempotency_conflict` if the proposal differs */
async function madeBefore(
  unit: Unit,
  { terms, idempotencyKey }: Proposing,
  row: Mandate | undefined,
): Promise<Mandate | undefined> {
  const bodyDigest = proposalDigest(terms);
  if (row === undefined) {
    const earlier = await unit.earlierProposal(terms.grantor.lei, idempotencyKey);
    return earlier === undefined ? undefined : earlierResult(unit, earlier, bodyDigest);
  }
  const first = row.version === 1 ? row : await unit.version(row.id, 1);
  if (first === undefined || proposalDigest(proposedTerms(first)) !== bodyDigest) throw keyUsedOtherwise();
  return first;
}

function proposedTerms(mandate: Mandate): ProposedTerms {
  const { parent, ...terms } = termsOf(mandate);
  return parent === undefined ? terms : { ...terms, parent: parent.id };
}
