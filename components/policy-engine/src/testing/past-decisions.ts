import type { EntityInput, EntityUid } from '@countersign/cedar';
import {
  type AuditAppender,
  type AuditLog,
  type Decision,
  type EvidenceRecord,
  type PolicyBundle,
  policyErrors,
  type RecordDraft,
  requireFit,
} from '@countersign/contracts';
import {
  canonicalize,
  type Digest,
  digestOf,
  type Json,
  newId,
  type RecordId,
  sha256Base64Url,
  systemRandom,
  toInstant,
} from '@countersign/kernel';
import { createLogger } from '@countersign/runtime';
import { fixedClock } from '@countersign/testkit';
import type pg from 'pg';
import { hashOfBundle, type LoadedBundle, loadBundle } from '../bundle/load-bundle.ts';
import { judge, type Verdict } from '../decision/judge.ts';
import { createDecisionHistory } from '../history/history.ts';
import { decisionIn } from '../history/recorded.ts';
import { createQuestions, readRecordedInput } from '../history/recorded-question.ts';
import { recordStreamOf, streamed } from './record-stream.ts';
import { recordedDecision } from './recorded-decision.ts';

/** A firm's rules for orders, small enough to read in a test. */
export const houseRules: PolicyBundle = {
  schema: `
    entity Region;
    entity Institution { region?: Region };
    entity Desk in [Institution];
    entity Person in [Desk, Institution] { desk?: Desk, institution: Institution, roles: Set<String> };
    entity Transaction { approvals: { supervisor: Long }, notional: decimal };
    action "order:create", "order:cancel" appliesTo {
      principal: Person, resource: Transaction, context: { acr?: String }
    };`,
  policies: [
    {
      file: 'orders.cedar',
      text: `@id("traders-place-orders")
permit (principal, action == Action::"order:create", resource is Transaction)
when { principal.roles.contains("trader") && context has acr && context.acr == "phr" };

@id("cancelling")
@token_lifetime_seconds("60")
permit (principal, action == Action::"order:cancel", resource);

@id("large-orders")
@reason("approval_required")
@detail("An order over a million ({resource.notional}) needs a supervisor.")
@remedy("approval supervisor 1")
@escalation("desk-head 1800")
forbid (principal, action == Action::"order:create", resource is Transaction)
when { resource.notional.greaterThan(decimal("1000000.0")) }
unless { resource.approvals.supervisor >= 1 };`,
    },
  ],
  entities: [{ uid: { type: 'Region', id: 'EEA' }, attrs: {}, parents: [] }],
  limits: [],
  rates: {},
  tests: [],
};

/** The same rules with one text replaced by another. */
export function rulesWith(text: string, replacement: string): PolicyBundle {
  const [file] = houseRules.policies;
  if (file === undefined || !file.text.includes(text)) throw new Error(`the rules do not say ${text}`);
  return { ...houseRules, policies: [{ ...file, text: file.text.replace(text, replacement) }] };
}

export interface PastOrder {
  readonly person?: string;
  readonly action?: string;
  readonly notional?: string;
  readonly supervisors?: number;
  readonly acr?: string;
  readonly type?: RecordDraft['type'];
  /** Replaces members of the verdict of the rules. */
  readonly verdict?: Partial<Verdict>;
}

const person = (id: string, desk: string, roles: readonly string[]): EntityInput => ({
  attrs: {
    desk: { __entity: { id: desk, type: 'Desk' } },
    institution: { __entity: { id: desk.split('/')[0] ?? '', type: 'Institution' } },
    roles,
  },
  parents: [{ id: desk, type: 'Desk' }],
  uid: { id, type: 'Person' },
});
const desk = (id: string): EntityInput => ({
  attrs: {},
  parents: [{ id: id.split('/')[0] ?? '', type: 'Institution' }],
  uid: { id, type: 'Desk' },
});
const institution = (id: string): EntityInput => ({
  attrs: { region: { __entity: { id: 'EEA', type: 'Region' } } },
  parents: [],
  uid: { id, type: 'Institution' },
});

