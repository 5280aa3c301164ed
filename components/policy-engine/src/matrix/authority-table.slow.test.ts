import { beforeAll, describe, expect, it } from 'vitest';
import { type LoadedBundle, loadBundle } from '../bundle/load-bundle.ts';
import { readBundleFolder } from '../bundle/read-folder.ts';
import { shippedPolicies } from '../engine.ts';
import { type AuthorityRow, authorityTable } from './authority-table.ts';
import { bothMatrices } from './matrix.ts';
import { matrixPage } from './matrix-page.ts';
import { checkMatrix, compareMatrices } from './report.ts';

let shipped: LoadedBundle;
let table: readonly AuthorityRow[];
beforeAll(async () => {
  shipped = loadBundle(await readBundleFolder(shippedPolicies));
  table = authorityTable(shipped);
});

const cellsOf = (group: AuthorityRow['group'], scope: string, intent?: string) =>
  table.find((row) => row.group === group && row.scope === scope && row.intent === intent)?.cells ?? [];

describe('the authority table', () => {
  it('says what each kind of principal may do, and why not', () => {
    expect(
      cellsOf('token for an intent', 'order:create', 'trade_order').map(({ outcome, reasons }) => [
        outcome,
        ...reasons,
      ]),
    ).toEqual([['permitted'], ['refused', 'no_policy_permits'], ['permitted']]);
    expect(
      cellsOf('token for an interface', 'policy:approve').map(({ outcome, reasons }) => [outcome, ...reasons]),
    ).toEqual([['permitted'], ['refused', 'person_needed'], ['refused', 'agent_not_entitled']]);
  });

  it('says which condition requires an approval, requires a sign-in, or denies', () => {
    const [person] = cellsOf('step', 'order:create', 'trade_order');
    expect(person?.conditions).toContainEqual({
      factor: 'amount',
      value: '3,000,000',
      outcome: 'approval',
      reasons: ['approval_required'],
      needs: ['approval of 1 supervisor'],
    });
    const [token] = cellsOf('token for an intent', 'order:create', 'trade_order');
    expect(token?.conditions).toContainEqual({
      factor: 'acr',
      value: 'pwd',
      outcome: 'step-up',
      reasons: ['sign_in_too_weak'],
      needs: ['sign-in phr'],
    });
    expect(token?.conditions).toContainEqual({
      factor: 'mandate',
      value: 'not-in-force',
      outcome: 'refused',
      reasons: ['mandate_not_in_force'],
      needs: [],
    });
  });

  it('merges states with equal results into one row', () => {
    expect(table.find(({ group, scope }) => group === 'step' && scope === 'order:cancel')?.states).toHaveLength(10);
  });
});

/** Enough rows to find the expected one. */
function* first<Row>(rows: Iterable<Row>) {
  let count = 0;
  for (const row of rows) {
    if (count === 130_000) return;
    count += 1;
    yield row;
  }
}

describe('a change of policy', () => {
  it('shows the differences, the simplest situation first', () => {
    const policies = shipped.bundle.policies.map(({ file, text }) => ({
      file,
      text: text.replace(
        'unless { context.gates.sanctionsClear };',
        'unless { context.gates.sanctionsClear || context.onlyCompletes };',
      ),
    }));
    const changed = loadBundle({ ...shipped.bundle, policies });
    const changes = compareMatrices(shipped, changed, first(bothMatrices(shipped, changed)));
    expect(changes.every(({ to }) => to === 'permitted')).toBe(true);
    const cleared = changes.find(
      ({ ask, kind }) =>
        kind === 'person' && ask.door === 'step' && ask.scope === 'settlement:instruct' && ask.state === 'executed',
    );
    expect(cleared).toMatchObject({
      before: { permitted: false, reasons: ['sanctions_not_clear'], otherwise: ['firm'] },
      after: { permitted: true },
    });
    expect(cleared?.situations).toBeGreaterThan(1);
    const page = matrixPage({
      of: 'a <folder>',
      hash: changed.hash,
      table: authorityTable(changed),
      report: checkMatrix(changed, undefined, []),
      changes: { against: 'this release', found: changes },
    });
    expect(page).toContain('a &lt;folder&gt;');
    expect(page).toContain('Changes against this release');
    // A single file without scripts or external resources.
    expect(page).not.toMatch(/<script|<link|<img|src=|https?:\/\//);
  });
});
