import type { Json } from '@countersign/kernel';
import type { Static } from 'typebox';
import type { Proposable } from '../definitions.ts';
import type { proposedSchema } from './record-data.ts';

type Recorded = Static<typeof proposedSchema>;

/** The part of a proposal's record that its digest covers. */
export function contentOf(what: Proposable): Readonly<Record<string, Json>> {
  const { kind, name, change, holders } = what;
  const common = { kind, name, change, holders: [...holders] };
  if (what.change === 'remove') return common;
  switch (what.kind) {
    case 'role': {
      const { database, memberOf, ttlSeconds, maxTtlSeconds, connections, endsWith } = what.role;
      return {
        ...common,
        role: {
          database,
          member_of: [...memberOf],
          ttl_seconds: ttlSeconds,
          max_ttl_seconds: maxTtlSeconds,
          connections,
          ends_with: endsWith,
        },
      };
    }
    case 'secret':
      return { ...common, material: what.material };
    case 'venue-key': {
      const { venue, venueMic, baseUrl, algorithm, apiKey, institution, accounts, symbols, probe } = what.venueKey;
      return {
        ...common,
        venue_key: {
          venue,
          venue_mic: venueMic,
          base_url: baseUrl,
          algorithm,
          api_key: apiKey,
          institution,
          accounts: [...accounts],
          symbols: symbols.map(({ instrument, currency, symbol }) => ({ instrument, currency, symbol })),
          probe,
        },
        material: what.material,
        ...(what.publicKey === undefined ? {} : { public_key: what.publicKey }),
      };
    }
    default:
      return what satisfies never;
  }
}

/** The reverse of {@link contentOf}; undefined for data that it did not write. */
export function proposableIn(data: Recorded): Proposable | undefined {
  const { kind, name, change, holders, role, venue_key: key, material, public_key: publicKey } = data;
  if (change === 'remove') return { kind, name, change, holders };
  switch (kind) {
    case 'role':
      return role === undefined
        ? undefined
        : {
            ...{ kind, name, change, holders },
            role: {
              database: role.database,
              memberOf: role.member_of,
              ttlSeconds: role.ttl_seconds,
              maxTtlSeconds: role.max_ttl_seconds,
              connections: role.connections,
              endsWith: role.ends_with,
            },
          };
    case 'secret':
      return material === undefined ? undefined : { kind, name, change, holders, material };
    case 'venue-key':
      return key === undefined || material === undefined
        ? undefined
        : {
            ...{ kind, name, change, holders, material },
            venueKey: {
              venue: key.venue,
              venueMic: key.venue_mic,
              baseUrl: key.base_url,
              algorithm: key.algorithm,
              apiKey: key.api_key,
              institution: key.institution,
              accounts: key.accounts,
              symbols: key.symbols,
              probe: key.probe,
            },
            ...(publicKey === undefined ? {} : { publicKey }),
          };
    default:
      return kind satisfies never;
  }
}
