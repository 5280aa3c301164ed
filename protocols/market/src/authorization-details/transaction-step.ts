import { type MandateId, parseId, type TransactionId } from '@countersign/kernel';
import { type Static, Type } from 'typebox';
import { accept, refuse } from '../parsed.ts';
import { type Problem, shapeOf } from '../shape.ts';
import { type ApplicationDetail, namesApplicationDetail } from './application-detail.ts';
import { fieldRules } from './field-rules.ts';
import { mandateId, resourceUri } from './fields.ts';
import { type ParsedAuthorizationDetails, parseAuthorizationDetails } from './parse.ts';
import { transactionStepType } from './transaction-step-type.ts';
import type { AuthorizationDetail } from './types.ts';

const transactionId = () => Type.Unsafe<TransactionId>(Type.String({ pattern: '^txn_[0-9a-z]{26}$' }));
const asked = {
  type: Type.Literal(transactionStepType),
  locations: Type.Array(resourceUri(), { minItems: 1, maxItems: 1 }),
  /** Events of the transaction's life, e.g. `execute`. */
  actions: Type.Array(Type.String({ pattern: '^[a-z][a-z-]{0,31}$' }), {
    minItems: 1,
    maxItems: 8,
    uniqueItems: true,
  }),
  transaction: transactionId(),
};
const grantedMandate = Type.Object(
  { id: mandateId(), version: Type.Integer({ minimum: 1 }) },
  { additionalProperties: false },
);

const stepRules = {
  ...fieldRules,
  id: fieldRules['mandate_id'] ?? accept,
  transaction: (value: unknown) =>
    parseId('transaction', value) === undefined
      ? refuse('transaction_malformed', 'A transaction is named by its id, txn_ and 26 characters.')
      : accept(value),
};

const stepShape = shapeOf(Type.Object(asked, { additionalProperties: false }), stepRules);
const grantedStepShape = shapeOf(
  Type.Object({ ...asked, mandate: grantedMandate }, { additionalProperties: false }),
  stepRules,
);

/** Steps that an institution asks to take in a transaction that stands already, under the mandate it was begun with. */
export type TransactionStep = Static<typeof stepShape.schema>;

/**
 * The same as a token holds it (RFC 9396 section 7). The server adds the mandate: whether it still stands is asked at the
 * step itself, because a mandate that has lapsed by then must raise an exception and not just be passed over.
 */
export interface GrantedStep extends TransactionStep {
  readonly mandate: { readonly id: MandateId; readonly version: number };
}

/** What a token can be for: an intent, a step of a transaction, or what an application has declared. */
export type TokenDetail = AuthorizationDetail | GrantedStep | ApplicationDetail;

export function isTransactionStep<Detail extends { readonly type: string }>(
  detail: Detail,
): detail is Extract<Detail, { readonly type: typeof transactionStepType }> {
  return detail.type === transactionStepType;
}

/** Whether a parsed JSON value is a list that holds a step. A step stands alone: it is not mixed with intents. */
export function namesStep(value: unknown): value is readonly [unknown] {
  return (
    Array.isArray(value) &&
    value.length === 1 &&
    typeof value[0] === 'object' &&
    value[0] !== null &&
    Object.getOwnPropertyDescriptor(value[0], 'type')?.value === transactionStepType
  );
}

/** Reads a step as a client asks for it. `problem` is as for {@link parseAuthorizationDetails}. */
export function parseTransactionStep(
  value: unknown,
): { readonly ok: true; readonly value: TransactionStep } | { readonly ok: false; readonly problem: Problem } {
  return stepShape.check(value, '/0');
}

/**
 * Reads the `authorization_details` of a token: intents, one step that was granted, or one detail of an application, whose
 * members the server has checked against the schema of the application.
 */
export function parseTokenDetails(
  value: unknown,
): { readonly ok: true; readonly value: readonly TokenDetail[] } | Extract<ParsedAuthorizationDetails, { ok: false }> {
  if (namesApplicationDetail(value)) return { ok: true, value };
  if (!namesStep(value)) return parseAuthorizationDetails(value);
  const checked = grantedStepShape.check(value[0], '/0');
  return checked.ok
    ? { ok: true, value: [checked.value] }
    : { ok: false, code: 'invalid_authorization_details', ...checked.problem };
}
