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

/** The connections to partners, and notices to people outside the pages. */
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

/** Requests to external addresses, made by this process itself. */
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

/** Partner keys, shared by all verifiers in a process so that each key set is fetched once. */
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
