import { readdirSync, rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { auditLogErrors } from '@countersign/contracts';
import { type CodedError, isCodedError, sha256 } from '@countersign/kernel';
import { type Checkpoint, formatCheckpoint, parseCheckpoint } from '@countersign/merkle-log';
import { acquireOwnerLock, makeFolder, systemErrorCode } from '@countersign/runtime';
import { replaceFile } from './durable-write.ts';

export type Head = Pick<Checkpoint, 'size' | 'root'>;

/** The newest head signed or published, in a file outside the database, so that a restored backup is noticed. */
export interface HeadGuard {
  readonly file: string;
  /**
   * @throws CodedError `log_inconsistent` if the file was damaged or changed; `log_guard_unusable` if it cannot be read
   */
  read(): Promise<Head | undefined>;
  /** Replaces the head durably if it is still `from`. @throws CodedError as {@link read} */
  advance(from: Head | undefined, to: Head): Promise<void>;
  release(): void;
}

const header = 'countersign.head-guard/v1';

/** One process owns the folder at a time. @throws CodedError `log_guard_unusable` */
export async function openHeadGuard(dependencies: {
  readonly folder: string;
  readonly origin: string;
}): Promise<HeadGuard> {
  const { folder, origin } = dependencies;
  const file = join(folder, 'head');
  const lock = await guarded(file, async () => {
    makeFolder(folder, 0o700);
    return acquireOwnerLock({
      folder,
      inUse: (who) => unusable(`The head guard in ${folder} is used by ${who}. Each node needs a folder of its own.`),
    });
  });
  // Left over from a killed process.
  for (const name of readdirSync(folder)) if (name.endsWith('.new')) rmSync(join(folder, name), { force: true });

  /** `attempted` is the head of a write that may have failed: the file contains one of the two. */
  let known: Head | undefined;
  let attempted: Head | undefined;

  async function read(): Promise<Head | undefined> {
    const found = await readFromFile();
    if (known !== undefined && !sameHead(found, known) && (found === undefined || !sameHead(found, attempted)))
      throw auditLogErrors.error(
        'log_inconsistent',
        `The head guard ${file} was changed by another program, or is missing: it had ${sizeOf(known)} and has ${sizeOf(found)}. ` +
          'This node signs nothing until it is restored. Find out who writes there, put the file back, then start again.',
      );
    known = found;
    return found;
  }

  async function readFromFile(): Promise<Head | undefined> {
    const text = await guarded(file, () => readIfThere(file));
    if (text === undefined) return undefined;
    const head = headIn(text);
    if (head === undefined)
      throw auditLogErrors.error(
        'log_inconsistent',
        `The head guard ${file} is damaged, so this node does not know what it signed last. Compare the newest ` +
          'checkpoint of the database with one from another source (another node, a witness, a published copy). If the ' +
          'database has all of it, remove the file and start again. If not, restore the database first.',
      );
    if (head.origin !== origin)
      throw auditLogErrors.error(
        'log_inconsistent',
        `The head guard ${file} is that of the log ${head.origin}. Give this log, ${origin}, a folder of its own.`,
      );
    return head;
  }

  return {
    file,
    read,
    async advance(from, to) {
      const found = await read();
      if (!sameHead(found, from)) throw new Error('the head guard was set by another part of this process');
      if (from !== undefined && sameHead(from, to)) return;
      attempted = to;
      await guarded(file, () => replaceFile(file, textOf({ ...to, origin }), 0o600));
      known = to;
      attempted = undefined;
    },
    release: () => lock.release(),
  };
}

function textOf(head: Checkpoint): string {
  const content = `${header}\n${formatCheckpoint(head)}`;
  return `${content}\nsha256 ${sha256(content).toString('hex')}\n`;
}

/** Detects damage; it does not protect from an attacker who can write here. */
function headIn(text: string): Required<Checkpoint> | undefined {
  const [, content, body] =
    /^(countersign\.head-guard\/v1\n((?:[^\n]+\n){3}))\nsha256 [0-9a-f]{64}\n$/.exec(text) ?? [];
  const parsed = body === undefined ? undefined : parseCheckpoint(body);
  if (content === undefined || parsed?.ok !== true || textOf(parsed.checkpoint) !== text) return undefined;
  return parsed.checkpoint;
}

async function readIfThere(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

async function guarded<Result>(file: string, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (isCodedError(error)) throw error;
    throw unusable(
      `The head guard ${file} cannot be used (${systemErrorCode(error) ?? 'fault'}). Nothing is signed without it.`,
      error,
    );
  }
}

function sameHead(one: Head | undefined, other: Head | undefined): boolean {
  if (one === undefined || other === undefined) return one === other;
  return one.size === other.size && Buffer.compare(one.root, other.root) === 0;
}

function sizeOf(head: Head | undefined): string {
  return head === undefined ? 'no head' : `a head of ${head.size} records`;
}

function unusable(detail: string, cause?: unknown): CodedError {
  return auditLogErrors.error('log_guard_unusable', detail, cause === undefined ? {} : { cause });
}
