import type { CodedError } from '@countersign/kernel';
import { scimErrors } from '../schema/errors.ts';
import type { PersonFacts } from './person-document.ts';

/** The default roles that a provisioning system may assign: none that approves or governs. */
export const defaultAssignableRoles: readonly string[] = ['trader', 'sales', 'auditor'];

/**
 * It may remove everything but assign only assignable roles. The sign-in accounts of a person with another role stay
 * unchanged: control of an account must not make its owner a signatory.
 */
export function refuseGrant(
  before: PersonFacts | undefined,
  after: PersonFacts,
  assignable: ReadonlySet<string>,
): CodedError | undefined {
  const held = before === undefined || (after.active && !before.active) ? [] : before.roles;
  const given = after.roles.filter((role) => !held.includes(role) && !assignable.has(role));
  if (given.length > 0)
    return scimErrors.error(
      'scim_role_not_assignable',
      `These roles cannot be assigned through SCIM: ${given.slice(0, 8).join(', ').slice(0, 200)}.`,
    );
  const known = new Set(before?.federated.map(nameOf));
  const isRenamed = after.federated.some((name) => !known.has(nameOf(name)));
  const isProtected = [...(before?.roles ?? []), ...after.roles].some((role) => !assignable.has(role));
  if (isRenamed && isProtected)
    return scimErrors.error(
      'scim_identity_protected',
      'The sign-in accounts of a person with a role that SCIM cannot assign cannot be changed through SCIM.',
    );
  return undefined;
}

function nameOf({ issuer, subject }: PersonFacts['federated'][number]): string {
  return JSON.stringify([issuer, subject]);
}
