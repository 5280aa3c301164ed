import { type PolicyJson, type PolicyToJsonAnswer, policyToJson } from '@cedar-policy/cedar-wasm/nodejs';
import { isPlainObject } from './plain-object.ts';
import { rewriteIntegers } from './policy-text.ts';
import { askReference } from './reference-parser.ts';

/**
 * A policy in Cedar's JSON form, with exact integers: a `bigint` where a number would not hold the value.
 * The engine rounds integers beyond 2^53 - 1, so numbers that occur nowhere in the policy replace them, and are put back afterwards.
 * @throws CodedError `reference_failed`
 */
export function policyJsonOf(text: string): PolicyToJsonAnswer {
  const plain = askReference(() => policyToJson(text));
  if (plain.type === 'failure') return plain;
  const written = new Set<string>();
  rewriteIntegers(text, (digits) => {
    written.add(String(BigInt(digits)));
    return digits;
  });
  const large = [...written].map(BigInt).filter((value) => value > Number.MAX_SAFE_INTEGER);
  if (large.length === 0) return plain;
  const standIns = new Map<number, bigint>();
  let free = Number.MAX_SAFE_INTEGER;
  for (const value of large) {
    while (written.has(String(free))) free--;
    standIns.set(free--, value);
  }
  const byValue = new Map([...standIns].map(([standIn, value]) => [value, standIn]));
  const rewritten = rewriteIntegers(text, (digits) => String(byValue.get(BigInt(digits)) ?? digits));
  const answer = askReference(() => policyToJson(rewritten));
  // // JSON with integers that JSON cannot hold; otherwise of the engine's type.
  return answer.type === 'failure' ? answer : { ...answer, json: insertValue(answer.json, standIns) as PolicyJson };
}

function insertValue(json: unknown, standIns: ReadonlyMap<number, bigint>): unknown {
  if (typeof json === 'number') {
    const value = standIns.get(Math.abs(json));
    return value === undefined ? json : json < 0 ? -value : value;
  }
  if (Array.isArray(json)) return json.map((item) => insertValue(item, standIns));
  if (!isPlainObject(json)) return json;
  return Object.fromEntries(Object.entries(json).map(([name, member]) => [name, insertValue(member, standIns)]));
}
