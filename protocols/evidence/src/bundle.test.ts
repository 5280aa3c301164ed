import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { type BundledLeaf, bundleFormats, bundleLimits, type EvidenceBundle, parseBundle } from './index.ts';
import { tellOrder } from './testing/order-story.ts';

let bundle: EvidenceBundle;
beforeAll(async () => {
  const story = tellOrder();
  const note = await story.log.checkpoint(3);
  bundle = {
    ...(await story.bundle({ since: { note, size: 3 } })),
    disclosures: [{ record: story.manifest, path: '/data/intent', salt: 'A'.repeat(43), text: '{}' }],
    timeStamps: [{ checkpoint: note, token: 'MAA', proof: ['A'.repeat(43)] }],
    certificates: [{ use: 'connection', chain: ['MAA'], revocation: { kind: 'crl', der: 'MAA' } }],
  };
});

const schema = JSON.parse(readFileSync(new URL('../bundle.schema.json', import.meta.url), 'utf8')) as {
  readonly required: readonly string[];
};
const valid = new Ajv2020({ strict: true, strictRequired: false }).compile(schema);

/** The value with one location replaced. */
function replaceAt(value: unknown, path: readonly string[], by: unknown): unknown {
  const [head, ...rest] = path;
  if (head === undefined) return by;
  if (Array.isArray(value))
    return value.map((item: unknown, index) => (String(index) === head ? replaceAt(item, rest, by) : item));
  return { ...(value as object), [head]: replaceAt((value as Record<string, unknown>)[head], rest, by) };
}

function without(record: BundledLeaf | undefined): object {
  const { leaf: _, ...rest } = { leaf: '', ...record };
  return rest;
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
  ['records', '3', 'leafHash'],
  ['disclosures'],
  ['disclosures', '0'],
  ['disclosures', '0', 'record'],
  ['disclosures', '0', 'path'],
  ['disclosures', '0', 'salt'],
  ['disclosures', '0', 'text'],
  ['timeStamps'],
  ['timeStamps', '0'],
  ['timeStamps', '0', 'checkpoint'],
  ['timeStamps', '0', 'token'],
  ['timeStamps', '0', 'proof'],
  ['certificates'],
  ['certificates', '0'],
  ['certificates', '0', 'use'],
  ['certificates', '0', 'chain'],
  ['certificates', '0', 'chain', '0'],
  ['certificates', '0', 'revocation'],
  ['certificates', '0', 'revocation', 'kind'],
  ['certificates', '0', 'revocation', 'der'],
  ['stray'],
  ['disclosures', '0', 'stray'],
  ['timeStamps', '0', 'stray'],
  ['certificates', '0', 'stray'],
  ['certificates', '0', 'revocation', 'stray'],
  ['log', 'stray'],
  ['records', '3', 'stray'],
];

describe('the form of a bundle', () => {
  it('is what the log produces and the published schema describes', () => {
    expect(parseBundle(bundle)).toEqual({ ok: true, bundle });
    expect(valid(bundle)).toBe(true);
  });

  it('is never wider than the published schema', () => {
    const values = fc.oneof(
      fc.jsonValue({ maxDepth: 2 }),
      fc.constantFrom('', 'x', '0', '007', '12', '-1', 'A'.repeat(43), 'A'.repeat(44)),
    );
    fc.assert(
      fc.property(fc.constantFrom(...places), values, (path, value) => {
        const changed = replaceAt(bundle, path, value);
        if (parseBundle(changed).ok) expect(valid(changed)).toBe(true);
      }),
      { numRuns: 2_000 },
    );
  });

  it('has every required member and no other', () => {
    for (const name of schema.required) {
      const { [name as keyof EvidenceBundle]: _, ...rest } = bundle;
      expect(parseBundle(rest)).toEqual({ ok: false, problem: `the bundle lacks ${name}` });
    }
    for (const path of places.filter((place) => place.at(-1) === 'stray'))
      expect(parseBundle(replaceAt(bundle, path, 1)).ok).toBe(false);
    expect(parseBundle(JSON.parse(JSON.stringify(bundle).replace('{', '{"__proto__":{},'))).ok).toBe(false);
  });

  it('of the first version is read as before, without later members', () => {
    const { disclosures, timeStamps, certificates, ...rest } = bundle;
    const first = { ...rest, format: bundleFormats[0] };
    expect(parseBundle(first)).toEqual({ ok: true, bundle: first });
    expect(valid(first)).toBe(true);
    const pruned = replaceAt(first, ['records', '3'], { ...without(first.records[3]), leafHash: 'A'.repeat(43) });
    for (const later of [{ ...first, disclosures }, { ...first, timeStamps }, { ...first, certificates }, pruned]) {
      expect(parseBundle(later).ok).toBe(false);
      expect(valid(later)).toBe(false);
    }
    expect(parseBundle({ ...first, format: 'countersign-evidence-bundle/3' }).ok).toBe(false);
  });

  it('has the bytes of each record or, if they are no longer kept, the hash', () => {
    const place = ['records', '3'];
    const { leaf, ...rest } = { leaf: '', ...bundle.records[3] };
    const hash = { ...rest, leafHash: 'A'.repeat(43) };
    for (const [record, ok] of [
      [hash, true],
      [{ ...hash, leaf }, false],
      [rest, false],
      [{ ...rest, leafHash: 'A'.repeat(42) }, false],
    ] as const) {
      const changed = replaceAt(bundle, place, record);
      expect(parseBundle(changed).ok).toBe(ok);
      expect(valid(changed)).toBe(ok);
    }
  });

  it('keeps the order of the log: an index is never repeated and never decreases', () => {
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
