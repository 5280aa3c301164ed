import { createHash } from 'node:crypto';
import type { RevocationTarget } from '@countersign/contracts';
import { newId, systemRandom } from '@countersign/kernel';
import { createKeyCache, createTokenMemory } from '@countersign/oauth';
import { createHttpServer, createLogger, createMetrics, type ScratchDatabase } from '@countersign/runtime';
import {
  createMemoryLog,
  createMemorySigner,
  createMemorySingleUse,
  createTestDatabase,
  fixedClock,
  makeKey,
  type SigningKey,
  signJws,
  testRowSeal,
} from '@countersign/testkit';
import type { FastifyInstance, LightMyRequestResponse } from 'fastify';
import { createGuard } from '../../guard.ts';
import { authorizationServerMigrations } from '../../migrations.ts';
import { broker, tradingWorld } from '../../testing/trading-world.ts';
import { createTokenKeys } from '../../token-keys.ts';
import { registrationRoutes } from '../http.ts';
import { createRegistration } from '../registration.ts';
import { memoryClientDirectory } from './client-directory.ts';

export const issuer = 'https://as.example';
export const endpoint = `${issuer}/register`;

/** The caller: the broker's order desk, unless a test says otherwise. */
export interface By {
  readonly subject?: string;
  readonly client?: string;
  readonly lei?: string;
  readonly scope?: string;
  readonly audience?: string;
}

/** Registration endpoints of two nodes on one database, behind the real guard. */
export async function createRig() {
  const clock = fixedClock(Date.parse('2026-11-23T10:00:00Z'));
  const random = systemRandom;
  const database: ScratchDatabase = await createTestDatabase({ components: [authorizationServerMigrations] });
  const audit = createMemoryLog(clock, { checked: ['authorization-server'], anyReferences: true });
  const world = tradingWorld();
  const directory = memoryClientDirectory({ clock, random, audit }, () => world.directory.snapshot());
  const signer = createMemorySigner();
  const proofKey = makeKey();
  const ended: RevocationTarget[] = [];
  const revocations = {
    endedBy: () => undefined,
    revoke: async (target: RevocationTarget) => {
      await audit.append({
        id: newId('record', { clock, random }),
        type: 'token.revoked',
        source: 'test',
        outcome: 'done',
      });
      ended.push(target);
    },
  };
  const guard = createGuard(endpoint, {
    ...{ clock, random, audit, issuer, revocations },
    singleUse: createMemorySingleUse(clock),
    directory: { ...world.directory, snapshot: directory.snapshot },
    tokenKeys: createTokenKeys(signer),
    proofKeys: createKeyCache(),
    tokenMemory: createTokenMemory(),
  });
  const open: FastifyInstance[] = [];
  const pool = database.pool('authorization-server');

  function node(policy?: unknown, limits = { perMinute: 1_000, waiting: 100 }): FastifyInstance {
    const app = createHttpServer({ logger: createLogger({ level: 'silent', name: 'test' }), metrics: createMetrics() });
    const registration = createRegistration({
      ...{ issuer, clock, random, audit, directory, revocations, limits, policy },
      pool,
      rowSeal: testRowSeal,
    });
    registrationRoutes(app, { registration, guard, baseUrl: issuer });
    open.push(app);
    return app;
  }

  function headers(method: string, url: string, by: By = {}): Record<string, string> {
    const [key] = signer.keys;
    if (key === undefined) throw new Error('a signer without keys');
    const now = Math.floor(clock.now() / 1000);
    const token = signJws(
      key,
      { alg: 'ES256', typ: 'at+jwt', kid: key.kid },
      {
        iss: issuer,
        sub: by.subject ?? 'service:order-desk',
        aud: by.audience ?? endpoint,
        client_id: by.client ?? 'order-desk',
        iat: now,
        exp: now + 300,
        jti: newId('token', { clock, random }),
        scope: by.scope ?? 'client:register',
        cnf: { jkt: proofKey.kid },
        lei: by.lei ?? broker,
        policy_version: 1,
        evidence: newId('record', { clock, random }),
      },
    );
    return { authorization: `DPoP ${token}`, dpop: proof(proofKey, method, url, token) };
  }

  function proof(key: SigningKey, method: string, url: string, token: string): string {
    const ath = createHash('sha256').update(token).digest('base64url');
    const claims = { jti: Buffer.from(random.bytes(8)).toString('hex'), htm: method, htu: url, ath };
    return signJws(
      key,
      { typ: 'dpop+jwt', alg: 'ES256', jwk: key.jwk },
      { ...claims, iat: Math.floor(clock.now() / 1000) },
    );
  }

  const register = (app: FastifyInstance, metadata: unknown, by?: By): Promise<LightMyRequestResponse> =>
    app.inject({
      method: 'POST',
      url: '/register',
      headers: { ...headers('POST', endpoint, by), 'content-type': 'application/json' },
      payload: typeof metadata === 'string' ? metadata : JSON.stringify(metadata),
    });

  /** A request to the configuration endpoint of a client (RFC 7592). */
  const manage = (
    app: FastifyInstance,
    method: 'GET' | 'PUT' | 'DELETE',
    client: { readonly client_id: string; readonly registration_access_token: string },
    metadata?: unknown,
  ): Promise<LightMyRequestResponse> =>
    app.inject({
      method,
      url: `/register/${client.client_id}`,
      headers: {
        authorization: `Bearer ${client.registration_access_token}`,
        ...(metadata === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(metadata === undefined ? {} : { payload: JSON.stringify(metadata) }),
    });

  return {
    ...{ clock, audit, world, directory, ended, node, headers, register, manage },
    pool,
    async close() {
      await Promise.all(open.map((app) => app.close()));
      await database.drop();
    },
  };
}

export type Rig = Awaited<ReturnType<typeof createRig>>;

const key = makeKey();

/** Metadata of a machine of the broker, as its software would send it. */
export function machine(change: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  return {
    client_name: 'Order desk',
    grant_types: ['client_credentials'],
    scope: 'order:create order:read',
    jwks: { keys: [{ ...key.jwk, kid: 'one' }] },
    countersign_principal: 'service:trading-desk',
    countersign_audiences: ['https://venue.example/orders'],
    ...change,
  };
}

/** The response, with the members that every registration has. */
export function clientOf(response: LightMyRequestResponse): Record<string, unknown> & {
  readonly client_id: string;
  readonly registration_access_token: string;
} {
  const body: Record<string, unknown> = response.json();
  const { client_id: clientId, registration_access_token: token } = body;
  if (typeof clientId !== 'string' || typeof token !== 'string')
    throw new Error(`nothing was registered: ${response.statusCode} ${response.body}`);
  return { ...body, client_id: clientId, registration_access_token: token };
}
