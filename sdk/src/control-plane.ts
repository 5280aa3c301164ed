import type { Client, Token } from './client.ts';
import { type DecisionAnswer, readDecisionAnswer } from './decision-answer.ts';
import { isObject, refusalOf } from './transport.ts';

/** What a protected service asks the control plane, under its own name. */
export interface ControlPlane {
  /** May `subject` do this? Anything but a clear yes is a no: a time-out or a broken answer throws. */
  evaluate(request: {
    readonly subject: { readonly type: string; readonly id: string };
    readonly action: string;
    readonly transaction: string;
    readonly context?: Readonly<Record<string, unknown>>;
  }): Promise<DecisionAnswer>;
  /** Does the mandate allow this intent now, and if not, why? */
  mandateStands(
    mandate: string,
    question: { readonly intent: unknown; readonly actingFor: string; readonly action: string },
  ): Promise<{ readonly stands: boolean; readonly reason?: string; readonly detail?: string }>;
  /** Carries the transaction on. Repeating with the same key returns the first receipt. @throws the refusal */
  transition(request: {
    readonly transaction: string;
    readonly event: 'submit' | 'execute' | 'clear' | 'settle' | 'cancel';
    readonly idempotencyKey: string;
    readonly body: Readonly<Record<string, unknown>>;
  }): Promise<Readonly<Record<string, unknown>>>;
}

const scopeOfEvent = {
  submit: 'order:create',
  execute: 'trade:affirm',
  clear: 'settlement:instruct',
  settle: 'settlement:release',
  cancel: 'order:cancel',
} as const;

/** @param issuer base of the control plane's own interfaces */
export function createControlPlane(options: { readonly issuer: string; readonly client: Client }): ControlPlane {
  const { issuer, client } = options;
  const tokens = new Map<string, Token>();

  /** One token per interface and scope, renewed half a minute before it ends. */
  async function tokenFor(resource: string, scope: string): Promise<Token> {
    const key = `${resource} ${scope}`;
    const held = tokens.get(key);
    if (held !== undefined && held.expiresAt - 30_000 > Date.now()) return held;
    const fresh = await client.clientCredentials({ resource, scope });
    tokens.set(key, fresh);
    return fresh;
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
          ...(context === undefined ? {} : { context }),
        },
      });
      return readDecisionAnswer(answer);
    },
    async mandateStands(mandate, { intent, actingFor, action }) {
      const token = await tokenFor(`${issuer}/mandates`, 'mandate:read');
      const answer = await client.callOrThrow(token, {
        method: 'POST',
        url: `${issuer}/mandates/${encodeURIComponent(mandate)}/validity`,
        body: { intent, acting_for: actingFor, action },
      });
      const { stands, reason, detail } = isObject(answer) ? answer : {};
      return {
        stands: stands === true,
        ...(typeof reason === 'string' ? { reason } : {}),
        ...(typeof detail === 'string' ? { detail } : {}),
      };
    },
    async transition({ transaction, event, idempotencyKey, body }) {
      const token = await tokenFor(`${issuer}/transactions`, scopeOfEvent[event]);
      const answer = await client.call(token, {
        method: 'POST',
        url: `${issuer}/transactions/${encodeURIComponent(transaction)}/transitions`,
        idempotencyKey,
        body: { event, body },
      });
      if (answer.status >= 400 || !isObject(answer.body)) throw refusalOf(answer);
      return answer.body;
    },
  };
}
