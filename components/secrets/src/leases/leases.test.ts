import { randomBytes } from 'node:crypto';
import { secretsErrors } from '@countersign/contracts';
import { defined } from '@countersign/kernel';
import { codeOf } from '@countersign/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TokenHolder } from '../dependencies.ts';
import { createPostgresqlTarget, type LeaseTarget, type RunningSecrets } from '../index.ts';
import { ari, createSecretsWorld, olga, type SecretsWorld } from '../testing/secrets-world.ts';

let world: SecretsWorld;
let secrets: RunningSecrets;
beforeAll(async () => {
  world = await createSecretsWorld();
  secrets = world.node();
});
afterAll(() => world.close());

const actorFor = ({ id }: TokenHolder) => `agent:for-${id.slice(8)}`;
const mandateOf = ({ id }: TokenHolder) => `mnd_of-${id.slice(8)}`;
let bots = 0;
const newBot = () => `service:bot-${++bots}`;
/** A role for one holder, with a lease of it. */
async function leaseFor(holder = newBot(), changes: object = {}) {
  const { name } = await world.define(secrets, world.roleFor([holder], changes));
  return { holder, name, lease: await secrets.issue(name, world.caller(holder)) };
}

describe('a leased credential', () => {
  it('opens the database with the rights of the role, and is recorded before the database has it', async () => {
    const { lease, holder, name } = await leaseFor();
    const client = await world.leased.connect(lease);
    expect((await client.query('select symbol from quotes')).rows).toEqual([{ symbol: 'BTCUSDT' }]);
    await expect(client.query('delete from quotes')).rejects.toThrow('permission denied');
    await client.end();
    expect(world.records('lease.issued').at(-1)).toMatchObject({
      outcome: 'permit',
      subject: { id: holder },
      data: { role: name, holder, username: lease.username, decision: { decision: true } },
    });
    expect(JSON.stringify(world.log.records)).not.toContain(lease.password);
    await expect(world.leased.connect({ ...lease, password: 'guessed' })).rejects.toThrow(
      'password authentication failed',
    );
  });

  it('is the same when its holder asks again, recorded each time, and differs for another holder', async () => {
    const [one, other] = [newBot(), newBot()];
    const { name } = await world.define(secrets, world.roleFor([one, other]));
    const first = await secrets.issue(name, world.caller(one));
    const second = world.node();
    const [again, others] = await Promise.all([
      second.issue(name, world.caller(one)),
      second.issue(name, world.caller(other)),
    ]);
    expect(again).toMatchObject({ id: first.id, username: first.username, password: first.password });
    expect(others.username).not.toBe(first.username);
    expect(world.records('lease.released').filter(({ data }) => JSON.stringify(data).includes(first.id))).toHaveLength(
      1,
    );
  });

  it('never has rights over the whole server, even if two people have approved them', async () => {
    const holder = newBot();
    await world.leased.asOwner(
      (leaser) => `create role ${leaser}_maker nologin createdb; grant ${leaser}_maker to ${leaser} with admin option`,
    );
    const maker = `${new URL(world.leased.url).username}_maker`;
    const { name } = await world.define(secrets, world.roleFor([holder], { memberOf: [world.leased.readers, maker] }));
    expect(await codeOf(secrets.issue(name, world.caller(holder)))).toBe('lease_target_unavailable');
    await secrets.lookAtDue();
    const { slot = '' } = { slot: (await secrets.list({ holder }))[0]?.id.split('.')[0] };
    expect((await world.leased.roles()).filter((role) => role.includes(slot))).toEqual([]);
  });

  it('ends with its sessions when it is revoked, and leaves nothing in the database', async () => {
    const { lease } = await leaseFor();
    const client = await world.leased.connect(lease);
    const ended = new Promise((resolve) => client.once('end', resolve));
    expect(await secrets.end(lease.id, olga, () => 'revoked')).toMatchObject({ status: 'ended', ending: 'revoked' });
    await ended;
    await expect(client.query('select 1')).rejects.toThrow();
    expect(await world.leased.roles()).not.toContain(lease.username);
    expect(world.records('lease.cleared').at(-1)?.data).toMatchObject({ lease: lease.id, sessions: 1 });
    expect(await secrets.end(lease.id, olga, () => 'revoked')).toMatchObject({ status: 'ended' });
  });

  it('is for its holders only, and others do not learn whether the role exists', async () => {
    const { name } = await world.define(secrets, world.roleFor([newBot()]));
    const stranger = world.caller('service:stranger');
    expect(await codeOf(secrets.issue(name, stranger))).toBe('secret_unknown');
    expect(await codeOf(secrets.issue('no-such-role', stranger))).toBe('secret_unknown');
    expect(world.records('lease.denied').at(-1)).toMatchObject({
      reason: 'secret_unknown',
      subject: { id: 'service:stranger' },
    });
  });

  it('needs the permission of the policies, and a denial is recorded with their decision', async () => {
    const holder = newBot();
    const { name } = await world.define(secrets, world.roleFor([holder]));
    world.denying.set(holder, { code: 'lei_lapsed', detail: 'Renew it first.' });
    expect(await codeOf(secrets.issue(name, world.caller(holder)))).toBe('secret_not_permitted');
    expect(world.records('lease.denied').at(-1)).toMatchObject({
      reason: 'secret_not_permitted',
      data: { operation: 'issue', about: name, decision: { decision: false } },
    });
    expect(world.asked.at(-1)).toMatchObject({
      principal: holder,
      action: 'secret:use',
      resource: { uri: `urn:countersign:role:${name}` },
    });
  });
});

