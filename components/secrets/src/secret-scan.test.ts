import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { createLogger } from '@countersign/runtime';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { RunningSecrets } from './index.ts';
import { createSecretsWorld, olga, operator, type SecretsWorld } from './testing/secrets-world.ts';

// With a failure at every step: passwords, values and venue keys are in no log line, error, record or row.

let world: SecretsWorld;
let secrets: RunningSecrets;
const folder = mkdtempSync(join(tmpdir(), 'secrets-scan-'));
const logFile = join(folder, 'log');
beforeAll(async () => {
  world = await createSecretsWorld();
  const logger = createLogger({ level: 'trace', name: 'test', to: logFile });
  secrets = world.node({
    logger,
    exchange: { exchange: () => Promise.reject(new Error('the venue is gone')) },
  });
});
afterAll(async () => {
  await world.close();
  rmSync(folder, { recursive: true });
});

it('is in no log line, error, record or row, with a failure at every step', async () => {
  const [value, key] = [randomBytes(24).toString('hex'), randomBytes(48).toString('base64')];
  const holder = 'service:holder';
  const errors: unknown[] = [];
  const attempt = async <Result>(work: () => Promise<Result>): Promise<Result | undefined> =>
    work().catch((error: unknown) => {
      errors.push(error);
      return undefined;
    });
  await world.define(secrets, { kind: 'secret', change: 'define', name: 'value', holders: [holder], value });
  const { name } = await world.define(secrets, world.roleFor([holder]));
  const venueKey = {
    ...({ venue: 'binance', venueMic: 'VENU', baseUrl: 'https://api.binance.com', algorithm: 'hmac' } as const),
    ...({ apiKey: 'key', institution: operator, accounts: ['ACC-1'], probe: 'waived' } as const),
    symbols: [{ instrument: '4H95J0R2X', currency: 'USD', symbol: 'BTCUSDT' }],
  };
  const definition = {
    kind: 'venue-key',
    change: 'define',
    name: 'main',
    holders: [holder],
    value: key,
    venueKey,
  } as const;
  await world.define(secrets, definition);
  await attempt(() =>
    secrets.propose({ ...definition, venueKey: { ...venueKey, algorithm: 'ed25519' } }, 'needed', olga),
  );
  await attempt(() =>
    secrets.propose({ ...definition, venueKey: { ...venueKey, baseUrl: 'https://evil.example' } }, 'x', olga),
  );

  const lease = await secrets.issue(name, world.caller(holder));
  world.log.breakDown('writing');
  await attempt(() => secrets.read('value', undefined, world.caller(holder)));
  await attempt(() => secrets.renew(lease.id, world.caller(holder)));
  await attempt(() =>
    secrets.broker.read('main', { path: '/api/v3/account', parameters: {} }, world.caller(holder), { send: true }),
  );
  world.log.repair();
  await attempt(() =>
    secrets.broker.read('main', { path: '/api/v3/account', parameters: {} }, world.caller(holder), { send: true }),
  );
  // The account that creates credentials loses the right to do so.
  await world.leased.asOwner((leaser) => `alter role ${leaser} nocreaterole`);
  const other = (await world.define(secrets, world.roleFor([holder]))).name;
  await attempt(() => secrets.issue(other, world.caller(holder)));
  await attempt(() => secrets.end(lease.id, olga, () => 'revoked'));
  await secrets.lookAtDue();
  await world.leased.asOwner((leaser) => `alter role ${leaser} createrole`);
  expect(readFileSync(logFile, 'utf8')).toContain('could not be removed');

  expect(errors.length).toBeGreaterThan(5);
  const { rows } = await world.scratch
    .pool('secrets')
    .query('select leases::text, null from leases union all select materials::text, null from materials');
  const everything = [
    readFileSync(logFile, 'utf8'),
    inspect(errors, { depth: 10, showHidden: true }),
    JSON.stringify(world.log.records),
    JSON.stringify(rows),
  ].join('\n');
  for (const secret of [lease.password, value, key, Buffer.from(value).toString('hex')])
    expect(everything).not.toContain(secret);
});
