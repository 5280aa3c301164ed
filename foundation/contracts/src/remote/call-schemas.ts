// Written by scripts/write-call-schemas.mjs from the types in calls.ts. Changes belong there.
import type { CallSchemas, ValueSchema } from './value-schema.ts';

export type { CallSchema, ValueSchema } from './value-schema.ts';

/** What schemas of calls name by `$ref`. */
export const callDefinitions: Readonly<Record<string, ValueSchema>> = {
  "AccessCheckAccessArguments": {
    "type": "array",
    "prefixItems": [
      {"type":"string"}, {"$ref":"#/$defs/GuardedRequest"},
      {"type":"object","properties":{"scope":{"type":"string"}},"required":["scope"],"additionalProperties":false},
    ],
    "minItems": 3, "items": false,
  },
  "ActClaim": {
    "type": "object", "properties": {"act":{"$ref":"#/$defs/ActClaim"},"sub":{"type":"string"}}, "required": ["sub"],
    "additionalProperties": false,
  },
  "Actor": {
    "type": "object", "properties": {"id":{"type":"string"},"institution":{"type":"string"}}, "required": ["id"],
    "additionalProperties": false,
  },
  "ApplicationDetail": {
    "type": "object", "properties": {"type":{"type":"string","pattern":"^https://[^]*$"}}, "required": ["type"],
    "additionalProperties": {},
  },
  "ApprovalView": {
    "type": "object",
    "properties": {
      "approvals": {"$ref":"#/$defs/ApprovalViewApprovals"},
      "awaited": {
        "type": "array",
        "items": {
          "type": "object",
          "properties": {
            "count": {"type":"number"}, "independent": {"const":true}, "institution": {"type":"string"},
            "role": {"type":"string"},
          },
          "required": ["count","institution","role"], "additionalProperties": false,
        },
      },
      "declined": {
        "type": "array",
        "items": {
          "type": "object",
          "properties": {
            "approver": {"type":"string"}, "at": {"type":"string"}, "institution": {"type":"string"},
            "reason": {"type":"string"},
          },
          "required": ["approver","at","institution","reason"], "additionalProperties": false,
        },
      },
      "escalation": {
        "type": "array",
        "items": {
          "type": "object",
          "properties": {
            "from": {"type":"string"}, "inPlaceOf": {"type":"string"}, "institution": {"type":"string"},
            "role": {"type":"string"},
          },
          "required": ["from","inPlaceOf","institution","role"], "additionalProperties": false,
        },
      },
      "initiator": {"type":"string"}, "initiatorInstitution": {"type":"string"}, "intentDigest": {"type":"string"},
      "lines": {
        "type": "array",
        "items": {
          "type": "object", "properties": {"label":{"type":"string"},"value":{"type":"string"}},
          "required": ["label","value"], "additionalProperties": false,
        },
      },
      "notAfter": {"type":"string"}, "state": {"$ref":"#/$defs/TransactionState"}, "title": {"type":"string"},
      "transaction": {"type":"string"}, "warnings": {"type":"array","items":{"$ref":"#/$defs/DecisionReason"}},
    },
    "required": [
      "approvals", "awaited", "declined", "escalation", "initiator", "initiatorInstitution", "intentDigest", "lines",
      "notAfter", "state", "title", "transaction", "warnings",
    ],
    "additionalProperties": false,
  },
  "ApprovalViewApprovals": {
    "type": "array",
    "items": {
      "type": "object",
      "properties": {"approver":{"type":"string"},"institution":{"type":"string"},"role":{"type":"string"}},
      "required": ["approver","institution","role"], "additionalProperties": false,
    },
  },
  "ApproverRole": {"enum":["compliance","desk-head","operations","risk","supervisor"]},
  "AskedStatement": {
    "type": "object", "properties": {"expiresAt":{"type":"string"},"handle":{"type":"string"},"options":{}},
    "required": ["expiresAt","handle","options"], "additionalProperties": false,
  },
  "AssertionLimits": {
    "type": "object",
    "properties": {
      "actors": {"type":"array","items":{"type":"string"}},
      "authorizationDetails": {"type":"array","items":{"$ref":"#/$defs/AuthorizationDetail"}}, "jkt": {"type":"string"},
      "resources": {"type":"array","items":{"type":"string"}}, "scope": {"type":"array","items":{"type":"string"}},
    },
    "required": ["actors","resources","scope"], "additionalProperties": false,
  },
  "Asset": {
    "anyOf": [
      {"type":"object","properties":{"ccy":{"type":"string"}},"required":["ccy"],"additionalProperties":false},
      {"$ref":"#/$defs/Asset2"},
      {"type":"object","properties":{"isin":{"type":"string"}},"required":["isin"],"additionalProperties":false},
    ],
  },
  "Asset2": {"type":"object","properties":{"dti":{"type":"string"}},"required":["dti"],"additionalProperties":false},
  "AtLeast": {
    "type": "object", "properties": {"entityVersion":{"type":"number"},"policyVersion":{"type":"number"}},
    "additionalProperties": false,
  },
  "AuditLogLastUnderArguments": {
    "type": "array", "prefixItems": [{"type":"array","items":{"type":"string"}}], "minItems": 1, "items": false,
  },
  "Authenticator": {
    "type": "object",
    "properties": {
      "aaguid": {"type":"string"}, "acr": {"type":"string"}, "attested": {"type":"boolean"},
      "backupEligible": {"type":"boolean"}, "credentialId": {"type":"string"}, "id": {"type":"string"},
      "jwk": {"type":"object","additionalProperties":{"type":"string"}}, "kid": {"type":"string"},
      "lastUsedAt": {"type":"string"}, "model": {"type":"string"}, "name": {"type":"string"},
      "person": {"type":"string"}, "recordId": {"type":"string"}, "registeredAt": {"type":"string"},
      "suspendedAt": {"type":"string"},
    },
    "required": [
      "aaguid", "acr", "attested", "backupEligible", "credentialId", "id", "jwk", "kid", "name", "person", "recordId",
      "registeredAt",
    ],
    "additionalProperties": false,
  },
  "AuthenticatorsDepartureEndAnswer": {
    "type": "object", "properties": {"ended":{"type":"number"}}, "required": ["ended"], "additionalProperties": false,
  },
  "AuthenticatorsDepartureEndArguments": {
    "type": "array",
    "prefixItems": [
      {
        "type": "object",
        "properties": {
          "at": {"type":"string"}, "by": {"$ref":"#/$defs/Actor"}, "kind": {"enum":["leave","move"]},
          "principal": {"type":"string"}, "reason": {"type":"string"},
        },
        "required": ["at","by","kind","principal","reason"], "additionalProperties": false,
      },
    ],
    "minItems": 1, "items": false,
  },
  "AuthorityProposalsEndProposalsOfArguments": {
    "type": "array",
    "prefixItems": [
      {"type":"string"},
      {
        "type": "object",
        "properties": {"before":{"type":"number"},"by":{"$ref":"#/$defs/Actor"},"reason":{"type":"string"}},
        "required": ["before","by","reason"], "additionalProperties": false,
      },
    ],
    "minItems": 2, "items": false,
  },
  "AuthorizationDetail": {
    "anyOf": [
      {"$ref":"#/$defs/AuthorizationDetail2"}, {"$ref":"#/$defs/AuthorizationDetail3"},
      {"$ref":"#/$defs/AuthorizationDetail4"}, {"$ref":"#/$defs/AuthorizationDetail5"},
      {"$ref":"#/$defs/AuthorizationDetail6"}, {"$ref":"#/$defs/AuthorizationDetail7"},
      {"$ref":"#/$defs/AuthorizationDetail8"}, {"$ref":"#/$defs/AuthorizationDetail9"},
      {"$ref":"#/$defs/AuthorizationDetail10"}, {"$ref":"#/$defs/AuthorizationDetail11"},
    ],
  },
  "AuthorizationDetail10": {
    "type": "object",
    "properties": {
      "actions": {"type":"array","items":{"enum":["approve","giveup","propose"]}}, "entity_lei": {"type":"string"},
      "giveup_to_lei": {"type":"string"}, "idempotency_key": {"type":"string"}, "jurisdiction": {"type":"string"},
      "lines": {
        "type": "array",
        "items": {
          "type": "object", "properties": {"account":{"type":"string"},"qty":{"type":"string"}},
          "required": ["account","qty"], "additionalProperties": false,
        },
      },
      "locations": {"type":"array","items":{"type":"string"}}, "mandate_id": {"type":"string"},
      "not_after": {"type":"string"}, "trade_ids": {"type":"array","items":{"type":"string"}},
      "type": {"const":"urn:countersign:rar:v1:allocation"},
    },
    "required": [
      "actions", "entity_lei", "idempotency_key", "jurisdiction", "lines", "locations", "mandate_id", "not_after",
      "trade_ids", "type",
    ],
    "additionalProperties": false,
  },
  "AuthorizationDetail11": {
    "type": "object",
    "properties": {
      "actions": {"type":"array","items":{"enum":["approve","release","request"]}}, "address_id": {"type":"string"},
      "amount": {"type":"string"}, "asset": {"$ref":"#/$defs/Asset2"}, "calldata_hash": {"type":"string"},
      "chain_id": {"type":"string"}, "entity_lei": {"type":"string"}, "idempotency_key": {"type":"string"},
      "jurisdiction": {"type":"string"}, "locations": {"type":"array","items":{"type":"string"}},
      "mandate_id": {"type":"string"}, "max_fee": {"type":"string"}, "network": {"type":"string"},
      "not_after": {"type":"string"}, "type": {"const":"urn:countersign:rar:v1:withdrawal"},
    },
    "required": [
      "actions", "address_id", "amount", "asset", "chain_id", "entity_lei", "idempotency_key", "jurisdiction",
      "locations", "mandate_id", "max_fee", "network", "not_after", "type",
    ],
    "additionalProperties": false,
  },
  "AuthorizationDetail2": {
    "type": "object",
    "properties": {
      "account": {"type":"string"}, "actions": {"type":"array","items":{"$ref":"#/$defs/TradeOrderAction"}},
      "algo": {"$ref":"#/$defs/AuthorizationDetailAlgo"}, "capacity": {"enum":["AOTC","DEAL","MTCH"]},
      "client_order_id": {"type":"string"}, "entity_lei": {"type":"string"}, "idempotency_key": {"type":"string"},
      "instrument": {"$ref":"#/$defs/AuthorizationDetailInstrument"}, "jurisdiction": {"type":"string"},
      "limit_price": {"$ref":"#/$defs/Money"}, "locations": {"type":"array","items":{"type":"string"}},
      "mandate_id": {"type":"string"}, "max_notional": {"$ref":"#/$defs/Money"}, "max_qty": {"type":"string"},
      "not_after": {"type":"string"}, "parties": {"$ref":"#/$defs/AuthorizationDetailParties"},
      "side": {"enum":["BUY","SELL"]}, "tif": {"enum":["ATC","DAY","FOK","GTC","GTD","IOC","OPG"]},
      "type": {"const":"urn:countersign:rar:v1:trade_order"}, "venue_mic": {"type":"string"},
    },
    "required": [
      "account", "actions", "capacity", "client_order_id", "entity_lei", "idempotency_key", "instrument",
      "jurisdiction", "locations", "mandate_id", "max_notional", "max_qty", "not_after", "parties", "side", "tif",
      "type", "venue_mic",
    ],
    "additionalProperties": false,
  },
  "AuthorizationDetail3": {
    "type": "object",
    "properties": {
      "account": {"type":"string"}, "actions": {"type":"array","items":{"enum":["accept","cancel","create","respond"]}},
      "algo": {"$ref":"#/$defs/AuthorizationDetailAlgo"}, "capacity": {"enum":["AOTC","DEAL","MTCH"]},
      "client_order_id": {"type":"string"}, "counterparties_lei": {"type":"array","items":{"type":"string"}},
      "entity_lei": {"type":"string"}, "idempotency_key": {"type":"string"},
      "instrument": {"$ref":"#/$defs/AuthorizationDetailInstrument"}, "jurisdiction": {"type":"string"},
      "limit_price": {"$ref":"#/$defs/Money"}, "locations": {"type":"array","items":{"type":"string"}},
      "mandate_id": {"type":"string"}, "max_notional": {"$ref":"#/$defs/Money"}, "max_qty": {"type":"string"},
      "not_after": {"type":"string"}, "parties": {"$ref":"#/$defs/AuthorizationDetailParties"},
      "quote_expiry": {"type":"string"}, "quote_id": {"type":"string"}, "side": {"enum":["BUY","SELL"]},
      "tif": {"enum":["ATC","DAY","FOK","GTC","GTD","IOC","OPG"]}, "type": {"const":"urn:countersign:rar:v1:rfq"},
      "venue_mic": {"type":"string"},
    },
    "required": [
      "account", "actions", "capacity", "client_order_id", "counterparties_lei", "entity_lei", "idempotency_key",
      "instrument", "jurisdiction", "locations", "mandate_id", "max_notional", "max_qty", "not_after", "parties",
      "side", "tif", "type", "venue_mic",
    ],
    "additionalProperties": false,
  },
  "AuthorizationDetail4": {
    "type": "object",
    "properties": {
      "account": {"type":"string"}, "actions": {"type":"array","items":{"enum":["approve","propose","revoke"]}},
      "address": {"type":"string"}, "asset": {"$ref":"#/$defs/Asset2"}, "beneficiary_lei": {"type":"string"},
      "chain_id": {"type":"string"}, "cooling_off_until": {"type":"string"}, "entity_lei": {"type":"string"},
      "idempotency_key": {"type":"string"}, "jurisdiction": {"type":"string"},
      "locations": {"type":"array","items":{"type":"string"}}, "mandate_id": {"type":"string"},
      "memo": {"type":"string"}, "not_after": {"type":"string"}, "place_of_settlement": {"type":"string"},
      "type": {"const":"urn:countersign:rar:v1:address_book_change"},
    },
    "required": [
      "actions", "beneficiary_lei", "cooling_off_until", "entity_lei", "idempotency_key", "jurisdiction", "locations",
      "mandate_id", "not_after", "type",
    ],
    "additionalProperties": false,
  },
  "AuthorizationDetail5": {
    "type": "object",
    "properties": {
      "action": {"enum":["CORR","EROR","MARU","MODI","NEWT","POSC","PRTO","REVI","TERM","VALU"]},
      "actions": {"type":"array","items":{"enum":["correct","submit"]}}, "entity_lei": {"type":"string"},
      "idempotency_key": {"type":"string"}, "jurisdiction": {"type":"string"},
      "locations": {"type":"array","items":{"type":"string"}}, "mandate_id": {"type":"string"},
      "not_after": {"type":"string"}, "regime": {"type":"string"}, "tr_lei": {"type":"string"},
      "type": {"const":"urn:countersign:rar:v1:regulatory_report"}, "uti": {"type":"string"},
    },
    "required": [
      "action", "actions", "entity_lei", "idempotency_key", "jurisdiction", "locations", "mandate_id", "not_after",
      "regime", "tr_lei", "type", "uti",
    ],
    "additionalProperties": false,
  },
  "AuthorizationDetail6": {
    "type": "object",
    "properties": {
      "actions": {"type":"array","items":{"enum":["affirm","cancel","instruct","release"]}},
      "amount": {"type":"string"}, "ccy": {"type":"string"},
      "deliverer": {"$ref":"#/$defs/AuthorizationDetailDeliverer"}, "dti": {"type":"string"}, "dvp": {"type":"boolean"},
      "entity_lei": {"type":"string"}, "idempotency_key": {"type":"string"}, "jurisdiction": {"type":"string"},
      "locations": {"type":"array","items":{"type":"string"}}, "mandate_id": {"type":"string"},
      "not_after": {"type":"string"}, "place_of_settlement": {"type":"string"},
      "receiver": {"$ref":"#/$defs/AuthorizationDetailDeliverer"}, "sequence": {"type":"number"},
      "ssi_version": {"type":"string"}, "trade_id": {"type":"string"},
      "type": {"const":"urn:countersign:rar:v1:settlement_instruction"}, "uti": {"type":"string"},
      "value_date": {"type":"string"},
    },
    "required": [
      "actions", "amount", "deliverer", "dvp", "entity_lei", "idempotency_key", "jurisdiction", "locations",
      "mandate_id", "not_after", "place_of_settlement", "receiver", "sequence", "ssi_version", "trade_id", "type",
      "uti", "value_date",
    ],
    "additionalProperties": false,
  },
  "AuthorizationDetail7": {
    "type": "object",
    "properties": {
      "actions": {"type":"array","items":{"enum":["affirm","cancel","submit"]}}, "ccp_lei": {"type":"string"},
      "clearing_firm_lei": {"type":"string"}, "client_account_type": {"enum":["AggregateClient","Client","House"]},
      "entity_lei": {"type":"string"}, "idempotency_key": {"type":"string"}, "jurisdiction": {"type":"string"},
      "locations": {"type":"array","items":{"type":"string"}}, "mandate_id": {"type":"string"},
      "not_after": {"type":"string"}, "trade_id": {"type":"string"},
      "type": {"const":"urn:countersign:rar:v1:clearing_submission"}, "uti": {"type":"string"},
    },
    "required": [
      "actions", "ccp_lei", "clearing_firm_lei", "client_account_type", "entity_lei", "idempotency_key", "jurisdiction",
      "locations", "mandate_id", "not_after", "trade_id", "type", "uti",
    ],
    "additionalProperties": false,
  },
  "AuthorizationDetail8": {
    "type": "object",
    "properties": {
      "actions": {"type":"array","items":{"enum":["approve","call","pledge","recall","substitute","transfer"]}},
      "agreement_id": {"type":"string"}, "asset": {"$ref":"#/$defs/Asset"}, "call_id": {"type":"string"},
      "direction": {"enum":["DELIVER","RETURN"]}, "entity_lei": {"type":"string"}, "idempotency_key": {"type":"string"},
      "jurisdiction": {"type":"string"}, "locations": {"type":"array","items":{"type":"string"}},
      "mandate_id": {"type":"string"}, "not_after": {"type":"string"}, "qty": {"type":"string"},
      "type": {"const":"urn:countersign:rar:v1:collateral_transfer"}, "valuation_ref": {"type":"string"},
    },
    "required": [
      "actions", "agreement_id", "asset", "direction", "entity_lei", "idempotency_key", "jurisdiction", "locations",
      "mandate_id", "not_after", "qty", "type", "valuation_ref",
    ],
    "additionalProperties": false,
  },
  "AuthorizationDetail9": {
    "type": "object",
    "properties": {
      "actions": {"type":"array","items":{"enum":["approve","execute","request"]}}, "after_hash": {"type":"string"},
      "before_hash": {"type":"string"}, "entity_lei": {"type":"string"}, "idempotency_key": {"type":"string"},
      "jurisdiction": {"type":"string"}, "locations": {"type":"array","items":{"type":"string"}},
      "mandate_id": {"type":"string"}, "not_after": {"type":"string"}, "operation": {"type":"string"},
      "target": {"type":"string"}, "ticket": {"type":"string"},
      "type": {"const":"urn:countersign:rar:v1:privileged_admin"},
    },
    "required": [
      "actions", "entity_lei", "idempotency_key", "jurisdiction", "locations", "mandate_id", "not_after", "operation",
      "target", "ticket", "type",
    ],
    "additionalProperties": false,
  },
  "AuthorizationDetailAlgo": {
    "type": "object",
    "properties": {
      "artifact_sha256": {"type":"string"}, "cert_id": {"type":"string"}, "model_id": {"type":"string"},
      "version": {"type":"string"},
    },
    "required": ["artifact_sha256","model_id","version"], "additionalProperties": false,
  },
  "AuthorizationDetailDeliverer": {
    "type": "object", "properties": {"account":{"type":"string"},"address":{"type":"string"},"lei":{"type":"string"}},
    "required": ["lei"], "additionalProperties": false,
  },
  "AuthorizationDetailInstrument": {
    "type": "object",
    "properties": {"cfi":{"type":"string"},"dti":{"type":"string"},"isin":{"type":"string"},"upi":{"type":"string"}},
    "required": ["cfi"], "additionalProperties": false,
  },
  "AuthorizationDetailParties": {
    "type": "array",
    "items": {
      "type": "object", "properties": {"lei":{"type":"string"},"role":{"$ref":"#/$defs/PartyRole"}},
      "required": ["lei","role"], "additionalProperties": false,
    },
  },
  "Caller": {
    "type": "object",
    "properties": {
      "acr": {"type":"string"}, "actors": {"type":"array","items":{"type":"string"}}, "authTime": {"type":"number"},
      "authorizationDetails": {"type":"array","items":{"$ref":"#/$defs/TokenDetail"}}, "client": {"type":"string"},
      "institution": {"type":"string"}, "intentDigest": {"type":"string"}, "mandate": {"$ref":"#/$defs/CallerMandate"},
      "scope": {"type":"array","items":{"type":"string"}}, "subject": {"type":"string"}, "tokenId": {"type":"string"},
      "transaction": {"type":"string"},
    },
    "required": ["actors","authorizationDetails","client","institution","scope","subject","tokenId"],
    "additionalProperties": false,
  },
  "CallerMandate": {
    "type": "object", "properties": {"id":{"type":"string"},"version":{"type":"number"}}, "required": ["id","version"],
    "additionalProperties": false,
  },
  "Commitment": {
    "type": "object",
    "properties": {
      "ciphertext": {"type":"string"}, "commitment": {"type":"string"}, "key": {"type":"string"},
      "kind": {"enum":["personal","strategy"]},
    },
    "required": ["ciphertext","commitment","key","kind"], "additionalProperties": false,
  },
  "ComplianceFinding": {
    "type": "object", "properties": {"compliance":{},"institution":{"type":"string"}}, "required": ["institution"],
    "additionalProperties": false,
  },
  "DecidedRequest": {
    "type": "object", "properties": {"askedAt":{"type":"number"},"id":{"type":"string"}}, "required": ["askedAt","id"],
    "additionalProperties": false,
  },
  "Decision": {
    "type": "object",
    "properties": {
      "decision": {"type":"boolean"}, "determining": {"type":"array","items":{"type":"string"}},
      "entityVersion": {"type":"number"},
      "errors": {
        "type": "array",
        "items": {
          "type": "object", "properties": {"message":{"type":"string"},"policyId":{"type":"string"}},
          "required": ["message","policyId"], "additionalProperties": false,
        },
      },
      "id": {"type":"string"}, "inputDigest": {"type":"string"}, "inputText": {"type":"string"},
      "obligations": {"type":"array","items":{"$ref":"#/$defs/Obligation"}}, "policyHash": {"type":"string"},
      "policyRecord": {"type":"string"}, "policyVersion": {"type":"number"},
      "reasons": {"type":"array","items":{"$ref":"#/$defs/DecisionReason"}}, "timeStamp": {"const":true},
      "tokenLifetimeSeconds": {"type":"number"},
    },
    "required": [
      "decision", "determining", "entityVersion", "errors", "id", "inputDigest", "inputText", "obligations",
      "policyHash", "policyRecord", "policyVersion", "reasons",
    ],
    "additionalProperties": false,
  },
  "DecisionInput": {
    "type": "object",
    "properties": {
      "action": {"type":"string"}, "atLeast": {"$ref":"#/$defs/AtLeast"},
      "context": {
        "type": "object",
        "properties": {
          "acr": {"type":"string"}, "actors": {"type":"array","items":{"type":"string"}},
          "algo": {
            "type": "object",
            "properties": {"artifactSha256":{"type":"string"},"modelId":{"type":"string"},"version":{"type":"string"}},
            "required": ["artifactSha256","modelId","version"], "additionalProperties": false,
          },
          "at": {"type":"number"}, "audience": {"type":"string"}, "authTime": {"type":"number"},
          "boundToIntent": {"type":"boolean"}, "claimedClient": {"type":"string"}, "claimedDevice": {"type":"string"},
          "claimedSignals": {"type":"array","items":{"type":"string"}}, "client": {"type":"string"},
          "device": {"type":"string"}, "institution": {"type":"string"}, "mandateInForce": {"type":"boolean"},
          "partner": {
            "type": "object",
            "properties": {"claims":{"type":"array","items":{"type":"string"}},"institution":{"type":"string"}},
            "required": ["claims","institution"], "additionalProperties": false,
          },
          "scopes": {"type":"array","items":{"type":"string"}},
          "step": {
            "type": "object",
            "properties": {
              "events": {"type":"array","items":{"type":"string"}}, "onlyCompletes": {"type":"boolean"},
              "transaction": {"type":"string"},
            },
            "required": ["events","transaction"], "additionalProperties": false,
          },
        },
        "required": ["at","audience","client","institution","mandateInForce","scopes"], "additionalProperties": false,
      },
      "principal": {"type":"string"},
      "resource": {
        "anyOf": [
          {
            "type": "object",
            "properties": {"facts":{"$ref":"#/$defs/TransactionFacts"},"type":{"const":"transaction"}},
            "required": ["facts","type"], "additionalProperties": false,
          },
          {
            "type": "object", "properties": {"type":{"const":"resource"},"uri":{"type":"string"}},
            "required": ["type","uri"], "additionalProperties": false,
          },
        ],
      },
    },
    "required": ["action","context","principal","resource"], "additionalProperties": false,
  },
  "DecisionReason": {
    "type": "object", "properties": {"code":{"type":"string"},"detail":{"type":"string"}},
    "required": ["code","detail"], "additionalProperties": false,
  },
  "DeclaredDetailType": {
    "type": "object",
    "properties": {
      "audience": {"type":"string"}, "rendering": {"$ref":"#/$defs/DetailRendering"}, "schema": {},
      "type": {"type":"string"},
    },
    "required": ["audience","schema","type"], "additionalProperties": false,
  },
  "DeclaringModel": {
    "type": "object",
    "properties": {
      "authorizationDetails": {"type":"array","items":{"$ref":"#/$defs/DeclaredDetailType"}},
      "namespace": {"type":"string"},
    },
    "required": ["namespace"], "additionalProperties": false,
  },
  "DetailRendering": {
    "type": "object",
    "properties": {
      "lines": {
        "type": "array",
        "items": {
          "type": "object",
          "properties": {
            "label": {"type":"string"}, "pointer": {"type":"string"},
            "words": {"type":"object","additionalProperties":{"type":"string"}},
          },
          "required": ["label","pointer"], "additionalProperties": false,
        },
      },
      "title": {"type":"string"},
    },
    "required": ["lines","title"], "additionalProperties": false,
  },
  "DirectoryChange": {
    "type": "object",
    "properties": {
      "after": {"type":"object","additionalProperties":{}}, "before": {"type":"object","additionalProperties":{}},
      "change": {"enum":["add","change","remove"]}, "fields": {"type":"array","items":{"type":"string"}},
      "id": {"type":"string"},
      "kind": {
        "enum": [
          "account", "agent", "branch", "client", "contract", "desk", "device", "institution", "instrument", "partner",
          "person", "rate", "resource", "service", "short-code", "venue",
        ],
      },
    },
    "required": ["change","id","kind"], "additionalProperties": false,
  },
  "DirectoryEdit": {
    "type": "object",
    "properties": {
      "put": {
        "type": "object",
        "properties": {
          "clients": {"type":"array","items":{}}, "desks": {"type":"array","items":{}},
          "findings": {"type":"array","items":{"$ref":"#/$defs/ComplianceFinding"}},
          "instruments": {"type":"array","items":{}}, "people": {"type":"array","items":{}},
          "rates": {"type":"array","items":{}},
        },
        "additionalProperties": false,
      },
      "remove": {
        "type": "array",
        "items": {
          "type": "object",
          "properties": {"id":{"type":"string"},"kind":{"enum":["agent","client","desk","person","service"]}},
          "required": ["id","kind"], "additionalProperties": false,
        },
      },
    },
    "additionalProperties": false,
  },
  "DirectoryPage": {
    "type": "object",
    "properties": {
      "changed": {"type":"array","items":{"$ref":"#/$defs/StreamedEntity"}},
      "keyTimes": {
        "type": "array",
        "items": {
          "type": "object",
          "properties": {"client":{"type":"string"},"registeredAt":{"type":"number"},"thumbprint":{"type":"string"}},
          "required": ["client","registeredAt","thumbprint"], "additionalProperties": false,
        },
      },
      "next": {"type":"string"},
      "records": {
        "type": "array",
        "items": {
          "type": "object", "properties": {"person":{"type":"string"},"record":{"type":"string"}},
          "required": ["person","record"], "additionalProperties": false,
        },
      },
      "removed": {
        "type": "array",
        "items": {
          "type": "object", "properties": {"id":{"type":"string"},"kind":{"type":"string"}}, "required": ["id","kind"],
          "additionalProperties": false,
        },
      },
      "version": {"type":"number"}, "whole": {"type":"boolean"},
    },
    "required": ["changed","keyTimes","records","removed","version","whole"], "additionalProperties": false,
  },
  "EarlierUse": {
    "type": "object",
    "properties": {"notional":{"$ref":"#/$defs/Money"},"quantity":{"type":"string"},"secondsAgo":{"type":"number"}},
    "required": ["secondsAgo"], "additionalProperties": false,
  },
  "EvidenceQuery": {
    "type": "object",
    "properties": {
      "after": {"wire":"bigint"}, "agent": {"type":"string"}, "client": {"type":"string"},
      "decision": {"type":"string"}, "from": {"type":"number"}, "institution": {"type":"string"},
      "limit": {"type":"number"}, "mandate": {"type":"string"}, "partner": {"type":"string"},
      "person": {"type":"string"}, "transaction": {"type":"string"},
      "types": {"type":"array","items":{"$ref":"#/$defs/RecordType"}}, "until": {"type":"number"},
    },
    "additionalProperties": false,
  },
  "EvidenceRecord": {
    "type": "object",
    "properties": {
      "actors": {"type":"array","items":{"$ref":"#/$defs/Actor"}}, "address": {"type":"string"},
      "audience": {"type":"array","items":{"type":"string"}},
      "authentication": {"$ref":"#/$defs/EvidenceRecordAuthentication"},
      "certificate": {"$ref":"#/$defs/EvidenceRecordCertificate"}, "client": {"type":"string"},
      "clock": {"type":"string"}, "data": {}, "device": {"type":"string"}, "id": {"type":"string"},
      "intent": {"type":"string"}, "mandate": {"$ref":"#/$defs/CallerMandate"}, "number": {"type":"number"},
      "outcome": {"enum":["deny","done","permit"]}, "partner": {"type":"string"}, "payload": {"type":"string"},
      "policy": {"$ref":"#/$defs/EvidenceRecordPolicy"},
      "protected": {"type":"object","additionalProperties":{"$ref":"#/$defs/Commitment"}}, "reason": {"type":"string"},
      "references": {"type":"array","items":{"type":"string"}}, "scope": {"type":"array","items":{"type":"string"}},
      "source": {"type":"string"}, "standing": {"type":"array","items":{"$ref":"#/$defs/Standing"}},
      "stream": {"type":"string"}, "subject": {"$ref":"#/$defs/Actor"}, "time": {"type":"string"},
      "transaction": {"type":"string"}, "type": {"$ref":"#/$defs/RecordType"}, "v": {"enum":[1,2]},
      "zone": {"type":"string"},
    },
    "required": ["id","outcome","source","time","type","v"], "additionalProperties": false,
  },
  "EvidenceRecordAuthentication": {
    "type": "object",
    "properties": {
      "acr": {"type":"string"}, "amr": {"type":"array","items":{"type":"string"}}, "authTime": {"type":"number"},
      "issuer": {"type":"string"}, "method": {"type":"string"},
    },
    "additionalProperties": false,
  },
  "EvidenceRecordCertificate": {
    "type": "object", "properties": {"serial":{"type":"string"},"thumbprint":{"type":"string"}},
    "required": ["serial","thumbprint"], "additionalProperties": false,
  },
  "EvidenceRecordPolicy": {
    "type": "object", "properties": {"hash":{"type":"string"},"version":{"type":"number"}},
    "required": ["hash","version"], "additionalProperties": false,
  },
  "ExpectedEntity": {
    "type": "object",
    "properties": {
      "digest": {"type":["null","string"]}, "id": {"type":"string"}, "kind": {"enum":["client","desk","person"]},
    },
    "required": ["digest","id","kind"], "additionalProperties": false,
  },
  "FederatedIdentity": {
    "type": "object",
    "properties": {
      "acr": {"type":"string"}, "amr": {"type":"array","items":{"type":"string"}}, "assertionId": {"type":"string"},
      "authTime": {"type":"number"}, "claims": {"type":"array","items":{"type":"string"}},
      "expiresAt": {"type":"number"}, "institution": {"type":"string"}, "issuer": {"type":"string"},
      "limits": {"$ref":"#/$defs/AssertionLimits"}, "principal": {"type":"string"},
      "provenance": {
        "type": "object",
        "properties": {
          "assertionDigest": {"type":"string"}, "kid": {"type":"string"}, "profile": {"type":"string"},
          "profileRecord": {"type":"string"}, "profileVersion": {"type":"number"}, "thumbprint": {"type":"string"},
        },
        "required": ["assertionDigest","kid","profile","profileRecord","profileVersion","thumbprint"],
        "additionalProperties": false,
      },
      "subject": {"type":"string"},
    },
    "required": [
      "acr", "amr", "assertionId", "authTime", "claims", "expiresAt", "institution", "issuer", "principal",
      "provenance", "subject",
    ],
    "additionalProperties": false,
  },
  "FromRecordPages": {
    "anyOf": [
      {
        "type": "object", "properties": {"detail":{"type":"string"},"say":{"const":"failed"}},
        "required": ["detail","say"], "additionalProperties": false,
      },
      {
        "type": "object",
        "properties": {
          "page": {
            "type": "object",
            "properties": {
              "bytes": {"wire":"bytes"}, "ends": {"type":"array","items":{"type":"number"}},
              "records": {"type":"number"},
            },
            "required": ["bytes","ends","records"], "additionalProperties": false,
          },
          "say": {"const":"page"},
        },
        "required": ["page","say"], "additionalProperties": false,
      },
      {"type":"object","properties":{"say":{"const":"end"}},"required":["say"],"additionalProperties":false},
    ],
  },
  "Grant": {
    "type": "object",
    "properties": {
      "acr": {"type":"string"}, "amr": {"type":"array","items":{"type":"string"}},
      "applicationDetails": {"type":"array","items":{"$ref":"#/$defs/ApplicationDetail"}},
      "authTime": {"type":"number"}, "boundTo": {"type":"array","items":{"type":"string"}}, "client": {"type":"string"},
      "decision": {"type":"string"}, "details": {"type":"array","items":{"$ref":"#/$defs/AuthorizationDetail"}},
      "expiresAt": {"type":"string"}, "givenAt": {"type":"string"}, "id": {"type":"string"},
      "institution": {"type":"string"}, "recordId": {"type":"string"},
      "resources": {"type":"array","items":{"type":"string"}}, "scopes": {"$ref":"#/$defs/GrantScopes"},
      "session": {"type":"string"}, "status": {"enum":["active","revoked"]}, "subject": {"type":"string"},
      "version": {"type":"number"},
    },
    "required": [
      "acr", "amr", "authTime", "client", "details", "expiresAt", "givenAt", "id", "institution", "recordId",
      "resources", "scopes", "status", "subject", "version",
    ],
    "additionalProperties": false,
  },
  "GrantProposal": {
    "type": "object",
    "properties": {
      "acr": {"type":"string"}, "amr": {"type":"array","items":{"type":"string"}},
      "applicationDetails": {"type":"array","items":{"$ref":"#/$defs/ApplicationDetail"}},
      "authTime": {"type":"number"}, "boundTo": {"type":"array","items":{"type":"string"}}, "client": {"type":"string"},
      "details": {"type":"array","items":{"$ref":"#/$defs/AuthorizationDetail"}}, "expiresAt": {"type":"string"},
      "institution": {"type":"string"}, "resources": {"type":"array","items":{"type":"string"}},
      "scopes": {"$ref":"#/$defs/GrantScopes"}, "session": {"type":"string"}, "subject": {"type":"string"},
    },
    "required": ["acr","amr","authTime","client","details","expiresAt","institution","resources","scopes","subject"],
    "additionalProperties": false,
  },
  "GrantScopes": {
    "type": "array",
    "items": {
      "enum": [
        "account:lock", "account:unlock", "allocation:approve", "allocation:giveup", "allocation:propose",
        "application:write", "audit:disclose", "audit:export", "audit:read", "authenticator:invite",
        "authenticator:read", "authenticator:revoke", "authority:approve", "authority:propose", "breakglass:read",
        "certificate:issue", "certificate:read", "certificate:revoke", "client:register", "collateral:approve",
        "collateral:transfer", "compliance:record", "decision:evaluate", "device:enrol", "device:read", "device:report",
        "directory:apply", "directory:approve", "directory:read", "email", "erasure:approve", "erasure:propose",
        "event:read", "event:subscribe", "exception:read", "exception:resolve", "grant_management_query",
        "grant_management_revoke", "identity:provision", "identity:read", "key:revoke", "key:rotate", "legalhold:place",
        "legalhold:release", "mandate:grant", "mandate:read", "mandate:revoke", "margin:pledge", "margin:recall",
        "offline_access", "openid", "order:approve", "order:cancel", "order:create", "order:read", "partner:register",
        "policy:approve", "policy:propose", "policy:read", "policy:rollback", "profile", "recovery:open",
        "recovery:read", "reference:record", "report:correct", "report:read", "report:submit", "retention:approve",
        "retention:propose", "retention:read", "revocation:lift", "revocation:read", "rfq:accept", "rfq:create",
        "rfq:respond", "session:end", "session:read", "settlement:affirm", "settlement:cancel", "settlement:instruct",
        "settlement:read", "settlement:release", "signal:subscribe", "token:revoke", "trade:affirm", "trade:bust",
        "trade:read", "withdrawal-address:approve", "withdrawal-address:propose", "withdrawal-address:revoke",
        "withdrawal:approve", "withdrawal:release", "withdrawal:request",
      ],
    },
  },
  "GrantedStep": {
    "type": "object",
    "properties": {
      "actions": {"type":"array","items":{"type":"string"}}, "locations": {"type":"array","items":{"type":"string"}},
      "mandate": {"$ref":"#/$defs/CallerMandate"}, "transaction": {"type":"string"},
      "type": {"const":"urn:countersign:rar:v1:transaction_step"},
    },
    "required": ["actions","locations","mandate","transaction","type"], "additionalProperties": false,
  },
  "GrantsOf": {
    "anyOf": [
      {"type":"object","properties":{"client":{"type":"string"}},"required":["client"],"additionalProperties":false},
      {
        "type": "object", "properties": {"institution":{"type":"string"}}, "required": ["institution"],
        "additionalProperties": false,
      },
      {"type":"object","properties":{"subject":{"type":"string"}},"required":["subject"],"additionalProperties":false},
    ],
  },
  "GuardedRequest": {
    "type": "object",
    "properties": {
      "address": {"type":"string"}, "authorization": {"type":"array","items":{"type":"string"}},
      "certificate": {
        "type": "object", "properties": {"chainVerified":{"type":"boolean"},"der":{"wire":"bytes"}},
        "required": ["der"], "additionalProperties": false,
      },
      "dpop": {"type":"array","items":{"type":"string"}}, "method": {"type":"string"}, "url": {"type":"string"},
      "zone": {"type":"string"},
    },
    "required": ["authorization","dpop","method","url"], "additionalProperties": false,
  },
  "KeyPlace": {
    "type": "object",
    "properties": {
      "driver": {"enum":["pkcs11","software"]}, "id": {"type":"string"}, "label": {"type":"string"},
      "token": {"type":"string"},
    },
    "required": ["driver"], "additionalProperties": false,
  },
  "KeyPurpose": {
    "enum": [
      "access-token", "certificate-device", "certificate-partner", "certificate-person", "certificate-service",
      "certificate-status", "certificate-workload", "envelope", "event", "id-token", "id-token-ps256", "id-token-rs256",
      "log-checkpoint", "mandate", "policy-bundle", "security-event", "time-stamp", "transaction-token",
    ],
  },
  "LastingCaller": {
    "type": "object", "properties": {"caller":{"$ref":"#/$defs/Caller"},"token":{"$ref":"#/$defs/LastingToken"}},
    "required": ["caller","token"], "additionalProperties": false,
  },
  "LastingToken": {
    "type": "object",
    "properties": {
      "act": {"$ref":"#/$defs/ActClaim"}, "ancestors": {"type":"array","items":{"type":"string"}},
      "client_id": {"type":"string"}, "exp": {"type":"number"}, "grant": {"type":"string"}, "iat": {"type":"number"},
      "jti": {"type":"string"}, "lei": {"type":"string"}, "mandate": {"$ref":"#/$defs/CallerMandate"},
      "sub": {"type":"string"},
    },
    "required": ["client_id","exp","iat","jti","lei","sub"], "additionalProperties": false,
  },
  "ListedKey": {
    "type": "object",
    "properties": {
      "activeFrom": {"type":"number"}, "algorithm": {"enum":["ES256","EdDSA","PS256","RS256"]},
      "kid": {"type":"string"}, "place": {"$ref":"#/$defs/KeyPlace"}, "publishedAt": {"type":"number"},
      "purpose": {"$ref":"#/$defs/KeyPurpose"}, "state": {"enum":["active","published","retiring"]},
    },
    "required": ["activeFrom","algorithm","kid","place","publishedAt","purpose","state"], "additionalProperties": false,
  },
  "LogEntry": {
    "type": "object", "properties": {"index":{"wire":"bigint"},"record":{"$ref":"#/$defs/EvidenceRecord"}},
    "required": ["index","record"], "additionalProperties": false,
  },
  "Mandate": {
    "type": "object",
    "properties": {
      "amendment": {"$ref":"#/$defs/MandateAmendment"},
      "consents": {"type":"array","items":{"$ref":"#/$defs/MandateConsent"}},
      "constraints": {"$ref":"#/$defs/MandateConstraints"}, "digest": {"type":"string"},
      "effectiveFrom": {"type":"string"}, "effectiveUntil": {"type":"string"},
      "grantee": {"$ref":"#/$defs/MandateParty"}, "grantor": {"$ref":"#/$defs/MandateParty"},
      "heldFrom": {"type":"number"}, "id": {"type":"string"}, "kind": {"$ref":"#/$defs/MandateKind"},
      "legalBasis": {"$ref":"#/$defs/MandateLegalBasis"}, "parent": {"$ref":"#/$defs/MandateParent"},
      "previousDigest": {"type":"string"}, "recordId": {"type":"string"}, "recordedAt": {"type":"string"},
      "signature": {
        "type": "object",
        "properties": {
          "algorithm": {"enum":["ES256","EdDSA","PS256","RS256"]}, "kid": {"type":"string"}, "value": {"type":"string"},
        },
        "required": ["algorithm","kid","value"], "additionalProperties": false,
      },
      "status": {"$ref":"#/$defs/MandateStatus"}, "termsHash": {"type":"string"},
      "thirdParty": {"$ref":"#/$defs/MandateParty"}, "version": {"type":"number"},
    },
    "required": [
      "consents", "constraints", "digest", "effectiveFrom", "effectiveUntil", "grantee", "grantor", "id", "kind",
      "legalBasis", "recordId", "recordedAt", "status", "termsHash", "version",
    ],
    "additionalProperties": false,
  },
  "MandateAmendment": {
    "type": "object",
    "properties": {
      "consents": {"type":"array","items":{"$ref":"#/$defs/MandateConsent"}},
      "kind": {"enum":["amendment","counterparty-change"]}, "proposedAt": {"type":"string"},
      "recordId": {"type":"string"}, "terms": {"$ref":"#/$defs/MandateTerms"}, "termsDigest": {"type":"string"},
    },
    "required": ["consents","kind","proposedAt","recordId","terms","termsDigest"], "additionalProperties": false,
  },
  "MandateAnswer": {
    "anyOf": [
      {
        "type": "object",
        "properties": {
          "atFault": {"$ref":"#/$defs/Mandate"}, "detail": {"type":"string"}, "mandate": {"$ref":"#/$defs/Mandate"},
          "reason": {"type":"string"}, "stands": {"const":false},
        },
        "required": ["detail","reason","stands"], "additionalProperties": false,
      },
      {
        "type": "object",
        "properties": {
          "chain": {"type":"array","items":{"$ref":"#/$defs/Mandate"}}, "mandate": {"$ref":"#/$defs/Mandate"},
          "stands": {"const":true},
        },
        "required": ["chain","mandate","stands"], "additionalProperties": false,
      },
    ],
  },
  "MandateConsent": {
    "type": "object",
    "properties": {
      "at": {"type":"string"}, "authority": {"enum":["joint","sole"]}, "lei": {"type":"string"},
      "part": {"enum":["grantee","grantor","thirdParty"]}, "recordId": {"type":"string"},
      "signatory": {"type":"string"}, "termsDigest": {"type":"string"},
    },
    "required": ["at","authority","lei","part","recordId","signatory","termsDigest"], "additionalProperties": false,
  },
  "MandateConstraints": {
    "type": "object",
    "properties": {
      "accounts": {"type":"array","items":{"type":"string"}},
      "actions": {"type":"array","items":{"$ref":"#/$defs/Scope"}},
      "approvals": {"$ref":"#/$defs/MandateConstraintsApprovals"},
      "assets": {
        "type": "array",
        "items": {
          "type": "object",
          "properties": {"asset":{"$ref":"#/$defs/Asset"},"perDay":{"type":"string"},"perOrder":{"type":"string"}},
          "required": ["asset","perOrder"], "additionalProperties": false,
        },
      },
      "counterparties": {"type":"array","items":{"type":"string"}}, "delegationDepth": {"type":"number"},
      "destinations": {"type":"array","items":{"type":"string"}},
      "hours": {
        "type": "object",
        "properties": {
          "days": {"type":"array","items":{"type":"number"}}, "from": {"type":"string"}, "timeZone": {"type":"string"},
          "until": {"type":"string"},
        },
        "required": ["days","from","timeZone","until"], "additionalProperties": false,
      },
      "jurisdictions": {"type":"array","items":{"type":"string"}},
      "limits": {
        "type": "array",
        "items": {
          "type": "object",
          "properties": {
            "ccy": {"type":"string"}, "max": {"type":"string"}, "measure": {"enum":["notional","quantity"]},
            "windowSeconds": {"type":"number"},
          },
          "required": ["max","measure","windowSeconds"], "additionalProperties": false,
        },
      },
      "notionalPerDay": {"$ref":"#/$defs/Money"}, "notionalPerOrder": {"$ref":"#/$defs/Money"},
      "productClasses": {"type":"array","items":{"type":"string"}}, "quantityPerOrder": {"type":"string"},
      "venues": {"type":"array","items":{"type":"string"}},
    },
    "required": [
      "actions", "delegationDepth", "jurisdictions", "notionalPerDay", "notionalPerOrder", "productClasses", "venues",
    ],
    "additionalProperties": false,
  },
  "MandateConstraintsApprovals": {
    "type": "array",
    "items": {
      "type": "object", "properties": {"count":{"type":"number"},"role":{"$ref":"#/$defs/ApproverRole"}},
      "required": ["count","role"], "additionalProperties": false,
    },
  },
  "MandateKind": {"enum":["instruction","mandate","onboarding-agreement","standing-authority","tri-party-rule"]},
  "MandateLegalBasis": {
    "type": "object", "properties": {"reference":{"type":"string"},"type":{"type":"string"}},
    "required": ["reference","type"], "additionalProperties": false,
  },
  "MandateListing": {
    "type": "object",
    "properties": {
      "after": {"type":"string"}, "endingBefore": {"type":"number"}, "institution": {"type":"string"},
      "kind": {"$ref":"#/$defs/MandateKind"}, "limit": {"type":"number"}, "status": {"$ref":"#/$defs/MandateStatus"},
    },
    "required": ["institution"], "additionalProperties": false,
  },
  "MandateParent": {
    "type": "object", "properties": {"digest":{"type":"string"},"id":{"type":"string"},"version":{"type":"number"}},
    "required": ["id","version"], "additionalProperties": false,
  },
  "MandateParty": {
    "type": "object", "properties": {"lei":{"type":"string"},"role":{"type":"string"}}, "required": ["lei","role"],
    "additionalProperties": false,
  },
  "MandateQuestion": {
    "type": "object",
    "properties": {
      "actingFor": {"type":"string"}, "at": {"type":"number"}, "atLeastVersion": {"type":"number"},
      "mandate": {"type":"string"}, "use": {"$ref":"#/$defs/MandateUse"},
    },
    "required": ["actingFor","at","mandate","use"], "additionalProperties": false,
  },
  "MandateStatus": {"enum":["active","expired","proposed","revoked","suspended"]},
  "MandateTerms": {
    "type": "object",
    "properties": {
      "constraints": {"$ref":"#/$defs/MandateConstraints"}, "effectiveFrom": {"type":"string"},
      "effectiveUntil": {"type":"string"}, "grantee": {"$ref":"#/$defs/MandateParty"},
      "grantor": {"$ref":"#/$defs/MandateParty"}, "kind": {"$ref":"#/$defs/MandateKind"},
      "legalBasis": {"$ref":"#/$defs/MandateLegalBasis"}, "parent": {"$ref":"#/$defs/MandateParent"},
      "termsHash": {"type":"string"}, "thirdParty": {"$ref":"#/$defs/MandateParty"},
    },
    "required": ["constraints","effectiveFrom","effectiveUntil","grantee","grantor","kind","legalBasis","termsHash"],
    "additionalProperties": false,
  },
  "MandateUse": {
    "type": "object",
    "properties": {
      "accounts": {"type":"array","items":{"type":"string"}}, "action": {"type":"string"},
      "approvals": {"$ref":"#/$defs/MandateConstraintsApprovals"}, "asset": {"$ref":"#/$defs/Asset"},
      "assetQuantity": {"type":"string"}, "assetToday": {"type":"string"}, "at": {"type":"number"},
      "cfi": {"type":"string"}, "counterparties": {"type":"array","items":{"type":"string"}},
      "destination": {"type":"string"}, "earlier": {"type":"array","items":{"$ref":"#/$defs/EarlierUse"}},
      "jurisdiction": {"type":"string"}, "notional": {"$ref":"#/$defs/Money"},
      "notionalToday": {"$ref":"#/$defs/Money"}, "quantity": {"type":"string"}, "venue": {"type":"string"},
    },
    "required": ["action","at"], "additionalProperties": false,
  },
  "Money": {
    "type": "object", "properties": {"amount":{"type":"string"},"ccy":{"type":"string"}}, "required": ["amount","ccy"],
    "additionalProperties": false,
  },
  "NoticeKind": {
    "enum": [
      "account-locked", "account-unlocked", "authenticator-added", "authenticator-removed", "authenticator-suspected",
      "break-glass-declared", "break-glass-review-due", "break-glass-review-overdue", "client-key-ending",
      "impossible-travel", "recovery-completed", "recovery-decided", "recovery-opened", "signed-in-on-new-device",
    ],
  },
  "Obligation": {
    "anyOf": [
      {
        "type": "object",
        "properties": {"acr":{"type":"string"},"kind":{"const":"step-up"},"maxAgeSeconds":{"type":"number"}},
        "required": ["acr","kind"], "additionalProperties": false,
      },
      {
        "type": "object",
        "properties": {
          "count": {"type":"number"},
          "escalation": {
            "type": "array",
            "items": {
              "type": "object", "properties": {"afterSeconds":{"type":"number"},"role":{"type":"string"}},
              "required": ["afterSeconds","role"], "additionalProperties": false,
            },
          },
          "kind": {"const":"approval"}, "role": {"type":"string"},
        },
        "required": ["count","escalation","kind","role"], "additionalProperties": false,
      },
    ],
  },
  "OpenedTransaction": {
    "type": "object",
    "properties": {
      "facts": {"$ref":"#/$defs/TransactionFacts"}, "id": {"type":"string"}, "intentDigest": {"type":"string"},
      "recordId": {"type":"string"}, "state": {"$ref":"#/$defs/TransactionState"},
    },
    "required": ["facts","id","intentDigest","recordId","state"], "additionalProperties": false,
  },
  "OutboundGetJsonArguments": {
    "anyOf": [
      {
        "type": "object", "properties": {"maxBytes":{"type":"number"},"timeoutMs":{"type":"number"}},
        "additionalProperties": false,
      },
      {"wire":"undefined"},
    ],
  },
  "PartnerSignIn": {
    "type": "object",
    "properties": {"classes":{"type":"object","additionalProperties":{"type":"string"}},"clientId":{"type":"string"}},
    "required": ["classes","clientId"], "additionalProperties": false,
  },
  "PartyRole": {
    "enum": [
      "AllocationAgent", "ArrangingBroker", "Beneficiary", "ClearingClient", "ClearingFirm", "ClearingOrganization",
      "Client", "ClientDecisionMaker", "ConfirmationPlatform", "Custodian", "ExecutingBroker", "ExecutionFacility",
      "OrderTransmitter", "PrimeBroker", "ReportingParty", "SettlementAgent", "TradeRepository",
    ],
  },
  "PermittedIntent": {
    "type": "object",
    "properties": {
      "acr": {"type":"string"}, "at": {"type":"number"}, "authTime": {"type":"number"}, "device": {"type":"string"},
      "reached": {"type":"array","items":{"type":"string"}}, "record": {"type":"string"},
    },
    "required": ["at","reached","record"], "additionalProperties": false,
  },
  "ProtectedValue": {
    "anyOf": [
      {
        "type": "object",
        "properties": {
          "kind": {"enum":["personal","strategy"]}, "path": {"type":"string"}, "subject": {"type":"string"},
          "text": {"type":"string"},
        },
        "required": ["kind","path","subject","text"], "additionalProperties": false,
      },
      {
        "type": "object",
        "properties": {
          "kind": {"enum":["personal","strategy"]}, "path": {"type":"string"}, "subject": {"type":"string"},
          "value": {},
        },
        "required": ["kind","path","subject","value"], "additionalProperties": false,
      },
    ],
  },
  "RawLogEntry": {
    "type": "object", "properties": {"index":{"wire":"bigint"},"text":{"type":"string"}}, "required": ["index","text"],
    "additionalProperties": false,
  },
  "RecordDraft": {
    "type": "object",
    "properties": {
      "actors": {"type":"array","items":{"$ref":"#/$defs/Actor"}}, "address": {"type":"string"},
      "audience": {"type":"array","items":{"type":"string"}},
      "authentication": {"$ref":"#/$defs/EvidenceRecordAuthentication"},
      "certificate": {"$ref":"#/$defs/EvidenceRecordCertificate"}, "client": {"type":"string"}, "data": {},
      "dataText": {"type":"string"}, "device": {"type":"string"}, "id": {"type":"string"}, "intent": {"type":"string"},
      "mandate": {"$ref":"#/$defs/CallerMandate"}, "outcome": {"enum":["deny","done","permit"]},
      "partner": {"type":"string"}, "payload": {"type":"string"}, "policy": {"$ref":"#/$defs/EvidenceRecordPolicy"},
      "protectedValues": {"type":"array","items":{"$ref":"#/$defs/ProtectedValue"}}, "reason": {"type":"string"},
      "references": {"type":"array","items":{"type":"string"}}, "scope": {"type":"array","items":{"type":"string"}},
      "source": {"type":"string"}, "standing": {"type":"array","items":{"$ref":"#/$defs/Standing"}},
      "subject": {"$ref":"#/$defs/Actor"}, "transaction": {"type":"string"}, "type": {"$ref":"#/$defs/RecordType"},
      "zone": {"type":"string"},
    },
    "required": ["id","outcome","source","type"], "additionalProperties": false,
  },
  "RecordQuery": {
    "type": "object",
    "properties": {
      "after": {"wire":"bigint"}, "limit": {"type":"number"}, "transaction": {"type":"string"},
      "type": {"$ref":"#/$defs/RecordType"}, "types": {"type":"array","items":{"$ref":"#/$defs/RecordType"}},
      "withheld": {"const":true},
    },
    "additionalProperties": false,
  },
  "RecordReceipt": {
    "type": "object", "properties": {"id":{"type":"string"},"index":{"wire":"bigint"},"time":{"type":"string"}},
    "required": ["id","index","time"], "additionalProperties": false,
  },
  "RecordStreamQuery": {
    "type": "object",
    "properties": {
      "from": {"type":"number"}, "types": {"type":"array","items":{"$ref":"#/$defs/RecordType"}},
      "until": {"type":"number"}, "values": {"type":"array","items":{"type":"string"}},
    },
    "required": ["types","values"], "additionalProperties": false,
  },
  "RecordType": {
    "enum": [
      "access.refused", "account.locked", "account.unlocked", "application.entity_refused",
      "application.entity_removed", "application.entity_written", "approval.declined", "approval.given",
      "approval.refused", "approval.withdrawn", "authenticator.invitation-ended", "authenticator.invited",
      "authenticator.refused", "authenticator.registered", "authenticator.removed", "authenticator.renamed",
      "authenticator.suspected", "authorization.granted", "authorization.pushed", "authorization.refused",
      "backchannel.refused", "backchannel.requested", "certificate.denied", "certificate.issued",
      "certificate.list-signed", "certificate.refused", "certificate.revoked", "certificate.unaccounted",
      "client.dpop-key-changed", "client.key-aging", "client.refused", "client.registered", "clock.alarm",
      "clock.measured", "consent.denied", "consent.given", "decision.made", "decision.searched", "device.enrolled",
      "device.enrolment-opened", "device.posture-changed", "device.refused", "device.removed", "device.report-refused",
      "directory.applied", "directory.change-approved", "directory.change-proposed", "directory.change-rejected",
      "directory.committed", "directory.departure", "directory.departure-completed", "envelope.issued",
      "erasure.approved", "erasure.completed", "erasure.proposed", "erasure.rejected", "event.delivery-suspended",
      "event.subscribed", "event.unsubscribed", "evidence.exported", "evidence.read", "exception.overdue",
      "exception.raised", "exception.refused", "exception.resolved", "grant.changed", "grant.revoked", "hold.placed",
      "hold.released", "identity.accepted", "identity.refused", "incident.declared", "incident.ended",
      "incident.granted", "incident.lapsed", "incident.overdue", "incident.refused", "incident.reviewed",
      "key.published", "key.withdrawn", "limit.released", "log.opened", "log.pruned", "log.publication-resumed",
      "log.publication-stopped", "log.witness-alarm", "mandate.accepted", "mandate.amended",
      "mandate.amendment-proposed", "mandate.amendment-withdrawn", "mandate.consented", "mandate.copy-compared",
      "mandate.expired", "mandate.expiring", "mandate.proposed", "mandate.refused", "mandate.resumed",
      "mandate.revoked", "mandate.suspended", "notice.failed", "notice.sent", "partner.key-bound",
      "partner.key-refused", "partner.profile-registered", "pki.approved", "pki.proposed", "pki.rejected",
      "policy.diverged", "policy.proposed", "policy.published", "policy.refused", "policy.rejected", "policy.simulated",
      "provisioning-token.ended", "provisioning-token.issued", "recovery.approved", "recovery.cancelled",
      "recovery.completed", "recovery.credentials-ended", "recovery.expired", "recovery.invited", "recovery.opened",
      "recovery.refused", "retention.changed", "retention.proposed", "retention.pruning-approved", "retention.rejected",
      "revocation.lifted", "risk.cleared", "risk.raised", "row.rejected", "session.ended", "session.logout-notified",
      "session.refused", "session.started", "session.step-up-refused", "session.stepped-up",
      "signal.delivery-suspended", "signal.stream-changed", "source.alarm", "source.beat", "source.closed",
      "source.opened", "timestamp.issued", "timestamp.obtained", "timestamp.refused", "token.exchanged",
      "token.introspected", "token.issued", "token.refused", "token.revoked", "transaction.opened",
      "transaction.refused", "transaction.transitioned",
    ],
  },
  "RevocationTarget": {
    "anyOf": [
      {
        "type": "object", "properties": {"id":{"type":"string"},"kind":{"const":"client"}}, "required": ["id","kind"],
        "additionalProperties": false,
      },
      {
        "type": "object", "properties": {"id":{"type":"string"},"kind":{"const":"grant"}}, "required": ["id","kind"],
        "additionalProperties": false,
      },
      {
        "type": "object", "properties": {"id":{"type":"string"},"kind":{"const":"mandate"}}, "required": ["id","kind"],
        "additionalProperties": false,
      },
      {
        "type": "object", "properties": {"id":{"type":"string"},"kind":{"const":"partner"}}, "required": ["id","kind"],
        "additionalProperties": false,
      },
      {
        "type": "object", "properties": {"id":{"type":"string"},"kind":{"const":"principal"}},
        "required": ["id","kind"], "additionalProperties": false,
      },
      {
        "type": "object", "properties": {"id":{"type":"string"},"kind":{"const":"token"}}, "required": ["id","kind"],
        "additionalProperties": false,
      },
    ],
  },
  "ScanQuery": {
    "type": "object",
    "properties": {
      "after": {"wire":"bigint"}, "from": {"type":"number"}, "limit": {"type":"number"},
      "types": {"type":"array","items":{"$ref":"#/$defs/RecordType"}}, "until": {"type":"number"},
    },
    "required": ["limit","types"], "additionalProperties": false,
  },
  "Scope": {
    "enum": [
      "account:lock", "account:unlock", "allocation:approve", "allocation:giveup", "allocation:propose",
      "application:write", "audit:disclose", "audit:export", "audit:read", "authenticator:invite", "authenticator:read",
      "authenticator:revoke", "authority:approve", "authority:propose", "breakglass:read", "certificate:issue",
      "certificate:read", "certificate:revoke", "client:register", "collateral:approve", "collateral:transfer",
      "compliance:record", "decision:evaluate", "device:enrol", "device:read", "device:report", "directory:apply",
      "directory:approve", "directory:read", "erasure:approve", "erasure:propose", "event:read", "event:subscribe",
      "exception:read", "exception:resolve", "identity:provision", "identity:read", "key:revoke", "key:rotate",
      "legalhold:place", "legalhold:release", "mandate:grant", "mandate:read", "mandate:revoke", "margin:pledge",
      "margin:recall", "order:approve", "order:cancel", "order:create", "order:read", "partner:register",
      "policy:approve", "policy:propose", "policy:read", "policy:rollback", "recovery:open", "recovery:read",
      "reference:record", "report:correct", "report:read", "report:submit", "retention:approve", "retention:propose",
      "retention:read", "revocation:lift", "revocation:read", "rfq:accept", "rfq:create", "rfq:respond", "session:end",
      "session:read", "settlement:affirm", "settlement:cancel", "settlement:instruct", "settlement:read",
      "settlement:release", "signal:subscribe", "token:revoke", "trade:affirm", "trade:bust", "trade:read",
      "withdrawal-address:approve", "withdrawal-address:propose", "withdrawal-address:revoke", "withdrawal:approve",
      "withdrawal:release", "withdrawal:request",
    ],
  },
  "SignIn": {
    "type": "object",
    "properties": {
      "acr": {"type":"string"}, "amr": {"type":"array","items":{"type":"string"}}, "authTime": {"type":"number"},
      "authenticator": {"type":"string"}, "boundTo": {"type":"array","items":{"type":"string"}},
      "device": {"type":"string"}, "issuer": {"type":"string"}, "person": {"type":"string"},
      "session": {"type":"string"}, "tier": {"$ref":"#/$defs/Tier"},
    },
    "required": ["acr","amr","authTime","person","session","tier"], "additionalProperties": false,
  },
  "SignInNeed": {
    "type": "object",
    "properties": {
      "acrValues": {"type":"array","items":{"type":"string"}}, "intents": {"type":"array","items":{"type":"string"}},
      "loginHint": {"type":"string"}, "notBefore": {"type":"number"}, "reason": {"type":"string"},
      "tier": {"$ref":"#/$defs/Tier"},
    },
    "required": ["acrValues"], "additionalProperties": false,
  },
  "SignedStatement": {
    "type": "object",
    "properties": {
      "authenticator": {"$ref":"#/$defs/Authenticator"}, "claims": {"$ref":"#/$defs/StatementClaims"},
      "signature": {"$ref":"#/$defs/WebAuthnSignature"},
    },
    "required": ["authenticator","claims","signature"], "additionalProperties": false,
  },
  "Standing": {
    "type": "object", "properties": {"digest":{"type":"string"},"of":{"type":"string"}}, "required": ["of"],
    "additionalProperties": false,
  },
  "StandingRecord": {
    "type": "object", "properties": {"digest":{"type":"string"},"index":{"wire":"bigint"},"record":{"type":"string"}},
    "required": ["index","record"], "additionalProperties": false,
  },
  "StandingThing": {
    "type": "object",
    "properties": {
      "digest": {"type":"string"}, "index": {"wire":"bigint"}, "of": {"type":"string"}, "record": {"type":"string"},
    },
    "required": ["index","of","record"], "additionalProperties": false,
  },
  "StatementClaims": {
    "type": "object",
    "properties": {
      "exp": {"type":"number"}, "iat": {"type":"number"}, "iss": {"type":"string"}, "jti": {"type":"string"},
      "typ": {"type":"string"},
    },
    "required": ["exp","iat","iss","jti","typ"], "additionalProperties": {},
  },
  "StreamedEntity": {
    "type": "object",
    "properties": {"document":{},"id":{"type":"string"},"kind":{"type":"string"},"record":{"type":"string"}},
    "required": ["document","id","kind"], "additionalProperties": false,
  },
  "StreamedPosture": {
    "type": "object",
    "properties": {
      "device": {"type":"string"}, "failed": {"type":"array","items":{"type":"string"}},
      "institution": {"type":"string"}, "posture": {"enum":["compliant","failing"]}, "postureAt": {"type":"string"},
      "sealed": {"type":"boolean"}, "source": {"type":"string"},
    },
    "required": ["device","failed","institution","posture","postureAt","sealed","source"],
    "additionalProperties": false,
  },
  "Tier": {"enum":["administration","approval","market-data","order-entry","research"]},
  "TokenDetail": {
    "anyOf": [
      {"$ref":"#/$defs/ApplicationDetail"}, {"$ref":"#/$defs/GrantedStep"}, {"$ref":"#/$defs/AuthorizationDetail2"},
      {"$ref":"#/$defs/AuthorizationDetail3"}, {"$ref":"#/$defs/AuthorizationDetail4"},
      {"$ref":"#/$defs/AuthorizationDetail5"}, {"$ref":"#/$defs/AuthorizationDetail6"},
      {"$ref":"#/$defs/AuthorizationDetail7"}, {"$ref":"#/$defs/AuthorizationDetail8"},
      {"$ref":"#/$defs/AuthorizationDetail9"}, {"$ref":"#/$defs/AuthorizationDetail10"},
      {"$ref":"#/$defs/AuthorizationDetail11"},
    ],
  },
  "TradeOrderAction": {"enum":["amend","cancel","clear","create","execute","settle"]},
  "TransactionEvent": {
    "enum": [
      "accept", "acknowledge", "activate", "affirm", "apply", "approve", "cancel", "clear", "confirm", "correct",
      "decline", "execute", "expire", "fail", "give-up", "instruct", "pledge", "propose", "quote", "recall", "reject",
      "release", "request", "revoke", "settle", "submit", "transfer",
    ],
  },
  "TransactionFacts": {
    "type": "object",
    "properties": {
      "agreementKnown": {"type":"boolean"}, "approvals": {"$ref":"#/$defs/ApprovalViewApprovals"},
      "carriedBy": {"type":"string"}, "completingScopes": {"type":"array","items":{"type":"string"}},
      "destinationKnown": {"type":"boolean"}, "id": {"type":"string"}, "initiator": {"type":"string"},
      "initiatorInstitution": {"type":"string"}, "intent": {"type":"object","additionalProperties":{}},
      "intentDigest": {"type":"string"}, "intentType": {"type":"string"}, "mandate": {"$ref":"#/$defs/CallerMandate"},
      "permitted": {"$ref":"#/$defs/PermittedIntent"}, "receivers": {"type":"array","items":{"type":"string"}},
      "state": {"type":"string"}, "tradeKnown": {"type":"boolean"}, "tradedInstrument": {"type":"string"},
      "version": {"type":"number"},
    },
    "required": [
      "approvals", "id", "initiator", "initiatorInstitution", "intent", "intentDigest", "intentType", "mandate",
      "state", "version",
    ],
    "additionalProperties": false,
  },
  "TransactionState": {
    "enum": [
      "accepted", "acknowledged", "active", "affirmed", "applied", "approved", "cancelled", "cleared", "confirmed",
      "declined", "executed", "expired", "failed", "given-up", "instructed", "intended", "pledged", "proposed",
      "quoted", "rejected", "released", "requested", "returned", "revoked", "settled", "submitted", "transferred",
    ],
  },
  "TrustProfile": {
    "type": "object",
    "properties": {
      "acrValues": {"type":"array","items":{"type":"string"}},
      "algorithms": {"type":"array","items":{"enum":["ES256","EdDSA","PS256"]}}, "id": {"type":"string"},
      "institution": {"type":"string"}, "issuer": {"type":"string"}, "jwksUri": {"type":"string"},
      "maxAuthenticationAgeSeconds": {"type":"number"}, "maxLifetimeSeconds": {"type":"number"},
      "recordId": {"type":"string"}, "requiredClaims": {"type":"array","items":{"type":"string"}},
      "signIn": {"$ref":"#/$defs/PartnerSignIn"}, "suspended": {"const":true}, "version": {"type":"number"},
    },
    "required": [
      "acrValues", "algorithms", "id", "institution", "issuer", "jwksUri", "maxAuthenticationAgeSeconds",
      "maxLifetimeSeconds", "recordId", "requiredClaims", "version",
    ],
    "additionalProperties": false,
  },
  "WaitingTransaction": {
    "type": "object",
    "properties": {
      "roles": {"type":"array","items":{"$ref":"#/$defs/ApproverRole"}}, "view": {"$ref":"#/$defs/ApprovalView"},
    },
    "required": ["roles","view"], "additionalProperties": false,
  },
  "WebAuthnSignature": {
    "type": "object",
    "properties": {
      "authenticator_data": {"type":"string"}, "client_data_json": {"type":"string"},
      "credential_id": {"type":"string"}, "origin": {"type":"string"}, "rp_id": {"type":"string"},
      "signature": {"type":"string"},
    },
    "required": ["authenticator_data","client_data_json","credential_id","origin","rp_id","signature"],
    "additionalProperties": false,
  },
};

