import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { type Digest, digestOf, type Json, newId, type RecordId, sha256Base64Url } from '@countersign/kernel';
import { importVerificationKey, revocationKey } from '@countersign/oauth';
import type { WebAuthnSignature } from '@countersign/webauthn';
import {
  type CeremonyBehaviour,
  createSoftwareAuthenticator,
  type SoftwareAlgorithm,
  type SoftwareAuthenticator,
} from '@countersign/webauthn/software-authenticator';
import { approvalStatementType, approvalType } from '../index.ts';
import { type Draft, PaperLog } from './paper-log.ts';

let drawn = 0;
/** Distinct ids without randomness. */
const idSource = {
  clock: { now: () => 1_800_000_000_000 },
  random: {
    bytes(size: number) {
      const bytes = Buffer.alloc(size);
      bytes.writeUInt32BE(++drawn, size - 4);
      return bytes;
    },
  },
};

type Members = Readonly<Record<string, Json>>;

/** Changes that a test makes before records are written. Each hook receives the record to write. */
export interface Plot {
  /** Receives the record name (`submitted`, `exchanged`, ...). Returns undefined to omit the record. */
  readonly rewrite?: (name: string, draft: Draft) => Draft | undefined;
  readonly mandate?: (version: number, mandate: Members) => Members;
  readonly approval?: (terms: Members) => Members;
  readonly approver?: { readonly signsWith?: KeyObject; readonly kid?: string };
  /** The approver signs with an authenticator instead of a directory key. */
  readonly authenticator?: {
    readonly key: SoftwareAuthenticator;
    readonly behaviour?: CeremonyBehaviour;
    readonly record?: (signature: WebAuthnSignature) => WebAuthnSignature;
  };
  /** Writes further records before the named one. */
  readonly before?: (name: string, log: PaperLog, ids: Record<string, RecordId>) => void;
}

/** Constraints of the story's mandate; a test cuts narrower and wider ones from it. */
export const constraints = {
  actions: ['order:create'],
  productClasses: ['D'],
  venues: ['XPAR', 'XLON'],
  jurisdictions: ['FR'],
  notionalPerOrder: { amount: '1000000', ccy: 'EUR' },
  notionalPerDay: { amount: '5000000', ccy: 'EUR' },
  delegationDepth: 1,
} as const;

const partOf = (part: string, content: Json) => ({
  part,
  digest: typeof content === 'string' ? sha256Base64Url(content) : digestOf(content),
  content,
});
/** A policy bundle as its activation records it, with one part as a digest only. */
const policyParts = [
  partOf('schema.cedarschema', 'namespace Trading {}'),
  partOf('orders.cedar', '@id("p1") permit(principal, action, resource);'),
  { part: 'entities.json', digest: digestOf([]) },
  partOf('limits.json', { limits: [], rates: {} }),
];
const policyHash = digestOf({ v: 1, parts: policyParts.map(({ part, digest }) => ({ part, digest })) });

export const approverKeys = generateKeyPairSync('ec', { namedCurve: 'P-256' });

/** An authenticator with a credential for the service of the stories. */
export function newAuthenticator(algorithm: SoftwareAlgorithm = 'ES256'): SoftwareAuthenticator {
  const key = createSoftwareAuthenticator({ origin: 'https://id.example.com', algorithm });
  key.create({ challenge: 'AA', rp: { id: 'id.example.com' }, user: { id: 'AA' } });
  return key;
}

const firm = '5493000ARRANGERDEM94';
const venue = 'https://venue.example/orders';
const clearing = 'https://clearing.example/trades';

/** A recorded decision with its input. A forger who changes the input also updates its digest: see {@link redigested}. */
export function decisionOn(input: Members, permitted = true): Members {
  return {
    decision_id: newId('decision', idSource),
    decision: permitted,
    policy_version: 1,
    policy_hash: policyHash,
    determining: ['p1'],
    obligations: [],
    entity_version: 1,
    input_digest: digestOf(input),
    errors: [],
    reasons: [],
    input,
  };
}

/**
 * The data of a record with its decision made from another input, so that it is consistent with itself but about something
 * else.
 */
export function redigested(data: Members, change: (input: Members) => Members): Members {
  const decision = data['decision'] as Members;
  const input = change(decision['input'] as Members);
  return { ...data, decision: { ...decision, input, input_digest: digestOf(input) } };
}