describe('a proposal', () => {
  it('takes effect when a second person approves its digest', async () => {
    const holder = newBot();
    const wanted = world.roleFor([holder]);
    const { id, digest } = await secrets.propose(wanted, 'needed', olga);
    expect(await codeOf(secrets.issue(wanted.name, world.caller(holder)))).toBe('secret_unknown');
    expect(await codeOf(secrets.approve(id, digest, olga))).toBe('secret_own_proposal');
    expect(await codeOf(secrets.approve(id, 'A'.repeat(43), ari))).toBe('secret_proposal_outdated');
    await secrets.approve(id, digest, ari);
    expect(await secrets.issue(wanted.name, world.caller(holder))).toMatchObject({ status: 'active' });
  });
});

describe('a renewal of a lease', () => {
  it('moves the end of its credential in the database too, up to its longest lifetime', async () => {
    const { lease, holder } = await leaseFor(newBot(), { ttlSeconds: 600, maxTtlSeconds: 900 });
    expect(await world.leased.validUntil(lease.username)).toBe(Date.parse(lease.expiresAt));
    world.clock.advance(200_000);
    const renewed = await secrets.renew(lease.id, world.caller(holder));
    expect(Date.parse(renewed.expiresAt)).toBe(Date.parse(lease.expiresAt) + 200_000);
    expect(await world.leased.validUntil(lease.username)).toBe(Date.parse(renewed.expiresAt));
    world.clock.advance(500_000);
    const last = await secrets.renew(lease.id, world.caller(holder));
    expect(last.expiresAt).toBe(last.maxExpiresAt);
    world.clock.advance(300_000);
    expect(await codeOf(secrets.renew(lease.id, world.caller(holder)))).toBe('lease_over');
  });

  it('is for its holder only, and needs another decision', async () => {
    const { lease, holder } = await leaseFor();
    expect(await codeOf(secrets.renew(lease.id, world.caller('service:stranger')))).toBe('lease_unknown');
    expect(await codeOf(secrets.renew(lease.id, world.caller(holder, { through: ['agent:somebody'] })))).toBe(
      'lease_unknown',
    );
    world.denying.set(holder, { code: 'agent_not_certified', detail: 'Have it certified.' });
    expect(await codeOf(secrets.renew(lease.id, world.caller(holder)))).toBe('secret_not_permitted');
    expect(world.records('lease.denied').at(-1)?.data).toMatchObject({ operation: 'renew', about: lease.id });
  });

  it('ends with the latest token, if the role requires it', async () => {
    const { lease } = await leaseFor(newBot(), { endsWith: 'token' });
    expect(Date.parse(lease.expiresAt)).toBe(Math.floor(world.clock.now() / 1_000) * 1_000 + 300_000);
  });
});

