import { readFileSync } from 'node:fs';
import { canonicalize, digestOf, type Json, newId, type RecordId } from '@countersign/kernel';
import { formatVerifierKey } from '@countersign/merkle-log';
import { describe, expect, it } from 'vitest';
import { signingKey } from '../../merkle-log/src/testing/signing-key.ts';
import { type BundleTrust, type EvidenceBundle, type ReasonCode, reasonCodes, verifyBundle } from './index.ts';
import { createProtector } from './testing/disclosing.ts';
import { decisionOn, type Plot, redigested, tellOrder } from './testing/order-story.ts';
import type { Draft } from './testing/paper-log.ts';
import { checks } from './verify-bundle.ts';

// The attacker holds the key of the log. Every hash, proof and checkpoint is consistent; only the content is false.

type Members = Readonly<Record<string, Json>>;
type Change = (members: Members) => Members;

interface Told {
  readonly bundle: EvidenceBundle;
  readonly trust: BundleTrust;
}

const membersOf = (json: Json | undefined): Members => json as Members;
const fresh = (at: number): RecordId =>
  newId('record', { clock: { now: () => at }, random: { bytes: (size) => Buffer.alloc(size, at) } });

async function tell(plot: Plot): Promise<Told> {
  const story = tellOrder(plot);
  return { bundle: await story.bundle(), trust: { logVerifierKey: story.log.verifierKey } };
}

/** Rewrites members of one record. */
const record = (target: string, change: Change): Plot => ({
  rewrite: (name, draft) => (name === target ? { ...change(draft), id: draft.id } : draft),
});
const data = (target: string, change: Change): Plot =>
  record(target, (draft) => ({ ...draft, data: change(membersOf(draft['data'])) }));
/** The claims of a token, with everything that depends on them in the record. */
const claims = (target: string, change: Change, also: Change = (draft) => draft): Plot =>
  record(target, (draft) => {
    const told = membersOf(draft['data']);
    return also({ ...draft, data: { ...told, claims: change(membersOf(told['claims'])) } });
  });
const details =
  (change: Members): Change =>
  (all) => ({
    ...all,
    authorization_details: (all['authorization_details'] as Members[]).map((each) => ({ ...each, ...change })),
  });
const without =
  (...names: readonly string[]): Change =>
  (members) =>
    Object.fromEntries(Object.entries(members).filter(([name]) => !names.includes(name)));
const body = (target: string, said: Json): Plot =>
  data(target, (told) => ({ ...told, body: said, body_digest: digestOf(said) }));
/** The decision of a step with another input and a matching digest. */
const input = (target: string, change: Change): Plot => data(target, (told) => redigested(told, change));
const attributes = (target: string, change: Change): Plot =>
  input(target, (asked) => ({
    ...asked,
    local: (asked['local'] as Members[]).map((entity) => ({ ...entity, attrs: change(membersOf(entity['attrs'])) })),
  }));
/** Adds a record before another one, with the common members of the transaction. */
const adding = (before: string, draft: (own: Members, ids: Readonly<Record<string, RecordId>>) => Members): Plot => ({
  before(name, log, ids) {
    if (name !== before) return;
    const { transaction, intent, mandate } = JSON.parse(log.leaves.at(-1)?.toString() ?? '{}') as Draft;
    const own = { transaction: transaction ?? '', intent: intent ?? '', mandate: mandate ?? {} };
    log.add({ ...draft(own, ids), id: fresh(40) } as Draft);
  },
});
/** One more version of the mandate after the previous one. */
const version = (before: string, change: Members, type: string): Plot => ({
  before(name, log, ids) {
    if (name !== before) return;
    const accepted = log.leaves
      .map((leaf) => JSON.parse(leaf.toString()) as Draft)
      .find(({ id }) => id === ids['accepted']);
    const { digest = '', ...plain } = membersOf(membersOf(accepted?.['data'])['mandate']);
    const next = { ...plain, version: 3, previousDigest: digest, ...change, recordId: fresh(41) };
    log.add({
      id: fresh(41),
      type,
      mandate: { id: plain['id'] ?? '', version: 3 },
      data: { mandate: { ...next, digest: digestOf(next) } },
    });
  },
});

