export { seriousFindings } from './accessibility.ts';
export { type AuthzenClient, type AuthzenDecision, createAuthzenClient } from './authzen-client.ts';
export { type OpenedBrowser, openBrowser } from './browser.ts';
export {
  createSelfSigned,
  createTestAuthority,
  type TestAttribute,
  type TestAuthority,
  type TestCertificate,
  type TestCertificateOptions,
} from './certificates.ts';
export { codeOf } from './code-of.ts';
export { type Component, components, type FoundComponent, findComponent } from './component.ts';
export { isFoundBy } from './evidence-query-in.ts';
export { createFaultyProxy, type FaultyProxy } from './faulty-proxy.ts';
export { type FixedClock, fixedClock } from './fixed-clock.ts';
export { freePort } from './free-port.ts';
export { createMemoryLog, type MemoryLog, type MemoryLogOptions } from './memory-log.ts';
export { createMemoryNotices, type MemoryNotices } from './memory-notices.ts';
export {
  createMemorySigner,
  type MemorySigner,
  makeKey,
  type SigningKey,
  signJws,
} from './memory-signer.ts';
export { createMemorySingleUse, type MemorySingleUse } from './memory-single-use.ts';
export { asCaller, createOpenGuard, type OpenGuard } from './open-guard.ts';
export { contrastsOfText, type TextContrast } from './page-contrast.ts';
export { filledForm, hiddenField, optionsIn, unescaped } from './pages.ts';
export { leiOf, personOf } from './people.ts';
export { createPeopleKeys } from './people-keys.ts';
export { takePicture } from './picture.ts';
export { plainOutbound } from './plain-outbound.ts';
export { createProcessRig, type ProcessRig, processIdentityOf, type ServedByRig, serving } from './process-rig.ts';
export { testRowSeal } from './row-seal.ts';
export { type SandboxKey, type SandboxOrder, type SandboxVenue, startSandboxVenue } from './sandbox-venue.ts';
export { seededRandom } from './seeded-random.ts';
export { browserOf, cookieSignIn, createCookieSignIn } from './signed-in.ts';
export { findSoftHsm, makeSoftToken, type SoftToken } from './soft-token.ts';
export { lifted, revoked } from './standing-revocations.ts';
export { lastUnderIn, standingsIn, standingsUnderIn } from './standings-in.ts';
export { createTestDatabase } from './test-database.ts';
export { startTestServer, type TestServer } from './test-server.ts';
export { everybodyIndependent, everyProposerActive } from './two-people.ts';
export { type VirtualKeys, virtualKeys } from './virtual-keys.ts';
export { type WebBrowser, webBrowser } from './web-browser.ts';
