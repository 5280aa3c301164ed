import { join } from 'node:path';
import type { EntityInput } from '@countersign/cedar';
import { beforeAll, describe, expect, it } from 'vitest';
import { checkAgreement } from '../../../protocols/cedar/src/testing/agreement.ts';
import { readBundleFolder } from './bundle/read-folder.ts';

const shipped = join(import.meta.dirname, '..', 'policies');
const seed = Number(process.env['CEDAR_SEED'] ?? 4);

describe('the compiled policies and the reference engine', () => {
  let schema: string;
  let policies: string;
  let entities: readonly EntityInput[];
  let words: readonly string[];

  beforeAll(async () => {
    const bundle = await readBundleFolder(shipped);
    schema = bundle.schema;
    policies = bundle.policies.map(({ text }) => text).join('\n');
    entities = bundle.entities as unknown as readonly EntityInput[];
    // The constants in the policies, so that generated data can match them.
    words = Array.from(new Set(policies.match(/(?<=")[A-Za-z][A-Za-z0-9:_-]*(?=")/g)));
  });

  it('agree on arbitrary policies, entities and requests over the shipped schema', () => {
    const vocabulary = { string: ['trader', 'intended', 'ISSUED', 'D', 'EUR'] };
    const seen = checkAgreement(schema, { runs: 40, seed, vocabulary });
    // The generators must reach all outcomes, or the property proves little.
    expect(seen.asked).toBe(200);
    expect(seen.policies).toBeGreaterThan(400);
    expect(seen.refused).toBeLessThan(seen.policies / 10);
    expect(Math.min(seen.allowed, seen.asked - seen.allowed)).toBeGreaterThan(10);
    expect(seen.determining).toBeGreaterThan(200);
    expect(seen.errors).toBeGreaterThan(50);
  }, 600_000);

  it('agree on the shipped policies for any question', () => {
    const seen = checkAgreement(schema, { runs: 60, seed, vocabulary: { string: words }, policies, entities });
    expect(seen.asked).toBe(300);
    expect(seen.determining).toBeGreaterThan(300);
    expect(seen.errors).toBeGreaterThan(20);
  }, 600_000);
});
