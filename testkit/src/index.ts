export { seriousFindings } from './accessibility.ts';
export { type OpenedBrowser, openBrowser } from './browser.ts';
export {
  createSelfSigned,
  createTestAuthority,
  type TestAttribute,
  type TestAuthority,
  type TestCertificate,
  type TestCertificateOptions,
} from './certificates.ts';
export * from './component.ts';
export { createFaultyProxy, type FaultyProxy } from './faulty-proxy.ts';
export { type FixedClock, fixedClock } from './fixed-clock.ts';
export { contrastsOfText, type TextContrast } from './page-contrast.ts';
export { seededRandom } from './seeded-random.ts';
export { createTestDatabase } from './test-database.ts';
export { startTestServer, type TestServer } from './test-server.ts';
