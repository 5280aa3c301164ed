import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { digestOfIntent, type TradeOrder } from '@countersign/market';
import { type Client, createClient, importSigningKey, refusalOf, stepOf } from '@countersign/sdk';
import { loseCore } from './absence.ts';
import { titleOf } from './browser.ts';
import type { Processes } from './processes.ts';
import { type Approver, copyOf, openApproval, registerKey, shownOn, signApproval } from './supervisor.ts';
import { changeState, inventApproval, transactionOf } from './thief.ts';
import {
  approve,
  claimsOf,
  grantMandates,
  orderToken,
  PlayFailed,
  readOrders,
  refusals,
  type Stage,
  sendOrder,
  signInTrader,
} from './workflow.ts';

/** The whole demo, chapter by chapter. Returns the transaction whose evidence is exported at the end. */
export async function play(
  stage: Stage,
  processes: Processes,
  options: { readonly operate: readonly string[]; readonly dataFolder: string; readonly folder: string },
): Promise<void> {
  const { cast, addresses, timeline } = stage;
  const refused = refusals(timeline);
  const operate = (...args: readonly string[]): Promise<string> => processes.run(...options.operate, ...args);

  timeline.chapter('Five firms are set up from a file');
  const changes = await operate('directory', 'apply', cast.directoryFile);
  timeline.done(`countersign directory apply: ${changes.trim().split('\n').at(-1) ?? ''}`);
  const reason = ['--reason', 'Onboarding of the arranger'];
  const proposed = await operate('partner', 'apply', cast.trustProfileFile, ...reason);
  const [change = '', digest = ''] = /change approve (\S+) --digest ([\w-]+)/.exec(proposed)?.slice(1) ?? [];
  const second = ['--client', 'countersign-approver', '--key', join(options.dataFolder, 'approver.jwk')];
  await operate(...second, 'change', 'approve', change, '--digest', digest);
  timeline.done("the arranger's identity provider is trusted, within its profile: one proposed it, another approved");
  const checkpointFile = join(options.folder, 'kept.checkpoint');
  const checkpoint = await operate('log', 'checkpoint');
  writeFileSync(checkpointFile, checkpoint);
  const published = (await (await fetch(`${addresses.issuer}/.well-known/countersign`)).json()) as {
    log: { verifier_key: string };
  };
  // Stored before the first order exists, so that the auditor's trusted inputs do not come from the bundle.
  writeFileSync(
    join(options.folder, 'trust.json'),
    JSON.stringify({ logVerifierKey: published.log.verifier_key, checkpoint }),
  );
  timeline.done("an auditor keeps the log's key and a checkpoint, before the first order", checkpointFile);
  const { issuer } = addresses;
  const operatorKey: unknown = JSON.parse(readFileSync(join(options.dataFolder, 'operator.jwk'), 'utf8'));
  const software = createClient({ issuer, clientId: 'countersign-cli', key: importSigningKey(operatorKey) });
  await refused("the operator's software, which would change the rules without a person", 'access_denied', () =>
    software.clientCredentials({ resource: `${issuer}/policies`, scope: 'policy:propose' }),
  );
  const supervisor = await inviteSupervisor(stage, operate);

  timeline.chapter('A mandate, and a narrower one cut from it');
  const { mandate } = await grantMandates(stage);

  timeline.chapter("Orders come from the order system's files");
  const [large, small, lapsing] = readOrders(stage, mandate);
  if (large === undefined || small === undefined || lapsing === undefined)
    throw new PlayFailed('orders.json must hold three orders');

  timeline.chapter('A trader signs in at the own identity provider; the order system asks for a token');
  const transaction = await tradeWithApproval(stage, operate, large, supervisor);

  timeline.chapter('The certified agent trades without a person; another model does not');
  await tradeByAgent(stage, small);

  timeline.chapter('To clearing and custody, narrower at each hop; settled once');
  await settle(stage, transaction, large);

  timeline.chapter('The mandate is revoked between execution and settlement');
  await lapse(stage, lapsing, mandate);

  timeline.chapter('The proof');
  await prove(stage, operate, { transaction, checkpointFile, folder: options.folder });
}

