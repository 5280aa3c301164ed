import { type DirectorySnapshot, exceptionErrors, peopleOf, type Requester, sharePeople } from '@countersign/contracts';
import type { CodedError } from '@countersign/kernel';
import type { RegistryLog } from '../proof/proven-store.ts';
import type { StoredApproval, StoredException, StoredTransaction, StoredTransition } from '../store/store.ts';

const controllingRoles: readonly string[] = ['compliance', 'operations', 'risk', 'supervisor'];

/**
 * An active person of the owner with a controlling role who took no part in the transaction, nor anyone in their
 * acting chain.
 */
export function resolverFault(
  by: Requester,
  exception: Pick<StoredException, 'owner' | 'raisedBy'>,
  { initiator, carriedBy }: Pick<StoredTransaction, 'initiator' | 'carriedBy'>,
  acted: Participants & {
    readonly given: readonly StoredApproval[];
    readonly past: readonly Pick<StoredTransition, 'actor'>[];
  },
  directory: Pick<DirectorySnapshot, 'principal'>,
): CodedError | undefined {
  const person = directory.principal(by.id);
  if (person?.kind !== 'person' || person.active === false)
    return refused('Only an active person can resolve an exception.');
  if (person.institution !== exception.owner || by.institution !== exception.owner)
    return refused(`Only a person at ${exception.owner} can resolve this exception.`);
  if (!person.roles.some((role) => controllingRoles.includes(role)))
    return refused(`Resolving an exception needs one of the roles ${controllingRoles.join(', ')}.`);
  const isAmong = (...others: readonly (string | null | undefined)[]) =>
    sharePeople(
      peopleOf(by),
      others.filter((other) => typeof other === 'string'),
    );
  if (isAmong(initiator, carriedBy))
    return refused('A person who started or took over the transaction cannot resolve its exceptions.');
  if (isAmong(...acted.past.map(({ actor }) => actor), ...acted.carriers))
    return refused('A person who has taken a step of the transaction cannot resolve its exceptions.');
  // Otherwise one person could report a mismatch and accept it.
  if (isAmong(exception.raisedBy, ...acted.raisers))
    return refused('A person whose request raised the exception cannot resolve it.');
  const standing = acted.given.filter(({ withdrawn }) => withdrawn === undefined);
  if (isAmong(...standing.map(({ approver }) => approver)))
    return refused('An approver of the transaction cannot resolve its exceptions.');
  return undefined;
}

function refused(detail: string): CodedError {
  return exceptionErrors.error('exception_authority', detail);
}

export interface Participants {
  readonly carriers: readonly string[];
  readonly raisers: readonly string[];
}

export async function participantsOf(
  { transaction, recordId }: Pick<StoredException, 'transaction' | 'recordId'>,
  log: Pick<RegistryLog, 'search'>,
): Promise<Participants> {
  const types = ['transaction.transitioned', 'exception.raised'] as const;
  const records = (await log.search({ transaction, types, withheld: true })).map(({ record }) => record);
  const people = (of: readonly (typeof records)[number][]) =>
    of.flatMap(({ subject, actors = [] }) => [
      ...(subject === undefined ? [] : [subject.id]),
      ...actors.map(({ id }) => id),
    ]);
  return {
    carriers: people(records.filter(({ type }) => type === 'transaction.transitioned')),
    raisers: people(records.filter(({ id }) => id === recordId)),
  };
}
