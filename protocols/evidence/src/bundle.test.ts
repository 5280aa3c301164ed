import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { bundleLimits, type EvidenceBundle, parseBundle } from './index.ts';
import { tellOrder } from './testing/order-story.ts';

let bundle: EvidenceBundle;
beforeAll(async () => {
  const story = tellOrder();
  bundle = await story.bundle({ since: { note: await story.log.checkpoint(3), size: 3 } });
});

/** The part of JSON Schema that `bundle.schema.json` uses. */
interface Schema {
  readonly type?: string;
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly pattern?: string;
  readonly const?: string;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly $ref?: string;
  readonly $defs?: Readonly<Record<string, Schema>>;
}
const schema = JSON.parse(readFileSync(new URL('../bundle.schema.json', import.meta.url), 'utf8')) as Schema;

function resolve(part: Schema): Schema {
  const name = part.$ref?.replace('#/$defs/', '');
  return name === undefined ? part : (schema.$defs?.[name] ?? {});
}

/** A small validator for that part, so that the published schema and the parser are held against each other. */
function valid(value: unknown, unresolved: Schema): boolean {
  const part = resolve(unresolved);
  if (part.const !== undefined) return value === part.const;
  if (part.type === 'string')
    return (
      typeof value === 'string' &&
      value.length >= (part.minLength ?? 0) &&
      value.length <= (part.maxLength ?? Number.POSITIVE_INFINITY) &&
      (part.pattern === undefined || new RegExp(part.pattern, 'u').test(value))
    );
  if (part.type === 'array')
    return (
      Array.isArray(value) &&
      value.length >= (part.minItems ?? 0) &&
      value.length <= (part.maxItems ?? Number.POSITIVE_INFINITY) &&
      value.every((item) => valid(item, part.items ?? {}))
    );
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  return (
    (part.required ?? []).every((name) => Object.hasOwn(value, name)) &&
    Object.entries(value).every(
      ([name, member]) => part.properties?.[name] !== undefined && valid(member, part.properties[name] ?? {}),
    )
  );
}

/** The value with one place in it replaced. */
function replaceAt(value: unknown, path: readonly string[], by: unknown): unknown {
  const [head, ...rest] = path;
  if (head === undefined) return by;
  if (Array.isArray(value))
    return value.map((item: unknown, index) => (String(index) === head ? replaceAt(item, rest, by) : item));
  return { ...(value as object), [head]: replaceAt((value as Record<string, unknown>)[head], rest, by) };
}

const places: readonly (readonly string[])[] = [
  [],
  ['format'],
  ['transaction'],
  ['log'],
  ['log', 'origin'],
  ['log', 'verifierKey'],
  ['checkpoint'],
  ['manifest'],
  ['manifest', '0'],
  ['records'],
  ['records', '3'],
  ['records', '3', 'index'],
  ['records', '3', 'leaf'],
  ['records', '3', 'proof'],
  ['records', '3', 'proof', '1'],
  ['consistency'],
  ['consistency', 'checkpoint'],
  ['consistency', 'proof'],
  ['consistency', 'proof', '0'],
  ['stray'],
  ['log', 'stray'],
  ['records', '3', 'stray'],
];

describe('the form of a bundle', () => {
  it('is what the log makes, and what the published schema says', () => {
    expect(parseBundle(bundle)).toEqual({ ok: true, bundle });
    expect(valid(bundle, schema)).toBe(true);
  });

  it('is nothing that the published schema does not allow', () => {
    const values = fc.oneof(
      fc.jsonValue({ maxDepth: 2 }),
      fc.constantFrom('', 'x', '0', '007', '12', '-1', 'A'.repeat(43), 'A'.repeat(44)),
    );
    fc.assert(
      fc.property(fc.constantFrom(...places), values, (path, value) => {
        const changed = replaceAt(bundle, path, value);
        if (parseBundle(changed).ok) expect(valid(changed, schema)).toBe(true);
      }),
      { numRuns: 2_000 },
    );
  });

  it('has every member that it needs and none that it does not', () => {
    for (const name of schema.required ?? []) {
      const { [name as keyof EvidenceBundle]: _, ...rest } = bundle;
      expect(parseBundle(rest)).toEqual({ ok: false, problem: `the bundle lacks ${name}` });
    }
    for (const path of places.filter((place) => place.at(-1) === 'stray'))
      expect(parseBundle(replaceAt(bundle, path, 1)).ok).toBe(false);
    expect(parseBundle(JSON.parse(JSON.stringify(bundle).replace('{', '{"__proto__":{},'))).ok).toBe(false);
  });

  it('keeps the order of the log: an index is never repeated and never goes back', () => {
    const [first, second, ...rest] = bundle.records;
    if (first === undefined || second === undefined) throw new Error('the story has records');
    expect(parseBundle({ ...bundle, records: [second, first, ...rest] }).ok).toBe(false);
    expect(parseBundle({ ...bundle, records: [first, first, ...rest] }).ok).toBe(false);
  });

  it('reads base64url strictly: no padding, no stray bits, no other alphabet', () => {
    for (const leaf of ['YQ==', 'YR', 'a+b/', 'A', 'Y Q'])
      expect(parseBundle(replaceAt(bundle, ['records', '0', 'leaf'], leaf)).ok).toBe(false);
    for (const hash of [`${'A'.repeat(42)}B`, `${'A'.repeat(42)}=`])
      expect(parseBundle(replaceAt(bundle, ['records', '0', 'proof', '0'], hash)).ok).toBe(false);
  });

  it('is bounded', () => {
    const record = bundle.records[0];
    const records = Array.from({ length: bundleLimits.records + bundleLimits.manifests + 1 }, (_, index) => ({
      ...record,
      index: String(index),
    }));
    expect(parseBundle({ ...bundle, records })).toMatchObject({
      ok: false,
      problem: expect.stringContaining('more than') as unknown,
    });
    expect(parseBundle({ ...bundle, records: records.slice(0, -1) }).ok).toBe(true);
    expect(parseBundle({ ...bundle, checkpoint: 'x'.repeat(bundleLimits.noteLength + 1) }).ok).toBe(false);
    expect(parseBundle(replaceAt(bundle, ['records', '0', 'leaf'], 'A'.repeat(87_384))).ok).toBe(false);
  });
});
