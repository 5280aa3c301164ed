import { defined } from '@countersign/kernel';
import type { FastifySchema, RouteShorthandOptions } from 'fastify';
import { type TSchema, Type } from 'typebox';

/** One response of a route. A response without a body schema has no body (204). */
export interface DescribedAnswer {
  readonly description: string;
  readonly body?: TSchema;
  /** `application/json` when left out; several when the request selects one. */
  readonly mediaType?: string | readonly string[];
}

/** The documentation of a route beside its method and path: its part of `openapi.json`. */
export interface RouteDescription {
  /** Its section in the document. Routes without a tag are not documented. */
  readonly tag: string;
  readonly summary: string;
  readonly description?: string;
  /** Scopes of the access token, any one of which is sufficient; none for a route without a token. */
  readonly scopes?: readonly [string, ...string[]];
  /** Further scopes that some requests need, as the description explains. */
  readonly furtherScopes?: readonly [string, ...string[]];
  readonly params?: TSchema;
  readonly querystring?: TSchema;
  /** Only documented. The code that reads these headers validates them and has its own error codes. */
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

/** Names of the security schemes in `openapi.json`. */
export const tokenSchemes = {
  /** RFC 9449. */
  dpop: 'dpop-bound-token',
  /** RFC 8705 section 3: token and connection together. */
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
 * Route options that document the route and validate its request. Responses are documented but not serialized by the schema,
 * because a schema without some member would silently drop it from the response.
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