/** Anna and Ben trade rates at NORD, Carl trades credit at SUED, Dora is no trader. */
const directory: readonly EntityInput[] = [
  person('person:anna', 'NORD/rates', ['trader']),
  person('person:ben', 'NORD/rates', ['trader']),
  person('person:carl', 'SUED/credit', ['trader']),
  person('person:dora', 'SUED/credit', []),
  desk('NORD/rates'),
  desk('SUED/credit'),
  institution('NORD'),
  institution('SUED'),
];
const readBy: Readonly<Record<string, readonly string[]>> = {
  'person:anna': ['NORD/rates', 'NORD', 'person:anna'],
  'person:ben': ['NORD/rates', 'NORD', 'person:ben'],
  'person:carl': ['SUED/credit', 'SUED', 'person:carl'],
  'person:dora': ['SUED/credit', 'SUED', 'person:dora'],
};

/** An in-memory log with decisions, and their history over a real database. */
export function createPast(pool: pg.Pool) {
  const clock = fixedClock(Date.parse('2026-11-21T10:00:00Z'));
  const from = { clock, random: systemRandom };
  const log = memoryLog(clock);
  const published = new Map<number, PolicyBundle>([[1, houseRules]]);
  const rules = loadBundle(houseRules);
  let current: { readonly version: number; readonly loaded: LoadedBundle } = { version: 1, loaded: rules };
  const facts = new Map(directory.map((entity) => [digestOf(entity), canonicalize(entity)]));
  const loads: (readonly Digest[])[] = [];
  const history = createDecisionHistory({
    audit: log,
    versions: {
      current: () => ({ version: { version: current.version }, loaded: current.loaded }),
      async bundle(version) {
        const bundle = published.get(version);
        if (bundle === undefined) throw policyErrors.error('version_not_found', 'There is no such version.');
        return bundle;
      },
    },
    entityFacts: {
      async load(digests) {
        loads.push(digests);
        return new Map(
          digests.flatMap((digest) => {
            const text = facts.get(digest);
            return text === undefined ? [] : [[digest, text] as const];
          }),
        );
      },
    },
    pool,
    ...from,
    logger: createLogger({ level: 'silent', name: 'test' }),
  });

  return {
    history,
    log,
    clock,
    facts,
    /** The ids that were requested from the entity store. */
    loads,
    published,
    /** Puts other rules into force. */
    publish(bundle: PolicyBundle): void {
      current = { version: current.version + 1, loaded: loadBundle(bundle) };
      published.set(current.version, bundle);
    },
    /** Makes the active bundle's compiled form come from another text: a compiler defect. */
    miscompile(as: PolicyBundle): void {
      current = { ...current, loaded: { ...current.loaded, compiled: loadBundle(as).compiled } };
    },
    factOf(id: string): Digest {
      const entity = directory.find(({ uid }) => uid.id === id);
      if (entity === undefined) throw new Error(`nobody knows ${id}`);
      return digestOf(entity);
    },
    /** Decides about an order by the current rules, and records it. */
    async order(asked: PastOrder = {}): Promise<RecordId> {
      const input = documentOf(asked, newId('transaction', from));
      const recorded = readRecordedInput(input);
      if (recorded === undefined) throw new Error('the world writes no document that can be read');
      const questions = createQuestions(current.loaded, (digest) => {
        const text = facts.get(digest);
        return text === undefined ? undefined : (JSON.parse(text) as EntityInput);
      });
      const verdict = { ...judge(current.loaded, questions.from(recorded)), ...asked.verdict };
      const decision: Decision = {
        ...verdict,
        id: newId('decision', from),
        policyVersion: current.version,
        policyHash: hashOfBundle(current.loaded.bundle),
        entityVersion: 1,
        inputDigest: sha256Base64Url(JSON.stringify(input)) as Digest,
        inputText: JSON.stringify(input),
        policyRecord: newId('record', from),
      };
      const receipt = await log.append({
        id: newId('record', from),
        type: asked.type ?? 'decision.made',
        source: 'policy-engine',
        outcome: verdict.decision ? 'permit' : 'deny',
        data: { decision: recordedDecision(decision) },
      });
      return receipt.id;
    },
    /** Changes the recorded input of a decision, and nothing else of its record. */
    alter(id: RecordId, change: (document: Readonly<Record<string, Json>>) => Json): void {
      const index = log.records.findIndex((record) => record.id === id);
      const record = log.records[index];
      const decision = record === undefined ? undefined : decisionIn(record)?.decision;
      if (record === undefined || decision === undefined) throw new Error('there is no such decision');
      const input = change(decision.input as Readonly<Record<string, Json>>);
      const data = record.data as Readonly<Record<string, Json>>;
      const recorded = data['decision'] as Readonly<Record<string, Json>>;
      log.records[index] = { ...record, data: { ...data, decision: { ...recorded, input } } };
    },
    /** Adds members beside the decision in a record, as the records of steps have them. */
    putBeside(id: RecordId, members: Readonly<Record<string, Json>>): void {
      const index = log.records.findIndex((record) => record.id === id);
      const record = log.records[index];
      if (record === undefined) throw new Error('there is no such record');
      log.records[index] = { ...record, data: { ...(record.data as Readonly<Record<string, Json>>), ...members } };
    },
    newRecordId: () => newId('record', from),
  };
}

