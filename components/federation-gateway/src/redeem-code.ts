import {
  federationErrors,
  type OutboundForm,
  outboundErrors,
  type PartnerSignInUnderWay,
  type Signer,
} from '@countersign/contracts';
import { type Clock, epochSeconds, isCodedError, type Random } from '@countersign/kernel';
import { clientAssertionType, encodeHeader, signCompactJws } from '@countersign/oauth';
import { unavailable } from './provider-metadata.ts';

export interface RedeemDependencies {
  readonly outbound: OutboundForm;
  readonly signer: Pick<Signer, 'current' | 'sign'>;
  readonly clock: Clock;
  readonly random: Random;
}

const assertionLifeSeconds = 60;
const timeoutMs = 5_000;
const maxBytes = 65_536;

export interface RedeemedCode {
  readonly idToken: string;
  readonly accessToken: string | undefined;
}

/**
 * RFC 6749 section 4.1.3, with `private_key_jwt` (RFC 7523) for this issuer only. The access token is not used.
 *
 * @throws CodedError `partner_unavailable`, `partner_sign_in_answer`
 */
export async function redeemCode(
  { outbound, signer, clock, random }: RedeemDependencies,
  request: {
    readonly code: string;
    readonly clientId: string;
    readonly tokenEndpoint: string;
    readonly underWay: PartnerSignInUnderWay;
  },
): Promise<RedeemedCode> {
  const { code, clientId, tokenEndpoint, underWay } = request;
  const form = {
    grant_type: 'authorization_code',
    code,
    redirect_uri: underWay.redirectUri,
    code_verifier: underWay.codeVerifier,
    client_id: clientId,
    client_assertion_type: clientAssertionType,
    client_assertion: await clientAssertion(),
  };
  const { status, body } = await post(form);
  const members: Partial<Record<string, unknown>> = typeof body === 'object' && body !== null ? { ...body } : {};
  const { id_token: idToken, access_token: accessToken, error } = members;
  if (status !== 200 || typeof idToken !== 'string') {
    const why = typeof error === 'string' ? error.slice(0, 100) : 'no ID token';
    // Our credentials are refused or the provider has a fault: nothing that the person can correct.
    if (status >= 500 || why === 'invalid_client') throw unavailable(`token endpoint: ${status} ${why}`);
    throw federationErrors.error(
      'partner_sign_in_answer',
      'The identity provider rejected its own authorization code.',
      {
        internal: `token endpoint: ${status} ${why}`,
      },
    );
  }
  return { idToken, accessToken: typeof accessToken === 'string' ? accessToken : undefined };

  async function clientAssertion(): Promise<string> {
    const { kid, algorithm } = await signer.current('transaction-token');
    const now = epochSeconds(clock.now());
    const claims = {
      iss: clientId,
      sub: clientId,
      aud: underWay.issuer,
      jti: Buffer.from(random.bytes(16)).toString('base64url'),
      iat: now,
      exp: now + assertionLifeSeconds,
    };
    const header = encodeHeader({ alg: algorithm, typ: 'client-authentication+jwt', kid });
    return signCompactJws(
      claims,
      header,
      async (data) => (await signer.sign('transaction-token', kid, data)).signature,
    );
  }

  async function post(sent: Readonly<Record<string, string>>) {
    try {
      return await outbound.postForm(tokenEndpoint, sent, { timeoutMs, maxBytes });
    } catch (thrown) {
      if (isCodedError(thrown) && Object.hasOwn(outboundErrors.codes, thrown.code))
        throw unavailable(thrown.internal, thrown);
      throw thrown;
    }
  }
}
