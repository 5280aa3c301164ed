import { createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';

/**
 * Somebody who has stolen the database password of the transaction registry, and nothing else: a connection as that role.
 *
 * @param dataFolder of the control plane, in which the password is looked up for them
 */
export async function asThief<Result>(
  dataFolder: string,
  work: (database: pg.Client) => Promise<Result>,
): Promise<Result> {
  const role = 'countersign_transaction_registry';
  const installation = readFileSync(join(dataFolder, 'roles-secret'), 'utf8').trim();
  const hmac = (key: string, text: string): string => createHmac('sha256', key).update(text).digest('base64url');
  const secret = hmac(installation, 'countersign database roles of a group\0core');
  const postmaster = readFileSync(join(dataFolder, 'postgres', 'cluster', 'postmaster.pid'), 'utf8').split('\n');
  const database = new pg.Client({
    host: '127.0.0.1',
    port: Number(postmaster[3]),
    database: 'countersign',
    user: role,
    password: hmac(secret, `countersign database role\0${role}`),
    options: '-c search_path=transaction_registry',
  });
  await database.connect();
  try {
    return await work(database);
  } finally {
    await database.end();
  }
}

/** Writes an approval as the registry would store it, with everything right but a signature and a record. */
export async function inventApproval(
  dataFolder: string,
  { transaction, approver, kid }: { readonly transaction: string; readonly approver: string; readonly kid: string },
): Promise<void> {
  await asThief(dataFolder, (database) =>
    database.query(
      `insert into approvals (id, transaction_id, approver, role, institution, kid, token_id, intent_digest, expires_at, record_id)
       select 'apr_' || substr(md5(id), 1, 26), id, $2, 'supervisor', initiator_institution, $3, 'invented', intent_digest,
              now() + interval '1 hour', 'rec_invented' from transactions where id = $1`,
      [transaction, approver, kid],
    ),
  );
}

/** Says that a transaction is in another state than it is. @returns what to call to put it back as it was */
export async function changeState(
  dataFolder: string,
  transaction: string,
  state: string,
): Promise<() => Promise<void>> {
  const set = (to: string) =>
    asThief(dataFolder, async (database) => {
      const { rows } = await database.query<{ state: string }>(
        `with before as (select id, state from transactions where id = $1)
         update transactions t set state = $2 from before where t.id = before.id returning before.state`,
        [transaction, to],
      );
      return rows[0]?.state ?? to;
    });
  const before = await set(state);
  return async () => {
    await set(before);
  };
}

/** The transaction that was opened for an intent: whose token was refused is not told it. */
export async function transactionOf(dataFolder: string, idempotencyKey: string): Promise<string> {
  return asThief(dataFolder, async (database) => {
    const { rows } = await database.query<{ id: string }>('select id from transactions where idempotency_key = $1', [
      idempotencyKey,
    ]);
    const [found] = rows;
    if (found === undefined) throw new Error('no transaction was opened for the intent');
    return found.id;
  });
}