/** An order from mandate to settlement, as the components of the product record it. */
export function tellOrder(plot: Plot = {}) {
  const log = new PaperLog();
  const transaction = newId('transaction', idSource);
  const mandateId = newId('mandate', idSource);
  const ids: Record<string, RecordId> = {};
  const intent = {
    type: 'urn:countersign:rar:v1:trade_order',
    entity_lei: firm,
    mandate_id: mandateId,
    idempotency_key: 'order-2026-0001',
    not_after: '2026-11-21T17:30:00Z',
    jurisdiction: 'FR',
    account: 'ACC-1',
    instrument: { isin: 'DE0001102580', cfi: 'DBFTFB' },
    venue_mic: 'XPAR',
    side: 'BUY',
    max_qty: '1000',
    limit_price: { amount: '101.5', ccy: 'EUR' },
    max_notional: { amount: '1000000', ccy: 'EUR' },
    tif: 'DAY',
    capacity: 'AOTC',
    parties: [
      { role: 'ExecutingBroker', lei: '549300BROKEREXAMPL60' },
      { role: 'ClearingFirm', lei: '213800CLEARINGFIRM02' },
    ],
    client_order_id: 'ORD-1',
  };
  const intentDigest = digestOf(intent);
  const jwk = JSON.parse(JSON.stringify(approverKeys.publicKey.export({ format: 'jwk' }))) as Members;
  const kid = importVerificationKey(jwk).thumbprint;

  let issuedClaims: Members = {};
  const tell = (name: string, make: (id: RecordId) => Omit<Draft, 'id'>): void => {
    plot.before?.(name, log, ids);
    const id = newId('record', idSource);
    ids[name] = id;
    const draft: Draft = { id, ...make(id) };
    const told = plot.rewrite === undefined ? draft : plot.rewrite(name, draft);
    // A token still contains what is removed from its record.
    if (name === 'issued') {
      const { claims } = (told?.['protected'] === undefined ? (told ?? draft) : draft).data as { claims: Members };
      issuedClaims = claims;
    }
    if (told !== undefined) log.add(told);
  };
  const from = (...names: readonly string[]): readonly string[] => names.map((name) => ids[name] ?? '');

  let previousDigest: Digest | undefined;
  const mandateVersion = (version: number, status: string) => (recordId: RecordId) => {
    const plain: Members = {
      id: mandateId,
      version,
      kind: 'mandate',
      status,
      constraints,
      effectiveFrom: '2026-01-01T00:00:00.000Z',
      effectiveUntil: '2027-01-01T00:00:00.000Z',
      recordedAt: log.nextTime(),
      recordId,
      ...(previousDigest === undefined ? {} : { previousDigest }),
    };
    const digest = digestOf(plain);
    previousDigest = digest;
    const mandate = { ...plain, digest };
    return {
      type: `mandate.${status === 'active' ? 'accepted' : status}`,
      mandate: { id: mandateId, version },
      subject: { id: 'service:fund' },
      data: { mandate: plot.mandate?.(version, mandate) ?? mandate },
    };
  };
  const own = { transaction, intent: intentDigest, mandate: { id: mandateId, version: 2 } };
  const policy = { version: 1, hash: policyHash };
  const claims = {
    iss: 'https://id.example.com',
    sub: 'person:anna',
    iat: Date.parse('2026-11-21T09:30:05Z') / 1000,
    exp: Date.parse('2026-11-21T09:35:00Z') / 1000,
    lei: firm,
    txn: transaction,
    intent_digest: intentDigest,
    mandate: own.mandate,
    policy_version: 1,
  };
  const entity = (type: string, id: string): Members => ({ __entity: { type, id } });
  const decimal = (arg: string): Members => ({ __extn: { fn: 'decimal', arg } });
  /** The policy request about the transaction. */
  const question = (action: string, state: string, supervisors: number, context: Members = {}): Members => ({
    v: 1,
    action,
    principal: { type: 'Person', id: 'person:anna' },
    resource: { type: 'Transaction', id: transaction },
    context,
    entities: [],
    local: [
      {
        uid: { type: 'Transaction', id: transaction },
        parents: [],
        attrs: {
          initiator: 'person:anna',
          intentType: intent.type,
          mandate: entity('Mandate', mandateId),
          state,
          notional: decimal('1000000.0'),
          currency: 'EUR',
          quantity: decimal('1000.0'),
          approvals: { compliance: 0, desk_head: 0, operations: 0, risk: 0, supervisor: supervisors },
        },
      },
    ],
  });
  const tokenQuestion = (client: string, audience: string, scopes: string, supervisors: number): Members =>
    question('token:issue', 'intended', supervisors, {
      audience,
      client,
      institution: firm,
      scopes: scopes.split(' '),
    });
  const details = (locations: readonly string[], actions: readonly string[]): Json => [
    { ...intent, locations, actions },
  ];
  const transition =
    (
      step: {
        readonly event: string;
        readonly from: string;
        readonly to: string;
        readonly version: number;
        readonly scope: string;
        readonly decided?: true;
        readonly body?: Members;
      },
      ...references: readonly string[]
    ) =>
    () => {
      const { event, from: state, to, version, scope, body = {} } = step;
      return {
        type: 'transaction.transitioned',
        ...own,
        subject: { id: 'service:broker' },
        client: 'broker-orders',
        scope: [scope],
        ...(step.decided === undefined ? {} : { policy }),
        references: from(...references, ...(step.decided === undefined ? [] : ['policy'])),
        data: {
          event,
          from: state,
          to,
          version,
          body_digest: digestOf(body),
          body,
          ...(step.decided === undefined ? {} : { decision: decisionOn(question(scope, state, 1)) }),
        },
      };
    };

  tell('directory', () => ({
    type: 'directory.applied',
    subject: { id: 'service:operator' },
    data: { version: 1, changes: [], credentials: [{ kid, principal: 'person:boris' }], file_digest: intentDigest },
  }));
  tell('policy', () => ({
    type: 'policy.published',
    policy,
    subject: { id: 'service:operator' },
    data: { version: 1, hash: policyHash, parts: policyParts },
  }));
  tell('proposed', mandateVersion(1, 'proposed'));
  tell('accepted', mandateVersion(2, 'active'));
  tell('opened', () => ({
    type: 'transaction.opened',
    ...own,
    subject: { id: 'person:anna' },
    actors: [{ id: 'service:oms' }],
    references: from('accepted'),
    data: { intent, intent_type: intent.type, idempotency_key: 'order-2026-0001' },
  }));
  tell('issued', (id) => ({
    type: 'token.issued',
    ...own,
    outcome: 'permit',
    subject: { id: 'person:anna' },
    actors: [{ id: 'service:oms' }],
    client: 'oms',
    audience: [venue],
    scope: ['order:create', 'order:clear'],
    policy,
    references: from('policy', 'opened'),
    data: {
      claims: {
        ...claims,
        aud: venue,
        client_id: 'oms',
        jti: newId('token', idSource),
        scope: 'order:create order:clear',
        act: { sub: 'service:oms' },
        evidence: id,
        authorization_details: details([venue, clearing], ['create', 'execute', 'clear']),
      },
      decision: decisionOn(tokenQuestion('oms', venue, 'order:create order:clear', 0)),
    },
  }));
  const signed =
    plot.authenticator === undefined
      ? { data: { jws: signApproval(transaction, intentDigest, kid, plot), key: jwk }, references: ['directory'] }
      : { ...signByAuthenticator(transaction, intentDigest, plot, plot.authenticator), references: ['registered'] };
  if ('registration' in signed)
    tell('registered', () => ({
      type: 'authenticator.registered',
      subject: { id: 'person:boris' },
      references: from('directory'),
      data: signed.registration,
    }));
  tell('approved', () => ({
    type: 'approval.given',
    ...own,
    outcome: 'permit',
    subject: { id: 'person:boris' },
    references: from(...signed.references, 'opened'),
    data: {
      approval_id: newId('approval', idSource),
      ...signed.data,
      shown: { title: 'Buy' },
      role: 'supervisor',
      expires_at: '2026-11-21T10:00:00.000Z',
    },
  }));
  tell('decided', () => ({
    type: 'decision.made',
    ...own,
    outcome: 'permit',
    policy,
    references: from('policy', 'approved'),
    data: {
      decision: decisionOn(question('order:create', 'intended', 1)),
      evaluation: {
        subject: { type: 'person', id: 'person:anna' },
        action: 'order:create',
        resource: { type: 'transaction', id: transaction },
      },
    },
  }));
  tell(
    'submitted',
    transition(
      { event: 'submit', from: 'intended', to: 'submitted', version: 1, scope: 'order:create', decided: true },
      'opened',
      'accepted',
      'approved',
      'decided',
    ),
  );
  tell(
    'executed',
    transition(
      {
        event: 'execute',
        from: 'submitted',
        to: 'executed',
        version: 2,
        scope: 'trade:affirm',
        body: { executed_qty: '1000', price: { amount: '101.25', ccy: 'EUR' } },
      },
      'submitted',
    ),
  );
  tell('exchanged', (id) => ({
    type: 'token.exchanged',
    ...own,
    outcome: 'permit',
    subject: { id: 'person:anna' },
    actors: [{ id: 'service:broker' }, { id: 'service:oms' }],
    client: 'broker-orders',
    audience: [clearing],
    scope: ['order:clear'],
    policy,
    references: from('policy', 'issued'),
    data: {
      claims: {
        ...claims,
        aud: clearing,
        client_id: 'broker-orders',
        jti: newId('token', idSource),
        scope: 'order:clear',
        act: { sub: 'service:broker', act: { sub: 'service:oms' } },
        ancestors: [revocationKey({ kind: 'token', id: String(issuedClaims['jti']) })],
        evidence: id,
        authorization_details: details([clearing], ['clear']),
      },
      decision: decisionOn(tokenQuestion('broker-orders', clearing, 'order:clear', 1)),
      subject_token: {
        jti: issuedClaims['jti'] ?? '',
        record: ids.issued ?? '',
        claims_digest: digestOf(issuedClaims),
      },
    },
  }));
  tell(
    'cleared',
    transition(
      {
        event: 'clear',
        from: 'executed',
        to: 'cleared',
        version: 3,
        scope: 'settlement:instruct',
        decided: true,
        body: { cleared_qty: '1000' },
      },
      'exchanged',
    ),
  );
  tell(
    'settled',
    transition(
      {
        event: 'settle',
        from: 'cleared',
        to: 'settled',
        version: 4,
        scope: 'settlement:release',
        decided: true,
        body: { settled_qty: '1000' },
      },
      'cleared',
    ),
  );
  const manifest = newId('record', idSource);
  return {
    log,
    transaction,
    ids,
    manifest,
    mandateId,
    bundle: (options?: Parameters<PaperLog['bundle']>[2]) => log.bundle(transaction, manifest, options),
  };
}

