import { parseBundle } from './bundle.ts';
import { layOut } from './evidence.ts';
import { treeHeadOf } from './log-key.ts';
import type { BundleVerification } from './verify-bundle.ts';

export const reportFormat = 'countersign-evidence-report/1';

/** For programs, in the same format from every verifier. */
export interface VerificationReport extends BundleVerification {
  readonly format: typeof reportFormat;
  /** SHA-256 in hexadecimal. */
  readonly fileDigest: string;
  /** Absent if the document is not a bundle. Proved only if the verdict says so. */
  readonly bundle?: {
    readonly format: string;
    readonly transaction: string;
    readonly log: { readonly origin: string; readonly verifierKey: string };
    /** Absent if the log's key or signature is unusable. */
    readonly tree?: { readonly size: string; readonly root: string };
    readonly records: number;
    /** RFC 3339. */
    readonly firstRecordTime?: string;
    readonly lastRecordTime?: string;
  };
}

/** @param document as parsed @param fileDigest SHA-256 of its bytes, in hexadecimal */
export function verificationReportOf(
  document: unknown,
  verification: BundleVerification,
  fileDigest: string,
): VerificationReport {
  const head = { format: reportFormat, ...verification, fileDigest } as const;
  const parsed = parseBundle(document);
  if (!parsed.ok) return head;
  const { format, transaction, log, records } = parsed.bundle;
  // Uses the bundle's own key. The steps state whether it is trusted.
  const evidence = layOut(parsed.bundle, {});
  const tree = treeHeadOf(evidence);
  const times = evidence.records.map(({ time }) => time);
  const [firstRecordTime] = times;
  const lastRecordTime = times.at(-1);
  return {
    ...head,
    bundle: {
      format,
      transaction,
      log,
      ...(tree === undefined
        ? {}
        : { tree: { size: tree.size.toString(), root: Buffer.from(tree.root).toString('base64') } }),
      records: records.length,
      ...(firstRecordTime === undefined ? {} : { firstRecordTime }),
      ...(lastRecordTime === undefined ? {} : { lastRecordTime }),
    },
  };
}
