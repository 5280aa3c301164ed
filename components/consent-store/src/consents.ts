import {
  type Actor,
  consentErrors,
  type DirectorySnapshot,
  type MandateConsent,
  type MandatePart,
  type MandateTerms,
} from '@countersign/contracts';
import { type CodedError, toInstant } from '@countersign/kernel';
import type { Lei } from '@countersign/market';
import type { Recording } from './mandate-document.ts';
import { authorityFault, type Signatory, signatoryFor, signatoryOf } from './signatory.ts';
import { partiesOf, termsDigestOf } from './terms.ts';

/** An institution whose word is needed, in its part. */
interface WantedConsent {
  readonly part: MandatePart;
  readonly lei: Lei;
}

/** Whose consent terms need to begin with. */
export function wantedFor(terms: MandateTerms): readonly WantedConsent[] {
  return partiesOf(terms).map(({ part, lei }) => ({ part, lei }));
}

/**
 * Whose consent other terms need: everybody who has a part now and everybody who would have one. Succession is the
 * one exception: an institution whose registration is RETIRED is no more, and there is nobody to ask.
 */
export function wantedForAmendment(
  present: MandateTerms,
  next: MandateTerms,
  directory: DirectorySnapshot,
): readonly WantedConsent[] {
  const staying = wantedFor(next);
  const leaving = wantedFor(present).filter(
    ({ part, lei }) =>
      !staying.some((party) => party.part === part && party.lei === lei) &&
      directory.institution(lei)?.leiStatus !== 'RETIRED',
  );
  return [...staying, ...leaving];
}

/** What has been said to certain terms, as it counts now. */
export interface Said {
  readonly wanted: readonly WantedConsent[];
  readonly terms: MandateTerms;
  readonly consents: readonly MandateConsent[];
}

/**
 * Whose word is still missing. A word counts while whoever gave it may bind the institution: of a signatory who left
 * before the last consent was given, another one of the institution takes the place.
 */
export function missingConsents({ wanted, terms, consents }: Said, directory: DirectorySnapshot): WantedConsent[] {
  const standing = consents.flatMap((consent) => {
    const signatory = signatoryOf(directory, consent.signatory);
    if (signatory?.institution !== consent.lei || authorityFault(signatory, terms) !== undefined) return [];
    // Who has come to bind only together with another binds no further by what they have said before.
    return [{ ...consent, alone: consent.authority === 'sole' && signatory.authority === 'sole' }];
  });
  return wanted.filter(({ part, lei }) => {
    const given = standing.filter((consent) => consent.part === part && consent.lei === lei);
    return !given.some(({ alone }) => alone) && distinctSignatories(given) < 2;
  });
}

function distinctSignatories(consents: readonly MandateConsent[]): number {
  return new Set(consents.map(({ signatory }) => signatory)).size;
}

/** A signatory, and the part in which their institution is asked. */
export interface Word {
  readonly signatory: Signatory;
  readonly wanted: WantedConsent;
}

/**
 * The word that the caller may give for their institution; see {@link consentFrom}.
 *
 * @param repeatable those of the consents that the caller may have given by a request like this one
 * @returns whose word it is, `repeated` where the institution has given it by this signatory already, or why not
 */
export function wordOf(
  by: Actor,
  said: Said,
  repeatable: readonly MandateConsent[],
  directory: DirectorySnapshot,
): Word | 'repeated' | { readonly fault: CodedError } {
  const missing = missingConsents(said, directory);
  const found = signatoryFor(
    directory,
    by,
    missing.map(({ lei }) => lei),
  );
  if ('fault' in found) {
    const own = repeatable.find(({ signatory }) => signatory === by.id);
    return own !== undefined && 'signatory' in signatoryFor(directory, by, [own.lei]) ? 'repeated' : found;
  }
  const { signatory } = found;
  const beyond = authorityFault(signatory, said.terms);
  if (beyond !== undefined) return { fault: beyond };
  const wanted = missing.find(({ lei }) => lei === signatory.institution);
  if (wanted === undefined) throw new Error('a signatory was found for no institution that is asked');
  if (said.consents.some((given) => given.signatory === by.id && given.part === wanted.part))
    return {
      fault: consentErrors.error(
        'signatory_repeated',
        "This signatory has signed. The second signature is another one's to give.",
      ),
    };
  return { signatory, wanted };
}

export function consentFrom(
  { signatory, wanted: { part, lei } }: Word,
  terms: MandateTerms,
  { recordId, at }: Recording,
): MandateConsent {
  return {
    part,
    lei,
    signatory: signatory.id,
    authority: signatory.authority,
    termsDigest: termsDigestOf(terms),
    at: toInstant(at),
    recordId,
  };
}
