import { existsSync, readFileSync } from 'node:fs';
import { CodedError } from '@countersign/kernel';
import { parsePolicy, parseVerifierKey, verifyByPolicy, verifyCheckpoint } from '@countersign/merkle-log';

export interface LogTrust {
  /** C2SP verifier key. */
  readonly logKey?: string;
  /** File with a C2SP tlog-policy. */
  readonly policy?: string;
}

export type ReadCheckpoint = (note: string) => { readonly size: bigint; readonly root: Uint8Array };

/**
 * @throws CodedError `log_trust` if both are missing or one cannot be read; the returned function throws
 * `checkpoint_unverified` with the reason if a checkpoint's signatures are insufficient
 */
export function checkpointReader({ logKey, policy }: LogTrust): ReadCheckpoint {
  const key = logKey === undefined ? undefined : parseVerifierKey(logKey);
  const read = policy === undefined ? undefined : parsePolicy(readPolicy(policy));
  if (key?.ok === false) throw unusable('The log key is not a C2SP verifier key.');
  if (read?.ok === false) throw unusable(`${policy} is no policy: ${read.reason} in line ${read.line}.`);
  if (key === undefined && read === undefined)
    throw unusable('Name a key or policy that you obtained independently of the log: --log-key KEY or --policy FILE.');
  const logKeys = key === undefined ? [] : [key.key];
  return (note) => {
    const verdict =
      read === undefined
        ? verifyCheckpoint({ signedNote: note, origin: key?.key.name ?? '', logKeys })
        : verifyByPolicy({ signedNote: note, policy: read.policy, logKeys });
    if (!verdict.ok)
      throw new CodedError({
        code: 'checkpoint_unverified',
        category: 'invalid',
        detail: `The checkpoint is not one of this log as you know it (${verdict.reason}).`,
      });
    return verdict.checkpoint;
  };
}

function readPolicy(file: string): Buffer {
  if (!existsSync(file)) throw unusable(`There is no file ${file}.`);
  return readFileSync(file);
}

function unusable(detail: string): CodedError {
  return new CodedError({ code: 'log_trust', category: 'invalid', detail });
}
