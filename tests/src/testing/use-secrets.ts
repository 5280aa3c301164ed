import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { MandateId } from '@countersign/kernel';
import { createClient, generateSigningKey } from '@countersign/sdk';
import { createTestDatabase } from '@countersign/testkit';
import pg from 'pg';
import { expect } from 'vitest';
import type { RunningControlPlane } from './control-plane.ts';
import { doors, leis } from './firms.ts';
import { claimsOf, type Trading } from './trading.ts';

const get = (path: string) => ({ method: 'GET' as const, path });
const post = (path: string, body: unknown = {}) => ({ method: 'POST' as const, path, body });

/** A database with a role whose credentials can be leased, and what a configuration says about it. */
export async function leasedDatabase(folder: string) {
  const scratch = await createTestDatabase();
  const { user, password, host, port, database } = scratch.connection;
  const group = `readers_${database.replaceAll(/\W/g, '_')}`.slice(0, 60);
  const owner = new pg.Client(scratch.connection);
  await owner.connect();
  await owner.query(`create role ${group} nologin`);
  await owner.end();
  const file = join(folder, 'market-data-url');
  writeFileSync(file, `postgres://${user}:${password}@${host}:${port}/${database}`, { mode: 0o600 });
  return {
    group,
    settings: { databases: [{ name: 'market-data', url: `file:${file}` }] },
    /** Connects as a leased credential. */
    async use({ username, password }: { readonly username: string; readonly password: string }): Promise<unknown> {
      const client = new pg.Client({ host, port, database, user: username, password });
      await client.connect();
      const { rows } = await client.query('select current_user::text as name');
      await client.end();
      return rows[0];
    },
    drop: () => scratch.drop(),
  };
}

interface Proposed {
  readonly id: string;
  readonly digest: string;
}

