import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isCodedError } from '@countersign/kernel';
import { createLogger } from '@countersign/runtime';
import { generateSigningKey } from '@countersign/sdk';
import { processGroups } from '@countersign/server';
import { Command } from 'commander';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { addCommands } from '../../../apps/cli/src/commands.ts';
import type { ConnectionOptions } from '../../../apps/cli/src/connection-options.ts';
import { isOfGroup } from '../../../apps/server/src/configuration/configuration.ts';
import { readConfigurationFile } from '../../../apps/server/src/configuration/configuration-file.ts';
import { type RunningTogether, startTogether } from '../../../apps/server/src/processes/start-together.ts';
import { operatorOf } from '../testing/control-plane.ts';
import { type ClientName, clearedByCompliance, leis } from '../testing/firms.ts';
import { type PreparedSplit, prepareSplit } from '../testing/prepared-split.ts';
import { scratchFolder } from '../testing/scratch-folder.ts';
import { claimsOf, mandateTerms, openTrading, type Trading } from '../testing/trading.ts';

// Every family of commands, against an installation whose four groups know each other by calls only. Each command's behaviour
// is tested in its own room; this test proves that its interface, and the calls behind it, can be reached.

const folder = scratchFolder();
const logger = createLogger({ level: 'silent', name: 'test' });
const model = fileURLToPath(
  new URL('../../../components/policy-engine/src/applications/testing/interop-model', import.meta.url),
);
let installation: PreparedSplit;
let processes: RunningTogether;
let trading: Trading;
let transaction: string;
const watcherKey = generateSigningKey();

beforeAll(async () => {
  installation = await prepareSplit(folder.path);
  const configurations = processGroups.flatMap((group) => {
    const configuration = readConfigurationFile(join(installation.processes, group, 'config.json'));
    return isOfGroup(configuration) ? [configuration] : [];
  });
  const signal = new AbortController().signal;
  processes = await startTogether(configurations, { loggerOf: () => logger, onProgress: () => undefined, signal });
  await installation.untilReady();
  const { issuer, dataFolder } = installation.configuration;
  const operator = operatorOf(dataFolder, issuer);
  trading = await openTrading({ issuer, operator });
  await operator.apply({
    services: [{ id: 'service:watcher', institution: leis.assetManager, roles: [] }],
    clients: [
      {
        id: 'watcher',
        institution: leis.assetManager,
        principal: 'service:watcher',
        grant_types: ['client_credentials'],
        scopes: ['event:read', 'event:subscribe', 'exception:read', 'order:read'],
        audiences: [`${issuer}/events`, `${issuer}/transactions`],
        jwks: { keys: [{ ...watcherKey.publicJwk, kid: watcherKey.kid }] },
      },
    ],
  });
  // Edge follows the directory of core.
  await vi.waitFor(() => trading.grantMandates(), { timeout: 20_000, interval: 500 });
  const { mandate } = await trading.grantMandates();
  const order = trading.order(mandate);
  const token = await trading.traderToken(order);
  transaction = String(claimsOf(token)['txn']);
  await trading.carry(order, transaction, 'settled');
}, 300_000);
vi.setConfig({ testTimeout: 120_000 });
afterAll(async () => {
  await trading?.stop();
  await processes?.stop();
  await installation?.stop();
  folder.remove();
}, 60_000);

type As = 'operator' | 'approver' | 'compliance' | 'watcher' | ClientName;

/** @returns its output; the refusal, if one is expected */
async function run(as: As, words: readonly string[], refusals: readonly string[] = []): Promise<string> {
  const program = new Command('countersign').exitOverride().configureOutput({ writeErr: () => undefined });
  const options = optionsOf(as);
  await addCommands(program, () => options, words);
  let said = '';
  const outputs = [process.stdout, process.stderr].map((stream) =>
    vi.spyOn(stream, 'write').mockImplementation((text) => {
      said += String(text);
      return true;
    }),
  );
  const before = process.exitCode;
  process.exitCode = undefined;
  try {
    await program.parseAsync([...words], { from: 'user' });
    if (Number(process.exitCode ?? 0) !== 0)
      throw new Error(`${words.join(' ')} ended with ${process.exitCode}: ${said}`);
    return said;
  } catch (error) {
    if (isCodedError(error) && refusals.includes(error.code)) return error.code;
    throw new Error(`${words.join(' ')}: ${isCodedError(error) ? `${error.code} ${error.detail}` : String(error)}`, {
      cause: error,
    });
  } finally {
    process.exitCode = before;
    for (const output of outputs) output.mockRestore();
  }
}

