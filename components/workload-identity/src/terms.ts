import {
  type AssuranceLevel,
  assuranceLevels,
  isAtLeast,
  kindOfPrincipal,
  parsePrincipalId,
  type WorkloadProfile,
  type WorkloadTerms,
  workloadErrors,
  workloadFactNames,
  workloadProfiles,
} from '@countersign/contracts';
import { defined } from '@countersign/kernel';
import { type Static, Type } from 'typebox';
import { Compile } from 'typebox/compile';

const { error } = workloadErrors;
const sha256 = Type.String({ pattern: '^[0-9a-f]{64}$', description: 'SHA-256, hexadecimal' });
const word = Type.String({ minLength: 1, maxLength: 256, pattern: '^[\\x21-\\x7e]+$' });
const closed = { additionalProperties: false } as const;

/** The terms of an entry, as in requests, answers and records. */
export const termsSchema = Type.Object(
  {
    holder: Type.String({ maxLength: 80, description: 'Principal id: the workload acts as this agent or service' }),
    profile: Type.Enum([...workloadProfiles], { description: 'Profile of its certificates' }),
    level: Type.Enum([...assuranceLevels], {
      description: 'Minimum level for every expected fact except the environment',
    }),
    attesters: Type.Array(Type.String({ maxLength: 80 }), {
      minItems: 1,
      maxItems: 50,
      description: 'Principal ids of the services that may present the workload',
    }),
    environment: Type.String({ pattern: '^[a-z0-9][a-z0-9-]{0,31}$', description: 'E.g. `production`' }),
    images: Type.Array(sha256, { minItems: 1, maxItems: 20, description: 'SHA-256 of each permitted image' }),
    configuration: Type.Optional(sha256),
    selectors: Type.Array(
      Type.Object(
        {
          name: Type.Enum([...workloadFactNames]),
          values: Type.Array(word, { minItems: 1, maxItems: 20 }),
          level: Type.Optional(Type.Enum([...assuranceLevels])),
        },
        closed,
      ),
      { maxItems: 20, description: 'Further facts, each with its permitted values' },
    ),
    dns_names: Type.Array(Type.String({ maxLength: 253 }), { maxItems: 20 }),
    audiences: Type.Array(Type.String({ minLength: 1, maxLength: 512 }), {
      maxItems: 20,
      description: 'Audiences that its JWT-SVIDs may have',
    }),
  },
  { ...closed, title: 'WorkloadTerms' },
);
export type TermsDocument = Static<typeof termsSchema>;
const termsCheck = Compile(termsSchema);

/** What each profile requires of its entries. */
const demands: Readonly<
  Record<
    WorkloadProfile,
    { readonly kind: 'agent' | 'service'; readonly level: AssuranceLevel; readonly binds: boolean }
  >
> = {
  'trading-agent': { kind: 'agent', level: 'kernel-observed', binds: true },
  'risk-service': { kind: 'service', level: 'kernel-observed', binds: false },
  gateway: { kind: 'service', level: 'kernel-observed', binds: false },
};

const ofEntry = ['environment', 'image', 'configuration'] as const;
const refuse = (detail: string) => error('workload_terms_invalid', detail);

/** @throws CodedError `workload_terms_invalid` */
export function readTerms(document: unknown): WorkloadTerms {
  if (!termsCheck.Check(document)) throw refuse('The terms of the entry do not match the schema.');
  const { dns_names: dnsNames, attesters: named, holder: of, configuration, selectors, ...rest } = document;
  const holder = parsePrincipalId(of);
  const attesters = named.map((each) => parsePrincipalId(each)).filter((each) => each !== undefined);
  if (holder === undefined || attesters.length < named.length)
    throw refuse('The holder and each attester must be principal ids, e.g. `service:node-1`.');
  const terms = {
    ...rest,
    ...{ holder, attesters, dnsNames },
    selectors: selectors.map(({ name, values, level }) => ({ name, values, ...defined({ level }) })),
    ...defined({ configuration }),
  };
  requireFit(terms);
  return terms;
}

function requireFit({ holder, profile, level, attesters, configuration, selectors, dnsNames }: WorkloadTerms): void {
  const demand = demands[profile];
  if (kindOfPrincipal(holder) !== demand.kind)
    throw refuse(`Certificates of the profile ${profile} are for a principal of the kind ${demand.kind}.`);
  if (attesters.some((one) => kindOfPrincipal(one) !== 'service'))
    throw refuse('An attester must be a service: the agent on the machine of the workload.');
  if (attesters.includes(holder)) throw refuse('A workload cannot be its own attester.');
  if (!isAtLeast(level, demand.level))
    throw refuse(`The profile ${profile} needs at least the level ${demand.level}: an asserted image is not enough.`);
  if (demand.binds && configuration === undefined)
    throw refuse(`The profile ${profile} needs the digest of the approved configuration.`);
  if (profile === 'gateway' ? dnsNames.length === 0 : dnsNames.length > 0)
    throw refuse('A workload of the profile gateway must have DNS names; other workloads must not.');
  const names = selectors.map(({ name }) => name);
  if (new Set(names).size < names.length)
    throw refuse('A fact may occur once in the selectors, with all permitted values.');
  const own = ofEntry.find((name) => names.includes(name));
  if (own !== undefined) throw refuse(`${own} is a member of the entry, not a selector.`);
}

/** The terms, as in requests, answers and records. */
export function documentOf(terms: WorkloadTerms): TermsDocument {
  const { holder, profile, level, attesters, environment, images, configuration, selectors, dnsNames, audiences } =
    terms;
  return {
    ...{ holder, profile, level, environment },
    attesters: [...attesters],
    images: [...images],
    ...defined({ configuration }),
    selectors: selectors.map((each) => ({
      name: each.name,
      values: [...each.values],
      ...defined({ level: each.level }),
    })),
    dns_names: [...dnsNames],
    audiences: [...audiences],
  };
}

const entryName = /^[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?$/;
/** Names that are paths of the interface. */
const reserved = ['proposals', 'bundle'];
export const isEntryName = (text: string): boolean => entryName.test(text) && !reserved.includes(text);
