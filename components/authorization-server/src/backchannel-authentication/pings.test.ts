import { outboundErrors, parseClientId } from '@countersign/contracts';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createPingSealer } from './pings.ts';
import { type CibaWorld, createCibaWorld, notificationToken, pingEndpoint } from './testing/ciba-world.ts';

let world: CibaWorld;
beforeAll(async () => {
  world = await createCibaWorld();
});
afterAll(() => world.close());
beforeEach(async () => {
  // Send the pings that the previous test left behind.
  await world.backchannel.ping();
  world.world.changeClient('trading-desk', { backchannelDelivery: { mode: 'ping', endpoint: pingEndpoint } });
  world.answerPings(async () => ({ status: 204 }));
  world.pings.length = 0;
});

const asked = async (change: object = {}): Promise<string> =>
  (await world.ask({ request: world.signed(world.plain({ client_notification_token: notificationToken, ...change })) }))
    .auth_req_id;
/** Waits until no ping is in progress. */
async function sent() {
  await world.backchannel.ping();
  return world.pings;
}
async function left(): Promise<number | undefined> {
  const { rows } = await world.database
    .pool('authorization-server')
    .query<{ n: number }>('select count(*)::int as n from backchannel_requests where ping_at is not null');
  return rows[0]?.n;
}

describe('a client in ping mode', () => {
  it.each(['allow', 'refuse'] as const)(
    'is notified once after the decision (%s), with its own token and no content of the decision',
    async (decision) => {
      const id = await asked();
      expect(await sent()).toEqual([]);
      await world.decide(id, decision);
      await sent();
      await sent();
      expect(world.pings).toEqual([
        {
          url: pingEndpoint,
          body: { auth_req_id: id },
          authorization: `Bearer ${notificationToken}`,
          contentType: 'application/json',
        },
      ]);
      expect(await left()).toBe(0);
    },
  );

  it('is notified only after the decision is durable', async () => {
    const id = await asked();
    const seen: unknown[] = [];
    world.answerPings(async () => {
      seen.push((await world.redeem(id)).token_type);
      return { status: 204 };
    });
    await world.decide(id, 'allow');
    await sent();
    expect(seen).toEqual(['DPoP']);
  });

  it('is not notified of a decision that could not be recorded', async () => {
    const id = await asked();
    const browser = world.browser();
    const path = world.pathOf(id);
    const { body } = await world.openSignedIn(browser, path);
    world.audit.breakDown();
    expect((await browser.post(path, world.formOf(body, 'allow'))).statusCode).toBe(503);
    world.audit.repair();
    expect(await sent()).toEqual([]);
  });

  it('is notified by only one of two nodes', async () => {
    const other = world.node();
    const ids = [await asked(), await asked(), await asked()];
    world.answerPings(async () => {
      await new Promise((resolve) => setTimeout(resolve, 20));
      return { status: 200 };
    });
    for (const id of ids) await world.decide(id, 'allow');
    await Promise.all([world.backchannel.ping(), other.backchannel.ping()]);
    await Promise.all([world.backchannel.ping(), other.backchannel.ping()]);
    expect(world.pings.map(({ body }) => body)).toHaveLength(3);
  });

  it('is tried five times at growing intervals if it cannot be reached, and then no more', async () => {
    world.answerPings(async () => {
      throw outboundErrors.error('outbound_failed', 'No answer.');
    });
    const id = await asked();
    await world.decide(id, 'allow');
    await sent();
    expect(world.pings).toHaveLength(1);
    for (const [seconds, attempts] of [
      [1, 1],
      [1, 2],
      [5, 3],
      [15, 4],
      [45, 5],
      [200, 5],
    ] as const) {
      world.clock.advance(seconds * 1000);
      await sent();
      expect(world.pings).toHaveLength(attempts);
    }
    expect(await left()).toBe(0);
  });

  it('is tried again while it answers busy or broken, and notified when it recovers', async () => {
    for (const status of [500, 503, 429]) {
      world.pings.length = 0;
      world.answerPings(async () => ({ status }));
      await world.decide(await asked(), 'allow');
      await sent();
      expect(world.pings).toHaveLength(1);
      world.answerPings(async () => ({ status: 204 }));
      world.clock.advance(2_000);
      await sent();
      expect(world.pings).toHaveLength(2);
      expect(await left()).toBe(0);
    }
  });

  it('is not tried again if it refuses, redirects, or has an address that may not be called', async () => {
    const refusals = [
      async () => ({ status: 401 }),
      async () => ({ status: 404 }),
      async () => ({ status: 302 }),
      () => Promise.reject(outboundErrors.error('outbound_address_refused', 'Not called.')),
      () => Promise.reject(new Error('a fault of ours')),
    ];
    for (const refusal of refusals) {
      world.pings.length = 0;
      world.answerPings(refusal);
      await world.decide(await asked(), 'allow');
      await sent();
      world.clock.advance(60_000);
      await sent();
      expect(world.pings).toHaveLength(1);
      expect(await left()).toBe(0);
    }
  });

  it('is not notified after the request has expired, the client has left, or the client has changed to poll mode', async () => {
    world.answerPings(async () => ({ status: 500 }));
    await world.decide(await asked({ requested_expiry: '60' }), 'allow');
    await sent();
    world.clock.advance(60_000);
    await sent();
    expect(world.pings).toHaveLength(1);
    expect(await left()).toBe(0);
    await world.decide(await asked(), 'allow');
    await sent();
    world.world.changeClient('trading-desk', { backchannelDelivery: { mode: 'poll' } });
    world.clock.advance(10_000);
    await sent();
    expect(world.pings).toHaveLength(2);
    expect(await left()).toBe(0);
  });

  it('may also poll, with the same answers as in poll mode', async () => {
    const id = await asked();
    await expect(world.redeem(id)).rejects.toMatchObject({ code: 'authorization_pending' });
    await expect(world.redeem(id)).rejects.toMatchObject({ code: 'slow_down' });
    await world.decide(id, 'allow');
    expect(await world.redeem(id)).toMatchObject({ token_type: 'DPoP' });
  });

  it('is notified by another node if the node that claimed the ping has died', async () => {
    const id = await asked();
    let release: (() => void) | undefined;
    world.answerPings(async () => {
      await new Promise<void>((resolve) => {
        release = resolve;
      });
      return { status: 500 };
    });
    const dying = world.node();
    await world.decide(id, 'allow', undefined, dying.app);
    const stuck = dying.backchannel.ping();
    await expect.poll(() => world.pings.length).toBe(1);
    world.answerPings(async () => ({ status: 204 }));
    await sent();
    expect(world.pings).toHaveLength(1);
    world.clock.advance(15_000);
    await sent();
    expect(world.pings).toHaveLength(2);
    // The node was still alive: its late result must not restore anything.
    release?.();
    await stuck;
    expect(await left()).toBe(0);
  });
});