const approvalTerms = (txn: string, digest: string): Members => ({
  txn,
  intent_digest: digest,
  decision: 'approve',
  iat: Date.parse('2026-11-21T09:30:00Z') / 1000,
  exp: Date.parse('2026-11-21T10:00:00Z') / 1000,
});

function signByAuthenticator(
  txn: string,
  digest: string,
  plot: Plot,
  { key, behaviour, record }: NonNullable<Plot['authenticator']>,
) {
  const terms = { typ: approvalStatementType, iss: 'person:boris', jti: 'j1', ...approvalTerms(txn, digest) };
  const claims = plot.approval?.(terms) ?? terms;
  // Signs the terms exactly as the test changed them.
  const { signature, jwk } = key.sign(claims as typeof terms & { iat: number; exp: number }, behaviour);
  return {
    registration: {
      kid: importVerificationKey(jwk).thumbprint,
      jwk,
      credential_id: signature.credential_id,
      rp_id: 'id.example.com',
      backup_eligible: false,
    },
    data: { statement: { claims, signature: { ...(record?.(signature) ?? signature) } }, key: jwk },
  };
}

function signApproval(txn: string, digest: string, kid: string, plot: Plot): string {
  const terms = approvalTerms(txn, digest);
  const header = { alg: 'ES256', typ: approvalType, kid: plot.approver?.kid ?? kid };
  const input = [header, plot.approval?.(terms) ?? terms]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.');
  const signature = sign('sha256', Buffer.from(input), {
    key: plot.approver?.signsWith ?? approverKeys.privateKey,
    dsaEncoding: 'ieee-p1363',
  });
  return `${input}.${signature.toString('base64url')}`;
}
