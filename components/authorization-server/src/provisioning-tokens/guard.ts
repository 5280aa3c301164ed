import {
  accessErrors,
  type ClientId,
  type Directory,
  type GuardedRequest,
  type LastingGuard,
} from '@countersign/contracts';
import { type Clock, isCodedError } from '@countersign/kernel';
import { type KeyCache, readPresentedToken, verifyPossession } from '@countersign/oauth';
import type { AskAccessToken } from './issue.ts';
import { type ProvisioningToken, type ProvisioningTokenRegister, readTokenText } from './register.ts';

export interface ProvisioningGuardDependencies {
  readonly register: Pick<ProvisioningTokenRegister, 'find'>;
  readonly ask: AskAccessToken;
  readonly directory: Pick<Directory, 'snapshot'>;
  readonly proofKeys: KeyCache;
  readonly clock: Clock;
}

type Certified = GuardedRequest & Required<Pick<GuardedRequest, 'certificate'>>;

interface HeldAccessToken {
  readonly sha256: string;
  /** Of the certificate with which it was requested. */
  readonly chainVerified: boolean;
  readonly accessToken: Promise<string>;
  /** Milliseconds since the epoch. */
  until: number;
}

/** Part of an access token's lifetime in which it is reused. */
const usedShare = 0.8;

/**
 * Accepts provisioning tokens besides access tokens. With its certificate, such a token makes the guard request an access token in
 * the name of its client, so it grants exactly what the certificate does at the token endpoint.
 */
export function acceptProvisioningTokens(
  guard: LastingGuard,
  dependencies: ProvisioningGuardDependencies,
): LastingGuard {
  const { register, ask, directory, proofKeys, clock } = dependencies;
  const held = new Map<ClientId, HeldAccessToken>();

  async function provisioningTokenOf(request: GuardedRequest): Promise<ProvisioningToken | undefined> {
    const presented = request.authorization.length === 1 ? readPresentedToken(request.authorization) : undefined;
    const sent = presented === undefined ? undefined : readTokenText(presented.accessToken);
    if (presented === undefined || sent === undefined) return undefined;
    if (request.certificate === undefined)
      throw accessErrors.error(
        'token_certificate_missing',
        'The provisioning token is bound to a certificate. Send it over a connection with that certificate.',
      );
    const isRegistered = directory.snapshot().client(sent.client)?.provisioningTokenDays !== undefined;
    const token = isRegistered ? await register.find(sent) : undefined;
    if (token === undefined)
      throw accessErrors.error('token_revoked', 'The provisioning token is not the current one of its client.');
    const now = clock.now();
    if (now >= token.expiresAt * 1000) throw accessErrors.error('token_expired', 'The provisioning token has expired.');
    await verifyPossession(presented, { 'x5t#S256': token.certificate }, request, { proofKeys, now });
    return token;
  }

  function accessTokenOf({ client, sha256, scope }: ProvisioningToken, request: Certified) {
    const before = held.get(client);
    const { der, chainVerified = false } = request.certificate;
    // Otherwise the token endpoint decides whether the certificate is acceptable.
    if (before?.sha256 === sha256 && before.chainVerified === chainVerified && clock.now() < before.until)
      return before.accessToken;
    const accessToken = ask(client, scope, { ...request, certificate: { der, chainVerified } }).then(
      ({ access_token: text, expires_in: lifetime }) => {
        entry.until = clock.now() + lifetime * 1000 * usedShare;
        return text;
      },
      (error: unknown) => {
        if (held.get(client) === entry) held.delete(client);
        throw refusedBy(error);
      },
    );
    const entry: HeldAccessToken = { sha256, chainVerified, accessToken, until: Number.POSITIVE_INFINITY };
    held.set(client, entry);
    return accessToken;
  }

  async function checked<Answer>(request: GuardedRequest, check: (request: GuardedRequest) => Promise<Answer>) {
    const token = await provisioningTokenOf(request);
    const { certificate } = request;
    if (token === undefined || certificate === undefined) return check(request);
    const accessToken = await accessTokenOf(token, { ...request, certificate });
    try {
      return await check({ ...request, authorization: [`Bearer ${accessToken}`] });
    } catch (error) {
      // A revocation may be lifted.
      if (accessErrors.is(error, 'token_revoked')) held.delete(token.client);
      throw error;
    }
  }

  return {
    check: (request, need) => checked(request, (own) => guard.check(own, need)),
    checkLasting: (request, need) => checked(request, (own) => guard.checkLasting(own, need)),
    isActive: (lasting) => guard.isActive(lasting),
  };
}

/** The token endpoint has recorded the refusal. */
function refusedBy(error: unknown): unknown {
  if (!isCodedError(error) || error.category === 'unavailable' || error.category === 'rate-limited') return error;
  return accessErrors.error('token_revoked', `The provisioning token gives no access: ${error.detail}`, {
    cause: error,
  });
}
