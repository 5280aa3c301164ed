import { certificateAuthorityErrors } from '@countersign/contracts';
import type { Clock } from '@countersign/kernel';
import { described } from '@countersign/runtime';
import { encodePem, maxStatusRequestOctets } from '@countersign/x509';
import type { FastifyInstance, FastifyReply } from 'fastify';
import { type Static, Type } from 'typebox';
import type { RunningCertificateAuthority } from '../certificate-authority.ts';
import type { StatusAnswer } from '../status/responder.ts';

const tag = 'certificates';
const octets = Type.String({ format: 'binary' });
const strict = { additionalProperties: false };
const fileParams = Type.Object({ file: Type.String({ maxLength: 80 }) }, strict);
const listParams = Type.Object(
  { authority: Type.String({ maxLength: 64 }), file: Type.String({ maxLength: 16 }) },
  strict,
);
const requestParams = Type.Object({ request: Type.String({ maxLength: 1_024 }) }, strict);

/**
 * What verifiers fetch without a token, under `/pki`: certificates of authorities, revocation lists and OCSP responses.
 */
export function publicKeyInfrastructureRoutes(
  app: FastifyInstance,
  {
    certificateAuthority: ca,
    clock,
  }: {
    readonly certificateAuthority: Pick<RunningCertificateAuthority, 'authorities' | 'lists' | 'responder'>;
    readonly clock: Clock;
  },
): void {
  app.get(
    '/pki/authorities',
    described({
      tag,
      summary: 'Certificates of the issuing authorities',
      description: 'PEM: roots first, then the issuing authorities, newest last, including those that do not sign yet.',
      answers: {
        200: { description: 'Certificates', body: Type.String(), mediaType: 'application/pem-certificate-chain' },
      },
    }),
    async (_request, reply) => {
      const all = await ca.authorities();
      const roots = new Map(all.map(({ root }) => [Buffer.from(root).toString('base64'), root]));
      const certificates = [...roots.values(), ...all.map(({ certificate }) => certificate)];
      return reply
        .header('cache-control', 'public, max-age=300')
        .type('application/pem-certificate-chain')
        .send(certificates.map((der) => encodePem('CERTIFICATE', der)).join(''));
    },
  );

  app.get<{ Params: Static<typeof fileParams> }>(
    '/pki/authorities/:file',
    described({
      tag,
      summary: 'Certificate of one issuing authority',
      description:
        '`<key id>.cer`: DER, at the address in the certificates that it issued (`caIssuers`, RFC 5280 section 4.2.2.1).',
      params: fileParams,
      answers: { 200: { description: 'A certificate', body: octets, mediaType: 'application/pkix-cert' } },
    }),
    async (request, reply) => {
      const found = (await ca.authorities()).find(({ id }) => `${id}.cer` === request.params.file);
      if (found === undefined)
        throw certificateAuthorityErrors.error('authority_unknown', 'There is no such authority.');
      return reply
        .header('cache-control', 'public, max-age=3600')
        .type('application/pkix-cert')
        .send(Buffer.from(found.certificate));
    },
  );

  app.get<{ Params: Static<typeof listParams> }>(
    '/pki/lists/:authority/:file',
    described({
      tag,
      summary: 'Revocation list',
      description:
        '`<shard>.crl`: DER (RFC 5280). A critical extension names the address of the list; verifiers compare it with the address in ' +
        'the certificate.',
      params: listParams,
      answers: { 200: { description: 'A CertificateList', body: octets, mediaType: 'application/pkix-crl' } },
    }),
    async (request, reply) => {
      const { authority, file } = request.params;
      const shard = /^[0-9]{1,3}\.crl$/.test(file) ? Number.parseInt(file, 10) : Number.NaN;
      const { list } = await ca.lists.list(authority, shard);
      return reply.header('cache-control', 'public, max-age=10').type('application/pkix-crl').send(Buffer.from(list));
    },
  );

  function send(reply: FastifyReply, { response, thisUpdate, nextUpdate }: StatusAnswer) {
    const age = nextUpdate === undefined ? 0 : Math.max(0, Math.floor((nextUpdate - clock.now()) / 1_000));
    // Caches must not delay a revocation by much, whatever nextUpdate says.
    const cache = thisUpdate === undefined ? 'no-store' : `public, max-age=${Math.min(age, 10)}, must-revalidate`;
    return reply.header('cache-control', cache).type('application/ocsp-response').send(Buffer.from(response));
  }

  void app.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser(
      'application/ocsp-request',
      { parseAs: 'buffer', bodyLimit: maxStatusRequestOctets },
      (_request, body, done) => done(null, body),
    );
    scope.post(
      '/pki/ocsp',
      described({
        tag,
        summary: 'Status of a certificate (OCSP)',
        description:
          'RFC 6960, with a nonce if the request has one (RFC 9654). The answer for a serial number that is not in the log is `unknown`, ' +
          'never `good`.',
        answers: { 200: { description: 'An OCSPResponse', body: octets, mediaType: 'application/ocsp-response' } },
      }),
      async (request, reply) =>
        send(reply, await ca.responder.answer(Buffer.isBuffer(request.body) ? request.body : new Uint8Array())),
    );
  });

  app.get<{ Params: Static<typeof requestParams> }>(
    '/pki/ocsp/:request',
    described({
      tag,
      summary: 'Status of a certificate, for caches (OCSP)',
      description: 'The request in base64, percent-encoded (RFC 5019 section 5).',
      params: requestParams,
      answers: { 200: { description: 'An OCSPResponse', body: octets, mediaType: 'application/ocsp-response' } },
    }),
    async (request, reply) => send(reply, await ca.responder.answer(request.params.request)),
  );
}
