// Fixture for the tests of this room: a small desk, in the shape of the product's own policies.
export const schemaText = `
entity Firm;
entity Desk in [Firm] { jurisdiction: String };
entity Person in [Desk] { level: Long, suspended: Bool, limit?: decimal } tags String;
entity Account in [Desk];
entity Order in [Account] { currency: String, notional: decimal, quantity: Long };
action "order";
action "order:create", "order:cancel" in [Action::"order"] appliesTo {
  principal: [Person],
  resource: [Order],
  context: { address: ipaddr, at: datetime, approvals: Set<Person>, venue: String, headroom?: decimal, units: Long }
};
action "report:read" appliesTo { principal: [Person], resource: [Desk], context: {} };
`;

export const policiesText = `
// Traders act on orders of accounts of their own desk.
@id("own-desk")
permit (principal in Desk::"rates", action in [Action::"order"], resource in Desk::"rates")
when { !principal.suspended && context.venue like "X*" };

@id("approved")
permit (principal, action == Action::"order:create", resource is Order)
when { !context.approvals.isEmpty() && !(context.approvals.contains(principal)) }
unless { resource.currency == "RUB" };

@id("over-limit") @note("numbers in the unit of the account")
forbid (principal, action == Action::"order:create", resource)
when { principal has limit && resource.notional.greaterThan(principal.limit) };

@id("too-many-units")
forbid (principal, action == Action::"order:create", resource)
when { resource.quantity * context.units > 1000000 };

@id("outside")
forbid (principal, action in Action::"order", resource)
unless { context.address.isInRange(ip("10.0.0.0/8")) && context.at.toTime() < duration("18h") };

@id("read-reports")
permit (principal is Person in Firm::"acme", action == Action::"report:read", resource)
when { principal.hasTag("region") && principal.getTag("region") == resource.jurisdiction };
`;
