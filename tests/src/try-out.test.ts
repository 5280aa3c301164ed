import { join } from 'node:path';
import { systemClock } from '@countersign/kernel';
import { createLogger } from '@countersign/runtime';
import { type Configuration, type ControlPlane, startControlPlane } from '@countersign/server';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { proofOf } from '../../apps/server/src/try-out/proof.ts';
import { createTryOut } from '../../apps/server/src/try-out/try-out.ts';
import { type Browser, createBrowser, factsOn, titleOf } from '../../examples/src/demo/browser.ts';
import { openApproval, registerKey, signApproval } from '../../examples/src/demo/supervisor.ts';
import { configurationIn, type Operator, operatorOf } from './testing/control-plane.ts';
import { scratchFolder } from './testing/scratch-folder.ts';

const folder = scratchFolder();
const logger = createLogger({ level: 'silent', name: 'test' });
const keyFile = (name: string) => join(folder.path, name);
const tryOut = {
  operatorKeyFile: keyFile('operator.jwk'),
  approverKeyFile: keyFile('approver.jwk'),
  complianceKeyFile: keyFile('compliance.jwk'),
};
let configuration: Configuration;
let controlPlane: ControlPlane;
let operator: Operator;

beforeAll(async () => {
  configuration = await configurationIn(folder.path);
  controlPlane = await startControlPlane(configuration, { logger, tryOut, unfitRecords: 'throw' });
  operator = operatorOf(folder.path, configuration.issuer);
}, 120_000);
afterAll(async () => {
  await controlPlane?.stop();
  folder.remove();
});

/** Presses one of the two buttons of the page. */
const press = (browser: Browser, button: 'key' | 'order') =>
  browser.send({ action: new URL(`${configuration.issuer}/try/${button}`), fields: {} }, {});

describe('the try-out of a development installation', () => {
  it('creates nothing when it is viewed, and uses the viewer’s language', async () => {
    const page = await createBrowser().open(`${configuration.issuer}/try`);
    expect(titleOf(page)).toBe('Try it');
    const german = await fetch(`${configuration.issuer}/try`, { headers: { 'accept-language': 'de-CH' } });
    expect(german.headers.get('content-security-policy')).toContain("default-src 'none'");
    expect(await german.text()).toContain('<html lang="de">');
    expect(await operator.records({ type: 'directory.applied' })).toEqual([]);
  });

  it('accepts no button press from another site', async () => {
    for (const headers of [{ origin: 'https://evil.example' }, { 'sec-fetch-site': 'cross-site' }, {}]) {
      const answer = await fetch(`${configuration.issuer}/try/order`, { method: 'POST', headers, redirect: 'manual' });
      expect(answer.status).toBe(403);
      expect(await answer.text()).toContain('csrf_token_invalid');
    }
    expect(await operator.records({ type: 'directory.applied' })).toEqual([]);
  });

  it('leads a visitor from nothing to an approval signed with their own key', async () => {
    const invited = await press(createBrowser(), 'key');
    expect(invited.url.pathname).toMatch(/^\/enrol\/[\w-]{43}$/);
    const visitor = factsOn(invited).get('Person');
    expect(visitor).toBe('person:try-out.visitor-1');
    const supervisor = await registerKey(invited.url.href);

    const asked = await press(supervisor.browser, 'order');
    expect(asked.url.pathname).toMatch(/^\/sign-in\//);
    const [token] = (await operator.records({ type: 'token.issued' })).filter(
      ({ subject }) => subject?.id === 'agent:try-out-algorithm',
    );
    const address = `${configuration.issuer}/approve/${token?.transaction ?? ''}`;
    const page = await openApproval(supervisor, address);
    expect(Object.fromEntries(factsOn(page))).toMatchObject({
      Side: 'Buy',
      Quantity: 'at most 5,000',
      'Started by': 'agent:try-out-algorithm',
      'You approve as': 'supervisor',
    });
    await signApproval(supervisor, page);
    const [given] = await operator.records({ type: 'approval.given' });
    expect(given).toMatchObject({ transaction: token?.transaction, data: { statement: { claims: { iss: visitor } } } });
  });

  it('invites the next visitor as another person, and each again until they have a key', async () => {
    const names = [await press(createBrowser(), 'key'), await press(createBrowser(), 'key')].map((page) =>
      factsOn(page).get('Person'),
    );
    expect(names).toEqual(['person:try-out.visitor-2', 'person:try-out.visitor-2']);
  });

  it('does one thing at a time', async () => {
    const before = await operator.records({ type: 'transaction.opened' });
    const example = createTryOut({ configuration, ...tryOut, clock: systemClock });
    const first = example.placeOrder();
    for (const again of [example.placeOrder(), example.inviteVisitor()])
      await expect(again).rejects.toMatchObject({ code: 'try_out_busy' });
    const { transaction } = await first;
    const opened = await operator.records({ type: 'transaction.opened' });
    expect(opened.slice(before.length).map((record) => record.transaction)).toEqual([transaction]);
    expect((await example.placeOrder()).transaction).not.toBe(transaction);
  });

  it('shows the evidence of its own orders, and of no other transaction', async () => {
    const example = createTryOut({ configuration, ...tryOut, clock: systemClock });
    const { transaction } = await example.placeOrder();
    const proof = await example.proofOf(transaction);
    expect(proof).toMatchObject({ transaction, verdict: 'verified', approved: false });
    const files = await Promise.all(
      ['bundle', 'trust'].map((file) => fetch(`${configuration.issuer}/try/proof/${transaction}/${file}`)),
    );
    for (const file of files)
      expect([file.status, file.headers.get('content-disposition')]).toEqual([200, 'attachment']);
    expect(await files[0]?.json()).toMatchObject({ transaction });
    const exported: unknown = JSON.parse(proof.bundle);
    // The same records with another token holder: the order's owner is determined by them alone.
    const leaves = (exported as { records: { leaf?: string }[] }).records.map((each) => ({
      ...each,
      ...(each.leaf === undefined
        ? {}
        : {
            leaf: Buffer.from(
              Buffer.from(each.leaf, 'base64url')
                .toString()
                .replaceAll('agent:try-out-algorithm', 'agent:another-algorithm'),
            ).toString('base64url'),
          }),
    }));
    expect(() => proofOf(transaction, { ...(exported as object), records: leaves })).toThrow(
      expect.objectContaining({ code: 'transaction_without_records' }),
    );
    for (const path of [transaction.replace('txn_', 'mnd_'), 'txn_01jd0000000000000000000000'])
      expect((await fetch(`${configuration.issuer}/try/proof/${path}`)).status).toBe(404);
  });

  it('continues with its data after a restart', async () => {
    await controlPlane.stop();
    controlPlane = await startControlPlane(configuration, { logger, tryOut, unfitRecords: 'throw' });
    expect((await press(createBrowser(), 'order')).url.pathname).toMatch(/^\/sign-in\//);
    expect(await operator.records({ type: 'mandate.proposed' })).toHaveLength(1);
  });

  it('is off by default, and does not start in production', async () => {
    await controlPlane.stop();
    controlPlane = await startControlPlane(configuration, { logger });
    for (const path of ['/try', '/try/key', '/try/order'])
      for (const method of ['GET', 'POST'])
        expect((await fetch(configuration.issuer + path, { method })).status).toBe(404);
    await expect(
      startControlPlane({ ...configuration, environment: 'production' }, { logger, tryOut }),
    ).rejects.toMatchObject({ code: 'configuration_unsafe' });
  });
});
