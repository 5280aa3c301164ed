import { type GraphRecord, View } from '../graph/record-view.ts';
import { type EventClass, type EventClassName, eventClasses, ocsfVersion, otherActivity } from './event-classes.ts';
import { eventKindOf } from './event-of-type.ts';

type Members = Readonly<Record<string, unknown>>;

export interface OcsfEvent extends Members {
  readonly class_uid: number;
  readonly activity_id: number;
  /** `class_uid` times 100, plus `activity_id`. */
  readonly type_uid: number;
  readonly category_uid: number;
  /** Milliseconds since the epoch. */
  readonly time: number;
}

const alarms: ReadonlySet<string> = new Set([
  'source.alarm',
  'clock.alarm',
  'log.witness-alarm',
  'log.publication-stopped',
  'policy.diverged',
]);
const severities = { informational: 1, low: 2, high: 4 } as const;

/** All other members go to `unmapped`. */
const mapped: ReadonlySet<string> = new Set([
  'id',
  'type',
  'source',
  'time',
  'number',
  'outcome',
  'reason',
  'transaction',
  'subject',
  'actors',
  'client',
  'address',
]);

/** For external collectors; proves nothing. @param record of any shape @param product.version of the program */
export function ocsfEvent(
  { index, record }: GraphRecord,
  product: { readonly version?: string | undefined } = {},
): OcsfEvent {
  const view = new View(record);
  const type = view.text('type') ?? 'unknown';
  const { className, activity, members } = eventOf(type, view);
  const { uid, name, category, activities }: EventClass = eventClasses[className];
  const activityName = activities[activity] ?? type;
  const denied = view.text('outcome') === 'deny';
  return {
    class_uid: uid,
    class_name: name,
    category_uid: category.uid,
    category_name: category.name,
    activity_id: activity,
    activity_name: activityName,
    type_uid: uid * 100 + activity,
    type_name: `${name}: ${activity === otherActivity ? 'Other' : activityName}`,
    time: timeOf(view),
    severity_id: alarms.has(type) ? severities.high : denied ? severities.low : severities.informational,
    status_id: denied ? 2 : 1,
    status: denied ? 'Failure' : 'Success',
    ...given({ status_code: view.text('reason') }),
    message: type,
    metadata: metadataOf(view, type, product.version),
    ...members,
    unmapped: unmappedOf(index, record),
  };
}

export function ocsfLine(record: GraphRecord, product?: { readonly version?: string | undefined }): string {
  return `${JSON.stringify(ocsfEvent(record, product))}\n`;
}

interface Described {
  readonly className: EventClassName;
  readonly activity: number;
  readonly members: Members;
}

function eventOf(type: string, view: View): Described {
  const [className, usual] = eventKindOf(type);
  const actor = actorOf(view);
  const user = userOf(view.at('subject')) ?? userById(view.text('client'));
  const endpoint = endpointOf(view);
  switch (className) {
    case 'base':
      return { className, activity: usual, members: {} };
    case 'apiActivity':
      return apiActivity(type, usual, view);
    case 'authentication':
      return {
        className,
        activity: usual,
        members: {
          // The framework requires a user; refused credentials may have none.
          user: user ?? { name: 'unknown', type_id: 0 },
          actor,
          service: { name: view.at('audience').list()[0]?.text() ?? 'countersign' },
          auth_protocol_id: 99,
          auth_protocol: view.text('authentication', 'method') ?? 'unknown',
          ...given({ session: sessionOf(view), src_endpoint: endpoint }),
          ...(view.texts('authentication', 'amr').length === 0
            ? {}
            : { is_mfa: view.texts('authentication', 'amr').includes('mfa') }),
        },
      };
    case 'authorizeSession':
    case 'userAccess': {
      const privileges = view.texts(...(view.texts('scope').length > 0 ? ['scope'] : ['data', 'scopes']));
      const held = type === 'grant.revoked' ? userById(view.text('data', 'subject')) : user;
      // These classes require a person, and authorizeSession a privilege.
      if (held === undefined || (className === 'authorizeSession' && privileges.length === 0))
        return apiActivity(type, otherActivity, view);
      return {
        className,
        activity: usual,
        members: {
          user: held,
          actor,
          ...(privileges.length === 0 ? {} : { privileges }),
          ...given({ session: className === 'authorizeSession' ? sessionOf(view) : undefined, src_endpoint: endpoint }),
        },
      };
    }
    case 'accountChange':
      return {
        className,
        activity: type === 'client.registered' ? registration(view.text('data', 'operation')) : usual,
        members: {
          user: userById(view.text('data', 'client') ?? view.text('data', 'principal')) ?? {
            name: 'unknown',
            type_id: 0,
          },
          actor,
          ...given({ src_endpoint: endpoint }),
        },
      };
    case 'entityManagement':
      return {
        className,
        activity: usual,
        members: { entity: entityOf(type, view), actor, ...given({ src_endpoint: endpoint }) },
      };
    default:
      return className satisfies never;
  }
}

