import { type Actor, consentErrors, type DirectorySnapshot } from '@countersign/contracts';
import type { CodedError } from '@countersign/kernel';
import type { Lei } from '@countersign/market';

/** Why this principal may not bind the institution by its word, or undefined when it may. */
export function signatoryFault(directory: DirectorySnapshot, by: Actor, institution: Lei): CodedError | undefined {
  return signatoryOfOneFault(directory, by, [institution]);
}

/** {@link signatoryFault} where the word of any one of these institutions is enough. */
export function signatoryOfOneFault(
  directory: DirectorySnapshot,
  by: Actor,
  institutions: readonly Lei[],
): CodedError | undefined {
  const principal = directory.principal(by.id);
  const binds =
    principal !== undefined &&
    institutions.includes(principal.institution) &&
    (by.institution === undefined || by.institution === principal.institution) &&
    principal.roles.includes('signatory');
  return binds
    ? undefined
    : consentErrors.error(
        'not_a_signatory',
        `Only a signatory of ${institutions.join(' or ')} may do this; the caller is none.`,
      );
}

/** Why this institution can neither grant nor hold a mandate now, or undefined when it can. */
export function institutionFault(directory: DirectorySnapshot, lei: Lei): CodedError | undefined {
  const institution = directory.institution(lei);
  if (institution === undefined) return consentErrors.error('mandate_invalid', `The directory does not know ${lei}.`);
  return institution.leiStatus === 'ISSUED'
    ? undefined
    : consentErrors.error(
        'mandate_invalid',
        `The registration of ${lei} is ${institution.leiStatus}; only ISSUED may act.`,
      );
}
