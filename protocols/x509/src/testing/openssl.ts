import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface OpenSsl {
  /** Runs a command in the folder. @returns stdout and stderr @throws Error when the command fails */
  run(...args: readonly string[]): string;
  /** Runs a command that may fail. @returns its output if it failed, otherwise undefined */
  failure(...args: readonly string[]): string | undefined;
  write(name: string, content: Uint8Array | string): string;
  read(name: string): Uint8Array;
  remove(): void;
}

/** OpenSSL in a temporary folder, without the configuration of the machine. */
export function openSslIn(program: string): OpenSsl {
  const folder = mkdtempSync(join(tmpdir(), 'countersign-openssl-'));
  writeFileSync(join(folder, 'empty.cnf'), '');
  const env = { PATH: process.env['PATH'], OPENSSL_CONF: join(folder, 'empty.cnf'), RANDFILE: join(folder, 'rnd') };
  const run = (...args: readonly string[]): string =>
    execFileSync('/bin/sh', ['-c', 'exec "$0" "$@" 2>&1', program, ...args], { cwd: folder, env, encoding: 'utf8' });
  return {
    run,
    failure(...args) {
      try {
        run(...args);
        return undefined;
      } catch (error) {
        return error instanceof Error && 'stdout' in error ? String(error.stdout) : String(error);
      }
    },
    write(name, content) {
      writeFileSync(join(folder, name), content);
      return name;
    },
    read: (name) => readFileSync(join(folder, name)),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** Configuration for `openssl ts -reply`: certificate in tsa.pem, issuers in chain.pem. */
export const openSslAuthority = `
[tsa]
default_tsa = here
[here]
serial = serial
crypto_device = builtin
signer_cert = tsa.pem
certs = chain.pem
signer_key = tsa.key
signer_digest = sha256
default_policy = 1.2.3.4.1
other_policies = 1.2.3.4.5
digests = sha256, sha384, sha512
accuracy = secs:1, millisecs:500, microsecs:100
clock_precision_digits = 3
ordering = no
tsa_name = yes
ess_cert_id_chain = no
`;

/** Extensions for `openssl x509 -req`: a certification authority, a time-stamping authority, and a wrong purpose. */
export const openSslExtensions = `
[ca]
basicConstraints = critical, CA:true
keyUsage = critical, keyCertSign
[tsa]
basicConstraints = critical, CA:false
keyUsage = critical, digitalSignature
extendedKeyUsage = critical, timeStamping
[wrong]
extendedKeyUsage = critical, codeSigning
`;
