import {
  type PrincipalId,
  type Recovery,
  recoveryErrors,
  recoveryStatementTypes,
  type SignedStatement,
} from '@countersign/contracts';
import { type Clock, defined, epochSeconds, type Json, type Random } from '@countersign/kernel';
import type { StatementClaims } from '@countersign/webauthn';

export const signSeconds = 120;
type Step = keyof typeof recoveryStatementTypes;

/** The statement names the recovery, the person, the digest of the evidence and the step. */
export function recoveryClaims(
  about: Pick<Recovery, 'id' | 'person' | 'digest'>,
  step: Step,
  signer: { readonly person: PrincipalId; readonly function?: string },
  from: { readonly clock: Clock; readonly random: Random },
): StatementClaims {
  const iat = epochSeconds(from.clock.now());
  return {
    typ: recoveryStatementTypes[step],
    iss: signer.person,
    iat,
    exp: iat + signSeconds,
    jti: Buffer.from(from.random.bytes(16)).toString('base64url'),
    recovery: about.id,
    person: about.person,
    digest: about.digest,
    ...defined({ function: signer.function }),
  };
}

/** Whether a statement is about this recovery in its current state, by its signer. */
export function isAbout(
  { claims, authenticator }: SignedStatement,
  about: Pick<Recovery, 'id' | 'person' | 'digest'>,
  expected: { readonly step: Step; readonly function?: string; readonly now: number },
): boolean {
  const now = epochSeconds(expected.now);
  return (
    claims.typ === recoveryStatementTypes[expected.step] &&
    claims.iss === authenticator.person &&
    claims['recovery'] === about.id &&
    claims['person'] === about.person &&
    claims['digest'] === about.digest &&
    claims['function'] === expected.function &&
    claims.exp >= now &&
    claims.exp - claims.iat <= signSeconds
  );
}

/** @throws CodedError `recovery_statement` where it is not {@link isAbout} */
export function requireAbout(...about: Parameters<typeof isAbout>): void {
  if (!isAbout(...about))
    throw recoveryErrors.error(
      'recovery_statement',
      'The signed statement does not match this recovery. Reload the page and review it again.',
    );
}

/** For a record, which is verified again without any other data. */
export function signedJson({ claims, signature, authenticator }: SignedStatement): {
  readonly statement: Json;
  readonly key: Json;
} {
  return { statement: { claims: { ...claims }, signature: { ...signature } }, key: { ...authenticator.jwk } };
}
