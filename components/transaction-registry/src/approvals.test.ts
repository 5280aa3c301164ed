import type { OpenedTransaction, Person } from '@countersign/contracts';
import { digestOf, type TransactionId } from '@countersign/kernel';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ApprovalKey, approvalClaims } from './testing/approver.ts';
import {
  colleague,
  createTradingWorld,
  foreignSupervisor,
  secondSupervisor,
  supervisor,
  type TradingWorld,
  trader,
} from './testing/trading-world.ts';

let world: TradingWorld;
let keys: Map<Person, ApprovalKey>;
beforeAll(async () => {
  world = await createTradingWorld();
  keys = new Map(
    [trader, supervisor, secondSupervisor, colleague, foreignSupervisor].map((person) => [person, world.keyOf(person)]),
  );
});
afterAll(() => world.close());

const coded = (code: string) => expect.objectContaining({ code });
const refusalsOf = (id: TransactionId) => world.recordsOf(id).filter(({ type }) => type === 'approval.refused');

function keyOf(person: Person): ApprovalKey {
  const key = keys.get(person);
  if (key === undefined) throw new Error('this person has no key');
  return key;
}

/** An order that needs a supervisor. */
async function largeOrder(): Promise<OpenedTransaction> {
  const { root } = await world.mandates();
  return world.open(root, { max_notional: { amount: '1500000', ccy: 'EUR' } });
}

function approvalBy(person: Person, order: OpenedTransaction, changes: Readonly<Record<string, unknown>> = {}): string {
  return keyOf(person).sign({ ...approvalClaims(person, order, world.clock.now()), ...changes });
}

