export {
  type BundledCertificate,
  type BundledHandover,
  type BundledLeaf,
  type BundledTimeStamp,
  type BundleFormat,
  type BundleParse,
  bundleFormat,
  bundleFormats,
  bundleFormatWithHandovers,
  bundleLimits,
  type CertificateUse,
  certificateUses,
  type Disclosure,
  type EvidenceBundle,
  parseBundle,
} from './bundle.ts';
export { approvalStatementType, approvalType } from './checks/signed-approval.ts';
export { describeBundle, type TimelineEntry, timelineOf } from './describe-bundle.ts';
export type { BundleTrust } from './evidence.ts';
export { buildGraph } from './graph/build-graph.ts';
export { recordsOfBundle } from './graph/bundle-records.ts';
export { drawGraph, graphStyle } from './graph/draw-graph.ts';
export {
  type EvidenceGraph,
  type GraphEdge,
  type GraphNode,
  graphLimits,
  type NodeKind,
  nodeKinds,
} from './graph/graph.ts';
export type { GraphRecord } from './graph/record-view.ts';
export {
  isSameKey,
  type KeyHandover,
  type KeyPeriod,
  type KeySuccession,
  keyHandoverType,
  keysAt,
  readHandoverRecord,
  readSuccession,
  type VerifiedHandover,
} from './key-handover.ts';
export { type OcsfEvent, ocsfEvent, ocsfLine } from './ocsf/ocsf-event.ts';
export { type ReasonCode, reasonCodes, warningCodes } from './reasons.ts';
export { type RecordRule, recordRules } from './record-rules.ts';
export { recordLine, recordRow, recordRowHead } from './report/record-row.ts';
export { type ReportContent, renderReport, reportOfBundle } from './report/report.ts';
export { drawTimeline, timelineStyle } from './report/timeline.ts';
export { transactionLives } from './transaction-lives.ts';
export { parseHandovers, parseTrust, readCertificateFile, type TrustParse } from './trust-file.ts';
export { reportFormat, type VerificationReport, verificationReportOf } from './verification-report.ts';
export {
  type BundleVerification,
  countOf,
  type StepResult,
  stepResults,
  type Verdict,
  type VerificationStep,
  verdicts,
  verifyBundle,
} from './verify-bundle.ts';
export type { PlaceRange } from './whole-log/absences.ts';
export {
  checkServedLog,
  type ServedLog,
  type ServedLogCheck,
  type SignedHead,
} from './whole-log/check-served-log.ts';
export { checkWholeLog, type WholeLogCheck } from './whole-log/check-whole-log.ts';
export { createEntryReader } from './whole-log/entry-reader.ts';
export {
  type NumberRange,
  type StreamStatement,
  statementOf,
  statementTypes,
  streamPlaceOf,
} from './whole-log/stream-statements.ts';
export type { LogFault, LogFaultReason, PresentedEntry } from './whole-log/whole-log.ts';
