import { createHmac } from 'node:crypto';
import pg from 'pg';
import type { Installation } from './installation.ts';

/**
 * An attacker with only the stolen database password of the transaction registry: a connection as that role.
 * @param installation whose files contain the password
 */
export async function asThief<Result>(
  installation: Pick<Installation, 'secretsOf'>,
  work: (database: pg.Client) => Promise<Result>,
): Promise<Result> {
  const role = 'countersign_transaction_registry';
  const { rolesSecret, database: address } = installation.secretsOf('core');
  const password = createHmac('sha256', rolesSecret).update(`countersign database role\0${role}`).digest('base64url');
  const database = new pg.Client({
    ...address,
    ...{ user: role, password },
    options: '-c search_path=transaction_registry',
  });
  await database.connect();
  try {
    return await work(database);
  } finally {
    await database.end();
  }
}

/** Writes an approval as the registry would store it, complete except for a signature and a record. */
export async function inventApproval(
  installation: Pick<Installation, 'secretsOf'>,
  { transaction, approver, kid }: { readonly transaction: string; readonly approver: string; readonly kid: string },
): Promise<void> {
  await asThief(installation, (database) =>
    database.query(
      `insert into approvals (id, transaction_id, approver, role, institution, kid, token_id, intent_digest, expires_at, record_id)
       select 'apr_' || substr(md5(id), 1, 26), id, $2, 'supervisor', initiator_institution, $3, 'invented', intent_digest,
              now() + interval '1 hour', 'rec_invented' from transactions where id = $1`,
      [transaction, approver, kid],
    ),
  );
}

/** Changes the stored state of a transaction. @returns a function that restores it */
export async function changeState(
  installation: Pick<Installation, 'secretsOf'>,
  transaction: string,
  state: string,
): Promise<() => Promise<void>> {
  const set = (to: string) =>
    asThief(installation, async (database) => {
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

/** The transaction that was opened for an intent. A client whose token was refused does not learn its id. */
export async function transactionOf(
  installation: Pick<Installation, 'secretsOf'>,
  idempotencyKey: string,
): Promise<string> {
  return asThief(installation, async (database) => {
    const { rows } = await database.query<{ id: string }>('select id from transactions where idempotency_key = $1', [
      idempotencyKey,
    ]);
    const [found] = rows;
    if (found === undefined) throw new Error('no transaction was opened for the intent');
    return found.id;
  });
}
