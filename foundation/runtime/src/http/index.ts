export {
  digestSchema,
  idempotencyKeyHeader,
  idSchema,
  instantSchema,
  leiSchema,
  recordSchema,
} from './answer-fields.ts';
export { clientCertificateErrors } from './client-cert-header.ts';
export {
  type ClientCertificate,
  type ClientCertificateTrust,
  chainVerifiedHeader,
  presentedCertificateOf,
} from './client-certificate.ts';
export { type CookieScope, cookieName, endedCookie, readCookie, sessionCookie } from './cookies.ts';
export { type DescribedAnswer, described, problemSchema, type RouteDescription, tokenSchemes } from './described.ts';
export { closeGently, drain } from './draining.ts';
export { createGate, type Gate } from './gate.ts';
export { type AccessRequest, accessRequestOf, checkCallersFirst, withCaller, withScope } from './guarded.ts';
export { parseJsonBody } from './json-body.ts';
export { keySetRoute } from './key-set-route.ts';
export { networkOf } from './network-of.ts';
export { asCodedError, type Problem, problemOf, statusOf } from './problem.ts';
export { challengeOf, createHttpServer, type HttpServerOptions, type PassedOn, renewTls, sendError } from './server.ts';
export type { HttpTls } from './tls.ts';
export { zoneOf } from './zone.ts';
