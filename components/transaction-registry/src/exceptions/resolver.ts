import { type DirectorySnapshot, exceptionErrors, peopleOf, type Requester, sharePeople } from '@countersign/contracts';
import type { CodedError } from '@countersign/kernel';
import type { RegistryLog } from '../proof/proven-store.ts';
import type { StoredApproval, StoredException, StoredTransaction, StoredTransition } from '../store/store.ts';

/** Roles that check what others do. */
const controllingRoles: readonly string[] = ['compliance', 'operations', 'risk', 'supervisor'];

/**
 * Whether somebody may deal with an exception: a person of its owner with a controlling role, who had no part in what
 * they judge; nor had anybody through whom they act.
 *
 * @returns CodedError `exception_authority`, or undefined
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
  if (person?.kind !== 'person' || person.active === false) return refused('Only a person resolves an exception.');
  if (person.institution !== exception.owner || by.institution !== exception.owner)
    return refused(`Only a person of ${exception.owner} resolves it.`);
  if (!person.roles.some((role) => controllingRoles.includes(role)))
    return refused(`Resolving it needs one of the roles ${controllingRoles.join(', ')}.`);
  const isAmong = (...others: readonly (string | null | undefined)[]) =>
    sharePeople(
      peopleOf(by),
      others.filter((other) => typeof other === 'string'),
    );
  if (isAmong(initiator, carriedBy))
    return refused('Who began the transaction, or took it over, leaves its exceptions to somebody else.');
  if (isAmong(...acted.past.map(({ actor }) => actor), ...acted.carriers))
    return refused('Who has carried the transaction on leaves its exceptions to somebody else.');
  // Or one person could say what differs, and take it for right.
  if (isAmong(exception.raisedBy, ...acted.raisers))
    return refused('Who ran into an exception leaves it to somebody else.');
  const standing = acted.given.filter(({ withdrawn }) => withdrawn === undefined);
  if (isAmong(...standing.map(({ approver }) => approver)))
    return refused('Who approved the transaction leaves its exceptions to somebody else.');
  return undefined;
}

function refused(detail: string): CodedError {
  return exceptionErrors.error('exception_authority', detail);
}

/** Principal ids of everybody who had a hand in a transaction, those included through whom others acted. */
export interface Participants {
  /** Who has carried it on. */
  readonly carriers: readonly string[];
  /** Who asked for what raised the exception. */
  readonly raisers: readonly string[];
}

/** Reads them from the log: rows name who acted, and not through whom. */
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
