import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { PolicyBundle, PolicyEngine } from '@countersign/contracts';
import { createHttpServer, createLogger, createMetrics } from '@countersign/runtime';
import { generateSigningKey } from '@countersign/sdk';
import { Command } from 'commander';
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { interopModel } from '../../../../../components/policy-engine/src/applications/testing/application-world.ts';
import {
  about,
  approver,
  createRig,
  proposer,
  type Rig,
} from '../../../../../components/policy-engine/src/testing/governance-rig.ts';
import { guard } from '../../../../../components/policy-engine/src/testing/naming-guard.ts';
import { smallBundle } from '../../../../../components/policy-engine/src/testing/small-bundle.ts';
import { versionRoutes } from '../../../../../components/policy-engine/src/versions/http.ts';
import type { GovernedVersions } from '../../../../../components/policy-engine/src/versions/versions.ts';
import { policyCommands } from '../policy.ts';
import { writeBundleFolder } from './write-folder.ts';

// The folder's reader comes with the whole server, which takes its time to load.
beforeAll(() => import('@countersign/server'));

let home: string;
let url = 'http://127.0.0.1:1';
let out: string;
let err: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'policy-json-'));
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    out += String(text);
    return true;
  });
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    err += String(text);
    return true;
  });
});
afterEach(() => {
  vi.restoreAllMocks();
  process.exitCode = undefined;
  rmSync(home, { recursive: true });
});

/** Runs `countersign policy`. */
async function run(...words: readonly string[]) {
  [out, err] = ['', ''];
  process.exitCode = undefined;
  const key = join(home, 'key.jwk');
  writeFileSync(key, JSON.stringify(generateSigningKey().privateJwk), { mode: 0o600 });
  const program = new Command('countersign').exitOverride();
  policyCommands(program, () => ({ data: home, url, key, client: 'proposer' }));
  const refusal: unknown = await program.parseAsync(['policy', ...words], { from: 'user' }).then(
    () => undefined,
    (error: unknown) => error,
  );
  return { out, err, refusal, exitCode: process.exitCode };
}

/** The document on stdout, as a build reads it. */
async function read(...words: readonly string[]) {
  const ran = await run(...words, '--json');
  return { ...ran, document: JSON.parse(ran.out) as unknown };
}

function written(bundle: PolicyBundle): string {
  const folder = mkdtempSync(join(home, 'bundle-'));
  writeBundleFolder(folder, bundle);
  return folder;
}

const wrongBundle: PolicyBundle = {
  ...smallBundle(),
  policies: [{ file: 'zz.cedar', text: '@id("wrong")\npermit (principal, action, resource) when { nobody };\n' }],
};

