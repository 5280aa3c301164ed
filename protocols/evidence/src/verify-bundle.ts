import { parseBundle } from './bundle.ts';
import { approvalsAreGenuine } from './checks/approvals.ts';
import type { Check } from './checks/check.ts';
import { checkpointIsSigned } from './checks/checkpoint.ts';
import { submissionsWereDecided } from './checks/decisions.ts';
import { recordsAreIncluded } from './checks/inclusion.ts';
import { intentIsOne } from './checks/intent.ts';
import { logOnlyGrew } from './checks/log-growth.ts';
import { logKeyIsTrusted } from './checks/log-key.ts';
import { mandatesStood } from './checks/mandates.ts';
import { bundleIsComplete } from './checks/manifest.ts';
import { policiesAreThePublished } from './checks/policies.ts';
import { recordsAreReadable } from './checks/records-readable.ts';
import { referencesArePresent } from './checks/references.ts';
import { exchangesOnlyNarrow } from './checks/tokens.ts';
import { transitionsAreInOrder } from './checks/transitions.ts';
import { type BundleTrust, layOut } from './evidence.ts';
import type { ReasonCode } from './reasons.ts';

/**
 * What is asked of a bundle, in this order. First that it is the log's (key, checkpoint, records, completeness,
 * growth); then that what the log recorded is a chain of authority (intent, approvals, mandates, tokens,
 * decisions, states).
 */
export const checks: readonly Check[] = [
  logKeyIsTrusted,
  checkpointIsSigned,
  recordsAreReadable,
  recordsAreIncluded,
  bundleIsComplete,
  referencesArePresent,
  logOnlyGrew,
  intentIsOne,
  approvalsAreGenuine,
  mandatesStood,
  exchangesOnlyNarrow,
  policiesAreThePublished,
  submissionsWereDecided,
  transitionsAreInOrder,
];

/** One line of the protocol of a verification. A check that fails gives a step for each fault it found. */
export interface VerificationStep {
  /** Id of the check. */
  readonly step: string;
  /** What is true when the check passes. */
  readonly title: string;
  readonly ok: boolean;
  /** Why not; with `ok` a warning, of which `log_key_unanchored` is the only one. */
  readonly code?: ReasonCode;
  readonly detail: string;
  /** Id of the record at fault. */
  readonly record?: string;
}

export interface BundleVerification {
  /** True when no step failed. Read with {@link anchored}: an unanchored bundle is only consistent with itself. */
  readonly ok: boolean;
  /** True when the reader brought the log's key. */
  readonly anchored: boolean;
  readonly steps: readonly VerificationStep[];
}

/**
 * Checks an evidence bundle offline. Pure: no network, no clock, and the same answer at any later time. Never
 * throws for anything a bundle holds. Every check runs and sees every record, so the steps name all that is wrong.
 *
 * @param bundle parsed JSON from outside; bound its size before parsing it
 * @param options.trust what the reader knows from elsewhere
 * @param options.onStep hears each step when it is done, for a display
 */
export function verifyBundle(
  bundle: unknown,
  options: { readonly trust?: BundleTrust; readonly onStep?: (step: VerificationStep) => void } = {},
): BundleVerification {
  const { trust = {}, onStep } = options;
  const steps: VerificationStep[] = [];
  const report = (step: VerificationStep): void => {
    steps.push(step);
    onStep?.(step);
  };

  const form = { step: 'bundle', title: 'The document is an evidence bundle' };
  const parsed = parseBundle(bundle);
  if (!parsed.ok) {
    report({
      ...form,
      ok: false,
      code: 'bundle_malformed',
      detail: `The document is not an evidence bundle: ${parsed.problem}.`,
    });
  } else {
    report({ ...form, ok: true, detail: `A bundle for ${parsed.bundle.transaction}.` });
    const evidence = layOut(parsed.bundle, trust);
    for (const check of checks) {
      const { id: step, title } = check;
      const result = check.run(evidence);
      if (result.ok) report({ step, title, ...result });
      else for (const finding of result.findings) report({ step, title, ok: false, ...finding });
    }
  }
  return { ok: steps.every((step) => step.ok), anchored: trust.logVerifierKey !== undefined, steps };
}
