import { type Digest, digestOf, type Json, listOf, membersOf } from '@countersign/kernel';
import type { Members } from './members.ts';
import { readDigest } from './read-values.ts';

/** A policy decision as a record holds it, in `data.decision`. */
export interface DecisionFacts {
  readonly permitted: boolean;
  readonly policyVersion: number;
  readonly policyHash: Digest;
  readonly inputDigest: Digest;
  /** What it was made from; undefined where that is withheld, or not in the record. */
  readonly input: DecisionInput | undefined;
}

/** What a decision was made from, as far as it is compared with what was done upon it. */
export interface DecisionInput {
  /** Recomputed from the whole of it. */
  readonly digest: Digest;
  readonly action: string | undefined;
  readonly principal: string | undefined;
  readonly resource: { readonly type: string; readonly id: string } | undefined;
  readonly context: Readonly<Record<string, Json>>;
  /** Attributes of the transaction that was decided about; undefined where it was about none. */
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
  const entities = listOf(local, membersOf) ?? [];
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

/** The id of an entity that an attribute refers to (Cedar JSON: `__entity`). */
export function entityIdOf(json: Json | undefined): string | undefined {
  return uidOf(membersOf(json)?.['__entity'])?.id;
}

/** A decimal of Cedar (`__extn`), as it is written. */
export function cedarDecimalOf(json: Json | undefined): string | undefined {
  const { fn, arg } = membersOf(membersOf(json)?.['__extn']) ?? {};
  return fn === 'decimal' && typeof arg === 'string' ? arg : undefined;
}
