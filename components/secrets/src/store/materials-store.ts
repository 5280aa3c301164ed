import { toInstant } from '@countersign/kernel';
import { ask } from '@countersign/runtime';
import type { Material } from '../envelope.ts';
import type { Session } from './leases-store.ts';

/** Stores an encrypted value; nothing overwrites it. */
export async function keepMaterial(
  session: Session,
  { digest, ciphertext, sealedKey }: Material,
  now: number,
): Promise<void> {
  await ask(
    session,
    'insert into materials (digest, ciphertext, sealed_key, made_at) values ($1, $2, $3, $4) on conflict do nothing',
    [digest, ciphertext, sealedKey, toInstant(now)],
  );
}

export async function findMaterial(session: Session, digest: string): Promise<Material | undefined> {
  const { rows } = await ask<{ ciphertext: Buffer; sealed_key: Buffer }>(
    session,
    'select ciphertext, sealed_key from materials where digest = $1',
    [digest],
  );
  const [row] = rows;
  return row && { digest, ciphertext: row.ciphertext, sealedKey: row.sealed_key };
}

/**
 * Removes values with their keys.
 * @returns how many
 */
export async function destroyMaterials(session: Session, digests: readonly string[]): Promise<number> {
  if (digests.length === 0) return 0;
  const { rowCount } = await ask(session, 'delete from materials where digest = any($1)', [digests]);
  return rowCount ?? 0;
}

/** Digests of values that were stored before a time. */
export async function materialsBefore(session: Session, before: number): Promise<readonly string[]> {
  const { rows } = await ask<{ digest: string }>(
    session,
    'select digest from materials where made_at < $1 order by digest limit 10000',
    [toInstant(before)],
  );
  return rows.map(({ digest }) => digest);
}
