import { generateKeyPairSync, sign } from 'node:crypto';
import type { Credential, Person } from '@countersign/contracts';
import { epochSeconds } from '@countersign/kernel';
import { reimported } from '@countersign/kernel/key-pairs';
import { importVerificationKey } from '@countersign/oauth';

/** A person's key for approvals. */
export interface ApprovalKey {
  readonly credential: Credential;
  /** A compact JWS; `header` and `claims` replace members of a valid one, or remove them if undefined. */
  sign(claims: Readonly<Record<string, unknown>>, header?: Readonly<Record<string, unknown>>): string;
}

export function createApprovalKey(person: Person, algorithm: 'ES256' | 'EdDSA' = 'ES256'): ApprovalKey {
  const { publicKey, privateKey } = reimported(
    algorithm === 'ES256' ? generateKeyPairSync('ec', { namedCurve: 'P-256' }) : generateKeyPairSync('ed25519'),
  );
  const jwk = publicKey.export({ format: 'jwk' }) as Record<string, string>;
  const kid = importVerificationKey(jwk).thumbprint;
  return {
    credential: { kid, principal: person.id, use: 'approval', jwk },
    sign(claims, header = {}) {
      const parts = [{ alg: algorithm, typ: 'countersign-approval+jwt', kid, ...header }, claims];
      const input = parts.map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.');
      const signature =
        algorithm === 'ES256'
          ? sign('sha256', Buffer.from(input), { key: privateKey, dsaEncoding: 'ieee-p1363' })
          : sign(null, Buffer.from(input), privateKey);
      return `${input}.${signature.toString('base64url')}`;
    },
  };
}

let approvals = 0;
/** The claims that an approver of this intent would sign now. */
export function approvalClaims(
  approver: Person,
  transaction: { readonly id: string; readonly intentDigest: string },
  now: number,
): Readonly<Record<string, unknown>> {
  const iat = epochSeconds(now);
  return {
    iss: approver.id,
    txn: transaction.id,
    intent_digest: transaction.intentDigest,
    decision: 'approve',
    iat,
    exp: iat + 600,
    jti: `approval-${++approvals}`,
  };
}
