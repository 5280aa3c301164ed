import { type ChildProcess, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { CodedError } from '@countersign/kernel';

const command = fileURLToPath(new URL('../../../bin/countersign.js', import.meta.url));

/** Manages the processes of the demo, so that none outlives it. */
export interface Processes {
  /** Starts a control plane, or one of its processes, with `countersign start`. Resolves when it is ready. */
  startServer(name: string, args: readonly string[], onProgress: (text: string) => void): Promise<ServerProcess>;
  /** Starts a firm from `firms/` with its configuration file. Resolves when it prints `ready`. */
  startFirm(name: string, configurationFile: string): Promise<void>;
  /** Runs the `countersign` command and returns its output. @throws CodedError `command_failed` with the error output */
  run(...args: readonly string[]): Promise<string>;
  /** Runs after the processes have stopped, in reverse order of registration. */
  alsoStop(what: () => Promise<void>): void;
  /** Idempotent: concurrent calls wait for the same stop. */
  stop(): Promise<void>;
}

export interface ServerProcess {
  readonly pid: number;
  /** Sends SIGKILL, so the process cannot finish anything. Resolves when it has ended. */
  kill(): Promise<void>;
}

/** Long enough for all processes of an installation to start at once on a busy machine. */
const readyWithinMs = 120_000;

export function createProcesses(): Processes {
  const running = new Set<ChildProcess>();
  const others: (() => Promise<void>)[] = [];
  let stopping = false;
  let stopped: Promise<void> | undefined;

  /** @throws CodedError `demo_stopped`, because a process started now would outlive the demo */
  function start(begin: () => ChildProcess): ChildProcess {
    if (stopping)
      throw new CodedError({ code: 'demo_stopped', category: 'unavailable', detail: 'The demo is being stopped.' });
    const child = begin();
    running.add(child);
    child.once('exit', () => running.delete(child));
    return child;
  }

  async function untilReady(name: string, child: ChildProcess, onLine: (line: string) => boolean): Promise<void> {
    const said: string[] = [];
    child.stderr?.on('data', (chunk: Buffer) => {
      said.push(chunk.toString('utf8'));
      if (said.length > 200) said.shift();
    });
    const { stdout } = child;
    if (stdout === null) throw new Error('a child without standard output');
    const lines = createInterface({ input: stdout });
    const ready = new Promise<void>((resolve, reject) => {
      lines.on('line', (line) => onLine(line) && resolve());
      child.once('exit', (code) => reject(fault(name, `ended with ${code}`, said)));
      setTimeout(() => reject(fault(name, `not ready within ${readyWithinMs / 1000} s`, said)), readyWithinMs).unref();
    });
    await ready;
  }

  async function stopAll(): Promise<void> {
    stopping = true;
    // Stops the last started first, so that the control plane closes without open calls.
    for (const child of [...running].reverse()) {
      if (!running.has(child)) continue;
      const gone = once(child, 'exit');
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), 15_000);
      await gone;
      clearTimeout(timer);
    }
    for (const end of others.splice(0).reverse()) await end();
  }

  return {
    async startServer(name, args, onProgress) {
      const child = start(() =>
        spawn(process.execPath, [command, 'start', ...args], { stdio: ['ignore', 'pipe', 'pipe'] }),
      );
      await untilReady(name, child, (line) => {
        onProgress(line.trim());
        return /\bready after [\d.]+ s/i.test(line);
      });
      if (child.pid === undefined) throw new Error('a child without a process id');
      return {
        pid: child.pid,
        async kill() {
          const gone = once(child, 'exit');
          if (child.exitCode === null && child.kill('SIGKILL')) await gone;
        },
      };
    },
    async startFirm(name, configurationFile) {
      const child = start(() =>
        fork(fileURLToPath(new URL(`../firms/${name}.js`, import.meta.url)), [configurationFile], {
          stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
        }),
      );
      await untilReady(name, child, (line) => line === 'ready');
    },
    async run(...args) {
      const child = start(() =>
        spawn(process.execPath, [command, ...args], {
          stdio: ['ignore', 'pipe', 'pipe'],
          env: { ...process.env, NO_COLOR: '1' },
        }),
      );
      const out: Buffer[] = [];
      const err: Buffer[] = [];
      child.stdout?.on('data', (chunk: Buffer) => out.push(chunk));
      child.stderr?.on('data', (chunk: Buffer) => err.push(chunk));
      const [code] = (await once(child, 'close')) as [number | null];
      const said = Buffer.concat(out).toString('utf8');
      if (code === 0) return said;
      throw new CodedError({
        code: 'command_failed',
        category: 'invalid',
        detail: `countersign ${args[0] ?? ''} ended with ${code}.`,
        facts: { exitCode: code, output: said, errors: Buffer.concat(err).toString('utf8') },
      });
    },
    alsoStop: (what) => void others.push(what),
    stop: () => (stopped ??= stopAll()),
  };
}

function fault(name: string, what: string, said: readonly string[]): CodedError {
  return new CodedError({
    code: 'demo_process_failed',
    category: 'unavailable',
    detail: `The ${name} is ${what}. It said last: ${said.join('').slice(-1500).trim() || '(nothing)'}`,
  });
}
