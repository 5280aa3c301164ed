import {
  accessErrors,
  auditLogErrors,
  authenticationErrors,
  authenticatorErrors,
  breakGlassErrors,
  certificateAuthorityErrors,
  consentErrors,
  deviceErrors,
  directoryErrors,
  enrolmentErrors,
  eventErrors,
  exceptionErrors,
  grantErrors,
  haltErrors,
  oauthErrors,
  policyErrors,
  recoveryErrors,
  retentionErrors,
  revocationErrors,
  secretsErrors,
  sharedSignalErrors,
  timeStampErrors,
  transactionErrors,
  trustErrors,
  workloadErrors,
} from '@countersign/contracts';
import { CodedError, type ErrorCategory } from '@countersign/kernel';
import { statusOf } from '@countersign/runtime';
import type { OwnInterface } from '../configuration/index.ts';
import { keyRouteErrors } from '../interfaces/index.ts';

type Codes = Readonly<Record<string, ErrorCategory>>;

/** A chapter of the document. Chapters appear in this order. */
interface Chapter {
  readonly description: string;
  /** The interface that is the audience of the tokens for its routes. */
  readonly audience?: OwnInterface;
  readonly codes?: Codes;
}

export const chapters: Readonly<Record<string, Chapter>> = {
  directory: {
    description: 'Institutions, people, services, agents, clients, accounts, venues and interfaces, as files.',
    audience: 'directory',
    codes: directoryErrors.codes,
  },
  clients: { description: 'Single clients.', audience: 'directory', codes: directoryErrors.codes },
  changes: {
    description: 'Changes by two people: one proposes, another approves.',
    audience: 'directory',
    codes: directoryErrors.codes,
  },
  departures: {
    description: 'Who leaves or moves, and what has ended with it.',
    audience: 'directory',
    codes: directoryErrors.codes,
  },
  partners: {
    description: "Trust profiles of partners' identity providers.",
    audience: 'partners',
    codes: trustErrors.codes,
  },
  mandates: {
    description:
      'Mandates: who may act for whom, within which limits. An institution sees the mandates to which it is a party.',
    audience: 'mandates',
    codes: consentErrors.codes,
  },
  grants: {
    description: 'What people have allowed software to do in their name.',
    audience: 'mandates',
    codes: grantErrors.codes,
  },
  decisions: {
    description: 'The policies. Decisions are asked for as AuthZEN has it.',
    audience: 'decisions',
    codes: policyErrors.codes,
  },
  policies: {
    description: 'Policy versions with approval by two people, candidates, simulation, and replay of decisions.',
    audience: 'policies',
    codes: policyErrors.codes,
  },
  transactions: {
    description: 'The life of an intent, from its approval to its settlement.',
    audience: 'transactions',
    codes: { ...transactionErrors.codes, ...exceptionErrors.codes },
  },
  events: {
    description: 'What has happened to your mandates and transactions, as CloudEvents: pages, a stream, webhooks.',
    audience: 'events',
    codes: eventErrors.codes,
  },
  evidence: {
    description: 'Records, and bundles that are checked offline.',
    audience: 'evidence',
    codes: auditLogErrors.codes,
  },
  log: {
    description: 'The log as C2SP tlog-tiles. Hashes are public; entries are not.',
    audience: 'evidence',
    codes: auditLogErrors.codes,
  },
  retention: {
    description: 'The retention schedule, legal holds, pruning and erasure, each approved by two people.',
    audience: 'retention',
    codes: retentionErrors.codes,
  },
  'time-stamps': {
    description: 'A time-stamping authority (RFC 3161), open to everybody.',
    codes: timeStampErrors.codes,
  },
  signals: {
    description: 'Security events about your people and clients: Shared Signals Framework 1.0, push and poll.',
    audience: 'signals',
    codes: sharedSignalErrors.codes,
  },
  people: {
    description: 'Security keys, passkeys and sessions of people: invite, revoke, lock, unlock.',
    audience: 'people',
    codes: { ...authenticatorErrors.codes, session_unknown: authenticationErrors.codes.session_unknown },
  },
  devices: {
    description: 'Managed workstations and phones: enrolment and posture.',
    audience: 'devices',
    codes: deviceErrors.codes,
  },
  recoveries: {
    description: 'Key recoveries: opened by an operator, approved by two people on their pages.',
    audience: 'recoveries',
    codes: recoveryErrors.codes,
  },
  incidents: {
    description: 'Declared emergencies and their time-limited access.',
    audience: 'incidents',
    codes: breakGlassErrors.codes,
  },
  certificates: {
    description:
      'Certificates of our own authority: obtain, renew, revoke; profiles and issuing authorities, changed by two people; revocation ' +
      'lists and OCSP for everybody.',
    audience: 'certificates',
    codes: { ...certificateAuthorityErrors.codes, ...enrolmentErrors.codes },
  },
  secrets: {
    description:
      'Credentials and secrets on demand: lease, renew and end database credentials, read secrets; roles, secrets and keys of venues, ' +
      'changed by two people.',
    audience: 'secrets',
    codes: secretsErrors.codes,
  },
  venues: {
    description:
      'Requests to trading venues, signed by the key broker: the order of a submitted transaction, its cancellation, and queries.',
    audience: 'venues',
    codes: secretsErrors.codes,
  },
  workloads: {
    description:
      'Registered workloads: entries changed by two people, and certificates for attested workloads (SPIFFE). The Workload API itself is ' +
      'served by the agent on the machine of the workload.',
    audience: 'workloads',
    codes: { ...workloadErrors.codes, ...certificateAuthorityErrors.codes },
  },
  halts: {
    description:
      'The kill switch: one person or a risk monitor halts trading for a firm, desk, trader, client, algorithm, venue, class of ' +
      'instruments or partner; two people who did not trip it release it.',
    audience: 'halts',
    codes: haltErrors.codes,
  },
  keys: { description: 'Our signing keys.', audience: 'keys', codes: keyRouteErrors.codes },
  revocations: {
    description: 'Revocations of tokens, grants, clients, principals and partners.',
    audience: 'revocations',
    codes: { ...revocationErrors.codes, ...oauthErrors.codes },
  },
  installation: { description: 'The identity and version of this installation.' },
  operation: { description: 'For operators. Available on the main address only; do not expose it to the internet.' },
};

/** Error codes of every route, in addition to those of its chapter. */
export const commonCodes: Codes = {
  ...accessErrors.codes,
  request_invalid: 'invalid',
  body_not_json: 'invalid',
  body_missing: 'invalid',
  body_too_large: 'too-large',
  media_type_unsupported: 'invalid',
  content_length_wrong: 'invalid',
  url_malformed: 'invalid',
  client_certificate_header_untrusted: 'invalid',
  route_not_found: 'not-found',
  log_unavailable: 'unavailable',
  database_unavailable: 'unavailable',
};

/** Error codes with their HTTP status. */
export function statusOfCodes(codes: Codes): Readonly<Record<string, number>> {
  return Object.fromEntries(
    Object.entries(codes).map(([code, category]) => [code, statusOf(new CodedError({ code, category, detail: '' }))]),
  );
}
