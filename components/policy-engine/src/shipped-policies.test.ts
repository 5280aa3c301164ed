import type { PolicyBundle } from '@countersign/contracts';
import type { Json } from '@countersign/kernel';
import { changesMarket, isForAlgorithms, kindOfScope, personScopes, scopes, tierOfScope } from '@countersign/market';
import { beforeAll, describe, expect, it } from 'vitest';
import { describeBundle } from './bundle/describe.ts';
import { type LoadedBundle, loadBundle } from './bundle/load-bundle.ts';
import { readBundleFolder } from './bundle/read-folder.ts';
import { readTestFile, runPolicyTests } from './policy-tests/run-tests.ts';

const page = new URL('../../../docs/policies.md', import.meta.url).pathname;
const introduction = `# The policies of this release

The policies in \`components/policy-engine/policies\`. A firm starts with them and changes them under its own control (two people,
tests, a simulation). A **permit** is an entitlement; a request without a permit is denied. Every other policy is a forbid, which
overrides permits. The table gives the text and reason code of each refusal, and the remedy if a person can provide one. Laws are
cited as background and are not legal advice.

This page is generated: \`npx vitest run components/policy-engine/src/shipped-policies.test.ts -u\` regenerates it.
`;

let bundle: PolicyBundle;
let loaded: LoadedBundle;
beforeAll(async () => {
  bundle = await readBundleFolder(new URL('../policies/', import.meta.url));
  loaded = loadBundle(bundle);
});

interface JsonTest {
  readonly name: string;
  readonly resource: string;
  readonly attrs?: JsonResource['attrs'];
  readonly expect: {
    readonly obligations?: readonly {
      readonly kind: string;
      readonly role: string;
      readonly count: number;
      readonly escalation: readonly { readonly role: string }[];
    }[];
  };
}
interface JsonResource {
  readonly attrs: Readonly<Record<string, Readonly<Record<string, number>>>>;
}

const forbids = () =>
  loaded.parsed.policies.filter(({ effect }) => effect === 'forbid').map(({ id }) => loaded.notes(id));

