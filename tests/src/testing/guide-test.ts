import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort } from '@countersign/testkit';
import { afterAll, describe, expect, it } from 'vitest';
import { registerKey } from '../../../examples/src/demo/supervisor.ts';
import { isAsShown, runGuide, stepsOf } from './guide.ts';
import { personBrowser } from './person-browser.ts';
import { scratchFolder } from './scratch-folder.ts';

const checkout = fileURLToPath(new URL('../../..', import.meta.url));

/**
 * Goes through a guide as somebody does who copies every command, and compares what it prints. Each guide has a file of
 * its own, so that they run beside each other.
 *
 * @param steps how many blocks of commands it has: one that is not found would not be run
 */
export function guideDoesWhatItSays(guide: string, steps: number): void {
  describe('the guide', () => {
    const folder = scratchFolder();
    afterAll(() => folder.remove());

    it(`${guide} does what it says, command by command`, { timeout: 300_000 }, async () => {
      const page = readFileSync(join(checkout, 'docs/guides', guide), 'utf8');
      expect(stepsOf(page)).toHaveLength(steps);
      const replacing = await freePorts(page);
      const done = await runGuide(page, {
        checkout,
        home: join(folder.path, guide),
        replacing,
        timeoutMs: 280_000,
        onLine: personAt(`http://localhost:${replacing['7420']}`, 'person:anna.keller'),
      });
      for (const { line, shown, printed } of done) {
        if (shown === undefined)
          expect(printed.trim(), `line ${line} prints something that the page does not show`).toBe('');
        else
          expect(isAsShown(printed, shown), `line ${line} prints\n${printed}\nwhere the page shows\n${shown}`).toBe(
            true,
          );
      }
    });
  });
}

/** Ports that the pages name, each with one that is free now. */
async function freePorts(page: string): Promise<Record<string, string>> {
  const named = [...new Set(page.match(/\b(?:7420|7421|8400|8500)\b/g))];
  return Object.fromEntries(await Promise.all(named.map(async (port) => [port, String(await freePort())] as const)));
}

/** Opens what a page asks to be opened: registers a key where it invites to, else signs in and allows what is asked. */
function personAt(issuer: string, person: string): (line: string) => void {
  return (line) => {
    const address = /^Open (\S+)$/.exec(line)?.[1];
    if (address === undefined) return;
    if (new URL(address).pathname.startsWith('/enrol/')) return void registerKey(address);
    void personBrowser(issuer)
      .authorize(address, { person })
      .then((back) => fetch(back));
  };
}
