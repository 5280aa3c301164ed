import { X509Certificate } from 'node:crypto';
import type { OpenSsl } from './openssl.ts';

/** Extensions as OpenSSL's configuration writes them, e.g. `basicConstraints = critical, CA:true`. */
export type Extensions = readonly string[];

/** Makes certificate chains with OpenSSL. Keys and requests are reused by name. */
export interface ChainMaker {
  /** Makes a self-signed certificate, stored as `name`. */
  root(name: string, subject: string, extensions: Extensions): void;
  /** Makes a certificate for the key `key`, issued by `by` and stored as `name`. */
  issue(
    name: string,
    about: {
      readonly key: string;
      readonly by: string;
      readonly subject?: string;
      readonly extensions: Extensions;
      readonly days?: number;
      readonly digest?: string;
    },
  ): void;
  der(name: string): Uint8Array;
  /** The error output of `openssl verify`; undefined when the chain is valid. */
  refusal(
    leaf: string,
    chain: { readonly roots: readonly string[]; readonly intermediates: readonly string[] },
    ...options: readonly string[]
  ): string | undefined;
}

export function chainMaker(tool: OpenSsl): ChainMaker {
  const requests = new Set<string>();
  let serial = 4096;

  function request(key: string, subject: string): string {
    const name = `${key}-${Buffer.from(subject).toString('hex').slice(0, 60)}`;
    if (requests.has(name)) return name;
    if (!requests.has(key)) {
      tool.run('ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', `${key}.key`);
      requests.add(key);
    }
    tool.write('request.cnf', '[req]\ndistinguished_name = dn\nutf8 = yes\n[dn]\n');
    const out = ['-subj', subject, '-out', `${name}.csr`];
    tool.run('req', '-new', '-utf8', '-config', 'request.cnf', '-key', `${key}.key`, ...out);
    requests.add(name);
    return name;
  }
  function sign(name: string, csr: string, extensions: Extensions, days: number, ...by: readonly string[]): void {
    tool.write('extensions.cnf', `${extensions.join('\n')}\n`);
    const what = ['-req', '-in', `${csr}.csr`, '-days', String(days), '-set_serial', String(serial++)];
    tool.run('x509', ...what, ...by, '-extfile', 'extensions.cnf', '-out', `${name}.pem`);
  }

  return {
    root(name, subject, extensions) {
      sign(name, request(name, subject), extensions, 365, '-signkey', `${name}.key`);
      tool.write(`${name}.issuer-key`, name);
    },
    issue(name, { key, by, subject = `/O=Desk/CN=${key}`, extensions, days = 30, digest = 'sha256' }) {
      const signer = Buffer.from(tool.read(`${by}.issuer-key`)).toString();
      const options = ['-CA', `${by}.pem`, '-CAkey', `${signer}.key`, `-${digest}`];
      sign(name, request(key, subject), extensions, days, ...options);
      tool.write(`${name}.issuer-key`, key);
    },
    der: (name) => new X509Certificate(tool.read(`${name}.pem`)).raw,
    refusal(leaf, { roots, intermediates }, ...options) {
      const joined = (names: readonly string[]) =>
        names.map((name) => Buffer.from(tool.read(`${name}.pem`)).toString()).join('');
      tool.write('roots.pem', joined(roots));
      tool.write('intermediates.pem', joined(intermediates));
      const trust = ['-no-CApath', '-no-CAstore', '-CAfile', 'roots.pem'];
      const untrusted = intermediates.length === 0 ? [] : ['-untrusted', 'intermediates.pem'];
      return tool.failure('verify', ...trust, ...untrusted, '-purpose', 'sslclient', ...options, `${leaf}.pem`);
    },
  };
}
