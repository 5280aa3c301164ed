// Prints the structure of the source: lines and files per room, folder cycles, names that each door exports.
// docs/architecture.md shows what it printed before and after a tidying.
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

const rows = rooms.map((room) => {
  const all = sourcesIn(join(root, room, 'src'));
  const source = all.filter((file) => !isTest(file));
  const tests = all.filter(isTest);
  const sum = (files) => files.reduce((total, file) => total + linesOf(file), 0);
  return {
    room,
    files: source.length,
    lines: sum(source),
    small: source.filter((file) => linesOf(file) < 30).length,
    tests: sum(tests),
    cycles: folderCycles(source, join(root, room, 'src')),
    names: exportedNames(join(root, room, 'src/index.ts')).size,
  };
});

console.log('| room | files | under 30 lines | lines | lines of tests | folder cycles | names of its door |');
console.log('| --- | ---: | ---: | ---: | ---: | ---: | ---: |');
const total = { files: 0, small: 0, lines: 0, tests: 0, cycles: 0, names: 0 };
for (const { room, files, small, lines, tests, cycles, names } of rows) {
  console.log(`| ${room} | ${files} | ${small} | ${lines} | ${tests} | ${cycles.length} | ${names} |`);
  total.files += files;
  total.small += small;
  total.lines += lines;
  total.tests += tests;
  total.cycles += cycles.length;
}
console.log(`| **all** | ${total.files} | ${total.small} | ${total.lines} | ${total.tests} | ${total.cycles} | |`);
for (const { cycles } of rows)
  for (const members of cycles)
    console.error(`folder cycle: ${members.map((folder) => relative(root, folder)).join(', ')}`);
