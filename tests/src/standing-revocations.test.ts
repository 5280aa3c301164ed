import { join } from 'node:path';
import type { Digest } from '@countersign/kernel';
import { type RevocableClaims, revokedBy } from '@countersign/oauth';
import { type Client, createClient, createTransport, generateSigningKey, type Transport } from '@countersign/sdk';
import type { Configuration } from '@countersign/server';
import { freePort, startTestServer, type TestServer } from '@countersign/testkit';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { countersign } from './testing/command.ts';
import { type Command, configurationIn, type RunningControlPlane, runControlPlane } from './testing/control-plane.ts';
import { doors, leis } from './testing/firms.ts';
import { codeOf } from './testing/refusal.ts';
import { scratchFolder } from './testing/scratch-folder.ts';
import { algorithmic, claimsOf, openTrading, type Trading } from './testing/trading.ts';

// A revoked agent gets no token on any node, not even after a restart, and its transactions stop, until a second person lifts
// the revocation.

const folder = scratchFolder();
let database: TestServer;
let configuration: Configuration;
let first: RunningControlPlane;
let second: RunningControlPlane;
let address: string;
let trading: Trading;

async function startSecond(): Promise<RunningControlPlane> {
  const { port } = new URL(address);
  return runControlPlane({
    ...configuration,
    listen: { ...configuration.listen, port: Number(port) },
    publication: { headGuardFolder: join(folder.path, 'second-log-head') },
  });
}

beforeAll(async () => {
  database = await startTestServer();
  configuration = await configurationIn(folder.path, { database: database.connection });
  address = `http://127.0.0.1:${await freePort()}`;
  first = await runControlPlane(configuration);
  second = await startSecond();
  trading = await openTrading(first);
});
afterAll(async () => {
  await trading?.stop();
  await Promise.all([first, second].map((node) => node?.stop()));
  await database?.stop();
  folder.remove();
});

/** Routes requests for the issuer to the second node. */
function towardsSecond(): Transport {
  const transport = createTransport();
  return { send: (request) => transport.send({ ...request, url: request.url.replace(first.issuer, address) }) };
}

const revoke = async (kind: string, id: string) =>
  (await first.operator.call('revocations', 'token:revoke', {
    method: 'POST',
    path: '/revocations',
    body: { kind, id, reason: 'ended by a test' },
  })) as { readonly revocation: string; readonly active: boolean };

const lift = (record: string, by: Command = first.operator.second) =>
  by.call('revocations', 'revocation:lift', {
    method: 'POST',
    path: `/revocations/${record}/lift`,
    body: { reason: 'looked into' },
  });

