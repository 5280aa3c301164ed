import {
  type AuditAppender,
  type Client,
  type DirectorySnapshot,
  isInBusiness,
  type Signer,
} from '@countersign/contracts';
import { type Clock, isCodedError, type Json, newId, type Random, sha256Base64Url } from '@countersign/kernel';
import {
  type AccessTokenClaims,
  composeIntrospectionResponse,
  type Introspection,
  introspectionResponseHeader,
  introspectionResponseMediaType,
  signIntrospectionResponse,
  type VerificationKey,
  verifyAccessToken,
} from '@countersign/oauth';
import { type ClientContext, type ClientEndpoint, circumstancesOf } from './client-endpoint/index.ts';
import { isOpaqueToken, type OpaqueTokens } from './opaque-tokens/index.ts';
import { refuse } from './refusal.ts';
import type { Revocations } from './revocations/index.ts';
import type { TokenKeys } from './token-keys.ts';

export type IntrospectionAnswer =
  | { readonly form: 'json'; readonly introspection: Introspection }
  /** RFC 9701. */
  | { readonly form: 'jwt'; readonly response: string };

export interface IntrospectionDependencies {
  readonly issuer: string;
  readonly tokenKeys: TokenKeys;
  readonly opaqueTokens: Pick<OpaqueTokens, 'resolve'>;
  readonly revocations: Pick<Revocations, 'endedBy'>;
  readonly audit: AuditAppender;
  readonly signer: Pick<Signer, 'current' | 'sign'>;
  readonly clock: Clock;
  readonly random: Random;
}

const maxTokenLength = 16_384;

/** RFC 7662, for resource servers only. A token for another institution's interface is inactive. Each answer is recorded first. */
export function introspection(dependencies: IntrospectionDependencies): ClientEndpoint<IntrospectionAnswer> {
  const { issuer, signer } = dependencies;

  async function signed(answer: Introspection, { client, now }: ClientContext): Promise<IntrospectionAnswer> {
    const key = await signer.current('id-token');
    const response = await signIntrospectionResponse(
      composeIntrospectionResponse({ issuer, audience: client.id, introspection: answer, now }),
      introspectionResponseHeader(key),
      async (data) => (await signer.sign('id-token', key.kid, data)).signature,
    );
    return { form: 'jwt', response };
  }

  return {
    name: 'introspection',
    proof: 'ignored',
    refusalType: 'access.refused',
    async answer(context) {
      const token = readToken(context.parameters);
      const judgement = await judgeToken(token, {
        ...dependencies,
        keyOf: await dependencies.tokenKeys.current(),
        directory: context.directory,
        client: context.client,
        now: context.now,
      });
      const answer: Introspection = judgement.active ? describeToken(judgement.claims) : { active: false };
      // Composed before its record and released after it.
      const released: IntrospectionAnswer = wantsJwt(context.request.accept)
        ? await signed(answer, context)
        : { form: 'json', introspection: answer };
      await record(judgement, token, context, dependencies);
      return released;
    },
  };
}

export function readToken(parameters: ReadonlyMap<string, string>): string {
  const token = parameters.get('token');
  if (token === undefined) throw refuse('parameter_missing', 'The parameter token is missing.');
  if (token.length > maxTokenLength)
    throw refuse('parameter_unsupported', `A token is at most ${maxTokenLength} characters long.`);
  return token;
}

/** RFC 9701 section 4. */
function wantsJwt(accept: string | undefined): boolean {
  return (accept ?? '')
    .split(',')
    .some((range) => range.split(';')[0]?.trim().toLowerCase() === introspectionResponseMediaType);
}

async function record(
  judgement: Judgement,
  token: string,
  { client, request, certificate }: ClientContext,
  { audit, clock, random }: IntrospectionDependencies,
): Promise<void> {
  const { claims } = judgement;
  await audit.append({
    id: newId('record', { clock, random }),
    type: 'token.introspected',
    source: 'authorization-server',
    outcome: judgement.active ? 'permit' : 'deny',
    ...(judgement.active ? {} : { reason: judgement.reason }),
    client: client.id,
    ...circumstancesOf(request, certificate),
    ...(claims === undefined
      ? {}
      : {
          references: [claims.evidence],
          subject: { id: claims.sub, institution: claims.lei },
          audience: [claims.aud],
          ...(claims.txn === undefined ? {} : { transaction: claims.txn }),
        }),
    data: { token_sha256: sha256Base64Url(token), ...(claims === undefined ? {} : { jti: claims.jti }) },
  });
}

export type Judgement =
  | { readonly active: true; readonly claims: AccessTokenClaims }
  /** `reason` and `claims` are for the record only. */
  | { readonly active: false; readonly reason: string; readonly claims?: AccessTokenClaims };

export interface JudgementContext {
  readonly issuer: string;
  readonly keyOf: (kid: string) => VerificationKey | undefined;
  readonly opaqueTokens: Pick<OpaqueTokens, 'resolve'>;
  readonly revocations: Pick<Revocations, 'endedBy'>;
  readonly directory: DirectorySnapshot;
  readonly client: Client;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** Whether the token is active for this resource server. */
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
      // RFC 7662 section 4: only the interface that the token is for may read its claims.
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
  // Earlier tokens ended with the registration (`entries-of-record.ts`); a later one may not start anything new.
  if (!isInBusiness(directory.institution(claims.lei))) return 'institution_not_in_good_standing';
  return undefined;
}

/** RFC 7662 section 2.2: all claims, with `act` and `may_act`, without which a resource server could authorise the wrong party. */
export function describeToken(claims: AccessTokenClaims): Introspection {
  const described: Readonly<Record<string, Json>> = JSON.parse(JSON.stringify(claims));
  return { ...described, active: true, token_type: tokenTypeOf(claims) };
}

/** RFC 9449 section 6.2, RFC 8705 section 3. */
function tokenTypeOf({ cnf }: AccessTokenClaims): 'DPoP' | 'Bearer' {
  return cnf !== undefined && 'jkt' in cnf ? 'DPoP' : 'Bearer';
}
