import type { ClientRequest } from '@countersign/contracts';
import { clientAssertionType } from '@countersign/oauth';
import { refuse } from '../refusal.ts';

/** What a request presents to show whose it is; nothing of it is believed yet. */
export type Credentials =
  | { readonly kind: 'assertion'; readonly assertion: string; readonly clientId?: string }
  | { readonly kind: 'certificate'; readonly clientId: string };

/**
 * One set of credentials, by a client assertion or by the certificate of the connection. A certificate beside an
 * assertion is none: it is what tokens are bound to (RFC 8705 section 3), however the client authenticates.
 *
 * @throws CodedError `invalid_client`; `invalid_request` for two sets
 */
export function readCredentials(parameters: ReadonlyMap<string, string>, request: ClientRequest): Credentials {
  const assertion = parameters.get('client_assertion');
  const clientId = parameters.get('client_id');
  // RFC 6749 section 2.3: not more than one method; and there are no shared secrets here to begin with.
  if (request.authorization.length > 0 || parameters.has('client_secret'))
    throw assertion === undefined ? missing() : several();
  if (assertion !== undefined) {
    if (parameters.get('client_assertion_type') !== clientAssertionType)
      throw refuse('client_authentication_missing', `The client_assertion_type must be ${clientAssertionType}.`);
    return clientId === undefined ? { kind: 'assertion', assertion } : { kind: 'assertion', assertion, clientId };
  }
  if (request.certificate === undefined || parameters.has('client_assertion_type')) throw missing();
  // RFC 8705 section 2: a certificate may belong to several clients, so the request must say which it is from.
  if (clientId === undefined)
    throw refuse('client_id_missing', 'A client that authenticates by its certificate must send its client_id.');
  return { kind: 'certificate', clientId };
}

function missing() {
  return refuse(
    'client_authentication_missing',
    'The client must authenticate with a client_assertion (private_key_jwt) or with its certificate (mutual TLS), and with nothing else.',
  );
}

function several() {
  return refuse(
    'client_authentication_several',
    'The client must authenticate once: beside a client_assertion there must be no client_secret and no Authorization header.',
  );
}
