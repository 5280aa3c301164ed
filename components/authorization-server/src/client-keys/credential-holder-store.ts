import { ask } from '@countersign/runtime';
import type pg from 'pg';

/** The table `client_credential_holders`. */
export function createCredentialHolderStore(pool: pg.Pool) {
  return {
    /** Stores the client as the holder, unless there is another. @returns the holder */
    async claim(credential: string, client: string): Promise<string> {
      const { rows } = await ask<{ client_id: string }>(pool, {
        name: 'credential-holder-claim',
        text: `insert into client_credential_holders (credential, client_id) values ($1, $2)
               on conflict (credential) do update set client_id = client_credential_holders.client_id
               returning client_id`,
        values: [credential, client],
      });
      const [row] = rows;
      if (row === undefined) throw new Error('a credential without a holder');
      return row.client_id;
    },
    /** Transfers a credential from a holder that no longer exists. @returns whether that holder still had it */
    async takeOver(credential: string, from: string, to: string): Promise<boolean> {
      const { rowCount } = await ask(pool, {
        name: 'credential-holder-take-over',
        text: 'update client_credential_holders set client_id = $3 where credential = $1 and client_id = $2',
        values: [credential, from, to],
      });
      return rowCount === 1;
    },
  };
}

export type CredentialHolderStore = ReturnType<typeof createCredentialHolderStore>;
