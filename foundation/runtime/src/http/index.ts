export * from './answer-fields.ts';
export { clientCertificateErrors } from './client-cert-header.ts';
export { type ClientCertificate, type ClientCertificateTrust, presentedCertificateOf } from './client-certificate.ts';
export * from './cookies.ts';
export * from './described.ts';
export * from './guarded.ts';
export * from './problem.ts';
export * from './server.ts';
export type { HttpTls } from './tls.ts';
