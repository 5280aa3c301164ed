import { beforeAll, describe, expect, it } from 'vitest';
import { type LoadedBundle, loadBundle } from '../bundle/load-bundle.ts';
import { readBundleFolder } from '../bundle/read-folder.ts';
import { shippedPolicies } from '../engine.ts';
import { factSources } from '../trading/fact-sources.ts';
import { authorityTable } from './authority-table.ts';
import { describeAuthority, factsOfSchema } from './describe-authority.ts';
import { authorityMatrix, createJudge, stepsIn } from './matrix.ts';
import { checkMatrix, describeRow, holds, type MatrixReport } from './report.ts';
import { controlRules } from './rules.ts';
import { asksOf, factorNames, factors, inOrder } from './situation.ts';

let shipped: LoadedBundle;
let report: MatrixReport;
/** Values of factors, and places, that occurred in some question. */
const asked = new Set<string>();
beforeAll(async () => {
  shipped = loadBundle(await readBundleFolder(shippedPolicies));
  report = checkMatrix(shipped, controlRules, noting(authorityMatrix(shipped)));
}, 300_000);

function* noting(rows: ReturnType<typeof authorityMatrix>) {
  for (const row of rows) {
    asked.add(`${JSON.stringify(row.ask)} ${row.is.kind}`);
    for (const name of row.otherwise.length === 0 ? factorNames : row.otherwise) asked.add(`${name} ${row.is[name]}`);
    yield row;
  }
}

/** Enough rows to find the expected one. */
function* first(rows: ReturnType<typeof authorityMatrix>) {
  let count = 0;
  for (const row of rows) {
    if (count === 30_000) return;
    count += 1;
    yield row;
  }
}

/** The same policies without one of them. */
function without(id: string): LoadedBundle {
  const { policies } = shipped.bundle;
  const rule = shipped.parsed.policies.find((each) => each.id === id);
  if (rule === undefined) throw new Error(`there is no policy ${id}`);
  return loadBundle({
    ...shipped.bundle,
    policies: policies.map(({ file, text }) => ({ file, text: text.replace(rule.text, '') })),
  });
}

describe('the shipped policies', () => {
  it.each(controlRules)('$says ($id)', ({ id }) => {
    const finding = report.rules.find((each) => each.id === id);
    expect(finding?.examples.map(describeRow)).toEqual([]);
    // A rule that judges no situation proves nothing.
    expect(finding?.judged).toBeGreaterThan(0);
  });

  it('are asked for every place, every kind and every condition', () => {
    expect(report.questions).toBeGreaterThan(100_000);
    expect(report.permitted).toBeGreaterThan(10_000);
    for (const ask of asksOf(stepsIn(shipped)))
      for (const kind of factors.kind) expect(asked).toContain(`${JSON.stringify(ask)} ${kind}`);
    for (const name of factorNames)
      for (const value of factors[name]) if (name !== 'kind') expect(asked).toContain(`${name} ${value}`);
  });
});

describe('a control rule', () => {
  it('has its own name, and there are at least forty', () => {
    expect(new Set(controlRules.map(({ id }) => id)).size).toBe(controlRules.length);
    expect(controlRules.length).toBeGreaterThanOrEqual(40);
  });

  it('is broken when its policy is removed, and when a desk can no longer work', () => {
    const checked = (id: string) => {
      const bundle = without(id);
      return checkMatrix(bundle, controlRules, first(authorityMatrix(bundle)));
    };
    const lost = checked('sanctions-are-clear');
    expect(holds(lost)).toBe(false);
    expect(lost.rules.filter(({ broken }) => broken > 0).map(({ id }) => id)).toEqual(['not-sanctioned']);
    const idle = checked('trader-deals');
    expect(idle.rules.filter(({ broken }) => broken > 0).map(({ id }) => id)).toContain('desk-works');
  });

  it('that judges no situation does not hold', () => {
    const nothing = { id: 'nothing', says: 'Nothing.', expects: 'refused', applies: () => false } as const;
    expect(holds(checkMatrix(shipped, [nothing], []))).toBe(false);
  });
});

describe('the authority page', () => {
  it('names a source for every fact of the schema, and for no other', () => {
    expect(Object.keys(factSources).sort()).toEqual([...factsOfSchema(shipped.parsed.schema)].sort());
  });

  it('is generated from the matrix', async () => {
    await expect(`${introduction}\n${describeAuthority(authorityTable(shipped), report)}`).toMatchFileSnapshot(page);
  });
});

const page = new URL('../../../../docs/authority.md', import.meta.url).pathname;
const introduction = `# Authority

Who may do what, under which conditions, and the source of each fact, for the shipped [policies](policies.md). \`countersign policy
matrix\` shows the same for the policies of an installation ([changing the policies](guides/policy.md#who-may-do-what)).

This page is generated: \`npx vitest run components/policy-engine/src/matrix -u\` regenerates it.
`;

it('remedies are taken from live decisions', () => {
  const ask = { door: 'step', intent: 'trade_order', state: 'intended', scope: 'order:create' } as const;
  const is = { ...inOrder(ask, 'person'), amount: '3,000,000' } as const;
  expect(createJudge(shipped)({ ask, is })).toMatchObject({
    decision: false,
    reasons: [{ code: 'approval_required' }],
    obligations: [{ kind: 'approval', role: 'supervisor', count: 1 }],
  });
});
