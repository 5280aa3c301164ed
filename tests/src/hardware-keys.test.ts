import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type KeyPurpose, keyPurposes } from '@countersign/contracts';
import { isCodedError } from '@countersign/kernel';
import { createLogger } from '@countersign/runtime';
import { type Configuration, readConfiguration } from '@countersign/server';
import { codeOf, components, findComponent, findSoftHsm, makeSoftToken, type SoftToken } from '@countersign/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { countersign } from './testing/command.ts';
import { configurationIn, type RunningControlPlane, runControlPlane } from './testing/control-plane.ts';
import { scratchFolder } from './testing/scratch-folder.ts';
import { claimsOf, openTrading, type Trading } from './testing/trading.ts';

const softHsm = findSoftHsm();
const pkcs11Tool = findComponent(components.pkcs11Tool);
const logger = createLogger({ level: 'silent', name: 'test' });
const skipped = softHsm.found ? '' : ` (skipped: ${softHsm.reason})`;
const folder = scratchFolder();
let token: SoftToken;
let configuration: Configuration;
let controlPlane: RunningControlPlane;

const withKeys = (keys: Readonly<Record<string, unknown>>, others: object = {}): Configuration =>
  readConfiguration({ ...configuration, ...others, keys: { pkcs11: token.settings, ...keys } });

const start = (settings: Configuration) => runControlPlane(settings, { logger });

interface ListedKey {
  readonly purpose: KeyPurpose;
  readonly kid: string;
  readonly state: string;
  readonly driver: string;
  readonly token?: { readonly serial: string; readonly label: string; readonly id: string };
}

const listed = async (): Promise<readonly ListedKey[]> =>
  (
    (await controlPlane.operator.call('keys', 'key:rotate', { method: 'GET', path: '/keys' })) as {
      keys: readonly ListedKey[];
    }
  ).keys;

const get = (path: string) => ({ method: 'GET' as const, path });

