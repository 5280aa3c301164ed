import { type Json, listOf, membersOf, parseDigest } from '@countersign/kernel';
import type { ProtectedValue } from './audit-log.ts';
import type { RecordedDecision } from './decision-history.ts';
import type { Decision, DecisionReason, Obligation } from './decisions.ts';

/** The decision as a record holds it, in `data.decision`: enough to make it again. */
export function recordedDecision(decision: Decision): Json {
  return { ...withoutInput(decision), input: decision.input };
}

/**
 * The decision as a record holds it in the open, in `data.decision`: that and why it was made, by codes and policies. The
 * rest is kept beside the record, by {@link protectedDecision}.
 */
export function openDecision(decision: Omit<Decision, 'input'>): { readonly [name: string]: Json } {
  const { reasons, errors, ...open } = withoutInput(decision);
  return { ...open, ...(reasons.length > 0 ? {} : { reasons }), ...(errors.length > 0 ? {} : { errors }) };
}

/**
 * What a decision was made from, and what was said of it in words, tells what somebody means to trade: it is kept under
 * the institution that acts.
 *
 * @param institution LEI; for a record that holds {@link openDecision} in `data.decision`
 */
export function protectedDecision(decision: Decision, institution: string): readonly ProtectedValue[] {
  const { inputText } = decision;
  const { reasons, errors } = withoutInput(decision);
  const under = { kind: 'strategy', subject: institution } as const;
  const input: ProtectedValue = { ...under, path: '/data/decision/input' };
  return [
    inputText === undefined ? { ...input, value: decision.input } : { ...input, text: inputText },
    ...(reasons.length > 0 ? [{ ...under, path: '/data/decision/reasons', value: reasons }] : []),
    ...(errors.length > 0 ? [{ ...under, path: '/data/decision/errors', value: errors }] : []),
  ];
}

function withoutInput(decision: Omit<Decision, 'input'>) {
  const { tokenLifetimeSeconds, timeStamp } = decision;
  return {
    decision_id: decision.id,
    decision: decision.decision,
    policy_version: decision.policyVersion,
    policy_hash: decision.policyHash,
    determining: decision.determining,
    errors: decision.errors.map(({ policyId, message }) => ({ policy_id: policyId, message })),
    reasons: decision.reasons.map(({ code, detail }) => ({ code, detail })),
    obligations: decision.obligations.map(obligationJson),
    ...(tokenLifetimeSeconds === undefined ? {} : { token_lifetime_seconds: tokenLifetimeSeconds }),
    ...(timeStamp === undefined ? {} : { time_stamp: timeStamp }),
    entity_version: decision.entityVersion,
    input_digest: decision.inputDigest,
  };
}

/** An obligation as records and answers write it. */
export function obligationJson(obligation: Obligation): Json {
  switch (obligation.kind) {
    case 'approval': {
      const { kind, role, count, escalation } = obligation;
      return {
        kind,
        role,
        count,
        escalation: escalation.map(({ role, afterSeconds }) => ({ role, after_seconds: afterSeconds })),
      };
    }
    case 'step-up': {
      const { kind, acr, maxAgeSeconds } = obligation;
      return { kind, acr, ...(maxAgeSeconds === undefined ? {} : { max_age_seconds: maxAgeSeconds }) };
    }
    default:
      return obligation satisfies never;
  }
}

/** Reads what {@link recordedDecision} wrote; undefined for anything else. */
export function readRecordedDecision(json: Json | undefined): RecordedDecision | undefined {
  const {
    decision_id: id,
    decision,
    policy_version: policyVersion,
    policy_hash: hash,
    determining,
    errors,
    reasons,
    obligations,
    token_lifetime_seconds: tokenLifetimeSeconds,
    entity_version: entityVersion,
    input_digest: digest,
    input,
  } = membersOf(json) ?? {};
  const policyHash = parseDigest(hash);
  const inputDigest = parseDigest(digest);
  const read = {
    determining: listOf(determining, (item) => (typeof item === 'string' ? item : undefined)),
    errors: listOf(errors, readError),
    reasons: listOf(reasons, readReason),
    obligations: listOf(obligations, readObligation),
  };
  if (
    typeof id !== 'string' ||
    typeof decision !== 'boolean' ||
    typeof policyVersion !== 'number' ||
    typeof entityVersion !== 'number' ||
    policyHash === undefined ||
    inputDigest === undefined ||
    input === undefined ||
    read.determining === undefined ||
    read.errors === undefined ||
    read.reasons === undefined ||
    read.obligations === undefined
  )
    return undefined;
  return {
    id,
    decision,
    policyVersion,
    policyHash,
    determining: read.determining,
    errors: read.errors,
    reasons: read.reasons,
    obligations: read.obligations,
    ...(typeof tokenLifetimeSeconds === 'number' ? { tokenLifetimeSeconds } : {}),
    entityVersion,
    inputDigest,
    input,
  };
}

function readError(json: Json): { policyId: string; message: string } | undefined {
  const { policy_id: policyId, message } = membersOf(json) ?? {};
  return typeof policyId === 'string' && typeof message === 'string' ? { policyId, message } : undefined;
}

function readReason(json: Json): DecisionReason | undefined {
  const { code, detail } = membersOf(json) ?? {};
  return typeof code === 'string' && typeof detail === 'string' ? { code, detail } : undefined;
}

function readObligation(json: Json): Obligation | undefined {
  const { kind, role, count, escalation, acr, max_age_seconds: maxAgeSeconds } = membersOf(json) ?? {};
  if (kind === 'step-up' && typeof acr === 'string')
    return { kind, acr, ...(typeof maxAgeSeconds === 'number' ? { maxAgeSeconds } : {}) };
  const path = listOf(escalation, (step) => {
    const { role, after_seconds: afterSeconds } = membersOf(step) ?? {};
    return typeof role === 'string' && typeof afterSeconds === 'number' ? { role, afterSeconds } : undefined;
  });
  if (kind !== 'approval' || typeof role !== 'string' || typeof count !== 'number' || path === undefined)
    return undefined;
  return { kind, role, count, escalation: path };
}
