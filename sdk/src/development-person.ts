import { type Clock, epochSeconds, type Random, systemClock, systemRandom } from '@countersign/kernel';
import { isScope, personScopes } from '@countersign/market/scopes';
import { encodeHeader, signCompactJws } from '@countersign/oauth/signatures';
import type { Client, ClientOptions, Token, TokenRequest } from './client.ts';
import type { SigningKey } from './keys.ts';

/**
 * The operator's people in a development installation, by the client that they use. The holder of the client's key file acts as
 * this person; outside development people sign in with their own keys.
 */
export const developmentPeople = {
  'countersign-cli': { person: 'person:development.operator', issuer: 'development/operator' },
  'countersign-approver': { person: 'person:development.approver', issuer: 'development/approver' },
  'countersign-compliance': { person: 'person:development.compliance', issuer: 'development/compliance' },
} as const;
export type DevelopmentClient = keyof typeof developmentPeople;

export function isDevelopmentClient(clientId: string): clientId is DevelopmentClient {
  return Object.hasOwn(developmentPeople, clientId);
}

/** Authentication context class of a sign-in that proves nothing. Accepted only in development. */
const developmentAcr = 'urn:countersign:acr:development';

const lifeSeconds = 60;

/**
 * Asserts that the operator's person is present at that client: a single-use assertion for the RFC 7523 grant. An installation
 * outside development rejects it.
 *
 * @returns a compact JWS
 */
export function signInForDevelopment(
  {
    issuer,
    clientId,
    key,
  }: { readonly issuer: string; readonly clientId: DevelopmentClient; readonly key: SigningKey },
  { clock = systemClock, random = systemRandom }: { readonly clock?: Clock; readonly random?: Random } = {},
): Promise<string> {
  const { person, issuer: path } = developmentPeople[clientId];
  const now = epochSeconds(clock.now());
  const claims = {
    iss: `${issuer}/${path}`,
    sub: person,
    aud: issuer,
    client_id: clientId,
    jti: Buffer.from(random.bytes(16)).toString('base64url'),
    iat: now,
    exp: now + lifeSeconds,
    auth_time: now,
    acr: developmentAcr,
    amr: ['swk'],
  };
  return signCompactJws(encodeHeader({ alg: key.algorithm, typ: 'JWT', kid: key.kid }), claims, async (input) =>
    key.sign(input),
  );
}

/** Whether the scope requires a person: governance, or compliance findings. */
export function isForPerson(scope: string): boolean {
  return scope.split(' ').some((each) => each === 'compliance:record' || (isScope(each) && personScopes.has(each)));
}

/** A token for an operator command in development: for its person if one is required, otherwise for the command itself. */
export async function tokenInDevelopment(
  client: Client,
  { issuer, clientId, key, ...from }: Pick<ClientOptions, 'issuer' | 'clientId' | 'key' | 'clock' | 'random'>,
  request: TokenRequest,
): Promise<Token> {
  if (!isDevelopmentClient(clientId) || !isForPerson(request.scope)) return client.clientCredentials(request);
  return client.jwtBearer(await signInForDevelopment({ issuer, clientId, key }, from), request);
}
