import { type Client, type DirectorySnapshot, parseClientId } from '@countersign/contracts';
import type { Json, Random } from '@countersign/kernel';
import { refuse } from '../authorization-request/index.ts';
import { type PushedRequests, requestUriPrefix } from '../pushed-requests/index.ts';
import type { Interaction } from './store.ts';

/** Before its parameters are checked. */
export interface LoadedRequest {
  readonly client: Client;
  readonly parameters: ReadonlyMap<string, Json>;
  readonly pushed?: NonNullable<Interaction['pushed']>;
  /** Identifies the request in its browser. */
  readonly seed: string;
  /** No new interaction may start; one that started in time may continue. */
  readonly closed?: 'expired' | 'used';
}

export interface LoadDependencies {
  readonly directory: DirectorySnapshot;
  readonly pushedRequests: Pick<PushedRequests, 'find'>;
  readonly random: Random;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/**
 * With a `request_uri`, parameters other than `client_id` are ignored (RFC 9101 section 5, RFC 9126 section 4).
 *
 * @throws CodedError of `oauthErrors`, for the person only
 */
export async function loadRequest(
  parameters: ReadonlyMap<string, string>,
  { directory, pushedRequests, random, now }: LoadDependencies,
): Promise<LoadedRequest> {
  const client = clientOf(parameters.get('client_id'), directory);
  const requestUri = parameters.get('request_uri');
  if (requestUri === undefined || isHostedByClient(requestUri, client))
    return { client, ...plainRequest(parameters, client, random) };
  const pushed = await pushedRequests.find(requestUri);
  // A request URI of another client is treated as unknown.
  if (pushed === undefined || pushed.client !== client.id)
    throw refuse(
      'request_uri_unknown',
      'The application sent you here with an unknown request. Go back to the application and start again.',
    );
  return {
    client,
    parameters: pushed.parameters,
    pushed: { hash: pushed.hash, recordId: pushed.recordId },
    seed: requestUri,
    ...(pushed.consumed ? { closed: 'used' } : pushed.expiresAt <= now ? { closed: 'expired' } : {}),
  };
}

/** Never fetched; a later rule refuses it. */
function isHostedByClient(requestUri: string, { profile }: Client): boolean {
  return profile === 'oidc' && !requestUri.startsWith(requestUriPrefix);
}

function clientOf(text: string | undefined, directory: DirectorySnapshot): Client {
  if (text === undefined)
    throw refuse(
      'client_id_missing',
      'The application that sent you here did not identify itself. Contact its operator.',
    );
  const id = parseClientId(text);
  const client = id === undefined ? undefined : directory.client(id);
  if (client === undefined)
    throw refuse('client_unknown', 'The application that sent you here is not known. Contact its operator.');
  return client;
}

function plainRequest(parameters: ReadonlyMap<string, string>, client: Client, random: Random) {
  // FAPI 2.0 Security Profile section 5.3.2.2.
  if (client.profile === 'fapi2')
    throw refuse('pushed_request_required', 'The application must push its request before it sends you here.');
  if (client.requireSignedRequest)
    throw refuse('signed_request_required', 'The application must push a signed request before it sends you here.');
  return { parameters, seed: `plain ${Buffer.from(random.bytes(32)).toString('base64url')}` };
}