const registry = 'https://id.example.com/transactions';
/** Adds a token for the step `settle`: it names no mandate beside the step, and was decided as one for the interface. */
const steppingWith = (
  change: { readonly claims?: Change; readonly step?: Change; readonly asked?: Change; readonly record?: Change } = {},
): Plot => {
  const same: Change = (members) => members;
  return {
    before(name, log, ids) {
      if (name !== 'settled') return;
      const drafts = log.leaves.map((leaf) => JSON.parse(leaf.toString()) as Draft);
      const issued = drafts.find(({ id }) => id === ids['issued']);
      if (issued === undefined) throw new Error('the story has a token');
      const { transaction = '', intent = '', mandate: under = {}, policy = {} } = issued;
      const { mandate: _mandate, act: _act, ...said } = membersOf(membersOf(issued['data'])['claims']);
      const id = fresh(44);
      const step = (change.step ?? same)({
        type: 'urn:countersign:rar:v1:transaction_step',
        locations: [registry],
        actions: ['settle'],
        transaction,
        mandate: under,
      });
      const all = (change.claims ?? same)({
        ...said,
        sub: 'service:custodian',
        aud: registry,
        client_id: 'custodian-core',
        jti: newId('token', { clock: { now: () => 44 }, random: { bytes: (size) => Buffer.alloc(size, 44) } }),
        scope: 'settlement:release',
        evidence: id,
        authorization_details: [step],
      });
      const asked: Members = {
        v: 1,
        action: 'token:issue',
        principal: { type: 'Service', id: 'service:custodian' },
        resource: { type: 'Resource', id: registry },
        context: (change.asked ?? same)({
          audience: registry,
          client: 'custodian-core',
          institution: said['lei'] ?? '',
          scopes: ['settlement:release'],
          step: { transaction, events: ['settle'] },
        }),
        entities: [],
        local: [],
      };
      const draft: Members = {
        type: 'token.issued',
        transaction,
        intent,
        outcome: 'permit',
        subject: { id: 'service:custodian' },
        client: 'custodian-core',
        audience: [registry],
        scope: String(all['scope']).split(' '),
        policy,
        references: [ids['policy'] ?? ''],
        data: { claims: all, decision: decisionOn(asked) },
      };
      log.add({ ...(change.record ?? same)(draft), id } as Draft);
    },
  };
};

type Lie = readonly [step: string, code: ReasonCode, what: string, tell: () => Promise<Told>];
const lie = (step: string, code: ReasonCode, what: string, plot: Plot): Lie => [step, code, what, () => tell(plot)];
const lieOf = (step: string, code: ReasonCode, what: string, made: () => Promise<Told>): Lie => [
  step,
  code,
  what,
  made,
];

