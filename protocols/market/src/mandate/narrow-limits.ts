import { compareDecimals, subtractDecimals, zero } from '@countersign/kernel';
import { type Asset, assetKey, type Dti } from '../codes/index.ts';
import type { AssetLimit, Constraints } from './constraints-shape.ts';
import { doesMoveValue } from './permits.ts';
import { justAbove, lesser, one, type Wider } from './wider.ts';
import { busiestHistory } from './window-history.ts';

/** For each rolling limit, the child needs one of the same measure, at most as large, over at least as long. */
export function widerWindowLimits(parent: Constraints, child: Constraints): Wider | undefined {
  for (const limit of parent.limits ?? []) {
    const kept = child.limits?.some(
      ({ measure, windowSeconds, max }) =>
        measure === limit.measure && windowSeconds >= limit.windowSeconds && compareDecimals(max, limit.max) <= 0,
    );
    if (kept === true) continue;
    const unit = limit.ccy ?? 'units';
    const history = busiestHistory(child, limit);
    if (history !== undefined)
      return { example: `${history.total} ${unit} in ${limit.windowSeconds} seconds`, facts: history.facts };
    return {
      example: `uses that no limit over ${limit.windowSeconds} seconds counts`,
      because: `Nothing here shows that at most ${limit.max} ${unit} are used within ${limit.windowSeconds} seconds: state such a limit.`,
    };
  }
  return undefined;
}

/**
 * A child without a list could move valued assets in any quantity; a list that the parent lacks would permit assets
 * without a value.
 */
export function widerAssets(parent: Constraints, child: Constraints): Wider | undefined {
  const mover = child.actions.find(doesMoveValue);
  const acting = mover === undefined ? {} : { action: mover };
  // Listed assets need no money value, so the example uses the quantity alone.
  const byQuantity = mover === undefined ? {} : { action: mover, notional: undefined };
  if (parent.assets === undefined) {
    const first = child.assets?.[0];
    // A list that permits no movement only narrows.
    if (first === undefined || mover === undefined) return undefined;
    return {
      example: `moving ${first.perOrder} of the asset ${assetKey(first.asset)} that nobody has valued`,
      facts: { ...byQuantity, asset: first.asset, assetQuantity: first.perOrder },
    };
  }
  if (child.assets === undefined) {
    const listed = parent.assets.find(({ asset }) => asset.ccy === undefined);
    const asset = listed?.asset ?? someToken;
    const assetQuantity = listed === undefined ? one : justAbove(listed.perOrder, undefined);
    return {
      example: `moving ${assetQuantity} of the asset ${assetKey(asset)}`,
      facts: { ...acting, asset, assetQuantity },
    };
  }
  for (const asked of child.assets) {
    const limit = parent.assets.find(({ asset }) => assetKey(asset) === assetKey(asked.asset));
    const wider = widerAsset(limit, asked);
    if (wider !== undefined)
      return { example: wider.example, facts: { ...byQuantity, asset: asked.asset, ...wider.facts } };
  }
  return undefined;
}

function widerAsset(limit: AssetLimit | undefined, asked: AssetLimit): Wider | undefined {
  const name = `the asset ${assetKey(asked.asset)}`;
  if (limit === undefined || compareDecimals(asked.perOrder, limit.perOrder) > 0) {
    const assetQuantity = limit === undefined ? asked.perOrder : justAbove(limit.perOrder, asked.perOrder);
    return { example: `moving ${assetQuantity} of ${name}`, facts: { assetQuantity } };
  }
  if (limit.perDay === undefined) return undefined;
  if (asked.perDay !== undefined && compareDecimals(asked.perDay, limit.perDay) <= 0) return undefined;
  const total = justAbove(limit.perDay, asked.perDay);
  const assetQuantity = lesser(asked.perOrder, total);
  return {
    example: `moving ${total} of ${name} in one day`,
    facts: { assetQuantity, assetToday: subtractDecimals(total, assetQuantity) ?? zero },
  };
}

/** Used in the example if the parent lists no token. The cast: this DTI is well-formed. */
const someToken: Asset = { dti: '4H95J0R2X' as Dti };

export function widerApprovals(parent: Constraints, child: Constraints): Wider | undefined {
  const given = child.approvals ?? [];
  const missing = parent.approvals?.find(
    ({ role, count }) => !given.some((each) => each.role === role && each.count >= count),
  );
  if (missing === undefined) return undefined;
  const less = given.find(({ role }) => role === missing.role)?.count ?? 0;
  return { example: `an intent with ${less} approvals as ${missing.role}`, facts: { approvals: given } };
}
