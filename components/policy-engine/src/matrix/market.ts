import type {
  Account,
  Desk,
  Device,
  DirectorySnapshot,
  Institution,
  InstitutionCompliance,
  Instrument,
  Principal,
  PrincipalId,
  Resource,
  Venue,
} from '@countersign/contracts';
import { type DecimalString, toInstant } from '@countersign/kernel';
import type { Cfi, Country, Currency, Lei, Mic } from '@countersign/market';
import type { Conditions } from './situation.ts';

/** A Friday at noon, when desks are open, and the evening of that day, when they are closed. */
export const openAt = Date.parse('2026-11-20T12:00:00Z');
export const closedAt = Date.parse('2026-11-20T21:00:00Z');

const hour = 3_600_000;

export const certified = {
  modelId: 'vwap',
  version: '3.2.1',
  artifactSha256: 'ab'.repeat(32),
  certificateId: 'CERT-7',
};
export const interfaceUri = 'https://venue.example/orders';

/** A finding about a firm, in any part of a transaction. */
export type Standing = Conditions['firm'] | Conditions['entity'] | Conditions['client'] | Conditions['party'];

const cleared: InstitutionCompliance = {
  kyc: { status: 'approved', validUntil: '2027-06-30' },
  amlRisk: 'low',
  sanctions: { result: 'clear', screenedAt: toInstant(openAt - 7 * hour) },
  category: 'eligible-counterparty',
  suitableFor: ['D', 'E', 'S', 'K'],
};

const findings: Readonly<Partial<Record<Standing, Partial<Institution>>>> = {
  lapsed: { leiStatus: 'LAPSED' },
  'kyc-pending': { compliance: { ...cleared, kyc: { ...cleared.kyc, status: 'pending' } } },
  'kyc-expired': { compliance: { ...cleared, kyc: { status: 'approved', validUntil: '2026-11-19' } } },
  'aml-high': { compliance: { ...cleared, amlRisk: 'high' } },
  'aml-prohibited': { compliance: { ...cleared, amlRisk: 'prohibited' } },
  // Deliberately outside the vocabulary.
  'aml-unrated': { compliance: { ...cleared, amlRisk: 'unheard-of' as InstitutionCompliance['amlRisk'] } },
  'sanctions-match': { compliance: { ...cleared, sanctions: { ...cleared.sanctions, result: 'match' } } },
  'sanctions-stale': screened(openAt - 40 * hour),
  'sanctions-postdated': screened(openAt + 40 * hour),
  'data-elsewhere': { dataRegions: ['elsewhere'] },
  'not-served': { country: coded<Country>('KP') },
  'high-risk-country': { country: coded<Country>('MC') },
  'retail-suited': categorised('retail', ['D', 'E']),
  'retail-not-suited': categorised('retail', ['C']),
  'professional-assessed': categorised('professional', ['S', 'K']),
  'professional-not-assessed': categorised('professional', ['C']),
  // Deliberately outside the vocabulary.
  'not-categorised': categorised('unheard-of' as InstitutionCompliance['category'], ['D', 'E', 'S', 'K']),
};

function screened(at: number): Partial<Institution> {
  return { compliance: { ...cleared, sanctions: { result: 'clear', screenedAt: toInstant(at) } } };
}

function categorised(category: InstitutionCompliance['category'], suitableFor: string[]): Partial<Institution> {
  return { compliance: { ...cleared, category, suitableFor } };
}

/** Twenty letters and digits; the firms are fictitious. */
export function leiOf(part: 'acting' | 'entity' | 'client' | 'party', standing: Standing): Lei {
  const letters = `${part}${standing}`.replaceAll(/[^a-z]/g, '').toUpperCase();
  return coded<Lei>(`${letters.slice(0, 3)}${letters.slice(-13)}`.padEnd(20, '0'));
}

/** A firm that no finding of a situation applies to. */
export const bystander = coded<Lei>('BYSTANDER00000000000');
const served = coded<Country>('DE');

