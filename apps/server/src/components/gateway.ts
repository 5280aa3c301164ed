import type { FederationGateway } from '@countersign/contracts';
import {
  createConfiguredExchange,
  createFederationGateway,
  createOutbound,
  createPartnerKeys,
  type PartnerKeys,
} from '@countersign/federation-gateway';
import { createNotices, noticesMigrations, type RunningNotices } from '@countersign/notices';
import { createRowSeal } from '@countersign/runtime';
import { developmentIssuers, withPinnedKeySets } from '../configuration/index.ts';
import type { Ground } from './ground.ts';
import { noticeChannels } from './people-parts.ts';
import type { Seen } from './seen.ts';

/** What speaks with partners, and with people by other means than pages. */
export interface GatewayParts {
  readonly federationGateway: FederationGateway;
  readonly notices: RunningNotices;
}

export function startGateway(
  { configuration, database, metrics, common, keyFor, started }: Ground,
  {
    auditLog: audit,
    directory,
    trustRegistry,
    exchangeWith,
    partnerKeys,
  }: Pick<Seen, 'auditLog' | 'directory' | 'trustRegistry' | 'exchangeWith'> & { readonly partnerKeys: PartnerKeys },
): GatewayParts {
  const { environment, features } = configuration;
  const federationGateway = createFederationGateway({
    trustRegistry,
    directory,
    audit,
    partnerKeys,
    identityChaining: features.identityChaining ?? 'off',
    ...common,
  });
  const notices = started(
    'notices',
    createNotices({
      pool: database.pool(noticesMigrations, { maxConnections: 2 }),
      audit,
      rowSeal: createRowSeal(keyFor(noticesMigrations).derive('row-seal/notices')),
      channels: noticeChannels(configuration.notices, exchangeWith),
      environment,
      metrics,
      ...common,
    }),
  );
  return { federationGateway, notices };
}

/** Requests to addresses outside, made by this process itself. */
export function callsOutside({
  configuration,
  common: { logger },
  started,
}: Ground): Pick<Seen, 'outbound' | 'exchangeWith'> {
  return {
    outbound: createOutbound({ environment: configuration.environment, logger }),
    exchangeWith: (authorities) =>
      started(
        'requests to configured addresses',
        createConfiguredExchange({ logger, ...(authorities === undefined ? {} : { authorities }) }),
      ),
  };
}

/** Keys of partners: one for all in a process who verify what partners sign, so that each key set is fetched once for all of them. */
export function partnerKeysOf(
  { configuration, common }: Ground,
  { auditLog: audit, outbound }: Pick<Seen, 'auditLog' | 'outbound'>,
): PartnerKeys {
  return createPartnerKeys({
    outbound: withPinnedKeySets(outbound, developmentIssuers(configuration)),
    audit,
    ...common,
  });
}
