export { createIssuanceCheck, type IssuanceCheck } from './issuance-check.ts';
export {
  type CertificateFinding,
  type CertificateRule,
  certificateRules,
  type LintContext,
  lintCertificate,
  readToBeSigned,
} from './lint-certificate.ts';
