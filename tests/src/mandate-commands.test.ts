import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { CloudEvent, Mandate } from '@countersign/contracts';
import type { CodedError } from '@countersign/kernel';
import { generateSigningKey } from '@countersign/sdk';
import { Command } from 'commander';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { eventCommands } from '../../apps/cli/src/commands/event.ts';
import { exceptionCommands } from '../../apps/cli/src/commands/exception.ts';
import { mandateCommands } from '../../apps/cli/src/commands/mandate.ts';
import { transactionCommands } from '../../apps/cli/src/commands/transaction.ts';
import { configurationIn, type RunningControlPlane, runControlPlane } from './testing/control-plane.ts';
import { type ClientName, leis } from './testing/firms.ts';
import { refusalBy } from './testing/refusal.ts';
import { scratchFolder } from './testing/scratch-folder.ts';
import { claimsOf, large, mandateTerms, openTrading, type Trading } from './testing/trading.ts';

// The command against a control plane over HTTP, as the software of the firms.

const folder = scratchFolder();
const watcherKey = generateSigningKey();
let controlPlane: RunningControlPlane;
let trading: Trading;

beforeAll(async () => {
  controlPlane = await runControlPlane(await configurationIn(folder.path));
  trading = await openTrading(controlPlane);
  const { issuer } = controlPlane;
  await controlPlane.operator.call('directory', 'directory:apply', {
    method: 'POST',
    path: '/directory/apply',
    body: {
      services: [{ id: 'service:am-watcher', institution: leis.assetManager, roles: [] }],
      clients: [
        {
          id: 'am-watcher',
          institution: leis.assetManager,
          principal: 'service:am-watcher',
          grant_types: ['client_credentials'],
          scopes: ['event:read', 'event:subscribe', 'exception:read', 'order:read'],
          audiences: [`${issuer}/events`, `${issuer}/transactions`],
          jwks: { keys: [{ ...watcherKey.publicJwk, kid: watcherKey.kid }] },
        },
      ],
    },
  });
});
afterAll(async () => {
  await trading?.stop();
  await controlPlane?.stop();
  folder.remove();
});

interface Ran {
  readonly out: string;
  readonly err: string;
  readonly code: number;
}

/** Runs the command as the software of a firm. */
async function run(client: ClientName | 'am-watcher', ...words: readonly string[]): Promise<Ran> {
  const { privateJwk } = client === 'am-watcher' ? watcherKey : trading.firms.key(client);
  const key = file(`${client}.jwk`, privateJwk);
  const program = new Command('countersign').exitOverride().configureOutput({ writeErr: () => undefined });
  for (const commands of [mandateCommands, eventCommands, exceptionCommands, transactionCommands])
    commands(program, () => ({ data: folder.path, url: controlPlane.issuer, key, client }));
  const said = { out: '', err: '' };
  const [out, err] = (['out', 'err'] as const).map((name) =>
    vi.spyOn(name === 'out' ? process.stdout : process.stderr, 'write').mockImplementation((text) => {
      said[name] += String(text);
      return true;
    }),
  );
  const before = process.exitCode;
  process.exitCode = undefined;
  try {
    await program.parseAsync(words, { from: 'user' });
    return { ...said, code: Number(process.exitCode ?? 0) };
  } finally {
    process.exitCode = before;
    out?.mockRestore();
    err?.mockRestore();
  }
}

const refusalOf = (...words: Parameters<typeof run>): Promise<CodedError> => refusalBy(() => run(...words));

function file(name: string, content: unknown): string {
  const path = join(folder.path, name);
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content), { mode: 0o600 });
  return path;
}

let documents = 0;
/** Unique terms, with the document that they belong to. */
function terms(change: Readonly<Record<string, unknown>> = {}) {
  const document = file('terms.txt', `Terms of business, edition ${++documents}`);
  const termsHash = createHash('sha256').update(readFileSync(document)).digest('base64url');
  return { document, termsHash, file: file(`terms-${documents}.json`, { ...mandateTerms(), termsHash, ...change }) };
}

