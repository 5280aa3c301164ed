import { timeStampErrors } from '@countersign/contracts';
import type { Clock } from '@countersign/kernel';
import { described } from '@countersign/runtime';
import { encodePem, maxRequestOctets } from '@countersign/x509';
import type { FastifyInstance } from 'fastify';
import { Type } from 'typebox';
import type { AuthorityCertificates } from './authority/authority-certificates.ts';
import { createRateLimit, type Rate } from './authority/rate-limit.ts';
import type { TimeStampAuthority } from './authority/time-stamp-authority.ts';

export interface TimeStampingRoutes {
  readonly authority: TimeStampAuthority;
  readonly certificates: AuthorityCertificates;
  readonly clock: Clock;
  /** Per address; default: burst of 10, then one a second. */
  readonly rate?: Rate;
  /** For all addresses on this node; default: burst of 100, then 20 a second. */
  readonly overallRate?: Rate;
}

const octets = Type.String({ format: 'binary' });

/** RFC 3161 section 3.4. Public, rate limited, and each answer is recorded. */
export function timeStampingRoutes(app: FastifyInstance, routes: TimeStampingRoutes): void {
  const { authority, certificates, clock } = routes;
  const limit = createRateLimit(
    routes.rate ?? { burst: 10, perSecond: 1 },
    routes.overallRate ?? { burst: 100, perSecond: 20 },
    clock,
  );

  void app.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser(
      'application/timestamp-query',
      { parseAs: 'buffer', bodyLimit: maxRequestOctets },
      (_request, body, done) => done(null, body),
    );
    const asked = described({
      tag: 'time-stamps',
      summary: 'Have a digest time-stamped (RFC 3161)',
      description:
        'The body is a TimeStampReq, application/timestamp-query; digests by SHA-256, SHA-384 or SHA-512. A refusal is an ' +
        'answer as well, with its reason: only a request that was one too many, or a fault of ours, is a problem document.',
      answers: { 200: { description: 'A TimeStampResp', body: octets, mediaType: 'application/timestamp-reply' } },
    });
    scope.post('/timestamps', asked, async (request, reply) => {
      if (!limit.admit(request.ip))
        throw timeStampErrors.error('timestamp_rate_limited', 'Too many requests. Come again in a few seconds.');
      if (!Buffer.isBuffer(request.body))
        throw timeStampErrors.error(
          'timestamp_request_malformed',
          'Send a TimeStampReq (RFC 3161) as application/timestamp-query.',
        );
      const answer = await authority.answer(request.body, { address: request.ip });
      return reply.type('application/timestamp-reply').send(Buffer.from(answer));
    });
  });

  const current = described({
    tag: 'time-stamps',
    summary: 'Certificate of the authority',
    description: 'Of the key that signs now; DER.',
    answers: { 200: { description: 'A certificate', body: octets, mediaType: 'application/pkix-cert' } },
  });
  app.get('/timestamps/certificate', current, async (_request, reply) => {
    const { certificate } = await certificates.current();
    return reply.header('cache-control', cached).type('application/pkix-cert').send(Buffer.from(certificate));
  });

  const every = described({
    tag: 'time-stamps',
    summary: 'Certificates of every key of the authority',
    description:
      'PEM, the newest first: what `openssl ts -verify -CAfile` takes. One of a key that was withdrawn is not in it.',
    answers: {
      200: { description: 'Certificates', body: Type.String(), mediaType: 'application/pem-certificate-chain' },
    },
  });
  app.get('/timestamps/certificates', every, async (_request, reply) => {
    const all = await certificates.all();
    return reply
      .header('cache-control', cached)
      .type('application/pem-certificate-chain')
      .send(all.map((der) => encodePem('CERTIFICATE', der)).join(''));
  });
}

/** Shorter than the time between publishing a new key and using it. */
const cached = 'public, max-age=60';
