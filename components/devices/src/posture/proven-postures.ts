import { type AuditLog, createStandingCheck, type StandingRecord } from '@countersign/contracts';
import { type Clock, digestOf, type Json, parseInstant, type Random } from '@countersign/kernel';
import { postureClaim, postureThing } from '../row-claims.ts';
import type { KeptPosture, StoredPosture } from '../store/postures.ts';

export type ProvenPostures = ReturnType<typeof createProvenPostures>;

const maxAtOnce = 1_000;

export function createProvenPostures(dependencies: {
  readonly audit: Pick<AuditLog, 'append' | 'standings' | 'find'>;
  readonly clock: Clock;
  readonly random: Random;
  /** Whether to accept a sealed row without a record; by default always. */
  readonly mayBeUnrecorded?: (posture: StoredPosture) => boolean;
}) {
  const { audit, mayBeUnrecorded = () => true } = dependencies;
  const standings = createStandingCheck({ ...dependencies, log: audit, source: 'devices' });

  async function newestOf(
    device: string,
    row: KeptPosture | undefined,
    newest: StandingRecord | undefined,
  ): Promise<StoredPosture | undefined> {
    const claim = row === undefined ? undefined : postureClaim(row.posture);
    if (row?.sealed === true && newest === undefined) return mayBeUnrecorded(row.posture) ? row.posture : undefined;
    if (row?.sealed === true && newest?.digest === digestOf(claim?.content ?? null)) return row.posture;
    // A sealed row from before the change is about to be replaced, or was put back.
    if (claim !== undefined && row?.sealed === false) await standings.holds(claim);
    if (newest === undefined) return undefined;
    return postureIn(device, (await audit.find(newest.record))?.record.data);
  }

  return {
    /** A sealed row counts while it agrees with the newest record, else the record. @throws CodedError `log_unavailable` */
    async of(devices: readonly string[], rows: readonly KeptPosture[]): Promise<ReadonlyMap<string, StoredPosture>> {
      const kept = new Map(rows.map((row) => [row.posture.device, row]));
      const found = new Map<string, StoredPosture>();
      for (let start = 0; start < devices.length; start += maxAtOnce) {
        const page = devices.slice(start, start + maxAtOnce);
        const newest = await audit.standings(page.map(postureThing));
        for (const device of page) {
          const posture = await newestOf(device, kept.get(device), newest.get(postureThing(device)));
          if (posture !== undefined) found.set(device, posture);
        }
      }
      return found;
    },
  };
}

/** The posture in the record of a change. */
function postureIn(device: string, data: Json | undefined): StoredPosture | undefined {
  if (typeof data !== 'object' || data === null || Array.isArray(data)) return undefined;
  // A record that this component wrote.
  const { institution, feed, posture, posture_at: at, failed } = data as Readonly<Record<string, Json>>;
  const postureAt = typeof at === 'string' ? parseInstant(at) : undefined;
  if (typeof institution !== 'string' || typeof feed !== 'string' || postureAt === undefined) return undefined;
  return {
    ...{ device, institution, source: feed },
    posture: posture === 'compliant' ? 'compliant' : 'failing',
    postureAt: new Date(postureAt),
    failed: Array.isArray(failed) ? failed.filter((code) => typeof code === 'string') : [],
  };
}
