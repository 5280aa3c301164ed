// Written by scripts/write-call-schemas.mjs from the types in calls.ts. Changes belong there.
import { any, anyOf, boolean, call, list, nothing, number, object, oneOf, record, ref, string, tuple } from './schema-notation.ts';
import type { CallSchemas, ValueSchema } from './value-schema.ts';

export type { CallSchema, ValueSchema } from './value-schema.ts';

/** What schemas of calls name by `$ref`. */
export const callDefinitions: Readonly<Record<string, ValueSchema>> = {
  AccessCheckAccessArguments: tuple([string, ref('GuardedRequest'), object({ scope: string })]),
  ActClaim: object({ 'act?': ref('ActClaim'), sub: string }), Actor: object({ id: string, 'institution?': string }),
  ApplicationDetail: {
    type: 'object', properties: { type: { type: 'string', pattern: '^https://[^]*$' } }, required: ['type'],
    additionalProperties: any,
  },
  ApprovalView: object({
    approvals: list(object({ approver: string, institution: string, role: string })),
    awaited: list(object({ count: number, 'independent?': oneOf(true), institution: string, role: string })),
    declined: list(object({ approver: string, at: string, institution: string, reason: string })),
    escalation: list(object({ from: string, inPlaceOf: string, institution: string, role: string })), initiator: string,
    initiatorInstitution: string, intentDigest: string, lines: list(object({ label: string, value: string })),
    notAfter: string, state: ref('TransactionState'), title: string, transaction: string,
    warnings: list(ref('DecisionReason')),
  }),
  ApproverRole: oneOf('compliance', 'desk-head', 'operations', 'risk', 'supervisor'),
  AskedStatement: object({ expiresAt: string, handle: string, options: any }),
  AssertionLimits: object({
    actors: list(string), 'authorizationDetails?': list(ref('AuthorizationDetail')), 'jkt?': string,
    resources: list(string), scope: list(string),
  }),
  Asset: anyOf(object({ ccy: string }), ref('Asset2'), object({ isin: string })), Asset2: object({ dti: string }),
  AtLeast: object({ 'entityVersion?': number, 'policyVersion?': number }),
  AuditLogLastUnderArguments: tuple([list(string)]),
  Authenticator: object({
    aaguid: string, acr: string, attested: boolean, backupEligible: boolean, credentialId: string, id: string,
    jwk: record(string), kid: string, 'lastUsedAt?': string, 'model?': string, name: string, person: string,
    recordId: string, registeredAt: string, 'suspendedAt?': string,
  }),
  AuthenticatorsDepartureEndAnswer: object({ ended: number }),
  AuthenticatorsDepartureEndArguments: tuple([object({
    at: string, by: ref('Actor'), kind: oneOf('leave', 'move'), principal: string, reason: string,
  })]),
  AuthorityProposalsEndProposalsOfArguments: tuple([
    string, object({ before: number, by: ref('Actor'), reason: string }),
  ]),
  AuthorizationDetail: anyOf(
    ref('AuthorizationDetail2'), ref('AuthorizationDetail3'), ref('AuthorizationDetail4'), ref('AuthorizationDetail5'),
    ref('AuthorizationDetail6'), ref('AuthorizationDetail7'), ref('AuthorizationDetail8'), ref('AuthorizationDetail9'),
    ref('AuthorizationDetail10'), ref('AuthorizationDetail11'),
  ),
  AuthorizationDetail10: object({
    actions: list(oneOf('approve', 'giveup', 'propose')), entity_lei: string, 'giveup_to_lei?': string,
    idempotency_key: string, jurisdiction: string, lines: list(object({ account: string, qty: string })),
    locations: list(string), mandate_id: string, not_after: string, trade_ids: list(string),
    type: oneOf('urn:countersign:rar:v1:allocation'),
  }),
  AuthorizationDetail11: object({
    actions: list(oneOf('approve', 'release', 'request')), address_id: string, amount: string, asset: ref('Asset2'),
    'calldata_hash?': string, chain_id: string, entity_lei: string, idempotency_key: string, jurisdiction: string,
    locations: list(string), mandate_id: string, max_fee: string, network: string, not_after: string,
    type: oneOf('urn:countersign:rar:v1:withdrawal'),
  }),
  AuthorizationDetail2: object({
    account: string, actions: list(ref('TradeOrderAction')), 'algo?': ref('AuthorizationDetailAlgo'),
    capacity: oneOf('AOTC', 'DEAL', 'MTCH'), client_order_id: string, entity_lei: string, idempotency_key: string,
    instrument: ref('AuthorizationDetailInstrument'), jurisdiction: string, 'limit_price?': ref('Money'),
    locations: list(string), mandate_id: string, max_notional: ref('Money'), max_qty: string, not_after: string,
    parties: ref('AuthorizationDetailParties'), side: oneOf('BUY', 'SELL'),
    tif: oneOf('ATC', 'DAY', 'FOK', 'GTC', 'GTD', 'IOC', 'OPG'), type: oneOf('urn:countersign:rar:v1:trade_order'),
    venue_mic: string,
  }),
  AuthorizationDetail3: object({
    account: string, actions: list(oneOf('accept', 'cancel', 'create', 'respond')),
    'algo?': ref('AuthorizationDetailAlgo'), capacity: oneOf('AOTC', 'DEAL', 'MTCH'), client_order_id: string,
    counterparties_lei: list(string), entity_lei: string, idempotency_key: string,
    instrument: ref('AuthorizationDetailInstrument'), jurisdiction: string, 'limit_price?': ref('Money'),
    locations: list(string), mandate_id: string, max_notional: ref('Money'), max_qty: string, not_after: string,
    parties: ref('AuthorizationDetailParties'), 'quote_expiry?': string, 'quote_id?': string,
    side: oneOf('BUY', 'SELL'), tif: oneOf('ATC', 'DAY', 'FOK', 'GTC', 'GTD', 'IOC', 'OPG'),
    type: oneOf('urn:countersign:rar:v1:rfq'), venue_mic: string,
  }),
  AuthorizationDetail4: object({
    'account?': string, actions: list(oneOf('approve', 'propose', 'revoke')), 'address?': string,
    'asset?': ref('Asset2'), beneficiary_lei: string, 'chain_id?': string, cooling_off_until: string,
    entity_lei: string, idempotency_key: string, jurisdiction: string, locations: list(string), mandate_id: string,
    'memo?': string, not_after: string, 'place_of_settlement?': string,
    type: oneOf('urn:countersign:rar:v1:address_book_change'),
  }),
  AuthorizationDetail5: object({
    action: oneOf('CORR', 'EROR', 'MARU', 'MODI', 'NEWT', 'POSC', 'PRTO', 'REVI', 'TERM', 'VALU'),
    actions: list(oneOf('correct', 'submit')), entity_lei: string, idempotency_key: string, jurisdiction: string,
    locations: list(string), mandate_id: string, not_after: string, regime: string, tr_lei: string,
    type: oneOf('urn:countersign:rar:v1:regulatory_report'), uti: string,
  }),
  AuthorizationDetail6: object({
    actions: list(oneOf('affirm', 'cancel', 'instruct', 'release')), amount: string, 'ccy?': string,
    deliverer: ref('AuthorizationDetailDeliverer'), 'dti?': string, dvp: boolean, entity_lei: string,
    idempotency_key: string, jurisdiction: string, locations: list(string), mandate_id: string, not_after: string,
    place_of_settlement: string, receiver: ref('AuthorizationDetailDeliverer'), sequence: number, ssi_version: string,
    trade_id: string, type: oneOf('urn:countersign:rar:v1:settlement_instruction'), uti: string, value_date: string,
  }),
  AuthorizationDetail7: object({
    actions: list(oneOf('affirm', 'cancel', 'submit')), ccp_lei: string, clearing_firm_lei: string,
    client_account_type: oneOf('AggregateClient', 'Client', 'House'), entity_lei: string, idempotency_key: string,
    jurisdiction: string, locations: list(string), mandate_id: string, not_after: string, trade_id: string,
    type: oneOf('urn:countersign:rar:v1:clearing_submission'), uti: string,
  }),
  AuthorizationDetail8: object({
    actions: list(oneOf('approve', 'call', 'pledge', 'recall', 'substitute', 'transfer')), agreement_id: string,
    asset: ref('Asset'), 'call_id?': string, direction: oneOf('DELIVER', 'RETURN'), entity_lei: string,
    idempotency_key: string, jurisdiction: string, locations: list(string), mandate_id: string, not_after: string,
    qty: string, type: oneOf('urn:countersign:rar:v1:collateral_transfer'), valuation_ref: string,
  }),
  AuthorizationDetail9: object({
    actions: list(oneOf('approve', 'execute', 'request')), 'after_hash?': string, 'before_hash?': string,
    entity_lei: string, idempotency_key: string, jurisdiction: string, locations: list(string), mandate_id: string,
    not_after: string, operation: string, target: string, ticket: string,
    type: oneOf('urn:countersign:rar:v1:privileged_admin'),
  }),
  AuthorizationDetailAlgo: object({ artifact_sha256: string, 'cert_id?': string, model_id: string, version: string }),
  AuthorizationDetailDeliverer: object({ 'account?': string, 'address?': string, lei: string }),
  AuthorizationDetailInstrument: object({ cfi: string, 'dti?': string, 'isin?': string, 'upi?': string }),
  AuthorizationDetailParties: list(object({ lei: string, role: ref('PartyRole') })),
  Caller: object({
    'acr?': string, actors: list(string), 'authTime?': number, authorizationDetails: list(ref('TokenDetail')),
    client: string, institution: string, 'intentDigest?': string, 'mandate?': ref('CallerMandate'), scope: list(string),
    subject: string, tokenId: string, 'transaction?': string,
  }),
  CallerMandate: object({ id: string, version: number }),
  Commitment: object({ ciphertext: string, commitment: string, key: string, kind: oneOf('personal', 'strategy') }),
  ComplianceFinding: object({ 'compliance?': any, institution: string }),
  DecidedRequest: object({ askedAt: number, id: string }),
  Decision: object({
    decision: boolean, determining: list(string), entityVersion: number,
    errors: list(object({ message: string, policyId: string })), id: string, inputDigest: string, inputText: string,
    obligations: list(ref('Obligation')), policyHash: string, policyRecord: string, policyVersion: number,
    reasons: list(ref('DecisionReason')), 'timeStamp?': oneOf(true), 'tokenLifetimeSeconds?': number,
  }),
  DecisionInput: object({
    action: string, 'atLeast?': ref('AtLeast'),
    context: object({
      'acr?': string, 'actors?': list(string),
      'algo?': object({ artifactSha256: string, modelId: string, version: string }), 'amr?': list(string), at: number,
      audience: string, 'authTime?': number, 'boundToIntent?': boolean, 'claimedClient?': string,
      'claimedDevice?': string, 'claimedSignals?': list(string), client: string, 'device?': string, institution: string,
      mandateInForce: boolean, 'partner?': object({ claims: list(string), institution: string }), scopes: list(string),
      'step?': object({ events: list(string), 'onlyCompletes?': boolean, transaction: string }),
      'workload?': object({ 'configuration?': string, environment: string, image: string, level: string }),
    }),
    principal: string,
    resource: anyOf(
      object({ facts: ref('TransactionFacts'), type: oneOf('transaction') }),
      object({ type: oneOf('resource'), uri: string }),
    ),
  }),
  DecisionReason: object({ code: string, detail: string }),
  DeclaredDetailType: object({ audience: string, 'rendering?': ref('DetailRendering'), schema: any, type: string }),
  DeclaringModel: object({ 'authorizationDetails?': list(ref('DeclaredDetailType')), namespace: string }),
  DetailRendering: object({
    lines: list(object({ label: string, pointer: string, 'words?': record(string) })), title: string,
  }),
  DirectoryChange: object({
    'after?': record(any), 'before?': record(any), change: oneOf('add', 'change', 'remove'), 'fields?': list(string),
    id: string,
    kind: oneOf(
      'account', 'agent', 'branch', 'client', 'contract', 'desk', 'device', 'institution', 'instrument', 'partner',
      'person', 'rate', 'resource', 'service', 'short-code', 'venue',
    ),
  }),
  DirectoryEdit: object({
    'put?': object({
      'clients?': list(any), 'desks?': list(any), 'findings?': list(ref('ComplianceFinding')),
      'instruments?': list(any), 'people?': list(any), 'rates?': list(any),
    }),
    'remove?': list(object({ id: string, kind: oneOf('agent', 'client', 'desk', 'person', 'service') })),
  }),
  DirectoryPage: object({
    changed: list(ref('StreamedEntity')),
    keyTimes: list(object({ client: string, registeredAt: number, thumbprint: string })), 'next?': string,
    records: list(object({ person: string, record: string })), removed: list(object({ id: string, kind: string })),
    version: number, whole: boolean,
  }),
  EarlierUse: object({ 'notional?': ref('Money'), 'quantity?': string, secondsAgo: number }),
  EvidenceQuery: object({
    'after?': { wire: 'bigint' }, 'agent?': string, 'client?': string, 'decision?': string, 'from?': number,
    'institution?': string, 'limit?': number, 'mandate?': string, 'partner?': string, 'person?': string,
    'transaction?': string, 'types?': list(ref('RecordType')), 'until?': number,
  }),
  EvidenceRecord: object({
    'actors?': list(ref('Actor')), 'address?': string, 'audience?': list(string),
    'authentication?': ref('EvidenceRecordAuthentication'), 'certificate?': ref('EvidenceRecordCertificate'),
    'client?': string, 'clock?': string, 'data?': any, 'device?': string, id: string, 'intent?': string,
    'mandate?': ref('CallerMandate'), 'number?': number, outcome: oneOf('deny', 'done', 'permit'), 'partner?': string,
    'payload?': string, 'policy?': ref('EvidenceRecordPolicy'), 'protected?': record(ref('Commitment')),
    'reason?': string, 'references?': list(string), 'scope?': list(string), source: string,
    'standing?': list(ref('Standing')), 'stream?': string, 'subject?': ref('Actor'), time: string,
    'transaction?': string, type: ref('RecordType'), v: oneOf(1, 2), 'zone?': string,
  }),
  EvidenceRecordAuthentication: object({
    'acr?': string, 'amr?': list(string), 'authTime?': number, 'issuer?': string, 'method?': string,
  }),
  EvidenceRecordCertificate: object({ serial: string, thumbprint: string }),
  EvidenceRecordPolicy: object({ hash: string, version: number }),
  ExpectedEntity: object({
    digest: { type: ['null', 'string'] }, id: string, kind: oneOf('client', 'desk', 'person'),
  }),
  FederatedIdentity: object({
    acr: string, amr: list(string), assertionId: string, authTime: number, claims: list(string), expiresAt: number,
    institution: string, issuer: string, 'limits?': ref('AssertionLimits'), principal: string,
    provenance: object({
      assertionDigest: string, kid: string, profile: string, profileRecord: string, profileVersion: number,
      thumbprint: string,
    }),
    subject: string,
  }),
  FromRecordPages: anyOf(
    object({ detail: string, say: oneOf('failed') }),
    object({ page: object({ bytes: { wire: 'bytes' }, ends: list(number), records: number }), say: oneOf('page') }),
    object({ say: oneOf('end') }),
  ),
  Grant: object({
    acr: string, amr: list(string), 'applicationDetails?': list(ref('ApplicationDetail')), authTime: number,
    'boundTo?': list(string), client: string, 'decision?': string, details: list(ref('AuthorizationDetail')),
    expiresAt: string, givenAt: string, id: string, institution: string, recordId: string, resources: list(string),
    scopes: ref('GrantScopes'), 'session?': string, status: oneOf('active', 'revoked'), subject: string,
    version: number,
  }),
  GrantProposal: object({
    acr: string, amr: list(string), 'applicationDetails?': list(ref('ApplicationDetail')), authTime: number,
    'boundTo?': list(string), client: string, details: list(ref('AuthorizationDetail')), expiresAt: string,
    institution: string, resources: list(string), scopes: ref('GrantScopes'), 'session?': string, subject: string,
  }),
  GrantScopes: list(oneOf(
    'account:lock', 'account:unlock', 'allocation:approve', 'allocation:giveup', 'allocation:propose',
    'application:write', 'audit:disclose', 'audit:export', 'audit:read', 'authenticator:invite', 'authenticator:read',
    'authenticator:revoke', 'authority:approve', 'authority:propose', 'breakglass:read', 'certificate:issue',
    'certificate:read', 'certificate:revoke', 'client:register', 'collateral:approve', 'collateral:transfer',
    'compliance:record', 'decision:evaluate', 'device:enrol', 'device:read', 'device:report', 'directory:apply',
    'directory:approve', 'directory:read', 'email', 'erasure:approve', 'erasure:propose', 'event:read',
    'event:subscribe', 'exception:read', 'exception:resolve', 'grant_management_query', 'grant_management_revoke',
    'halt:approve', 'halt:read', 'halt:release', 'halt:trip', 'identity:provision', 'identity:read', 'key:revoke',
    'key:rotate', 'legalhold:place', 'legalhold:release', 'mandate:grant', 'mandate:read', 'mandate:revoke',
    'margin:pledge', 'margin:recall', 'offline_access', 'openid', 'order:approve', 'order:cancel', 'order:create',
    'order:read', 'partner:register', 'policy:approve', 'policy:propose', 'policy:read', 'policy:rollback', 'profile',
    'recovery:open', 'recovery:read', 'reference:record', 'report:correct', 'report:read', 'report:submit',
    'retention:approve', 'retention:propose', 'retention:read', 'revocation:lift', 'revocation:read', 'rfq:accept',
    'rfq:create', 'rfq:respond', 'secret:approve', 'secret:propose', 'secret:read', 'secret:revoke', 'secret:use',
    'session:end', 'session:read', 'settlement:affirm', 'settlement:cancel', 'settlement:instruct', 'settlement:read',
    'settlement:release', 'signal:subscribe', 'token:revoke', 'trade:affirm', 'trade:bust', 'trade:read',
    'withdrawal-address:approve', 'withdrawal-address:propose', 'withdrawal-address:revoke', 'withdrawal:approve',
    'withdrawal:release', 'withdrawal:request', 'workload:approve', 'workload:attest', 'workload:propose',
    'workload:read', 'workload:suspend',
  )),
  GrantedStep: object({
    actions: list(string), locations: list(string), mandate: ref('CallerMandate'), transaction: string,
    type: oneOf('urn:countersign:rar:v1:transaction_step'),
  }),
  GrantsOf: anyOf(object({ client: string }), object({ institution: string }), object({ subject: string })),
  GuardedRequest: object({
    'address?': string, authorization: list(string),
    'certificate?': object({ 'chainVerified?': boolean, der: { wire: 'bytes' } }), dpop: list(string), method: string,
    url: string, 'zone?': string,
  }),
  KeyPlace: object({ driver: oneOf('pkcs11', 'software'), 'id?': string, 'label?': string, 'token?': string }),
  KeyPurpose: oneOf(
    'access-token', 'certificate-device', 'certificate-partner', 'certificate-person', 'certificate-service',
    'certificate-status', 'certificate-workload', 'envelope', 'event', 'id-token', 'id-token-ps256', 'id-token-rs256',
    'log-checkpoint', 'mandate', 'policy-bundle', 'security-event', 'time-stamp', 'transaction-token', 'workload-token',
  ),
  LastingCaller: object({ caller: ref('Caller'), token: ref('LastingToken') }),
  LastingToken: object({
    'act?': ref('ActClaim'), 'ancestors?': list(string), client_id: string, exp: number, 'grant?': string, iat: number,
    jti: string, lei: string, 'mandate?': ref('CallerMandate'), 'scope?': string, sub: string,
  }),
  ListedKey: object({
    activeFrom: number, algorithm: oneOf('ES256', 'EdDSA', 'PS256', 'RS256'), jwk: record(string), kid: string,
    place: ref('KeyPlace'), publishedAt: number, purpose: ref('KeyPurpose'),
    state: oneOf('active', 'published', 'retiring'),
  }),
  LogEntry: object({ index: { wire: 'bigint' }, record: ref('EvidenceRecord') }),
  Mandate: object({
    'amendment?': ref('MandateAmendment'), consents: list(ref('MandateConsent')),
    constraints: ref('MandateConstraints'), digest: string, effectiveFrom: string, effectiveUntil: string,
    grantee: ref('MandateParty'), grantor: ref('MandateParty'), 'heldFrom?': number, id: string,
    kind: ref('MandateKind'), legalBasis: ref('MandateLegalBasis'), 'parent?': ref('MandateParent'),
    'previousDigest?': string, recordId: string, recordedAt: string,
    'signature?': object({ algorithm: oneOf('ES256', 'EdDSA', 'PS256', 'RS256'), kid: string, value: string }),
    status: ref('MandateStatus'), termsHash: string, 'thirdParty?': ref('MandateParty'), version: number,
  }),
  MandateAmendment: object({
    consents: list(ref('MandateConsent')), kind: oneOf('amendment', 'counterparty-change'), proposedAt: string,
    recordId: string, terms: ref('MandateTerms'), termsDigest: string,
  }),
  MandateAnswer: anyOf(
    object({
      'atFault?': ref('Mandate'), detail: string, 'mandate?': ref('Mandate'),
      reason: oneOf(
        'mandate_account', 'mandate_action', 'mandate_approvals', 'mandate_asset', 'mandate_counterparty',
        'mandate_currency', 'mandate_destination', 'mandate_expired', 'mandate_grantee', 'mandate_hours',
        'mandate_jurisdiction', 'mandate_limit', 'mandate_not_accepted', 'mandate_not_effective', 'mandate_not_found',
        'mandate_notional', 'mandate_parent_not_active', 'mandate_product', 'mandate_quantity', 'mandate_revoked',
        'mandate_suspended', 'mandate_venue',
      ),
      valid: oneOf(false),
    }),
    object({ chain: list(ref('Mandate')), mandate: ref('Mandate'), valid: oneOf(true) }),
  ),
  MandateConsent: object({
    at: string, authority: oneOf('joint', 'sole'), lei: string, part: oneOf('grantee', 'grantor', 'thirdParty'),
    recordId: string, signatory: string, termsDigest: string,
  }),
  MandateConstraints: object({
    'accounts?': list(string), actions: list(ref('Scope')), 'approvals?': ref('MandateConstraintsApprovals'),
    'assets?': list(object({ asset: ref('Asset'), 'perDay?': string, perOrder: string })),
    'counterparties?': list(string), delegationDepth: number, 'destinations?': list(string),
    'hours?': object({ days: list(number), from: string, timeZone: string, until: string }),
    jurisdictions: list(string),
    'limits?': list(object({
      'ccy?': string, max: string, measure: oneOf('notional', 'quantity'), windowSeconds: number,
    })),
    notionalPerDay: ref('Money'), notionalPerOrder: ref('Money'), productClasses: list(string),
    'quantityPerOrder?': string, venues: list(string),
  }),
  MandateConstraintsApprovals: list(object({ count: number, role: ref('ApproverRole') })),
  MandateKind: oneOf('instruction', 'mandate', 'onboarding-agreement', 'standing-authority', 'tri-party-rule'),
  MandateLegalBasis: object({ reference: string, type: string }),
  MandateListing: object({
    'after?': string, 'endingBefore?': number, institution: string, 'kind?': ref('MandateKind'), 'limit?': number,
    'status?': ref('MandateStatus'),
  }),
  MandateParent: object({ 'digest?': string, id: string, version: number }),
  MandateParty: object({ lei: string, role: string }),
  MandateQuestion: object({
    actingFor: string, at: number, 'atLeastVersion?': number, mandate: string, use: ref('MandateUse'),
  }),
  MandateStatus: oneOf('active', 'expired', 'proposed', 'revoked', 'suspended'),
  MandateTerms: object({
    constraints: ref('MandateConstraints'), effectiveFrom: string, effectiveUntil: string, grantee: ref('MandateParty'),
    grantor: ref('MandateParty'), kind: ref('MandateKind'), legalBasis: ref('MandateLegalBasis'),
    'parent?': ref('MandateParent'), termsHash: string, 'thirdParty?': ref('MandateParty'),
  }),
  MandateUse: object({
    'accounts?': list(string), action: string, 'approvals?': ref('MandateConstraintsApprovals'), 'asset?': ref('Asset'),
    'assetQuantity?': string, 'assetToday?': string, at: number, 'cfi?': string, 'counterparties?': list(string),
    'destination?': string, 'earlier?': list(ref('EarlierUse')), 'jurisdiction?': string, 'notional?': ref('Money'),
    'notionalToday?': ref('Money'), 'quantity?': string, 'venue?': string,
  }),
  Money: object({ amount: string, ccy: string }),
  NoticeKind: oneOf(
    'account-locked', 'account-unlocked', 'authenticator-added', 'authenticator-removed', 'authenticator-suspected',
    'break-glass-declared', 'break-glass-review-due', 'break-glass-review-overdue', 'client-key-ending',
    'impossible-travel', 'lease-irrevocable', 'recovery-completed', 'recovery-decided', 'recovery-opened',
    'signed-in-on-new-device', 'signing-key-ageing',
  ),
  Obligation: anyOf(
    object({ acr: string, kind: oneOf('step-up'), 'maxAgeSeconds?': number }),
    object({
      count: number, escalation: list(object({ afterSeconds: number, role: string })), kind: oneOf('approval'),
      role: string,
    }),
  ),
  OpenedTransaction: object({
    facts: ref('TransactionFacts'), id: string, intentDigest: string, recordId: string, state: ref('TransactionState'),
  }),
  OutboundGetJsonArguments: anyOf(object({ 'maxBytes?': number, 'timeoutMs?': number }), nothing),
  PartnerSignIn: object({ classes: record(string), clientId: string }),
  PartyRole: oneOf(
    'AllocationAgent', 'ArrangingBroker', 'Beneficiary', 'ClearingClient', 'ClearingFirm', 'ClearingOrganization',
    'Client', 'ClientDecisionMaker', 'ConfirmationPlatform', 'Custodian', 'ExecutingBroker', 'ExecutionFacility',
    'OrderTransmitter', 'PrimeBroker', 'ReportingParty', 'SettlementAgent', 'TradeRepository',
  ),
  PermittedIntent: object({
    'acr?': string, at: number, 'authTime?': number, 'device?': string, reached: list(string), record: string,
  }),
  ProtectedValue: anyOf(
    object({ kind: oneOf('personal', 'strategy'), path: string, subject: string, text: string }),
    object({ kind: oneOf('personal', 'strategy'), path: string, subject: string, value: any }),
  ),
  RawLogEntry: object({ index: { wire: 'bigint' }, text: string }),
  RecordDraft: object({
    'actors?': list(ref('Actor')), 'address?': string, 'audience?': list(string),
    'authentication?': ref('EvidenceRecordAuthentication'), 'certificate?': ref('EvidenceRecordCertificate'),
    'client?': string, 'data?': any, 'device?': string, id: string, 'intent?': string, 'mandate?': ref('CallerMandate'),
    outcome: oneOf('deny', 'done', 'permit'), 'partner?': string, 'payload?': string,
    'policy?': ref('EvidenceRecordPolicy'), 'protectedValues?': list(ref('ProtectedValue')), 'reason?': string,
    'references?': list(string), 'scope?': list(string), source: string, 'standing?': list(ref('Standing')),
    'subject?': ref('Actor'), 'transaction?': string, type: ref('RecordType'), 'zone?': string,
  }),
  RecordQuery: object({
    'after?': { wire: 'bigint' }, 'limit?': number, 'transaction?': string, 'type?': ref('RecordType'),
    'types?': list(ref('RecordType')), 'withheld?': oneOf(true),
  }),
  RecordReceipt: object({ id: string, index: { wire: 'bigint' }, time: string }),
  RecordStreamQuery: object({
    'from?': number, types: list(ref('RecordType')), 'until?': number, values: list(string),
  }),
  RecordType: oneOf(
    'access.refused', 'account.locked', 'account.unlocked', 'application.entity_refused', 'application.entity_removed',
    'application.entity_written', 'approval.declined', 'approval.given', 'approval.refused', 'approval.withdrawn',
    'authenticator.invitation-ended', 'authenticator.invited', 'authenticator.refused', 'authenticator.registered',
    'authenticator.removed', 'authenticator.renamed', 'authenticator.suspected', 'authorization.granted',
    'authorization.pushed', 'authorization.refused', 'backchannel.refused', 'backchannel.requested',
    'certificate.denied', 'certificate.issued', 'certificate.list-signed', 'certificate.refused', 'certificate.revoked',
    'certificate.unaccounted', 'client.dpop-key-changed', 'client.key-aging', 'client.refused', 'client.registered',
    'clock.alarm', 'clock.measured', 'consent.denied', 'consent.given', 'decision.made', 'decision.searched',
    'device.enrolled', 'device.enrolment-opened', 'device.posture-changed', 'device.refused', 'device.removed',
    'device.report-refused', 'directory.applied', 'directory.change-approved', 'directory.change-proposed',
    'directory.change-rejected', 'directory.committed', 'directory.departure', 'directory.departure-completed',
    'enrolment.ended', 'enrolment.key-changed', 'enrolment.made', 'enrolment.refused', 'enrolment.used',
    'envelope.issued', 'erasure.approved', 'erasure.completed', 'erasure.proposed', 'erasure.rejected',
    'event.delivery-suspended', 'event.subscribed', 'event.unsubscribed', 'evidence.exported', 'evidence.read',
    'exception.overdue', 'exception.raised', 'exception.refused', 'exception.resolved', 'grant.changed',
    'grant.revoked', 'halt.release-proposed', 'halt.release-rejected', 'halt.released', 'halt.tripped', 'hold.placed',
    'hold.released', 'identity.accepted', 'identity.refused', 'incident.declared', 'incident.ended', 'incident.granted',
    'incident.lapsed', 'incident.overdue', 'incident.refused', 'incident.reviewed', 'key.published', 'key.withdrawn',
    'lease.cleared', 'lease.denied', 'lease.ended', 'lease.irrevocable', 'lease.issued', 'lease.released',
    'lease.renewed', 'lease.swept', 'limit.released', 'log.key-rotated', 'log.opened', 'log.pruned',
    'log.publication-resumed', 'log.publication-stopped', 'log.witness-alarm', 'mandate.accepted', 'mandate.amended',
    'mandate.amendment-proposed', 'mandate.amendment-withdrawn', 'mandate.consented', 'mandate.copy-compared',
    'mandate.expired', 'mandate.expiring', 'mandate.proposed', 'mandate.refused', 'mandate.resumed', 'mandate.revoked',
    'mandate.suspended', 'notice.failed', 'notice.sent', 'partner.key-bound', 'partner.key-refused',
    'partner.profile-registered', 'pki.approved', 'pki.proposed', 'pki.rejected', 'policy.diverged', 'policy.proposed',
    'policy.published', 'policy.refused', 'policy.rejected', 'policy.simulated', 'provisioning-token.ended',
    'provisioning-token.issued', 'recovery.approved', 'recovery.cancelled', 'recovery.completed',
    'recovery.credentials-ended', 'recovery.expired', 'recovery.invited', 'recovery.opened', 'recovery.refused',
    'retention.changed', 'retention.proposed', 'retention.pruning-approved', 'retention.rejected', 'revocation.lifted',
    'risk.cleared', 'risk.raised', 'row.rejected', 'secret.released', 'secrets.approved', 'secrets.proposed',
    'secrets.rejected', 'session.ended', 'session.logout-notified', 'session.refused', 'session.started',
    'session.step-up-refused', 'session.stepped-up', 'signal.delivery-suspended', 'signal.stream-changed',
    'source.alarm', 'source.beat', 'source.closed', 'source.opened', 'timestamp.issued', 'timestamp.obtained',
    'timestamp.refused', 'token.exchanged', 'token.introspected', 'token.issued', 'token.refused', 'token.revoked',
    'transaction.opened', 'transaction.refused', 'transaction.transitioned', 'venue.order-signed', 'venue.refused',
    'venue.request-signed', 'workload.approved', 'workload.attested', 'workload.proposed', 'workload.refused',
    'workload.rejected', 'workload.suspended', 'workload.token-issued',
  ),
  RevocationTarget: anyOf(
    object({ id: string, kind: oneOf('client') }), object({ id: string, kind: oneOf('grant') }),
    object({ id: string, kind: oneOf('mandate') }), object({ id: string, kind: oneOf('partner') }),
    object({ id: string, kind: oneOf('principal') }), object({ id: string, kind: oneOf('token') }),
  ),
  ScanQuery: object({
    'after?': { wire: 'bigint' }, 'from?': number, limit: number, types: list(ref('RecordType')), 'until?': number,
  }),
  Scope: oneOf(
    'account:lock', 'account:unlock', 'allocation:approve', 'allocation:giveup', 'allocation:propose',
    'application:write', 'audit:disclose', 'audit:export', 'audit:read', 'authenticator:invite', 'authenticator:read',
    'authenticator:revoke', 'authority:approve', 'authority:propose', 'breakglass:read', 'certificate:issue',
    'certificate:read', 'certificate:revoke', 'client:register', 'collateral:approve', 'collateral:transfer',
    'compliance:record', 'decision:evaluate', 'device:enrol', 'device:read', 'device:report', 'directory:apply',
    'directory:approve', 'directory:read', 'erasure:approve', 'erasure:propose', 'event:read', 'event:subscribe',
    'exception:read', 'exception:resolve', 'halt:approve', 'halt:read', 'halt:release', 'halt:trip',
    'identity:provision', 'identity:read', 'key:revoke', 'key:rotate', 'legalhold:place', 'legalhold:release',
    'mandate:grant', 'mandate:read', 'mandate:revoke', 'margin:pledge', 'margin:recall', 'order:approve',
    'order:cancel', 'order:create', 'order:read', 'partner:register', 'policy:approve', 'policy:propose', 'policy:read',
    'policy:rollback', 'recovery:open', 'recovery:read', 'reference:record', 'report:correct', 'report:read',
    'report:submit', 'retention:approve', 'retention:propose', 'retention:read', 'revocation:lift', 'revocation:read',
    'rfq:accept', 'rfq:create', 'rfq:respond', 'secret:approve', 'secret:propose', 'secret:read', 'secret:revoke',
    'secret:use', 'session:end', 'session:read', 'settlement:affirm', 'settlement:cancel', 'settlement:instruct',
    'settlement:read', 'settlement:release', 'signal:subscribe', 'token:revoke', 'trade:affirm', 'trade:bust',
    'trade:read', 'withdrawal-address:approve', 'withdrawal-address:propose', 'withdrawal-address:revoke',
    'withdrawal:approve', 'withdrawal:release', 'withdrawal:request', 'workload:approve', 'workload:attest',
    'workload:propose', 'workload:read', 'workload:suspend',
  ),
  SignIn: object({
    acr: string, amr: list(string), authTime: number, 'authenticator?': string, 'boundTo?': list(string),
    'device?': string, 'issuer?': string, person: string, session: string, tier: ref('Tier'),
  }),
  SignInNeed: object({
    acrValues: list(string), 'intents?': list(string), 'loginHint?': string, 'notBefore?': number, 'reason?': string,
    'tier?': ref('Tier'),
  }),
  SignedStatement: object({
    authenticator: ref('Authenticator'), claims: ref('StatementClaims'), signature: ref('WebAuthnSignature'),
  }),
  Standing: object({ 'digest?': string, of: string }),
  StandingEntry: object({ 'digest?': string, index: { wire: 'bigint' }, of: string, record: string }),
  StandingRecord: object({ 'digest?': string, index: { wire: 'bigint' }, record: string }),
  StatementClaims: {
    type: 'object', properties: { exp: number, iat: number, iss: string, jti: string, typ: string },
    required: ['exp', 'iat', 'iss', 'jti', 'typ'], additionalProperties: any,
  },
  StreamedEntity: object({ document: any, id: string, kind: string, 'record?': string }),
  StreamedPosture: object({
    device: string, failed: list(string), institution: string, posture: oneOf('compliant', 'failing'),
    postureAt: string, sealed: boolean, source: string,
  }),
  Tier: oneOf('administration', 'approval', 'market-data', 'order-entry', 'research'),
  TokenDetail: anyOf(
    ref('ApplicationDetail'), ref('GrantedStep'), ref('AuthorizationDetail2'), ref('AuthorizationDetail3'),
    ref('AuthorizationDetail4'), ref('AuthorizationDetail5'), ref('AuthorizationDetail6'), ref('AuthorizationDetail7'),
    ref('AuthorizationDetail8'), ref('AuthorizationDetail9'), ref('AuthorizationDetail10'),
    ref('AuthorizationDetail11'),
  ),
  TradeOrderAction: oneOf('amend', 'cancel', 'clear', 'create', 'execute', 'settle'),
  TransactionEvent: oneOf(
    'accept', 'acknowledge', 'activate', 'affirm', 'apply', 'approve', 'cancel', 'clear', 'confirm', 'correct',
    'decline', 'execute', 'expire', 'fail', 'give-up', 'instruct', 'pledge', 'propose', 'quote', 'recall', 'reject',
    'release', 'request', 'revoke', 'settle', 'submit', 'transfer',
  ),
  TransactionFacts: object({
    'agreementKnown?': boolean,
    approvals: list(object({
      approver: string, institution: string, 'method?': oneOf('authenticator', 'certificate', 'directory-key'),
      role: string,
    })),
    'carriedBy?': string, 'completingScopes?': list(string), 'destinationKnown?': boolean, id: string,
    initiator: string, initiatorInstitution: string, intent: record(any), intentDigest: string, intentType: string,
    mandate: ref('CallerMandate'), 'permitted?': ref('PermittedIntent'), 'receivers?': list(string), state: string,
    'tradeKnown?': boolean, 'tradedInstrument?': string, version: number,
  }),
  TransactionState: oneOf(
    'accepted', 'acknowledged', 'active', 'affirmed', 'applied', 'approved', 'cancelled', 'cleared', 'confirmed',
    'declined', 'executed', 'expired', 'failed', 'given-up', 'instructed', 'intended', 'pledged', 'proposed', 'quoted',
    'rejected', 'released', 'requested', 'returned', 'revoked', 'settled', 'submitted', 'transferred',
  ),
  TrustProfile: object({
    acrValues: list(string), algorithms: list(oneOf('ES256', 'EdDSA', 'PS256')), id: string, institution: string,
    issuer: string, jwksUri: string, maxAuthenticationAgeSeconds: number, maxLifetimeSeconds: number, recordId: string,
    requiredClaims: list(string), 'signIn?': ref('PartnerSignIn'), 'suspended?': oneOf(true), version: number,
  }),
  WaitingTransaction: object({ roles: list(ref('ApproverRole')), view: ref('ApprovalView') }),
  WebAuthnSignature: object({
    authenticator_data: string, client_data_json: string, credential_id: string, origin: string, rp_id: string,
    signature: string,
  }),
};

