import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));

function filesIn(folder: string, ending: string): readonly string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    if (entry.name === 'node_modules' || entry.name === 'dist' || entry.name.startsWith('.')) return [];
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return filesIn(path, ending);
    return entry.name.endsWith(ending) ? [path] : [];
  });
}

const pages = filesIn(root, '.md');
const nameOf = (page: string): string => relative(root, page);
const textOf = (page: string): string => readFileSync(page, 'utf8');
const withoutCode = (text: string): string => text.replaceAll(/^```[\s\S]*?^```$/gm, '').replaceAll(/`[^`\n]*`/g, '');
const codeIn = (text: string): string =>
  [...text.matchAll(/^```(?:sh|bash|shell|console)\n([\s\S]*?)^```$/gm), ...text.matchAll(/`([^`\n]+)`/g)]
    .map(([, code]) => code ?? '')
    .join('\n');

/** Anchors of headings as GitHub makes them. */
function anchorsOf(text: string): ReadonlySet<string> {
  const headings = [...text.replaceAll(/^```[\s\S]*?^```$/gm, '').matchAll(/^#{1,6}\s+(.+)$/gm)];
  return new Set(
    headings.map(([, heading]) =>
      (heading ?? '')
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
        .trim()
        .replaceAll(/\s/g, '-'),
    ),
  );
}

describe('the documentation', () => {
  it('is complete: the root, and a README in every room', () => {
    const { workspaces } = JSON.parse(textOf(join(root, 'package.json'))) as { workspaces: readonly string[] };
    const rooms = workspaces.flatMap((pattern) => {
      const folder = pattern.replace('/*', '');
      return pattern.endsWith('/*') ? readdirSync(join(root, folder)).map((name) => join(folder, name)) : [folder];
    });
    expect(existsSync(join(root, 'README.md'))).toBe(true);
    const real = rooms.filter((room) => existsSync(join(root, room, 'package.json')));
    expect(real.filter((room) => !existsSync(join(root, room, 'README.md')))).toEqual([]);
    expect(real.length).toBeGreaterThan(20);
  });

  it.each(pages.map((page) => [nameOf(page), page]))('%s has no dead links', (_, page) => {
    const broken: string[] = [];
    for (const [, target = ''] of withoutCode(textOf(page)).matchAll(/\]\(\s*<?([^)\s>]+)>?[^)]*\)/g)) {
      if (/^[a-z][a-z0-9+.-]*:/i.test(target)) continue;
      const [path = '', anchor] = target.split('#');
      const file = path === '' ? page : join(dirname(page), decodeURIComponent(path));
      if (!existsSync(file)) broken.push(target);
      else if (anchor !== undefined && file.endsWith('.md') && !anchorsOf(textOf(file)).has(anchor))
        broken.push(target);
    }
    expect(broken).toEqual([]);
  });

  it.each(pages.map((page) => [nameOf(page), page]))('%s names only existing npm scripts', (_, page) => {
    const { scripts } = JSON.parse(textOf(join(root, 'package.json'))) as { scripts: Record<string, string> };
    const named = [...codeIn(textOf(page)).matchAll(/\bnpm (?:run ([\w:-]+)|(start|test)\b)/g)];
    expect(named.map(([, run, short]) => run ?? short ?? '').filter((name) => !Object.hasOwn(scripts, name))).toEqual(
      [],
    );
  });

  it('names only existing commands of countersign', { timeout: 300_000 }, () => {
    const help = (...words: readonly string[]): string =>
      execFileSync(process.execPath, [join(root, 'bin/countersign.js'), ...words, '--help'], { encoding: 'utf8' });
    const commandsOf = (text: string): readonly string[] =>
      [...(text.split('Commands:')[1] ?? '').matchAll(/^ {2}([a-z]+)/gm)]
        .map(([, name]) => name ?? '')
        .filter((name) => name !== 'help');
    const known = new Map(commandsOf(help()).map((group) => [group, undefined as readonly string[] | undefined]));
    expect(known.size).toBeGreaterThan(4);

    const unknown: string[] = [];
    for (const page of pages) {
      for (const [, group = '', command] of codeIn(textOf(page)).matchAll(/\bcountersign ([a-z]+)(?: ([a-z]+))?/g)) {
        if (!known.has(group)) {
          unknown.push(`${nameOf(page)}: countersign ${group}`);
          continue;
        }
        const commands = known.get(group) ?? commandsOf(help(group));
        known.set(group, commands);
        if (commands.length > 0 && command !== undefined && !commands.includes(command))
          unknown.push(`${nameOf(page)}: countersign ${group} ${command}`);
      }
    }
    expect(unknown).toEqual([]);
  });

  it('names existing tests by their titles', () => {
    const tests = new Map<string, string>();
    for (const file of filesIn(root, '.test.ts'))
      tests.set(basename(file), (tests.get(basename(file)) ?? '') + textOf(file));
    const strangers: string[] = [];
    let rowsChecked = 0;
    let before: readonly string[] = [];
    const rows = textOf(join(root, 'docs/threat-model.md')).split('\n');
    for (const [index, row] of rows.entries()) {
      if (!row.startsWith('|')) continue;
      const shownBy = row.split('|').at(-2) ?? '';
      const named = [...shownBy.matchAll(/`(?:negative-matrix\/)?([\w.-]+\.test\.ts)`/g)].map(([, name = '']) => name);
      // "same" refers to the row above.
      const files = named.length === 0 ? before : named;
      before = files;
      if (named.length > 0) rowsChecked++;
      const missing = files.filter((name) => !tests.has(name));
      const text = files.map((name) => tests.get(name)?.toLowerCase() ?? '').join('\n');
      const words = [...shownBy.matchAll(/\(([^()]*(?:\([^()]*\))?[^()]*)\)/g)]
        .filter(([, inside = '']) => !inside.startsWith('`'))
        .flatMap(([, inside = '']) => (/"/.test(inside) ? (inside.match(/(?<=")[^"]+(?=")/g) ?? []) : [inside]))
        .flatMap((phrase) => phrase.split('...').map((piece) => piece.trim().toLowerCase()));
      for (const stranger of [...missing, ...words.filter((word) => !text.includes(word))])
        strangers.push(`line ${index + 1}: ${stranger}`);
    }
    expect(strangers).toEqual([]);
    expect(rowsChecked).toBeGreaterThan(100);
  });
});
