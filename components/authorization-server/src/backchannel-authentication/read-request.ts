import type { Digest, Json } from '@countersign/kernel';
import { digestOf, sha256 } from '@countersign/kernel';
import type { ClientContext } from '../client-endpoint/index.ts';
import type { PushedRequestStore } from '../pushed-requests/store.ts';
import type { Parameters } from './parameters.ts';
import { refuse } from './refusals.ts';
import { type SignedRequestRules, verifySignedRequest } from './signed-request.ts';

/** The parameters of one request, from wherever they may come. */
export interface ReadRequest {
  readonly parameters: Parameters;
  /** Of the signed request, for the record; undefined where the parameters came as a form. */
  readonly signedDigest?: Digest;
  /** Uses the signed request up, once its parameters are found good. @throws CodedError when it was used before */
  claim(): Promise<void>;
}

export interface ReadDependencies extends SignedRequestRules {
  /** Ids of signed requests are kept with those of request objects: one `jti`, one use, wherever it is brought. */
  readonly objects: Pick<PushedRequestStore, 'claimObject'>;
}

const credentialParameters = ['client_id', 'client_assertion', 'client_assertion_type'];
/** Another node, whose clock is behind, may still accept what this one calls expired. */
const clockDifferenceMs = 60_000;

/**
 * The parameters, signed or plain, by what the client is registered for. A signed request must hold all of them
 * (CIBA Core section 7.1.1): one that stands beside it is refused, because it would look as if it had been signed.
 *
 * @throws CodedError of `oauthErrors`
 */
export async function readRequest(
  { client, parameters, now }: Pick<ClientContext, 'client' | 'parameters' | 'now'>,
  { objects, ...rules }: ReadDependencies,
): Promise<ReadRequest> {
  const sent = new Map<string, Json>([...parameters].filter(([name]) => !credentialParameters.includes(name)));
  if (sent.has('request_uri'))
    throw refuse('request_uri_unsupported', 'Send the parameters, signed or not: a request_uri is not taken here.');
  const text = parameters.get('request');
  if (text === undefined) {
    if (mustSign(client))
      throw refuse('signed_request_required', 'The client must send its parameters as a signed request.');
    return { parameters: sent, claim: async () => undefined };
  }
  const beside = [...sent.keys()].find((name) => name !== 'request' && known.has(name));
  if (beside !== undefined)
    throw refuse('signed_request_mixed', `The parameter ${beside} must stand in the signed request and nowhere else.`);
  const signed = await verifySignedRequest(text, { client, now }, rules);
  return {
    parameters: signed.parameters,
    signedDigest: digestOf(text),
    async claim() {
      const key = sha256(`${client.id.length}:${client.id}${signed.id}`);
      if (!(await objects.claimObject(key, signed.expiresAt + clockDifferenceMs)))
        throw refuse('signed_request_replayed', 'The signed request was used before; sign a new one, with a new jti.');
    },
  };
}

/** FAPI-CIBA section 5.2.2: requests are signed, of every client at that profile. */
function mustSign(client: ClientContext['client']): boolean {
  return client.requireSignedRequest || client.profile === 'fapi2';
}

const known: ReadonlySet<string> = new Set([
  ...['scope', 'resource', 'authorization_details', 'acr_values', 'binding_message', 'requested_expiry'],
  ...['login_hint', 'id_token_hint', 'login_hint_token', 'client_notification_token', 'dpop_jkt', 'user_code'],
  'request_context',
]);
