import { type Static, Type } from 'typebox';
import { processGroups } from '../process-groups/index.ts';

const closed = { additionalProperties: false };
const secretReference = Type.String({ pattern: '^(file:.+|env:[A-Za-z_][A-Za-z0-9_]*)$', maxLength: 1024 });
const addresses = Type.Optional(
  Type.Array(Type.String({ pattern: '^https://[^/?#@\\s]+$', maxLength: 256 }), {
    minItems: 1,
    maxItems: 64,
    uniqueItems: true,
  }),
);

/** The settings of a process that runs the components of one group and calls the other groups over mutual TLS. */
export const processSchema = Type.Object(
  {
    group: Type.Enum([...processGroups]),
    /** The address at which the other processes call this one. */
    listen: Type.Object(
      {
        host: Type.String({ minLength: 1, maxLength: 256 }),
        port: Type.Integer({ minimum: 0, maximum: 65_535 }),
      },
      closed,
    ),
    /** PEM, presented as server and as client. It names `urn:countersign:process:<group>`. */
    certificate: secretReference,
    key: secretReference,
    /** PEM of the authorities that issue certificates only to the processes of this installation. */
    authorities: secretReference,
    /** Base addresses of the processes of each other group. */
    peers: Type.Object(
      {
        edge: addresses,
        core: addresses,
        evidence: addresses,
        egress: addresses,
        'certificate-authority': addresses,
        secrets: addresses,
      },
      closed,
    ),
    /** Base URLs of edge's listeners, for processes to which it forwards requests: `HTTP` is the main one, and `mutual TLS`. */
    doors: Type.Optional(
      Type.Array(
        Type.Object(
          {
            listener: Type.Enum(['HTTP', 'mutual TLS']),
            baseUrl: Type.String({ pattern: '^https?://[^/?#]+$', maxLength: 256 }),
            zone: Type.String({ pattern: '^[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?$' }),
          },
          closed,
        ),
        { minItems: 1, maxItems: 2 },
      ),
    ),
  },
  closed,
);

export type ProcessConfiguration = Readonly<Static<typeof processSchema>>;

/** Contradictory settings, each as `setting: what to change`. */
export function processContradictions(
  own: ProcessConfiguration,
  others: readonly { readonly setting: string; readonly host: string; readonly port: number }[],
): readonly string[] {
  const { group, listen, peers } = own;
  const problems: string[] = [];
  if (peers[group] !== undefined)
    problems.push(`process.peers.${group}: this process has the components of ${group}, and calls no other for them`);
  for (const peer of processGroups)
    if (peer !== group && peers[peer] === undefined)
      problems.push(`process.peers.${peer}: name the addresses of the processes that have its components`);
  if ((own.doors === undefined) !== (group === 'edge'))
    problems.push('process.doors: says what the listeners of edge are called, to all groups but edge');
  for (const { setting, host, port } of others)
    if (host === listen.host && port === listen.port && port !== 0)
      problems.push(`process.listen: must be another port than ${setting}`);
  return problems;
}
