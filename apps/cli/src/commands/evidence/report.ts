import { writeFileSync } from 'node:fs';
import { type BundleTrust, parseBundle, renderReport, reportOfBundle, verifyBundle } from '@countersign/evidence';
import { CodedError } from '@countersign/kernel';

/**
 * Writes a bundle as a printable report, with the verdict by the reader's own trusted inputs.
 *
 * @returns the verdict as a word
 * @throws CodedError `bundle_malformed`
 */
export function writeReport(file: string, bundle: unknown, trust: BundleTrust, out: string): string {
  const parsed = parseBundle(bundle);
  if (!parsed.ok)
    throw new CodedError({
      code: 'bundle_malformed',
      category: 'invalid',
      detail: `${file} is not an evidence bundle: ${parsed.problem}.`,
    });
  const verification = verifyBundle(bundle, { trust });
  const verifiedBy = verification.anchored
    ? 'Verified offline, by a log key that the reader brought.'
    : 'Verified offline, by the log key that the bundle states for itself.';
  const pieces = [...renderReport(reportOfBundle(parsed.bundle, verification, { verifiedBy }))];
  writeFileSync(out, pieces.join(''), { mode: 0o600 });
  return verification.verdict;
}
