import { acmeErrors, maxRequestLength, problemOfError } from '@countersign/acme';
import { type Clock, type CodedError, defined, isObject, toInstant } from '@countersign/kernel';
import { asCodedError, statusOf } from '@countersign/runtime';
import { encodePem } from '@countersign/x509';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { AcmeServer, OrderState, SignedRequest } from '../acme-server.ts';
import type { StoredOrder } from '../acme-store.ts';
import { enrolmentStatusOf, type StoredEnrolment } from '../enrolment-state.ts';
import { acmeBaseOf } from '../enrolments.ts';

export interface AcmeRoutes {
  readonly certificateAuthority: { readonly acme: AcmeServer };
  readonly issuer: string;
  readonly clock: Clock;
}

type Params<Names extends string> = { Params: Readonly<Record<Names | 'profile', string>> };

/** Refusals of the certificate authority, with their ACME error codes. */
const refusals = new Map<string, keyof typeof acmeErrors.codes>([
  ['certificate_request_invalid', 'acme_csr_refused'],
  ['certificate_key_refused', 'acme_csr_refused'],
  ['certificate_request_refused', 'acme_unauthorized'],
  ['certificate_not_permitted', 'acme_unauthorized'],
  ['certificate_over', 'acme_order_not_ready'],
  ['certificate_unfit', 'acme_order_not_ready'],
  ['media_type_unsupported', 'acme_media_type'],
  ['body_too_large', 'acme_malformed'],
  ['body_missing', 'acme_malformed'],
]);

