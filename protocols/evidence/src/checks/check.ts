import { defined, type RecordId } from '@countersign/kernel';
import type { Evidence } from '../evidence.ts';
import { isIncomplete, type ReasonCode } from '../reasons.ts';

/** A check examines every relevant record and does not stop at the first fault. */
export interface Check {
  readonly id: string;
  /** True if the check passes. */
  readonly title: string;
  /** Places (JSON pointers) by record type; if one is withheld, the check is incomplete. */
  readonly reads?: Readonly<Record<string, readonly string[]>>;
  run(evidence: Evidence): CheckResult;
}

export interface Finding {
  readonly code: ReasonCode;
  readonly detail: string;
  /** If a single record is at fault. */
  readonly record?: RecordId;
}

export function finding(code: ReasonCode, detail: string, record?: RecordId): Finding {
  return { code, detail, ...defined({ record }) };
}

export type CheckResult =
  /** A `code` is a warning: some data is not shown. */
  | {
      readonly ok: true;
      readonly detail: string;
      readonly code?: ReasonCode;
      /** False if there was nothing to check. */
      readonly checked: boolean;
    }
  | { readonly ok: false; readonly findings: readonly Finding[] };

/** Missing data only makes it incomplete. @param options.of number of things checked; with 0 it is `not checked` */
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

export function notChecked(detail: string, code?: ReasonCode): CheckResult {
  return { ok: true, checked: false, detail, ...defined({ code }) };
}

export function failed(...findings: readonly Finding[]): CheckResult {
  return { ok: false, findings };
}

/** "1 record", "3 records". */
export function counted(count: number, noun: string, plural = `${noun}s`): string {
  return `${count} ${count === 1 ? noun : plural}`;
}