function clientId(text: string) {
  const id = parseClientId(text);
  if (id === undefined) throw new Error('a fixture that its own parser refuses');
  return id;
}

describe('the sealed notification token of a ping', () => {
  const random = { bytes: (size: number) => new Uint8Array(size).fill(3) };
  const secrets = { authReqId: 'a'.repeat(43), notificationToken };
  const hash = new Uint8Array(32).fill(1);
  const client = clientId('trading-desk');
  const row = { hash, client };

  it('can be read only with the secret, for its own row, unaltered', () => {
    const sealer = createPingSealer(new Uint8Array(32).fill(9), random);
    const sealed = sealer.seal(secrets, row);
    expect(sealer.open(sealed, row)).toEqual(secrets);
    expect(sealer.open(sealed, { hash: new Uint8Array(32).fill(2), client })).toBeUndefined();
    expect(sealer.open(sealed, { hash, client: clientId('order-desk') })).toBeUndefined();
    expect(createPingSealer(new Uint8Array(32).fill(8), random).open(sealed, row)).toBeUndefined();
    expect(sealer.open(sealed.subarray(1), row)).toBeUndefined();
    expect(sealer.open(Buffer.alloc(0), row)).toBeUndefined();
    const altered = Buffer.from(sealed);
    altered[20] = (altered[20] ?? 0) ^ 1;
    expect(sealer.open(altered, row)).toBeUndefined();
    expect(sealed.includes(Buffer.from(notificationToken))).toBe(false);
  });

  it('is not sealed with a short secret', () => {
    expect(() => createPingSealer(new Uint8Array(31), random)).toThrow(/32 octets/);
  });
});