/** ACME (RFC 8555, RFC 9773): one directory for each profile, under `/acme/<profile>/directory`. */
export function acmeRoutes(app: FastifyInstance, dependencies: AcmeRoutes): void {
  const { issuer, clock } = dependencies;
  const { acme } = dependencies.certificateAuthority;

  const baseOf = (profile: SignedRequest['profile']) => acmeBaseOf(issuer, profile);
  const named = ({ params }: FastifyRequest<Params<never>>) => acme.profileNamed(params.profile);
  const signed = (request: FastifyRequest<Params<never>>): SignedRequest => ({
    profile: named(request),
    url: `${issuer}${request.raw.url ?? ''}`,
    body: typeof request.body === 'string' ? request.body : '',
  });
  const orderUrl = (profile: SignedRequest['profile'], { id }: StoredOrder) => `${baseOf(profile)}/order/${id}`;

  function accountView(account: StoredEnrolment) {
    const base = `${baseOf(account.profile)}/account/${account.id}`;
    const status = enrolmentStatusOf(account, clock.now()) === 'used' ? 'valid' : 'deactivated';
    return { status, orders: `${base}/orders` };
  }

  function orderView(profile: SignedRequest['profile'], { order, status, certificate }: OrderState) {
    const base = orderUrl(profile, order);
    return {
      status,
      expires: toInstant(order.expiresAt),
      identifiers: order.identifiers,
      profile,
      authorizations: order.identifiers.map((_, index) => `${base}/authorization/${index}`),
      finalize: `${base}/finalize`,
      ...defined({
        certificate: certificate === undefined ? undefined : `${baseOf(profile)}/certificate/${certificate.serial}`,
      }),
      ...(status === 'invalid'
        ? {
            error: problemOfError({ code: 'acme_order_not_ready', detail: 'The order has expired.', facts: undefined }),
          }
        : {}),
    };
  }

  const accountReply = (reply: FastifyReply, account: StoredEnrolment, status = 200) =>
    reply
      .status(status)
      .header('location', `${baseOf(account.profile)}/account/${account.id}`)
      .send(accountView(account));

  const orderReply = (reply: FastifyReply, profile: SignedRequest['profile'], state: OrderState, status = 200) =>
    reply.status(status).header('location', orderUrl(profile, state.order)).send(orderView(profile, state));

  void app.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser(
      'application/jose+json',
      { parseAs: 'string', bodyLimit: maxRequestLength },
      (_request, body, done) => done(null, body),
    );
    scope.addHook('onSend', async (request, reply) => {
      if (request.method === 'POST' && !reply.hasHeader('replay-nonce')) reply.header('replay-nonce', acme.nonce());
      const profile = isObject(request.params) ? request.params['profile'] : undefined;
      // Only a request that succeeded names a known profile.
      if (reply.statusCode < 400 && typeof profile === 'string')
        reply.header('link', `<${issuer}/acme/${profile}/directory>;rel="index"`);
    });
    scope.setErrorHandler((cause, _request, reply) => {
      const coded = asCodedError(cause);
      // Unexpected errors are logged and answered by the error handler of the server.
      if (coded === undefined) throw cause;
      return refuse(coded, reply);
    });

    scope.get<Params<never>>('/acme/:profile/directory', async (request, reply) => {
      const profile = named(request);
      const base = baseOf(profile);
      return reply.header('cache-control', 'public, max-age=300').send({
        newNonce: `${base}/new-nonce`,
        newAccount: `${base}/new-account`,
        newOrder: `${base}/new-order`,
        revokeCert: `${base}/revoke-cert`,
        keyChange: `${base}/key-change`,
        renewalInfo: `${base}/renewal-info`,
        meta: {
          externalAccountRequired: true,
          profiles: { [profile]: `Certificates of the profile ${profile}` },
        },
      });
    });

    scope.route<Params<never>>({
      method: ['HEAD', 'GET'],
      url: '/acme/:profile/new-nonce',
      exposeHeadRoute: false,
      async handler(request, reply) {
        named(request);
        return reply
          .status(request.method === 'HEAD' ? 200 : 204)
          .header('replay-nonce', acme.nonce())
          .send();
      },
    });

    scope.post<Params<never>>('/acme/:profile/new-account', async (request, reply) => {
      const { account, created } = await acme.newAccount(signed(request));
      return accountReply(reply, account, created ? 201 : 200);
    });

    scope.post<Params<'id'>>('/acme/:profile/account/:id', async (request, reply) =>
      accountReply(reply, await acme.account(signed(request), request.params.id)),
    );

    scope.post<Params<'id'>>('/acme/:profile/account/:id/orders', async (request) => {
      const asked = signed(request);
      const orders = await acme.orders(asked, request.params.id);
      return { orders: orders.map((order) => orderUrl(asked.profile, order)) };
    });

    scope.post<Params<never>>('/acme/:profile/key-change', async (request, reply) =>
      accountReply(reply, await acme.keyChange(signed(request))),
    );

    scope.post<Params<never>>('/acme/:profile/new-order', async (request, reply) => {
      const asked = signed(request);
      return orderReply(reply, asked.profile, await acme.newOrder(asked), 201);
    });

    scope.post<Params<'id'>>('/acme/:profile/order/:id', async (request, reply) => {
      const asked = signed(request);
      return orderReply(reply, asked.profile, await acme.order(asked, request.params.id));
    });

    scope.post<Params<'id' | 'index'>>('/acme/:profile/order/:id/authorization/:index', async (request) => {
      const { id, index } = request.params;
      const place = /^[0-9]{1,2}$/.test(index) ? Number(index) : Number.NaN;
      const { order, identifier } = await acme.authorization(signed(request), id, place);
      return { status: 'valid', expires: toInstant(order.expiresAt), identifier, challenges: [] };
    });

    scope.post<Params<'id'>>('/acme/:profile/order/:id/finalize', async (request, reply) => {
      const asked = signed(request);
      return orderReply(reply, asked.profile, await acme.finalize(asked, request.params.id));
    });

    scope.post<Params<'serial'>>('/acme/:profile/certificate/:serial', async (request, reply) => {
      const { certificate, chain } = await acme.certificate(signed(request), request.params.serial);
      return reply
        .type('application/pem-certificate-chain')
        .send([certificate, ...chain].map((der) => encodePem('CERTIFICATE', der)).join(''));
    });

    scope.post<Params<never>>('/acme/:profile/revoke-cert', async (request, reply) => {
      await acme.revoke(signed(request));
      return reply.status(200).send();
    });

    scope.get<Params<'certificate'>>('/acme/:profile/renewal-info/:certificate', async (request, reply) => {
      named(request);
      const { start, end, retryAfterSeconds } = await acme.renewalInformation(request.params.certificate);
      return reply
        .header('retry-after', String(retryAfterSeconds))
        .send({ suggestedWindow: { start: toInstant(start), end: toInstant(end) } });
    });
  });
}

function refuse(coded: CodedError, reply: FastifyReply): FastifyReply {
  const known = Object.hasOwn(acmeErrors.codes, coded.code) ? undefined : refusals.get(coded.code);
  const refusal = known === undefined ? coded : acmeErrors.error(known, coded.detail, { cause: coded });
  const status = coded.code === 'media_type_unsupported' ? 415 : statusOf(refusal);
  if (refusal.category === 'rate-limited') reply.header('retry-after', '600');
  if (refusal.category === 'unavailable') reply.header('retry-after', '2');
  const account = refusal.facts?.['account'];
  if (typeof account === 'string') reply.header('location', account);
  return reply
    .status(status)
    .type('application/problem+json')
    .send({ ...problemOfError(refusal), status });
}