describe('the JSON output for a folder', () => {
  it('is its content if it is valid', async () => {
    const { document, err, refusal } = await read('validate', written(smallBundle()));
    expect(document).toEqual({
      ok: true,
      kind: 'market',
      applications: [],
      hash: expect.stringMatching(/^[A-Za-z0-9_-]{43}$/),
      counts: { policies: 2, limits: 0, entities: 1 },
      policies: [
        { id: 'trader-creates-orders', effect: 'permit' },
        { id: 'too-large', effect: 'forbid' },
      ],
      warnings: [],
      findings: [],
    });
    expect({ err, refusal }).toEqual({ err: '', refusal: undefined });
  });

  it('names an application model and its institution', async () => {
    const { document, refusal } = await read('validate', interopModel);
    expect(document).toMatchObject({ ok: true, kind: 'application', application: 'Interop', counts: { policies: 10 } });
    expect(refusal).toBeUndefined();
    expect((await run('validate', interopModel)).out).toContain('the model of the application Interop');
    expect((await read('test', interopModel)).document).toMatchObject({ ok: true, passed: 2 });
  });

  it('reports rules that could not be published because they are neither the market’s nor a model', async () => {
    const schema = 'entity User, Page; action view appliesTo { principal: User, resource: Page, context: {} };';
    const policies = [{ file: 'a.cedar', text: '@id("a") permit (principal, action, resource);' }];
    const { document, refusal } = await read('validate', written({ ...smallBundle(), schema, policies, entities: [] }));
    expect(document).toMatchObject({
      ok: false,
      problems: expect.arrayContaining([
        expect.objectContaining({ message: "the market's entity Person is not declared" }),
        expect.objectContaining({ message: "the market's action token:issue is not declared" }),
      ]),
    });
    expect(refusal).toMatchObject({ code: 'policy_invalid' });
  });

  it.each(['validate', 'test'])('lists every problem with its place (%s), and the command fails', async (word) => {
    const { document, refusal } = await read(word, written(wrongBundle));
    expect(document).toEqual({
      ok: false,
      problems: expect.arrayContaining([
        expect.objectContaining({ file: 'zz.cedar', line: 2, message: expect.stringMatching(/./) }),
      ]),
    });
    expect(refusal).toMatchObject({ code: 'policy_invalid', detail: expect.stringMatching(/problem\(s\)\.$/) });
  });

  it('lists every finding of a folder that would decide, and exits with 1 if a finding is never intended', async () => {
    const policies = [{ file: 'zz.cedar', text: '@id("anybody")\npermit (principal, action, resource);\n' }];
    const folder = written({ ...smallBundle(), policies });
    const { document, exitCode } = await read('validate', folder);
    const place = { file: 'zz.cedar', line: 1, column: 1 };
    expect(document).toMatchObject({
      ok: false,
      findings: [{ code: 'permit_without_authority', severity: 'error', policyId: 'anybody', ...place }],
    });
    expect(exitCode).toBe(1);
    const shown = await run('validate', folder);
    expect(shown.out).toContain('permit_without_authority');
    expect(shown.exitCode).toBe(1);
  });

  it('names the faulty policy if it can be identified', async () => {
    const policies = [
      { file: 'zz.cedar', text: '@id("wrong")\n@remedy("hope")\nforbid (principal, action, resource);\n' },
    ];
    const { document } = await read('validate', written({ ...smallBundle(), policies }));
    expect(document).toMatchObject({ ok: false, problems: [{ file: 'zz.cedar', line: 1, policyId: 'wrong' }] });
  });

  it('includes a problem if there is nothing to read', async () => {
    const folder = mkdtempSync(join(home, 'empty-'));
    const { document, refusal } = await read('validate', folder);
    expect(document).toEqual({ ok: false, problems: [{ message: expect.stringContaining('schema.cedarschema') }] });
    expect(refusal).toMatchObject({ code: 'policy_invalid' });
  });

  it('lists each test, what it expected, and the totals', async () => {
    const { document, err, exitCode } = await read('test', written(smallBundle()));
    const passing = { file: 'tests/orders.json', ok: true, differences: [] };
    expect(document).toEqual({
      ok: true,
      hash: expect.stringMatching(/^[A-Za-z0-9_-]{43}$/),
      passed: 3,
      failed: 0,
      tests: [
        {
          ...passing,
          name: 'a trader creates an order',
          expected: { decision: 'permit', determining: ['trader-creates-orders'], reasons: [] },
        },
        {
          ...passing,
          name: 'a clerk creates none',
          expected: { decision: 'deny', reasons: ['no_policy_permits'] },
        },
        {
          ...passing,
          name: 'nobody creates one that is too large',
          expected: { decision: 'deny', reasons: ['notional_per_order'], determining: ['too-large'], obligations: [] },
        },
      ],
      untested: [],
    });
    expect({ err, exitCode }).toEqual({ err: '', exitCode: undefined });
  });

  it('shows the differences of a failed test, and the command exits as it does without JSON', async () => {
    const folder = written(smallBundle('9000.0'));
    const { document, exitCode } = await read('test', folder);
    expect(document).toMatchObject({
      ok: false,
      passed: 2,
      failed: 1,
      tests: [
        {
          name: 'nobody creates one that is too large',
          ok: false,
          expected: { decision: 'deny' },
          differences: expect.arrayContaining([expect.stringContaining('expected deny, and it was permit')]),
        },
        { ok: true },
        { ok: true },
      ],
      untested: ['too-large'],
    });
    expect([exitCode, (await run('test', folder)).exitCode]).toEqual([1, 1]);
  });

  it('does not count a folder without tests as passing, and says so beside the document', async () => {
    const { document, err, exitCode } = await read('test', written({ ...smallBundle(), tests: [] }));
    expect(document).toMatchObject({ ok: false, passed: 0, failed: 0, tests: [] });
    expect(err).toMatch(/^no tests: /);
    expect(exitCode).toBe(1);
  });

  it('omits the expectation of two tests with the same name', async () => {
    const folder = written(smallBundle());
    cpSync(join(folder, 'tests/orders.json'), join(folder, 'tests/more.json'));
    const named = { ...smallBundle().tests[0], file: 'twice.json' };
    const content = JSON.stringify(named.content).replace('a clerk creates none', 'a trader creates an order');
    writeFileSync(join(folder, 'tests/twice.json'), content);
    const { document } = await read('test', folder);
    const { tests } = document as { tests: readonly { file: string; name: string; expected?: unknown }[] };
    const without = tests.filter(({ expected }) => expected === undefined).map(({ file, name }) => `${file} ${name}`);
    expect(without).toEqual(Array<string>(2).fill('tests/twice.json a trader creates an order'));
    expect(tests).toHaveLength(9);
  });
});

