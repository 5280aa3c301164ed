import type { Json } from '@countersign/kernel';
import type { CallRequest, Token } from '@countersign/sdk/calling';
import type { Routes, Schemas } from './api-routes.d.ts';
import { readJson } from './read-json.ts';

export type { Schemas };

/** An operation of docs/openapi.json, e.g. `GET /directory/changes/{id}`. */
export type Route = keyof Routes;
export type Answer<R extends Route> = Routes[R]['answer'];

/** The parts of a connection that a request needs. */
export interface Caller {
  readonly issuer: string;
  readonly client: { callOrThrow(token: Token, request: CallRequest): Promise<unknown> };
  token(audience: string, scope: string): Promise<Token>;
}

/** The JSON of a file, sent unchanged; the control plane validates it. */
export class FileContent {
  readonly value: unknown;
  constructor(value: unknown) {
    this.value = value;
  }
  toJSON(): unknown {
    return this.value;
  }
}

/** @throws CodedError `file_unreadable` with the given advice */
export function readBody(path: string, advice: string): FileContent {
  return new FileContent(readJson(path, advice));
}

/** A request body as users can write it: unvalidated strings, undefined for absent members, and files for parts. */
export type Sendable<T> = Json extends T
  ? unknown
  : T extends string
    ? string
    : T extends number | boolean | null | undefined
      ? T
      :
          | FileContent
          | (T extends readonly (infer Item)[]
              ? readonly Sendable<Item>[]
              : { readonly [K in keyof T]: Sendable<T[K]> | (object extends Pick<T, K> ? undefined : never) });

/** The scope of a transaction depends on the kind of its intent, so users name it. */
type ScopeOf<R extends Route> = [Routes[R]['scope']] extends [never]
  ? string
  : R extends `GET /transactions/${string}` | 'POST /transactions/{id}/approvals'
    ? string
    : Routes[R]['scope'] | `${Routes[R]['scope']} audit:disclose`;

export type Inputs<R extends Route> = {
  readonly scope: ScopeOf<R>;
  readonly query?: { readonly [Name in Routes[R]['query']]?: string | number | boolean | undefined };
  readonly idempotencyKey?: string;
} & ([Routes[R]['params']] extends [never]
  ? object
  : { readonly params: { readonly [Name in Routes[R]['params']]: string } }) &
  (Routes[R]['body'] extends undefined ? object : { readonly body: Sendable<Routes[R]['body']> });

/**
 * Calls an operation with a token of its single scope.
 *
 * @throws CodedError the refusal of the control plane
 */
export async function request<R extends Route>(
  { issuer, client, token }: Caller,
  route: R,
  inputs: Inputs<R>,
): Promise<Answer<R>> {
  const { scope, query, params, body, idempotencyKey }: AnyInputs = inputs;
  const [method, template] = splitRoute(route);
  const path = template.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(params?.[name] ?? ''));
  const search = new URLSearchParams(
    Object.entries(query ?? {}).flatMap(([name, value]): [string, string][] =>
      value === undefined ? [] : [[name, String(value)]],
    ),
  ).toString();
  const answer = await client.callOrThrow(await token(audienceOf(template), scope), {
    method,
    url: `${issuer}${path}${search === '' ? '' : `?${search}`}`,
    ...(body === undefined ? {} : { body }),
    ...(idempotencyKey === undefined ? {} : { idempotencyKey }),
  });
  // The control plane is authenticated and answers by the schemas from which these types are generated.
  return answer as Answer<R>;
}

interface AnyInputs {
  readonly scope: string;
  readonly query?: Readonly<Record<string, unknown>>;
  readonly params?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  readonly idempotencyKey?: string;
}

function splitRoute(route: Route): readonly [CallRequest['method'], string] {
  const [method = '', path = ''] = route.split(' ');
  // The part of a route before the space is its method.
  return [method as CallRequest['method'], path];
}

/** The first path segment below the issuer. */
function audienceOf(path: string): string {
  const first = path.split('/')[1] ?? '';
  return first === 'recovery-requests' ? 'recoveries' : first;
}
