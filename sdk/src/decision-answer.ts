import { isObject } from './transport.ts';

/** An obligation that must be met before the request can be permitted. */
export type DecisionObligation =
  | {
      readonly kind: 'approval';
      /** Role of the approver at the initiator's institution. */
      readonly role: string;
      /** The number of further approvals, by different people. */
      readonly count: number;
      /** Roles to contact if nobody responds, in order. */
      readonly escalation: readonly { readonly role: string; readonly afterSeconds: number }[];
    }
  | {
      readonly kind: 'step-up';
      /** Authentication context class that the person must reach. */
      readonly acr: string;
      readonly maxAgeSeconds?: number;
    }
  /** An unknown or malformed obligation. It cannot be met, so the answer stays deny. */
  | { readonly kind: 'unknown'; readonly type: string };

/** The decision point's answer (AuthZEN 1.0 section 5.5, and its profile for obligations). */
export interface DecisionAnswer {
  /** True only for a permit without outstanding obligations. Only then may the request continue. */
  readonly decision: boolean;
  readonly reasons: readonly { readonly code: string; readonly detail: string }[];
  readonly obligations: readonly DecisionObligation[];
  /** Record of this decision in the audit log. */
  readonly evidence?: string;
}

/** Reads an answer. Any malformed answer is a deny. */
export function readDecisionAnswer(answer: unknown): DecisionAnswer {
  const { decision, context } = isObject(answer) ? answer : {};
  const { reasons, obligations, evidence } = isObject(context) ? context : {};
  const read =
    obligations === undefined ? [] : Array.isArray(obligations) ? obligations.map(readObligation) : [unknown];
  return {
    // Strictly true: a string, a 1 or an absent member is not a permit. Neither is a permit with obligations, because they have
    // not been met (profile for obligations, section 4.4).
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
