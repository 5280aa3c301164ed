import type { AuditAppender, Signer } from '@countersign/contracts';
import { type Clock, newId, type Random, sha256Base64Url } from '@countersign/kernel';
import {
  composeIntrospectionResponse,
  type Introspection,
  introspectionResponseHeader,
  introspectionResponseMediaType,
  signIntrospectionResponse,
} from '@countersign/oauth';
import { type ClientContext, type ClientEndpoint, circumstancesOf } from '../client-endpoint/index.ts';
import type { OpaqueTokens } from '../opaque-tokens/index.ts';
import { refuse } from '../refusal.ts';
import type { Revocations } from '../revocations/index.ts';
import type { TokenKeys } from '../token-keys.ts';
import { describeToken } from './describe-token.ts';
import { type Judgement, judgeToken } from './judge-token.ts';

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

/** Longest token that is looked at, in characters. */
const maxTokenLength = 16_384;

/**
 * RFC 7662, for resource servers alone: a token of another institution's interface is not active for whoever asks,
 * like one that has expired, was revoked, or never was. Each answer is recorded before it is given.
 */
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
      // Composed before the record and released after it.
      const released: IntrospectionAnswer = wantsJwt(context.request.accept)
        ? await signed(answer, context)
        : { form: 'json', introspection: answer };
      await record(judgement, token, context, dependencies);
      return released;
    },
  };
}

function readToken(parameters: ReadonlyMap<string, string>): string {
  const token = parameters.get('token');
  if (token === undefined) throw refuse('parameter_missing', 'The parameter token is missing.');
  if (token.length > maxTokenLength)
    throw refuse('parameter_unsupported', `A token is at most ${maxTokenLength} characters long.`);
  return token;
}

/** RFC 9701 section 4: the resource server asks for the signed form by its media type. */
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
