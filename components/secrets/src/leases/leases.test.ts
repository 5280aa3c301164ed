import { codeOf } from '@countersign/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RunningSecrets } from '../index.ts';
import { ari, createSecretsWorld, olga, type SecretsWorld } from '../testing/secrets-world.ts';

let world: SecretsWorld;
let secrets: RunningSecrets;
beforeAll(async () => {
  world = await createSecretsWorld();
  secrets = world.node();
});
afterAll(() => world.close());

let bots = 0;
const newBot = () => `service:bot-${++bots}`;
/** A role for one holder, with a lease of it. */
async function leaseFor(holder = newBot(), changes: object = {}) {
  const { name } = await world.define(secrets, world.roleFor([holder], changes));
  return { holder, name, lease: await secrets.issue(name, world.caller(holder)) };
}

describe('a leased credential', () => {
  it('opens the database with the rights of the role, recorded before the database has it', async () => {
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

  it('is the same when its holder asks again, with a record of its own, and another one for another holder', async () => {
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

  it('is for its holders only, and nobody else learns whether there is a role', async () => {
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

describe('what two people decide', () => {
  it('is in force when the second of them names its digest, and not before', async () => {
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
