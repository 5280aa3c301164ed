import { kindOfPrincipal } from '@countersign/contracts';
import type { ChangeSet } from '../changes.ts';
import { type EntityKind, type Graph, keyOf } from '../entry.ts';
import type { Problems } from '../problems.ts';
import { checkReferences } from './references.ts';
import { checkSharedCredentials } from './shared-credentials.ts';

const rules: readonly ((graph: Graph, problems: Problems) => void)[] = [
  checkReferences,
  checkSharedCredentials,
  checkSharedFederatedIdentities,
  checkClientPrincipals,
  checkDeviceHolders,
  checkBranches,
  checkAccountContracts,
  checkShortCodes,
];

export function checkGraph(graph: Graph, problems: Problems): void {
  for (const rule of rules) rule(graph, problems);
}

function checkAccountContracts(graph: Graph, problems: Problems): void {
  for (const { entity, owner, path } of graph.values()) {
    if (entity.kind !== 'account' || entity.value.contract === undefined) continue;
    const contract = graph.get(keyOf('contract', entity.value.contract))?.entity;
    if (contract?.kind !== 'contract') continue;
    const parties = new Set<string>(contract.value.parties.map(({ lei }) => lei));
    const { custodian } = entity.value;
    if (!parties.has(owner) || (custodian !== undefined && !parties.has(custodian)))
      problems
        .place(path)
        .at('contract')
        .report(
          'directory_file_invalid',
          'An account is kept under a contract to which its institution and its custodian are parties.',
        );
  }
}

function checkBranches(graph: Graph, problems: Problems): void {
  const seen = new Set<string>();
  for (const { entity, path } of graph.values()) {
    if (entity.kind !== 'branch' || entity.value.lei === undefined) continue;
    const { lei } = entity.value;
    if (seen.has(lei) || graph.has(keyOf('institution', lei)))
      problems
        .place(path)
        .at('lei')
        .report('id_duplicate', 'This LEI already identifies another branch or institution.');
    seen.add(lei);
  }
}

function checkDeviceHolders(graph: Graph, problems: Problems): void {
  for (const { entity, owner, path } of graph.values()) {
    if (entity.kind !== 'device' || entity.value.holder === undefined) continue;
    const holder = graph.get(keyOf('person', entity.value.holder));
    if (holder !== undefined && holder.owner !== owner)
      problems
        .place(path)
        .at('holder')
        .report('directory_file_invalid', 'A device must be held by a person of its own institution.');
  }
}

/** One principal has one client: two would be two holders of one identity. */
function checkClientPrincipals(graph: Graph, problems: Problems): void {
  const held = new Set<string>();
  for (const { entity, path } of graph.values()) {
    if (entity.kind !== 'client') continue;
    const { principal, institution } = entity.value;
    const place = problems.place(path).at('principal');
    const kind = kindOfPrincipal(principal);
    if (kind !== 'service' && kind !== 'agent') {
      place.report(
        'client_principal_unsuitable',
        'A client must belong to a service or an agent, not to a person or a device.',
      );
      continue;
    }
    const owner = graph.get(keyOf(kind, principal))?.owner;
    if (owner !== undefined && owner !== institution)
      place.report('client_principal_unsuitable', 'A client and its principal must belong to the same institution.');
    if (held.has(principal))
      place.report('principal_shared', 'This principal already has a client. A principal can have only one.');
    held.add(principal);
  }
}

const holders: readonly EntityKind[] = ['person', 'service', 'agent'];

/** A venue identifies the maker of an order by its short code (RTS 24). */
function checkShortCodes(graph: Graph, problems: Problems): void {
  const taken = new Set<string>();
  for (const { entity, owner, path } of graph.values()) {
    if (entity.kind !== 'short-code') continue;
    const { venue, code, holder } = entity.value;
    const place = problems.place(path);
    const name = `${venue} ${code}`;
    if (taken.has(name))
      place.at('code').report('short_code_shared', 'This code already identifies another holder at this venue.');
    taken.add(name);
    const held = holders.map((kind) => graph.get(keyOf(kind, holder))).find((entry) => entry !== undefined);
    if (held !== undefined && held.owner !== owner)
      place
        .at('holder')
        .report('directory_file_invalid', 'A short code and its holder must belong to the same institution.');
  }
}

function checkSharedFederatedIdentities(graph: Graph, problems: Problems): void {
  const seen = new Map<string, Set<string>>();
  for (const { entity, path } of graph.values()) {
    if (entity.kind !== 'person') continue;
    for (const [index, { issuer, subject }] of entity.federated.entries()) {
      const subjects = seen.get(issuer) ?? new Set<string>();
      if (subjects.has(subject))
        problems
          .place(path)
          .at('federated', index)
          .report('federated_identity_shared', 'This issuer and subject already identify another person.');
      seen.set(issuer, subjects.add(subject));
    }
  }
}

/**
 * `may_act` names software of the interface's institution. Checked only when the interface is written: it may leave
 * later.
 */
export function checkResourceActors(
  { written, stored }: Pick<ChangeSet, 'written' | 'stored'>,
  problems: Problems,
): void {
  for (const { entity, owner, path } of written) {
    if (entity.kind !== 'resource' || entity.value.mayAct === undefined) continue;
    const { mayAct } = entity.value;
    const place = problems.place(path).at('may_act');
    const kind = kindOfPrincipal(mayAct);
    if (kind !== 'service' && kind !== 'agent') {
      place.report('directory_file_invalid', 'Tokens can only be exchanged by a service or an agent.');
      continue;
    }
    const named = stored.get(keyOf(kind, mayAct));
    if (named === undefined) place.report('reference_unknown', `There is no ${kind} with this id.`);
    else if (named.owner !== owner)
      place.report(
        'directory_file_invalid',
        'The principal that may exchange the tokens of an interface must belong to its institution.',
      );
  }
}
