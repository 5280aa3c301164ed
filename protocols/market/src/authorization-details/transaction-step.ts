import { type MandateId, parseId, type TransactionId } from '@countersign/kernel';
import { type Static, Type } from 'typebox';
import { accept, refuse } from '../parsed.ts';
import { type Problem, shapeOf } from '../shape.ts';
import { transactionStepType } from '../transaction-step-type.ts';
import { type ApplicationDetail, namesApplicationDetail } from './application-detail.ts';
import { fieldRules } from './field-rules.ts';
import { mandateId, resourceUri } from './fields.ts';
import { type ParsedAuthorizationDetails, parseAuthorizationDetails } from './parse.ts';
import type { AuthorizationDetail } from './types.ts';

const transactionId = () => Type.Unsafe<TransactionId>(Type.String({ pattern: '^txn_[0-9a-z]{26}$' }));
const asked = {
  type: Type.Literal(transactionStepType),
  locations: Type.Array(resourceUri(), { minItems: 1, maxItems: 1 }),
  /** Events of the transaction's life cycle, e.g. `execute`. */
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

/** Steps that an institution requests in an existing transaction, under the mandate that started it. */
export type TransactionStep = Static<typeof stepShape.schema>;

/** As the token carries it (RFC 9396 section 7), with the mandate, so that a step itself checks that it is in force. */
export interface GrantedStep extends TransactionStep {
  readonly mandate: { readonly id: MandateId; readonly version: number };
}

/** A detail that a token can carry: an intent, a transaction step or an application detail. */
export type TokenDetail = AuthorizationDetail | GrantedStep | ApplicationDetail;

export function isTransactionStep<Detail extends { readonly type: string }>(
  detail: Detail,
): detail is Extract<Detail, { readonly type: typeof transactionStepType }> {
  return detail.type === transactionStepType;
}

/** Whether a parsed JSON value is a list that contains a step. A step cannot be combined with intents. */
export function namesStep(value: unknown): value is readonly [unknown] {
  return (
    Array.isArray(value) &&
    value.length === 1 &&
    typeof value[0] === 'object' &&
    value[0] !== null &&
    Object.getOwnPropertyDescriptor(value[0], 'type')?.value === transactionStepType
  );
}

/** Parses a step from a client's request. `problem` is as for {@link parseAuthorizationDetails}. */
export function parseTransactionStep(
  value: unknown,
): { readonly ok: true; readonly value: TransactionStep } | { readonly ok: false; readonly problem: Problem } {
  return stepShape.check(value, '/0');
}

/** Intents, one granted step, or one application detail, which the server has checked against its schema. */
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
