import type { Signer } from '@countersign/contracts';
import type { Json } from '@countersign/kernel';

/** A Security Event Token (RFC 8417) in the profile of the framework (section 4.1): no `sub`, no `exp`. */
export interface SecurityEventClaims {
  readonly iss: string;
  readonly jti: string;
  readonly iat: number;
  readonly aud: string;
  readonly sub_id: Readonly<Record<string, Json>>;
  readonly events: Readonly<Record<string, Readonly<Record<string, Json>>>>;
  readonly txn?: string;
  readonly toe?: number;
}

/** With `application/` in front, the media type of its HTTP messages. */
export const securityEventType = 'secevent+jwt';

/** With the currently active key for `security-event`. A repeated token is signed again, with the same claims. */
export async function signSecurityEvent(
  claims: SecurityEventClaims,
  signer: Pick<Signer, 'current' | 'sign'>,
): Promise<string> {
  const { kid, algorithm } = await signer.current('security-event');
  const signingInput = `${encode({ alg: algorithm, typ: securityEventType, kid })}.${encode(claims)}`;
  const { signature } = await signer.sign('security-event', kid, Buffer.from(signingInput));
  return `${signingInput}.${Buffer.from(signature).toString('base64url')}`;
}

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}
