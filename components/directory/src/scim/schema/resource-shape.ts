import { type Attribute, attribute, type Schema } from './attribute.ts';
import { entraGroupUrn, groupSchema } from './group.ts';
import { principalSchema } from './principal.ts';
import { enterpriseUrn, unkeptUserAttributes, userSchema } from './user.ts';

export interface ResourceShape {
  readonly name: 'User' | 'Group';
  readonly endpoint: '/Users' | '/Groups';
  readonly core: Schema;
  readonly extensions: readonly Schema[];
  readonly unkept: ReadonlySet<string>;
}

const readOnly = { mutability: 'readOnly' } as const;

/** RFC 7643 section 3.1: common to all resources, listed by no schema. */
export const commonAttributes: readonly Attribute[] = [
  attribute('schemas', 'URNs of the schemas', { multiValued: true, returned: 'always', ...readOnly }),
  attribute('id', 'Assigned by the directory, never reused', { returned: 'always', uniqueness: 'server', ...readOnly }),
  attribute('externalId', "The provisioning system's own id"),
  attribute('meta', 'About the resource', {
    type: 'complex',
    ...readOnly,
    subAttributes: [
      attribute('resourceType', 'User or Group', readOnly),
      attribute('created', 'When it was added', { type: 'dateTime', ...readOnly }),
      attribute('lastModified', 'When it last changed', { type: 'dateTime', ...readOnly }),
      attribute('location', 'Its address', { type: 'reference', ...readOnly }),
      attribute('version', 'Its ETag', readOnly),
    ],
  }),
];

export const userShape: ResourceShape = {
  name: 'User',
  endpoint: '/Users',
  core: userSchema,
  extensions: [principalSchema],
  unkept: new Set([...unkeptUserAttributes, enterpriseUrn].map((name) => name.toLowerCase())),
};

export const groupShape: ResourceShape = {
  name: 'Group',
  endpoint: '/Groups',
  core: groupSchema,
  extensions: [],
  unkept: new Set([entraGroupUrn.toLowerCase()]),
};