/** Registers a key for the supervisor. There are no passwords, so the first key needs an invitation. */
async function inviteSupervisor(
  { cast, timeline }: Stage,
  operate: (...args: readonly string[]) => Promise<string>,
): Promise<Approver> {
  const refused = refusals(timeline);
  const { id } = cast.people.supervisor;
  const invited = await operate('authenticator', 'invite', id, '--evidence', 'Employee file 4711, seen in person');
  const link = invited.split('\n', 1)[0] ?? '';
  timeline.done('countersign authenticator invite: bernd.vogt gets a link that works once');
  const supervisor = await registerKey(link);
  timeline.done('bernd.vogt opens it and registers a security key (here one in software)');
  await refused('the same link, for a key of somebody else', 'invitation_unknown', () => registerKey(link));
  return supervisor;
}

async function tradeWithApproval(
  stage: Stage,
  operate: (...args: readonly string[]) => Promise<string>,
  order: TradeOrder,
  supervisor: Approver,
): Promise<string> {
  const { cast, addresses, installation, timeline } = stage;
  const refused = refusals(timeline);
  const oms = cast.client('ha-oms');
  const { assertion, idToken } = await signInTrader(stage);
  const weak = await signInTrader(stage, 'anna-by-password');
  await refused('the assertion, sent in by another firm', ['invalid_grant', 'unauthorized_client'], () =>
    orderToken(stage, cast.client('brk-orders'), order, assertion),
  );
  await refused("the trader's ID token, which is meant for the order system", 'invalid_grant', () =>
    orderToken(stage, oms, order, idToken),
  );
  await refused('an assertion after a sign-in by password', 'invalid_grant', () =>
    orderToken(stage, oms, order, weak.assertion),
  );
  await refused('an assertion with a forged signature', 'invalid_grant', () =>
    orderToken(stage, oms, order, forged(assertion)),
  );
  const overLimit = {
    ...order,
    max_notional: { amount: '5000001', ccy: order.max_notional.ccy },
    idempotency_key: `${order.idempotency_key}-x`,
  } as TradeOrder;
  await refused('an order above the mandate, by one euro', 'access_denied', () =>
    orderToken(stage, oms, overLimit, assertion),
  );
  const relabelled = {
    ...order,
    instrument: { ...order.instrument, cfi: 'DBVTFB' },
    idempotency_key: `${order.idempotency_key}-y`,
  } as TradeOrder;
  const { assertion: another } = await signInTrader(stage);
  await refused('the same bond, which the trader calls another class of bonds', 'access_denied', () =>
    orderToken(stage, oms, relabelled, another),
  );
  const { assertion: fresh } = await signInTrader(stage);
  const first = await orderToken(stage, oms, order, fresh);
  const claims = claimsOf(first);
  const digest = digestOfIntent(order);
  if (claims['intent_digest'] !== digest) throw new PlayFailed('the token carries another intent than was asked for');
  const transaction = String(claims['txn']);
  timeline.done(
    `anna.keller may place this order at the broker for ${Math.round((first.expiresAt - Date.now()) / 1000)} s`,
    transaction,
  );
  timeline.note(
    `token: audience ${String(claims['aud'])}, mandate version ${JSON.stringify((claims['mandate'] as { version: number }).version)}, policy version ${String(claims['policy_version'])}`,
  );
  timeline.note(`intent ${digest}, evidence ${String(claims['evidence'])}`);
  await refused('the same assertion once more', 'invalid_grant', () => orderToken(stage, oms, order, fresh));
  const token = installation.isSplit
    ? await loseCore(stage, operate, { oms, order, token: first, transaction })
    : first;

  await refused('the order at the broker, before a supervisor has signed it', 'approval_required', () =>
    sendOrder(stage, oms, token, order),
  );
  await inventApproval(stage.installation, {
    transaction,
    approver: cast.people.supervisor.id,
    kid: cast.people.supervisor.approvalKey.kid,
  });
  await refused(
    'the order, with an approval that was written into the database with a stolen password',
    'approval_required',
    () => sendOrder(stage, oms, token, order),
  );
  await refused('another order under this token', 'order_differs', () =>
    sendOrder(stage, oms, token, { ...order, max_qty: '39999' } as TradeOrder),
  );
  await refused("the trader's own approval", 'approval_self', () =>
    approve(stage, { transaction, intentDigest: digest, by: 'trader' }),
  );
  await refused('an approval by a key nobody registered', 'approval_key_unknown', () =>
    approve(stage, { transaction, intentDigest: digest, by: 'stranger' }),
  );
  const changed = digestOfIntent({ ...order, max_qty: '80000' } as TradeOrder);
  await refused('an approval for changed terms', 'approval_terms_changed', () =>
    approve(stage, { transaction, intentDigest: changed, by: 'supervisor' }),
  );
  await refused('an approval that has expired', 'approval_expired', async () =>
    approve(stage, { transaction, intentDigest: digest, by: 'supervisor', signedAgo: 7_200 }),
  );
  const copy = copyOf(supervisor, addresses.issuer);
  const address = `${addresses.issuer}/approve/${transaction}`;
  await approveOnThePage({ ...stage, supervisor }, address);
  await sendOrder(stage, oms, token, order);
  timeline.done('the order goes through; the venue executes it under a token of its own', 'submitted, executed');
  await refused('a sign-in with a copy of the key: its counter is behind', 'credential_unknown', () =>
    openApproval(copy, address),
  );
  return transaction;
}

