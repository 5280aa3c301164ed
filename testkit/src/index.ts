export { createFaultyProxy, type FaultyProxy } from './faulty-proxy.ts';
export { type FixedClock, fixedClock } from './fixed-clock.ts';
export { seededRandom } from './seeded-random.ts';
export { createTestDatabase } from './test-database.ts';
export { startTestServer, type TestServer } from './test-server.ts';
