import {
  type AuthenticationDependencies,
  type CertificateMethod,
  cardMethod,
  createCertificateMethod,
  createFederatedMethod,
} from '@countersign/authentication';
import type {
  AuditAppender,
  CertificateSignatureDependencies,
  ConfiguredDocuments,
  ConfiguredExchange,
  Directory,
  PartnerSignIns,
} from '@countersign/contracts';
import { type Clock, CodedError, type Random } from '@countersign/kernel';
import { createFolderChannel, createWebhookChannel, type NoticeChannel } from '@countersign/notices';
import { type Logger, type RowSeal, readSecret } from '@countersign/runtime';
import type pg from 'pg';
import type { Configuration, NoticesConfiguration } from '../configuration/index.ts';
import { approvalCertificatesOf } from './approval-certificates.ts';

/** The channels for notices to people. @throws CodedError `secret_unavailable` */
export function noticeChannels(
  { channels }: NoticesConfiguration = { channels: [] },
  exchangeWith: (authorities: string | undefined) => ConfiguredExchange,
): readonly NoticeChannel[] {
  return channels.map((channel) => {
    const { name } = channel;
    if ('folder' in channel) return createFolderChannel({ name, folder: channel.folder });
    const { url, authorization, authorities } = channel.webhook;
    return createWebhookChannel({
      name,
      url,
      ...(authorization === undefined ? {} : { authorization: readSecret(authorization) }),
      exchange: exchangeWith(authorities === undefined ? undefined : readSecret(authorities)),
    });
  });
}

/** Sign-in methods that use an external party. */
export interface RemoteMethods {
  readonly certificate?: CertificateMethod;
  readonly card: NonNullable<AuthenticationDependencies['card']>;
  readonly federated?: NonNullable<AuthenticationDependencies['federated']>;
}

/**
 * Sign-in with certificates and at partners, if configured.
 *
 * @throws CodedError `configuration_invalid`, `secret_unavailable`
 */
export function remoteMethods(
  { signIn = {}, issuer, mutualTls, approvals }: Configuration,
  parts: {
    readonly pool: pg.Pool;
    readonly audit: AuditAppender & CertificateSignatureDependencies['log'];
    readonly directory: Pick<Directory, 'snapshot'>;
    readonly partners: PartnerSignIns;
    readonly outbound: () => ConfiguredExchange & ConfiguredDocuments;
    readonly clock: Clock;
    readonly random: Random;
    readonly logger: Logger;
    readonly rowSeal: RowSeal;
  },
): RemoteMethods {
  const { outbound, partners, ...common } = parts;
  const { certificate, federated } = signIn;
  if (certificate !== undefined && mutualTls === undefined)
    throw new CodedError({
      code: 'configuration_invalid',
      category: 'invalid',
      detail: 'signIn.certificate: certificates are shown at the address for mutual TLS; configure mutualTls.',
    });
  return {
    card: cardMethod({
      ...{ log: parts.audit, directory: parts.directory, clock: parts.clock },
      settings: approvalCertificatesOf(approvals),
      origin: issuer,
    }),
    ...(certificate === undefined || mutualTls === undefined
      ? {}
      : {
          certificate: createCertificateMethod({
            ...common,
            outbound: outbound(),
            origin: issuer,
            mutualTlsUrl: mutualTls.baseUrl,
            config: certificate,
          }),
        }),
    ...(federated === undefined
      ? {}
      : { federated: createFederatedMethod({ ...common, partners, origin: issuer, config: federated }) }),
  };
}

/** The sign-in configuration with the defaults of the environment. */
export function signInConfig({
  signIn = {},
  issuer,
  environment,
}: Configuration): AuthenticationDependencies['config'] {
  const { certificate: _certificate, federated: _federated, methods, ...rest } = signIn;
  return {
    issuer,
    environment,
    methods: methods ?? (environment === 'development' ? ['webauthn', 'development'] : ['webauthn']),
    ...rest,
  };
}
