import { components, findComponent } from '@countersign/testkit';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  encodeStatusRequest,
  type ParsedCertificate,
  readStatusResponse,
  readX509Certificate,
  verifyRevocation,
} from '../index.ts';
import { type OpenSsl, openSslIn } from '../testing/openssl.ts';

const found = findComponent(components.openssl);
const configuration = `
[ca]
default_ca = here
[here]
database = index.txt
default_md = sha256
default_crl_days = 30
certificate = ca.pem
private_key = ca.key
[authority]
basicConstraints = critical, CA:true
keyUsage = critical, keyCertSign, cRLSign
[no-lists]
basicConstraints = critical, CA:true
keyUsage = critical, keyCertSign
[responder]
extendedKeyUsage = OCSPSigning
[desk]
keyUsage = critical, digitalSignature
`;
const day = 86_400_000;

describe.skipIf(!found.found)(
  `the revocation status of a certificate${found.found ? '' : ` (skipped: ${found.reason})`}`,
  () => {
    let tool: OpenSsl;
    let issuer: ParsedCertificate;
    let good: ParsedCertificate;
    let revoked: ParsedCertificate;
    const now = Date.now();

    const der = (name: string): Uint8Array => {
      tool.run('x509', '-in', `${name}.pem`, '-outform', 'DER', '-out', `${name}.der`);
      return tool.read(`${name}.der`);
    };
    const issue = (name: string, extensions: string, serial: string, by = 'ca'): ParsedCertificate => {
      tool.run(
        'req',
        '-new',
        '-newkey',
        'ec',
        '-pkeyopt',
        'ec_paramgen_curve:P-256',
        '-nodes',
        '-keyout',
        `${name}.key`,
        '-subj',
        `/CN=${name}`,
        '-out',
        `${name}.csr`,
      );
      tool.run(
        'x509',
        '-req',
        '-in',
        `${name}.csr`,
        '-CA',
        `${by}.pem`,
        '-CAkey',
        `${by}.key`,
        '-set_serial',
        serial,
        '-days',
        '30',
        '-extfile',
        'ca.cnf',
        '-extensions',
        extensions,
        '-out',
        `${name}.pem`,
      );
      return readX509Certificate(der(name));
    };
    const authority = (name: string, extensions: string): ParsedCertificate => {
      tool.run(
        'req',
        '-x509',
        '-newkey',
        'ec',
        '-pkeyopt',
        'ec_paramgen_curve:P-256',
        '-nodes',
        '-keyout',
        `${name}.key`,
        '-subj',
        '/CN=Issuing authority',
        '-days',
        '60',
        '-config',
        'ca.cnf',
        '-extensions',
        extensions,
        '-out',
        `${name}.pem`,
      );
      return readX509Certificate(der(name));
    };
    const list = (by = 'ca'): Uint8Array => {
      tool.run('ca', '-gencrl', '-config', 'ca.cnf', '-cert', `${by}.pem`, '-keyfile', `${by}.key`, '-out', 'list.pem');
      tool.run('crl', '-in', 'list.pem', '-outform', 'DER', '-out', 'list.der');
      return tool.read('list.der');
    };
    const response = (about: string, by: string, ...options: readonly string[]): Uint8Array => {
      tool.run('ocsp', '-issuer', 'ca.pem', '-cert', `${about}.pem`, '-reqout', 'request.der', '-no_nonce');
      tool.run(
        'ocsp',
        '-index',
        'index.txt',
        '-CA',
        'ca.pem',
        '-rsigner',
        `${by}.pem`,
        '-rkey',
        `${by}.key`,
        '-reqin',
        'request.der',
        '-respout',
        'response.der',
        '-ndays',
        '7',
        ...options,
      );
      return tool.read('response.der');
    };
    const ask = (kind: 'crl' | 'ocsp', statement: Uint8Array, certificate: ParsedCertificate, at = now) =>
      verifyRevocation({ kind, der: statement, certificate, issuer, at });

    beforeAll(() => {
      tool = openSslIn(found.found ? found.path : '');
      tool.write('ca.cnf', `${configuration}[req]\ndistinguished_name = name\n[name]\n`);
      issuer = authority('ca', 'authority');
      good = issue('good', 'desk', '4097');
      revoked = issue('revoked', 'desk', '4098');
      issue('responder', 'responder', '4099');
      const then = `${new Date(now - day).toISOString().slice(2, 19).replaceAll(/\D/g, '')}Z`;
      tool.write(
        'index.txt',
        `V\t400101000000Z\t\t1001\tunknown\t/CN=good\nR\t400101000000Z\t${then}\t1002\tunknown\t/CN=revoked\n`,
      );
      tool.write('index.txt.attr', 'unique_subject = no\n');
    });
    afterAll(() => tool?.remove());

    it('is read from a list, as revoked from the stated time on', () => {
      const statement = list();
      expect(ask('crl', statement, good)).toEqual({ ok: true, revoked: false });
      expect(ask('crl', statement, revoked)).toEqual({ ok: true, revoked: true });
      expect(ask('crl', statement, revoked, now - 2 * day)).toEqual({ ok: true, revoked: false });
    });

    it('is read from a response of the issuer or of its certified responder', () => {
      for (const by of ['ca', 'responder']) {
        expect(ask('ocsp', response('good', by), good)).toEqual({ ok: true, revoked: false });
        const statement = response('revoked', by);
        expect(ask('ocsp', statement, revoked)).toEqual({ ok: true, revoked: true });
        expect(ask('ocsp', statement, revoked, now - 2 * day)).toEqual({ ok: true, revoked: false });
        expect(ask('ocsp', statement, good)).toMatchObject({ ok: false });
      }
    });

    it('is refused from another issuer, and from a certificate without the right to sign it', () => {
      authority('other', 'authority');
      expect(ask('crl', list('other'), good)).toMatchObject({ ok: false });
      expect(ask('ocsp', response('good', 'good'), good)).toMatchObject({ ok: false });
      issue('stranger', 'responder', '4100', 'other');
      expect(ask('ocsp', response('good', 'stranger'), good)).toMatchObject({ ok: false });
      const withoutLists = authority('no-lists', 'no-lists');
      expect(
        verifyRevocation({ kind: 'crl', der: list('no-lists'), certificate: good, issuer: withoutLists, at: now }),
      ).toMatchObject({ ok: false });
    });

    it('is requested in a form that OpenSSL answers', () => {
      for (const [name, about] of [
        ['good', good],
        ['revoked', revoked],
      ] as const) {
        tool.write('ours.der', encodeStatusRequest(about, issuer));
        const signer = ['-rsigner', 'ca.pem', '-rkey', 'ca.key', '-ndays', '7'];
        tool.run(
          'ocsp',
          '-index',
          'index.txt',
          '-CA',
          'ca.pem',
          ...signer,
          '-reqin',
          'ours.der',
          '-respout',
          'ours.res',
        );
        const statement = readStatusResponse(tool.read('ours.res'), about.serial, issuer);
        expect(statement?.revokedAt === undefined, name).toBe(name === 'good');
      }
    });

    it('is unknown for times after the statement has expired', () => {
      expect(ask('crl', list(), good, now + 31 * day)).toMatchObject({
        ok: false,
        detail: expect.stringContaining('expired') as unknown,
      });
      expect(ask('ocsp', response('good', 'ca'), good, now + 8 * day)).toMatchObject({ ok: false });
    });

    it('is refused with any octet changed, and for arbitrary input', () => {
      for (const [kind, statement] of [
        ['crl', list()],
        ['ocsp', response('revoked', 'responder')],
      ] as const) {
        for (let at = 0; at < statement.length; at++) {
          const changed = Uint8Array.from(statement);
          changed[at] = (changed[at] ?? 0) ^ 1;
          const verdict = ask(kind, changed, revoked);
          // The signature of a response does not cover its certificates.
          if (kind === 'crl') expect(verdict.ok, `byte ${at}`).toBe(false);
          else expect(verdict.ok && !verdict.revoked, `byte ${at}`).toBe(false);
        }
        expect(ask(kind, statement.subarray(1), revoked).ok).toBe(false);
      }
      fc.assert(
        fc.property(
          fc.uint8Array({ maxLength: 200 }),
          fc.constantFrom('crl' as const, 'ocsp' as const),
          (octets, kind) => {
            expect(ask(kind, octets, good).ok).toBe(false);
          },
        ),
      );
    });
  },
);
