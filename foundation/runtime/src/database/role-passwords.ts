import { createHash, createHmac, pbkdf2Sync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Random } from '@countersign/kernel';
import { createFileDurably } from '../postgres/durable-file.ts';
import { databaseErrors } from './failure.ts';

/**
 * One secret from which the password of every component's role is derived, so that there is one thing to
 * keep, and nodes that share a database need only share it.
 */
export interface RolesSecret {
  passwordOf(role: string): string;
  /** Tells two secrets apart and nothing about either. */
  readonly fingerprint: string;
}

const minimumLength = 32;

/**
 * The secret in a file of mode 0600, made at random when the file does not exist.
 *
 * @throws CodedError `roles_secret_invalid` when the file holds too little to be one.
 */
export function rolesSecretFromFile(path: string, random: Random): RolesSecret {
  createFileDurably(path, Buffer.from(random.bytes(32)).toString('base64url'), 0o600);
  return rolesSecret(readFileSync(path, 'utf8').trim());
}

/** The secret as text, e.g. from the environment: at least 32 characters. @throws CodedError `roles_secret_invalid` */
export function rolesSecret(secret: string): RolesSecret {
  if (secret.length < minimumLength)
    throw databaseErrors.error(
      'roles_secret_invalid',
      `The secret for the database roles must have at least ${minimumLength} characters.`,
    );
  const derive = (purpose: string): string => createHmac('sha256', secret).update(purpose).digest('base64url');
  return {
    passwordOf: (role) => derive(`countersign database role\0${role}`),
    fingerprint: derive('countersign database roles secret, fingerprint'),
  };
}

/**
 * A password in the form PostgreSQL stores (RFC 5803), so that the password itself never travels in a
 * statement, where the server's log could catch it.
 */
export function scramVerifier(password: string, random: Random): string {
  const iterations = 4096;
  const salt = random.bytes(16);
  const salted = pbkdf2Sync(password, salt, iterations, 32, 'sha256');
  const hmac = (text: string): Buffer => createHmac('sha256', salted).update(text).digest();
  const storedKey = createHash('sha256').update(hmac('Client Key')).digest('base64');
  return `SCRAM-SHA-256$${iterations}:${Buffer.from(salt).toString('base64')}$${storedKey}:${hmac('Server Key').toString('base64')}`;
}