describe('a lease ends', () => {
  const isGone = async (lease: { readonly id: string; readonly username: string }) => {
    expect(await world.leased.roles()).not.toContain(lease.username);
    return (await secrets.list({})).find(({ id }) => id === lease.id)?.ending;
  };

  it('when it expires, and so do its open sessions', async () => {
    const { lease } = await leaseFor();
    const client = await world.leased.connect(lease);
    world.clock.advance(600_000);
    await secrets.lookAtDue();
    await expect(client.query('select 1')).rejects.toThrow();
    expect(await isGone(lease)).toBe('expired');
  });

  it.each([
    ['its token', (caller: TokenHolder) => ({ kind: 'token', id: caller.token.jti }) as const],
    ['its holder', (caller: TokenHolder) => ({ kind: 'principal', id: caller.id }) as const],
    ['its client', (caller: TokenHolder) => ({ kind: 'client', id: caller.client }) as const],
    ['an actor for it', (caller: TokenHolder) => ({ kind: 'principal', id: actorFor(caller) }) as const],
    ['its mandate', (caller: TokenHolder) => ({ kind: 'mandate', id: mandateOf(caller) }) as const],
  ])('when %s is revoked', async (_, target) => {
    const holder = newBot();
    const { name } = await world.define(secrets, world.roleFor([holder]));
    const plain = world.caller(holder, { client: `client-of-${holder.slice(8)}` });
    const mandate = { id: mandateOf(plain), version: 1 } as TokenHolder['token']['mandate'];
    const caller = { ...plain, token: { ...plain.token, act: { sub: actorFor(plain) }, ...defined({ mandate }) } };
    const lease = await secrets.issue(name, caller);
    const other = await leaseFor();
    await world.revoke(target(caller));
    await secrets.lookAtDue();
    expect(await isGone(lease)).toBe('authority-ended');
    expect(await world.leased.roles()).toContain(other.lease.username);
  });

  it('when its holder is revoked during issuance, before the credential is released', async () => {
    const holder = newBot();
    const { name } = await world.define(secrets, world.roleFor([holder]));
    const caller = world.caller(holder);
    world.log.afterNextAppend(() => world.revoke({ kind: 'principal', id: holder }));
    expect(await codeOf(secrets.issue(name, caller))).toBe('lease_over');
    expect((await secrets.list({ holder })).map(({ status }) => status)).toEqual(['ended']);
  });

  it('when its role is removed, or its holder is no longer named', async () => {
    const one = await leaseFor();
    await world.define(secrets, { kind: 'role', change: 'remove', name: one.name, holders: [] });
    expect(await isGone(one.lease)).toBe('role-removed');
    expect(await codeOf(secrets.issue(one.name, world.caller(one.holder)))).toBe('secret_unknown');
    const other = await leaseFor();
    await world.define(secrets, world.roleFor([newBot()], {}, other.name));
    expect(await isGone(other.lease)).toBe('role-removed');
  });
});

describe('a process that dies', () => {
  it('after the record of a lease: the next read releases the same credential', async () => {
    const holder = newBot();
    const { name } = await world.define(secrets, world.roleFor([holder]));
    const before = await world.leased.roles();
    world.dieAfter(({ type }) => type === 'lease.issued');
    await expect(secrets.issue(name, world.caller(holder))).rejects.toThrow('the process died');
    expect(await world.leased.roles()).toEqual(before);
    const other = world.node();
    const lease = await other.issue(name, world.caller(holder));
    expect(world.records('lease.issued').filter(({ subject }) => subject?.id === holder)).toHaveLength(1);
    await (await world.leased.connect(lease)).end();
  });

  it('after the record of an ending: the credential is removed, and the record has the time', async () => {
    const { lease } = await leaseFor();
    world.dieAfter(({ type }) => type === 'lease.ended');
    await expect(secrets.end(lease.id, olga, () => 'revoked')).rejects.toThrow('the process died');
    // On any node, without another request.
    await world.node().lookAtDue();
    expect(await world.leased.roles()).not.toContain(lease.username);
    expect(world.records('lease.cleared').at(-1)?.data).toMatchObject({ lease: lease.id });
  });

  it('before the record of a removal: the next attempt records it', async () => {
    const { lease } = await leaseFor();
    world.dieAfter(({ type }) => type === 'lease.cleared');
    await secrets.end(lease.id, olga, () => 'revoked');
    await world.node().lookAtDue();
    expect((await secrets.list({})).find(({ id }) => id === lease.id)?.status).toBe('ended');
  });

  it('a credential without a lease is removed and reported', async () => {
    const { lease } = await leaseFor();
    const prefix = lease.username.slice(0, 10);
    for (const stray of [`${prefix}${'a'.repeat(20)}_1`, `${prefix}not-a-lease`])
      await world.leased.asLeaser(`create role "${stray}" login`);
    const foreign = `cs_ffffff_${randomBytes(4).toString('hex')}`;
    await world.leased.asLeaser(`create role ${foreign}`);
    await secrets.sweep();
    const roles = await world.leased.roles();
    expect(roles).not.toContain(`${prefix}not-a-lease`);
    expect(roles).not.toContain(`${prefix}${'a'.repeat(20)}_1`);
    expect(roles).toContain(lease.username);
    expect(await world.leased.roles(foreign)).toEqual([foreign]);
    await world.leased.asLeaser(`drop role ${foreign}`);
    expect(world.records('lease.swept')).toHaveLength(2);
  });
});

