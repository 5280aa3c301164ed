import { isObject } from './transport.ts';

export type DecisionObligation =
  | {
      readonly kind: 'approval';
      readonly role: string;
      /** Further approvals, by different people. */
      readonly count: number;
      /** Roles to contact if nobody responds, in order. */
      readonly escalation: readonly { readonly role: string; readonly afterSeconds: number }[];
    }
  | {
      readonly kind: 'step-up';
      /** Required authentication context class. */
      readonly acr: string;
      readonly maxAgeSeconds?: number;
    }
  /** It cannot be met, so the answer stays deny. */
  | { readonly kind: 'unknown'; readonly type: string };

/** AuthZEN 1.0 section 5.5, and its profile for obligations. */
export interface DecisionAnswer {
  /** True only for a permit without outstanding obligations. */
  readonly decision: boolean;
  readonly reasons: readonly { readonly code: string; readonly detail: string }[];
  readonly obligations: readonly DecisionObligation[];
  /** Record of this decision in the audit log. */
  readonly evidence?: string;
}

/** Any malformed answer is a deny. */
export function readDecisionAnswer(answer: unknown): DecisionAnswer {
  const { decision, context } = isObject(answer) ? answer : {};
  const { reasons, obligations, evidence } = isObject(context) ? context : {};
  const read =
    obligations === undefined ? [] : Array.isArray(obligations) ? obligations.map(readObligation) : [unknown];
  return {
    // Only `true` is a permit, and only without obligations (profile for obligations, section 4.4).
    decision: decision === true && read.length === 0,
    reasons: list(reasons).flatMap(({ code, detail }) =>
      typeof code === 'string' && typeof detail === 'string' ? [{ code, detail }] : [],
    ),
    obligations: read,
    ...(typeof evidence === 'string' ? { evidence } : {}),
  };
}

const unknown: DecisionObligation = { kind: 'unknown', type: '' };

function readObligation(value: unknown): DecisionObligation {
  const { type, properties } = isObject(value) ? value : {};
  if (typeof type !== 'string' || !isObject(properties)) return unknown;
  if (type === 'step-up') {
    const { acr_value: acr, max_age: maxAgeSeconds } = properties;
    if (typeof acr === 'string')
      return { kind: 'step-up', acr, ...(typeof maxAgeSeconds === 'number' ? { maxAgeSeconds } : {}) };
  }
  const { vendor, action, role, count, escalation } = properties;
  if (type === 'custom' && vendor === 'countersign' && action === 'approval')
    if (typeof role === 'string' && typeof count === 'number')
      return { kind: 'approval', role, count, escalation: readEscalation(escalation) };
  return { kind: 'unknown', type };
}

function readEscalation(value: unknown) {
  return list(value).flatMap(({ role, after_seconds: afterSeconds }) =>
    typeof role === 'string' && typeof afterSeconds === 'number' ? [{ role, afterSeconds }] : [],
  );
}

function list(value: unknown): readonly Readonly<Record<string, unknown>>[] {
  return Array.isArray(value) ? value.filter(isObject) : [];
}
