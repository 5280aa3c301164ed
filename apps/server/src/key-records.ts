import type { Actor, AuditAppender } from '@countersign/contracts';
import { type Clock, newId, type Random, type RecordId } from '@countersign/kernel';
import type { KeyringKey } from '@countersign/runtime';

/** The records of our signing keys, made before a key is published or ends. */
export interface KeyRecords {
  published(successor: KeyringKey, by: Actor): Promise<void>;
  withdrawn(withdrawn: KeyringKey, successor: KeyringKey, by: Actor, reason?: string): Promise<void>;
}

export function createKeyRecords(dependencies: {
  readonly audit: AuditAppender;
  readonly clock: Clock;
  readonly random: Random;
}): KeyRecords {
  const { audit } = dependencies;
  const common = { source: 'authorization-server', outcome: 'done' } as const;

  async function published({ purpose, kid, algorithm, jwk }: KeyringKey, by: Actor): Promise<RecordId> {
    const id = newId('record', dependencies);
    const data = { purpose, kid, algorithm, jwk: { ...jwk } };
    await audit.append({ ...common, id, type: 'key.published', actors: [by], data });
    return id;
  }

  return {
    async published(successor, by) {
      await published(successor, by);
    },
    async withdrawn({ purpose, kid }, successor, by, reason) {
      const publication = await published(successor, by);
      await audit.append({
        ...common,
        id: newId('record', dependencies),
        type: 'key.withdrawn',
        actors: [by],
        references: [publication],
        data: { purpose, kid, successor: successor.kid, ...(reason === undefined ? {} : { reason }) },
      });
    },
  };
}
