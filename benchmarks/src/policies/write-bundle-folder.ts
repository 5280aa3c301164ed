import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { PolicyBundle } from '@countersign/contracts';

/** A bundle without tests and limits as the folder that an installation begins with. */
export function writeBundleFolder(folder: string, { schema, policies, entities }: PolicyBundle): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'schema.cedarschema'), schema);
  for (const { file, text } of policies) writeFileSync(join(folder, file), text);
  writeFileSync(join(folder, 'entities.json'), JSON.stringify(entities));
}
