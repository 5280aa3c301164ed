import { setTimeout as sleep } from 'node:timers/promises';
import { isCodedError } from '@countersign/kernel';
import { createTransport, stepOf } from '@countersign/sdk';
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFailed, vi } from 'vitest';
import { type CodeFlow, codeFlow, textIn } from '../testing/code-flow.ts';
import { clientAssertionType } from '../testing/credentials.ts';
import { verdictOf } from '../testing/negative-matrix.ts';
import { personBrowser } from '../testing/person-browser.ts';
import { type Fields, type RawClient, rawClient } from '../testing/raw-client.ts';
import { createCertificates, registerRelyingParties } from '../testing/relying-parties.ts';
import { claimsOf, openTrading, type Trading } from '../testing/trading.ts';
import type { WireAnswer } from '../testing/wire.ts';
import { type SplitInstallation, startSplitInstallation } from './testing/split-installation.ts';

// Two processes each of edge and core, and one database: a single-use value is accepted once, however many send it at the same
// time, to any of them.

const times = 100;
let installation: SplitInstallation;
let trading: Trading;
let issuer: string;
let addresses: readonly string[];
let broker: RawClient;

/** A client with its address, and its people's code flow. */
interface Desk {
  readonly client: RawClient;
  readonly addresses: readonly string[];
  readonly flow: CodeFlow;
}
const kinds = ['desk-dpop', 'desk-mtls'] as const;
const desks = new Map<(typeof kinds)[number], Desk>();
function deskOf(kind: (typeof kinds)[number]): Desk {
  const desk = desks.get(kind);
  if (desk === undefined) throw new Error(`no ${kind}`);
  return desk;
}

beforeAll(async () => {
  const certificates = createCertificates();
  installation = await startSplitInstallation({ processes: { edge: 2, core: 2 }, certificates });
  ({ issuer } = installation);
  const edges = installation.nodesOf('edge');
  addresses = [issuer, ...edges.slice(1).map(({ address }) => address)];
  const mutualTlsAddresses = edges.flatMap(({ mutualTlsAddress = [] }) => mutualTlsAddress);
  trading = await openTrading(installation);
  const parties = await registerRelyingParties(installation, trading, certificates);
  broker = rawClient({ issuer, id: 'brk-orders', key: trading.firms.key('brk-orders') });

  const person = trading.firms.people.trader.id;
  const proving = rawClient({ issuer, id: 'desk-dpop', key: parties.keyOf('desk-dpop') });
  const plain = rawClient({ issuer, id: 'desk-mtls', key: proving.key, proves: false });
  const { certificatePem, privateKeyPem } = certificates.issued;
  const tls = { authorities: certificates.authority.certificatePem, certificatePem, privateKeyPem };
  // Authenticated only by its certificate, not by a signature.
  const certified: RawClient = {
    ...plain,
    post: (path, fields, { to = mutualTlsAddresses[0] ?? issuer, ...options } = {}) =>
      plain.postOnly(path, [['client_id', plain.id], ...fields], { ...options, to, tls }),
  };
  const flow = (client: RawClient) => codeFlow({ issuer, client, browser: personBrowser(issuer), person });
  desks.set('desk-dpop', { client: proving, addresses, flow: flow(proving) });
  desks.set('desk-mtls', { client: certified, addresses: mutualTlsAddresses, flow: flow(certified) });
  // All must know them before anything is counted.
  for (const desk of desks.values())
    for (const to of desk.addresses)
      await vi.waitFor(async () => expect((await desk.client.post('/token', [], { to })).status).toBe(400), {
        timeout: 60_000,
        interval: 200,
      });
}, 600_000);
afterAll(async () => {
  await trading?.stop();
  await installation?.stop();
}, 240_000);
beforeEach(() => onTestFailed(() => void process.stderr.write(installation.explain())));

/** As many at once, in turn to each process of edge. */
const atOnce = (at: readonly string[], use: (to: string) => Promise<WireAnswer>): Promise<readonly string[]> =>
  Promise.all(Array.from({ length: times }, async (_, index) => verdictOf(await use(at[index % at.length] ?? issuer))));

function expectOneOf(verdicts: readonly string[], refusal: string): void {
  expect(verdicts.filter((verdict) => verdict === 'accepted')).toHaveLength(1);
  expect(verdicts.filter((verdict) => verdict === refusal)).toHaveLength(times - 1);
}

/** As many, ten at a time: their preparation is not part of the race. */
async function inTens<Made>(make: (index: number) => Promise<Made>): Promise<readonly Made[]> {
  const made: Made[] = [];
  while (made.length < times)
    made.push(...(await Promise.all(Array.from({ length: 10 }, (_, index) => make(made.length + index)))));
  return made;
}