const lies: readonly Lie[] = [
  lieOf('bundle', 'bundle_malformed', 'a bundle with a member that no check reads', async () => {
    const told = await tell({});
    return { ...told, bundle: { ...told.bundle, seal: 'genuine' } as EvidenceBundle };
  }),
  lieOf('log-key', 'log_key_mismatch', 'a bundle of another log than the one that is trusted', async () => ({
    ...(await tell({})),
    trust: { logVerifierKey: 'example.com/log/testdata+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx' },
  })),
  lieOf('checkpoint', 'checkpoint_signature', 'a tree of another log that the same key signs for', async () => {
    const story = tellOrder();
    const bundle = await story.bundle();
    const checkpoint = await story.log.checkpoint(undefined, 'log.example/another');
    return { bundle: { ...bundle, checkpoint }, trust: { logVerifierKey: story.log.verifierKey } };
  }),
  lieOf('witnesses', 'witness_quorum_missing', 'a tree that no witness has seen', async () => {
    const told = await tell({});
    const witness = signingKey('witness.example/north', 'ed25519-cosignature');
    const policy = `witness north ${formatVerifierKey(witness.key)}\nquorum north\n`;
    return { ...told, trust: { ...told.trust, policy } };
  }),
  lie(
    'records-readable',
    'record_malformed',
    'a refused step that is counted as done',
    record('settled', (draft) => ({ ...draft, outcome: 'deny' })),
  ),
  lie(
    'records-readable',
    'record_malformed',
    'a step that the log of another component wrote',
    record('settled', (draft) => ({ ...draft, source: 'event-publisher' })),
  ),
  lie(
    'records-readable',
    'record_malformed',
    'a step without the mandate that it uses',
    record('submitted', without('mandate')),
  ),
  lie(
    'records-readable',
    'record_malformed',
    'an opening without whoever began it',
    record('opened', without('subject')),
  ),
  lieOf('inclusion', 'record_altered', 'a record in the place of another', async () => {
    const told = await tell({});
    const [first, second, ...rest] = told.bundle.records;
    if (first?.leaf === undefined || second?.leaf === undefined) throw new Error('the story has records');
    const records = [{ ...first, leaf: second.leaf }, { ...second, leaf: first.leaf }, ...rest];
    return { ...told, bundle: { ...told.bundle, records } };
  }),
  lieOf('manifest', 'record_missing', 'a list that leaves out what an earlier list had', async () => {
    const story = tellOrder();
    await story.bundle();
    const kept = story.log.leaves.map((_, index) => index).filter((index) => index !== 0);
    const bundle = await story.log.bundle(story.transaction, fresh(42), { indices: kept });
    return { bundle, trust: { logVerifierKey: story.log.verifierKey } };
  }),
  lieOf('pruned', 'record_missing', 'bytes that are gone and were not removed by the log', async () => {
    const story = tellOrder();
    const bundle = await story.bundle();
    const records = bundle.records.map(({ leaf, ...rest }, position) =>
      position === 0
        ? { ...rest, leafHash: story.log.leafHash(0).toString('base64url') }
        : { ...rest, leaf: leaf ?? '' },
    );
    return { bundle: { ...bundle, records }, trust: { logVerifierKey: story.log.verifierKey } };
  }),
  lieOf('disclosures', 'disclosure_mismatch', 'another intent than the one that was committed to', async () => {
    const protector = createProtector();
    const told = await tell({
      rewrite: (name, draft) => (name === 'opened' ? protector.protect(draft, ['/data/intent']) : draft),
    });
    const disclosures = protector.disclosures.map((each) => ({ ...each, text: each.text.replace('"1000"', '"9000"') }));
    return { ...told, bundle: { ...told.bundle, disclosures } };
  }),
  lie(
    'references',
    'reference_missing',
    'a step that rests on a record nobody has',
    record('settled', (draft) => ({ ...draft, references: [fresh(43)] })),
  ),
  lieOf('log-growth', 'log_rewritten', 'a log that was written anew since the reader looked', async () => {
    const story = tellOrder();
    const kept = await story.log.checkpoint(5);
    const log = story.log.fork((leaf, index) => (index === 1 ? Buffer.from(leaf.toString().replace('{', '{ ')) : leaf));
    const bundle = await log.bundle(story.transaction, story.manifest, { since: { note: kept, size: 5 } });
    return { bundle, trust: { logVerifierKey: log.verifierKey, checkpoint: kept } };
  }),
  lie(
    'times',
    'time_order',
    'a record that is dated back',
    record('settled', (draft) => ({ ...draft, time: '2026-11-21T09:30:01.000Z' })),
  ),
  lie(
    'time-stamps',
    'timestamp_invalid',
    'a time stamp over another record than it names',
    adding('settled', (_own, ids) => ({
      type: 'timestamp.obtained',
      data: { thing: { kind: 'record', record: ids['opened'] ?? '', leafHash: digestOf('another') }, token: 'AAAA' },
    })),
  ),
  lie(
    'intent',
    'intent_digest_mismatch',
    'a token for another intent',
    claims('issued', (all) => ({ ...all, intent_digest: digestOf('another') })),
  ),
  lie(
    'intent',
    'intent_digest_mismatch',
    'a token that does not say for which intent it is',
    record('issued', without('intent')),
  ),
  lie(
    'intent',
    'intent_digest_mismatch',
    'an intent of another type than was opened',
    data('opened', (told) => ({ ...told, intent_type: 'urn:countersign:rar:v1:rfq' })),
  ),
  lie(
    'intent',
    'intent_digest_mismatch',
    'an intent under another mandate than was opened',
    record('opened', (draft) => ({ ...draft, mandate: { id: 'mnd_x', version: 1 } })),
  ),
  lie('approvals', 'approval_terms', 'an approval of something else', {
    approval: (terms) => ({ ...terms, intent_digest: digestOf('another') }),
  }),
  lie(
    'approvals',
    'approval_self',
    'an approval by whoever acts under the token',
    claims(
      'issued',
      (all) => all,
      (draft) => ({ ...draft, actors: [{ id: 'person:boris' }] }),
    ),
  ),
  lie('approvals', 'approval_late', 'a step long after its approval had ended', {
    approval: (terms) => ({ ...terms, exp: Date.parse('2026-11-21T09:30:30Z') / 1000 }),
    rewrite: (name, draft) =>
      name === 'submitted' || name === 'executed' || name === 'exchanged' || name === 'cleared' || name === 'settled'
        ? { ...draft, time: '2026-11-21T09:34:00.000Z' }
        : draft,
  }),
  lie(
    'mandates',
    'mandate_chain',
    'a step under a mandate that the transaction does not rest on',
    record('cleared', (draft) => ({ ...draft, mandate: { id: 'mnd_x', version: 1 } })),
  ),
  lie(
    'mandates',
    'mandate_chain',
    'steps after the mandate had ended',
    version('settled', { status: 'revoked' }, 'mandate.revoked'),
  ),
  lie(
    'mandates',
    'mandate_chain',
    'a mandate that is in force by the record of its end',
    version('settled', { status: 'active' }, 'mandate.revoked'),
  ),
  lie(
    'mandates',
    'mandate_chain',
    'a token that outlives its mandate',
    claims('issued', (all) => ({ ...all, exp: Date.parse('2027-01-02T00:00:00Z') / 1000 })),
  ),
  lie(
    'tokens',
    'token_chain',
    'an exchanged token for more than the one before',
    claims('exchanged', details({ max_qty: '99999999' })),
  ),
  lie(
    'tokens',
    'token_chain',
    'a first token for more than the intent',
    claims('issued', details({ max_qty: '99999999' })),
  ),
  lie('tokens', 'token_chain', 'a token for another account', claims('exchanged', details({ account: 'ACC-2' }))),
  lie(
    'tokens',
    'token_chain',
    'a token of the transaction that is for nothing in particular',
    claims('exchanged', without('authorization_details')),
  ),
  lie(
    'tokens',
    'token_chain',
    'an exchanged token with a scope more',
    claims(
      'exchanged',
      (all) => ({ ...all, scope: 'order:clear order:settle' }),
      (draft) => ({ ...draft, scope: ['order:clear', 'order:settle'] }),
    ),
  ),
  lie(
    'tokens',
    'token_chain',
    'an exchanged token that lives longer',
    claims('exchanged', (all) => ({ ...all, exp: Number(all['exp']) + 60 })),
  ),
  lie(
    'tokens',
    'token_chain',
    'an exchanged token for a place that was not granted',
    claims(
      'exchanged',
      (all) => ({ ...all, aud: 'https://elsewhere.example/' }),
      (draft) => ({ ...draft, audience: ['https://elsewhere.example/'] }),
    ),
  ),
  lie(
    'tokens',
    'token_chain',
    'an exchanged token of another institution',
    claims('exchanged', (all) => ({ ...all, lei: '549300BROKEREXAMPL60' })),
  ),
  lie(
    'tokens',
    'token_chain',
    'an exchanged token that claims a stronger sign-in',
    claims('exchanged', (all) => ({ ...all, acr: 'phrh' })),
  ),
  lie(
    'tokens',
    'token_chain',
    'an exchanged token that does not end with the one before',
    claims('exchanged', without('ancestors')),
  ),
  lie(
    'tokens',
    'token_chain',
    'an exchanged token with other actors before it',
    claims(
      'exchanged',
      (all) => ({ ...all, act: { sub: 'service:broker', act: { sub: 'service:else' } } }),
      (draft) => ({ ...draft, actors: [{ id: 'service:broker' }, { id: 'service:else' }] }),
    ),
  ),
  lie(
    'tokens',
    'token_chain',
    'an exchange of a token that said something else',
    data('exchanged', (told) => ({
      ...told,
      subject_token: { ...membersOf(told['subject_token']), claims_digest: digestOf('another') },
    })),
  ),
  lie(
    'tokens',
    'token_mismatch',
    'a token for another audience than its record says',
    record('issued', (draft) => ({ ...draft, audience: ['https://elsewhere.example/'] })),
  ),
  lie('tokens', 'token_mismatch', 'a token without the mandate that it uses', record('issued', without('mandate'))),
  lie(
    'policies',
    'policy_mismatch',
    'a decision under other policies than were published',
    data('submitted', (told) => ({
      ...told,
      decision: { ...membersOf(told['decision']), policy_hash: digestOf('other') },
    })),
  ),
  lie(
    'policies',
    'policy_mismatch',
    'published policies with another text',
    data('policy', (told) => ({
      ...told,
      parts: (told['parts'] as Members[]).map((part) =>
        part['part'] === 'orders.cedar' ? { ...part, content: 'permit(principal, action, resource);' } : part,
      ),
    })),
  ),
  lie(
    'decisions',
    'decision_missing',
    'a step that was denied',
    data('submitted', (told) => ({ ...told, decision: { ...membersOf(told['decision']), decision: false } })),
  ),
  lie('decisions', 'decision_missing', 'a step that rests on a decision about reading, of another record', {
    rewrite(name, draft) {
      const told = membersOf(draft.data);
      if (name === 'submitted') return { ...draft, data: without('decision')(told) };
      if (name !== 'decided') return draft;
      const evaluation = { ...membersOf(told['evaluation']), action: 'order:read' };
      return { ...draft, data: { ...redigested(told, (asked) => ({ ...asked, action: 'order:read' })), evaluation } };
    },
  }),
  lie(
    'decisions',
    'decision_mismatch',
    'a step on a decision about reading',
    input('submitted', (asked) => ({ ...asked, action: 'order:read' })),
  ),
  lie(
    'decisions',
    'decision_mismatch',
    'a step on a decision about another transaction',
    input('submitted', (asked) => ({ ...asked, resource: { type: 'Transaction', id: 'txn_x' } })),
  ),
  lie(
    'decisions',
    'decision_mismatch',
    'a step on a decision about another principal',
    input('submitted', (asked) => ({ ...asked, principal: { type: 'Person', id: 'person:else' } })),
  ),
  lie(
    'decisions',
    'decision_mismatch',
    'a step on a decision about another amount',
    attributes('submitted', (attrs) => ({ ...attrs, quantity: { __extn: { fn: 'decimal', arg: '1.0' } } })),
  ),
  lie(
    'decisions',
    'decision_mismatch',
    'a step on a decision in another state',
    attributes('settled', (attrs) => ({ ...attrs, state: 'intended' })),
  ),
  lie(
    'decisions',
    'decision_mismatch',
    'a step on a decision under another mandate',
    attributes('submitted', (attrs) => ({ ...attrs, mandate: { __entity: { type: 'Mandate', id: 'mnd_x' } } })),
  ),
  lie(
    'decisions',
    'decision_mismatch',
    'a decision that counted approvals nobody gave',
    attributes('submitted', (attrs) => ({ ...attrs, approvals: { supervisor: 2 } })),
  ),
  lie(
    'decisions',
    'decision_mismatch',
    'a decision without what it was made from',
    data('submitted', (told) => ({ ...told, decision: without('input')(membersOf(told['decision'])) })),
  ),
  lie(
    'decisions',
    'decision_mismatch',
    'a decision that was made from something else than its digest says',
    data('submitted', (told) => ({
      ...told,
      decision: { ...membersOf(told['decision']), input_digest: digestOf('another') },
    })),
  ),
  lie(
    'decisions',
    'decision_mismatch',
    'a token on a decision for another audience',
    input('exchanged', (asked) => ({
      ...asked,
      context: { ...membersOf(asked['context']), audience: 'https://elsewhere.example/' },
    })),
  ),
  lie(
    'decisions',
    'decision_mismatch',
    'a denial that is told as a permit',
    data('decided', (told) => ({ ...told, decision: { ...membersOf(told['decision']), decision: false } })),
  ),
  lie(
    'transitions',
    'transition_order',
    'a step that no transaction takes',
    data('cleared', (told) => ({ ...told, event: 'settle' })),
  ),
  lie(
    'transitions',
    'transition_order',
    'a resolution that settles',
    adding('settled', (own) => ({
      ...own,
      type: 'exception.resolved',
      subject: { id: 'person:else' },
      data: { kind: 'abandoned', cause: 'departure', to: 'settled', version: 4 },
    })),
  ),
  lie(
    'bodies',
    'body_mismatch',
    'a body unlike its digest',
    data('executed', (told) => ({ ...told, body: { executed_qty: '1', price: { amount: '1', ccy: 'EUR' } } })),
  ),
  lie(
    'bodies',
    'body_mismatch',
    'a step without what was said with it',
    data('executed', without('body', 'body_digest')),
  ),
  lie(
    'terms',
    'terms_exceeded',
    'an execution above the order',
    body('executed', { executed_qty: '9000', price: { amount: '101.25', ccy: 'EUR' } }),
  ),
  lie(
    'terms',
    'terms_exceeded',
    'an execution at a worse price than the limit',
    body('executed', { executed_qty: '1000', price: { amount: '101.75', ccy: 'EUR' } }),
  ),
  lie('terms', 'terms_exceeded', 'a settlement of more than was cleared', body('settled', { settled_qty: '1001' })),
  lie(
    'envelopes',
    'envelope_mismatch',
    'an envelope that states another state',
    adding('settled', (own) => ({
      ...own,
      type: 'envelope.issued',
      payload: digestOf('claims'),
      data: { state: 'settled', version: 4, kid: 'k' },
    })),
  ),
  lie(
    'tokens',
    'token_chain',
    'a token for a step of another transaction',
    steppingWith({ step: (all) => ({ ...all, transaction: 'txn_01k9z3m8q4d6s0v2x5y7a9b1c4' }) }),
  ),
  lie(
    'tokens',
    'token_chain',
    'a token for a step that no such transaction has',
    steppingWith({ step: (all) => ({ ...all, actions: ['settle', 'recall'] }) }),
  ),
  lie(
    'tokens',
    'token_chain',
    'a token for a step at another place',
    steppingWith({ step: (all) => ({ ...all, locations: ['https://elsewhere.example/'] }) }),
  ),
  lie(
    'tokens',
    'token_chain',
    'a token for a step under a mandate that the transaction does not rest on',
    steppingWith({
      step: (all) => ({ ...all, mandate: { id: 'mnd_01k9z3m8q4d6s0v2x5y7a9b1c4', version: 1 } }),
    }),
  ),
  lie(
    'tokens',
    'token_chain',
    'a token for a step with the scope of another step',
    steppingWith({
      claims: (all) => ({ ...all, scope: 'settlement:instruct settlement:release' }),
      asked: (all) => ({ ...all, scopes: ['settlement:instruct', 'settlement:release'] }),
    }),
  ),
  lie(
    'tokens',
    'token_mismatch',
    'a token without a mandate that is for the intent and not for a step',
    claims('issued', without('mandate'), without('mandate')),
  ),
  lie(
    'tokens',
    'token_mismatch',
    'a token for a step that is taken elsewhere than at the issuer',
    steppingWith({
      step: (all) => ({ ...all, locations: ['https://elsewhere.example/'] }),
      claims: (all) => ({ ...all, aud: 'https://elsewhere.example/' }),
      asked: (all) => ({ ...all, audience: 'https://elsewhere.example/' }),
      record: (all) => ({ ...all, audience: ['https://elsewhere.example/'] }),
    }),
  ),
  lie(
    'decisions',
    'decision_mismatch',
    'a token for a step, decided for the interface alone',
    steppingWith({ asked: without('step') }),
  ),
  lie(
    'decisions',
    'decision_mismatch',
    'a token for another step than was decided on',
    steppingWith({
      asked: (all) => ({ ...all, step: { ...membersOf(all['step']), events: ['clear'] } }),
    }),
  ),
  lieOf('certificates', 'certificate_mismatch', 'a certificate that nobody showed', async () => {
    const told = await tell({});
    return { ...told, bundle: { ...told.bundle, certificates: [{ use: 'connection', chain: ['AAAA'] }] } };
  }),
];

