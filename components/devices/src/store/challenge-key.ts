import type { Random } from '@countersign/kernel';
import type pg from 'pg';
import { ask } from './ask.ts';

/** The secret that challenges are made with: the same on every node, made by the first one. */
export async function challengeKeyOf(pool: pg.Pool, random: Random): Promise<Uint8Array> {
  await ask(pool, {
    name: 'challenge-key-make',
    text: 'insert into challenge_key (secret) values ($1) on conflict (one) do nothing',
    values: [Buffer.from(random.bytes(32))],
  });
  const [row] = await ask<{ secret: Buffer }>(pool, {
    name: 'challenge-key',
    text: 'select secret from challenge_key',
    values: [],
  });
  if (row === undefined) throw new Error('the key of challenges was written and is not there');
  return row.secret;
}
