// Prints the structure of the source: lines and files per room, folder cycles, imports past a folder's door, exported
// names. With --check it prints only what breaks the rules of docs/architecture.md, and fails if anything does.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const { workspaces } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const rooms = workspaces
  .flatMap((pattern) =>
    pattern.endsWith('/*')
      ? readdirSync(join(root, pattern.slice(0, -2))).map((name) => join(pattern.slice(0, -2), name))
      : [pattern],
  )
  .filter((room) => existsSync(join(root, room, 'package.json')));

const isTest = (path) => /\.test\.ts$|\.fixture\.|\/testing\//.test(path);

function sourcesIn(folder) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return sourcesIn(path);
    return /\.tsx?$/.test(entry.name) && !entry.name.endsWith('.d.ts') ? [path] : [];
  });
}

const textOf = (file) => readFileSync(file, 'utf8');
const linesOf = (file) => textOf(file).split('\n').length - 1;

/** Files of the same room that a file imports or exports from. */
function importsOf(file) {
  const found = [];
  for (const [, target] of textOf(file).matchAll(
    /^(?:import|export)\s[^;]*?from\s+'(\.[^']+)'|^import\s+'(\.[^']+)'/gm,
  ))
    if (target !== undefined) found.push(resolve(dirname(file), target));
  return found;
}

/** Groups of folders of which each reaches the other (strongly connected, more than one). */
function folderCycles(files, top) {
  const edges = new Map();
  // A file beside the door belongs to no folder: it may compose folders or be used by them, each for itself.
  const placeOf = (file) => (dirname(file) === top ? file : dirname(file));
  for (const file of files) {
    const from = placeOf(file);
    if (!edges.has(from)) edges.set(from, new Set());
    for (const target of importsOf(file)) if (placeOf(target) !== from) edges.get(from).add(placeOf(target));
  }
  const reaches = (start) => {
    const seen = new Set();
    const waiting = [...(edges.get(start) ?? [])];
    while (waiting.length > 0) {
      const next = waiting.pop();
      if (seen.has(next)) continue;
      seen.add(next);
      waiting.push(...(edges.get(next) ?? []));
    }
    return seen;
  };
  const reached = new Map([...edges.keys()].map((folder) => [folder, reaches(folder)]));
  const groups = new Map();
  for (const [folder, others] of reached) {
    if (!others.has(folder)) continue;
    const members = [...others].filter((other) => reached.get(other)?.has(folder)).sort();
    if (members.length > 1) groups.set(members.join(), members);
  }
  return [...groups.values()];
}

/** Names that a module exports, those of `export *` included. */
function exportedNames(file, seen = new Set()) {
  if (seen.has(file) || !existsSync(file)) return new Set();
  seen.add(file);
  const text = textOf(file);
  const names = new Set();
  for (const [, name] of text.matchAll(
    /^export (?:declare )?(?:abstract )?(?:async )?(?:const|let|function\*?|class|interface|type|enum) ([A-Za-z_$][\w$]*)/gm,
  ))
    names.add(name);
  for (const [, list] of text.matchAll(/^export (?:type )?\{([^}]*)\}/gm))
    for (const item of list.split(','))
      if (item.trim() !== '')
        names.add(
          item
            .trim()
            .replace(/^type /, '')
            .split(' as ')
            .at(-1),
        );
  for (const [, target] of text.matchAll(/^export \* from '(\.[^']+)'/gm))
    for (const name of exportedNames(resolve(dirname(file), target), seen)) names.add(name);
  return names;
}

/** Imports from outside a folder that do not go through its `index.ts`, where it has one. */
function importsPastDoors(files, top) {
  const past = [];
  for (const file of files)
    for (const target of importsOf(file)) {
      for (let folder = dirname(target); folder.length > top.length; folder = dirname(folder)) {
        if (file.startsWith(`${folder}/`)) break;
        const door = join(folder, 'index.ts');
        if (existsSync(door) && target !== door) past.push([file, target]);
      }
    }
  return past;
}

/** Doors that export whatever a file happens to export. */
const wildcardDoors = (files) =>
  files.filter((file) => file.endsWith('/index.ts') && /^export \* from/m.test(textOf(file)));

const rows = rooms.map((room) => {
  const top = join(root, room, 'src');
  const all = sourcesIn(top);
  const source = all.filter((file) => !isTest(file));
  const tests = all.filter(isTest);
  const sum = (files) => files.reduce((total, file) => total + linesOf(file), 0);
  return {
    room,
    files: source.length,
    small: source.filter((file) => linesOf(file) < 30).length,
    lines: sum(source),
    tests: sum(tests),
    cycles: folderCycles(source, top),
    past: importsPastDoors(source, top),
    wildcards: wildcardDoors(source),
    names: exportedNames(join(top, 'index.ts')).size,
  };
});

const short = (path) => relative(root, path);
const faults = rows.flatMap(({ cycles, past, wildcards }) => [
  ...cycles.map((members) => `folder cycle: ${members.map(short).join(', ')}`),
  ...past.map(([file, target]) => `past the door of a folder: ${short(file)} imports ${short(target)}`),
  ...wildcards.map((file) => `exports by wildcard: ${short(file)}`),
]);

if (process.argv.includes('--check')) {
  for (const fault of faults) console.log(fault);
  process.exit(faults.length === 0 ? 0 : 1);
}

const columns = [
  ['files', (row) => row.files],
  ['under 30 lines', (row) => row.small],
  ['lines', (row) => row.lines],
  ['lines of tests', (row) => row.tests],
  ['folder cycles', (row) => row.cycles.length],
  ['past doors', (row) => row.past.length],
  ['exported names', (row) => row.names],
];
console.log(`| room | ${columns.map(([title]) => title).join(' | ')} |`);
console.log(`| --- | ${columns.map(() => '---:').join(' | ')} |`);
for (const row of rows) console.log(`| ${row.room} | ${columns.map(([, of]) => of(row)).join(' | ')} |`);
const totals = columns.map(([, of]) => rows.reduce((total, row) => total + of(row), 0));
console.log(`| **all** | ${totals.join(' | ')} |`);
