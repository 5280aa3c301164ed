// Finds type assertions (`x as T`, `x!`) in the source of the product that no comment explains. `as const` and `as unknown` assert
// nothing; the file that declares a brand is the one that may give it. With arguments it checks those files alone.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseSync } from '@swc/core';

const root = fileURLToPath(new URL('..', import.meta.url));
const rooms = ['foundation', 'protocols', 'components', 'apps', 'sdk'];
const isChecked = (file) => file.endsWith('.ts') && !/\.test\.ts$|\/testing\/|\.d\.ts$|\.fixture\./.test(file);
/** Lines of a statement above which its comment may be. */
const reach = 8;

const asked = process.argv.slice(2);
const files =
  asked.length > 0
    ? asked
    : execFileSync('git', ['ls-files', ...rooms], { cwd: root, encoding: 'utf8' })
        .split('\n')
        .filter(isChecked);
const found = files.flatMap((file) =>
  unexplained(readFileSync(resolve(root, file), 'utf8')).map((line) => `${file}:${line}`),
);
if (found.length > 0) {
  console.log('Casts without a comment that says why they are right:');
  for (const place of found) console.log(`  ${place}`);
  process.exit(1);
}

function unexplained(text) {
  const octets = Buffer.from(text);
  const lines = text.split('\n');
  const brands = new Set(
    [...text.matchAll(/type (\w+)[^=\n]*=\s*(?:Brand<|\w+ & \{ readonly \[)/g)].map(([, name]) => name),
  );
  // Positions count octets from 1.
  const lineAt = (position) =>
    octets
      .subarray(0, position - 1)
      .toString()
      .split('\n').length;
  return assertionsIn(parseSync(text, { syntax: 'typescript', target: 'es2022' }))
    .filter(({ typeAnnotation }) => !brands.has(typeAnnotation?.typeName?.value))
    .map(({ span }) => ({ first: lineAt(span.start), last: lineAt(span.end) }))
    .filter(({ first, last }) => !isExplained(lines, first, last))
    .map(({ last }) => last);
}

function assertionsIn(node) {
  if (node === null || typeof node !== 'object') return [];
  const below = Object.values(node).flatMap(assertionsIn);
  const asserts =
    node.type === 'TsNonNullExpression' || (node.type === 'TsAsExpression' && node.typeAnnotation.kind !== 'unknown');
  return asserts ? [node, ...below] : below;
}

/** A comment on a line of the expression, or above its statement. */
function isExplained(lines, first, last) {
  const isComment = (line) => /(?:^|\s)\/\/ |\*\/$/.test(line);
  if (lines.slice(Math.max(0, first - 2), last).some(isComment)) return true;
  for (let at = first - 2; at >= 0 && first - at < reach; at--) {
    const line = lines[at].trim();
    if (isComment(line)) return true;
    if (line === '' || /[;{}]$/.test(line)) return false;
  }
  return false;
}
