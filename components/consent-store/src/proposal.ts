import { consentErrors, type Mandate, type MandateProposal } from '@countersign/contracts';
import {
  type CodedError,
  type Digest,
  type MandateId,
  parseDigest,
  parseId,
  parseInstant,
  toInstant,
} from '@countersign/kernel';
import { type Constraints, type Lei, parseConstraints, parseLei, partyRoles } from '@countersign/market';

/** A proposal after it was read: what both parties will be bound by. */
export interface Terms {
  readonly grantor: Mandate['grantor'];
  readonly grantee: Mandate['grantee'];
  readonly parent?: MandateId;
  readonly constraints: Constraints;
  readonly legalBasis: Mandate['legalBasis'];
  readonly termsHash: Digest;
  /** RFC 3339 in UTC, whatever offset it was written with: one time, one text, one digest. */
  readonly effectiveFrom: string;
  readonly effectiveUntil: string;
}

const maxYears = 5;
const legalBasisType = /^[A-Za-z][A-Za-z0-9_-]{0,63}$/;
/** Visible ASCII and single spaces: what is signed must not read differently from what is shown. */
const legalBasisReference = /^[\x21-\x7e](?: ?[\x21-\x7e]){0,199}$/;

/**
 * Reads a proposal from outside. Whether the parties exist and who proposes is asked elsewhere.
 *
 * @throws CodedError `mandate_invalid`, with the field in `facts`
 */
export function parseProposal(proposal: MandateProposal): Terms {
  const grantor = parseParty('grantor', proposal.grantor);
  const grantee = parseParty('grantee', proposal.grantee);
  if (grantor.lei === grantee.lei) throw invalid('grantee', 'An institution needs no mandate from itself.');
  const parent = parseId('mandate', proposal.parent);
  if (proposal.parent !== undefined && parent === undefined) throw invalid('parent', 'It is not the id of a mandate.');
  const constraints = parseConstraints(proposal.constraints);
  if (!constraints.ok) throw invalid(`constraints${constraints.path}`, constraints.detail);
  const termsHash = parseDigest(proposal.termsHash);
  if (termsHash === undefined) throw invalid('termsHash', 'It is not a SHA-256 digest in base64url.');
  return {
    grantor,
    grantee,
    ...(parent === undefined ? {} : { parent }),
    constraints: constraints.value,
    legalBasis: parseLegalBasis(proposal.legalBasis),
    termsHash,
    ...parseValidity(proposal),
  };
}

function parseParty(
  field: 'grantor' | 'grantee',
  party: { readonly lei: string; readonly role: string },
): { lei: Lei; role: string } {
  const lei = parseLei(party.lei);
  if (!lei.ok) throw invalid(`${field}.lei`, lei.detail);
  const role = partyRoles.find((known) => known === party.role);
  if (role === undefined) throw invalid(`${field}.role`, 'It is not a party role of the Common Domain Model.');
  return { lei: lei.value, role };
}

function parseLegalBasis({ type, reference }: MandateProposal['legalBasis']): Mandate['legalBasis'] {
  if (!legalBasisType.test(type))
    throw invalid('legalBasis.type', 'It is a word of at most 64 letters, digits, - and _.');
  if (!legalBasisReference.test(reference))
    throw invalid('legalBasis.reference', 'It is at most 400 visible ASCII characters with single spaces.');
  return { type, reference };
}

function parseValidity(proposal: MandateProposal): Pick<Terms, 'effectiveFrom' | 'effectiveUntil'> {
  const from = parseInstant(proposal.effectiveFrom);
  const until = parseInstant(proposal.effectiveUntil);
  if (from === undefined) throw invalid('effectiveFrom', 'It is not an RFC 3339 date-time.');
  if (until === undefined) throw invalid('effectiveUntil', 'It is not an RFC 3339 date-time.');
  if (until <= from) throw invalid('effectiveUntil', 'It must be later than effectiveFrom.');
  const latest = new Date(from);
  latest.setUTCFullYear(latest.getUTCFullYear() + maxYears);
  if (until > latest.getTime()) throw invalid('effectiveUntil', `A mandate lasts at most ${maxYears} years.`);
  return { effectiveFrom: toInstant(from), effectiveUntil: toInstant(until) };
}

function invalid(field: string, detail: string): CodedError {
  return consentErrors.error('mandate_invalid', `${field}: ${detail}`, { facts: { field } });
}
