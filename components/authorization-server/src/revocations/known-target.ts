import type { AuditLog, ConsentStore, Directory, GrantRegister, RevocationTarget } from '@countersign/contracts';
import { defined, parseId, timeOfId } from '@countersign/kernel';

export interface TargetSources {
  readonly log: Pick<AuditLog, 'query'>;
  readonly grants: Pick<GrantRegister, 'find'>;
  readonly consentStore: Pick<ConsentStore, 'find'>;
  readonly directory: Pick<Directory, 'snapshotAtLeast'>;
}

/** Between a token's id and its record, with clock differences. */
const recordedWithinMs = 60_000;
const pageSize = 1_000;

/** A wrong id must not look like a successful revocation. */
export async function isKnownTarget(
  { kind, id }: RevocationTarget,
  { log, grants, consentStore, directory }: TargetSources,
): Promise<boolean> {
  switch (kind) {
    case 'token':
      return isKnownToken(id, log);
    case 'grant': {
      const grant = parseId('grant', id);
      return grant !== undefined && (await grants.find(grant)) !== undefined;
    }
    case 'mandate': {
      const mandate = parseId('mandate', id);
      return mandate !== undefined && (await consentStore.find(mandate)) !== undefined;
    }
    case 'client':
      return (await directory.snapshotAtLeast(0)).client(id) !== undefined;
    case 'principal':
      return (await directory.snapshotAtLeast(0)).knownPrincipal(id) !== undefined;
    case 'partner':
      return (await directory.snapshotAtLeast(0)).institution(id) !== undefined;
  }
}

/** By the record of its issue, around the time in its id. */
async function isKnownToken(id: string, log: TargetSources['log']): Promise<boolean> {
  const token = parseId('token', id);
  if (token === undefined) return false;
  const made = timeOfId(token);
  const window = { from: Math.max(0, made - recordedWithinMs), until: made + recordedWithinMs };
  const types = ['token.issued', 'token.exchanged'] as const;
  let after: bigint | undefined;
  for (;;) {
    const page = await log.query({ types, ...window, limit: pageSize, ...defined({ after }) });
    if (page.some(({ record }) => jtiIn(record.data) === token)) return true;
    after = page.at(-1)?.index;
    if (page.length < pageSize) return false;
  }
}

function jtiIn(data: unknown): unknown {
  const claims = typeof data === 'object' && data !== null && 'claims' in data ? data.claims : undefined;
  return typeof claims === 'object' && claims !== null && 'jti' in claims ? claims.jti : undefined;
}
