import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { describeLifeCycle } from '../../components/consent-store/src/index.ts';
import { drawStateMachine, type StateMachine } from '../../components/transaction-registry/src/life-cycles/draw.ts';

const folder = join(import.meta.dirname, '../../docs/guides/state-machines');

/** Beside `amend` there is no need to repeat what is consented to. */
const words = (name: string): string =>
  name.replace(/(To)?Amendment$/, '').replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
const parties = ['grantor', 'grantee', 'thirdParty'];
/** "any party" if each of them may. */
function actorsOf(by: readonly string[]): string {
  const others = by.filter((part) => !parties.includes(part));
  return (parties.every((part) => by.includes(part)) ? ['any party', ...others] : by).join(', ');
}

/** Steps that return to their own state are one line for each state; the others one for each name. */
function machineOf({ states, steps }: ReturnType<typeof describeLifeCycle>): StateMachine {
  const drawn = new Map<string, { events: string[]; from: Set<string>; to: string; by: Set<string> }>();
  for (const { name, from, to, by } of steps) {
    const key = from === to ? `within ${from}` : `${name} ${to}`;
    const line = drawn.get(key) ?? { events: [], from: new Set(), to, by: new Set() };
    if (!line.events.includes(words(name))) line.events.push(words(name));
    line.from.add(from);
    for (const part of by) line.by.add(part);
    drawn.set(key, line);
  }
  return {
    name: 'The life of a mandate',
    states,
    steps: [...drawn.values()].map(({ events, from, to, by }) => ({
      event: events.join(', '),
      from: [...from],
      to,
      by: actorsOf([...by]),
    })),
  };
}

describe('the mandate life cycle', () => {
  const described = describeLifeCycle();

  it('is drawn in the guides as it is in the code', async () => {
    await expect(drawStateMachine(machineOf(described))).toMatchFileSnapshot(join(folder, 'mandate.svg'));
  });

  it('shows every state and every step', () => {
    const drawn = drawStateMachine(machineOf(described));
    for (const { name } of described.states) expect(drawn).toContain(`>${name}</text>`);
    for (const { name } of described.steps) expect(drawn).toContain(words(name));
  });
});
