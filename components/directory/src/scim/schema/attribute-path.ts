import { defined, type Json, membersOf } from '@countersign/kernel';
import type { Attribute, Schema } from './attribute.ts';
import { commonAttributes, type ResourceShape } from './resource-shape.ts';

/** The attribute that a name refers to (RFC 7644 section 3.10). */
export type Target =
  | {
      readonly kind: 'attribute';
      readonly extension?: string;
      readonly attribute: Attribute;
      readonly sub?: Attribute;
    }
  | { readonly kind: 'extension'; readonly schema: Schema }
  /** Defined in RFC 7643 but not stored here. */
  | { readonly kind: 'unkept' };

const notation = /^(?:(?<urn>urn:[\w.:%-]+):)?(?<name>[A-Za-z$][\w$-]*)(?:\.(?<sub>[A-Za-z$][\w$-]*))?$/i;

export function resolveTarget(shape: ResourceShape, text: string): Target | undefined {
  const lower = text.toLowerCase();
  const whole = shape.extensions.find(({ id }) => id.toLowerCase() === lower);
  if (whole !== undefined) return { kind: 'extension', schema: whole };
  if (shape.unkept.has(lower)) return { kind: 'unkept' };
  const groups = notation.exec(text)?.groups;
  const name = groups?.['name'];
  if (name === undefined) return undefined;
  const urn = groups?.['urn']?.toLowerCase();
  const isCore = urn === undefined || urn === shape.core.id.toLowerCase();
  if (isCore ? shape.unkept.has(name.toLowerCase()) : shape.unkept.has(urn)) return { kind: 'unkept' };
  const extension = isCore ? undefined : shape.extensions.find(({ id }) => id.toLowerCase() === urn);
  const attributes = isCore ? [...commonAttributes, ...shape.core.attributes] : extension?.attributes;
  const attribute = named(attributes, name);
  if (attribute === undefined) return undefined;
  const wanted = groups?.['sub'];
  const sub = wanted === undefined ? undefined : named(attribute.subAttributes, wanted);
  if (wanted !== undefined && sub === undefined) return undefined;
  return {
    kind: 'attribute',
    ...(extension === undefined ? {} : { extension: extension.id }),
    attribute,
    ...defined({ sub }),
  };
}

/** Attribute names are case-insensitive (RFC 7643 section 2.1). */
export function named(attributes: readonly Attribute[] | undefined, name: string): Attribute | undefined {
  const wanted = name.toLowerCase();
  return attributes?.find((attribute) => attribute.name.toLowerCase() === wanted);
}

export function valuesOf(resource: Json | undefined, target: Extract<Target, { kind: 'attribute' }>): readonly Json[] {
  const members = membersOf(resource);
  const container = target.extension === undefined ? members : membersOf(members?.[target.extension]);
  const values = listed(container?.[target.attribute.name]);
  const { sub } = target;
  return sub === undefined ? values : values.flatMap((value) => listed(membersOf(value)?.[sub.name]));
}

function listed(value: Json | undefined): readonly Json[] {
  if (value === undefined || value === null) return [];
  return Array.isArray(value) ? value : [value];
}
