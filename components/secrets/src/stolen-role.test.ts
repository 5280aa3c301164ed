import { codeOf } from '@countersign/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RunningSecrets } from './index.ts';
import { createSecretsWorld, olga, operator, type SecretsWorld } from './testing/secrets-world.ts';

// An attacker has the database role of this component, and nothing else.

let world: SecretsWorld;
let secrets: RunningSecrets;
const steal = () => world.scratch.pool('secrets');

beforeAll(async () => {
  world = await createSecretsWorld();
  secrets = world.node();
});
afterAll(() => world.close());

let count = 0;
async function lease() {
  const holder = `service:holder-${++count}`;
  const { name } = await world.define(secrets, world.roleFor([holder]));
  return { holder, name, lease: await secrets.issue(name, world.caller(holder)) };
}
const secretOf = (name: string, holders: readonly string[], value: string) =>
  ({ kind: 'secret', change: 'define', name, holders, value }) as const;

describe('an attacker with only the database role of the secrets component', () => {
  it('gets no credential for a lease that was not issued', async () => {
    const { lease: issued } = await lease();
    const slot = 'f'.repeat(20);
    await steal().query(
      `insert into leases (slot, state, record)
       select $2, jsonb_set(state, '{slot}', to_jsonb($2::text)), record from leases where slot = $1`,
      [issued.id.split('.')[0], slot],
    );
    world.clock.advance(20_000);
    await secrets.lookAtDue();
    expect((await world.leased.roles()).filter((role) => role.includes(slot))).toEqual([]);
    expect((await secrets.list({})).map(({ id }) => id)).not.toContain(`${slot}.1`);
    await steal().query('delete from leases where slot = $1', [slot]);
  });

  it.each([
    ['a later end', `jsonb_set(state, '{expires_at}', '"2099-01-01T00:00:00.000Z"')`],
    ['another holder', `jsonb_set(state, '{holder}', '"service:thief"')`],
    ['another role', `jsonb_set(state, '{role}', '"admin"')`],
    ['another token behind it', `jsonb_set(state, '{claims,sub}', '"service:other"')`],
  ])('changes nothing by giving a lease %s', async (_, change) => {
    const { lease: issued, holder } = await lease();
    await steal().query(`update leases set state = ${change} where slot = $1`, [issued.id.split('.')[0]]);
    expect(await codeOf(secrets.renew(issued.id, world.caller(holder)))).toBe('authority_unproven');
  });

  it('cannot revive a lease that has ended, nor keep one from ending', async () => {
    const { lease: issued, holder } = await lease();
    const slot = issued.id.split('.')[0];
    const { rows } = await steal().query('select * from leases where slot = $1', [slot]);
    await secrets.end(issued.id, olga, () => 'revoked');
    const [old] = rows as readonly { readonly state: unknown; readonly record: string }[];
    await steal().query('update leases set state = $2, record = $3 where slot = $1', [
      ...[slot, JSON.stringify(old?.state), old?.record],
    ]);
    world.clock.advance(31_000);
    await secrets.lookAtDue();
    expect((await secrets.list({ holder })).map(({ status }) => status)).toEqual(['ended']);
    expect(await world.leased.roles()).not.toContain(issued.username);
    // Without its row; the record of the lease still exists.
    const other = await lease();
    await steal().query('delete from leases where slot = $1', [other.lease.id.split('.')[0]]);
    expect(await secrets.end(other.lease.id, olga, () => 'revoked')).toMatchObject({ status: 'ended' });
  });

  it('cannot keep a lease from expiring by altering it or another one', async () => {
    const [altered, removed, plain] = [await lease(), await lease(), await lease()];
    const slotOf = ({ lease: { id } }: typeof plain) => id.split('.')[0];
    await expect(
      steal().query("update leases set status = 'ended' where slot = $1", [slotOf(altered)]),
    ).rejects.toThrow('can only be updated to DEFAULT');
    await steal().query(`update leases set state = jsonb_set(state, '{status}', '"ended"') where slot = $1`, [
      slotOf(altered),
    ]);
    await steal().query('delete from leases where slot = $1', [slotOf(removed)]);
    const open = await world.leased.connect(altered.lease);
    world.clock.advance(601_000);
    await secrets.lookAtDue();
    await expect(open.query('select 1')).rejects.toThrow();
    const roles = await world.leased.roles();
    for (const each of [altered, removed, plain]) expect(roles).not.toContain(each.lease.username);
    expect(
      world
        .records('row.rejected')
        .map(({ data }) => JSON.stringify(data))
        .join(),
    ).toContain(slotOf(altered));
  });

  it('cannot store another value under a name, even an older one of the same secret', async () => {
    const holder = 'service:reader';
    await world.define(secrets, secretOf('one', [holder], 'first value'));
    await world.define(secrets, secretOf('two', [holder], 'other value'));
    const { rows } = await steal().query(
      'select digest, ciphertext, sealed_key from materials order by made_at, digest',
    );
    const [one, two] = rows as readonly {
      readonly digest: string;
      readonly ciphertext: Buffer;
      readonly sealed_key: Buffer;
    }[];
    const put = (digest: string | undefined, from: typeof one) =>
      steal().query('update materials set ciphertext = $2, sealed_key = $3 where digest = $1', [
        ...[digest, from?.ciphertext, from?.sealed_key],
      ]);
    await put(one?.digest, two);
    await put(two?.digest, one);
    for (const name of ['one', 'two'])
      expect(await codeOf(secrets.read(name, undefined, world.caller(holder)))).toBe('secret_unavailable');
    await put(one?.digest, one);
    await put(two?.digest, two);
    expect(await secrets.read('one', undefined, world.caller(holder))).toMatchObject({ value: 'first value' });
    await world.define(secrets, secretOf('one', [holder], 'second value'));
    const older = await steal().query<{ digest: string }>('select digest from materials order by made_at, digest');
    const newest = older.rows
      .map(({ digest }) => digest)
      .find((digest) => digest !== one?.digest && digest !== two?.digest);
    await put(newest, one);
    expect(await codeOf(secrets.read('one', undefined, world.caller(holder)))).toBe('secret_unavailable');
  });

  it('cannot restore a destroyed value', async () => {
    const holder = 'service:reader';
    await world.define(secrets, secretOf('gone', [holder], 'a value to destroy'));
    const before = await steal().query('select * from materials');
    await world.define(secrets, { kind: 'secret', change: 'remove', name: 'gone', holders: [] });
    const after = await steal().query('select digest from materials');
    expect(after.rowCount).toBe((before.rowCount ?? 0) - 1);
    for (const row of before.rows as readonly Record<string, unknown>[])
      await steal().query('insert into materials values ($1, $2, $3, $4) on conflict do nothing', Object.values(row));
    expect(await codeOf(secrets.read('gone', 1, world.caller(holder)))).toBe('secret_unknown');
    // A new definition with the same name has a new value with a different digest.
    await world.define(secrets, secretOf('gone', [holder], 'another value'));
    expect(await secrets.read('gone', undefined, world.caller(holder))).toMatchObject({ value: 'another value' });
    expect(await codeOf(secrets.read('gone', 1, world.caller(holder)))).toBe('secret_unknown');
  });

  it('cannot make a nonce fall below the time', async () => {
    await steal().query(
      `insert into venue_nonces values ('binance-main', 1) on conflict (key) do update set nonce = 1`,
    );
    await world.define(secrets, {
      ...({ kind: 'venue-key', change: 'define', name: 'binance-main', holders: ['service:trader'] } as const),
      value: 'a-secret-of-the-venue',
      venueKey: {
        ...({ venue: 'kraken', venueMic: 'VENU', baseUrl: 'https://api.kraken.com', algorithm: 'hmac' } as const),
        ...{ apiKey: 'key', institution: operator, accounts: ['ACC-1'], probe: 'waived' as const },
        symbols: [{ instrument: '4H95J0R2X', currency: 'USD', symbol: 'XBTUSD' }],
      },
    });
    const asked = { path: '/0/private/Balance', parameters: {} };
    const { request } = await secrets.broker.read('binance-main', asked, world.caller('service:trader'), {
      send: false,
    });
    expect(Number(new URLSearchParams(request?.body).get('nonce'))).toBeGreaterThanOrEqual(world.clock.now() * 1_000);
  });
});
