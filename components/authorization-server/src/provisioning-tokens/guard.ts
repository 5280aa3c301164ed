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
  /** What was known of the certificate by which it was asked for. */
  readonly chainVerified: boolean;
  readonly accessToken: Promise<string>;
  /** Milliseconds since the epoch. */
  until: number;
}

/** An access token that was asked for is used for the first part of its life. */
const usedShare = 0.8;

/**
 * A guard that takes provisioning tokens beside access tokens. A provisioning token is never an access token: with the certificate that it is
 * bound to, it has one asked for in the name of its client, which the guard then checks like any other. It gives nothing that
 * this certificate does not give at the token endpoint.
 */
export function takeProvisioningTokens(guard: LastingGuard, dependencies: ProvisioningGuardDependencies): LastingGuard {
  const { register, ask, directory, proofKeys, clock } = dependencies;
  const held = new Map<ClientId, HeldAccessToken>();

  /** The provisioning token of a request, where it carries one, once all that is said of the token itself was checked. */
  async function provisioningTokenOf(request: GuardedRequest): Promise<ProvisioningToken | undefined> {
    const presented = request.authorization.length === 1 ? readPresentedToken(request.authorization) : undefined;
    const sent = presented === undefined ? undefined : readTokenText(presented.accessToken);
    if (presented === undefined || sent === undefined) return undefined;
    // Before anything is looked up: on a connection without a certificate no such token is worth anything.
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
    // An authority may be trusted no longer: then the token endpoint says whether this certificate is worth anything.
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
    // Requests that come meanwhile wait for the same one.
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
      // What was revoked may be lifted: the next request asks for an access token anew.
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

/** Why no access token is issued, as an interface says it. The token endpoint has recorded it. */
function refusedBy(error: unknown): unknown {
  if (!isCodedError(error) || error.category === 'unavailable' || error.category === 'rate-limited') return error;
  return accessErrors.error('token_revoked', `The provisioning token gives no access: ${error.detail}`, {
    cause: error,
  });
}
