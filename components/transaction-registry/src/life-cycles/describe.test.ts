import { describe, expect, it } from 'vitest';
import { describeLifeCycles, drawLifeCycle } from './describe.ts';
import { drawStateMachine } from './draw.ts';
import { lifeCycles, stepsOf } from './life-cycles.ts';

const folder = new URL('../../../../docs/guides/state-machines/', import.meta.url).pathname;
const introduction = `# The lives of transactions

This page and its pictures are written from the code. \`npx vitest run components/transaction-registry/src/life-cycles -u\`
writes them anew. See [transactions](../transactions.md) for what the words mean.

A dot is where a step may come from, an arrow where it leads; a double edge ends a life. In states that count, amounts
count against limits.
`;

describe('the life cycle diagrams', () => {
  it.each(Object.values(lifeCycles))('draw $name in the guides as it is in the code', async (cycle) => {
    await expect(drawLifeCycle(cycle)).toMatchFileSnapshot(`${folder}${cycle.name}.svg`);
  });

  it('describe the life cycles in the guides as they are in the code', async () => {
    const page = `${introduction}\n${describeLifeCycles(Object.values(lifeCycles))}`;
    await expect(page).toMatchFileSnapshot(`${folder}transactions.md`);
  });

  it.each(Object.values(lifeCycles))('show every state and every step of $name', (cycle) => {
    const drawn = drawLifeCycle(cycle);
    for (const state of Object.keys(cycle.states)) expect(drawn).toContain(`>${state}</text>`);
    for (const { event, rule } of stepsOf(cycle))
      expect(drawn).toContain(`>${event} · ${rule.actors.join(', ')}</text>`);
  });

  it('escape markup in names', () => {
    const drawn = drawStateMachine({ name: 'a<b', states: [{ name: '"><script>' }], steps: [] });
    expect(drawn).not.toContain('<script>');
    expect(drawn).toContain('&quot;&gt;&lt;script&gt;');
  });
});
