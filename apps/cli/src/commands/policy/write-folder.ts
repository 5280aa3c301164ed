import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CodedError } from '@countersign/kernel';
import type { Bundle } from './compare-bundles.ts';

const fileName = /^[A-Za-z0-9][A-Za-z0-9._-]{0,80}$/;

/**
 * Writes a bundle as a folder, as `readBundleFolder` reads it.
 *
 * @throws CodedError `folder_not_empty`; `policy_invalid` for a bundle whose files are named as no file of one is
 */
export function writeBundleFolder(folder: string, { schema, policies, entities, limits, rates, tests }: Bundle): void {
  const files: readonly (readonly [string, string])[] = [
    ['schema.cedarschema', schema],
    ...policies.map(({ file, text }) => [named(file), text] as const),
    ['entities.json', json(entities)],
    ['limits.json', json({ limits, rates })],
    ...tests.map(({ file, content }) => [join('tests', named(file)), json(content)] as const),
  ];
  mkdirSync(join(folder, 'tests'), { recursive: true });
  if (readdirSync(folder).length > 1 || readdirSync(join(folder, 'tests')).length > 0)
    throw new CodedError({
      code: 'folder_not_empty',
      category: 'conflict',
      detail: `${folder} holds something already. Name an empty folder or a new one.`,
    });
  for (const [name, text] of files) writeFileSync(join(folder, name), text, { flag: 'wx' });
}

/** What a control plane sends names files in this folder and nowhere else. */
function named(file: string): string {
  if (fileName.test(file)) return file;
  throw new CodedError({
    code: 'policy_invalid',
    category: 'invalid',
    detail: 'The bundle holds a file that is named as no file of a bundle is.',
  });
}

function json(value: unknown): string {
  return `${JSON.stringify(value, undefined, 2)}\n`;
}
