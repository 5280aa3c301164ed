import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, it } from 'vitest';
import { scratchFolder } from './testing/scratch-folder.ts';

const script = resolve(import.meta.dirname, '../../scripts/plain-words.mjs');

function check(files: Readonly<Record<string, string>>, ...options: string[]) {
  const folder = scratchFolder();
  try {
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder.path, name), text);
    const at = { cwd: folder.path, encoding: 'utf8' } as const;
    spawnSync('git', ['init', '--quiet'], at);
    spawnSync('git', ['add', '.'], at);
    const { status, stdout } = spawnSync(process.execPath, [script, ...options], at);
    return { status, stdout };
  } finally {
    folder.remove();
  }
}

it('refuses a phrase that texts must not use, and names file, line and a better phrase', () => {
  const { status, stdout } = check({ 'page.md': '# Approvals\n\nWhoever signs is told why.\n' });
  expect(status).toBe(1);
  expect(stdout).toContain('page.md:3: "Whoever"');
  expect(stdout).toContain('2 phrases to replace.');
});

it('looks at comments only when asked to', () => {
  const files = { 'rule.ts': '// Checked before anything is begun.\nexport const text = 1;\n' };
  expect(check(files).status).toBe(0);
  expect(check(files, '--comments').stdout).toContain('rule.ts:1: "begun"');
});

it('accepts plain texts', () => {
  expect(check({ 'page.md': 'The approver signs the request.\n' }, '--comments')).toEqual({ status: 0, stdout: '' });
});
