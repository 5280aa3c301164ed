import { isIdentifier } from './identifier.ts';
import type { EntityReference, Value } from './value.ts';

const escapes: Readonly<Record<string, string>> = {
  '"': '\\"',
  '\\': '\\\\',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\0': '\\0',
};

export function escaped(text: string): string {
  return text.replace(/["\\\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (character) => {
    return escapes[character] ?? `\\u{${character.codePointAt(0)?.toString(16)}}`;
  });
}

export function quoted(text: string): string {
  return `"${escaped(text)}"`;
}

/** A name as a key of a record or after `has`. */
export function nameText(name: string): string {
  return isIdentifier(name) ? name : quoted(name);
}

/** A value as an expression that makes it. */
export function valueText(value: Value): string {
  if (typeof value === 'string') return quoted(value);
  if (typeof value !== 'object') return String(value);
  switch (value.kind) {
    case 'entity':
      return entityText(value);
    case 'set':
      return `[${value.items.map(valueText).join(', ')}]`;
    case 'record':
      return `{${value.values.map((item, position) => `${nameText(value.names[position] ?? '')}: ${valueText(item)}`).join(', ')}}`;
    case 'decimal':
      return `decimal("${value}")`;
    case 'ipaddr':
      return `ip("${value}")`;
    case 'datetime': {
      const text = value.isoText();
      return text === undefined
        ? `datetime("1970-01-01").offset(duration("${value.epochMilliseconds}ms"))`
        : `datetime("${text}")`;
    }
    case 'duration':
      return `duration("${value.milliseconds}ms")`;
    default:
      return value satisfies never;
  }
}

export function entityText({ type, id }: EntityReference): string {
  return `${type}::${quoted(id)}`;
}
