import { type ChildProcess, spawn } from 'node:child_process';
import { accessSync, constants, mkdtempSync, readlinkSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, isAbsolute, join, resolve } from 'node:path';
import type { Clock, Random } from '@countersign/kernel';
import type { AttesterDoor } from './control-plane.ts';
import { digestFile, digestTree, fingerprintOf } from './digest-files.ts';
import { openEndpoint } from './endpoint.ts';
import { agentErrors } from './errors.ts';
import { createSvidSource, type EvidenceSource } from './svid-source.ts';

/** What is measured before a workload starts. */
export interface Measured {
  readonly environment: string;
  /** The program to start. */
  readonly executable: string;
  /** Files and folders that an interpreter runs. */
  readonly scripts?: string;
  readonly lockFile?: string;
  readonly configuration?: string;
}

export interface LaunchOptions extends Measured {
  readonly entry: string;
  readonly command: readonly string[];
  readonly door: AttesterDoor;
  readonly clock: Clock;
  readonly random: Random;
  readonly everyMs?: number;
  readonly note?: (text: string, facts: Readonly<Record<string, string>>) => void;
}

export interface Launched {
  readonly child: ChildProcess;
  readonly address: string;
  /** The exit code; for a signal, 128 plus its number. */
  readonly ended: Promise<number>;
  stop(): void;
}

/** The path of the program that a command starts. @throws CodedError `agent_configuration_invalid` */
export function findExecutable(command: string): string {
  const candidates =
    isAbsolute(command) || command.includes('/')
      ? [resolve(command)]
      : (process.env['PATH'] ?? '').split(delimiter).map((folder) => join(folder, command));
  for (const path of candidates)
    try {
      accessSync(path, constants.X_OK);
      return realpathSync(path);
    } catch {}
  throw agentErrors.error('agent_configuration_invalid', `There is no program ${command}.`);
}

/** Evidence of the launcher: digests of the files that it starts, computed anew each time. */
export function createLauncherEvidence(measured: Measured, running: () => number | undefined): EvidenceSource {
  const { environment, executable, scripts, lockFile, configuration } = measured;
  const digestOf = async (path: string | undefined) => (path === undefined ? undefined : digestTree(path));
  return {
    async gather() {
      const image = await digestFile(executable);
      const pid = running();
      // The file may have been replaced between digest and start: the kernel knows which file runs.
      if (pid !== undefined && (await digestFile(`/proc/${pid}/exe`)) !== image)
        throw agentErrors.error('workload_unobservable', `The running program is no longer ${executable}.`);
      const user = process.getuid?.();
      return [
        {
          kind: 'launcher',
          ...{ environment, image },
          ...present('script_tree', await digestOf(scripts)),
          ...present('lock_file', await digestOf(lockFile)),
          ...present('configuration', await digestOf(configuration)),
          ...present('user', user === undefined ? undefined : String(user)),
        },
      ];
    },
    async fingerprint() {
      const paths = [executable, scripts, lockFile, configuration].filter((path) => path !== undefined);
      const pid = running();
      const parts = await Promise.all(paths.map(fingerprintOf));
      return [...parts, pid === undefined ? '' : exeOf(pid)].join();
    },
  };
}

const present = (name: string, value: string | undefined): Record<string, string> =>
  value === undefined ? {} : { [name]: value };

function exeOf(pid: number): string {
  try {
    return readlinkSync(`/proc/${pid}/exe`);
  } catch {
    return 'gone';
  }
}

/**
 * Measures a workload, obtains its first certificate, and then starts it with a socket of its own. A refused workload
 * is not started.
 * @throws CodedError the refusal of the control plane
 */
export async function launch(options: LaunchOptions): Promise<Launched> {
  const { command, note } = options;
  let child: ChildProcess | undefined;
  const evidence = createLauncherEvidence(options, () => child?.pid);
  const folder = mkdtempSync(join(tmpdir(), 'workload-'));
  // The workload starts only if the first attestation succeeds.
  const first = await options.door.obtainSvid(options.entry, evidence.gather).catch((error: unknown) => {
    rmSync(folder, { recursive: true });
    throw error;
  });
  const source = createSvidSource({ ...options, evidence, first });
  const endpoint = await openEndpoint({ socket: join(folder, 'api.sock'), source, clock: options.clock });
  const [, ...args] = command;
  child = spawn(options.executable, args, {
    stdio: 'inherit',
    argv0: command[0],
    env: { ...process.env, SPIFFE_ENDPOINT_SOCKET: endpoint.address },
  });
  const started = child;
  note?.('workload started', { entry: options.entry, pid: String(started.pid) });
  const stop = (): void => {
    source.stop();
    void endpoint.stop();
    rmSync(folder, { recursive: true, force: true });
  };
  const ended = new Promise<number>((done) => {
    started.once('error', () => done(127));
    started.once('exit', (code, signal) => done(code ?? (signal === null ? 1 : 128)));
  }).finally(stop);
  return { child: started, address: endpoint.address, ended, stop };
}
