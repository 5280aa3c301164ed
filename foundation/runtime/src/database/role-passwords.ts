import { createHash, createHmac, pbkdf2Sync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Random } from '@countersign/kernel';
import { createFileDurably } from '../files/index.ts';
import { databaseErrors } from './failure.ts';

/** One secret from which the passwords of all component roles are derived. Nodes that share a database share only this secret. */
export interface RolesSecret {
  passwordOf(role: string): string;
  /** Tells two secrets apart without revealing anything about either. */
  readonly fingerprint: string;
}

/** The secret of a whole installation, from which the secrets of its groups are derived. */
export interface InstallationSecret extends RolesSecret {
  /**
   * The secret of one group of roles, as text for {@link rolesSecret}. It yields only that group's passwords: neither the
   * installation's secret nor another group's can be computed from it.
   */
  ofGroup(group: string): string;
}

const minimumLength = 32;

/**
 * Reads the secret from a file of mode 0600; creates a random one when the file does not exist.
 *
 * @throws CodedError `roles_secret_invalid` when the content is too short
 */
export function rolesSecretFromFile(path: string, random: Random): InstallationSecret {
  createFileDurably(path, Buffer.from(random.bytes(32)).toString('base64url'), 0o600);
  return rolesSecret(readFileSync(path, 'utf8').trim());
}

/** Parses the secret from text, e.g. from the environment: at least 32 characters. @throws CodedError `roles_secret_invalid` */
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
 * The passwords of all roles of an installation, each derived from its group's secret.
 *
 * @param groupOf the group of a role; throws for a role without a group
 */
export function rolesSecretByGroup(secret: InstallationSecret, groupOf: (role: string) => string): RolesSecret {
  return {
    passwordOf: (role) => rolesSecret(secret.ofGroup(groupOf(role))).passwordOf(role),
    fingerprint: secret.fingerprint,
  };
}

/**
 * A password in PostgreSQL's stored form (RFC 5803), so that statements and the server's log never contain the password
 * itself.
 */
export function scramVerifier(password: string, random: Random): string {
  const iterations = 4096;
  const salt = random.bytes(16);
  const salted = pbkdf2Sync(password, salt, iterations, 32, 'sha256');
  const hmac = (text: string): Buffer => createHmac('sha256', salted).update(text).digest();
  const storedKey = createHash('sha256').update(hmac('Client Key')).digest('base64');
  return `SCRAM-SHA-256$${iterations}:${Buffer.from(salt).toString('base64')}$${storedKey}:${hmac('Server Key').toString('base64')}`;
}