describe('credentials whose leases end together', () => {
  it('are shut out together, before the first of them is removed', async () => {
    const real = createPostgresqlTarget({ url: world.leased.url, onError: () => undefined });
    let isSlow = true;
    const target: LeaseTarget = {
      ...real,
      async remove(username) {
        if (isSlow) throw secretsErrors.error('lease_target_unavailable', 'Not yet.');
        return real.remove(username);
      },
    };
    const node = world.node({ targets: new Map([['market-data', target]]) });
    const holders = [newBot(), newBot(), newBot()];
    const { name } = await world.define(node, world.roleFor(holders));
    const leases = await Promise.all(holders.map((holder) => node.issue(name, world.caller(holder))));
    const sessions = await Promise.all(leases.map((lease) => world.leased.connect(lease)));
    const closed = sessions.map((session) => new Promise((resolve) => session.once('end', resolve)));
    world.clock.advance(601_000);
    await node.lookAtDue();
    await Promise.all(closed);
    for (const lease of leases) {
      await expect(world.leased.connect(lease)).rejects.toThrow();
      expect(await world.leased.roles()).toContain(lease.username);
    }
    isSlow = false;
    world.clock.advance(301_000);
    await node.lookAtDue();
    for (const { username } of leases) expect(await world.leased.roles()).not.toContain(username);
    await real.stop();
  });
});

describe('a credential that cannot be removed', () => {
  it('is retried, raises an alarm, and blocks a new one for its holder until it is gone', async () => {
    let isDown = false;
    const down = () => {
      if (isDown) throw secretsErrors.error('lease_target_unavailable', 'Down for a test.');
    };
    const real = createPostgresqlTarget({ url: world.leased.url, onError: () => undefined });
    const target: LeaseTarget = {
      ...real,
      async shutOut(usernames) {
        down();
        return real.shutOut(usernames);
      },
      async remove(username) {
        down();
        return real.remove(username);
      },
    };
    const node = world.node({ targets: new Map([['market-data', target]]) });
    const holder = newBot();
    const { name } = await world.define(node, world.roleFor([holder]));
    const lease = await node.issue(name, world.caller(holder));
    isDown = true;
    expect(await node.end(lease.id, olga, () => 'revoked')).toMatchObject({ status: 'ending' });
    expect(await codeOf(node.issue(name, world.caller(holder)))).toBe('lease_predecessor_stands');
    for (let attempt = 0; attempt < 8; attempt += 1) {
      world.clock.advance(301_000);
      await node.lookAtDue();
    }
    const alarms = world.records('lease.irrevocable').filter(({ data }) => JSON.stringify(data).includes(lease.id));
    expect(alarms).toMatchObject([{ outcome: 'deny', data: { lease: lease.id, status: 'irrevocable' } }]);
    // At each later attempt again, under one id: the notices send it once.
    const notices = world.notified.filter(({ facts }) => facts?.['lease'] === lease.id);
    expect(notices.length).toBeGreaterThan(1);
    expect(new Set(notices.map(({ id }) => id)).size).toBe(1);
    expect(notices[0]).toMatchObject({
      to: { role: 'operator' },
      kind: 'lease-irrevocable',
      facts: { lease: lease.id, holder, username: lease.username },
    });
    isDown = false;
    world.clock.advance(301_000);
    await node.lookAtDue();
    expect(await world.leased.roles()).not.toContain(lease.username);
    expect(await node.issue(name, world.caller(holder))).toMatchObject({ status: 'active' });
    await real.stop();
  });
});

describe('the number of leases', () => {
  it('is limited for a holder and for a role, also on two nodes at once', async () => {
    const nodes = [world.node({ leasesPerHolder: 2 }), world.node({ leasesPerHolder: 2 })];
    const holder = newBot();
    const roles: string[] = [];
    for (let count = 0; count < 6; count += 1) roles.push((await world.define(secrets, world.roleFor([holder]))).name);
    const outcomes = await Promise.all(
      roles.map((role, index) => codeOf(nodes[index % 2]?.issue(role, world.caller(holder)) ?? Promise.reject())),
    );
    expect(outcomes.filter((code) => code === 'lease_quota_exceeded')).toHaveLength(4);
    expect(await secrets.list({ holder, status: 'active' })).toHaveLength(2);
    const holders = [newBot(), newBot(), newBot()];
    const { name } = await world.define(secrets, world.roleFor(holders));
    const small = world.node({ leasesPerRole: 2 });
    const asked = await Promise.all(holders.map((each) => codeOf(small.issue(name, world.caller(each)))));
    expect(asked.filter((code) => code === 'lease_quota_exceeded')).toHaveLength(1);
  });

  it('is one for a holder and role, for any number of requests and nodes', async () => {
    const holder = newBot();
    const { name } = await world.define(secrets, world.roleFor([holder]));
    const nodes = [secrets, world.node()];
    const leases = await Promise.all(
      Array.from({ length: 8 }, (_, index) => (nodes[index % 2] ?? secrets).issue(name, world.caller(holder))),
    );
    expect(new Set(leases.map(({ username, password }) => `${username} ${password}`)).size).toBe(1);
    expect(world.records('lease.issued').filter(({ subject }) => subject?.id === holder)).toHaveLength(1);
  });
});
