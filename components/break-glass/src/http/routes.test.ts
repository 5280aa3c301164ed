import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { accessErrors, type Caller, type ResourceGuard } from '@countersign/contracts';
import { parseDigest } from '@countersign/kernel';
import { createKeyCache } from '@countersign/oauth';
import { createHttpServer, createMetrics } from '@countersign/runtime';
import { createMemorySingleUse } from '@countersign/testkit';
import type { FastifyInstance } from 'fastify';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { breakGlassRoutes, type RunningBreakGlass } from '../index.ts';
import {
  type BreakGlassWorld,
  createBreakGlassWorld,
  eve,
  fay,
  origin,
  sam,
  stopOrders,
} from '../testing/break-glass-world.ts';

let world: BreakGlassWorld;
let breakGlass: RunningBreakGlass;
let app: FastifyInstance;
let tool: ReturnType<typeof makeTool>;

/** The holder's tool, with its own key. */
function makeTool() {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const { kty, crv, x, y } = publicKey.export({ format: 'jwk' });
  const jwk = { kty, crv, x, y };
  const jkt = parseDigest(createKeyCache().import(jwk).thumbprint);
  if (jkt === undefined) throw new Error('a thumbprint that is none');
  return { jkt, proof: (url: string, jti: string) => proofOf(privateKey, jwk, url, jti) };
}

function proofOf(key: KeyObject, jwk: object, url: string, jti: string): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const iat = Math.floor(world.clock.now() / 1000);
  const head = `${part({ typ: 'dpop+jwt', alg: 'ES256', jwk })}.${part({ htm: 'POST', htu: url, jti, iat })}`;
  return `${head}.${sign('sha256', Buffer.from(head), { key, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`;
}

const guard: ResourceGuard = {
  async check(request, { scope }): Promise<Caller> {
    const [institution] = request.authorization;
    if (institution === undefined) throw accessErrors.error('token_missing', 'There is no token.');
    if (scope !== 'breakglass:read') throw accessErrors.error('insufficient_scope', `This needs ${scope}.`);
    return {
      subject: 'service:siem',
      client: 'test',
      institution,
      actors: [],
      scope: [scope],
      tokenId: 'tok',
      authorizationDetails: [],
    };
  },
};

beforeEach(async () => {
  world = await createBreakGlassWorld();
  breakGlass = world.node();
  tool = makeTool();
  app = createHttpServer({ logger: world.logger, metrics: createMetrics() });
  breakGlassRoutes(app, {
    breakGlass,
    guard,
    singleUse: createMemorySingleUse(world.clock),
    clock: world.clock,
    baseUrl: origin,
    operator: 'THE-OPERATOR',
  });
  for (const each of [fay, sam]) world.keys.enrol(each.id);
});
afterEach(async () => {
  await app.close();
  await world.close();
});

async function granted(): Promise<string> {
  const { id } = await world.declare(breakGlass, fay, { ...stopOrders, jkt: tool.jkt });
  await world.second(breakGlass, id);
  return `/incidents/${id}/token`;
}

async function collect(path: string, ...proofs: readonly string[]) {
  const answer = await app.inject({
    method: 'POST',
    url: path,
    headers: proofs.length === 0 ? {} : { dpop: proofs[0] ?? '' },
  });
  return { status: answer.statusCode, headers: answer.headers, body: answer.json<Record<string, unknown>>() };
}

describe('collecting the access', () => {
  it('requires the declared key, with a proof that is used once', async () => {
    const path = await granted();
    const url = `${origin}${path}`;
    const proof = tool.proof(url, 'one');
    const answer = await collect(path, proof);
    expect(answer).toMatchObject({
      status: 200,
      body: { access_token: 'token-1', token_type: 'DPoP', scope: 'order:read order:cancel' },
    });
    expect(answer.headers['cache-control']).toBe('no-store');
    expect(await collect(path, proof)).toMatchObject({ status: 401, body: { code: 'proof_replayed' } });
    expect(await collect(path)).toMatchObject({ status: 401, body: { code: 'proof_missing' } });
    expect(await collect(path, tool.proof(`${origin}/elsewhere`, 'two'))).toMatchObject({
      body: { code: 'proof_url' },
    });
    expect(world.issued).toHaveLength(1);
  });

  it('gives another key the same answer as for an unknown incident', async () => {
    const path = await granted();
    const stranger = makeTool();
    const refused = await collect(path, stranger.proof(`${origin}${path}`, 'one'));
    const nowhere = '/incidents/inc_01k9z3m8q4d6s0v2x5y7a9b1c3/token';
    const missing = await collect(nowhere, stranger.proof(`${origin}${nowhere}`, 'two'));
    expect(refused.status).toBe(404);
    expect(refused.body).toEqual(missing.body);
  });
});

describe('viewing', () => {
  it('is for the institution and the operator, with the right scope', async () => {
    await granted();
    const list = async (institution: string) =>
      (await app.inject({ url: '/incidents', headers: { authorization: institution } })).json<{
        incidents: object[];
      }>();
    expect((await list(fay.institution)).incidents).toMatchObject([
      { holder: fay.id, second: sam.id, status: 'granted' },
    ]);
    expect((await list('THE-OPERATOR')).incidents).toHaveLength(1);
    expect((await list(eve.institution)).incidents).toEqual([]);
    expect((await app.inject({ url: '/incidents' })).statusCode).toBe(401);
  });
});
