import { type MandateProposal, mandateKinds } from '@countersign/contracts';
import { type Digest, defined, digestOf, parseId } from '@countersign/kernel';
import {
  invalid,
  readConstraints,
  readLegalBasis,
  readParty,
  readTermsHash,
  readTime,
  requireTermsThatFit,
} from './term-fields.ts';
import type { ProposedTerms } from './terms.ts';

/**
 * Parses a proposal. The existence of the parties and the proposer's authority are checked by the step.
 * @throws CodedError `mandate_invalid`, with the field in `facts`
 */
export function parseProposal(proposal: MandateProposal): ProposedTerms {
  const { kind: kindText = 'mandate' } = proposal;
  const kind = mandateKinds.find((known) => known === kindText);
  if (kind === undefined) throw invalid('kind', `It is one of ${mandateKinds.join(', ')}.`);
  const parent = parseId('mandate', proposal.parent);
  if (proposal.parent !== undefined && parent === undefined) throw invalid('parent', 'It is not the id of a mandate.');
  const { thirdParty } = proposal;
  const terms: ProposedTerms = {
    kind,
    grantor: readParty('grantor', proposal.grantor),
    grantee: readParty('grantee', proposal.grantee),
    ...(thirdParty === undefined ? {} : { thirdParty: readParty('thirdParty', thirdParty) }),
    ...defined({ parent }),
    constraints: readConstraints(proposal.constraints),
    legalBasis: readLegalBasis(proposal.legalBasis),
    termsHash: readTermsHash(proposal.termsHash),
    effectiveFrom: readTime('effectiveFrom', proposal.effectiveFrom),
    effectiveUntil: readTime('effectiveUntil', proposal.effectiveUntil),
  };
  requireTermsThatFit(terms);
  return terms;
}

/** The digest that an idempotency key is bound to. The kind `mandate` is left out, as in releases without other kinds. */
export function proposalDigest({ kind, ...terms }: ProposedTerms): Digest {
  return digestOf(kind === 'mandate' ? terms : { kind, ...terms });
}
