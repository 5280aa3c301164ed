import type { Signer } from '@countersign/contracts';
import type { Json } from '@countersign/kernel';

/** Claims of a Security Event Token (RFC 8417), as the framework profiles them (section 4.1): no `sub`, no `exp`. */
export interface SecurityEventClaims {
  readonly iss: string;
  readonly jti: string;
  /** Seconds since the epoch, as are all times here: when it was put into the stream. */
  readonly iat: number;
  readonly aud: string;
  readonly sub_id: Readonly<Record<string, Json>>;
  readonly events: Readonly<Record<string, Readonly<Record<string, Json>>>>;
  /** Of what caused it: tokens of one cause have the same. */
  readonly txn?: string;
  /** When it happened. */
  readonly toe?: number;
}

/** The type of its header, and with `application/` of its HTTP messages. */
export const securityEventType = 'secevent+jwt';

/**
 * Signs a token with the key for `security-event` that is active now. What is sent again is signed again: its claims are
 * the same, and the key is one that may still sign.
 */
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
