import { join } from 'node:path';
import { digestOfIntent } from '@countersign/market';
import { createLogger } from '@countersign/runtime';
import { type Client, signApproval, stepOf, type Token } from '@countersign/sdk';
import { createFaultyProxy, type FaultyProxy, startTestServer, type TestServer } from '@countersign/testkit';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { endAll, type ServerProcess, startServer } from './testing/command.ts';
import { configurationIn, operatorOf, type RunningControlPlane, runControlPlane } from './testing/control-plane.ts';
import { codeOf, refusalBy } from './testing/refusal.ts';
import { scratchFolder } from './testing/scratch-folder.ts';
import { algorithmic, claimsOf, large, mandateTerms, openTrading, type Trading } from './testing/trading.ts';

// Nothing is released before its record is durable. The faults are real: in the database, in the network to it, and in the
// process.

const folder = scratchFolder();
const configurationFile = join(folder.path, 'countersign.json');
let database: TestServer;
let proxy: FaultyProxy;
let superuser: pg.Client;
let configuration: Awaited<ReturnType<typeof configurationIn>>;

beforeAll(async () => {
  database = await startTestServer();
  proxy = await createFaultyProxy({ target: database.connection });
  superuser = new pg.Client(database.connection);
  await superuser.connect();
  configuration = await configurationIn(folder.path, { database: proxy.through(database.connection) });
});
afterAll(async () => {
  await endAll();
  await superuser?.end();
  await proxy?.close();
  await database?.stop();
  folder.remove();
});

/** Errors in this test are intended. */
const logger = createLogger({ level: 'silent', name: 'countersign' });

/**
 * Commits are flushed and then wait for a standby that never answers: durable, but unacknowledged. Single-use claims do not
 * wait, since their record makes them durable.
 */
async function withholdAnswers(): Promise<void> {
  await superuser.query(`alter system set synchronous_standby_names = 'nobody'`);
  await superuser.query('select pg_reload_conf()');
}

async function restoreAnswers(): Promise<void> {
  await superuser.query('alter system reset synchronous_standby_names');
  await superuser.query('select pg_reload_conf()');
}

async function untilCommitIsWithheld(): Promise<void> {
  await vi.waitFor(
    async () => {
      const { rows } = await superuser.query(
        // The log stores more than records, and those commits wait as well.
        `select 1 from pg_stat_activity
         where wait_event = 'SyncRep' and usename = 'countersign_audit_log' and query like 'with turn as (insert into append_turns%'`,
      );
      expect(rows).toHaveLength(1);
    },
    { timeout: 60_000, interval: 10 },
  );
}

const decisionToken = (client: Client): Promise<Token> =>
  client.clientCredentials({ resource: `${configuration.issuer}/decisions`, scope: 'decision:evaluate' });

describe('a process killed between record and release', () => {
  afterEach(restoreAnswers);

  it('has released nothing that is not in the log, and the log knows what was in progress', {
    timeout: 120_000,
  }, async () => {
    const start = (): Promise<ServerProcess> => startServer(['--config', configurationFile]);

    /** @returns records of the token that was in progress when the process was killed */
    async function killedOnTheWay(): Promise<readonly unknown[]> {
      const server = await start();
      const { client, records } = operatorOf(folder.path, configuration.issuer);
      await decisionToken(client);
      const before = await records({ type: 'token.issued' });

      await withholdAnswers();
      const outcome = decisionToken(client).then(
        (token) => claimsOf(token),
        (error: unknown) => error,
      );
      await untilCommitIsWithheld();
      expect(await server.end('SIGKILL')).toBe('SIGKILL');
      expect(await outcome).toMatchObject({ code: 'control_plane_unreachable' });
      await restoreAnswers();

      const restarted = await start();
      const after = await operatorOf(folder.path, restarted.address).records({ type: 'token.issued' });
      expect(await restarted.end('SIGTERM')).toBe(0);
      return after
        .slice(before.length)
        .filter(({ audience }) => audience?.includes(`${configuration.issuer}/decisions`));
    }

    // Sometimes the process records something of its own at that moment, and that commit was withheld instead.
    let meanwhile = await killedOnTheWay();
    for (let again = 0; again < 3 && meanwhile.length === 0; again++) meanwhile = await killedOnTheWay();
    // The token that nobody received is on record: the fault errs on this side only.
    expect(meanwhile).toHaveLength(1);
  });
});

