import { execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sha256Base64Url } from '@countersign/kernel';

/** A certificate with its key, as a browser has it. */
export interface PeopleCertificate {
  readonly certificate: string;
  readonly key: string;
  /** `x5t#S256`. */
  readonly thumbprint: string;
}

export interface IssueWishes {
  /** Lines of OpenSSL's configuration; a person's with mail address when left out. */
  readonly extensions?: readonly string[];
  /** Name of the issuing authority; `issuing` when left out. */
  readonly by?: string;
  readonly days?: number;
}

export type PeopleAuthority = ReturnType<typeof createPeopleAuthority>;

const authority = ['basicConstraints = critical, CA:true', 'keyUsage = critical, keyCertSign, cRLSign'];

/** Extensions of a person's certificate. @param names e.g. `email:ada@desk.example` */
export function personExtensions(names: string, ...more: readonly string[]): readonly string[] {
  return [
    'basicConstraints = critical, CA:false',
    'keyUsage = critical, digitalSignature',
    'extendedKeyUsage = clientAuth',
    `subjectAltName = ${names}`,
    ...more,
  ];
}

/**
 * The authority of an institution for its people, made by OpenSSL: a root, an issuing authority below it, their
 * certificates and their revocation status.
 */
export function createPeopleAuthority(openssl: string) {
  const folder = mkdtempSync(join(tmpdir(), 'countersign-people-'));
  const at = (name: string) => join(folder, name);
  writeFileSync(at('empty.cnf'), '[req]\ndistinguished_name = dn\n[dn]\n');
  let serial = 4096;
  const revoked = new Map<string, string[]>();

  function run(...args: readonly string[]): void {
    const env = { PATH: process.env['PATH'], OPENSSL_CONF: at('empty.cnf'), RANDFILE: at('rnd') };
    execFileSync(openssl, args, { cwd: folder, env, stdio: 'pipe' });
  }
  const read = (name: string) => readFileSync(at(name), 'utf8');

  function sign(name: string, extensions: readonly string[], days: number, ...by: readonly string[]): void {
    run('ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', `${name}.key`);
    run('req', '-new', '-key', `${name}.key`, '-subj', `/O=Desk/CN=${name}`, '-out', `${name}.csr`);
    writeFileSync(at('extensions.cnf'), `${extensions.join('\n')}\n`);
    const what = ['-req', '-in', `${name}.csr`, '-days', String(days), '-set_serial', String(++serial)];
    run('x509', ...what, ...by, '-extfile', 'extensions.cnf', '-out', `${name}.pem`);
  }

  function root(name: string): void {
    sign(name, authority, 365, '-signkey', `${name}.key`);
  }
  function below(name: string, by: string, extensions: readonly string[] = authority): void {
    sign(name, extensions, 300, '-CA', `${by}.pem`, '-CAkey', `${by}.key`);
  }
  root('root');
  below('issuing', 'root');

  function index(by: string, point?: string): void {
    const lines = (revoked.get(by) ?? []).map((hex) => `R\t400101000000Z\t250101000000Z\t${hex}\tunknown\t/CN=gone\n`);
    writeFileSync(at(`${by}.txt`), lines.join(''));
    writeFileSync(at(`${by}.txt.attr`), 'unique_subject = no\n');
    const section = [
      `database = ${by}.txt`,
      'default_md = sha256',
      `certificate = ${by}.pem`,
      `private_key = ${by}.key`,
    ];
    if (point !== undefined)
      section.push('crl_extensions = list', '[list]', 'issuingDistributionPoint = critical, @point');
    if (point !== undefined) section.push('[point]', `fullname = URI:${point}`);
    writeFileSync(at('ca.cnf'), `[ca]\ndefault_ca = here\n[here]\n${section.join('\n')}\n`);
  }
  const serialOf = (name: string) => new X509Certificate(read(`${name}.pem`)).serialNumber;

  return {
    root,
    below,
    pem: (...names: readonly string[]) => names.map((name) => read(`${name}.pem`)).join(''),
    file: (name: string) => at(name),
    issue(name: string, wishes: IssueWishes = {}): PeopleCertificate {
      const { extensions = personExtensions(`email:${name}@desk.example`), by = 'issuing', days = 30 } = wishes;
      sign(name, extensions, days, '-CA', `${by}.pem`, '-CAkey', `${by}.key`);
      const certificate = read(`${name}.pem`);
      const { raw } = new X509Certificate(certificate);
      return { certificate, key: read(`${name}.key`), thumbprint: sha256Base64Url(raw) };
    },
    revoke(name: string, by = 'issuing'): void {
      revoked.set(by, [...(revoked.get(by) ?? []), serialOf(name)]);
    },
    /** Writes the revocation list of an authority, valid for the given hours. @returns its file */
    list(by = 'issuing', hours = 24): string {
      index(by);
      run('ca', '-config', 'ca.cnf', '-gencrl', '-crlhours', String(hours), '-out', `${by}.crl`);
      return at(`${by}.crl`);
    },
    /** Writes the list of one distribution point of the issuing authority. @returns its file */
    listOfPoint(point: string, name: string): string {
      index('issuing', point);
      run('ca', '-config', 'ca.cnf', '-gencrl', '-crlhours', '24', '-out', `${name}.crl`);
      return at(`${name}.crl`);
    },
    /** The answer of OpenSSL's responder, which knows the revoked and the issued certificates. */
    respond(request: Uint8Array, by = 'issuing', known: readonly string[] = []): Uint8Array {
      index(by);
      const valid = known.map((name) => `V\t400101000000Z\t\t${serialOf(name)}\tunknown\t/CN=${name}\n`);
      writeFileSync(at('responder.txt'), read(`${by}.txt`) + valid.join(''));
      writeFileSync(at('responder.txt.attr'), 'unique_subject = no\n');
      writeFileSync(at('request.der'), request);
      const signer = ['-rsigner', `${by}.pem`, '-rkey', `${by}.key`, '-ndays', '1'];
      const files = ['-reqin', 'request.der', '-respout', 'response.der'];
      run('ocsp', '-index', 'responder.txt', '-CA', `${by}.pem`, ...signer, ...files);
      return readFileSync(at('response.der'));
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
