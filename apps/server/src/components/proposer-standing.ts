import {
  type AuditLog,
  type AuthenticatorRegister,
  type Directory,
  type DirectorySnapshot,
  type ProposerLapse,
  type ProposerStanding,
  parsePrincipalId,
  standingRevocation,
} from '@countersign/contracts';
import { membersOf } from '@countersign/kernel';

/** Reports the current standing of proposers, from the directory, the locks and the log. */
export function createProposerStanding({
  directory,
  authenticators,
  log,
}: {
  readonly directory: Pick<Directory, 'snapshotAtLeast'>;
  readonly authenticators: Pick<AuthenticatorRegister, 'isLocked'>;
  readonly log: Pick<AuditLog, 'query' | 'standings'>;
}): ProposerStanding {
  /** Includes people who left and returned: their earlier proposals are no longer theirs. */
  async function departed(principal: string, since: number): Promise<ProposerLapse | undefined> {
    let after: bigint | undefined;
    for (;;) {
      const page = await log.query({
        types: ['directory.departure'],
        from: since,
        limit: 1_000,
        ...(after === undefined ? {} : { after }),
      });
      for (const { record } of page) {
        const data = membersOf(record.data);
        if (data?.principal === principal) return data.kind === 'move' ? 'moved' : 'left';
      }
      after = page.at(-1)?.index;
      if (page.length < 1_000) return undefined;
    }
  }

  async function lapseOf(principal: string, since: number, snapshot: DirectorySnapshot) {
    const found = snapshot.principal(principal);
    if (found === undefined || (found.kind === 'person' && found.active === false)) return 'left';
    if (snapshot.institution(found.institution)?.leiStatus !== 'ISSUED') return 'right-lost';
    const person = found.kind === 'person' ? parsePrincipalId(principal) : undefined;
    if (person !== undefined && (await authenticators.isLocked(person))) return 'locked';
    const parties = { principals: [principal], clients: [], institutions: [found.institution], mandates: [] };
    if ((await standingRevocation(parties, log)) !== undefined) return 'revoked';
    return departed(principal, since);
  }

  return async ({ proposers, scope, since }) => {
    const snapshot = await directory.snapshotAtLeast(0);
    for (const principal of proposers) {
      const lapse = await lapseOf(principal, since, snapshot);
      if (lapse !== undefined) return lapse;
    }
    // The scope was granted to the client that made the request: the current actor, or the proposer itself if no actor is named.
    const [proposer = '', asking = proposer] = proposers;
    const software = snapshot.principal(asking);
    if (software === undefined || software.kind === 'person') return undefined;
    for (const client of snapshot.clients())
      if (client.principal === asking && client.institution === software.institution && client.scopes.includes(scope))
        return undefined;
    return 'right-lost';
  };
}
