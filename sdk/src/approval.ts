import { type Clock, epochSeconds, type Random, systemClock, systemRandom } from '@countersign/kernel';
import { encodeHeader, signCompactJws } from '@countersign/oauth';
import type { SigningKey } from './keys.ts';

/**
 * Signs an approval of exactly one intent: whoever changes a field of it afterwards voids the signature's meaning,
 * because the digest no longer fits.
 *
 * @param lifeSeconds how long the approval may be used, at most an hour
 * @returns a compact JWS, `typ` `countersign-approval+jwt`
 */
export function signApproval(
  approval: {
    readonly approver: string;
    readonly transaction: string;
    readonly intentDigest: string;
    readonly lifeSeconds: number;
    /** In which role, for who has several: `supervisor`, `desk-head`, `risk`, `compliance` or `operations`. */
    readonly role?: string;
  },
  key: SigningKey,
  from: { readonly clock?: Clock; readonly random?: Random } = {},
): Promise<string> {
  const now = epochSeconds((from.clock ?? systemClock).now());
  const claims = {
    iss: approval.approver,
    txn: approval.transaction,
    intent_digest: approval.intentDigest,
    decision: 'approve',
    ...(approval.role === undefined ? {} : { role: approval.role }),
    iat: now,
    exp: now + approval.lifeSeconds,
    jti: Buffer.from((from.random ?? systemRandom).bytes(16)).toString('base64url'),
  };
  return signCompactJws(
    encodeHeader({ alg: key.algorithm, typ: 'countersign-approval+jwt', kid: key.kid }),
    claims,
    async (input) => key.sign(input),
  );
}
