import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { digestOfIntent } from '@countersign/market';
import { generateSigningKey } from '@countersign/sdk';
import { components, findComponent, findSoftHsm, makeSoftToken, type SoftToken } from '@countersign/testkit';
import { decodePem } from '@countersign/x509';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { acceptAuthority } from './testing/accept-authority.ts';
import { countersign, type Outcome } from './testing/command.ts';
import { configurationIn, type RunningControlPlane, runControlPlane } from './testing/control-plane.ts';
import { leis } from './testing/firms.ts';
import { scratchFolder } from './testing/scratch-folder.ts';
import { claimsOf, large, openTrading, type Trading } from './testing/trading.ts';

// A supervisor approves orders with a card: SoftHSM, with a key made by pkcs11-tool, as a firm makes its cards.

const needed = [findSoftHsm(), findComponent(components.pkcs11Tool)];
const missing = needed.flatMap((each) => (each.found ? [] : [each.reason]));

describe.skipIf(missing.length > 0)(`approval with a smart card ${missing.join('; ')}`.trim(), () => {
  const folder = scratchFolder();
  const site = scratchFolder();
  const path = (name: string) => join(site.path, name);
  let controlPlane: RunningControlPlane;
  let trading: Trading;
  let card: SoftToken;

  beforeAll(async () => {
    card = makeSoftToken({ label: 'bernd' });
    controlPlane = await runControlPlane(await configurationIn(folder.path));
    trading = await openTrading(controlPlane);
    await acceptAuthority(controlPlane, 'person');
    const key = generateSigningKey();
    writeFileSync(path('client.jwk'), JSON.stringify(key.privateJwk));
    await controlPlane.operator.call('directory', 'directory:apply', {
      method: 'POST',
      path: '/directory/apply',
      body: {
        services: [{ id: 'service:ha-cards', institution: leis.arranger, roles: [] }],
        clients: [
          {
            id: 'ha-cards',
            institution: leis.arranger,
            principal: 'service:ha-cards',
            grant_types: ['client_credentials'],
            scopes: ['order:approve', 'certificate:issue', 'certificate:revoke'],
            audiences: [`${controlPlane.issuer}/transactions`, `${controlPlane.issuer}/certificates`],
            jwks: { keys: [{ ...key.publicJwk, kid: key.kid }] },
          },
        ],
      },
    });
  });
  afterAll(async () => {
    await trading?.stop();
    await controlPlane?.stop();
    card?.dispose();
    folder.remove();
    site.remove();
  });

  const command = (...words: readonly string[]): Promise<Outcome> =>
    countersign(['--url', controlPlane.issuer, '--client', 'ha-cards', '--key', path('client.jwk'), ...words]);
  const withCard = () => ['--pkcs11', card.module, '--token', 'bernd', '--pin', card.pinReference];

  /** An order that needs a supervisor, with the digest that the command shows. */
  async function orderToApprove(): Promise<{ readonly transaction: string; readonly digest: string }> {
    const { mandate } = await trading.grantMandates();
    const order = trading.order(mandate, large);
    const refused = await trading.traderToken(order).then(
      (token) => claimsOf(token),
      (error: { facts?: Readonly<Record<string, unknown>> }) => error.facts ?? {},
    );
    const transaction = String(refused['txn'] ?? refused['transaction']);
    const shown = await command('transaction', 'approval', transaction);
    const [, digest = ''] = /digest (\S+)/.exec(shown.stdout) ?? [];
    expect(digest).toBe(digestOfIntent(order));
    return { transaction, digest };
  }

  /** A key on the card, certified for the supervisor. @returns the serial number of the certificate */
  async function certify(id: string, ...options: readonly string[]): Promise<string> {
    card.tool('--keypairgen', '--id', id, '--label', `approvals ${id}`, '--usage-sign', ...options);
    const asked = await command('card', 'request', ...withCard(), '--certificate', id, '--out', path('request.pem'));
    expect(asked).toMatchObject({ code: 0 });
    const request = ['--request', path('request.pem'), '--out', path('card.pem')];
    const issued = await command('pki', 'issue', 'operator-approval', 'person:bernd.vogt', ...request);
    expect(issued).toMatchObject({ code: 0, stderr: '' });
    const [pem = ''] = readFileSync(path('card.pem'), 'utf8').split(/(?<=-----END CERTIFICATE-----\n)/);
    writeFileSync(path('card.der'), decodePem(pem, 'CERTIFICATE') ?? '');
    card.tool('--write-object', path('card.der'), '--type', 'cert', '--id', id, '--label', `approvals ${id}`);
    return issued.stdout.slice(0, 32);
  }

  it('signs the digest that was shown, and a third party verifies the approval offline', async () => {
    await certify('01', '--key-type', 'EC:prime256v1');
    const { transaction, digest } = await orderToApprove();
    const wrong = await command('approve', transaction, ...withCard(), '--digest', 'A'.repeat(43));
    expect(wrong.stderr).toContain('approval_terms_changed');
    const approved = await command('approve', transaction, ...withCard(), '--digest', digest);
    expect(approved).toMatchObject({ code: 0, stderr: '' });
    expect(approved.stdout).toMatch(/^apr_\S+ {2}person:bernd\.vogt as supervisor, until /);
    await trading.transition('brk-orders', 'submit', transaction as never, `submit-${transaction}`);

    const given = (await controlPlane.operator.records({ type: 'approval.given' })).at(-1);
    expect(given).toMatchObject({ subject: { id: 'person:bernd.vogt' }, certificate: { serial: expect.any(String) } });
    const bundle = path('bundle.json');
    const own = ['--data', folder.path];
    expect(
      await countersign([...own, 'evidence', 'export', '--transaction', transaction, '--out', bundle]),
    ).toMatchObject({ code: 0 });
    const verified = await countersign([...own, 'evidence', 'verify', bundle, '--json']);
    expect(verified.stdout).toContain('1 of them with a certificate that was good when it signed');
    expect(verified.stdout).not.toContain('"ok": false');
  });

  it('signs with a key that asks for the PIN at each signature, as PIV requires', async () => {
    await certify('02', '--key-type', 'EC:prime256v1', '--always-auth');
    const { transaction, digest } = await orderToApprove();
    const several = await command('approve', transaction, ...withCard(), '--digest', digest);
    expect(several.stderr).toContain('card_unusable');
    const chosen = ['--certificate', '02', '--out', path('approval.jws')];
    expect(await command('approve', transaction, ...withCard(), '--digest', digest, ...chosen)).toMatchObject({
      code: 0,
    });
    expect(readFileSync(path('approval.jws'), 'utf8').split('.')).toHaveLength(3);
  });

  it('is refused at once when its certificate has been revoked', async () => {
    const serial = await certify('03', '--key-type', 'EC:prime256v1');
    const { transaction, digest } = await orderToApprove();
    await command('pki', 'revoke', serial, '--reason', 'keyCompromise');
    const refused = await command('approve', transaction, ...withCard(), '--digest', digest, '--certificate', '03');
    expect(refused.stderr).toContain('certificate_revoked');
    expect((await controlPlane.operator.records({ type: 'approval.refused' })).at(-1)).toMatchObject({
      reason: 'certificate_revoked',
    });
  });

  it('tries a wrong PIN once', async () => {
    const { transaction, digest } = await orderToApprove();
    writeFileSync(path('pin'), '000000');
    const words = ['--pkcs11', card.module, '--token', 'bernd', '--pin', `file:${path('pin')}`, '--digest', digest];
    expect((await command('approve', transaction, ...words)).stderr).toContain('hardware_pin_refused');
    expect(
      (await command('approve', transaction, '--pkcs11', '/none.so', '--pin', 'env:NONE', '--digest', digest)).stderr,
    ).toContain('secret_unavailable');
  });
});
