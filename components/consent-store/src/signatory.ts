import {
  type Actor,
  consentErrors,
  type DirectorySnapshot,
  type MandateTerms,
  type Person,
} from '@countersign/contracts';
import { type CodedError, compareDecimals, parseDecimal } from '@countersign/kernel';
import type { Lei } from '@countersign/market';

/** A principal who may bind an institution, within the limits that {@link authorityFault} checks. */
export interface Signatory {
  readonly id: string;
  readonly institution: Lei;
  readonly kind: 'person' | 'service';
  /** Whether they sign alone or jointly with a second signatory. */
  readonly authority: 'sole' | 'joint';
  readonly limits: Pick<NonNullable<Person['signingAuthority']>, 'kinds' | 'upTo'>;
}

/** The person or service with this id if it is a signatory in the directory now. */
export function signatoryOf(directory: DirectorySnapshot, id: string): Signatory | undefined {
  const principal = directory.principal(id);
  if (principal === undefined || !principal.roles.includes('signatory')) return undefined;
  // An agent cannot bind an institution, whatever its roles.
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

/** The caller as a signatory of one of these institutions, or the reason why not. */
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
          `Only a signatory of ${institutions.join(' or ')} may do this, and the caller is not one.`,
        ),
      };
}

/** Why the signatory's authority does not cover these terms; undefined if it does. */
export function authorityFault(
  { kind: signer, limits: { kinds, upTo } }: Signatory,
  { kind, constraints }: Pick<MandateTerms, 'kind' | 'constraints'>,
): CodedError | undefined {
  if (kinds !== undefined && !kinds.includes(kind))
    return consentErrors.error(
      'signatory_authority',
      `The signatory's authority does not cover mandates of kind ${kind}.`,
    );
  if (upTo === undefined)
    return signer === 'person'
      ? undefined
      : consentErrors.error(
          'signatory_authority',
          'Software can sign only up to the amount signing_authority.up_to in the directory, and it has none.',
        );
  const limit = parseDecimal(upTo.amount);
  const { amount, ccy } = constraints.notionalPerDay;
  // Amounts in different currencies cannot be compared, so the authority is refused.
  return limit !== undefined && upTo.ccy === ccy && compareDecimals(amount, limit) <= 0
    ? undefined
    : consentErrors.error(
        'signatory_authority',
        `The signatory's authority does not cover a mandate of ${amount} ${ccy} a day.`,
      );
}

/** Why this institution cannot be a party of a mandate now; undefined if it can. */
function institutionFault(directory: DirectorySnapshot, lei: Lei): CodedError | undefined {
  const institution = directory.institution(lei);
  if (institution === undefined)
    return consentErrors.error('mandate_invalid', `The institution ${lei} is not in the directory.`);
  return institution.leiStatus === 'ISSUED'
    ? undefined
    : consentErrors.error(
        'mandate_invalid',
        `The LEI registration of ${lei} is ${institution.leiStatus}; it must be ISSUED.`,
      );
}

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
