import { createHttpServer, createLogger, createMetrics } from '@countersign/runtime';
import { runMeasured, type Server } from './measured-server.ts';

/**
 * What an answer over HTTP costs when nothing is decided: our own HTTP server, with its limits, headers and metrics,
 * which reads a JSON body and answers every POST the same.
 */
async function startEmptyServer(): Promise<Server> {
  const logger = createLogger({ level: 'warn', name: 'empty' });
  const app = createHttpServer({ logger, metrics: createMetrics() });
  const answer = { decision: true, context: { evidence: 'rec_00000000000000000000000000' } };
  app.post('/*', async () => answer);
  const url = await app.listen({ host: '127.0.0.1', port: 0 });
  return { url, stop: () => app.close() };
}

await runMeasured(startEmptyServer);
