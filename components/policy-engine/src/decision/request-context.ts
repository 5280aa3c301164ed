import { type AtLeast, type EvaluationRequest, policyErrors } from '@countersign/contracts';
import { type CodedError, defined, type Json, parseId, type RecordId } from '@countersign/kernel';

interface ReadContext {
  readonly client: string;
  readonly scopes: readonly string[];
  /** The issue record of the token presented to the enforcement point: its claim `evidence`. */
  readonly evidence?: RecordId;
  readonly device?: string;
  readonly signals: readonly string[];
  readonly atLeast: AtLeast;
}

const maxText = 512;
const maxScopes = 64;
const maxSignals = 32;

/**
 * Reads `client`, `scope`, `evidence`, `device`, `signals`, and the minimum versions `policy_version` and `entity_version`. Other
 * members are ignored (AuthZEN 1.0 section 10.1.1).
 *
 * A malformed member is refused, never treated as absent: an overlooked risk signal could turn a deny into a permit.
 * @throws CodedError `evaluation_invalid`
 */
export function readContext(context: EvaluationRequest['context']): ReadContext {
  const members = context ?? {};
  const evidence = optional(members, 'evidence', readRecordId);
  const device = optional(members, 'device', readText);
  const read: { -readonly [Member in keyof ReadContext]: ReadContext[Member] } = {
    client: optional(members, 'client', readText) ?? '',
    scopes: optional(members, 'scope', readScopes) ?? [],
    signals: optional(members, 'signals', readSignals) ?? [],
    atLeast: readAtLeast(members),
  };
  if (evidence !== undefined) read.evidence = evidence;
  if (device !== undefined) read.device = device;
  return read;
}

/** @throws CodedError `evaluation_invalid` */
export function readAtLeast(members: Readonly<Record<string, Json>> = {}): AtLeast {
  const policyVersion = optional(members, 'policy_version', readCount);
  const entityVersion = optional(members, 'entity_version', readCount);
  return {
    ...defined({ policyVersion, entityVersion }),
  };
}

/** Whether the caller asks for the record in the body as well as in the headers; any value other than `true` means no. */
export function isRecordAsked(context: EvaluationRequest['context']): boolean {
  return context !== undefined && Object.hasOwn(context, 'record') && context['record'] === true;
}

interface Reading<Value> {
  readonly expected: string;
  read(json: Json): Value | undefined;
}

const readText: Reading<string> = {
  expected: `text of at most ${maxText} characters`,
  read: (json) => (isText(json, maxText) ? json : undefined),
};
const readCount: Reading<number> = {
  expected: 'a whole number, not negative',
  read: (json) => (typeof json === 'number' && Number.isSafeInteger(json) && json >= 0 ? json : undefined),
};
const readRecordId: Reading<RecordId> = {
  expected: 'the id of a record',
  read: (json) => parseId('record', json),
};
const readScopes: Reading<readonly string[]> = {
  expected: `text of at most ${maxScopes} scopes with one space between them`,
  read(json) {
    if (!isText(json, 4096)) return undefined;
    const scopes = json === '' ? [] : json.split(' ');
    return scopes.length <= maxScopes && !scopes.includes('') ? scopes : undefined;
  },
};
const readSignals: Reading<readonly string[]> = {
  expected: `a list of at most ${maxSignals} names`,
  read: (json) =>
    Array.isArray(json) && json.length <= maxSignals && json.every((name) => isText(name, 64) && name !== '')
      ? // Strings, as checked.
        (json as readonly string[])
      : undefined,
};

function optional<Value>(
  members: Readonly<Record<string, Json>>,
  name: string,
  { expected, read }: Reading<Value>,
): Value | undefined {
  if (!Object.hasOwn(members, name)) return undefined;
  const json = members[name];
  const value = json === undefined ? undefined : read(json);
  if (value === undefined) throw refuse(name, expected);
  return value;
}

function refuse(name: string, expected: string): CodedError {
  return policyErrors.error('evaluation_invalid', `context.${name} must be ${expected}.`);
}

/** Recordable text: a lone surrogate has no canonical form. */
function isText(json: Json, most: number): json is string {
  return typeof json === 'string' && json.length <= most && json.isWellFormed();
}
