import type { EvaluationRequest } from '@countersign/contracts';
import { Type } from 'typebox';

const properties = Type.Record(Type.String({ maxLength: 128 }), Type.Unknown());

/**
 * AuthZEN 1.0 section 5. Unknown members are ignored, as section 5 asks; nothing that an enforcement point says
 * about a transaction is believed, it is read from the registry.
 */
export const evaluationRequestSchema = Type.Object({
  subject: Type.Object({
    type: Type.String({ minLength: 1, maxLength: 64 }),
    id: Type.String({ minLength: 1, maxLength: 256 }),
    properties: Type.Optional(properties),
  }),
  action: Type.Object({ name: Type.String({ minLength: 1, maxLength: 128 }), properties: Type.Optional(properties) }),
  resource: Type.Object({
    type: Type.String({ minLength: 1, maxLength: 64 }),
    id: Type.String({ minLength: 1, maxLength: 512 }),
    properties: Type.Optional(properties),
  }),
  context: Type.Optional(properties),
});

/** What of an enforcement point's context is used, each member checked; the rest is ignored. */
export interface ReadContext {
  readonly client: string;
  readonly audience: string;
  readonly scopes: readonly string[];
  readonly actorDepth: number;
  readonly acr?: string;
}

export function readContext(context: EvaluationRequest['context']): ReadContext {
  const { client, audience, scope, actor_depth: depth, acr } = context ?? {};
  return {
    client: typeof client === 'string' ? client : '',
    audience: typeof audience === 'string' ? audience : '',
    scopes: typeof scope === 'string' ? scope.split(' ').slice(0, 64) : [],
    actorDepth: typeof depth === 'number' && Number.isSafeInteger(depth) && depth >= 0 ? depth : 0,
    ...(typeof acr === 'string' ? { acr } : {}),
  };
}
