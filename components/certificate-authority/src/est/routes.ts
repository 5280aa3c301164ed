import {
  type CertificateProfileName,
  certificateAuthorityErrors,
  type ReleasedCertificate,
  type ResourceGuard,
  requesterOf,
} from '@countersign/contracts';
import { decodeBase64 } from '@countersign/kernel';
import { createGate, presentedCertificateOf } from '@countersign/runtime';
import { maxCertificationRequestOctets } from '@countersign/x509';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { RunningCertificateAuthority } from '../certificate-authority.ts';
import { bagOf, readRequest, requestAttributes } from '../forms.ts';
import { type Asking, holderNamed } from '../issuance/judge-order.ts';
import { profileNamed, releasedProfiles } from '../profiles.ts';

export interface EnrolmentRoutes {
  readonly certificateAuthority: Pick<
    RunningCertificateAuthority,
    'issue' | 'renew' | 'recognise' | 'authorities' | 'profiles'
  >;
  readonly guard: ResourceGuard;
  readonly baseUrl: string;
  /** The public URL of the installation. */
  readonly issuer: string;
}

interface ToProfile {
  Params: { readonly profile: string };
}

const place = '/.well-known/est/:profile';
const { error } = certificateAuthorityErrors;
/** Base64 with line breaks, as most clients write it. */
const mostCharacters = 2 * maxCertificationRequestOctets;

/**
 * Enrolment over Secure Transport (RFC 7030, RFC 8951), one label for each profile. A first certificate needs an access token; a
 * renewal needs the certificate that it renews, as the certificate of the connection. Keys are not made here (`serverkeygen`), and
 * `fullcmc` is not offered.
 */
export function enrolmentRoutes(app: FastifyInstance, dependencies: EnrolmentRoutes): void {
  const { certificateAuthority: ca, guard, baseUrl, issuer } = dependencies;
  const trustDomain = new URL(issuer).hostname;
  const gate = createGate(async (request, scope: string) => {
    const caller = await guard.check(request, { scope });
    return { ...requesterOf(caller), client: caller.client } satisfies Asking;
  }, baseUrl);

  app.get<ToProfile>(`${place}/cacerts`, async (request, reply) => {
    const { authority: of } = releasedProfiles[profileOf(request)];
    const found = (await ca.authorities()).filter((one) => one.class === of);
    if (found.length === 0)
      throw error('authority_unavailable', `There is no accepted authority of the class ${of} yet.`);
    const roots = new Map(found.map(({ root }) => [Buffer.from(root).toString('base64'), root]));
    return sendBag(reply, [...roots.values(), ...found.map(({ certificate }) => certificate)]);
  });

  app.get<ToProfile>(`${place}/csrattrs`, async (request, reply) => {
    const profile = profileOf(request);
    const presented = presentedCertificateOf(request);
    const known = presented === undefined ? undefined : await ca.recognise(presented.der);
    const attributes = requestAttributes({
      renewed: known?.stored.profile === profile ? known.leaf : undefined,
      choosesNames: releasedProfiles[profile].namesHosts,
    });
    return sendBase64(reply, 'application/csrattrs', attributes);
  });

  void app.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser(
      'application/pkcs10',
      { parseAs: 'string', bodyLimit: mostCharacters },
      (_request, body, done) => done(null, body),
    );

    scope.post<ToProfile>(`${place}/simpleenroll`, gate.needs('certificate:issue'), async (request, reply) => {
      const by = gate.callerOf(request);
      const order = requestIn(request);
      return sendIssued(
        reply,
        await ca.issue({ profile: profileOf(request), holder: holderOf(order, trustDomain, by), request: order }, by),
      );
    });

    scope.post<ToProfile>(`${place}/simplereenroll`, async (request, reply) => {
      const presented = presentedCertificateOf(request);
      if (presented === undefined)
        throw error(
          'certificate_unknown',
          'A renewal needs the certificate that it renews in the TLS handshake, at the address for mutual TLS.',
        );
      return sendIssued(
        reply,
        await ca.renew({
          profile: profileOf(request),
          request: requestIn(request),
          presented: presented.der,
        }),
      );
    });
  });
}

/** @throws CodedError `profile_unknown` */
const profileOf = (request: FastifyRequest<ToProfile>): CertificateProfileName => profileNamed(request.params.profile);

/** RFC 8951 section 3.1: base64, whatever `Content-Transfer-Encoding` says. */
function requestIn({ body }: FastifyRequest): Uint8Array {
  const der = typeof body === 'string' ? decodeBase64(body.replaceAll(/\s/g, '')) : undefined;
  if (der === undefined || der.length === 0)
    throw error('certificate_request_invalid', 'The body is a certificate request (PKCS #10), DER in base64.');
  return der;
}

/** The holder that the request names; the caller, when it names none. */
function holderOf(request: Uint8Array, trustDomain: string, by: Asking) {
  const named = readRequest(request).names.filter(({ kind }) => kind === 'uri');
  const holder = holderNamed(trustDomain, named[0]?.value ?? `spiffe://${trustDomain}/${by.id.replace(':', '/')}`);
  if (holder === undefined)
    throw error('certificate_request_invalid', 'The URI in the request names no principal of this installation.');
  return holder;
}

/** RFC 7030 section 4.2.3: the certificate alone. Authorities come from `cacerts`. */
function sendIssued(reply: FastifyReply, { certificate }: ReleasedCertificate) {
  return sendBag(reply.header('cache-control', 'no-store'), [certificate]);
}

function sendBag(reply: FastifyReply, certificates: readonly Uint8Array[]) {
  return sendBase64(reply, 'application/pkcs7-mime; smime-type=certs-only', bagOf(certificates));
}

function sendBase64(reply: FastifyReply, mediaType: string, der: Uint8Array) {
  return reply
    .type(mediaType)
    .header('content-transfer-encoding', 'base64')
    .send(
      Buffer.from(der)
        .toString('base64')
        .replaceAll(/(.{76})(?=.)/g, '$1\n'),
    );
}
