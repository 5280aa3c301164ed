import { type Departure, type PrincipalId, parsePrincipalId } from '@countersign/contracts';
import { defined, type Json } from '@countersign/kernel';
import type { ChangeSet } from '../changes.ts';
import { type Entry, entryKey, type Graph } from '../entry.ts';

export interface Departing {
  readonly kind: Departure['kind'];
  readonly principal: PrincipalId;
  readonly institution: string;
  readonly from: Position;
  readonly to?: Position;
}

type Position = { readonly desk?: string; readonly roles: readonly string[]; readonly institution?: string };

/** Whatever kind of request makes the change, a principal that is removed or becomes inactive leaves. */
export function departuresIn(changeSet: ChangeSet, before: Graph): readonly Departing[] {
  const left = changeSet.removed.flatMap((entry) => {
    const member = memberOf(entry);
    return member === undefined || !member.active ? [] : [leaving(member)];
  });
  const written = changeSet.written.flatMap((entry) => {
    const earlier = before.get(entryKey(entry));
    const was = earlier === undefined ? undefined : memberOf(earlier);
    const is = memberOf(entry);
    if (was?.active !== true || is === undefined) return [];
    if (!is.active) return [leaving(was)];
    return samePlace(was, is) ? [] : [{ ...leaving(was), kind: 'move' as const, to: positionOf(is, was) }];
  });
  return [...left, ...written];
}

export function positionJson({ desk, roles, institution }: Position): Json {
  return {
    ...defined({ institution, desk }),
    roles: [...roles],
  };
}

interface Member {
  readonly id: PrincipalId;
  readonly institution: string;
  readonly desk: string | undefined;
  readonly roles: readonly string[];
  readonly active: boolean;
}

function memberOf({ id: text, owner, entity }: Entry): Member | undefined {
  if (entity.kind !== 'person' && entity.kind !== 'service' && entity.kind !== 'agent') return undefined;
  const id = parsePrincipalId(text);
  if (id === undefined) throw new Error(`a principal without a principal's id: ${text}`);
  const { desk, roles } = entity.value;
  return {
    id,
    institution: owner,
    desk,
    roles: [...roles].sort(),
    active: entity.kind !== 'person' || entity.value.active !== false,
  };
}

function leaving(member: Member): Departing {
  return { kind: 'leave', principal: member.id, institution: member.institution, from: positionOf(member, member) };
}

function positionOf({ desk, roles, institution }: Member, other: Member): Position {
  return {
    ...(institution === other.institution ? {} : { institution }),
    ...defined({ desk }),
    roles,
  };
}

function samePlace(a: Member, b: Member): boolean {
  return a.institution === b.institution && a.desk === b.desk && a.roles.join(' ') === b.roles.join(' ');
}
