import { workloadErrors } from '@countersign/contracts';
import {
  checkClaims,
  type IssuerAlgorithm,
  importIssuerKey,
  type JsonObject,
  parseCompactJws,
  type VerificationKey,
  verifyJws,
} from '@countersign/oauth';

const algorithms = ['ES256', 'EdDSA', 'PS256', 'RS256'] as const;

export const refusedEvidence = (detail: string) => workloadErrors.error('workload_evidence_refused', detail);

/** A key set as its issuer publishes it. */
export interface IssuerKeys {
  /**
   * Keys with this id; read again when the id is unknown.
   * @throws CodedError `workload_verifier_unavailable`
   */
  find(kid: string | undefined): Promise<readonly unknown[]>;
}

/**
 * Verifies a JWT of an outside issuer: signature, issuer, audience and age.
 *
 * @param expected.now milliseconds since the epoch
 * @throws CodedError `workload_evidence_refused`, `workload_verifier_unavailable`
 */
export async function verifySignedClaims(
  token: string,
  expected: {
    readonly what: string;
    readonly issuer: string;
    /** Left out when a nonce names the subject of the token. */
    readonly audience?: string;
    readonly keys: IssuerKeys;
    readonly maxAgeSeconds: number;
    readonly now: number;
  },
): Promise<JsonObject> {
  const { what, issuer, audience, keys, maxAgeSeconds, now } = expected;
  const refuse = (detail: string) => refusedEvidence(`The ${what} is not accepted. ${detail}`);
  const jws = parseCompactJws(token, (_, detail) => refuse(detail), { algorithms });
  const { alg, kid } = jws.header;
  const found = (await keys.find(kid)).map((jwk) => importedKey(jwk, alg)).filter((key) => key !== undefined);
  const [key, another] = found;
  if (key === undefined || another !== undefined) throw refuse('No key of its issuer has its kid and alg.');
  const claims = verifyJws(jws, key, (_, detail) => refuse(detail));
  checkClaims(
    claims,
    {
      nowSeconds: now / 1_000,
      required: ['iat'],
      issuer,
      ...(audience === undefined ? {} : { audience: [audience] }),
      maxAgeSeconds,
    },
    (_, detail) => refuse(detail),
  );
  return claims;
}

function importedKey(jwk: unknown, alg: IssuerAlgorithm): VerificationKey<IssuerAlgorithm> | undefined {
  try {
    return importIssuerKey(jwk, alg);
  } catch {
    // A key set may contain keys for other algorithms.
    return undefined;
  }
}
