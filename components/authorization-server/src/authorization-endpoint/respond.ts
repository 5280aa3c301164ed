import type { ClientId, Signer } from '@countersign/contracts';
import type { Clock } from '@countersign/kernel';
import {
  type AuthorizationResponse,
  authorizationResponseHeader,
  composeAuthorizationResponse,
  signAuthorizationResponse,
} from '@countersign/oauth';
import { withParameters } from '../browser.ts';

export interface ResponseDependencies {
  readonly issuer: string;
  readonly signer: Pick<Signer, 'current' | 'sign'>;
  readonly clock: Clock;
}

export interface ResponseAddress {
  readonly client: ClientId;
  readonly redirectUri: string;
  readonly signedResponse: boolean;
  readonly state?: string;
}

/** The redirect URI with the response: plain with `iss` (RFC 9207 section 2), or signed (JARM section 2.3.1). */
export async function responseLocation(
  response: { readonly code: string } | { readonly error: string; readonly error_description?: string },
  { client, redirectUri, signedResponse, state }: ResponseAddress,
  { issuer, signer, clock }: ResponseDependencies,
): Promise<string> {
  const stated: AuthorizationResponse = state === undefined ? response : { ...response, state };
  if (!signedResponse) return withParameters(redirectUri, { ...stated, iss: issuer });
  const key = await signer.current('id-token');
  const claims = composeAuthorizationResponse({ issuer, clientId: client, response: stated, now: clock.now() });
  const signed = await signAuthorizationResponse(
    claims,
    authorizationResponseHeader(key),
    async (data) => (await signer.sign('id-token', key.kid, data)).signature,
  );
  return withParameters(redirectUri, { response: signed });
}
