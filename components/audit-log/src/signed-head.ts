import { auditLogErrors } from '@countersign/contracts';
import type { CodedError } from '@countersign/kernel';
import type { Checkpoint, VerifierKey } from '@countersign/merkle-log';
import type { LogKeys } from './log-key.ts';
import type { LogStore, StoredCheckpoint } from './store.ts';

export interface SignedCheckpoint {
  readonly size: bigint;
  readonly root: Buffer;
  readonly note: string;
  readonly key: VerifierKey;
}

/** The newest signed head, with the rows that hold it. */
export interface SignedHead {
  readonly head: Checkpoint;
  readonly stored: readonly StoredCheckpoint[];
}

/** Verifies the signature: anyone with the role can insert a row. @throws CodedError `log_inconsistent` */
export async function newestSigned(
  store: Pick<LogStore, 'newestCheckpoints'>,
  keys: Pick<LogKeys, 'open'>,
): Promise<SignedHead | undefined> {
  const stored = await store.newestCheckpoints();
  const [newest] = stored;
  if (newest === undefined) return undefined;
  // One of several keys suffices; all notes are of the same size.
  const head = await openFirst(stored, keys);
  if (head.size !== newest.size)
    throw inconsistent(`the note stored as checkpoint of ${newest.size} records is another one`);
  return { head, stored };
}

async function openFirst(stored: readonly StoredCheckpoint[], keys: Pick<LogKeys, 'open'>): Promise<Checkpoint> {
  let refusal: unknown;
  for (const { note } of stored) {
    try {
      return await keys.open(note);
    } catch (error) {
      if (!auditLogErrors.is(error, 'checkpoint_unknown')) throw error;
      refusal = error;
    }
  }
  throw inconsistent('the newest stored checkpoint is not signed by a key this log holds', refusal);
}

export function inconsistent(what: string, cause?: unknown): CodedError {
  return auditLogErrors.error(
    'log_inconsistent',
    `The audit log contradicts what it signed: ${what}. The log is closed for writing. Restore the database that it belongs to.`,
    {
      ...(cause === undefined ? {} : { cause }),
    },
  );
}
