import type {
  Actor,
  AuditAppender,
  Mandate,
  OpenedTransaction,
  Person,
  TransactionEvent,
  TransitionReceipt,
} from '@countersign/contracts';
import { digestOf, newId, type TransactionId } from '@countersign/kernel';
import { parseAuthorizationDetail } from '@countersign/market';
import { examples } from '../../../../protocols/market/src/testing/example-details.ts';
import {
  actor,
  broker,
  brokerSignatory,
  clearer,
  constraints,
  fundSignatory,
  personOf,
  rootProposal,
  termsHash,
} from '../../../consent-store/src/testing/firms.ts';
import { type ApprovalKey, approvalClaims, createApprovalKey } from './approver.ts';
import { ofTrade } from './of-trade.ts';
import { createTradingWorld, secondSupervisor, supervisor, trader } from './trading-world.ts';

/** Control functions of the broker, and one of another firm. */
export const olga = personOf(broker, 'olga', 'operations');
export const oscar = personOf(broker, 'oscar', 'operations');
export const olaf = personOf(broker, 'olaf', 'operations');
export const carla = personOf(broker, 'carla', 'compliance');
export const rita = personOf(broker, 'rita', 'risk');
export const foreignOperations = personOf(clearer, 'fergus', 'operations');
/** May stand in for a supervisor. */
export const deskHead = personOf(broker, 'dora', 'desk-head');

const controls = [olga, oscar, olaf, carla, rita, foreignOperations];

export type Kind = keyof typeof examples;
type Changes = Readonly<Record<string, unknown>>;
type Target = Pick<OpenedTransaction, 'id' | 'intentDigest'>;

/** A trading world with approvers, and intents of every kind to approve. */
export async function createApprovingWorld(log?: AuditAppender) {
  const world = await createTradingWorld(log);
  const keys = new Map<string, ApprovalKey>();
  for (const person of [...controls, trader, supervisor, secondSupervisor, deskHead]) {
    world.directory.principals.set(person.id, person);
    keys.set(person.id, world.keyOf(person));
  }
  const directoryRecord = newId('record', world);
  await world.audit.append({
    id: directoryRecord,
    type: 'directory.applied',
    source: 'directory',
    outcome: 'done',
    data: { credentials: [...keys].map(([principal, { credential }]) => ({ kid: credential.kid, principal })) },
  });
  for (const id of keys.keys()) world.directory.records.set(id, directoryRecord);
  const root = await grant({ actions: [...constraints.actions, 'withdrawal-address:propose'] });

  // Intents that follow a trade use this one; the receiver of settlements is not in the address book.
  const { transaction: executed } = await world.reach('submit', 'execute');
  const trade = executed.id;

  /** A mandate from the fund to the broker, with changed constraints. */
  async function grant(changes: Changes): Promise<Mandate> {
    const wanted = rootProposal({ constraints: { ...constraints, ...changes } });
    const proposed = await world.consentStore.propose(wanted, actor(fundSignatory), world.next('proposal'));
    return world.consentStore.accept(proposed.id, { termsHash }, actor(brokerSignatory));
  }

  function keyOf(person: Person): ApprovalKey {
    const key = keys.get(person.id) ?? createApprovalKey(person);
    keys.set(person.id, key);
    return key;
  }

  /** An intent of this kind under the broker's mandate, initiated by its trader. */
  async function begin(
    kind: Kind,
    changes: Changes = {},
    initiator: Actor = actor(trader),
    mandate: Mandate = root,
  ): Promise<OpenedTransaction> {
    const parsed = parseAuthorizationDetail({
      ...examples[kind],
      ...ofTrade(kind, trade),
      mandate_id: mandate.id,
      entity_lei: broker,
      idempotency_key: world.next('intent'),
      not_after: '2026-06-15T18:00:00Z',
      ...changes,
    });
    if (!parsed.ok) throw new Error(`${parsed.path}: ${parsed.detail}`);
    return world.begun({
      detail: parsed.value,
      mandate: { id: mandate.id, version: mandate.version, recordId: mandate.recordId },
      initiator,
      client: 'broker-oms',
    });
  }

  function signed(person: Person, target: Target, changes: Changes = {}): string {
    return keyOf(person).sign({ ...approvalClaims(person, target, world.clock.now()), ...changes });
  }

  /** A valid signature over these transactions, with the changes applied. */
  function signedBatch(person: Person, targets: readonly Target[], changes: Changes = {}): string {
    const items = targets.map(({ id, intentDigest }) => ({ txn: id, intent_digest: intentDigest }));
    const {
      txn: _txn,
      intent_digest: _digest,
      ...claims
    } = approvalClaims(person, { id: '', intentDigest: '' }, world.clock.now());
    return keyOf(person).sign({ ...claims, items, root: digestOf(items), ...changes });
  }

  return {
    ...world,
    /** The record that registered the approvers' keys. */
    directoryRecord,
    root,
    grant,
    begin,
    signed,
    signedBatch,
    approve: (person: Person, target: Target, changes: Changes = {}) =>
      world.registry.approve(target.id, signed(person, target, changes)),
    /** Takes a step of a transaction as this person. */
    step(
      transaction: TransactionId,
      event: TransactionEvent,
      by: Actor,
      body: Changes = {},
    ): Promise<TransitionReceipt> {
      return world.registry.transition({
        transaction,
        event,
        idempotencyKey: world.next(event),
        body,
        by: { ...by, client: 'broker-desk' },
      });
    },
    refusalsOf: (id: TransactionId) => world.recordsOf(id).filter(({ type }) => type === 'approval.refused'),
  };
}
export type ApprovingWorld = Awaited<ReturnType<typeof createApprovingWorld>>;
