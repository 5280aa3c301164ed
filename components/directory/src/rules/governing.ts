import { approverRoles } from '@countersign/contracts';
import { canonicalize, type Json } from '@countersign/kernel';
import type { ChangeSet } from '../changes.ts';
import { type Entry, entryKey, type Graph } from '../entry.ts';

/** Roles that permit what others may not do alone. */
export const governingRoles: ReadonlySet<string> = new Set([
  ...approverRoles,
  // Instrument classes and currency rates move every threshold.
  'reference-data',
  ...['signatory', 'head-of-trading', 'security', 'break-glass'],
  ...['operator', 'approver', 'administrator'],
]);

interface GoverningGrant {
  readonly principal: string;
  readonly gives: 'role' | 'approval-key' | 'signing-authority' | 'sign-in' | 'desk';
}

/**
 * A governing role, an approval key, a signing authority, a way to sign in as somebody who has one, or another desk
 * for them: the desk decides whose approvals count. Reactivation gives a person all of theirs.
 *
 * @param free governing roles that this caller may give alone by configuration
 */
export function governingGrants(
  { written }: Pick<ChangeSet, 'written'>,
  before: Graph,
  governing: ReadonlySet<string>,
  free: ReadonlySet<string> = new Set(),
): readonly GoverningGrant[] {
  return written.flatMap((entry) => {
    const is = powersOf(entry);
    if (is === undefined) return [];
    const earlier = before.get(entryKey(entry));
    const was = (earlier === undefined ? undefined : powersOf(earlier)) ?? nothing;
    const isNew = (of: Exclude<keyof Powers, 'desk'>): boolean => [...is[of]].some((one) => !was[of].has(one));
    const given = [...is.roles].filter((role) => governing.has(role) && !was.roles.has(role) && !free.has(role));
    const hasRole = [...is.roles].some((role) => governing.has(role) && !free.has(role));
    const governs = is.keys.size > 0 || hasRole;
    const gives: GoverningGrant['gives'][] = [];
    if (given.length > 0) gives.push('role');
    if (isNew('keys')) gives.push('approval-key');
    if (is.roles.has('signatory') && was.roles.has('signatory') && isNew('authority')) gives.push('signing-authority');
    if (governs && isNew('names') && was !== nothing) gives.push('sign-in');
    if (hasRole && is.desk !== was.desk && was !== nothing) gives.push('desk');
    return gives.map((each) => ({ principal: entry.id, gives: each }));
  });
}

interface Powers {
  readonly roles: ReadonlySet<string>;
  readonly keys: ReadonlySet<string>;
  /** The signing limit; if absent, the person signs alone and without limit. */
  readonly authority: ReadonlySet<string>;
  readonly names: ReadonlySet<string>;
  readonly desk?: string | undefined;
}

const nothing: Powers = { roles: new Set(), keys: new Set(), authority: new Set(), names: new Set() };

function powersOf({ entity, document }: Entry): Powers | undefined {
  const authority: Json = document['signing_authority'] ?? null;
  if (entity.kind === 'agent') return { ...nothing, roles: new Set(entity.value.roles) };
  if (entity.kind === 'service')
    return { ...nothing, roles: new Set(entity.value.roles), authority: new Set([canonicalize(authority)]) };
  if (entity.kind !== 'person' || entity.value.active === false) return undefined;
  return {
    roles: new Set(entity.value.roles),
    desk: entity.value.desk,
    keys: new Set(entity.value.credentials.map(({ kid }) => kid)),
    authority: new Set([canonicalize(authority)]),
    names: new Set(entity.federated.map(({ issuer, subject }) => canonicalize([issuer, subject]))),
  };
}
