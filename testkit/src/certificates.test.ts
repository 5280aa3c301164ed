import { createPrivateKey, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { connect, createServer, type TLSSocket } from 'node:tls';
import { describe, expect, it } from 'vitest';
import { createSelfSigned, createTestAuthority } from './index.ts';

const authority = createTestAuthority({ name: 'Test Authority' });

describe('a test certificate', () => {
  it.each(['ES256', 'EdDSA', 'PS256'] as const)(
    'for a key of %s can be read and verified by OpenSSL',
    (keyAlgorithm) => {
      const issued = authority.issue({
        subject: 'CN=desk,O=Example',
        sans: {
          dns: ['desk.example'],
          uri: ['urn:desk'],
          ip: ['192.0.2.1', '2001:db8::1'],
          email: ['desk@example.org'],
        },
        notBefore: new Date('2026-01-01T00:00:00Z'),
        notAfter: new Date('2051-01-01T00:00:00Z'),
        keyAlgorithm,
      });
      const read = new X509Certificate(issued.certificatePem);
      expect(read.raw).toEqual(issued.der);
      expect(read.subject).toBe('O=Example\nCN=desk');
      expect(read.subjectAltName).toBe(
        'email:desk@example.org, DNS:desk.example, URI:urn:desk, IP Address:192.0.2.1, IP Address:2001:DB8:0:0:0:0:0:1',
      );
      expect(Date.parse(read.validTo)).toBe(Date.parse('2051-01-01T00:00:00Z'));
      expect(read.verify(new X509Certificate(authority.der).publicKey)).toBe(true);
      expect(read.checkPrivateKey(createPrivateKey(issued.privateKeyPem))).toBe(true);
    },
  );

  it('that is self-signed is verified by no authority', () => {
    for (const issued of [
      createSelfSigned({ subject: 'CN=me' }),
      authority.issue({ subject: 'CN=me', selfSigned: true }),
    ]) {
      const read = new X509Certificate(issued.der);
      expect(read.verify(read.publicKey)).toBe(true);
      expect(read.verify(new X509Certificate(authority.der).publicKey)).toBe(false);
    }
  });

  it('opens a connection on which both sides verify each other', async () => {
    const [service, client] = ['localhost', 'client'].map((name) =>
      authority.issue({ subject: `CN=${name}`, sans: { dns: [name] } }),
    );
    const ca = authority.certificatePem;
    const server = createServer({
      ca,
      cert: service?.certificatePem,
      key: service?.privateKeyPem,
      requestCert: true,
      rejectUnauthorized: true,
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('The server listens on no port.');
    const accepted: Promise<[TLSSocket]> = once(server, 'secureConnection') as Promise<[TLSSocket]>;
    const socket = connect({
      ca,
      cert: client?.certificatePem,
      key: client?.privateKeyPem,
      host: '127.0.0.1',
      port: address.port,
      servername: 'localhost',
    });
    await once(socket, 'secureConnect');
    const [seen] = await accepted;
    expect(socket.authorized && seen.authorized).toBe(true);
    expect(seen.getPeerCertificate().raw).toEqual(client?.der);
    seen.destroy();
    socket.destroy();
    server.close();
  });
});