/** Retries with the same idempotency key when told to. On a busy machine some are. */
async function untilAnswered<Answer>(ask: () => Promise<Answer>): Promise<Answer> {
  for (let attempt = 1; ; attempt++)
    try {
      return await ask();
    } catch (error) {
      if (!isCodedError(error) || error.category !== 'unavailable' || attempt === 20) throw error;
      await sleep(200);
    }
}

const machine = (): Fields => [
  ['grant_type', 'client_credentials'],
  ['resource', `${issuer}/decisions`],
  ['scope', 'decision:evaluate'],
];

describe('a hundred at once, on two processes of edge and two of core,', () => {
  it('use one client assertion once', async () => {
    const fields: Fields = [
      ['client_assertion_type', clientAssertionType],
      ['client_assertion', broker.assertion()],
      ...machine(),
    ];
    const verdicts = await atOnce(addresses, (to) => broker.postOnly('/token', fields, { to }));
    expectOneOf(verdicts, '401 invalid_client client_assertion_replayed');
  });

  it('use one DPoP proof once', async () => {
    const dpop = [broker.proof(`${issuer}/token`)];
    expectOneOf(
      await atOnce(addresses, (to) => broker.post('/token', machine(), { to, dpop })),
      '400 invalid_dpop_proof proof_replayed',
    );
  });

  it.each(kinds)('redeem one authorization code of %s once', async (kind) => {
    const { flow, addresses: at } = deskOf(kind);
    const allowed = await flow.allow();
    const verdicts = await atOnce(at, (to) => flow.redeem(allowed, [], { to }));
    expect(verdicts.filter((verdict) => verdict === 'accepted')).toHaveLength(1);
    const refusals = new Set(verdicts.filter((verdict) => verdict !== 'accepted'));
    for (const refusal of refusals) expect(refusal).toMatch(/^400 invalid_grant (?:code_replayed|grant_ended)$/);
  });

  it.each(kinds)('refresh with one token of %s, each with its own record', async (kind) => {
    const { client, flow, addresses: at } = deskOf(kind);
    const redeemed = await flow.redeem(await flow.allow([['scope', 'openid offline_access']]), []);
    const refreshToken = textIn(redeemed, 'refresh_token');
    const issued = async () =>
      (await installation.operator.records({ type: 'token.issued' })).filter((record) => record.client === client.id)
        .length;
    const before = await issued();
    expect(new Set(await atOnce(at, (to) => flow.refresh(refreshToken, [], { to })))).toEqual(new Set(['accepted']));
    expect(await issued()).toBe(before + times);
  });

  it('take one step of an order once, by one key', async () => {
    const { mandate } = await trading.grantMandates();
    const token = await trading.traderToken(trading.order(mandate));
    const transaction = String(claimsOf(token)['txn']);
    const transport = createTransport({ timeoutMs: 60_000 });
    const racers = await inTens(async (index) => {
      const to = addresses[index % addresses.length] ?? issuer;
      const client = trading.firms.client('brk-orders', {
        transport: { send: (request) => transport.send({ ...request, url: request.url.replace(issuer, to) }) },
      });
      const submitting = await client.clientCredentials({
        resource: `${issuer}/transactions`,
        scope: 'order:create',
        authorizationDetails: [stepOf({ issuer, transaction, event: 'submit' })],
      });
      return { client, submitting };
    });
    const url = `${issuer}/transactions/${transaction}/transitions`;
    const receipts = await Promise.all(
      racers.map(async ({ client, submitting }) => {
        const body = { event: 'submit', body: {} };
        const submit = () => client.callOrThrow(submitting, { method: 'POST', url, idempotencyKey: 'S-1', body });
        return (await untilAnswered(submit)) as { readonly recordId: string; readonly replayed: boolean };
      }),
    );
    expect(receipts.filter(({ replayed }) => !replayed)).toHaveLength(1);
    expect(new Set(receipts.map(({ recordId }) => recordId)).size).toBe(1);
    const steps = await installation.operator.records({ transaction, type: 'transaction.transitioned' });
    expect(steps.map(({ id }) => String(id))).toEqual([receipts[0]?.recordId]);
  });

  it('without any internal error', () => {
    for (const node of installation.nodes) expect(node.said()).not.toContain('by a fault of ours');
  });
});

describe('two processes of core, one of them killed,', () => {
  it('keep answering; only the callers with a request in progress notice', async () => {
    const [first] = installation.nodesOf('core');
    await first?.kill();
    const verdicts: string[] = [];
    for (let asked = 0; asked < 40; asked++)
      verdicts.push(
        verdictOf(await broker.post('/token', machine(), { to: addresses[asked % addresses.length] ?? issuer })),
      );
    expect(new Set(verdicts.map((verdict) => verdict.slice(0, 3)))).not.toContain('500');
    expect(new Set(verdicts.slice(-10))).toEqual(new Set(['accepted']));
    await first?.start();
    expect(await first?.isReady()).toBe(true);
  });
});
