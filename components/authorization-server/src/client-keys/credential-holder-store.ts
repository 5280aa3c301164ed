import { ask } from '@countersign/runtime';
import type pg from 'pg';

/** The table `client_credential_holders`. */
export function createCredentialHolderStore(pool: pg.Pool) {
  return {
    /** @returns the holder, which may be another client */
    async claim(credential: string, client: string): Promise<string> {
      const { rows } = await ask<{ client_id: string }>(pool, {
        name: 'credential-holder-claim',
        text: `insert into client_credential_holders (credential, client_id) values ($1, $2)
               on conflict (credential) do update set client_id = client_credential_holders.client_id
               returning client_id`,
        values: [credential, client],
      });
      const [row] = rows;
      if (row === undefined) throw new Error('a credential has no holder after its claim');
      return row.client_id;
    },
    /** From a holder that no longer exists. @returns whether it still held it */
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
