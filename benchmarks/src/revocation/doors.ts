import { createClient } from '@countersign/sdk';
import type { Flow } from '../code-flow.ts';
import type { MeasuredControlPlane } from '../control-plane.ts';
import { openConnection, unsuccessful } from '../http-connection.ts';
import { createCredentials, formRequest, type MachineClient, pick } from '../machine-clients.ts';
import { venueOrders, venueScope } from '../market.ts';
import type { HeldToken } from './observers.ts';

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
