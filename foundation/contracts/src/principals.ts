import type { Brand } from '@countersign/kernel';

/** Ids of principals as the directory writes them: `person:anna.keller`, `service:oms`, `agent:vwap-1`. */
export type PrincipalId = Brand<string, 'PrincipalId'>;
export type ClientId = Brand<string, 'ClientId'>;
export type AccountId = Brand<string, 'AccountId'>;
/** An absolute URI without fragment that names a protected interface (RFC 8707 section 2). */
export type ResourceUri = Brand<string, 'ResourceUri'>;

export const principalKinds = ['person', 'service', 'agent', 'device'] as const;
export type PrincipalKind = (typeof principalKinds)[number];

const principalPattern = /^(person|service|agent|device):[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?$/;
const clientPattern = /^[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?$/;
const accountPattern = /^[A-Za-z0-9](?:[A-Za-z0-9._/-]{0,62}[A-Za-z0-9])?$/;

export function parsePrincipalId(text: unknown): PrincipalId | undefined {
  return typeof text === 'string' && principalPattern.test(text) ? (text as PrincipalId) : undefined;
}

export function parseClientId(text: unknown): ClientId | undefined {
  return typeof text === 'string' && clientPattern.test(text) ? (text as ClientId) : undefined;
}

export function parseAccountId(text: unknown): AccountId | undefined {
  return typeof text === 'string' && accountPattern.test(text) ? (text as AccountId) : undefined;
}

export function kindOfPrincipal(id: PrincipalId): PrincipalKind {
  const kind = principalKinds.find((candidate) => id.startsWith(`${candidate}:`));
  if (kind === undefined) throw new Error(`a PrincipalId without a kind: ${id}`);
  return kind;
}

export function parseResourceUri(text: unknown): ResourceUri | undefined {
  if (typeof text !== 'string' || text.length > 512 || text.includes('#') || !URL.canParse(text)) return undefined;
  return text as ResourceUri;
}
