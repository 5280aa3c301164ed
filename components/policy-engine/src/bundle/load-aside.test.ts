import type { PolicyBundle } from '@countersign/contracts';
import { CodedError } from '@countersign/kernel';
import { describe, expect, it } from 'vitest';
import { runPolicyTests } from '../policy-tests/run-tests.ts';
import { holdLine } from '../testing/hold-line.ts';
import { smallBundle } from '../testing/small-bundle.ts';
import { loadBundleAside } from './load-aside.ts';
import { hashOfBundle, type LoadedBundle, loadBundle } from './load-bundle.ts';

const small = smallBundle();

/** Enough policies that reading them takes many turns of the event loop. */
function many(policies: number): PolicyBundle {
  const texts = Array.from(
    { length: policies },
    (_, index) => `@id("rule-${index}") @reason("rule") forbid (principal, action == Action::"order:create", resource)
when { resource.notional.greaterThan(decimal("${index + 1000}.0")) };`,
  );
  return { ...small, policies: [...small.policies, { file: 'many.cedar', text: texts.join('\n') }] };
}

async function refusalOf(work: () => unknown): Promise<unknown> {
  try {
    await work();
  } catch (error) {
    if (error instanceof CodedError) return { code: error.code, detail: error.detail, facts: error.facts };
    throw error;
  }
  throw new Error('it was accepted');
}

const comparable = ({ hash, entities, limits, parsed, compiled }: LoadedBundle) => ({
  hash,
  entities,
  limits,
  policies: parsed.policies,
  warnings: parsed.warnings,
  schema: parsed.schema,
  ids: compiled.policyIds,
});

describe('a bundle loaded in a worker thread', () => {
  it('equals one that is loaded directly', async () => {
    for (const bundle of [small, many(120)]) {
      const [aside, atOnce] = [await loadBundleAside(bundle), loadBundle(bundle)];
      expect(comparable(aside)).toEqual(comparable(atOnce));
      expect(runPolicyTests(aside)).toEqual(runPolicyTests(atOnce));
      expect(aside.notes('too-large')).toEqual(atOnce.notes('too-large'));
    }
  });

  it.each([
    [
      'policies that Cedar does not validate',
      {
        policies: [
          {
            file: 'a.cedar',
            text: '@id("a") permit (principal, action, resource)\nwhen { principal.colour == "red" };',
          },
        ],
      },
    ],
    ['policies that cannot be parsed', { policies: [{ file: 'a.cedar', text: 'permit' }] }],
    ['an invalid schema', { schema: 'entity A;\nentity B in [Nowhere];' }],
    ['not text', { schema: '\ud800' }],
    ['limits that are none', { limits: [{ id: 'x' }] }],
    [
      'an annotation',
      { policies: [{ file: 'a.cedar', text: '@id("a") @remedy("flowers") forbid (principal, action, resource);' }] },
    ],
  ])('is refused with the same message for %s', async (_, part) => {
    const bundle: PolicyBundle = { ...small, ...part };
    expect(await refusalOf(() => loadBundleAside(bundle))).toEqual(await refusalOf(() => loadBundle(bundle)));
  });

  it('leaves the event loop free, however many are requested at once', async () => {
    let turns = 0;
    let loading = true;
    const others = (): void => {
      turns += 1;
      if (loading) setImmediate(others);
    };
    setImmediate(others);
    const bundles = [many(300), { ...small, schema: 'no' }, small];
    const loaded = await Promise.allSettled(bundles.map((bundle) => loadBundleAside(bundle)));
    loading = false;
    expect(loaded.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    // A direct load would take one turn each on any machine; the thread leaves thousands.
    expect(turns).toBeGreaterThan(50);
  });

  it.each([
    ['for inspection', undefined],
    ['for decisions', 'urgent'],
  ] as const)('waits in a bounded queue when it is one %s', async (_, urgent) => {
    const release = holdLine(13, urgent);
    const read: string[] = [];
    const line = ['first', 'second', 'third'].map(async (name): Promise<void> => {
      await loadBundleAside(small, urgent);
      read.push(name);
    });
    expect(await refusalOf(() => loadBundleAside(small, urgent))).toMatchObject({ code: 'bundles_waiting' });
    await release();
    await Promise.all(line);
    expect(read).toEqual(['first', 'second', 'third']);
    await loadBundleAside(small, urgent);
  });

  it('does not wait behind bundles that are only inspected when it is needed for decisions', async () => {
    const release = holdLine(16);
    expect(await loadBundleAside(small, 'urgent')).toMatchObject({ hash: hashOfBundle(small) });
    await release();
  });
});