describe('a story with a token for a step', () => {
  it('verifies if it is true', async () => {
    const { bundle, trust } = await tell(steppingWith());
    const { steps, verdict } = verifyBundle(JSON.parse(JSON.stringify(bundle)), { trust });
    expect(steps.filter(({ ok, code }) => !ok && code !== undefined)).toEqual([]);
    expect(verdict).toBe('verified');
  });
});

describe('a consistent but false story', () => {
  it.each(lies)('is detected by %s as %s: %s', async (step, code, _what, made) => {
    const { bundle, trust } = await made();
    const verification = verifyBundle(JSON.parse(JSON.stringify(bundle)), { trust });
    expect(verification.verdict).toBe('failed');
    const caught = verification.steps.filter((each) => each.step === step && !each.ok).map((each) => each.code);
    expect(caught).toContain(code);
  });

  it('triggers every message of the verifier, and each message is in the guide', () => {
    const told = new Set(lies.map(([step]) => step));
    expect([...told].toSorted()).toEqual(['bundle', ...checks.map(({ id }) => id)].toSorted());
    const guide = readFileSync(new URL('../../../docs/guides/verify-evidence.md', import.meta.url), 'utf8');
    const rows = guide.split('\n').filter((line) => /^\| [A-Z].* \| `/.test(line));
    for (const { id, title } of checks) {
      const row = rows.find((line) => line.startsWith(`| ${title} | `)) ?? '';
      const codes = lies.flatMap(([step, code]) => (step === id ? [code] : []));
      for (const code of codes) expect(row, `the row of "${title}" in the guide`).toContain(`\`${code}\``);
    }
    const [, codes = ''] = guide.split('## Reason codes');
    for (const code of reasonCodes) expect(codes, 'the reason codes in the guide').toContain(`| \`${code}\` |`);
  });
});

