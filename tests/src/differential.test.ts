import { afterAll, beforeAll, expect, it } from 'vitest';
import { writeFileSync } from 'node:fs';
import { pushedRequestCases } from './testing/differential-cases-par.ts';
import { tokenCases } from './testing/differential-cases-token.ts';
import { browserCases, unlistedMetadata } from './testing/differential-cases-browser.ts';
import { type Sides, startSides } from './testing/differential-servers.ts';
import { differencesBetween } from './testing/differential-comparison.ts';
import { scratchFolder } from './testing/scratch-folder.ts';
const folder = scratchFolder();
let sides: Sides;
beforeAll(async () => { sides = await startSides(folder.path, { requireNonce: false }); });
afterAll(async () => { await sides?.stop(); folder.remove(); });
it('dump', { timeout: 300_000 }, async () => {
  const out: string[] = [];
  for (const one of [...pushedRequestCases, ...tokenCases, ...browserCases]) {
    const faults = sides.faults.length;
    const [ours, theirs] = await Promise.all([sides.ours, sides.theirs].map((side) => one.ask(side).catch((e) => ({ value: `THROWS ${e.message} ${e.cause?.message ?? ''}` }))));
    if (sides.faults.length > faults) out.push(`FAULT ${sides.faults.slice(faults).map((f) => f.stack).join()}`);
    out.push(JSON.stringify({ name: one.name, ours, d: differencesBetween(ours, theirs) }));
  }
  out.push(JSON.stringify([await unlistedMetadata(sides.ours), await unlistedMetadata(sides.theirs)]));
  writeFileSync('/tmp/h/diff.json', out.join('\n'));
});
