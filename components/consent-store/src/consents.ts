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

interface WantedConsent {
  readonly part: MandatePart;
  readonly lei: Lei;
}

export function wantedFor(terms: MandateTerms): readonly WantedConsent[] {
  return partiesOf(terms).map(({ part, lei }) => ({ part, lei }));
}

/**
 * The consents that an amendment needs: from every present and every future party. The only exception is succession, where
 * the registration of a leaving institution is RETIRED.
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

export interface Said {
  readonly wanted: readonly WantedConsent[];
  readonly terms: MandateTerms;
  readonly consents: readonly MandateConsent[];
}

/**
 * The missing consents. A consent counts only while its signatory may still bind the institution; if they leave before the
 * last consent, another signatory must consent.
 */
export function missingConsents({ wanted, terms, consents }: Said, directory: DirectorySnapshot): WantedConsent[] {
  const standing = consents.flatMap((consent) => {
    const signatory = signatoryOf(directory, consent.signatory);
    if (signatory?.institution !== consent.lei || authorityFault(signatory, terms) !== undefined) return [];
    // A signatory who now signs only jointly no longer binds alone by an earlier consent.
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

export interface Word {
  readonly signatory: Signatory;
  readonly wanted: WantedConsent;
}

/**
 * The consent that the caller may give for their institution; see {@link consentFrom}.
 * @param repeatable the consents that the caller may have given by an earlier request of this kind
 * @returns the consent, `repeated` if this signatory has already given it, or the reason why not
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
  if (wanted === undefined) throw new Error('the signatory belongs to no institution whose consent is missing');
  if (said.consents.some((given) => given.signatory === by.id && given.part === wanted.part))
    return {
      fault: consentErrors.error(
        'signatory_repeated',
        'This signatory has already signed. A different signatory must give the second signature.',
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