const idIn = ({ out }: Ran): string => /mnd_\w+/.exec(out)?.[0] ?? '';

async function activeMandate(): Promise<string> {
  const { file: path, document } = terms();
  const id = idIn(await run('am-mandates', 'mandate', 'propose', path));
  await run('ha-mandates', 'mandate', 'accept', id, '--terms', document);
  return id;
}

const amendedVenues = (venues: readonly string[]) => ({ constraints: { ...mandateTerms().constraints, venues } });

describe('countersign mandate', () => {
  it('takes a proposal to acceptance, and prints who must act next and with which command', async () => {
    const { file: path, document, termsHash } = terms();
    const proposed = await run('am-mandates', 'mandate', 'propose', path);
    const id = idIn(proposed);
    expect(proposed.out).toBe(
      [
        `${id}  v1  proposed  ${leis.assetManager} -> ${leis.arranger} ArrangingBroker`,
        `waits for the grantee ${leis.arranger}, who has seen the terms and accepts with`,
        `\`countersign mandate accept ${id} --terms-hash ${termsHash}\`.`,
        '',
      ].join('\n'),
    );
    const accepted = await run('ha-mandates', 'mandate', 'accept', id, '--terms', document);
    expect(accepted.out).toBe(`${id}  v2  active    ${leis.assetManager} -> ${leis.arranger} ArrangingBroker\n`);
    expect((await run('ha-mandates', 'mandate', 'list')).out).toContain(accepted.out);
  });

  it('proposes once, however often the same file is sent; another key makes another mandate', async () => {
    const { file: path } = terms();
    const first = idIn(await run('am-mandates', 'mandate', 'propose', path));
    expect(idIn(await run('am-mandates', 'mandate', 'propose', path))).toBe(first);
    const other = idIn(await run('am-mandates', 'mandate', 'propose', path, '--idempotency-key', 'once-more'));
    expect(other).not.toBe(first);
    expect(
      (await refusalOf('am-mandates', 'mandate', 'propose', terms().file, '--idempotency-key', 'once-more')).code,
    ).toBe('idempotency_conflict');
  });

  it('accepts only under the hash of exactly these terms', async () => {
    const { file: path, termsHash } = terms();
    const id = idIn(await run('am-mandates', 'mandate', 'propose', path));
    const other = file('other-terms.txt', 'Other terms');
    expect((await refusalOf('ha-mandates', 'mandate', 'accept', id, '--terms', other)).code).toBe(
      'terms_hash_mismatch',
    );
    expect((await refusalOf('ha-mandates', 'mandate', 'accept', id)).code).toBe('terms_not_named');
    expect(
      (await refusalOf('ha-mandates', 'mandate', 'accept', id, '--terms', other, '--terms-hash', termsHash)).code,
    ).toBe('terms_not_named');
    expect((await refusalOf('ha-mandates', 'mandate', 'accept', id, '--terms', 'nowhere.txt')).code).toBe(
      'file_unreadable',
    );
    expect((await refusalOf('am-mandates', 'mandate', 'accept', id, '--terms-hash', termsHash)).code).toBe(
      'not_a_signatory',
    );
  });

  it('shows the counterexample when a sub-mandate is wider', async () => {
    const parent = await activeMandate();
    const wide = {
      ...mandateTerms({ venues: ['XEUR', 'XEEE'] }),
      grantor: { lei: leis.arranger, role: 'ArrangingBroker' },
    };
    const child = file('child.json', { ...wide, grantee: { lei: leis.clearing, role: 'ClearingFirm' }, parent });
    const refusal = await refusalOf('ha-mandates', 'mandate', 'propose', child);
    expect(refusal).toMatchObject({
      code: 'mandate_wider',
      facts: { counterexample: { use: { venue: 'XEEE' } } },
    });
  });

  it('amends with the consent of both, showing what would change, and accepts only what was shown', async () => {
    const id = await activeMandate();
    const change = file('change.json', amendedVenues(['XEUR', 'XEEE']));
    const proposed = await run('am-mandates', 'mandate', 'amend', id, change);
    const digest = /--terms-digest ([\w-]{43})/.exec(proposed.out)?.[1] ?? '';
    expect(proposed.out).toContain(`${id}  v3  active `);
    expect(proposed.out).toContain(
      `ArrangingBroker\n  - venues  ["XEUR"]\n  + venues  ["XEUR","XEEE"]\nwaits for the grantee ${leis.arranger}`,
    );
    // The same file again is the same amendment.
    expect((await run('am-mandates', 'mandate', 'amend', id, change)).out).toBe(proposed.out);

    const another = `${digest.startsWith('A') ? 'B' : 'A'}${digest.slice(1)}`;
    expect((await refusalOf('ha-mandates', 'mandate', 'accept-amendment', id, '--terms-digest', another)).code).toBe(
      'terms_hash_mismatch',
    );
    const accepted = await run('ha-mandates', 'mandate', 'accept-amendment', id, '--terms-digest', digest);
    expect(accepted.out).toBe(`${id}  v4  active    ${leis.assetManager} -> ${leis.arranger} ArrangingBroker\n`);
    // Repeated after a time-out: nothing happens, and it says so.
    expect((await run('ha-mandates', 'mandate', 'accept-amendment', id, '--terms-digest', digest)).out).toBe(
      accepted.out,
    );
  });

  it('names everybody whose consent is outstanding when a party is replaced', async () => {
    const id = await activeMandate();
    const by = { lei: leis.clearing, role: 'ClearingFirm' };
    const proposed = await run(
      'am-mandates',
      'mandate',
      'amend',
      id,
      file('c.json', { replace: { part: 'grantee', by } }),
    );
    expect(proposed.out).toContain(`waits for the grantee ${leis.clearing} and the grantee ${leis.arranger}`);
    const withdrawn = await run('ha-mandates', 'mandate', 'withdraw-amendment', id, '--reason', 'We stay');
    expect(withdrawn.out).toBe(`${id}  v4  active    ${leis.assetManager} -> ${leis.arranger} ArrangingBroker\n`);
  });

  it('suspends, resumes and revokes, each with a reason', async () => {
    const id = await activeMandate();
    for (const [step, version, status] of [
      ['suspend', 3, 'suspended'],
      ['resume', 4, 'active'],
      ['revoke', 5, 'revoked'],
    ] as const) {
      await expect(run('am-mandates', 'mandate', step, id)).rejects.toThrow("required option '--reason <text>'");
      expect((await run('am-mandates', 'mandate', step, id, '--reason', 'As agreed')).out).toContain(
        `${id}  v${version}  ${status}`,
      );
    }
    expect((await refusalOf('am-mandates', 'mandate', 'suspend', id, '--reason', 'x')).code).toBe('mandate_revoked');
    expect((await run('am-mandates', 'mandate', 'list', '--status', 'revoked')).out).toContain(id);
    expect((await run('am-mandates', 'mandate', 'list', '--status', 'active')).out).not.toContain(id);
  });

  it('lists by kind and end, and says when there is none', async () => {
    const { file: path } = terms({ kind: 'standing-authority', effectiveUntil: '2029-01-01T00:00:00Z' });
    const id = idIn(await run('am-mandates', 'mandate', 'propose', path));
    const standing = ['mandate', 'list', '--kind', 'standing-authority'] as const;
    expect((await run('am-mandates', ...standing)).out).toContain(id);
    expect((await run('am-mandates', ...standing, '--ending-before', '2028-01-01T00:00:00Z')).out).toBe('none\n');
  });
});