export type Past = ReturnType<typeof createPast>;

/** Written by hand from the documented format: members in canonical order. */
function documentOf(
  { person: id = 'person:anna', action = 'order:create', notional = '500.0', supervisors = 0, acr }: PastOrder,
  transaction: string,
): Json {
  const listed = directory
    .filter(({ uid }) => readBy[id]?.includes(uid.id))
    .map((entity) => [entity.uid.type, entity.uid.id, digestOf(entity)])
    .sort((a, b) => (a.join() < b.join() ? -1 : 1));
  const uid: EntityUid = { id: transaction, type: 'Transaction' };
  return {
    action,
    context: acr === '' ? {} : { acr: acr ?? 'phr' },
    entities: listed,
    local: [
      {
        attrs: { approvals: { supervisor: supervisors }, notional: { __extn: { arg: notional, fn: 'decimal' } } },
        parents: [],
        uid: { ...uid },
      },
    ],
    principal: { id, type: 'Person' },
    resource: { ...uid },
    v: 1,
  };
}

/** The in-memory audit log, as far as history reads it. */
function memoryLog(clock: { now(): number }): AuditAppender &
  Pick<AuditLog, 'find' | 'stream' | 'count'> & {
    readonly records: EvidenceRecord[];
    /** Records whose protected values cannot be read any more. */
    readonly erased: Set<RecordId>;
    beforePage: () => Promise<void>;
  } {
  const records: EvidenceRecord[] = [];
  const erased = new Set<RecordId>();
  const within = ({ types, from, until }: Parameters<AuditLog['count']>[0]) =>
    records
      .map((record, index) => ({ record, index: BigInt(index) }))
      .filter(
        ({ record }) =>
          types.includes(record.type) &&
          (from === undefined || Date.parse(record.time) >= from) &&
          (until === undefined || Date.parse(record.time) < until),
      );
  return {
    records,
    erased,
    beforePage: async () => undefined,
    async append(draft) {
      // Only the records that history writes itself have a schema; the decisions here do not.
      if (draft.type === 'policy.simulated') requireFit(draft);
      const record: EvidenceRecord = { v: 1, time: toInstant(clock.now()), ...draft };
      records.push(record);
      return { id: draft.id, index: BigInt(records.length - 1), time: record.time };
    },
    async find(id) {
      const index = records.findIndex((record) => record.id === id);
      const record = records[index];
      if (record === undefined) return undefined;
      const left = erased.has(id) ? (JSON.parse(streamed(record, true).text) as EvidenceRecord) : record;
      return { index: BigInt(index), record: left };
    },
    async stream(range) {
      return recordStreamOf(async (behind, limit) => {
        await this.beforePage();
        return within(range)
          .slice(behind, behind + limit)
          .map(({ record }) => streamed(record, erased.has(record.id), range.values));
      });
    },
    count: async (range) => within(range).length,
  };
}