describe('a halt', () => {
  const trip = async (kind: string, id: string) =>
    (await first.operator.call('halts', 'halt:trip', {
      method: 'POST',
      path: '/halts',
      body: { kind, id, reason: 'a runaway algorithm' },
    })) as { readonly halt: string };
  const proposeRelease = async (halt: string, by: Command = first.operator.second) =>
    (await by.call('halts', 'halt:release', {
      method: 'POST',
      path: `/halts/${halt}/releases`,
      body: { reason: 'mended' },
    })) as { readonly release: string; readonly digest: string };
  const approve = (release: string, digest: string, by: Command = first.operator.third) =>
    by.call('halts', 'halt:approve', { method: 'POST', path: `/halts/releases/${release}/approve`, body: { digest } });
  const release = async (halt: string) => {
    const proposed = await proposeRelease(halt);
    await approve(proposed.release, proposed.digest);
  };
  const order = async () => {
    const { mandate } = await trading.grantMandates();
    return trading.order(mandate, algorithmic);
  };

  // Tokens of earlier tests in this list end for other reasons, so this test is the first.
  it.each([
    ['venue', ({ venue_mic }: { readonly venue_mic: string }) => venue_mic, 'halted-everything'],
    ['desk', () => `${leis.arranger}/rates`, 'halted-partner'],
  ] as const)('of a %s makes earlier tokens for dealing void, but not those for cancelling', async (kind, idOf, by) => {
    const next = await order();
    const dealing = revocable(await trading.agentToken(next));
    const client = trading.firms.client('ha-vwap-1');
    const cancelling = revocable(await client.clientCredentials({ resource: doors.broker, scope: 'order:cancel' }));
    const { halt } = await trip(kind, idOf(next));
    await vi.waitFor(async () => {
      const revoked = await revokedAt(first.issuer);
      expect([revokedBy(revoked, dealing), revokedBy(revoked, cancelling)]).toEqual([by, undefined]);
    }, 10_000);
    await release(halt);
  });

  it('by one person stops new risk at every door of every node, and nothing else; two others release it', async () => {
    const placed = await trading.agentToken(await order());
    const transaction = String(claimsOf(placed).txn);
    const live = String(claimsOf(await trading.agentToken(await order())).txn);
    await trading.transition('brk-orders', 'submit', live, 'h-1');

    const { halt } = await trip('algorithm', 'agent:ha-vwap-1');
    const next = await order();
    expect(await codeOf(() => trading.agentToken(next))).toContain('trading_halted');
    const onSecond = trading.firms.client('ha-vwap-1', { transport: towardsSecond() });
    const wanted = { resource: doors.broker, scope: 'order:create', authorizationDetails: [next] };
    expect(await codeOf(() => onSecond.clientCredentials(wanted))).toContain('trading_halted');
    expect(await trading.evaluate(transaction, 'agent:ha-vwap-1')).toMatchObject({
      decision: false,
      context: { reasons: [{ code: 'trading_halted' }] },
    });
    expect(await codeOf(() => trading.transition('brk-orders', 'submit', transaction, 'h-2'))).toContain(
      'trading_halted',
    );
    // The venue may still report what it does with an order that it already has, and the order can end.
    expect(await trading.transition('ven-matching', 'acknowledge', live, 'h-3')).toMatchObject({
      state: 'acknowledged',
    });
    expect(await trading.transition('ven-matching', 'reject', live, 'h-4')).toMatchObject({ state: 'rejected' });
    expect(await onSecond.clientCredentials({ resource: doors.broker, scope: 'order:cancel' })).toBeDefined();

    // The person who tripped it holds no right to release it, and one person alone does not release it.
    expect(await codeOf(() => proposeRelease(halt, first.operator))).toContain('scope_not_allowed');
    const proposed = await proposeRelease(halt);
    expect(await codeOf(() => approve(proposed.release, proposed.digest, first.operator.second))).toContain(
      'scope_not_allowed',
    );
    expect(await codeOf(() => trading.agentToken(next))).toContain('trading_halted');
    await approve(proposed.release, proposed.digest);
    await trading.agentToken(next);
    expect(await codeOf(() => approve(proposed.release, proposed.digest))).toBe('halt_release_settled');
  });

  it('is tripped, listed and released by command', async () => {
    const command = (...words: readonly string[]) => countersign(['--url', first.issuer, ...words]);
    const key = (name: string) => ['--key', join(folder.path, `${name}.jwk`)];
    const tripped = await command(...key('operator'), 'halt', 'trip', 'client', 'ha-vwap-1', '--reason', 'a drill');
    expect(tripped).toMatchObject({ code: 0, stdout: expect.stringContaining('client ha-vwap-1  halted') });
    const [halt = ''] = /rec_\w+/.exec(tripped.stdout) ?? [];
    const approver = ['--client', 'countersign-approver', ...key('approver')];
    const proposed = await command(...approver, 'halt', 'release', halt, '--reason', 'the drill is over');
    const [, digest = ''] = /digest (\S+)/.exec(proposed.stdout) ?? [];
    const [id = ''] = /rec_\w+/.exec(proposed.stdout) ?? [];
    const compliance = ['--client', 'countersign-compliance', ...key('compliance')];
    const approved = await command(...compliance, 'halt', 'approve', id, '--digest', digest);
    expect(approved).toMatchObject({ code: 0, stdout: expect.stringContaining('release approved') });
    const { stdout } = await command(...key('operator'), 'halt', 'show', halt);
    expect(stdout).toContain('client ha-vwap-1  released');
    expect((await command(...key('operator'), 'halt', 'list', '--status', 'in-force')).stdout).toBe('none\n');
  });
});

