import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const command = fileURLToPath(new URL('../../../bin/countersign.js', import.meta.url));
const running = new Set<ChildProcess>();

export interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

interface Surroundings {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

function start(args: readonly string[], { env, cwd }: Surroundings): ChildProcess {
  const child = spawn(process.execPath, [command, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
    ...(cwd === undefined ? {} : { cwd }),
  });
  running.add(child);
  child.once('exit', () => running.delete(child));
  return child;
}

/** Runs the compiled command `countersign`, as a user would, to its end. */
export async function countersign(args: readonly string[], surroundings: Surroundings = {}): Promise<Outcome> {
  const child = start(args, surroundings);
  const heard = listen(child);
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, ...heard() };
}

function listen(child: ChildProcess): () => { stdout: string; stderr: string } {
  const [out, err]: [Buffer[], Buffer[]] = [[], []];
  child.stdout?.on('data', (chunk: Buffer) => out.push(chunk));
  child.stderr?.on('data', (chunk: Buffer) => err.push(chunk));
  return () => ({ stdout: Buffer.concat(out).toString('utf8'), stderr: Buffer.concat(err).toString('utf8') });
}

/** A command that waits for a person while it runs. */
export interface WaitingCommand {
  /** Waits for this output. @throws Error with all output when it ends without */
  says(pattern: RegExp): Promise<RegExpExecArray>;
  readonly ended: Promise<Outcome>;
}

export function startCommand(args: readonly string[], surroundings: Surroundings = {}): WaitingCommand {
  const child = start(args, surroundings);
  const heard = listen(child);
  const ended = once(child, 'close').then(([code]): Outcome => ({ code: code as number | null, ...heard() }));
  return {
    ended,
    says: (pattern) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          const { stdout, stderr } = heard();
          const found = pattern.exec(stderr + stdout);
          if (found !== null) resolve(found);
        };
        for (const stream of [child.stdout, child.stderr]) stream?.on('data', look);
        look();
        void ended.then((outcome) => reject(new Error(`it ended: ${JSON.stringify(outcome)}`)));
      }),
  };
}

/** A control plane as a process of its own. */
export interface ServerProcess {
  readonly pid: number;
  readonly address: string;
  readonly startedInSeconds: number;
  /** All output so far. */
  said(): string;
  /** Sends a signal and waits for the end. @returns the exit code, or the signal that ended it */
  end(signal: 'SIGTERM' | 'SIGINT' | 'SIGKILL'): Promise<number | string | null>;
}

/**
 * `countersign start`, until it is ready. @param options.readyWithinMs no limit by default @throws Error with its output
 * when it ends instead or is not ready in time
 */
export async function startServer(
  args: readonly string[],
  { readyWithinMs, ...surroundings }: Surroundings & { readonly readyWithinMs?: number } = {},
): Promise<ServerProcess> {
  const began = performance.now();
  const child = start(['start', ...args], surroundings);
  const heard = listen(child);
  const { stdout, pid } = child;
  if (stdout === null || pid === undefined) throw new Error('a child without standard output');
  const ended = once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>;
  let timer: NodeJS.Timeout | undefined;
  const address = await new Promise<string>((resolve, reject) => {
    createInterface({ input: stdout }).on('line', (line) => {
      const ready = /^(?:Ready|[a-z-]+ ready) after [\d.]+ s: (\S+)/.exec(line);
      if (ready?.[1] !== undefined) resolve(ready[1]);
    });
    void ended.then(([code]) => reject(new Error(`it ended with ${code}: ${JSON.stringify(heard())}`)));
    if (readyWithinMs === undefined) return;
    timer = setTimeout(() => {
      reject(new Error(`it was not ready within ${readyWithinMs} ms: ${JSON.stringify(heard())}`));
      child.kill('SIGKILL');
    }, readyWithinMs);
  }).finally(() => clearTimeout(timer));
  return {
    pid,
    address,
    startedInSeconds: (performance.now() - began) / 1000,
    said: () => Object.values(heard()).join(''),
    async end(signal) {
      child.kill(signal);
      const [code, by] = await ended;
      return code ?? by;
    },
  };
}

/** `countersign start`, sent a signal at its first output, until it has ended. */
export async function interruptStart(
  args: readonly string[],
  { once: saying, signal }: { readonly once: string; readonly signal: 'SIGTERM' | 'SIGINT' },
): Promise<Outcome> {
  const child = start(['start', ...args], {});
  const heard = listen(child);
  const { stdout } = child;
  if (stdout === null) throw new Error('a child without standard output');
  createInterface({ input: stdout }).on('line', (line) => {
    if (line.includes(saying)) child.kill(signal);
  });
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, ...heard() };
}

/** Ends processes that a failed test has left running. */
export async function endAll(): Promise<void> {
  await Promise.all(
    [...running].map(async (child) => {
      const gone = once(child, 'exit');
      child.kill('SIGTERM');
      const impatience = setTimeout(() => child.kill('SIGKILL'), 15_000);
      await gone;
      clearTimeout(impatience);
    }),
  );
}

/** Command lines of processes that refer to a folder. Linux only. */
export function processesAbout(folder: string): readonly string[] {
  if (!existsSync('/proc/self/cmdline')) return [];
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .flatMap((pid) => {
      try {
        const [cmdline, environ] = ['cmdline', 'environ'].map((file) => readFileSync(`/proc/${pid}/${file}`, 'latin1'));
        return `${cmdline}${environ}`.includes(folder) ? [(cmdline ?? '').replaceAll('\0', ' ').trim()] : [];
      } catch {
        return [];
      }
    });
}
