import { setTimeout as sleep } from 'node:timers/promises';
import { CodedError, isCodedError } from '@countersign/kernel';
import { createClient, createProtection, createTransport, type Transport } from '@countersign/sdk';
import { completeFlows, type Flow, signIn } from '../code-flow.ts';
import type { MeasuredControlPlane } from '../control-plane.ts';
import { openConnection, unsuccessful } from '../http-connection.ts';
import { createCredentials, createProver, formRequest, type MachineClient, pick } from '../machine-clients.ts';
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

/** Between two questions: what is told is too long by up to this, and by the time of one answer. */
const askEveryMs = 10;
/** Far beyond what is promised: a revocation that is not seen by then is a defect, and no figure. */
const givenUpAfterMs = 20_000;

/**
 * From the answer that says "revoked" to the first question that is refused: by introspection on the same node and on another one that
 * shares the database, and at enforcement points that follow either node. All of them are asked all the time, as those
 * of a busy service are.
 */
export async function measureRevocation(
  options: SuiteOptions & {
    readonly controlPlane: MeasuredControlPlane;
    readonly secondNode: ServerProcess;
  },
): Promise<readonly RevocationDelays[]> {
  const { controlPlane, secondNode, pace } = options;
  const { issuer, market } = controlPlane;
  const observers = createObservers({ controlPlane, secondNode });
  const desk = { name: 'Countersign', issuer, clients: market.desks, resource: venueOrders, scope: consentedScope };
  const people = await signIn(desk, market.people.slice(0, pace.revocations));
  const consents = await completeFlows(desk, people);
  const found: RevocationDelays[] = [];
  for (const { name, take, revoke } of revocationDoors({ controlPlane, consents })) {
    const seen = observers.map(({ name: by }) => ({ by, delaysMs: [] as number[] }));
    for (let turn = 0; turn < pace.revocations; turn++) {
      options.onProgress(`revocation: ${name}: ${turn + 1} of ${pace.revocations}`);
      const target = await take(turn);
      const watching = Promise.all(observers.map((observer) => firstRefusal(observer, target)));
      watching.catch(() => undefined);
      // Somewhere between two readings of the list, at random.
      await sleep(200 + Math.random() * 1000);
      const answeredAt = await revoke(target);
      // Nothing where nobody was let through who asked after the answer; else until somebody was refused.
      for (const [index, { lastAcceptedAt, refusedAt }] of (await watching).entries())
        seen[index]?.delaysMs.push(lastAcceptedAt <= answeredAt ? 0 : refusedAt - answeredAt);
    }
    found.push({ door: name, seen });
  }
  return found;
}

interface Refusal {
  /** When the last question was asked that was still answered with yes, by `performance.now`. */
  readonly lastAcceptedAt: number;
  /** When the first one was asked that was answered with no. */
  readonly refusedAt: number;
}

/** Asks on and on, until the answer is no. */
async function firstRefusal({ name, accepts }: Observer, token: HeldToken): Promise<Refusal> {
  const until = performance.now() + givenUpAfterMs;
  let lastAcceptedAt: number | undefined;
  for (;;) {
    const askedAt = performance.now();
    const accepted = await accepts(token);
    if (!accepted && lastAcceptedAt === undefined) throw new Error(`${name} refused a token that stood`);
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

/** How long what was revoked was still let through, by whom. */
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

export interface RevocationTarget extends HeldToken {
  /** What is given to the door: the token itself, or what it was issued under. */
  readonly presented: string;
}

/** One way of revoking. */
export interface RevocationDoor {
  readonly name: string;
  /** Something that stands; each turn another. */
  take(turn: number): Promise<RevocationTarget>;
  /** @returns when the answer was there, by `performance.now` */
  revoke(target: RevocationTarget): Promise<number>;
}

/** @param consents as many as there are turns: each can be revoked once */
export function revocationDoors({
  controlPlane,
  consents,
}: {
  readonly controlPlane: MeasuredControlPlane;
  readonly consents: readonly Flow[];
}): readonly RevocationDoor[] {
  const { issuer, market, operator } = controlPlane;

  async function ownToken(turn: number): Promise<RevocationTarget> {
    const client = pick(market.traders, turn);
    const { id: clientId, key, proofKey } = client;
    const oauth = createClient({ issuer, clientId, key, proofKey });
    const { accessToken } = await oauth.clientCredentials({ resource: venueOrders, scope: venueScope });
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
    if (answer.status !== 200) throw unsuccessful('revocation', answer, 'which ends nothing');
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

/** An access token for the venue, and who holds it. */
export interface HeldToken {
  readonly accessToken: string;
  readonly client: MachineClient;
}

/** Somebody who accepts a token until they know better. */
export interface Observer {
  readonly name: string;
  /** @throws what is no refusal of the token */
  accepts(token: HeldToken): Promise<boolean>;
}

export function createObservers({
  controlPlane,
  secondNode,
}: {
  readonly controlPlane: MeasuredControlPlane;
  readonly secondNode: ServerProcess;
}): readonly Observer[] {
  const { issuer, market } = controlPlane;
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

/** Leads what is meant for the issuer to one of its nodes. */
function towards(issuer: string, node: string): Transport {
  const transport = createTransport();
  return { send: (request) => transport.send({ ...request, url: request.url.replace(issuer, node) }) };
}

function introspecting(
  name: string,
  by: { readonly issuer: string; readonly gateway: MachineClient; readonly transport: Transport },
): Observer {
  const { issuer, gateway, transport } = by;
  const { id: clientId, key, proofKey } = gateway;
  const client = createClient({ issuer, clientId, key, proofKey, transport });
  return { name, accepts: async ({ accessToken }) => (await client.introspect(accessToken)) !== undefined };
}

function enforcing(name: string, by: { readonly issuer: string; readonly transport: Transport }): Observer {
  const protection = createProtection({ ...by, audience: venueOrders });
  return {
    name,
    async accepts({ accessToken, client }) {
      const prove = createProver({ method: 'GET', url: venueOrders, accessToken });
      const request = {
        method: 'GET',
        url: venueOrders,
        authorization: [`DPoP ${accessToken}`],
        dpop: [prove(client)],
      };
      try {
        await protection.check(request, { scope: clearingScope });
        return true;
      } catch (error) {
        if (isCodedError(error, 'token_revoked')) return false;
        throw error;
      }
    },
  };
}