describe('a revoked agent', () => {
  it('gets no token anywhere, and is admitted again only by a second person', async () => {
    const { mandate } = await trading.grantMandates();
    const agentOn = (transport?: Transport) =>
      trading.firms.client('ha-vwap-1', transport === undefined ? {} : { transport });
    const ask = (client: Client) => {
      const order = trading.order(mandate, algorithmic);
      return client.clientCredentials({
        resource: doors.broker,
        scope: 'order:create',
        authorizationDetails: [order],
      });
    };
    await ask(agentOn());
    await vi.waitFor(() => ask(agentOn(towardsSecond())), 60_000);

    const { revocation, active } = await revoke('principal', 'agent:ha-vwap-1');
    expect(active).toBe(true);
    expect(await codeOf(() => ask(agentOn()))).toContain('authority_revoked');
    expect(await codeOf(() => ask(agentOn(towardsSecond())))).toContain('authority_revoked');

    await second.stop();
    second = await startSecond();
    expect(await codeOf(() => ask(agentOn(towardsSecond())))).toContain('authority_revoked');

    // The operator's command cannot even request the scope.
    expect(await codeOf(() => lift(revocation, first.operator))).toContain('scope_not_allowed');
    await lift(revocation);
    expect(await codeOf(() => lift(revocation))).toBe('revocation_not_standing');
    await ask(agentOn());
    await ask(agentOn(towardsSecond()));
  });

  it('has its order ended by the responsible party, although it cannot continue', async () => {
    const { mandate } = await trading.grantMandates();
    const { txn } = claimsOf(await trading.agentToken(trading.order(mandate, algorithmic)));
    const transaction = String(txn);
    await trading.transition('brk-orders', 'submit', transaction, 'k-1');
    const { revocation } = await revoke('principal', 'agent:ha-vwap-1');
    expect(await codeOf(() => trading.transition('ven-matching', 'acknowledge', transaction, 'k-2'))).toBe(
      'authority_revoked authority_revoked',
    );
    const rejected = await trading.transition('ven-matching', 'reject', transaction, 'k-3');
    expect(rejected).toMatchObject({ state: 'rejected' });
    await lift(revocation);
  });

  it('has none of its transactions continued, only cancelled', async () => {
    const { mandate } = await trading.grantMandates();
    const order = trading.order(mandate, algorithmic);
    const { txn } = claimsOf(await trading.agentToken(order));
    const transaction = String(txn);
    const { revocation } = await revoke('principal', 'agent:ha-vwap-1');
    // By another firm: the broker, whose own token is valid.
    expect(await codeOf(() => trading.transition('brk-orders', 'submit', transaction, 'k-1'))).toBe(
      'authority_revoked authority_revoked',
    );
    await lift(revocation);
  });
});

/** The claims of a token of ours. */
const revocable = (token: Parameters<typeof claimsOf>[0]) => claimsOf(token) as unknown as RevocableClaims;

/** The list for enforcement points. Its signature is not checked here. */
async function revokedAt(issuer: string): Promise<ReadonlyMap<Digest, number>> {
  const list = await (await fetch(`${issuer}/revocations`)).text();
  const { entries } = JSON.parse(Buffer.from(list.split('.')[1] ?? '', 'base64url').toString()) as {
    readonly entries: readonly { readonly key: Digest; readonly before: number }[];
  };
  return new Map(entries.map(({ key, before }) => [key, before]));
}

/** A client of each of these firms that may read revocations. */
async function watchers(...firms: readonly string[]): Promise<readonly Client[]> {
  const keys = firms.map(() => generateSigningKey());
  const id = (place: number) => `watch-${place}`;
  await first.operator.call('directory', 'directory:apply', {
    method: 'POST',
    path: '/directory/apply',
    body: {
      services: firms.map((institution, place) => ({ id: `service:${id(place)}`, institution, roles: [] })),
      clients: keys.map(({ publicJwk, kid }, place) => ({
        id: id(place),
        institution: firms[place],
        principal: `service:${id(place)}`,
        grant_types: ['client_credentials'],
        scopes: ['revocation:read'],
        audiences: [`${first.issuer}/revocations`],
        jwks: { keys: [{ ...publicJwk, kid }] },
      })),
    },
  });
  return keys.map((key, place) => createClient({ issuer: first.issuer, clientId: id(place), key }));
}

describe('the list of revocations', () => {
  const listed = async (client: Client) => {
    const token = await client.clientCredentials({
      resource: `${first.issuer}/revocations`,
      scope: 'revocation:read',
    });
    const url = `${first.issuer}/revocations/standing`;
    const answer = (await client.callOrThrow(token, { method: 'GET', url })) as {
      readonly revocations: readonly Readonly<Record<string, unknown>>[];
    };
    return answer.revocations;
  };

  it('shows both operators the active revocations with person and reason, until lifted', async () => {
    const { revocation } = await revoke('client', 'ha-vwap-1');
    for (const { client } of [first.operator, first.operator.second])
      expect(await listed(client)).toEqual([
        {
          revocation,
          kind: 'client',
          id: 'ha-vwap-1',
          party: 'operator',
          at: expect.stringMatching(/Z$/),
          by: 'service:countersign-cli',
          reason: 'ended by a test',
        },
      ]);
    await lift(revocation);
    expect(await listed(first.operator.second.client)).toEqual([]);
  });

  it('shows an institution its own revocations, without person and reason of the operator', async () => {
    const { revocation } = await revoke('client', 'ha-vwap-1');
    const [watching, foreign] = await watchers(leis.arranger, leis.broker);
    if (watching === undefined || foreign === undefined) throw new Error('a client that was not made');
    const [own, ...more] = await listed(watching);
    expect([own, more]).toEqual([
      { revocation, kind: 'client', id: 'ha-vwap-1', party: 'operator', at: expect.any(String) },
      [],
    ]);
    expect(await listed(foreign)).toEqual([]);
    await lift(revocation);
  });
});

