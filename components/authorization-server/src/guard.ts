import {
  type AuditAppender,
  accessErrors,
  type Caller,
  type Directory,
  type GuardedRequest,
  type LastingGuard,
  type LastingToken,
  type SingleUse,
  type StandingReader,
} from '@countersign/contracts';
import { type Clock, type CodedError, defined, newId, type Random } from '@countersign/kernel';
import { secondPersonScopes } from '@countersign/market';
import {
  type KeyCache,
  readCertificate,
  type TokenMemory,
  userinfoAudience,
  type VerifiedProof,
  type VerifiedResourceRequest,
  verifyResourceRequest,
} from '@countersign/oauth';
import type { Revocations } from './revocations/index.ts';
import { isRevokedCertificate } from './revoked-certificates.ts';
import type { TokenKeys } from './token-keys.ts';

export interface GuardDependencies {
  readonly clock: Clock;
  readonly random: Random;
  readonly singleUse: SingleUse;
  readonly audit: AuditAppender & StandingReader;
  readonly directory: Pick<Directory, 'snapshot'>;
  readonly tokenKeys: TokenKeys;
  readonly proofKeys: KeyCache;
  readonly tokenMemory: TokenMemory;
  readonly revocations: Pick<Revocations, 'endedBy'>;
  readonly issuer: string;
}

/** Guards one of our own interfaces. Refusals of known callers are recorded; recording anonymous ones would let anybody fill the log. */
export function createGuard(audience: string, dependencies: GuardDependencies): LastingGuard {
  const { clock, directory, tokenKeys, proofKeys, tokenMemory, issuer, singleUse, revocations, audit } = dependencies;
  const allowUnbound = audience === userinfoAudience(issuer);
  async function verify(request: GuardedRequest, need: { readonly scope: string }): Promise<VerifiedResourceRequest> {
    const verified = await verifyResourceRequest(request, {
      issuer,
      audience,
      keyOf: await tokenKeys.current(),
      proofKeys,
      now: clock.now(),
      allowUnbound,
      memory: tokenMemory,
    });
    const refusal =
      checkStillKnown(verified.claims, directory) ??
      checkNotRevoked(verified.claims, revocations) ??
      (await checkCertificate(verified, request, audit)) ??
      checkScope(verified, need.scope) ??
      checkStillRegistered(verified, need.scope, directory) ??
      (verified.proof && (await checkUnused(verified.proof, singleUse)));
    if (refusal !== undefined) {
      await recordRefusal(refusal, verified, dependencies);
      throw refusal;
    }
    return verified;
  }
  return {
    check: async (request, need) => callerOf(await verify(request, need)),
    async checkLasting(request, need) {
      const verified = await verify(request, need);
      return { caller: callerOf(verified), token: lastingTokenOf(verified) };
    },
    isActive: async (token) =>
      clock.now() < token.exp * 1000 &&
      checkStillKnown(token, directory) === undefined &&
      checkNotRevoked(token, revocations) === undefined,
  };
}

/** Offboarding takes effect at once. */
function checkStillKnown(
  { sub, client_id: client }: Pick<LastingToken, 'sub' | 'client_id'>,
  directory: Pick<Directory, 'snapshot'>,
): CodedError | undefined {
  const snapshot = directory.snapshot();
  if (snapshot.principal(sub) !== undefined && snapshot.client(client) !== undefined) return undefined;
  return accessErrors.error(
    'token_revoked',
    'The subject of the access token, or its client, is no longer in the directory.',
  );
}

function checkNotRevoked(claims: LastingToken, revocations: Pick<Revocations, 'endedBy'>): CodedError | undefined {
  const by = revocations.endedBy(claims);
  if (by === undefined) return undefined;
  return accessErrors.error('token_revoked', `The access token has been revoked, by its ${by}.`, {
    facts: { revoked: by },
  });
}

/** A token ends with the certificate that it is bound to. */
async function checkCertificate(
  { claims }: VerifiedResourceRequest,
  { certificate }: GuardedRequest,
  log: StandingReader,
): Promise<CodedError | undefined> {
  if (claims.cnf === undefined || !('x5t#S256' in claims.cnf) || certificate === undefined) return undefined;
  const { serial } = readCertificate(certificate.der);
  if (!(await isRevokedCertificate(serial, log))) return undefined;
  return accessErrors.error(
    'token_revoked',
    `The access token is bound to the certificate ${serial}, which has been revoked.`,
    { facts: { revoked: 'certificate' } },
  );
}

function checkScope({ scope }: VerifiedResourceRequest, needed: string): CodedError | undefined {
  if (scope.includes(needed)) return undefined;
  return accessErrors.error('insufficient_scope', `This needs an access token with the scope ${needed}.`, {
    facts: { scope: needed },
  });
}

/** Approvals of a second person need a client that is still registered for the scope. */
function checkStillRegistered(
  { claims }: VerifiedResourceRequest,
  needed: string,
  directory: Pick<Directory, 'snapshot'>,
): CodedError | undefined {
  if (!secondPersonScopes.has(needed)) return undefined;
  if (directory.snapshot().client(claims.client_id)?.scopes.includes(needed) === true) return undefined;
  return accessErrors.error('token_revoked', `The client of the access token is no longer registered for ${needed}.`);
}

async function checkUnused(proof: VerifiedProof, singleUse: SingleUse): Promise<CodedError | undefined> {
  const outcome = await singleUse.claim({
    purpose: 'dpop-proof',
    issuer: proof.jkt,
    id: proof.jti,
    expiresAt: proof.expiresAt,
  });
  if (outcome === 'claimed') return undefined;
  return accessErrors.error(
    'proof_replayed',
    'The DPoP proof was used before. Make a new one, with a new jti, for each request.',
  );
}

async function recordRefusal(
  refusal: CodedError,
  { claims, actors, scope }: VerifiedResourceRequest,
  { audit, clock, random }: GuardDependencies,
): Promise<void> {
  await audit.append({
    id: newId('record', { clock, random }),
    type: 'access.refused',
    source: 'authorization-server',
    outcome: 'deny',
    reason: refusal.code,
    ...(claims.txn === undefined ? {} : { transaction: claims.txn }),
    references: [claims.evidence],
    subject: { id: claims.sub, institution: claims.lei },
    actors: actors.map((id) => ({ id })),
    client: claims.client_id,
    audience: [claims.aud],
    scope,
    data: { jti: claims.jti },
  });
}

function lastingTokenOf({ claims }: VerifiedResourceRequest): LastingToken {
  const { iat, exp, jti, sub, client_id, lei, act, grant, mandate, ancestors } = claims;
  return {
    ...{ iat, exp, jti, sub, client_id, lei },
    ...defined({ act, grant, mandate, ancestors }),
  };
}

function callerOf({ claims, actors, scope }: VerifiedResourceRequest): Caller {
  return {
    subject: claims.sub,
    client: claims.client_id,
    institution: claims.lei,
    actors,
    scope,
    tokenId: claims.jti,
    authorizationDetails: claims.authorization_details ?? [],
    ...defined({ acr: claims.acr, authTime: claims.auth_time, transaction: claims.txn, mandate: claims.mandate }),
    ...defined({ intentDigest: claims.intent_digest }),
  };
}
