import { thingOf } from '@countersign/commands';
import {
  type AuditLog,
  createStandingCheck,
  type Mandate,
  type PublicKey,
  type Signer,
  type StandingRecord,
} from '@countersign/contracts';
import { type Clock, type Json, type MandateId, plainJson, type Random } from '@countersign/kernel';
import type { Logger } from '@countersign/runtime';
import { completed, type Seals, type StoredVersion } from './stored-version.ts';
import { readKeys, sealFault } from './verify-versions.ts';

interface SealsDependencies {
  readonly signer: Pick<Signer, 'publicKeys'>;
  readonly audit: Pick<AuditLog, 'append' | 'standings' | 'find'>;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

export const mandateKind = 'mandate';
const mandateThing = (id: MandateId): string => thingOf({ kind: mandateKind }, id);

const mostAtOnce = 1_000;

export function createSeals(dependencies: SealsDependencies): Seals {
  const { signer, audit, logger } = dependencies;
  const standings = createStandingCheck({ ...dependencies, log: audit, source: 'consent-store' });
  let listed: readonly PublicKey[] = [];
  let keys: ReturnType<typeof readKeys> = new Map();

  /** Reads the keys again when the set changes, so that a withdrawn key no longer verifies anything. */
  async function presentKeys(): Promise<typeof keys> {
    const present = await signer.publicKeys('mandate');
    const same = present.length === listed.length && present.every(({ kid }, index) => kid === listed[index]?.kid);
    if (!same) keys = readKeys(present);
    listed = present;
    return keys;
  }

  async function sound(versions: readonly StoredVersion[]): Promise<readonly Mandate[]> {
    if (versions.length === 0) return [];
    const known = await presentKeys();
    return versions.flatMap(({ id, version, document }) => {
      const fault =
        document.id === id && document.version === version
          ? sealFault(completed(document), known, document.consents !== undefined)
          : 'place';
      if (fault === undefined) return [completed(document)];
      logger.error({ mandate: id, version, fault }, 'a version of a mandate fails verification and is ignored');
      return [];
    });
  }

  async function recorded(id: MandateId, { record, digest }: StandingRecord): Promise<Mandate | undefined> {
    const document = documentIn((await audit.find(record))?.record.data);
    const [mandate] = document === undefined ? [] : await sound([{ id, version: document.version, document }]);
    if (mandate?.digest === digest) return mandate;
    logger.error({ mandate: id, record }, 'the newest version of a mandate cannot be read from its record');
    return undefined;
  }

  async function newestOf(
    id: MandateId,
    head: Mandate | undefined,
    newest: StandingRecord | undefined,
  ): Promise<Mandate | undefined> {
    if (head !== undefined && head.digest === newest?.digest) return head;
    const mandate = newest?.digest === undefined ? undefined : await recorded(id, newest);
    // A row older than the newest record is about to be replaced, or was left behind by a crash.
    if (head !== undefined && !(mandate !== undefined && head.version < mandate.version)) {
      const { digest: _, signature: __, ...covered } = head;
      await standings.holds({ of: mandateThing(id), content: plainJson(covered) });
    }
    return mandate;
  }

  return {
    sound,
    async newest(ids, heads) {
      const rows = new Map((await sound(heads)).map((mandate) => [mandate.id, mandate]));
      const found: Mandate[] = [];
      for (let start = 0; start < ids.length; start += mostAtOnce) {
        const page = ids.slice(start, start + mostAtOnce);
        const newest = await audit.standings(page.map(mandateThing));
        const mandates = await Promise.all(page.map((id) => newestOf(id, rows.get(id), newest.get(mandateThing(id)))));
        found.push(...mandates.flatMap((mandate) => mandate ?? []));
      }
      return found;
    },
  };
}

/** The version in one of our records; its digest proves its form. */
function documentIn(data: Json | undefined): StoredVersion['document'] | undefined {
  if (typeof data !== 'object' || data === null || !('mandate' in data)) return undefined;
  const { mandate } = data;
  return typeof mandate === 'object' && mandate !== null && 'digest' in mandate
    ? // The seal shows that this component wrote it.
      (mandate as unknown as StoredVersion['document'])
    : undefined;
}
