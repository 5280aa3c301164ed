import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CodedError } from '@countersign/kernel';
import type { Metered } from './http-contender.ts';
import { descendantsCpuUs } from './process-tree-cpu.ts';
import type { FromServer, ToServer } from './servers/measured-server.ts';

/** A server in a child process, and its costs. */
export interface ServerProcess extends Metered {
  readonly url: string;
  /** Appends this many records to its log, if it has one. */
  fillLog(records: number): Promise<void>;
  stop(): Promise<void>;
}

const readyWithinMs = 60_000;
const stopWithinMs = 20_000;

/**
 * Starts one of `servers/`.
 *
 * @param options.profileFolder folder for a V8 CPU profile, written when the process ends
 * @param options.checkout another built checkout of the project, whose server is started instead
 * @throws CodedError `benchmark_server` with the last output of the process
 */
export async function startServerProcess(options: {
  readonly name: 'bare-server' | 'empty-server' | 'oidc-provider-server' | 'control-plane-server' | 'witness-server';
  readonly settings: object;
  readonly onProgress: (message: string) => void;
  readonly profileFolder?: string | undefined;
  readonly checkout?: string | undefined;
}): Promise<ServerProcess> {
  const { name, profileFolder, checkout } = options;
  const child = fork(
    checkout === undefined
      ? fileURLToPath(new URL(`./servers/${name}.js`, import.meta.url))
      : join(checkout, 'benchmarks', 'dist', 'servers', `${name}.js`),
    [JSON.stringify(options.settings)],
    {
      execArgv: profileFolder === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profileFolder}`],
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      env: { ...process.env, NODE_ENV: 'production' },
    },
  );
  const said: string[] = [];
  child.stderr?.on('data', (chunk: Buffer) => {
    said.push(chunk.toString('utf8'));
    if (said.length > 100) said.shift();
  });
  const exited = once(child, 'exit');
  const stop = (): Promise<void> => stopChild(child, exited);
  let timer: NodeJS.Timeout | undefined;
  try {
    const ready = new Promise<string>((resolve, reject) => {
      child.on('message', (message: FromServer) => {
        if (message.kind === 'ready') resolve(message.url);
        else if (message.kind === 'progress') options.onProgress(message.message);
      });
      child.once('exit', (code) => reject(serverFailure(`The ${name} ended with ${code}`, said)));
      timer = setTimeout(
        () => reject(serverFailure(`The ${name} was not ready within ${readyWithinMs / 1000} s`, said)),
        readyWithinMs,
      );
    });
    const url = await ready;
    return {
      url,
      async cpuUs() {
        const answer = await ask(child, { kind: 'cpu' }, 'cpu', { name, said });
        return answer.kind === 'cpu' ? answer.microseconds : Number.NaN;
      },
      databaseCpuUs: () => (child.pid === undefined ? undefined : descendantsCpuUs(child.pid)),
      async fillLog(records) {
        await ask(child, { kind: 'fill-log', records }, 'filled', { name, said });
      },
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

function ask(
  child: ChildProcess,
  question: ToServer,
  answer: FromServer['kind'],
  { name, said }: { readonly name: string; readonly said: readonly string[] },
): Promise<FromServer> {
  return new Promise((resolve, reject) => {
    const onExit = (code: number | null): void => reject(serverFailure(`The ${name} ended with ${code}`, said));
    child.once('exit', onExit);
    child.on('message', function onMessage(message: FromServer) {
      if (message.kind !== answer) return;
      child.off('message', onMessage);
      child.off('exit', onExit);
      resolve(message);
    });
    send(child, question);
  });
}

async function stopChild(child: ChildProcess, exited: Promise<unknown>): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  send(child, { kind: 'stop' });
  const timer = setTimeout(() => child.kill('SIGKILL'), stopWithinMs);
  await exited;
  clearTimeout(timer);
}

function send(child: ChildProcess, message: ToServer): void {
  // If the child has just ended, its exit is reported.
  if (child.connected) child.send(message, () => undefined);
}

/** @param said the last output of the process */
export function serverFailure(what: string, said: readonly string[]): CodedError {
  return new CodedError({
    code: 'benchmark_server',
    category: 'unavailable',
    detail: `${what}. Its last output: ${said.join('').slice(-2000).trim() || '(none)'}`,
  });
}
