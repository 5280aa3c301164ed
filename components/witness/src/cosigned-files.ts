import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { witnessErrors } from '@countersign/contracts';
import { type CodedError, sha256 } from '@countersign/kernel';
import { parseCheckpoint, parseNote, type VerifierKey, verifyNote } from '@countersign/merkle-log';
import { createFileDurably, makeFolder, systemErrorCode, writeFileDurably } from '@countersign/runtime';

export interface Cosigned {
  readonly size: bigint;
  readonly root: Uint8Array;
  /** POSIX seconds of the cosignature. */
  readonly timestamp: bigint;
  /** Signed by the log and by us. */
  readonly note: string;
}

const maxContradictions = 1_000;

/** Name of a log in the monitoring interface of tlog-witness. */
export function originHash(origin: string): string {
  return sha256(origin).toString('hex');
}

/** One file per log with the signatures of log and witness. Writes are atomic and durable. */
export function openCosignedFiles({ folder, key }: { readonly folder: string; readonly key: VerifierKey }) {
  const logs = join(folder, 'logs');
  const contradictions = join(folder, 'contradictions');
  makeFolder(logs, 0o700);
  makeFolder(contradictions, 0o700);
  // Left over from a killed process.
  for (const name of readdirSync(logs)) if (name.endsWith('.new')) rmSync(join(logs, name), { force: true });
  const fileOf = (origin: string): string => join(logs, originHash(origin));

  return {
    /** Undefined if nothing was cosigned. @throws CodedError `witness_storage_failed` if the file is not ours */
    read(origin: string): Cosigned | undefined {
      const file = fileOf(origin);
      let text: Buffer;
      try {
        text = readFileSync(file);
      } catch (error) {
        if (systemErrorCode(error) === 'ENOENT') return undefined;
        throw failed(`${file} cannot be read.`, error);
      }
      return (
        cosignedIn(text, origin, key) ??
        raise(
          `${file} is damaged, or was cosigned by another key: what this witness has cosigned for ${origin} is not known. ` +
            'Put the file back from a copy. Without it, start a new witness in an empty folder and tell those who trust this one.',
        )
      );
    },

    /** @throws CodedError `witness_storage_failed`; the disk then has the old or the new file */
    write(origin: string, note: string): void {
      try {
        writeFileDurably(fileOf(origin), note, 0o600);
      } catch (error) {
        throw failed('The checkpoint could not be stored durably, so it was not cosigned.', error);
      }
    },

    /** Possible proof of a fork. @returns the file, or undefined if there are too many */
    keepContradiction(body: Uint8Array): string | undefined {
      const file = join(contradictions, sha256(body).toString('hex'));
      if (readdirSync(contradictions).length >= maxContradictions) return undefined;
      createFileDurably(file, body, 0o600);
      return file;
    },
  };
}

export type CosignedFiles = ReturnType<typeof openCosignedFiles>;

function cosignedIn(text: Buffer, origin: string, key: VerifierKey): Cosigned | undefined {
  const parsed = parseNote(text);
  if (!parsed.ok) return undefined;
  const byUs = verifyNote({ note: parsed.note, keys: [key] });
  const said = parseCheckpoint(parsed.note.text);
  const timestamp = byUs.ok ? byUs.signatures[0]?.timestamp : undefined;
  if (timestamp === undefined || !said.ok || said.checkpoint.origin !== origin) return undefined;
  return { size: said.checkpoint.size, root: said.checkpoint.root, timestamp, note: text.toString() };
}

function failed(detail: string, cause: unknown): CodedError {
  return witnessErrors.error('witness_storage_failed', detail, { cause, internal: String(cause) });
}

function raise(detail: string): never {
  throw witnessErrors.error('witness_storage_failed', detail);
}
