import { defined } from '@countersign/kernel';
import { expect, it } from 'vitest';
import { createLogger, createMetrics } from '../observability/index.ts';
import { createHttpServer, zoneOf } from './index.ts';

it.each(['members', undefined])('reports the network from which a request at a listener for %s came', async (zone) => {
  const app = createHttpServer({
    logger: createLogger({ level: 'silent', name: 'test' }),
    metrics: createMetrics(),
    ...defined({ zone }),
  });
  app.get('/', (request) => ({ zone: zoneOf(request) ?? 'none' }));
  const answer = await app.inject({ method: 'GET', url: '/', headers: { 'x-zone': 'vault' } });
  expect(answer.json()).toEqual({ zone: zone ?? 'none' });
  await app.close();
});
