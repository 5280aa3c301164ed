import { EntityReference } from '@countersign/cedar';
import type { Desk, DirectorySnapshot, Principal } from '@countersign/contracts';
import type { Uid } from '../decision/posed.ts';
import { deskOf, principalUid } from './entities.ts';
import { type Standing, standingOf } from './gates.ts';

/** Who asks, as questions need them. */
export interface KnownPrincipal {
  readonly id: string;
  readonly institution: string;
  /** Where the directory says what that desk may do. */
  readonly desk: Desk | undefined;
  readonly uid: Uid;
  readonly reference: EntityReference;
}

/**
 * One version of the directory, with what questions ask of it over and over: a directory of a million entities does not
 * fit into the caches of a processor, those who deal at one time do.
 */
export interface KnownDirectory {
  readonly snapshot: DirectorySnapshot;
  principal(id: string): KnownPrincipal | undefined;
  /** LEI of the institution whose account it is. */
  ownerOf(account: string): string | undefined;
  standingOf(lei: string): Standing;
}

/** Of each kind; past it they are looked up again. */
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

/** Names come from requests: those of which there is nothing are not kept, and no long ones. */
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