/** Arguments and answer of every call. */
export const callSchemas: CallSchemas = {
  access: {
    checkAccess: { arguments: ref('AccessCheckAccessArguments'), answer: ref('Caller') },
    checkLastingAccess: { arguments: ref('AccessCheckAccessArguments'), answer: ref('LastingCaller') },
    isTokenActive: call([string, ref('LastingToken')], boolean),
  },
  'audit-log': {
    append: call([ref('RecordDraft')], ref('RecordReceipt')),
    count: call([object({ 'from?': number, types: list(ref('RecordType')), 'until?': number })], number),
    find: call([string], anyOf(ref('LogEntry'), nothing)),
    lastUnder: {
      arguments: ref('AuditLogLastUnderArguments'), answer: { wire: 'map', keys: string, values: ref('StandingEntry') },
    },
    newest: call([list(ref('RecordType'))], { wire: 'bigint' }),
    query: call([ref('EvidenceQuery')], list(ref('LogEntry'))),
    scan: call([ref('ScanQuery')], list(ref('RawLogEntry'))), search: call([ref('RecordQuery')], list(ref('LogEntry'))),
    standings: {
      arguments: ref('AuditLogLastUnderArguments'),
      answer: { wire: 'map', keys: string, values: ref('StandingRecord') },
    },
    standingsUnder: call(
      [string, object({ 'after?': string, limit: number })],
      object({ 'next?': string, things: list(ref('StandingEntry')) }),
    ),
  },
  authentication: {
    begin: call(
      [object({
        'address?': string, clientName: string, 'continuesTo?': list(string), need: ref('SignInNeed'), returnTo: string,
      })],
      string,
    ),
    current: call(
      [anyOf(string, nothing), anyOf(object({ 'intents?': list(string), 'tier?': ref('Tier') }), nothing)],
      anyOf(ref('SignIn'), nothing), 1,
    ),
    endAllOf: call([string, string, anyOf(ref('Actor'), nothing)], number, 2),
  },
  authenticators: {
    invitersOf: call([string], list(string)), isLocked: call([string], boolean),
    of: call([string], list(ref('Authenticator'))),
  },
  'authenticators-departure': {
    end: { arguments: ref('AuthenticatorsDepartureEndArguments'), answer: ref('AuthenticatorsDepartureEndAnswer') },
  },
  'authority-proposals': {
    endProposalsOf: { arguments: ref('AuthorityProposalsEndProposalsOfArguments'), answer: number },
  },
  'authorization-server': { revoke: call([ref('RevocationTarget'), ref('Actor'), string], nothing) },
  'certificate-authority-keys': { listKeys: call([], list(ref('ListedKey'))) },
  'certificates-departure': {
    end: { arguments: ref('AuthenticatorsDepartureEndArguments'), answer: ref('AuthenticatorsDepartureEndAnswer') },
  },
  'configured-requests': {
    exchangeFor: call(
      [
        { type: ['null', 'string'] }, string,
        object({
          'accept?': string, 'authorization?': string, body: { wire: 'bytes' }, contentType: string,
          'maxBytes?': number, 'method?': oneOf('DELETE', 'GET', 'POST'), 'plainHttp?': boolean, 'timeoutMs?': number,
          'venueHeaders?': object({ 'api-key?': string, 'api-sign?': string, 'x-mbx-apikey?': string }),
        }),
      ],
      object({ body: { wire: 'bytes' }, 'contentType?': string, status: number }),
    ),
    getFor: call(
      [
        { type: ['null', 'string'] }, string,
        object({ 'authorization?': string, 'maxBytes?': number, 'plainHttp?': boolean, 'timeoutMs?': number }),
      ],
      { wire: 'bytes' },
    ),
  },
  'consent-store': {
    check: call([ref('MandateQuestion')], ref('MandateAnswer')), find: call([string], anyOf(ref('Mandate'), nothing)),
    list: call([ref('MandateListing')], list(ref('Mandate'))), withDescendants: call([string], list(string)),
  },
  'core-keys': { listKeys: call([], list(ref('ListedKey'))) },
  'devices-departure': {
    end: { arguments: ref('AuthenticatorsDepartureEndArguments'), answer: ref('AuthenticatorsDepartureEndAnswer') },
  },
  directory: {
    changesSince: call(
      [object({ 'after?': string, 'limit?': number, 'since?': number, 'waitMs?': number })], ref('DirectoryPage'),
    ),
    clientDocument: call([string], anyOf(record(any), nothing)),
    edit: call(
      [
        ref('DirectoryEdit'), ref('Actor'),
        anyOf(
          object({
            'expected?': list(ref('ExpectedEntity')), 'expectedVersion?': number,
            'mayGive?': { wire: 'set', items: string }, 'reason?': string,
          }),
          nothing,
        ),
      ],
      object({ changes: list(ref('DirectoryChange')), version: number }), 2,
    ),
    plan: call(
      [any, anyOf(object({ 'prune?': boolean, 'values?': boolean }), nothing)], list(ref('DirectoryChange')), 1,
    ),
  },
  'egress-keys': { listKeys: call([], list(ref('ListedKey'))) },
  'enrolments-departure': {
    end: { arguments: ref('AuthenticatorsDepartureEndArguments'), answer: ref('AuthenticatorsDepartureEndAnswer') },
  },
  'evidence-keys': { listKeys: call([], list(ref('ListedKey'))) },
  'federation-gateway': {
    acceptAssertion: call([string, string, anyOf(string, nothing)], ref('FederatedIdentity'), 2),
  },
  grants: {
    change: call([string, oneOf('merge', 'replace'), ref('GrantProposal'), ref('DecidedRequest')], ref('Grant')),
    deny: call(
      [
        object({
          acr: string, amr: list(string), 'applicationDetails?': list(ref('ApplicationDetail')), authTime: number,
          'boundTo?': list(string), client: string, details: list(ref('AuthorizationDetail')), institution: string,
          resources: list(string), scopes: ref('GrantScopes'), 'session?': string, subject: string,
        }),
        ref('DecidedRequest'),
      ],
      string,
    ),
    find: call([string], anyOf(ref('Grant'), nothing)),
    give: call([ref('GrantProposal'), ref('DecidedRequest')], ref('Grant')),
    list: call(
      [object({
        'after?': string, 'client?': string, 'endingAfter?': number, 'institution?': string, 'limit?': number,
        'status?': oneOf('active', 'revoked'), 'subject?': string,
      })],
      list(ref('Grant')),
    ),
    revoke: call([string, ref('Actor'), string], ref('Grant')),
    revokeAll: call([ref('GrantsOf'), ref('Actor'), string], number),
  },
  'leases-departure': {
    end: { arguments: ref('AuthenticatorsDepartureEndArguments'), answer: ref('AuthenticatorsDepartureEndAnswer') },
  },
  notices: {
    notify: call(
      [object({
        'facts?': record(string), id: string, kind: ref('NoticeKind'), text: string,
        to: {
          type: ['object', 'string'], properties: { institution: string, role: string },
          required: ['institution', 'role'], additionalProperties: false,
        },
      })],
      nothing,
    ),
  },
  outbound: {
    getJson: call([string, ref('OutboundGetJsonArguments')], any, 1),
    post: call(
      [
        string,
        object({
          'authorization?': string, body: string,
          contentType: oneOf(
            'application/cloudevents+json', 'application/json', 'application/secevent+jwt',
            'application/x-www-form-urlencoded',
          ),
          'headers?': object({ 'content-digest?': string, 'signature?': string, 'signature-input?': string }),
          'timeoutMs?': number,
        }),
      ],
      object({ status: number }),
    ),
    postForm: call(
      [string, record(string), ref('OutboundGetJsonArguments')], object({ 'body?': any, status: number }), 2,
    ),
  },
  'policy-engine': {
    decide: call([ref('DecisionInput')], ref('Decision')),
    declaredDetailTypes: call(
      [object({ 'since?': number })], object({ 'models?': list(ref('DeclaringModel')), version: number }),
    ),
  },
  postures: {
    posturesOf: { arguments: ref('AuditLogLastUnderArguments'), answer: list(ref('StreamedPosture')) },
    posturesSince: call(
      [object({ after: { wire: 'bigint' }, limit: number })],
      object({ newest: { wire: 'bigint' }, postures: list(ref('StreamedPosture')) }),
    ),
  },
  'record-pages': {
    closePages: call([string], nothing), nextPage: call([string], ref('FromRecordPages')),
    openPages: call([ref('RecordStreamQuery')], string),
  },
  'recovery-departure': {
    end: { arguments: ref('AuthenticatorsDepartureEndArguments'), answer: ref('AuthenticatorsDepartureEndAnswer') },
  },
  'retention-proposals': {
    endProposalsOf: { arguments: ref('AuthorityProposalsEndProposalsOfArguments'), answer: number },
  },
  'secret-proposals': {
    endProposalsOf: { arguments: ref('AuthorityProposalsEndProposalsOfArguments'), answer: number },
  },
  statements: {
    ask: call(
      [object({ 'acrValues?': list(string), claims: ref('StatementClaims'), 'lifeSeconds?': number, person: string })],
      ref('AskedStatement'),
    ),
    consume: call([object({ 'credential?': any, 'handle?': string, person: string })], ref('SignedStatement')),
  },
  'transaction-registry': {
    countsAgainstLimits: call([string], anyOf(boolean, nothing)),
    facts: call([string], anyOf(ref('TransactionFacts'), nothing)),
    open: call(
      [object({
        client: string, detail: ref('AuthorizationDetail'), initiator: ref('Actor'),
        mandate: object({ id: string, recordId: string, version: number }),
      })],
      ref('OpenedTransaction'),
    ),
    parties: call([string], list(string)),
    stepsOf: call(
      [string, string], anyOf(list(object({ event: ref('TransactionEvent'), scope: ref('Scope') })), nothing),
    ),
    waitingFor: call(
      [string, anyOf(list(string), nothing)], object({ more: boolean, waiting: list(ref('WaitingTransaction')) }), 1,
    ),
  },
  'trust-registry': { profileOf: call([string], anyOf(ref('TrustProfile'), nothing)) },
  'workloads-departure': {
    end: { arguments: ref('AuthenticatorsDepartureEndArguments'), answer: ref('AuthenticatorsDepartureEndAnswer') },
  },
};
