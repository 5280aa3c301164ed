export {
  type BundledLeaf,
  type BundleParse,
  bundleFormat,
  bundleLimits,
  type EvidenceBundle,
  parseBundle,
} from './bundle.ts';
export { approvalType } from './checks/approvals.ts';
export { describeBundle } from './describe-bundle.ts';
export type { BundleTrust } from './evidence.ts';
export { type ReasonCode, reasonCodes } from './reasons.ts';
export { transactionLives } from './transaction-lives.ts';
export { type BundleVerification, type VerificationStep, verifyBundle } from './verify-bundle.ts';