export const venues: Readonly<Record<Conditions['venue'], string>> = {
  served: 'XETR',
  'not-served': 'XPYO',
  expired: 'XOLD',
  unknown: 'XNON',
};

export const instruments: Readonly<Record<Conditions['instrument'], { readonly id: string; readonly cfi: string }>> = {
  share: { id: 'DE000EXMPL17', cfi: 'ESVUFR' },
  bond: { id: 'DE000EXMPL25', cfi: 'DBFTFB' },
  swap: { id: 'QZRBG6ZTKS42', cfi: 'SRCCSP' },
  structured: { id: 'DE000EXMPL33', cfi: 'DSBSFB' },
  exotic: { id: 'QZRBG6ZTKS59', cfi: 'KRXXXX' },
  restricted: { id: 'XX0000000000', cfi: 'ESVUFR' },
};

/** An instrument in a currency without a rate needs an id of its own; the restricted one must keep the id on the list. */
const idIn = (id: string, currency: string): string =>
  currency === 'EUR' || id === instruments.restricted.id ? id : `${currency}${id.slice(3)}`;

export function namedInstrument(instrument: Conditions['instrument'], currency: string) {
  const { id, cfi } = instruments[instrument];
  const named = idIn(id, currency);
  return id.startsWith('QZ') ? { upi: named, cfi } : { isin: named, cfi };
}

/** The instruments in reference data: each on every venue, for every category of client. */
const referenceData = new Map<string, Instrument>(
  Object.values(instruments).flatMap(({ id, cfi }) =>
    ['XTS', 'EUR'].map((currency): [string, Instrument] => [
      idIn(id, currency),
      {
        id: idIn(id, currency),
        cfi: coded<Cfi>(cfi),
        currency: coded<Currency>(currency),
        venues: Object.values(venues).map((mic) => coded<Mic>(mic)),
        complex: false,
        targetMarket: ['retail', 'professional', 'eligible-counterparty'],
        priceMultiplier: coded<DecimalString>('1'),
        source: 'matrix',
        asOf: toInstant(openAt - 7 * hour),
      },
    ]),
  ),
);

/** A code or an id, which the policies only compare. */
function coded<Code extends string>(text: string): Code {
  // Made here, in the right form.
  return text as Code;
}

