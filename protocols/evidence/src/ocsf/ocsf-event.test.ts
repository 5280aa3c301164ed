import { describe, expect, it } from 'vitest';
import { eventKindOf } from './event-of-type.ts';
import { type OcsfEvent, ocsfEvent, ocsfLine } from './ocsf-event.ts';

// Requirements of version 1.8.0 of the framework: required attributes, and constraints of which at least one applies.

const ofEveryClass = ['activity_id', 'category_uid', 'class_uid', 'metadata', 'severity_id', 'time', 'type_uid'];
const requirements: Readonly<
  Record<number, { category: number; required: readonly string[]; oneOf: readonly string[]; activities: number[] }>
> = {
  0: { category: 0, required: [], oneOf: [], activities: [] },
  3001: { category: 3, required: ['user'], oneOf: [], activities: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12] },
  3002: { category: 3, required: ['user'], oneOf: ['service', 'dst_endpoint'], activities: [1, 2, 3, 4, 5, 6, 7] },
  3003: { category: 3, required: ['user'], oneOf: ['privileges', 'groups', 'iam_roles'], activities: [1, 2, 3] },
  3004: { category: 3, required: ['entity'], oneOf: [], activities: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13] },
  3005: { category: 3, required: ['user'], oneOf: [], activities: [1, 2, 3, 4] },
  6003: { category: 6, required: ['actor', 'api', 'src_endpoint'], oneOf: [], activities: [1, 2, 3, 4] },
};
/** The required members of objects at any depth, and the members of which they need at least one. */
const objects: Readonly<Record<string, { required?: readonly string[]; oneOf?: readonly string[] }>> = {
  metadata: { required: ['product', 'version'] },
  product: { oneOf: ['name', 'uid'] },
  user: { oneOf: ['account', 'name', 'uid'] },
  org: { oneOf: ['name', 'uid'] },
  actor: { oneOf: ['process', 'user', 'iam_role', 'invoked_by', 'session', 'app_name', 'app_uid'] },
  api: { required: ['operation'] },
  request: { required: ['uid'] },
  service: { oneOf: ['name', 'uid'] },
  src_endpoint: { oneOf: ['ip', 'uid', 'name', 'hostname', 'svc_name', 'instance_uid', 'domain'] },
  entity: { oneOf: ['name', 'uid', 'device', 'group', 'org', 'policy', 'user'] },
};

function faultsOf(event: OcsfEvent): readonly string[] {
  const rules = requirements[event.class_uid];
  if (rules === undefined) return [`there is no class ${event.class_uid}`];
  return [
    ...[...ofEveryClass, ...rules.required].filter((name) => !(name in event)).map((name) => `${name} is missing`),
    ...(rules.oneOf.length === 0 || rules.oneOf.some((name) => name in event) ? [] : [`none of ${rules.oneOf}`]),
    ...([...rules.activities, 99].includes(event.activity_id) ? [] : [`activity ${event.activity_id}`]),
    ...(event.type_uid === event.class_uid * 100 + event.activity_id ? [] : ['type_uid']),
    ...(event.category_uid === rules.category ? [] : ['category_uid']),
    ...(Number.isSafeInteger(event.time) ? [] : ['time']),
    ...objectFaults('', Object.fromEntries(Object.entries(event).filter(([name]) => name !== 'unmapped'))),
  ];
}

function objectFaults(path: string, value: unknown): readonly string[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return [];
  return Object.entries(value).flatMap(([name, inner]) => {
    const { required = [], oneOf = [] } = objects[name] ?? {};
    const held = Object.keys(typeof inner === 'object' && inner !== null ? inner : {});
    return [
      ...required.filter((member) => !held.includes(member)).map((member) => `${path}/${name} lacks ${member}`),
      ...(oneOf.length === 0 || oneOf.some((member) => held.includes(member)) ? [] : [`${path}/${name} is empty`]),
      ...objectFaults(`${path}/${name}`, inner),
    ];
  });
}

const base = { v: 2, id: 'rec_1', time: '2026-11-21T09:30:00.250Z', source: 'authorization-server', number: 7 };
const event = (record: object) => ocsfEvent({ index: 12n, record: { ...base, outcome: 'done', ...record } });

