import { namesOf } from '@countersign/kernel';

export const sourcesInWords = {
  bundle: 'The policies: approved by two people and signed',
  directory: 'The directory; changes that give power need two people',
  'reference-data': "Reference data, recorded by the operator's feeds; changes that loosen a rule need two people",
  compliance: 'Compliance only, recorded in the directory',
  certification: 'The certifier of the algorithm, recorded in the directory',
  intent: 'The initiator, in the intent fixed by its digest',
  registry: 'The transaction registry, from its own records',
  approvers: 'The approvers, each by a signature over exactly this intent',
  mandates: 'The grantor of the mandate, by a signature that the consent store checks',
  'sign-in': 'Our own sign-in, or the signature of the vouching partner',
  partner: 'The vouching partner, by its signature',
  token: 'The token request, or the record of its issue',
  devices: "The firm's device management",
  attestation: 'Our own attestation of the running software, by a registration entry that two people approved',
  signals: 'Our own registers of locks and risk signals',
  installation: 'The configuration or the clock of the installation',
  caller: 'Claimed by the caller: it can turn a permit into a deny, never a deny into a permit',
} as const;

export type FactSource = keyof typeof sourcesInWords;

/** The attributes and context members of the schema, by source and entity. A test compares them with the schema. */
const factsOf: Readonly<Record<FactSource, Readonly<Record<string, string>>>> = {
  bundle: {
    Region: 'countries',
    IntentClass: 'types',
    ScopeClass: 'scopes',
    StateClass: 'states',
    ProductClass: 'categories groups',
    InstrumentList: 'instruments',
  },
  directory: {
    Institution: 'country leiStatus dataRegions',
    Desk: 'products venues jurisdictions',
    Person: 'institution roles desk',
    Service: 'institution roles desk',
    Agent: 'institution roles desk',
    Device: 'institution holder',
    Account: 'institution',
    Venue: 'country expires',
    Resource: 'institution',
    Transaction: 'agreementKnown',
    context: 'deskOpen gates.leisActive gates.leiFailing gates.countries',
  },
  'reference-data': {
    Instrument: 'category group complex targetMarket',
    Transaction: 'notionalBase rate.rate rate.base rate.source rate.asOf differs',
  },
  compliance: {
    Institution: 'category suitableFor',
    Transaction:
      'allocation.categories allocation.categoriesKnown allocation.retailSuitedFor allocation.professionalSuitedFor',
    context:
      'gates.kycCurrent gates.kycFailing gates.amlRisk gates.amlWorst gates.sanctionsClear gates.sanctionsFailing gates.sanctionsOldest gates.sanctionsOldestOf gates.sanctionsPostdatedOf',
  },
  certification: {
    Agent:
      'model.modelId model.version model.artifactSha256 model.status model.certificateId model.configurationSha256',
  },
  intent: {
    Transaction:
      'intentType entityInstitution notional quantity currency instrument algorithmic account venue jurisdiction mandate parties',
    context: 'algo.modelId algo.version algo.artifactSha256 algo.certId',
  },
  registry: {
    Transaction:
      'state initiator initiatorInstitution destinationKnown tradeKnown permitted.acr permitted.authAgeSeconds',
    context: 'onlyCompletes',
  },
  approvers: {
    Transaction:
      'approvals.supervisor approvals.desk_head approvals.risk approvals.compliance approvals.operations ' +
      'approvals.certified.supervisor approvals.certified.desk_head approvals.certified.risk approvals.certified.compliance ' +
      'approvals.certified.operations',
  },
  mandates: {
    Mandate: 'version',
    context: 'mandateInForce',
  },
  'sign-in': {
    context: 'acr amr authAgeSeconds boundToIntent device',
  },
  partner: {
    context: 'partner.institution partner.claims',
  },
  token: {
    context: 'client institution audience scopes step.transaction step.events',
  },
  devices: {
    Device: 'posture postureAt',
  },
  attestation: {
    context: 'workload.configuration workload.environment workload.image workload.level',
  },
  signals: {
    context: 'signals',
  },
  installation: {
    context: 'development now region',
  },
  caller: {
    context: 'claimedDevice claimedSignals',
  },
};

export const factSources: Readonly<Record<string, FactSource>> = Object.fromEntries(
  namesOf(factsOf).flatMap((source) =>
    Object.entries(factsOf[source]).flatMap(([owner, names]) =>
      names.split(' ').map((name) => [`${owner}.${name}`, source] as const),
    ),
  ),
);
