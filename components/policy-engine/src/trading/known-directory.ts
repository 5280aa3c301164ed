import { EntityReference } from '@countersign/cedar';
import type { Desk, DirectorySnapshot, Principal } from '@countersign/contracts';
import type { Uid } from '../decision/question.ts';
import { deskOf, principalUid } from './entities.ts';
import { type Standing, standingOf } from './gates.ts';

export interface KnownPrincipal {
  readonly id: string;
  readonly institution: string;
  readonly desk: Desk | undefined;
  readonly uid: Uid;
  readonly reference: EntityReference;
}

/**
 * One version of the directory with caches for frequent lookups: the active principals fit into the processor's caches, a directory
 * of a million entities does not.
 */
export interface KnownDirectory {
  readonly snapshot: DirectorySnapshot;
  principal(id: string): KnownPrincipal | undefined;
  ownerOf(account: string): string | undefined;
  standingOf(lei: string): Standing;
}

const maxKept = 20_000;

export function knownDirectory(snapshot: DirectorySnapshot): KnownDirectory {
  return {
    snapshot,
    principal: remembering((id) => {
      const principal = snapshot.principal(id);
      return principal === undefined ? undefined : knownPrincipal(principal, deskOf(snapshot, principal));
    }),
    ownerOf: remembering((account) => snapshot.account(account)?.institution),
    standingOf: remembering((lei) => standingOf(snapshot.institution(lei))),
  };
}

function knownPrincipal(principal: Principal, desk: Desk | undefined): KnownPrincipal {
  const { id, institution } = principal;
  const uid = principalUid(principal);
  return { id, institution, desk, uid, reference: new EntityReference(uid.type, uid.id) };
}

/** Longer names and unknown names are not cached, because they come from requests. */
const maxNameLength = 256;

function remembering<Found>(find: (name: string) => Found): (name: string) => Found {
  const kept = new Map<string, Found>();
  return (name) => {
    const known = kept.get(name);
    if (known !== undefined) return known;
    const found = find(name);
    if (found !== undefined && name.length <= maxNameLength) {
      if (kept.size >= maxKept) kept.clear();
      kept.set(name, found);
    }
    return found;
  };
}
