import type { RecordId } from '@countersign/kernel';
import type { Evidence } from '../evidence.ts';
import type { ReasonCode } from '../reasons.ts';

/** One question about the evidence. It looks at every record it concerns and never stops at the first fault. */
export interface Check {
  readonly id: string;
  /** What is true when the check passes. */
  readonly title: string;
  /** Types of the records that it reads more of than every record has. Where such a value is withheld, it says so. */
  readonly reads?: readonly string[];
  run(evidence: Evidence): CheckResult;
}

export interface Finding {
  readonly code: ReasonCode;
  readonly detail: string;
  /** The record at fault, where it is one record. */
  readonly record?: RecordId;
}

export type CheckResult =
  /** A `code` here is a warning: nothing is wrong, and something is not shown. */
  | { readonly ok: true; readonly detail: string; readonly code?: ReasonCode }
  | { readonly ok: false; readonly findings: readonly Finding[] };

/** The check passes when nothing was found; `detail` then says what was looked at. */
export function conclude(findings: readonly Finding[], detail: string): CheckResult {
  return findings.length === 0 ? { ok: true, detail } : { ok: false, findings };
}

/** "1 record", "3 records". */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
