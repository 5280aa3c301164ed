import { type Digest, digestOf, type Json, listOf, membersOf } from '@countersign/kernel';
import type { Members } from './members.ts';
import { readDigest } from './members.ts';

/** From `data.decision` of a record. */
export interface DecisionFacts {
  readonly permitted: boolean;
  readonly policyVersion: number;
  readonly policyHash: Digest;
  readonly inputDigest: Digest;
  /** Undefined if withheld or absent. */
  readonly input: DecisionInput | undefined;
}

/** The members that checks compare. */
export interface DecisionInput {
  /** Recomputed from the whole input. */
  readonly digest: Digest;
  readonly action: string | undefined;
  readonly principal: string | undefined;
  readonly resource: { readonly type: string; readonly id: string } | undefined;
  readonly context: Readonly<Record<string, Json>>;
  /** Undefined for a decision without a transaction. */
  readonly transaction: Readonly<Record<string, Json>> | undefined;
}

/** @throws RecordMalformed */
export function readDecision(members: Members): DecisionFacts {
  return {
    permitted: members.flag('decision'),
    policyVersion: members.count('policy_version'),
    policyHash: readDigest(members, 'policy_hash'),
    inputDigest: readDigest(members, 'input_digest'),
    input: members.has('input') ? readInput(members.value('input')) : undefined,
  };
}

function readInput(json: Json): DecisionInput {
  const { action, principal, resource, context, local } = membersOf(json) ?? {};
  const about = uidOf(resource);
  const entities = listOf(local, (entity) => membersOf(entity)) ?? [];
  const decidedOn = entities.find((entity) => {
    const uid = uidOf(entity['uid']);
    return uid?.type === 'Transaction' && uid.id === about?.id;
  });
  return {
    digest: digestOf(json),
    action: typeof action === 'string' ? action : undefined,
    principal: uidOf(principal)?.id,
    resource: about,
    context: membersOf(context) ?? {},
    transaction: membersOf(decidedOn?.['attrs']),
  };
}

function uidOf(json: Json | undefined): { readonly type: string; readonly id: string } | undefined {
  const { type, id } = membersOf(json) ?? {};
  return typeof type === 'string' && typeof id === 'string' ? { type, id } : undefined;
}

/** Cedar JSON: `__entity`. */
export function entityIdOf(json: Json | undefined): string | undefined {
  return uidOf(membersOf(json)?.['__entity'])?.id;
}

/** Cedar JSON: `__extn`. */
export function cedarDecimalOf(json: Json | undefined): string | undefined {
  const { fn, arg } = membersOf(membersOf(json)?.['__extn']) ?? {};
  return fn === 'decimal' && typeof arg === 'string' ? arg : undefined;
}
