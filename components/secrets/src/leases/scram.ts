import { createHash, createHmac, pbkdf2 } from 'node:crypto';
import { promisify } from 'node:util';

const derive = promisify(pbkdf2);
const iterations = 4_096;
const hmac = (key: Uint8Array, text: string): Buffer => createHmac('sha256', key).update(text).digest();

/**
 * A verifier in PostgreSQL's form (RFC 5802, RFC 7677). The database receives it instead of the password, so the
 * password is in no statement, log or statistics of the server.
 * @param password printable ASCII, which SASLprep does not change
 */
export async function scramVerifier(password: string, salt: Uint8Array): Promise<string> {
  const salted = await derive(password, salt, iterations, 32, 'sha256');
  const storedKey = createHash('sha256').update(hmac(salted, 'Client Key')).digest('base64');
  const serverKey = hmac(salted, 'Server Key').toString('base64');
  return `SCRAM-SHA-256$${iterations}:${Buffer.from(salt).toString('base64')}$${storedKey}:${serverKey}`;
}

/**
 * The password of a lease. It is stored nowhere: every node derives it from the key of the group when it is released.
 */
export function leasePassword(key: Uint8Array, lease: string, username: string): string {
  return createHmac('sha256', key)
    .update(JSON.stringify(['lease-password', lease, username]))
    .digest('base64url');
}
