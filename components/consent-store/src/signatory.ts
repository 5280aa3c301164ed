import {
  type Actor,
  consentErrors,
  type DirectorySnapshot,
  type MandateTerms,
  type Person,
} from '@countersign/contracts';
import { type CodedError, compareDecimals, parseDecimal } from '@countersign/kernel';
import type { Lei } from '@countersign/market';

/** Somebody who may bind an institution by their word; how far, {@link authorityFault} tells. */
export interface Signatory {
  readonly id: string;
  readonly institution: Lei;
  readonly kind: 'person' | 'service';
  /** Binds alone, or only together with a second one. */
  readonly authority: 'sole' | 'joint';
  readonly limits: Pick<NonNullable<Person['signingAuthority']>, 'kinds' | 'upTo'>;
}

/** The signatory that this id names in the directory now, a person or a service; undefined for everybody else. */
export function signatoryOf(directory: DirectorySnapshot, id: string): Signatory | undefined {
  const principal = directory.principal(id);
  if (principal === undefined || !principal.roles.includes('signatory')) return undefined;
  // An algorithm decides nothing for an institution, whatever role it was given.
  if (principal.kind === 'agent') return undefined;
  const { institution, kind, signingAuthority } = principal;
  if (principal.kind === 'person' && principal.active === false) return undefined;
  return {
    id,
    institution,
    kind,
    authority: signingAuthority?.alone === false ? 'joint' : 'sole',
    limits: signingAuthority ?? {},
  };
}

/** The caller as a signatory of one of these institutions, or why they are none. */
export function signatoryFor(
  directory: DirectorySnapshot,
  by: Actor,
  institutions: readonly Lei[],
): { readonly signatory: Signatory } | { readonly fault: CodedError } {
  const signatory = signatoryOf(directory, by.id);
  const binds =
    signatory !== undefined &&
    institutions.includes(signatory.institution) &&
    (by.institution === undefined || by.institution === signatory.institution);
  return binds
    ? { signatory }
    : {
        fault: consentErrors.error(
          'not_a_signatory',
          `Only a signatory of ${institutions.join(' or ')} may do this; the caller is none.`,
        ),
      };
}

/** Why the signatory's authority does not reach these terms, or undefined where it does. */
export function authorityFault(
  { kind: signer, limits: { kinds, upTo } }: Signatory,
  { kind, constraints }: Pick<MandateTerms, 'kind' | 'constraints'>,
): CodedError | undefined {
  if (kinds !== undefined && !kinds.includes(kind))
    return consentErrors.error('signatory_authority', `The signatory's authority is not for the kind ${kind}.`);
  if (upTo === undefined)
    return signer === 'person'
      ? undefined
      : consentErrors.error(
          'signatory_authority',
          'Software signs only up to an amount that the directory gives it (signing_authority.up_to); it has none.',
        );
  const limit = parseDecimal(upTo.amount);
  const { amount, ccy } = constraints.notionalPerDay;
  // Amounts in two currencies cannot be compared: nothing is shown, so nothing is signed.
  return limit !== undefined && upTo.ccy === ccy && compareDecimals(amount, limit) <= 0
    ? undefined
    : consentErrors.error(
        'signatory_authority',
        `The signatory's authority does not reach a mandate of ${amount} ${ccy} a day.`,
      );
}

/** Why this institution can neither grant nor hold a mandate now, or undefined when it can. */
function institutionFault(directory: DirectorySnapshot, lei: Lei): CodedError | undefined {
  const institution = directory.institution(lei);
  if (institution === undefined) return consentErrors.error('mandate_invalid', `The directory does not know ${lei}.`);
  return institution.leiStatus === 'ISSUED'
    ? undefined
    : consentErrors.error(
        'mandate_invalid',
        `The registration of ${lei} is ${institution.leiStatus}; only ISSUED may act.`,
      );
}

/** {@link institutionFault} for the first of several. */
export function institutionsFault(
  directory: DirectorySnapshot,
  parties: readonly { readonly lei: Lei }[],
): CodedError | undefined {
  for (const { lei } of parties) {
    const fault = institutionFault(directory, lei);
    if (fault !== undefined) return fault;
  }
  return undefined;
}