describe('the shipped policies', () => {
  const scopesIn = (name: string): readonly string[] => {
    const entities = bundle.entities as unknown as readonly {
      readonly uid: { readonly type: string; readonly id: string };
      readonly attrs: { readonly scopes?: readonly string[] };
    }[];
    const held = entities.find(({ uid }) => uid.type === 'ScopeClass' && uid.id === name)?.attrs.scopes;
    return [...(held ?? [])].sort();
  };

  it.each([
    ['market', scopes.filter(changesMarket)],
    ['dealing', scopes.filter((scope) => kindOfScope(scope) === 'dealing')],
    ['reading', scopes.filter((scope) => kindOfScope(scope) === 'reading')],
    ['not-for-algorithms', scopes.filter((scope) => !isForAlgorithms(scope))],
    ['for-persons', [...personScopes]],
  ] as const)('cover the scopes of the kind %s as the vocabulary declares them', (name, declared) => {
    expect(scopesIn(name)).toEqual([...declared].sort());
    expect(declared.length).toBeGreaterThan(3);
  });

  it('require a hardware key within half an hour for every scope of its tiers, except those listed here', () => {
    // Reduces risk: it must stay possible with the current sign-in.
    const reducing = [
      'account:lock',
      'authenticator:revoke',
      'certificate:revoke',
      'halt:trip',
      'secret:revoke',
      'session:end',
      'token:revoke',
      'withdrawal-address:revoke',
      'workload:suspend',
    ];
    // The approval itself is signed with the hardware key; a settlement has its own maximum age.
    const signed = ['allocation:approve', 'order:approve', 'settlement:release', 'trade:bust'];
    // Of devices, people, instruments and workloads; each change is checked against the source it comes from.
    const kept = [
      'application:write',
      'device:enrol',
      'device:report',
      'identity:provision',
      'mandate:revoke',
      'reference:record',
      'workload:attest',
    ];
    const governing = scopesIn('governing');
    const strong = scopes.filter((scope) => ['approval', 'administration'].includes(tierOfScope(scope)));
    expect(strong.filter((scope) => !governing.includes(scope)).sort()).toEqual(
      [...reducing, ...signed, ...kept].sort(),
    );
    expect(governing.filter((scope) => !strong.some((each) => each === scope))).toEqual([]);
  });

  it('grant every administrative scope by a sign-in, and none beside an intent', () => {
    for (const scope of personScopes) {
      expect(scopesIn('governing')).toContain(scope);
      expect(scopesIn('governing-the-installation')).toContain(scope);
    }
    expect([...personScopes]).toEqual(
      expect.arrayContaining([...scopesIn('for-operators'), ...scopesIn('disclosing')]),
    );
  });

  it('grant no administrative scope beside an intent, except those that release assets', () => {
    const control = scopes.filter((scope) => kindOfScope(scope) === 'control');
    const governing = scopesIn('governing').filter((scope) => control.some((each) => each === scope));
    expect(scopesIn('governing-the-installation')).toEqual(expect.arrayContaining(governing));
  });

  it('pass their own tests, which cover every one of them', () => {
    const report = runPolicyTests(loaded);
    expect(report.tests.filter(({ ok }) => !ok)).toEqual([]);
    expect(report.untested).toEqual([]);
    expect(report.passed).toBeGreaterThan(250);
  });

  it('give for every forbid a reason in plain words, under its own trigger code', () => {
    for (const { id, reason, detail } of forbids()) {
      expect(reason, id).not.toBe('denied_by_policy');
      expect(detail, id).not.toContain(id);
      expect(detail, id).toMatch(/^.{20,200}[.]$/);
    }
  });

  it('say for every permit what it allows', () => {
    for (const { id, effect } of loaded.parsed.policies)
      if (effect === 'permit') expect(loaded.notes(id).detail, id).not.toContain('forbids');
  });

  it('name the escalation of every approval, except those of control functions', () => {
    const independent = ['compliance', 'risk'];
    for (const { id, remedies, escalation } of forbids())
      expect(escalation.length > 0, id).toBe(
        remedies.some((remedy) => remedy.kind === 'approval' && !independent.includes(remedy.role)),
      );
  });

  it('accept escalated approvals: as many in that role, in place of those that were not given', () => {
    // Each test question that lacks approvals is asked again with the approvals of each escalation instead.
    const tried = new Set<string>();
    const tests = bundle.tests.map(({ file, content }) => {
      const { tests, ...shared } = content as Readonly<Record<string, Json>> & { readonly tests: readonly JsonTest[] };
      const base = (shared['resources'] ?? {}) as unknown as Readonly<Record<string, JsonResource>>;
      const again = tests.flatMap((test) => {
        const missing = (test.expect.obligations ?? []).filter(({ kind }) => kind === 'approval');
        const steps = Math.max(0, ...missing.map(({ escalation }) => escalation.length));
        return Array.from({ length: steps }, (_, step) => {
          const approvals = { ...base[test.resource]?.attrs['approvals'], ...test.attrs?.['approvals'] };
          const add = (role: string, count: number) => {
            const name = role.replace('-', '_');
            approvals[name] = (approvals[name] ?? 0) + count;
          };
          for (const { role, count, escalation } of missing) {
            const to = escalation[Math.min(step, escalation.length - 1)]?.role ?? role;
            tried.add(`${role} by ${to}`);
            add(to, count);
          }
          const others = (test.expect.obligations ?? []).filter(({ kind }) => kind !== 'approval');
          const expect = others.length === 0 ? { decision: 'permit' } : { decision: 'deny', obligations: others };
          return { ...test, name: `${test.name}, step ${step + 1}`, attrs: { ...test.attrs, approvals }, expect };
        });
      });
      return { file, content: { ...shared, tests: again } as unknown as Json };
    });
    const report = runPolicyTests({ ...loaded, bundle: { ...bundle, tests } });
    expect(report.tests.filter(({ ok }) => !ok)).toEqual([]);
    expect([...tried].sort()).toEqual([
      'desk-head by risk',
      'operations by risk',
      'risk by risk',
      'supervisor by desk-head',
      'supervisor by risk',
    ]);
  });

  it('show for every remedy, in a test, that it lifts its forbid', () => {
    // An obligation is reported only if fulfilling it was found to help, and the tests that expect one pass.
    const lifted = new Set(
      bundle.tests.flatMap(({ content }) => {
        const file = readTestFile(content);
        if ('problem' in file) throw new Error(file.problem);
        return file.tests.flatMap(({ expect: { obligations, reasons } }) =>
          obligations?.length ? (reasons ?? []) : [],
        );
      }),
    );
    for (const { id, remedies, reason } of forbids())
      if (remedies.length > 0) expect([...lifted], id).toContain(reason);
  });

  it('contain no rates: reference data has them, with a source and a time', () => {
    expect(bundle.rates).toEqual({});
    expect(new Set(loaded.limits.flatMap(({ measure, unit }) => (measure === 'notional' ? [unit] : [])))).toEqual(
      new Set(['EUR']),
    );
  });

  it('are all on the authority page', async () => {
    await expect(`${introduction}\n${describeBundle(loaded)}\n`).toMatchFileSnapshot(page);
  });
});
