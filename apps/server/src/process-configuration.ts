import { type Static, Type } from 'typebox';
import { componentsOf, groupParts, processGroups } from './processes/groups.ts';

const closed = { additionalProperties: false };
const secretReference = Type.String({ pattern: '^(file:.+|env:[A-Za-z_][A-Za-z0-9_]*)$', maxLength: 1024 });
const addresses = Type.Optional(
  Type.Array(Type.String({ pattern: '^https://[^/?#@\\s]+$', maxLength: 256 }), {
    minItems: 1,
    maxItems: 64,
    uniqueItems: true,
  }),
);

/** What a process is told that runs the components of one group, and calls those of the others over mutual TLS. */
export const processSchema = Type.Object(
  {
    group: Type.Enum([...processGroups]),
    /** Where the other processes call this one. */
    listen: Type.Object(
      {
        host: Type.String({ minLength: 1, maxLength: 256 }),
        port: Type.Integer({ minimum: 0, maximum: 65_535 }),
      },
      closed,
    ),
    /** PEM, shown to the others as server and as client: it names `urn:countersign:process:<group>`. */
    certificate: secretReference,
    key: secretReference,
    /** PEM of the authorities that vouch for the processes of this installation, and for nobody else. */
    authorities: secretReference,
    /** Base addresses of the processes of each other group; of its own where `components` leaves some of them to others. */
    peers: Type.Object({ edge: addresses, core: addresses, evidence: addresses, egress: addresses }, closed),
    /** What edge's listeners are called, for those whose requests it passes on: `HTTP`, the main one, and `mutual TLS`. */
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
    /** Some of the group's components; all of them when left out. */
    components: Type.Optional(Type.Array(Type.String({ maxLength: 64 }), { minItems: 1, uniqueItems: true })),
  },
  closed,
);

export type ProcessConfiguration = Readonly<Static<typeof processSchema>>;

/** By name: those that are named, or all of the group. */
export function componentsOfProcess({ group, components }: Pick<ProcessConfiguration, 'group' | 'components'>) {
  return components ?? componentsOf(group);
}

/** What contradicts itself, each as `setting: what to change`. */
export function processContradictions(
  own: ProcessConfiguration,
  others: readonly { readonly setting: string; readonly host: string; readonly port: number }[],
): readonly string[] {
  const { group, listen, peers, components } = own;
  const problems: string[] = [];
  const all = componentsOf(group);
  for (const name of components ?? [])
    if (!all.includes(name))
      problems.push(`process.components: ${name} is no component of the group ${group}, which has ${all.join(', ')}`);
  if (!componentsOfProcess(own).some((name) => groupParts[group].stored.includes(name)))
    problems.push('process.components: name one at least that keeps something in the database');
  const whole = all.every((name) => componentsOfProcess(own).includes(name));
  if (whole && peers[group] !== undefined)
    problems.push(
      `process.peers.${group}: this process has every component of ${group}, so it calls no other for them`,
    );
  for (const peer of processGroups)
    if (peers[peer] === undefined && (peer !== group || !whole))
      problems.push(`process.peers.${peer}: name the addresses of the processes that have its components`);
  if ((own.doors === undefined) !== (group === 'edge'))
    problems.push('process.doors: says what the listeners of edge are called, to all groups but edge');
  for (const { setting, host, port } of others)
    if (host === listen.host && port === listen.port && port !== 0)
      problems.push(`process.listen: must be another port than ${setting}`);
  return problems;
}
