import { execFile } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { scratchFolder } from './testing/scratch-folder.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const cruiser = join(root, 'node_modules/dependency-cruiser/bin/dependency-cruise.mjs');
const folders = ['foundation', 'protocols', 'components', 'apps', 'sdk', 'examples', 'testkit'];

/** A text that starts like the statements of our stores. */
const sqlStart =
  /[`'"]\s*(?:select|insert into|update \w+\s+set|delete from|with \w+ (?:\([^)]*\) )?as|truncate|lock table|notify|listen)\s/;

interface Violation {
  readonly from: string;
  readonly to: string;
  readonly rule: { readonly name: string };
}

/** Runs the rules over a tree, as `npm run check` does. */
function cruise(tree: string): Promise<{ readonly violations: readonly Violation[]; readonly modules: number }> {
  const args = [cruiser, '--config', join(tree, '.dependency-cruiser.cjs'), '--output-type', 'json', ...folders];
  return new Promise((resolve, reject) => {
    // The exit code is the number of violations; only unreadable output is a failure here.
    execFile(process.execPath, args, { cwd: tree, maxBuffer: 256 * 1_048_576 }, (_error, stdout, stderr) => {
      try {
        const { summary } = JSON.parse(stdout) as { summary: { violations: Violation[]; totalCruised: number } };
        resolve({ violations: summary.violations, modules: summary.totalCruised });
      } catch {
        reject(new Error(`the boundaries could not be read: ${stderr.slice(0, 2000)}`));
      }
    });
  });
}

/** Rooms on disk: `components/audit-log`, `sdk`, ... */
function rooms(): readonly string[] {
  const inside = (folder: string): readonly string[] =>
    readdirSync(join(root, folder)).map((name) => `${folder}/${name}`);
  return folders
    .flatMap((folder) => (existsSync(join(root, folder, 'package.json')) ? [folder] : inside(folder)))
    .filter((room) => existsSync(join(root, room, 'package.json')));
}

describe('the room boundaries', () => {
  it('are kept by the current tree', { timeout: 120_000 }, async () => {
    const { violations, modules } = await cruise(root);
    expect(violations.map(({ rule, from, to }) => `${rule.name}: ${from} -> ${to}`)).toEqual([]);
    expect(modules).toBeGreaterThan(200);
  });

  it('leave the database to the stores: elsewhere in a component there is no SQL, and only types of the driver', () => {
    const guilty: string[] = [];
    let storesWithSql = 0;
    for (const component of readdirSync(join(root, 'components'))) {
      const folder = join('components', component, 'src');
      for (const file of readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })) {
        if (!file.endsWith('.ts') || /\.test\.ts$|(^|\/)testing\//.test(file)) continue;
        const text = readFileSync(join(root, folder, file), 'utf8');
        const hasSql = sqlStart.test(text);
        if (/(^|[-/])store(\/[a-z-]+)?\.ts$/.test(file)) storesWithSql += hasSql ? 1 : 0;
        else if (hasSql || /^import (?!type\b).*from 'pg'/m.test(text)) guilty.push(join(folder, file));
      }
    }
    expect(guilty).toEqual([]);
    // Proves that the rule recognises SQL.
    expect(storesWithSql).toBeGreaterThan(50);
  });

  it('use the runtime for locks and notifications: an advisory lock is shared by everybody, and a notification may fail a commit', () => {
    const guilty: string[] = [];
    for (const room of rooms())
      for (const folder of [join(room, 'src'), join(room, 'migrations'), join(room, 'eraser-migrations')]) {
        if (!existsSync(join(root, folder))) continue;
        for (const file of readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })) {
          if (!/\.(ts|sql)$/.test(file) || /\.test\.ts$|(^|\/)testing\//.test(file)) continue;
          if (join(folder, file) === 'foundation/runtime/src/database/transaction.ts') continue;
          if (/pg_(try_)?advisory|pg_notify\(|^\s*notify /im.test(readFileSync(join(root, folder, file), 'utf8')))
            guilty.push(join(folder, file));
        }
      }
    expect(guilty).toEqual([]);
  });

  it('leave fetching of external addresses to the gateway: no component and no foundation calls fetch', () => {
    const guilty: string[] = [];
    for (const room of rooms().filter((name) => /^(components|foundation|protocols)\//.test(name))) {
      const folder = join(room, 'src');
      for (const file of readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })) {
        if (!file.endsWith('.ts') || /\.test\.ts$|\.fixture\.|(^|\/)testing\//.test(file)) continue;
        if (
          /(?:await|return|=>?|[(,?:])\s*fetch\(|globalThis\.fetch|new (?:WebSocket|EventSource)\(/.test(
            readFileSync(join(root, folder, file), 'utf8'),
          )
        )
          guilty.push(join(folder, file));
      }
    }
    expect(guilty).toEqual([]);
  });

  describe('report a tree where', () => {
    const folder = scratchFolder();
    afterAll(() => folder.remove());

    const forbidden = [
      [
        'a component imports another',
        'components/directory/src/a.ts',
        '@countersign/consent-store',
        'a-component-never-imports-another',
      ],
      [
        'a component imports another by a path',
        'components/directory/src/b.ts',
        '../../audit-log/src/index.ts',
        'a-component-never-imports-another',
      ],
      [
        'a component imports an app',
        'components/directory/src/c.ts',
        '@countersign/server',
        'components-import-foundation-and-protocols',
      ],
      [
        'a component imports the sdk',
        'components/directory/src/d.ts',
        '@countersign/sdk',
        'components-import-foundation-and-protocols',
      ],
      ['the kernel imports a protocol', 'foundation/kernel/src/a.ts', '@countersign/market', 'kernel-imports-nothing'],
      [
        'the kernel imports the runtime',
        'foundation/kernel/src/b.ts',
        '@countersign/runtime',
        'kernel-imports-nothing',
      ],
      [
        'a contract imports the runtime',
        'foundation/contracts/src/a.ts',
        '@countersign/runtime',
        'contracts-import-kernel-and-protocols',
      ],
      [
        'the runtime imports a contract',
        'foundation/runtime/src/a.ts',
        '@countersign/contracts',
        'runtime-imports-kernel-and-x509',
      ],
      [
        'the embedded database imports a contract',
        'foundation/embedded-postgres/src/a.ts',
        '@countersign/contracts',
        'embedded-postgres-imports-kernel-and-runtime',
      ],
      [
        'a component imports the embedded database',
        'components/directory/src/database.ts',
        '@countersign/embedded-postgres',
        'components-import-foundation-and-protocols',
      ],
      [
        'a command imports a component',
        'foundation/commands/src/a.ts',
        '@countersign/directory',
        'commands-import-the-foundation-below',
      ],
      [
        'the wire imports a component',
        'foundation/wire/src/a.ts',
        '@countersign/directory',
        'wire-imports-the-foundation-below',
      ],
      [
        'a component imports the wire',
        'components/directory/src/wire.ts',
        '@countersign/wire',
        'components-import-foundation-and-protocols',
      ],
      [
        'the runtime imports the commands',
        'foundation/runtime/src/b.ts',
        '@countersign/commands',
        'runtime-imports-kernel-and-x509',
      ],
      ['a protocol imports the runtime', 'protocols/oauth/src/a.ts', '@countersign/runtime', 'protocol-oauth'],
      ['a protocol imports a component', 'protocols/oauth/src/b.ts', '@countersign/directory', 'protocol-oauth'],
      ['oauth imports webauthn', 'protocols/oauth/src/e.ts', '@countersign/webauthn', 'protocol-oauth'],
      ['the Merkle log imports x509', 'protocols/merkle-log/src/a.ts', '@countersign/x509', 'protocol-merkle-log'],
      ['Cedar imports the market', 'protocols/cedar/src/a.ts', '@countersign/market', 'protocol-cedar'],
      ['the market imports oauth', 'protocols/market/src/a.ts', '@countersign/oauth', 'protocol-market'],
      ['x509 imports oauth', 'protocols/x509/src/a.ts', '@countersign/oauth', 'protocol-x509'],
      ['webauthn imports evidence', 'protocols/webauthn/src/a.ts', '@countersign/evidence', 'protocol-webauthn'],
      ['an envelope imports the market', 'protocols/envelope/src/a.ts', '@countersign/market', 'protocol-envelope'],
      ['evidence imports Cedar', 'protocols/evidence/src/a.ts', '@countersign/cedar', 'protocol-evidence'],
      [
        'a protocol is missing in the table',
        'protocols/new-format/src/a.ts',
        '@countersign/kernel',
        'protocols-are-in-the-table',
      ],
      ['a protocol reads files', 'protocols/oauth/src/c.ts', 'node:fs', 'protocols-do-no-io'],
      [
        'the sdk imports a component',
        'sdk/src/a.ts',
        '@countersign/directory',
        'sdk-imports-kernel-contracts-protocols',
      ],
      ['the sdk imports the runtime', 'sdk/src/b.ts', '@countersign/runtime', 'sdk-imports-kernel-contracts-protocols'],
      [
        'the command imports a component',
        'apps/cli/src/a.ts',
        '@countersign/directory',
        'cli-imports-contracts-and-protocols',
      ],
      [
        'the command imports the runtime',
        'apps/cli/src/b.ts',
        '@countersign/runtime',
        'cli-imports-contracts-and-protocols',
      ],
      ['an example imports a component', 'examples/src/a.ts', '@countersign/directory', 'examples-import-the-sdk'],
      ['an example imports the server', 'examples/src/b.ts', '@countersign/server', 'examples-import-the-sdk'],
      [
        'a component other than the gateway fetches',
        'components/directory/src/e.ts',
        'node:https',
        'only-the-gateway-fetches',
      ],
      [
        'a component other than the gateway imports undici',
        'components/directory/src/f.ts',
        'undici',
        'only-the-gateway-fetches',
      ],
      ['the runtime imports undici', 'foundation/runtime/src/c.ts', 'undici', 'undici-in-the-gateway-and-for-clients'],
      ['the server imports undici', 'apps/server/src/a.ts', 'undici', 'undici-in-the-gateway-and-for-clients'],
      ['a protocol imports undici', 'protocols/oauth/src/d.ts', 'undici', 'undici-in-the-gateway-and-for-clients'],
    ] as const;
    let found: readonly Violation[];

    beforeAll(async () => {
      cpSync(join(root, '.dependency-cruiser.cjs'), join(folder.path, '.dependency-cruiser.cjs'));
      cpSync(join(root, 'package.json'), join(folder.path, 'package.json'));
      mkdirSync(join(folder.path, 'node_modules/@countersign'), { recursive: true });
      for (const room of rooms()) {
        mkdirSync(join(folder.path, room, 'src'), { recursive: true });
        cpSync(join(root, room, 'package.json'), join(folder.path, room, 'package.json'));
        writeFileSync(join(folder.path, room, 'src/index.ts'), 'export const here = true;\n');
        const { name } = JSON.parse(readFileSync(join(root, room, 'package.json'), 'utf8')) as { name: string };
        symlinkSync(join(folder.path, room), join(folder.path, 'node_modules', name));
      }
      const undici = join(folder.path, 'node_modules/undici');
      mkdirSync(undici);
      writeFileSync(join(undici, 'package.json'), '{"name":"undici","version":"7.0.0","main":"index.js"}');
      writeFileSync(join(undici, 'index.js'), 'exports.here = true;\n');
      // Allowed imports: a rule that forbade everything would pass the cases above.
      for (const [protocol, imported] of [
        ['oauth', 'x509'],
        ['webauthn', 'oauth'],
        ['evidence', 'merkle-log'],
      ] as const)
        writeFileSync(
          join(folder.path, `protocols/${protocol}/src/allowed.ts`),
          `export { here } from '@countersign/${imported}';\n`,
        );
      for (const room of ['components/federation-gateway', 'sdk', 'apps/cli'])
        writeFileSync(join(folder.path, room, 'src/fetches.ts'), "export { here } from 'undici';\n");
      for (const [, file, imported] of forbidden) {
        mkdirSync(dirname(join(folder.path, file)), { recursive: true });
        const code = imported.startsWith('node:')
          ? `import * as there from '${imported}';\nexport const used = there;\n`
          : `import { here } from '${imported}';\nexport const used = here;\n`;
        writeFileSync(join(folder.path, file), code);
      }
      ({ violations: found } = await cruise(folder.path));
    }, 120_000);

    it.each(forbidden)('%s', (_, file, _imported, rule) => {
      expect(found.filter(({ from }) => from === file).map(({ rule: { name } }) => name)).toContain(rule);
    });

    it('and only there', () => {
      const guilty = new Set<string>(forbidden.map(([, file]) => file));
      expect(found.filter(({ from }) => !guilty.has(from))).toEqual([]);
    });
  });
});
