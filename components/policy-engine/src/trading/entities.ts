import { createEntitySnapshot, type EntityInput, type EntitySnapshot } from '@countersign/cedar';
import type {
  Account,
  DirectorySnapshot,
  Institution,
  Principal,
  TransactionFacts,
  Venue,
} from '@countersign/contracts';
import { type OrderView, viewIntent } from './facts.ts';

const uid = (type: string, id: string) => ({ type, id });
const reference = (type: string, id: string) => ({ __entity: { type, id } });

/** The directory as the policies see it; the types are those of `policies/schema.cedarschema`. */
export function tradingEntities(directory: DirectorySnapshot): EntitySnapshot {
  const entities: EntityInput[] = [];
  const desks = new Map<string, EntityInput>();
  for (const institution of directory.institutions()) entities.push(institutionEntity(institution));
  for (const principal of directory.principals()) {
    if (principal.desk !== undefined) {
      // A desk is an institution's: two firms may both have a desk named `rates`.
      const id = deskId(principal);
      if (!desks.has(id))
        desks.set(id, { uid: uid('Desk', id), attrs: {}, parents: [uid('Institution', principal.institution)] });
    }
    entities.push(principalEntity(principal));
  }
  for (const account of directory.accounts()) entities.push(accountEntity(account));
  for (const venue of directory.venues()) entities.push(venueEntity(venue));
  return createEntitySnapshot([...entities, ...desks.values()]);
}

function institutionEntity({ lei, country, leiStatus }: Institution): EntityInput {
  return { uid: uid('Institution', lei), attrs: { country, leiStatus }, parents: [] };
}

function principalEntity(principal: Principal): EntityInput {
  const parents = [uid('Institution', principal.institution)];
  if (principal.desk !== undefined) parents.push(uid('Desk', deskId(principal)));
  const common = { institution: reference('Institution', principal.institution), roles: [...principal.roles] };
  if (principal.kind !== 'agent') return { uid: principalUid(principal), attrs: common, parents };
  const { modelId, version, artifactSha256, status } = principal.model;
  return {
    uid: principalUid(principal),
    attrs: { ...common, model: { modelId, version, artifactSha256, status } },
    parents,
  };
}

const typeOfKind = { person: 'Person', service: 'Service', agent: 'Agent' } as const;

export function principalUid(principal: Principal): { readonly type: string; readonly id: string } {
  return uid(typeOfKind[principal.kind], principal.id);
}

function deskId(principal: Principal): string {
  return `${principal.institution}/${principal.desk}`;
}

function accountEntity({ id, institution, type }: Account): EntityInput {
  return { uid: uid('Account', id), attrs: { accountType: type }, parents: [uid('Institution', institution)] };
}

function venueEntity({ mic, operator, country }: Venue): EntityInput {
  return { uid: uid('Venue', mic), attrs: { operator: reference('Institution', operator), country }, parents: [] };
}

/**
 * The transaction being decided.
 *
 * @param supervisorApprovals how many supervisors to assume: those that stand, or, when asking what is missing, more
 * @returns undefined when its intent lacks what the policies need
 */
export function transactionEntity(facts: TransactionFacts, supervisorApprovals: number): EntityInput | undefined {
  const view = viewIntent(facts);
  if (view === undefined) return undefined;
  return {
    uid: uid('Transaction', facts.id),
    attrs: {
      intentType: facts.intentType,
      state: facts.state,
      initiatorInstitution: reference('Institution', facts.initiatorInstitution),
      entityInstitution: reference('Institution', view.entity),
      algorithmic: view.algorithmic,
      supervisorApprovals,
      ...(view.order === undefined ? {} : orderAttributes(view.order)),
      ...(view.account === undefined ? {} : { account: reference('Account', view.account) }),
      ...(view.venue === undefined ? {} : { venue: reference('Venue', view.venue) }),
    },
    parents: [],
  };
}

function orderAttributes({ notional, currency, instrumentClass }: OrderView) {
  return { notional: { __extn: { fn: 'decimal', arg: notional } }, currency, instrumentClass };
}

/** A protected interface; it need not be among the directory's entities to be asked about. */
export function resourceEntity(uri: string, institution: string | undefined): EntityInput {
  return {
    uid: uid('Resource', uri),
    attrs: {},
    parents: institution === undefined ? [] : [uid('Institution', institution)],
  };
}

/** Different approvers who hold the role for the initiator's institution; the initiator never counts. */
export function countSupervisors(facts: TransactionFacts): number {
  const counted = facts.approvals.filter(
    ({ approver, role, institution }) =>
      role === 'supervisor' && institution === facts.initiatorInstitution && approver !== facts.initiator,
  );
  return new Set(counted.map(({ approver }) => approver)).size;
}
