import { createHash, createHmac, pbkdf2Sync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Random } from '@countersign/kernel';
import { createFileDurably } from '../files/index.ts';
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

/** The secret of a whole installation, from which those of parts of it are derived. */
export interface InstallationSecret extends RolesSecret {
  /**
   * The secret of one group of roles, as text for {@link rolesSecret}. It gives the passwords of that group alone: neither the
   * installation's secret nor another group's can be computed from it.
   */
  ofGroup(group: string): string;
}

const minimumLength = 32;

/**
 * The secret in a file of mode 0600, made at random when the file does not exist.
 *
 * @throws CodedError `roles_secret_invalid` when the file holds too little to be one.
 */
export function rolesSecretFromFile(path: string, random: Random): InstallationSecret {
  createFileDurably(path, Buffer.from(random.bytes(32)).toString('base64url'), 0o600);
  return rolesSecret(readFileSync(path, 'utf8').trim());
}

/** The secret as text, e.g. from the environment: at least 32 characters. @throws CodedError `roles_secret_invalid` */
export function rolesSecret(secret: string): InstallationSecret {
  if (secret.length < minimumLength)
    throw databaseErrors.error(
      'roles_secret_invalid',
      `The secret for the database roles must have at least ${minimumLength} characters.`,
    );
  const derive = (purpose: string): string => createHmac('sha256', secret).update(purpose).digest('base64url');
  return {
    passwordOf: (role) => derive(`countersign database role\0${role}`),
    fingerprint: derive('countersign database roles secret, fingerprint'),
    ofGroup: (group) => derive(`countersign database roles of a group\0${group}`),
  };
}

/**
 * The passwords of all roles of an installation, each derived from the secret of its group.
 *
 * @param groupOf the group of a role; throws for a role that has none
 */
export function rolesSecretByGroup(secret: InstallationSecret, groupOf: (role: string) => string): RolesSecret {
  return {
    passwordOf: (role) => rolesSecret(secret.ofGroup(groupOf(role))).passwordOf(role),
    fingerprint: secret.fingerprint,
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
