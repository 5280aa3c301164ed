import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort } from '@countersign/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freePortRange } from '../../../examples/src/demo/free-port.ts';
import { registerKey } from '../../../examples/src/demo/supervisor.ts';
import { isAsShown, runGuide, stepsOf, stepsThatStart } from './guide.ts';
import { personBrowser } from './person-browser.ts';
import { scratchFolder } from './scratch-folder.ts';

const checkout = fileURLToPath(new URL('../../..', import.meta.url));

/**
 * The default port: another server uses it while the guides run, as on the machine of somebody who has just typed `npm
 * start`.
 */
const defaultPort = 7420;
const isRoot = process.getuid?.() === 0;
/** The account that Debian calls nobody. */
const ordinaryUser = 65_534;
const mayEnter = (): boolean =>
  spawnSync('test', ['-r', join(checkout, 'package.json')], { uid: ordinaryUser, gid: ordinaryUser }).status === 0;
/** The guides run as a reader would: not as root. The reason when they cannot. */
const whySkipped = !isRoot
  ? 'these tests run as an ordinary user'
  : mayEnter()
    ? undefined
    : 'other users cannot enter the checkout, and the whole guide goes as root; put it where they can';

/**
 * Follows a guide like a reader who copies every command, and compares the output, as an ordinary user. Each guide has its own
 * file, so that they run in parallel.
 *
 * @param steps how many blocks of commands it has, so that a missed block is noticed
 * @param options.alsoAsRoot follows it also as root, as far as it starts processes. For root, the embedded PostgreSQL runs as
 *   another account; that is the same in every guide that only starts a control plane, so one of these is enough
 */
export function guideDoesWhatItSays(guide: string, steps: number, options: { readonly alsoAsRoot?: true } = {}): void {
  describe('the guide', () => {
    const folder = scratchFolder();
    const other = createServer((_, response) => response.end('{"status":"somebody else"}'));
    beforeAll(
      () =>
        new Promise<void>((resolve, reject) => {
          // If the port is already in use, the condition is met.
          other.once('error', (error: NodeJS.ErrnoException) =>
            error.code === 'EADDRINUSE' ? resolve() : reject(error),
          );
          other.listen(defaultPort, 'localhost', resolve);
        }),
    );
    afterAll(() => {
      other.close();
      folder.remove();
    });

    async function follow(home: string, part: { readonly as?: number | undefined; readonly starts?: true } = {}) {
      const page = readFileSync(join(checkout, 'docs/guides', guide), 'utf8');
      expect(stepsOf(page)).toHaveLength(steps);
      const replacing = await freePorts(page);
      const followed = part.starts === true ? stepsThatStart(stepsOf(page)) : steps;
      const done = await runGuide(page, {
        checkout,
        home: join(folder.path, home),
        steps: followed,
        replacing,
        as: part.as,
        timeoutMs: 280_000,
        onLine: personAt(`http://localhost:${replacing[guidePort]}`, 'person:anna.keller'),
      });
      expect(done).toHaveLength(followed);
      expect(followed).toBeGreaterThan(0);
      for (const { line, shown, printed } of done) {
        if (shown === undefined)
          expect(printed.trim(), `line ${line} prints something that the page does not show`).toBe('');
        else
          expect(isAsShown(printed, shown), `line ${line} prints\n${printed}\nwhere the page shows\n${shown}`).toBe(
            true,
          );
      }
    }

    it(
      `${guide} works as described, command by command, beside a server on the default port`,
      { timeout: 300_000 },
      () => follow('reader', { as: whySkipped === undefined ? ordinaryUser : undefined }),
    );
    if (options.alsoAsRoot === true)
      it.skipIf(whySkipped !== undefined)(
        `${guide} also works for root, as far as it starts anything${whySkipped === undefined ? '' : ` (skipped: ${whySkipped})`}`,
        { timeout: 300_000 },
        () => follow('root', { starts: true }),
      );
  });
}

/** The port of the guides' own control plane, so that one may run beside `npm start`. */
const guidePort = '7480';

const firstProcessPort = '7431';

/** A free port for each port that the page names. */
async function freePorts(page: string): Promise<Record<string, string>> {
  const named = [...new Set(page.match(/\b(?:7480|7421|8400|8500)\b/g))];
  const ports = await Promise.all(named.map(async (port) => [port, String(await freePort())] as const));
  // The first of twelve.
  if (page.includes(firstProcessPort)) ports.push([firstProcessPort, String(await freePortRange(12))]);
  return Object.fromEntries(ports);
}

/**
 * Opens the addresses that a page asks to open: registers a key for an invitation, otherwise signs in and allows the
 * request.
 */
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
