import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Case } from './testing/differential-case.ts';
import { browserCases, unlistedMetadata } from './testing/differential-cases-browser.ts';
import { nonceCases } from './testing/differential-cases-nonce.ts';
import { pushedRequestCases } from './testing/differential-cases-par.ts';
import { tokenCases } from './testing/differential-cases-token.ts';
import { countAlike, type Difference, differencesBetween, judge } from './testing/differential-comparison.ts';
import { explanations } from './testing/differential-explained.ts';
import { differencesPage } from './testing/differential-page.ts';
import { type Sides, startSides } from './testing/differential-servers.ts';
import { scratchFolder } from './testing/scratch-folder.ts';

// The same requests to our server and to node-oidc-provider, configured alike. If two implementations of one specification
// differ, one is wrong or the text is ambiguous: each difference must be explained.

const page = fileURLToPath(new URL('../../docs/differences-from-oidc-provider.md', import.meta.url));
const cases = [...pushedRequestCases, ...tokenCases, ...browserCases];
const found = new Map<string, readonly Difference[]>();

/** Sends every case to both, in sequence, so that both sides have the same state. */
async function compare(sides: Sides, compared: readonly Case[]): Promise<void> {
  for (const { name, ask } of compared) {
    const before = sides.faults.length;
    const [ours, theirs] = await Promise.all(
      [sides.ours, sides.theirs].map((side) => answerOf(side.name, name, () => ask(side))),
    );
    expect(sides.faults.slice(before), name).toEqual([]);
    found.set(name, differencesBetween(ours ?? {}, theirs ?? {}));
  }
}

async function answerOf<Answer>(side: string, name: string, ask: () => Promise<Answer>): Promise<Answer> {
  try {
    return await ask();
  } catch (cause) {
    throw new Error(`${name}: a step before the one that is compared failed at ${side}`, { cause });
  }
}

describe('our answers and those of oidc-provider', () => {
  const folder = scratchFolder();
  let sides: Sides;
  beforeAll(async () => {
    sides = await startSides(folder.path, { requireNonce: false });
  }, 120_000);
  afterAll(async () => {
    await sides?.stop();
    folder.remove();
  });

  it('are compared for every case', { timeout: 300_000 }, async () => {
    await compare(sides, cases);
    expect(found.size).toBe(cases.length);
  });

  it('have no metadata member without a case', async () => {
    expect([await unlistedMetadata(sides.ours), await unlistedMetadata(sides.theirs)]).toEqual([[], []]);
  });
});

describe('our answers and those of oidc-provider when nonces are required', () => {
  const folder = scratchFolder();
  let sides: Sides;
  beforeAll(async () => {
    sides = await startSides(folder.path, { requireNonce: true });
  }, 120_000);
  afterAll(async () => {
    await sides?.stop();
    folder.remove();
  });

  it('are compared for every case', { timeout: 120_000 }, async () => {
    await compare(sides, nonceCases);
    expect(found.size).toBe(cases.length + nonceCases.length);
  });
});

describe('the differences', () => {
  it('are all explained, and every explanation has a difference', () => {
    expect(judge(found, explanations)).toEqual({ unexplained: [], outdated: [] });
  });

  it('are documented as they are now', async () => {
    const alike = countAlike(found, explanations);
    await expect(differencesPage(explanations, { cases: found.size, alike })).toMatchFileSnapshot(page);
  });
});
