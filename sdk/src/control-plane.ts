import type { Clock } from '@countersign/kernel';
import { isScope, kindOfScope, transactionStepType } from '@countersign/market/scopes';
import type { Client, Token } from './client.ts';
import { type DecisionAnswer, readDecisionAnswer } from './decision-answer.ts';
import { sdkErrors } from './sdk-errors.ts';
import { createTokenSource } from './token-source.ts';
import { isObject, refusalOf } from './transport.ts';

/** Requests of a protected service to the control plane, with its own token. */
export interface ControlPlane {
  /** Only an explicit permit counts; a timeout or invalid response throws. */
  evaluate(request: {
    readonly subject: { readonly type: string; readonly id: string };
    readonly action: string;
    readonly transaction: string;
    readonly context?: Readonly<Record<string, unknown>>;
  }): Promise<DecisionAnswer>;
  checkMandate(
    mandate: string,
    question: { readonly intent: unknown; readonly actingFor: string; readonly action: string },
  ): Promise<{ readonly valid: boolean; readonly reason?: string; readonly detail?: string }>;
  /** Repeating an event with the same key returns the first receipt. @throws the refusal */
  transition(request: TransitionOrder): Promise<Readonly<Record<string, unknown>>>;
  /** Valid for some minutes. @param scope one that permits reading the transaction; `order:read` by default */
  envelope(transaction: string, scope?: string): Promise<string>;
}

export interface TransactionStepDetail {
  readonly type: typeof transactionStepType;
  readonly locations: readonly string[];
  readonly actions: readonly string[];
  readonly transaction: string;
}

export type TransitionOrder = {
  readonly transaction: string;
  readonly idempotencyKey: string;
  readonly body: Readonly<Record<string, unknown>>;
} & (
  | { readonly event: keyof typeof scopeOfEvent; readonly scope?: string }
  /** Other life cycles name their own scopes. */
  | { readonly event: string; readonly scope: string }
);

const scopeOfEvent = {
  submit: 'order:create',
  execute: 'trade:affirm',
  clear: 'settlement:instruct',
  settle: 'settlement:release',
  cancel: 'order:cancel',
} as const;

/** @param issuer base URL of the control plane's own interfaces */
export function createControlPlane(options: {
  readonly issuer: string;
  readonly client: Client;
  readonly clock?: Clock;
}): ControlPlane {
  const { issuer, client } = options;
  const tokenFor = createTokenSource(options);

  /** Only cancelling events use the service's ordinary token. */
  function tokenForStep(transaction: string, event: string, scope: string): Promise<Token> {
    const resource = `${issuer}/transactions`;
    if (isScope(scope) && kindOfScope(scope) === 'cancelling') return tokenFor(resource, scope);
    const authorizationDetails = [stepOf({ issuer, transaction, event })];
    return client.clientCredentials({ resource, scope, authorizationDetails });
  }

  return {
    async evaluate({ subject, action, transaction, context }) {
      const token = await tokenFor(`${issuer}/decisions`, 'decision:evaluate');
      const answer = await client.callOrThrow(token, {
        method: 'POST',
        url: `${issuer}/access/v1/evaluation`,
        body: {
          subject,
          action: { name: action },
          resource: { type: 'transaction', id: transaction },
          context: { ...context, record: true },
        },
      });
      return readDecisionAnswer(answer);
    },
    async checkMandate(mandate, { intent, actingFor, action }) {
      const token = await tokenFor(`${issuer}/mandates`, 'mandate:read');
      const answer = await client.callOrThrow(token, {
        method: 'POST',
        url: `${issuer}/mandates/${encodeURIComponent(mandate)}/validity`,
        body: { intent, acting_for: actingFor, action },
      });
      const { valid, reason, detail } = isObject(answer) ? answer : {};
      return {
        valid: valid === true,
        ...(typeof reason === 'string' ? { reason } : {}),
        ...(typeof detail === 'string' ? { detail } : {}),
      };
    },
    async transition({ transaction, event, scope = scopeOf(event), idempotencyKey, body }) {
      const token = await tokenForStep(transaction, event, scope);
      const answer = await client.call(token, {
        method: 'POST',
        url: `${issuer}/transactions/${encodeURIComponent(transaction)}/transitions`,
        idempotencyKey,
        body: { event, body },
      });
      if (answer.status >= 400 || !isObject(answer.body)) throw refusalOf(answer);
      return answer.body;
    },
    async envelope(transaction, scope = 'order:read') {
      const token = await tokenFor(`${issuer}/transactions`, scope);
      const answer = await client.call(token, {
        method: 'GET',
        url: `${issuer}/transactions/${encodeURIComponent(transaction)}/envelope`,
      });
      const envelope = isObject(answer.body) ? answer.body['envelope'] : undefined;
      if (answer.status >= 400 || typeof envelope !== 'string') throw refusalOf(answer);
      return envelope;
    },
  };
}

/** The authorization detail (RFC 9396) that every step in a market needs. */
export function stepOf(step: {
  readonly issuer: string;
  readonly transaction: string;
  readonly event: string;
}): TransactionStepDetail {
  const { issuer, transaction, event } = step;
  return { type: transactionStepType, locations: [`${issuer}/transactions`], actions: [event], transaction };
}

/** Other life cycles may require another scope for the same event. */
function scopeOf(event: string): string {
  const scope = Object.entries(scopeOfEvent).find(([name]) => name === event)?.[1];
  if (scope !== undefined) return scope;
  throw sdkErrors.error('scope_missing', 'Name the scope of this event, as in its life cycle.');
}