describe('countersign mandate versions', () => {
  it('draws the history and verifies it locally, with its parent', async () => {
    const parent = await activeMandate();
    await run('am-mandates', 'mandate', 'suspend', parent, '--reason', 'Pause');
    const shown = await run('am-mandates', 'mandate', 'versions', parent);
    expect(shown.code).toBe(0);
    expect(shown.out.split('\n').map((line) => line.slice(0, 13).trim())).toEqual([
      'v1  proposed',
      'v2  active',
      'v3  suspended',
      'ok  digests,',
      'The keys were',
      '',
    ]);
    expect(shown.out).toContain('consents: grantor service:am-mandates, grantee service:ha-mandates');
  });

  it('writes a file that can be verified offline, and detects a changed one', async () => {
    const granted = await trading.grantMandates();
    const out = join(folder.path, 'kept.json');
    const keys = file('keys.json', await (await fetch(`${controlPlane.issuer}/mandates/keys`)).json());
    const shown = await run('ha-mandates', 'mandate', 'versions', granted.subMandate, '--out', out, '--keys', keys);
    expect([shown.code, shown.out]).toEqual([0, expect.not.stringContaining('The keys were those')]);
    expect((await run('ha-mandates', 'mandate', 'verify', out, '--keys', keys)).code).toBe(0);
    const unanchored = await run('ha-mandates', 'mandate', 'verify', out);
    expect([unanchored.code, unanchored.out]).toEqual([3, expect.stringContaining('The keys were those')]);

    const kept = JSON.parse(readFileSync(out, 'utf8')) as { versions: Mandate[]; parents: Mandate[]; keys: unknown[] };
    expect(kept.parents).toHaveLength(2);
    const changed = structuredClone(kept);
    Object.assign(changed.versions[1] ?? {}, { effectiveUntil: '2099-01-01T00:00:00Z' });
    const widened = await run('ha-mandates', 'mandate', 'verify', file('changed.json', changed));
    expect([widened.code, widened.out]).toEqual([2, expect.stringContaining('NOT VERIFIED: version 2')]);
    const stranger = generateSigningKey();
    const strangers = file('strangers.json', { keys: [{ ...stranger.publicJwk, kid: stranger.kid, alg: 'ES256' }] });
    const unknown = await run('ha-mandates', 'mandate', 'verify', out, '--keys', strangers);
    expect([unknown.code, unknown.out]).toEqual([2, expect.stringContaining('(signature-key-unknown)')]);
    const otherParents = { ...kept, parents: [] };
    const orphan = await run('ha-mandates', 'mandate', 'verify', file('orphan.json', otherParents));
    expect([orphan.code, orphan.out]).toEqual([2, expect.stringContaining('(parent)')]);
  });

  it('says that the parent is not visible to the caller', async () => {
    const { subMandate } = await trading.grantMandates();
    const shown = await run('clr-mandates', 'mandate', 'versions', subMandate);
    expect([shown.code, shown.out]).toEqual([0, expect.stringContaining('not yours to see')]);
  });

  it.each<readonly [string, unknown, string]>([
    ['no JSON', 'nothing', 'file_unreadable'],
    ['a list', [], 'versions_malformed'],
    ['no versions', { versions: [], keys: [] }, 'versions_malformed'],
    ['versions that are none', { versions: [{ id: 'mnd_x' }], keys: [] }, 'versions_malformed'],
    ['consents that are no list', { versions: [{ ...minimal(), consents: 'all' }], keys: [] }, 'versions_malformed'],
    ['an amendment without terms', { versions: [{ ...minimal(), amendment: {} }], keys: [] }, 'versions_malformed'],
    ['an invalid signature', { versions: [{ ...minimal(), signature: 7 }], keys: [] }, 'versions_malformed'],
    ['no keys', { versions: [minimal()] }, 'versions_malformed'],
  ])('refuses a file with %s, and says so', async (_, content, code) => {
    expect((await refusalOf('am-mandates', 'mandate', 'verify', file('bad.json', content))).code).toBe(code);
  });

  it('verifies nothing with invalid keys', async () => {
    const kept = file('minimal.json', { versions: [minimal()], keys: [null, { kid: 1 }, 'x'] });
    expect((await run('am-mandates', 'mandate', 'verify', kept)).out).toContain('NOT VERIFIED: version 1');
    const refusal = await refusalOf('am-mandates', 'mandate', 'verify', kept, '--keys', file('k.json', { keys: {} }));
    expect(refusal.code).toBe('key_set_malformed');
  });
});

