import { witnessErrors } from '@countersign/contracts';
import type { Clock, CodedError } from '@countersign/kernel';
import {
  type AddCheckpoint,
  type Checkpoint,
  cosign,
  emptyRoot,
  formatNote,
  formatSignature,
  type Note,
  parseAddCheckpoint,
  parseCheckpoint,
  parseNote,
  type VerifierKey,
  verifyConsistency,
  verifyNote,
} from '@countersign/merkle-log';
import { acquireOwnerLock, type Logger, makeFolder } from '@countersign/runtime';
import { type Cosigned, type CosignedFiles, openCosignedFiles, originHash } from './cosigned-files.ts';
import { keyFileOf, openWitnessKey, type WitnessKey } from './key-file.ts';

export interface WitnessDependencies {
  /** Holds the key and the cosigned checkpoints. One process owns it at a time. */
  readonly folder: string;
  /** See {@link openWitnessKey}. */
  readonly name?: string;
  /** Named by the log's origin. One log may have several. */
  readonly logKeys: readonly VerifierKey[];
  readonly clock: Clock;
  readonly logger: Logger;
}

/** C2SP tlog-witness. */
export interface Witness {
  /** C2SP vkey. */
  verifierKey(): string;
  /** @returns cosignature lines @throws CodedError of `witnessErrors`; `old_size_mismatch` has `facts.size` */
  addCheckpoint(body: Uint8Array): Promise<string>;
  /** By the hash of its origin. @throws CodedError `log_unknown` */
  newest(hashOfOrigin: string): string;
  stop(): Promise<void>;
}

const maxWaiting = 64;

interface Witnessed {
  readonly origin: string;
  readonly keys: readonly VerifierKey[];
  newest: Cosigned | undefined;
  /** The disk holds this or `newest`, as the result of a write is unknown. */
  doubtful: Cosigned | undefined;
  turn: Promise<unknown>;
  waiting: number;
}

/** @throws CodedError `witness_in_use`, `witness_key_unusable`, `witness_storage_failed` */
export async function createWitness(dependencies: WitnessDependencies): Promise<Witness> {
  const { folder, name, logKeys, clock, logger } = dependencies;
  makeFolder(folder, 0o700);
  const lock = await acquireOwnerLock({
    folder,
    inUse: (who) =>
      witnessErrors.error('witness_in_use', `The witness in ${folder} is in use by ${who}. Stop that process.`),
  });
  try {
    const witnessKey = openWitnessKey(folder, name);
    const files = openCosignedFiles({ folder, key: witnessKey.key });
    const logs = witnessedLogs(logKeys, files);
    const newestByHash = new Map([...logs.values()].map((log) => [originHash(log.origin), log]));
    logger.info({ key: witnessKey.verifierKey, file: keyFileOf(folder), logs: logs.size }, 'witness opened');

    const contradicted = (refusal: CodedError, body: Uint8Array, origin: string): CodedError => {
      try {
        const kept = files.keepContradiction(body);
        logger.error({ origin, kept, why: refusal.detail }, 'a log asked to have a contradiction cosigned');
      } catch (error) {
        logger.error({ error, origin }, 'a contradiction could not be kept');
      }
      return refusal;
    };

    return {
      verifierKey: () => witnessKey.verifierKey,
      async addCheckpoint(body) {
        const { log, request, note, said } = readRequest(body, logs);
        return inTurn(log, async () => {
          const before = remembered(log, files);
          checkAgainst(before, request, said, (refusal) => contradicted(refusal, body, log.origin));
          const { line, cosigned } = await signedByUs({ log, note, said, witnessKey, before, clock });
          log.doubtful = cosigned;
          files.write(log.origin, cosigned.note);
          log.newest = cosigned;
          log.doubtful = undefined;
          return line;
        });
      },
      newest(hashOfOrigin) {
        const log = newestByHash.get(hashOfOrigin);
        const newest = log === undefined ? undefined : remembered(log, files);
        if (newest === undefined) throw unknownLog('Nothing was cosigned for such a log.');
        return newest.note;
      },
      async stop() {
        await Promise.all([...logs.values()].map(({ turn }) => turn));
        lock.release();
      },
    };
  } catch (error) {
    lock.release();
    throw error;
  }
}

function witnessedLogs(keys: readonly VerifierKey[], files: CosignedFiles): ReadonlyMap<string, Witnessed> {
  const logs = new Map<string, Witnessed>();
  for (const key of keys) {
    const { name: origin } = key;
    const known = logs.get(origin);
    logs.set(origin, {
      origin,
      keys: [...(known?.keys ?? []), key],
      // Read now, so that a damaged file prevents the start.
      newest: files.read(origin),
      doubtful: undefined,
      turn: Promise.resolve(),
      waiting: 0,
    });
  }
  return logs;
}

interface ReadRequest {
  readonly log: Witnessed;
  readonly request: AddCheckpoint;
  /** Only the log's signatures: others are not passed on. */
  readonly note: Note;
  readonly said: Checkpoint;
}

