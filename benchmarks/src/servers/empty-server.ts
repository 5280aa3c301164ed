import { createHttpServer, createLogger, createMetrics, type HttpTls } from '@countersign/runtime';
import { runMeasured, type Server } from './measured-server.ts';

export interface EmptyServerSettings {
  /** A listener for mutual TLS instead of plain HTTP. */
  readonly tls?: HttpTls;
}

/**
 * What an answer over HTTP costs when nothing is decided: our own HTTP server, with its limits, headers and metrics,
 * which reads a JSON body and answers every POST the same.
 */
async function startEmptyServer({ tls }: EmptyServerSettings): Promise<Server> {
  const logger = createLogger({ level: 'warn', name: 'empty' });
  const app = createHttpServer({ logger, metrics: createMetrics(), ...(tls === undefined ? {} : { tls }) });
  // The load generator checks the decision and the header that names its record.
  app.post('/*', async (_request, reply) =>
    reply.header('countersign-evidence', 'rec_00000000000000000000000000').send({ decision: true }),
  );
  const address = new URL(await app.listen({ host: '127.0.0.1', port: 0 }));
  const url = `${tls === undefined ? 'http' : 'https'}://${address.host}`;
  return { url, stop: () => app.close() };
}

await runMeasured(startEmptyServer);
