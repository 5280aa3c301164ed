import { setTimeout as sleep } from 'node:timers/promises';
import { accessErrors } from '@countersign/contracts';
import { CodedError } from '@countersign/kernel';
import { createProtection, createTransport, type Transport } from '@countersign/sdk';
import { completeFlows, type Flow, signIn } from '../code-flow.ts';
import type { MeasuredControlPlane } from '../control-plane.ts';
import { openConnection, requireSuccess } from '../http-connection.ts';
import {
  clientOf,
  createCredentials,
  createProver,
  formRequest,
  type MachineClient,
  pick,
} from '../machine-clients.ts';
import { clearingScope, consentedScope, venueOrders, venueScope } from '../market.ts';
import { median } from '../measure.ts';
import type { ServerProcess } from '../server-process.ts';
import { number, table } from '../table.ts';
import type { SuiteOptions } from './suite.ts';

/** How long a revocation took to be seen, for one way of revoking. */
export interface RevocationDelays {
  readonly door: string;
  readonly seen: readonly { readonly by: string; readonly delaysMs: readonly number[] }[];
}

/** Pause between two questions. Delays are too long by at most this pause and the time of one answer. */
const askEveryMs = 10;
/** A revocation that has no effect by then is a defect. */
const givenUpAfterMs = 20_000;

/**
 * The time from the answer of a revocation to the first refusal: by introspection on the same node and on another node with
 * the same database, and at enforcement points that follow either node. All are asked continuously.
 */
export async function measureRevocation(
  options: SuiteOptions & {
    readonly controlPlane: MeasuredControlPlane;
    readonly secondNode: ServerProcess;
  },
): Promise<readonly RevocationDelays[]> {
  const { controlPlane, secondNode, pace } = options;
  const { issuer, market } = controlPlane;
  const observers = createObservers(controlPlane, secondNode);
  const desk = { name: 'Countersign', issuer, clients: market.desks, resource: venueOrders, scope: consentedScope };
  const people = await signIn(desk, market.people.slice(0, pace.revocations));
  const consents = await completeFlows(desk, people);
  const found: RevocationDelays[] = [];
  for (const { name, take, revoke } of revocationDoors(controlPlane, consents)) {
    const seen = observers.map(({ name: by }) => ({ by, delaysMs: [] as number[] }));
    for (let turn = 0; turn < pace.revocations; turn++) {
      options.onProgress(`revocation: ${name}: ${turn + 1} of ${pace.revocations}`);
      const target = await take(turn);
      const watching = Promise.all(observers.map((observer) => firstRefusal(observer, target)));
      watching.catch(() => undefined);
      // A random moment between two readings of the list.
      await sleep(200 + Math.random() * 1000);
      const answeredAt = await revoke(target);
      // 0 if no question after the answer was accepted; otherwise until the first refusal.
      for (const [index, { lastAcceptedAt, refusedAt }] of (await watching).entries())
        seen[index]?.delaysMs.push(lastAcceptedAt <= answeredAt ? 0 : refusedAt - answeredAt);
    }
    found.push({ door: name, seen });
  }
  return found;
}

interface Refusal {
  /** Start of the last accepted question, by `performance.now`. */
  readonly lastAcceptedAt: number;
  /** Start of the first refused question. */
  readonly refusedAt: number;
}

/** Asks until the first refusal. */
async function firstRefusal({ name, accepts }: Observer, token: HeldToken): Promise<Refusal> {
  const until = performance.now() + givenUpAfterMs;
  let lastAcceptedAt: number | undefined;
  for (;;) {
    const askedAt = performance.now();
    const accepted = await accepts(token);
    if (!accepted && lastAcceptedAt === undefined) throw new Error(`${name} refused an active token`);
    if (!accepted && lastAcceptedAt !== undefined) return { lastAcceptedAt, refusedAt: askedAt };
    if (askedAt > until) break;
    lastAcceptedAt = askedAt;
    await sleep(askEveryMs);
  }
  throw new CodedError({
    code: 'benchmark_answer',
    category: 'invalid',
    detail: `${name} still accepted a revoked token after ${givenUpAfterMs / 1000} s.`,
  });
}

/** The delays of each way of revoking, by observer. */
export function revocationSection(delays: readonly RevocationDelays[]): string {
  const turns = Math.max(...delays.flatMap(({ seen }) => seen.map(({ delaysMs }) => delaysMs.length)));
  const rows = delays.flatMap(({ door, seen }) => [
    [door],
    ...seen.map(({ by, delaysMs }) => {
      const [low, middle, high] = [Math.min(...delaysMs), median(delaysMs), Math.max(...delaysMs)];
      return [`  ${by}`, number(low, 0), number(middle, 0), number(high, 0)];
    }),
  ]);
  return table(`Revocation: milliseconds from its answer to the first refusal, ${turns} each, asked without pause`, [
    ['', 'min', 'median', 'max'],
    ...rows,
  ]);
}

interface RevocationTarget extends HeldToken {
  /** What is revoked: the token itself, or the token of its consent. */
  readonly presented: string;
}

