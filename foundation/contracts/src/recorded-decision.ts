import { defined, type Json, listOf, membersOf, parseDigest } from '@countersign/kernel';
import type { ProtectedValue } from './audit-log.ts';
import type { RecordedDecision } from './decision-history.ts';
import type { Decision, DecisionReason, Obligation } from './decisions.ts';

/**
 * The public part of a decision for `data.decision` of its record: outcome, codes and policies. {@link protectedDecision} stores
 * the rest as a restricted value.
 */
export function openDecision(decision: Omit<Decision, 'inputText'>): { readonly [name: string]: Json } {
  const open = outlineOf(decision);
  if (decision.errors.length === 0) open['errors'] = none;
  if (decision.reasons.length === 0) open['reasons'] = none;
  return open;
}

/**
 * The inputs and explanations of a decision as a restricted value of the acting institution, because they reveal trading
 * intentions.
 *
 * @param institution LEI; for a record with {@link openDecision} in `data.decision`
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

/** The decision without its explanations and inputs. */
function outlineOf(decision: Omit<Decision, 'inputText'>): { [name: string]: Json } {
  const { tokenLifetimeSeconds, timeStamp } = decision;
  // Built for every decision. Spreading objects for members that are usually absent would cost more than everything else here.
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

/** JSON of an obligation for records and answers. */
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

/**
 * Reads a decision from {@link openDecision} with the restored values of {@link protectedDecision}; undefined for any other JSON.
 */
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
