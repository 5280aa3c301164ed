import { type Client, type DirectorySnapshot, isInBusiness } from '@countersign/contracts';
import { isCodedError } from '@countersign/kernel';
import { type AccessTokenClaims, type VerificationKey, verifyAccessToken } from '@countersign/oauth';
import { isOpaqueToken, type OpaqueTokens } from '../opaque-tokens/index.ts';
import type { Revocations } from '../revocations/index.ts';

export type Judgement =
  | { readonly active: true; readonly claims: AccessTokenClaims }
  /** `reason` and `claims` are for the record; whoever asks is told nothing but that it is not active. */
  | { readonly active: false; readonly reason: string; readonly claims?: AccessTokenClaims };

export interface JudgementContext {
  readonly issuer: string;
  readonly keyOf: (kid: string) => VerificationKey | undefined;
  readonly opaqueTokens: Pick<OpaqueTokens, 'resolve'>;
  readonly revocations: Pick<Revocations, 'endedBy'>;
  readonly directory: DirectorySnapshot;
  /** The resource server that asks. */
  readonly client: Client;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** Does this token stand, now and for whoever asks? */
export async function judgeToken(token: string, context: JudgementContext): Promise<Judgement> {
  const signed = isOpaqueToken(token) ? await context.opaqueTokens.resolve(token) : token;
  if (signed === undefined) return { active: false, reason: 'token_unknown' };
  const verified = verify(signed, context);
  if (!('claims' in verified)) return { active: false, reason: verified.reason };
  const { claims } = verified;
  const reason = endOf(claims, context);
  return reason === undefined ? { active: true, claims } : { active: false, reason, claims };
}

function verify(
  token: string,
  { issuer, keyOf, directory, client, now }: JudgementContext,
): { readonly claims: AccessTokenClaims } | { readonly reason: string } {
  try {
    return verifyAccessToken(token, {
      issuer,
      keyOf,
      now,
      allowUnbound: true,
      // RFC 7662 section 4: only the interface that a token is for learns what it says.
      acceptsAudience: (audience) => directory.resource(audience)?.institution === client.institution,
    });
  } catch (error) {
    if (isCodedError(error)) return { reason: error.code };
    throw error;
  }
}

function endOf(claims: AccessTokenClaims, { revocations, directory }: JudgementContext): string | undefined {
  const ended = revocations.endedBy(claims);
  if (ended !== undefined) return `${ended}_revoked`;
  if (directory.principal(claims.sub) === undefined) return 'principal_unknown';
  if (directory.client(claims.client_id) === undefined) return 'client_unknown';
  // What was issued before a registration lapsed ended with it (see `entries-of-record.ts`); what came after begins nothing new.
  if (!isInBusiness(directory.institution(claims.lei))) return 'institution_not_in_good_standing';
  return undefined;
}
