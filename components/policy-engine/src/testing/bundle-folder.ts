import { cpSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { shippedPolicies } from '../engine.ts';

/**
 * A folder with the shipped schema and reference data, and other policies and limits. @param policies Cedar @returns its
 * path; the caller removes it
 */
export function writeBundleFolder({
  policies,
  limits = [],
  rates = {},
}: {
  readonly policies: string;
  readonly limits?: readonly object[];
  readonly rates?: Readonly<Record<string, string>>;
}): string {
  const folder = mkdtempSync(join(tmpdir(), 'policies-'));
  for (const file of ['schema.cedarschema', 'entities.json'])
    cpSync(fileURLToPath(new URL(file, shippedPolicies)), join(folder, file));
  writeFileSync(join(folder, 'policies.cedar'), policies);
  writeFileSync(join(folder, 'limits.json'), JSON.stringify({ limits, rates }));
  return folder;
}
