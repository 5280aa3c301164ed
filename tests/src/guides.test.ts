import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { freePort } from './testing/free-port.ts';
import { isAsShown, runGuide, stepsOf } from './testing/guide.ts';
import { personBrowser } from './testing/person-browser.ts';
import { scratchFolder } from './testing/scratch-folder.ts';

// The guides, as somebody goes through them who copies every command and compares what it prints.

const checkout = fileURLToPath(new URL('../..', import.meta.url));
const folder = scratchFolder();
afterAll(() => folder.remove());

const pageOf = (guide: string): string => readFileSync(join(checkout, 'docs/guides', guide), 'utf8');

/** Ports that the pages name, each with one that is free now. */
async function freePorts(page: string): Promise<Record<string, string>> {
  const named = [...new Set(page.match(/\b(?:7420|7421|8400|8500)\b/g))];
  return Object.fromEntries(await Promise.all(named.map(async (port) => [port, String(await freePort())] as const)));
}

/** Opens what a page asks to be opened, signs in, and allows what is asked. */
function personAt(issuer: string, person: string): (line: string) => void {
  return (line) => {
    const address = /^Open (\S+)$/.exec(line)?.[1];
    if (address === undefined) return;
    void personBrowser(issuer)
      .authorize(address, { person })
      .then((back) => fetch(back));
  };
}

describe('the guide', () => {
  it.each([
    ['call-a-protected-interface.md', 20],
    ['register-a-client.md', 15],
    ['operate-keys.md', 7],
    ['policy.md', 13],
    ['mandates.md', 13],
    ['verify-evidence.md', 11],
    ['keep-evidence.md', 9],
  ])('%s does what it says, command by command', { timeout: 300_000 }, async (guide, steps) => {
    const page = pageOf(guide);
    expect(stepsOf(page)).toHaveLength(steps);
    const replacing = await freePorts(page);
    const done = await runGuide(page, {
      checkout,
      home: join(folder.path, guide),
      replacing,
      timeoutMs: 280_000,
      onLine: personAt(`http://127.0.0.1:${replacing['7420']}`, 'person:anna.keller'),
    });
    for (const { line, shown, printed } of done) {
      if (shown === undefined)
        expect(printed.trim(), `line ${line} prints something that the page does not show`).toBe('');
      else
        expect(isAsShown(printed, shown), `line ${line} prints\n${printed}\nwhere the page shows\n${shown}`).toBe(true);
    }
  });
});

describe('what is printed, beside what is shown', () => {
  it.each([
    ['the same', 'a\nb', 'a\nb', true],
    ['something else', 'a\nc', 'a\nb', false],
    ['one line too many', 'a\nb\nc', 'a\nb', false],
    ['one line too few', 'a', 'a\nb', false],
    ['what differs each time', '{"id":"chg_01","x":1}', '{"id":"...","x":1}', true],
    ['another line where only a part may differ', '{"id":"chg_01\n","x":1}', '{"id":"...","x":1}', false],
    ['any lines', 'a\nx\ny\nb', 'a\n...\nb', true],
    ['signs that mean something elsewhere', 'a.b(c)', 'a.b(c)', true],
    ['a sign for another', 'axb', 'a.b', false],
  ])('%s', (_, printed, shown, same) => {
    expect(isAsShown(printed, shown)).toBe(same);
  });
});
