import type { Json } from '@countersign/kernel';
import { describe, expect, it } from 'vitest';
import { type BundleVerification, renderReport, reportOfBundle, verifyBundle } from '../index.ts';
import { createProtector } from '../testing/disclosing.ts';
import { tellOrder } from '../testing/order-story.ts';
import { between } from './timeline.ts';

const render = (content: Parameters<typeof renderReport>[0]) => [...renderReport(content)].join('');

async function reportOfStory(
  plot: Parameters<typeof tellOrder>[0] = {},
  trusted = true,
): Promise<{ html: string; verification: BundleVerification; ids: Readonly<Record<string, string>> }> {
  const story = tellOrder(plot);
  const bundle = await story.bundle();
  const verification = verifyBundle(bundle, trusted ? { trust: { logVerifierKey: story.log.verifierKey } } : {});
  return {
    html: render(reportOfBundle(bundle, verification, { verifiedBy: 'By a test.' })),
    verification,
    ids: story.ids,
  };
}

describe('the report for readers', () => {
  it('has verdict, graph, timeline, every check and every record, and neither scripts nor external addresses', async () => {
    const { html, verification, ids } = await reportOfStory();
    expect(verification.verdict).toBe('verified');
    expect(html).toContain('<strong>Verified</strong>');
    expect(html.match(/<svg /g)).toHaveLength(3);
    for (const { title } of verification.steps) expect(html).toContain(title);
    for (const id of Object.values(ids)) expect(html).toContain(`<code>${id}</code>`);
    expect(html).not.toMatch(/<script|="https?:\/\/(?!www\.w3\.org\/2000\/svg)|\son\w+=|url\(/);
    expect(html).toContain("default-src 'none'");
  });

  it('states what fails and never calls it verified', async () => {
    const { html, verification } = await reportOfStory({
      rewrite(name, draft) {
        if (name !== 'submitted') return draft;
        const { decision: _, ...data } = draft.data as Readonly<Record<string, Json>>;
        return { ...draft, data };
      },
    });
    expect(verification.verdict).toBe('failed');
    expect(html).toContain('<strong>Not verified</strong>');
    expect(html).not.toContain('<strong>Verified</strong>');
    expect(html).toContain('<code>decision_missing</code>');
  });

  it('does not call a bundle verified on its own key alone, nor without proof', async () => {
    expect((await reportOfStory({}, false)).html).toContain('<strong>Consistent, not anchored</strong>');
    const bare = render({
      title: 'client oms',
      about: [],
      records: [{ index: 3n, record: { id: 'rec_1', type: 'token.issued' } }],
    });
    expect(bare).toContain('Records without proof');
    expect(bare).not.toContain('Verified');
    expect(render({ title: 'nothing', about: [], records: [] })).toContain('</html>');
  });

  it('names withheld values without showing them', async () => {
    const protector = createProtector();
    const { html } = await reportOfStory({
      rewrite(name, draft) {
        if (name === 'opened') return protector.protect(draft, ['/data/intent']);
        const token = name === 'issued' || name === 'exchanged';
        return token ? protector.protect(draft, ['/data/claims/authorization_details']) : draft;
      },
    });
    expect(html).toContain('withheld: /data/intent');
    expect(html).not.toContain('DE0001102580');
    expect((await reportOfStory()).html).toContain('DE0001102580');
  });

  it('escapes the content of a record', () => {
    const evil = '</pre><script>alert(1)</script><img src=x onerror=y>\u202e';
    const html = render({
      title: evil,
      about: [[evil, evil]],
      records: [
        {
          index: 1n,
          record: {
            id: evil,
            type: evil,
            time: evil,
            subject: { id: evil },
            reason: evil,
            data: { [evil]: evil, detail: evil },
            protected: { [evil]: {} },
          },
        },
      ],
    });
    expect(html).not.toMatch(/<script|<img|\u202e/);
    expect(html.match(/<\/pre>/g)).toHaveLength(1);
  });

  it('states the time between records in everyday units', () => {
    const at = (time: string) => between('2026-11-21T09:30:00.000Z', time);
    expect(at('2026-11-21T09:30:00.034Z')).toBe('+34 ms');
    expect(at('2026-11-21T09:30:02.540Z')).toBe('+2.5 s');
    expect(at('2026-11-21T09:47:00.000Z')).toBe('+17 min');
    expect(at('2026-11-24T09:30:00.000Z')).toBe('+3 d');
    expect(at('2026-11-21T09:30:00.000Z')).toBe('');
    expect(between(undefined, 'x')).toBe('');
  });
});
