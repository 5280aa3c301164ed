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

/** The access token of a client that has a provisioning token. */
interface HeldAccessToken {
  readonly sha256: string;
  /** Facts about the certificate with which it was requested. */
  readonly chainVerified: boolean;
  readonly accessToken: Promise<string>;
  /** Milliseconds since the epoch. */
  until: number;
}

/** An access token is reused only for the first part of its lifetime. */
const usedShare = 0.8;

/**
 * A guard that accepts provisioning tokens besides access tokens. A provisioning token is never an access token. Together
 * with its certificate, it makes the guard request an access token in the name of its client and check it like any other. It
 * therefore grants nothing that the certificate would not grant at the token endpoint.
 */
export function takeProvisioningTokens(guard: LastingGuard, dependencies: ProvisioningGuardDependencies): LastingGuard {
  const { register, ask, directory, proofKeys, clock } = dependencies;
  const held = new Map<ClientId, HeldAccessToken>();

  /** The request's provisioning token, if any, after all checks of the token itself. */
  async function provisioningTokenOf(request: GuardedRequest): Promise<ProvisioningToken | undefined> {
    const presented = request.authorization.length === 1 ? readPresentedToken(request.authorization) : undefined;
    const sent = presented === undefined ? undefined : readTokenText(presented.accessToken);
    if (presented === undefined || sent === undefined) return undefined;
    // Checked before any look-up: without a client certificate on the connection, such a token is useless.
    if (request.certificate === undefined)
      throw accessErrors.error(
        'token_certificate_missing',
        'The provisioning token is bound to a certificate, which must be shown on the connection that it comes by.',
      );
    const isRegistered = directory.snapshot().client(sent.client)?.provisioningTokenDays !== undefined;
    const token = isRegistered ? await register.find(sent) : undefined;
    if (token === undefined)
      throw accessErrors.error('token_revoked', 'The provisioning token is not, or no longer, the one of its client.');
    const now = clock.now();
    if (now >= token.expiresAt * 1000) throw accessErrors.error('token_expired', 'The provisioning token has expired.');
    await verifyPossession(presented, { 'x5t#S256': token.certificate }, request, { proofKeys, now });
    return token;
  }

  function accessTokenOf({ client, sha256, scope }: ProvisioningToken, request: Certified) {
    const before = held.get(client);
    const { der, chainVerified = false } = request.certificate;
    // The issuing authority may no longer be trusted, so the token endpoint decides whether this certificate is acceptable.
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
    // Concurrent requests wait for the same access token.
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
      // A revocation may be lifted, so the next request asks for a new access token.
      if (accessErrors.is(error, 'token_revoked')) held.delete(token.client);
      throw error;
    }
  }

  return {
    check: (request, need) => checked(request, (own) => guard.check(own, need)),
    checkLasting: (request, need) => checked(request, (own) => guard.checkLasting(own, need)),
    stands: (lasting) => guard.stands(lasting),
  };
}

/** Maps the reason why no access token was issued to an interface error. The token endpoint has recorded it. */
function refusedBy(error: unknown): unknown {
  if (!isCodedError(error) || error.category === 'unavailable' || error.category === 'rate-limited') return error;
  return accessErrors.error('token_revoked', `The provisioning token gives no access: ${error.detail}`, {
    cause: error,
  });
}