/** Signer processes that this process has started. */
function signerProcesses(): readonly number[] {
  return readdirSync('/proc')
    .map(Number)
    .filter((pid) => {
      try {
        const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
        const [, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
        return (
          Number(parent) === process.pid && readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('signer-process')
        );
      } catch {
        // It has ended meanwhile.
        return false;
      }
    });
}

describe.skipIf(!softHsm.found)(`a control plane with its keys in a token${skipped}`, () => {
  let trading: Trading;
  beforeAll(async () => {
    token = makeSoftToken();
    const data = join(folder.path, 'data');
    mkdirSync(data);
    configuration = await configurationIn(data);
    controlPlane = await start(withKeys({ driver: 'pkcs11' }));
    trading = await openTrading(controlPlane);
  });
  afterAll(async () => {
    await trading?.stop();
    await controlPlane?.stop();
    token?.dispose();
    folder.remove();
  });

  it('shows where every key is', async () => {
    const keys = await listed();
    expect(keys.map(({ purpose }) => purpose)).toEqual(
      // The others get a key at their first signature.
      keyPurposes.filter((purpose) => !/^(?:id-token-|certificate-)/.test(purpose)),
    );
    for (const { purpose, driver, token: place } of keys) {
      expect(driver).toBe('pkcs11');
      expect(place).toMatchObject({ label: `countersign ${purpose}`, id: expect.stringMatching(/^[0-9a-f]{32}$/) });
    }
  });

  it('records where each key was made, and that it cannot leave the token', async () => {
    const records = await controlPlane.operator.records({ type: 'key.published' });
    const keys = await listed();
    expect(new Set(records.map(({ data }) => (data as { kid: string }).kid))).toEqual(
      new Set(keys.map(({ kid }) => kid)),
    );
    for (const { data } of records) {
      const { kid, custody } = data as { kid: string; custody: object };
      const { serial, label, id } = keys.find((key) => key.kid === kid)?.token ?? {};
      expect(custody).toEqual({
        ...{ driver: 'pkcs11', token: serial, label, id },
        attributes: {
          ...{ sensitive: true, always_sensitive: true, extractable: false, never_extractable: true, local: true },
          ...{ sign: true, decrypt: false, unwrap: false, derive: false },
        },
      });
    }
  });

  it.skipIf(!pkcs11Tool.found)('shares its keys with pkcs11-tool, which shows what the records say', async () => {
    const objects = token.tool('--list-objects', '--type', 'privkey');
    for (const { token: place } of await listed()) expect(objects).toContain(place?.id);
    const accesses = objects.split('\n').flatMap((line) => (line.includes('Access:') ? [line.trim()] : []));
    expect(new Set(accesses)).toEqual(new Set(['Access:     sensitive, always sensitive, never extractable, local']));
  });

  it('takes an order from mandate to settlement, with a token, checkpoints, envelopes and time stamps', async () => {
    const { mandate } = await trading.grantMandates();
    const order = trading.order(mandate);
    const claims = claimsOf(await trading.traderToken(order));
    const transaction = String(claims['txn']);
    await trading.carry(order, transaction, 'settled');
    await trading.call('brk-orders', 'transactions', 'order:read', get(`/transactions/${transaction}/envelope`));
    const { issuer } = controlPlane;
    for (const path of ['/log/checkpoint', '/revocations', '/timestamps/certificate', '/mandates/keys'])
      expect((await fetch(`${issuer}${path}`)).status, path).toBe(200);
    const { stdout } = await countersign(['--data', configuration.dataFolder, 'log', 'verify']);
    expect(stdout).toMatch(/^ok\s+\d+ entries hash to the signed root/);
    const shown = await countersign(['--data', configuration.dataFolder, 'key', 'list']);
    expect(shown.stdout).toMatch(/^mandate +active +\S+ {2}0 days {2}token [0-9a-f]{16} [0-9a-f]{32}$/m);
  });

  it('signs with RSA for clients that request it', async () => {
    for (const purpose of ['id-token-ps256', 'id-token-rs256']) {
      await controlPlane.operator.call('keys', 'key:rotate', {
        method: 'POST',
        path: `/keys/${purpose}/rotate`,
        body: {},
      });
      expect((await listed()).find((key) => key.purpose === purpose)).toMatchObject({ driver: 'pkcs11' });
    }
  });

  it.each(keyPurposes)('refuses to sign for %s anything but a statement of this purpose', async (purpose) => {
    const signer = controlPlane.components.signers[purpose];
    const { kid, algorithm } = await signer.current(purpose);
    const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
    const jwt = encode({ alg: algorithm, typ: 'dpop+jwt', kid });
    for (const data of ['anything', `${jwt}.${encode({ iss: controlPlane.issuer })}`, 'another.log\n1\nAAAA\n', '{}'])
      expect(await codeOf(signer.sign(purpose, kid, Buffer.from(data)))).toBe('signing_key_unavailable');
  });

  it('releases a token and its record, or neither, when the signer is killed', async () => {
    const before = await issuedRecords();
    const ask = () =>
      controlPlane.operator.client.clientCredentials({
        resource: `${controlPlane.issuer}/decisions`,
        scope: 'decision:evaluate',
      });
    const asked = Array.from({ length: 40 }, ask);
    for (const pid of signerProcesses()) process.kill(pid, 'SIGKILL');
    const results = await Promise.allSettled(asked);
    const evidence = results.flatMap((result) =>
      result.status === 'fulfilled' ? [claimsOf(result.value)['evidence']] : [],
    );
    for (const result of results)
      if (result.status === 'rejected') expect(isCodedError(result.reason), String(result.reason)).toBe(true);
    await expect
      .poll(() =>
        ask().then(
          () => true,
          () => false,
        ),
      )
      .toBe(true);
    const after = (await issuedRecords()).filter((id) => !before.includes(id));
    expect(new Set(after).size).toBe(after.length);
    for (const id of evidence) expect(after).toContain(id);
    // A refused request left no record of a token.
    expect((await recordsOfAudience()).filter((id) => after.includes(id))).toHaveLength(evidence.length + 1);
  });

  const issuedRecords = async (): Promise<readonly string[]> =>
    (await controlPlane.operator.records({ type: 'token.issued' })).map(({ id }) => id);
  const recordsOfAudience = async (): Promise<readonly string[]> =>
    (await controlPlane.operator.records({ type: 'token.issued' }))
      .filter(({ audience }) => audience?.includes(`${controlPlane.issuer}/decisions`))
      .map(({ id }) => id);

  it('finds its keys again after a restart', async () => {
    const before = (await listed()).map(({ kid }) => kid);
    await controlPlane.stop();
    controlPlane = await start(withKeys({ driver: 'pkcs11' }));
    expect((await listed()).map(({ kid }) => kid)).toEqual(before);
  });

  it('starts with a key-encryption key that only the token can decrypt', async () => {
    await controlPlane.stop();
    const file = join(folder.path, 'configuration.json');
    const out = join(folder.path, 'key-encryption-key.wrapped');
    writeFileSync(file, JSON.stringify(withKeys({ driver: 'pkcs11' })));
    const described = await countersign(['key', 'token', '--config', file]);
    expect(described.stdout).toMatch(/^countersign {2}[0-9a-f]{16} {2}SoftHSM/);
    const wrapped = await countersign(['key', 'wrap', '--config', file, '--out', out]);
    expect(wrapped.stdout).toContain('encrypted by countersign');
    expect((await countersign(['key', 'wrap', '--config', file, '--out', out])).stderr).toContain('exists already');
    const secret = readFileSync(join(configuration.dataFolder, 'key-encryption-key'), 'utf8').trim();
    expect(readFileSync(out, 'utf8')).toMatch(/^pkcs11:[A-Za-z0-9_-]+\n$/);
    expect(readFileSync(out, 'utf8')).not.toContain(secret);
    const others = { keyEncryptionKey: `file:${out}` };
    controlPlane = await start(withKeys({ driver: 'pkcs11' }, others));
    expect(await listed()).toHaveLength(keyPurposes.length);
    await controlPlane.stop();
    const withoutToken = readConfiguration({ ...configuration, ...others });
    expect(await codeOf(start(withoutToken))).toBe('configuration_invalid');
    controlPlane = await start(withKeys({ driver: 'pkcs11' }));
  });

  it('publishes successors as configured, and keeps the keys that cannot be replaced', async () => {
    await controlPlane.stop();
    // The log and the issuing authorities are identified by their keys.
    const kept = keyPurposes.filter((purpose) => /^(?:log-checkpoint|certificate-)/.test(purpose));
    expect(kept.length).toBeGreaterThan(5);
    const inSoftware = { driver: 'software', drivers: Object.fromEntries(kept.map((purpose) => [purpose, 'pkcs11'])) };
    expect(await codeOf(start(withKeys({ driver: 'software' })))).toBe('key_custody_differs');
    controlPlane = await start(withKeys(inSoftware));
    const keys = await listed();
    const waiting = keys.filter(({ state }) => state === 'published');
    expect(waiting.map(({ purpose }) => purpose)).toEqual(keyPurposes.filter((purpose) => !kept.includes(purpose)));
    expect(new Set(waiting.map(({ driver }) => driver))).toEqual(new Set(['software']));
    expect(keys.filter(({ state }) => state === 'active').every(({ driver }) => driver === 'pkcs11')).toBe(true);
    await controlPlane.operator.client.clientCredentials({
      resource: `${controlPlane.issuer}/decisions`,
      scope: 'decision:evaluate',
    });
  });

  it.skipIf(!pkcs11Tool.found)('does not start if another key has the label and id of one of its keys', async () => {
    const { token: place } =
      (await listed()).find(({ purpose, state }) => purpose === 'mandate' && state === 'active') ?? {};
    await controlPlane.stop();
    const copy = [
      '--keypairgen',
      '--key-type',
      'EC:prime256v1',
      '--label',
      place?.label ?? '',
      '--id',
      place?.id ?? '',
    ];
    token.tool(...copy);
    const keys = { driver: 'pkcs11' };
    expect(await codeOf(start(withKeys(keys)))).toBe('hardware_key_ambiguous');
    for (const type of ['privkey', 'pubkey'])
      for (const _ of [1, 2])
        token.tool('--delete-object', '--type', type, '--label', place?.label ?? '', '--id', place?.id ?? '');

    // The token now has none of them: it starts only if the operator permits replacing the lost key.
    expect(await codeOf(start(withKeys(keys)))).toBe('hardware_key_missing');
    controlPlane = await start(withKeys({ ...keys, replaceLost: ['mandate'] }));
    const mandateKeys = (await listed()).filter(({ purpose }) => purpose === 'mandate');
    expect(mandateKeys.find(({ state }) => state === 'active')).toMatchObject({ driver: 'pkcs11' });
    expect(mandateKeys.map(({ token: found }) => found?.id)).not.toContain(place?.id);
    const withdrawn = await controlPlane.operator.records({ type: 'key.withdrawn' });
    expect(withdrawn.map(({ data }) => (data as { purpose: string }).purpose)).toEqual(['mandate']);
  });
});
