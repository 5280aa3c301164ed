import { join } from 'node:path';
import {
  type AuditLogDependencies,
  type ClockSource,
  chronyClockSource,
  ntpClockSource,
  systemClockSource,
} from '@countersign/audit-log';
import type { ConfiguredExchange } from '@countersign/contracts';
import { type Clock, CodedError, type Random } from '@countersign/kernel';
import { readSecret } from '@countersign/runtime';
import { createTimeStampExchange, type TimeStampingDependencies } from '@countersign/time-stamping';
import type {
  ClockConfiguration,
  Configuration,
  PublicationConfiguration,
  TimeStampsConfiguration,
} from '../configuration/index.ts';

/** Maps the clock configuration to settings of the log. */
export function clockParts(
  configuration: ClockConfiguration | undefined,
  { clock, random }: { readonly clock: Clock; readonly random: Random },
): Pick<AuditLogDependencies, 'clockSource' | 'clockPolicy'> {
  if (configuration === undefined) return {};
  const { source, windowSeconds, budgetMicroseconds, overBudget } = configuration;
  return {
    clockSource: sourceOf(source, { clock, random }),
    clockPolicy: {
      ...(windowSeconds === undefined ? {} : { windowMs: windowSeconds * 1_000 }),
      ...(budgetMicroseconds === undefined ? {} : { budgetUs: budgetMicroseconds }),
      ...(overBudget === undefined ? {} : { overBudget }),
    },
  };
}

/** Maps the publication configuration to settings of the log. @throws CodedError `secret_unavailable` */
export function publicationParts(
  configuration: PublicationConfiguration = {},
  {
    node: { dataFolder, listen },
    exchangeWith,
  }: {
    readonly node: Pick<Configuration, 'dataFolder' | 'listen'>;
    /** Requests to servers with certificates of these authorities (PEM), or of the system's authorities when undefined. */
    readonly exchangeWith: (authorities: string | undefined) => ConfiguredExchange;
  },
): Pick<AuditLogDependencies, 'headGuardFolder' | 'witnessing' | 'publishTo'> {
  const { witnesses, folder, headGuardFolder } = configuration;
  return {
    // Nodes that share a machine and a folder differ by port.
    headGuardFolder: headGuardFolder ?? join(dataFolder, 'log-head', String(listen.port)),
    ...(witnesses === undefined ? {} : { witnessing: witnessing(witnesses, exchangeWith) }),
    ...(folder === undefined ? {} : { publishTo: { folder: folder.path, entries: folder.entries ?? false } }),
  };
}

function witnessing(
  configuration: NonNullable<PublicationConfiguration['witnesses']>,
  exchangeWith: (authorities: string | undefined) => ConfiguredExchange,
): NonNullable<AuditLogDependencies['witnessing']> {
  const { policy, authorities, everySeconds, ...bounds } = configuration;
  return {
    // Reading a secret strips the final line break, which C2SP tlog-policy requires.
    policy: `${readSecret(policy)}\n`,
    exchange: exchangeWith(authorities === undefined ? undefined : readSecret(authorities)).exchange,
    ...(everySeconds === undefined ? {} : { everyMs: everySeconds * 1_000 }),
    ...bounds,
  };
}

function sourceOf(
  source: ClockConfiguration['source'],
  dependencies: { readonly clock: Clock; readonly random: Random },
): ClockSource {
  if (source === 'system') return systemClockSource;
  return source === 'chrony' ? chronyClockSource() : ntpClockSource({ servers: source.ntp, ...dependencies });
}

/** Maps the configuration to settings of time stamping. @throws CodedError `secret_unavailable`, `configuration_invalid` */
export function timeStampParts(
  configuration: TimeStampsConfiguration | undefined,
  exchangeWith: (authorities: string | undefined) => ConfiguredExchange,
): Pick<TimeStampingDependencies, 'authority' | 'checkpointsEveryMs' | 'orders'> {
  const { authority, checkpointsEveryMinutes, orders } = configuration ?? {};
  return {
    ...(authority === undefined
      ? {}
      : {
          authority: {
            url: authority.url,
            exchange: createTimeStampExchange({
              url: authority.url,
              exchange: exchangeWith(undefined).exchange,
              ...(authority.authorization === undefined ? {} : { authorization: readSecret(authority.authorization) }),
            }),
            trusted: { certificates: certificatesOf(readSecret(authority.certificates)) },
            ...(authority.policy === undefined ? {} : { policy: authority.policy }),
          },
        }),
    ...(checkpointsEveryMinutes === undefined ? {} : { checkpointsEveryMs: checkpointsEveryMinutes * 60_000 }),
    ...(orders === undefined ? {} : { orders }),
  };
}

/** DER of every certificate in a PEM text (RFC 7468). */
function certificatesOf(pem: string): readonly Uint8Array[] {
  const found = [...pem.matchAll(/-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]+)-----END CERTIFICATE-----/g)];
  if (found.length === 0)
    throw new CodedError({
      code: 'configuration_invalid',
      category: 'invalid',
      detail: 'timeStamps.authority.certificates must refer to certificates in PEM.',
    });
  return found.map(([, body = '']) => Buffer.from(body, 'base64'));
}
