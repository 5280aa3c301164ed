import { type Clock, epochSeconds, type Random, systemClock, systemRandom } from '@countersign/kernel';
import { isScope, personScopes } from '@countersign/market/scopes';
import type { Client, ClientOptions, Token, TokenRequest } from './client.ts';
import { freshJti, signJwt } from './keys.ts';

/** People of a development installation, by client. The holder of the client's key file acts as this person. */
export const developmentPeople = {
  'countersign-cli': { person: 'person:development.operator', issuer: 'development/operator' },
  'countersign-approver': { person: 'person:development.approver', issuer: 'development/approver' },
  'countersign-compliance': { person: 'person:development.compliance', issuer: 'development/compliance' },
} as const;
export type DevelopmentClient = keyof typeof developmentPeople;

export function isDevelopmentClient(clientId: string): clientId is DevelopmentClient {
  return Object.hasOwn(developmentPeople, clientId);
}

/** Proves nothing. Accepted only in development. */
const developmentAcr = 'urn:countersign:acr:development';

const lifeSeconds = 60;

/** A single-use assertion for the RFC 7523 grant. Rejected outside development. @returns a compact JWS */
export function signInForDevelopment(
  { issuer, clientId, key }: Pick<ClientOptions, 'issuer' | 'key'> & { readonly clientId: DevelopmentClient },
  { clock = systemClock, random = systemRandom }: { readonly clock?: Clock; readonly random?: Random } = {},
): Promise<string> {
  const { person, issuer: path } = developmentPeople[clientId];
  const now = epochSeconds(clock.now());
  const claims = {
    iss: `${issuer}/${path}`,
    sub: person,
    aud: issuer,
    client_id: clientId,
    jti: freshJti(random),
    iat: now,
    exp: now + lifeSeconds,
    auth_time: now,
    acr: developmentAcr,
    amr: ['swk'],
  };
  return signJwt(key, 'JWT', claims);
}

/** Governance, or compliance findings. */
export function isForPerson(scope: string): boolean {
  return scope.split(' ').some((each) => each === 'compliance:record' || (isScope(each) && personScopes.has(each)));
}

/** For the person if the scope requires one, otherwise for the client. */
export async function tokenInDevelopment(
  client: Client,
  { issuer, clientId, key, ...from }: Pick<ClientOptions, 'issuer' | 'clientId' | 'key' | 'clock' | 'random'>,
  request: TokenRequest,
): Promise<Token> {
  if (!isDevelopmentClient(clientId) || !isForPerson(request.scope)) return client.clientCredentials(request);
  return client.jwtBearer(await signInForDevelopment({ issuer, clientId, key }, from), request);
}