/** The supervisor reads the decoded order on the page and signs its digest with the security key. */
async function approveOnThePage(
  { timeline, supervisor }: Stage & { readonly supervisor: Approver },
  address: string,
): Promise<void> {
  const refused = refusals(timeline);
  const page = await openApproval(supervisor, address);
  timeline.done('bernd.vogt signs in with the key, opens the order and reads it', titleOf(page));
  timeline.note(shownOn(page, 'Side', 'Instrument', 'Quantity', 'Limit price', 'Account', 'Venue'));
  await refused('a signature that another site had the key make', 'origin_wrong', () =>
    signApproval(supervisor, page, { origin: 'https://countersign.example.net' }),
  );
  await refused('a signature over what was asked before', 'challenge_unknown', () => signApproval(supervisor, page));
  const again = await openApproval(supervisor, address);
  await signApproval(supervisor, again);
  timeline.done('bernd.vogt, supervisor, signs the digest of this intent with the security key');
  await refused('a second approval by the same person', 'approval_repeated', () => signApproval(supervisor, again));
}

/** The same claims under an unknown key, as a forger could send them. */
function forged(jwt: string): string {
  const [header, payload] = jwt.split('.');
  return `${header ?? ''}.${payload ?? ''}.${Buffer.alloc(64, 1).toString('base64url')}`;
}

