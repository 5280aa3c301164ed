import type { RecordId } from '@countersign/kernel';
import type { Evidence } from '../evidence.ts';
import { isIncomplete, type ReasonCode } from '../reasons.ts';

/** One question about the evidence. It looks at every record it concerns and never stops at the first fault. */
export interface Check {
  readonly id: string;
  /** What is true when the check passes. */
  readonly title: string;
  /**
   * The types of records that it reads more of than every record has, each with the places (JSON pointers) that it reads
   * beyond those without which the record says nothing. Where such a value is withheld, the check is incomplete.
   */
  readonly reads?: Readonly<Record<string, readonly string[]>>;
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
  | {
      readonly ok: true;
      readonly detail: string;
      readonly code?: ReasonCode;
      /** False when neither the bundle nor the reader brought anything that could be checked. */
      readonly checked: boolean;
    }
  | { readonly ok: false; readonly findings: readonly Finding[] };

/**
 * The check passes when no fault was found; `detail` then says what was looked at. A finding that only says what could not
 * be seen makes the check incomplete.
 *
 * @param options.of how many things were checked; with 0 the check is `not checked`, which is no success
 */
export function conclude(
  findings: readonly Finding[],
  detail: string,
  options: { readonly of?: number } = {},
): CheckResult {
  const faults = findings.filter(({ code }) => !isIncomplete(code));
  if (faults.length > 0) return { ok: false, findings: faults };
  const [unseen] = findings;
  if (unseen !== undefined)
    return {
      ok: true,
      checked: true,
      code: unseen.code,
      detail: `${detail} ${findings.map((each) => each.detail).join(' ')}`,
    };
  return { ok: true, checked: options.of !== 0, detail };
}

/** Nothing was there to be checked, and `detail` says what it would have been. */
export function notChecked(detail: string, code?: ReasonCode): CheckResult {
  return { ok: true, checked: false, detail, ...(code === undefined ? {} : { code }) };
}

export function failed(...findings: readonly Finding[]): CheckResult {
  return { ok: false, findings };
}

/** "1 record", "3 records". */
export function counted(count: number, noun: string, plural = `${noun}s`): string {
  return `${count} ${count === 1 ? noun : plural}`;
}
