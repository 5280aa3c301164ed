import { digestSchema, recordSchema } from '@countersign/runtime';
import { Type } from 'typebox';
import { longestReport } from './posture/report.ts';

export const strict = { additionalProperties: false };
const deviceId = Type.String({ maxLength: 127, description: '`device:` and a name, of the directory' });
const moment = (description: string) => Type.String({ format: 'date-time', description });
const by = Type.Enum(['certificate', 'key']);
const line = (description: string) => Type.String({ minLength: 1, maxLength: 400, description });

export const deviceParams = Type.Object({ device: deviceId }, strict);

const posture = Type.Object(
  {
    posture: Type.Enum(['compliant', 'failing']),
    postureAt: moment('When it was checked'),
    source: Type.String({ description: 'Name of the feed; `directory` if no feed has reported it' }),
    failed: Type.Array(Type.String(), { description: 'Codes of what failed' }),
  },
  { ...strict, title: 'DevicePosture' },
);

const device = Type.Object(
  {
    id: deviceId,
    institution: Type.String({ description: 'LEI' }),
    holder: Type.Optional(Type.String({ description: 'The person it is assigned to; absent for a shared device' })),
    posture,
    shownBy: Type.Array(Type.Object({ by, thumbprint: digestSchema(), enrolledAt: moment('Since when') }, strict), {
      description: 'The keys and certificates that identify it',
    }),
  },
  { ...strict, title: 'ManagedDevice' },
);

export const listQuery = Type.Object(
  {
    after: Type.Optional(deviceId),
    limit: Type.Optional(
      Type.String({ pattern: '^(?:[1-9]\\d?|1\\d\\d|200)$', description: '1 to 200; 100 when left out' }),
    ),
  },
  strict,
);
export const listAnswer = Type.Object({ devices: Type.Array(device) }, strict);

export const certificateBody = Type.Object(
  { thumbprint: digestSchema({ description: 'SHA-256 of the certificate (x5t#S256), base64url' }) },
  strict,
);
export const certificateAnswer = Type.Object({ recordId: recordSchema() }, strict);

export const linkAnswer = Type.Object(
  {
    path: Type.String({ description: 'Path of the page on this server, with its secret. It is not shown again.' }),
    expiresAt: moment('Until when it can be used'),
    recordId: recordSchema(),
  },
  strict,
);

export const removeBody = Type.Object(
  {
    thumbprint: Type.Optional(
      digestSchema({ description: 'Of one key or certificate; if absent, all of them and an open link' }),
    ),
    reason: line('For people; it is recorded'),
  },
  strict,
);
export const removeAnswer = Type.Object({ removed: Type.Integer({ minimum: 1 }) }, strict);

export const reportBody = Type.Object(
  {
    report: Type.String({
      minLength: 1,
      maxLength: longestReport,
      description:
        'Compact JWS with typ `countersign-posture+jwt`. Claims: `iss` (name of the feed), `aud` (this server), `iat` (later ' +
        'than that of the previous report; may have a fraction), `devices`: 1 to 1,000 of `{ device, posture, posture_at, failed? }`',
    }),
  },
  strict,
);
const names = (description: string) => Type.Array(deviceId, { description });
export const reportAnswer = Type.Object(
  {
    taken: Type.Integer({ minimum: 0, description: 'Number of accepted lines' }),
    changed: Type.Integer({
      minimum: 0,
      description: 'Number of devices whose posture changed; each change is in the log',
    }),
    unknown: names('Devices that are not in the directory, or not of the feed’s institution'),
    older: names('Devices of which a newer posture was known'),
  },
  strict,
);
