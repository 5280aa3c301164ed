import { parseBundle } from './bundle.ts';
import { layOut } from './evidence.ts';
import { treeHeadOf } from './tree-head.ts';
import type { BundleVerification } from './verify-bundle.ts';

export const reportFormat = 'countersign-evidence-report/1';

/** The outcome of a verification for programs, the same from every verifier. */
export interface VerificationReport extends BundleVerification {
  readonly format: typeof reportFormat;
  /** SHA-256 of the file that was checked, in hexadecimal: which file this is a report on. */
  readonly fileDigest: string;
  /** What it is about; absent when the document is no bundle. Nothing in here is proved unless the verdict says so. */
  readonly bundle?: {
    readonly format: string;
    readonly transaction: string;
    readonly log: { readonly origin: string; readonly verifierKey: string };
    /** Absent when no key of the log could be used, or its signature is not genuine. */
    readonly tree?: { readonly size: string; readonly root: string };
    readonly records: number;
    /** RFC 3339, as the log set it. */
    readonly firstRecordTime?: string;
    readonly lastRecordTime?: string;
  };
}

/**
 * @param document what was checked, parsed
 * @param fileDigest SHA-256 of its bytes, in hexadecimal
 */
export function verificationReportOf(
  document: unknown,
  verification: BundleVerification,
  fileDigest: string,
): VerificationReport {
  const head = { format: reportFormat, ...verification, fileDigest } as const;
  const parsed = parseBundle(document);
  if (!parsed.ok) return head;
  const { format, transaction, log, records } = parsed.bundle;
  // With the bundle's own key: whether that one is trusted, the steps say.
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