describe('an approval', () => {
  it('lets the order be submitted, and is in the evidence with its signature, its key and who registered the key', async () => {
    const order = await largeOrder();
    await expect(world.report(order.id, 'submit')).rejects.toThrow(coded('approval_required'));
    const jws = approvalBy(supervisor, order);
    const approval = await world.registry.approve(order.id, jws);
    expect(approval).toMatchObject({
      transaction: order.id,
      approver: supervisor.id,
      role: 'supervisor',
      intentDigest: order.intentDigest,
      expiresAt: '2026-06-15T10:10:00.000Z',
    });
    expect(world.recordsOf(order.id).find(({ id }) => id === approval.recordId)).toMatchObject({
      type: 'approval.given',
      subject: { id: supervisor.id },
      intent: order.intentDigest,
      references: [world.directoryRecord, order.recordId],
      data: { approval_id: approval.id, jws, key: keyOf(supervisor).credential.jwk, role: 'supervisor' },
    });
    const { recordId } = await world.report(order.id, 'submit');
    expect(world.recordsOf(order.id).find(({ id }) => id === recordId)?.references).toContain(approval.recordId);
  });

  it('may be signed with an Ed25519 key', async () => {
    const order = await largeOrder();
    const key = world.keyOf(supervisor, 'EdDSA');
    const jws = key.sign(approvalClaims(supervisor, order, world.clock.now()));
    await expect(world.registry.approve(order.id, jws)).resolves.toMatchObject({ approver: supervisor.id });
  });

  it('counts for an hour at most, whatever it claims', async () => {
    const order = await largeOrder();
    const { iat } = approvalClaims(supervisor, order, world.clock.now()) as { iat: number };
    const { expiresAt } = await world.registry.approve(order.id, approvalBy(supervisor, order, { exp: iat + 86_400 }));
    expect(expiresAt).toBe('2026-06-15T11:00:00.000Z');
  });

  it('is recorded once when many submit it at once', async () => {
    const order = await largeOrder();
    const jws = approvalBy(supervisor, order);
    const attempts = await Promise.allSettled(Array.from({ length: 20 }, () => world.registry.approve(order.id, jws)));
    expect(attempts.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect((await world.registry.facts(order.id))?.approvals).toHaveLength(1);
  });

  it('is refused for a transaction that does not exist', async () => {
    await expect(world.registry.approve('txn_00000000000000000000000000' as TransactionId, 'x')).rejects.toThrow(
      coded('transaction_not_found'),
    );
  });

  it('leaves nothing behind when the log cannot be written', async () => {
    const order = await largeOrder();
    const jws = approvalBy(supervisor, order);
    world.audit.breakDown('writing');
    await expect(world.registry.approve(order.id, jws)).rejects.toThrow(coded('log_unavailable'));
    world.audit.repair();
    expect((await world.registry.facts(order.id))?.approvals).toEqual([]);
    await expect(world.registry.approve(order.id, jws)).resolves.toMatchObject({ approver: supervisor.id });
  });
});

describe('the role of an approval', () => {
  /** Gives the second supervisor other roles while `work` runs. */
  async function withRoles(roles: readonly string[], work: (order: OpenedTransaction) => Promise<void>): Promise<void> {
    world.directory.principals.set(secondSupervisor.id, { ...secondSupervisor, roles });
    try {
      await work(await largeOrder());
    } finally {
      world.directory.principals.set(secondSupervisor.id, secondSupervisor);
    }
  }
  const approve = (order: OpenedTransaction, changes: Readonly<Record<string, unknown>> = {}) =>
    world.registry.approve(order.id, approvalBy(secondSupervisor, order, changes));

  it.each([
    [['supervisor', 'risk'], {}, 'supervisor'],
    [['supervisor', 'risk'], { role: 'risk' }, 'risk'],
    [['compliance'], {}, 'compliance'],
    [['trader', 'desk-head'], {}, 'desk-head'],
    [['desk-head', 'operations'], { role: 'operations' }, 'operations'],
  ])('of somebody who is %j and signs %j is %s', (roles, changes, role) =>
    withRoles(roles, async (order) => {
      expect(await approve(order, changes)).toMatchObject({ role });
      const { id: approver, institution } = secondSupervisor;
      expect((await world.registry.facts(order.id))?.approvals).toEqual([
        { approver, role, institution, method: 'directory-key' },
      ]);
      const submitted = world.report(order.id, 'submit');
      // The order waits for a supervisor, or a head of desk instead: no other approval counts as one.
      if (['supervisor', 'desk-head'].includes(role))
        await expect(submitted).resolves.toMatchObject({ state: 'submitted' });
      else await expect(submitted).rejects.toThrow(coded('approval_required'));
    }),
  );

  it.each([
    [['trader', 'auditor'], {}],
    [['risk'], { role: 'supervisor' }],
    [['risk', 'compliance'], {}],
  ])('of somebody who is %j and signs %j is none', (roles, changes) =>
    withRoles(roles, async (order) => {
      await expect(approve(order, changes)).rejects.toThrow(coded('approval_role'));
      expect(refusalsOf(order.id)).toMatchObject([{ reason: 'approval_role' }]);
    }),
  );

  it('does not count one person as two', () =>
    withRoles(['supervisor', 'risk'], async (order) => {
      await approve(order, { role: 'risk' });
      await expect(approve(order, { role: 'supervisor' })).rejects.toThrow(coded('approval_repeated'));
    }));
});

describe('an invalid approval', () => {
  it.each([
    ['the initiator', trader, 'approval_self'],
    ['somebody who is not a supervisor', colleague, 'approval_role'],
    ['a supervisor of another institution', foreignSupervisor, 'approval_institution'],
  ])('is refused from %s, and the refusal is recorded', async (_, person, code) => {
    const order = await largeOrder();
    const jws = approvalBy(person, order);
    await expect(world.registry.approve(order.id, jws)).rejects.toThrow(coded(code));
    expect(refusalsOf(order.id)).toMatchObject([
      {
        outcome: 'deny',
        reason: code,
        subject: { id: person.id },
        payload: digestOf(jws),
        references: [order.recordId],
      },
    ]);
    expect(JSON.stringify(refusalsOf(order.id))).not.toContain(jws);
  });

  it('is refused from the initiator, even as supervisor', async () => {
    const order = await largeOrder();
    world.directory.principals.set(trader.id, { ...trader, roles: ['trader', 'supervisor'] });
    await expect(world.registry.approve(order.id, approvalBy(trader, order))).rejects.toThrow(coded('approval_self'));
    world.directory.principals.set(trader.id, trader);
  });

  it('is refused from the same person twice, also with another key', async () => {
    const order = await largeOrder();
    await world.registry.approve(order.id, approvalBy(supervisor, order));
    const second = world.keyOf(supervisor).sign(approvalClaims(supervisor, order, world.clock.now()));
    await expect(world.registry.approve(order.id, second)).rejects.toThrow(coded('approval_repeated'));
    await expect(world.registry.approve(order.id, approvalBy(secondSupervisor, order))).resolves.toMatchObject({
      approver: secondSupervisor.id,
    });
  });

  it.each([
    ['an intent of which one field differs', { intent_digest: digestOf('another intent') }],
    ['another transaction', { txn: 'txn_00000000000000000000000000' }],
  ])('is refused when it is for %s', async (_, changes) => {
    const order = await largeOrder();
    await expect(world.registry.approve(order.id, approvalBy(supervisor, order, changes))).rejects.toThrow(
      coded('approval_terms_changed'),
    );
  });

  it('is refused when it was given for another order of the same kind', async () => {
    const [one, other] = [await largeOrder(), await largeOrder()];
    await expect(world.registry.approve(other.id, approvalBy(supervisor, one))).rejects.toThrow(
      coded('approval_terms_changed'),
    );
  });

  it('is refused when it has expired, to the millisecond', async () => {
    const own = await createTradingWorld();
    const key = own.keyOf(supervisor);
    const { root } = await own.mandates();
    const order = await own.open(root);
    const jws = key.sign(approvalClaims(supervisor, order, own.clock.now()));
    own.clock.advance(600_000);
    await expect(own.registry.approve(order.id, jws)).rejects.toThrow(coded('approval_expired'));
    own.clock.advance(-1);
    await expect(own.registry.approve(order.id, jws)).resolves.toMatchObject({ approver: supervisor.id });
    await own.close();
  });

  it('is refused when it was signed more than an hour ago, though it claims to last a day', async () => {
    const order = await largeOrder();
    const { iat } = approvalClaims(supervisor, order, world.clock.now()) as { iat: number };
    const jws = approvalBy(supervisor, order, { iat: iat - 3600, exp: iat + 86_400 });
    await expect(world.registry.approve(order.id, jws)).rejects.toThrow(coded('approval_expired'));
  });

  it('is refused after the order has left', async () => {
    const { transaction } = await world.reach('submit');
    await expect(world.registry.approve(transaction.id, approvalBy(supervisor, transaction))).rejects.toThrow(
      coded('approval_not_awaited'),
    );
  });

  it('is refused when the directory does not know its key, or no longer does', async () => {
    const order = await largeOrder();
    const key = world.keyOf(supervisor);
    const jws = key.sign(approvalClaims(supervisor, order, world.clock.now()));
    world.directory.credentials.delete(key.credential.kid);
    await expect(world.registry.approve(order.id, jws)).rejects.toThrow(coded('approval_key_unknown'));
  });

  it('is refused in the name of another person than the holder of the key', async () => {
    const order = await largeOrder();
    const jws = approvalBy(supervisor, order, { iss: secondSupervisor.id });
    await expect(world.registry.approve(order.id, jws)).rejects.toThrow(coded('approval_key_unknown'));
  });

  it('is refused when signed by another key than it names', async () => {
    const order = await largeOrder();
    const claims = approvalClaims(supervisor, order, world.clock.now());
    const forged = keyOf(colleague).sign(claims, { kid: keyOf(supervisor).credential.kid });
    await expect(world.registry.approve(order.id, forged)).rejects.toThrow(coded('approval_signature'));
  });

  it('is refused when a claim was changed after signing', async () => {
    const order = await largeOrder();
    const [header, , signature] = approvalBy(supervisor, order).split('.');
    const claims = { ...approvalClaims(supervisor, order, world.clock.now()), jti: 'another-one' };
    const altered = [header, Buffer.from(JSON.stringify(claims)).toString('base64url'), signature].join('.');
    await expect(world.registry.approve(order.id, altered)).rejects.toThrow(coded('approval_signature'));
  });

  it.each([
    ['another type of token', { typ: 'at+jwt' }],
    ['no type', { typ: undefined }],
    ['no signature algorithm', { alg: 'none' }],
    ['an algorithm for tokens alone', { alg: 'PS256' }],
    ['no key named', { kid: undefined }],
    ['a key of its own', { jwk: { kty: 'EC' } }],
    ['a critical extension', { crit: ['exp'] }],
  ])('is refused with %s in its header', async (_, header) => {
    const order = await largeOrder();
    const jws = keyOf(supervisor).sign(approvalClaims(supervisor, order, world.clock.now()), header);
    await expect(world.registry.approve(order.id, jws)).rejects.toThrow(coded('approval_malformed'));
  });

  it.each([
    ['another decision', { decision: 'reject' }],
    ['a condition that nobody reads', { only_if: 'tuesday' }],
    ['no transaction', { txn: undefined }],
    ['an invalid digest', { intent_digest: 'abc' }],
    ['no end', { exp: undefined }],
    ['an end as text', { exp: '9999999999' }],
    ['an end out of all time', { exp: Number.MAX_SAFE_INTEGER }],
    ['an end before its beginning', { exp: 1 }],
    ['a beginning in the future', { iat: Date.parse('2026-06-15T10:05:00Z') / 1000 }],
    ['no id', { jti: undefined }],
    ['a role that nobody approves in', { role: 'trader' }],
    ['a role that is not text', { role: ['supervisor'] }],
    ['an issuer that is not text', { iss: { id: 'person:sid' } }],
  ])('is refused with %s among its claims', async (_, changes) => {
    const order = await largeOrder();
    await expect(world.registry.approve(order.id, approvalBy(supervisor, order, changes))).rejects.toThrow(
      coded('approval_malformed'),
    );
  });

  it.each(['', 'a.b', 'a.b.c', '{"payload":"x"}', 'x'.repeat(20_000), '..', 'e30.e30.', '\u0000.\u0000.\u0000'])(
    'is refused as malformed text %#',
    async (text) => {
      const order = await largeOrder();
      await expect(world.registry.approve(order.id, text)).rejects.toThrow(coded('approval_malformed'));
      expect(refusalsOf(order.id)).toMatchObject([{ reason: 'approval_malformed' }]);
    },
  );
});

describe('an approval that no longer counts', () => {
  const submitted = (order: OpenedTransaction) => world.report(order.id, 'submit');

  it('ends when it expires', async () => {
    const own = await createTradingWorld();
    const key = own.keyOf(supervisor);
    const { root } = await own.mandates();
    const order = await own.open(root, { max_notional: { amount: '1500000', ccy: 'EUR' } });
    const claims = approvalClaims(supervisor, order, own.clock.now());
    await own.registry.approve(order.id, key.sign(claims));
    own.clock.advance(600_000);
    await expect(own.report(order.id, 'submit')).rejects.toThrow(coded('approval_required'));
    const again = key.sign(approvalClaims(supervisor, order, own.clock.now()));
    await expect(own.registry.approve(order.id, again)).resolves.toMatchObject({ approver: supervisor.id });
    await expect(own.report(order.id, 'submit')).resolves.toMatchObject({ state: 'submitted' });
    await own.close();
  });

  it('ends when its key is withdrawn', async () => {
    const order = await largeOrder();
    const key = world.keyOf(supervisor);
    await world.registry.approve(order.id, key.sign(approvalClaims(supervisor, order, world.clock.now())));
    world.directory.credentials.delete(key.credential.kid);
    await expect(submitted(order)).rejects.toThrow(coded('approval_required'));
  });

  it('ends when somebody else approves with the same key: it is unclear who signed', async () => {
    const order = await largeOrder();
    const key = world.keyOf(supervisor);
    const sign = (person: typeof supervisor) => key.sign(approvalClaims(person, order, world.clock.now()));
    await world.registry.approve(order.id, sign(supervisor));
    const { kid } = key.credential;
    world.directory.credentials.set(kid, { ...key.credential, principal: secondSupervisor.id });
    await world.registry.approve(order.id, sign(secondSupervisor));
    await expect(submitted(order)).rejects.toThrow(coded('approval_required'));
    world.directory.credentials.set(kid, key.credential);
    await expect(submitted(order)).rejects.toThrow(coded('approval_required'));
  });

  it.each([
    ['leaves', undefined],
    ['is a supervisor no more', { ...secondSupervisor, roles: ['trader'] }],
    ['moves to another institution', { ...secondSupervisor, institution: foreignSupervisor.institution }],
  ])('ends when its approver %s', async (_, change) => {
    const order = await largeOrder();
    await world.registry.approve(order.id, approvalBy(secondSupervisor, order));
    if (change === undefined) world.directory.principals.delete(secondSupervisor.id);
    else world.directory.principals.set(secondSupervisor.id, change);
    await expect(submitted(order)).rejects.toThrow(coded('approval_required'));
    world.directory.principals.set(secondSupervisor.id, secondSupervisor);
    await expect(submitted(order)).resolves.toMatchObject({ state: 'submitted' });
  });
});
