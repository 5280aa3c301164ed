import { directoryErrors } from '@countersign/contracts';
import type { CodedError } from '@countersign/kernel';
import type { ChangeSet } from '../changes.ts';
import { type Entry, type Graph, keyOf } from '../entry.ts';
import type { State } from '../state.ts';
import { easedFindings } from './findings.ts';
import { governingGrants } from './governing.ts';
import { easedReferenceData } from './reference-data.ts';

interface AloneRules {
  readonly governing: ReadonlySet<string>;
  /** Those that this caller may give alone. */
  readonly free?: ReadonlySet<string>;
  /** The configuration names two founders, so the first file needs two people like any other. */
  readonly foundedByTwo?: boolean;
}

/**
 * While the directory is empty, no second person may exist. Production clients still need two, whose keys are in the
 * configuration.
 */
export function refuseAlone(
  changeSet: ChangeSet,
  { stored, version }: Pick<State, 'stored' | 'version'>,
  { governing, free, foundedByTwo = false }: AloneRules,
): CodedError | undefined {
  const clients = productionClientsIn(changeSet, stored);
  const first = version === 0 && !foundedByTwo;
  const grants = first ? [] : governingGrants(changeSet, stored, governing, free);
  const eased = first ? [] : easedFindings(changeSet, stored);
  const loosened = first ? [] : easedReferenceData(changeSet, stored);
  if (clients.length + grants.length + eased.length + loosened.length === 0) return undefined;
  const what = [
    ...(clients.length === 0 ? [] : ['affects production clients']),
    ...(grants.length === 0
      ? []
      : ['gives people the power to approve, sign or govern, or moves such a person to another desk']),
    ...(eased.length === 0 ? [] : ['permits more business with institutions than the findings of compliance do']),
    ...(loosened.length === 0 ? [] : ['permits more business in instruments than their reference data does']),
  ];
  return directoryErrors.error(
    'second_person_required',
    `This ${what.join(' and ')}. Propose it (POST /directory/changes, with a reason); another person then approves it ` +
      '(POST /directory/changes/{id}/approve, scope directory:approve).',
    {
      facts: {
        ...(clients.length === 0 ? {} : { clients: clients.slice(0, maxNamed), client_count: clients.length }),
        ...(grants.length === 0
          ? {}
          : { grants: grants.slice(0, maxNamed).map((grant) => ({ ...grant })), grant_count: grants.length }),
        ...(eased.length === 0 ? {} : { findings: eased.slice(0, maxNamed), finding_count: eased.length }),
        ...(loosened.length === 0
          ? {}
          : { reference_data: loosened.slice(0, maxNamed), reference_data_count: loosened.length }),
      },
    },
  );
}

const maxNamed = 100;

/**
 * Judged before and after the change, so that a move to the sandbox first does not avoid the second person. A change
 * of the client's principal counts too.
 */
function productionClientsIn(changeSet: ChangeSet, before: Graph): readonly string[] {
  const ids = new Set<string>();
  const changed = new Set(
    changeSet.written
      .filter((entry) => before.has(keyOf(entry.entity.kind, entry.id)) && !isStopped(entry))
      .map(({ id }) => id),
  );
  for (const { id, entity } of changed.size === 0 ? [] : before.values())
    if (entity.kind === 'client' && entity.value.environment === 'production' && changed.has(entity.value.principal))
      ids.add(id);
  for (const entry of changeSet.removed) if (isProduction(entry)) ids.add(entry.id);
  for (const entry of changeSet.written)
    if (isProduction(entry) || isProduction(before.get(keyOf(entry.entity.kind, entry.id)))) ids.add(entry.id);
  return [...ids].sort();
}

/** An algorithm with an invalid certificate cannot trade, so one person may stop it. */
function isStopped({ entity }: Entry): boolean {
  return entity.kind === 'agent' && !['Approved', 'Registered'].includes(entity.value.model.status);
}

function isProduction(entry: Entry | undefined): boolean {
  return entry?.entity.kind === 'client' && entry.entity.value.environment === 'production';
}
