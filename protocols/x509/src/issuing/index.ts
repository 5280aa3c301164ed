export { createIssuanceCheck, type IssuanceCheck } from './issuance-check.ts';
export {
  type CertificateFinding,
  type CertificateRule,
  certificateRules,
  type LintContext,
  lintCertificate,
} from './lint-certificate.ts';