describe('the JSON output about a control plane', () => {
  let rig: Rig;
  let node: GovernedVersions;
  let app: ReturnType<typeof createHttpServer>;
  beforeEach(async () => {
    rig = await createRig();
    node = await rig.open();
    app = createHttpServer({ logger: createLogger({ level: 'silent', name: 'test' }), metrics: createMetrics() });
    app.post('/token', async ({ body }) => {
      const form = new URLSearchParams(String(body));
      const scope = form.get('scope');
      return { access_token: `${form.get('client_id')}~${scope}`, token_type: 'DPoP', expires_in: 300, scope };
    });
    const policyEngine: Pick<PolicyEngine, 'active' | 'versions'> = {
      active: () => node.current().version,
      versions: node,
    };
    versionRoutes(app, { policyEngine, guard, baseUrl: 'https://countersign.example' });
    await app.listen({ host: '127.0.0.1', port: 0 });
    url = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`;
  });
  afterEach(async () => {
    await app.close();
    await rig.close();
  });

  const propose = (most: string) => {
    const bundle = smallBundle(most);
    return node.propose(bundle, { ...about, simulation: rig.simulated(bundle, 1) }, proposer);
  };

  it('is the active version with its policies, or one of them', async () => {
    const { version, hash } = node.current().version;
    const all = await read('show');
    expect(all.document).toMatchObject({
      version,
      hash,
      policies: [
        { id: 'trader-creates-orders', effect: 'permit' },
        { id: 'too-large', effect: 'forbid', text: expect.stringContaining('1000.0') },
      ],
    });
    const one = await read('show', '--policy', 'too-large');
    expect(one.document).toMatchObject({ version, policies: [{ id: 'too-large' }] });
    expect(all.err + one.err).toBe('');
  });

  it('lists the current and former versions', async () => {
    const { document, err } = await read('versions');
    expect(document).toMatchObject({ versions: [{ version: 1, changeRequest: 'release' }] });
    expect(err).toBe('');
  });

  it('lists what a folder would change, line by line, with the totals', async () => {
    const { document, err } = await read('diff', written(smallBundle('500.0')));
    expect(document).toMatchObject({
      from: { version: 1, hash: node.current().version.hash },
      to: { hash: expect.stringMatching(/^[A-Za-z0-9_-]{43}$/) },
      added: 0,
      changed: 1,
      removed: 0,
      differences: [
        {
          change: 'change',
          kind: 'forbid',
          id: 'too-large',
          lines: expect.arrayContaining([{ kind: 'add', text: expect.stringContaining('500.0') }]),
        },
      ],
    });
    expect(err).toBe('');
    expect((await read('diff', written(smallBundle()))).document).toMatchObject({ changed: 0, differences: [] });
  });

  it('is empty for a folder that cannot be compared, whose problems are printed beside it', async () => {
    const { out, err, refusal } = await run('diff', written(wrongBundle), '--json');
    expect(out).toBe('');
    expect(err).toContain('zz.cedar:2');
    expect(refusal).toMatchObject({ code: 'policy_invalid' });
  });

  it('lists the proposals that can still be approved', async () => {
    const first = await propose('500.0');
    expect((await read('candidates')).document).toEqual({ candidates: [{ ...first, outdated: false }] });
    expect((await run('candidates')).out).toMatch(new RegExp(`^${first.id} {2}proposed {2}`));

    rig.clock.advance(1_000);
    const second = await propose('600.0');
    await node.approve(second.id, second.digest, approver);
    const { document, err } = await read('candidates', '--status', 'proposed');
    expect(document).toEqual({ candidates: [{ ...first, outdated: true }] });
    expect(err).toBe('');
    // Newest first; an approved one is not outdated, although it was made against the earlier version as well.
    expect((await run('candidates')).out.split('\n').map((line) => line.split(/ +/).slice(0, 2))).toEqual([
      [second.id, 'approved'],
      [first.id, 'outdated'],
      [''],
    ]);
  });
});