const types = [
  ...['session.started', 'session.refused', 'session.ended', 'client.refused', 'identity.refused', 'token.issued'],
  ...['token.exchanged', 'token.refused', 'authorization.granted', 'consent.given', 'consent.denied', 'grant.revoked'],
  ...['client.registered', 'directory.departure', 'directory.applied', 'policy.published', 'mandate.revoked'],
  ...['key.published', 'transaction.opened', 'transaction.refused', 'approval.given', 'decision.made', 'evidence.read'],
  ...[
    'log.opened',
    'source.alarm',
    'clock.measured',
    'hold.placed',
    'erasure.completed',
    'timestamp.issued',
    'never.heard',
  ],
];

describe('a record as an OCSF event', () => {
  it.each(types)('has everything that its class requires, of %s with and without its circumstances', (type) => {
    const whole = event({
      type,
      outcome: 'deny',
      reason: 'some_reason',
      subject: { id: 'person:ada', institution: '5493001KJTIIGC8Y1R12' },
      actors: [{ id: 'service:algo' }],
      client: 'algo-client',
      audience: ['https://venue.example/orders'],
      scope: ['order:place'],
      address: '192.0.2.7',
      transaction: 'txn_1',
      mandate: { id: 'mnd_1', version: 2 },
      authentication: { method: 'passkey', amr: ['hwk', 'mfa'], issuer: 'https://idp.example' },
      data: { session: 'ses_1', subject: 'person:ada', principal: 'service:algo', operation: 'remove' },
    });
    expect(faultsOf(whole)).toEqual([]);
    expect(faultsOf(event({ type }))).toEqual([]);
  });

  it('states who signed in, from where and how', () => {
    const signIn = event({
      type: 'session.started',
      outcome: 'permit',
      subject: { id: 'person:ada', institution: '5493001KJTIIGC8Y1R12' },
      address: '192.0.2.7',
      authentication: { method: 'passkey', amr: ['hwk', 'mfa'] },
      data: { session: 'ses_1' },
    });
    expect(signIn).toMatchObject({
      class_uid: 3002,
      type_uid: 300201,
      activity_name: 'Logon',
      status_id: 1,
      time: Date.parse('2026-11-21T09:30:00.250Z'),
      is_mfa: true,
      auth_protocol: 'passkey',
      user: { uid: 'person:ada', org: { uid: '5493001KJTIIGC8Y1R12' } },
      session: { uid: 'ses_1' },
      src_endpoint: { ip: '192.0.2.7' },
      metadata: { uid: 'rec_1', event_code: 'session.started', sequence: 7, version: '1.8.0' },
    });
  });

  it('states why a decision was a denial, and keeps other members in unmapped', () => {
    const decision = event({
      type: 'decision.made',
      source: 'policy-engine',
      outcome: 'deny',
      reason: 'limit_exceeded',
      actors: [{ id: 'service:venue' }],
      policy: { version: 3, hash: 'abc' },
      data: { decision: { decision: false } },
    });
    expect(decision).toMatchObject({
      class_uid: 6003,
      activity_id: 99,
      activity_name: 'decision.made',
      status_id: 2,
      status_code: 'limit_exceeded',
      actor: { user: { uid: 'service:venue', type_id: 4 } },
      api: { operation: 'decision.made', service: { name: 'policy-engine' }, response: { error: 'limit_exceeded' } },
      unmapped: { index: '12', policy: { version: 3, hash: 'abc' }, data: { decision: { decision: false } } },
    });
  });

  it('raises the severity only of alarms', () => {
    expect(event({ type: 'source.alarm' })).toMatchObject({ severity_id: 4 });
    expect(event({ type: 'source.beat' })).toMatchObject({ severity_id: 1 });
    expect(event({ type: 'token.refused', outcome: 'deny' })).toMatchObject({ severity_id: 2 });
  });

  it.each([undefined, null, 7, [], 'text', { type: 3, time: 'never', data: [] }, { type: '__proto__' }])(
    'turns a value that is not a record into an event: %j',
    (record) => {
      expect(faultsOf(ocsfEvent({ index: 0n, record }))).toEqual([]);
    },
  );

  it('is one line of JSON', () => {
    const line = ocsfLine(
      { index: 1n, record: { ...base, type: 'token.issued', outcome: 'permit' } },
      { version: '1.2.3' },
    );
    expect(line.endsWith('\n')).toBe(true);
    expect(JSON.parse(line)).toMatchObject({ metadata: { product: { name: 'Countersign', version: '1.2.3' } } });
    expect(line.trimEnd()).not.toContain('\n');
  });

  it('identifies the type of a record by its own property name only', () => {
    expect(eventKindOf('constructor')).toEqual(['apiActivity', 99]);
  });
});