/** Checks that need no stored state. */
function readRequest(body: Uint8Array, logs: ReadonlyMap<string, Witnessed>): ReadRequest {
  const parsed = parseAddCheckpoint(body);
  if (!parsed.ok) throw malformed('The body is not an add-checkpoint request (C2SP tlog-witness).');
  const { request } = parsed;
  const opened = parseNote(request.checkpoint);
  if (!opened.ok) throw malformed(`The checkpoint is not a signed note (${opened.reason}).`);
  const said = parseCheckpoint(opened.note.text);
  if (!said.ok) throw malformed('The note is not a checkpoint.');
  const log = logs.get(said.checkpoint.origin);
  if (log === undefined) throw unknownLog('This witness does not witness a log of this origin.');
  // A bad signature under a known key refuses the note, whatever else is on it (signed-note, "Signatures").
  const verdict = verifyNote({ note: opened.note, keys: log.keys });
  if (!verdict.ok)
    throw witnessErrors.error('checkpoint_unsigned', `The log did not sign this checkpoint (${verdict.reason}).`);
  if (request.oldSize > said.checkpoint.size)
    throw witnessErrors.error('old_size_too_large', 'The old size is larger than the checkpoint.');
  const signatures = opened.note.signatures.filter((line) =>
    log.keys.some((key) => key.name === line.name && key.keyId === line.keyId),
  );
  return { log, request, note: { text: opened.note.text, signatures }, said: said.checkpoint };
}

/** So that the compared checkpoint is the one that is replaced. */
async function inTurn<Result>(log: Witnessed, work: () => Promise<Result>): Promise<Result> {
  if (log.waiting >= maxWaiting)
    throw witnessErrors.error('witness_overloaded', 'Too many requests for this log wait already.');
  log.waiting += 1;
  const mine = log.turn.then(work);
  log.turn = mine.then(
    () => undefined,
    () => undefined,
  );
  try {
    return await mine;
  } finally {
    log.waiting -= 1;
  }
}

/** @throws CodedError `witness_storage_failed` if the disk lost it: forgetting it could cosign a fork */
function remembered(log: Witnessed, files: CosignedFiles): Cosigned | undefined {
  const { newest, doubtful } = log;
  if (doubtful === undefined) return newest;
  const found = files.read(log.origin);
  if (found?.note !== newest?.note && found?.note !== doubtful.note)
    throw witnessErrors.error(
      'witness_storage_failed',
      `The cosigned checkpoint of ${log.origin} is missing from the folder of this witness. Restore it from a copy.`,
    );
  log.newest = found;
  log.doubtful = undefined;
  return found;
}

/** In the order of the specification. */
function checkAgainst(
  before: Cosigned | undefined,
  { oldSize, proof }: AddCheckpoint,
  said: Checkpoint,
  contradicted: (refusal: CodedError) => CodedError,
): void {
  const newest = before?.size ?? 0n;
  if (oldSize !== newest)
    throw witnessErrors.error('old_size_mismatch', `The checkpoint cosigned last has ${newest} entries.`, {
      facts: { size: newest.toString() },
    });
  if (said.size === 0n && Buffer.compare(said.root, emptyRoot()) !== 0)
    throw contradicted(unproven('The root of an empty log is the hash of nothing.'));
  if (oldSize === 0n || before === undefined) {
    if (proof.length > 0) throw unproven('There is nothing to prove from an empty log.');
    return;
  }
  if (oldSize === said.size && Buffer.compare(said.root, before.root) !== 0)
    throw contradicted(unproven(`The checkpoint cosigned for ${oldSize} entries has another root.`));
  const consistent = verifyConsistency({
    from: oldSize,
    to: said.size,
    fromRoot: before.root,
    toRoot: said.root,
    proof,
  });
  if (!consistent.ok) throw contradicted(unproven(`The proof does not verify (${consistent.reason}).`));
}

async function signedByUs(request: {
  readonly log: Witnessed;
  readonly note: Note;
  readonly said: Checkpoint;
  readonly witnessKey: WitnessKey;
  readonly before: Cosigned | undefined;
  readonly clock: Clock;
}): Promise<{ readonly line: string; readonly cosigned: Cosigned }> {
  const { log, note, said, witnessKey, before, clock } = request;
  const now = BigInt(Math.max(1, Math.floor(clock.now() / 1000)));
  // A cosignature states that this is the largest tree seen by then, so times never decrease.
  const timestamp = before !== undefined && before.timestamp > now ? before.timestamp : now;
  try {
    const signature = await cosign({ text: note.text, timestamp, ...witnessKey });
    const file = formatNote({ text: note.text, signatures: [...note.signatures, signature] });
    return { line: formatSignature(signature), cosigned: { size: said.size, root: said.root, timestamp, note: file } };
  } catch (cause) {
    throw witnessErrors.error('witness_storage_failed', `The checkpoint of ${log.origin} could not be cosigned.`, {
      cause,
    });
  }
}

function malformed(detail: string): CodedError {
  return witnessErrors.error('checkpoint_malformed', detail);
}

function unknownLog(detail: string): CodedError {
  return witnessErrors.error('log_unknown', detail);
}

function unproven(detail: string): CodedError {
  return witnessErrors.error('consistency_unproven', detail);
}
