import { describe, expect, it } from 'vitest';
import { describeBundle } from './index.ts';
import { tellOrder } from './testing/order-story.ts';

describe('a bundle shown as a timeline', () => {
  it('has one line for each record, in the order of the log', async () => {
    const story = tellOrder();
    const lines = describeBundle(await story.bundle());
    expect(lines).toHaveLength(story.log.leaves.length);
    expect(lines[4]).toBe(
      `2026-11-21T09:30:04.000Z  #4  transaction.opened  done  person:anna through service:oms  under ${story.mandateId} version 2  [${story.ids.opened}]`,
    );
    expect(lines.find((line) => line.includes('transaction.transitioned'))).toContain(
      'submit: intended to submitted, version 1',
    );
  });

  it('shows control characters of a record escaped, so that it cannot draw on the terminal', async () => {
    const story = tellOrder({
      rewrite: (name, draft) => (name === 'policy' ? { ...draft, reason: '\u001b[2J\u202e\nforged line' } : draft),
    });
    const lines = describeBundle(await story.bundle());
    expect(lines[1]).toContain('(\\u001b[2J\\u202e\\u000aforged line)');
  });

  it('states that a record cannot be read', async () => {
    const story = tellOrder({
      before: (name, log, ids) =>
        void (name === 'settled' && log.addBytes(Buffer.from('{}'), ids.opened ?? ('' as never))),
    });
    expect(describeBundle(await story.bundle()).some((line) => line.includes('cannot be read'))).toBe(true);
  });
});
