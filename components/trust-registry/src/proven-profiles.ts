import {
  type AuditLog,
  type Claim,
  createStandingCheck,
  type StandingRecord,
  type TrustProfile,
} from '@countersign/contracts';
import { type Clock, digestOf, type Json, type Random, sha256Base64Url } from '@countersign/kernel';

/** By the issuer: whoever speaks for it, there is one. Its hash, because an address may be longer than such a name. */
const issuerThing = (issuer: string): string => `trust-profile:${sha256Base64Url(issuer)}`;

/** All of it decides (docs/adr/0043). */
export function profileClaim({ recordId: _, ...content }: TrustProfile): Claim {
  return { of: issuerThing(content.issuer), content: content as unknown as Json };
}

export interface ProvenProfiles {
  /**
   * The profile of each of these issuers as its newest record has it, whatever its row says; none for an issuer that no record
   * is about.
   *
   * @param rows newest versions as they are kept
   * @throws CodedError `log_unavailable`
   */
  newest(issuers: readonly string[], rows: readonly TrustProfile[]): Promise<readonly TrustProfile[]>;
}

const mostAtOnce = 1_000;

export function createProvenProfiles(dependencies: {
  readonly audit: Pick<AuditLog, 'append' | 'standings' | 'find'>;
  readonly clock: Clock;
  readonly random: Random;
}): ProvenProfiles {
  const { audit } = dependencies;
  const standings = createStandingCheck({ ...dependencies, log: audit, source: 'trust-registry' });

  async function recorded(issuer: string, { record, digest }: StandingRecord): Promise<TrustProfile | undefined> {
    const data = (await audit.find(record))?.record.data;
    if (typeof data !== 'object' || data === null || !('profile' in data)) return undefined;
    const profile = { ...(data.profile as unknown as Omit<TrustProfile, 'recordId'>), recordId: record };
    const { of, content } = profileClaim(profile);
    return of === issuerThing(issuer) && digestOf(content) === digest ? profile : undefined;
  }

  async function newestOf(
    issuer: string,
    rows: readonly TrustProfile[],
    newest: StandingRecord | undefined,
  ): Promise<TrustProfile | undefined> {
    const agreeing = rows.find((row) => newest?.digest === digestOf(profileClaim(row).content));
    const profile = agreeing ?? (newest?.digest === undefined ? undefined : await recorded(issuer, newest));
    // A row from before the newest record is one that is being replaced just now, or was not replaced in time.
    for (const row of rows)
      if (row !== agreeing && !(profile !== undefined && row.version < profile.version))
        await standings.holds(profileClaim(row));
    return profile;
  }

  return {
    async newest(issuers, rows) {
      const found: TrustProfile[] = [];
      for (let start = 0; start < issuers.length; start += mostAtOnce) {
        const page = issuers.slice(start, start + mostAtOnce);
        const newest = await audit.standings(page.map(issuerThing));
        for (const issuer of page) {
          const own = rows.filter((row) => row.issuer === issuer);
          const profile = await newestOf(issuer, own, newest.get(issuerThing(issuer)));
          if (profile !== undefined) found.push(profile);
        }
      }
      return found;
    },
  };
}
