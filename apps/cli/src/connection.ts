import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CodedError, isCodedError, parseJson } from '@countersign/kernel';
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

export type { ConnectionOptions };

export interface Connection {
  readonly issuer: string;
  readonly client: Client;
  /** A token for one of the control plane's own interfaces, e.g. `directory`. */
  token(door: string, scope: string): Promise<Token>;
}

/**
 * @param transport how requests are sent; as the sdk does when left out
 * @throws CodedError `connection_settings` saying which file or option is missing
 */
export function connect(options: ConnectionOptions, transport?: Transport): Connection {
  const issuer = options.url ?? issuerOf(options.data);
  const key = importSigningKey(
    readJson(options.key ?? join(options.data, 'operator.jwk'), 'Name the private key with --key.'),
  );
  const clientId = options.client ?? 'countersign-cli';
  const sending = transport ?? createTransport();
  const client = createClient({ issuer, clientId, key, transport: sending });
  /** One sign-in for each kind of token, for as long as the token is good. */
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
      if (!isForPerson(scope)) return client.clientCredentials(request);
      if (options.signIn === true) return signedIn(request);
      if (isDevelopmentClient(clientId) && (await isDevelopment(issuer, sending)))
        return tokenInDevelopment(client, { issuer, clientId, key }, request);
      return client.clientCredentials(request).catch(withAdvice);
    },
  };
}

function withAdvice(error: unknown): never {
  if (!isCodedError(error) || error.facts?.['reason'] !== 'person_needed') throw error;
  throw new CodedError({
    code: 'person_needed',
    category: error.category,
    detail:
      'This is for people. Run the same command with --sign-in before its name, and sign in at the address that it prints.',
    cause: error,
  });
}

/** What the control plane says of itself; where it says otherwise than it is, it refuses the sign-in for development. */
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

/** A JSON file. @throws CodedError `connection_settings` or `file_unreadable` with the advice given */
export function readJson(path: string, advice: string): unknown {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    throw unreadable(path, cause instanceof Error ? cause.message : 'fault', advice, cause);
  }
  const parsed = parseJson(text, { maxLength: maxJsonLength });
  if (!parsed.ok) throw unreadable(path, parsed.problem, advice);
  return parsed.value;
}

/** Of a file that somebody names: a directory, or every version of a mandate, is below this. */
const maxJsonLength = 64 * 1_048_576;

function unreadable(path: string, problem: string, advice: string, cause?: unknown): CodedError {
  return new CodedError({
    code: 'file_unreadable',
    category: 'invalid',
    detail: `${path} cannot be read as JSON (${problem}). ${advice}`,
    ...(cause === undefined ? {} : { cause }),
  });
}
