import { join } from 'node:path';
import { CodedError, isCodedError } from '@countersign/kernel';
import {
  type Client,
  createClient,
  createTransport,
  importSigningKey,
  isDevelopmentClient,
  isForPerson,
  type Token,
  type Transport,
  tokenInDevelopment,
} from '@countersign/sdk/calling';
import type { ConnectionOptions } from './connection-options.ts';
import { printBeside } from './output.ts';
import { isAddress } from './read-address.ts';
import { readJson } from './read-json.ts';

export type { ConnectionOptions };

export interface Connection {
  readonly issuer: string;
  readonly client: Client;
  /** A token for one of the control plane's own interfaces, e.g. `directory`. */
  token(door: string, scope: string): Promise<Token>;
}

/**
 * @param transport how requests are sent; that of the sdk when left out
 * @throws CodedError `connection_settings` naming the missing file or option
 */
export function connect(options: ConnectionOptions, transport?: Transport): Connection {
  const issuer = options.url ?? issuerOf(options.data);
  const key = importSigningKey(
    readJson(options.key ?? join(options.data, 'operator.jwk'), 'Name the private key with --key.'),
  );
  const clientId = options.client ?? 'countersign-cli';
  const sending = transport ?? createTransport();
  const client = createClient({ issuer, clientId, key, transport: sending });
  let development: Promise<boolean> | undefined;
  const inDevelopment = (): Promise<boolean> => {
    development ??= isDevelopment(issuer, sending);
    return development;
  };
  /** One sign-in for each kind of token, reused while the token is valid. */
  const signed = new Map<string, Token>();
  async function signedIn(request: { readonly resource: string; readonly scope: string }): Promise<Token> {
    const name = `${request.resource} ${request.scope}`;
    const known = signed.get(name);
    if (known !== undefined && known.expiresAt > Date.now() + 10_000) return known;
    const { signInPerson } = await import('./person-sign-in.ts');
    const token = await signInPerson(client, issuer, request, printBeside);
    signed.set(name, token);
    return token;
  }
  return {
    issuer,
    client,
    async token(door, scope) {
      const request = { resource: `${issuer}/${door}`, scope };
      if (!isForPerson(scope)) return client.clientCredentials(request).catch(withAdvice(clientId, door));
      if (options.signIn === true) return signedIn(request);
      if (isDevelopmentClient(clientId) && (await inDevelopment()))
        return tokenInDevelopment(client, { issuer, clientId, key }, request);
      return client.clientCredentials(request).catch(withAdvice(clientId, door));
    },
  };
}

/** Adds the next step to an error, for users who do not know the required permissions. */
const withAdvice =
  (clientId: string, door: string) =>
  (error: unknown): never => {
    const reason = isCodedError(error) ? error.facts?.['reason'] : undefined;
    if (!isCodedError(error) || typeof reason !== 'string' || !Object.hasOwn(advice, reason)) throw error;
    const { category, detail } = error;
    // Checked above to be one of its names.
    const next = advice[reason as keyof typeof advice](clientId, door);
    throw new CodedError({ code: reason, category, detail: `${detail} ${next}`, cause: error });
  };

const advice = {
  person_needed: () =>
    'A person has to do this. Run the same command with --sign-in before its name, and sign in at the address that it prints.',
  scope_not_allowed: permissionAdvice,
  target_not_allowed: permissionAdvice,
};

/** Interfaces that show institutions their own data; an operator's client may use them whatever its registration says. */
const forParties: readonly string[] = ['transactions', 'events'];

function permissionAdvice(clientId: string, door: string): string {
  return forParties.includes(door) && clientId.startsWith('countersign-')
    ? 'Orders, exceptions and events are shown to their parties, not to the operator: name a client of a party with --client, and its key with --key.'
    : 'The administrator of the directory grants this: add the scope and the address to `scopes` and `audiences` of the client, and run `countersign directory apply`.';
}

/**
 * Reads the environment from the control plane's metadata. A production server that claims to be in development still rejects
 * the development sign-in.
 */
async function isDevelopment(issuer: string, transport: Transport): Promise<boolean> {
  const { body } = await transport.send({ method: 'GET', url: `${issuer}/.well-known/countersign`, headers: {} });
  return typeof body === 'object' && body !== null && 'environment' in body && body.environment === 'development';
}

export function issuerOf(dataFolder: string): string {
  const configuration = readJson(
    join(dataFolder, 'countersign.json'),
    'Start one with `npm start`, or name another with --url.',
  );
  if (
    typeof configuration === 'object' &&
    configuration !== null &&
    'issuer' in configuration &&
    typeof configuration.issuer === 'string' &&
    isAddress(configuration.issuer)
  )
    return configuration.issuer;
  throw new CodedError({
    code: 'connection_settings',
    category: 'invalid',
    detail: `${dataFolder}/countersign.json names no issuer that begins with http:// or https://; name it with --url.`,
  });
}
