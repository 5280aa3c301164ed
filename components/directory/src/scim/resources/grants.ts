import type { CodedError } from '@countersign/kernel';
import { scimErrors } from '../schema/errors.ts';
import type { PersonFacts } from './person-document.ts';

/** Roles that a provisioning system gives and takes when the configuration says nothing: none that approves or governs. */
export const defaultAssignableRoles: readonly string[] = ['trader', 'sales', 'auditor'];

/**
 * Why a provisioning system may not make this change, where it may not. It takes everything away, and gives only roles
 * that are assignable: whoever is made active again is given all of theirs. Who has, or had, another role keeps signing
 * in as they do, so that nobody becomes a signatory by being the account of one.
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
      `These roles are not given through SCIM: ${given.slice(0, 8).join(', ').slice(0, 200)}.`,
    );
  const known = new Set(before?.federated.map(nameOf));
  const isRenamed = after.federated.some((name) => !known.has(nameOf(name)));
  const isProtected = [...(before?.roles ?? []), ...after.roles].some((role) => !assignable.has(role));
  if (isRenamed && isProtected)
    return scimErrors.error(
      'scim_identity_protected',
      'How somebody signs in who has a role that is not given through SCIM is not changed through it either.',
    );
  return undefined;
}

function nameOf({ issuer, subject }: PersonFacts['federated'][number]): string {
  return JSON.stringify([issuer, subject]);
}