interface RevocationDoor {
  readonly name: string;
  /** A fresh target for each turn. */
  take(turn: number): Promise<RevocationTarget>;
  /** @returns the time of the answer, by `performance.now` */
  revoke(target: RevocationTarget): Promise<number>;
}

/** @param consents as many as there are turns: each can be revoked once */
function revocationDoors(
  { issuer, market, operator }: MeasuredControlPlane,
  consents: readonly Flow[],
): readonly RevocationDoor[] {
  async function ownToken(turn: number): Promise<RevocationTarget> {
    const client = pick(market.traders, turn);
    const wanted = { resource: venueOrders, scope: venueScope };
    const { accessToken } = await clientOf(client, issuer).clientCredentials(wanted);
    return { client, accessToken, presented: accessToken };
  }

  async function consented(turn: number): Promise<RevocationTarget> {
    const { client, accessToken, refreshToken } = pick(consents, turn);
    if (accessToken === undefined || refreshToken === undefined) throw new Error('a consent without tokens');
    return { client, accessToken, presented: refreshToken };
  }

  return [
    {
      name: 'POST /revoke, an access token by its client',
      take: ownToken,
      revoke: ({ client, presented }) => revokeAsClient(issuer, client, presented),
    },
    {
      name: 'POST /revoke, a refresh token: its consent ends',
      take: consented,
      revoke: ({ client, presented }) => revokeAsClient(issuer, client, presented),
    },
    {
      name: 'POST /revocations, a token by the operator',
      take: ownToken,
      async revoke({ accessToken }) {
        const token = await operator.clientCredentials({ resource: `${issuer}/revocations`, scope: 'token:revoke' });
        await operator.callOrThrow(token, {
          method: 'POST',
          url: `${issuer}/revocations`,
          body: { kind: 'token', id: tokenIdOf(accessToken), reason: 'benchmark' },
        });
        return performance.now();
      },
    },
  ];
}

/** RFC 7009. */
async function revokeAsClient(issuer: string, client: MachineClient, token: string): Promise<number> {
  const credentials = createCredentials({ issuer, path: '/revoke', proof: false });
  const connection = await openConnection('revocation', issuer);
  try {
    const answer = await connection.ask(formRequest(`${issuer}/revoke`, { token }, credentials(client)));
    const answeredAt = performance.now();
    requireSuccess('revocation', answer, answer.status === 200 ? undefined : 'which revokes nothing');
    return answeredAt;
  } finally {
    connection.close();
  }
}

function tokenIdOf(accessToken: string): string {
  const claims: unknown = JSON.parse(Buffer.from(accessToken.split('.')[1] ?? '', 'base64url').toString('utf8'));
  if (typeof claims === 'object' && claims !== null && 'jti' in claims && typeof claims.jti === 'string')
    return claims.jti;
  throw new Error('an access token without an id');
}

/** An access token for the venue, with its holder. */
interface HeldToken {
  readonly accessToken: string;
  readonly client: MachineClient;
}

/** A service that accepts a token until it learns of its revocation. */
interface Observer {
  readonly name: string;
  /** @throws every error that is not a refusal of the token */
  accepts(token: HeldToken): Promise<boolean>;
}

function createObservers({ issuer, market }: MeasuredControlPlane, secondNode: ServerProcess): readonly Observer[] {
  const gateway = pick(market.gateways, 0);
  const second = towards(issuer, secondNode.url);
  const first = createTransport();
  return [
    introspecting('introspection, same node', { issuer, gateway, transport: first }),
    introspecting('introspection, second node', { issuer, gateway, transport: second }),
    enforcing('enforcement point, following the same node', { issuer, transport: first }),
    enforcing('enforcement point, following the second node', { issuer, transport: second }),
  ];
}

/** Sends requests for the issuer to one of its nodes. */
function towards(issuer: string, node: string): Transport {
  const transport = createTransport();
  return { send: (request) => transport.send({ ...request, url: request.url.replace(issuer, node) }) };
}

function introspecting(
  name: string,
  by: { readonly issuer: string; readonly gateway: MachineClient; readonly transport: Transport },
): Observer {
  const client = clientOf(by.gateway, by.issuer, by.transport);
  return { name, accepts: async ({ accessToken }) => (await client.introspect(accessToken)) !== undefined };
}

function enforcing(name: string, by: { readonly issuer: string; readonly transport: Transport }): Observer {
  const protection = createProtection({ ...by, audience: venueOrders });
  return {
    name,
    async accepts({ accessToken, client }) {
      const prove = createProver({ method: 'GET', url: venueOrders, accessToken });
      const authorization = [`DPoP ${accessToken}`];
      const request = { method: 'GET', url: venueOrders, authorization, dpop: [prove(client)] };
      try {
        await protection.check(request, { scope: clearingScope });
        return true;
      } catch (error) {
        if (accessErrors.is(error, 'token_revoked')) return false;
        throw error;
      }
    },
  };
}
