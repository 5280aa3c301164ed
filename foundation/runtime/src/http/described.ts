import { defined } from '@countersign/kernel';
import type { FastifySchema, RouteShorthandOptions } from 'fastify';
import { type TSchema, Type } from 'typebox';

/** One answer of a route. Without a body it has none (204). */
export interface DescribedAnswer {
  readonly description: string;
  readonly body?: TSchema;
  /** `application/json` when left out; several where the request chooses. */
  readonly mediaType?: string | readonly string[];
}

/** What a caller needs to know of a route beside its method and path: its part of `openapi.json`. */
export interface RouteDescription {
  /** The chapter it belongs to. A route without one is in no document. */
  readonly tag: string;
  readonly summary: string;
  readonly description?: string;
  /** Scopes of the access token, each of them enough; none for a route that asks for no token. */
  readonly scopes?: readonly [string, ...string[]];
  /** Scopes that some requests need as well, as the description says. */
  readonly furtherScopes?: readonly [string, ...string[]];
  readonly params?: TSchema;
  readonly querystring?: TSchema;
  /** Described, and checked by whoever reads them: they have codes of their own. */
  readonly requestHeaders?: TSchema;
  readonly body?: TSchema;
  readonly answers: Readonly<Record<number, DescribedAnswer>>;
}

/** RFC 9457. `code` is what a program branches on. */
export const problemSchema = Type.Object(
  {
    type: Type.String({ description: '`urn:countersign:error:` and the code' }),
    title: Type.String(),
    status: Type.Integer({ minimum: 400, maximum: 599 }),
    code: Type.String({ pattern: '^[a-z][a-z0-9_]*$', description: 'Stable: what a program branches on' }),
    detail: Type.String({ description: 'For people: what is wrong, and what to do' }),
    facts: Type.Optional(
      Type.Record(Type.String(), Type.Unknown(), { description: 'What a program needs beside the code' }),
    ),
  },
  { title: 'Problem', additionalProperties: false },
);

/** Names of the security schemes in the document. */
export const tokenSchemes = {
  /** RFC 9449. */
  dpop: 'dpop-bound-token',
  /** RFC 8705 section 3: both, the token and the connection. */
  certificate: 'certificate-bound-token',
  mutualTls: 'mutual-tls',
} as const;

type DescribedSchema = FastifySchema & {
  readonly tags: readonly string[];
  readonly summary: string;
  readonly security: readonly Readonly<Record<string, readonly string[]>>[];
  readonly requestHeaders?: TSchema;
  readonly 'x-further-scopes'?: readonly string[];
};

/**
 * Route options that describe the route and check its request. Answers are described and not shaped: what is sent is
 * what the handler returned, to the byte, because a schema that forgot a member must not take it out of an answer.
 */
export function described(
  description: RouteDescription,
): Pick<RouteShorthandOptions, 'serializerCompiler'> & { readonly schema: DescribedSchema } {
  const { tag, scopes, furtherScopes, answers, ...rest } = description;
  return {
    serializerCompiler: () => (data) => JSON.stringify(data),
    schema: {
      ...rest,
      tags: [tag],
      ...defined({ 'x-further-scopes': furtherScopes }),
      security: (scopes ?? []).flatMap((scope) => [
        { [tokenSchemes.dpop]: [scope] },
        { [tokenSchemes.certificate]: [scope], [tokenSchemes.mutualTls]: [] },
      ]),
      response: {
        ...Object.fromEntries(Object.entries(answers).map(([status, answer]) => [status, contentOf(answer)])),
        default: contentOf({
          description: 'Refused, or a fault of ours',
          body: problemSchema,
          mediaType: 'application/problem+json',
        }),
      },
    },
  };
}

function contentOf({ description, body, mediaType = 'application/json' }: DescribedAnswer) {
  return body === undefined
    ? { description, type: 'null' }
    : { description, content: Object.fromEntries([mediaType].flat().map((type) => [type, { schema: body }])) };
}
