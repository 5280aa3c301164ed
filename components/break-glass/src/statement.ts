import {
  breakGlassErrors,
  breakGlassStatementTypes,
  type PrincipalId,
  type SignedStatement,
} from '@countersign/contracts';
import { type Clock, epochSeconds, type Json, type Random } from '@countersign/kernel';
import type { StatementClaims } from '@countersign/webauthn';

export const signSeconds = 120;
type Step = keyof typeof breakGlassStatementTypes;
type About = Readonly<Record<string, string>>;

/** @param about the digest of the declaration, the incident, the verdict */
export function incidentClaims(
  step: Step,
  signer: PrincipalId,
  about: About,
  from: { readonly clock: Clock; readonly random: Random },
): StatementClaims {
  const iat = epochSeconds(from.clock.now());
  return {
    typ: breakGlassStatementTypes[step],
    iss: signer,
    iat,
    exp: iat + signSeconds,
    jti: Buffer.from(from.random.bytes(16)).toString('base64url'),
    ...about,
  };
}

/** Requires a statement of this step, about exactly this, signed with an accepted key. @throws CodedError `incident_statement` */
export function requireAbout(
  { claims, authenticator }: SignedStatement,
  step: Step,
  about: About,
  expected: { readonly now: number; readonly acrValues: readonly string[] },
): void {
  const now = epochSeconds(expected.now);
  if (
    claims.typ !== breakGlassStatementTypes[step] ||
    claims.iss !== authenticator.person ||
    Object.entries(about).some(([name, value]) => claims[name] !== value) ||
    claims.exp < now ||
    claims.exp - claims.iat > signSeconds ||
    !expected.acrValues.includes(authenticator.acr)
  )
    throw breakGlassErrors.error(
      'incident_statement',
      'The signed statement does not match this incident. Reload the page and review it again.',
    );
}

/** For a record, which is verified again without any other data. */
export function signedJson({ claims, signature, authenticator }: SignedStatement): {
  readonly statement: { readonly [member: string]: Json };
  readonly key: { readonly [member: string]: Json };
} {
  return { statement: { claims: { ...claims }, signature: { ...signature } }, key: { ...authenticator.jwk } };
}
