import {
  checkClaims,
  clockLeadSeconds,
  encodeHeader,
  findRegisteredKey,
  hasType,
  type JsonObject,
  type JwsRefusal,
  parseCompactJws,
  type RegisteredKey,
  signCompactJws,
  verifyJwsAside,
} from '@countersign/oauth';
import { parseSpiffeId, spiffeErrors } from './spiffe-id.ts';
import type { WorkloadStatement } from './workload-extension.ts';

/** Lifetime of the JWT-SVIDs that this product issues. */
export const jwtSvidLifetimeSeconds = 300;

/** Private claim with the statement about the workload; certificates have an extension for it. */
export const workloadClaim = 'countersign_workload';

export interface NewJwtSvid {
  readonly spiffeId: string;
  readonly audiences: readonly string[];
  readonly jti: string;
  /** Seconds since the epoch. */
  readonly issuedAt: number;
  readonly statement: WorkloadStatement;
}

export interface VerifiedJwtSvid {
  readonly spiffeId: string;
  readonly audiences: readonly string[];
  readonly jti: string | undefined;
  /** Milliseconds since the epoch; includes the allowed clock difference. */
  readonly expiresAt: number;
  readonly kid: string;
  readonly claims: JsonObject;
  /** Undefined when another product issued the JWT-SVID. */
  readonly statement: WorkloadStatement | undefined;
}

/**
 * Signs a JWT-SVID (JWT-SVID sections 2 and 3). It has no issuer claim, so it cannot pass for an ID token.
 * @param sign ES256, in JOSE form
 */
export function signJwtSvid(
  { spiffeId, audiences, jti, issuedAt, statement }: NewJwtSvid,
  kid: string,
  sign: (octets: Uint8Array) => Promise<Uint8Array>,
): Promise<string> {
  const claims = {
    ...{ sub: spiffeId, aud: audiences.length === 1 ? audiences[0] : [...audiences], jti },
    ...{ iat: issuedAt, exp: issuedAt + jwtSvidLifetimeSeconds },
    [workloadClaim]: { ...statement },
  };
  return signCompactJws(claims, encodeHeader({ alg: 'ES256', typ: 'JWT', kid }), sign);
}

const refuse = (detail: string) => spiffeErrors.error('jwt_svid_invalid', `The JWT-SVID is not accepted. ${detail}`);
const refuseJws: JwsRefusal = (_, detail) => refuse(detail);

/**
 * Verifies a JWT-SVID (JWT-SVID section 4): asymmetric algorithm, key of the trust domain, audience, time.
 * @param expected.keys keys of the trust domain, each with its `kid`
 * @param expected.now milliseconds since the epoch
 * @throws CodedError `jwt_svid_invalid`
 */
export async function verifyJwtSvid(
  token: string,
  expected: {
    readonly trustDomain: string;
    readonly audience: string;
    readonly keys: readonly RegisteredKey[];
    readonly now: number;
  },
): Promise<VerifiedJwtSvid> {
  const jws = parseCompactJws(token, refuseJws);
  if (!hasType(jws.header, undefined, 'JWT', 'JOSE')) throw refuse('Its typ is that of another token type.');
  const { kid } = jws.header;
  const key = kid === undefined ? 'none' : findRegisteredKey(expected.keys, jws.header);
  if (kid === undefined || typeof key === 'string') throw refuse('No key of the trust domain has its kid and alg.');
  const claims = await verifyJwsAside(jws, key, refuseJws);
  const { exp } = checkClaims(
    claims,
    {
      nowSeconds: expected.now / 1_000,
      required: ['exp'],
      audience: [expected.audience],
      audienceArray: 'several',
      maxLifetimeSeconds: 86_400,
    },
    (_, detail) => refuse(detail),
  );
  const { sub, aud, jti } = claims;
  const spiffeId = typeof sub === 'string' ? sub : '';
  if (trustDomainIn(spiffeId) !== expected.trustDomain)
    throw refuse('Its subject is not a SPIFFE ID of the trust domain.');
  return {
    ...{ spiffeId, kid, claims },
    audiences: (Array.isArray(aud) ? aud : [aud]).filter((one) => typeof one === 'string'),
    jti: typeof jti === 'string' && jti !== '' ? jti : undefined,
    expiresAt: (exp + clockLeadSeconds) * 1_000,
    statement: statementIn(claims[workloadClaim]),
  };
}

function trustDomainIn(text: string): string | undefined {
  try {
    return parseSpiffeId(text).trustDomain;
  } catch (error) {
    if (spiffeErrors.is(error, 'spiffe_id_invalid')) return undefined;
    throw error;
  }
}

function statementIn(value: unknown): WorkloadStatement | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const members = new Map<string, unknown>(Object.entries(value));
  const text = (name: string): string => {
    const found = members.get(name);
    return typeof found === 'string' ? found : '';
  };
  const configuration = text('configuration');
  return {
    ...{ entry: text('entry'), level: text('level'), environment: text('environment'), image: text('image') },
    ...{ evidence: text('evidence'), record: text('record') },
    ...(configuration === '' ? {} : { configuration }),
  };
}
