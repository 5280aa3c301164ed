import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { ApplicationModel, PolicyBundle } from '@countersign/contracts';
import { isCodedError } from '@countersign/kernel';
import { beforeAll, describe, expect, it } from 'vitest';
import { loadBundleAside } from '../bundle/load-aside.ts';
import { hashOfBundle, loadBundle } from '../bundle/load-bundle.ts';
import { readApplicationFolder, readBundleFolder } from '../bundle/read-folder.ts';
import { shippedPolicies } from '../engine.ts';
import { runPolicyTests } from '../policy-tests/run-tests.ts';
import { digestOfCandidate } from '../versions/recorded-candidate.ts';
import { folderWithModel, interopModel } from './testing/application-world.ts';

let market: PolicyBundle;
let model: ApplicationModel;
beforeAll(async () => {
  market = await readBundleFolder(shippedPolicies);
  model = await readApplicationFolder(interopModel);
});

const rules = (namespace: string, type: string): ApplicationModel => ({
  namespace,
  types: { [type]: { entity: 'Page' } },
  clients: { ask: [], write: [] },
  schema: `namespace ${namespace} { entity Page; action view appliesTo { principal: [Page], resource: [Page], context: {} }; }`,
  policies: [{ file: 'all.cedar', text: '@id("all") permit (principal, action, resource);' }],
  entities: [],
  tests: [],
});

function problemsOf(applications: readonly ApplicationModel[]): string {
  try {
    loadBundle({ ...market, applications });
    return '';
  } catch (error) {
    if (!isCodedError(error, 'policy_invalid')) throw error;
    return JSON.stringify(error.facts?.['problems']);
  }
}

describe('a bundle with an application model', () => {
  it('is loaded from a folder, in this thread and in another, with its tests', async () => {
    const folder = folderWithModel();
    const bundle = await readBundleFolder(folder);
    expect(bundle).toEqual({ ...market, applications: [model] });
    const loaded = loadBundle(bundle);
    expect([...loaded.claims.keys()]).toEqual(['user', 'todo', 'record']);
    expect((await loadBundleAside(bundle)).hash).toBe(loaded.hash);
    const report = runPolicyTests(loaded);
    expect(report.tests.filter(({ file }) => file.startsWith('applications/Interop/'))).toHaveLength(2);
    expect([report.failed, report.untested.includes('Interop::alice-writes')]).toEqual([0, true]);
    // A folder with another model's name would be reviewed as that model.
    cpSync(interopModel, join(folder, 'applications', 'Other'), { recursive: true });
    await expect(readBundleFolder(folder)).rejects.toThrow('differs from the name of its folder');
    rmSync(folder, { recursive: true });
  });

  it('has a hash over every part of the model, and its approval covers its tests as well', () => {
    const hashOf = (change: Partial<ApplicationModel>) =>
      hashOfBundle({ ...market, applications: [{ ...model, ...change }] });
    const plain = hashOf({});
    const [policy] = model.policies;
    for (const change of [
      { types: { ...model.types, extra: { entity: 'User' } } },
      { clients: { ...model.clients, ask: ['another'] } },
      { schema: `${model.schema} ` },
      { policies: [{ file: policy?.file ?? '', text: `${policy?.text} ` }, ...model.policies.slice(1)] },
      { entities: model.entities.slice(1) },
      {
        authorizationDetails: [
          {
            type: 'https://todo.example/details/list',
            audience: 'https://todo.example/lists',
            schema: { type: 'object', additionalProperties: false, properties: {} },
          },
        ],
      },
    ])
      expect(hashOf(change)).not.toBe(plain);
    expect(hashOfBundle({ ...market, applications: [] })).toBe(hashOfBundle(market));
    const candidate = { hash: plain, changeRequest: '', reason: '', baseVersion: 1, proposedBy: '' };
    const digestOf = (tests: ApplicationModel['tests']) =>
      digestOfCandidate({
        ...candidate,
        simulationId: 'sim' as never,
        simulationDigest: plain,
        bundle: { ...market, applications: [{ ...model, tests }] },
      });
    expect(digestOf([])).not.toBe(digestOf(model.tests));
  });

  it.each(['person', 'transaction', 'Resource', 'AGENT'])(
    'never answers for %s, which belongs to the market',
    (type) => {
      expect(problemsOf([rules('Portal', type)])).toContain('already belongs to the market');
    },
  );

  it.each([
    [
      'two models answer for one type',
      () => [rules('Alpha', 'page'), rules('Beta', 'Page')],
      'already belongs to the model Alpha',
    ],
    [
      'the namespace is a type of the market',
      () => [rules('Transaction', 'page')],
      'type or a namespace of the market',
    ],
    [
      'two namespaces differ in case alone',
      () => [rules('PORTAL', 'a'), rules('Portal', 'b')],
      'already used by the model PORTAL',
    ],
    ['models are out of order', () => [rules('Beta', 'a'), rules('Alpha', 'b')], 'not sorted by namespace'],
    [
      'a type is declared elsewhere',
      () => [{ ...rules('Portal', 'page'), schema: `entity Person; ${rules('Portal', 'page').schema}` }],
      'the type Person is not in the namespace',
    ],
    [
      'an action is one of the market',
      () => [{ ...rules('Portal', 'page'), schema: rules('Portal', 'page').schema.replace('view', '"order:create"') }],
      'belongs to the market',
    ],
    [
      'an action is that of tokens',
      () => [{ ...rules('Portal', 'page'), schema: rules('Portal', 'page').schema.replace('view', '"token:issue"') }],
      'belongs to the market',
    ],
    [
      'a type is declared nowhere',
      () => [{ ...rules('Portal', 'page'), types: { page: { entity: 'Leaf' } } }],
      'declares no entity Leaf',
    ],
    [
      'a property is declared nowhere',
      () => [{ ...rules('Portal', 'page'), types: { page: { entity: 'Page', properties: ['owner'] } } }],
      'has no attribute owner',
    ],
    [
      'a policy speaks of the market',
      () => [
        {
          ...rules('Portal', 'page'),
          policies: [{ file: 'a.cedar', text: '@id("a") permit (principal is Person, action, resource);' }],
        },
      ],
      'applications/Portal/a.cedar',
    ],
    [
      'a policy promises an approval',
      () => [
        {
          ...rules('Portal', 'page'),
          policies: [
            {
              file: 'a.cedar',
              text: '@id("a") @reason("no") @detail("No.") @remedy("approval supervisor 1") forbid (principal, action, resource);',
            },
          ],
        },
      ],
      'have no meaning in an application model',
    ],
    [
      'entities have tags',
      () => [
        {
          ...rules('Portal', 'page'),
          schema: rules('Portal', 'page').schema.replace('entity Page;', 'entity Page tags String;'),
        },
      ],
      'has tags',
    ],
  ] as const)('is refused as a whole when %s', (_, applications, problem) => {
    expect(problemsOf(applications())).toContain(problem);
  });
});
