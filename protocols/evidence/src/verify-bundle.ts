import { parseBundle } from './bundle.ts';
import { approvalsAreGenuine } from './checks/approvals.ts';
import { bodiesFitDigests } from './checks/bodies.ts';
import { certificatesHeld } from './checks/certificates.ts';
import type { Check, CheckResult } from './checks/check.ts';
import { checkpointIsSigned } from './checks/checkpoint.ts';
import { stepsWereDecided } from './checks/decisions.ts';
import { disclosuresOpen } from './checks/disclosures.ts';
import { envelopesAreTheIssued } from './checks/envelopes.ts';
import { recordsAreIncluded } from './checks/inclusion.ts';
import { intentIsOne } from './checks/intent.ts';
import { logOnlyGrew } from './checks/log-growth.ts';
import { logKeyIsTrusted } from './checks/log-key.ts';
import { mandatesStood } from './checks/mandates.ts';
import { bundleIsComplete } from './checks/manifest.ts';
import { policiesAreThePublished } from './checks/policies.ts';
import { absencesAreExplained } from './checks/pruned.ts';
import { recordsAreReadable } from './checks/records-readable.ts';
import { referencesArePresent } from './checks/references.ts';
import { stepsStayWithinTerms } from './checks/terms.ts';
import { timesAreStamped } from './checks/time-stamps.ts';
import { timesRise } from './checks/times.ts';
import { tokensOnlyNarrow } from './checks/tokens.ts';
import { transitionsAreInOrder } from './checks/transitions.ts';
import { witnessesCosigned } from './checks/witnesses.ts';
import { type BundleTrust, type Evidence, hiddenFrom, layOut } from './evidence.ts';
import { shown } from './graph/record-view.ts';
import { trustedLogKeyOf } from './log-key.ts';
import { isIncomplete, type ReasonCode } from './reasons.ts';

/** In this order: origin from the log, chain of authority, external artefacts. */
export const checks: readonly Check[] = [
  logKeyIsTrusted,
  checkpointIsSigned,
  witnessesCosigned,
  recordsAreReadable,
  recordsAreIncluded,
  bundleIsComplete,
  absencesAreExplained,
  disclosuresOpen,
  referencesArePresent,
  logOnlyGrew,
  timesRise,
  timesAreStamped,
  intentIsOne,
  approvalsAreGenuine,
  mandatesStood,
  tokensOnlyNarrow,
  policiesAreThePublished,
  stepsWereDecided,
  transitionsAreInOrder,
  bodiesFitDigests,
  stepsStayWithinTerms,
  envelopesAreTheIssued,
  certificatesHeld,
];

export const stepResults = ['holds', 'note', 'incomplete', 'not checked', 'fails'] as const;
export type StepResult = (typeof stepResults)[number];

/** A failed check has a step for each fault. */
export interface VerificationStep {
  readonly step: string;
  /** True if the check passes. */
  readonly title: string;
  /** `note`: true with a reservation. `incomplete`: data is withheld or pruned. */
  readonly result: StepResult;
  readonly ok: boolean;
  /** With `ok`, a warning (see `warningCodes`). */
  readonly code?: ReasonCode;
  readonly detail: string;
  readonly record?: string;
}

/** `verified` under the reader's own key; `unanchored`: only consistent with itself. */
export const verdicts = ['verified', 'incomplete', 'unanchored', 'failed'] as const;
export type Verdict = (typeof verdicts)[number];

export interface BundleVerification {
  readonly verdict: Verdict;
  /** An unanchored bundle is only consistent with itself. */
  readonly ok: boolean;
  /** The reader supplied the log's key. */
  readonly anchored: boolean;
  /** False if needed data was missing. */
  readonly complete: boolean;
  readonly steps: readonly VerificationStep[];
}

/**
 * Pure: no network and no clock, so the result never changes. Content never makes it throw, and every fault is listed.
 * @param bundle untrusted parsed JSON; limit its size before parsing @param options.onStep receives each finished step
 */
export function verifyBundle(
  bundle: unknown,
  options: { readonly trust?: BundleTrust; readonly onStep?: (step: VerificationStep) => void } = {},
): BundleVerification {
  const { trust = {}, onStep } = options;
  const steps: VerificationStep[] = [];
  const report = (found: Omit<VerificationStep, 'result'> & { readonly checked?: boolean }): void => {
    const { checked = true, ...outcome } = found;
    // Details may contain text from the bundle.
    const step = {
      ...outcome,
      result: resultOf(outcome, checked),
      detail: shown(found.detail, Number.POSITIVE_INFINITY),
    };
    steps.push(step);
    onStep?.(step);
  };

  let anchored = false;
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
    anchored = trustedLogKeyOf(evidence) !== undefined;
    for (const check of checks) {
      const { id: step, title } = check;
      const hidden = hiddenNote(evidence, check);
      const result = check.run(evidence);
      if (result.ok) report({ step, title, ...(hidden === undefined ? result : withNote(result, hidden)) });
      else {
        for (const finding of result.findings) report({ step, title, ok: false, ...finding });
        if (hidden !== undefined) report({ step, title, ok: true, code: 'value_withheld', detail: hidden });
      }
    }
  }
  const ok = steps.every((step) => step.ok);
  const complete = !steps.some(({ code }) => isIncomplete(code));
  return { verdict: verdictOf({ ok, anchored, complete }), ok, anchored, complete, steps };
}

/** E.g. "19 hold, 4 not checked". */
export function countOf(steps: readonly Pick<VerificationStep, 'result'>[]): string {
  const counts = stepResults.flatMap((result) => {
    const count = steps.filter((step) => step.result === result).length;
    return count === 0 ? [] : [`${count} ${count > 1 && Object.hasOwn(plurals, result) ? plurals[result] : result}`];
  });
  return `${counts.join(', ')}.`;
}
const plurals: Readonly<Record<string, string>> = { holds: 'hold', fails: 'fail', note: 'notes' };

function resultOf({ ok, code }: Pick<VerificationStep, 'ok' | 'code'>, checked: boolean): StepResult {
  if (!ok) return 'fails';
  if (isIncomplete(code)) return 'incomplete';
  if (!checked) return 'not checked';
  return code === undefined ? 'holds' : 'note';
}

function verdictOf({ ok, anchored, complete }: Omit<BundleVerification, 'steps' | 'verdict'>): Verdict {
  if (!ok) return 'failed';
  if (!anchored) return 'unanchored';
  return complete ? 'verified' : 'incomplete';
}

function hiddenNote(evidence: Evidence, { reads = {} }: Check): string | undefined {
  const hidden = hiddenFrom(evidence, reads);
  if (hidden.length === 0) return undefined;
  const which =
    hidden.length === 1 ? `record ${hidden[0]?.id}` : `${hidden.length} records, the first ${hidden[0]?.id}`;
  return `Values that it reads are withheld or erased in ${which}: what rests on them was not checked.`;
}

function withNote(result: Extract<CheckResult, { ok: true }>, note: string): CheckResult & { readonly ok: true } {
  return { ok: true, checked: true, code: 'value_withheld', detail: `${result.detail} ${note}` };
}
