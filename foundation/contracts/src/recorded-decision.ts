import { defined, type Json, listOf, membersOf, parseDigest } from '@countersign/kernel';
import type { ProtectedValue } from './audit-log.ts';
import type { RecordedDecision } from './decision-history.ts';
import type { Decision, DecisionReason, Obligation } from './decisions.ts';

/**
 * The decision as a record holds it in the open, in `data.decision`: that and why it was made, by codes and policies. The
 * rest is kept beside the record, by {@link protectedDecision}.
 */
export function openDecision(decision: Omit<Decision, 'inputText'>): { readonly [name: string]: Json } {
  const open = outlineOf(decision);
  if (decision.errors.length === 0) open['errors'] = none;
  if (decision.reasons.length === 0) open['reasons'] = none;
  return open;
}

/**
 * What a decision was made from, and what was said of it in words, tells what somebody means to trade: it is kept under
 * the institution that acts.
 *
 * @param institution LEI; for a record that holds {@link openDecision} in `data.decision`
 */
export function protectedDecision(decision: Decision, institution: string): readonly ProtectedValue[] {
  const { errors, inputText: text, reasons } = decision;
  const kept = (name: string) => ({ kind: 'strategy', subject: institution, path: `/data/decision/${name}` }) as const;
  const values: ProtectedValue[] = [{ ...kept('input'), text }];
  if (reasons.length > 0) values.push({ ...kept('reasons'), value: reasonsOf(decision) });
  if (errors.length > 0) values.push({ ...kept('errors'), value: errorsOf(decision) });
  return values;
}

const none: readonly never[] = [];

/** All but what was said of it in words, and what it was made from. */
function outlineOf(decision: Omit<Decision, 'inputText'>): { [name: string]: Json } {
  const { tokenLifetimeSeconds, timeStamp } = decision;
  // Written for every decision there is: a spread object for a member that is mostly missing costs more than all others.
  const outline: { [name: string]: Json } = {
    decision_id: decision.id,
    decision: decision.decision,
    policy_version: decision.policyVersion,
    policy_hash: decision.policyHash,
    determining: decision.determining,
    obligations: decision.obligations.map(obligationJson),
    entity_version: decision.entityVersion,
    input_digest: decision.inputDigest,
  };
  if (tokenLifetimeSeconds !== undefined) outline['token_lifetime_seconds'] = tokenLifetimeSeconds;
  if (timeStamp !== undefined) outline['time_stamp'] = timeStamp;
  return outline;
}

function errorsOf({ errors }: Pick<Decision, 'errors'>): Json {
  return errors.map(({ policyId, message }) => ({ policy_id: policyId, message }));
}

function reasonsOf({ reasons }: Pick<Decision, 'reasons'>): Json {
  return reasons.map(({ code, detail }) => ({ code, detail }));
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
      return { kind, acr, ...defined({ max_age_seconds: maxAgeSeconds }) };
    }
    default:
      return obligation satisfies never;
  }
}

/** Reads what {@link openDecision} wrote, with what {@link protectedDecision} kept in its place; undefined for anything else. */
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
    time_stamp: timeStamp,
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
    ...(timeStamp === true ? { timeStamp } : {}),
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