function minimal() {
  return {
    id: 'mnd_x',
    version: 1,
    status: 'active',
    recordedAt: 'x',
    digest: 'x',
    grantor: {},
    grantee: {},
    constraints: {},
  };
}

describe('countersign mandate validate', () => {
  it('answers for past times, by what was known then', async () => {
    const id = await activeMandate();
    const intent = file('intent.json', trading.order(id as Parameters<Trading['order']>[0]));
    const ask = (...more: readonly string[]) =>
      run('am-mandates', 'mandate', 'validate', id, '--intent', intent, ...more);
    expect(await ask()).toMatchObject({ code: 0, out: `valid\n  ${id}  v2\n` });
    const then = new Date().toISOString();
    await run('am-mandates', 'mandate', 'revoke', id, '--reason', 'The end');
    const now = await ask();
    expect([now.code, now.out]).toEqual([1, expect.stringMatching(/^not valid {2}mandate_revoked {2}v3\n/)]);
    expect(await ask('--at', then)).toMatchObject({ code: 0 });
    // Later records were not known then.
    expect(await ask('--known-at', then)).toMatchObject({ code: 0 });
    expect((await ask('--at', '2020-01-01T00:00:00Z')).out).toContain('mandate_not_effective');
    expect((await refusalOf('am-mandates', 'mandate', 'validate', id, '--intent', intent, '--at', 'now')).code).toBe(
      'mandate_invalid',
    );
  });

  it('checks another institution and another action if they are named', async () => {
    const { subMandate } = await trading.grantMandates();
    const intent = file('intent.json', trading.order(subMandate));
    const ask = (...more: readonly string[]) =>
      run('clr-mandates', 'mandate', 'validate', subMandate, '--intent', intent, ...more);
    const clearing = ['--acting-for', leis.clearing] as const;
    expect((await ask(...clearing, '--action', 'settlement:instruct')).code).toBe(0);
    expect((await ask(...clearing, '--action', 'order:create')).out).toContain('mandate_action');
    const nobodys = file('nobodys.json', { mandate_id: subMandate });
    expect((await refusalOf('clr-mandates', 'mandate', 'validate', subMandate, '--intent', nobodys)).code).toBe(
      'acting_for_missing',
    );
  });
});

