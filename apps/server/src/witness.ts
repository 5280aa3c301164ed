import { CodedError, systemClock } from '@countersign/kernel';
import {
  createHttpServer,
  createLifecycle,
  createLogger,
  createMetrics,
  stayUntilSignalled,
} from '@countersign/runtime';
import { createWitness, openWitnessKey, parseLogKeys, witnessRoutes } from '@countersign/witness';

export interface WitnessOptions {
  /** The folder with the witness's key and the checkpoints that it has cosigned. */
  readonly folder: string;
  readonly host: string;
  /** 0 selects a free port. */
  readonly port: number;
  /** Required at the first start: a schema-less URL that identifies the witness. */
  readonly name?: string;
  /** C2SP verifier keys of the logs. */
  readonly logs: readonly string[];
}

export interface RunningWitness {
  readonly address: string;
  /** The key by which verifiers know the witness (C2SP vkey). */
  readonly verifierKey: string;
  stop(): Promise<void>;
}

const maxConnections = 512;

/**
 * Starts a witness with its own listener. It speaks plain HTTP, so a proxy must terminate TLS.
 *
 * @throws CodedError of `witnessErrors`, or `port_unusable`
 */
export async function startWitness(options: WitnessOptions, signal?: AbortSignal): Promise<RunningWitness> {
  const logger = createLogger({ level: 'info', name: 'countersign-witness' });
  const metrics = createMetrics();
  const lifecycle = createLifecycle({ logger, signal });
  try {
    const witness = await createWitness({
      folder: options.folder,
      ...(options.name === undefined ? {} : { name: options.name }),
      logKeys: parseLogKeys(options.logs),
      clock: systemClock,
      logger,
    });
    lifecycle.started({ name: 'witness', stop: () => witness.stop() });
    const app = createHttpServer({ logger, metrics });
    app.server.maxConnections = maxConnections;
    witnessRoutes(app, { witness, metrics, logger });
    lifecycle.started({ name: 'listener', stop: () => app.close() });
    const address = await app.listen({ host: options.host, port: options.port }).catch((cause: unknown) => {
      throw new CodedError({
        code: 'port_unusable',
        category: 'unavailable',
        detail: `Nothing can be served on ${options.host}:${options.port}.`,
        cause,
      });
    });
    return { address, verifierKey: witness.verifierKey(), stop: () => lifecycle.stop() };
  } catch (error) {
    await lifecycle.stop();
    throw error;
  }
}

/** `countersign witness start`: starts a witness, prints its details and runs until SIGTERM or SIGINT. */
export async function witnessAndStay(options: WitnessOptions): Promise<void> {
  const logger = createLogger({ level: 'info', name: 'countersign-witness' });
  const running = await stayUntilSignalled((signal) => startWitness(options, signal), logger);
  const say = (line: string): void => void process.stdout.write(`${line}\n`);
  say(`Witness of ${options.logs.length} ${options.logs.length === 1 ? 'log' : 'logs'} at ${running.address}`);
  say('Those whose policy names it write, with the address that they reach it by:');
  say(`witness ${nameOf(running.verifierKey)} ${running.verifierKey} ${running.address}`);
}

/** The verifier key of the witness in a folder. The key is created if it does not exist. */
export function witnessKey(folder: string, name?: string): string {
  return openWitnessKey(folder, name).verifierKey;
}

function nameOf(verifierKey: string): string {
  return verifierKey.slice(0, verifierKey.indexOf('+'));
}