async function tradeByAgent(stage: Stage, order: TradeOrder): Promise<void> {
  const { cast, addresses, timeline } = stage;
  const refused = refusals(timeline);
  const agent = cast.client('ha-vwap-1');
  const redeployed = {
    ...order,
    idempotency_key: `${order.idempotency_key}-redeploy`,
    algo: { ...order.algo, artifact_sha256: 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855' },
  } as TradeOrder;
  await refused('the same version label with another model digest', 'access_denied', () =>
    orderToken(stage, agent, redeployed),
  );
  const transaction = await transactionOf(stage.installation, redeployed.idempotency_key);
  await refused('that order, which the broker submits all the same', 'transition_not_permitted', () =>
    submit(stage, cast.client('brk-orders'), transaction),
  );
  await refused(
    'a token to place orders, for no order in particular',
    ['invalid_request', 'invalid_scope', 'invalid_authorization_details', 'access_denied'],
    () => agent.clientCredentials({ resource: addresses.broker, scope: 'order:create' }),
  );
  const token = await orderToken(stage, agent, order);
  const traded = await sendOrder(stage, agent, token, order);
  timeline.done('agent ha-vwap-1 (vwap-bund 4.2.0, certified) trades 202,500 EUR', traded.transaction);
}

/** A token for one step of a transaction. */
const stepToken = (issuer: string, client: Client, scope: string, step: Omit<Parameters<typeof stepOf>[0], 'issuer'>) =>
  client.clientCredentials({
    resource: `${issuer}/transactions`,
    scope,
    authorizationDetails: [stepOf({ issuer, ...step })],
  });

/** The step that only the executing broker may take, with its own token. */
async function submit({ addresses }: Stage, broker: Client, transaction: string): Promise<void> {
  const resource = `${addresses.issuer}/transactions`;
  const token = await stepToken(addresses.issuer, broker, 'order:create', { transaction, event: 'submit' });
  const idempotencyKey = `submit-${transaction}`;
  const request = { method: 'POST', url: `${resource}/${transaction}/transitions`, idempotencyKey } as const;
  await broker.callOrThrow(token, { ...request, body: { event: 'submit', body: {} } });
}

async function settle(stage: Stage, transaction: string, order: TradeOrder): Promise<void> {
  const { cast, addresses, timeline } = stage;
  const refused = refusals(timeline);
  const oms = cast.client('ha-oms');
  const broker = cast.client('brk-orders');
  const subject = await orderToken(stage, oms, order, (await signInTrader(stage)).assertion);
  const exchange = (change: { readonly scope?: string; readonly resource?: string; readonly details?: object }) =>
    broker.exchange(subject.accessToken, {
      resource: change.resource ?? addresses['clearing-firm'],
      scope: change.scope ?? 'settlement:instruct',
      authorizationDetails: [
        { ...order, actions: ['clear', 'settle'], locations: [addresses['clearing-firm']], ...change.details },
      ],
    });
  await refused('an exchange for more scopes', 'invalid_scope', () =>
    exchange({ scope: 'settlement:instruct decision:evaluate' }),
  );
  await refused('an exchange for a larger quantity', 'invalid_authorization_details', () =>
    exchange({ details: { max_qty: '40001' } }),
  );
  await refused('an exchange for another account', 'invalid_authorization_details', () =>
    exchange({ details: { account: 'NLAM-0043' } }),
  );
  await refused('an exchange for an audience that is not for the broker', 'invalid_target', () =>
    exchange({ resource: addresses.custodian }),
  );
  await refused("an exchange by a firm the token wasn't issued to", 'invalid_request', () =>
    cast
      .client('clr-core')
      .exchange(subject.accessToken, { resource: addresses.custodian, scope: 'settlement:instruct' }),
  );
  await handOver(addresses.broker, transaction);
  timeline.done(
    'broker exchanges for clearing, clearing exchanges for custody: fewer scopes, one actor deeper, same transaction',
  );
  timeline.done('clearing firm clears under its sub-mandate; custodian settles', 'cleared, settled');

  const custodian = cast.client('cus-core');
  const registry = `${addresses.issuer}/transactions`;
  const token = await stepToken(addresses.issuer, custodian, 'settlement:release', { transaction, event: 'settle' });
  const settlement = (body: object) => ({
    method: 'POST' as const,
    url: `${registry}/${transaction}/transitions`,
    idempotencyKey: `S-X-${order.client_order_id}`,
    body: { event: 'settle', body: { settled_qty: order.max_qty, reference: `S-X-${order.client_order_id}`, ...body } },
  });
  const repeats = await Promise.all(Array.from({ length: 50 }, () => custodian.callOrThrow(token, settlement({}))));
  const receipts = new Set(repeats.map((receipt) => (receipt as { recordId?: string }).recordId));
  if (receipts.size !== 1 || repeats.some((receipt) => (receipt as { replayed?: boolean }).replayed !== true))
    throw new PlayFailed('a repeated settlement had an effect');
  timeline.done('fifty repeats at once return the first receipt', [...receipts].join());
  await refused('the same key with another body', 'idempotency_conflict', () =>
    custodian.callOrThrow(token, settlement({ settled_qty: '39999' })),
  );
  const restoreState = await changeState(stage.installation, transaction, 'cleared');
  await refused(
    'settling it again, after it was set back in the database with a stolen password',
    'authority_unproven',
    () => custodian.callOrThrow(token, { ...settlement({}), idempotencyKey: `S-Y-${order.client_order_id}` }),
  );
  await restoreState();
}

async function handOver(broker: string, transaction: string): Promise<void> {
  const answer = await fetch(`${broker}/orders/${transaction}/hand-over`, { method: 'POST' });
  const body: unknown = await answer.json();
  if (answer.status !== 201) throw refusalOf({ status: answer.status, body });
}

async function lapse(stage: Stage, order: TradeOrder, mandate: string): Promise<void> {
  const { cast, addresses, timeline } = stage;
  const refused = refusals(timeline);
  const oms = cast.client('ha-oms');
  const token = await orderToken(stage, oms, order, (await signInTrader(stage)).assertion);
  const { transaction } = await sendOrder(stage, oms, token, order);
  timeline.done('a second order is executed', transaction);
  const assetManager = cast.client('am-mandates');
  const revoking = await assetManager.clientCredentials({
    resource: `${addresses.issuer}/mandates`,
    scope: 'mandate:revoke',
  });
  await assetManager.callOrThrow(revoking, {
    method: 'POST',
    url: `${addresses.issuer}/mandates/${mandate}/revoke`,
    body: { reason: 'Client has ended the arrangement' },
  });
  timeline.done('the asset manager revokes the mandate');
  await refused(
    'handing the trade on to clearing',
    ['mandate_lapsed', 'access_denied', 'invalid_grant', 'invalid_request'],
    () => handOver(addresses.broker, transaction),
  );
  const clearing = cast.client('clr-core');
  const registry = `${addresses.issuer}/transactions`;
  const clear = await stepToken(addresses.issuer, clearing, 'settlement:instruct', { transaction, event: 'clear' });
  await refused('clearing it all the same', 'mandate_lapsed', () =>
    clearing.callOrThrow(clear, {
      method: 'POST',
      url: `${registry}/${transaction}/transitions`,
      idempotencyKey: `late-${order.client_order_id}`,
      body: { event: 'clear', body: { cleared_qty: order.max_qty } },
    }),
  );
  const read = await clearing.clientCredentials({ resource: registry, scope: 'settlement:read' });
  const answer = await clearing.callOrThrow(read, {
    method: 'GET',
    url: `${registry}/exceptions?transaction=${transaction}`,
  });
  const [exception] = (answer as { exceptions: readonly { id: string; reason: string; status: string }[] }).exceptions;
  if (exception?.status !== 'open') throw new PlayFailed('the lapse raised no exception');
  timeline.done(`an exception is open for a person to resolve: ${exception.reason}`, exception.id);
  await refused('a new order under the revoked mandate', 'access_denied', async () =>
    orderToken(
      stage,
      oms,
      { ...order, idempotency_key: `${order.idempotency_key}-late` } as TradeOrder,
      (await signInTrader(stage)).assertion,
    ),
  );
}

async function prove(
  { timeline }: Stage,
  operate: (...args: readonly string[]) => Promise<string>,
  {
    transaction,
    checkpointFile,
    folder,
  }: { readonly transaction: string; readonly checkpointFile: string; readonly folder: string },
): Promise<void> {
  const bundle = join(folder, 'order.evidence.json');
  const trust = join(folder, 'trust.json');
  await operate('evidence', 'export', '--transaction', transaction, '--since', checkpointFile, '--out', bundle);
  timeline.done('countersign evidence export', bundle);
  const verified = await operate('evidence', 'verify', bundle, '--trust', trust);
  for (const step of verified.trim().split('\n')) timeline.note(step.slice(0, 110));
  timeline.done('countersign evidence verify: no network, no database');
  const { logVerifierKey } = JSON.parse(readFileSync(trust, 'utf8')) as { readonly logVerifierKey: string };
  const log = await operate('log', 'verify', '--log-key', logVerifierKey);
  timeline.done(`countersign log verify: ${log.trim().split('\n')[0] ?? ''}`);
}