describe('countersign mandate compare', () => {
  it('reports outdated, changed, unknown and missing copies, and nothing for a fresh export', async () => {
    const id = await activeMandate();
    const listed = await run('clr-mandates', 'mandate', 'list', '--json');
    const same = await run('clr-mandates', 'mandate', 'compare', file('same.json', listed.out), '--complete');
    expect([same.code, same.out]).toEqual([0, expect.stringMatching(/^\d+ compared, nothing differs\n$/)]);

    const held = JSON.parse((await run('ha-mandates', 'mandate', 'list', '--json')).out) as Mandate[];
    const ours = held.find((mandate) => mandate.id === id);
    await run('am-mandates', 'mandate', 'suspend', id, '--reason', 'Pause');
    const stranger = 'mnd_00000000000000000000000000';
    const [other] = held.filter((mandate) => mandate.id !== id);
    const copies = [ours, { id: stranger, version: 1, digest: ours?.digest }, { ...other, digest: ours?.digest }];
    const compared = await run('ha-mandates', 'mandate', 'compare', file('copies.json', copies));
    expect(compared.code).toBe(1);
    expect(compared.out.split('\n').sort()).toEqual([
      '',
      `behind        ${id}  there v2, here v3  suspended`,
      expect.stringMatching(new RegExp(`^differs {7}${other?.id}  there v\\d, here v\\d`)),
      `unknown-here  ${stranger}  there v1, here none`,
    ]);
    const all = await run('ha-mandates', 'mandate', 'compare', file('none.json', []), '--complete');
    expect(all.out).toContain(`missing-there ${id}  there none, here v3  suspended`);
    for (const bad of [{}, ['mnd_x'], 'x'])
      expect((await refusalOf('ha-mandates', 'mandate', 'compare', file('bad.json', bad))).code).toMatch(
        /^(copies_malformed|file_unreadable)$/,
      );
  });
});

