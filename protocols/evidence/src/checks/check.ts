import type { RecordId } from '@countersign/kernel';
import type { Evidence } from '../evidence.ts';
import { isIncomplete, type ReasonCode } from '../reasons.ts';

/** One question about the evidence. A check examines every relevant record and does not stop at the first fault. */
export interface Check {
  readonly id: string;
  /** What is true when the check passes. */
  readonly title: string;
  /**
   * Record types and the places (JSON pointers) that the check reads, beyond the members that every record of the type needs.
   * If such a value is withheld, the check is incomplete.
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
  /** A `code` here is a warning: no fault was found, but some data is not shown. */
  | {
      readonly ok: true;
      readonly detail: string;
      readonly code?: ReasonCode;
      /** False if neither the bundle nor the reader supplied anything to check. */
      readonly checked: boolean;
    }
  | { readonly ok: false; readonly findings: readonly Finding[] };

/**
 * The check passes if no fault was found; `detail` then states what was checked. A finding about missing data only makes the
 * check incomplete.
 *
 * @param options.of the number of things checked; with 0 the check is `not checked`, which is not a success
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

/** Nothing was present to check; `detail` names what would have been checked. */
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