function apiActivity(type: string, activity: number, view: View): Described {
  const reason = view.text('reason');
  const service = view.text('source') ?? 'countersign';
  return {
    className: 'apiActivity',
    activity,
    members: {
      actor: actorOf(view),
      api: {
        operation: type,
        service: { name: service },
        request: { uid: view.text('id') ?? 'unknown' },
        ...(reason === undefined ? {} : { response: { error: reason } }),
      },
      // The framework requires a source endpoint.
      src_endpoint: endpointOf(view) ?? { name: view.text('client') ?? service },
      ...(view.text('transaction') === undefined
        ? {}
        : { resources: [{ uid: view.text('transaction'), type: 'transaction' }] }),
    },
  };
}

/** RFC 7592. */
function registration(operation: string | undefined): number {
  return operation === 'register' ? 1 : operation === 'remove' ? 6 : otherActivity;
}

/** The current actor, or else subject, client or component. */
function actorOf(view: View): Members {
  const user = userOf(view.list('actors')[0] ?? new View(undefined)) ?? userOf(view.at('subject'));
  const client = view.text('client');
  const session = sessionOf(view);
  return {
    ...given({ user, session, app_uid: client }),
    ...(user === undefined && client === undefined ? { app_name: view.text('source') ?? 'countersign' } : {}),
  };
}

function userOf(actor: View): Members | undefined {
  const uid = actor.text('id');
  const institution = actor.text('institution');
  return uid === undefined
    ? undefined
    : { ...userById(uid), ...(institution === undefined ? {} : { org: { uid: institution } }) };
}

/** The prefix of an id gives its kind. */
function userById(uid: string | undefined): Members | undefined {
  if (uid === undefined) return undefined;
  return { uid, type_id: /^(?:service|agent|client):/.test(uid) ? 4 : 1 };
}

function sessionOf(view: View): Members | undefined {
  const uid = view.text('data', 'session');
  const issuer = view.text('authentication', 'issuer');
  return uid === undefined && issuer === undefined ? undefined : given({ uid, issuer });
}

function endpointOf(view: View): Members | undefined {
  const ip = view.text('address');
  const zone = view.text('zone');
  return ip === undefined ? undefined : { ip, ...given({ zone }) };
}

/** By its id if there is one, or else by its kind. */
function entityOf(type: string, view: View): Members {
  const [kind = type] = type.split('.');
  const names = ['candidate', 'change_request', 'kid', 'hold', 'subscription', 'proposal'];
  const uid =
    view.text('mandate', 'id') ??
    view.text('data', 'profile', 'id') ??
    names.map((name) => view.text('data', name)).find((found) => found !== undefined);
  const version = view.number('mandate', 'version') ?? view.number('data', 'version');
  return {
    name: uid ?? kind,
    type: kind,
    ...given({ uid, version: version === undefined ? undefined : String(version) }),
  };
}

function metadataOf(view: View, type: string, productVersion: string | undefined): Members {
  return {
    version: ocsfVersion,
    product: { name: 'Countersign', vendor_name: 'Countersign', ...given({ version: productVersion }) },
    event_code: type,
    ...given({
      uid: view.text('id'),
      log_provider: view.text('source'),
      original_time: view.text('time'),
      correlation_uid: view.text('transaction'),
      sequence: view.number('number'),
    }),
  };
}

function timeOf(view: View): number {
  const time = Date.parse(view.text('time') ?? '');
  return Number.isNaN(time) ? 0 : time;
}

function unmappedOf(index: bigint, record: unknown): Members {
  const members = typeof record === 'object' && record !== null ? Object.entries(record) : [];
  return { index: index.toString(), ...Object.fromEntries(members.filter(([name]) => !mapped.has(name))) };
}

function given(members: Members): Members {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined));
}
