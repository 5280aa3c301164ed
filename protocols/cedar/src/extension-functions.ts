import {
  Datetime,
  Duration,
  durationSince,
  millisecondsPer,
  offsetDatetime,
  parseDatetime,
  parseDuration,
  toDate,
  toTime,
} from './datetime.ts';
import { Decimal, parseDecimalValue } from './decimal.ts';
import { IpAddress, parseIpAddress } from './ip-address.ts';
import { divideLong } from './long.ts';
import { PolicyFault } from './policy-fault.ts';
import type { Value } from './value.ts';

/** A function of Cedar's extension types. It throws a {@link PolicyFault} where Cedar reports an error. */
export type ExtensionFunction =
  | { readonly arity: 1; readonly apply: (argument: Value) => Value }
  | { readonly arity: 2; readonly apply: (left: Value, right: Value) => Value };

const functions: ReadonlyMap<string, ExtensionFunction> = new Map<string, ExtensionFunction>([
  ['decimal', ofText('decimal', parseDecimalValue)],
  ['lessThan', ofDecimals('lessThan', (left, right) => left.tenThousandths < right.tenThousandths)],
  ['lessThanOrEqual', ofDecimals('lessThanOrEqual', (left, right) => left.tenThousandths <= right.tenThousandths)],
  ['greaterThan', ofDecimals('greaterThan', (left, right) => left.tenThousandths > right.tenThousandths)],
  [
    'greaterThanOrEqual',
    ofDecimals('greaterThanOrEqual', (left, right) => left.tenThousandths >= right.tenThousandths),
  ],

  ['ip', ofText('ip', parseIpAddress)],
  ['isIpv4', ofOne('isIpv4', isIpAddress, (address) => address.version === 4)],
  ['isIpv6', ofOne('isIpv6', isIpAddress, (address) => address.version === 6)],
  ['isLoopback', ofOne('isLoopback', isIpAddress, (address) => address.isLoopback())],
  ['isMulticast', ofOne('isMulticast', isIpAddress, (address) => address.isMulticast())],
  ['isInRange', ofTwo('isInRange', isIpAddress, isIpAddress, (address, range) => address.isInRange(range))],

  ['datetime', ofText('datetime', parseDatetime)],
  ['offset', ofTwo('offset', isDatetime, isDuration, offsetDatetime)],
  ['durationSince', ofTwo('durationSince', isDatetime, isDatetime, durationSince)],
  ['toDate', ofOne('toDate', isDatetime, toDate)],
  ['toTime', ofOne('toTime', isDatetime, toTime)],

  ['duration', ofText('duration', parseDuration)],
  ['toMilliseconds', ofOne('toMilliseconds', isDuration, (duration) => duration.milliseconds)],
  ['toSeconds', wholeUnits('toSeconds', millisecondsPer.second)],
  ['toMinutes', wholeUnits('toMinutes', millisecondsPer.minute)],
  ['toHours', wholeUnits('toHours', millisecondsPer.hour)],
  ['toDays', wholeUnits('toDays', millisecondsPer.day)],
]);

/** The functions allowed in entity and context data: those that build a value from constants. */
const dataFunctions: ReadonlyMap<string, ExtensionFunction> = new Map(
  Array.from(functions).filter(([name]) => ['decimal', 'ip', 'datetime', 'duration', 'offset'].includes(name)),
);

export function extensionFunction(name: string): ExtensionFunction | undefined {
  return functions.get(name);
}

export function dataFunction(name: string): ExtensionFunction | undefined {
  return dataFunctions.get(name);
}

function ofText(name: string, parse: (text: string) => Value | undefined): ExtensionFunction {
  return ofOne(name, (value) => typeof value === 'string', parse);
}

function ofDecimals(name: string, compare: (left: Decimal, right: Decimal) => boolean): ExtensionFunction {
  return ofTwo(name, isDecimal, isDecimal, compare);
}

function wholeUnits(name: string, milliseconds: number): ExtensionFunction {
  return ofOne(name, isDuration, (duration) => divideLong(duration.milliseconds, milliseconds));
}

/** A function of one argument; `apply` returns undefined if there is no result (malformed text, overflow). */
function ofOne<Argument extends Value>(
  name: string,
  accepts: (value: Value) => value is Argument,
  apply: (argument: Argument) => Value | undefined,
): ExtensionFunction {
  const wrongType = new PolicyFault(`${name}: the argument has another type`);
  const noResult = new PolicyFault(`${name}: there is no such value (malformed or out of range)`);
  return {
    arity: 1,
    apply(argument) {
      if (!accepts(argument)) throw wrongType;
      const result = apply(argument);
      if (result === undefined) throw noResult;
      return result;
    },
  };
}

function ofTwo<Left extends Value, Right extends Value>(
  name: string,
  acceptsLeft: (value: Value) => value is Left,
  acceptsRight: (value: Value) => value is Right,
  apply: (left: Left, right: Right) => Value | undefined,
): ExtensionFunction {
  const wrongType = new PolicyFault(`${name}: an argument has another type`);
  const noResult = new PolicyFault(`${name}: there is no such value (out of range)`);
  return {
    arity: 2,
    apply(left, right) {
      if (!acceptsLeft(left) || !acceptsRight(right)) throw wrongType;
      const result = apply(left, right);
      if (result === undefined) throw noResult;
      return result;
    },
  };
}

function isDecimal(value: Value): value is Decimal {
  return value instanceof Decimal;
}

function isIpAddress(value: Value): value is IpAddress {
  return value instanceof IpAddress;
}

function isDatetime(value: Value): value is Datetime {
  return value instanceof Datetime;
}

function isDuration(value: Value): value is Duration {
  return value instanceof Duration;
}