/** Paths of a record that hold a value: pointers of its members, down to values that are not objects. */
function placesIn(json: Json, path = ''): readonly string[] {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) return [path];
  return Object.entries(json).flatMap(([name, value]) => placesIn(value, `${path}/${name}`));
}

function changedAt(
  json: Json,
  [name = '', ...rest]: readonly string[],
  change: (value: Json) => Json | undefined,
): Json {
  const all = membersOf(json);
  const value = rest.length === 0 ? change(all[name] ?? null) : changedAt(all[name] ?? null, rest, change);
  const { [name]: _, ...others } = all;
  return value === undefined ? others : { ...others, [name]: value };
}

/** Another value of the same kind: a larger amount, another name, another list. */
function another(value: Json): Json {
  if (typeof value === 'number') return value + 1_000_000;
  if (typeof value === 'boolean') return !value;
  if (typeof value === 'string') return /^\d+(\.\d+)?$/.test(value) ? `9${value}` : `${value}x`;
  if (Array.isArray(value)) return [...value, 'another'];
  return 'another';
}

/**
 * Members without a verifier message, or whose change gives another consistent story that is no worse: an id used nowhere
 * else, a record of another transaction on which nothing depends. Every other omission or change must be detected.
 */
const exemptMembers: readonly RegExp[] = [
  / \/(v|time|outcome)$/,
  / \/data\/decision\/(decision_id|determining|obligations|entity_version|errors|reasons)$/,
  / \/data\/decision\/input\/(v|entities|local)$/,
  /^(directory) \/(subject\/id|data\/(version|changes|file_digest))$/,
  /^(policy) \/(subject\/id|policy\/(version|hash))$/,
  /^(proposed|accepted) \/subject\/id$/,
  /^(opened) \/(actors|references|data\/idempotency_key)$/,
  /^(decided|settled) \/transaction$/,
  /^(approved) \/(mandate\/(id|version)|data\/(approval_id|shown\/title|expires_at|role))$/,
  /^(decided) \/(mandate\/(id|version)|data\/evaluation\/(subject|resource)\/type)$/,
  /^(decided|submitted|executed|cleared|settled|issued|exchanged) \/references$/,
  /^(submitted|executed|cleared|settled) \/(subject\/id|client)$/,
  /^(executed) \/mandate\/version$/,
  / \/data\/claims\/(iss|iat|jti)$/,
];

