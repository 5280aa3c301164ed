import { consentErrors, type MandateParty, type MandateTerms } from '@countersign/contracts';
import { type CodedError, type Digest, parseDigest, parseInstant, toInstant } from '@countersign/kernel';
import { type Constraints, parseConstraints, parseLei, partyRoles } from '@countersign/market';

const maxYears = 5;
const legalBasisType = /^[A-Za-z][A-Za-z0-9_-]{0,63}$/;
/** Visible ASCII and single spaces, so that the signed text cannot be displayed differently. */
const legalBasisReference = /^[\x21-\x7e](?: ?[\x21-\x7e]){0,199}$/;

export function invalid(field: string, detail: string): CodedError {
  return consentErrors.error('mandate_invalid', `${field}: ${detail}`, { facts: { field } });
}

export function readParty(field: string, party: { readonly lei: string; readonly role: string }): MandateParty {
  const lei = parseLei(party.lei);
  if (!lei.ok) throw invalid(`${field}.lei`, lei.detail);
  const role = partyRoles.find((known) => known === party.role);
  if (role === undefined) throw invalid(`${field}.role`, 'The role is not a party role of the Common Domain Model.');
  return { lei: lei.value, role };
}

export function readConstraints(value: unknown): Constraints {
  const constraints = parseConstraints(value);
  if (!constraints.ok) throw invalid(`constraints${constraints.path}`, constraints.detail);
  return constraints.value;
}

export function readTermsHash(text: string): Digest {
  const termsHash = parseDigest(text);
  if (termsHash === undefined) throw invalid('termsHash', 'The value is not a SHA-256 digest in base64url.');
  return termsHash;
}

export function readLegalBasis({ type, reference }: MandateTerms['legalBasis']): MandateTerms['legalBasis'] {
  if (!legalBasisType.test(type))
    throw invalid('legalBasis.type', 'The type must be a word of at most 64 letters, digits, - and _.');
  if (!legalBasisReference.test(reference))
    throw invalid(
      'legalBasis.reference',
      'The reference must be at most 400 visible ASCII characters with single spaces.',
    );
  return { type, reference };
}

/** @returns RFC 3339 in UTC, whatever offset it was written with: one time, one text, one digest */
export function readTime(field: 'effectiveFrom' | 'effectiveUntil', text: string): string {
  const time = parseInstant(text);
  if (time === undefined) throw invalid(field, 'The value is not an RFC 3339 date-time.');
  return toInstant(time);
}

/** @throws CodedError `mandate_invalid` for a validity that is empty or too long, or parties that are not distinct */
export function requireTermsThatFit(terms: Omit<MandateTerms, 'parent'>): void {
  const [from, until] = [Date.parse(terms.effectiveFrom), Date.parse(terms.effectiveUntil)];
  if (until <= from) throw invalid('effectiveUntil', 'It must be later than effectiveFrom.');
  const latest = new Date(from);
  latest.setUTCFullYear(latest.getUTCFullYear() + maxYears);
  if (until > latest.getTime()) throw invalid('effectiveUntil', `A mandate lasts at most ${maxYears} years.`);
  const { grantor, grantee, thirdParty } = terms;
  if (grantor.lei === grantee.lei) throw invalid('grantee', 'Grantor and grantee must be different institutions.');
  if (terms.kind !== 'tri-party-rule') {
    if (thirdParty !== undefined) throw invalid('thirdParty', 'Only a tri-party rule has a third party.');
    return;
  }
  if (thirdParty === undefined) throw invalid('thirdParty', 'A tri-party rule needs a third party.');
  if (thirdParty.lei === grantor.lei || thirdParty.lei === grantee.lei)
    throw invalid('thirdParty', 'The three parties must be different institutions.');
}