/** Credentials, secrets and a signed order, with every interface that is on the way. */
export async function useSecrets(
  { operator, issuer }: RunningControlPlane,
  trading: Trading,
  mandate: MandateId,
  leased: Awaited<ReturnType<typeof leasedDatabase>>,
): Promise<void> {
  const call = <Answer>(scope: string, request: ReturnType<typeof get> | ReturnType<typeof post>): Promise<Answer> =>
    operator.call('secrets', scope, request) as Promise<Answer>;
  const decide = (path: string, body: unknown) => operator.second.call('secrets', 'secret:approve', post(path, body));
  const define = async (path: string, body: object): Promise<void> => {
    const { id, digest } = await call<Proposed>('secret:propose', post(path, { reason: 'Needed', ...body }));
    await decide(`/secrets/proposals/${id}/approve`, { digest });
  };
  const holders = ['service:countersign-cli'];

  // A database credential.
  const role = {
    database: 'market-data',
    member_of: [leased.group],
    ttl_seconds: 600,
    max_ttl_seconds: 3_600,
    connections: 2,
    ends_with: 'holder',
  };
  await define('/secrets/roles/proposals', { name: 'quotes', holders, role });
  const lease = await call<{ readonly lease: string; readonly username: string; readonly password: string }>(
    'secret:use',
    post('/secrets/leases', { role: 'quotes' }),
  );
  expect(await leased.use(lease)).toEqual({ name: lease.username });
  await expect(call('secret:use', post('/secrets/leases', { role: 'no-such-role' }))).rejects.toThrow('secret_unknown');
  await call('secret:use', post(`/secrets/leases/${lease.lease}/renew`));
  await call('secret:read', get('/secrets/leases?role=quotes&status=active'));
  await call('secret:use', post(`/secrets/leases/${lease.lease}/release`));
  const again = await call<{ readonly lease: string }>('secret:use', post('/secrets/leases', { role: 'quotes' }));
  await call('secret:revoke', post(`/secrets/leases/${again.lease}/revoke`));
  await expect(leased.use(lease)).rejects.toThrow();

  // A value, and a proposal that comes to nothing.
  await define('/secrets/values/proposals', { name: 'feed-password', holders, value: 'correct horse battery staple' });
  expect(await call('secret:use', post('/secrets/values/feed-password/read'))).toMatchObject({
    value: 'correct horse battery staple',
  });
  const removal = await call<Proposed>(
    'secret:propose',
    post('/secrets/values/feed-password/removal', { reason: 'No longer needed' }),
  );
  await call('secret:read', get('/secrets/proposals?status=proposed'));
  await decide(`/secrets/proposals/${removal.id}/reject`, { reason: 'It is' });
  await call('secret:read', get('/secrets/definitions'));

  // The key of a venue, for a trader of another firm.
  const { trader } = trading.firms.people;
  await define('/secrets/venue-keys/proposals', {
    name: 'derivatives',
    holders: [trader.id],
    value: 'the-secret-that-the-venue-made',
    venue_key: {
      venue: 'deribit',
      venue_mic: 'XEUR',
      base_url: 'https://test.deribit.com',
      algorithm: 'hmac',
      api_key: 'key-of-the-arranger',
      institution: leis.arranger,
      accounts: ['NLAM-0042'],
      symbols: [{ instrument: 'DE000EXMPL17', currency: 'EUR', symbol: 'EXMPL-PERPETUAL' }],
      probe: 'waived',
    },
  });
  const key = generateSigningKey();
  await operator.call(
    'directory',
    'directory:apply',
    post('/directory/clients', {
      id: 'ha-venues',
      institution: leis.arranger,
      principal: 'service:venues',
      grant_types: ['urn:ietf:params:oauth:grant-type:jwt-bearer'],
      scopes: ['order:create', 'order:cancel', 'order:read'],
      audiences: [`${issuer}/venues`],
      jwks: { keys: [{ ...key.publicJwk, kid: key.kid }] },
    }),
  );
  const desk = createClient({ issuer, clientId: 'ha-venues', key });
  const tokenFor = async (scope: string, details: object = {}) =>
    desk.jwtBearer(await trading.assertion(), { resource: `${issuer}/venues`, scope, ...details });
  // The trader's token is for the broker, who submits the order and exchanges the token for one of the key broker.
  const order = trading.order(mandate, { locations: [doors.broker, `${issuer}/venues`] });
  const opened = await trading.traderToken(order);
  const transaction = String(claimsOf(opened)['txn']);
  const broker = trading.firms.client('brk-orders');
  const token = await broker.exchange(opened.accessToken, {
    resource: `${issuer}/venues`,
    scope: 'order:create',
    authorizationDetails: [{ ...order, locations: [`${issuer}/venues`], actions: ['create'] }],
  });
  expect(claimsOf(token)['txn']).toBe(transaction);
  const sign = (body: object) =>
    broker.callOrThrow(token, { method: 'POST', url: `${issuer}/venues/derivatives/orders`, body }) as Promise<{
      readonly request: { readonly url: string };
    }>;
  await expect(sign({ order })).rejects.toThrow('venue_order_not_submitted');
  await trading.transition('brk-orders', 'submit', transaction, `submit-${transaction}`);
  await expect(sign({ order: { ...order, side: 'SELL' } })).rejects.toThrow('venue_order_mismatch');
  const { request } = await sign({ order });
  expect(request.url).toContain(
    'https://test.deribit.com/api/v2/private/buy?instrument_name=EXMPL-PERPETUAL&amount=2000',
  );
  await expect(sign({ order })).rejects.toThrow('venue_order_signed');

  await desk.callOrThrow(await tokenFor('order:cancel'), {
    method: 'POST',
    url: `${issuer}/venues/derivatives/cancellations`,
    body: { transaction },
  });
  const query = async (path: string) =>
    desk.callOrThrow(await tokenFor('order:read'), {
      method: 'POST',
      url: `${issuer}/venues/derivatives/queries`,
      body: { path, parameters: { currency: 'BTC' } },
    });
  await query('/api/v2/private/get_positions');
  await expect(query('/api/v2/private/withdraw')).rejects.toThrow('venue_request_refused');
}
