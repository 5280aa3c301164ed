import { type Clock, systemClock } from '@countersign/kernel';
import { parseVerifierKey } from '@countersign/merkle-log';
import { createHttpServer, createLogger, createMetrics } from '@countersign/runtime';
import { createWitness, witnessRoutes } from '../index.ts';

/** A witness on loopback, on a free port unless one is named. */
export async function serveWitness(options: {
  readonly folder: string;
  readonly name?: string;
  readonly port?: number;
  readonly vkeys: readonly string[];
  readonly clock?: Clock;
}) {
  const logger = createLogger({ level: 'silent', name: 'witness' });
  const metrics = createMetrics();
  const logKeys = options.vkeys.map((vkey) => {
    const parsed = parseVerifierKey(vkey);
    if (!parsed.ok) throw new Error(parsed.reason);
    return parsed.key;
  });
  const witness = await createWitness({
    folder: options.folder,
    ...(options.name === undefined ? {} : { name: options.name }),
    logKeys,
    clock: options.clock ?? systemClock,
    logger,
  });
  const app = createHttpServer({ logger, metrics });
  witnessRoutes(app, { witness, metrics, logger });
  const address = await app.listen({ host: '127.0.0.1', port: options.port ?? 0 });
  return {
    address,
    key: witness.verifierKey(),
    async stop() {
      await app.close();
      await witness.stop();
    },
  };
}
