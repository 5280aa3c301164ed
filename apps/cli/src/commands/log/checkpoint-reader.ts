import { existsSync, readFileSync } from 'node:fs';
import type { KeyHandover, KeySuccession } from '@countersign/evidence';
import { CodedError, membersOf, parseJson } from '@countersign/kernel';
import {
  formatVerifierKey,
  parseCheckpoint,
  parseNote,
  parsePolicy,
  parseVerifierKey,
  type VerifierKey,
  verifyByPolicy,
  verifyCheckpoint,
} from '@countersign/merkle-log';

export interface LogTrust {
  /** C2SP verifier key. */
  readonly logKey?: string;
  /** File with a C2SP tlog-policy. */
  readonly policy?: string;
}

export type ReadCheckpoint = (note: string) => { readonly size: bigint; readonly root: Uint8Array };

/** A log as the reader knows it. */
export interface KnownLog {
  readonly read: ReadCheckpoint;
  /** Trees that were signed by two keys when one succeeded the other; the log must extend them. */
  readonly handovers: readonly { readonly size: bigint; readonly root: Uint8Array }[];
}

/**
 * @param keys the document `keys.json` of the log, which is verified from the reader's key
 * @throws CodedError `log_trust` if key and policy are missing or one cannot be read; `checkpoint_unverified` if the handovers do not
 * begin with the reader's key; the returned function throws it with the reason if a checkpoint's signatures are insufficient
 */
export async function knownLog({ logKey, policy }: LogTrust, keys?: Uint8Array): Promise<KnownLog> {
  const key = logKey === undefined ? undefined : parseVerifierKey(logKey);
  const read = policy === undefined ? undefined : parsePolicy(readPolicy(policy));
  if (key?.ok === false) throw unusable('The log key is not a C2SP verifier key.');
  if (read?.ok === false) throw unusable(`${policy} is no policy: ${read.reason} in line ${read.line}.`);
  if (key === undefined && read === undefined)
    throw unusable('Name a key or policy that you obtained independently of the log: --log-key KEY or --policy FILE.');
  const logKeys = key === undefined ? [] : [key.key];
  const trusted =
    read === undefined || read.policy.logs.length === 0 ? logKeys : read.policy.logs.map((log) => log.key);
  const succession = await successionFrom(trusted, keys);
  const open: ReadCheckpoint = (note) => {
    const known = succession === undefined ? undefined : keysOf(succession, note);
    const verdict =
      read === undefined
        ? verifyCheckpoint({ signedNote: note, origin: key?.key.name ?? '', logKeys: known ?? logKeys })
        : verifyByPolicy({
            signedNote: note,
            policy: known === undefined ? read.policy : { ...read.policy, logs: [] },
            logKeys: known ?? logKeys,
          });
    if (!verdict.ok)
      throw new CodedError({
        code: 'checkpoint_unverified',
        category: 'invalid',
        detail: `The checkpoint is not one of this log as you know it (${verdict.reason}).`,
      });
    return verdict.checkpoint;
  };
  const handovers = succession?.handovers ?? [];
  const later = handovers.slice(
    handovers.findIndex(({ from }) => trusted.some((one) => formatVerifierKey(one) === formatVerifierKey(from))),
  );
  // The policy also says who must have seen that the key changed.
  for (const { checkpoint } of later) open(checkpoint);
  return { read: open, handovers };
}

async function successionFrom(
  trusted: readonly VerifierKey[],
  keys: Uint8Array | undefined,
): Promise<KeySuccession | undefined> {
  const handovers = keys === undefined ? [] : await readKeys(keys);
  if (handovers.length === 0) return undefined;
  const { readSuccession } = await import('@countersign/evidence');
  let reason = '';
  for (const key of trusted) {
    const found = readSuccession({ origin: key.name, trusted: key, handovers });
    if (found.ok) return found;
    reason = found.reason;
  }
  throw new CodedError({
    code: 'checkpoint_unverified',
    category: 'invalid',
    detail: `The keys that the log has had are not linked to the one you know: ${reason}`,
  });
}

/** @throws CodedError `checkpoint_unverified` */
async function readKeys(keys: Uint8Array): Promise<readonly KeyHandover[]> {
  const parsed = parseJson(Buffer.from(keys).toString('utf8'));
  const listed = parsed.ok ? membersOf(parsed.value)?.['handovers'] : undefined;
  if (Array.isArray(listed) && listed.length === 0) return [];
  const { parseHandovers } = await import('@countersign/evidence');
  const handovers = parseHandovers(listed);
  if (handovers === undefined)
    throw new CodedError({
      code: 'checkpoint_unverified',
      category: 'invalid',
      detail: 'The document keys.json of the log cannot be read.',
    });
  return handovers;
}

function keysOf({ periods }: KeySuccession, signedNote: string): readonly VerifierKey[] {
  const note = parseNote(signedNote);
  const said = note.ok ? parseCheckpoint(note.note.text) : undefined;
  if (said?.ok !== true) return periods.map(({ key }) => key);
  const { size } = said.checkpoint;
  return periods.filter(({ from, until = size }) => from <= size && size <= until).map(({ key }) => key);
}

function readPolicy(file: string): Buffer {
  if (!existsSync(file)) throw unusable(`There is no file ${file}.`);
  return readFileSync(file);
}

function unusable(detail: string): CodedError {
  return new CodedError({ code: 'log_trust', category: 'invalid', detail });
}
