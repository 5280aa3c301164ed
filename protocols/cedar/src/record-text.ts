import { Duration } from './datetime.ts';
import { dataFunction } from './extension-functions.ts';
import { IpAddress } from './ip-address.ts';
import { PolicyFault } from './policy-fault.ts';
import { RecordForm, type ValueForm } from './record-form.ts';
import { remembering } from './record-memory.ts';
import type { RecordType, ValueType } from './schema-types.ts';
import { type RecordValue, SetValue, type Value } from './value.ts';
import { counted, QuotedForm, readBoolean, readLong, readText, type TextReader, uidForm } from './value-text.ts';

/** Half of the limit of `ValueReader`, and far more than anybody writes. */
const maxDepth = 8;

const codes = { comma: 0x2c, opening: 0x5b, closing: 0x5d };

/** Reads records of a type from their text; see {@link TextReader}. */
export function textReaderOf(type: RecordType): TextReader<RecordValue> {
  return recordReader(type, 1);
}

function recordReader({ attributes }: RecordType, depth: number): TextReader<RecordValue> {
  const names = Array.from(attributes.keys()).sort();
  // `__entity` would be an entity, not an attribute of this name.
  if (names.length > RecordForm.mostNames || names.some((name) => name.startsWith('__'))) return unread;
  const types = names.map((name) => attributes.get(name)?.type ?? { kind: 'string' as const });
  return remembering(
    new RecordForm(
      names,
      types.map((type) => formOf(type, depth + 1)),
    ),
  );
}

function formOf(type: ValueType, depth: number): ValueForm {
  if (depth > maxDepth) return { read: unread };
  switch (type.kind) {
    case 'record':
      return { read: recordReader(type, depth) };
    case 'set':
      return { read: setReader(formOf(type.element, depth + 1).read) };
    case 'entity':
      return ofQuoted(uidForm(type.type, '{"__entity":', '}'));
    case 'string':
      return { read: readText, quoted: new QuotedForm('"', '"', (text) => text) };
    case 'long':
      return { read: readLong };
    case 'boolean':
      return { read: readBoolean };
    case 'ipaddr':
      return extensionForm('ip');
    case 'decimal':
    case 'datetime':
    case 'duration':
      return extensionForm(type.kind);
    default:
      return type satisfies never;
  }
}

function ofQuoted(quoted: QuotedForm): ValueForm {
  return { read: (cursor) => quoted.read(cursor), quoted };
}

const unread: TextReader<never> = () => undefined;

function setReader(readItem: TextReader): TextReader<SetValue> {
  return (cursor) => {
    const { text } = cursor;
    if (text.charCodeAt(cursor.at) !== codes.opening) return undefined;
    cursor.at++;
    const items: Value[] = [];
    while (text.charCodeAt(cursor.at) !== codes.closing) {
      if (items.length > 0) {
        if (text.charCodeAt(cursor.at) !== codes.comma) return undefined;
        cursor.at++;
      }
      const item = readItem(cursor);
      if (item === undefined || !counted(cursor, 1)) return undefined;
      items.push(item);
    }
    cursor.at++;
    return new SetValue(items);
  };
}

function extensionForm(name: string): ValueForm {
  const fn = dataFunction(name);
  if (fn?.arity !== 1) return { read: unread };
  return ofQuoted(
    new QuotedForm('{"__extn":{"arg":"', `","fn":"${name}"}}`, (arg) => {
      try {
        const value = fn.apply(arg);
        return isWrittenAs(value, arg) ? value : undefined;
      } catch (error) {
        if (error instanceof PolicyFault) return undefined;
        throw error;
      }
    }),
  );
}

/** An address or a duration does not keep its text: any other form is not read here. */
function isWrittenAs(value: Value, arg: string): boolean {
  if (value instanceof IpAddress) return value.toString() === arg;
  return value instanceof Duration ? `${value.milliseconds}ms` === arg : true;
}