describe('a story with one member changed by an attacker', () => {
  const names: Record<string, Draft> = {};
  tellOrder({ rewrite: (name, draft) => (names[name] = draft) });
  const places = Object.entries(names).flatMap(([name, draft]) => placesIn(draft).map((path) => [name, path] as const));
  const spoken = places.filter(
    ([name, path]) => path !== '/id' && path !== '/type' && !exemptMembers.some((each) => each.test(`${name} ${path}`)),
  );

  async function verdictAfter(name: string, path: string, change: (value: Json) => Json | undefined) {
    const pointer = path.slice(1).split('/');
    const { bundle, trust } = await tell({
      rewrite: (each, draft) => (each === name ? (changedAt(draft, pointer, change) as Draft) : draft),
    });
    return verifyBundle(bundle, { trust }).verdict;
  }

  it.each(Object.keys(names))(
    'does not verify, whatever is dropped or changed of %s',
    { timeout: 240_000 },
    async (target) => {
      const verified: string[] = [];
      for (const [name, path] of spoken.filter(([each]) => each === target)) {
        if ((await verdictAfter(name, path, () => undefined)) === 'verified') verified.push(`${name} ${path} dropped`);
        if ((await verdictAfter(name, path, another)) === 'verified') verified.push(`${name} ${path} changed`);
      }
      expect(verified).toEqual([]);
    },
  );

  it('does not verify with two steps exchanged, whatever their records hold', async () => {
    const steps = ['submitted', 'executed', 'cleared', 'settled'];
    for (const one of steps)
      for (const other of steps.slice(steps.indexOf(one) + 1)) {
        const { bundle, trust } = await tell({
          rewrite(name, draft) {
            const swapped = name === one ? other : name === other ? one : undefined;
            return swapped === undefined ? draft : { ...draft, data: names[swapped]?.['data'] ?? null };
          },
        });
        expect(verifyBundle(bundle, { trust }).ok, `${one} and ${other}`).toBe(false);
      }
  });

  it('gives its decisions matching digests, so that only the false content is detected', () => {
    const made = decisionOn({ v: 1, action: 'order:read' });
    expect(made['input_digest']).toBe(digestOf(made['input'] as Json));
    expect(canonicalize(redigested({ decision: made }, (asked) => asked)['decision'] as Json)).toBe(canonicalize(made));
  });
});