/** Arguments and answer of every call. */
export const callSchemas: CallSchemas = {
  "access": {
    "checkAccess": {"arguments":{"$ref":"#/$defs/AccessCheckAccessArguments"},"answer":{"$ref":"#/$defs/Caller"}},
    "checkLastingAccess": {
      "arguments": {"$ref":"#/$defs/AccessCheckAccessArguments"}, "answer": {"$ref":"#/$defs/LastingCaller"},
    },
    "tokenStands": {
      "arguments": {
        "type": "array", "prefixItems": [{"type":"string"},{"$ref":"#/$defs/LastingToken"}], "minItems": 2,
        "items": false,
      },
      "answer": {"type":"boolean"},
    },
  },
  "audit-log": {
    "append": {
      "arguments": {"type":"array","prefixItems":[{"$ref":"#/$defs/RecordDraft"}],"minItems":1,"items":false},
      "answer": {"$ref":"#/$defs/RecordReceipt"},
    },
    "count": {
      "arguments": {
        "type": "array",
        "prefixItems": [
          {
            "type": "object",
            "properties": {
              "from": {"type":"number"}, "types": {"type":"array","items":{"$ref":"#/$defs/RecordType"}},
              "until": {"type":"number"},
            },
            "required": ["types"], "additionalProperties": false,
          },
        ],
        "minItems": 1, "items": false,
      },
      "answer": {"type":"number"},
    },
    "find": {
      "arguments": {"type":"array","prefixItems":[{"type":"string"}],"minItems":1,"items":false},
      "answer": {"anyOf":[{"$ref":"#/$defs/LogEntry"},{"wire":"undefined"}]},
    },
    "lastUnder": {
      "arguments": {"$ref":"#/$defs/AuditLogLastUnderArguments"},
      "answer": {"wire":"map","keys":{"type":"string"},"values":{"$ref":"#/$defs/StandingThing"}},
    },
    "newest": {
      "arguments": {
        "type": "array", "prefixItems": [{"type":"array","items":{"$ref":"#/$defs/RecordType"}}], "minItems": 1,
        "items": false,
      },
      "answer": {"wire":"bigint"},
    },
    "query": {
      "arguments": {"type":"array","prefixItems":[{"$ref":"#/$defs/EvidenceQuery"}],"minItems":1,"items":false},
      "answer": {"type":"array","items":{"$ref":"#/$defs/LogEntry"}},
    },
    "scan": {
      "arguments": {"type":"array","prefixItems":[{"$ref":"#/$defs/ScanQuery"}],"minItems":1,"items":false},
      "answer": {"type":"array","items":{"$ref":"#/$defs/RawLogEntry"}},
    },
    "search": {
      "arguments": {"type":"array","prefixItems":[{"$ref":"#/$defs/RecordQuery"}],"minItems":1,"items":false},
      "answer": {"type":"array","items":{"$ref":"#/$defs/LogEntry"}},
    },
    "standings": {
      "arguments": {"$ref":"#/$defs/AuditLogLastUnderArguments"},
      "answer": {"wire":"map","keys":{"type":"string"},"values":{"$ref":"#/$defs/StandingRecord"}},
    },
    "standingsUnder": {
      "arguments": {
        "type": "array",
        "prefixItems": [
          {"type":"string"},
          {
            "type": "object", "properties": {"after":{"type":"string"},"limit":{"type":"number"}},
            "required": ["limit"], "additionalProperties": false,
          },
        ],
        "minItems": 2, "items": false,
      },
      "answer": {
        "type": "object",
        "properties": {"next":{"type":"string"},"things":{"type":"array","items":{"$ref":"#/$defs/StandingThing"}}},
        "required": ["things"], "additionalProperties": false,
      },
    },
  },
  "authentication": {
    "begin": {
      "arguments": {
        "type": "array",
        "prefixItems": [
          {
            "type": "object",
            "properties": {
              "address": {"type":"string"}, "clientName": {"type":"string"},
              "continuesTo": {"type":"array","items":{"type":"string"}}, "need": {"$ref":"#/$defs/SignInNeed"},
              "returnTo": {"type":"string"},
            },
            "required": ["clientName","need","returnTo"], "additionalProperties": false,
          },
        ],
        "minItems": 1, "items": false,
      },
      "answer": {"type":"string"},
    },
    "current": {
      "arguments": {
        "type": "array",
        "prefixItems": [
          {"anyOf":[{"type":"string"},{"wire":"undefined"}]},
          {
            "anyOf": [
              {
                "type": "object",
                "properties": {"intents":{"type":"array","items":{"type":"string"}},"tier":{"$ref":"#/$defs/Tier"}},
                "additionalProperties": false,
              },
              {"wire":"undefined"},
            ],
          },
        ],
        "minItems": 1, "items": false,
      },
      "answer": {"anyOf":[{"$ref":"#/$defs/SignIn"},{"wire":"undefined"}]},
    },
    "endAllOf": {
      "arguments": {
        "type": "array",
        "prefixItems": [{"type":"string"},{"type":"string"},{"anyOf":[{"$ref":"#/$defs/Actor"},{"wire":"undefined"}]}],
        "minItems": 2, "items": false,
      },
      "answer": {"type":"number"},
    },
  },
  "authenticators": {
    "invitersOf": {
      "arguments": {"type":"array","prefixItems":[{"type":"string"}],"minItems":1,"items":false},
      "answer": {"type":"array","items":{"type":"string"}},
    },
    "isLocked": {
      "arguments": {"type":"array","prefixItems":[{"type":"string"}],"minItems":1,"items":false},
      "answer": {"type":"boolean"},
    },
    "of": {
      "arguments": {"type":"array","prefixItems":[{"type":"string"}],"minItems":1,"items":false},
      "answer": {"type":"array","items":{"$ref":"#/$defs/Authenticator"}},
    },
  },
  "authenticators-departure": {
    "end": {
      "arguments": {"$ref":"#/$defs/AuthenticatorsDepartureEndArguments"},
      "answer": {"$ref":"#/$defs/AuthenticatorsDepartureEndAnswer"},
    },
  },
  "authority-proposals": {
    "endProposalsOf": {
      "arguments": {"$ref":"#/$defs/AuthorityProposalsEndProposalsOfArguments"}, "answer": {"type":"number"},
    },
  },
  "authorization-server": {
    "revoke": {
      "arguments": {
        "type": "array",
        "prefixItems": [{"$ref":"#/$defs/RevocationTarget"},{"$ref":"#/$defs/Actor"},{"type":"string"}], "minItems": 3,
        "items": false,
      },
      "answer": {"wire":"undefined"},
    },
  },
  "certificate-authority-keys": {
    "listKeys": {
      "arguments": {"type":"array","items":false}, "answer": {"type":"array","items":{"$ref":"#/$defs/ListedKey"}},
    },
  },
  "certificates-departure": {
    "end": {
      "arguments": {"$ref":"#/$defs/AuthenticatorsDepartureEndArguments"},
      "answer": {"$ref":"#/$defs/AuthenticatorsDepartureEndAnswer"},
    },
  },
  "configured-requests": {
    "exchangeFor": {
      "arguments": {
        "type": "array",
        "prefixItems": [
          {"type":["null","string"]}, {"type":"string"},
          {
            "type": "object",
            "properties": {
              "accept": {"type":"string"}, "authorization": {"type":"string"}, "body": {"wire":"bytes"},
              "contentType": {"type":"string"}, "maxBytes": {"type":"number"}, "plainHttp": {"type":"boolean"},
              "timeoutMs": {"type":"number"},
            },
            "required": ["body","contentType"], "additionalProperties": false,
          },
        ],
        "minItems": 3, "items": false,
      },
      "answer": {
        "type": "object",
        "properties": {"body":{"wire":"bytes"},"contentType":{"type":"string"},"status":{"type":"number"}},
        "required": ["body","status"], "additionalProperties": false,
      },
    },
    "getFor": {
      "arguments": {
        "type": "array",
        "prefixItems": [
          {"type":["null","string"]}, {"type":"string"},
          {
            "type": "object",
            "properties": {"maxBytes":{"type":"number"},"plainHttp":{"type":"boolean"},"timeoutMs":{"type":"number"}},
            "additionalProperties": false,
          },
        ],
        "minItems": 3, "items": false,
      },
      "answer": {"wire":"bytes"},
    },
  },
  "consent-store": {
    "check": {
      "arguments": {"type":"array","prefixItems":[{"$ref":"#/$defs/MandateQuestion"}],"minItems":1,"items":false},
      "answer": {"$ref":"#/$defs/MandateAnswer"},
    },
    "find": {
      "arguments": {"type":"array","prefixItems":[{"type":"string"}],"minItems":1,"items":false},
      "answer": {"anyOf":[{"$ref":"#/$defs/Mandate"},{"wire":"undefined"}]},
    },
    "list": {
      "arguments": {"type":"array","prefixItems":[{"$ref":"#/$defs/MandateListing"}],"minItems":1,"items":false},
      "answer": {"type":"array","items":{"$ref":"#/$defs/Mandate"}},
    },
    "withDescendants": {
      "arguments": {"type":"array","prefixItems":[{"type":"string"}],"minItems":1,"items":false},
      "answer": {"type":"array","items":{"type":"string"}},
    },
  },
  "core-keys": {
    "listKeys": {
      "arguments": {"type":"array","items":false}, "answer": {"type":"array","items":{"$ref":"#/$defs/ListedKey"}},
    },
  },
  "devices-departure": {
    "end": {
      "arguments": {"$ref":"#/$defs/AuthenticatorsDepartureEndArguments"},
      "answer": {"$ref":"#/$defs/AuthenticatorsDepartureEndAnswer"},
    },
  },
  "directory": {
    "changesSince": {
      "arguments": {
        "type": "array",
        "prefixItems": [
          {
            "type": "object",
            "properties": {
              "after": {"type":"string"}, "limit": {"type":"number"}, "since": {"type":"number"},
              "waitMs": {"type":"number"},
            },
            "additionalProperties": false,
          },
        ],
        "minItems": 1, "items": false,
      },
      "answer": {"$ref":"#/$defs/DirectoryPage"},
    },
    "clientDocument": {
      "arguments": {"type":"array","prefixItems":[{"type":"string"}],"minItems":1,"items":false},
      "answer": {"anyOf":[{"type":"object","additionalProperties":{}},{"wire":"undefined"}]},
    },
    "edit": {
      "arguments": {
        "type": "array",
        "prefixItems": [
          {"$ref":"#/$defs/DirectoryEdit"}, {"$ref":"#/$defs/Actor"},
          {
            "anyOf": [
              {
                "type": "object",
                "properties": {
                  "expected": {"type":"array","items":{"$ref":"#/$defs/ExpectedEntity"}},
                  "expectedVersion": {"type":"number"}, "mayGive": {"wire":"set","items":{"type":"string"}},
                  "reason": {"type":"string"},
                },
                "additionalProperties": false,
              },
              {"wire":"undefined"},
            ],
          },
        ],
        "minItems": 2, "items": false,
      },
      "answer": {
        "type": "object",
        "properties": {
          "changes": {"type":"array","items":{"$ref":"#/$defs/DirectoryChange"}}, "version": {"type":"number"},
        },
        "required": ["changes","version"], "additionalProperties": false,
      },
    },
    "plan": {
      "arguments": {
        "type": "array",
        "prefixItems": [
          {},
          {
            "anyOf": [
              {
                "type": "object", "properties": {"prune":{"type":"boolean"},"values":{"type":"boolean"}},
                "additionalProperties": false,
              },
              {"wire":"undefined"},
            ],
          },
        ],
        "minItems": 1, "items": false,
      },
      "answer": {"type":"array","items":{"$ref":"#/$defs/DirectoryChange"}},
    },
  },
  "egress-keys": {
    "listKeys": {
      "arguments": {"type":"array","items":false}, "answer": {"type":"array","items":{"$ref":"#/$defs/ListedKey"}},
    },
  },
  "evidence-keys": {
    "listKeys": {
      "arguments": {"type":"array","items":false}, "answer": {"type":"array","items":{"$ref":"#/$defs/ListedKey"}},
    },
  },
  "federation-gateway": {
    "acceptAssertion": {
      "arguments": {
        "type": "array",
        "prefixItems": [{"type":"string"},{"type":"string"},{"anyOf":[{"type":"string"},{"wire":"undefined"}]}],
        "minItems": 2, "items": false,
      },
      "answer": {"$ref":"#/$defs/FederatedIdentity"},
    },
  },
  "grants": {
    "change": {
      "arguments": {
        "type": "array",
        "prefixItems": [
          {"type":"string"}, {"enum":["merge","replace"]}, {"$ref":"#/$defs/GrantProposal"},
          {"$ref":"#/$defs/DecidedRequest"},
        ],
        "minItems": 4, "items": false,
      },
      "answer": {"$ref":"#/$defs/Grant"},
    },
    "deny": {
      "arguments": {
        "type": "array",
        "prefixItems": [
          {
            "type": "object",
            "properties": {
              "acr": {"type":"string"}, "amr": {"type":"array","items":{"type":"string"}},
              "applicationDetails": {"type":"array","items":{"$ref":"#/$defs/ApplicationDetail"}},
              "authTime": {"type":"number"}, "boundTo": {"type":"array","items":{"type":"string"}},
              "client": {"type":"string"}, "details": {"type":"array","items":{"$ref":"#/$defs/AuthorizationDetail"}},
              "institution": {"type":"string"}, "resources": {"type":"array","items":{"type":"string"}},
              "scopes": {"$ref":"#/$defs/GrantScopes"}, "session": {"type":"string"}, "subject": {"type":"string"},
            },
            "required": ["acr","amr","authTime","client","details","institution","resources","scopes","subject"],
            "additionalProperties": false,
          },
          {"$ref":"#/$defs/DecidedRequest"},
        ],
        "minItems": 2, "items": false,
      },
      "answer": {"type":"string"},
    },
    "find": {
      "arguments": {"type":"array","prefixItems":[{"type":"string"}],"minItems":1,"items":false},
      "answer": {"anyOf":[{"$ref":"#/$defs/Grant"},{"wire":"undefined"}]},
    },
    "give": {
      "arguments": {
        "type": "array", "prefixItems": [{"$ref":"#/$defs/GrantProposal"},{"$ref":"#/$defs/DecidedRequest"}],
        "minItems": 2, "items": false,
      },
      "answer": {"$ref":"#/$defs/Grant"},
    },
    "list": {
      "arguments": {
        "type": "array",
        "prefixItems": [
          {
            "type": "object",
            "properties": {
              "after": {"type":"string"}, "client": {"type":"string"}, "endingAfter": {"type":"number"},
              "institution": {"type":"string"}, "limit": {"type":"number"}, "status": {"enum":["active","revoked"]},
              "subject": {"type":"string"},
            },
            "additionalProperties": false,
          },
        ],
        "minItems": 1, "items": false,
      },
      "answer": {"type":"array","items":{"$ref":"#/$defs/Grant"}},
    },
    "revoke": {
      "arguments": {
        "type": "array", "prefixItems": [{"type":"string"},{"$ref":"#/$defs/Actor"},{"type":"string"}], "minItems": 3,
        "items": false,
      },
      "answer": {"$ref":"#/$defs/Grant"},
    },
    "revokeAll": {
      "arguments": {
        "type": "array", "prefixItems": [{"$ref":"#/$defs/GrantsOf"},{"$ref":"#/$defs/Actor"},{"type":"string"}],
        "minItems": 3, "items": false,
      },
      "answer": {"type":"number"},
    },
  },
  "notices": {
    "notify": {
      "arguments": {
        "type": "array",
        "prefixItems": [
          {
            "type": "object",
            "properties": {
              "facts": {"type":"object","additionalProperties":{"type":"string"}}, "id": {"type":"string"},
              "kind": {"$ref":"#/$defs/NoticeKind"}, "text": {"type":"string"},
              "to": {
                "type": ["object","string"], "properties": {"institution":{"type":"string"},"role":{"type":"string"}},
                "required": ["institution","role"], "additionalProperties": false,
              },
            },
            "required": ["id","kind","text","to"], "additionalProperties": false,
          },
        ],
        "minItems": 1, "items": false,
      },
      "answer": {"wire":"undefined"},
    },
  },
  "outbound": {
    "getJson": {
      "arguments": {
        "type": "array", "prefixItems": [{"type":"string"},{"$ref":"#/$defs/OutboundGetJsonArguments"}], "minItems": 1,
        "items": false,
      },
      "answer": {},
    },
    "post": {
      "arguments": {
        "type": "array",
        "prefixItems": [
          {"type":"string"},
          {
            "type": "object",
            "properties": {
              "authorization": {"type":"string"}, "body": {"type":"string"},
              "contentType": {
                "enum": [
                  "application/cloudevents+json", "application/json", "application/secevent+jwt",
                  "application/x-www-form-urlencoded",
                ],
              },
              "headers": {
                "type": "object",
                "properties": {
                  "content-digest": {"type":"string"}, "signature": {"type":"string"},
                  "signature-input": {"type":"string"},
                },
                "additionalProperties": false,
              },
              "timeoutMs": {"type":"number"},
            },
            "required": ["body","contentType"], "additionalProperties": false,
          },
        ],
        "minItems": 2, "items": false,
      },
      "answer": {
        "type": "object", "properties": {"status":{"type":"number"}}, "required": ["status"],
        "additionalProperties": false,
      },
    },
    "postForm": {
      "arguments": {
        "type": "array",
        "prefixItems": [
          {"type":"string"}, {"type":"object","additionalProperties":{"type":"string"}},
          {"$ref":"#/$defs/OutboundGetJsonArguments"},
        ],
        "minItems": 2, "items": false,
      },
      "answer": {
        "type": "object", "properties": {"body":{},"status":{"type":"number"}}, "required": ["status"],
        "additionalProperties": false,
      },
    },
  },
  "policy-engine": {
    "decide": {
      "arguments": {"type":"array","prefixItems":[{"$ref":"#/$defs/DecisionInput"}],"minItems":1,"items":false},
      "answer": {"$ref":"#/$defs/Decision"},
    },
    "declaredDetailTypes": {
      "arguments": {
        "type": "array",
        "prefixItems": [{"type":"object","properties":{"since":{"type":"number"}},"additionalProperties":false}],
        "minItems": 1, "items": false,
      },
      "answer": {
        "type": "object",
        "properties": {"models":{"type":"array","items":{"$ref":"#/$defs/DeclaringModel"}},"version":{"type":"number"}},
        "required": ["version"], "additionalProperties": false,
      },
    },
  },
  "postures": {
    "posturesOf": {
      "arguments": {"$ref":"#/$defs/AuditLogLastUnderArguments"},
      "answer": {"type":"array","items":{"$ref":"#/$defs/StreamedPosture"}},
    },
    "posturesSince": {
      "arguments": {
        "type": "array",
        "prefixItems": [
          {
            "type": "object", "properties": {"after":{"wire":"bigint"},"limit":{"type":"number"}},
            "required": ["after","limit"], "additionalProperties": false,
          },
        ],
        "minItems": 1, "items": false,
      },
      "answer": {
        "type": "object",
        "properties": {
          "newest": {"wire":"bigint"}, "postures": {"type":"array","items":{"$ref":"#/$defs/StreamedPosture"}},
        },
        "required": ["newest","postures"], "additionalProperties": false,
      },
    },
  },
  "record-pages": {
    "closePages": {
      "arguments": {"type":"array","prefixItems":[{"type":"string"}],"minItems":1,"items":false},
      "answer": {"wire":"undefined"},
    },
    "nextPage": {
      "arguments": {"type":"array","prefixItems":[{"type":"string"}],"minItems":1,"items":false},
      "answer": {"$ref":"#/$defs/FromRecordPages"},
    },
    "openPages": {
      "arguments": {"type":"array","prefixItems":[{"$ref":"#/$defs/RecordStreamQuery"}],"minItems":1,"items":false},
      "answer": {"type":"string"},
    },
  },
  "recovery-departure": {
    "end": {
      "arguments": {"$ref":"#/$defs/AuthenticatorsDepartureEndArguments"},
      "answer": {"$ref":"#/$defs/AuthenticatorsDepartureEndAnswer"},
    },
  },
  "retention-proposals": {
    "endProposalsOf": {
      "arguments": {"$ref":"#/$defs/AuthorityProposalsEndProposalsOfArguments"}, "answer": {"type":"number"},
    },
  },
  "statements": {
    "ask": {
      "arguments": {
        "type": "array",
        "prefixItems": [
          {
            "type": "object",
            "properties": {
              "acrValues": {"type":"array","items":{"type":"string"}}, "claims": {"$ref":"#/$defs/StatementClaims"},
              "lifeSeconds": {"type":"number"}, "person": {"type":"string"},
            },
            "required": ["claims","person"], "additionalProperties": false,
          },
        ],
        "minItems": 1, "items": false,
      },
      "answer": {"$ref":"#/$defs/AskedStatement"},
    },
    "consume": {
      "arguments": {
        "type": "array",
        "prefixItems": [
          {
            "type": "object", "properties": {"credential":{},"handle":{"type":"string"},"person":{"type":"string"}},
            "required": ["person"], "additionalProperties": false,
          },
        ],
        "minItems": 1, "items": false,
      },
      "answer": {"$ref":"#/$defs/SignedStatement"},
    },
  },
  "transaction-registry": {
    "countsAgainstLimits": {
      "arguments": {"type":"array","prefixItems":[{"type":"string"}],"minItems":1,"items":false},
      "answer": {"anyOf":[{"type":"boolean"},{"wire":"undefined"}]},
    },
    "facts": {
      "arguments": {"type":"array","prefixItems":[{"type":"string"}],"minItems":1,"items":false},
      "answer": {"anyOf":[{"$ref":"#/$defs/TransactionFacts"},{"wire":"undefined"}]},
    },
    "open": {
      "arguments": {
        "type": "array",
        "prefixItems": [
          {
            "type": "object",
            "properties": {
              "client": {"type":"string"}, "detail": {"$ref":"#/$defs/AuthorizationDetail"},
              "initiator": {"$ref":"#/$defs/Actor"},
              "mandate": {
                "type": "object",
                "properties": {"id":{"type":"string"},"recordId":{"type":"string"},"version":{"type":"number"}},
                "required": ["id","recordId","version"], "additionalProperties": false,
              },
            },
            "required": ["client","detail","initiator","mandate"], "additionalProperties": false,
          },
        ],
        "minItems": 1, "items": false,
      },
      "answer": {"$ref":"#/$defs/OpenedTransaction"},
    },
    "parties": {
      "arguments": {"type":"array","prefixItems":[{"type":"string"}],"minItems":1,"items":false},
      "answer": {"type":"array","items":{"type":"string"}},
    },
    "stepsOf": {
      "arguments": {"type":"array","prefixItems":[{"type":"string"},{"type":"string"}],"minItems":2,"items":false},
      "answer": {
        "anyOf": [
          {
            "type": "array",
            "items": {
              "type": "object",
              "properties": {"event":{"$ref":"#/$defs/TransactionEvent"},"scope":{"$ref":"#/$defs/Scope"}},
              "required": ["event","scope"], "additionalProperties": false,
            },
          },
          {"wire":"undefined"},
        ],
      },
    },
    "waitingFor": {
      "arguments": {
        "type": "array",
        "prefixItems": [{"type":"string"},{"anyOf":[{"type":"array","items":{"type":"string"}},{"wire":"undefined"}]}],
        "minItems": 1, "items": false,
      },
      "answer": {
        "type": "object",
        "properties": {
          "more": {"type":"boolean"}, "waiting": {"type":"array","items":{"$ref":"#/$defs/WaitingTransaction"}},
        },
        "required": ["more","waiting"], "additionalProperties": false,
      },
    },
  },
  "trust-registry": {
    "profileOf": {
      "arguments": {"type":"array","prefixItems":[{"type":"string"}],"minItems":1,"items":false},
      "answer": {"anyOf":[{"$ref":"#/$defs/TrustProfile"},{"wire":"undefined"}]},
    },
  },
};
