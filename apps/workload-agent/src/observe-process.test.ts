import { describe, expect, it } from 'vitest';
import { systemUnitIn } from './observe-process.ts';

describe('the systemd unit of a process', () => {
  it.each([
    ['a unit', '0::/system.slice/trading.service\n', 'trading.service'],
    ['a unit with a slice of its own', '0::/trading.slice/trading-fx.slice/vwap@1.service\n', 'vwap@1.service'],
    ['a group below a unit', '0::/system.slice/trading.service/worker\n', 'trading.service'],
    ['version 1', '4:cpu:/\n1:name=systemd:/system.slice/trading.service\n0::/\n', 'trading.service'],
  ])('is read from %s', (_, cgroup, unit) => {
    expect(systemUnitIn(cgroup)).toBe(unit);
  });

  it.each([
    ['a unit of a user', '0::/user.slice/user-1000.slice/user@1000.service/app.slice/trading.service\n'],
    ['a container', '0::/\n'],
    ['a group outside all slices', '0::/trading.service\n'],
    ['a scope', '0::/system.slice/session-1.scope/trading.service\n'],
    ['a controller of version 1', '4:cpu:/system.slice/trading.service\n'],
    ['nothing', ''],
  ])('is not taken from %s', (_, cgroup) => {
    expect(systemUnitIn(cgroup)).toBeUndefined();
  });

  it('is the outer one, whatever a delegated unit calls its own groups', () => {
    expect(systemUnitIn('0::/system.slice/other.service/trading.service\n')).toBe('other.service');
    const mixed = '4:cpu:/system.slice/trading.service\n1:name=systemd:/system.slice/other.service\n';
    expect(systemUnitIn(mixed)).toBe('other.service');
  });
});
