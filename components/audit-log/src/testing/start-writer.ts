import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { membersOf, parseJson } from '@countersign/kernel';
import type { WriterSettings } from './run-writer.ts';

/** A writer in a process of its own, and its output. */
export interface WriterProcess {
  readonly pid: number;
  /** Ids of the records whose append has resolved, with their positions. */
  readonly acknowledged: Map<string, bigint>;
  /** Checkpoints that it has shown, oldest first. */
  readonly checkpoints: string[];
  /** The reason of each refused append. */
  readonly refused: string[];
  /** Reasons of refused checkpoints and publications. */
  readonly unsigned: Set<string>;
  /** Why it ended by itself, if it did. */
  failure(): string | undefined;
  /** Starts its work. */
  go(): void;
  /** Resolves when the condition holds, checked with each line; rejects if the process ends before. */
  until(it: () => boolean): Promise<void>;
  kill(): void;
  /** Stops it in an orderly way. */
  stop(): Promise<void>;
  readonly ended: Promise<void>;
}

/**
 * Starts a writer that waits for {@link WriterProcess.go}.
 *
 * @param file as `bundleWriter` makes it
 */
export function startWriter(file: string, settings: WriterSettings): WriterProcess {
  const child: ChildProcess = spawn(process.execPath, [file], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, COUNTERSIGN_TEST_WRITER: JSON.stringify(settings) },
  });
  const { stdin, stdout, pid } = child;
  if (stdin === null || stdout === null || pid === undefined) throw new Error('a child without its pipes');
  // It may already be gone.
  stdin.on('error', () => undefined);
  const acknowledged = new Map<string, bigint>();
  const checkpoints: string[] = [];
  const refused: string[] = [];
  const unsigned = new Set<string>();
  const watchers = new Set<() => void>();
  let failure: string | undefined;
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));

  createInterface({ input: stdout }).on('line', (line) => {
    const parsed = parseJson(line);
    const said = parsed.ok ? membersOf(parsed.value) : undefined;
    const text = (name: string): string | undefined => (typeof said?.[name] === 'string' ? said[name] : undefined);
    const id = text('acknowledged');
    if (id !== undefined) acknowledged.set(id, BigInt(text('index') ?? '-1'));
    const note = text('checkpoint');
    if (note !== undefined) checkpoints.push(note);
    const [refusal, withheld] = [text('refused'), text('unsigned')];
    if (refusal !== undefined) refused.push(refusal);
    if (withheld !== undefined) unsigned.add(withheld);
    failure ??= text('failed');
    for (const watcher of watchers) watcher();
  });

  return {
    pid,
    acknowledged,
    checkpoints,
    refused,
    unsigned,
    failure: () => failure,
    go: () => void stdin.write('go\n'),
    async until(it) {
      let watcher = (): void => undefined;
      const reached = new Promise<void>((resolve) => {
        watcher = () => {
          if (it()) resolve();
        };
        watchers.add(watcher);
        watcher();
      });
      const over = ended.then(() => {
        if (!it()) throw new Error(`the writer has ended: ${failure ?? 'killed'}`);
      });
      await Promise.race([reached, over]).finally(() => watchers.delete(watcher));
    },
    kill: () => void child.kill('SIGKILL'),
    async stop() {
      stdin.write('stop\n');
      await ended;
    },
    ended,
  };
}
