import type { Json } from '@countersign/kernel';

/** A type name declared by an application model: an https URI. Market types never use https URIs. */
export type ApplicationDetailTypeName = `https://${string}`;

/** An authorization detail defined by an application. It is not an intent: it has no mandate and opens no transaction. */
export interface ApplicationDetail {
  readonly type: ApplicationDetailTypeName;
  readonly [member: string]: Json;
}

const uri = /^https:\/\/[a-z0-9][\x21\x23-\x5b\x5d-\x7e]{2,200}$/;

/** Whether an application may use this type name. Market type names begin with `urn:`. */
export function isApplicationDetailTypeName(value: unknown): value is ApplicationDetailTypeName {
  return typeof value === 'string' && uri.test(value);
}

export function isApplicationDetail<Detail extends { readonly type: string }>(
  detail: Detail,
): detail is Extract<Detail, ApplicationDetail> {
  return isApplicationDetailTypeName(detail.type);
}

/** Whether a parsed JSON value is a list of exactly one application detail. Like a step, it cannot be combined with others. */
export function namesApplicationDetail(value: unknown): value is readonly [ApplicationDetail] {
  return (
    Array.isArray(value) &&
    value.length === 1 &&
    typeof value[0] === 'object' &&
    value[0] !== null &&
    !Array.isArray(value[0]) &&
    isApplicationDetailTypeName(Object.getOwnPropertyDescriptor(value[0], 'type')?.value)
  );
}

/** Whether a parsed JSON value is a list of at most `most` application details and nothing else. */
export function namesApplicationDetails(value: unknown, most: number): value is readonly ApplicationDetail[] {
  return (
    Array.isArray(value) &&
    value.length > 0 &&
    value.length <= most &&
    value.every((each) => namesApplicationDetail([each]))
  );
}
