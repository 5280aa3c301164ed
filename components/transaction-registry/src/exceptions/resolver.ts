import { type Actor, type DirectorySnapshot, exceptionErrors } from '@countersign/contracts';
import type { CodedError } from '@countersign/kernel';
import type { StoredApproval, StoredException, StoredTransaction, StoredTransition } from '../store.ts';

/** Roles that check what others do. */
const controllingRoles: readonly string[] = ['compliance', 'operations', 'risk', 'supervisor'];

/**
 * Whether somebody may deal with an exception: a person of its owner with a controlling role, who had no part in what
 * they judge.
 *
 * @returns CodedError `exception_authority`, or undefined
 */
export function resolverFault(
  by: Actor,
  exception: Pick<StoredException, 'owner' | 'raisedBy'>,
  { initiator, carriedBy }: Pick<StoredTransaction, 'initiator' | 'carriedBy'>,
  {
    given,
    past,
  }: { readonly given: readonly StoredApproval[]; readonly past: readonly Pick<StoredTransition, 'actor'>[] },
  directory: Pick<DirectorySnapshot, 'principal'>,
): CodedError | undefined {
  const person = directory.principal(by.id);
  if (person?.kind !== 'person' || person.active === false) return refused('Only a person resolves an exception.');
  if (person.institution !== exception.owner || by.institution !== exception.owner)
    return refused(`Only a person of ${exception.owner} resolves it.`);
  if (!person.roles.some((role) => controllingRoles.includes(role)))
    return refused(`Resolving it needs one of the roles ${controllingRoles.join(', ')}.`);
  if (by.id === initiator || by.id === carriedBy)
    return refused('Who began the transaction, or took it over, leaves its exceptions to somebody else.');
  if (past.some(({ actor }) => actor === by.id))
    return refused('Who has carried the transaction on leaves its exceptions to somebody else.');
  // Or one person could say what differs, and take it for right.
  if (by.id === exception.raisedBy) return refused('Who ran into an exception leaves it to somebody else.');
  if (given.some(({ approver, withdrawn }) => approver === by.id && withdrawn === undefined))
    return refused('Who approved the transaction leaves its exceptions to somebody else.');
  return undefined;
}

function refused(detail: string): CodedError {
  return exceptionErrors.error('exception_authority', detail);
}