/** The directory with the firms, people and desks of every situation, each created on first use. */
export class MatrixMarket {
  readonly #institutions = new Map<string, Institution>([[bystander, firm(bystander, 'in-order')]]);
  readonly #principals = new Map<string, Principal>();
  readonly #desks = new Map<string, Desk>();
  readonly #accounts = new Map<string, Account>();
  readonly #devices = new Map<string, Device>();
  readonly #venues = new Map<string, Venue>(
    (
      [
        { mic: 'XETR', country: served },
        { mic: 'XPYO', country: 'KP' },
        { mic: 'XOLD', country: served, expiryDate: '2026-11-01' },
      ] as const
    ).map((venue) => [
      venue.mic,
      { ...venue, mic: coded<Mic>(venue.mic), country: coded<Country>(venue.country), operator: bystander },
    ]),
  );
  readonly #resources = new Map<string, Resource>([
    [
      interfaceUri,
      { uri: coded<Resource['uri']>(interfaceUri), institution: bystander, scopes: [], tokenFormat: 'jwt' },
    ],
  ]);

  /** @returns the LEI; a firm with the standing `unknown` is not added to the directory */
  firm(part: Parameters<typeof leiOf>[0], standing: Standing): Lei {
    const lei = leiOf(part, standing);
    if (standing !== 'unknown' && !this.#institutions.has(lei)) this.#institutions.set(lei, firm(lei, standing));
    return lei;
  }

  accountOf(lei: Lei): string {
    const id = `${lei}-1`;
    if (!this.#accounts.has(id))
      this.#accounts.set(id, { id: coded<Account['id']>(id), institution: lei, type: 'Client' });
    return id;
  }

  principal(is: Conditions): { readonly id: string; readonly institution: Lei } {
    const institution = this.firm('acting', is.firm);
    const name = [is.role, is.firm, is.desk, ...(is.kind === 'agent' ? [is.certificate.toLowerCase()] : [])].join('.');
    const id = coded<PrincipalId>(`${is.kind}:${name}`);
    if (is.inDirectory === 'no') return { id: `${is.kind}:nobody`, institution };
    if (!this.#principals.has(id)) this.#principals.set(id, this.#made(id, institution, is));
    return { id, institution };
  }

  #made(id: PrincipalId, institution: Lei, { kind, role, desk, certificate }: Conditions): Principal {
    const shared = { id, institution, desk: this.#desk(institution, desk), roles: role === 'none' ? [] : [role] };
    if (kind === 'person') return { ...shared, kind, credentials: [] };
    if (kind === 'service') return { ...shared, kind };
    const people = {
      certifiedBy: coded<PrincipalId>('person:certifier'),
      developedBy: coded<PrincipalId>('person:developer'),
    };
    return { ...shared, kind, model: { ...certified, ...people, status: certificate } };
  }

  #desk(institution: Lei, entitled: Conditions['desk']): string {
    const id = `${institution}/${entitled}`;
    if (entitled !== 'unknown' && !this.#desks.has(id))
      this.#desks.set(id, {
        id,
        institution,
        name: entitled,
        products: entitled === 'not-the-product' ? ['C'] : ['D', 'E', 'S', 'K'],
        venues: entitled === 'not-the-venue' ? ['XLON'] : Object.values(venues),
        jurisdictions: entitled === 'not-the-jurisdiction' ? ['US'] : ['DE'],
        hours: { timeZone: 'Europe/Berlin', opens: '08:00', closes: '18:00', days: [1, 2, 3, 4, 5] },
      });
    return entitled;
  }

  device(institution: Lei, condition: Conditions['device']): string | undefined {
    if (condition === 'none') return undefined;
    const id = `device:${institution.toLowerCase()}-${condition}`;
    if (condition !== 'not-theirs' && !this.#devices.has(id)) {
      const days = condition === 'not-checked-recently' ? -8 : condition === 'checked-in-the-future' ? 1 : -1;
      this.#devices.set(id, {
        id,
        institution,
        posture: condition === 'failing' ? 'failing' : 'compliant',
        postureAt: toInstant(openAt + days * 24 * hour),
      });
    }
    return id;
  }

  /** Always the same object, so that entities read from it are cached. */
  readonly snapshot: DirectorySnapshot = {
    version: 1,
    institution: (lei) => this.#institutions.get(lei),
    principal: (id) => this.#principals.get(id),
    knownPrincipal: (id) => this.#principals.get(id),
    federatedPerson: () => undefined,
    personalClaims: () => undefined,
    credential: () => undefined,
    recordOf: () => undefined,
    client: () => undefined,
    account: (id) => this.#accounts.get(id),
    venue: (mic) => this.#venues.get(mic),
    instrument: (id) => referenceData.get(id),
    rate: () => undefined,
    resource: (uri) => this.#resources.get(uri),
    desk: (id) => this.#desks.get(id),
    device: (id) => this.#devices.get(id),
    branch: () => undefined,
    contract: () => undefined,
    shortCode: () => undefined,
    institutions: () => this.#institutions.values(),
    principals: () => this.#principals.values(),
    accounts: () => this.#accounts.values(),
    venues: () => this.#venues.values(),
    resources: () => this.#resources.values(),
    devices: () => this.#devices.values(),
    clients: () => [],
    keyHolder: () => undefined,
  };
}

function firm(lei: Lei, standing: Standing): Institution {
  return { lei, name: lei, country: served, leiStatus: 'ISSUED', compliance: cleared, ...findings[standing] };
}
