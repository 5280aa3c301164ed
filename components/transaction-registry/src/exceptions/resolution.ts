import {
  type DirectorySnapshot,
  type ExceptionCause,
  type ExceptionResolution,
  exceptionErrors,
  exceptionResolutions,
  peopleOf,
  type Requester,
  sharePeople,
} from '@countersign/contracts';
import { type CodedError, type MandateId, parseId } from '@countersign/kernel';
import type { RegistryLog } from '../proof/proven-store.ts';
import type { StoredApproval, StoredException, StoredTransaction, StoredTransition } from '../store/store.ts';

export interface AskedResolution {
  readonly kind: ExceptionResolution;
  readonly reason: string;
  readonly mandate?: MandateId;
}

/** The resolutions that each cause allows. A mismatch cannot be restored. */
const resolutionsOf: Readonly<Record<ExceptionCause, readonly ExceptionResolution[]>> = {
  mandate: ['fresh-mandate', 'restored', 'abandoned'],
  entitlement: ['restored', 'abandoned'],
  approval: ['restored', 'abandoned'],
  'partner-timeout': ['restored', 'accepted', 'abandoned'],
  mismatch: ['accepted', 'abandoned'],
  // `accepted`: the resolver takes the transaction over.
  departure: ['restored', 'accepted', 'abandoned'],
};

export function parseResolution({
  kind,
  reason,
  mandate,
}: {
  readonly kind: string;
  readonly reason: string;
  readonly mandate?: string;
}): AskedResolution {
  const known = exceptionResolutions.find((each) => each === kind);
  if (known === undefined) throw invalid(`The kind must be one of ${exceptionResolutions.join(', ')}.`);
  // The reason stays in the evidence permanently.
  if (!/^[\x21-\x7e]([\x20-\x7e]{0,254}[\x21-\x7e])?$/.test(reason))
    throw invalid('The reason must be 1 to 256 printable ASCII characters and must not name people.');
  if ((mandate !== undefined) !== (known === 'fresh-mandate'))
    throw invalid('A mandate must be given with fresh-mandate, and only with it.');
  if (mandate === undefined) return { kind: known, reason };
  const id = parseId('mandate', mandate);
  if (id === undefined) throw invalid('The mandate is not a valid mandate id.');
  return { kind: known, reason, mandate: id };
}

export function requireAllowed(cause: ExceptionCause, { kind }: AskedResolution): void {
  if (!resolutionsOf[cause].includes(kind))
    throw invalid(`An exception with the cause ${cause} can be resolved by ${resolutionsOf[cause].join(' or ')}.`);
}

function invalid(detail: string) {
  return exceptionErrors.error('exception_resolution_invalid', detail);
}

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

interface Participants {
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