describe('in a running control plane', () => {
  let controlPlane: RunningControlPlane;
  let trading: Trading;
  /** The possible actions, each with the tokens it needs: obtained beforehand, because none are issued meanwhile. */
  let actions: Readonly<Record<string, () => Promise<unknown>>>;
  let state: () => Promise<unknown>;

  beforeAll(async () => {
    controlPlane = await runControlPlane(configuration, { logger });
    trading = await openTrading(controlPlane);
    const { issuer, operator } = controlPlane;
    const { firms } = trading;
    const { mandate } = await trading.grantMandates();
    const proposed = await trading.propose('am-mandates', mandateTerms());
    const order = trading.order(mandate, large);
    const orderToken = await trading.traderToken(order);
    const transaction = String(claimsOf(orderToken)['txn']);
    const small = trading.order(mandate);
    const smallTransaction = String(claimsOf(await trading.traderToken(small))['txn']);

    const { id, approvalKey } = firms.people.supervisor;
    const intentDigest = digestOfIntent(order);
    const jws = await signApproval({ approver: id, transaction, intentDigest, lifeSeconds: 600 }, approvalKey);

    const govern = async (door: string, scope: string, path: string, body: unknown) => {
      const token = await operator.token(door, scope);
      return () => operator.client.callOrThrow(token, { method: 'POST', url: `${issuer}${path}`, body });
    };
    const post = async (
      client: Client,
      door: string,
      scope: string,
      path: string,
      body: unknown,
      idempotencyKey?: string,
      authorizationDetails?: readonly unknown[],
    ) => {
      const details = authorizationDetails === undefined ? {} : { authorizationDetails };
      const token = await client.clientCredentials({ resource: `${issuer}/${door}`, scope, ...details });
      const url = `${issuer}${path}`;
      const key = idempotencyKey === undefined ? {} : { idempotencyKey };
      return () => client.callOrThrow(token, { method: 'POST', url, body, ...key });
    };
    const { institutions = [], ...directory } = firms.directoryDocument();
    const renamed = {
      ...directory,
      institutions: institutions.map((firm) => ({ ...firm, name: 'Renamed in an outage' })),
    };
    const profile = { profile: { ...firms.trustProfile, max_lifetime_seconds: 60 }, reason: 'In an outage' };
    const evaluation = {
      subject: { type: 'person', id: firms.people.trader.id },
      action: { name: 'order:create' },
      resource: { type: 'transaction', id: smallTransaction },
      context: { client: 'ha-oms', scope: 'order:create' },
    };
    const assetManager = firms.client('am-mandates');
    actions = {
      'a token': () => decisionToken(firms.client('brk-orders')),
      'a token for an order': () => trading.agentToken(trading.order(mandate, algorithmic)),
      'a decision': await post(
        firms.client('brk-orders'),
        'decisions',
        'decision:evaluate',
        '/access/v1/evaluation',
        evaluation,
      ),
      'an approval': await post(
        firms.client('ha-approvals'),
        'transactions',
        'order:approve',
        `/transactions/${transaction}/approvals`,
        { jws },
      ),
      'a mandate': await post(assetManager, 'mandates', 'mandate:grant', '/mandates', mandateTerms(), 'in-an-outage'),
      'an acceptance': await post(
        firms.client('ha-mandates'),
        'mandates',
        'mandate:grant',
        `/mandates/${proposed}/accept`,
        { termsHash: mandateTerms().termsHash },
      ),
      'a suspension': await post(assetManager, 'mandates', 'mandate:revoke', `/mandates/${mandate}/suspend`, {
        reason: 'Outage',
      }),
      'a revocation': await post(assetManager, 'mandates', 'mandate:revoke', `/mandates/${mandate}/revoke`, {
        reason: 'Outage',
      }),
      'a transition': await post(
        firms.client('brk-orders'),
        'transactions',
        'order:create',
        `/transactions/${smallTransaction}/transitions`,
        { event: 'submit', body: {} },
        'in-an-outage',
        [stepOf({ issuer, transaction: smallTransaction, event: 'submit' })],
      ),
      'a directory': await govern('directory', 'directory:apply', '/directory/apply', renamed),
      'a trust profile': await govern('partners', 'partner:register', '/partners/profiles', profile),
      'a key': await govern('keys', 'key:rotate', '/keys/access-token/rotate', {}),
    };

    state = async () => {
      const [mandates, order1, order2, institution, profiles] = await Promise.all([
        trading.call('am-mandates', 'mandates', 'mandate:read', { method: 'GET', path: '/mandates' }),
        trading.call('brk-orders', 'transactions', 'order:read', {
          method: 'GET',
          path: `/transactions/${transaction}`,
        }),
        trading.call('brk-orders', 'transactions', 'order:read', {
          method: 'GET',
          path: `/transactions/${smallTransaction}`,
        }),
        operator.call('directory', 'directory:read', {
          method: 'GET',
          path: `/directory/institution/${String(institutions[0]?.['lei'])}`,
        }),
        operator.call('partners', 'partner:register', { method: 'GET', path: '/partners/profiles' }),
      ]);
      const effects = [
        'token.issued',
        'transaction.opened',
        'decision.made',
        'approval.given',
        'mandate.proposed',
        'mandate.accepted',
        'mandate.suspended',
        'mandate.revoked',
        'transaction.transitioned',
        'directory.applied',
        'partner.profile-registered',
        'key.published',
      ];
      const records = (await operator.records()).filter(({ type }) => effects.includes(type));
      // Checking the state takes tokens as well.
      const isOwnCheck = ({ type, scope = [] }: { type: string; scope?: readonly string[] }) =>
        type === 'token.issued' &&
        scope.every((name) => name.endsWith(':read') || ['audit:disclose', 'partner:register'].includes(name));
      return {
        mandates,
        order1,
        order2,
        institution,
        profiles,
        records: records.filter((record) => !isOwnCheck(record)).map(({ id: record, type }) => `${type} ${record}`),
      };
    };
  });
  afterAll(async () => {
    await trading?.stop();
    await controlPlane?.stop();
  });

  const publishedKeys = async (): Promise<readonly string[]> => {
    const { keys } = (await (await fetch(`${controlPlane.issuer}/jwks`)).json()) as {
      keys: readonly { kid: string }[];
    };
    return keys.map(({ kid }) => kid);
  };
  const statusOf = async (path: string): Promise<number> => (await fetch(`${controlPlane.issuer}${path}`)).status;

  const faults: readonly (readonly [
    string,
    { begin: () => Promise<void>; end: () => Promise<void>; codes: RegExp },
  ])[] = [
    [
      'the database is gone',
      {
        begin: () => proxy.refuse(),
        end: () => proxy.restore(),
        codes: /^(log_unavailable|database_unavailable|temporarily_unavailable)/,
      },
    ],
    [
      'the log alone cannot be written',
      {
        begin: async () => {
          await superuser.query('alter role countersign_audit_log nologin');
          await superuser.query(
            `select pg_terminate_backend(pid) from pg_stat_activity where usename = 'countersign_audit_log'`,
          );
        },
        end: async () => {
          await superuser.query('alter role countersign_audit_log login');
        },
        codes: /^(log_unavailable|temporarily_unavailable log_unavailable)$/,
      },
    ],
  ];

  describe.each(faults)('while %s', (_, { begin, end, codes }) => {
    let before: unknown;
    let keysBefore: readonly string[];
    beforeAll(async () => {
      before = await state();
      keysBefore = await publishedKeys();
      await begin();
    });

    const named = [
      'a token',
      'a token for an order',
      'a decision',
      'an approval',
      'a mandate',
      'an acceptance',
      'a suspension',
      'a revocation',
      'a transition',
      'a directory',
      'a trust profile',
      'a key',
    ];
    it.each(named)('%s is refused: 503, with a code', async (name) => {
      const action = actions[name];
      if (action === undefined) throw new Error(`nobody knows how to do ${name}`);
      const refusal = await refusalBy(action);
      expect(refusal.category).toBe('unavailable');
      expect(await codeOf(() => Promise.reject(refusal))).toMatch(codes);
    });

    it('is alive and not ready, and says so', async () => {
      expect(await statusOf('/healthz')).toBe(200);
      expect(await statusOf('/readyz')).toBe(503);
    });

    it('has changed nothing, and works again without a restart when its database is back', async () => {
      await end();
      await vi.waitFor(async () => expect(await statusOf('/readyz')).toBe(200), { timeout: 60_000, interval: 50 });
      await vi.waitFor(async () => expect(await state()).toEqual(before), { timeout: 60_000, interval: 200 });
      expect(await controlPlane.components.auditLog.verify()).toMatchObject({ ok: true });
    });

    it('has published no key without a record', async () => {
      expect(await publishedKeys()).toEqual(keysBefore);
    });
  });

  it('does everything that was refused, once the log is back', async () => {
    const { 'a revocation': revoke, 'a suspension': _suspend, ...others } = actions;
    for (const [name, action] of Object.entries(others))
      await action().catch((error: unknown) => expect.fail(`${name}: ${String(error)}`));
    await revoke?.();
    expect(await state()).toMatchObject({
      institution: { name: 'Renamed in an outage' },
      order2: { state: 'submitted' },
    });
  });
});

describe('an unacknowledged commit', () => {
  it('is on record once, and nothing unrecorded is released', async () => {
    const controlPlane = await runControlPlane(configuration, { logger });
    try {
      const { operator } = controlPlane;
      const issued = async (): Promise<readonly string[]> => {
        const records = await operator.records({ type: 'token.issued' });
        return records
          .filter(({ audience }) => audience?.includes(`${configuration.issuer}/decisions`))
          .map(({ id }) => id);
      };
      await decisionToken(operator.client);
      const before = await issued();

      await withholdAnswers();
      const outcome = decisionToken(operator.client).then(
        (token) => String(claimsOf(token)['evidence']),
        (error: { readonly code?: string }) => error.code,
      );
      await untilCommitIsWithheld();
      proxy.cut();
      await restoreAnswers();
      const received = await outcome;

      // The log retries and finds its own record; the client may or may not still be answered.
      const meanwhile = (await issued()).slice(before.length);
      expect(meanwhile).toHaveLength(1);
      expect([...meanwhile, 'temporarily_unavailable']).toContain(received);
      expect(await controlPlane.components.auditLog.verify()).toMatchObject({ ok: true });
    } finally {
      await restoreAnswers();
      await controlPlane.stop();
    }
  });
});
