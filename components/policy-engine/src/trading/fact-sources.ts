/**
 * The source of a fact that policies read.
 *
 * - `bundle`: approved with the policies by two people, and signed.
 * - `directory`: recorded in the directory; changes that give power need two people.
 * - `reference-data`: recorded in the directory by the operator's feeds; changes that loosen a rule need two people.
 * - `compliance`: recorded in the directory by compliance only.
 * - `certification`: recorded in the directory by the certifier of the algorithm, who did not develop it.
 * - `intent`: stated by the initiator, and fixed by the signed digest.
 * - `registry`: recorded by the transaction registry.
 * - `approvers`: signed by each approver over exactly this intent.
 * - `mandates`: signed by the grantor, checked by the consent store.
 * - `sign-in`: from our own sign-in, or signed by the vouching partner.
 * - `partner`: signed by the vouching partner.
 * - `token`: requested with the token, or read from the record of its issue.
 * - `devices`: reported by the firm's device management.
 * - `signals`: from our own registers of locks and risk signals.
 * - `installation`: from the configuration or the clock of the installation.
 * - `caller`: claimed by the caller; it can only turn a permit into a deny.
 */
export type FactSource =
  | 'bundle'
  | 'directory'
  | 'reference-data'
  | 'compliance'
  | 'certification'
  | 'intent'
  | 'registry'
  | 'approvers'
  | 'mandates'
  | 'sign-in'
  | 'partner'
  | 'token'
  | 'devices'
  | 'signals'
  | 'installation'
  | 'caller';

export const sourcesInWords: Readonly<Record<FactSource, string>> = {
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
  signals: 'Our own registers of locks and risk signals',
  installation: 'The configuration or the clock of the installation',
  caller: 'Claimed by the caller: it can turn a permit into a deny, never a deny into a permit',
};

/** The source of every attribute and context member of the schema. A test compares it with the schema. */
export const factSources: Readonly<Record<string, FactSource>> = {
  'Region.countries': 'bundle',
  'IntentClass.types': 'bundle',
  'ScopeClass.scopes': 'bundle',
  'StateClass.states': 'bundle',
  'ProductClass.categories': 'bundle',
  'ProductClass.groups': 'bundle',
  'InstrumentList.instruments': 'bundle',
  'Institution.country': 'directory',
  'Institution.leiStatus': 'directory',
  'Institution.category': 'compliance',
  'Institution.suitableFor': 'compliance',
  'Institution.dataRegions': 'directory',
  'Desk.products': 'directory',
  'Desk.venues': 'directory',
  'Desk.jurisdictions': 'directory',
  'Person.institution': 'directory',
  'Person.roles': 'directory',
  'Person.desk': 'directory',
  'Service.institution': 'directory',
  'Service.roles': 'directory',
  'Service.desk': 'directory',
  'Agent.institution': 'directory',
  'Agent.roles': 'directory',
  'Agent.desk': 'directory',
  'Agent.model.modelId': 'certification',
  'Agent.model.version': 'certification',
  'Agent.model.artifactSha256': 'certification',
  'Agent.model.status': 'certification',
  'Agent.model.certificateId': 'certification',
  'Device.institution': 'directory',
  'Device.holder': 'directory',
  'Device.posture': 'devices',
  'Device.postureAt': 'devices',
  'Account.institution': 'directory',
  'Venue.country': 'directory',
  'Venue.expires': 'directory',
  'Resource.institution': 'directory',
  'Instrument.category': 'reference-data',
  'Instrument.group': 'reference-data',
  'Instrument.complex': 'reference-data',
  'Instrument.targetMarket': 'reference-data',
  'Mandate.version': 'mandates',
  'Transaction.intentType': 'intent',
  'Transaction.state': 'registry',
  'Transaction.initiator': 'registry',
  'Transaction.initiatorInstitution': 'registry',
  'Transaction.entityInstitution': 'intent',
  'Transaction.notional': 'intent',
  'Transaction.quantity': 'intent',
  'Transaction.currency': 'intent',
  'Transaction.instrument': 'intent',
  'Transaction.algorithmic': 'intent',
  'Transaction.account': 'intent',
  'Transaction.venue': 'intent',
  'Transaction.jurisdiction': 'intent',
  'Transaction.notionalBase': 'reference-data',
  'Transaction.rate.rate': 'reference-data',
  'Transaction.rate.base': 'reference-data',
  'Transaction.rate.source': 'reference-data',
  'Transaction.rate.asOf': 'reference-data',
  'Transaction.differs': 'reference-data',
  'Transaction.allocation.categories': 'compliance',
  'Transaction.allocation.categoriesKnown': 'compliance',
  'Transaction.allocation.retailSuitedFor': 'compliance',
  'Transaction.allocation.professionalSuitedFor': 'compliance',
  'Transaction.mandate': 'intent',
  'Transaction.parties': 'intent',
  'Transaction.destinationKnown': 'registry',
  'Transaction.agreementKnown': 'directory',
  'Transaction.tradeKnown': 'registry',
  'Transaction.permitted.acr': 'registry',
  'Transaction.permitted.authAgeSeconds': 'registry',
  'Transaction.approvals.supervisor': 'approvers',
  'Transaction.approvals.desk_head': 'approvers',
  'Transaction.approvals.risk': 'approvers',
  'Transaction.approvals.compliance': 'approvers',
  'Transaction.approvals.operations': 'approvers',
  'context.client': 'token',
  'context.institution': 'token',
  'context.audience': 'token',
  'context.scopes': 'token',
  'context.mandateStands': 'mandates',
  'context.onlyCompletes': 'registry',
  'context.development': 'installation',
  'context.now': 'installation',
  'context.region': 'installation',
  'context.deskOpen': 'directory',
  'context.acr': 'sign-in',
  'context.authAgeSeconds': 'sign-in',
  'context.boundToIntent': 'sign-in',
  'context.step.transaction': 'token',
  'context.step.events': 'token',
  'context.algo.modelId': 'intent',
  'context.algo.version': 'intent',
  'context.algo.artifactSha256': 'intent',
  'context.algo.certId': 'intent',
  'context.partner.institution': 'partner',
  'context.partner.claims': 'partner',
  'context.device': 'sign-in',
  'context.claimedDevice': 'caller',
  'context.signals': 'signals',
  'context.claimedSignals': 'caller',
  'context.gates.kycStands': 'compliance',
  'context.gates.kycFailing': 'compliance',
  'context.gates.amlRisk': 'compliance',
  'context.gates.amlWorst': 'compliance',
  'context.gates.sanctionsClear': 'compliance',
  'context.gates.sanctionsFailing': 'compliance',
  'context.gates.sanctionsOldest': 'compliance',
  'context.gates.sanctionsOldestOf': 'compliance',
  'context.gates.sanctionsPostdatedOf': 'compliance',
  'context.gates.leisStand': 'directory',
  'context.gates.leiFailing': 'directory',
  'context.gates.countries': 'directory',
};
