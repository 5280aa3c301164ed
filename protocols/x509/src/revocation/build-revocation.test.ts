import { components, findComponent } from '@countersign/testkit';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { derElement, derObjectIdentifier, derOctetString, derSequence, tags } from '../der/index.ts';
import {
  assembleRevocationList,
  assembleStatusResponse,
  buildStatusResponseData,
  buildTbsRevocationList,
  type CertificateStatus,
  decodeStatusRequestPath,
  encodeStatusFailure,
  encodeStatusRequest,
  isIssuerOf,
  keyIdentifierOf,
  type NewRevocationList,
  readStatusRequest,
  readStatusResponse,
  verifyRevocation,
} from '../index.ts';
import { clientExtensions, day, type Holder, issue, pem } from '../testing/new-authority.ts';
import { type OpenSsl, openSslIn } from '../testing/openssl.ts';

const found = findComponent(components.openssl);
const shard = 'https://pki.example/pki/crl/trading-1';

describe.skipIf(!found.found)(
  `a revocation status published here${found.found ? '' : ` (skipped: ${found.reason})`}`,
  () => {
    let tool: OpenSsl;
    beforeAll(() => {
      tool = openSslIn(found.found ? found.path : '');
      tool.write('ca.pem', pem('CERTIFICATE', ca.certificate.encoding));
      for (const [name, { certificate }] of [
        ['good', good],
        ['revoked', revoked],
      ] as const)
        tool.write(`${name}.pem`, pem('CERTIFICATE', certificate.encoding));
    });
    afterAll(() => tool?.remove());

    const now = Math.floor(Date.now() / 1000) * 1000;
    const ca = issue('Issuing authority');
    const inShard = { ...clientExtensions, crlDistributionPoints: [shard] };
    const good = issue('good', { by: ca, extensions: inShard, serial: 0x8001n });
    const revoked = issue('revoked', { by: ca, extensions: inShard, serial: 0x8002n });
    const responder = issue('responder', {
      by: ca,
      extensions: {
        keyUsage: ['digitalSignature'],
        extendedKeyUsage: { purposes: ['1.3.6.1.5.5.7.3.9'] },
        ocspNoCheck: true,
      },
    });

    const list = (options: Partial<NewRevocationList> = {}, by: Holder = ca): Uint8Array => {
      const toBeSigned = buildTbsRevocationList({
        algorithm: 'ES256',
        issuer: by.certificate.subject,
        authorityKeyIdentifier: keyIdentifierOf(by.certificate.publicKey),
        thisUpdate: now - 60_000,
        nextUpdate: now + day,
        number: 7n,
        entries: [{ serial: 0x8002n, revokedAt: now - 3_600_000, reason: 'keyCompromise', invalidityDate: now - day }],
        ...options,
      });
      return assembleRevocationList(toBeSigned, by.key.sign(toBeSigned));
    };
    const verifyWithList = (name: string, der: Uint8Array): string | undefined => {
      tool.write('list.pem', pem('X509 CRL', der));
      return tool.failure(
        'verify',
        '-CAfile',
        'ca.pem',
        '-crl_check',
        '-extended_crl',
        '-CRLfile',
        'list.pem',
        `${name}.pem`,
      );
    };

    it('is read by OpenSSL in a list, complete or of one distribution point', () => {
      for (const scope of [
        undefined,
        { distributionPoint: shard },
        { distributionPoint: shard, only: 'subscriber-certificates' } as const,
      ]) {
        const der = list(scope === undefined ? {} : { scope });
        expect(verifyWithList('good', der)).toBeUndefined();
        expect(verifyWithList('revoked', der)).toMatch(/revoked/);
      }
      const text = tool.run('crl', '-in', 'list.pem', '-noout', '-text', '-CAfile', 'ca.pem');
      for (const expected of [
        'verify OK',
        'Issuing Distribution Point: critical',
        `URI:${shard}`,
        'Only User Certificates',
        'Key Compromise',
        'Invalidity Date',
        'CRL Number',
      ])
        expect(text).toContain(expected);
      expect(verifyWithList('revoked', list({ entries: [] }))).toBeUndefined();
      expect(
        verifyWithList('good', list({ scope: { distributionPoint: 'https://pki.example/pki/crl/other' } })),
      ).toMatch(/unable to get certificate CRL|different CRL scope/i);
      expect(verifyWithList('good', list({ scope: { only: 'authority-certificates' } }))).toBeDefined();
    });

    it('is read by our own verifier', () => {
      const ask = (holder: Holder) =>
        verifyRevocation({
          kind: 'crl',
          der: list(),
          certificate: holder.certificate,
          issuer: ca.certificate,
          at: now,
        });
      expect(ask(good)).toEqual({ ok: true, revoked: false });
      expect(ask(revoked)).toEqual({ ok: true, revoked: true });
    });

    const answer = (
      requestDer: Uint8Array,
      status: (serial: bigint) => CertificateStatus,
      signer: Holder = responder,
    ): Uint8Array => {
      const request = readStatusRequest(requestDer);
      const data = buildStatusResponseData({
        responderKey: signer.certificate.publicKey,
        producedAt: now,
        responses: request.certificateIds.map((certificateId) => ({
          certificateId,
          status: status(certificateId.serial),
          thisUpdate: now - 1_000,
          nextUpdate: now + 3_600_000,
          archiveCutoff: now - 365 * day,
        })),
        ...(request.nonce === undefined ? {} : { nonce: request.nonce }),
      });
      const certificates = signer === ca ? [] : [signer.certificate.encoding];
      return assembleStatusResponse(data, signer.key.sign(data), certificates);
    };
    const statusOf = (serial: bigint): CertificateStatus => {
      if (serial === 0x8001n) return { kind: 'good' };
      return serial === 0x8002n
        ? { kind: 'revoked', at: now - 3_600_000, reason: 'keyCompromise' }
        : { kind: 'unknown' };
    };

    it('is answered to OpenSSL with its nonce, by SHA-1 and SHA-256 identifiers, from a certified responder or the issuer', () => {
      for (const hash of ['-sha1', '-sha256'])
        for (const signer of [responder, ca]) {
          const about = ['-issuer', 'ca.pem', hash, '-cert', 'good.pem', '-serial', '0x8002', '-serial', '0x9999'];
          tool.run('ocsp', ...about, '-nonce', '-reqout', 'request.der');
          const request = readStatusRequest(tool.read('request.der'));
          expect(request.nonce?.length).toBeGreaterThan(0);
          expect(request.certificateIds.map((id) => isIssuerOf(id, ca.certificate))).toEqual([true, true, true]);
          expect(request.certificateIds.map((id) => isIssuerOf(id, responder.certificate))).toEqual([
            false,
            false,
            false,
          ]);
          tool.write('response.der', answer(tool.read('request.der'), statusOf, signer));
          const output = tool.run(
            'ocsp',
            '-CAfile',
            'ca.pem',
            ...about,
            // The nonce of the request is not checked here.
            '-no_nonce',
            '-reqin',
            'request.der',
            '-respin',
            'response.der',
          );
          expect(output).toContain('Response verify OK');
          expect(output).not.toMatch(/nonce/i);
          expect(output).toMatch(/good.pem: good/);
          expect(output).toMatch(/0x8002: revoked[\s\S]*Reason: keyCompromise/);
          expect(output).toMatch(/0x9999: unknown/);
          const text = tool.run('ocsp', '-respin', 'response.der', '-noverify', '-resp_text');
          expect(text).toContain('Archive Cutoff');
        }
      for (const [holder, revokedAt] of [
        [good, undefined],
        [revoked, now - 3_600_000],
      ] as const) {
        const response = answer(encodeStatusRequest(holder.certificate, ca.certificate), statusOf);
        const statement = readStatusResponse(response, holder.certificate.serial, ca.certificate);
        expect(statement).toMatchObject({ thisUpdate: now - 1_000 });
        expect(statement?.revokedAt).toBe(revokedAt);
      }
    });

    it('is not answered to a nonce of another length than 1 to 128 octets', () => {
      const [, id = new Uint8Array()] = [0, encodeStatusRequest(good.certificate, ca.certificate)];
      const body = id.subarray(2);
      const request = (nonce: Uint8Array, critical = false, extension = '1.3.6.1.5.5.7.48.1.2') => {
        const value = derOctetString(derOctetString(nonce));
        const flag = critical ? [Uint8Array.of(1, 1, 0xff)] : [];
        const extensions = derSequence(derSequence(derObjectIdentifier(extension), ...flag, value));
        // The TBSRequest has its list as the only field; the extensions follow it.
        const tbs = derElement(tags.sequence, body.subarray(2), derElement(0xa2, extensions));
        return derSequence(tbs);
      };
      for (const length of [1, 16, 32, 128])
        expect(readStatusRequest(request(new Uint8Array(length))).nonce).toHaveLength(length);
      for (const length of [0, 129])
        expect(() => readStatusRequest(request(new Uint8Array(length)))).toThrow(
          expect.objectContaining({ code: 'status_request_malformed' }),
        );
      expect(() => readStatusRequest(request(new Uint8Array(8), true, '1.2.3.4'))).toThrow('not supported');
      expect(readStatusRequest(request(new Uint8Array(8), false, '1.2.3.4')).nonce).toBeUndefined();
    });

    it('is not answered to input that is not a request', () => {
      const der = encodeStatusRequest(good.certificate, ca.certificate);
      expect(
        readStatusRequest(
          Uint8Array.from(decodeStatusRequestPath(encodeURIComponent(Buffer.from(der).toString('base64')))),
        ),
      ).toEqual(readStatusRequest(der));
      for (const path of ['%', '%FF', '!', 'A'.repeat(9_000)])
        expect(() => decodeStatusRequestPath(path)).toThrow(
          expect.objectContaining({ code: 'status_request_malformed' }),
        );
      fc.assert(
        fc.property(fc.uint8Array({ maxLength: 300 }), (octets) => {
          expect(() => readStatusRequest(octets)).toThrow(
            expect.objectContaining({ code: 'status_request_malformed' }),
          );
        }),
      );
      expect(() => readStatusRequest(new Uint8Array(4_097))).toThrow('longer');
      const ids = Array.from({ length: 17 }, () => der.subarray(6));
      expect(() => readStatusRequest(derSequence(derSequence(derSequence(...ids))))).toThrow('more than 16');
      expect(() => readStatusRequest(derSequence(derSequence(derSequence())))).toThrow('no certificate');
    });

    it('is refused with responses that OpenSSL understands', () => {
      for (const [failure, text] of [
        ['malformedRequest', 'malformedrequest'],
        ['unauthorized', 'unauthorized'],
        ['tryLater', 'trylater'],
        ['internalError', 'internalerror'],
        ['sigRequired', 'sigrequired'],
      ] as const) {
        tool.write('failure.der', encodeStatusFailure(failure));
        expect(
          tool.failure('ocsp', '-respin', 'failure.der', '-noverify') ??
            tool.run('ocsp', '-respin', 'failure.der', '-noverify'),
        ).toContain(text);
        expect(
          readStatusResponse(encodeStatusFailure(failure), good.certificate.serial, ca.certificate),
        ).toBeUndefined();
      }
    });
  },
);