describe('countersign event', () => {
  const eventsIn = ({ out }: Ran): readonly CloudEvent[] =>
    out
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as CloudEvent);
  const positionIn = ({ err }: Ran): string => /position (\d{20})/.exec(err)?.[1] ?? '';

  it('reads the institution’s events, page by page', async () => {
    const id = await activeMandate();
    const all: CloudEvent[] = [];
    for (let after: readonly string[] = []; ; ) {
      const page = await run('am-watcher', 'event', 'read', '--topics', 'mandate', '--limit', '3', ...after);
      all.push(...eventsIn(page));
      if (page.out === '') break;
      after = ['--after', positionIn(page)];
    }
    expect(all.filter(({ subject }) => subject === id).map(({ type }) => type)).toEqual([
      'countersign.mandate.proposed',
      'countersign.mandate.accepted',
    ]);
    expect((await refusalOf('am-watcher', 'event', 'read', '--after', '7x')).code).toBe('event_position_invalid');
    expect((await refusalOf('am-mandates', 'event', 'read')).code).toBe('target_not_allowed');
  });

  it('follows from a position, and ends after the requested number', async () => {
    const id = await activeMandate();
    const last = positionIn(await run('am-watcher', 'event', 'read', '--limit', '500'));
    const following = run('am-watcher', 'event', 'follow', '--after', last, '--topics', 'mandate', '--limit', '2');
    const outside = trading.call('am-mandates', 'mandates', 'mandate:revoke', {
      method: 'POST',
      path: `/mandates/${id}/suspend`,
      body: { reason: 'Pause' },
    });
    await outside;
    await trading.call('am-mandates', 'mandates', 'mandate:grant', {
      method: 'POST',
      path: `/mandates/${id}/resume`,
      body: { reason: 'On again' },
    });
    const followed = await following;
    expect(eventsIn(followed).map(({ type, subject }) => `${type} ${subject}`)).toEqual([
      `countersign.mandate.suspended ${id}`,
      `countersign.mandate.resumed ${id}`,
    ]);
    expect(positionIn(followed)).toBe(eventsIn(followed)[1]?.sequence);
    expect((await refusalOf('am-watcher', 'event', 'follow', '--limit', 'many')).code).toBe('limit_invalid');
    expect((await refusalOf('am-watcher', 'event', 'follow', '--topics', 'gossip')).category).toBe('invalid');
  });

  it('subscribes an address, lists the subscription, and ends it', async () => {
    const received: string[] = [];
    const receiver = createServer((request, response) => {
      received.push(String(request.headers['content-type']));
      response.writeHead(204).end();
    }).listen(0, '127.0.0.1');
    await once(receiver, 'listening');
    const url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/events`;
    const subscribed = await run('am-watcher', 'event', 'subscribe', url, '--topics', 'mandate,transaction');
    const id = /sub_\w+/.exec(subscribed.out)?.[0] ?? '';
    expect(subscribed.out).toContain(`${id}  active    ${url}  mandate,transaction  delivered up to `);
    const again = await run('am-watcher', 'event', 'subscribe', url, '--topics', 'mandate,transaction');
    expect(again.out).toContain(id);
    await activeMandate();
    await vi.waitFor(() => expect(received).toHaveLength(2), { timeout: 60_000 });
    expect((await run('am-watcher', 'event', 'subscriptions')).out).toContain(`${id}  active `);
    expect((await run('am-watcher', 'event', 'resume', id)).out).toContain(`${id}  active `);
    expect((await run('am-watcher', 'event', 'unsubscribe', id)).out).toBe(`${id}  ended\n`);
    expect((await run('am-watcher', 'event', 'subscriptions')).out).toBe('none\n');
    expect((await refusalOf('am-watcher', 'event', 'unsubscribe', id)).code).toBe('subscription_not_found');
    receiver.close();
  });
});

describe('countersign transaction and exception', () => {
  it('shows a transaction, its steps, what there is to approve, and an envelope that it has verified', async () => {
    const { mandate } = await trading.grantMandates();
    const order = trading.order(mandate, large);
    const claims = claimsOf(await trading.traderToken(order));
    const [transaction, digest] = [String(claims['txn']), String(claims['intent_digest'])];

    const approval = await run('ha-approvals', 'transaction', 'approval', transaction);
    expect(approval.out).toContain('outstanding: 1 × supervisor');
    expect(approval.out).toContain(`digest ${digest}`);
    expect(approval.out).toMatch(/^ {2}Account +NLAM-0042$/m);
    await trading.approve({ transaction, digest, by: 'supervisor' });
    const approved = await run('ha-approvals', 'transaction', 'approval', transaction);
    expect(approved.out).toContain(
      `approved by ${trading.firms.people.supervisor.id} as supervisor of ${leis.arranger}`,
    );
    expect(approved.out).toContain('nobody is waited for');

    expect((await run('brk-orders', 'transaction', 'history', transaction)).out).toBe('none yet\n');
    await trading.carry(order, transaction, 'executed');
    expect((await run('brk-orders', 'transaction', 'history', transaction)).out).toMatch(
      /^v1 {2}\S+ {2}submit +-> submitted {2}rec_\w+\nv2 {2}\S+ {2}execute +-> executed {2}rec_\w+\n$/,
    );
    const shown = JSON.parse((await run('brk-orders', 'transaction', 'show', transaction)).out) as { state: string };
    expect(shown.state).toBe('executed');
    const envelope = await run('cus-core', 'transaction', 'envelope', transaction, '--scope', 'settlement:read');
    expect(envelope.out).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+\n$/);
    const out = join(folder.path, 'order.envelope');
    const said = await run('brk-orders', 'transaction', 'envelope', transaction, '--out', out);
    expect(JSON.parse(said.out)).toMatchObject({ transaction });
    expect(readFileSync(out, 'utf8').trim().split('.')).toHaveLength(3);
    expect((await refusalOf('am-watcher', 'transaction', 'show', 'txn_x')).code).toBe('transaction_not_found');
    expect((await refusalOf('clr-core', 'transaction', 'show', transaction)).code).toBe('scope_not_allowed');
  });

  it('lists transactions with exceptions, and resolves nothing', async () => {
    const { mandate } = await trading.grantMandates();
    const order = trading.order(mandate);
    const transaction = String(claimsOf(await trading.traderToken(order))['txn']);
    await trading.carry(order, transaction, 'executed');
    await trading.revoke(mandate);
    const clear = () => trading.transition('clr-core', 'clear', transaction, 'late', { cleared_qty: order.max_qty });
    expect((await refusalBy(clear)).code).toBe('mandate_lapsed');

    const settling = ['--scope', 'settlement:read'] as const;
    const list = (...more: readonly string[]) => run('clr-core', 'exception', 'list', ...settling, ...more);
    const listed = await list('--transaction', transaction, '--status', 'open');
    const id = /exc_\w+/.exec(listed.out)?.[0] ?? '';
    expect(listed.out).toContain(`${id}  open     mandate         ${transaction}  clear  mandate_revoked\n`);
    expect(listed.out).toMatch(/^ {2}\w{20} has to deal with it until \d{4}-/m);
    expect((await list('--transaction', transaction, '--overdue')).out).toBe('none\n');
    expect((await run('am-watcher', 'exception', 'list', '--own', '--transaction', transaction)).code).toBe(0);
    const refusal = await refusalOf('clr-core', 'exception', 'resolve', id, '--kind', 'restored');
    expect(refusal.code).toBe('person_token_required');
    expect(refusal.detail).toContain(`/transactions/exceptions/${id}/resolution`);
  });
});