function optionsOf(as: As): ConnectionOptions {
  const { issuer, dataFolder } = installation.configuration;
  const key = (name: string): string => join(dataFolder, `${name}.jwk`);
  switch (as) {
    case 'operator':
      return { data: dataFolder };
    case 'approver':
    case 'compliance':
      return { data: dataFolder, client: `countersign-${as}`, key: key(as) };
    case 'watcher':
      return { data: dataFolder, url: issuer, client: as, key: file('watcher.jwk', watcherKey.privateJwk) };
    default:
      return { data: dataFolder, url: issuer, client: as, key: file(`${as}.jwk`, trading.firms.key(as).privateJwk) };
  }
}

function file(name: string, content: unknown): string {
  const path = join(folder.path, name);
  writeFileSync(path, JSON.stringify(content), { mode: 0o600 });
  return path;
}

const found = (text: string, pattern: RegExp): string => {
  const match = pattern.exec(text)?.[0];
  if (match === undefined) throw new Error(`no ${pattern} in ${text}`);
  return match;
};
const digestIn = (text: string): string => found(text, /(?<=--digest )[\w-]{43}/);
const reason = ['--reason', 'A test'] as const;

describe('commands against a split installation', () => {
  it('for the directory and dual control', async () => {
    const change = file('directory.json', {
      people: [
        { id: 'person:otto.new', institution: leis.arranger, roles: ['supervisor'], federated: [], credentials: [] },
      ],
    });
    expect(await run('operator', ['directory', 'plan', change])).toContain('person:otto.new');
    expect(await run('operator', ['directory', 'apply', change], ['second_person_required'])).toBe(
      'second_person_required',
    );
    const proposed = await run('operator', ['directory', 'apply', change, '--propose', 'A test']);
    const [, id = '', digest = ''] = /change approve (\S+) --digest ([\w-]{43})/.exec(proposed) ?? [];
    expect(await run('approver', ['change', 'list'])).toContain(id);
    await run('approver', ['change', 'show', id]);
    await run('approver', ['change', 'approve', id, '--digest', digest]);
    expect(await run('operator', ['directory', 'departures'])).toBeDefined();
    await run('operator', ['directory', 'leave', 'person:otto.new', ...reason], ['second_person_required']);
  });

  it('for clients, people, their keys and sessions', async () => {
    expect(await run('operator', ['client', 'list'])).toContain('ha-oms');
    expect(await run('operator', ['client', 'show', 'ha-oms'])).toContain('ha-oms');
    const person = trading.firms.people.trader.id;
    await run('operator', ['authenticator', 'list', person]);
    expect(await run('operator', ['authenticator', 'invite', person, '--evidence', 'file 4'])).toContain('/enrol/');
    await run('operator', ['account', 'lock', person, ...reason]);
    await run(
      'operator',
      ['account', 'unlock', person, ...reason],
      ['unlock_takes_another_person', 'lock_not_independent'],
    );
    await run('operator', ['session', 'list', person]);
    await run('operator', ['device', 'list']);
  });

  it('for recoveries and emergency access', async () => {
    await run('operator', ['recovery', 'list']);
    const person = trading.firms.people.colleague.id;
    await run('operator', ['recovery', 'open', person, '--evidence', 'file 7', ...reason]);
    await run('operator', ['recovery', 'requests']);
    await run('operator', ['incident', 'list']);
  });

  it('for partners, findings and reference data', async () => {
    expect(await run('operator', ['partner', 'list'])).toContain(trading.identityProvider.issuer);
    const findings = file('findings.json', [{ institution: leis.custodian, compliance: clearedByCompliance() }]);
    await run('compliance', ['finding', 'record', findings, ...reason]);
  });

  it('for mandates, transactions, exceptions and events of the firms', async () => {
    const terms = file('terms.json', mandateTerms());
    const id = found(await run('am-mandates', ['mandate', 'propose', terms, '--idempotency-key', 'survey']), /mnd_\w+/);
    expect(await run('am-mandates', ['mandate', 'show', id])).toContain('proposed');
    expect(await run('ha-mandates', ['mandate', 'list'])).toContain(id);
    expect(await run('brk-orders', ['transaction', 'show', transaction])).toContain('settled');
    expect(await run('brk-orders', ['transaction', 'history', transaction])).toContain('settle');
    await run('brk-orders', ['transaction', 'envelope', transaction, '--out', join(folder.path, 'envelope.json')]);
    await run('watcher', ['exception', 'list']);
    const read = () => run('watcher', ['event', 'read', '--limit', '5']);
    await vi.waitFor(async () => expect(await read()).toContain('"specversion":"1.0"'), {
      timeout: 20_000,
      interval: 500,
    });
    await run('watcher', ['event', 'subscriptions']);
  });

  it('for policies and models', async () => {
    await run('operator', ['policy', 'show']);
    await run('operator', ['policy', 'versions']);
    await run('operator', ['policy', 'candidates']);
    await run('operator', ['model', 'list']);
    const proposed = await run('operator', ['model', 'apply', model, '--change-request', 'CHG-1', ...reason]);
    const [, id = '', digest = ''] = /policy approve (\S+) --digest ([\w-]{43})/.exec(proposed) ?? [];
    await run('approver', ['policy', 'candidate', id]);
    await run('approver', ['policy', 'approve', id, '--digest', digest]);
    await run('operator', ['model', 'list']);
  });

  it('for the keys of every group', async () => {
    const listed = await run('operator', ['key', 'list']);
    for (const purpose of ['access-token', 'mandate', 'time-stamp', 'event']) {
      expect(listed).toContain(purpose);
      expect(await run('operator', ['key', 'rotate', purpose])).toContain('published');
    }
  });

  it('for revocations', async () => {
    const placed = await run('operator', ['revocation', 'place', 'client', 'ven-matching', ...reason]);
    expect(await run('operator', ['revocation', 'list'])).toContain('ven-matching');
    await run('approver', ['revocation', 'lift', found(placed, /rec_\w+/), ...reason]);
  });

  it('for the log and evidence', async () => {
    const { issuer } = installation.configuration;
    const out = join(folder.path, 'bundle.json');
    const trust = join(folder.path, 'trust.json');
    expect(await run('operator', ['log', 'checkpoint'])).toContain('development.countersign.invalid');
    expect(await run('operator', ['log', 'show', '--transaction', transaction])).toContain('transaction.opened');
    const { log } = (await (await fetch(`${issuer}/.well-known/countersign`)).json()) as {
      readonly log: { readonly verifier_key: string };
    };
    await run('operator', ['log', 'verify', '--log-key', log.verifier_key]);
    await run('operator', ['log', 'mirror', '--folder', join(folder.path, 'mirror'), '--log-key', log.verifier_key]);
    expect(await run('operator', ['evidence', 'search', '--transaction', transaction])).toContain('token.issued');
    await run('operator', ['evidence', 'export', '--transaction', transaction, '--out', out, '--trust', trust]);
    expect(await run('operator', ['evidence', 'verify', out, '--trust', trust])).toContain('VERIFIED');
    await run('operator', ['evidence', 'report', out, '--out', join(folder.path, 'report.html')]);
    await run('operator', ['evidence', 'graph', '--transaction', transaction, '--json']);
  });

  it('for retention, holds and erasures', async () => {
    await run('operator', ['retention', 'schedule']);
    await run('operator', ['retention', 'list']);
    const simulated = await run('operator', ['retention', 'simulate', 'schedule', '--presets', 'mifir-25']);
    const proposed = await run('operator', ['retention', 'propose', found(simulated, /sim_\w+|rec_\w+/), ...reason]);
    const proposal = found(proposed, /ret_\w+|prp_\w+|rec_\w+/);
    const shown = await run('approver', ['retention', 'show', proposal]);
    await run('approver', ['retention', 'approve', proposal, '--digest', digestIn(`${proposed} ${shown}`)]);
    const placed = await run('operator', ['hold', 'place', '--matter', 'A test', '--transaction', transaction]);
    expect(await run('operator', ['hold', 'list'])).toContain('A test');
    await run('approver', ['hold', 'release', found(placed, /hld_\w+|rec_\w+/), ...reason]);
    const subject = trading.firms.people.trader.id;
    await run('operator', ['erasure', 'keys', subject]);
    await run('operator', ['erasure', 'list']);
    await run('operator', ['erasure', 'propose', subject, ...reason], ['erasure_too_early']);
  });
});
