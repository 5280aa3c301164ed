export * from './answer-fields.ts';
export { clientCertificateErrors } from './client-cert-header.ts';
export {
  type ClientCertificate,
  type ClientCertificateTrust,
  chainVerifiedHeader,
  presentedCertificateOf,
} from './client-certificate.ts';
export * from './cookies.ts';
export * from './described.ts';
export { closeGently, drain } from './draining.ts';
export * from './gate.ts';
export * from './guarded.ts';
export { parseJsonBody } from './json-body.ts';
export * from './key-set-route.ts';
export { networkOf } from './network-of.ts';
export * from './problem.ts';
export * from './server.ts';
export type { HttpTls } from './tls.ts';
export { zoneOf } from './zone.ts';