describe('countersign revocation', () => {
  const command = (...words: readonly string[]) => countersign(['--url', first.issuer, ...words]);
  const asOperator = ['--key', join(folder.path, 'operator.jwk')];
  const asApprover = ['--client', 'countersign-approver', '--key'];

  it('lists, places and lifts revocations, and lets no placer lift', async () => {
    const keyFile = join(folder.path, 'approver.jwk');
    expect(await command(...asOperator, 'revocation', 'list')).toMatchObject({ code: 0, stdout: 'none\n' });
    const placed = await command(
      ...asOperator,
      'revocation',
      'place',
      'client',
      'ha-vwap-1',
      '--reason',
      'Its key may be lost',
    );
    expect(placed).toMatchObject({ code: 0, stdout: expect.stringContaining('client ha-vwap-1 is revoked') });
    const [record = ''] = /rec_\w+/.exec(placed.stdout) ?? [];
    const { stdout } = await command(...asOperator, 'revocation', 'list');
    expect(stdout).toMatch(new RegExp(`^${record}  client ha-vwap-1  by service:countersign-cli.*Its key may be lost`));
    const own = await command(...asOperator, 'revocation', 'lift', record, '--reason', 'Found');
    expect([own.code, own.stderr]).toEqual([1, expect.stringContaining('scope_not_allowed')]);
    const lifted = await command(...asApprover, keyFile, 'revocation', 'lift', record, '--reason', 'Found');
    expect(lifted).toMatchObject({ code: 0, stdout: expect.stringContaining('lifted by rec_') });
    expect((await command(...asApprover, keyFile, 'revocation', 'list')).stdout).toBe('none\n');
  });
});

describe('revoking something unknown', () => {
  it.each([
    ['principal', 'person:nobody'],
    ['client', 'nobody'],
    ['partner', '5493001KJTIIGC8Y1R12'],
    ['mandate', 'mnd_01k9z3m8q4d6s0v2x5y7a9b1c3'],
    ['grant', 'grt_01k9z3m8q4d6s0v2x5y7a9b1c3'],
    ['token', 'tok_01k9z3m8q4d6s0v2x5y7a9b1c3'],
  ])('is refused: a %s %s', async (kind, id) => {
    expect(await codeOf(() => revoke(kind, id))).toBe('revocation_target_unknown');
  });

  it('and so is revoking the operator’s own institution, since nobody could lift that', async () => {
    expect(await codeOf(() => revoke('partner', configuration.operator.lei))).toBe('revocation_locks_out');
  });

  it('and lifting a revocation that does not exist', async () => {
    expect(await codeOf(() => lift('rec_01k9z3m8q4d6s0v2x5y7a9b1c3'))).toBe('revocation_unknown');
    expect(await codeOf(() => lift('nothing'))).toBe('revocation_unknown');
  });
});

describe('the decision point', () => {
  it.each<[string, (mandate: string) => string]>([
    ['principal', () => 'agent:ha-vwap-1'],
    ['mandate', (mandate) => mandate],
    ['partner', () => leis.arranger],
  ])('denies the broker while the %s of an order is revoked, as every other interface does', async (kind, idOf) => {
    const { mandate } = await trading.grantMandates();
    const { txn } = claimsOf(await trading.agentToken(trading.order(mandate, algorithmic)));
    const asked = () => trading.evaluate(String(txn), 'agent:ha-vwap-1');
    expect((await asked()).context.reasons).toEqual([]);
    const { revocation } = await revoke(kind, idOf(mandate));
    expect(await asked()).toMatchObject({ decision: false, context: { reasons: [{ code: 'authority_revoked' }] } });
    await lift(revocation);
    await vi.waitFor(async () => expect(await asked()).toMatchObject({ decision: true }), 60_000);
  });
});
