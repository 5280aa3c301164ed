import { type ChildProcess, spawn } from 'node:child_process';
import { Duplex } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { CodedError } from '@countersign/kernel';
import { workerFile } from '../threads/index.ts';
import { hardwareKeyErrors, isHardwareKeyErrorCode } from './errors.ts';
import { readFrames, sendFrame } from './frames.ts';
import { parseSignerAnswer, type SignerCall } from './messages.ts';

export interface SignerConnection {
  readonly pid: number | undefined;
  /** @throws CodedError of `hardwareKeyErrors`; `hardware_unavailable` if the process ends or does not answer in time */
  call(request: SignerCall, timeoutMs: number): Promise<object>;
  readonly ended: Promise<void>;
  /** Closes the connection, and kills the process if it does not end by itself. */
  stop(): Promise<void>;
}

/** Time in which a signer that lost its connection logs out and ends. */
const endsWithinMs = 2_000;

/**
 * Starts a signer process. It has its own memory, so a fault of the vendor's module cannot reach the keys, tokens and connections
 * of the control plane, and it receives no other environment than `env`.
 */
export function startSigner(env: Readonly<Record<string, string>>): SignerConnection {
  const file = fileURLToPath(workerFile(import.meta.url, './signer-process.ts'));
  const child = spawn(process.execPath, [file], { env: { ...env }, stdio: ['ignore', 'ignore', 'inherit', 'pipe'] });
  const stream = connectionOf(child);
  const waiting = new Map<number, { resolve(result: object): void; reject(error: Error): void }>();
  let calls = 0;
  const lost = (): Error =>
    hardwareKeyErrors.error(
      'hardware_unavailable',
      'The signer ended during the call. Nothing was released; try again.',
    );

  readFrames(stream, (message) => {
    const answer = parseSignerAnswer(message);
    const caller = answer === undefined ? undefined : waiting.get(answer.call);
    if (answer === undefined || caller === undefined) return;
    waiting.delete(answer.call);
    if ('result' in answer) caller.resolve(answer.result);
    else caller.reject(errorIn(answer.error));
  });
  const fail = (): void => {
    for (const [call, { reject }] of waiting) {
      waiting.delete(call);
      reject(lost());
    }
  };
  stream.on('error', fail);
  stream.on('close', fail);
  const ended = new Promise<void>((resolve) => {
    const end = (): void => {
      fail();
      resolve();
    };
    child.on('exit', end);
    child.on('error', end);
  });

  return {
    pid: child.pid,
    ended,
    call(request, timeoutMs) {
      if (stream.destroyed) return Promise.reject(lost());
      const call = ++calls;
      return new Promise((resolve, reject) => {
        const timer = setTimeout(() => {
          // It holds a call that does not return. Its sessions are of no use any more.
          child.kill('SIGKILL');
        }, timeoutMs);
        const settle =
          <Value>(settled: (value: Value) => void) =>
          (value: Value): void => {
            clearTimeout(timer);
            settled(value);
          };
        waiting.set(call, { resolve: settle(resolve), reject: settle(reject) });
        sendFrame(stream, { ...request, call });
      });
    },
    async stop() {
      stream.destroy();
      const timer = setTimeout(() => child.kill('SIGKILL'), endsWithinMs);
      await ended;
      clearTimeout(timer);
    },
  };
}

function connectionOf({ stdio }: ChildProcess): Duplex {
  const stream = stdio[3];
  if (stream instanceof Duplex) return stream;
  throw new Error('the signer has no connection');
}

function errorIn({
  code,
  detail,
  internal,
}: {
  readonly code: string;
  readonly detail: string;
  readonly internal?: string;
}): Error {
  if (isHardwareKeyErrorCode(code))
    return hardwareKeyErrors.error(code, detail, internal === undefined ? {} : { internal });
  // Configuration errors, e.g. a PIN that cannot be read.
  return new CodedError({ code, category: 'invalid', detail });
}
