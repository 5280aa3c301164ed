import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Constraints, type MandateUse, narrowConstraints, permits } from '../index.ts';
import { anyConstraints, anyLine, anyPair, anyUse, edgeUses } from '../testing/arbitrary-constraints.ts';

const seed = 20261121;

/** Uses of every kind, and those at the limits of each constraint. */
function asked(line: readonly Constraints[], uses: readonly MandateUse[]): readonly MandateUse[] {
  const [first] = uses;
  return first === undefined ? [] : [...uses, ...line.flatMap((each) => edgeUses(each, first))];
}

describe('mandates of every kind', () => {
  it('never let a child permit what its parent does not', () => {
    const counts = { narrowed: 0, permitted: 0 };
    fc.assert(
      fc.property(anyPair, fc.array(anyUse, { minLength: 20, maxLength: 20 }), ({ parent, child }, uses) => {
        if (!narrowConstraints(parent, child).ok) return;
        counts.narrowed++;
        for (const use of asked([parent, child], uses)) {
          if (!permits(child, use).ok) continue;
          counts.permitted++;
          expect(permits(parent, use)).toEqual({ ok: true });
        }
      }),
      { numRuns: 600, seed },
    );
    // These counts show that the property did not hold vacuously.
    expect(counts.narrowed).toBeGreaterThan(100);
    expect(counts.permitted).toBeGreaterThan(1_000);
  });

  it('give a real example with every refusal, except where none can be found', () => {
    const shown = new Map<string, number>();
    const unshown = new Map<string, number>();
    fc.assert(
      fc.property(anyPair, ({ parent, child }) => {
        const result = narrowConstraints(parent, child);
        if (result.ok) return;
        const { constraint, use: example } = result.counterexample;
        if (example === undefined) {
          unshown.set(constraint, (unshown.get(constraint) ?? 0) + 1);
          const bound = [
            ...['notionalPerOrder', 'notionalPerDay', 'quantityPerOrder', 'hours'],
            ...['limits', 'assets', 'approvals'],
          ];
          const unbound = child.actions.every((action) => action === 'order:cancel' || action === 'order:read');
          const zones = constraint === 'hours' && parent.hours?.timeZone !== child.hours?.timeZone;
          const excused = constraint === 'delegationDepth' || constraint === 'limits' || zones;
          expect(excused || (unbound && bound.includes(constraint)), constraint).toBe(true);
          return;
        }
        shown.set(constraint, (shown.get(constraint) ?? 0) + 1);
        expect(permits(child, example)).toEqual({ ok: true });
        expect(permits(parent, example).ok).toBe(false);
      }),
      { numRuns: 1_500, seed },
    );
    const every = [
      'accounts',
      'actions',
      'approvals',
      'assets',
      'counterparties',
      'destinations',
      'hours',
      'jurisdictions',
    ];
    const more = ['limits', 'notionalPerDay', 'notionalPerOrder', 'productClasses', 'quantityPerOrder', 'venues'];
    expect([...shown.keys()].sort()).toEqual([...every, ...more].sort());
    // An example for rolling limits is found in more than half of the cases.
    expect(shown.get('limits') ?? 0).toBeGreaterThan(unshown.get('limits') ?? 0);
  });

  it('stay within the first of a chain, however long', () => {
    const reached = new Map<number, number>();
    fc.assert(
      fc.property(anyLine, fc.array(anyUse, { minLength: 3, maxLength: 3 }), (line, uses) => {
        const [root] = line;
        if (root === undefined) return;
        const depth = line.findIndex((each, index) => {
          const above = line[index - 1];
          return above !== undefined && !narrowConstraints(above, each).ok;
        });
        const standing = depth === -1 ? line : line.slice(0, depth);
        const last = standing[standing.length - 1];
        if (last === undefined || standing.length < 2) return;
        reached.set(standing.length - 1, (reached.get(standing.length - 1) ?? 0) + 1);
        expect(narrowConstraints(root, last)).toEqual({ ok: true });
        for (const use of asked([last], uses))
          if (permits(last, use).ok) expect(permits(root, use)).toEqual({ ok: true });
      }),
      { numRuns: 600, seed },
    );
    for (const depth of [1, 2, 3, 4]) expect(reached.get(depth) ?? 0, `lines of ${depth}`).toBeGreaterThan(0);
  });

  it('are narrow relative to themselves, one level less deep', () => {
    fc.assert(
      fc.property(anyConstraints, (parent) => {
        const same = { ...parent, delegationDepth: parent.delegationDepth - 1 };
        expect(narrowConstraints(parent, same)).toEqual({ ok: true });
        expect(narrowConstraints(parent, parent)).toMatchObject({ counterexample: { constraint: 'delegationDepth' } });
      }),
      { numRuns: 200, seed },
    );
  });
});
