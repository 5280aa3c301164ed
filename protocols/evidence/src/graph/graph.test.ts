import type { Json } from '@countersign/kernel';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { buildGraph, drawGraph, type EvidenceGraph, type GraphRecord, graphLimits, recordsOfBundle } from '../index.ts';
import { createProtector } from '../testing/disclosing.ts';
import { tellOrder } from '../testing/order-story.ts';

async function graphOfStory(): Promise<{
  graph: EvidenceGraph;
  ids: Readonly<Record<string, string>>;
  records: readonly GraphRecord[];
}> {
  const story = tellOrder();
  const bundle = await story.bundle();
  const records = recordsOfBundle(bundle);
  return { graph: buildGraph(bundle.transaction, records), ids: story.ids, records };
}

/** The edges proven by the record, as `from label to` with the labels of the nodes. */
function edgesProvenBy(graph: EvidenceGraph, record: string | undefined): readonly string[] {
  const label = (id: string) => graph.nodes.find((node) => node.id === id)?.label ?? id;
  return graph.edges
    .filter((edge) => edge.record === record)
    .map(({ from, says, to }) => `${label(from)} ${says} ${label(to)}`);
}

describe('the graph of a transaction', () => {
  it('shows the chain of authority, each link with the record that proves it', async () => {
    const { graph, ids } = await graphOfStory();
    expect(edgesProvenBy(graph, ids['opened'])).toEqual([
      'anna opened intended',
      expect.stringMatching(/^mnd_…\w+ authorises intended$/),
    ]);
    expect(edgesProvenBy(graph, ids['approved'])).toEqual(['boris approved Approval', 'Approval is for intended']);
    expect(edgesProvenBy(graph, ids['decided'])).toEqual([
      'Policy 1 decides Permit',
      'Permit permits intended',
      'Approval counts for Permit',
    ]);
    expect(edgesProvenBy(graph, ids['submitted'])).toContain('intended submit submitted');
    expect(edgesProvenBy(graph, ids['submitted'])).toContain('Permit permits submitted');
    expect(edgesProvenBy(graph, ids['exchanged'])).toContainEqual(
      expect.stringMatching(/^Token \S+ is exchanged for Token \S+$/),
    );
    expect(edgesProvenBy(graph, ids['cleared'])).toContainEqual(
      expect.stringMatching(/^Token \S+ is shown for cleared$/),
    );
    expect(edgesProvenBy(graph, ids['settled'])).toContain('cleared settle settled');
    const kinds = new Set(graph.nodes.map(({ kind }) => kind));
    for (const kind of [
      'person',
      'mandate',
      'policy',
      'decision',
      'approval',
      'token',
      'transaction',
      'settlement',
      'evidence',
    ])
      expect(kinds, kind).toContain(kind);
  });

  it('joins existing nodes and names existing records', async () => {
    const { graph, records } = await graphOfStory();
    const nodes = new Set(graph.nodes.map(({ id }) => id));
    const places = new Map(records.map(({ index, record }) => [(record as { id: string }).id, index.toString()]));
    expect(graph.edges.length).toBeGreaterThan(15);
    for (const { from, to, record, index } of graph.edges) {
      expect(nodes).toContain(from);
      expect(nodes).toContain(to);
      expect(places.get(record)).toBe(index);
    }
    for (const node of graph.nodes) for (const record of node.records) expect(places.has(record), node.id).toBe(true);
  });

  it('shows refusals as refused, once for each requester', () => {
    const txn = 'txn_1';
    const base = { time: '2026-11-21T09:30:00.000Z', transaction: txn };
    const refusal = { ...base, type: 'approval.refused', outcome: 'deny', subject: { id: 'person:anna' } };
    const graph = buildGraph(txn, [
      { index: 1n, record: { ...base, id: 'rec_1', type: 'transaction.opened', subject: { id: 'person:anna' } } },
      { index: 2n, record: { ...refusal, id: 'rec_2', reason: 'approval_self' } },
      { index: 3n, record: { ...refusal, id: 'rec_3', reason: 'approval_expired' } },
    ]);
    expect(graph.nodes.filter(({ kind }) => kind === 'approval')).toEqual([
      expect.objectContaining({
        label: 'Approval refused',
        detail: 'approval_expired',
        outcome: 'deny',
        records: ['rec_2', 'rec_3'],
      }),
    ]);
    expect(drawGraph(graph)).toContain('class="approval deny"');
  });

  it('is drawn from disclosed values and omits withheld ones', async () => {
    const protector = createProtector();
    const story = tellOrder({
      rewrite: (name, draft) =>
        name === 'opened' ? protector.protect(draft, ['/data/intent', '/data/intent_type']) : draft,
    });
    const bundle = await story.bundle();
    const detailOf = (disclosures: typeof protector.disclosures) =>
      buildGraph(bundle.transaction, recordsOfBundle({ ...bundle, disclosures })).nodes.find(
        ({ label }) => label === 'intended',
      )?.detail;
    expect(detailOf([])).toBeUndefined();
    expect(detailOf(protector.disclosures)).toBe('trade order');
    const withheld = recordsOfBundle(bundle).find(
      ({ record }) => (record as { id: string }).id === story.ids['opened'],
    );
    expect(withheld?.record).toMatchObject({ protected: { '/data/intent': {}, '/data/intent_type': {} } });
  });

  it('accepts any JSON as a record and stays within its bounds', () => {
    const types = [
      'mandate.accepted',
      'token.exchanged',
      'decision.made',
      'transaction.transitioned',
      'approval.given',
      'consent.given',
    ];
    const record = fc.record({
      id: fc.oneof(fc.string(), fc.jsonValue()),
      type: fc.oneof(fc.constantFrom(...types), fc.string()),
      time: fc.string(),
      transaction: fc.constantFrom('txn_1', 'txn_2'),
      subject: fc.oneof(fc.record({ id: fc.string(), institution: fc.string() }), fc.jsonValue()),
      actors: fc.jsonValue(),
      mandate: fc.oneof(fc.record({ id: fc.string() }), fc.jsonValue()),
      references: fc.oneof(fc.array(fc.string()), fc.jsonValue()),
      data: fc.oneof(
        fc.jsonValue(),
        fc.record({ mandate: fc.jsonValue(), claims: fc.jsonValue(), decision: fc.jsonValue() }),
      ),
    });
    fc.assert(
      fc.property(fc.array(fc.oneof(record, fc.jsonValue()), { maxLength: 12 }), (records) => {
        const graph = buildGraph(
          'txn_1',
          records.map((each, index) => ({ index: BigInt(index), record: each as Json })),
        );
        const drawn = drawGraph(graph);
        expect(drawn).toBe(drawGraph(graph));
        expect(drawn).not.toContain('NaN');
      }),
      { numRuns: 300 },
    );
    const many = Array.from({ length: 2_000 }, (_, index) => ({
      index: BigInt(index),
      record: { id: `rec_${index}`, type: 'approval.given', time: '', subject: { id: `person:p${index}` }, data: {} },
    }));
    const bounded = buildGraph('txn_1', many);
    expect(bounded.nodes).toHaveLength(graphLimits.nodes);
    expect(bounded.leftOut).toBe(2_000 - graphLimits.nodes / 2);
    expect(drawGraph(bounded).length).toBeLessThan(2_000_000);
  });

  it('escapes text that would break the layout or deceive', () => {
    const evil = '"><script>alert(1)</script><svg onload=x>';
    const graph = buildGraph('txn_"><script>', [
      {
        index: 1n,
        record: {
          id: 'rec_1',
          type: 'transaction.opened',
          time: evil,
          transaction: 'txn_"><script>',
          subject: { id: `person:${evil}`, institution: '\u202eEILA\u200b' },
          mandate: { id: evil },
          data: { intent_type: evil },
        },
      },
    ]);
    const drawn = drawGraph(graph);
    expect(drawn).not.toMatch(/<script|<svg onload|[\u202e\u200b]/);
    expect(drawn).toContain('&lt;script&gt;');
    expect(drawn.match(/<svg /g)).toHaveLength(1);
  });
});
